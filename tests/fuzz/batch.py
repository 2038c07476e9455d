# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Batch files: any bytes as a file, and the tasks that it converts to."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import (
    Program,
    Script,
    batch_file,
    decode,
    read_script,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import Mode, read_lines
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.grammar import Language, parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.words import LONGEST_LINE
from unit import corpus

from .inputs import CORE, TOKEN
from .ipseccmd import arguments_of

_LONGEST: t.Final = 8 << 20
_SEED: t.Final = 1200
SUBJECT: t.Final = (f"{CORE}/batch/*.py", f"{CORE}/source/redact.py", f"{CORE}/source/text.py")
_KEY: t.Final = re.compile(rf"(?<![A-Za-z0-9])(?:p:|psk=){TOKEN}")
WORDS: t.Final = (
    *("ipseccmd", "netsh ipsec static ", "echo", "@echo off", "rem ", "::", "if exist ", "if not defined ", "else "),
    *(
        "for %%a in (",
        ") do ",
        "for /l %%i in (1,1,5) do ",
        "for /f ",
        "set A=",
        "set /a ",
        "%A%",
        "%A:b=c%",
        "%A:~1,2%",
        "!A:~1!",
        "if %A%==b ",
        "if 1 leq %%a ",
        "rem/||(",
        "(call ) && ",
    ),
    *("%%a", "%%~na", "%~1", "%*", "!A!", "setlocal enabledelayedexpansion", "endlocal", "call ", "goto ", "goto :eof"),
    *("exit /b", "^", "^\r\n", "\r\n", "&&", "||", ">nul 2>&1", "2>", "<", "(", ")", 'start "" ', "cmd /c ", "\x1a"),
    *("-w reg -p P -r R -f 0+* -n block", "-a p:", TOKEN),
)


def check(data: bytes) -> None:
    """A file is refused with a `ModelError`, or gives commands. A file with these commands gives the same ones.

    They convert to arguments that tasks accept. Errors contain no key.
    """
    try:
        text = decode(data)
    except ModelError:
        return
    whole = _read(text, False)
    lenient = _read(text, True)
    for script in (whole, lenient):
        if script is not None:
            _check_script(text, script)
    if whole is not None:
        assert lenient == whole, "commands are left out of a file without unsupported ones"
    _check_tasks(text)


def _read(text: str, ignore_unsupported: bool) -> Script | None:
    try:
        return read_script(text, ignore_unsupported)
    except SourceError as error:
        assert 1 <= error.line <= text.count("\n") + 1
        _check_error(text, error)
        return None


def _check_script(text: str, script: Script) -> None:
    assert sum(len(command.text) for command in script.commands) <= _LONGEST, "the commands are longer than the limit"
    rows = text.count("\n") + 1
    assert all(1 <= command.text.line() <= rows for command in script.commands)
    lines = [command.text.value for command in script.commands]
    if all(line.isprintable() and not _has_open_quote(line) for line in lines):
        written = batch_file(lines)
        if any(len(line) > LONGEST_LINE for line in written.split("\r\n")):
            return
        again = read_script(written)
        assert [command.text.value for command in again.commands] == lines, "the written commands are read as others"
        assert not again.left_out


def _has_open_quote(line: str) -> bool:
    return line.count('"') % 2 == 1


def _check_tasks(text: str) -> None:
    """Convert a script as the filters and the module do if unsupported commands are left out."""
    items: list[dict[str, t.Any]] = []
    try:
        lines, _script = read_lines(commands_of(Program.IPSECCMD, text, True), True, modes=(Mode.STATIC,))
        items += arguments_of(lines)
    except ModelError as error:
        _check_error(text, error)
    try:
        script = commands_of(Program.NETSH, text, True)
        items += read_netsh([parse_command(command.text, (Language.STATIC,)) for command in script.commands], [])
    except ModelError as error:
        _check_error(text, error)
    for item in items:
        parse_task(item)


def _check_error(text: str, error: ModelError) -> None:
    """Check that the error does not contain a token that the file has only after p: or psk=."""
    if text.count(TOKEN) == len(_KEY.findall(text)):
        assert TOKEN not in str(error), "an error contains a key"


def seeds() -> t.Iterator[bytes]:
    for name in corpus.scripts():
        yield corpus.script(name)[:_SEED]
    for path in sorted((corpus.FOLDER.parent / "scripts" / "netsh").glob("*.cmd")):
        yield path.read_bytes()[:_SEED]
    yield f"ipseccmd -w reg -p P -r R -f 0+* -a p:{TOKEN}\r\nipseccmd -w reg -p P -x\r\n".encode()
    yield f"set K=k\r\nfor %%a in (1 2) do ipseccmd -f 0+10.0.0.%%a -a p:{TOKEN}%K% -n %X%\r\n".encode()
    yield f"netsh ipsec static add policy P\r\nnetsh ipsec static add rule R P L A psk={TOKEN}\r\n".encode()
