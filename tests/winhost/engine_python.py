# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Replaces PowerShell: reads the input of Ansible and does what the named module would do."""

from __future__ import annotations

import json
import threading
import traceback
import typing as t

from .faults import Course, Killed
from .host import Host
from .host_module import HostModule
from .payload import TOO_LARGE, Payload, is_too_large
from .shells import Command

_HELPERS: t.Final = {
    "powershell_mkdtemp": r"C:\Windows\TEMP\ansible",
    "powershell_expand_user": r"C:\Users\Administrator",
}
"""Scripts of Ansible itself, and their output."""


class PythonEngine:
    """Knows the host module of the collection, win_ping and scripts of Ansible itself; fails for anything else."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._host_module = HostModule(host)
        host.tasks.engine = self.run_task
        self._modules: dict[str, t.Callable[[dict[str, t.Any], Course], dict[str, t.Any]]] = {
            "ipsec_host": self._host_module.run,
            "win_ping": lambda arguments, _course: {"changed": False, "ping": arguments.get("data") or "pong"},
        }

    def start(self, command: Command) -> None:
        if command.powershell_arguments() is not None:
            threading.Thread(target=self._run, args=(command,), daemon=True).start()

    def run_task(self, _arguments: str) -> int:
        """Run the only task that there is: the one that adds lost dynamic rules. Returns its exit code."""
        try:
            return self._host_module.replay(Course(self._host, Command("task", 0)))
        except Killed:
            return 1

    def _run(self, command: Command) -> None:
        command.input_ended.wait()
        if is_too_large(command.input):
            command.write("stderr", TOO_LARGE)
            command.finish(1)
            return
        course = Course(self._host, command)
        try:
            course.begin()
            output = self._answer(Payload.parse(bytes(command.input)), course)
            course.end()
        except Killed:
            return
        except Exception:  # a fault of this engine must be visible
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
            return self._failure(f"{payload.module} {' '.join(payload.wrappers)}".strip())
        arguments = payload.arguments or {}
        if payload.module == "ipsec_host" and self._host.forge is not None:
            forged = self._host.forge(json.loads(arguments["request"]))
            if forged is not None:
                return forged if isinstance(forged, str) else json.dumps(forged)
        return json.dumps(self._modules[payload.module](arguments, course))

    def _failure(self, what: str) -> str:
        host = f"the simulated host {self._host.name}"
        return json.dumps(
            {"failed": True, "msg": f"{host} has no PowerShell and cannot run {what} (--engine powershell can)"}
        )
