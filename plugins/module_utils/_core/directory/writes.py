# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The writes that carry out a plan in a directory, in an order in which they may stop anywhere.

New objects come first: policies without anything that counts, then the others with their owners. Then the references of
new rules, the changes of existing objects, touches, and deletions. Everything of a policy in force that changes is in
one modify of that policy.

Every modify deletes the old values and adds the new ones, so that it is refused if somebody else was faster. It does
the same with values that do not change but that the new ones depend on.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import typing as t

from ..objects.graph import ObjectClass, class_in, describe_class, object_id
from ..plan import Plan
from ..store.casing import fold
from ..store.names import (
    ACTION,
    CHANGED,
    CONTAINER,
    DATA,
    DATA_TYPE,
    DESCRIPTION,
    FILTERS,
    ID,
    ISAKMP,
    NAME,
    NFAS,
    OWNERS,
)
from ..store.operations import Create, Delete, Operation, Set, Unset
from ..store.values import Value
from .dn import dn_of
from .entries import CLASSES, to_attribute
from .errors import DirectoryError
from .ldap import AddEntry, Attribute, AttributeChange, DeleteEntry, ModifyEntry, Write, swap
from .state import DirectoryState
from .traits import assigned_policies

DESCRIPTION_LIMIT: t.Final = 1024
"""The most characters of a description (rangeUpper in the schema)."""
WRITE_LIMIT: t.Final = 10_000_000
"""The most bytes of one write. A domain controller closes the connection for larger requests (MaxReceiveBuffer)."""

Values: t.TypeAlias = dict[str, Attribute]
"""Attributes by their folded names."""

_LATER: t.Final = {ObjectClass.POLICY: (DATA, ISAKMP, NFAS), ObjectClass.NFA: (FILTERS, ACTION)}
"""What a new object gets once everything that it needs exists."""
_GUARDS: t.Final = {ObjectClass.POLICY: (DATA, ISAKMP, NFAS), ObjectClass.NFA: (DATA, FILTERS, ACTION)}
_LISTS: t.Final = (NFAS, FILTERS, OWNERS)
_REFERENCES: t.Final = (ISAKMP, ACTION, *_LISTS)
_DELETED: t.Final = re.compile(rb"CN=.*\\0ADEL:([0-9a-f-]{36}),.*", re.IGNORECASE | re.DOTALL)
_TOUCHABLE: t.Final = (DATA, ID, DATA_TYPE, NAME)
_SILENT: t.Final = frozenset(map(fold, (NAME, DESCRIPTION, OWNERS)))
"""What hosts do not enforce."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A policy in force that is written. Hosts notice that by whenChanged, which was `before` (seconds since 1970);
    `touch` moves it and changes nothing else.
    """

    dn: str
    before: int
    touch: ModifyEntry


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWrites:
    """What is written for policies: first `changes`, then `deletions`."""

    changes: tuple[Write, ...] = ()
    deletions: tuple[DeleteEntry, ...] = ()
    stamps: tuple[Stamp, ...] = ()


def writes_of(plan: Plan, state: DirectoryState) -> PolicyWrites:
    """The writes for the operations of a plan. Raises `DirectoryError` for what the directory would not take, and for
    the deletion of an object to which others refer.
    """
    translation = _Translation(plan, state)
    for key, run in itertools.groupby(plan.operations, key=lambda operation: fold(operation.path)):
        translation.add(key, list(run))
    return translation.writes()


