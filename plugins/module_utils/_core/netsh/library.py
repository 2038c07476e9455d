# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the commands of a script work on: filter lists and filter actions, which rules share, and policies with rules.

It is empty at first, or has what a host has.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..hints import did_you_mean
from ..model import (
    DEFAULT_AUTHENTICATION,
    DEFAULT_SECURITY_METHODS,
    Action,
    AuthMethod,
    DnsName,
    Filter,
    HostAddress,
    NegotiationPolicy,
    Rule,
    SecurityMethod,
    defaults,
)
from ..model.wanted import WantedDefaultResponse, WantedMainMode, WantedRule
from ..objects.policies import StoredPolicy, StoredRule
from ..source.text import Text
from ..store.casing import fold
from .commands import Thing
from .filters import FilterPattern, ends_of
from .methods import with_pfs
from .values import read_name


@dataclasses.dataclass(slots=True, kw_only=True, eq=False)
class ScriptFilterList:
    """A filter list. `key` is that of the host's list that it becomes, None for a new one; `load` returns the filters
    that it has before the script, in a tuple. `users` counts the rules with this list; `changed` says that a command
    was about it, `new` that the script creates it. A description that was not given is None.
    """

    name: str
    key: str | None = None
    load: t.Callable[[], tuple[Filter, ...]] = tuple
    description: str | None = None
    users: int = 0
    changed: bool = False
    new: bool = False
    _filters: dict[Filter, Filter] | None = None
    _by_ends: dict[t.Hashable, dict[Filter, None]] | None = None

    @property
    def filters(self) -> dict[Filter, Filter]:
        """Each filter without its description, which netsh ignores when it compares filters, and the filter."""
        if self._filters is None:
            self._filters = {filter_.undescribed(): filter_ for filter_ in self.load()}
        return self._filters

    def add(self, filter_: Filter) -> None:
        """For a filter that the list has, netsh fails and changes nothing."""
        bare = filter_.undescribed()
        if bare not in self.filters:
            self.filters[bare] = filter_
            if self._by_ends is not None:
                self._by_ends.setdefault(ends_of(bare), {})[bare] = None

    def delete(self, pattern: FilterPattern) -> int:
        """Delete the filters that match; returns how many there were."""
        if self._by_ends is None:
            self._by_ends = {}
            for bare in self.filters:
                self._by_ends.setdefault(ends_of(bare), {})[bare] = None
        turned = pattern.turned()
        found = [bare for bare in self._by_ends.get(pattern.ends, {}) if pattern.matches(bare)]
        found += [bare for bare in self._by_ends.get(turned.ends, {}) if bare.mirrored and turned.matches(bare)]
        for bare in dict.fromkeys(found):
            del self._by_ends[ends_of(bare)][bare]
            del self.filters[bare]
        return len(found)

    def all(self) -> tuple[Filter, ...]:
        """The filters after the script."""
        return self.load() if self._filters is None else tuple(self._filters.values())


@dataclasses.dataclass(slots=True, kw_only=True, eq=False)
class ScriptFilterAction:
    """A filter action. `load` returns what it is before the script, `added` says that the script adds it, even if it
    exists. Other fields are as in a filter list. What was not given is None.
    """

    name: str
    key: str | None = None
    load: t.Callable[[], NegotiationPolicy | None] = lambda: None
    description: str | None = None
    users: int = 0
    changed: bool = False
    new: bool = False
    added: bool = False
    action: Action | None = None
    methods: tuple[SecurityMethod, ...] | None = None
    pfs: bool | None = None
    inpass: bool | None = None
    soft: bool | None = None

    def value(self) -> NegotiationPolicy:
        """What the action is after the script. Raises `ModelError`."""
        base = self.load()
        negotiates = (self.action or (base.action if base else Action.NEGOTIATE)) is Action.NEGOTIATE
        wanted = WantedRule(
            name=self.name,
            action=self.action,
            methods=_methods(self.methods, self.pfs, base.methods if base else ()) if negotiates else None,
            inpass=self.inpass if negotiates else None,
            soft=self.soft if negotiates else None,
        )
        return wanted.negotiation(base)

    @property
    def ignored(self) -> bool:
        """Whether an argument was given that only negotiate uses. netsh accepts it for other actions, too."""
        given = bool(self.methods or self.pfs or self.inpass or self.soft)
        return given and self.value().action is not Action.NEGOTIATE


