# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The data of an ipsecPolicy object (MS-GPIPSEC 2.2.1.1.1)."""

from __future__ import annotations

import dataclasses
import struct
import typing as t

from .reader import Reader, guid, pack_number

_LENGTH: t.Final = 4


@dataclasses.dataclass(frozen=True, slots=True)
class PolicyBlob:
    """A policy (2.2.1.1.1). `polling_interval` is in seconds; 0 means 10,800.

    Layout: GUID, length (4), polling interval, trailing byte.
    """

    ID: t.ClassVar[bytes] = guid("22202163-4f4c-11d1-863b-00a0248d3021")

    polling_interval: int
    trailing: bytes = b"\0"

    @classmethod
    def unpack(cls, data: bytes) -> PolicyBlob:
        """The value of the bytes of ipsecData (2.2.1.1.1). Raises `BlobError`."""
        reader = Reader(data, "ipsecPolicy data")
        reader.guid(cls.ID, "a policy")
        length = reader.number("the data length")
        if length != _LENGTH:
            reader.fail(f"the data length is {length}, but must be {_LENGTH}", 16)
        return cls(reader.number("the polling interval"), reader.trailing())

    def pack(self) -> bytes:
        """The bytes of ipsecData (2.2.1.1.1). Raises `struct.error` for a number above 32 bits."""
        return self.ID + struct.pack("<I", _LENGTH) + pack_number(self.polling_interval) + self.trailing
