# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Decides what one attempt of a task does. Needs neither Ansible nor a host."""

from __future__ import annotations

import dataclasses
import functools

from .checks.lint import Finding, lint
from .checks.lockout import Cut, LockoutCheck, find_cut
from .host.answers import HostState
from .host.errors import HostError
from .host.requests import apply_request
from .host.requirements import check_host
from .host.service import ServiceOption, ServiceRequest, request_service
from .model import ModelError
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
class Attempt:
    """What an attempt decides: the plan, the request to the service, and what the user should know.

    `state` is what it was made from; `cut` is the connection of a controller that the change would cut.
    """

    state: HostState
    plan: Plan
    service: ServiceRequest
    cut: Cut | None
    notes: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.plan.operations or self.service)

    @functools.cached_property
    def findings(self) -> list[Finding]:
        """The findings in all policies of the task."""
        targets = (policy.change.target for policy in self.plan.policies)
        return [finding for target in targets if target is not None for finding in lint(target.policy)]

    @functools.cached_property
    def digest(self) -> str:
        """The digest of the store after the plan."""
        return self.plan.store.digest()

    @functools.cached_property
    def request(self) -> str:
        """The request that applies the plan and, unless that cuts the connection, notifies the service."""
        service = dataclasses.replace(self.service, notify=None) if self.cut else self.service
        return apply_request(
            self.plan.operations,
            expect=self.state.digest,
            result=self.digest,
            mark_pending=self.service.notify is not None,
            service=service,
        )

    def check_size(self) -> None:
        """Raise `TooLargeError` if the host cannot read the request."""
        self.request  # noqa: B018

    @functools.cached_property
    def steps(self) -> list[Step]:
        """The operations as a user reads them."""
        return steps(self.plan.operations, self.state.graph, self.plan.graph)


def decide(
    goal: PolicyGoal | Restoration, state: HostState, settings: Settings, new_guid: NewGuid | None = None
) -> Attempt:
    """What a task does on a host in that state. `new_guid` is derived from the store and the task by default.

    Raises `ModelError` for a goal that does not fit the store, `HostError` for a host on which the change is not
    possible or would cut the connection, and `TooLargeError` for a change that does not fit into a request.
    """
    notes: list[str] = []
    if isinstance(goal, Restoration):
        plan = plan_restore(state.graph, goal.backup, state.now, notes)
    else:
        plan = _plan(goal, state, settings, new_guid or guids(state.digest, goal.title), notes)
    service = request_service(
        state.service,
        option=settings.service,
        restart=settings.restart_service,
        assigned=plan.assigned is not None,
        assigns=plan.assigns,
        stale=plan.in_force or state.pending,
    )
    cut = None if service.notify is None else _find_cut(plan, state, settings.port)
    waits = service.notify is None and plan.in_force and not state.service.running
    if waits and settings.lockout_check is not LockoutCheck.IGNORE:
        later = _find_cut(plan, state, settings.port)
        notes += [] if later is None else [later.later(settings.host)]
    attempt = Attempt(state=state, plan=plan, service=service, cut=cut, notes=(*goal.notes, *notes))
    if attempt.changed:
        needs_service = plan.assigned is not None and settings.service is not ServiceOption.IGNORE
        check_host(state, settings.host, needs_service)
        attempt.check_size()
    if cut is not None and settings.lockout_check is LockoutCheck.ERROR:
        raise HostError(cut.error(settings.host))
    return attempt


def _plan(goal: PolicyGoal, state: HostState, settings: Settings, new_guid: NewGuid, notes: list[str]) -> Plan:
    """The plan for a goal about policies. Raises `ModelError`."""
    resolver = Resolver(state.names, state.interfaces, settings.multiple_addresses)
    planner = Planner(state.graph.store, REGISTRY, now=state.now, new_guid=new_guid)
    planner.finish_interrupted(state.pending and state.service.running)
    of_goal: list[str] = []
    planner.change(goal.changes(StoredPolicies(planner.graph), resolver, of_goal))
    plan = planner.plan()
    _check_outcome(plan)
    notes += [*resolver.warnings, *of_goal]
    return plan


def _check_outcome(plan: Plan) -> None:
    """Raise `ModelError` if the store would not hold a policy as requested."""
    for policy in plan.policies:
        target = policy.change.target
        if target is not None and policy.key is not None and plan.outcomes[policy.key].policy != target.policy:
            raise ModelError(
                f"the policy '{target.policy.name}' would not be stored as requested. This is a bug in the collection; "
                "please report it with the task"
            )


def _find_cut(plan: Plan, state: HostState, port: int) -> Cut | None:
    """The connection to the host that the policy assigned afterwards would cut. A domain policy hides it."""
    active = plan.graph.active
    if active is None or state.domain is not None:
        return None
    stored = plan.outcomes[active] if active in plan.outcomes else read_policy(plan.graph, active)
    return find_cut(stored.policy, state.connections, state.addresses, port)
