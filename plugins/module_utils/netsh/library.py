# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a script has made so far: filter lists and filter actions, which rules share, and policies with their rules."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import (
    DEFAULT_SECURITY_METHODS,
    AuthMethod,
    Certificate,
    DnsName,
    Filter,
    Host,
    Kerberos,
    PresharedKey,
    SecurityMethod,
    fold,
)
from ..source import Text
from .filters import filter_tree
from .methods import with_pfs
from .values import read_name

Tree: t.TypeAlias = dict[str, t.Any]


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

    def tree(self) -> Tree:
        tree: Tree = {"action": self.action, "filter_action": self.name}
        # the rest belongs to negotiate: netsh takes it for other actions and ignores it
        if self.action == "negotiate":
            tree.update({key: value for key in ("inpass", "soft") if (value := getattr(self, key)) is not None})
            tree.update(_methods_tree(self.methods, self.pfs))
        return tree

    @property
    def ignored(self) -> bool:
        """Whether something was said that only negotiate has a use for."""
        return self.action != "negotiate" and bool(self.methods or self.pfs or self.inpass or self.soft)


@dataclasses.dataclass(slots=True)
class Rule:
    """`place` is where its filter list was given, `tunnel_place` where its tunnel was."""

    name: str
    place: Text
    filter_list: FilterList
    filter_action: FilterAction
    tunnel: Host | DnsName | None = None
    tunnel_place: Text | None = None
    authentication: tuple[AuthMethod, ...] | None = None
    options: Tree = dataclasses.field(default_factory=dict)

    def count(self, number: int) -> None:
        """Take the rule, once, for one more (or less, -1) that uses its list and its action."""
        self.filter_list.users += number
        self.filter_action.users += number

    def tree(self) -> Tree:
        """Raises `SourceError`."""
        filters = list(self.filter_list.filters.values())
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
        return {
            "name": self.name,
            **{key: self.options[key] for key in ("description", "enabled") if key in self.options},
            "filters": [filter_tree(filter_) for filter_ in filters],
            "filter_list": self.filter_list.name,
            **self.filter_action.tree(),
            **_authentication_tree(self.authentication),
            **({} if self.tunnel is None else {"tunnel": str(self.tunnel)}),
            **{key: self.options[key] for key in ("connection_type",) if key in self.options},
        }


@dataclasses.dataclass(slots=True)
class DefaultRule:
    """The default response rule; what was not said is None."""

    enabled: bool | None = None
    methods: tuple[SecurityMethod, ...] | None = None
    pfs: bool | None = None
    authentication: tuple[AuthMethod, ...] | None = None

    def tree(self) -> Tree:
        enabled = {} if self.enabled is None else {"enabled": self.enabled}
        return {**enabled, **_methods_tree(self.methods, self.pfs), **_authentication_tree(self.authentication)}


@dataclasses.dataclass(slots=True)
class Policy:
    """`made` says that the script makes it, `exact` that its rules are all it has, `deleted` where it was deleted.

    `options` and `main_mode` are arguments of the task. `dropped` has the names of stored rules that the script
    deletes, where they stand: a rule that it adds under the same name takes the place of one.
    """

    name: str
    made: bool
    exact: bool
    deleted: Text | None = None
    options: Tree = dataclasses.field(default_factory=dict)
    main_mode: Tree = dataclasses.field(default_factory=dict)
    default_rule: DefaultRule = dataclasses.field(default_factory=DefaultRule)
    rules: dict[str, Rule] = dataclasses.field(default_factory=dict)
    dropped: dict[str, Text] = dataclasses.field(default_factory=dict)

    def clear(self) -> None:
        for rule in self.rules.values():
            rule.count(-1)
        self.rules.clear()
        self.dropped.clear()

    def tree(self) -> Tree:
        """Raises `SourceError`."""
        if self.deleted is not None:
            return {"name": self.name, "state": "absent"}
        for name, place in self.dropped.items():
            if name not in self.rules:
                raise place.error(
                    0,
                    "the script does not make this rule; to delete a stored one, take a task of ipsec_rule with "
                    "'state: absent'",
                )
        tree: Tree = {"name": self.name, "state": "present", **self.options}
        if self.main_mode:
            tree["main_mode"] = self.main_mode
        if default_response := self.default_rule.tree():
            tree["default_response"] = default_response
        tree["rules_mode"] = "exact" if self.exact else "merge"
        if self.exact or self.rules:
            tree["rules"] = [rule.tree() for rule in self.rules.values()]
        return tree


def _methods_tree(methods: tuple[SecurityMethod, ...] | None, pfs: bool | None) -> Tree:
    """PFS is that of all methods; where none were given, of those that are the default."""
    if methods is None and not pfs:
        return {}
    return {"security_methods": [str(m) for m in with_pfs(methods or DEFAULT_SECURITY_METHODS, bool(pfs))]}


def _authentication_tree(methods: tuple[AuthMethod, ...] | None) -> Tree:
    return {} if methods is None else {"authentication": [_auth_tree(method) for method in methods]}


def _auth_tree(method: AuthMethod) -> str | Tree:
    match method:
        case Kerberos():
            return "kerberos"
        case PresharedKey(key):
            return {"preshared_key": key}
        case Certificate(ca):
            return {"certificate": ca}
    raise TypeError(f"netsh has no {type(method).__name__}")


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
