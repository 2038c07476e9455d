# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Text that remembers the place of each character in its file, so that an error can point there."""

from __future__ import annotations

import array
import bisect
import dataclasses
import functools
import itertools
import re
import typing as t

from ..model import ModelError
from .redact import key_spans

_T = t.TypeVar("_T")
_SHOWN: t.Final = 100
_HIDDEN: t.Final = "***"
_GOES_ON: t.Final = re.compile(r"(?:\^|[-/]a\"?)[ \t\r]*\Z", re.IGNORECASE)


class FileText(str):
    """The text of a file that another file uses. Its name is in messages."""

    name: str

    def __new__(cls, text: str, name: str) -> FileText:
        made = super().__new__(cls, text)
        made.name = name
        return made


@dataclasses.dataclass(slots=True, kw_only=True)
class Text:
    """A piece of `file`: `offsets` has the place in it of each character of `value`, `end` the place after the last.

    Texts are never changed. They are not frozen, as that triples the time to build one, and each line becomes dozens.
    """

    value: str
    offsets: t.Sequence[int]
    end: int
    file: str = dataclasses.field(repr=False)

    @classmethod
    def of(cls, file: str) -> Text:
        return cls(value=file, offsets=range(len(file)), end=len(file), file=file)

    @classmethod
    def join(cls, pieces: t.Iterable[Text], like: Text) -> Text:
        """Pieces of one file, concatenated; without pieces, an empty text at the end of `like`."""
        found = [piece for piece in pieces if piece.value]
        if not found:
            return cls(value="", offsets=(), end=like.end, file=like.file)
        if len(found) == 1:
            return found[0]
        offsets = array.array("q")
        for piece in found:
            offsets.extend(piece.offsets)
        return cls(value="".join([piece.value for piece in found]), offsets=offsets, end=found[-1].end, file=like.file)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, part: slice) -> Text:
        start, stop, _step = part.indices(len(self.value))
        return Text(
            value=self.value[start:stop],
            offsets=self.offsets[start:stop],
            end=self.offset(max(start, stop)),
            file=self.file,
        )

    def pick(self, parts: t.Sequence[tuple[int, int]], end: int) -> Text:
        """The parts between pairs of indexes, concatenated; `end` is the place after the last one."""
        if len(parts) == 1:
            start, stop = parts[0]
            return Text(value=self.value[start:stop], offsets=self.offsets[start:stop], end=end, file=self.file)
        offsets = array.array("q")
        for start, stop in parts:
            offsets.extend(self.offsets[start:stop])
        return Text(
            value="".join([self.value[start:stop] for start, stop in parts]), offsets=offsets, end=end, file=self.file
        )

    def offset(self, index: int) -> int:
        """The place in the file of the character at `index`; the place after the last one for larger indexes."""
        return self.offsets[index] if index < len(self.value) else self.end

    def line(self, index: int = 0) -> int:
        """The line number of the character at `index`, from 1."""
        return position(self.file, self.offset(index))[0]

    def where(self) -> str:
        """The line of the first character, for a message."""
        return f"line {self.line()}" + (f" of '{self.file.name}'" if isinstance(self.file, FileText) else "")

    def split(self) -> list[Text]:
        """The pieces between white space."""
        return [self[match.start() : match.end()] for match in re.finditer(r"\S+", self.value)]

    def error(self, index: int, problem: str) -> SourceError:
        """An error that points at `index`."""
        return SourceError(self.file, self.offset(index), problem)

    def at(self, build: t.Callable[..., _T], *args: t.Any, **kwargs: t.Any) -> _T:
        """The result of `build`, whose errors point to this text."""
        try:
            return build(*args, **kwargs)
        except ModelError as error:
            raise self.error(0, str(error)) from None


def lines_of(file: str) -> list[Text]:
    """The lines of a file, without the characters that end them."""
    whole = Text.of(file)
    starts = [*_line_starts(file), len(file) + 1]
    lines = [whole[start : end - 1] for start, end in itertools.pairwise(starts) if start < len(file)]
    return [line[: len(line.value.rstrip("\r"))] for line in lines]


def position(file: str, offset: int) -> tuple[int, int]:
    """The line and column of a place in `file`, both from 1."""
    starts = _line_starts(file)
    line = bisect.bisect_right(starts, offset)
    return line, offset - starts[line - 1] + 1


@functools.lru_cache(maxsize=4)
def _line_starts(file: str) -> tuple[int, ...]:
    return (0, *(match.end() for match in re.finditer("\n", file)))


class SourceError(ModelError):
    """A mistake in a file or a command line, shown with a caret and without keys.

    `offset` counts characters from the start of the file; `line` and `column` count from 1; `problem` is the message
    without the place.
    """

    def __init__(self, file: str, offset: int, problem: str) -> None:
        self.offset = offset
        self.line, self.column = position(file, offset)
        start = offset - self.column + 1
        end = file.find("\n", offset)
        self.problem = problem
        first = _first_line(file, start)
        keys = key_spans(file[first : len(file) if end < 0 else end])
        spans = [(max(first + begin - start, 0), first + stop - start) for begin, stop in keys if first + stop > start]
        shown, caret = _show(file[start : len(file) if end < 0 else end].rstrip("\r"), offset - start, spans)
        named = f"'{file.name}', " if isinstance(file, FileText) else ""
        super().__init__(f"{named}line {self.line}, column {self.column}: {problem}\n  {shown}\n  {' ' * caret}^")


def _first_line(file: str, start: int) -> int:
    """The start of the first line that continues to the line at `start`."""
    while start and _GOES_ON.search(file, before := file.rfind("\n", 0, start - 1) + 1, start - 1):
        start = before
    return start


def _show(line: str, index: int, keys: t.Iterable[tuple[int, int]]) -> tuple[str, int]:
    """A line without its keys, short enough for a terminal, and the position of `index` in it."""
    pieces: list[str] = []
    caret = index
    done = 0
    for start, end in keys:
        pieces += [line[done:start], _HIDDEN]
        if index >= end:
            caret -= end - start - len(_HIDDEN)
        elif index > start:
            caret -= index - start
        done = end
    shown = "".join([*pieces, line[done:]])
    shown = "".join(c if c.isprintable() else " " for c in shown)
    first = max(0, caret - _SHOWN * 2 // 3)
    last = first + _SHOWN
    before, after = "…" if first else "", "…" if last < len(shown) else ""
    return before + shown[first:last].rstrip() + after, caret - first + len(before)
