# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wrong in a text of the command language, and where."""

from __future__ import annotations

from ..model import ModelError
from ..redact import key_spans


class GrammarError(ModelError):
    """`column` counts the characters of the text from 1. A text with what looks like a key in it is not shown."""

    def __init__(self, text: str, column: int, problem: str) -> None:
        if key_spans(text):
            # the problem may quote it as well
            problem = "what looks like a pre-shared key cannot stand here"
            super().__init__(f"column {column}: {problem}")
        else:
            super().__init__(f"'{text}', column {column}: {problem}")
        self.column = column
        self.problem = problem
