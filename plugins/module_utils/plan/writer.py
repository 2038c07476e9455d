# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Operations as they are collected, each tried on a copy of the store at once."""

from __future__ import annotations

import typing as t

from ..graph import ISAKMP, NFAS, OWNERS, REPLACES, Graph, ObjectClass, reference
from ..store import Create, Delete, Kind, Operation, Set, Store, Unset, Value

DATA: t.Final = "ipsecData"
NAME: t.Final = "ipsecName"
DESCRIPTION: t.Final = "description"
CHANGED: t.Final = "whenChanged"
_LAST_TIME: t.Final = (1 << 32) - 1
_POLICY_KEY: t.Final = f"{ObjectClass.POLICY}{{".lower()

Values: t.TypeAlias = dict[str, Value | None]
"""Values an object shall have, by name; None is: not there."""

NewGuid: t.TypeAlias = t.Callable[[], str]
"""Gives the text of a new GUID in small letters, without braces."""


def common_values(key: str) -> Values:
    """What every object has, whatever its class."""
    class_, brace, guid = key.partition("{")
    return {
        "className": Value.string(class_),
        "name": Value.string(key),
        "ipsecID": Value.string(brace + guid),
        "ipsecDataType": Value.number(0x100),
    }


class Writer:
    """A value that is there already costs nothing."""

    def __init__(self, store: Store, now: int, new_guid: NewGuid) -> None:
        self.store = store.copy()
        self.now = now
        self.new_guid = new_guid
        self.operations: list[Operation] = []
        self._born: set[str] = set()
        self._let_go: dict[str, set[str]] = {}
        self._latest = 0

    def _do(self, operation: Operation) -> None:
        self.operations.append(operation)
        self.store.change(operation)

    def set(self, key: str, name: str, value: Value | None) -> None:
        """Give a value; None takes it away."""
        old = self.store.get(key, name)
        if value is None and old is not None:
            self._do(Unset(self.store.spelling(key), name))
        elif value is not None and old != value:
            self._do(Set(self.store.spelling(key), name, value))

    def delete(self, key: str) -> None:
        self._do(Delete(self.store.spelling(key)))

    def new_key(self, class_: ObjectClass) -> str:
        return f"{class_}{{{self.new_guid()}}}"

    def create(self, key: str, owner: str | None, values: Values, like: str | None = None) -> None:
        """A new object. What makes it known for what it is comes first: the owner, or for a policy its name.

        `like` is the object whose values it inherits, so that those without a name here survive.
        """
        common: Values = {**common_values(key), CHANGED: Value.number(self._time_after(like))}
        # a value of an unknown kind can only stay where it is
        inherited = {
            name: value
            for name, value in (self.store.values(like) if like else {}).items()
            if value.kind is not Kind.UNKNOWN
        }
        first = {name: values[name] for name in (REPLACES, NAME) if name in values} if owner is None else {}
        owners = {OWNERS: None if owner is None else Value.strings([reference(self.store.spelling(owner))])}
        merged: dict[str, tuple[str, Value | None]] = {}
        for group in (owners, first, inherited, common, values, owners):
            for name, value in group.items():
                spelling, _old = merged.get(name.lower(), (name, None))
                merged[name.lower()] = (spelling, value)
        self._do(Create(key))
        for name, value in merged.values():
            if value is not None:
                self._do(Set(key, name, value))
        self._born.add(key.lower())

    def _time_after(self, key: str | None) -> int:
        """The time of a change of `key`. A poll compares times: they go up, whatever the clock says."""
        held = self.store.get(key, CHANGED) if key else None
        old = held.data if held is not None and isinstance(held.data, int) else 0
        time = max(self.now, old + 1) if old < _LAST_TIME else self.now
        if key and key.lower().startswith(_POLICY_KEY):
            time = max(time, self._latest)
        self._latest = max(self._latest, time)
        return time

    def touch(self, keys: t.Iterable[str]) -> None:
        """Note the time of a change, on each object once; the policy, which comes last, gets the latest of all."""
        for key in dict.fromkeys(keys):
            if key.lower() not in self._born:
                self.set(key, CHANGED, Value.number(self._time_after(key)))

    def let_go(self, graph: Graph, keys: t.Iterable[str], user: str) -> None:
        """Note that `user` stops using these objects.

        One that nobody else uses any more and that names no owner gets `user` as its owner first: if nothing comes
        after, it is known as a leftover all the same.
        """
        for key in keys:
            if key in graph:
                gone = self._let_go.setdefault(key, set())
                gone.add(user)
                if graph.users.get(key, set()) <= gone and not graph.owners(key) and not graph.is_library(key):
                    self.set(key, OWNERS, Value.strings([reference(graph.path(user))]))

    def clean_up(self) -> None:
        """Delete what nobody uses any more, bring lists of owners up to date, finish a swing."""
        graph = Graph(self.store)
        if leftovers := graph.leftovers():
            for key in leftovers:
                self.delete(key)
            graph = Graph(self.store)
        swung = [policy for policy in graph.policies if graph.references(policy, REPLACES)]
        moved = [key for policy in swung for name in (ISAKMP, NFAS) for key in graph.references(policy, name)]
        for key in dict.fromkeys([*self._let_go, *moved]):
            owners, users = graph.owners(key), graph.users.get(key, set())
            if key in graph and owners and users and set(owners) != users:
                kept = [owner for owner in owners if owner in users]
                kept += sorted(users.difference(kept))
                self.set(key, OWNERS, Value.strings(reference(graph.path(owner)) for owner in kept))
        for policy in swung:
            self.set(policy, REPLACES, None)
            if not self.store.values(policy):
                self.delete(policy)
