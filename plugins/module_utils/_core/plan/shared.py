# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Writes the filter lists and filter actions that rules share."""

from __future__ import annotations

import dataclasses
import typing as t
import uuid

from ..objects.convert.filters import write_filters
from ..objects.graph import ObjectClass
from ..objects.policies import StoredPolicy
from ..store.casing import fold
from ..store.names import ACTION, DATA, DESCRIPTION, FILTERS, NAME, NFAS, OWNERS, reference
from ..store.values import Value
from ..target.merge import Changes
from ..target.shared import AnyShared, SharedAction, SharedList
from .values import action_values, differences, live, text_value
from .writer import StoreWriter, Values, common_values


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Replaced:
    """An object that a new one replaces. `owned` says that it had an owner."""

    old: str
    new: str
    owned: bool


class SharedWriter:
    """The changes of shared objects in one plan. New objects are created at once, before anything refers to them."""

    def __init__(self, writer: StoreWriter, changes: Changes) -> None:
        self._writer = writer
        self._deleted = [thing.key for thing in changes.deleted]
        self._things = changes.shared
        self._keys: dict[AnyShared, str] = {}
        # what existing objects do not hold yet
        self._pending: dict[AnyShared, Values] = {}
        self._edited: set[AnyShared] = set()
        self._replaced: list[_Replaced] = []
        for thing in changes.shared:
            values = self._values(thing)
            if thing.stored is None:
                key = writer.new_key(_class_of(thing))
                writer.create(key, None, values)
                self._keys[thing] = fold(key)
            elif pending := differences(writer.store, thing.stored.key, values):
                self._pending[thing] = pending

    def key(self, thing: AnyShared) -> str:
        """The key of the object that rules are to refer to."""
        return thing.stored.key if thing.stored and thing not in self._keys else self._keys[thing]

    def reference(self, class_: ObjectClass, keys: t.Sequence[str]) -> Value:
        """The value by which a rule refers to its filter lists or its filter action."""
        paths = [reference(self._writer.store.spelling(key)) for key in keys]
        return Value.string(paths[0]) if class_ is ObjectClass.ACTION else Value.strings(paths)

    def changes(self, thing: AnyShared) -> bool:
        """Whether it is new or another than the stored one."""
        return thing.stored is None or thing in self._edited or thing in self._keys

    def edited(self, things: t.Iterable[AnyShared]) -> bool:
        """Whether one of these was changed in place."""
        return not self._edited.isdisjoint(things)

    def live_in(self, policy: StoredPolicy) -> list[AnyShared]:
        """The objects that a policy uses now and whose changes would take effect at once."""
        if not self._pending:
            return []
        graph = self._writer.graph
        nfas = dict.fromkeys(graph.references(policy.key, NFAS))
        used = {key for nfa in nfas for name in (FILTERS, ACTION) for key in graph.references(nfa, name)}
        return [
            thing
            for thing, values in self._pending.items()
            if thing.stored is not None and thing.stored.key in used and live(values) and not thing.unused
        ]

    def live_writes(self, things: t.Iterable[AnyShared]) -> int:
        """How many writes would change what is in force if these are edited."""
        return sum(live(self._pending[thing]) for thing in things)

    def replace(self, things: t.Iterable[AnyShared], policy: str) -> None:
        """Create a new object for each of these, so that one later write makes all of them live.

        The policy that uses them owns the new ones, and from now on the old ones: what nothing refers to after an
        interruption is known as a leftover.
        """
        for thing in things:
            old = t.cast(str, thing.stored and thing.stored.key)
            key = self._writer.new_key(_class_of(thing))
            self._writer.create(key, policy, self._pending.pop(thing), like=old)
            owned = bool(self._writer.graph.owners(old))
            if not owned:
                self._writer.set(old, OWNERS, Value.strings([reference(self._writer.graph.path(policy))]))
            self._keys[thing] = fold(key)
            self._replaced.append(_Replaced(old=old, new=fold(key), owned=owned))

    def edit(self) -> None:
        """Change the other objects that rules use afterwards, in place. Those that no rule uses lose their owner, so
        that they stay.
        """
        for thing in self._things:
            if thing.unused:
                self._writer.set(self.key(thing), OWNERS, None)
        for thing in [thing for thing in self._pending if not thing.unused]:
            self._edit(thing)

    def _edit(self, thing: AnyShared) -> None:
        key = self.key(thing)
        for name, value in self._pending.pop(thing).items():
            self._writer.set(key, name, value)
        self._writer.touch([key])
        self._edited.add(thing)

    def finish(self) -> None:
        """Change what rules do not use any more, and make the owners of new objects fit those of the replaced ones."""
        for thing in list(self._pending):
            self._edit(thing)
        for replaced in self._replaced:
            if replaced.owned:
                self._writer.share(replaced.new)
            else:
                self._writer.set(replaced.new, OWNERS, None)

    @property
    def done_with(self) -> list[str]:
        """The objects that are replaced or deleted, once nothing refers to them."""
        return [*(replaced.old for replaced in self._replaced), *self._deleted]

    def _values(self, thing: AnyShared) -> Values:
        """What the object is to hold. Data that means the same is not written again."""
        values: Values = {NAME: text_value(thing.name), DESCRIPTION: text_value(thing.description)}
        if thing.stored is not None and thing.stored.begun:
            key, store = thing.stored.key, self._writer.store
            common = common_values(store.spelling(key))
            values.update((name, value) for name, value in common.items() if store.get(key, name) is None)
        if isinstance(thing, SharedAction):
            if thing.stored is None or thing.stored.value != thing.value:
                values.update(action_values(thing.value, thing.stored.blob if thing.stored else None))
        elif thing.stored is None or thing.stored.begun or self._other_filters(thing):
            blob = write_filters(thing.filters, thing.stored.content if thing.stored else None, self._new_guid)
            values[DATA] = Value.binary(blob.pack())
        return values

    def _other_filters(self, thing: SharedList) -> bool:
        held = thing.stored.filters if thing.stored else ()
        return thing.filters is not held and frozenset(thing.filters) != frozenset(held)

    def _new_guid(self) -> bytes:
        return uuid.UUID(self._writer.new_guid()).bytes_le


def _class_of(thing: AnyShared) -> ObjectClass:
    return ObjectClass.ACTION if isinstance(thing, SharedAction) else ObjectClass.FILTER
