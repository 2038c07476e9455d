# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Distinguished names (RFC 4514), as a directory compares them."""

from __future__ import annotations

import functools
import re
import typing as t

Key: t.TypeAlias = tuple[tuple[str, str], ...]
"""Types and values of a name in small letters. The parts behind the first are the key of the parent."""

_PART = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)=\s*((?:\\[0-9A-Fa-f]{2}|\\.|[^\\,])+?)\s*(?:,(?=.)|$)", re.DOTALL)
_ESCAPES = re.compile(r"(?:\\[0-9A-Fa-f]{2})+|\\.", re.DOTALL)


class NoName(ValueError):
    """A text that is no distinguished name."""


@functools.lru_cache(maxsize=1 << 16)
def key_of(dn: str) -> Key:
    """Raises `NoName`."""
    return tuple((kind.lower(), value.lower()) for kind, value in _parts(dn))


def first_value(dn: str) -> str:
    """The value of the first part of a name, without escapes."""
    return next(_parts(dn))[1]


def _parts(dn: str) -> t.Iterator[tuple[str, str]]:
    position = 0
    while position < len(dn) or position == 0:
        found = _PART.match(dn, position)
        if found is None:
            raise NoName(dn)
        yield found[1], _ESCAPES.sub(_plain, found[2])
        position = found.end()


def _plain(escaped: re.Match[str]) -> str:
    text = escaped[0]
    if re.fullmatch(r"(\\[0-9A-Fa-f]{2})+", text):
        return bytes.fromhex(text.replace("\\", "")).decode(errors="replace")
    return text[1:]
