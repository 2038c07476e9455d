# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the commands of clients in a real PowerShell, with stand-ins for the classes that only Windows has."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import typing as t

from .faults import Course, Killed, Refused
from .host import Host
from .payload import TOO_LARGE, is_too_large
from .programs import install
from .shells import Command

_STANDINS: t.Final = pathlib.Path(__file__).parent / "standins"


class EngineError(Exception):
    """The engine cannot be used here; the message says why."""


def find_pwsh() -> str | None:
    return shutil.which("pwsh")


class PowerShellEngine:
    """Starts one process for each command."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._pwsh = find_pwsh()
        if self._pwsh is None:
            raise EngineError("there is no pwsh on PATH; install PowerShell 7, or use the Python engine")
        self._library, self._programs = _prepare(self._pwsh)
        host.tasks.engine = self.run_task

    def start(self, command: Command) -> None:
        arguments = command.powershell_arguments()
        if arguments is None:
            return
        course = Course(self._host, command)
        environment = self.environment() | {"WINHOST_COMMAND": command.id}
        self._host.courses[command.id] = course
        with contextlib.ExitStack() as stack:
            channel = stack.enter_context(_fault_channel(course)) if self._host.faults else None
            if channel is not None:
                environment["WINHOST_FAULTS"] = str(channel)
            errors: t.IO[bytes] | int = subprocess.PIPE
            if self._host.setting("event_log"):
                environment |= _logging(self._host)
                errors = stack.enter_context(self._host.event_log.open("ab"))
            process = subprocess.Popen(
                [str(self._programs / "powershell"), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                pass_fds=() if channel is None else (channel,),
                cwd=self._host.folder,
                start_new_session=True,
            )
        command.held = channel is not None
        command.on_kill(lambda: _kill(process))
        pumps = [
            threading.Thread(target=_pump, args=(command, stream, pipe), daemon=True)
            for stream, pipe in (("stdout", process.stdout), ("stderr", process.stderr))
            if pipe is not None
        ]
        for thread in (
            *pumps,
            threading.Thread(target=_feed, args=(command, course, process), daemon=True),
            threading.Thread(target=self._reap, args=(command, course, process, pumps), daemon=True),
        ):
            thread.start()

    def _reap(
        self, command: Command, course: Course, process: subprocess.Popen[bytes], pumps: list[threading.Thread]
    ) -> None:
        exit_code = process.wait()
        for thread in pumps:
            thread.join()
        with contextlib.suppress(Killed):
            course.end()
        self._host.courses.pop(command.id, None)
        command.finish(exit_code)

    def run_task(self, arguments: str) -> int:
        """Run powershell.exe with these arguments, as a scheduled task does; returns its exit code."""
        command = Command(f"powershell.exe {arguments}", 0)
        command.feed(b"", True)
        self.start(command)
        while (found := command.fetch(60)) is None or found[1] is None:
            continue
        return found[1]

    def environment(self) -> dict[str, str]:
        """The environment of a PowerShell process on this host."""
        path = os.environ.get("PATH", "")
        modules = [
            str(self._library.parent.parent),
            str(pathlib.Path(t.cast(str, self._pwsh)).resolve().parent / "Modules"),
        ]
        return {
            "PATH": f"{self._programs}{os.pathsep}{path}",
            "HOME": os.environ.get("HOME", "/"),
            "TMPDIR": tempfile.gettempdir(),
            "TEMP": tempfile.gettempdir(),
            "COMPUTERNAME": str(self._host.setting("computer")),
            "WINHOST_STATE": str(self._host.folder.resolve()),
            "WINHOST_ADDRESS": self._host.address,
            "DOTNET_STARTUP_HOOKS": str(self._library),
            "DOTNET_TieredPGO": "0",
            "POWERSHELL_TELEMETRY_OPTOUT": "1",
            "PSModulePath": os.pathsep.join(modules),
        }


def _logging(host: Host) -> dict[str, str]:
    """Turn on logging of script blocks and modules, as Group Policies do; returns variables for the process."""
    policies = {
        "ScriptBlockLogging": {"EnableScriptBlockLogging": True},
        "ModuleLogging": {"EnableModuleLogging": True, "ModuleNames": ["*"]},
    }
    path = host.folder / "powershell" / "powershell.config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"PowerShellPolicies": policies}))
    return {"XDG_CONFIG_HOME": str(host.folder.resolve()), "WINHOST_EVENT_LOG": "1"}


@contextlib.contextmanager
def _fault_channel(course: Course) -> t.Iterator[int]:
    """A descriptor through which the stand-ins of a process ask for faults.

    They send a line with the place and receive a line with the error, which is empty without one.
    """
    ours, theirs = socket.socketpair()
    threading.Thread(target=_answer_faults, args=(course, ours), daemon=True).start()
    with theirs:
        yield theirs.fileno()


def _answer_faults(course: Course, channel: socket.socket) -> None:
    with channel, channel.makefile("rw", encoding="ascii") as file, contextlib.suppress(Killed, OSError):
        for line in file:
            when, place = line.split()
            try:
                course.meet(when, place)
                file.write("\n")
            except Refused as refused:
                file.write(f"{refused}\n")
            file.flush()


def _feed(command: Command, course: Course, process: subprocess.Popen[bytes]) -> None:
    """Pass input on as it arrives, in a thread of its own, as pwsh reads late."""
    arrived: queue.SimpleQueue[tuple[bytes, bool]] = queue.SimpleQueue()
    command.on_input(lambda data, end: arrived.put((data, end)))
    pipe = t.cast(t.IO[bytes], process.stdin)
    ended = False
    while not ended and process.poll() is None:
        try:
            data, ended = arrived.get(timeout=1)
            if is_too_large(command.input):
                # PowerShell 7 has no such limit
                command.write("stderr", TOO_LARGE)
                command.finish(1)
                _kill(process)
                return
            if ended:
                course.begin()
            pipe.write(data)
            pipe.flush()
        except queue.Empty:
            continue
        except (OSError, Killed):
            return
    with contextlib.suppress(OSError):
        pipe.close()


def _pump(command: Command, stream: str, pipe: t.IO[bytes]) -> None:
    while data := pipe.read1(65536):  # type: ignore[attr-defined]
        command.write(stream, data)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _prepare(pwsh: str) -> tuple[pathlib.Path, pathlib.Path]:
    """The compiled stand-ins, which are also a module, and a folder with programs, where pwsh is called powershell.

    They are compiled once for each content.
    """
    source, manifest = _STANDINS / "StandIns.cs", _STANDINS / "WinHost.psd1"
    engine = pathlib.Path(pwsh).resolve()
    program = _STANDINS / "program.py"
    parts = (source.read_bytes(), manifest.read_bytes(), program.read_bytes(), f"{engine} {sys.executable}".encode())
    key = hashlib.sha256(b"".join(parts)).hexdigest()[:16]
    folder = pathlib.Path(tempfile.gettempdir()) / f"winhost-{os.getuid()}" / key
    library, programs = folder / "Modules" / "WinHost" / "StandIns.dll", folder / "bin"
    for needed in (programs, library.parent):
        needed.mkdir(parents=True, exist_ok=True)
    for link in (programs / "powershell", programs / "PowerShell"):
        with contextlib.suppress(FileExistsError):
            link.symlink_to(engine)
    if not (programs / "auditpol.exe").exists():
        install(programs, sys.executable)
    if library.exists():
        return library, programs
    shutil.copy(manifest, library.parent)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        new = pathlib.Path(scratch) / "StandIns.dll"
        script = f"Add-Type -Path '{source}' -OutputAssembly '{new}' -OutputType Library"
        result = subprocess.run([pwsh, "-NoProfile", "-Command", script], capture_output=True, text=True, check=False)
        if not new.exists():
            raise EngineError(f"the stand-ins do not compile: {result.stdout}{result.stderr}")
        new.replace(library)
    return library, programs
