# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the objects of one rule shall hold, and how far what they hold is from it."""

from __future__ import annotations

import dataclasses
import typing as t

from ..blobs import NfaBlob
from ..convert.filters import GuidSource, write_filters
from ..convert.negotiation_policy import ACTION_GUIDS, DEFAULT_RESPONSE_TYPE, STANDARD_TYPE, write_security_methods
from ..convert.nfa import write_authentication, write_connection_type, write_tunnel
from ..graph import ACTION, FILTERS, Graph, ObjectClass
from ..model import DefaultResponse, Rule
from ..objects import StoredDefaultResponse, StoredRule
from ..store import Store, Value
from .writer import DATA, DESCRIPTION, NAME, Values

_ACTION_GUID: t.Final = "ipsecNegotiationPolicyAction"
_ACTION_TYPE: t.Final = "ipsecNegotiationPolicyType"
_COSMETIC: t.Final = (NAME, DESCRIPTION)


def live(changes: Values) -> int:
    """How many of these values matter to what is in force: names and descriptions do not."""
    return sum(name not in _COSMETIC for name in changes)


def differences(store: Store, key: str, values: Values) -> Values:
    """Those of `values` that the object does not hold."""

    def held(name: str, value: Value | None) -> bool:
        old = store.get(key, name)
        data = None if old is None else old.data
        if value is None:
            # what is no text says no more than an empty one
            return not isinstance(data, str) or data == ""
        if name in (_ACTION_GUID, _ACTION_TYPE):
            return str(data).lower() == value.data
        return data == value.data

    return {name: value for name, value in values.items() if not held(name, value)}


def text_value(value: str) -> Value | None:
    return Value.string(value) if value else None


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """The filter list or the action of a rule.

    `reference` is the NFA's value that refers to it, `old_keys` the objects it refers to now, `editable` the one of
    them that may be edited, being nobody else's. `values` are those it shall hold, `changes` those it does not hold
    yet; `others` are the filter lists that stay beside it.
    """

    class_: ObjectClass
    reference: str
    old_keys: tuple[str, ...]
    editable: str | None
    values: Values
    changes: Values
    others: tuple[str, ...] = ()

    def in_place(self, in_force: bool) -> bool:
        """Whether the object itself is edited; else a new one takes its place."""
        return self.editable is not None and (not in_force or live(self.changes) <= 1)


@dataclasses.dataclass(frozen=True, slots=True)
class NfaChange:
    """A rule, or the default response rule: its NFA's own values and its parts.

    `key` is None for a new one. `shared` says that another policy refers to the same NFA, which it should not.
    """

    key: str | None
    values: Values
    changes: Values
    parts: tuple[Part, ...]
    shared: bool

    @property
    def unchanged(self) -> bool:
        return self.key is not None and not self.changes and not any(part.changes for part in self.parts)

    def live_writes(self) -> int:
        """How many writes would change what is in force, with the NFA staying where it is."""
        return live(self.changes) + sum(
            live(part.changes) if part.in_place(in_force=True) else 1 for part in self.parts if part.changes
        )


def rule_change(graph: Graph, rule: Rule, origin: StoredRule | None, new_guid: GuidSource) -> NfaChange:
    """The way from the stored rule (None: there is none) to `rule`."""
    nfa = origin.nfa if origin else NfaBlob(())
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
    parts = (_filter_part(graph, rule, origin, new_guid), _rule_action(graph, rule, origin))
    return _nfa_change(graph, origin.key if origin else None, values, parts)


def default_response_change(graph: Graph, wanted: DefaultResponse, origin: StoredDefaultResponse | None) -> NfaChange:
    """The way from the stored default response rule (None: there is none) to `wanted`."""
    nfa = write_authentication(origin.nfa if origin else NfaBlob(()), wanted.authentication)
    if origin is None or origin.value.enabled != wanted.enabled:
        nfa = dataclasses.replace(nfa, is_active=int(wanted.enabled))
    values: Values = {}
    if origin is None or origin.value.methods != wanted.methods:
        blob = write_security_methods(wanted.methods, False, origin.action if origin else None)
        values = {
            _ACTION_TYPE: Value.string(DEFAULT_RESPONSE_TYPE),
            _ACTION_GUID: Value.string(ACTION_GUIDS["negotiate", False]),
            DATA: Value.binary(blob.pack()),
        }
    part = _action_part(graph, values, origin)
    return _nfa_change(graph, origin.key if origin else None, {DATA: Value.binary(nfa.pack())}, (part,))