class _Translation:
    def __init__(self, plan: Plan, state: DirectoryState) -> None:
        self._plan = plan
        self._state = state
        self._before = state.graph
        self._after = plan.graph
        self._container = state.place.container
        self._in_force = assigned_policies(state)
        self._held: dict[str, Values] = {}
        self._adds: dict[bool, list[AddEntry]] = {True: [], False: []}
        self._bare: list[AddEntry] = []
        self._references: list[ModifyEntry] = []
        self._changes: list[tuple[str, ModifyEntry]] = []
        self._deleted: list[str] = []

    def add(self, key: str, run: t.Sequence[Operation]) -> None:
        """Translate operations on one object in a row."""
        if not key:
            raise DirectoryError("a directory has no assigned policy; Group Policy objects assign policies: use gpos")
        if key not in self._before and key not in self._after:
            # created and deleted again
            return
        if any(isinstance(operation, Delete) for operation in run):
            self._deleted.append(key)
            return
        wanted = self._wanted(key, run)
        if isinstance(run[0], Create):
            self._create(key, wanted)
        elif (modify := self._modify(key, wanted)) is not None:
            self._changes.append((key, modify))

    def _wanted(self, key: str, run: t.Sequence[Operation]) -> Values:
        wanted: Values = {}
        for operation in run:
            found = None
            if isinstance(operation, Set):
                _check_text(key, operation.name, operation.value)
                found = self._values(operation.name, operation.value)
            if found is not None:
                wanted[fold(found[0])] = found
            elif isinstance(operation, Set | Unset) and (held := self._held_by(key).get(fold(operation.name))):
                # a directory has no empty values
                wanted[fold(held[0])] = (held[0], ())
        return wanted

    def _values(self, name: str, value: Value) -> Attribute | None:
        """A value as an attribute. Entries of lists that refer to nothing stay as they are, so they are left out."""
        if isinstance(value.data, tuple):
            value = Value.strings(text for text in value.data if self._exists(text))
        return to_attribute(name, value, self._container)

    def _exists(self, text: str) -> bool:
        above, _sign, key = text.rpartition("\\")
        return fold(above) == fold(CONTAINER) and (fold(key) in self._before or fold(key) in self._after)

    def _held_by(self, key: str) -> Values:
        """What an object holds so far."""
        if key not in self._held:
            found = (self._values(name, value) for name, value in self._before.store.values(key).items())
            self._held[key] = {fold(one[0]): _as_stored(*one) for one in found if one is not None}
        return self._held[key]

    def _create(self, key: str, values: Values) -> None:
        class_ = t.cast(ObjectClass, self._after.class_of(key))
        later = set(map(fold, _LATER.get(class_, ())))
        first = {folded: found for folded, found in values.items() if folded not in later and found[1]}
        self._held[key] = dict(first)
        add = AddEntry(self._dn(key), ((CLASSES, (class_.encode(),)), *first.values()))
        if class_ is ObjectClass.POLICY:
            self._bare.append(add)
        else:
            self._adds[class_ in (ObjectClass.ISAKMP, ObjectClass.NFA)].append(add)
        modify = self._modify(key, {folded: found for folded, found in values.items() if folded in later})
        if modify is not None and class_ is ObjectClass.POLICY:
            self._changes.append((key, modify))
        elif modify is not None:
            self._references.append(modify)

    def _modify(self, key: str, wanted: Values) -> ModifyEntry | None:
        """The guarded modify that gives an object these values; None if it holds them."""
        held = self._held_by(key)
        changes: list[AttributeChange] = []
        for folded, (name, values) in wanted.items():
            old = held.get(folded, (name, ()))[1]
            if _same(name, old, values):
                continue
            changes += swap(name, old, values)
            held[folded] = (name, values)
        if not changes:
            return None
        written = {fold(change.name) for change in changes}
        guards = _GUARDS.get(t.cast(ObjectClass, self._after.class_of(key)), (DATA,))
        # a reference that is written again looks as if it let go of what others are about to add
        for name in (DATA,) if written <= _SILENT else guards:
            _name, values = held.get(fold(name), (name, ()))
            if fold(name) not in written and values and self._is_sound(key, name):
                changes += swap(name, values, values)
        return ModifyEntry(self._dn(key), tuple(changes))

    def _is_sound(self, key: str, name: str) -> bool:
        """Whether the server takes an unchanged value again. It refuses a reference to what does not exist."""
        graph = self._before if key in self._before else self._after
        return name not in (ISAKMP, ACTION) or all(one in graph for one in graph.references(key, name))

    def _dn(self, key: str) -> str:
        graph = self._after if key in self._after else self._before
        path = graph.path(key)
        # an unknown object has the first part of its name as its key
        return f"{path},{self._container}" if graph.class_of(key) is None else dn_of(path, self._container)

    def writes(self) -> PolicyWrites:
        self._check_deleted()
        touches = [(key, self._touch(key)) for key in self._untouched()]
        written = dict.fromkeys([*(key for key, _modify in self._changes), *(key for key, _touch in touches)])
        changes: tuple[Write, ...] = (
            *self._bare,
            *self._adds[True],
            *self._adds[False],
            *self._references,
            *(modify for _key, modify in self._changes),
            *(touch for _key, touch in touches if touch is not None),
        )
        for write in changes:
            _check_size(write)
        return PolicyWrites(
            changes=changes,
            deletions=tuple(DeleteEntry(self._dn(key)) for key in self._deleted),
            stamps=tuple(
                Stamp(dn=self._dn(key), before=self._before.number(key, CHANGED), touch=touch)
                for key in written
                if key in self._in_force and (touch := self._touch(key)) is not None
            ),
        )

    def _check_deleted(self) -> None:
        """Objects that others use are never deleted (MS-GPIPSEC 3.1.5.7)."""
        gone = set(self._deleted)
        for user in map(fold, self._after.store.paths() if gone else ()):
            for name in (ISAKMP, NFAS, FILTERS, ACTION):
                for key in self._after.references(user, name):
                    if key in gone:
                        raise DirectoryError(
                            f"{self._dn(key)} cannot be deleted: {name} of {self._dn(user)} refers to it. Remove that "
                            "reference first"
                        )

    def _touch(self, key: str) -> ModifyEntry | None:
        """A modify that moves whenChanged and changes nothing else."""
        held = self._held_by(key)
        found = next((held[fold(name)] for name in _TOUCHABLE if fold(name) in held), None)
        return None if found is None else ModifyEntry(self._dn(key), swap(found[0], found[1], found[1]))

    def _untouched(self) -> t.Iterator[str]:
        """The policies in force with a part that is newer than they are."""
        named = {policy.key for policy in self._plan.policies}
        last = {key: index for index, (key, _modify) in enumerate(self._changes)}
        enforced = {
            key: index
            for index, (key, modify) in enumerate(self._changes)
            if any(fold(change.name) not in _SILENT for change in _differences(modify))
        }
        for policy in sorted(self._in_force & set(map(fold, self._after.store.paths()))):
            parts = self._after.reachable(policy) - {policy}
            newer = last if policy in named else enforced
            is_late = any(newer.get(part, -1) > last.get(policy, -1) for part in parts)
            if is_late or (policy in named and policy not in last and self._is_missed(policy)):
                yield policy

    def _is_missed(self, policy: str) -> bool:
        """Whether somebody has changed a part of a policy without a touch."""
        usns = self._state.usns
        parts = self._before.reachable(policy) - {policy}
        return any(usns.get(part, 0) > usns.get(policy, 0) for part in parts)


