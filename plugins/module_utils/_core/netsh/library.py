# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a script has created so far: filter lists and filter actions, which rules share, and policies with rules."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import DEFAULT_SECURITY_METHODS, Action, AuthMethod, DnsName, Filter, HostAddress, Rule, SecurityMethod
from ..model.wanted import Wanted, WantedDefaultResponse, WantedMainMode, WantedRule
from ..shape.arguments import absence_arguments, policy_arguments
from ..shape.render import Tree
from ..source.text import Text
from ..store.casing import fold
from .methods import with_pfs
from .values import read_name


@dataclasses.dataclass(slots=True)
class ScriptFilterList:
    """`filters` maps each filter without its description to the filter. `users` counts the rules with this list."""

    name: str
    filters: dict[Filter, Filter] = dataclasses.field(default_factory=dict)
    users: int = 0


@dataclasses.dataclass(slots=True, kw_only=True)
class ScriptFilterAction:
    """What was not given is None. `users` is the number of rules with this action."""

    name: str
    action: Action = Action.NEGOTIATE
    methods: tuple[SecurityMethod, ...] | None = None
    pfs: bool | None = None
    inpass: bool | None = None
    soft: bool | None = None
    users: int = 0

    @property
    def ignored(self) -> bool:
        """Whether an argument was given that only negotiate uses. netsh accepts it for other actions, too."""
        return self.action is not Action.NEGOTIATE and bool(self.methods or self.pfs or self.inpass or self.soft)


@dataclasses.dataclass(slots=True, kw_only=True)
class ScriptRule:
    """`place` is where its filter list was given, `tunnel_place` where its tunnel was. What was not given is None."""

    name: str
    place: Text
    filter_list: ScriptFilterList
    filter_action: ScriptFilterAction
    tunnel: HostAddress | DnsName | None = None
    tunnel_place: Text | None = None
    authentication: tuple[AuthMethod, ...] | None = None
    connection_type: str | None = None
    enabled: bool | None = None
    description: str | None = None

    def count(self, number: int) -> None:
        """Count the rule as one more (or less, with -1) user of its list and its action."""
        self.filter_list.users += number
        self.filter_action.users += number

    def whole(self) -> Rule:
        """The rule of the model. Raises `SourceError`."""
        filters = tuple(self.filter_list.filters.values())
        if not filters:
            raise self.place.error(
                0, "this filter list has no filters at the end of the script; a rule needs at least one"
            )
        if self.tunnel_place is not None:
            if self.filter_action.action is not Action.NEGOTIATE:
                raise self.tunnel_place.error(
                    0, f"a tunnel negotiates security, but the action of this rule is {self.filter_action.action}"
                )
            if any(filter_.mirrored for filter_ in filters):
                raise self.tunnel_place.error(
                    0,
                    "a tunnel needs one-way filters: use mirrored=no in each 'add filter' of the list, and a second "
                    "rule for the other direction, with its own list and its own tunnel=",
                )
        action = self.filter_action
        negotiates = action.action is Action.NEGOTIATE
        wanted = WantedRule(
            name=self.name,
            filters=filters,
            action=action.action,
            methods=_methods(action.methods, action.pfs) if negotiates else None,
            inpass=action.inpass if negotiates else None,
            soft=action.soft if negotiates else None,
            authentication=self.authentication,
            tunnel=self.tunnel,
            connection_type=self.connection_type,
            enabled=self.enabled,
            description=self.description,
            filter_list=self.filter_list.name,
            filter_action=action.name,
        )
        return self.place.at(wanted.whole)


@dataclasses.dataclass(slots=True, kw_only=True)
class DefaultRule:
    """The default response rule. What was not given is None."""

    enabled: bool | None = None
    methods: tuple[SecurityMethod, ...] | None = None
    pfs: bool | None = None
    authentication: tuple[AuthMethod, ...] | None = None

    def wanted(self) -> WantedDefaultResponse | None:
        if self == DefaultRule():
            return None
        return WantedDefaultResponse(self.enabled is not False, _methods(self.methods, self.pfs), self.authentication)


