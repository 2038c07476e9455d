# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A real Windows, or Wine. It runs batch files with stand-ins for ipseccmd and netsh, and imports .reg files."""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import typing as t

from . import standin

VARIABLE: t.Final = "IPSEC_CMD"
_WINE: t.Final = ("wine64", "/usr/lib/wine/wine64", "wine")
PROGRAMS: t.Final = ("ipseccmd", "ipsecpol", "netsh")
# a word in which quotes keep blanks together, and what follows
_COMMAND: t.Final = re.compile(r'[ \t,;=]*((?:[^" \t,;=]|"[^"]*"?)*)(.*)', re.DOTALL)
_LONGEST_RUN: t.Final = 250
"""Seconds after which a run is stuck."""


def find_command() -> list[str] | None:
    """The words that start cmd.exe, up to ``/c``; None if there is no cmd.exe."""
    if os.environ.get(VARIABLE):
        return shlex.split(os.environ[VARIABLE])
    wine = next((found for name in _WINE if (found := shutil.which(name))), None)
    return [wine, "cmd", "/c"] if wine else None


class Windows:
    """Runs programs in `folder`. `command` is that of `find_command`."""

    def __init__(self, command: list[str], folder: pathlib.Path) -> None:
        self._command = command
        self._folder = folder
        self.is_wine = "wine" in pathlib.Path(command[0]).name
        self._environment = {**os.environ, "WINEPREFIX": str(folder / "prefix"), "WINEDEBUG": "-all", "DISPLAY": ""}
        self._runs = 0

    def close(self) -> None:
        """Stop the processes of Wine that belong to this folder."""
        if self.is_wine:
            server = shutil.which("wineserver") or str(pathlib.Path(self._command[0]).with_name("wineserver"))
            subprocess.run([server, "-k"], env=self._environment, check=False)

    def run(self, line: str, folder: pathlib.Path) -> None:
        subprocess.run(
            [*self._command, line],
            cwd=folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LONGEST_RUN,
            check=False,
        )

    def path(self, path: pathlib.Path) -> str:
        """The path as Windows programs see it."""
        return "Z:" + str(path).replace("/", "\\") if self.is_wine else str(path)

    def new_folder(self) -> pathlib.Path:
        """A folder that nothing has used."""
        self._runs += 1
        folder = self._folder / str(self._runs)
        folder.mkdir()
        return folder

    def commands(self, scripts: t.Sequence[bytes], exit_code: int = 0) -> list[list[str]]:
        """The commands that each batch file runs. Its programs end with `exit_code`."""
        if not scripts:
            return []
        folder = self.new_folder()
        program = standin.build(self.path(folder / "log"), exit_code)
        system = folder / "windows" / "system32"
        for place in (folder, folder / "tools", system):
            place.mkdir(parents=True, exist_ok=True)
            for name in PROGRAMS:
                (place / f"{name}.exe").write_bytes(program)
        # scripts start netsh in the system folder, too
        lines = ["@echo off", f"set windir={self.path(system.parent)}"]
        for number, script in enumerate(scripts):
            (folder / f"script-{number}.cmd").write_bytes(script)
            lines += [f"cmd /c script-{number}.cmd", f"if exist log ren log script-{number}.log"]
        lines.append("ipseccmd the end")
        (folder / "all.cmd").write_text("\r\n".join([*lines, ""]))
        self.run("all.cmd", folder)
        assert _logged(folder / "log") == ["ipseccmd the end"], "cmd.exe has not run all scripts"
        return [_logged(folder / f"script-{number}.log") for number in range(len(scripts))]

    def registries(self, key: str, imports: t.Sequence[t.Sequence[bytes]]) -> list[list[bytes | None]]:
        """What `key` contains after each .reg file of each list, as .reg files; None if there is no such key.

        Each list starts without the key.
        """
        folder = self.new_folder()
        lines = ["@echo off"]
        for number, files in enumerate(imports):
            lines.append(f'reg delete "{key}" /f')
            for step, file in enumerate(files):
                name = f"{number}-{step}.reg"
                (folder / name).write_bytes(file)
                lines += [f"reg import {name} /reg:64", f'reg export "{key}" after-{name} /y /reg:64']
        (folder / "all.cmd").write_text("\r\n".join([*lines, "echo >end", ""]))
        self.run("all.cmd", folder)
        assert (folder / "end").exists(), "cmd.exe has not imported all files"
        after = [[folder / f"after-{n}-{step}.reg" for step in range(len(files))] for n, files in enumerate(imports)]
        return [[path.read_bytes() if path.exists() else None for path in paths] for paths in after]


def _logged(log: pathlib.Path) -> list[str]:
    if not log.exists():
        return []
    return [comparable(line) for line in log.read_bytes().decode("utf-16-le").split("\0")[:-1]]


def comparable(line: str) -> str:
    """A command line without the path and quotes of its program. Windows adds a blank after the program."""
    match = _COMMAND.fullmatch(line)
    assert match
    name = match[1].replace('"', "")
    name = re.split(r"[\\/:]", name)[-1]
    rest = match[2].strip(" \t")
    return f"{name} {rest}" if rest else name
