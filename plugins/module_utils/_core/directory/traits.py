# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How the policy store of a domain differs from that of a host, as far as plans depend on it."""

from __future__ import annotations

import typing as t

from ..objects.graph import Graph, ObjectClass
from ..plan import Atom, StoreTraits
from ..store.casing import fold
from ..store.names import ACTION, CHANGED, FILTERS, ISAKMP, NFAS
from .dn import key_below
from .state import DirectoryState

REST: t.Final = 600
"""How many seconds an unused object must not have changed until nobody works on it any more."""

_USED_BY: t.Final = {
    ObjectClass.ISAKMP: ISAKMP,
    ObjectClass.NFA: NFAS,
    ObjectClass.ACTION: ACTION,
    ObjectClass.FILTER: FILTERS,
}


def assigned_policies(state: DirectoryState) -> frozenset[str]:
    """The keys of the policies that Group Policy objects assign."""
    assigned = (gpo.assignment.policy for gpo in state.gpos if gpo.assignment is not None and gpo.assignment.policy)
    keys = (key_below(dn, state.place.container) for dn in assigned)
    return frozenset(fold(key) for key in keys if key is not None)


def domain_traits(state: DirectoryState) -> StoreTraits:
    """The traits of a domain's store. A policy is in force if a Group Policy object assigns it; one modify changes a
    whole object.
    """
    assigned = assigned_policies(state)

    def unfinished(graph: Graph, key: str, owners: t.Collection[str]) -> bool:
        """New objects are owned before they are used. Somebody may be working on one that is younger than the last
        change of its owners, unless this plan changes what these refer to: then the work of others is refused.
        """
        if key not in state.graph or any(state.usns.get(owner, 0) > state.usns.get(key, 0) for owner in owners):
            return False
        class_ = graph.class_of(key)
        name = _USED_BY.get(class_) if class_ is not None else None
        if name is None or any(graph.references(o, name) != state.graph.references(o, name) for o in owners):
            return False
        return state.now - state.graph.number(key, CHANGED) < REST

    return StoreTraits(
        in_force=lambda _graph, key: key in assigned,
        swings=False,
        atom=Atom.OBJECT,
        stamps_time=True,
        unfinished=unfinished,
    )
