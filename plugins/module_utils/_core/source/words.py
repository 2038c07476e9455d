# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Splits a Windows command line into words, and quotes words, by the rules of the C run-time library."""

from __future__ import annotations

import itertools
import re
import typing as t

from ..hints import some
from .redact import BLANKS, key_spans
from .text import Text

HELP: t.Final = frozenset({"?", "/?", "-?", "help"})
"""Words that ask netsh for help."""
LONGEST_LINE: t.Final = 8191
"""The most characters that cmd.exe accepts."""

_START: t.Final = re.compile(f"[^{BLANKS}]")
# most words have neither quotation marks nor backslashes
_PLAIN: t.Final = re.compile(rf'[^{BLANKS}"\\]++(?!["\\])')
# characters up to a quotation mark or a backslash
_RUN: t.Final = re.compile(rf'[^{BLANKS}"\\]+')
_RUN_IN_QUOTES: t.Final = re.compile(r'[^\n"\\]+')
_REDIRECTIONS: t.Final = re.compile(r"(?:[12]?>>?[ \t]*+(?:&[12]|[^\s&>]++)[ \t\r\n]*+)++")
_MOST_WORDS: t.Final = 4
_NEEDS_QUOTES: t.Final = frozenset(f"{BLANKS}\v&|<>^()")


class Word:
    """A word of `line` without its quotes. `quoted` says that it began with one; `start` and `end` are indexes in the
    line.
    """

    __slots__ = ("_line", "_picked", "end", "quoted", "start", "value")

    def __init__(self, line: Text, start: int, end: int, picked: list[tuple[int, int]] | None = None) -> None:
        """`picked` are the parts that belong to the value; None for all from `start` to `end`."""
        self._line = line
        self._picked = picked
        self.start = start
        self.end = end
        self.quoted = picked is not None and line.value[start] == '"'
        if picked is None:
            self.value = line.value[start:end]
        else:
            self.value = "".join([line.value[first:last] for first, last in picked])

    @property
    def text(self) -> Text:
        return self.after(0)

    def after(self, index: int) -> Text:
        """The text without its first `index` characters."""
        line = self._line
        if self._picked is None:
            return line.pick([(self.start + index, self.end)], line.offsets[self.end - 1] + 1)
        end = line.offset(self._picked[-1][1] - 1) + 1 if self._picked else line.offset(self.start)
        text = line.pick(self._picked, end)
        return text[index:] if index else text


def split_words(line: Text) -> list[Word]:
    """The words of `line`. Raises `SourceError` for a quotation mark that is not closed before the line ends, and for
    words that programs read in two ways.

    Quotes may be inside a word, as in ``p:"a b"``. Before a quote, two backslashes are one, and an odd backslash makes
    the quote a character, as two quotes inside quotes do. Other backslashes are ordinary characters, and in the first
    word, the program, all of them are: ``"C:\\My Tools\\"ipseccmd``.
    """
    splitter = _Splitter(line)
    words = splitter.words()
    if splitter.opened is not None:
        raise line.error(splitter.opened, "this quotation mark is not closed before the line ends")
    if splitter.doubled is not None:
        _refuse_two_readings(line, words, splitter.doubled)
    return words


def _refuse_two_readings(line: Text, words: list[Word], doubled: int) -> None:
    """Raise `SourceError` if programs from before 2008, such as ipseccmd, read other words. To them, two quotes inside
    quotes also end the quoted part.
    """
    readings = [[word.value for word in found] for found in (words, _Splitter(line, old=True).words())]
    if readings[0] == readings[1]:
        return
    same = sum(1 for _pair in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(*readings, strict=False)))
    new, old = (some([f"'{word}'" for word in words[same:]], _MOST_WORDS) or "nothing" for words in readings)
    # what is shown may be a key, or a part of one
    shown = all(end <= words[min(same, len(words) - 1)].start for _start, end in key_spans(line.value))
    reading = f"{new} to programs since 2008 and {old}" if shown else "one thing to programs since 2008 and another"
    raise line.error(
        doubled,
        f'two quotation marks inside quotation marks mean {reading} to older ones, such as ipseccmd; write \\" for a '
        "quotation mark, or leave it out",
    )


class _Splitter:
    """`opened` is the place of the quotation mark that is not closed, `doubled` that of the first two quotes inside
    quotes. With `old`, these end the quoted part.
    """

    def __init__(self, line: Text, old: bool = False) -> None:
        self.opened: int | None = None
        self.doubled: int | None = None
        self._line = line
        self._old = old

    def words(self) -> list[Word]:
        line = self._line
        words: list[Word] = []
        value, position = line.value, 0
        while True:
            if not (word := _START.search(value, position)):
                return words
            start = position = word.start()
            if plain := _PLAIN.match(value, start):
                position = plain.end()
                words.append(Word(line, start, position))
            else:
                picked, position = self._word(position, program=not words)
                words.append(Word(line, start, position, picked))

    def _word(self, position: int, program: bool) -> tuple[list[tuple[int, int]], int]:
        """Which pieces from `position` on belong to the word, and where it ends."""
        value = self._line.value
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
                if self.doubled is None:
                    self.doubled = backslashes
                if self._old:
                    opened = None
            else:
                pick(position, position + count // 2)
                opened = None if opened is not None else backslashes
                position = backslashes + 1
        if self.opened is None:
            self.opened = opened
        return picked, position


def is_program(word: str, names: t.Container[str]) -> bool:
    """Whether `word` names one of these programs, with or without a path and .exe."""
    name = word.replace("/", "\\").rpartition("\\")[2].casefold()
    return name.removesuffix(".exe") in names


def without_redirections(line: str) -> str:
    """`line` without >nul and the like at its end. In quotation marks, these may be part of a name or a key."""
    start = line.find(">", line.rfind('"') + 1)
    if line[start - 1 : start] in ("1", "2"):
        start -= 1
    stands_alone = start > 0 and line[start - 1].isspace()
    return line[:start] if stands_alone and _REDIRECTIONS.fullmatch(line, start) else line


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
