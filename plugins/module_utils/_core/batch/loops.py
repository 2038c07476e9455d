# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What `for` loops over: the items of a list, numbers, or words in lines."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..source.text import Text
from .lexer import DELIMITERS

# cmd.exe reads a number with a leading zero as octal
_NUMBER: t.Final = re.compile(r"-?(?:0|[1-9][0-9]{0,9})")
# a blank can only be the last delimiter of the last option
_OPTION: t.Final = re.compile(
    r"""[ ]* (?: (?P<usebackq>useback(?:q|(?=\s|\Z))) | skip=(?P<skip>[1-9][0-9]{0,5}) | eol=(?P<eol>[^\0])
             | tokens=(?P<tokens>[0-9,*-]+) | delims=(?P<delims>[^ \0]*(?:[ ]+\Z)?) | \Z)""",
    re.IGNORECASE | re.VERBOSE,
)
_RANGE: t.Final = re.compile("([0-9]{1,3})(?:-([0-9]{1,3}))?")
_MOST_TOKENS: t.Final = 31


def split_items(text: Text) -> list[Text]:
    """The items of a list, quotes included."""
    items: list[Text] = []
    start, quoted = 0, False
    for at, character in enumerate(text.value):
        quoted ^= character == '"'
        if character in DELIMITERS and not quoted:
            if at > start:
                items.append(text[start:at])
            start = at + 1
    if start < len(text):
        items.append(text[start:])
    return items


def counted(items: t.Sequence[Text]) -> tuple[int, int, int] | None:
    """The first number, step and last number of a ``for /l``; None if they are unknown."""
    if len(items) != 3 or not all(_NUMBER.fullmatch(item.value) for item in items):
        return None
    first, step, last = (int(item.value) for item in items)
    return first, step, last


def count(first: int, step: int, last: int) -> int | None:
    """How many numbers there are; None if the loop never ends."""
    if step == 0:
        return None if first <= last else 0
    return max(0, (last - first) // step + 1)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """The options of ``for /f``. `tokens` are the numbers of the words to take, from 1; `rest` takes what is after
    them, too.
    """

    usebackq: bool = False
    skip: int = 0
    eol: str = ";"
    delims: str = " \t"
    tokens: tuple[int, ...] = (1,)
    rest: bool = False

    def pieces(self, line: Text) -> list[Text] | None:
        """The text of each variable for one line; None if the line is skipped."""
        value = line.value
        at = self._skip(value, 0)
        if at == len(value) or value[at] == self.eol:
            return None
        found: list[Text] = []
        last = self.tokens[-1] if self.tokens else 0
        number = 0
        while at < len(value) and number < last:
            number += 1
            start = at
            while at < len(value) and value[at] not in self.delims:
                at += 1
            if number in self.tokens:
                found.append(line[start:at])
            at = self._skip(value, at)
        if self.rest and at < len(value):
            found.append(line[at:])
        if not found:
            return None
        return [*found, *[line[len(line) :]] * (len(self.tokens) + self.rest - len(found))]

    def _skip(self, value: str, at: int) -> int:
        while at < len(value) and value[at] in self.delims:
            at += 1
        return at


def line_options(text: str) -> LineOptions | None:
    """The options of ``for /f`` as they are written; None if they are not known or not valid."""
    text = text.strip('"')
    found: dict[str, t.Any] = {}
    at = 0
    while at < len(text):
        match = _OPTION.match(text, at)
        if match is None:
            return None
        at = match.end()
        if match["usebackq"]:
            found["usebackq"] = True
        elif match["skip"]:
            found["skip"] = int(match["skip"])
        elif match["eol"]:
            found["eol"] = match["eol"]
        elif match["tokens"]:
            tokens = _tokens(match["tokens"])
            if tokens is None:
                return None
            found["tokens"], found["rest"] = tokens
        elif match["delims"] is not None:
            found["delims"] = match["delims"]
    return LineOptions(**found)


def _tokens(text: str) -> tuple[tuple[int, ...], bool] | None:
    rest = text.endswith("*")
    numbers: set[int] = set()
    for part in text.removesuffix("*").removesuffix(",").split(","):
        match = _RANGE.fullmatch(part)
        if match is not None:
            first = int(match[1])
            numbers.update(range(first, int(match[2] or first) + 1))
        elif part or not rest:
            return None
    return (tuple(sorted(numbers)), rest) if 0 not in numbers and max(numbers, default=0) <= _MOST_TOKENS else None
