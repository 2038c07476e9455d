# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The writes that create, change or delete one policy, in a safe order."""

from __future__ import annotations

import typing as t

from ..objects.blobs import IsakmpBlob, PolicyBlob
from ..objects.convert.main_mode import write_main_mode
from ..objects.graph import Graph, ObjectClass
from ..objects.policies import StoredPolicy
from ..store.casing import fold
from ..store.names import ACTION, ACTIVE_POLICY, DATA, DESCRIPTION, FILTERS, ISAKMP, NAME, NFAS, REPLACES, reference
from ..store.values import Value
from ..target.merge import Target
from ..target.shared import RuleParts
from .changes import NfaChange, RulePart, default_response_change, rule_change
from .shared import SharedWriter
from .traits import Atom
from .values import differences, live, text_value
from .writer import StoreWriter, Values, common_values


def create_policy(writer: StoreWriter, target: Target, shared: SharedWriter) -> str:
    """Create a policy. The objects that it refers to come first, so that the policy exists only once it is complete.
    Returns its key.
    """
    key = writer.new_key(ObjectClass.POLICY)
    changes = _rule_changes(writer, target, shared)
    if target.policy.default_response is not None:
        changes.append(default_response_change(writer, target.policy.default_response, None))
    nfas = [_create_nfa(writer, key, change) for change in changes]
    isakmp = writer.new_key(ObjectClass.ISAKMP)
    writer.create(isakmp, key, {DATA: Value.binary(write_main_mode(target.policy.main_mode, None).pack())})
    references: Values = {ISAKMP: Value.string(reference(isakmp)), NFAS: Value.strings(map(reference, nfas))}
    writer.create(key, None, {**_policy_values(writer.graph, target, None), **references})
    return key


def _rule_changes(writer: StoreWriter, target: Target, shared: SharedWriter) -> list[NfaChange]:
    return [
        rule_change(writer, rule, origin, target.parts.get(index, RuleParts()), shared)
        for index, (rule, origin) in enumerate(zip(target.policy.rules, target.origins, strict=True))
    ]


def delete_policy(writer: StoreWriter, stored: StoredPolicy) -> list[str]:
    """Delete a policy; its objects become leftovers. Returns their keys."""
    graph = writer.graph
    nfas = list(dict.fromkeys(graph.references(stored.key, NFAS)))
    isakmp = graph.references(stored.key, ISAKMP)
    used: list[str] = []
    for nfa in nfas:
        used += _parts_of(graph, nfa)
        writer.let_go(_parts_of(graph, nfa), nfa)
    writer.let_go([*isakmp, *nfas], stored.key)
    writer.delete(stored.key)
    return [key for key in dict.fromkeys([*isakmp, *nfas, *used]) if key in graph]


def _parts_of(graph: Graph, nfa: str) -> list[str]:
    return [*graph.references(nfa, FILTERS), *graph.references(nfa, ACTION)]


def _policy_values(graph: Graph, target: Target, stored: StoredPolicy | None) -> Values:
    policy = target.policy
    values: Values = {NAME: text_value(policy.name), DESCRIPTION: text_value(policy.description)}
    # the data is written after the common values: a policy without it was left by an interrupted run
    begun = stored is not None and graph.data(stored.key) is None
    if stored is not None and begun:
        common = common_values(graph.path(stored.key))
        values.update((name, value) for name, value in common.items() if graph.store.get(stored.key, name) is None)
    if stored is None or begun or stored.policy.poll_interval != policy.poll_interval:
        blob = PolicyBlob(policy.poll_interval)
        if stored is not None and stored.blob is not None:
            blob = PolicyBlob(policy.poll_interval, stored.blob.trailing)
        values[DATA] = Value.binary(blob.pack())
    return values


def _create_nfa(writer: StoreWriter, policy: str, change: NfaChange) -> str:
    """Create an NFA. If it replaces one, it keeps unchanged parts, and values that this collection does not know."""
    key = writer.new_key(ObjectClass.NFA)
    references: Values = {}
    for part in change.parts:
        if part.refers is not None:
            references[part.reference] = part.refers
        elif change.key is not None and not live(part.changes) and (part.editable is not None or not part.changes):
            for name, value in part.changes.items():
                writer.set(t.cast(str, part.editable), name, value)
            references[part.reference] = writer.store.get(change.key, part.reference)
        else:
            references[part.reference] = _create_part(writer, key, part)
    writer.create(key, policy, {**change.values, **references}, like=change.key)
    return key


