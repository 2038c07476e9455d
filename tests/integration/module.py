# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the host module on a simulated host without Ansible."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import typing as t

from integration.playbook import CHECKOUT
from winhost.dynamic_module import TASK
from winhost.engine_powershell import PowerShellEngine
from winhost.faults import Course
from winhost.host import Host
from winhost.host_module import HostModule
from winhost.programs import Programs
from winhost.shells import Command

# each line of the input is a request, each line of the output an answer
_SCRIPT: t.Final = """
Get-ChildItem "$env:PLUGINS/module_utils/*.psm1" | Import-Module -Global
$module = [scriptblock]::Create([System.IO.File]::ReadAllText("$env:PLUGINS/modules/__private/ipsec_host.ps1"))
while ($null -ne ($line = [System.Console]::In.ReadLine())) {
    $complex_args = @{ request = $line }
    & $module
}
"""


class Module:
    """The host module of a host, run by an engine: `python` or `powershell`. Programs in the folder `programs` replace
    those of the host in PowerShell, which runs the module in the folder `plugins`.
    """

    def __init__(self, host: Host, engine: str) -> None:
        self.host = host
        self.engine = engine
        self.programs: pathlib.Path | None = None
        self.plugins = CHECKOUT / "plugins"

    def limit(self, folder: pathlib.Path, seconds: int) -> None:
        """Run a copy of the module in PowerShell that waits so many seconds for others instead of 60."""
        shutil.copytree(self.plugins, folder, ignore=shutil.ignore_patterns("*.py", "*.yml"))
        for name in ("_IpsecDynamic", "_IpsecQuery"):
            module = folder / "module_utils" / f"{name}.psm1"
            text, count = re.subn("(seconds) = 60", rf"\g<1> = {seconds}", module.read_text(), flags=re.IGNORECASE)
            assert count
            module.write_text(text)
        self.plugins = folder

    def ask(self, *requests: dict[str, t.Any]) -> list[dict[str, t.Any]]:
        """The answers to some requests."""
        lines = [json.dumps(request) for request in requests]
        if self.engine == "python":
            module = HostModule(self.host)
            return [module.run({"request": line}, Course(self.host, Command("", 0))) for line in lines]
        output = self._run("-NoProfile", "-NonInteractive", "-Command", _SCRIPT, text="\n".join(lines))
        answers = [json.loads(line) for line in output.splitlines()]
        assert len(answers) == len(requests)
        return answers

    def replay(self) -> None:
        """Run what the scheduled task of dynamic rules runs."""
        definition = self.host.tasks.query(TASK)
        assert definition is not None
        if self.engine == "python":
            HostModule(self.host).replay(Course(self.host, Command("", 0)))
        else:
            arguments = re.findall("<Arguments>(.*)</Arguments>", definition)[0]
            assert self._run(*arguments.split()) == ""

    def _run(self, *arguments: str, text: str = "") -> str:
        """The output of PowerShell on the host."""
        environment = PowerShellEngine(self.host).environment() | {"PLUGINS": str(self.plugins)}
        powershell = shutil.which("powershell", path=environment["PATH"]) or "powershell"
        if self.programs is not None:
            environment["PATH"] = f"{self.programs}{os.pathsep}{environment['PATH']}"
        with contextlib.closing(Programs(self.host)):
            done = subprocess.run(
                [powershell, *arguments],
                input=text,
                capture_output=True,
                text=True,
                check=True,
                env=environment,
                cwd=self.host.folder,
            )
        assert done.stderr == ""
        assert done.stdout.isascii()
        return done.stdout
