# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The lists of loops."""

from __future__ import annotations

import re
import typing as t

from ..source import Text
from .lexer import DELIMITERS

# with a zero in front it would be octal
_NUMBER: t.Final = re.compile(r"-?(?:0|[1-9][0-9]{0,9})")


def split_items(text: Text) -> list[Text]:
    """The items of a list, with their quotes."""
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
    """First number, step and last number of a ``for /l``, or None where they cannot be known."""
    if len(items) != 3 or not all(_NUMBER.fullmatch(item.value) for item in items):
        return None
    first, step, last = (int(item.value) for item in items)
    return first, step, last


def count(first: int, step: int, last: int) -> int | None:
    """How many numbers these are; None if there is no end to them."""
    if step == 0:
        return None if first <= last else 0
    return max(0, (last - first) // step + 1)
