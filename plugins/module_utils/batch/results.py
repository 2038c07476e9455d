# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What was found in a batch file so far."""

from __future__ import annotations

import dataclasses

from ..model import fold
from ..source import SourceError, Text, position
from .jumps import Jumps
from .keys import hide_keys
from .script import Command, LeftOut, Program, Script
from .variables import UNKNOWN, Origins


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """A command of ours: of a known `program`, or not known for a `reason` that `place` shows."""

    text: Text
    program: Program | None
    place: int = 0
    reason: str = ""


class Results:
    """Commands in the order in which they run, and where the order or anything else is in doubt."""

    def __init__(self, file: str, origins: Origins) -> None:
        self.file = file
        self.jumps = Jumps(file)
        # why nothing is known from here to the end of the file
        self.stopped = ""
        self._origins = origins
        self._found: list[_Found] = []
        self._hidden: list[Text] = []
        self._left_alone: set[int] = set()
        # for each label, how many commands were found before it
        self._labels: dict[str, int] = {}

    def line(self, place: int) -> int:
        """The number of the line, from 1."""
        return position(self.file, place)[0]

    def position(self, place: int) -> str:
        line, column = position(self.file, place)
        return f"line {line}, column {column}"

    def add(self, program: Program, text: Text) -> None:
        self._found.append(_Found(text, program))

    def doubt(self, text: Text, index: int, reason: str) -> None:
        """`text` is a command of ours that cannot be known for what stands at `index`."""
        self._found.append(_Found(text, None, text.offset(index), reason))

    def hide(self, text: Text) -> None:
        """No error is to show `text`, as it may hold a key."""
        self._hidden.append(text)

    def leave_alone(self, place: int) -> None:
        self._left_alone.add(self.line(place))

    def stop(self, reason: str) -> None:
        """From here on nothing is known; the first reason counts."""
        self.stopped = self.stopped or reason

    def label(self, name: str) -> None:
        self._labels.setdefault(fold(name), len(self._found))

    def error(self, place: int, problem: str) -> SourceError:
        return SourceError(self._shown(), place, problem)

    def script(self, ignore_unsupported: bool) -> Script:
        """Raises `SourceError` for the first command in doubt, unless these are to be left out."""
        self._doubt_labels()
        unknown = [found for found in self._found if found.program is None]
        if unknown and not ignore_unsupported:
            raise self.error(unknown[0].place, f"{unknown[0].reason}; unsupported=ignore leaves this command out")
        shown = self._shown()
        commands = [
            Command(found.program, dataclasses.replace(found.text, file=shown))
            for found in self._found
            if found.program is not None
        ]
        left_out = dict.fromkeys(LeftOut(self.line(found.text.offset(0)), found.reason) for found in unknown)
        return Script(tuple(commands), tuple(sorted(self._left_alone)), tuple(left_out))

    def _shown(self) -> str:
        return hide_keys(self.file, [found.text for found in self._found], self._hidden, self._origins)

    def _doubt_labels(self) -> None:
        """What stands behind a label may run more than once if something jumps there."""
        reached = [(start, name) for name, start in self._labels.items() if self._jumped(name)]
        if not reached:
            return
        start, name = min(reached)
        reason = f"it may run more than once: line {self._jumped(name)} jumps to the label before it"
        for index in range(start, len(self._found)):
            if self._found[index].program is not None:
                text = self._found[index].text
                self._found[index] = _Found(text, None, text.offset(0), reason)

    def _jumped(self, name: str) -> int | None:
        """The line that jumps to a label."""
        return self.jumps.lines.get(name) or self.jumps.lines.get(UNKNOWN)
