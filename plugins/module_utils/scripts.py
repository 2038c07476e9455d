# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The commands of one program out of a batch file."""

from __future__ import annotations

import dataclasses
import typing as t

from .batch import LeftOut, Program, read_script
from .source import Text

_CONVERTED_BY: t.Final = {
    Program.NETSH: "this is a command of netsh: the filter from_netsh converts those",
    Program.IPSECCMD: "this is a command of ipseccmd: the filter from_ipseccmd converts those",
}


@dataclasses.dataclass(frozen=True, slots=True)
class ProgramScript:
    """The commands of one program. `left_alone` are the lines with other commands, `left_out` those that could not be
    taken.
    """

    commands: tuple[Text, ...]
    left_alone: tuple[int, ...]
    left_out: tuple[LeftOut, ...]


def read_program(text: str, program: Program, ignore_unsupported: bool) -> ProgramScript:
    """Raises `SourceError` for a command that depends on what cannot be known, and for one of the other program; with
    `ignore_unsupported`, they are left out.
    """
    script = read_script(text, ignore_unsupported)
    commands: list[Text] = []
    left_out = list(script.left_out)
    for command in script.commands:
        if command.program is program:
            commands.append(command.text)
        elif ignore_unsupported:
            left_out.append(LeftOut(command.text.line(), _CONVERTED_BY[command.program]))
        else:
            raise command.text.error(0, _CONVERTED_BY[command.program])
    left_out.sort(key=lambda left: left.line)
    return ProgramScript(tuple(commands), script.left_alone, tuple(left_out))
