# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a host enforces what it is to enforce, judged by its filters in force and by its events about policies."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..host.answers import HostState
from ..host.running import PolicyEvent, RunningFilter
from ..model import Policy
from ..model.dynamic import DynamicRule
from ..store.names import CHANGED
from .implied import Implied, ImpliedFilter, Origin, is_understood
from .verdict import Weight, weight

SHOWN: t.Final = 20
"""The most filters that a judgement lists."""

# Source: the audit events of "Filtering Platform Policy Change", https://learn.microsoft.com
_DOMAIN_APPLIED: t.Final = {5456, 5458}
_DOMAIN_FAILED: t.Final = {5457, 5459, 5474}
_LOCAL_APPLIED: t.Final = {5460}
_LOCAL_FAILED: t.Final = {5461, 5472}
_APPLIED: t.Final = {5464}
_SOME_RULES_FAILED: t.Final = 5462
_FILTER_FAILED: t.Final = 5477
_RULES_FAILED: t.Final = {_SOME_RULES_FAILED, _FILTER_FAILED}
"""Some rules or a filter failed. The event that the policy was applied may follow all the same."""


class Enforced(enum.StrEnum):
    """Whether the policy and the dynamic rules are enforced."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether a host enforces what it is to enforce, and why. `missing` are filters that are to be in force and are
    not, `surplus` those that nothing implies; both have the most specific ones first. `event` is the event that was
    taken into account. `origins` says where each of the filters in force comes from; it is empty while the service does
    not run.
    """

    applied: Enforced
    reason: str
    missing: tuple[ImpliedFilter, ...] = ()
    surplus: tuple[RunningFilter, ...] = ()
    missing_count: int = 0
    surplus_count: int = 0
    event: PolicyEvent | None = None
    origins: tuple[Origin | None, ...] = ()


def judge_host(
    state: HostState,
    policy: Policy | None,
    dynamic: t.Sequence[DynamicRule],
    since: int | None = None,
    before: Policy | None = None,
) -> Judgement:
    """Whether the host enforces `policy`, which is the one in force, and `dynamic`, the rules with addresses for names.

    Events before `since`, in seconds of the host's clock, are about an older policy. Without it, so are events before
    the policy was changed last, and an event alone does not prove that the policy of now is applied. `before` is the
    policy that was in force before a change.
    """
    if state.filters is None and state.events is None:
        return Judgement(applied=Enforced.UNKNOWN, reason="the filters in force were not gathered")
    if policy is None and state.domain is not None:
        origins = _Evidence(state, None, dynamic, None).origins
        return Judgement(applied=Enforced.UNKNOWN, reason="the host has no copy of the domain policy", origins=origins)
    if not state.service.running:
        return _without_service(state, policy, dynamic)
    event, failed = _event(state, policy, _last_change(state) if since is None else since)
    evidence = _Evidence(state, policy, dynamic, before)
    applied, reason = evidence.decide(event, failed, certain=since is not None)
    return Judgement(
        applied=applied,
        reason=reason,
        missing=tuple(sorted(evidence.missing, key=_specificity, reverse=True)[:SHOWN]),
        surplus=tuple(sorted(evidence.surplus, key=_weight, reverse=True)[:SHOWN]),
        missing_count=len(evidence.missing),
        surplus_count=len(evidence.surplus),
        event=event,
        origins=evidence.origins,
    )


def _specificity(found: ImpliedFilter) -> Weight:
    return weight(found.origin.filter)


def _weight(found: RunningFilter) -> int:
    return found.weight or 0


def _last_change(state: HostState) -> int | None:
    """When the local policy in force was changed last: an event before that is about an older policy."""
    active = state.graph.active
    return None if active is None or state.domain is not None else state.graph.number(active, CHANGED)


def _without_service(state: HostState, policy: Policy | None, dynamic: t.Sequence[DynamicRule]) -> Judgement:
    if policy is None and not dynamic and state.graph.active is None:
        return Judgement(applied=Enforced.YES, reason="no policy and no dynamic rules are to be enforced")
    return Judgement(
        applied=Enforced.NO, reason=f"the PolicyAgent service {state.service.status_text}, so nothing is enforced"
    )


