# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The result of a task on a domain."""

from __future__ import annotations

import typing as t

from ..checks.lint import Code
from ..directory.attempt import DomainAttempt
from ..directory.state import Gpo
from ..plan import PolicyPlan
from ..store.casing import fold
from .diff import Side, flow_text
from .domain_facts import gpo_names, render_domain_policy
from .policies import finding_warnings, policy_diffs, render_diffs, render_policies

Tree: t.TypeAlias = dict[str, t.Any]


def render_domain_outcome(
    attempt: DomainAttempt,
    *,
    title: str,
    diff: bool,
    return_policy: bool,
    changed: bool = False,
    earlier: t.Sequence[DomainAttempt] = (),
) -> Tree:
    """The result of a task that ends with `attempt`.

    `title` names what the task is about, `return_policy` adds the whole policies, and `changed` says that attempts
    before it have written something. `earlier` are those that were written as a whole.
    """
    attempts = (*earlier, attempt)
    place = attempt.state.place
    after = attempt.afterwards

    result: Tree = {
        "changed": attempt.changed or changed,
        "server": place.server,
        "domain": place.domain,
        **render_policies(
            [one.plan for one in attempts],
            (lambda _graph, stored: render_domain_policy(after, stored)) if return_policy else None,
        ),
        "gpos": {
            "assigned": _gpos(gpo for one in attempts for gpo in one.gpos.assigned),
            "unassigned": _gpos(gpo for one in attempts for gpo in one.gpos.unassigned),
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


def _gpos(gpos: t.Iterable[Gpo]) -> list[Tree]:
    return [{"name": name, "id": id_} for id_, name in {gpo.id: gpo.name for gpo in gpos}.items()]
