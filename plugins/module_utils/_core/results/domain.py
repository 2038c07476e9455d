# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The result of a task on a domain."""

from __future__ import annotations

import dataclasses
import typing as t

from ..checks.lint import Code
from ..directory.attempt import DomainAttempt
from ..directory.dn import dn_of
from ..directory.gpos import GpoChange
from ..directory.state import Assignment, DirectoryState, Gpo
from ..plan import PolicyPlan
from ..store.names import NAME
from .diff import Side, flow_text
from .domain_facts import gpos_by_policy, render_domain_policy
from .policies import finding_warnings, object_titles, policy_diffs, render_diffs, render_policies

Tree: t.TypeAlias = dict[str, t.Any]


def render_domain_outcome(
    attempt: DomainAttempt,
    *,
    title: str,
    diff: bool,
    return_policy: bool,
    written: bool = False,
    earlier: t.Sequence[DomainAttempt] = (),
) -> Tree:
    """The result of a task that ends with `attempt`.

    `title` names what the task is about, `return_policy` adds the whole policies, and `written` says that attempts
    before it have written something. `earlier` are those that were written as a whole.
    """
    attempts = (*earlier, attempt)
    place = attempt.state.place
    gpos = gpos_by_policy(_afterwards(attempt))
    result: Tree = {
        "changed": attempt.changed or written,
        "server": place.server,
        "domain": place.domain,
        **render_policies(
            [one.plan for one in attempts],
            (lambda graph, stored: render_domain_policy(graph, stored, gpos)) if return_policy else None,
        ),
        "gpos": {
            "assigned": _render_gpos(gpo for one in attempts for gpo in one.gpos.assigned),
            "unassigned": _render_gpos(gpo for one in attempts for gpo in one.gpos.unassigned),
        },
    }
    if diff and result["changed"]:
        result |= render_diffs(found for one in attempts if one.changed for found in _diffs(one, title))
    return result


def domain_warnings(attempt: DomainAttempt, accept: t.Collection[Code]) -> list[str]:
    """What the user should know about an attempt that ends a task, besides its notes. Findings with a code in `accept`
    are left out.
    """
    return finding_warnings(attempt.findings, accept)


def _render_gpos(gpos: t.Iterable[Gpo]) -> list[Tree]:
    return [{"name": name, "id": id_} for id_, name in {gpo.id: gpo.name for gpo in gpos}.items()]


def _afterwards(attempt: DomainAttempt) -> DirectoryState:
    """The domain once the attempt is written, as far as facts of policies show it."""
    graph = attempt.plan.graph
    keys = {graph.text(key, NAME): key for key in graph.policies}
    changes = {change.gpo.dn: change for change in attempt.gpos.changes}

    def after(gpo: Gpo, change: GpoChange | None) -> Gpo:
        if change is None or change.finishes:
            return gpo
        key = keys.get(change.after)
        policy = "" if key is None else dn_of(graph.path(key), attempt.state.place.container)
        return dataclasses.replace(gpo, assignment=Assignment(policy=policy))

    gpos = tuple(after(gpo, changes.get(gpo.dn)) for gpo in attempt.state.gpos)
    return dataclasses.replace(attempt.state, graph=graph, gpos=gpos)


def _diffs(attempt: DomainAttempt, title: str) -> list[Tree]:
    """The diffs of policies, each with the Group Policy objects that assign it."""
    states = (attempt.state, _afterwards(attempt))
    gpos = [gpos_by_policy(state) for state in states]
    before = attempt.state.graph
    # of what is unused, somebody may be working on the rest
    deleted = [key for key in before.leftovers() if key not in attempt.plan.graph]
    leftovers = (object_titles(before, deleted), ())

    def names(policy: PolicyPlan) -> list[list[str] | None]:
        stored = policy.change.stored
        keys = (stored.key if stored else None, policy.key)
        return [None if key is None else of_side.get(key, []) for key, of_side in zip(keys, gpos, strict=True)]

    def sides(policy: PolicyPlan) -> tuple[Side, Side]:
        old, new = (
            Side(() if found is None else (f"gpos: {flow_text(found)}",), left)
            for found, left in zip(names(policy), leftovers, strict=True)
        )
        return old, new

    def changes(policy: PolicyPlan) -> bool:
        old, new = names(policy)
        return policy.changed or old != new

    changed = [policy for policy in attempt.plan.policies if changes(policy)]
    return policy_diffs(attempt.plan, changed, sides, where=attempt.state.place.domain, title=title)
