# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Decides what one attempt of a task does. Needs neither Ansible nor a host."""

from __future__ import annotations

import dataclasses
import functools
import secrets
from collections.abc import Callable

from .checks.applied import Judgement, judge_host, telling_events
from .checks.implied import Implied
from .checks.lint import Finding
from .checks.lockout import Cut, LockoutCheck, find_cut
from .dynamic.checks import entry_rules, lint_entries
from .dynamic.goal import DynamicGoal, Lookup, outcome, recorded
from .dynamic.plan import DynamicPlan, plan_dynamic
from .dynamic.record import Entry, Record
from .host.answers import HostState, Waited
from .host.dynamic import NOTHING
from .host.errors import HostError
from .host.requests import apply_request
from .host.requirements import check_host
from .host.service import Service, ServiceOption, ServiceRequest, request_service
from .model import Policy
from .model.dynamic import DynamicRule
from .objects.policies import read_policy
from .plan import REGISTRY, Plan, Planner
from .plan.guids import NewGuid, guids
from .plan.report import Step, steps
from .plan.restore import plan_restore
from .target.goal import PolicyGoal, Restoration
from .target.resolve import MultipleAddresses, Resolver
from .target.stored import StoredPolicies


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a task that do not describe a policy. `port` is the port that its connection to the host uses."""

    host: str
    port: int
    multiple_addresses: MultipleAddresses = MultipleAddresses.ERROR
    lockout_check: LockoutCheck = LockoutCheck.ERROR
    service: ServiceOption | None = None
    restart_service: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Expected:
    """What is to be in force on a host: a policy, and dynamic rules with addresses in place of names. `state` is the
    host with the store afterwards, and `before` the policy that was in force.
    """

    state: HostState
    policy: Policy | None
    rules: tuple[DynamicRule, ...]
    before: Policy | None

    @property
    def name(self) -> str | None:
        """The name of the policy."""
        domain = self.state.domain
        return (domain.name if domain is not None else None) or (self.policy.name if self.policy is not None else None)

    @property
    def digest(self) -> str | None:
        """The digest of the filters that are to be in force; None if some of them are not known."""
        if self.policy is None and self.state.domain is not None:
            return None
        implied = Implied.of(self.policy, self.rules, self.state.addresses)
        return None if implied.unknown else implied.digest()

    @property
    def events(self) -> list[int]:
        """The ids of the events that say what became of it."""
        return telling_events(self.state, self.policy)

    def judge(self, waited: Waited, since: int) -> Judgement:
        """Whether it is in force. `since` is when the change went live."""
        state = dataclasses.replace(self.state, service=waited.service, filters=waited.filters, events=waited.events)
        return judge_host(state, self.policy, self.rules, since, self.before)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attempt:
    """What an attempt decides: the plan, the request to the service, and what the user should know.

    `state` is what it was made from; `dynamic` is None for a task that is not about dynamic rules; `cut` is the
    connection of a controller that the change would cut.
    """

    state: HostState
    plan: Plan
    dynamic: DynamicPlan | None
    service: ServiceRequest
    cut: Cut | None
    notes: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.plan.operations or self.service or (self.dynamic and self.dynamic.changed))

    @property
    def goes_live(self) -> bool:
        """Whether the service takes what the attempt writes."""
        return self.service.notify is not None or bool(self.dynamic and self.dynamic.changed)

    @property
    def notifies_later(self) -> bool:
        """Whether what goes live needs a request of its own, as it cuts the connection of the answer."""
        return self.cut is not None and self.goes_live

    @functools.cached_property
    def expected(self) -> Expected:
        """What is to be in force afterwards."""
        rules = (recorded(entry) for entry in _entries(self.dynamic, self.state))
        state = dataclasses.replace(self.state, graph=self.plan.graph)
        return Expected(
            state=state,
            policy=_policy_in_force(self.plan, self.state),
            rules=tuple(rule for rule in rules if rule is not None),
            before=_policy_before(self.state),
        )

    def idle(self, service: Service, live: bool) -> str | None:
        """Why there is nothing to wait for once the host has answered with `service`; None if there is. `live` says
        that this attempt or one before it went live.
        """
        if self.state.domain is not None and not (self.dynamic and self.dynamic.changed):
            return "Group Policy assigns a domain policy, which hides the local one"
        if not service.running:
            return f"the PolicyAgent service {service.status_text}"
        if not live:
            return "nothing that is in force was changed"
        return None if service.error is None else "the PolicyAgent service could not be notified"

    @functools.cached_property
    def findings(self) -> list[Finding]:
        """The findings in all policies and dynamic rules of the task."""
        return [*self.plan.findings(), *(lint_entries(self.dynamic.of_task) if self.dynamic else ())]

    @functools.cached_property
    def digest(self) -> str:
        """The digest of the store after the plan."""
        return self.plan.store.digest()

    @functools.cached_property
    def request(self) -> str:
        """The request that applies the plan and, unless that cuts the connection, makes it live."""
        service = dataclasses.replace(self.service, notify=None) if self.cut else self.service
        dynamic = self.dynamic.request if self.dynamic else None
        if dynamic is not None and self.cut:
            dynamic = dataclasses.replace(dynamic, run=False)
        return apply_request(
            self.plan.operations,
            expect=self.state.digest,
            result=self.digest,
            mark_pending=self.service.notify is not None,
            service=service,
            dynamic=dynamic,
        )

    def check_size(self) -> None:
        """Raise `TooLargeError` if the host cannot read the request."""
        self.request  # noqa: B018

    @functools.cached_property
    def steps(self) -> list[Step]:
        """The operations as a user reads them."""
        return steps(self.plan.operations, self.state.graph, self.plan.graph)


def _new_salt() -> str:
    return secrets.token_hex(8)


def decide(
    goal: PolicyGoal | Restoration | None,
    state: HostState,
    settings: Settings,
    new_guid: NewGuid | None = None,
    dynamic: DynamicGoal | None = None,
    new_salt: Callable[[], str] = _new_salt,
) -> Attempt:
    """What a task does on a host in that state: to its policies (`goal`), and to its dynamic rules (`dynamic`).
    `new_guid` is derived from the store and the task by default, `new_salt` is for a host without dynamic rules.

    Raises `ModelError` for a goal that does not fit the store, `HostError` for a host on which the change is not
    possible or would cut the connection, and `TooLargeError` for a change that does not fit into a request.
    """
    notes: list[str] = []
    if goal is None:
        plan = Plan(operations=(), graph=state.graph, policies=(), shared=())
    elif isinstance(goal, Restoration):
        plan = plan_restore(state.graph, goal.backup, state.now, notes)
    else:
        plan = _plan(goal, state, settings, new_guid or guids(state.digest, goal.title), notes)
    rules = None if dynamic is None else _plan_dynamic(dynamic, state, settings, new_salt, notes)
    of_goals = tuple(note for one in (goal, dynamic) if one is not None for note in one.notes)
    service = _request_service(plan, rules, state, settings)
    live = service.notify is not None or (rules is not None and rules.changed)
    cut = _find_cut(plan, rules, state, settings.port) if live else None
    waits = not live and plan.in_force and not state.service.running
    if waits and settings.lockout_check is not LockoutCheck.IGNORE:
        later = _find_cut(plan, rules, state, settings.port)
        notes += [] if later is None else [later.later(settings.host)]
    attempt = Attempt(state=state, plan=plan, dynamic=rules, service=service, cut=cut, notes=(*of_goals, *notes))
    if attempt.changed:
        needs = plan.assigned is not None or (rules is not None and rules.needs_service)
        check_host(state, settings.host, needs and settings.service is not ServiceOption.IGNORE)
        attempt.check_size()
    if cut is not None and settings.lockout_check is LockoutCheck.ERROR:
        raise HostError(cut.error(settings.host))
    return attempt


def _plan_dynamic(
    goal: DynamicGoal, state: HostState, settings: Settings, new_salt: Callable[[], str], notes: list[str]
) -> DynamicPlan:
    """The plan for dynamic rules. Raises `ModelError`."""
    record = Record.read(state.record)
    found = outcome(goal, record, Lookup(state.names, state.interfaces, settings.multiple_addresses), notes)
    starts = bool(found.rules or found.settings) and settings.service is not ServiceOption.IGNORE
    plan = plan_dynamic(
        goal,
        found,
        record,
        state.dynamic or NOTHING,
        digest=state.record_digest,
        salt=record.salt or new_salt(),
        runs=state.service.running or starts,
    )
    notes += plan.notes
    return plan


def _request_service(plan: Plan, rules: DynamicPlan | None, state: HostState, settings: Settings) -> ServiceRequest:
    """What is asked of the service. Dynamic rules need it as an assigned policy does."""
    needed = rules is not None and rules.needs_service
    # what other programs call a flush may also remove what the policy in force has put in place
    flushed = rules is not None and rules.flush and (plan.graph.active is not None or state.domain is not None)
    return request_service(
        state.service,
        option=settings.service,
        restart=settings.restart_service,
        assigned=plan.assigned is not None or needed,
        assigns=plan.assigns or (rules is not None and bool(rules.added) and not rules.record.entries),
        stale=plan.in_force or state.pending or flushed,
    )


def _plan(goal: PolicyGoal, state: HostState, settings: Settings, new_guid: NewGuid, notes: list[str]) -> Plan:
    """The plan for a goal about policies. Raises `ModelError`."""
    resolver = Resolver(state.names, state.interfaces, settings.multiple_addresses)
    planner = Planner(state.graph.store, REGISTRY, now=state.now, new_guid=new_guid)
    planner.finish_interrupted(state.pending and state.service.running)
    of_goal: list[str] = []
    planner.change(goal.changes(StoredPolicies(planner.graph), resolver, of_goal))
    plan = planner.plan()
    plan.check_outcomes()
    notes += [*resolver.warnings, *of_goal]
    return plan


def _find_cut(plan: Plan, rules: DynamicPlan | None, state: HostState, port: int) -> Cut | None:
    """The connection to the host that is cut by the policy in force afterwards and the dynamic rules together."""
    if state.domain is not None and (rules is None or not rules.changed):
        # it hides the local policy
        return None
    policy = _policy_in_force(plan, state)
    return find_cut(policy, entry_rules(_entries(rules, state)), state.connections, state.addresses, port)


def _entries(rules: DynamicPlan | None, state: HostState) -> tuple[Entry, ...]:
    """The dynamic rules in the record afterwards."""
    return Record.read(state.record).entries if rules is None else rules.entries


def _policy_before(state: HostState) -> Policy | None:
    """The local policy in force."""
    active = state.graph.active
    return None if active is None or state.domain is not None else read_policy(state.graph, active).policy


def _policy_in_force(plan: Plan, state: HostState) -> Policy | None:
    """The policy in force after the plan: a domain policy hides the local one."""
    if state.domain is not None:
        stored = state.domain.stored()
        return stored.policy if stored else None
    active = plan.graph.active
    if active is None:
        return None
    return (plan.outcomes[active] if active in plan.outcomes else read_policy(plan.graph, active)).policy
