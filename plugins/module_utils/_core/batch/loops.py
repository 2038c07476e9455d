# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What `for` loops over: the items of a list, or numbers."""

from __future__ import annotations

import re
import typing as t

from ..source.text import Text
from .lexer import DELIMITERS

# cmd.exe reads a number with a leading zero as octal
_NUMBER: t.Final = re.compile(r"-?(?:0|[1-9][0-9]{0,9})")


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
