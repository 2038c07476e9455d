# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Plans the way back to a store as a backup has it."""

from __future__ import annotations

import typing as t

from ..objects.graph import Graph
from ..objects.policies import StoredPolicy, StoredRule, read_policies
from ..store.casing import fold
from ..store.difference import difference
from ..store.names import NAME
from ..store.operations import Delete
from ..store.store import Store
from ..target.merge import PolicyChange, Target
from .planner import Plan, PolicyPlan

_Pair: t.TypeAlias = tuple[StoredPolicy | None, StoredPolicy | None]


def plan_restore(before: Graph, restored: Store) -> Plan:
    """The operations from the store of `before` to `restored`, and what they mean for its policies.

    The order is that of `difference`: like the change that it undoes, a restored change takes effect in one write.
    """
    after = Graph(restored.copy())
    for key in after.leftovers():
        after.change(Delete(after.path(key)))
    operations = difference(before.store, after.store)
    changed = [pair for pair in _pairs(before, after) if _differ(*pair, before, after)]
    # the assigned policy first, as in other plans
    changed.sort(key=lambda pair: pair[1] is None or pair[1].key != after.active)
    return Plan(tuple(operations), after, tuple(_policy_plan(old, new, before, after) for old, new in changed))


def _pairs(before: Graph, after: Graph) -> list[_Pair]:
    """Each policy before and after, by its key or else by its name: a large change gives an assigned policy a new
    key.
    """
    old = {policy.key: policy for policy in read_policies(before)}
    pairs: list[_Pair] = []
    unknown: list[StoredPolicy] = []
    for policy in read_policies(after):
        if policy.key in old:
            pairs.append((old.pop(policy.key), policy))
        else:
            unknown.append(policy)
    by_name = {fold(policy.policy.name): policy for policy in old.values()}
    for policy in unknown:
        found = by_name.pop(fold(policy.policy.name), None)
        if found is not None:
            del old[found.key]
        pairs.append((found, policy))
    return [*pairs, *((policy, None) for policy in old.values())]


def _is_active(policy: StoredPolicy | None, graph: Graph) -> bool:
    return policy is not None and policy.key == graph.active


def _differ(old: StoredPolicy | None, new: StoredPolicy | None, before: Graph, after: Graph) -> bool:
    return old != new or _is_active(old, before) != _is_active(new, after)


def _policy_plan(old: StoredPolicy | None, new: StoredPolicy | None, before: Graph, after: Graph) -> PolicyPlan:
    was_active, is_active = _is_active(old, before), _is_active(new, after)
    assigns = is_active and not was_active
    displaces = before.active if assigns else None
    return PolicyPlan(
        change=PolicyChange(old, _target(old, new), is_active if is_active != was_active else None),
        key=None if new is None else new.key,
        changed=True,
        in_force=was_active or is_active,
        assigns=assigns,
        displaces=displaces,
        unassigned=None if displaces is None else before.text(displaces, NAME),
    )


def _target(old: StoredPolicy | None, new: StoredPolicy | None) -> Target | None:
    if new is None:
        return None
    by_key = {rule.key: rule for rule in old.rules} if old else {}
    by_name = {fold(rule.rule.name): rule for rule in old.rules} if old else {}
    origins: list[StoredRule | None] = []
    for rule in new.rules:
        found = by_key.get(rule.key) or by_name.get(fold(rule.rule.name))
        if found is not None:
            by_key.pop(found.key, None)
            by_name.pop(fold(found.rule.name), None)
        origins.append(found)
    kept = {origin.key for origin in origins if origin is not None}
    removed = [rule for rule in (old.rules if old else ()) if rule.key not in kept]
    return Target(new.policy, tuple(origins), tuple(removed))
