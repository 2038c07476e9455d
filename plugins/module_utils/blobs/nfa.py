# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The data of an ipsecNFA object: authentication, interfaces, tunnel (MS-GPIPSEC 2.2.1.3.1)."""

from __future__ import annotations

import dataclasses
import struct
import typing as t

from .reader import NO_TEXT, Reader, guid, pack_number, pack_text

_TUNNEL = struct.Struct("<4sII")


@dataclasses.dataclass(frozen=True, slots=True)
class AuthRecord:
    """One authentication method. `data` may be a pre-shared key and is no part of the representation."""

    PRESHARED_KEY: t.ClassVar[int] = 1
    CERTIFICATE: t.ClassVar[int] = 3
    KERBEROS: t.ClassVar[int] = 5

    type: int
    data: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class AlternateAuthentication:
    """The methods once more, as Vista and later write and prefer them, with one word of flags each (None: the optional
    part with the flags is missing). `zero1` holds 1 (a count, it seems).
    """

    methods: tuple[AuthRecord, ...]
    flags: tuple[int, ...] | None
    zero1: int = 1

    MAP_TO_ACCOUNT: t.ClassVar[int] = 1
    EXCLUDE_CA_NAME: t.ClassVar[int] = 2


@dataclasses.dataclass(frozen=True, slots=True)
class NfaBlob:
    """`alternate` and `ipv6_tunnel` (16 bytes, superseding `tunnel`) lie behind what the data length counts."""

    ID: t.ClassVar[bytes] = guid("11bbac00-498d-11d1-8639-00a0248d3021")
    ALTERNATE_ID: t.ClassVar[bytes] = bytes([1] * 16)
    FLAGS_ID: t.ClassVar[bytes] = bytes([1] * 15 + [2])
    IPV6_TUNNEL_ID: t.ClassVar[bytes] = bytes([1] * 15 + [3])

    ALL: t.ClassVar[int] = 0xFFFFFFFD
    LAN: t.ClassVar[int] = 0xFFFFFFFE
    DIALUP: t.ClassVar[int] = 0xFFFFFFFF

    methods: tuple[AuthRecord, ...]
    interface_type: int = ALL
    interface_name: str = NO_TEXT
    tunnel: bytes = bytes(4)
    is_tunnel: int = 0
    is_active: int = 1
    tunnel_name: str = NO_TEXT
    alternate: AlternateAuthentication | None = None
    ipv6_tunnel: bytes | None = None
    trailing: int = 0

    @classmethod
    def unpack(cls, data: bytes) -> NfaBlob:
        reader = Reader(data, "ipsecNFA data")
        reader.guid(cls.ID, "an NFA")
        length = reader.number("the data length")
        start = reader.offset
        methods = _unpack_methods(reader)
        interface_type = reader.number("the interface type")
        interface_name = reader.text("the interface name")
        tunnel, is_tunnel, is_active = reader.unpack(_TUNNEL, "the tunnel address")
        tunnel_name = reader.text("the tunnel endpoint's name")
        if length != reader.offset - start:
            reader.fail(
                f"the data length is {length}, up to the tunnel endpoint's name it is {reader.offset - start}", 16
            )
        alternate = ipv6_tunnel = None
        if reader.left > 1 and reader.skip(cls.ALTERNATE_ID):
            alternate = AlternateAuthentication(_unpack_methods(reader), None)
            if reader.skip(cls.FLAGS_ID):
                zero1 = reader.number("the word before the flags")
                flags = tuple(reader.number("the flags of an alternate method") for _i in alternate.methods)
                alternate = AlternateAuthentication(alternate.methods, flags, zero1)
            elif reader.left == 1 and reader.data[reader.offset]:
                reader.fail("the section of flags of alternate methods is cut off")
        if reader.left > 1:
            reader.guid(cls.IPV6_TUNNEL_ID, "the section of the IPv6 tunnel address")
            ipv6_tunnel = reader.take(16, "the IPv6 tunnel address")
        trailing = reader.last_byte()
        return cls(
            methods,
            interface_type,
            interface_name,
            tunnel,
            is_tunnel,
            is_active,
            tunnel_name,
            alternate,
            ipv6_tunnel,
            trailing,
        )

    def pack(self) -> bytes:
        body = b"".join(
            (
                _pack_methods(self.methods),
                pack_number(self.interface_type),
                pack_text(self.interface_name),
                _TUNNEL.pack(self.tunnel, self.is_tunnel, self.is_active),
                pack_text(self.tunnel_name),
            )
        )
        parts = [self.ID, pack_number(len(body)), body]
        if self.alternate is not None:
            parts += [self.ALTERNATE_ID, _pack_methods(self.alternate.methods)]
            if self.alternate.flags is not None:
                parts += [self.FLAGS_ID, *map(pack_number, (self.alternate.zero1, *self.alternate.flags))]
        if self.ipv6_tunnel is not None:
            parts += [self.IPV6_TUNNEL_ID, self.ipv6_tunnel]
        return b"".join(parts) + bytes([self.trailing])


def _unpack_methods(reader: Reader) -> tuple[AuthRecord, ...]:
    count = reader.number("the number of authentication methods")
    if count * 8 > reader.left:
        reader.fail(f"{count} authentication methods cannot fit into {reader.left} bytes", reader.offset - 4)
    return tuple(
        AuthRecord(
            reader.number("the type of an authentication method"),
            reader.take(reader.number("the length of an authentication method"), "an authentication method"),
        )
        for _i in range(count)
    )


def _pack_methods(methods: tuple[AuthRecord, ...]) -> bytes:
    return pack_number(len(methods)) + b"".join(struct.pack("<II", m.type, len(m.data)) + m.data for m in methods)
