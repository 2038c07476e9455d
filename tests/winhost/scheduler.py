# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The scheduled tasks of a simulated host. What they run really runs in the engine of the host."""

from __future__ import annotations

import contextlib
import json
import threading
import typing as t

from . import security_log
from .event_query import Event
from .task_xml import Definition, TaskError, exported, parse

if t.TYPE_CHECKING:
    from .faults import Course
    from .host import Host

_LONGEST_COMMAND: t.Final = 32767
"""Characters of a command line, with the NUL behind it."""
_FILE_NOT_FOUND: t.Final = 2
_NAME_TOO_LONG: t.Final = 206
_IN_SYSTEM: t.Final = Event(
    "System",
    "Service Control Manager",
    7036,
    {
        "param1": "IPsec Policy Agent",
        "param2": "running",
        "Binary": "PolicyAgent/4".encode("utf-16-le").hex().upper(),
    },
)
_IN_SECURITY: t.Final = Event("Security", security_log.PROVIDER, security_log.STARTED, {})
"""The events of a started service in two logs."""


class Tasks:
    """The tasks of a host. Their definitions are in tasks.json in its folder.

    `engine` runs the arguments of powershell.exe and returns its exit code; an engine sets it. Without one, tasks end
    at once.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._path = host.folder / "tasks.json"
        self._lock = threading.Lock()
        self._running: dict[str, list[threading.Thread]] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._seen: int | None = None
        self.engine: t.Callable[[str], int] | None = None

    def names(self) -> list[str]:
        return list(self._stored())

    def _stored(self) -> dict[str, str]:
        try:
            return t.cast(dict[str, str], json.loads(self._path.read_text()))
        except FileNotFoundError:
            return {}

    def _store(self, tasks: dict[str, str]) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(tasks, indent=2))
        new.replace(self._path)

    def _find(self, name: str) -> str | None:
        """The spelling of the name of a task in the root folder; None for a missing task."""
        wanted = name.removeprefix("\\").lower()
        return next((known for known in self._stored() if known.lower() == wanted), None)

    def register(self, name: str, xml: str, course: Course | None = None, force: bool = True) -> None:
        """Register a task, or replace one with `force`. Raises `TaskError`, `faults.Refused`, `faults.Killed`."""
        with course.step("task") if course else contextlib.nullcontext():
            if not self._host.setting("administrator"):
                raise TaskError("Access is denied.")
            if not name or set(name) & set('<>:"/\\|?*'):
                raise TaskError("The filename, directory name, or volume label syntax is incorrect.")
            parse(xml)
            with self._lock:
                known = self._find(name)
                if known is not None and not force:
                    raise TaskError("Cannot create a file when that file already exists.")
                self._store(self._stored() | {known or name: xml})
                if self._seen is None:
                    self._seen = self._host.now()
        self._host.event("task_registered", name)

    def query(self, name: str) -> str | None:
        """The XML of a task; None for a missing task."""
        known = self._find(name)
        return None if known is None else exported(known, self._stored()[known])

    def delete(self, name: str) -> bool:
        """Whether the task existed. Raises `TaskError`."""
        if not self._host.setting("administrator"):
            raise TaskError("Access is denied.")
        with self._lock:
            known = self._find(name)
            if known is not None:
                self._store({other: xml for other, xml in self._stored().items() if other != known})
                self._host.event("task_deleted", known)
            return known is not None

    # what starts tasks

    def run(self, name: str) -> None:
        """Run a task and wait for its end. Raises `TaskError`."""
        known = self._find(name)
        if known is None:
            raise TaskError("The system cannot find the file specified.")
        self._start(known, "demand")
        self.wait()

    def boot(self) -> None:
        for name, task in self._enabled():
            if task.boot:
                self._start(name, "boot")

    def service_started(self) -> None:
        """Start the tasks that wait for an event of the service."""
        events = [_IN_SYSTEM] if self._host.setting("service_events") else []
        if security_log.is_audited(self._host, "success"):
            events.append(_IN_SECURITY)
        for name, task in self._enabled():
            for event in events:
                if task.is_started_by(event):
                    self._start(name, f"event {event.number}")

    def advance(self, seconds: int) -> None:
        """Advance the clock of the host from one due run to the next. Returns when these have ended."""
        self.tick()
        end = self._host.now() + seconds
        for due, name in self._due(end):
            self._host.set(clock_offset=self._host.setting("clock_offset") + max(0, due - self._host.now()))
            self._start(name, "time")
            self.wait()
        self._host.set(clock_offset=self._host.setting("clock_offset") + max(0, end - self._host.now()))
        self._seen = self._host.now()

    def tick(self) -> None:
        """Start the tasks that have become due since the last call."""
        now = self._host.now()
        for name in {name for _due, name in self._due(now)}:
            self._start(name, "time")
        self._seen = now

    def _due(self, until: int) -> list[tuple[int, str]]:
        after = until if self._seen is None else self._seen
        return sorted(
            (due, name) for name, task in self._enabled() for trigger in task.times for due in trigger.due(after, until)
        )

    def _enabled(self) -> list[tuple[str, Definition]]:
        found = [(name, parse(xml)) for name, xml in self._stored().items()]
        return [(name, task) for name, task in found if task.enabled]

    # running

    def wait(self, timeout: float = 120) -> None:
        """Wait for the tasks that run."""
        with self._lock:
            threads = [thread for running in self._running.values() for thread in running]
        for thread in threads:
            thread.join(timeout)

    def _start(self, name: str, trigger: str) -> None:
        task = parse(self._stored()[name])
        with self._lock:
            running = self._running[name] = [thread for thread in self._running.get(name, []) if thread.is_alive()]
            if running and task.instances == "IgnoreNew":
                self._host.event("task_ignored", name, trigger)
                return
            thread = threading.Thread(target=self._run, args=(name, trigger, task), daemon=True)
            running.append(thread)
            thread.start()

    def _run(self, name: str, trigger: str, task: Definition) -> None:
        turn = self._turns.setdefault(name, threading.Lock()) if task.instances == "Queue" else contextlib.nullcontext()
        with turn:
            self._host.event("task", name, trigger, self._execute(task))

    def _execute(self, task: Definition) -> int:
        """The exit code of what a task runs."""
        program = task.command.replace("/", "\\").rpartition("\\")[2].lower()
        if program not in ("powershell.exe", "powershell"):
            return _FILE_NOT_FOUND
        if len(f"{task.command} {task.arguments}") >= _LONGEST_COMMAND:
            return _NAME_TOO_LONG
        return self.engine(task.arguments) if self.engine else 0
