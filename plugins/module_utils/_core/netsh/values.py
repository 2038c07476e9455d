# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Simple values in netsh's notation: flags, numbers, names, words."""

from __future__ import annotations

import re
import typing as t

from ..model import DESCRIPTION_LIMIT, NAME_LIMIT, ModelError, check_text
from ..source.text import Text
from ..source.words import quote

_FLAGS: t.Final = {"yes": True, "y": True, "no": False, "n": False}


def read_flag(value: Text) -> bool:
    """Raises `SourceError`."""
    return _FLAGS[read_word(value, tuple(_FLAGS), "expected yes or no")]


def write_flag(value: bool) -> str:
    return "yes" if value else "no"


def read_word(value: Text, choices: t.Sequence[str], problem: str) -> str:
    """One of `choices`, in lower case. Raises `SourceError` with the message `problem`."""
    word = value.value.casefold()
    if word not in choices:
        raise value.error(0, problem)
    return word


def read_number(value: Text, lowest: int, highest: int) -> int:
    """Raises `SourceError`."""
    if re.fullmatch("[0-9]{1,10}", value.value) and lowest <= (number := int(value.value)) <= highest:
        return number
    raise value.error(0, f"expected a number from {lowest} to {highest}")


def read_name(value: Text) -> str:
    """Raises `SourceError`."""
    if not value.value.strip():
        raise value.error(0, "this name is empty")
    value.at(check_text, value.value, "this name", NAME_LIMIT)
    return value.value


def read_description(value: Text) -> str:
    """Raises `SourceError`."""
    value.at(check_text, value.value, "this description", DESCRIPTION_LIMIT, "\t\r\n")
    return value.value


def write_text(value: str) -> str:
    """`value` as one word. Raises `ModelError`."""
    if '"' in value:
        raise ModelError("it contains a quotation mark, which netsh cannot express")
    if any(character in value for character in "\r\n\0"):
        raise ModelError("it contains a line break or a NUL character, which a command cannot have")
    return quote(value, always=any(character.isspace() for character in value))
