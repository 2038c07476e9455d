# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether members of a domain may read an object, by its security descriptor (MS-DTYP 2.4)."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import uuid

from .errors import DirectoryError

READ: t.Final = 0x10
"""The right to read properties (RIGHT_DS_READ_PROPERTY, MS-ADTS 5.1.3.2)."""
_GENERIC: t.Final = 0x80000000 | 0x10000000
"""The generic rights to read and to do everything. Both contain the right to read."""

PROPERTIES: t.Final = frozenset(
    uuid.UUID(guid)
    for guid in (
        *(f"b40ff8{number:x}-427a-11d1-a9c2-0000f80367c1" for number in range(0x1C, 0x25)),
        "07383074-91df-11d1-aebc-0000f80367c1",
        "07383075-91df-11d1-aebc-0000f80367c1",
    )
)
"""The attributes of policies whose names start with ipsec, as access lists name them (MS-ADA1, schemaIDGUID)."""

_MEMBERS: t.Final = re.compile(r"S-1-1-0|S-1-5-11|S-1-5-21(?:-[0-9]+){3}-515")
"""Everyone, Authenticated Users, Domain Computers: a computer of the domain is all three (MS-DTYP 2.4.2.4)."""

_HAS_LIST: t.Final = 0x4
_INHERITED: t.Final = 0x2
_INHERIT_ONLY: t.Final = 0x8
_ALLOWED, _DENIED, _ALLOWED_OBJECT, _DENIED_OBJECT = 0, 1, 5, 6
_OF_OBJECT: t.Final = (_ALLOWED_OBJECT, _DENIED_OBJECT)
_HAS_TYPE, _HAS_INHERITED_TYPE = 1, 2
_SUBAUTHORITIES: t.Final = 15


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """An entry of an access list that allows or denies the user or group `sid` to read: everything, or `property`,
    which is one attribute or set of attributes. `here` says that it applies to the object itself, and `below` that all
    objects below inherit it.
    """

    allows: bool
    sid: str
    property: uuid.UUID | None
    here: bool
    below: bool


def members_may_read(descriptor: bytes) -> bool:
    """Whether members of the domain may read all attributes of a policy's object. Raises `DirectoryError`."""
    entries = parse_access_list(descriptor)
    return entries is None or _is_allowed(entry for entry in entries if entry.here)


def members_may_read_below(descriptor: bytes) -> bool:
    """Whether members may read what is created below an object, unless it gets rights of its own. Raises
    `DirectoryError`.
    """
    return _is_allowed(entry for entry in parse_access_list(descriptor) or () if entry.below)


def _is_allowed(entries: t.Iterable[AccessEntry]) -> bool:
    """The first entry about an attribute decides (MS-DTYP 2.5.3.2)."""
    undecided = set(PROPERTIES)
    for entry in entries:
        if _MEMBERS.fullmatch(entry.sid):
            decided = undecided if entry.property is None else undecided & {entry.property}
            if decided and not entry.allows:
                return False
            undecided = undecided - decided
    return not undecided


def parse_access_list(descriptor: bytes) -> tuple[AccessEntry, ...] | None:
    """The entries about reading, in order; None without a list, which allows everything. Entries of other kinds, such
    as those with conditions, are left out. Raises `DirectoryError`.
    """
    control = _number(descriptor, 2, 2)
    start = _number(descriptor, 16, 4)
    if not control & _HAS_LIST or not start:
        return None
    size, count = _number(descriptor, start + 2, 2), _number(descriptor, start + 4, 2)
    data = _part(descriptor, start, size)
    at = 8
    found: list[AccessEntry] = []
    for _i in range(count):
        # the shortest entry has only its header
        entry = _part(data, at, max(_number(data, at + 2, 2), 4))
        if entry[0] in (_ALLOWED, _DENIED, *_OF_OBJECT) and _number(entry, 4, 4) & (READ | _GENERIC):
            found.append(_entry(entry))
        at += len(entry)
    return tuple(found)


def _entry(data: bytes) -> AccessEntry:
    kind, flags = data[0], data[1]
    at, about, of_class = 8, None, False
    if kind in _OF_OBJECT:
        present = _number(data, at, 4)
        at += 4
        if present & _HAS_TYPE:
            about = uuid.UUID(bytes_le=_part(data, at, 16))
            at += 16
        if of_class := bool(present & _HAS_INHERITED_TYPE):
            at += 16
    return AccessEntry(
        allows=kind in (_ALLOWED, _ALLOWED_OBJECT),
        sid=_sid(data, at),
        property=about,
        here=not flags & _INHERIT_ONLY,
        below=bool(flags & _INHERITED) and not of_class,
    )


def _sid(data: bytes, at: int) -> str:
    """A user or group as text (MS-DTYP 2.4.2)."""
    revision, count = _part(data, at, 2)
    if revision != 1 or count > _SUBAUTHORITIES:
        raise _error("a user or group in it has an unknown form")
    authority = int.from_bytes(_part(data, at + 2, 6), "big")
    parts = [_number(data, at + 8 + 4 * i, 4) for i in range(count)]
    return "-".join(map(str, ("S", 1, authority, *parts)))


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(_part(data, at, size), "little")


def _part(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise _error(f"it ends at byte {len(data)}, but {size} bytes are expected from byte {at}")
    return data[at : at + size]


def _error(problem: str) -> DirectoryError:
    return DirectoryError(f"the security descriptor cannot be read: {problem}")
