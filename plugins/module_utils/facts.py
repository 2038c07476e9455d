# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is known of a host, as the facts `ansible_facts.ipsec`."""

from __future__ import annotations

import datetime

from .answers import DomainPolicy, Reading
from .graph import OWNERS, Graph, ObjectClass, describe_class, object_id
from .objects import StoredPolicy, read_policies
from .shape.render import Tree, render_policy


def render_facts(reading: Reading) -> Tree:
    """All keys, always."""
    graph = reading.graph
    policies = read_policies(graph)
    active = next((p for p in policies if p.key == graph.active), None)
    return {
        "policies": [render_stored_policy(graph, stored) for stored in policies],
        "assigned": None if active is None else _title(active),
        "in_force": _in_force(reading, active),
        "service": {"status": reading.service.status, "start_type": reading.service.start_type},
        "orphans": _orphans(graph),
    }


def render_stored_policy(graph: Graph, stored: StoredPolicy) -> Tree:
    """A policy in the one shape, and what is only read: whether it is assigned, when it was changed, what could not be
    read.
    """
    tree = render_policy(stored.policy)
    changed = graph.number(stored.key, "whenChanged")
    return {
        **tree,
        "assigned": graph.active == stored.key,
        "when_changed": datetime.datetime.fromtimestamp(changed, datetime.UTC).isoformat() if changed else None,
        "problems": list(stored.problems),
    }


def _title(stored: StoredPolicy) -> Tree:
    return {"name": stored.policy.name, "id": stored.policy.id}


def _in_force(reading: Reading, active: StoredPolicy | None) -> Tree:
    """Which policy the host enforces, and why: a domain policy wins, and nothing is enforced while the service stands
    still.
    """
    tree: Tree = {"source": "none", "name": None, "id": None, "policy": None}
    assigned = f"the local policy '{active.policy.name}' is assigned" if active else "no local policy is assigned"
    service = reading.service.status
    if service not in ("running", "start_pending"):
        state = "is missing" if service == "missing" else f"is {service.replace('_', ' ')}"
        return {**tree, "reason": f"the service PolicyAgent {state}; {assigned}"}
    if reading.domain is not None:
        return {
            **tree,
            **_domain_policy(reading.domain),
            "reason": f"Group Policy assigns a domain policy, which wins; {assigned}",
        }
    if active is None:
        return {**tree, "reason": assigned}
    return {**tree, "source": "local", **_title(active), "reason": f"{assigned} and no domain policy is"}


def _domain_policy(domain: DomainPolicy) -> Tree:
    """The domain policy, as far as the host's copy tells."""
    graph = Graph(domain.store)
    key = next((k for k in graph.policies if object_id(k) in domain.path.lower()), None)
    stored = next((p for p in read_policies(graph) if p.key == key), None)
    return {
        "source": "domain",
        "name": domain.name or (stored.policy.name if stored else None),
        "id": object_id(key) if key else None,
        "policy": render_policy(stored.policy) if stored else None,
    }


def _orphans(graph: Graph) -> list[Tree]:
    """The objects that belong to no policy, each with the reason why it is there."""
    found: list[tuple[str, str, str]] = []
    leftovers = dict.fromkeys(graph.leftovers())
    for key in leftovers:
        reason = "its owner is gone or does not use it" if graph.owners(key) else "an interrupted change has left it"
        found.append((key, "leftover", reason))
    for class_ in (ObjectClass.FILTER, ObjectClass.ACTION, ObjectClass.NFA, ObjectClass.ISAKMP):
        for key in graph.of_class(class_):
            if key in leftovers or graph.users.get(key):
                continue
            if graph.is_library(key):
                found.append((key, "library", "a list or action of the snap-in that no rule uses"))
            else:
                found.append((key, "unknown", f"no object refers to it, and it has no {OWNERS}"))
    found += [(key, "foreign", "this is no object of a policy store") for key in graph.foreign()]
    return [
        {
            "kind": kind,
            "object": describe_class(graph.class_of(key)),
            "id": object_id(key) if graph.class_of(key) else None,
            "key": graph.path(key),
            "name": graph.text(key, "ipsecName") or None,
            "reason": reason,
        }
        for key, kind, reason in found
    ]
