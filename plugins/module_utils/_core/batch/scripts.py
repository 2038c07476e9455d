# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The commands of one program in a batch file."""

from __future__ import annotations

import dataclasses

from . import LeftOut, Outside, Program, Script, read_script
from .outside import NOTHING_OUTSIDE


def commands_of(program: Program, text: str, ignore_unsupported: bool, outside: Outside = NOTHING_OUTSIDE) -> Script:
    """The script in `text` with the commands of one program.

    Raises `SourceError` for a command that is not known before the file runs, and for a command of the other program.
    With `ignore_unsupported`, these are left out.
    """
    script = read_script(text, ignore_unsupported, outside)
    others = [command for command in script.commands if command.program is not program]
    reason = "a command of {0}, which the filter from_{0} converts"
    if others and not ignore_unsupported:
        name = others[0].program
        raise others[0].text.error(0, f"this is {reason.format(name)}; unsupported=ignore leaves it out")
    left_out = [LeftOut(other.line, reason.format(other.program)) for other in others]
    return dataclasses.replace(
        script,
        commands=tuple(command for command in script.commands if command.program is program),
        left_out=tuple(sorted((*script.left_out, *left_out), key=lambda item: item.line)),
    )
