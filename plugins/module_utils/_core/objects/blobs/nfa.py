# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The data of an ipsecNFA object: authentication, interfaces, tunnel (MS-GPIPSEC 2.2.1.3.1)."""

from __future__ import annotations

import dataclasses
import enum
import struct
import typing as t

from .reader import NO_TEXT, Reader, guid, pack_number, pack_text

_TUNNEL: t.Final = struct.Struct("<4sII")


class AuthType(enum.IntEnum):
    """The types of authentication methods (2.2.1.3.1, Auth-Method-Type)."""

    PRESHARED_KEY = 1
    CERTIFICATE = 3
    KERBEROS = 5


class AuthFlag(enum.IntFlag):
    """The flags of a certificate among the alternate methods (2.2.1.3.1, Alt-Auth-Method-Flags)."""

    MAP_TO_ACCOUNT = 1
    EXCLUDE_CA_NAME = 2


class InterfaceType(enum.IntEnum):
    """The connections to which a rule applies (2.2.1.3.1, Interface-Type)."""

    ALL = 0xFFFFFFFD
    LAN = 0xFFFFFFFE
    DIALUP = 0xFFFFFFFF


@dataclasses.dataclass(frozen=True, slots=True)
class AuthRecord:
    """One authentication method (2.2.1.3.1, Auth-Methods): its type (an `AuthType` or unknown), a length, and that many
    bytes. `data` may be a pre-shared key, so `repr` leaves it out.
    """

    type: int
    data: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class AlternateAuthentication:
    """The methods once more, as Windows Vista and later write and prefer them (2.2.1.3.1, from Alt-Auth-Method-Id1),
    with flags for each (None: the optional part with the flags is missing). `zero1` is reserved in the specification;
    Windows writes 1.
    """

    methods: tuple[AuthRecord, ...]
    flags: tuple[int, ...] | None
    zero1: int = 1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NfaBlob:
    """An NFA (2.2.1.3.1). `tunnel` is an IPv4 address of 4 bytes; `ipv6_tunnel`, of 16 bytes, supersedes it.

    Layout: GUID, length, number of methods, methods, interface type, interface name, tunnel address, is-tunnel,
    is-active, name of the tunnel endpoint. The length counts up to here. After it: the alternate section with its
    GUID, its flags with their GUID, the IPv6 tunnel address with its GUID, all three optional; then the trailing byte.
    """

    ID: t.ClassVar[bytes] = guid("11bbac00-498d-11d1-8639-00a0248d3021")
    ALTERNATE_ID: t.ClassVar[bytes] = bytes([1] * 16)
    FLAGS_ID: t.ClassVar[bytes] = bytes([1] * 15 + [2])
    IPV6_TUNNEL_ID: t.ClassVar[bytes] = bytes([1] * 15 + [3])

    methods: tuple[AuthRecord, ...]
    interface_type: int = InterfaceType.ALL
    interface_name: str = NO_TEXT
    tunnel: bytes = bytes(4)
    is_tunnel: int = 0
    is_active: int = 1
    tunnel_name: str = NO_TEXT
    alternate: AlternateAuthentication | None = None
    ipv6_tunnel: bytes | None = None
    trailing: bytes = b"\0"

    @classmethod
    def unpack(cls, data: bytes) -> NfaBlob:
        """The value of the bytes of ipsecData (2.2.1.3.1). Raises `BlobError`."""
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
                f"the data length is {length}, but the data up to the tunnel endpoint's name takes "
                f"{reader.offset - start} bytes",
                16,
            )
        alternate = cls._unpack_alternate(reader)
        ipv6_tunnel = None
        if reader.left > 1:
            reader.guid(cls.IPV6_TUNNEL_ID, "the section of the IPv6 tunnel address")
            ipv6_tunnel = reader.take(16, "the IPv6 tunnel address")
        return cls(
            methods=methods,
            interface_type=interface_type,
            interface_name=interface_name,
            tunnel=tunnel,
            is_tunnel=is_tunnel,
            is_active=is_active,
            tunnel_name=tunnel_name,
            alternate=alternate,
            ipv6_tunnel=ipv6_tunnel,
            trailing=reader.trailing(),
        )

    @classmethod
    def _unpack_alternate(cls, reader: Reader) -> AlternateAuthentication | None:
        if not reader.skip(cls.ALTERNATE_ID):
            return None
        methods = _unpack_methods(reader)
        if reader.skip(cls.FLAGS_ID):
            zero1 = reader.number("the word before the flags")
            flags = tuple(reader.number("the flags of an alternate method") for _i in methods)
            return AlternateAuthentication(methods, flags, zero1)
        # a trailing byte is zero; anything else begins the GUID of the flags
        if reader.left == 1 and reader.data[reader.offset]:
            reader.fail("the flags of the alternate authentication methods are cut off")
        return AlternateAuthentication(methods, None)

    def pack(self) -> bytes:
        """The bytes of ipsecData (2.2.1.3.1). Raises `struct.error` for a number above 32 bits."""
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
        return b"".join([*parts, self.trailing])


def _unpack_methods(reader: Reader) -> tuple[AuthRecord, ...]:
    count = reader.number("the number of authentication methods")
    if count * 8 > reader.left:
        reader.fail(f"{count} authentication methods do not fit into {reader.left} bytes", reader.offset - 4)
    return tuple(
        AuthRecord(
            reader.number("the type of an authentication method"),
            reader.take(reader.number("the length of an authentication method"), "an authentication method"),
        )
        for _i in range(count)
    )


def _pack_methods(methods: tuple[AuthRecord, ...]) -> bytes:
    return pack_number(len(methods)) + b"".join(struct.pack("<II", m.type, len(m.data)) + m.data for m in methods)