@dataclasses.dataclass(slots=True, kw_only=True, eq=False)
class ScriptRule:
    """`origin` is the host's rule that it becomes, `made` says that the script adds it. `place` is where the script
    gives its filter list, `tunnel_place` where it gives its tunnel. Only rules of a host have several filter lists.
    What was not given is None.
    """

    name: str
    filter_lists: tuple[ScriptFilterList, ...]
    filter_action: ScriptFilterAction
    origin: StoredRule | None = None
    place: Text | None = None
    changed: bool = False
    made: bool = False
    tunnel: HostAddress | DnsName | None = None
    tunnel_place: Text | None = None
    authentication: tuple[AuthMethod, ...] | None = None
    connection_type: str | None = None
    enabled: bool | None = None
    description: str | None = None

    def count(self, number: int) -> None:
        """Count the rule as one more (or less, with -1) user of its lists and its action."""
        for filter_list in self.filter_lists:
            filter_list.users += number
        self.filter_action.users += number

    @property
    def differs(self) -> bool:
        """Whether the script changes the rule, or a list or an action that it uses."""
        return self.changed or self.filter_action.changed or any(found.changed for found in self.filter_lists)

    def filters(self) -> tuple[Filter, ...]:
        """The filters of all its lists."""
        if len(self.filter_lists) == 1:
            return self.filter_lists[0].all()
        return tuple(dict.fromkeys(filter_ for found in self.filter_lists for filter_ in found.all()))

    def whole(self) -> Rule:
        """The rule of the model, which is odd where it has no filters. Raises `ModelError`."""
        filters, action = self.filters(), self.filter_action.value()
        base = self.origin.rule if self.origin else None
        if self.tunnel_place is not None:
            if action.action is not Action.NEGOTIATE:
                raise self.tunnel_place.error(
                    0, f"a tunnel negotiates security, but the action of this rule is {action.action}"
                )
            if any(filter_.mirrored for filter_ in filters):
                raise self.tunnel_place.error(
                    0,
                    "a tunnel needs one-way filters: use mirrored=no in each 'add filter' of the list, and a second "
                    "rule for the other direction, with its own list and its own tunnel=",
                )
        given: dict[str, t.Any] = {
            "authentication": self.authentication,
            "tunnel": self.tunnel,
            "connection_type": self.connection_type,
            "enabled": self.enabled,
            "description": self.description,
        }
        ordinary: dict[str, t.Any] = {
            "authentication": DEFAULT_AUTHENTICATION,
            "tunnel": None,
            "connection_type": defaults.CONNECTION_TYPE,
            "enabled": True,
            "description": "",
            "id": None,
        }
        if base is not None:
            ordinary = {name: getattr(base, name) for name in ordinary}
        rule: dict[str, t.Any] = {
            **ordinary,
            **{name: value for name, value in given.items() if value is not None},
            "name": self.name,
            "filters": filters,
            "action": action,
            "filter_list": self.filter_lists[0].name if self.filter_lists else "",
            "filter_action": self.filter_action.name,
            "odd": not filters or (base is not None and base.odd and bool(base.filters)),
        }
        return self.place.at(Rule, **rule) if self.place else Rule(**rule)


@dataclasses.dataclass(slots=True, kw_only=True)
class DefaultRule:
    """The default response rule. What was not given is None."""

    enabled: bool | None = None
    methods: tuple[SecurityMethod, ...] | None = None
    pfs: bool | None = None
    authentication: tuple[AuthMethod, ...] | None = None

    def wanted(self, stored: StoredPolicy | None) -> WantedDefaultResponse | None:
        """What was given, on top of what `stored` has."""
        if self == DefaultRule():
            return None
        base = stored.policy.default_response if stored else None
        enabled = self.enabled is not False if base is None or self.enabled is not None else base.enabled
        return WantedDefaultResponse(
            enabled, _methods(self.methods, self.pfs, base.methods if base else ()), self.authentication
        )


