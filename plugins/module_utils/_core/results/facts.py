# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A host as facts, which tasks find in `ansible_facts.ipsec`."""

from __future__ import annotations

import datetime
import enum
import typing as t

from ..host.answers import HostState
from ..host.domain import DomainPolicy, ReadFrom
from ..host.service import ServiceStatus
from ..objects.graph import Graph, ObjectClass, describe_class, object_id
from ..objects.policies import StoredPolicy, read_policies
from ..shape.render import Tree, render_policy
from ..store.names import CHANGED, NAME, OWNERS
from .subsets import DEFAULT_SUBSETS, Subset

FACT: t.Final = "ansible_ipsec"
"""The name of the fact. `ansible_facts` has it without the prefix, and a variable `ipsec` of the user stays visible."""


def render_facts(state: HostState, subsets: t.Collection[Subset] = DEFAULT_SUBSETS) -> Tree:
    """The facts with the parts in `subsets`, for which `parts_of` has to be read."""
    graph = state.graph
    policies = read_policies(graph)
    active = next((p for p in policies if p.key == graph.active), None)
    return {
        "policies": [render_stored_policy(graph, stored) for stored in policies],
        "assigned": None if active is None else _title(active),
        "in_force": _in_force(state, active),
        "service": {"status": str(state.service.status), "start_type": str(state.service.start_type)},
        "orphans": _orphans(graph),
    }


def render_stored_policy(graph: Graph, stored: StoredPolicy) -> Tree:
    """A policy, and what is only read: whether it is assigned, when it was changed, what could not be read."""
    tree = render_policy(stored.policy)
    changed = graph.number(stored.key, CHANGED)
    return {
        **tree,
        "assigned": graph.active == stored.key,
        "when_changed": datetime.datetime.fromtimestamp(changed, datetime.UTC).isoformat() if changed else None,
        "problems": list(stored.problems),
    }


def _title(stored: StoredPolicy) -> Tree:
    return {"name": stored.policy.name, "id": stored.policy.id}


class Source(enum.StrEnum):
    """Where the policy in force comes from."""

    NONE = "none"
    LOCAL = "local"
    DOMAIN = "domain"


def _in_force(state: HostState, active: StoredPolicy | None) -> Tree:
    """The policy that the host enforces, and why. A domain policy wins; a stopped service enforces nothing."""
    tree: Tree = {"source": str(Source.NONE), "name": None, "id": None, "policy": None, "read_from": None}
    assigned = f"the local policy '{active.policy.name}' is assigned" if active else "no local policy is assigned"
    service = state.service
    if not service.running:
        missing = service.status is ServiceStatus.MISSING
        status = "does not exist" if missing else f"is {service.status.replace('_', ' ')}"
        return {**tree, "reason": f"the PolicyAgent service {status}; {assigned}"}
    if state.domain is not None:
        return {
            **tree,
            **_domain_policy(state.domain),
            "reason": f"Group Policy assigns a domain policy, which wins; {assigned}",
        }
    if active is None:
        return {**tree, "reason": assigned}
    reason = f"{assigned}, and there is no domain policy"
    return {
        **tree,
        "source": str(Source.LOCAL),
        **_title(active),
        "read_from": str(ReadFrom.REGISTRY),
        "reason": reason,
    }


def _domain_policy(domain: DomainPolicy) -> Tree:
    """The domain policy, as far as the copy of its objects on the host has it."""
    stored = domain.stored()
    return {
        "source": str(Source.DOMAIN),
        "name": domain.name or (stored.policy.name if stored else None),
        "id": object_id(stored.key) if stored else None,
        "policy": render_policy(stored.policy) if stored else None,
        "read_from": str(ReadFrom.CACHE if stored else ReadFrom.REGISTRY),
    }


class OrphanKind(enum.StrEnum):
    """Why an object belongs to no policy."""

    LEFTOVER = "leftover"
    LIBRARY = "library"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"


def _orphans(graph: Graph) -> list[Tree]:
    """The objects that belong to no policy, each with the reason."""
    found: list[tuple[str, OrphanKind, str]] = []
    leftovers = dict.fromkeys(graph.leftovers())
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
                found.append((key, OrphanKind.UNKNOWN, f"no object refers to it, and it has no {OWNERS}"))
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
