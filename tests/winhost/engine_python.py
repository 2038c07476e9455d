# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Stands in for PowerShell where there is none: reads what Ansible sends and does what the named module would do."""

from __future__ import annotations

import json
import threading
import traceback
import typing as t

from .faults import Course, Killed
from .host import Host
from .host_module import HostModule
from .payload import Payload
from .shells import Command

_HELPERS: t.Final = {
    "powershell_mkdtemp": r"C:\Windows\TEMP\ansible",
    "powershell_expand_user": r"C:\Users\Administrator",
}
"""Scripts that Ansible runs for its own needs, and what they print."""


class PythonEngine:
    """Knows the collection's host module, win_ping and Ansible's helpers; says so when asked for anything else."""

    name = "python"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._modules: dict[str, t.Callable[[dict[str, t.Any], Course], dict[str, t.Any]]] = {
            "ipsec_host": HostModule(host).run,
            "win_ping": lambda arguments, _course: {"changed": False, "ping": arguments.get("data") or "pong"},
        }

    def start(self, command: Command) -> None:
        if command.powershell_arguments() is not None:
            threading.Thread(target=self._run, args=(command,), daemon=True).start()

    def _run(self, command: Command) -> None:
        command.input_ended.wait()
        course = Course(self._host, command)
        try:
            course.begin()
            output = self._answer(Payload.parse(bytes(command.input)), course)
            course.end()
        except Killed:
            return
        except Exception:  # a mistake of this engine must not look like one of the client
            command.write("stderr", traceback.format_exc().encode())
            command.finish(1)
            return
        command.write("stdout", output.encode() + b"\r\n")
        command.finish(0)

    def _answer(self, payload: Payload | None, course: Course) -> str:
        if payload is None:
            return self._failure("this command")
        if payload.script in _HELPERS:
            return _HELPERS[payload.script]
        if payload.wrappers or payload.module not in self._modules:
            return self._failure(f"{payload.script} {' '.join(payload.wrappers)}".strip())
        arguments = payload.arguments or {}
        if payload.module == "ipsec_host" and self._host.lie is not None:
            lie = self._host.lie(json.loads(arguments["request"]))
            if lie is not None:
                return lie if isinstance(lie, str) else json.dumps(lie)
        return json.dumps(self._modules[payload.module](arguments, course))

    def _failure(self, what: str) -> str:
        host = f"the simulated host {self._host.name}"
        return json.dumps(
            {"failed": True, "msg": f"{host} has no PowerShell and cannot run {what} (--engine powershell can)"}
        )
