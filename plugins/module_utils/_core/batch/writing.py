# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Writes commands as a batch file."""

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
    for command in commands:
        if bad := _UNWRITABLE.search(command):
            raise ModelError(
                f"a batch file cannot contain the character U+{ord(bad[0]):04X}; remove it, or set the pre-shared "
                "key in a task instead"
            )
    lines = [_QUOTED_OR_SIGN.sub(_escape, command).replace("%", "%%") for command in commands]
    if not all(line.isascii() for line in lines):
        lines.insert(0, "@chcp 65001 >nul")
    return "".join(f"{line}\r\n" for line in lines)


def _escape(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else f"^{match[0]}"
