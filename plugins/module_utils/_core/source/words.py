# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Splits a Windows command line into words, and quotes words, by the rules of the C run-time library."""

from __future__ import annotations

import re
import typing as t

from .redact import BLANKS
from .text import Text

LONGEST_LINE: t.Final = 8191
"""The most characters that cmd.exe accepts."""

# most words have neither quotation marks nor backslashes
_PLAIN: t.Final = re.compile(rf'[^{BLANKS}"\\]++(?!["\\])')
# characters up to a quotation mark or a backslash
_RUN: t.Final = re.compile(rf'[^{BLANKS}"\\]+')
_RUN_IN_QUOTES: t.Final = re.compile(r'[^\n"\\]+')
_NEEDS_QUOTES: t.Final = frozenset(f"{BLANKS}\v&|<>^()")


class Word(t.NamedTuple):
    """A word without its quotes. `quoted` says that it began with one; `start` is its index in the line."""

    text: Text
    quoted: bool
    start: int

    @property
    def value(self) -> str:
        return self.text.value


def split_words(line: Text) -> list[Word]:
    """The words of `line`. Raises `SourceError` for a quotation mark that is not closed before the line ends.

    Quotes may be inside a word, as in ``p:"a b"``. Before a quote, two backslashes are one, and an odd backslash makes
    the quote a character, as two quotes inside quotes do. Other backslashes are ordinary characters, and in the first
    word, the program, all of them are: ``"C:\\My Tools\\"ipseccmd``.
    """
    words: list[Word] = []
    value, position = line.value, 0
    while True:
        while position < len(value) and value[position] in BLANKS:
            position += 1
        if position == len(value):
            return words
        start = position
        if plain := _PLAIN.match(value, start):
            picked, position = [plain.span()], plain.end()
        else:
            picked, position = _word(line, start, program=not words)
        end = line.offset(picked[-1][1] - 1) + 1 if picked else line.offset(start)
        words.append(Word(line.pick(picked, end), value[start] == '"', start))


def _word(line: Text, position: int, program: bool) -> tuple[list[tuple[int, int]], int]:
    """Which pieces from `position` on belong to the word, and where it ends."""
    value = line.value
    picked: list[tuple[int, int]] = []
    opened: int | None = None

    def pick(start: int, end: int) -> None:
        if start < end:
            picked.append((start, end))

    while position < len(value):
        run = (_RUN if opened is None else _RUN_IN_QUOTES).match(value, position)
        if run:
            picked.append(run.span())
            position = run.end()
            continue
        if value[position] not in '\\"':
            break
        backslashes = position
        while backslashes < len(value) and value[backslashes] == "\\":
            backslashes += 1
        count = backslashes - position
        if value[backslashes : backslashes + 1] != '"':
            pick(position, backslashes)
            position = backslashes
        elif program:
            pick(position, backslashes)
            opened = None if opened is not None else backslashes
            position = backslashes + 1
        elif count % 2:
            pick(position, position + count // 2)
            pick(backslashes, backslashes + 1)
            position = backslashes + 1
        elif opened is not None and value[backslashes + 1 : backslashes + 2] == '"':
            pick(position, position + count // 2)
            pick(backslashes, backslashes + 1)
            position = backslashes + 2
        else:
            pick(position, position + count // 2)
            opened = None if opened is not None else backslashes
            position = backslashes + 1
    if opened is not None:
        raise line.error(opened, "this quotation mark is not closed before the line ends")
    return picked, position


def is_program(word: str, names: t.Container[str]) -> bool:
    """Whether `word` names one of these programs, with or without a path and .exe."""
    name = word.replace("/", "\\").rpartition("\\")[2].casefold()
    return name.removesuffix(".exe") in names


def quote(word: str, always: bool = False) -> str:
    """`word` as it must be typed: in quotes where it would be split, or have a meaning for cmd.exe, without them."""
    quoted = always or not word or not _NEEDS_QUOTES.isdisjoint(word)
    pieces = []
    backslashes = 0
    for character in word:
        if character == "\\":
            backslashes += 1
            continue
        pieces.append("\\" * (backslashes * 2 + 1 if character == '"' else backslashes) + character)
        backslashes = 0
    # after the closing quote, backslashes are ordinary characters
    return ('"{}"' if quoted else "{}").format("".join(pieces)) + "\\" * backslashes
