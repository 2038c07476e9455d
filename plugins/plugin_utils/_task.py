# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A task that changes policies: read, decide, apply, and again if somebody else has written."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._core.attempt import Attempt, Expected, Settings, decide
from ..module_utils._core.checks.lockout import LockoutCheck
from ..module_utils._core.dynamic.goal import DynamicGoal
from ..module_utils._core.hints import printable
from ..module_utils._core.host.answers import Applied, HostState, Waited
from ..module_utils._core.host.dynamic import DynamicApplied
from ..module_utils._core.host.errors import HostError
from ..module_utils._core.host.requests import OF_CHANGES, Part
from ..module_utils._core.host.service import Notification, Service, ServiceOption, ServiceRequest, ServiceStatus
from ..module_utils._core.host.undo import Undo
from ..module_utils._core.results.applied import WaitOutcome, failure_text, render_not_waited, render_waited
from ..module_utils._core.results.dynamic import refusal, render_dynamic_diff
from ..module_utils._core.results.outcome import render_outcome, render_steps, warnings
from ..module_utils._core.shape.fields import ShapeError
from ..module_utils._core.store.store import Store
from ..module_utils._core.target.goal import PolicyGoal, Restoration
from ._backup import Backup
from ._confirm import confirm
from ._host import HostChannel, NoAnswer
from ._rounds import OLD_OR_NEW, CommonOptions, Rounds, without_shared

LONGEST_WAIT: t.Final = 300
"""The highest value of `wait_timeout`, in seconds."""

_LOST: t.Final = "the connection was lost when the service was notified"

_display = Display()


class LostAnswer(AnsibleConnectionFailure):
    """The connection broke after the request to write. How much is written is not known."""