@dataclasses.dataclass(slots=True, kw_only=True, eq=False)
class ScriptPolicy:
    """`made` says that the script creates it, `exact` that its rules are all that it has, `deleted` where the script
    deletes it, `replaced` where it deletes an earlier policy with the same name before it creates this one. `stored` is
    the host's policy that it becomes; `changed` says that a command was about it.

    What was not given is None. `dropped` has the names, with their places, of rules that the script deletes although
    they are not known; a rule that it adds with the same name replaces one. `removed` has the keys of the host's rules
    that it deletes, `namesakes` the names that several of the host's rules have, `held` the lists and actions that it
    uses in other ways.
    """

    name: str
    made: bool
    exact: bool
    deleted: Text | None = None
    replaced: Text | None = None
    stored: StoredPolicy | None = None
    changed: bool = False
    description: str | None = None
    assigned: bool | None = None
    poll_interval: int | None = None
    main_mode: WantedMainMode = dataclasses.field(default_factory=WantedMainMode)
    default_rule: DefaultRule = dataclasses.field(default_factory=DefaultRule)
    rules: dict[str, ScriptRule] = dataclasses.field(default_factory=dict)
    dropped: dict[str, Text] = dataclasses.field(default_factory=dict)
    removed: set[str] = dataclasses.field(default_factory=set)
    namesakes: set[str] = dataclasses.field(default_factory=set)
    held: list[ScriptFilterList | ScriptFilterAction] = dataclasses.field(default_factory=list)

    @property
    def known(self) -> bool:
        """Whether it is known what the policy has besides what the script gives it."""
        return self.made or self.stored is not None

    def find_rule(self, name: Text) -> ScriptRule | None:
        """Raises `SourceError` if several rules of a host have the name."""
        if fold(name.value) in self.namesakes:
            raise name.error(0, "several rules of the policy have this name; change one by its id, with ipsec_rule")
        return self.rules.get(fold(name.value))

    def rename_rule(self, rule: ScriptRule, name: Text) -> None:
        """Raises `SourceError`."""
        del self.rules[fold(rule.name)]
        if self.find_rule(name) is not None:
            raise name.error(0, "the policy already has a rule with this name")
        rule.name = read_name(name)
        self.rules[fold(rule.name)] = rule

    def add_rule(self, rule: ScriptRule) -> None:
        """Add a rule that has not been counted yet."""
        rule.count(1)
        self.rules[fold(rule.name)] = rule

    def add_stored_rule(self, rule: ScriptRule) -> None:
        """Add a rule of a host, which may have no name, or the name of another one."""
        rule.count(1)
        key = fold(rule.name)
        if not rule.name or key in self.rules:
            self.namesakes.add(key)
            key = f"{key} {id(rule)}"
        self.rules[key] = rule

    def hold(self, things: t.Iterable[ScriptFilterList | ScriptFilterAction]) -> None:
        """Count the policy as a user of things that it uses in other ways than by rules that can be read."""
        for thing in things:
            thing.users += 1
            self.held.append(thing)

    def release(self) -> None:
        """Undo `hold`."""
        for thing in self.held:
            thing.users -= 1
        self.held.clear()

    def remove_rule(self, key: str) -> None:
        """Remove a rule by its key in `rules`."""
        rule = self.rules.pop(key)
        rule.count(-1)
        if rule.origin is not None:
            self.removed.add(rule.origin.key)

    def clear(self) -> None:
        """Remove all rules."""
        for key in list(self.rules):
            self.remove_rule(key)
        self.dropped.clear()


def _methods(
    methods: tuple[SecurityMethod, ...] | None, pfs: bool | None, before: tuple[SecurityMethod, ...]
) -> tuple[SecurityMethod, ...] | None:
    """The methods with PFS as given, which is for all of them. What is not given is as `before`, or the default."""
    if methods is None and (pfs is None or not (before or pfs)):
        return None
    with_pfs_before = any(method.pfs for method in before)
    return with_pfs(methods or before or DEFAULT_SECURITY_METHODS, with_pfs_before if pfs is None else pfs)


_Shared = t.TypeVar("_Shared", ScriptFilterList, ScriptFilterAction)


