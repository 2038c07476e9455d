# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The language of ipseccmd: any text as a command line."""

from __future__ import annotations

import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import batch_file, read_script
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.arguments import rule_arguments
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.commands import AddRule, WritePolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.format import format_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import (
    CommandLine,
    Mode,
    asked_by,
    edits_of,
    of_one_computer,
    read_line,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.parse import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.render import write_lines
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.syntax import OPTIONS
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import PROTOCOLS, ModelError, PresharedKey
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import (
    dynamic_arguments,
    parse_dynamic_rule,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.arguments import task_arguments
from unit import corpus

from .inputs import CORE, TOKEN, check_hidden, text_of

SUBJECT: t.Final = (f"{CORE}/ipseccmd/*.py", f"{CORE}/notation/*.py", f"{CORE}/source/*.py")
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
    """A text is refused with a `SourceError` at a place in it, or it is a command.

    Written again, also into a batch file, the command means the same. The task arguments for it can be written as lines
    that mean the same.
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
    keys = command.parameters.authentication if isinstance(command, AddRule | WritePolicy) else ()
    if text.count(TOKEN) == 1:
        check_hidden(f"{notes} {command!r}", keys, "a note or a representation")
        _check_error(text, keys)
    line = format_command(command)
    assert parse_command(line, []) == command, "the written line means something else"
    try:
        file = batch_file([line])
    except ModelError:
        assert any(c in method.key for method in keys if isinstance(method, PresharedKey) for c in "\0\r\n\x1a")
        return
    (found,) = read_script(file).commands
    assert parse_command(found.text, []) == command, "in a batch file, the line means something else"


def _check_error(text: str, keys: t.Iterable[object]) -> None:
    """Check the error for the same line with a mistake at its end."""
    try:
        parse_command(f"{text} -zz", [])
    except SourceError as error:
        check_hidden(error, keys, "an error")


def _check_item(text: str) -> None:
    """Check the text as an item of the option `commands`."""
    try:
        line = read_line(text)
        _check_dynamic(line)
        domain = asked_by([line]).domain
        arguments = arguments_of([line])
    except ModelError:
        return
    for item in arguments:
        parse_task(item)
    try:
        lines = write_lines(arguments, [], domain)
    except ModelError:
        # a line cannot express all arguments, such as those that change only a part of a policy
        return
    read = list(map(read_line, lines))
    assert arguments_of(read) == arguments, "the lines for task arguments convert to other arguments"
    found = asked_by(read).domain
    assert (found and found.name) == (domain and domain.name), "the lines for task arguments are for another domain"


def _check_dynamic(line: CommandLine) -> None:
    """A line of dynamic mode is refused at a place in it, or it is a rule that netsh can say."""
    try:
        changes = asked_by([line], (Mode.DYNAMIC,)).changes
    except ModelError:
        return
    for item in rule_arguments(changes, []):
        assert dynamic_arguments(parse_dynamic_rule(item, "", [])) == item, "the arguments are another rule"


def arguments_of(lines: t.Iterable[CommandLine]) -> list[dict[str, t.Any]]:
    """What command lines do, as task arguments. Raises `ModelError`."""
    edits, _notes = edits_of(of_one_computer(lines, []))
    return task_arguments(edits, [])


def seeds() -> t.Iterator[bytes]:
    for entry in (*corpus.lines().values(), *corpus.dynamic().values()):
        for line in (*entry.get("before", ()), entry["line"]):
            yield line.encode("utf-8", "surrogateescape")
    yield f"ipseccmd -f 0+* -a k p:{TOKEN}".encode()
    yield f'ipseccmd -w reg:srv -p "P":30 -r R -f 0=srv -a preshare:"{TOKEN} x" c:"CN=y" -1k 10Q/3600S -x'.encode()
    yield b"ipseccmd \\\\Server1 show all"
    yield b'ipseccmd -w reg -p "P" -r R -r "S" -o'
