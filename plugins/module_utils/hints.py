# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Pieces of messages: the known word that an unknown one may have been meant for, and lists that stay short."""

from __future__ import annotations

import difflib
import typing as t

# looking for longer ones takes long, and finds nothing
_LONGEST_WORD: t.Final = 40


def nearest(word: str, known: t.Iterable[str]) -> str | None:
    """That of the known words, which are in small letters, that `word` may have been meant for."""
    if len(word) > _LONGEST_WORD:
        return None
    return next(iter(difflib.get_close_matches(word.casefold(), known, 1)), None)


def did_you_mean(word: str, known: t.Iterable[str]) -> str:
    """The end of a sentence that names the nearest of the known words; empty where none is near."""
    found = nearest(word, known)
    return f"; did you mean {found}?" if found and found != word.casefold() else ""


def some(names: t.Sequence[str], most: int) -> str:
    """The first `most` of the names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
