# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Distinguished names as text (RFC 4514)."""

from __future__ import annotations

import functools
import re
import typing as t

from ..hints import brief, printable
from ..store.casing import fold
from .errors import DirectoryError

DN_LIMIT: t.Final = 4096
"""The longest name that is read, in characters."""
PART_LIMIT: t.Final = 128
"""The most parts that a name may have."""

DistinguishedName: t.TypeAlias = tuple[tuple[str, str], ...]
"""The parts of a name, the object's own part first: the type of each, and its value without escapes."""

# old servers write blanks around the signs
_PART: t.Final = re.compile(
    r""" *([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*) *= *((?:[^\\"+,;<>\0]|\\(?:[0-9A-Fa-f]{2}|[ "#+,;<=>\\]))*)"""
)
_ESCAPE: t.Final = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)
_SHOWN: t.Final = 200
_DELETED: t.Final = re.compile(
    r"\\0ADEL:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}),CN=Deleted Objects,", re.IGNORECASE | re.ASCII
)


def parse_dn(text: str) -> DistinguishedName:
    """The parts of a name; none for the empty name. Raises `DirectoryError`.

    Parts with several values, values in quotation marks and values that are bytes after a ``#`` are refused: Active
    Directory has none in its names.
    """
    if len(text) > DN_LIMIT:
        raise _error(text, f"it is longer than {DN_LIMIT} characters")
    parts: list[tuple[str, str]] = []
    at = 0
    while text and at <= len(text):
        found = _PART.match(text, at)
        if found is None or (found.end() < len(text) and text[found.end()] != ","):
            raise _error(text, f"part {len(parts) + 1} is not a type and a value, as in CN=name")
        if len(parts) == PART_LIMIT:
            raise _error(text, f"it has more than {PART_LIMIT} parts")
        parts.append((found[1], _value(found[2], text)))
        at = found.end() + 1
    return tuple(parts)


def _value(text: str, dn: str) -> str:
    if text.startswith("#"):
        raise _error(dn, "a value starts with #; only texts are read")
    bare = text.rstrip(" ")
    if bare != text and (len(bare) - len(bare.rstrip("\\"))) % 2:
        bare += " "
    if "\\" not in bare:
        return bare
    try:
        return _ESCAPE.sub(_unescaped, bare)
    except UnicodeDecodeError:
        raise _error(dn, "the bytes of a value are not UTF-8") from None


def _unescaped(found: re.Match[str]) -> str:
    return bytes.fromhex(found[1].replace("\\", "")).decode() if found[1] else found[2]


def _error(dn: str, problem: str) -> DirectoryError:
    return DirectoryError(f"'{brief(printable(dn), _SHOWN)}' is not the name of an object in a directory: {problem}")


def same_dn(a: str, b: str) -> bool:
    """Whether two texts name the same object. Case does not matter. Raises `DirectoryError`."""
    return comparable(a) == comparable(b)


def comparable(dn: str) -> DistinguishedName:
    """The parts of a name, equal for all texts that name the same object. Raises `DirectoryError`."""
    return _folded(parse_dn(dn))


def _folded(parts: DistinguishedName) -> DistinguishedName:
    return tuple((fold(kind), fold(value)) for kind, value in parts)


# the same few containers are asked for again and again
_container: t.Final = functools.lru_cache(maxsize=16)(comparable)


def key_below(dn: str, container: str) -> str | None:
    """The CN of an object directly below `container`; None for any other object. Raises `DirectoryError`."""
    if dn.endswith(container) and len(dn) <= DN_LIMIT:
        # most names are spelled like this, and there are thousands
        found = _PART.match(dn)
        if found is not None and dn[found.end() :] == f",{container}":
            return _value(found[2], dn) if fold(found[1]) == "CN" else None
    own, *above = parse_dn(dn) or (("", ""),)
    if fold(own[0]) == "CN" and _folded(tuple(above)) == _container(container):
        return own[1]
    return None


def dn_of(key: str, container: str) -> str:
    """The name of the object with the CN `key` directly below `container`. Raises `DirectoryError`."""
    return f"CN={escape_value(key)},{container}"


def name_above(dn: str, levels: int = 1) -> str:
    """The name of the object that is so many levels above. Raises `DirectoryError`."""
    return ",".join(f"{kind}={escape_value(value)}" for kind, value in parse_dn(dn)[levels:])


def deletable(dn: str) -> str:
    r"""The form in which a reference can be deleted. A server deletes one to a deleted object by its GUID only, but
    shows it as `CN=…\0ADEL:GUID,…`.
    """
    found = _DELETED.search(dn)
    return f"<GUID={found[1]}>" if found else dn


def escape_value(text: str) -> str:
    """The text as a value in a name. Raises `DirectoryError` for a text that is not Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DirectoryError(f"'{printable(text)}' cannot be part of a name: it has half of a character") from None
    escaped = re.sub(r'["+,;<=>\\]', r"\\\g<0>", text)
    escaped = re.sub(r"[\0-\x1f\x7f]", lambda found: f"\\{ord(found[0]):02X}", escaped)
    if escaped.endswith(" "):
        escaped = f"{escaped[:-1]}\\ "
    return f"\\{escaped}" if escaped.startswith((" ", "#")) else escaped
