# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Writes commands as a batch file, or as a script for ``netsh -f``."""

from __future__ import annotations

import re
import typing as t

from ..model import ModelError

# cmd.exe ends a line at some of these and removes the others
_UNWRITABLE: t.Final = re.compile("[\0\r\n\x1a]")
_QUOTED_OR_SIGN: t.Final = re.compile(r'"[^"]*"?|[&|<>^]')


def batch_file(commands: t.Iterable[str]) -> str:
    """The commands as the text of a batch file. Percent signs are doubled, and characters that are special to cmd.exe
    get a caret. To cmd.exe, a quotation mark after a backslash is an ordinary quotation mark.

    Raises `ModelError` for a character that a line cannot contain.
    """
    commands = list(commands)
    _refuse_unwritable(commands, "a batch file")
    lines = [_QUOTED_OR_SIGN.sub(_escape, command).replace("%", "%%") for command in commands]
    if not all(line.isascii() for line in lines):
        lines.insert(0, "@chcp 65001 >nul")
    return "".join(f"{line}\r\n" for line in lines)


def netsh_file(commands: t.Iterable[str]) -> str:
    """The commands, which do not begin with the word netsh, as the text of a script for ``netsh -f``. Raises
    `ModelError` for a character that a line cannot contain.
    """
    commands = list(commands)
    _refuse_unwritable(commands, "a script of netsh")
    return "".join(f"{command}\r\n" for command in commands)


def _refuse_unwritable(commands: t.Iterable[str], what: str) -> None:
    for command in commands:
        if bad := _UNWRITABLE.search(command):
            raise ModelError(
                f"{what} cannot contain the character U+{ord(bad[0]):04X}; remove it, or set the pre-shared key in a "
                "task instead"
            )


def _escape(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else f"^{match[0]}"
