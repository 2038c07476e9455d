# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Security descriptors of objects, as bytes (MS-DTYP 2.4.4 and 2.4.6)."""

from __future__ import annotations

import uuid

CREATE_CHILD, WRITE_PROPERTY = 0x1, 0x20
_EVERYTHING, _READ = 0xF01FF, 0x20094
_SYSTEM, _AUTHENTICATED_USERS = (
    bytes.fromhex("0101000000000005") + number.to_bytes(4, "little") for number in (18, 11)
)


def permission(rights: int, sid: bytes, of: uuid.UUID | None = None, below: bool = False) -> bytes:
    """An entry that permits something, only of the class or attribute `of` if given, and also `below` an object."""
    limit = b"" if of is None else (1).to_bytes(4, "little") + of.bytes_le
    body = rights.to_bytes(4, "little") + limit + sid
    return bytes([5 if limit else 0, 2 if below else 0]) + _two(4 + len(body)) + body


def with_permission(descriptor: bytes, permission: bytes) -> bytes:
    """This descriptor, with one more entry in its access list."""
    start = int.from_bytes(descriptor[16:20], "little")
    size, count = (int.from_bytes(descriptor[start + at : start + at + 2], "little") for at in (2, 4))
    header = descriptor[start : start + 2] + _two(size + len(permission)) + _two(count + 1)
    entries = descriptor[start + 6 : start + size] + permission
    # the new list goes to the end, and the old bytes stay as a gap
    return descriptor[:16] + len(descriptor).to_bytes(4, "little") + descriptor[20:] + header + entries


def _two(number: int) -> bytes:
    return number.to_bytes(2, "little")


MEMBERS_MAY_READ = permission(_READ, _AUTHENTICATED_USERS, below=True)
"""As `(A;CI;RPLCLORC;;;AU)` in the language of security descriptors."""

CLOSED = with_permission(
    bytes([1, 0])
    + _two(0x8004)
    + b"".join(offset.to_bytes(4, "little") for offset in (20, 20, 0, 32))
    + _SYSTEM
    + bytes([4, 0, 8, 0, 0, 0, 0, 0]),
    permission(_EVERYTHING, _SYSTEM, below=True),
)
"""Nobody but the system has rights."""
