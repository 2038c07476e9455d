# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The commands of one program in a batch file."""

from __future__ import annotations

from ..source.mistakes import Mistakes, collecting
from . import LeftOut, Outside, Program, Script, read_script
from .outside import NOTHING_OUTSIDE


def commands_of(
    program: Program,
    text: str,
    ignore_unsupported: bool,
    mistakes: Mistakes | None = None,
    outside: Outside = NOTHING_OUTSIDE,
) -> Script:
    """The script in `text` with the commands of one program.

    Commands that are not known before the file runs, and those of the other program, are added to `mistakes`, or raise
    `SourceError` without it. With `ignore_unsupported`, they are left out.
    """
    with collecting(mistakes) as found:
        script = read_script(text, ignore_unsupported, found, outside)
        left_out: list[LeftOut] = []
        for other in script.commands:
            if other.program is program:
                continue
            reason = f"a command of {other.program}, which the filter from_{other.program} converts"
            if ignore_unsupported:
                left_out.append(LeftOut(other.line, reason))
            else:
                found.add(other.text.error(0, f"this is {reason}; unsupported=ignore leaves it out"))
    return script.keeping((command for command in script.commands if command.program is program), left_out)
