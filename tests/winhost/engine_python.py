# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Stands in for PowerShell where there is none: reads what Ansible sends and does what the named module would do."""

from __future__ import annotations

import json
import threading
import traceback
import typing as t

from .host import Host
from .host_module import HostModule
from .shells import Command

_SEPARATOR: t.Final = b"\0\0\0\0"
_HELPERS: t.Final = {
    "powershell_mkdtemp": r"C:\Windows\TEMP\ansible",
    "powershell_expand_user": r"C:\Users\Administrator",
}
"""Scripts that Ansible runs for its own needs, and what they print."""


class PythonEngine:
    """Knows the collection's host module, win_ping and Ansible's helpers; says so when it is asked for anything else.
    """

    name = "python"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._modules: dict[str, t.Callable[[dict[str, t.Any]], dict[str, t.Any]]] = {
            "ipsec_host": HostModule(host).run,
            "win_ping": lambda arguments: {"changed": False, "ping": arguments.get("data") or "pong"},
        }

    def start(self, command: Command) -> None:
        threading.Thread(target=self._run, args=(command,), daemon=True).start()

    def _run(self, command: Command) -> None:
        command.input_ended.wait()
        try:
            output = self._answer(bytes(command.input))
        except Exception:  # a mistake of this engine must not look like one of the client
            command.write("stderr", traceback.format_exc().encode())
            command.finish(1)
            return
        command.write("stdout", output.encode() + b"\r\n")
        command.finish(0)

    def _answer(self, data: bytes) -> str:
        """What the payload of Ansible would print. It is a bootstrap, a manifest and data, with lines of NULs between
        them.
        """
        parts = [part.strip(b"\r\n") for part in data.split(_SEPARATOR)]
        if len(parts) < 2:
            return self._failure("this command; it has no PowerShell (the engine is python)")
        name = json.loads(parts[0]).get("name", "")
        if name in _HELPERS:
            return _HELPERS[name]
        manifest = json.loads(parts[1])
        action = manifest["actions"][-1]
        if action["name"] != "module_wrapper.ps1" or len(manifest["actions"]) > 1:
            return self._failure(", ".join(a["name"] for a in manifest["actions"]))
        script = action["params"]["Script"]
        module = script.removesuffix(".ps1").rpartition(".")[2]
        if module not in self._modules:
            return self._failure(f"the module {script}")
        arguments = next(v["Value"] for v in action["params"]["Variables"] if v["Name"] == "complex_args")
        return json.dumps(self._modules[module](arguments))

    def _failure(self, what: str) -> str:
        message = f"the simulated host {self._host.name} cannot run {what}: run it with PowerShell on PATH (--engine powershell)"
        return json.dumps({"failed": True, "msg": message})
