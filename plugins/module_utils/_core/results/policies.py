# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a result says about policies, wherever they are stored."""

from __future__ import annotations

import typing as t

from ..checks.lint import Code, Finding
from ..hints import printable
from ..objects.graph import Graph, describe_class, object_id
from ..objects.policies import StoredPolicy
from ..objects.shared import StoredList
from ..plan import Plan, PolicyPlan, SharedPlan
from ..store.names import NAME
from ..target.shared import SharedList
from .counts import render_counts, render_shared
from .diff import Side, render_diff, render_shared_diff

Tree: t.TypeAlias = dict[str, t.Any]

OF_POLICIES: t.Final = (
    "names",
    "rules",
    "filters",
    "unassigned",
    "remaining",
    "policies",
    "operations",
    "operations_count",
)
"""The keys of a result about policies."""
_OPERATIONS_SHOWN: t.Final = 10


def render_policies(plans: t.Sequence[Plan], render: t.Callable[[Graph, StoredPolicy], Tree] | None) -> Tree:
    """What plans, one after the other, change in names and numbers, and what stays. `render` makes facts of a policy;
    None leaves out the policies themselves.
    """
    graph = plans[-1].graph
    remaining = dict.fromkeys(key for plan in plans for key in plan.remaining if key in graph)
    result: Tree = {
        **render_counts([policy for plan in plans for policy in plan.policies]),
        **render_shared(plans),
        "remaining": [_remaining(graph, key) for key in remaining],
    }
    if render is not None:
        result["policies"] = [render(graph, stored) for stored in plans[-1].outcomes.values()]
    return result


def finding_warnings(findings: t.Iterable[Finding], accept: t.Collection[Code]) -> list[str]:
    """The warnings about findings whose code is not in `accept`."""
    return [finding.warning() for finding in findings if finding.code not in accept]


def render_operations(operations: t.Sequence[Tree], *, complete: bool) -> Tree:
    """The operations of a task that failed: the first ones and their number, or all if `complete`."""
    shown = operations if complete else operations[:_OPERATIONS_SHOWN]
    return {"operations": list(shown), "operations_count": len(operations)}


def render_diffs(diffs: t.Iterable[Tree]) -> Tree:
    """The key `diff` of a result: one diff, or a list."""
    found = list(diffs)
    return {"diff": found[0] if len(found) == 1 else found}


def policy_diffs(
    plan: Plan,
    changed: t.Sequence[PolicyPlan],
    sides: t.Callable[[PolicyPlan], tuple[Side, Side]],
    *,
    where: str,
    title: str,
) -> list[Tree]:
    """A diff for each policy in `changed`, and for each filter list and filter action that no rule of these shows; for
    the first policy of the plan if there are none. `where` names the store, and `title` what the task is about.
    """
    shared = [
        _shared_diff(shared, where)
        for shared in plan.shared
        if shared.changed and (shared.wanted is None or shared.wanted.unused)
    ]
    policies = changed if changed or shared else plan.policies[:1]
    return [*(_diff_of(policy, sides(policy), where, title) for policy in policies), *shared]


def _shared_diff(shared: SharedPlan, where: str) -> Tree:
    thing = shared.wanted or shared.stored
    what = "filter list" if isinstance(thing, SharedList | StoredList) else "filter action"
    header = f"{where} IPsec {what} {printable(thing.name if thing else '')}"
    found = render_shared_diff(shared.stored, shared.wanted)
    return {**found, "before_header": header, "after_header": header}


def _diff_of(policy: PolicyPlan, sides: tuple[Side, Side], where: str, title: str) -> Tree:
    stored, target = policy.change.stored, policy.change.target
    name = target.policy.name if target else stored.policy.name if stored else title
    header = f"{where} IPsec policy {printable(name)}"
    found = render_diff(stored, sides[0], target, sides[1])
    return {**found, "before_header": header, "after_header": header}


def object_titles(graph: Graph, keys: t.Iterable[str]) -> tuple[str, ...]:
    """What diffs call objects that an interrupted change has left."""
    return tuple(f"{describe_class(graph.class_of(key))} {object_id(key)}" for key in keys)


def _remaining(graph: Graph, key: str) -> Tree:
    """An object that stays after its policy, and why."""
    names = [
        f"{describe_class(graph.class_of(user))} {graph.text(user, NAME) or object_id(user)}"
        for user in sorted(graph.users(key))
    ]
    return {
        "object": describe_class(graph.class_of(key)),
        "id": object_id(key),
        "name": graph.text(key, NAME) or None,
        "reason": f"used by {', '.join(names)}" if names else "part of the snap-in's library",
    }
