# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The data of an ipsecISAKMPPolicy object: main mode (MS-GPIPSEC 2.2.1.2.1)."""

from __future__ import annotations

import dataclasses
import struct
import typing as t

from .reader import Reader, guid, pack_number

_COMMON: t.Final = struct.Struct("<16sIII4sII20sI")
_METHOD: t.Final = struct.Struct("<BBHIIIIII8sB7sIIIII")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MainModeRecord:
    """One security method, 64 bytes (2.2.1.2.1, Security-Methods). Lifetimes are in seconds and kilobytes; 0 is
    unlimited.

    `last_word` is PFS-Identity-Required in the specification. Older writers leave junk there: master key PFS belongs to
    the policy, not to a method.
    """

    major_version: int = 0
    minor_version: int = 0
    zero3: int = 0
    encryption: int = 0
    encryption_key_length: int = 0
    encryption_rounds: int = 0
    hash: int = 0
    hash_key_length: int = 0
    zero5: int = 0
    zero6: bytes = bytes(8)
    random_function: int = 0
    zero7: bytes = bytes(7)
    group: int = 0
    quick_mode_limit: int = 0
    lifetime_kilobytes: int = 0
    lifetime_seconds: int = 0
    last_word: int = 0

    @classmethod
    def unpack(cls, reader: Reader) -> MainModeRecord:
        """The record at the reader's position (2.2.1.2.1, Security-Methods). Raises `BlobError`."""
        return cls(**dict(zip(_METHOD_FIELDS, reader.unpack(_METHOD, "a main-mode method"), strict=True)))

    def pack(self) -> bytes:
        """The 64 bytes of the record (2.2.1.2.1). Raises `struct.error` for a number that is too large."""
        return _METHOD.pack(*(getattr(self, name) for name in _METHOD_FIELDS))


_METHOD_FIELDS: t.Final = tuple(field.name for field in dataclasses.fields(MainModeRecord))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IsakmpBlob:
    """Main mode (2.2.1.2.1). `lifetime_seconds` 0 leaves the lifetime to the methods. `new_dh` are the New-DH bytes.

    `instance` should be the object's GUID, but no known writer sets it to that; today's writers leave it zero.

    Layout: GUID, length, a fixed part of 64 bytes, methods of 64 bytes, trailing byte.
    """

    ID: t.ClassVar[bytes] = guid("80dc20b8-2ec8-11d1-a89e-00a0248d3021")

    methods: tuple[MainModeRecord, ...]
    lifetime_seconds: int = 28800
    quick_mode_limit: int = 0
    master_pfs: int = 0
    options: int = 0
    new_dh: bytes = bytes(4)
    instance: bytes = bytes(16)
    zero1: int = 0
    zero2: bytes = bytes(20)
    trailing: bytes = b"\0"

    @classmethod
    def unpack(cls, data: bytes) -> IsakmpBlob:
        """The value of the bytes of ipsecData (2.2.1.2.1). Raises `BlobError`."""
        reader = Reader(data, "ipsecISAKMPPolicy data")
        reader.guid(cls.ID, "an ISAKMP policy")
        length = reader.number("the data length")
        instance, zero1, pfs, options, new_dh, limit, lifetime, zero2, count = reader.unpack(_COMMON, "the fixed part")
        size = count * _METHOD.size
        if length != _COMMON.size + size:
            reader.fail(f"the data length is {length}, but must be {_COMMON.size + size} for {count} methods", 16)
        if reader.left not in (size, size + 1):
            reader.fail(f"{reader.left} bytes follow, but the method count {count} needs {size}")
        return cls(
            methods=tuple(MainModeRecord.unpack(reader) for _i in range(count)),
            lifetime_seconds=lifetime,
            quick_mode_limit=limit,
            master_pfs=pfs,
            options=options,
            new_dh=new_dh,
            instance=instance,
            zero1=zero1,
            zero2=zero2,
            trailing=reader.trailing(),
        )

    def pack(self) -> bytes:
        """The bytes of ipsecData (2.2.1.2.1). Raises `struct.error` for a number that does not fit its field."""
        body = _COMMON.pack(
            self.instance,
            self.zero1,
            self.master_pfs,
            self.options,
            self.new_dh,
            self.quick_mode_limit,
            self.lifetime_seconds,
            self.zero2,
            len(self.methods),
        ) + b"".join(method.pack() for method in self.methods)
        return self.ID + pack_number(len(body)) + body + self.trailing
