# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which steps lead to a policy, and in which order."""

from __future__ import annotations

import dataclasses
import functools
import typing as t
import uuid

from ..blobs import IsakmpBlob, PolicyBlob
from ..convert.main_mode import write_main_mode
from ..graph import ACTION, ACTIVE_POLICY, FILTERS, ISAKMP, NFAS, REPLACES, Graph, ObjectClass, reference
from ..merge import Target
from ..objects import StoredPolicy, read_policy
from ..store import Operation, Store, Value
from .changes import NfaChange, Part, default_response_change, differences, live, rule_change, text_value
from .writer import DATA, DESCRIPTION, NAME, NewGuid, Values, Writer, common_values


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to do, the store as it is then, and what that means.

    `policy` is the key that the policy has then. `in_force` says whether what the service works with changes; `assigns`
    that this policy was not assigned before; `unassigned` is the name of the policy that it takes the place of;
    `remaining` are the keys of objects that a deleted policy used and that stay.
    """

    operations: tuple[Operation, ...]
    store: Store
    policy: str | None
    in_force: bool
    assigns: bool = False
    unassigned: str | None = None
    remaining: tuple[str, ...] = ()

    @functools.cached_property
    def graph(self) -> Graph:
        """The store as it is then, as objects."""
        return Graph(self.store)

    @functools.cached_property
    def outcome(self) -> StoredPolicy | None:
        """The policy as it is read then."""
        return None if self.policy is None else read_policy(self.graph, self.policy)

    def after(self, before: Plan) -> Plan:
        """This plan behind one that makes the store it was made for."""
        if not before.operations:
            return self
        return dataclasses.replace(
            self,
            operations=before.operations + self.operations,
            in_force=before.in_force or self.in_force,
            assigns=before.assigns or self.assigns,
            unassigned=before.unassigned or self.unassigned,
            remaining=tuple(dict.fromkeys(key for key in (*before.remaining, *self.remaining) if key in self.store)),
        )


def plan_finish(store: Store, untold: bool, now: int, new_guid: NewGuid) -> Plan:
    """What is left to do of a change that was cut off. It comes before anything else is planned: which policy is
    assigned tells which of two is the one that counts. `untold`: polls may not have learnt of it either.
    """
    writer = Writer(store, now, new_guid)
    writer.clean_up()
    if untold and (active := Graph(writer.store).active) is not None:
        writer.touch([active])
    return Plan(tuple(writer.operations), writer.store, None, in_force=False)


def plan_present(
    graph: Graph, stored: StoredPolicy | None, target: Target, assigned: bool | None, now: int, new_guid: NewGuid
) -> Plan:
    """The way to `target`, assigned or not as `assigned` says (None: as it is). `now` is the host's clock."""
    writer = Writer(graph.store, now, new_guid)
    was_active = stored is not None and graph.active == stored.key
    if was_active and assigned is False:
        writer.set("", ACTIVE_POLICY, None)
    if stored is None:
        key = _create_policy(writer, target)
    else:
        key = _Change(writer, graph, stored, target, was_active and assigned is not False).run()
    unassigned = None
    assigns = bool(assigned) and not was_active
    if assigns:
        unassigned = graph.text(graph.active, NAME) if graph.active else None
        writer.set("", ACTIVE_POLICY, Value.string(reference(writer.store.spelling(key))))
    in_force = bool(writer.operations) and (was_active or bool(assigned))
    writer.clean_up()
    return Plan(tuple(writer.operations), writer.store, key.lower(), in_force, assigns, unassigned)


def plan_absent(graph: Graph, stored: StoredPolicy | None, now: int, new_guid: NewGuid) -> Plan:
    """The way to a store without this policy and without what belongs to it alone."""
    writer = Writer(graph.store, now, new_guid)
    used: list[str] = []
    was_active = stored is not None and graph.active == stored.key
    if stored is not None:
        if was_active:
            writer.set("", ACTIVE_POLICY, None)
        nfas = list(dict.fromkeys(graph.references(stored.key, NFAS)))
        isakmp = graph.references(stored.key, ISAKMP)
        for nfa in nfas:
            used += _parts_of(graph, nfa)
            writer.let_go(graph, _parts_of(graph, nfa), nfa)
        writer.let_go(graph, [*isakmp, *nfas], stored.key)
        used = [key for key in dict.fromkeys([*isakmp, *nfas, *used]) if key in graph]
        writer.delete(stored.key)
    writer.clean_up()
    remaining = tuple(key for key in used if key in writer.store)
    return Plan(tuple(writer.operations), writer.store, None, was_active, remaining=remaining)


def _parts_of(graph: Graph, nfa: str) -> list[str]:
    return [*graph.references(nfa, FILTERS), *graph.references(nfa, ACTION)]


