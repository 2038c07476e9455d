# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The error for a mistake in the manual's notation."""

from __future__ import annotations

from ..model import ModelError
from ..source.redact import key_spans


class GrammarError(ModelError):
    """A mistake in a text. `column` counts characters from 1; `problem` is the message without the place.

    A text that may contain a pre-shared key is not shown.
    """

    def __init__(self, text: str, column: int, problem: str) -> None:
        if key_spans(text):
            # the problem may quote the key
            problem = "this looks like a pre-shared key, which is not allowed here"
            super().__init__(f"column {column}: {problem}")
        else:
            super().__init__(f"'{text}', column {column}: {problem}")
        self.column = column
        self.problem = problem