class Shelf(t.Generic[_Shared]):
    """The filter lists or the filter actions by name; case does not matter. `thing` is what they are, `known` says that
    they are all that a host has.
    """

    def __init__(self, thing: Thing, known: bool) -> None:
        self.thing = thing
        self.known = known
        # what a host has and the script has deleted
        self.deleted: dict[str, _Shared] = {}
        self._gone: list[_Shared] = []
        self._things: dict[str, _Shared] = {}
        # the messages for names that several things of a host have, and all such things but the first
        self._ambiguous: dict[str, str] = {}
        self._namesakes: list[_Shared] = []

    def __iter__(self) -> t.Iterator[_Shared]:
        return iter(list(self._things.values()) + self._namesakes)

    def __contains__(self, name: str) -> bool:
        return fold(name) in self._things

    def put(self, thing: _Shared, problem: str) -> None:
        """Put a thing of a host on the shelf. `problem` is the message if another one has its name."""
        if fold(thing.name) in self._things:
            self._ambiguous[fold(thing.name)] = problem
            self._namesakes.append(thing)
        else:
            self._things[fold(thing.name)] = thing

    def find(self, name: Text) -> _Shared:
        """Raises `SourceError`."""
        self._refuse_ambiguous(name)
        found = self._things.get(fold(name.value))
        if found is None:
            create = f"create it with 'add {self.thing.replace(' ', '')}'"
            if self.known:
                hint = did_you_mean(name.value, [thing.name for thing in self])
                problem = f"neither the script nor the store has a {self.thing} with this name{hint or f'; {create}'}"
            else:
                problem = (
                    f"no earlier command creates a {self.thing} with this name, and the content of a stored one is not "
                    f"known here; {create}"
                )
            raise name.error(0, problem)
        return found

    def add(self, name: Text, thing: _Shared) -> _Shared:
        """Add a new thing, which becomes the host's thing that the script has deleted under the same name."""
        self._refuse_taken(name)
        old = self.deleted.pop(fold(name.value), None)
        thing.key = old.key if old else None
        thing.changed = thing.new = True
        return self._things.setdefault(fold(name.value), thing)

    def rename(self, thing: _Shared, name: Text) -> None:
        """Raises `SourceError`."""
        if fold(name.value) != fold(thing.name):
            self._refuse_taken(name)
        del self._things[fold(thing.name)]
        thing.name = read_name(name)
        if thing.key is None and (old := self.deleted.pop(fold(thing.name), None)) is not None:
            thing.key = old.key
        self._things[fold(thing.name)] = thing

    def _refuse_taken(self, name: Text) -> None:
        if name.value in self:
            raise name.error(0, f"a {self.thing} with this name already exists")

    def _refuse_ambiguous(self, name: Text) -> None:
        if fold(name.value) in self._ambiguous:
            raise name.error(0, self._ambiguous[fold(name.value)])

    def delete(self, thing: _Shared, place: Text) -> None:
        """Raises `SourceError` if a rule uses it, or if it is not the only one with its name."""
        self.refuse_used(thing, place)
        self._refuse_ambiguous(place)
        self._drop(thing)

    def refuse_used(self, thing: _Shared, place: Text) -> None:
        """Raise `SourceError` if a rule uses the thing."""
        if thing.users:
            raise place.error(0, f"a rule uses the {self.thing} '{thing.name}'; delete the rule first")

    def _drop(self, thing: _Shared) -> None:
        if thing in self._namesakes:
            self._namesakes.remove(thing)
            self._gone.append(thing)
            return
        del self._things[fold(thing.name)]
        if thing.key is not None:
            self.deleted[fold(thing.name)] = thing

    def clear(self) -> list[_Shared]:
        """Remove all that no rule uses. Returns the others."""
        for thing in list(self):
            if not thing.users:
                self._drop(thing)
        return list(self)

    def deleted_keys(self) -> list[str]:
        """The keys of what a host has and has no more after the script."""
        return [thing.key for thing in (*self.deleted.values(), *self._gone) if thing.key is not None]


Resolve: t.TypeAlias = t.Callable[[ScriptFilterList, Filter], t.Iterable[Filter]]
"""Looks up the DNS names of a filter that is added to a list."""


class Library:
    """`known` says that it has all that a host has. `assigned` is the assigned policy; `emptied` is where the script
    deletes all policies. `ambiguous` has the messages for names that several policies of a host have, `gone` the
    policies of a host whose names others have taken.
    """

    def __init__(self, known: bool = False, resolve: Resolve = lambda _list, filter_: (filter_,)) -> None:
        self.known = known
        self.lists: Shelf[ScriptFilterList] = Shelf(Thing.LIST, known)
        self.actions: Shelf[ScriptFilterAction] = Shelf(Thing.ACTION, known)
        self.resolve = resolve
        self.policies: dict[str, ScriptPolicy] = {}
        self.ambiguous: dict[str, str] = {}
        self.gone: list[ScriptPolicy] = []
        self.assigned: ScriptPolicy | None = None
        self.emptied: Text | None = None

    def put(self, policy: ScriptPolicy, problem: str) -> None:
        """Put a policy of a host into the library. `problem` is the message if another one has its name."""
        if fold(policy.name) in self.policies:
            self.ambiguous[fold(policy.name)] = problem
            self.gone.append(policy)
        else:
            self.policies[fold(policy.name)] = policy

    def all_policies(self) -> list[ScriptPolicy]:
        """All policies, also those that the script has deleted."""
        return [*self.policies.values(), *self.gone]
