# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Plans the changes of one attempt: several policies, one graph, one list of operations."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ..checks.lint import Finding, lint
from ..model import ModelError
from ..objects.graph import Graph
from ..objects.policies import StoredPolicy, read_policy
from ..objects.shared import StoredAction, StoredList
from ..store.casing import fold
from ..store.names import ACTIVE_POLICY, NAME, reference
from ..store.operations import Operation
from ..store.store import Store
from ..store.values import Value
from ..target.merge import Changes, PolicyChange, Target
from ..target.shared import AnyShared
from .guids import NewGuid
from .policies import PolicyUpdate, create_policy, delete_policy
from .shared import SharedWriter
from .traits import StoreTraits
from .writer import StoreWriter


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPlan:
    """What happens to one policy. `key` is its key afterwards, None if it is deleted. `changed` says that
    something is written for it, `in_force` that this changes what hosts work with, `assigns` that the policy was not
    assigned before. `displaces` and `unassigned` are the key and the name of the policy whose place it takes; `used`
    are the keys of objects that a deleted policy used.
    """

    change: PolicyChange
    key: str | None
    changed: bool
    in_force: bool
    assigns: bool = False
    displaces: str | None = None
    unassigned: str | None = None
    used: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SharedPlan:
    """What happens to a filter list or a filter action that rules share: `stored` is None for a new one, `wanted` for
    one that is deleted.
    """

    stored: StoredList | StoredAction | None
    wanted: AnyShared | None
    changed: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """All operations, the store afterwards as objects, and the plans for the policies that a task is about, and for
    shared filter lists and filter actions.
    """

    operations: tuple[Operation, ...]
    graph: Graph
    policies: tuple[PolicyPlan, ...]
    shared: tuple[SharedPlan, ...] = ()

    @property
    def store(self) -> Store:
        return self.graph.store

    @property
    def in_force(self) -> bool:
        return any(policy.in_force for policy in self.policies)

    @property
    def assigns(self) -> bool:
        return any(policy.assigns for policy in self.policies)

    @property
    def unassigned(self) -> str | None:
        return next((policy.unassigned for policy in self.policies if policy.unassigned is not None), None)

    @property
    def displaced(self) -> tuple[str, str] | None:
        """The name of the policy that is unassigned although the task does not say so, and of that in its place."""
        for policy in self.policies:
            key = policy.displaces
            if key is not None and not any(other.change.unassigns(key) for other in self.policies):
                return t.cast(str, policy.unassigned), t.cast(Target, policy.change.target).policy.name
        return None

    @property
    def assigned(self) -> PolicyPlan | None:
        """The policy of the task that is assigned afterwards."""
        active = self.graph.active
        return next((policy for policy in self.policies if active is not None and policy.key == active), None)

    @functools.cached_property
    def remaining(self) -> list[str]:
        """The keys of objects that deleted policies used and that stay."""
        used = dict.fromkeys(key for policy in self.policies for key in policy.used)
        return [key for key in used if key in self.graph]

    @functools.cached_property
    def outcomes(self) -> dict[str, StoredPolicy]:
        """The policies that the task is about, as they are read afterwards, by key."""
        return {p.key: read_policy(self.graph, p.key) for p in self.policies if p.key is not None}

    def findings(self, of_domain: bool = False) -> list[Finding]:
        """The findings in the policies that the task is about."""
        targets = (policy.change.target for policy in self.policies)
        return [finding for target in targets if target is not None for finding in lint(target.policy, of_domain)]

    def check_outcomes(self) -> None:
        """Raise `ModelError` if the store would not hold a policy as requested."""
        for policy in self.policies:
            target = policy.change.target
            if target is not None and policy.key is not None and self.outcomes[policy.key].policy != target.policy:
                raise ModelError(
                    f"the policy '{target.policy.name}' would not be stored as requested. This is a bug in the "
                    "collection; please report it with the task"
                )