class _Evidence:
    """What the filters in force say."""

    def __init__(
        self, state: HostState, policy: Policy | None, dynamic: t.Sequence[DynamicRule], before: Policy | None
    ) -> None:
        self._implied = implied = Implied.of(policy, dynamic, state.addresses)
        self._running = running = state.filters
        replaced = Implied.of(before, (), state.addresses)
        self._known = running is not None and running.missing is None
        rows = running.filters if running is not None and self._known else ()
        self.origins = tuple(map(implied.origin, rows))
        self.missing = implied.missing(rows) if self._known else []
        self.surplus = [row for row, origin in zip(rows, self.origins, strict=True) if origin is None]
        self._old = sum(replaced.origin(row) is not None for row in self.surplus)
        self._unread = sum(not is_understood(row) for row in rows)
        self._dynamic = any(origin is not None and origin.dynamic is not None for origin in self.origins)

    def decide(self, event: PolicyEvent | None, failed: bool, *, certain: bool) -> tuple[Enforced, str]:
        """The answer and the reason for it. `certain` says that the event is about the policy of now."""
        says = "" if event is None else f"event {event.id} says that it was {'not ' * failed}applied"
        unsure = self._unsure()
        if failed:
            if unsure is None and not (self.missing or self.surplus):
                return Enforced.UNKNOWN, f"{says}, but all {self._count} filters are in force"
            return Enforced.NO, says
        if not self._known:
            if event is not None and certain:
                return Enforced.YES, says
            return Enforced.UNKNOWN, unsure or ""
        if self.missing:
            gone = f"{len(self.missing)} of {self._count} filters are not in force"
            if unsure is not None or event is not None:
                return Enforced.UNKNOWN, f"{gone}, but {unsure or says}"
            return self._without(gone)
        if unsure is not None:
            return Enforced.UNKNOWN, unsure
        there = f"all {self._count} filters are in force" if self._count else "no filter is to be in force"
        if not self.surplus:
            return Enforced.YES, there
        if self._old:
            old = f"{there}, and {self._old} of the policy as it was before"
            return (Enforced.NO, old) if event is None else (Enforced.UNKNOWN, f"{old}, but {says}")
        more = f"{there}, and {len(self.surplus)} more that neither the policy nor the record has"
        return (Enforced.YES if event is not None and certain else Enforced.UNKNOWN), more

    @property
    def _count(self) -> int:
        return len(self._implied)

    def _unsure(self) -> str | None:
        """Why the filters in force do not say everything."""
        if self._running is None:
            return "the filters in force were not gathered"
        if self._running.missing is not None:
            return f"the filters in force are not known ({self._running.missing.reason})"
        if self._running.truncated:
            return f"only {len(self._running.filters)} of {self._running.count} filters are listed"
        if self._unread and self.missing:
            return f"{self._unread} of {len(self._running.filters)} filters in force are not understood"
        if self._implied.unknown:
            return f"the addresses of {self._implied.unknown} filters are not known"
        return None

    def _without(self, gone: str) -> tuple[Enforced, str]:
        """The answer for filters that are certainly not in the list. That Windows lists the filters of dynamic rules
        and of main mode as those of the service is not proved.
        """
        quick_mode = [one for one in self.missing if not one.main_mode]
        if not quick_mode:
            return Enforced.UNKNOWN, f"{gone}, all of main mode, which Windows may not list"
        if not self._dynamic and all(one.origin.dynamic is not None for one in quick_mode):
            return Enforced.UNKNOWN, f"{gone}, all of dynamic rules, which Windows may not list"
        return Enforced.NO, gone


def telling_events(state: HostState, policy: Policy | None) -> list[int]:
    """The ids of the events that say what became of `policy`, which is the one in force."""
    return sorted(set().union(*_telling(state, policy)))


def _telling(state: HostState, policy: Policy | None) -> tuple[set[int], set[int]]:
    """The events that a policy was applied, and those that it was not."""
    if policy is None:
        return set(), set()
    if state.domain is not None:
        return _DOMAIN_APPLIED | _APPLIED, _DOMAIN_FAILED | _RULES_FAILED
    return _LOCAL_APPLIED | _APPLIED, _LOCAL_FAILED | _RULES_FAILED


def _event(state: HostState, policy: Policy | None, since: int | None) -> tuple[PolicyEvent | None, bool]:
    """The event that says what became of the policy, and whether it failed. Newer events count more; an event that some
    rules failed also counts if the policy was applied in the same second.
    """
    if state.events is None:
        return None, False
    successes, failures = _telling(state, policy)
    events = [event for event in state.events.events if since is None or event.time >= since]
    success = next((event for event in events if event.id in successes), None)
    newest = events if success is None else events[: events.index(success)]
    failed = [event for event in newest if event.id in failures]
    if success is not None and not failed:
        failed = [event for event in events if event.id in _RULES_FAILED and event.time >= success.time]
    if not failed:
        return success, False
    if failed[0].id == _SOME_RULES_FAILED:
        # the event about a filter says which
        return next((event for event in failed if event.id == _FILTER_FAILED), failed[0]), True
    return failed[0], True