def _create_part(writer: StoreWriter, nfa: str, part: RulePart) -> Value:
    """Create a filter list or an action; returns the reference to it. Values that this collection does not know come
    from the object that it replaces.
    """
    key = writer.new_key(part.class_)
    replaced = [old for old in part.old_keys if old not in part.others]
    writer.create(key, nfa, part.values, like=replaced[0] if len(replaced) == 1 else None)
    if part.class_ is ObjectClass.ACTION:
        return Value.string(reference(key))
    # it takes the position of the old list: the snap-in shows the name of the first one
    keys = dict.fromkeys(old if old in part.others else key for old in (part.old_keys or (key,)))
    return Value.strings(reference(writer.store.spelling(k)) for k in keys)


class PolicyUpdate:
    """Changes an existing policy."""

    def __init__(self, writer: StoreWriter, stored: StoredPolicy, target: Target, shared: SharedWriter) -> None:
        self._writer = writer
        self._graph = writer.graph
        self._stored = stored
        self._in_force = writer.traits.in_force(writer.graph, stored.key)
        self._values = differences(writer.store, stored.key, _policy_values(writer.graph, target, stored))
        self._main_mode = _changed_main_mode(target, stored)
        self._removed = [origin.key for origin in target.removed]
        self._changes = _rule_changes(writer, target, shared)
        if target.policy.default_response is not None:
            response = default_response_change(writer, target.policy.default_response, stored.default_response)
            self._changes.append(response)

        # NFAs that another policy refers to, too, and those that cannot be changed safely
        growing = writer.traits.atom is Atom.OBJECT
        self._replaced = {
            change.key
            for change in self._changes
            if change.key is not None and ((change.shared and not change.unchanged) or (growing and change.grows))
        }
        self._writes = {
            c.key: c.live_writes() for c in self._changes if c.key is not None and c.key not in self._replaced
        }
        self._of_policy = live(self._values) + (self._main_mode is not None)

    @property
    def live_writes(self) -> int:
        """How many writes would change what is in force if all objects are edited in place."""
        added = any(change.key is None for change in self._changes)
        of_list = int(bool(self._removed or self._replaced or added))
        return self._of_policy + of_list + sum(self._writes.values())

    def run(self) -> str:
        """Write the change. Returns the key that the policy has afterwards."""
        traits = self._writer.traits
        if not self._in_force or self.live_writes <= traits.live_limit:
            return self._edit(self._replaced, new_main_mode=False)
        # one write must make everything live: the list of NFAs for all changed rules, else the whole policy object
        replaced = self._replaced | {key for key, count in self._writes.items() if count}
        if self._of_policy and traits.swings:
            return self._swing(replaced)
        return self._edit(replaced, new_main_mode=True)

    def _edit(self, replaced: set[str], *, new_main_mode: bool) -> str:
        """Change the policy object itself; its own values are written in a row."""
        policy = self._stored.key
        nfas, touched = self._write_rules(policy, replaced)
        old = self._graph.references(policy, NFAS)
        grows = self._writer.traits.atom is Atom.OBJECT and {*old} < {*nfas}
        touched += self._edit_main_mode(new_main_mode or grows)
        if grows:
            touched += self._renew_main_mode()
        if nfas != old:
            self._writer.set(policy, NFAS, self._nfa_list(nfas))
            touched.append(policy)
        for name, value in self._values.items():
            self._writer.set(policy, name, value)
            touched.append(policy)
        if touched:
            self._writer.touch([*(key for key in touched if key != policy), policy])
        return policy

    def _swing(self, replaced: set[str]) -> str:
        """Write a new policy object next to the assigned one, then ActivePolicy. The clean-up deletes the old one."""
        policy = self._writer.new_key(ObjectClass.POLICY)
        nfas, touched = self._write_rules(policy, replaced)
        values: Values = {
            REPLACES: Value.string(reference(self._graph.path(self._stored.key))),
            NAME: self._writer.store.get(self._stored.key, NAME),
            **self._values,
            NFAS: self._nfa_list(nfas),
        }
        if self._main_mode is not None:
            values[ISAKMP] = Value.string(reference(self._create_main_mode(policy, self._main_mode)))
        self._writer.touch(touched)
        self._writer.create(policy, None, values, like=self._stored.key)
        self._writer.set("", ACTIVE_POLICY, Value.string(reference(policy)))
        return policy

    def _nfa_list(self, nfas: list[str]) -> Value:
        return Value.strings(reference(self._writer.store.spelling(key)) for key in nfas)

    def _write_rules(self, policy: str, replaced: set[str]) -> tuple[list[str], list[str]]:
        """Write the NFAs; those in `replaced` get new objects. Returns the list of NFAs that the policy is to have, and
        the objects that were touched.
        """
        for key in self._removed:
            self._writer.let_go(_parts_of(self._graph, key), key)
        self._writer.let_go(self._removed, self._stored.key)
        touched: list[str] = []
        becomes: dict[str, str] = {}
        added: list[str] = []
        for change in self._changes:
            if change.key is None:
                added.append(fold(_create_nfa(self._writer, policy, change)))
            elif change.key in replaced:
                self._writer.let_go(_parts_of(self._graph, change.key), change.key)
                self._writer.let_go([change.key], self._stored.key)
                becomes[change.key] = fold(_create_nfa(self._writer, policy, change))
            else:
                touched += self._edit_nfa(change.key, change)
        old = [key for key in self._graph.references(self._stored.key, NFAS) if key not in self._removed]
        return [*(becomes.get(key, key) for key in old), *added], touched

    def _edit_nfa(self, nfa: str, change: NfaChange) -> list[str]:
        """Change an existing NFA: its parts, then its own values. Returns the touched objects, the NFA last."""
        if change.unchanged:
            return [nfa] if any(part.edited for part in change.parts) else []
        touched = []
        for part in change.parts:
            if part.changes and part.in_place(self._in_force):
                key = t.cast(str, part.editable)
                for name, value in part.changes.items():
                    self._writer.set(key, name, value)
                touched.append(key)
            elif part.changes:
                self._writer.let_go([key for key in part.old_keys if key not in part.others], nfa)
                self._writer.set(nfa, part.reference, part.refers or _create_part(self._writer, nfa, part))
        for name, value in change.changes.items():
            self._writer.set(nfa, name, value)
        return [*touched, nfa]

    def _edit_main_mode(self, new: bool) -> list[str]:
        if self._main_mode is None:
            return []
        policy, key = self._stored.key, self._stored.isakmp_key
        if not new and key is not None and self._writer.users(key) == {policy}:
            self._writer.set(key, DATA, Value.binary(self._main_mode.pack()))
            return [key, policy]
        created = self._create_main_mode(policy, self._main_mode)
        self._writer.set(policy, ISAKMP, Value.string(reference(created)))
        return [policy]

    def _renew_main_mode(self) -> list[str]:
        """Copy the main mode unless it is new. Two writers can both add to a list, but only one of them can exchange a
        single reference with it.
        """
        policy, old = self._stored.key, self._stored.isakmp_key
        if old is None or old not in self._graph or self._graph.references(policy, ISAKMP) != [old]:
            return []
        self._writer.set(policy, ISAKMP, Value.string(reference(self._create_main_mode(policy, None))))
        return [policy]

    def _create_main_mode(self, policy: str, blob: IsakmpBlob | None) -> str:
        """Create a main mode with that data, None for that of the stored one."""
        key = self._writer.new_key(ObjectClass.ISAKMP)
        old = self._stored.isakmp_key
        self._writer.create(key, policy, {} if blob is None else {DATA: Value.binary(blob.pack())}, like=old)
        if old is not None:
            self._writer.let_go([old], self._stored.key)
        return key


def _changed_main_mode(target: Target, stored: StoredPolicy) -> IsakmpBlob | None:
    """The new data of main mode; None if it means the same already."""
    # data that cannot be read counts as the default that is shown for it: a change elsewhere does not touch it
    unreadable = stored.isakmp_key is not None and stored.isakmp is None
    if (unreadable or stored.isakmp is not None) and stored.policy.main_mode == target.policy.main_mode:
        return None
    return write_main_mode(target.policy.main_mode, stored.isakmp)
