# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A host as facts, which tasks find in `ansible_facts.ipsec`."""

from __future__ import annotations

import datetime
import enum
import typing as t

from ..checks.host_findings import host_findings
from ..checks.lint import Finding, lint
from ..dynamic.record import Record
from ..dynamic.running import recorded_rules
from ..host.answers import HostState
from ..objects.graph import Graph, ObjectClass, describe_class, object_id
from ..objects.policies import StoredPolicy, read_policies, read_policy
from ..shape.render import Tree, render_policy
from ..store.names import CHANGED, NAME, OWNERS
from .evidence import judged, render_applied
from .in_force import PolicyInForce
from .running import Reading, render_running
from .subsets import DEFAULT_SUBSETS, Subset, chosen

FACT: t.Final = "ansible_ipsec"
"""The name of the fact. `ansible_facts` has it without the prefix, and a variable `ipsec` of the user stays visible."""


def render_facts(state: HostState, subsets: t.Collection[Subset] = DEFAULT_SUBSETS) -> Tree:
    """The facts with the parts in `subsets`, for which `parts_of` has to be read."""
    graph = state.graph
    wanted = chosen(subsets)
    policies = read_policies(graph) if Subset.STORE in wanted else []
    active = _active(graph, policies)
    in_force = PolicyInForce.of(state, active)
    record = Record.read(state.record)
    rules = recorded_rules(record, state.dynamic, state.service.running)
    judgement = judged(state, in_force, rules)
    facts: Tree = {}
    if Subset.STORE in wanted:
        facts["policies"] = [render_stored_policy(graph, stored) for stored in policies]
        facts["assigned"] = None if active is None else {"name": active.policy.name, "id": active.policy.id}
        facts["orphans"] = render_orphans(graph, graph.leftovers())
    facts["in_force"] = in_force.render() | render_applied(judgement, in_force.name)
    facts["service"] = {"status": str(state.service.status), "start_type": str(state.service.start_type)}
    facts["findings"] = _findings(state, in_force, dynamic=bool(record.entries))
    if wanted - {Subset.STORE}:
        reading = Reading(state=state, in_force=in_force, record=record, rules=rules, judgement=judgement)
        facts["running"] = render_running(reading, wanted)
    return facts


def _active(graph: Graph, policies: t.Sequence[StoredPolicy]) -> StoredPolicy | None:
    """The local policy that is assigned."""
    key = graph.active
    if key is None or key not in graph.policies:
        return None
    return next((p for p in policies if p.key == key), None) or read_policy(graph, key)


def _findings(state: HostState, in_force: PolicyInForce, dynamic: bool) -> list[Tree]:
    """The findings about the host, and those in the policy in force."""
    found = [(finding, finding.policy) for finding in host_findings(state, dynamic=dynamic)]
    if in_force.policy is not None:
        found += [(finding, in_force.name) for finding in lint(in_force.policy)]
    return render_findings(found)


def render_findings(found: t.Iterable[tuple[Finding, str | None]]) -> list[Tree]:
    """Findings, each with the name of the policy that it is about, if it is about one."""
    return [
        {
            "code": str(finding.code),
            "severity": str(finding.severity),
            "text": finding.text,
            "remedy": finding.remedy,
            "policy": policy,
            # messages have quotes around names
            "rules": [title.removeprefix("'").removesuffix("'") for title in finding.rules],
        }
        for finding, policy in found
    ]


def render_stored_policy(graph: Graph, stored: StoredPolicy) -> Tree:
    """A policy of a host, and what is only read, with whether it is assigned."""
    return {**render_policy_facts(graph, stored), "assigned": graph.active == stored.key}


def render_policy_facts(graph: Graph, stored: StoredPolicy) -> Tree:
    """A policy of any store, and what is only read: when it was changed, what could not be read."""
    changed = graph.number(stored.key, CHANGED)
    return {
        **render_policy(stored.policy),
        "when_changed": datetime.datetime.fromtimestamp(changed, datetime.UTC).isoformat() if changed else None,
        "problems": list(stored.problems),
    }


class OrphanKind(enum.StrEnum):
    """Why an object belongs to no policy."""

    LEFTOVER = "leftover"
    LIBRARY = "library"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"


def render_orphans(graph: Graph, left: t.Iterable[str]) -> list[Tree]:
    """The objects that belong to no policy, each with the reason. An interrupted change has left those in `left`."""
    found: list[tuple[str, OrphanKind, str]] = []
    leftovers = dict.fromkeys(left)
    for key in leftovers:
        reason = "its owner is gone or does not use it" if graph.owners(key) else "left by an interrupted change"
        found.append((key, OrphanKind.LEFTOVER, reason))
    for class_ in (ObjectClass.FILTER, ObjectClass.ACTION, ObjectClass.NFA, ObjectClass.ISAKMP):
        for key in graph.of_class(class_):
            if key in leftovers or graph.users(key):
                continue
            if graph.is_library(key):
                found.append(
                    (key, OrphanKind.LIBRARY, "a filter list or filter action of the snap-in that no rule uses")
                )
            else:
                reason = f"no object refers to it, and it has no {OWNERS}"
                if graph.owners(key):
                    reason = "no object that can be read refers to it, but it has an owner"
                found.append((key, OrphanKind.UNKNOWN, reason))
    found += [(key, OrphanKind.FOREIGN, "not an object of a policy store") for key in graph.foreign()]
    return [
        {
            "kind": str(kind),
            "object": describe_class(graph.class_of(key)),
            "id": object_id(key) if graph.class_of(key) else None,
            "key": graph.path(key),
            "name": graph.text(key, NAME) or None,
            "reason": reason,
        }
        for key, kind, reason in found
    ]
