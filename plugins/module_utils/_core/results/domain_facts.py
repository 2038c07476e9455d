# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The policies of a domain as facts, which tasks find in `ansible_facts.ipsec`."""

from __future__ import annotations

import collections
import functools
import typing as t

from ..checks.lint import lint
from ..directory.findings import domain_findings, is_about_ipsec
from ..directory.gpos import assigned_key, gpo_problems
from ..directory.state import DirectoryState, Gpo
from ..directory.traits import domain_traits
from ..objects.graph import Graph, object_id
from ..objects.policies import StoredPolicy, read_policies
from ..shape.render import Tree
from ..store.casing import fold
from ..store.names import NAME
from .facts import render_findings, render_orphans, render_policy_facts


def render_domain_facts(state: DirectoryState) -> Tree:
    """The facts about a domain, for which all Group Policy objects and their links have to be read."""
    graph = state.graph
    policies = read_policies(graph)
    gpos = gpos_by_policy(state)
    left = graph.leftovers(functools.partial(domain_traits(state).unfinished, graph))
    found = [(finding, finding.policy) for finding in domain_findings(state)]
    found += [
        (finding, one.policy.name)
        for one in policies
        if one.key in gpos
        for finding in lint(one.policy, of_domain=True)
    ]
    return {
        "store": "domain",
        "domain": state.place.domain,
        "server": state.place.server,
        "policies": [render_domain_policy(graph, stored, gpos) for stored in policies],
        "gpos": [_render_gpo(gpo, state) for gpo in state.gpos if is_about_ipsec(gpo)],
        "orphans": render_orphans(graph, left),
        "findings": render_findings(found),
    }


def render_domain_policy(graph: Graph, stored: StoredPolicy, gpos: t.Mapping[str, list[str]]) -> Tree:
    """A policy of a domain, and what is only read: when it was changed, what could not be read. Its key `gpos` names
    the Group Policy objects that assign it, as in `gpos_by_policy`.
    """
    return {**render_policy_facts(graph, stored), "gpos": gpos.get(stored.key, [])}


def gpos_by_policy(state: DirectoryState) -> dict[str, list[str]]:
    """What tasks call the Group Policy objects that assign each policy, by its key: the name, or the id where several
    have the same name.
    """
    same_name = collections.Counter(fold(gpo.name) for gpo in state.gpos)
    found: dict[str, list[str]] = {}
    for gpo in state.gpos:
        key = assigned_key(gpo, state)
        if key is not None:
            found.setdefault(key, []).append(gpo.name if same_name[fold(gpo.name)] == 1 else gpo.id)
    return found


def _render_gpo(gpo: Gpo, state: DirectoryState) -> Tree:
    key = assigned_key(gpo, state)
    return {
        "name": gpo.name,
        "id": gpo.id,
        "policy": None if key is None else {"name": state.graph.text(key, NAME), "id": object_id(key)},
        "enabled": gpo.enabled,
        "links": [{"dn": link.dn, "enabled": link.enabled, "enforced": link.enforced} for link in gpo.links or ()],
        "problems": gpo_problems(gpo, state),
    }