def _guid_bytes(new_guid: NewGuid) -> bytes:
    return uuid.UUID(new_guid()).bytes_le


def _create_policy(writer: Writer, target: Target) -> str:
    """A new policy: what it refers to comes first, so that there is a policy only when it is whole."""
    key = writer.new_key(ObjectClass.POLICY)
    graph = Graph(writer.store)
    changes = [rule_change(graph, rule, None, lambda: _guid_bytes(writer.new_guid)) for rule in target.policy.rules]
    if target.policy.default_response is not None:
        changes.append(default_response_change(graph, target.policy.default_response, None))
    nfas = [_create_nfa(writer, key, change) for change in changes]
    isakmp = writer.new_key(ObjectClass.ISAKMP)
    writer.create(isakmp, key, {DATA: Value.binary(write_main_mode(target.policy.main_mode, None).pack())})
    references: Values = {ISAKMP: Value.string(reference(isakmp)), NFAS: Value.strings(map(reference, nfas))}
    writer.create(key, None, {**_policy_values(graph, target, None), **references})
    return key


def _policy_values(graph: Graph, target: Target, stored: StoredPolicy | None) -> Values:
    policy = target.policy
    values: Values = {NAME: text_value(policy.name), DESCRIPTION: text_value(policy.description)}
    # its data comes after what all objects have: without it, an interrupted run has begun the policy
    begun = stored is not None and graph.data(stored.key) is None
    if stored is not None and begun:
        common = common_values(graph.path(stored.key))
        values.update((name, value) for name, value in common.items() if graph.store.get(stored.key, name) is None)
    if stored is None or begun or stored.policy.poll_interval != policy.poll_interval:
        trailing = stored.blob.trailing if stored and stored.blob else 0
        values[DATA] = Value.binary(PolicyBlob(policy.poll_interval, trailing).pack())
    return values


def _create_nfa(writer: Writer, policy: str, change: NfaChange) -> str:
    """A new NFA. Of one that is replaced it keeps the parts that do not change, and what has no name here."""
    key = writer.new_key(ObjectClass.NFA)
    references: Values = {}
    for part in change.parts:
        if change.key is not None and not live(part.changes) and (part.editable is not None or not part.changes):
            for name, value in part.changes.items():
                writer.set(t.cast(str, part.editable), name, value)
            references[part.reference] = writer.store.get(change.key, part.reference)
        else:
            references[part.reference] = _create_part(writer, key, part)
    writer.create(key, policy, {**change.values, **references}, like=change.key)
    return key


def _create_part(writer: Writer, nfa: str, part: Part) -> Value:
    """A new filter list or action, and the reference to it. The one it replaces lends what has no name here."""
    key = writer.new_key(part.class_)
    replaced = [old for old in part.old_keys if old not in part.others]
    writer.create(key, nfa, part.values, like=replaced[0] if len(replaced) == 1 else None)
    if part.class_ is ObjectClass.ACTION:
        return Value.string(reference(key))
    # it stands where the old one stood: the first list's name is the one that is shown
    keys = dict.fromkeys(old if old in part.others else key for old in (part.old_keys or (key,)))
    return Value.strings(reference(writer.store.spelling(k)) for k in keys)


