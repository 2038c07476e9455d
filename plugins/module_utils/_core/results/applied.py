# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What became of a change, which a task has waited for: the key `applied` of its result."""

from __future__ import annotations

import enum
import typing as t

from ..checks.applied import Enforced, Judgement
from ..host.answers import Waited
from ..shape.render import Tree
from .evidence import render_evidence


class WaitOutcome(enum.StrEnum):
    """What became of a change."""

    APPLIED = "applied"
    FAILED = "failed"
    UNKNOWN = "unknown"


_OUTCOMES: t.Final = {
    Enforced.YES: WaitOutcome.APPLIED,
    Enforced.NO: WaitOutcome.FAILED,
    Enforced.UNKNOWN: WaitOutcome.UNKNOWN,
}


def render_waited(found: Judgement, waited: Waited, policy: str | None) -> Tree:
    """The key for a task that has waited. `policy` is the name of the policy in force."""
    return _render(_OUTCOMES[found.applied], found.reason, found, waited.waited, policy)


def render_not_waited(reason: str) -> Tree:
    """The key for a task that has not waited, or got no answer."""
    return _render(WaitOutcome.UNKNOWN, reason, Judgement(applied=Enforced.UNKNOWN, reason=reason), 0)


def failure_text(tree: Tree) -> str:
    """The reason of a failure, with the error code and the filter if the event has them."""
    details = [f"{name} {tree[name]}" for name in ("error", "filter") if tree[name]]
    return f"{tree['reason']}{' (' * bool(details)}{', '.join(details)}{')' * bool(details)}"


def _render(outcome: WaitOutcome, reason: str, found: Judgement, waited: int, policy: str | None = None) -> Tree:
    evidence = render_evidence(found, policy)
    event = evidence["event"] or {}
    details = {"reason": reason, "error": event.get("error"), "filter": event.get("filter"), "waited": waited}
    return {"outcome": str(outcome), **evidence, **details}
