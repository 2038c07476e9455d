# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What cmd.exe makes of a value in ``%NAME:~0,3%`` and ``%NAME:a=b%``."""

from __future__ import annotations

import re
import typing as t

# other numbers, such as 010, are read as octal
_NUMBER: t.Final = "-?(?:0|[1-9][0-9]{0,4})"
_PART: t.Final = re.compile(rf":~(?:(?P<start>{_NUMBER})(?:,(?P<length>{_NUMBER}))?|,(?P<first>{_NUMBER}))")
_EXCHANGE: t.Final = re.compile(r":(?P<all_before>\*?)(?P<search>[^*~=][^=]*)=(?P<new>.*)", re.DOTALL)


def edit_value(value: str, edit: str) -> str | None:
    """The value of a variable after an `edit`, which begins with a colon; None if it is not certain."""
    part = _PART.fullmatch(edit)
    if part is not None:
        start, end = _bounds(len(value), int(part["start"] or 0), part["length"] or part["first"])
        return value[start:end]
    exchange = _EXCHANGE.fullmatch(edit)
    # the language of the host decides which other letters are the same
    if exchange is None or not (value.isascii() and exchange["search"].isascii()):
        return None
    new = exchange["new"]
    if not exchange["all_before"]:
        return re.sub(re.escape(exchange["search"]), lambda _match: new, value, flags=re.IGNORECASE)
    at = value.lower().find(exchange["search"].lower())
    return value if at < 0 else new + value[at + len(exchange["search"]) :]


def _bounds(size: int, start: int, length: str | None) -> tuple[int, int]:
    """The bounds of a part; negative numbers count from the end of the value."""
    first = min(start, size) if start >= 0 else max(0, size + start)
    if length is None:
        return first, size
    count = int(length)
    return first, max(first, (first if count >= 0 else size) + count)
