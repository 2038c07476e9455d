# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Shells and their commands: the state of a WS-Management endpoint."""

from __future__ import annotations

import collections
import dataclasses
import shlex
import threading
import time
import typing as t
import uuid

from .soap import INVALID_SELECTORS, Fault

CHUNK: t.Final = 300_000
"""The most bytes of output in the answer to one Receive."""


_POWERSHELL: t.Final = ("powershell", "powershell.exe", "pwsh", "pwsh.exe")


class Cut(Exception):
    """The connection of a client that asks for output is reset."""


class Engine(t.Protocol):
    """Runs the command lines of clients."""

    def start(self, command: Command) -> None:
        """Start `command` in the background: read its input, write its output, `finish` it."""


@dataclasses.dataclass(eq=False)
class Command:
    """A command. Its input is complete when `input_ended` is set; its output is kept until the client fetches it.

    `epoch` is the policy epoch of the host at its start: a command that runs while the policy changes still delivers
    its answer.
    """

    line: str
    epoch: int
    id: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()).upper())
    input_ended: threading.Event = dataclasses.field(default_factory=threading.Event)
    input: bytearray = dataclasses.field(default_factory=bytearray)
    delivered: bool = False
    held: bool = False
    """Whether output is held back until the command ends."""
    killed: bool = False

    def __post_init__(self) -> None:
        self._condition = threading.Condition()
        self._output = {"stdout": bytearray(), "stderr": bytearray()}
        self._exit_code: int | None = None
        self._input_sinks: list[t.Callable[[bytes, bool], None]] = []
        self._on_kill: list[t.Callable[[], None]] = []
        self._cut = False

    def feed(self, data: bytes, end: bool) -> None:
        """Input from the client."""
        self.input += data
        for sink in self._input_sinks:
            sink(data, end)
        if end:
            self.input_ended.set()

    def on_input(self, sink: t.Callable[[bytes, bool], None]) -> None:
        """Pass input on as it arrives, beginning with what has arrived before."""
        self._input_sinks.append(sink)
        if self.input or self.input_ended.is_set():
            sink(bytes(self.input), self.input_ended.is_set())

    def powershell_arguments(self) -> list[str] | None:
        """The arguments of `powershell`; None after an error for any other program, as a simulated host has none."""
        try:
            words = [word.strip('"') for word in shlex.split(self.line, posix=False)]
        except ValueError as error:
            self.write("stderr", f"the command line cannot be read: {error}".encode())
            self.finish(1)
            return None
        if words and words[0].lower() in _POWERSHELL:
            return words[1:]
        self.write("stderr", f"the simulated host has no program '{words[0] if words else ''}'".encode())
        self.finish(1)
        return None

    def when_input_ended(self, action: t.Callable[[bytes], None]) -> None:
        """Call `action` once with the whole input."""
        self.on_input(lambda _data, end: action(bytes(self.input)) if end else None)

    def on_kill(self, action: t.Callable[[], None]) -> None:
        self._on_kill.append(action)
        if self.killed:
            action()

    def cut(self) -> None:
        """Reset the connection that asks for output, now or next."""
        with self._condition:
            self._cut = True
            self._condition.notify_all()

    def write(self, stream: str, data: bytes) -> None:
        with self._condition:
            self._output[stream] += data
            self._condition.notify_all()

    def finish(self, exit_code: int) -> None:
        with self._condition:
            if self._exit_code is None:
                self._exit_code = exit_code
                if self.held and self.killed:
                    self._output = {name: bytearray() for name in self._output}
            self._condition.notify_all()

    def fetch(self, timeout: float) -> tuple[dict[str, bytes], int | None] | None:
        """The output so far, with the exit code at its end; None without any in `timeout` seconds. Raises `Cut`."""
        with self._condition:
            self._condition.wait_for(lambda: self._cut or self._has_news(), timeout)
            if self._cut:
                self._cut = False
                raise Cut
            if not self._has_news():
                return None
            found = {}
            for name, data in self._output.items():
                found[name] = bytes(data[:CHUNK])
                del data[:CHUNK]
            whole = self._exit_code is not None and not any(self._output.values())
            self.delivered = self.delivered or whole
            return found, self._exit_code if whole else None

    def _has_news(self) -> bool:
        return self._exit_code is not None or (not self.held and any(self._output.values()))

    def kill(self) -> None:
        """End it at once; output that is held back is lost."""
        self.killed = True
        for action in self._on_kill:
            action()
        self.finish(1)


class Shells:
    """The open shells of a host."""

    IDLE: t.ClassVar[float] = 7200.0
    """Seconds after which an unused shell is closed, as by WinRM."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._lock = threading.Lock()
        self._shells: dict[str, collections.OrderedDict[str, Command]] = {}
        self._used: dict[str, float] = {}

    def create(self, shell_id: str | None = None) -> str:
        """Open a shell; a client may choose its id."""
        shell_id = shell_id or str(uuid.uuid4()).upper()
        with self._lock:
            self._shells[shell_id] = collections.OrderedDict()
            self._used[shell_id] = time.monotonic()
        self.reap()
        return shell_id

    def run(self, shell_id: str | None, line: str, epoch: int) -> Command:
        command = Command(line, epoch)
        self.add(shell_id, command)
        self.engine.start(command)
        return command

    def add(self, shell_id: str | None, command: Command) -> None:
        self._shell(shell_id)[command.id] = command

    def command(self, shell_id: str | None, command_id: str | None) -> Command:
        found = self._shell(shell_id).get(command_id or "")
        if found is None:
            raise Fault(f"there is no command {command_id} in the shell", INVALID_SELECTORS, "w:InvalidSelectors")
        return found

    def end_command(self, shell_id: str | None, command_id: str | None) -> None:
        command = self.command(shell_id, command_id)
        command.kill()
        self._shell(shell_id).pop(command.id, None)

    def delete(self, shell_id: str | None) -> None:
        commands = self._shell(shell_id)
        with self._lock:
            self._shells.pop(shell_id or "", None)
        for command in commands.values():
            command.kill()

    def close(self) -> None:
        for shell_id in list(self._shells):
            self.delete(shell_id)

    def reap(self) -> None:
        """Close shells that are idle for too long."""
        limit = time.monotonic() - self.IDLE
        for shell_id, used in list(self._used.items()):
            if shell_id not in self._shells:
                self._used.pop(shell_id, None)
            elif used < limit:
                self.delete(shell_id)

    def _shell(self, shell_id: str | None) -> collections.OrderedDict[str, Command]:
        found = self._shells.get(shell_id or "")
        if found is None:
            raise Fault(f"there is no shell {shell_id}", INVALID_SELECTORS, "w:InvalidSelectors")
        self._used[shell_id or ""] = time.monotonic()
        return found
