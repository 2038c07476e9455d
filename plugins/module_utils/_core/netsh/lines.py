# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The commands of a script, parsed, and those that are left out."""

from __future__ import annotations

import dataclasses

from ..batch import BatchCommand, LeftOut, Script
from ..source.mistakes import Mistakes, collecting
from ..source.text import SourceError
from .grammar import DynamicCommandError, NetshCommand, parse_command


def read_lines(
    script: Script, ignore_unsupported: bool, mistakes: Mistakes | None = None
) -> tuple[list[NetshCommand], Script]:
    """The commands of a script, and the script. Mistakes are added to `mistakes`, or raise `SourceError` without it.

    Commands of ``netsh ipsec dynamic`` are mistakes. With `ignore_unsupported`, they are moved to the part that is left
    out.
    """
    commands: list[NetshCommand] = []
    kept: list[BatchCommand] = []
    left_out: list[LeftOut] = []
    with collecting(mistakes) as found:
        for command in script.commands:
            try:
                commands.append(parse_command(command.text))
                kept.append(command)
            except DynamicCommandError as error:
                if ignore_unsupported:
                    left_out.append(LeftOut(command.line, error.problem))
                else:
                    found.add(command.text.error(0, f"{error.problem}; unsupported=ignore leaves this command out"))
            except SourceError as error:
                found.add(error, command.text)
    both = sorted([*script.left_out, *left_out], key=lambda left: left.line)
    return commands, dataclasses.replace(script, commands=tuple(kept), left_out=tuple(both))
