# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Splits a logical line into special and literal characters. Carets are resolved and continued lines joined."""

from __future__ import annotations

import array
import re
import typing as t

from ..source.text import Text
from ..source.words import LONGEST_LINE

# stands for unknown text; a NUL in the file itself is treated the same way
UNKNOWN: t.Final = "\0"
DELIMITERS: t.Final = frozenset(" \t,;=\v\f\xa0")
CMD_BLANKS: t.Final = "".join(sorted(DELIMITERS))
"""The delimiters as a text, for `str.strip`."""
HANDLES: t.Final = frozenset("0123456789")
OPERATORS: t.Final = frozenset("&|")
TOO_LONG: t.Final = f"has more than the {LONGEST_LINE:,} characters that cmd.exe reads"
# the end of a physical line that continues on the next one
_CONTINUED: t.Final = "^"
_PLAIN, _LITERAL, _JOIN = range(3)
# what changes the kind of the following characters: outside quotes, inside quotes
_MARKS: t.Final = (re.compile('["^]'), re.compile('"'))


class SyntaxProblem(Exception):
    """A line that cmd.exe cannot parse, or of which it is not `certain` how cmd.exe reads it; `place` is the offset in
    the file.
    """

    def __init__(self, place: int, problem: str, certain: bool = True) -> None:
        super().__init__(problem)
        self.place = place
        self.problem = problem
        self.certain = certain


