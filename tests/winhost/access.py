# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a security descriptor lets somebody apply a Group Policy object (MS-DTYP 2.4, MS-GPOL 3.2.5.1.6)."""

from __future__ import annotations

import typing as t
import uuid

APPLY: t.Final = uuid.UUID("edacfd8f-ffb3-11d1-b41d-00a0c968f939").bytes_le
"""The extended right Apply Group Policy."""
_CONTROL_ACCESS: t.Final = 0x100
_INHERIT_ONLY: t.Final = 8
_ALLOWED, _DENIED, _ALLOWED_OBJECT, _DENIED_OBJECT = 0, 1, 5, 6
EVERYBODY: t.Final = (
    bytes.fromhex("010100000000000100000000"),
    bytes.fromhex("01010000000000050b000000"),
)
"""Everyone and Authenticated Users, to which each account belongs."""


def may_apply(descriptor: bytes, sids: t.Collection[bytes]) -> bool:
    """Whether an account with these SIDs, its own and those of its groups, has the right. The first entry decides."""
    for kind, mask, right, sid in _entries(descriptor):
        if mask & _CONTROL_ACCESS and right in (None, APPLY) and sid in (*EVERYBODY, *sids):
            return kind in (_ALLOWED, _ALLOWED_OBJECT)
    return False


def _entries(descriptor: bytes) -> t.Iterator[tuple[int, int, bytes | None, bytes]]:
    """The kind, the mask, the right (None for all) and the SID of the entries that concern the object itself."""
    at = int.from_bytes(descriptor[16:20], "little")
    count = int.from_bytes(descriptor[at + 4 : at + 6], "little")
    at += 8
    for _i in range(count):
        kind, flags, size = descriptor[at], descriptor[at + 1], int.from_bytes(descriptor[at + 2 : at + 4], "little")
        entry = descriptor[at : at + size]
        at += size
        if flags & _INHERIT_ONLY or kind not in (_ALLOWED, _DENIED, _ALLOWED_OBJECT, _DENIED_OBJECT):
            continue
        mask, start, right = int.from_bytes(entry[4:8], "little"), 8, None
        if kind in (_ALLOWED_OBJECT, _DENIED_OBJECT):
            present, start = int.from_bytes(entry[8:12], "little"), 12
            if present & 1:
                right, start = entry[start : start + 16], start + 16
            start += 16 if present & 2 else 0
        yield kind, mask, right, entry[start : start + 8 + 4 * entry[start + 1]]
