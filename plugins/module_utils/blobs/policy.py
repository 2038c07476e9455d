# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The data of an ipsecPolicy object (MS-GPIPSEC 2.2.1.1.1)."""

from __future__ import annotations

import dataclasses
import struct
import typing as t

from .reader import Reader, guid


@dataclasses.dataclass(frozen=True, slots=True)
class PolicyBlob:
    """`polling_interval` is in seconds; 0 stands for 10,800."""

    ID: t.ClassVar[bytes] = guid("22202163-4f4c-11d1-863b-00a0248d3021")
    LENGTH: t.ClassVar[int] = 4

    polling_interval: int
    trailing: int = 0

    @classmethod
    def unpack(cls, data: bytes) -> PolicyBlob:
        reader = Reader(data, "ipsecPolicy data")
        reader.guid(cls.ID, "a policy")
        length = reader.number("the data length")
        if length != cls.LENGTH:
            reader.fail(f"the data length is {length}, it must be {cls.LENGTH}", 16)
        return cls(reader.number("the polling interval"), reader.last_byte())

    def pack(self) -> bytes:
        return self.ID + struct.pack("<IIB", self.LENGTH, self.polling_interval, self.trailing)
