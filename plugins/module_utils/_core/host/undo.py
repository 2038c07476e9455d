# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The operations that undo exactly what a task has written."""

from __future__ import annotations

import typing as t

from ..objects.graph import Graph
from ..store.casing import fold
from ..store.difference import difference
from ..store.operations import Operation
from ..store.regfile import can_be_written
from ..store.store import Store
from ..store.values import Value


class Undo:
    """What a task has written so far, in one or more rounds.

    `begin` notes a round before it is written, because its outcome may never be known. `settle` corrects it afterwards.
    """

    def __init__(self) -> None:
        # the store as it would be without this task; None before the first round
        self._without: Store | None = None
        self._before = Store()
        self._planned: tuple[Operation, ...] = ()
        # whether it is known how much of the last round was written
        self._settled = False
        self.left = Store()
        """The store after the last round: as planned until it is settled."""

    def begin(self, before: Store, operations: t.Sequence[Operation]) -> None:
        """Note a round that is about to be written to the store `before`."""
        if self._without is None:
            self._without = before
        self._before, self._planned, self._settled = before, tuple(operations), False
        self.left = _after(before, operations)

    def settle(self, done: int, found: Store | None) -> None:
        """Correct the last round: `done` of its operations were done, and the store is `found` (None: as planned)."""
        self.left, self._settled = _after(self._before, self._planned[:done]), True
        if found is not None:
            self._without = _with_others(self._without or self._before, self.left, found)
            self.left = found

    @property
    def operations(self) -> list[Operation]:
        """The operations that undo all rounds. They also fit if only a part of an unsettled round was written."""
        if self._without is None:
            return []
        released = Graph(self.left).released(Graph(self._without))
        return difference(self.left, self._without, () if self._settled else self._planned, released)

    @property
    def lost(self) -> int:
        """The number of operations that a .reg file cannot express."""
        return sum(not can_be_written(operation) for operation in self.operations)


def _after(store: Store, operations: t.Iterable[Operation]) -> Store:
    changed = store.copy()
    for operation in operations:
        changed.change(operation)
    return changed


def _with_others(without: Store, after: Store, found: Store) -> Store:
    """`without`, with the changes that others made between `after` and `found`."""
    keys: dict[str, tuple[str, dict[str, Value]]] = {}

    def add(path: str, values: dict[str, Value]) -> None:
        for above in _keys_above(path):
            keys.setdefault(fold(above), (found.spelling(above), {}))
        keys[fold(path)] = (path, values)

    for path in found.paths():
        values = _merged_values(path, without, after, found) if path in after else found.values(path)
        if values or path in without or path not in after:
            add(path, values)
    for path in without.paths():
        # the task has deleted it, and others have deleted no key above it
        if path not in found and path not in after and all(a in found or a not in after for a in _keys_above(path)):
            add(path, without.values(path))
    return Store(dict(keys.values()))


def _keys_above(path: str) -> list[str]:
    """The keys above a key, from the container on."""
    parts = path.split("\\")
    return ["\\".join(parts[:count]) for count in range(len(parts))] if path else []


def _merged_values(path: str, without: Store, after: Store, found: Store) -> dict[str, Value]:
    """The values of a key: those that others have changed, and for the rest those of `without`."""
    values = {}
    for name in {fold(name): name for name in (*found.values(path), *without.values(path))}.values():
        value = found.get(path, name)
        if value == after.get(path, name):
            value = without.get(path, name)
        if value is not None:
            values[name] = value
    return values
