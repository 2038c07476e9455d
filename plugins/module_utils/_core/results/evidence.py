# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether the policy in force is enforced, and what shows it."""

from __future__ import annotations

import datetime
import typing as t

from ..dynamic.running import RecordedRule
from ..host.answers import HostState
from ..host.running import PolicyEvent
from ..shape.render import Tree
from .in_force import PolicyInForce

_NOT_GATHERED: t.Final = "the filters in force were not gathered: add filters to gather_subset"


def render_applied(state: HostState, in_force: PolicyInForce, rules: t.Sequence[RecordedRule]) -> Tree:
    """The keys `applied` and `evidence`."""
    evidence = {"missing": [], "missing_count": 0, "surplus": [], "surplus_count": 0, "event": None}
    return {"applied": "unknown", "evidence": {"reason": _NOT_GATHERED, **evidence}}


def render_event(event: PolicyEvent) -> Tree:
    return {
        "id": event.id,
        "time": datetime.datetime.fromtimestamp(event.time, datetime.UTC).isoformat(),
        "policy": event.data.get("Policy"),
        "error": event.data.get("Error"),
        "filter": event.data.get("QuickModeFilter"),
    }