def _nfa_change(graph: Graph, key: str | None, values: Values, parts: tuple[Part, ...]) -> NfaChange:
    if key is None:
        return NfaChange(None, values, values, parts, shared=False)
    return NfaChange(key, values, differences(graph.store, key, values), parts, len(graph.users[key]) > 1)


def _rule_action(graph: Graph, rule: Rule, origin: StoredRule | None) -> Part:
    values: Values = {NAME: text_value(rule.filter_action or "")}
    if origin is None or origin.rule.action != rule.action:
        blob = write_security_methods(rule.action.methods, rule.action.soft, origin.action if origin else None)
        values[_ACTION_TYPE] = Value.string(STANDARD_TYPE)
        values[_ACTION_GUID] = Value.string(ACTION_GUIDS[rule.action.action, rule.action.inpass])
        values[DATA] = Value.binary(blob.pack())
    return _action_part(graph, values, origin)


def _action_part(graph: Graph, values: Values, origin: StoredRule | StoredDefaultResponse | None) -> Part:
    if origin is None:
        return Part(ObjectClass.ACTION, ACTION, (), None, values, values)
    key = origin.action_key
    editable = key if _exclusive(graph, key, origin.key) else None
    return Part(ObjectClass.ACTION, ACTION, (key,), editable, values, differences(graph.store, key, values))


def _filter_part(graph: Graph, rule: Rule, origin: StoredRule | None, new_guid: GuidSource) -> Part:
    """One list is edited where only one changes and nobody else uses it; else all filters go into a new one."""
    keys = tuple(origin.filters) if origin else ()
    name: Values = {NAME: text_value(rule.filter_list or "")}

    def part(editable: str | None, values: Values, changes: Values) -> Part:
        return Part(ObjectClass.FILTER, FILTERS, keys, editable, values, changes)

    if origin and not keys and not rule.filters:
        return part(None, {}, {})
    if origin and keys:
        renamed = differences(graph.store, keys[0], name)
        wanted = frozenset(rule.filters)
        same = wanted == frozenset(origin.rule.filters)
        if same and (not renamed or _exclusive(graph, keys[0], origin.key)):
            return part(keys[0], name, renamed)
        held = {key: frozenset(found.filters) for key, found in origin.filters.items()}
        changing = [key for key, filters in held.items() if not wanted >= filters] or [keys[0]]
        its_own = (
            wanted.difference(*(filters for key, filters in held.items() if key != changing[0])) | held[changing[0]]
        )
        filters = [filter_ for filter_ in rule.filters if filter_ in its_own]
        # the first list's name is the one that is shown
        named = changing[0] == keys[0] or not renamed
        if not same and len(changing) == 1 and filters and named and _exclusive(graph, changing[0], origin.key):
            blob = write_filters(filters, origin.filters[changing[0]], new_guid)
            values: Values = {DATA: Value.binary(blob.pack()), **(name if changing[0] == keys[0] else {})}
            others = tuple(key for key in keys if key != changing[0])
            changes = differences(graph.store, changing[0], values)
            return Part(ObjectClass.FILTER, FILTERS, keys, changing[0], values, changes, others)
    base = origin.filters[keys[0]] if origin and len(keys) == 1 else None
    values = {**name, DATA: Value.binary(write_filters(rule.filters, base, new_guid).pack())}
    return part(None, values, values)


def _exclusive(graph: Graph, key: str, user: str) -> bool:
    """Whether the object is that NFA's alone, and the NFA one policy's."""
    shared = len(graph.users.get(user, ())) > 1
    return not shared and graph.users.get(key) == {user} and not graph.is_library(key)
