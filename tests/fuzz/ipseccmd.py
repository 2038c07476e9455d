# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The grammar of ipseccmd: any text as a command line."""

from __future__ import annotations

import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils.batch import batch_file, read_script
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.commands import AddRule, Write
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.convert import read_arguments
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.format import format_command
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.lines import read_line
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.parse import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.render import write_lines
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.syntax import OPTIONS
from ansible_collections.ipsec.windows.plugins.module_utils.model import PROTOCOLS, ModelError, PresharedKey
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils.source import SourceError
from unit import corpus

from .inputs import TOKEN, check_hidden, text_of

SUBJECT: t.Final = (
    "plugins/module_utils/ipseccmd/*.py",
    "plugins/module_utils/words.py",
    "plugins/module_utils/redact.py",
    "plugins/module_utils/source.py",
)
WORDS: t.Final = (
    *(f" -{option} " for option in OPTIONS),
    *(f"::{name}" for name in PROTOCOLS),
    *(
        "ipseccmd",
        "\\\\",
        "show all",
        "/?",
        "default",
        "reg:",
        "ds:",
        "*+0:",
        "0=",
        "10.*.*.*",
        "/255.0.0.0",
        "p:",
        "c:",
    ),
    *("esp[3des,sha]", "ah[md5]+esp[", "3600S/", "5000K", "PFS2", "inpass", "pass", "block", "3des-sha-2", "10Q/3600S"),
    *("{12345678-1234-1234-1234-123456789abc}", '"', '\\"', "(", ")", "]", TOKEN),
)


def check(data: bytes) -> None:
    """A text is refused with a `SourceError` at a place that it has, or it means a command that can be written, which
    means the same also in a batch file. What it does to policies is the arguments of a task, and those are lines again.
    """
    text = text_of(data)
    _check_item(text)
    notes: list[str] = []
    try:
        command = parse_command(text, notes)
    except SourceError as error:
        assert 1 <= error.line <= text.count("\n") + 1
        assert 1 <= error.column <= len(text.split("\n")[error.line - 1]) + 1
        return
    keys = command.parameters.authentication if isinstance(command, AddRule | Write) else ()
    if text.count(TOKEN) == 1:
        check_hidden(f"{notes} {command!r}", keys, "notes or a representation")
        _check_error(text, keys)
    line = format_command(command)
    assert parse_command(line, []) == command, "the line that was written means something else"
    try:
        file = batch_file([line])
    except ModelError:
        assert any(c in method.key for method in keys if isinstance(method, PresharedKey) for c in "\0\r\n\x1a")
        return
    (found,) = read_script(file).commands
    assert parse_command(found.text, []) == command, "the line means something else in a batch file"


def _check_error(text: str, keys: t.Iterable[object]) -> None:
    """The same line with a mistake at its end."""
    try:
        parse_command(f"{text} -zz", [])
    except SourceError as error:
        check_hidden(error, keys, "an error")


def _check_item(text: str) -> None:
    """The text as an item of the option commands."""
    try:
        line = read_line(text)
        arguments = read_arguments([line], [])
    except ModelError:
        return
    for item in arguments:
        parse_task(item)
    try:
        lines = write_lines(arguments, [])
    except ModelError:
        # of what is there nothing is known
        return
    again = read_arguments([read_line(line) for line in lines], [])
    assert again == arguments, "the arguments of a task, written as lines, are others"


def seeds() -> t.Iterator[bytes]:
    for entry in corpus.lines().values():
        for line in (*entry.get("before", ()), entry["line"]):
            yield line.encode("utf-8", "surrogateescape")
    yield f"ipseccmd -f 0+* -a k p:{TOKEN}".encode()
    yield f'ipseccmd -w reg:srv -p "P":30 -r R -f 0=srv -a preshare:"{TOKEN} x" c:"CN=y" -1k 10Q/3600S -x'.encode()
    yield b"ipseccmd \\\\Server1 show all"
    yield b'ipseccmd -w reg -p "P" -r R -r "S" -o'
