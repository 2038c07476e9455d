# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The objects of a store and their references (MS-GPIPSEC 2.2.1).

A policy refers to its ISAKMP policy and NFAs, an NFA to its filter lists and filter action.

References decide which objects belong together. ipsecOwnersReference only confirms it, as many writers leave it out.
"""

from __future__ import annotations

import collections.abc
import enum
import re
import typing as t

from ..model.text import GUID_PATTERN
from ..store.casing import fold
from ..store.names import ACTION, ACTIVE_POLICY, DATA, FILTERS, ISAKMP, NAME, NFAS, OWNERS, REPLACES
from ..store.operations import Create, Delete, Operation, Set, Unset
from ..store.store import Store
from ..store.values import Kind, Value


class ObjectClass(enum.StrEnum):
    """The classes of objects, by the start of their keys' names."""

    POLICY = "ipsecPolicy"
    ISAKMP = "ipsecISAKMPPolicy"
    NFA = "ipsecNFA"
    ACTION = "ipsecNegotiationPolicy"
    FILTER = "ipsecFilter"


_CLASSES: t.Final = {c.lower(): c for c in ObjectClass}
_KEY: t.Final = re.compile(rf"([a-z]+)({GUID_PATTERN.pattern})\Z", re.IGNORECASE | re.ASCII)
_REFERENCES: t.Final[t.Mapping[ObjectClass, tuple[str, ...]]] = {
    ObjectClass.POLICY: (ISAKMP, NFAS),
    ObjectClass.NFA: (FILTERS, ACTION),
}
_TITLES: t.Final = {
    ObjectClass.POLICY: "policy",
    ObjectClass.ISAKMP: "main mode policy",
    ObjectClass.NFA: "rule",
    ObjectClass.ACTION: "filter action",
    ObjectClass.FILTER: "filter list",
    None: "unknown object",
}


def describe_class(class_: ObjectClass | None) -> str:
    """What the snap-in and netsh call the objects of a class."""
    return _TITLES[class_]


def class_in(key: str) -> ObjectClass | None:
    """The class in a key's name; None for a key that is not an object of a known class."""
    found = _KEY.match(key)
    return _CLASSES.get(found[1].lower()) if found else None


def object_id(key: str) -> str:
    """The braced GUID in a key's name, in lower case; the whole name where it has none."""
    return key[max(key.find("{"), 0) :].lower()


