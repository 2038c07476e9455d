# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Helpers for messages: suggestions for misspelled words, short forms of long texts, escapes for control characters."""

from __future__ import annotations

import difflib
import typing as t

# searching for longer words is slow and finds nothing
_LONGEST_WORD: t.Final = 40
_LONGEST_LINE: t.Final = 1000


def nearest(word: str, known: t.Iterable[str]) -> str | None:
    """The known word, in lower case, that `word` was probably meant to be."""
    if len(word) > _LONGEST_WORD:
        return None
    return next(iter(difflib.get_close_matches(word.casefold(), known, 1)), None)


def did_you_mean(word: str, known: t.Iterable[str]) -> str:
    """The end of a sentence that suggests the nearest known word; empty where none is near."""
    found = nearest(word, known)
    return f"; did you mean {found}?" if found and found != word.casefold() else ""


def same_letters(word: str, known: t.Iterable[str]) -> str:
    """Like `did_you_mean`, but only for a word with the same letters: another near word may be wrong (des for aes)."""
    found = next((other for other in known if other != word and sorted(other) == sorted(word)), None)
    return f"; did you mean {found}?" if found else ""


def printable(text: str) -> str:
    """`text` with escapes for characters that are invisible or control a terminal; stored names may have them."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(ord(c)) for c in text)


def _escaped(code: int) -> str:
    """A character as YAML and JSON write it in quotation marks."""
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def message(error: object) -> str:
    """An error as shown to the user: printable, with long lines shortened."""
    return "\n".join(brief(printable(line)) for line in str(error).split("\n"))


def brief(line: str, most: int = _LONGEST_LINE) -> str:
    """A line, without its middle if it is too long: its start has the place, and its end says what would be right."""
    return line if len(line) <= most else f"{line[: most // 2]} … {line[-most // 2 :]}"


def one_of(words: t.Iterable[object]) -> str:
    """Words to choose from: ``a, b or c``."""
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last


def some(items: t.Sequence[str], most: int, separator: str = ", ") -> str:
    """The first `most` items, and how many more there are."""
    more = f"{separator.strip(', ')} and {len(items) - most} more" if len(items) > most else ""
    return f"{separator.join(items[:most])}{more}"
