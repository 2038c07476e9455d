# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Texts and numbers in a policy: their limits, and the error for values that no policy can have."""

from __future__ import annotations

import enum
import re
import typing as t
import unicodedata

NAME_LIMIT: t.Final = 255
DESCRIPTION_LIMIT: t.Final = 2048
"""In characters."""
U32: t.Final = (1 << 32) - 1
"""The largest number that a field of the store holds."""
MINUTES_LIMIT: t.Final = U32 // 60
"""The longest poll interval in minutes; the store has it in seconds."""

GUID_PATTERN: t.Final = re.compile(r"\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", re.IGNORECASE)

_Member = t.TypeVar("_Member", bound=enum.Enum)
_Value = t.TypeVar("_Value")


class ModelError(ValueError):
    """A value that no policy can have. The text says what is wrong and what would be right."""


def require(condition: bool, message: str) -> None:
    """Raise `ModelError` unless `condition` holds. Not for values that come by the thousand: the message is always
    built.
    """
    if not condition:
        raise ModelError(message)


def make_odd(whole: object, *parts: object) -> None:
    """Mark a value as odd if one of its parts is odd."""
    for part in parts:
        if getattr(part, "odd", False):
            object.__setattr__(whole, "odd", True)


def choose(kind: type[_Member], value: object, message: str) -> _Member:
    """The member of an enumeration that `value` is or names. Raises `ModelError` with `message`."""
    try:
        return kind(value)
    except ValueError:
        raise ModelError(message) from None


def known(kind: type[_Member], value: _Value) -> _Member | _Value:
    """As `choose`, for values of stores: the value itself where it is not a member."""
    try:
        return kind(value)
    except ValueError:
        return value


def check_text(value: str, what: str, limit: int, allowed: str = "") -> None:
    """Raise `ModelError` for a text that the registry or the snap-in cannot show as written. `limit` is in characters;
    `allowed` are control characters that the text may contain.
    """
    if len(value) > limit:
        raise ModelError(f"{what} has {len(value)} characters; at most {limit} are allowed")
    # false for more characters than the ones below, and much faster
    if value.isprintable():
        return
    bad = next(
        (c for c in value if c not in allowed and unicodedata.category(c) in ("Cc", "Cs", "Cf", "Zl", "Zp")), None
    )
    if bad is not None:
        raise ModelError(f"{what} contains the character U+{ord(bad):04X}; use printable characters only")


def check_description(value: str, what: str) -> None:
    """Raise `ModelError` for a text that cannot be a description."""
    check_text(value, what, DESCRIPTION_LIMIT, allowed="\t\r\n")


def check_policy_name(name: str) -> None:
    """Raise `ModelError` for a text that cannot be the name of a policy."""
    require(name.strip() != "", "the policy needs a name")
    check_text(name, "the policy's name", NAME_LIMIT)
