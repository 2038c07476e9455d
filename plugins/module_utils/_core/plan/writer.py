# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Collects operations and applies each to its own graph at once."""

from __future__ import annotations

import functools
import typing as t

from ..model import U32
from ..objects.graph import Graph, ObjectClass
from ..store.casing import fold
from ..store.names import (
    CHANGED,
    CLASS,
    DATA_TYPE,
    ID,
    ISAKMP,
    KEY_NAME,
    NAME,
    NFAS,
    OWNERS,
    REPLACES,
    reference,
)
from ..store.operations import Create, Delete, Operation, Set, Unset
from ..store.store import Store
from ..store.values import Kind, Value
from .guids import NewGuid
from .traits import StoreTraits

_DATA_TYPE: t.Final = 0x100

Values: t.TypeAlias = dict[str, Value | None]
"""Values that an object is to have, by name; None removes a value."""


def common_values(key: str) -> Values:
    """What every object has, whatever its class."""
    class_, brace, guid = key.partition("{")
    return {
        CLASS: Value.string(class_),
        KEY_NAME: Value.string(key),
        ID: Value.string(brace + guid),
        DATA_TYPE: Value.number(_DATA_TYPE),
    }


class StoreWriter:
    """Writes to a copy of a store; `graph` is that copy as objects. A value that exists already causes no operation.

    `now` is the host's clock in seconds since 1970.
    """

    def __init__(self, store: Store, traits: StoreTraits, now: int, new_guid: NewGuid) -> None:
        self.graph = Graph(store.copy())
        self.traits = traits
        self.now = now
        self.new_guid = new_guid
        self.operations: list[Operation] = []
        self._created: set[str] = set()
        self._let_go: dict[str, set[str]] = {}
        self._latest = 0

    @property
    def store(self) -> Store:
        return self.graph.store

    def _do(self, operation: Operation) -> None:
        self.operations.append(operation)
        self.graph.change(operation)

    def set(self, key: str, name: str, value: Value | None) -> None:
        """Set a value; None removes it."""
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
        """Create an object. The value that identifies it comes first: the owner, or for a policy its name.

        `like` is the object whose values it inherits, so that values that this collection does not know survive.
        """
        common = common_values(key)
        if not self.traits.stamps_time:
            common[CHANGED] = Value.number(self._time_after(like))
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
                folded = fold(name)
                spelling, _old = merged.get(folded, (name, None))
                merged[folded] = (spelling, value)
        self._do(Create(key))
        for name, value in merged.values():
            if value is not None:
                self._do(Set(key, name, value))
        self._created.add(fold(key))

    def _time_after(self, key: str | None) -> int:
        """The time of a change of `key`. Polls compare times, so a time never goes back, even if the clock does."""
        held = self.store.get(key, CHANGED) if key else None
        old = held.data if held is not None and isinstance(held.data, int) else 0
        time = max(self.now, old + 1) if old < U32 else self.now
        if key and self.graph.class_of(fold(key)) is ObjectClass.POLICY:
            time = max(time, self._latest)
        self._latest = max(self._latest, time)
        return time

    def touch(self, keys: t.Iterable[str]) -> None:
        """Set the time of a change, on each object once. The policy comes last and gets the latest time."""
        if self.traits.stamps_time:
            return
        for key in dict.fromkeys(keys):
            if fold(key) not in self._created:
                self.set(key, CHANGED, Value.number(self._time_after(key)))

    def users(self, key: str) -> t.AbstractSet[str]:
        """The objects that refer to a key and have not let go of it."""
        users = self.graph.users(key)
        gone = self._let_go.get(key)
        return users - gone if gone else users

    def let_go(self, keys: t.Iterable[str], user: str) -> None:
        """Note that `user` stops using these objects.

        An object that nobody else uses and that has no owner gets `user` as its owner first: if the run is interrupted
        after this, the object is known as a leftover.
        """
        for key in keys:
            if key in self.graph:
                self._let_go.setdefault(key, set()).add(user)
                if not self.users(key) and not self.graph.owners(key) and not self.graph.is_library(key):
                    self.set(key, OWNERS, Value.strings([reference(self.graph.path(user))]))

    def share(self, key: str) -> None:
        """Note that an object gets other users: the clean-up makes them its owners if it has owners."""
        self._let_go.setdefault(key, set())

    def clean_up(self) -> None:
        """Delete what nobody uses any more, update lists of owners, finish a swing."""
        for key in self.graph.leftovers(functools.partial(self.traits.unfinished, self.graph)):
            self.delete(key)
        swung = [key for key in self.graph.policies if self.graph.references(key, REPLACES)]
        moved = [key for policy in swung for name in (ISAKMP, NFAS) for key in self.graph.references(policy, name)]
        for key in dict.fromkeys([*self._let_go, *moved]):
            owners, users = self.graph.owners(key), self.graph.users(key)
            if key in self.graph and owners and users and set(owners) != users:
                kept = [owner for owner in owners if owner in users]
                kept += sorted(users - set(kept))
                self.set(key, OWNERS, Value.strings(reference(self.graph.path(owner)) for owner in kept))
        for policy in swung:
            self.set(policy, REPLACES, None)
            if not self.store.values(policy):
                self.delete(policy)
