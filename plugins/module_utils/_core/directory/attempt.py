# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Decides what one attempt of a task does in a domain. Needs neither Ansible nor a directory."""

from __future__ import annotations

import dataclasses
import functools

from ..checks.lint import Finding
from ..model import ModelError
from ..plan import Plan, Planner
from ..plan.guids import NewGuid, guids
from ..plan.report import Step
from ..target.resolve import MultipleAddresses, Resolver
from ..target.stored import StoredPolicies
from .errors import DirectoryError
from .findings import hidden_from_members
from .goal import DomainGoal
from .gpos import GpoPlan, plan_gpos
from .ldap import AddEntry, Write
from .report import write_steps
from .state import DirectoryState
from .traits import domain_traits
from .writes import PolicyWrites, writes_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class DomainAttempt:
    """What an attempt decides. `state` is what it was made from; `policies` are the writes of `plan`, and `plan_notes`
    what the user should know of it.
    """

    state: DirectoryState
    plan: Plan
    gpos: GpoPlan
    policies: PolicyWrites
    plan_notes: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        return (*self.plan_notes, *self.gpos.notes)

    @functools.cached_property
    def writes(self) -> tuple[Write, ...]:
        """All writes in their order."""
        return (*self.gpos.before, *self.policies.changes, *self.policies.deletions, *self.gpos.after)

    @property
    def changed(self) -> bool:
        return bool(self.writes or self.gpos.gpt)

    @functools.cached_property
    def findings(self) -> list[Finding]:
        """The findings in all policies of the task, and about members that cannot read them."""
        keys = (policy.key for policy in self.plan.policies if policy.key is not None)
        return [*self.plan.findings(of_domain=True), *hidden_from_members(self.state, self.plan.graph, keys)]

    @functools.cached_property
    def operations(self) -> list[Step]:
        """The writes as a user reads them, one step for each."""
        return write_steps(self.writes, self.state, self.plan.graph)


def decide_domain(
    goal: DomainGoal,
    state: DirectoryState,
    multiple_addresses: MultipleAddresses = MultipleAddresses.ERROR,
    new_guid: NewGuid | None = None,
) -> DomainAttempt:
    """What a task does in a domain in that state. `new_guid` is derived from the store and the task by default.

    Raises `ModelError` for a goal that does not fit the store, and `DirectoryError` for what the directory does not
    take.
    """
    notes: list[str] = []
    plan = _plan(goal, state, multiple_addresses, new_guid or guids(state.graph.store.digest(), goal.title), notes)
    attempt = DomainAttempt(
        state=state,
        plan=plan,
        gpos=plan_gpos(goal.gpos, plan, state),
        policies=writes_of(plan, state),
        plan_notes=(*goal.notes, *notes),
    )
    _check_rights(attempt)
    return attempt


def with_versions(attempt: DomainAttempt, goal: DomainGoal, state: DirectoryState) -> DomainAttempt:
    """The same attempt on the same domain, of which `state` has the versions in GPT.INI, too. Raises as
    `decide_domain`.
    """
    found = dataclasses.replace(attempt, state=state, gpos=plan_gpos(goal.gpos, attempt.plan, state))
    _check_rights(found)
    return found


def _plan(
    goal: DomainGoal,
    state: DirectoryState,
    multiple_addresses: MultipleAddresses,
    new_guid: NewGuid,
    notes: list[str],
) -> Plan:
    """The plan for the policies. Raises `ModelError`."""
    if goal.policies is None:
        return Plan(operations=(), graph=state.graph, policies=())
    resolver = Resolver(state.names, {}, multiple_addresses, who="Ansible controller")
    planner = Planner(state.graph.store, domain_traits(state), now=state.now, new_guid=new_guid)
    planner.finish_interrupted(pending=False)
    of_goal: list[str] = []
    changes = goal.policies.changes(StoredPolicies(planner.graph), resolver, of_goal)
    if any(change.assigned is not None for change in changes.policies):
        raise ModelError("assigned is for the policies of a host; in a domain, gpos names what assigns a policy")
    planner.change(changes)
    plan = planner.plan()
    plan.check_outcomes()
    notes += [*resolver.warnings, *of_goal]
    return plan


def _check_rights(attempt: DomainAttempt) -> None:
    """Raise `DirectoryError` for an attempt that is known to be refused."""
    server = attempt.state.place.server
    if attempt.changed and attempt.state.place.read_only:
        raise DirectoryError(f"{server} is a read-only domain controller: name a writable one in directory.server")
    if not attempt.state.may_create and any(isinstance(write, AddEntry) for write in attempt.policies.changes):
        raise DirectoryError(
            f"the user may not create objects of policies in {attempt.state.place.container} on {server}: the "
            "right to create child objects is missing"
        )