class Graph:
    """A store seen as objects. Keys are folded paths; `path` gives the spelling of the store.

    `change` keeps the graph and its store up to date, so that one graph serves a whole plan.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._paths: dict[str, str] = {}
        self._class: dict[str, ObjectClass | None] = {}
        # for each key, the objects that refer to it, with the number of references
        self._users: dict[str, dict[str, int]] = {}
        # policies that are marked as the replacement of another one
        self._replacements: set[str] = set()
        self._unfinished_cache: set[str] | None = None
        for path in store.paths():
            self._add(path)
        for key in self._paths:
            self._count(key, 1)

    def _add(self, path: str) -> None:
        if path:
            key = fold(path)
            self._paths[key] = path
            if class_ := class_in(path):
                self._class[key] = class_

    def _count(self, key: str, number: int, *names: str) -> None:
        """Add `number` to the counts of an object's references, or only of those in the named values."""
        class_ = self._class.get(key)
        if class_ is None:
            return
        held = _REFERENCES.get(class_, ())
        for name in names or (*held, REPLACES):
            if name == REPLACES and class_ is ObjectClass.POLICY and self.references(key, REPLACES):
                (self._replacements.add if number > 0 else self._replacements.discard)(key)
            elif name in held:
                for target in self.references(key, name):
                    users = self._users.setdefault(target, {})
                    users[key] = users.get(key, 0) + number
                    if not users[key]:
                        del users[key]

    def change(self, operation: Operation) -> None:
        """Apply an operation to the store and the graph. Raises `StoreError`."""
        key = fold(operation.path)
        if not key or self._class.get(key) is ObjectClass.POLICY:
            self._unfinished_cache = None
        match operation:
            case Create(path):
                self.store.change(operation)
                while path and fold(path) not in self._paths:
                    self._add(self.store.spelling(path))
                    path = path.rpartition("\\")[0]
                self._unfinished_cache = None
            case Delete():
                for gone in self.store.below(key):
                    self._count(gone, -1)
                    self._paths.pop(gone, None)
                    self._class.pop(gone, None)
                self.store.change(operation)
            case Set(_, name) | Unset(_, name):
                held = _INDEXED.get(fold(name))
                if held is None:
                    self.store.change(operation)
                else:
                    self._count(key, -1, held)
                    self.store.change(operation)
                    self._count(key, 1, held)

    def path(self, key: str) -> str:
        return self._paths[key]

    def __contains__(self, key: str) -> bool:
        return key in self._paths

    def class_of(self, key: str) -> ObjectClass | None:
        """None for a key that is not an object of a known class."""
        return self._class.get(key)

    def of_class(self, wanted: ObjectClass) -> list[str]:
        return [key for key, class_ in self._class.items() if class_ is wanted]

    def foreign(self) -> list[str]:
        """Top-level keys that are not objects of a known class."""
        return [key for key in self._paths if "\\" not in key and self._class.get(key) is None]

    def text(self, key: str, name: str) -> str:
        """A text value; empty where there is none."""
        value = self.store.get(key, name)
        return value.data if value is not None and isinstance(value.data, str) else ""

    def number(self, key: str, name: str) -> int:
        """A 32-bit number; 0 where there is none."""
        value = self.store.get(key, name)
        return value.data if value is not None and value.kind is Kind.DWORD and isinstance(value.data, int) else 0

    def data(self, key: str) -> bytes | None:
        """The object's ipsecData."""
        value = self.store.get(key, DATA)
        return value.data if value is not None and isinstance(value.data, bytes) else None

    def references(self, key: str, name: str) -> list[str]:
        """The keys that a value of `key` refers to, existing or not."""
        value = self.store.get(key, name)
        return [] if value is None else _targets(value)

    def unreadable(self, key: str) -> list[str]:
        """The object's reference values that exist but cannot be read; the empty name is the whole object."""
        names = ("", *_REFERENCES.get(self._class.get(key) or ObjectClass.FILTER, ()))
        found = ((name, self.store.get(key, name)) for name in names)
        return [name for name, value in found if value is not None and not isinstance(value.data, str | tuple)]

    def owners(self, key: str) -> list[str]:
        return self.references(key, OWNERS)

    @property
    def active(self) -> str | None:
        """The assigned policy; None if there is none or it does not exist."""
        found = self.references("", ACTIVE_POLICY)
        return found[0] if found and self.class_of(found[0]) is ObjectClass.POLICY else None

    def parts(self, key: str) -> list[str]:
        """The objects that an object consists of, existing or not; for the container, the assigned policy."""
        class_ = self._class.get(key)
        names = (_REFERENCES.get(class_, ()) if class_ else ()) if key else (ACTIVE_POLICY,)
        return [part for name in names for part in self.references(key, name)]

    def reachable(self, key: str) -> set[str]:
        """A key, its parts, and their parts."""
        found = {key}
        todo = [key]
        for one in todo:
            new = [part for part in self.parts(one) if part not in found]
            found.update(new)
            todo += new
        return found

    def released(self, after: Graph) -> set[str]:
        """The objects of the assigned policy if another one, or none, is assigned in the store `after`."""
        return set() if self.active is None or self.active == after.active else self.reachable(self.active)

    @property
    def policies(self) -> list[str]:
        """All policies except those that an interrupted change left behind."""
        unfinished = self._unfinished
        return [key for key in self.of_class(ObjectClass.POLICY) if key not in unfinished and self.store.values(key)]

    @property
    def _unfinished(self) -> set[str]:
        """Of each policy and its replacement: the one that is not assigned; the replacement if neither is."""
        if self._unfinished_cache is None:
            active = self.active
            found: set[str] = set()
            for key in self._replacements:
                for old in self.references(key, REPLACES):
                    if old != key and self.class_of(old) is ObjectClass.POLICY:
                        found.add(old if key == active else key)
            self._unfinished_cache = found
        return self._unfinished_cache

    def users(self, key: str) -> collections.abc.Set[str]:
        """The objects that refer to a key, without policies that an interrupted change has left."""
        found = self._users.get(key, {}).keys()
        return found if found.isdisjoint(self._unfinished) else found - self._unfinished

    def is_library(self, key: str) -> bool:
        """Whether the object is a filter list or filter action with a name and no owner. These are the snap-in's
        library, which belongs to no policy.
        """
        return (
            self.class_of(key) in (ObjectClass.FILTER, ObjectClass.ACTION)
            and not self.owners(key)
            and bool(self.text(key, NAME))
        )

    def leftovers(self, unfinished: t.Callable[[str, t.Collection[str]], bool] | None = None) -> list[str]:
        """What an interrupted change has left: unused objects whose named owners are gone or do not name them, and
        empty keys.

        `unfinished` says of such an object and those of its owners that exist and stay whether somebody may still be
        working on it; then it is no leftover. In an order in which they can be deleted: users first.
        """
        if any(self.unreadable(key) for key, class_ in self._class.items() if class_ in _REFERENCES):
            # the objects that these refer to are not known and may be in use
            return []
        gone: dict[str, None] = dict.fromkeys(self._unfinished)
        classes = (ObjectClass.NFA, ObjectClass.ISAKMP, ObjectClass.FILTER, ObjectClass.ACTION)
        found = [key for class_ in classes for key in self.of_class(class_)]
        users = {key: set(self.users(key)) for key in found if self.owners(key) or not self.store.values(key)}
        used: dict[str, list[str]] = {}
        for key, its_users in users.items():
            for user in its_users:
                used.setdefault(user, []).append(key)
        unused = [key for key, its_users in users.items() if not its_users]
        # grows: an object that only deleted objects use is deleted too
        for key in unused:
            owners = [owner for owner in self.owners(key) if owner in self and owner not in gone]
            if owners and unfinished is not None and unfinished(key, owners):
                continue
            gone[key] = None
            for target in used.get(key, ()):
                users[target].discard(key)
                if not users[target]:
                    unused.append(target)
        gone.update(dict.fromkeys(key for key in self.of_class(ObjectClass.POLICY) if not self.store.values(key)))
        return list(gone)


_INDEXED: t.Final = {fold(name): name for name in (ISAKMP, NFAS, FILTERS, ACTION, REPLACES)}
"""The values whose changes the graph follows, by their folded names."""


def _targets(value: Value) -> list[str]:
    if not isinstance(value.data, str | tuple):
        return []
    texts = (value.data,) if isinstance(value.data, str) else value.data
    return [fold(text.rpartition("\\")[2]) for text in texts if text]