@dataclasses.dataclass(slots=True, kw_only=True)
class ScriptPolicy:
    """`made` says that the script creates it, `exact` that its rules are all that it has, `deleted` where the script
    deletes it, `replaced` where it deletes a stored policy with the same name before it creates this one.

    What was not given is None. `dropped` has the names, with their places, of stored rules that the script deletes; a
    rule that it adds with the same name replaces one.
    """

    name: str
    made: bool
    exact: bool
    deleted: Text | None = None
    replaced: Text | None = None
    description: str | None = None
    assigned: bool | None = None
    poll_interval: int | None = None
    main_mode: WantedMainMode = dataclasses.field(default_factory=WantedMainMode)
    default_rule: DefaultRule = dataclasses.field(default_factory=DefaultRule)
    rules: dict[str, ScriptRule] = dataclasses.field(default_factory=dict)
    dropped: dict[str, Text] = dataclasses.field(default_factory=dict)

    def clear(self) -> None:
        for rule in self.rules.values():
            rule.count(-1)
        self.rules.clear()
        self.dropped.clear()

    def arguments(self) -> Tree:
        """The arguments of a task. Raises `SourceError`."""
        if self.deleted is not None:
            return absence_arguments(self.name)
        for name, place in self.dropped.items():
            if name not in self.rules:
                raise place.error(
                    0,
                    "the script does not create this rule; to delete a stored rule, use ipsec_rule with "
                    "'state: absent'",
                )
        wanted = Wanted(
            name=self.name,
            description=self.description,
            assigned=self.assigned,
            poll_interval=self.poll_interval,
            main_mode=None if self.main_mode == WantedMainMode() else self.main_mode,
            default_response=self.default_rule.wanted(),
            rules=tuple(rule.whole() for rule in self.rules.values()) if self.exact or self.rules else None,
        )
        return policy_arguments(wanted, self.exact)


def _methods(methods: tuple[SecurityMethod, ...] | None, pfs: bool | None) -> tuple[SecurityMethod, ...] | None:
    """The methods with PFS as given, which is for all of them; without methods, for the defaults."""
    return None if methods is None and not pfs else with_pfs(methods or DEFAULT_SECURITY_METHODS, bool(pfs))


_Shared = t.TypeVar("_Shared", ScriptFilterList, ScriptFilterAction)


class Shelf(t.Generic[_Shared]):
    """The filter lists or the filter actions by name; case does not matter. `what` is the word for one in messages."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._things: dict[str, _Shared] = {}

    def __iter__(self) -> t.Iterator[_Shared]:
        return iter(self._things.values())

    def __contains__(self, name: str) -> bool:
        return fold(name) in self._things

    def find(self, name: Text) -> _Shared:
        found = self._things.get(fold(name.value))
        if found is None:
            raise name.error(
                0,
                f"no earlier command creates a {self.what} with this name, and the content of a stored one is not "
                f"known here; create it with 'add {self.what.replace(' ', '')}'",
            )
        return found

    def add(self, name: Text, thing: _Shared) -> _Shared:
        self._refuse_taken(name)
        return self._things.setdefault(fold(name.value), thing)

    def rename(self, thing: _Shared, name: Text) -> None:
        if fold(name.value) != fold(thing.name):
            self._refuse_taken(name)
        del self._things[fold(thing.name)]
        thing.name = read_name(name)
        self._things[fold(thing.name)] = thing

    def _refuse_taken(self, name: Text) -> None:
        if name.value in self:
            raise name.error(0, f"a {self.what} with this name already exists")

    def delete(self, thing: _Shared, place: Text) -> None:
        if thing.users:
            raise place.error(0, f"a rule uses the {self.what} '{thing.name}'; delete the rule first")
        del self._things[fold(thing.name)]

    def clear(self) -> None:
        self._things.clear()
