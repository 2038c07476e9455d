# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Programs of a simulated host that run in other processes, and the socket through which they reach the host.

A program sends two parts, each behind its length in four bytes: its name, the id of the command of a client that runs
it (or nothing) and its arguments, separated by NUL; and its input. It receives its exit code in four bytes and its
output.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import threading
import typing as t

from .cim import CimError
from .faults import Course, Killed, Refused
from .host import Host, SettingError
from .member import Member
from .security_log import LogError
from .task_xml import TaskError

SOCKET: t.Final = "host.sock"


class Programs:
    """Answers programs until it is closed."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        (host.folder / SOCKET).unlink(missing_ok=True)
        with _short(host.folder) as path:
            self._socket.bind(path)
        self._socket.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        (self._host.folder / SOCKET).unlink(missing_ok=True)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                channel, _address = self._socket.accept()
                threading.Thread(target=self._answer, args=(channel,), daemon=True).start()

    def _answer(self, channel: socket.socket) -> None:
        with channel, channel.makefile("rb") as file, contextlib.suppress(OSError, Killed):
            fields, given = (file.read(int.from_bytes(file.read(4), "big")) for _part in range(2))
            name, command, *arguments = fields.decode(errors="surrogateescape").split("\0")
            course = self._host.courses.get(command)
            code, output = self.run(name, arguments, given.decode(errors="surrogateescape"), course)
            channel.sendall(code.to_bytes(4, "big"))
            for part in [output] if isinstance(output, str) else _pieces(output):
                channel.sendall(part.encode(errors="surrogateescape"))

    def run(self, name: str, arguments: list[str], given: str, course: Course | None) -> tuple[int, t.Iterable[str]]:
        """The exit code and the output of a program, as a text or its parts. Raises `Killed`."""
        match name:
            case "netsh":
                return self._host.netsh_output(arguments, given, course)
            case "auditpol":
                return self._host.auditpol(arguments)
            case "cim" if len(arguments) == 2:
                return _answer(lambda: self._host.cim(arguments[0], arguments[1]))
            case "events":
                return _answer(self._host.security_events)
            case "schtasks":
                return schtasks(self._host, arguments)
            case "register":
                return self._register(course, *arguments)
            case "control":
                return control(self._host, *arguments)
        return 1, f"the simulated host has no program '{name}'\n"

    def _register(self, course: Course | None, name: str, xml: str, force: str) -> tuple[int, str]:
        """What Register-ScheduledTask does."""
        try:
            self._host.tasks.register(name, xml, course, force == "force")
        except (TaskError, Refused) as error:
            return 1, str(error)
        return 0, ""


def _pieces(parts: t.Iterable[str]) -> t.Iterator[str]:
    """The same text in fewer parts."""
    waiting: list[str] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size > 65536:
            yield "".join(waiting)
            waiting, size = [], 0
    yield "".join(waiting)


def _answer(query: t.Callable[[], list[dict[str, t.Any]]]) -> tuple[int, str]:
    """The answer to a query as JSON, or its error."""
    try:
        return 0, json.dumps(query())
    except (CimError, LogError) as error:
        return 1, json.dumps({"error": error.reason, "message": str(error)})


def schtasks(host: Host, arguments: list[str]) -> tuple[int, str]:
    """`/Query /TN NAME /XML` and `/Delete /TN NAME /F`."""
    words = [argument.lower() for argument in arguments]
    name = arguments[words.index("/tn") + 1] if "/tn" in words[:-1] else ""
    others = {word for word in words if word not in ("/tn", name.lower())}
    try:
        if name and others == {"/query", "/xml"}:
            xml = host.tasks.query(name)
            if xml is not None:
                return 0, xml
            raise TaskError("The system cannot find the file specified.")
        if name and others == {"/delete", "/f"}:
            if host.tasks.delete(name):
                return 0, f'SUCCESS: The scheduled task "{name}" was successfully deleted.\r\n'
            raise TaskError("The system cannot find the file specified.")
    except TaskError as error:
        return 1, f"ERROR: {error}\r\n"
    return 1, "ERROR: Invalid syntax.\r\n"


def control(host: Host, action: str, argument: str = "") -> tuple[int, str]:
    """What `console` does besides programs. Returns when the tasks that it starts have ended."""
    match action:
        case "start":
            host.start_service()
            host.tasks.wait()
        case "stop":
            host.stop_service()
        case "restart":
            host.restart_service()
        case "boot":
            host.boot()
        case "advance":
            host.advance(int(argument))
        case "task":
            try:
                host.tasks.run(argument)
            except TaskError as error:
                return 1, f"{error}\n"
        case "poll":
            if host.setting("membership"):
                return 0, f"{Member(host).poll()}\n"
            host.poll()
        case "gpupdate":
            return 0, f"{Member(host).gpupdate(argument.lower() == '/force')}\n"
        case "set":
            try:
                host.set_text(argument)
            except SettingError as error:
                return 1, f"{error}\n"
    return 0, ""


def ask(folder: pathlib.Path, name: str, arguments: t.Sequence[str], given: bytes = b"") -> tuple[int, str]:
    """Run a program on the host whose state is in `folder`. Raises `OSError` if the host does not run."""
    fields = "\0".join([name, "", *arguments]).encode(errors="surrogateescape")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel, _short(folder) as path:
        channel.connect(path)
        channel.sendall(b"".join(len(part).to_bytes(4, "big") + part for part in (fields, given)))
        with channel.makefile("rb") as file:
            answer = file.read()
    if len(answer) < 4:
        raise OSError("the host has not answered")
    return int.from_bytes(answer[:4], "big"), answer[4:].decode(errors="surrogateescape")


@contextlib.contextmanager
def _short(folder: pathlib.Path) -> t.Iterator[str]:
    """A short path of the socket in a folder: the path of a socket has at most 107 characters."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def install(folder: pathlib.Path, interpreter: str) -> None:
    """Put netsh.exe, schtasks.exe and auditpol.exe for the PowerShell engine into a folder."""
    source = pathlib.Path(__file__).parent / "standins" / "program.py"
    for name in ("netsh.exe", "schtasks.exe", "auditpol.exe"):
        new = folder / f"{name}.{os.getpid()}"
        new.write_text(f"#!{interpreter} -ISE\n{source.read_text()}")
        new.chmod(0o755)
        new.replace(folder / name)