class Channel(t.Protocol):
    """The channel to a host, as far as a task needs it (`HostChannel`)."""

    name: str

    @property
    def port(self) -> int: ...

    def read(
        self, parts: t.Collection[Part], names: t.Sequence[str] = (), interfaces: t.Sequence[str] = ()
    ) -> HostState: ...

    def apply(self, attempt: Attempt) -> Applied: ...

    def notify(self, service: ServiceRequest, dynamic: bool = False) -> tuple[Service, DynamicApplied | None]: ...

    def wait(self, expected: Expected, since: int, seconds: int) -> Waited: ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options(CommonOptions):
    """The options that all modules for changes share. `backup` has the options of a backup, None for none, and `wait`
    the seconds to wait until a change is in force, None for not at all.
    """

    lockout_check: LockoutCheck
    service: ServiceOption | None
    restart_service: bool
    backup: t.Mapping[str, t.Any] | None
    wait: int | None

    @classmethod
    def of(cls, options: t.Mapping[str, t.Any], check_mode: bool, diff: bool) -> Options:
        """The shared options among those of a module. Raises `ShapeError`."""
        seconds = options["wait_timeout"]
        if not 1 <= seconds <= LONGEST_WAIT:
            raise ShapeError("wait_timeout", f"expected 1 to {LONGEST_WAIT} seconds")
        return cls(
            **cls.common(options, check_mode, diff),
            lockout_check=LockoutCheck(options["lockout_check"]),
            service=None if options["service"] is None else ServiceOption(options["service"]),
            restart_service=options["restart_service"],
            backup=(options.get("backup_options") or {}) if options["backup"] else None,
            wait=seconds if options["wait_applied"] else None,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """What a task is after: policies, dynamic rules, or both. `confirm` asks before dynamic rules change."""

    policies: PolicyGoal | Restoration | None = None
    dynamic: DynamicGoal | None = None
    confirm: bool = False

    @property
    def title(self) -> str:
        return self.policies.title if self.policies is not None else ""

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(note for goal in (self.policies, self.dynamic) if goal is not None for note in goal.notes)

    def names(self) -> tuple[list[str], list[str]]:
        """The DNS names and the interfaces to look up on the host."""
        names: dict[str, None] = {}
        interfaces: dict[str, None] = {}
        for goal in (self.policies, self.dynamic):
            if goal is not None:
                of_goal, of_interfaces = goal.names()
                names.update(dict.fromkeys(of_goal))
                interfaces.update(dict.fromkeys(of_interfaces))
        return list(names), list(interfaces)

    def parts(self) -> tuple[Part, ...]:
        """What the task needs to know of the host. Asking netsh takes time."""
        return OF_CHANGES if self.dynamic is None else (*OF_CHANGES, Part.DYNAMIC)


class PolicyTask(Rounds[HostState, Attempt]):
    """A run of a task that changes policies or dynamic rules of a host. `folder` is where relative paths of backups
    start.
    """

    def __init__(self, host: Channel, goals: Goals, options: Options, folder: str) -> None:
        super().__init__(f"the policy store of {host.name}", options, goals.notes)
        self._host = host
        self._goals = goals
        self._options = options
        self._settings = Settings(
            host=host.name,
            port=host.port,
            multiple_addresses=options.multiple_addresses,
            lockout_check=options.lockout_check,
            service=options.service,
            restart_service=options.restart_service,
        )
        self._backup = None if options.backup is None else Backup(options.backup, host.name, folder)
        self._undo = Undo()
        # the service as the last request has left it, None if it was not asked
        self._service: Service | None = None
        # the time of the last write by the clock of the host, whether a write went live, and whether that cut the
        # connection
        self._since: int | None = None
        self._live = False
        self._lost = False
        self._confirmed = not goals.confirm

    def _read(self) -> HostState:
        """Raises as `HostChannel.read`."""
        return self._host.read(self._goals.parts(), *self._goals.names())

    def _decide(self, state: HostState) -> Attempt:
        return decide(self._goals.policies, state, self._settings, dynamic=self._goals.dynamic)

    def _foresee(self, attempt: Attempt) -> None:
        self._warn_of_cut(attempt, now=False)
        self._written += render_steps(attempt, None)

    def _apply(self, attempt: Attempt) -> HostState | None:
        """Raises `TaskFailure`, and `AnsibleConnectionFailure`."""
        self._confirm(attempt)
        self._warn_of_cut(attempt, now=True)
        applied, answered = self._write(attempt)
        state = attempt.state
        if not applied.conflict:
            self._service = answered
        if not applied.disturbed:
            return None
        if not applied.conflict:
            self._earlier.append(attempt)
            self._warnings.append(
                "another program changed the store while this task wrote to it, so the change was planned again"
            )
            state = state.after(answered, notified=attempt.service.notify is not None)
        return state.read_again(applied)

    def _confirm(self, attempt: Attempt) -> None:
        """Ask whether dynamic rules may change, once. Raises `HostError`."""
        if not self._confirmed and attempt.dynamic is not None and attempt.dynamic.changed:
            confirm(self._host.name, render_dynamic_diff(attempt.dynamic, self._host.name))
            self._confirmed = True

    def _warn_of_cut(self, attempt: Attempt, now: bool) -> None:
        """Warn of a connection that the change cuts: `now`, as the result may not arrive."""
        if attempt.cut is None or self._options.lockout_check is LockoutCheck.IGNORE:
            return
        warning = attempt.cut.warning(self._host.name) if now else attempt.cut.prediction(self._host.name)
        if now:
            _display.warning(printable(warning))
        self._warnings.append(warning)

    def _write(self, attempt: Attempt) -> tuple[Applied, Service | None]:
        """Write, then notify the service; if that cuts the connection, in a request of its own, after the answer has
        arrived.

        Raises `TaskFailure` where writing stops.
        """
        if self._backup is not None:
            self._undo.begin(attempt.state.graph.store, attempt.plan.operations)
            self._back_up(self._backup)
        try:
            applied = self._host.apply(attempt)
        except NoAnswer as error:
            raise self._failure(str(error), changed=True) from error
        except HostError as error:
            # it was refused before the first write
            self._settle(0, attempt.state.graph.store)
            raise self._failure(f"{error} ({self._known})") from error
        except AnsibleConnectionFailure as error:
            # the result of an unreachable host has only a message
            earlier = ". An earlier attempt of this task wrote some of the changes" if self._changed else ""
            backup = f". The backup is {self._backup.path}" if self._backup is not None and self._backup.path else ""
            raise LostAnswer(f"{error}{earlier}{backup}") from None
        if not applied.conflict:
            self._since = attempt.state.now if applied.now is None else applied.now
            self._live = self._live or attempt.goes_live
            self._written += render_steps(attempt, applied.applied)
            self._changed = self._changed or applied.error is None or applied.written > 0
        stopped = None if applied.error is None else self._stopped(attempt, applied)
        self._settle(applied.applied, applied.store, stopped)
        if stopped is not None:
            raise self._failure(stopped)
        service, dynamic = applied.service, applied.dynamic
        if attempt.notifies_later and not applied.disturbed:
            service, dynamic = self._notify(attempt, applied)
        # after a change by others, the next attempt looks at the rules
        if dynamic is not None and attempt.dynamic is not None and (dynamic.error or not applied.disturbed):
            problem = refusal(attempt.dynamic, dynamic)
            if problem is not None:
                raise self._failure(f"{self._host.name}: {problem}", changed=True)
        return applied, service

    def _notify(self, attempt: Attempt, applied: Applied) -> tuple[Service | None, DynamicApplied | None]:
        request = ServiceRequest(notify=attempt.service.notify)
        try:
            return self._host.notify(request, dynamic=bool(attempt.dynamic and attempt.dynamic.changed))
        except AnsibleConnectionFailure:
            # expected: the warning has said that the host cannot answer
            self._lost = True
            found = attempt.service.outcome(applied.service or attempt.state.service)
            return dataclasses.replace(found, status=ServiceStatus.RUNNING), None
        except HostError as error:
            before = applied.service or attempt.state.service
            return dataclasses.replace(before, notification=Notification.FAILED, error=str(error)), None

    def _wait(self, attempt: Attempt, service: Service | None) -> dict[str, t.Any]:
        """What became of the change, as the key `applied` of the result. Raises `TaskFailure` if it is not in force."""
        if self._options.wait is None or self._since is None:
            return {}
        found_service = service or attempt.service.outcome(attempt.state.service)
        idle = _LOST if self._lost else attempt.idle(found_service, self._live)
        if idle is not None:
            return {"applied": render_not_waited(idle)}
        expected = attempt.expected
        try:
            waited = self._host.wait(expected, self._since, self._options.wait)
        except (AnsibleConnectionFailure, HostError) as error:
            found = render_not_waited(str(error))
        else:
            judgement = expected.judge(waited, self._since)
            found = render_waited(judgement, waited, expected.name)
        if found["outcome"] == WaitOutcome.FAILED:
            message = f"the change is written, but not in force on {self._host.name}: {failure_text(found)}"
            raise self._failure(message, changed=True, applied=found)
        if found["outcome"] == WaitOutcome.UNKNOWN:
            self._warnings.append(
                f"it is not known whether the change is in force on {self._host.name}: {found['reason']}"
            )
        return {"applied": found}

    def _settle(self, done: int, found: Store | None, stopped: str | None = None) -> None:
        """Make the backup undo what was really done. `stopped` is the message if writing has stopped."""
        if self._backup is not None:
            self._undo.settle(done, found)
            self._back_up(self._backup, stopped)

    def _back_up(self, backup: Backup, stopped: str | None = None) -> None:
        """Write the backup. Raises `TaskFailure`, with the message `stopped` if there is one."""
        try:
            backup.write(self._undo.operations, self._undo.left)
        except (OSError, ValueError) as error:
            known = "although the policy store was changed" if self._changed else "so nothing was changed"
            problem = f"the backup cannot be written, {known}: {error}"
            raise self._failure(f"{stopped}. In addition, {problem}" if stopped else problem) from None

    def _stopped(self, attempt: Attempt, applied: Applied) -> str:
        count = len(attempt.plan.operations)
        return (
            f"{self._host.name} stopped after {applied.applied} of {count} writes to the policy store: "
            f"{str(applied.error).rstrip('.')}. {OLD_OR_NEW}"
        )

    def _always(self) -> dict[str, t.Any]:
        path = None if self._backup is None else self._backup.path
        return {**super()._always(), **({} if path is None else {"backup_file": path})}

    def _result(self, attempt: Attempt) -> dict[str, t.Any]:
        service = self._service
        self._warnings += warnings(attempt, service=service, accept=self._options.accept, earlier=self._earlier)
        if self._backup is not None and self._backup.path and (lost := self._undo.lost):
            self._warnings.append(
                f"the backup cannot restore {lost} values or keys of the old store that a .reg file cannot hold"
            )
        outcome = render_outcome(
            attempt,
            host=self._host.name,
            title=self._goals.title,
            service=service,
            diff=self._options.diff,
            return_policy=self._options.return_policy,
            earlier=self._earlier,
        )
        return {**outcome, **self._operations(), **self._wait(attempt, service), **self._always()}


def run_task(
    action: ActionBase,
    goals: Goals,
    options: t.Mapping[str, t.Any],
    task_vars: dict[str, t.Any],
    about_shared: t.Collection[str] = (),
) -> dict[str, t.Any]:
    """Run a task on the host of an action; `options` are those of its module. As `PolicyTask.run`.

    `about_shared` are the keys about shared filter lists and filter actions that the module returns.
    """
    host = HostChannel(action, task_vars)
    shared = Options.of(options, action._task.check_mode, action._task.diff)
    result = PolicyTask(host, goals, shared, playbook_folder(task_vars)).run()
    return without_shared(result, about_shared)


def playbook_folder(task_vars: t.Mapping[str, t.Any]) -> str:
    """The folder of the playbook, where relative paths of backups start."""
    return str(task_vars.get("playbook_dir", "."))
