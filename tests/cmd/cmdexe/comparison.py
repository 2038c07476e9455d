# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Compares what a batch file runs with what `read_script` reads in it."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import read_script

from .windows import comparable

_NUMBER: t.Final = re.compile(r"\bc[0-9]+\b")

# netsh with another context than ipsec
_OTHER: t.Final = re.compile(r"netsh(?:\.exe)?(?: (?! *ips)|\Z)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """`refused` are the commands that run, and that `read_script` leaves out with a reason. `problem` is empty if
    everything that runs is either read, in the same order, or refused.
    """

    script: str
    ran: list[str]
    read: list[str]
    refused: list[str]
    problem: str

    @classmethod
    def of(cls, text: str, ran: list[str]) -> Comparison:
        ran = [command for command in ran if not _OTHER.match(command)]
        script = read_script(text, ignore_unsupported=True)
        read = [comparable(command.text.value) for command in script.commands]
        refused, waiting = [], list(read)
        for command in ran:
            if waiting and waiting[0] == command:
                del waiting[0]
            else:
                refused.append(command)
        lines = {left.line for left in script.left_out}
        lost = [command for command in refused if not _is_left_out(command, text, lines)]
        problem = ""
        if waiting:
            problem = f"is read, but does not run here: {waiting[0]}"
        elif lost:
            problem = f"runs, but is neither read nor left out: {lost[0]}"
        return cls(text, ran, read, refused, problem)

    def __str__(self) -> str:
        parts = {"the script": self.script.splitlines(), "runs": self.ran, "is read": self.read}
        return "\n".join([self.problem, *(f"{name}:\n" + "\n".join(f"    {x}" for x in parts[name]) for name in parts)])


def _is_left_out(command: str, text: str, lines: set[int]) -> bool:
    """Whether the line of the command is one of `lines`. If it has no number, any line may be its line."""
    number = _NUMBER.search(command)
    if number is None:
        return bool(lines)
    mention = re.compile(rf"\b{number[0]}\b")
    return any(mention.search(line) for at, line in enumerate(text.split("\n"), 1) if at in lines)
