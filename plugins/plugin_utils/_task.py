# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Policies of one host, from what is wanted to what was done."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import ipaddress
import typing as t
import uuid

from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display

from ..module_utils.answers import Applied, Reading, Service
from ..module_utils.diff import Side, render_diff
from ..module_utils.draft import Change
from ..module_utils.facts import render_stored_policy
from ..module_utils.goal import Goal
from ..module_utils.graph import Graph, describe_class, object_id
from ..module_utils.hints import printable
from ..module_utils.lint import lint
from ..module_utils.merge import Target
from ..module_utils.model import TCP
from ..module_utils.objects import read_policy
from ..module_utils.plan import Plan, plan_absent, plan_finish, plan_present
from ..module_utils.report import steps
from ..module_utils.resolve import Resolver
from ..module_utils.verdict import Packet, what_cuts
from ._action import TaskFailure
from ._backup import write_backup
from ._host import OLD_OR_NEW, Host, HostError, NoAnswer

ATTEMPTS: t.Final = 3

_RUNNING: t.Final = ("running", "start_pending")
_display = Display()


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """How a task works, beside what it wants. `backup` has the options of a backup, None for none."""

    multiple_addresses: str
    service: str | None
    restart_service: bool
    backup: t.Mapping[str, t.Any] | None
    check_mode: bool
    diff: bool

    @classmethod
    def of(cls, options: t.Mapping[str, t.Any], check_mode: bool, diff: bool) -> Settings:
        """The settings among the options of a module."""
        backup = (options.get("backup_options") or {}) if options["backup"] else None
        return cls(
            options["multiple_addresses"],
            options["service"],
            options["restart_service"],
            backup,
            check_mode,
            diff,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class _Part:
    """What becomes of one policy, and the plan for that, made for the store behind the part before."""

    change: Change
    plan: Plan


@dataclasses.dataclass(frozen=True)
class _Attempt:
    """A plan, what it was made from, and what it asks of the service (`start_type`, `tell`; None is nothing)."""

    reading: Reading
    plan: Plan
    parts: tuple[_Part, ...]
    start_type: str | None
    tell: str | None
    notes: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.plan.operations or self.start_type or self.tell)

    @functools.cached_property
    def active(self) -> _Part | None:
        """The part about the policy that is assigned then."""
        active = self.plan.graph.active
        return next((part for part in self.parts if active is not None and part.plan.policy == active), None)

    def reading_after(self, service: Service | None) -> Reading:
        """What was read, with the service as it was left: told of the change or not."""
        knows = service is not None and service.told in ("asked", "started", "restarted")
        untold = (self.reading.untold or self.tell is not None) and not knows
        return dataclasses.replace(self.reading, service=service or self.reading.service, untold=untold)

    def operations(self, done: int | None) -> list[dict[str, t.Any]]:
        """The operations for the result; `done` is how many the host has done, None that it was not asked to."""
        found = steps(self.plan.operations, self.reading.graph, self.plan.graph)
        return [step.render(done) for step in found]


