# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Pieces of messages: the known word that was meant, texts and lists that stay short, and nothing a terminal obeys."""

from __future__ import annotations

import difflib
import typing as t

# looking for longer ones takes long, and finds nothing
_LONGEST_WORD: t.Final = 40
_LONGEST_LINE: t.Final = 1000


def nearest(word: str, known: t.Iterable[str]) -> str | None:
    """That of the known words, which are in small letters, that `word` may have been meant for."""
    if len(word) > _LONGEST_WORD:
        return None
    return next(iter(difflib.get_close_matches(word.casefold(), known, 1)), None)


def did_you_mean(word: str, known: t.Iterable[str]) -> str:
    """The end of a sentence that names the nearest of the known words; empty where none is near."""
    found = nearest(word, known)
    return f"; did you mean {found}?" if found and found != word.casefold() else ""


def same_letters(word: str, known: t.Iterable[str]) -> str:
    """As `did_you_mean`, where a word that is near may be meant as it is, as aes is near to des: only one with the same
    letters counts.
    """
    found = next((other for other in known if other != word and sorted(other) == sorted(word)), None)
    return f"; did you mean {found}?" if found else ""


def printable(text: str) -> str:
    """`text` with escapes for what is not seen or would make a terminal do something, as names of others may hold."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(ord(c)) for c in text)


def _escaped(code: int) -> str:
    """A character as YAML and JSON write it in quotation marks."""
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def message(error: object) -> str:
    """An error as a user gets to see it: printable, and short whatever it quotes."""
    return "\n".join(brief(printable(line)) for line in str(error).split("\n"))


def brief(line: str, most: int = _LONGEST_LINE) -> str:
    """A line without its middle, where it is too long: it starts with the place and ends with what would be right."""
    return line if len(line) <= most else f"{line[: most // 2]} … {line[-most // 2 :]}"


def some(names: t.Sequence[str], most: int) -> str:
    """The first `most` of the names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