class Cursor:
    """A position in a logical line, which grows by physical lines as needed.

    Each line ends with a line feed. A character is literal if quotes or a caret keep it from being special.
    """

    def __init__(self, file: str, next_line: t.Callable[[], Text | None]) -> None:
        self._file = file
        self._next_line = next_line
        self._restart()

    def _restart(self) -> None:
        self._characters: list[str] = []
        self._places: array.array[int] = array.array("q")
        self._kinds = bytearray()
        self._at = 0

    def begin(self, line: Text) -> None:
        """Start with `line`."""
        self._restart()
        self._add(line, escaped=False)

    def pull(self, escaped: bool = False) -> bool:
        """Add the next line of the file; its first character is literal if `escaped`, even if it is the line feed."""
        line = self._next_line()
        if line is None:
            return False
        if escaped and not line.value:
            self._push("\n", (line.end,), _LITERAL)
            escaped = False
            line = self._next_line() or line
        self._add(line, escaped)
        return True

    def _add(self, line: Text, escaped: bool) -> None:
        quoted = False
        at = 0
        while at < len(line):
            if escaped:
                kind, end = _LITERAL, at + 1
            elif line.value[at] == '"':
                quoted = not quoted
                kind, end = _LITERAL, at + 1
            elif line.value[at] == "^" and not quoted:
                escaped = True
                at += 1
                continue
            else:
                kind = _LITERAL if quoted else _PLAIN
                found = _MARKS[quoted].search(line.value, at)
                end = found.start() if found else len(line)
            self._push(line.value[at:end], line.offsets[at:end], kind)
            escaped = False
            at = end
        if escaped:
            self._push(_CONTINUED, (line.end,), _JOIN)
        else:
            self._push("\n", (line.end,), _PLAIN)

    def _push(self, characters: str, places: t.Iterable[int], kind: int) -> None:
        self._characters.extend(characters)
        self._places.extend(places)
        self._kinds.extend(bytes((kind,)) * len(characters))

    @property
    def place(self) -> int:
        """The offset of the current character in the file."""
        self._join()
        return self._places[self._at]

    def _join(self) -> None:
        """At the end of a continued line, move to the next line."""
        if self._kinds[self._at] == _JOIN:
            if self.pull(escaped=True):
                self._at += 1
            else:
                self._end_here()

    def _end_here(self) -> None:
        self._characters[self._at] = "\n"
        self._kinds[self._at] = _PLAIN

    def peek(self) -> str:
        """The current character; empty if it is literal."""
        self._join()
        return self._characters[self._at] if self._kinds[self._at] == _PLAIN else ""

    def peek_next(self) -> str:
        """The next character; empty if it is literal or on another line."""
        after = self._at + 1
        return self._characters[after] if after < len(self._kinds) and self._kinds[after] == _PLAIN else ""

    def take(self) -> tuple[str, int]:
        """The current character, literal or not, and its offset. Moves to the next one."""
        self._join()
        at = self._at
        self._at += 1
        return self._characters[at], self._places[at]

    def take_run(self, stops: t.Container[str]) -> tuple[str, array.array[int]]:
        """The characters up to the end of the line or a character of `stops` that is not literal, and their offsets."""
        start = at = self._at
        characters, kinds = self._characters, self._kinds
        while (kind := kinds[at]) == _LITERAL or (kind == _PLAIN and characters[at] not in stops):
            at += 1
        self._at = at
        return "".join(characters[start:at]), self._places[start:at]

    def behind_handle(self) -> bool:
        """Whether the previous character is a word of one digit: the handle of a redirection."""
        at = self._at - 1
        if self._kinds[at] != _PLAIN or self._characters[at] not in HANDLES:
            return False
        return self._kinds[at - 1] == _PLAIN and self._characters[at - 1] in DELIMITERS

    def next_row(self) -> bool:
        """Move past the line feed to the next line of the same block. False at the end of the file."""
        if self._at + 1 == len(self._kinds) and not self.pull():
            return False
        self._at += 1
        return True

    def skip(self, characters: t.Container[str] = DELIMITERS) -> None:
        while (current := self.peek()) and current in characters:
            self._at += 1

    def name(self) -> str:
        """The letters from here on, in lower case; empty if these cannot be a keyword of cmd.exe."""
        self._join()
        at = self._at
        # no keyword is longer
        while (
            at - self._at < 12
            and self._kinds[at] == _PLAIN
            and self._characters[at].isascii()
            and (self._characters[at].isalpha())
        ):
            at += 1
        ends = self._kinds[at] == _JOIN or not (self._characters[at].isalnum() or self._characters[at] in "_-\0")
        return "".join(self._characters[self._at : at]).lower() if ends else ""

    def accept(self, word: str, ends: t.Container[str] = "") -> bool:
        """Whether the keyword `word` is here, with one of `ends` behind it, if any are given. If so, moves past it."""
        self._join()
        if self._characters[self._at].lower() != word[0] or self.name() != word:
            return False
        after = self._at + len(word)
        if (
            ends
            and self._kinds[after] != _JOIN
            and (self._kinds[after] == _LITERAL or self._characters[after] not in ends)
        ):
            return False
        self._at = after
        return True

    def continues(self) -> bool:
        """Whether the last line read continues on the next one."""
        return self._kinds[-1] == _JOIN

    def has_operator(self) -> bool:
        """Whether an operator that is not literal is in the lines read."""
        return any(
            kind == _PLAIN and character in OPERATORS
            for character, kind in zip(self._characters, self._kinds, strict=True)
        )

    def skip_line(self) -> None:
        """Move to the end of the physical line, even if it ends with a caret."""
        self._at = len(self._kinds) - 1
        self._end_here()

    def skip_label(self) -> None:
        """Move to the end of the line and the lines that continue it."""
        while self.peek() != "\n":
            self._at += 1

    def skip_remark(self) -> None:
        """Move to the end of a remark. A caret at its end continues it only if it has a single word."""
        while True:
            while self._kinds[self._at] == _PLAIN and self._characters[self._at] in DELIMITERS:
                self._at += 1
            while self._kinds[self._at] == _LITERAL or (
                self._kinds[self._at] == _PLAIN and self._characters[self._at] not in {*DELIMITERS, "\n"}
            ):
                self._at += 1
            if self._kinds[self._at] != _JOIN or not self.pull():
                break
            self._at += 1
        self.skip_line()