class Planner:
    """Plans changes one after the other, each for the store as the one before leaves it."""

    def __init__(self, store: Store, traits: StoreTraits, *, now: int, new_guid: NewGuid) -> None:
        """`now` is the host's clock in seconds since 1970."""
        self._writer = StoreWriter(store, traits, now, new_guid)
        self._policies: list[PolicyPlan] = []
        self._shared: list[SharedPlan] = []
        self._done_with: list[str] = []

    @property
    def graph(self) -> Graph:
        """The store so far, as objects."""
        return self._writer.graph

    def finish_interrupted(self, pending: bool) -> None:
        """Finish a change that was interrupted. This comes first: which policy is assigned decides which of two stays.

        `pending`: the service was not notified of a change, so polls may have missed it, too.
        """
        self._writer.clean_up()
        if pending and (active := self.graph.active) is not None:
            self._writer.touch([active])

    def change(self, changes: Changes) -> None:
        """Plan what happens to shared objects and to policies."""
        shared = SharedWriter(self._writer, changes)
        for change in changes.policies:
            self._keep_atomic(change, changes, shared)
        shared.edit()
        for change in changes.policies:
            if change.target is None:
                self._policies.append(self._absent(change))
            else:
                self._policies.append(self._present(change, change.target, shared))
        shared.finish()
        self._done_with += shared.done_with
        self._shared += [
            SharedPlan(stored=thing.stored, wanted=thing, changed=shared.changes(thing)) for thing in changes.shared
        ]
        self._shared += [SharedPlan(stored=thing, wanted=None, changed=True) for thing in changes.deleted]

    def _keep_atomic(self, change: PolicyChange, changes: Changes, shared: SharedWriter) -> None:
        """Replace shared objects of a policy in force if editing them would take effect in more than one step."""
        stored, writer = change.stored, self._writer
        if stored is None or not writer.traits.in_force(self.graph, stored.key):
            return
        things = shared.live_in(stored)
        if not things:
            return
        writes = shared.live_writes(things)
        if change.target is None or change.assigned is False or _assigns_other(changes, stored):
            writes += 1
        else:
            writes += PolicyUpdate(writer, stored, change.target, shared).live_writes
        if writes > writer.traits.live_limit:
            shared.replace(things, stored.key)

    def plan(self) -> Plan:
        """The whole plan, with the clean-up."""
        self._writer.clean_up()
        for key in self._done_with:
            # what cannot be read may still use it
            if key in self.graph and not self.graph.users(key):
                self._writer.delete(key)
        return Plan(
            operations=tuple(self._writer.operations),
            graph=self.graph,
            policies=tuple(self._policies),
            shared=tuple(self._shared),
        )

    def _present(self, change: PolicyChange, target: Target, shared: SharedWriter) -> PolicyPlan:
        writer, stored, assigned = self._writer, change.stored, change.assigned
        begun = len(writer.operations)
        was_active = stored is not None and self.graph.active == stored.key
        was_in_force = stored is not None and writer.traits.in_force(self.graph, stored.key)
        if was_active and assigned is False:
            writer.set("", ACTIVE_POLICY, None)
        if stored is None:
            key = create_policy(writer, target, shared)
        else:
            key = PolicyUpdate(writer, stored, target, shared).run()
        assigns = bool(assigned) and not was_active
        displaces = self.graph.active if assigns else None
        unassigned = self.graph.text(displaces, NAME) if displaces else None
        if assigns:
            writer.set("", ACTIVE_POLICY, Value.string(reference(writer.store.spelling(key))))
        changed = len(writer.operations) > begun
        return PolicyPlan(
            change=change,
            key=fold(key),
            changed=changed,
            in_force=changed and (was_in_force or bool(assigned)),
            assigns=assigns,
            displaces=displaces,
            unassigned=unassigned,
        )

    def _absent(self, change: PolicyChange) -> PolicyPlan:
        stored = change.stored
        if stored is None:
            return PolicyPlan(change=change, key=None, changed=False, in_force=False)
        in_force = self._writer.traits.in_force(self.graph, stored.key)
        if self.graph.active == stored.key:
            self._writer.set("", ACTIVE_POLICY, None)
        used = delete_policy(self._writer, stored)
        return PolicyPlan(change=change, key=None, changed=True, in_force=in_force, used=tuple(used))


def _assigns_other(changes: Changes, policy: StoredPolicy) -> bool:
    """Whether another policy takes the place of this one."""
    return any(
        change.assigned and (change.stored is None or change.stored.key != policy.key) for change in changes.policies
    )
