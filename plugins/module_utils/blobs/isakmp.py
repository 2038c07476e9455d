# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The data of an ipsecISAKMPPolicy object: main mode (MS-GPIPSEC 2.2.1.2.1)."""

from __future__ import annotations

import dataclasses
import struct
import typing as t

from .reader import Reader, guid, pack_number

_METHOD = struct.Struct("<BBHIIIIII8sB7sIIIII")


class MainModeRecord(t.NamedTuple):
    """One security method, 64 bytes. Lifetimes of 0 are unlimited.

    `last_word` is the specification's PFS-Identity-Required. Old writers leave junk there: master PFS is the policy's,
    not a method's.
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


@dataclasses.dataclass(frozen=True, slots=True)
class IsakmpBlob:
    """`lifetime_seconds` 0 leaves it to the methods. `new_dh` are the four New-DH bytes.

    `instance` should be the object's GUID and is not; today's writers leave it zero.
    """

    ID: t.ClassVar[bytes] = guid("80dc20b8-2ec8-11d1-a89e-00a0248d3021")
    FORM: t.ClassVar[struct.Struct] = struct.Struct("<16sIII4sII20sI")

    methods: tuple[MainModeRecord, ...]
    lifetime_seconds: int = 28800
    quick_mode_limit: int = 0
    master_pfs: int = 0
    options: int = 0
    new_dh: bytes = bytes(4)
    instance: bytes = bytes(16)
    zero1: int = 0
    zero2: bytes = bytes(20)
    trailing: int = 0

    @classmethod
    def unpack(cls, data: bytes) -> IsakmpBlob:
        reader = Reader(data, "ipsecISAKMPPolicy data")
        reader.guid(cls.ID, "an ISAKMP policy")
        length = reader.number("the data length")
        instance, zero1, pfs, options, new_dh, limit, lifetime, zero2, count = reader.unpack(
            cls.FORM, "the policy-wide part"
        )
        size = count * _METHOD.size
        if length != cls.FORM.size + size:
            reader.fail(f"the data length is {length}, for {count} methods it must be {cls.FORM.size + size}", 16)
        if reader.left != size + 1:
            reader.fail(f"{count} methods and one byte must follow, {reader.left} bytes do")
        methods = tuple(MainModeRecord(*reader.unpack(_METHOD, "a main-mode method")) for _i in range(count))
        return cls(methods, lifetime, limit, pfs, options, new_dh, instance, zero1, zero2, reader.last_byte())

    def pack(self) -> bytes:
        body = self.FORM.pack(
            self.instance,
            self.zero1,
            self.master_pfs,
            self.options,
            self.new_dh,
            self.quick_mode_limit,
            self.lifetime_seconds,
            self.zero2,
            len(self.methods),
        ) + b"".join(_METHOD.pack(*method) for method in self.methods)
        return self.ID + pack_number(len(body)) + body + bytes([self.trailing])