class PolicyTask:
    """A run of a task that changes policies of a host."""

    def __init__(self, host: Host, goal: Goal, settings: Settings, task_vars: dict[str, t.Any]) -> None:
        self.host = host
        self.goal = goal
        self.settings = settings
        self.task_vars = task_vars
        self.warnings: list[str] = list(goal.notes)
        self.backup_file: str | None = None

    def run(self) -> dict[str, t.Any]:
        """The task's result; `policies` are those that it was about and that are there then."""
        reading = self.host.read(*self.goal.names())
        resolver = Resolver(reading.names, reading.interfaces, self.settings.multiple_addresses)
        self.goal = self.goal.resolved(resolver)
        self.warnings += resolver.warnings
        written: list[dict[str, t.Any]] = []
        told: Service | None = None
        for _attempt in range(ATTEMPTS):
            attempt = self._plan(reading)
            if attempt.changed:
                self.host.check(reading, attempt.active is not None and self.settings.service != "ignore")
            cut = self._what_cuts(attempt)
            if self.settings.check_mode or not attempt.changed:
                return self._result(attempt, written + attempt.operations(None), told)
            self._back_up(attempt)
            try:
                applied, service = self._apply(attempt, cut)
            except HostError as error:
                changed = bool(written) or isinstance(error, NoAnswer)
                raise TaskFailure(str(error), changed=changed, operations=written, **self._noted()) from error
            except AnsibleConnectionFailure as error:
                backup = "" if self.backup_file is None else f". The backup is {self.backup_file}"
                raise AnsibleConnectionFailure(f"{error}{backup}") from None
            if applied.error is not None:
                raise self._stopped(attempt, applied)
            if applied.store is None:
                return self._result(attempt, written + attempt.operations(applied.applied), service)
            # somebody else wrote as well: what is there now is the new starting point
            if not applied.conflict:
                written += attempt.operations(applied.applied)
                self.warnings.append(
                    "the store was changed by another program while this task wrote to it; it was planned again"
                )
                told = service
                reading = attempt.reading_after(service)
            reading = reading.read_again(applied.store, applied.digest, applied.now or reading.now)
        raise TaskFailure(
            f"the policy store of {self.host.name} was changed by others {ATTEMPTS} times while this task was about to "
            "write to it; run the task again when they have finished",
            changed=bool(written),
            operations=written,
            **self._noted(),
        )

    def _plan(self, reading: Reading) -> _Attempt:
        new_guid = _guids(reading.digest, self.goal.title)
        announce = reading.untold and reading.service.status in _RUNNING
        plan = plan_finish(reading.graph.store, announce, reading.now, new_guid)
        parts: list[_Part] = []
        notes: list[str] = []
        for change in self.goal.changes(plan.graph, notes):
            if change.target is None:
                found = plan_absent(plan.graph, change.stored, reading.now, new_guid)
            else:
                found = plan_present(plan.graph, change.stored, change.target, change.assigned, reading.now, new_guid)
                _check_outcome(found, change.target)
            parts.append(_Part(change, found))
            plan = found.after(plan)
        attempt = _Attempt(reading, plan, tuple(parts), None, None, tuple(notes))
        start_type, tell = self._service(attempt)
        return dataclasses.replace(attempt, start_type=start_type, tell=tell)

    def _service(self, attempt: _Attempt) -> tuple[str | None, str | None]:
        """The start type to set, and what to tell the service: of this change, or of one that was cut off before."""
        reading, service = attempt.reading, attempt.reading.service
        running = service.status in _RUNNING
        # one that is disabled would not come up again
        reload = "restart" if self.settings.restart_service and service.start_type != "disabled" else "reload"
        stale = attempt.plan.in_force or reading.untold
        if attempt.active is None or self.settings.service == "ignore":
            return None, reload if stale and running else None
        tell = "start" if not running else reload if stale else None
        automatic = self.settings.service == "automatic" or (
            self.settings.service is None and (attempt.plan.assigns or not running)
        )
        start_type = "automatic" if automatic and service.start_type != "automatic" else None
        return start_type, tell

    def _what_cuts(self, attempt: _Attempt) -> str | None:
        """Why the change would cut the controller off, if it would; said before anything is done."""
        reading, plan = attempt.reading, attempt.plan
        active = plan.graph.active
        if attempt.tell is None or active is None or reading.domain is not None:
            return None
        outcome = attempt.active.plan.outcome if attempt.active else None
        policy = (outcome or read_policy(plan.graph, active)).policy
        me = frozenset(ipaddress.ip_address(c.local.partition("%")[0]) for c in reading.connections)
        for connection in reading.connections:
            remote, local = (ipaddress.ip_address(a.partition("%")[0]) for a in (connection.remote, connection.local))
            found = what_cuts(policy, Packet(TCP, remote, connection.remote_port, local, self.host.port), me)
            if found is not None:
                rule, why = found
                warning = (
                    f"the policy '{policy.name}' cuts the connection of {remote} to port {self.host.port} of "
                    f"{self.host.name}, which tasks come over: the {rule.title} {why}; the host cannot "
                    "say then that its service was told"
                )
                if not self.settings.check_mode:
                    _display.warning(printable(warning))
                self.warnings.append(warning)
                return warning
        return None

    def _apply(self, attempt: _Attempt, cut: str | None) -> tuple[Applied, Service | None]:
        """Write, then tell the service. Where that cuts the connection, it is a step of its own: the answer gets out
        first.
        """
        request = {"start_type": attempt.start_type, "tell": None if cut else attempt.tell}
        plan = attempt.plan
        announce = attempt.tell is not None
        applied = self.host.apply(attempt.reading.digest, plan.operations, plan.store.digest(), announce, request)
        service = applied.service
        if cut and attempt.tell and applied.store is None and applied.error is None:
            try:
                service = self.host.tell({"start_type": None, "tell": attempt.tell})
            except AnsibleConnectionFailure:
                # as was to be expected; the warning has said that the host cannot answer
                told = "started" if attempt.tell == "start" else "asked"
                service = Service("running", attempt.start_type or attempt.reading.service.start_type, told)
            except NoAnswer as error:
                before = applied.service or attempt.reading.service
                service = dataclasses.replace(before, told="failed", error=str(error))
        return applied, service

    def _back_up(self, attempt: _Attempt) -> None:
        if self.settings.backup is None or self.backup_file is not None or not attempt.plan.operations:
            return
        base = str(self.task_vars.get("playbook_dir", "."))
        before = attempt.reading.graph.store
        coming = [path for path in attempt.plan.store.paths() if path not in before]
        try:
            self.backup_file = write_backup(before, coming, self.settings.backup, self.host.name, base)
        except (OSError, ValueError) as error:
            raise TaskFailure(f"the backup cannot be written, so nothing was changed: {error}", changed=False) from None

    def _stopped(self, attempt: _Attempt, applied: Applied) -> TaskFailure:
        count = len(attempt.plan.operations)
        return TaskFailure(
            f"{self.host.name} stopped after {applied.applied} of {count} writes to the policy store: "
            f"{str(applied.error).rstrip('.')}. {OLD_OR_NEW}",
            changed=applied.applied > 0,
            operations=attempt.operations(applied.applied),
            **self._noted(),
        )

    def _noted(self) -> dict[str, t.Any]:
        """What a result has of the way to it, however it ends."""
        backup = {} if self.backup_file is None else {"backup_file": self.backup_file}
        return {"warnings": [printable(warning) for warning in self.warnings], **backup}

    def _result(
        self, attempt: _Attempt, operations: list[dict[str, t.Any]], service: Service | None
    ) -> dict[str, t.Any]:
        plan, reading = attempt.plan, attempt.reading
        self.warnings += attempt.notes
        for part in attempt.parts:
            self.warnings += lint(part.change.target.policy) if part.change.target else []
        if attempt.active is not None and reading.domain is not None:
            self.warnings.append(
                f"Group Policy gives {self.host.name} the domain policy "
                f"'{reading.domain.name or reading.domain.path}', which is in force: "
                "this policy is stored and assigned, but idle"
            )
        if service is not None and service.error:
            self.warnings.append(
                f"the service PolicyAgent could not be told: {service.error.rstrip('.')}; it takes the change at its "
                "next start, and the next task here tells it again"
            )
        result: dict[str, t.Any] = {
            "changed": attempt.changed or bool(operations),
            "policies": [render_stored_policy(plan.graph, p.plan.outcome) for p in attempt.parts if p.plan.outcome],
            "operations": operations,
            "unassigned": plan.unassigned,
            "remaining": [_remaining(plan.graph, key) for key in plan.remaining],
            "service": self._told(attempt, service),
            **self._noted(),
        }
        if self.settings.diff and result["changed"]:
            result["diff"] = self._diff(attempt)
        return result

    def _told(self, attempt: _Attempt, service: Service | None) -> dict[str, t.Any]:
        """The service after the run; in check mode, as it would be."""
        if service is None:
            service = attempt.reading.service
            running = service.status in _RUNNING
            told = {"reload": "asked", "start": "started", "restart": "restarted"}.get(attempt.tell or "", "nothing")
            service = Service(
                "running" if attempt.tell and not running else service.status,
                attempt.start_type or service.start_type,
                told,
            )
        return {"status": service.status, "start_type": service.start_type, "told": service.told}

    def _diff(self, attempt: _Attempt) -> dict[str, str] | list[dict[str, str]]:
        """One for each policy that changes; for the only one, if none does but the service."""
        parts = [part for part in attempt.parts if part.plan.operations] or list(attempt.parts[:1])
        found = [self._diff_of(attempt, part) for part in parts]
        return found[0] if len(found) == 1 else found

    def _diff_of(self, attempt: _Attempt, part: _Part) -> dict[str, str]:
        stored, target = part.change.stored, part.change.target
        found = render_diff(stored, _side(attempt.reading.graph), target, _side(attempt.plan.graph))
        name = target.policy.name if target else stored.policy.name if stored else self.goal.title
        header = f"{self.host.name} IPsec policy {printable(name)}"
        return {
            "before": _service_line(dataclasses.asdict(attempt.reading.service), attempt.reading.untold)
            + found["before"],
            "after": _service_line(self._told(attempt, None), False) + found["after"],
            "before_header": header,
            "after_header": header,
        }


