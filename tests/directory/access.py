# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Security descriptors of policies, as bytes (MS-DTYP 2.4.6)."""

from __future__ import annotations

_SYSTEM, _AUTHENTICATED_USERS = (
    bytes.fromhex("0101000000000005") + number.to_bytes(4, "little") for number in (18, 11)
)
_EVERYTHING, _READING = 0xF01FF, 0x20094
"""GA and RPLCLORC, as numbers (MS-DTYP 2.4.3)."""


def _entry(rights: int, sid: bytes) -> bytes:
    """An entry that permits, here and below."""
    return bytes([0, 2]) + _two(8 + len(sid)) + rights.to_bytes(4, "little") + sid


def _two(number: int) -> bytes:
    return number.to_bytes(2, "little")


def _list(*entries: bytes) -> bytes:
    body = b"".join(entries)
    return bytes([4, 0]) + _two(8 + len(body)) + _two(len(entries)) + bytes(2) + body


CLOSED = (
    bytes([1, 0])
    + _two(0x8004)
    + b"".join(offset.to_bytes(4, "little") for offset in (20, 20, 0, 32))
    + _SYSTEM
    + _list(_entry(_EVERYTHING, _SYSTEM))
)
"""Nobody but the system has rights."""


def readable_by_members(descriptor: bytes) -> bytes:
    """This descriptor, and authenticated users may read, here and below."""
    start = int.from_bytes(descriptor[16:20], "little")
    size, count = (int.from_bytes(descriptor[start + at : start + at + 2], "little") for at in (2, 4))
    added = _entry(_READING, _AUTHENTICATED_USERS)
    header = descriptor[start : start + 2] + _two(size + len(added)) + _two(count + 1)
    entries = descriptor[start + 6 : start + size] + added
    # the new list goes to the end, and the old bytes stay as a gap
    return descriptor[:16] + len(descriptor).to_bytes(4, "little") + descriptor[20:] + header + entries
