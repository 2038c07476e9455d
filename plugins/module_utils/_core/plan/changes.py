# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the objects of a rule are to hold, and how it differs from what they hold."""

from __future__ import annotations

import dataclasses
import uuid

from ..model import Action, DefaultResponse, Rule
from ..objects.blobs import NfaBlob
from ..objects.convert.filters import write_filters
from ..objects.convert.negotiation_policy import (
    ACTION_GUIDS,
    DEFAULT_RESPONSE_TYPE,
    write_security_methods,
)
from ..objects.convert.nfa import write_authentication, write_connection_type, write_tunnel
from ..objects.graph import ObjectClass
from ..objects.policies import StoredDefaultResponse, StoredRule
from ..store.names import ACTION, ACTION_GUID, ACTION_TYPE, DATA, DESCRIPTION, FILTERS, NAME
from ..store.values import Value
from ..target.shared import AnyShared, RuleParts
from .shared import SharedWriter
from .values import action_values, differences, live, text_value
from .writer import StoreWriter, Values


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RulePart:
    """The filter list or the action of a rule.

    `reference` is the value of the NFA that refers to it, `old_keys` are the objects that it refers to now, `editable`
    is the one of them that belongs to this rule alone. `values` are what it is to hold, `changes` what it does not hold
    yet; `others` are other filter lists of the rule, which stay.

    `refers` is the reference to shared objects, which are written elsewhere; `edited` says that one of them was.
    """

    class_: ObjectClass
    reference: str
    old_keys: tuple[str, ...]
    editable: str | None
    values: Values
    changes: Values
    others: tuple[str, ...] = ()
    refers: Value | None = None
    edited: bool = False

    @property
    def grows(self) -> bool:
        """Whether the list of filter lists only gets longer."""
        if self.class_ is not ObjectClass.FILTER or not self.changes or self.editable is not None:
            return False
        return (self.refers is not None and {*self.old_keys} < {*self.others}) or not self.old_keys

    def in_place(self, in_force: bool) -> bool:
        """Whether the object itself is edited; otherwise a new one replaces it."""
        return self.editable is not None and (not in_force or live(self.changes) <= 1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NfaChange:
    """A rule, or the default response rule: the values of its NFA, and its parts.

    `key` is None for a new rule. `shared` says that another policy refers to the same NFA, which it should not.
    """

    key: str | None
    values: Values
    changes: Values
    parts: tuple[RulePart, ...]
    shared: bool

    @property
    def unchanged(self) -> bool:
        return self.key is not None and not self.changes and not any(part.changes for part in self.parts)

    @property
    def grows(self) -> bool:
        """Whether a list of references only gets longer."""
        return any(part.grows for part in self.parts)

    def live_writes(self) -> int:
        """How many writes would change what is in force if the NFA is edited."""
        return live(self.changes) + sum(
            live(part.changes) if part.in_place(in_force=True) else 1 for part in self.parts if part.changes
        )


def rule_change(
    writer: StoreWriter, rule: Rule, origin: StoredRule | None, taken: RuleParts, shared: SharedWriter
) -> NfaChange:
    """From the stored rule (None: there is none) to `rule`, which uses the shared objects in `taken`."""
    nfa = origin.nfa if origin else NfaBlob(methods=())
    nfa = dataclasses.replace(
        write_authentication(write_tunnel(nfa, rule.tunnel), rule.authentication),
        interface_type=write_connection_type(rule.connection_type),
        is_active=nfa.is_active if origin and rule.enabled == origin.rule.enabled else int(rule.enabled),
    )
    values: Values = {
        NAME: text_value(rule.name),
        DESCRIPTION: text_value(rule.description),
        DATA: Value.binary(nfa.pack()),
    }
    parts = (
        _filter_part(writer, rule, origin)
        if taken.lists is None
        else _shared_part(shared, ObjectClass.FILTER, tuple(origin.filters) if origin else (), taken.lists),
        _rule_action(writer, rule, origin)
        if taken.action is None
        else _shared_part(shared, ObjectClass.ACTION, (origin.action_key,) if origin else (), (taken.action,)),
    )
    return _nfa_change(writer, origin.key if origin else None, values, parts)


def default_response_change(
    writer: StoreWriter, wanted: DefaultResponse, origin: StoredDefaultResponse | None
) -> NfaChange:
    """From the stored default response rule (None: there is none) to `wanted`."""
    nfa = write_authentication(origin.nfa if origin else NfaBlob(methods=()), wanted.authentication)
    if origin is None or origin.value.enabled != wanted.enabled:
        nfa = dataclasses.replace(nfa, is_active=int(wanted.enabled))
    values: Values = {}
    if origin is None or origin.value.methods != wanted.methods:
        blob = write_security_methods(wanted.methods, False, origin.action if origin else None)
        values = {
            ACTION_TYPE: Value.string(DEFAULT_RESPONSE_TYPE),
            ACTION_GUID: Value.string(ACTION_GUIDS[Action.NEGOTIATE, False]),
            DATA: Value.binary(blob.pack()),
        }
    part = _action_part(writer, values, origin)
    return _nfa_change(writer, origin.key if origin else None, {DATA: Value.binary(nfa.pack())}, (part,))


def _nfa_change(writer: StoreWriter, key: str | None, values: Values, parts: tuple[RulePart, ...]) -> NfaChange:
    if key is None:
        return NfaChange(key=None, values=values, changes=values, parts=parts, shared=False)
    return NfaChange(
        key=key,
        values=values,
        changes=differences(writer.store, key, values),
        parts=parts,
        shared=len(writer.users(key)) > 1,
    )


def _rule_action(writer: StoreWriter, rule: Rule, origin: StoredRule | None) -> RulePart:
    values: Values = {NAME: text_value(rule.filter_action or "")}
    if origin is None or origin.rule.action != rule.action:
        values.update(action_values(rule.action, origin.action if origin else None))
    return _action_part(writer, values, origin)


def _action_part(writer: StoreWriter, values: Values, origin: StoredRule | StoredDefaultResponse | None) -> RulePart:
    key = origin.action_key if origin else None
    return RulePart(
        class_=ObjectClass.ACTION,
        reference=ACTION,
        old_keys=() if key is None else (key,),
        editable=key if origin and _exclusive(writer, origin.action_key, origin.key) else None,
        values=values,
        changes=values if key is None else differences(writer.store, key, values),
    )


def _shared_part(
    shared: SharedWriter, class_: ObjectClass, old_keys: tuple[str, ...], things: tuple[AnyShared, ...]
) -> RulePart:
    """The part of a rule that consists of shared objects."""
    keys = tuple(dict.fromkeys(map(shared.key, things)))
    name = FILTERS if class_ is ObjectClass.FILTER else ACTION
    refers = shared.reference(class_, keys)
    return RulePart(
        class_=class_,
        reference=name,
        old_keys=old_keys,
        editable=None,
        values={},
        changes={} if keys == old_keys else {name: refers},
        others=keys,
        refers=refers,
        edited=shared.edited(things),
    )


def _filter_part(writer: StoreWriter, rule: Rule, origin: StoredRule | None) -> RulePart:
    """A list is edited if it is the only one that changes and nobody else uses it; otherwise all filters go into a new
    list.
    """
    keys = tuple(origin.filters) if origin else ()
    name: Values = {NAME: text_value(rule.filter_list or "")}

    def new_guid() -> bytes:
        return uuid.UUID(writer.new_guid()).bytes_le

    def part(editable: str | None, values: Values, changes: Values, others: tuple[str, ...] = ()) -> RulePart:
        return RulePart(
            class_=ObjectClass.FILTER,
            reference=FILTERS,
            old_keys=keys,
            editable=editable,
            values=values,
            changes=changes,
            others=others,
        )

    if origin and not keys and not rule.filters:
        return part(None, {}, {})
    if origin and keys:
        renamed = differences(writer.store, keys[0], name)
        wanted = frozenset(rule.filters)
        same = wanted == frozenset(origin.rule.filters)
        if same and (not renamed or _exclusive(writer, keys[0], origin.key)):
            return part(keys[0], name, renamed)
        held = {key: frozenset(found.filters) for key, found in origin.filters.items()}
        changing = [key for key, filters in held.items() if not wanted >= filters] or [keys[0]]
        its_own = (
            wanted.difference(*(filters for key, filters in held.items() if key != changing[0])) | held[changing[0]]
        )
        filters = [filter_ for filter_ in rule.filters if filter_ in its_own]
        # the snap-in shows the name of the first list
        named = changing[0] == keys[0] or not renamed
        if not same and len(changing) == 1 and filters and named and _exclusive(writer, changing[0], origin.key):
            blob = write_filters(filters, origin.filters[changing[0]], new_guid)
            values: Values = {DATA: Value.binary(blob.pack()), **(name if changing[0] == keys[0] else {})}
            others = tuple(key for key in keys if key != changing[0])
            return part(changing[0], values, differences(writer.store, changing[0], values), others)
    base = origin.filters[keys[0]] if origin and len(keys) == 1 else None
    values = {**name, DATA: Value.binary(write_filters(rule.filters, base, new_guid).pack())}
    return part(None, values, values)


def _exclusive(writer: StoreWriter, key: str, user: str) -> bool:
    """Whether the object belongs to that NFA alone, and the NFA to one policy."""
    shared = len(writer.users(user)) > 1
    return not shared and writer.users(key) == {user} and not writer.graph.is_library(key)
