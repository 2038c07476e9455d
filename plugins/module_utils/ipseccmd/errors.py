# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wrong in a text of the command language, and where."""

from __future__ import annotations

import difflib
import typing as t

from ..model import ModelError

_LONGEST_WORD: t.Final = 40


class GrammarError(ModelError):
    """`column` counts the characters of the text from 1."""

    def __init__(self, text: str, column: int, problem: str) -> None:
        super().__init__(f"'{text}', column {column}: {problem}")
        self.column = column
        self.problem = problem


def nearest(word: str, known: t.Sequence[str]) -> str | None:
    """That of the known words which `word` may have been meant for."""
    if len(word) > _LONGEST_WORD:
        return None
    return next(iter(difflib.get_close_matches(word.casefold(), known, 1)), None)


def did_you_mean(word: str, known: t.Sequence[str]) -> str:
    """The end of a sentence that names the nearest of the known words; empty where none is near."""
    found = nearest(word, known)
    return f"; did you mean {found}?" if found and found != word.casefold() else ""
