# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Collects the commands of a batch file and the reasons why some are unknown."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ..source.text import FileText, SourceError, Text, position
from ..store.casing import fold
from .jumps import Jumps
from .keys import hide_keys
from .lexer import UNKNOWN
from .script import BatchCommand, LeftOut, Program, Script
from .variables import Origins


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A command. If it is unknown, `program` is None, and `place` is the character that causes the `reason`. `caller`
    is the line of the batch file that runs a command of another file.
    """

    text: Text
    program: Program | None
    caller: int = 0
    place: int = 0
    reason: str = ""

    @property
    def line(self) -> int:
        """The line of the batch file."""
        return self.caller or self.text.line()


class _NotTaken(t.NamedTuple):
    """A jump, how many commands were found before it, and whether it leads back."""

    left_out: LeftOut
    found: int
    back: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Skipped:
    """Commands over which a ``goto`` to the place `end` jumps: the numbers of the first one and of the one after the
    last, and the jumps between them.
    """

    end: int
    first: int
    after: int
    jumps: dict[str, int]


class Results:
    """The commands in the order in which they run, and what else the file contains."""

    def __init__(self, file: str, origins: Origins) -> None:
        self.file = file
        self.jumps = Jumps(file)
        # why commands from here on are unknown
        self.stopped = ""
        self._origins = origins
        self._found: list[_Found] = []
        self._hidden: list[Text] = []
        self._left_alone: set[int] = set()
        # for each label, how many commands were found before it
        self._labels: dict[str, int] = {}
        self._not_taken: list[_NotTaken] = []
        # how many commands are known so far
        self.known = 0
        # whether the file jumps over what is read
        self.skips = False
        self._skipped: list[_Skipped] = []
        # the labels after which code runs more than once, and the unknown commands found before this was known
        self._repeated: set[str] = set()
        self._earlier: list[_Found] = []

    def line(self, place: int) -> int:
        """The number of the line, from 1."""
        return position(self.file, place)[0]

    def position(self, place: int) -> str:
        line, column = position(self.file, place)
        return f"line {line}, column {column}"

    def add(self, program: Program, text: Text, caller: int = 0) -> None:
        """Add a command. A command of another file has the line of the batch file that runs it."""
        self._found.append(_Found(text=text, program=program, caller=caller))
        self.known += 1

    def add_unknown(self, text: Text, index: int, reason: str, caller: int = 0) -> None:
        """Add a command that is unknown because of the character at `index`."""
        self._found.append(_Found(text=text, program=None, caller=caller, place=text.offset(index), reason=reason))

    def not_taken(self, line: int, reason: str, label: str = "") -> None:
        """Note a jump in the body of an unknown condition. It is left out with the body, and listed if it leads back or
        comes before commands.
        """
        self.jumps.not_taken.add(fold(label))
        back = bool(self._labels) if label == UNKNOWN else fold(label) in self._labels
        self._not_taken.append(_NotTaken(LeftOut(line, reason), len(self._found), back))

    def hide(self, text: Text) -> None:
        """Hide `text` in errors, as it may contain a key."""
        self._hidden.append(text)

    def leave_alone(self, place: int) -> None:
        """Note the line of a command of another program."""
        self._left_alone.add(self.line(place))

    def stop(self, reason: str) -> None:
        """From here on, commands are unknown. The first reason is kept."""
        self.stopped = self.stopped or reason

    def label(self, name: str) -> bool:
        """Note a label in front of the next command. Returns whether the code after it runs more than once."""
        self._labels.setdefault(fold(name), len(self._found))
        return fold(name) in self._repeated

    def begin_again(self) -> bool:
        """Whether something jumps to a label, so that the file has to be read again. Forgets what is certain then."""
        self._find_skipped()
        self._mark_repeated()
        repeated = {name for name in self._labels if self._jump_to(name)} - self._repeated
        if not repeated:
            return False
        self._repeated |= repeated
        self._earlier += [found for found in self._kept() if found.program is None]
        self._found, self._labels, self._skipped, self._left_alone = [], {}, [], set()
        self._not_taken, self.known = [], 0
        self.jumps.lines = {}
        self.stopped = ""
        return True

    @contextlib.contextmanager
    def skipping(self, reason: str, end: int) -> t.Iterator[None]:
        """What is added meanwhile only runs if another jump leads to it. A ``goto`` to the place `end` skips it."""
        first, before = len(self._found), self.jumps.lines
        self.jumps.lines = {}
        self.stop(reason)
        self.skips = True
        yield
        self.stopped, self.skips = "", False
        self._skipped.append(_Skipped(end=end, first=first, after=len(self._found), jumps=self.jumps.lines))
        self.jumps.lines = before

    def error(self, place: int, problem: str) -> SourceError:
        return SourceError(self._shown(self.file), place, problem)

    def script(self, ignore_unsupported: bool) -> Script:
        """The result. Raises `SourceError` for the first unknown command, unless `ignore_unsupported`."""
        kept = self._kept()
        lines = {found.line for found in kept if found.program is None}
        kept += [found for found in self._earlier if found.line not in lines]
        unknown = [found for found in kept if found.program is None]
        if unknown and not ignore_unsupported:
            first = unknown[0]
            raise SourceError(
                self._shown(first.text.file), first.place, f"{first.reason}; unsupported=ignore leaves this command out"
            )
        shown: dict[int, str] = {}
        commands: list[BatchCommand] = []
        for found in kept:
            if found.program is not None:
                file = found.text.file
                if id(file) not in shown:
                    shown[id(file)] = self._shown(file)
                text = dataclasses.replace(found.text, file=shown[id(file)])
                commands.append(BatchCommand(found.program, text, found.caller))
        left_out = [LeftOut(found.line, _reason(found)) for found in unknown]
        left_out += [jump.left_out for jump in self._not_taken if jump.back or jump.found < len(self._found)]
        return Script(tuple(commands), tuple(sorted(self._left_alone)), tuple(dict.fromkeys(left_out)))

    def _shown(self, file: str) -> str:
        """A file without its keys."""
        commands = [found.text for found in (*self._found, *self._earlier) if found.text.file is file]
        if isinstance(file, FileText):
            # nothing in it comes from a variable
            return FileText(hide_keys(file, commands, (), Origins(file)), file.name)
        return hide_keys(file, commands, self._hidden, self._origins)

    def _kept(self) -> list[_Found]:
        never = {number for skipped in self._skipped for number in range(skipped.first, skipped.after)}
        return [found for number, found in enumerate(self._found) if number not in never]

    def _find_skipped(self) -> None:
        """Keep only what no jump reaches in the list of skipped commands, and note the jumps in the others."""
        waiting = self._skipped
        while reached := [skipped for skipped in waiting if self._leads_before(skipped.end)]:
            waiting = [skipped for skipped in waiting if skipped not in reached]
            for skipped in reached:
                for label, line in skipped.jumps.items():
                    self.jumps.note(label, line)
        self._skipped = waiting

    def _leads_before(self, end: int) -> bool:
        """Whether a jump leads to a label before the place `end`."""
        places = [
            0 if name == UNKNOWN else self.jumps.first(name) for name in (*self.jumps.lines, *self.jumps.not_taken)
        ]
        return any(place is not None and place < end for place in places)

    def _mark_repeated(self) -> None:
        """Commands after a label may run more than once if something jumps to it: mark them as unknown."""
        reached = [(start, name) for name, start in self._labels.items() if self._jump_to(name)]
        if not reached:
            return
        start, name = min(reached)
        reason = f"it may run more than once: line {self._jump_to(name)} jumps to the label before it"
        for index in range(start, len(self._found)):
            if self._found[index].program is not None:
                found = self._found[index]
                self._found[index] = dataclasses.replace(found, program=None, place=found.text.offset(0), reason=reason)

    def _jump_to(self, name: str) -> int | None:
        """The line that jumps to the label; None if there is none."""
        return self.jumps.lines.get(name) or self.jumps.lines.get(UNKNOWN)


def _reason(found: _Found) -> str:
    return f"{found.text.where()}: {found.reason}" if isinstance(found.text.file, FileText) else found.reason
