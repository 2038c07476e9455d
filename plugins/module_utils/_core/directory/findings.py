# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Findings about a domain: what keeps members from having the policies that Group Policy objects assign."""

from __future__ import annotations

import dataclasses
import typing as t

from ..checks.lint import Code, Finding
from ..hints import some
from ..objects.graph import Graph
from ..store.names import NAME
from .extensions import ExtensionsError, has_pair
from .gpos import assigned_key, gpo_problems
from .state import DirectoryState, Gpo

_SHOWN: t.Final = 5


def domain_findings(state: DirectoryState) -> list[Finding]:
    """The findings about the access to all policies of a domain, and about its Group Policy objects."""
    return [*hidden_from_members(state, state.graph, state.graph.policies), *_disagreeing(state)]


def hidden_from_members(state: DirectoryState, graph: Graph, policies: t.Iterable[str]) -> list[Finding]:
    """The finding that members of the domain may not read some of these policies, which are keys of `graph`: the
    objects of `state`, or what a plan makes of them.
    """
    closed = state.closed or frozenset()
    hidden = [
        key
        for key in policies
        if any(part in graph and _is_closed(part, state, closed) for part in graph.reachable(key))
    ]
    if not hidden:
        return []
    titles = [f"'{graph.text(key, NAME)}'" for key in hidden]
    container = state.place.container
    return [
        Finding(
            code=Code.NOT_READABLE_BY_MEMBERS,
            text=f"members of the domain may not read the {'policy' if len(hidden) == 1 else 'policies'} "
            f"{some(titles, _SHOWN)}, so they cannot apply {'it' if len(hidden) == 1 else 'them'}",
            remedy="let them read the policies, which includes pre-shared keys: "
            f'dsacls "{container}" /I:T /G "NT AUTHORITY\\Authenticated Users:GR", or '
            f'samba-tool dsacl set --objectdn="{container}" --sddl="(A;CI;RPLCLORC;;;AU)"',
            policy=graph.text(hidden[0], NAME) if len(hidden) == 1 else None,
        )
    ]


def _is_closed(key: str, state: DirectoryState, closed: t.Collection[str]) -> bool:
    return (key if key in state.graph else "") in closed


def _disagreeing(state: DirectoryState) -> t.Iterator[Finding]:
    for gpo in filter(is_about_ipsec, state.gpos):
        # a GPT.INI that cannot be read says nothing about the other parts
        problems = gpo_problems(dataclasses.replace(gpo, gpt_problem=None), state)
        if problems:
            key = assigned_key(gpo, state)
            yield Finding(
                code=Code.GPO_PARTS_DISAGREE,
                text=f"the parts of the Group Policy object '{gpo.name}' disagree: {'; '.join(problems)}",
                remedy="run the task that assigns the policy again, or unassign it",
                policy=None if key is None else state.graph.text(key, NAME),
            )


def is_about_ipsec(gpo: Gpo) -> bool:
    """Whether a Group Policy object has one of the parts with which a policy is assigned."""
    try:
        return gpo.assignment is not None or has_pair(gpo.extensions)
    except ExtensionsError:
        return False
