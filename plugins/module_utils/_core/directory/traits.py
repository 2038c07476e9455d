# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How the policy store of a domain differs from that of a host, as far as plans depend on it."""

from __future__ import annotations

import typing as t

from ..objects.graph import Graph, ObjectClass
from ..plan import Atom, StoreTraits
from ..store.names import ACTION, CHANGED, FILTERS, ISAKMP, NFAS
from .gpos import assigned_key
from .state import DirectoryState

REST: t.Final = 600
"""How many seconds an unused object must not have changed until nobody works on it any more."""


def assigned_policies(state: DirectoryState) -> frozenset[str]:
    """The keys of the policies that Group Policy objects assign."""
    keys = (assigned_key(gpo, state) for gpo in state.gpos)
    return frozenset(key for key in keys if key is not None)


def domain_traits(state: DirectoryState) -> StoreTraits:
    """The traits of a domain's store. A policy is in force if a Group Policy object assigns it; one modify changes a
    whole object.
    """
    assigned = assigned_policies(state)

    def unfinished(graph: Graph, key: str, owners: t.Collection[str]) -> bool:
        """New objects are owned before they are used, so somebody may be working on one. Whoever does is refused once
        the reference that is to use it has changed since, or changes in this plan.
        """
        for owner in owners:
            name = _reference_to(graph, key, owner)
            changed = state.references.get(owner, {}).get(name, 0) > state.usns.get(key, 0)
            if changed or graph.references(owner, name) != state.graph.references(owner, name):
                return False
        return key in state.graph and state.now - graph.number(key, CHANGED) < REST

    return StoreTraits(
        in_force=lambda _graph, key: key in assigned,
        swings=False,
        atom=Atom.OBJECT,
        stamps_time=True,
        unfinished=unfinished,
    )


def _reference_to(graph: Graph, key: str, owner: str) -> str:
    """The reference of the owner that makes an object used: a policy uses filters and actions by its rules."""
    class_ = graph.class_of(key)
    if graph.class_of(owner) is ObjectClass.POLICY:
        return ISAKMP if class_ is ObjectClass.ISAKMP else NFAS
    return FILTERS if class_ is ObjectClass.FILTER else ACTION
