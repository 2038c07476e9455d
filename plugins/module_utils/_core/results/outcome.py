# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The result of a task."""

from __future__ import annotations

import dataclasses
import typing as t

from ..attempt import Attempt
from ..checks.host_findings import hidden_by_domain
from ..checks.lint import Code
from ..hints import printable
from ..host.service import Service
from ..objects.graph import Graph, describe_class, object_id
from ..objects.shared import StoredList
from ..plan import PolicyPlan, SharedPlan
from ..store.names import NAME
from ..target.shared import SharedList
from .counts import render_counts, render_shared
from .diff import Side, render_diff, render_shared_diff
from .dynamic import render_dynamic, render_dynamic_diff
from .facts import render_stored_policy

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


def render_outcome(
    attempt: Attempt,
    *,
    host: str,
    title: str,
    service: Service | None,
    diff: bool,
    return_policy: bool,
    earlier: t.Sequence[Attempt] = (),
) -> Tree:
    """The result of a task that ends with `attempt`.

    `service` is the service as the host has left it, None if it was not asked. `title` names what the task is about.
    `return_policy` adds the whole policies. `earlier` are attempts that were written before it, after which others had
    changed the store.
    """
    attempts = (*earlier, attempt)
    result: Tree = {
        "changed": attempt.changed or bool(earlier),
        "service": render_service(service or attempt.service.outcome(attempt.state.service)),
    }
    result |= _render_policies(attempts, return_policy)
    if attempt.dynamic is not None:
        result["dynamic"] = render_dynamic([one.dynamic for one in attempts if one.dynamic is not None])
    if diff and result["changed"]:
        diffs = [found for one in attempts if one.changed for found in _diffs(one, host, title)]
        result["diff"] = diffs[0] if len(diffs) == 1 else diffs
    return result


def _render_policies(attempts: t.Sequence[Attempt], return_policy: bool) -> Tree:
    plan = attempts[-1].plan
    remaining = dict.fromkeys(key for one in attempts for key in one.plan.remaining if key in plan.graph)
    result: Tree = {
        **render_counts([policy for one in attempts for policy in one.plan.policies]),
        **render_shared([one.plan for one in attempts]),
        "unassigned": next((one.plan.unassigned for one in attempts if one.plan.unassigned is not None), None),
        "remaining": [_remaining(plan.graph, key) for key in remaining],
    }
    if return_policy:
        result["policies"] = [render_stored_policy(plan.graph, stored) for stored in plan.outcomes.values()]
    return result


def warnings(
    attempt: Attempt,
    *,
    service: Service | None,
    accept: t.Collection[Code],
    earlier: t.Sequence[Attempt] = (),
) -> list[str]:
    """What the user should know about an attempt that ends a task, besides its notes and a connection that it cuts.

    Findings with a code in `accept` are left out. `earlier` as in `render_outcome`.
    """
    findings = attempt.findings
    if attempt.plan.assigned is not None:
        afterwards = dataclasses.replace(attempt.state, graph=attempt.plan.graph)
        findings = [*findings, *hidden_by_domain(afterwards)]
    found = [finding.warning() for finding in findings if finding.code not in accept]
    found += [_displaced(*names) for one in (*earlier, attempt) if (names := one.plan.displaced) is not None]
    if service is not None and service.error:
        found.append(
            f"the PolicyAgent service could not be notified: {service.error.rstrip('.')}. It reads the change when "
            "it next starts, and the next task on this host notifies it again"
        )
    return found


def _displaced(displaced: str, assigned: str) -> str:
    return f"only one policy can be assigned: assigning '{assigned}' unassigns the policy '{displaced}'"


def render_service(service: Service) -> Tree:
    """The service in a result."""
    return {
        "status": str(service.status),
        "start_type": str(service.start_type),
        "notification": str(service.notification),
    }


def render_steps(attempt: Attempt, done: int | None) -> list[Tree]:
    """The operations of an attempt; `done` is how many the host has done, None if it was not asked."""
    return [step.render(done) for step in attempt.steps]


def render_operations(operations: t.Sequence[Tree], *, complete: bool) -> Tree:
    """The operations of a task that failed: the first ones and their number, or all if `complete`."""
    shown = operations if complete else operations[:_OPERATIONS_SHOWN]
    return {"operations": list(shown), "operations_count": len(operations)}


def _diffs(attempt: Attempt, host: str, title: str) -> list[Tree]:
    """The diffs of an attempt: of policies, and of dynamic rules."""
    found = _policy_diffs(attempt, host, title)
    if attempt.dynamic is not None and (attempt.dynamic.changed or not found):
        service = attempt.state.service
        diff = render_dynamic_diff(attempt.dynamic, host)
        before = _service_line(service, attempt.state.pending) + diff["before"]
        after = _service_line(attempt.service.outcome(service), False) + diff["after"]
        found.append({**diff, "before": before, "after": after})
    return found


def _policy_diffs(attempt: Attempt, host: str, title: str) -> list[Tree]:
    """A diff for each policy that changes, and for each filter list and filter action that no rule of these shows; for
    the first policy if only the service changes.
    """
    changed = [policy for policy in attempt.plan.policies if policy.changed]
    shared = [
        _shared_diff(shared, host)
        for shared in attempt.plan.shared
        if shared.changed and (shared.wanted is None or shared.wanted.unused)
    ]
    policies = changed if changed or shared else attempt.plan.policies[:1]
    # both look at the whole store
    sides = (_side(attempt.state.graph), _side(attempt.plan.graph))
    return [*(_diff_of(attempt, policy, sides, host, title) for policy in policies), *shared]


def _shared_diff(shared: SharedPlan, host: str) -> Tree:
    thing = shared.wanted or shared.stored
    what = "filter list" if isinstance(thing, SharedList | StoredList) else "filter action"
    header = f"{host} IPsec {what} {printable(thing.name if thing else '')}"
    found = render_shared_diff(shared.stored, shared.wanted)
    return {**found, "before_header": header, "after_header": header}


def _diff_of(attempt: Attempt, policy: PolicyPlan, sides: tuple[Side, Side], host: str, title: str) -> Tree:
    stored, target = policy.change.stored, policy.change.target
    before, after = sides
    found = render_diff(stored, before, target, after)
    name = target.policy.name if target else stored.policy.name if stored else title
    header = f"{host} IPsec policy {printable(name)}"
    service = attempt.state.service
    return {
        "before": _service_line(service, attempt.state.pending) + found["before"],
        "after": _service_line(attempt.service.outcome(service), False) + found["after"],
        "before_header": header,
        "after_header": header,
    }


def _service_line(service: Service, pending: bool) -> str:
    late = ", notification: pending" if pending else ""
    return f"service: {{status: {service.status}, start_type: {service.start_type}{late}}}\n"


def _side(graph: Graph) -> Side:
    active = graph.active
    leftovers = (f"{describe_class(graph.class_of(key))} {object_id(key)}" for key in graph.leftovers())
    return Side(graph.text(active, NAME) if active else None, tuple(leftovers))


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