class _Change:
    """The change of a policy that exists."""

    def __init__(self, writer: Writer, graph: Graph, stored: StoredPolicy, target: Target, in_force: bool) -> None:
        self.writer = writer
        self.graph = graph
        self.stored = stored
        self.in_force = in_force
        self.values = differences(graph.store, stored.key, _policy_values(graph, target, stored))
        self.main_mode = _changed_main_mode(target, stored)
        self.removed = [origin.key for origin in target.removed]
        self.changes = [
            rule_change(graph, rule, origin, lambda: _guid_bytes(writer.new_guid))
            for rule, origin in zip(target.policy.rules, target.origins, strict=True)
        ]
        if target.policy.default_response is not None:
            self.changes.append(default_response_change(graph, target.policy.default_response, stored.default_response))

    def run(self) -> str:
        """Returns the key of the policy as it is then."""
        of_policy = live(self.values) + (self.main_mode is not None)
        replaced = {change.key for change in self.changes if change.shared and not change.unchanged}
        of_list = int(bool(self.removed or replaced or any(change.key is None for change in self.changes)))
        writes = {c.key: c.live_writes() for c in self.changes if c.key is not None and c.key not in replaced}
        if self.in_force and of_policy + of_list + sum(writes.values()) > 1:
            # more than one value is live: the list of NFAs takes all changed rules, a new policy all the rest
            replaced.update(key for key, count in writes.items() if count)
            if of_policy:
                return self._swing(replaced)
        return self._edit(replaced)

    def _edit(self, replaced: set[str | None]) -> str:
        """Change the policy where it stands."""
        policy = self.stored.key
        nfas, touched = self._write_rules(policy, replaced)
        touched += self._edit_main_mode()
        if nfas != self.graph.references(policy, NFAS):
            self.writer.set(policy, NFAS, self._nfa_list(nfas))
            touched.append(policy)
        for name, value in self.values.items():
            self.writer.set(policy, name, value)
            touched.append(policy)
        if touched:
            self.writer.touch([*(key for key in touched if key != policy), policy])
        return policy

    def _swing(self, replaced: set[str | None]) -> str:
        """A whole new policy object beside the assigned one, then ActivePolicy. The old one goes with the clean-up."""
        policy = self.writer.new_key(ObjectClass.POLICY)
        nfas, touched = self._write_rules(policy, replaced)
        values: Values = {
            REPLACES: Value.string(reference(self.graph.path(self.stored.key))),
            NAME: self.graph.store.get(self.stored.key, NAME),
            **self.values,
            NFAS: self._nfa_list(nfas),
        }
        if self.main_mode is not None:
            values[ISAKMP] = Value.string(reference(self._create_main_mode(policy, self.main_mode)))
        self.writer.touch(touched)
        self.writer.create(policy, None, values, like=self.stored.key)
        self.writer.set("", ACTIVE_POLICY, Value.string(reference(policy)))
        return policy

    def _nfa_list(self, nfas: list[str]) -> Value:
        return Value.strings(reference(self.writer.store.spelling(key)) for key in nfas)

    def _write_rules(self, policy: str, replaced: set[str | None]) -> tuple[list[str], list[str]]:
        """Write the NFAs; those in `replaced` anew. Returns the list of NFAs the policy shall have, and what was
        touched.
        """
        for key in self.removed:
            self.writer.let_go(self.graph, _parts_of(self.graph, key), key)
        self.writer.let_go(self.graph, self.removed, self.stored.key)
        touched: list[str] = []
        becomes: dict[str, str] = {}
        added: list[str] = []
        for change in self.changes:
            if change.key is None:
                added.append(_create_nfa(self.writer, policy, change))
            elif change.key in replaced:
                self.writer.let_go(self.graph, _parts_of(self.graph, change.key), change.key)
                self.writer.let_go(self.graph, [change.key], self.stored.key)
                becomes[change.key] = _create_nfa(self.writer, policy, change)
            else:
                touched += self._edit_nfa(change.key, change)
        old = [key for key in self.graph.references(self.stored.key, NFAS) if key not in self.removed]
        return [becomes.get(key, key).lower() for key in old] + [key.lower() for key in added], touched

    def _edit_nfa(self, nfa: str, change: NfaChange) -> list[str]:
        """Change an NFA where it stands: its parts, then its own values. Returns what was touched, the NFA last."""
        if change.unchanged:
            return []
        touched = []
        for part in change.parts:
            if part.changes and part.in_place(self.in_force):
                key = t.cast(str, part.editable)
                for name, value in part.changes.items():
                    self.writer.set(key, name, value)
                touched.append(key)
            elif part.changes:
                self.writer.let_go(self.graph, [key for key in part.old_keys if key not in part.others], nfa)
                self.writer.set(nfa, part.reference, _create_part(self.writer, nfa, part))
        for name, value in change.changes.items():
            self.writer.set(nfa, name, value)
        return [*touched, nfa]

    def _edit_main_mode(self) -> list[str]:
        if self.main_mode is None:
            return []
        key = self.stored.isakmp_key
        if key is not None and self.graph.users.get(key) == {self.stored.key}:
            self.writer.set(key, DATA, Value.binary(self.main_mode.pack()))
            return [key, self.stored.key]
        new = self._create_main_mode(self.stored.key, self.main_mode)
        self.writer.set(self.stored.key, ISAKMP, Value.string(reference(new)))
        return [self.stored.key]

    def _create_main_mode(self, policy: str, blob: IsakmpBlob) -> str:
        key = self.writer.new_key(ObjectClass.ISAKMP)
        old = self.stored.isakmp_key
        self.writer.create(key, policy, {DATA: Value.binary(blob.pack())}, like=old)
        if old is not None:
            self.writer.let_go(self.graph, [old], self.stored.key)
        return key


def _changed_main_mode(target: Target, stored: StoredPolicy) -> IsakmpBlob | None:
    """The new data of main mode; None where it means the same already."""
    # one that cannot be read counts as the default that is shown for it: it is not touched by a change elsewhere
    unreadable = stored.isakmp_key is not None and stored.isakmp is None
    if (unreadable or stored.isakmp is not None) and stored.policy.main_mode == target.policy.main_mode:
        return None
    return write_main_mode(target.policy.main_mode, stored.isakmp)
