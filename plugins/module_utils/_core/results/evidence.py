# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether the policy in force is enforced, and what shows it."""

from __future__ import annotations

import typing as t

from ..checks.applied import Enforced, Judgement, judge_host
from ..dynamic.running import RecordedRule
from ..host.answers import HostState
from ..shape.render import Tree
from .in_force import PolicyInForce
from .running_filters import render_event, render_filter, render_implied

_NOT_GATHERED: t.Final = Judgement(
    applied=Enforced.UNKNOWN, reason="the filters in force were not gathered: add filters to gather_subset"
)


def judged(state: HostState, in_force: PolicyInForce, rules: t.Sequence[RecordedRule]) -> Judgement:
    """Whether the host enforces the policy in force and the dynamic rules."""
    if state.filters is None:
        return _NOT_GATHERED
    return judge_host(state, in_force.policy, [recorded.rule for recorded in rules])


def render_applied(found: Judgement, policy: str | None) -> Tree:
    """The keys `applied` and `evidence`. `policy` is the name of the policy in force."""
    return {"applied": str(found.applied), "evidence": render_evidence(found, policy)}


def render_evidence(found: Judgement, policy: str | None) -> Tree:
    """What a judgement is based on. `policy` is the name of the policy in force."""
    return {
        "reason": found.reason,
        "missing": [render_implied(one, policy) for one in found.missing],
        "missing_count": found.missing_count,
        "surplus": [render_filter(one, None) for one in found.surplus],
        "surplus_count": found.surplus_count,
        "event": None if found.event is None else render_event(found.event),
    }
