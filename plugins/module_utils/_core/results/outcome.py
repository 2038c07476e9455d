# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The result of a task."""

from __future__ import annotations

import dataclasses
import typing as t

from ..attempt import Attempt
from ..checks.host_findings import hidden_by_domain
from ..checks.lint import Code
from ..host.service import Service
from ..objects.graph import Graph
from ..store.names import NAME
from .diff import Side, scalar_text
from .dynamic import render_dynamic, render_dynamic_diff
from .facts import render_stored_policy
from .policies import finding_warnings, object_titles, policy_diffs, render_diffs, render_policies

Tree: t.TypeAlias = dict[str, t.Any]


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
    result |= render_policies([one.plan for one in attempts], render_stored_policy if return_policy else None)
    result["unassigned"] = next((one.plan.unassigned for one in attempts if one.plan.unassigned is not None), None)
    if attempt.dynamic is not None:
        result["dynamic"] = render_dynamic([one.dynamic for one in attempts if one.dynamic is not None])
    if diff and result["changed"]:
        result |= render_diffs(found for one in attempts if one.changed for found in _diffs(one, host, title))
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
    found = finding_warnings(findings, accept)
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


def _diffs(attempt: Attempt, host: str, title: str) -> list[Tree]:
    """The diffs of an attempt: of policies, and of dynamic rules."""
    service = attempt.state.service
    services = ((service, attempt.state.pending), (attempt.service.outcome(service), False))
    # both look at the whole store
    sides = (_side(attempt.state.graph, *services[0]), _side(attempt.plan.graph, *services[1]))
    changed = [policy for policy in attempt.plan.policies if policy.changed]
    found = policy_diffs(attempt.plan, changed, lambda _policy: sides, where=host, title=title)
    if attempt.dynamic is not None and (attempt.dynamic.changed or not found):
        diff = render_dynamic_diff(attempt.dynamic, host)
        before, after = (_service_line(*one) for one in services)
        found.append({**diff, "before": before + diff["before"], "after": after + diff["after"]})
    return found


def _service_line(service: Service, pending: bool) -> str:
    late = ", notification: pending" if pending else ""
    return f"service: {{status: {service.status}, start_type: {service.start_type}{late}}}\n"


def _side(graph: Graph, service: Service, pending: bool) -> Side:
    active = graph.active
    assigned = scalar_text(graph.text(active, NAME) if active else None)
    return Side(
        (*_service_line(service, pending).splitlines(), f"assigned_policy: {assigned}"),
        object_titles(graph, graph.leftovers()),
    )
