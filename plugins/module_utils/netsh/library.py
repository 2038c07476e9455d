# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a script has made so far: filter lists and filter actions, which rules share, and policies with their rules."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import model
from ..model import DEFAULT_SECURITY_METHODS, AuthMethod, DnsName, Filter, Host, SecurityMethod, fold
from ..shape.arguments import absence_arguments, policy_arguments
from ..shape.render import Tree
from ..shape.wanted import Wanted, WantedDefaultResponse, WantedMainMode, WantedRule
from ..source import Text
from .methods import with_pfs
from .values import read_name


@dataclasses.dataclass(slots=True)
class FilterList:
    """`filters` has each filter under itself without its description. `users` is the number of rules with this list."""

    name: str
    filters: dict[Filter, Filter] = dataclasses.field(default_factory=dict)
    users: int = 0


@dataclasses.dataclass(slots=True)
class FilterAction:
    """What was not said is None. `users` is the number of rules with this action."""

    name: str
    action: str = "negotiate"
    methods: tuple[SecurityMethod, ...] | None = None
    pfs: bool | None = None
    inpass: bool | None = None
    soft: bool | None = None
    users: int = 0

    @property
    def ignored(self) -> bool:
        """Whether something was said that only negotiate has a use for: netsh takes it for other actions, too."""
        return self.action != "negotiate" and bool(self.methods or self.pfs or self.inpass or self.soft)


@dataclasses.dataclass(slots=True)
class Rule:
    """`place` is where its filter list was given, `tunnel_place` where its tunnel was; what was not said is None."""

    name: str
    place: Text
    filter_list: FilterList
    filter_action: FilterAction
    tunnel: Host | DnsName | None = None
    tunnel_place: Text | None = None
    authentication: tuple[AuthMethod, ...] | None = None
    connection_type: str | None = None
    enabled: bool | None = None
    description: str | None = None

    def count(self, number: int) -> None:
        """Take the rule, once, for one more (or less, -1) that uses its list and its action."""
        self.filter_list.users += number
        self.filter_action.users += number

    def whole(self) -> model.Rule:
        """Raises `SourceError`."""
        filters = tuple(self.filter_list.filters.values())
        if not filters:
            raise self.place.error(0, "this filter list has no filters in the end; a rule needs one at least")
        if self.tunnel_place is not None:
            if self.filter_action.action != "negotiate":
                raise self.tunnel_place.error(
                    0, f"a tunnel negotiates security; the filter action of this rule says {self.filter_action.action}"
                )
            if any(filter_.mirrored for filter_ in filters):
                raise self.tunnel_place.error(
                    0,
                    "a tunnel takes filters of one direction: say mirrored=no in each 'add filter' of the list, and "
                    "make a second rule for the way back, with a list and a tunnel= of its own",
                )
        action = self.filter_action
        negotiates = action.action == "negotiate"
        wanted = WantedRule(
            self.name,
            None,
            filters,
            action.action,
            _methods(action.methods, action.pfs) if negotiates else None,
            action.inpass if negotiates else None,
            action.soft if negotiates else None,
            self.authentication,
            self.tunnel,
            self.connection_type,
            self.enabled,
            self.description,
            self.filter_list.name,
            action.name,
        )
        return self.place.at(wanted.whole)


@dataclasses.dataclass(slots=True)
class DefaultRule:
    """The default response rule; what was not said is None."""

    enabled: bool | None = None
    methods: tuple[SecurityMethod, ...] | None = None
    pfs: bool | None = None
    authentication: tuple[AuthMethod, ...] | None = None

    def wanted(self) -> WantedDefaultResponse | None:
        if self == DefaultRule():
            return None
        return WantedDefaultResponse(self.enabled is not False, _methods(self.methods, self.pfs), self.authentication)


@dataclasses.dataclass(slots=True)
class Policy:
    """`made` says that the script makes it, `exact` that its rules are all it has, `deleted` where it was deleted.

    What was not said is None. `dropped` has the names of stored rules that the script
    deletes, where they stand: a rule that it adds under the same name takes the place of one.
    """

    name: str
    made: bool
    exact: bool
    deleted: Text | None = None
    description: str | None = None
    assigned: bool | None = None
    poll_interval: int | None = None
    main_mode: WantedMainMode = dataclasses.field(default_factory=WantedMainMode)
    default_rule: DefaultRule = dataclasses.field(default_factory=DefaultRule)
    rules: dict[str, Rule] = dataclasses.field(default_factory=dict)
    dropped: dict[str, Text] = dataclasses.field(default_factory=dict)

    def clear(self) -> None:
        for rule in self.rules.values():
            rule.count(-1)
        self.rules.clear()
        self.dropped.clear()

    def arguments(self) -> Tree:
        """Those of a task. Raises `SourceError`."""
        if self.deleted is not None:
            return absence_arguments(self.name)
        for name, place in self.dropped.items():
            if name not in self.rules:
                raise place.error(
                    0,
                    "the script does not make this rule; to delete a stored one, take a task of ipsec_rule with "
                    "'state: absent'",
                )
        wanted = Wanted(
            self.name,
            None,
            self.description,
            self.assigned,
            self.poll_interval,
            None if self.main_mode == WantedMainMode() else self.main_mode,
            self.default_rule.wanted(),
            tuple(rule.whole() for rule in self.rules.values()) if self.exact or self.rules else None,
        )
        return policy_arguments(wanted, self.exact)


def _methods(methods: tuple[SecurityMethod, ...] | None, pfs: bool | None) -> tuple[SecurityMethod, ...] | None:
    """PFS is that of all methods; where none were given, of those that are the default."""
    return None if methods is None and not pfs else with_pfs(methods or DEFAULT_SECURITY_METHODS, bool(pfs))


_Shared = t.TypeVar("_Shared", FilterList, FilterAction)


class Shelf(t.Generic[_Shared]):
    """The filter lists or the filter actions by their names; case does not matter. `what` is what messages call one."""

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
                f"no command before this one makes a {self.what} of this name, and what a stored one holds cannot be "
                f"known here; make it with 'add {self.what.replace(' ', '')}'",
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
            raise name.error(0, f"there is a {self.what} of this name already")

    def delete(self, thing: _Shared, place: Text) -> None:
        if thing.users:
            raise place.error(0, f"a rule uses the {self.what} '{thing.name}'; delete the rule before it")
        del self._things[fold(thing.name)]

    def clear(self) -> None:
        self._things.clear()
