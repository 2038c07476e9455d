# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a batch file comes to."""

from __future__ import annotations

import dataclasses
import enum

from ..source import Text


class Program(enum.Enum):
    IPSECCMD = "ipseccmd"
    NETSH = "netsh"


@dataclasses.dataclass(frozen=True, slots=True)
class Command:
    """One command as it would run. `text` begins with the program's name, without quotes and path; other quotes are
    kept, while redirections, a leading '@' and carets are gone. What comes from a variable stands where that is used.
    `text.file` is the file with asterisks for what became a key.
    """

    program: Program
    text: Text


@dataclasses.dataclass(frozen=True, slots=True)
class LeftOut:
    """A command in `line`, counted from 1, that cannot be known, and why."""

    line: int
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Script:
    """`commands` in the order in which they would run; `left_alone` has the lines with commands of other programs."""

    commands: tuple[Command, ...]
    left_alone: tuple[int, ...]
    left_out: tuple[LeftOut, ...]
