# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Command lines one after the other, each with its place, as edits of the policies of a store."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..batch import LeftOut, Script
from ..batch.programs import IPSECCMD
from ..goal import Edits, Placed
from ..shape.fields import at
from ..source import Text
from ..words import is_program
from .commands import AddRule, Command, DeleteRules, Help, Show, Write
from .edits import edit_of
from .parse import parse_command

_CONTINUATION: t.Final = re.compile(r"(?<=\s)\^(?=[ \t]*+\r?\n)")
_VARIABLE: t.Final = re.compile(r"%[A-Za-z_]\w*+%")
_WORD: t.Final = re.compile(r"\S++")
_REDIRECTIONS: t.Final = re.compile(r"(?:[12]?>>?[ \t]*+(?:&[12]|[^\s&>]++)[ \t\r\n]*+)++")


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A command and its `text`: a piece of a batch file, a whole text with its `place` in a list, or the only one.

    `notes` are what its words leave to say.
    """

    command: Command
    text: Text
    place: str = ""
    notes: tuple[str, ...] = ()

    @property
    def computer(self) -> str | None:
        """The computer that the command is about; None is the host of the task."""
        if isinstance(self.command, Write) and self.command.store == "reg" and self.command.location is not None:
            return self.command.location
        return getattr(self.command, "computer", None)


def read_line(text: str | Text, place: str = "") -> Line:
    """One command, a piece of a batch file or a text; that may have what people leave around a command of a batch file.

    Raises `ModelError`.
    """
    notes: list[str] = []
    if isinstance(text, str):
        text = Text.of(_CONTINUATION.sub(" ", _without_redirections(text)))
        at(place, _refuse_other_than_one, text)
        if _VARIABLE.search(text.value):
            notes.append("variables as %NAME% are taken as they stand: only a batch file sets them (the option script)")
    command = at(place, parse_command, text, notes) if place else parse_command(text, notes)
    return Line(command, text, place, tuple(dict.fromkeys(notes)))


def _refuse_other_than_one(line: Text) -> None:
    """Raise `SourceError` where `line` is no command, or more than one."""
    words = [*_WORD.finditer(line.value)]
    if not words:
        raise line.error(0, "here must stand a command; /? shows the syntax")
    if is_program(words[0][0], ("netsh",)):
        raise line.error(words[0].start(), "this is a command of netsh, which the filter from_netsh converts")
    for word in words[1:]:
        if line.value[word.start() - 1] == "\n" and is_program(word[0], IPSECCMD):
            problem = "here begins another command; the option commands takes several, and script a batch file"
            raise line.error(word.start(), problem)


def _without_redirections(line: str) -> str:
    """`line` without >nul and the like at its end. Before a quotation mark it may be a piece of a name or of a key."""
    start = line.find(">", line.rfind('"') + 1)
    if line[start - 1 : start] in ("1", "2"):
        start -= 1
    stands_alone = start > 0 and line[start - 1].isspace()
    return line[:start] if stands_alone and _REDIRECTIONS.fullmatch(line, start) else line


def read_lines(script: Script, ignore_unsupported: bool) -> tuple[list[Line], Script]:
    """The commands of a script as lines, and the script with what this version cannot run left out, if
    `ignore_unsupported` says so. Raises `SourceError`.
    """
    lines: list[Line] = []
    left_out: list[LeftOut] = []
    for command in script.commands:
        line = read_line(command.text)
        problem = _problem(line.command)
        if problem is not None and ignore_unsupported:
            left_out.append(LeftOut(command.text.line(), problem))
        else:
            lines.append(line)
    both = sorted([*script.left_out, *left_out], key=lambda left: left.line)
    return lines, dataclasses.replace(script, left_out=tuple(both))


def edits_of(lines: t.Iterable[Line]) -> Edits:
    """What lines of static mode do, in their order. Raises `ModelError` for a line of another mode, or for the
    directory.
    """
    edits: list[Placed] = []
    notes: list[str] = []
    for line in lines:
        found = list(line.notes)
        if (problem := _problem(line.command)) is not None:
            at(line.place, _refuse, line.text, problem)
        if isinstance(line.command, Write):
            edits.append(Placed(edit_of(line.command, found), line.text, line.place))
        of_file = line.text.file != line.text.value
        place = f"line {line.text.line()}" if of_file else line.place
        notes += [f"{place}: {note}" if place else note for note in found]
    return Edits(tuple(edits), tuple(notes))


def _refuse(text: Text, problem: str) -> None:
    raise text.error(0, problem)


def _problem(command: Command) -> str | None:
    """Why this version cannot run it, if it cannot."""
    if isinstance(command, Help) or (isinstance(command, Write) and command.store == "reg"):
        return None
    what = "static mode in the directory (-w ds)"
    if isinstance(command, AddRule | DeleteRules):
        what = "dynamic mode (a command without -w and -p)"
    elif isinstance(command, Show):
        what = "query mode (show)"
    return f"this version cannot run {what}; it runs static mode in the registry (-w reg -p POLICY -r RULE)"
