# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Security descriptors as bytes (MS-DTYP 2.4.6)."""

from __future__ import annotations

import struct
import uuid

READ_ALL = 0x20094
"""RPLCLORC."""
AUTHENTICATED_USERS, EVERYONE, ADMINISTRATORS = "S-1-5-11", "S-1-1-0", "S-1-5-32-544"
DOMAIN_COMPUTERS = "S-1-5-21-1-2-3-515"
ALLOW, DENY, ALLOW_OBJECT, DENY_OBJECT = 0, 1, 5, 6
BELOW, ONLY_BELOW = 0x2, 0xA


def sid(text: str) -> bytes:
    authority, *parts = map(int, text.split("-")[2:])
    return bytes([1, len(parts)]) + authority.to_bytes(6, "big") + struct.pack(f"<{len(parts)}I", *parts)


def ace(kind: int, who: str, rights: int = READ_ALL, flags: int = 0, about: str = "", of_class: str = "") -> bytes:
    """An entry of an access list; one for an object is about the attribute `about`, if given."""
    body = struct.pack("<I", rights)
    if kind in (ALLOW_OBJECT, DENY_OBJECT):
        guids = [uuid.UUID(guid).bytes_le for guid in (about, of_class) if guid]
        body += struct.pack("<I", bool(about) | bool(of_class) << 1) + b"".join(guids)
    body += sid(who)
    return struct.pack("<BBH", kind, flags, 4 + len(body)) + body


def descriptor(*aces: bytes, present: bool = True) -> bytes:
    """A descriptor with the administrators as owner, and an access list with these entries if `present`."""
    owner = sid(ADMINISTRATORS)
    found = struct.pack("<BBH4I", 1, 0, 0x8004 if present else 0x8000, 20, 0, 0, 20 + len(owner) if present else 0)
    if present:
        body = b"".join(aces)
        owner += struct.pack("<BBHHH", 4, 0, 8 + len(body), len(aces), 0) + body
    return found + owner


READABLE = descriptor(ace(ALLOW, AUTHENTICATED_USERS, flags=BELOW), ace(ALLOW, ADMINISTRATORS, 0xF01BD))
CLOSED = descriptor(ace(ALLOW, ADMINISTRATORS, 0xF01BD), ace(ALLOW, "S-1-5-32-554", 0x4))
"""As Samba makes a new object."""