def _check_text(key: str, name: str, value: Value) -> None:
    """Raise `DirectoryError` for a text that is too long."""
    if fold(name) == fold(DESCRIPTION) and isinstance(value.data, str) and len(value.data) > DESCRIPTION_LIMIT:
        raise DirectoryError(
            f"the description of the {describe_class(class_in(key))} {object_id(key)} has {len(value.data)} "
            f"characters; a directory stores at most {DESCRIPTION_LIMIT}"
        )


def _as_stored(name: str, values: tuple[bytes, ...]) -> Attribute:
    """The values by which the server finds them. It shows references to deleted objects by names that it does not
    compare.
    """
    return name, tuple(_DELETED.sub(rb"<GUID=\1>", value) if name in _REFERENCES else value for value in values)


def _same(name: str, old: tuple[bytes, ...], new: tuple[bytes, ...]) -> bool:
    """Whether values are the same; references are names, and their case and order do not matter."""
    if fold(name) not in map(fold, _REFERENCES):
        return old == new
    return {fold(value.decode()) for value in old} == {fold(value.decode()) for value in new}


def _differences(modify: ModifyEntry) -> list[AttributeChange]:
    """The changes of a modify without its guards."""
    found: dict[str, list[AttributeChange]] = {}
    for change in modify.changes:
        found.setdefault(change.name, []).append(change)
    return [one for pair in found.values() if len({change.values for change in pair}) == len(pair) for one in pair]


def changed_attributes(modify: ModifyEntry) -> list[str]:
    """The names of the attributes that a modify changes, without those that only guard it. A touch changes only the
    time.
    """
    return list(dict.fromkeys(change.name for change in _differences(modify))) or [CHANGED]


def _check_size(write: Write) -> None:
    """Raise `DirectoryError` for a write that is too large."""
    if isinstance(write, DeleteEntry):
        return
    values = (
        [values for _name, values in write.attributes]
        if isinstance(write, AddEntry)
        else [change.values for change in write.changes]
    )
    size = sum(len(value) for group in values for value in group)
    if size > WRITE_LIMIT:
        raise DirectoryError(
            f"{write.dn} would take {size} bytes in one request, and a domain controller takes at most {WRITE_LIMIT}: "
            "use several rules with fewer filters"
        )
