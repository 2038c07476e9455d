# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A command line of Windows as words, and back: what the C run-time of every Windows program does before it starts."""

from __future__ import annotations

import dataclasses
import typing as t

from .redact import BLANKS
from .source import Text

LONGEST_LINE: t.Final = 8191
"""Characters that cmd.exe takes."""

_NEEDS_QUOTES: t.Final = frozenset(f"{BLANKS}\v&|<>^()")


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """One word without its quotes. `quoted` says that it began with one; `start` is where it begins in the line."""

    text: Text
    quoted: bool
    start: int

    @property
    def value(self) -> str:
        return self.text.value


def split_words(line: Text) -> list[Word]:
    """The words of `line`. Raises `SourceError` for a quote that is not closed before the line ends.

    Quotes may stand inside of a word, as in ``p:"a b"``; n pairs of backslashes before a quote are n backslashes, one
    more makes the quote a character, as two quotes inside of quotes do; other backslashes are what they are. In the
    first word, the program, all backslashes are, as in ``"C:\\My Tools\\"ipseccmd``.
    """
    words: list[Word] = []
    value, position = line.value, 0
    while True:
        while position < len(value) and value[position] in BLANKS:
            position += 1
        if position == len(value):
            return words
        start = position
        picked, position = _word(line, start, program=not words)
        characters = "".join(value[i] for i in picked)
        end = line.offset(picked[-1]) + 1 if picked else line.offset(start)
        text = Text(characters, [line.offsets[i] for i in picked], end, line.file)
        words.append(Word(text, value[start] == '"', start))


def _word(line: Text, position: int, program: bool) -> tuple[list[int], int]:
    """Which characters from `position` on belong to the word, and where it ends."""
    value = line.value
    picked: list[int] = []
    opened: int | None = None
    while position < len(value) and value[position] not in (BLANKS if opened is None else "\n"):
        backslashes = position
        while backslashes < len(value) and value[backslashes] == "\\":
            backslashes += 1
        count = backslashes - position
        if value[backslashes : backslashes + 1] != '"':
            picked += range(position, max(backslashes, position + 1))
            position = max(backslashes, position + 1)
        elif program:
            picked += range(position, backslashes)
            opened = None if opened is not None else backslashes
            position = backslashes + 1
        elif count % 2:
            picked += [*range(position, position + count // 2), backslashes]
            position = backslashes + 1
        elif opened is not None and value[backslashes + 1 : backslashes + 2] == '"':
            picked += [*range(position, position + count // 2), backslashes]
            position = backslashes + 2
        else:
            picked += range(position, position + count // 2)
            opened = None if opened is not None else backslashes
            position = backslashes + 1
    if opened is not None:
        raise line.error(opened, "this quotation mark is not closed before the line ends")
    return picked, position


def is_program(word: str, names: t.Container[str]) -> bool:
    """Whether `word` starts one of these programs, with or without a path and .exe."""
    name = word.replace("/", "\\").rpartition("\\")[2].casefold()
    return name.removesuffix(".exe") in names


def quote(word: str, always: bool = False) -> str:
    """`word` as it must be typed: in quotes where it would fall apart, or mean something to cmd.exe, without them."""
    quoted = always or not word or not _NEEDS_QUOTES.isdisjoint(word)
    pieces = []
    backslashes = 0
    for character in word:
        if character == "\\":
            backslashes += 1
            continue
        pieces.append("\\" * (backslashes * 2 + 1 if character == '"' else backslashes) + character)
        backslashes = 0
    # outside of the quotes the last backslashes are what they are
    return ('"{}"' if quoted else "{}").format("".join(pieces)) + "\\" * backslashes
