# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The result of reading a batch file."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..source.text import Text


class Program(enum.StrEnum):
    """The programs whose commands are read."""

    IPSECCMD = "ipseccmd"
    NETSH = "netsh"


@dataclasses.dataclass(frozen=True, slots=True)
class BatchCommand:
    """One command as it would run. `text` begins with the name of the program, without quotes and path. Other quotes
    are kept; redirections, a leading '@' and carets are removed. Characters from a variable have the place where the
    variable is used. `text.file` is the file with asterisks instead of keys. `caller` is the line
    of the batch file that runs a command of another file.
    """

    program: Program
    text: Text
    caller: int = 0

    @property
    def line(self) -> int:
        """The line of the batch file."""
        return self.caller or self.text.line()


@dataclasses.dataclass(frozen=True, slots=True)
class LeftOut:
    """A command that is left out: its line, from 1, and why."""

    line: int
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Script:
    """`commands` are in the order in which they run; `left_alone` has the lines with commands of other programs."""

    commands: tuple[BatchCommand, ...]
    left_alone: tuple[int, ...]
    left_out: tuple[LeftOut, ...]

    def keeping(self, commands: t.Iterable[BatchCommand], left_out: t.Iterable[LeftOut]) -> Script:
        """The script with only `commands`, and with more that is left out."""
        both = sorted([*self.left_out, *left_out], key=lambda left: left.line)
        return dataclasses.replace(self, commands=tuple(commands), left_out=tuple(both))
