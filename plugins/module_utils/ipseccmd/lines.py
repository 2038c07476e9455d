# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Command lines one after the other, each with its place, as edits of the policies of a store."""

from __future__ import annotations

import dataclasses
import typing as t

from ..goal import Edits, at
from ..model import ModelError
from ..source import Text
from .commands import AddRule, Command, DeleteRules, Show, Write
from .edits import edit_of
from .parse import parse_command


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A command and where it stands, as in ``line 3``; empty for the only one. `notes` are what its words leave to
    say.
    """

    place: str
    command: Command
    notes: tuple[str, ...] = ()

    @property
    def computer(self) -> str | None:
        """The computer that the command is about; None is the host of the task."""
        if isinstance(self.command, Write) and self.command.store == "reg" and self.command.location is not None:
            return self.command.location
        return getattr(self.command, "computer", None)


def read_line(text: str | Text, place: str = "") -> Line:
    """Raises `SourceError`, or `ModelError` for a text that is no piece of a file that has a name for its place."""
    notes: list[str] = []
    if isinstance(text, Text):
        command = parse_command(text, notes)
    else:
        command = at(place, parse_command, text, notes)
    return Line(place, command, tuple(dict.fromkeys(notes)))


def edits_of(lines: t.Iterable[Line]) -> Edits:
    """What lines of static mode do, in their order. Raises `ModelError` for a line of another mode, or for the
    directory.
    """
    edits = []
    notes: list[str] = []
    for line in lines:
        found = list(line.notes)
        edits.append((line.place, edit_of(at(line.place, _runnable, line.command), found)))
        notes += [f"{line.place}: {note}" if line.place else note for note in found]
    return Edits(tuple(edits), tuple(notes))


def _runnable(command: Command) -> Write:
    if isinstance(command, Write) and command.store == "reg":
        return command
    what = "static mode in the directory (-w ds)"
    if isinstance(command, AddRule | DeleteRules):
        what = "dynamic mode (a command without -w and -p)"
    elif isinstance(command, Show):
        what = "query mode (show)"
    raise ModelError(f"this version cannot run {what}; it runs static mode in the registry (-w reg -p POLICY -r RULE)")