def _check_outcome(plan: Plan, target: Target) -> None:
    """Nothing is written that would not be read as it was asked for."""
    if plan.outcome is not None and plan.outcome.policy != target.policy:
        raise TaskFailure(
            f"the policy '{target.policy.name}' would be stored otherwise than it was asked for, so nothing was "
            "changed; this is a mistake of the collection: please report it with the task",
            changed=False,
        )


def _service_line(service: t.Mapping[str, t.Any], untold: bool) -> str:
    late = ", untold: true" if untold else ""
    return f"service: {{status: {service['status']}, start_type: {service['start_type']}{late}}}\n"


def _side(graph: Graph) -> Side:
    active = graph.active
    leftovers = (f"{describe_class(graph.class_of(key))} {object_id(key)}" for key in graph.leftovers())
    return Side(graph.text(active, "ipsecName") if active else None, tuple(leftovers))


def _remaining(graph: Graph, key: str) -> dict[str, t.Any]:
    """An object that outlives its policy, and why."""
    users = sorted(graph.users.get(key, ()))
    names = [
        f"{describe_class(graph.class_of(user))} {graph.text(user, 'ipsecName') or object_id(user)}" for user in users
    ]
    class_ = graph.class_of(key)
    return {
        "object": describe_class(class_),
        "id": object_id(key),
        "name": graph.text(key, "ipsecName") or None,
        "reason": f"used by {', '.join(names)}" if names else "it is in the snap-in's library",
    }


def _guids(digest: str, name: str) -> t.Callable[[], str]:
    """New GUIDs that are the same for the same store and task, so that check mode shows what the run will do."""
    seed = hashlib.sha256(f"{digest} {name}".encode("utf-8", "surrogatepass")).digest()
    count = iter(range(1 << 32))

    def new_guid() -> str:
        data = hashlib.sha256(seed + next(count).to_bytes(4, "big")).digest()
        return str(uuid.UUID(bytes=data[:16], version=4))

    return new_guid
