# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Writes as a user reads them, in IPsec terms, without data."""

from __future__ import annotations

import typing as t

from ..objects.graph import Graph, describe_class, object_id
from ..plan.report import Step, Verb
from ..store.casing import fold
from ..store.names import NAME
from .dn import key_below, parse_dn
from .ldap import AddEntry, ModifyEntry, Write
from .state import DirectoryState
from .writes import changed_attributes

_VERBS: t.Final[t.Mapping[type, Verb]] = {AddEntry: Verb.CREATE, ModifyEntry: Verb.CHANGE}


def write_steps(writes: t.Iterable[Write], state: DirectoryState, after: Graph) -> list[Step]:
    """One step for each write. Objects outside the policy store have their distinguished name as `name`."""
    return [_step(write, index, state, after) for index, write in enumerate(writes)]


def _step(write: Write, index: int, state: DirectoryState, after: Graph) -> Step:
    key = key_below(write.dn, state.place.container)
    values = changed_attributes(write) if isinstance(write, ModifyEntry) else []
    found: tuple[str, str | None, str | None] = (_outside(write.dn), None, write.dn)
    if key is not None:
        graph = after if fold(key) in after else state.graph
        found = (describe_class(graph.class_of(fold(key))), object_id(key), graph.text(fold(key), NAME) or None)
    return Step(
        verb=_VERBS.get(type(write), Verb.DELETE),
        object=found[0],
        id=found[1],
        name=found[2],
        first=index,
        last=index,
        values=values,
    )


def _outside(dn: str) -> str:
    """What an object is that belongs to a Group Policy object."""
    first = parse_dn(dn)[0][1]
    if first.startswith("{"):
        return "Group Policy object"
    return "assignment" if fold(first) == "IPSEC" else "container"
