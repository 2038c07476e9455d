# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The data of an ipsecFilter object: a list of filters of version 1 and version 2 (MS-GPIPSEC 2.2.1.5.1)."""

from __future__ import annotations

import dataclasses
import enum
import struct
import typing as t

from .reader import NO_TEXT, Reader, guid, pack_number, pack_text

_FILTER = struct.Struct("<16sI4s4s4s4s4sIHHBBH")
_FILTER_V2 = struct.Struct("<16sI" + "II16s16s" * 2 + "IHH" * 2 + "II")
# most filters have neither names nor a description
_NO_TEXTS: t.Final = (NO_TEXT, NO_TEXT, NO_TEXT)
_PACKED_NO_TEXTS: t.Final = pack_text(NO_TEXT) * 3

USE_RANGES: t.Final = 8
"""The filter flag that goes with ranges of addresses: version-1 filters that spell the same range out do not count."""


class FilterRecord(t.NamedTuple):
    """One filter of version 1: IPv4, single ports. A tuple, as there may be many thousands of them.

    `special` names a server in place of the source or, with 0x80 added, of the destination.
    """

    source_name: str = NO_TEXT
    destination_name: str = NO_TEXT
    description: str = NO_TEXT
    id: bytes = bytes(16)
    mirrored: int = 0
    source: bytes = bytes(4)
    source_mask: bytes = bytes(4)
    destination: bytes = bytes(4)
    destination_mask: bytes = bytes(4)
    tunnel: bytes = bytes(4)
    protocol: int = 0
    source_port: int = 0
    destination_port: int = 0
    is_tunnel: int = 0
    special: int = 0
    options: int = 0

    @classmethod
    def unpack(cls, reader: Reader) -> FilterRecord:
        return cls._make((*_unpack_texts(reader), *reader.unpack(_FILTER, "a filter")))

    def pack(self) -> bytes:
        return _pack_texts(self[:3]) + _FILTER.pack(*self[3:])


class AddressType(enum.IntEnum):
    ANY = 0x00
    SINGLE = 0x01
    RANGE = 0x02
    SUBNET = 0x04
    ME = 0x08
    DNS = 0x10
    WINS = 0x20
    DHCP = 0x40
    GATEWAY = 0x80


class AddressRecord(t.NamedTuple):
    """An address of version 2, 40 bytes. An IPv4 address fills the first four of `address`; `secondary` is the end of a
    range or a mask.
    """

    type: int
    version: int
    address: bytes = bytes(16)
    secondary: bytes = bytes(16)


class PortType(enum.IntEnum):
    ANY = 0
    SINGLE = 1
    RANGE = 2


class PortRecord(t.NamedTuple):
    """A port of version 2, 8 bytes."""

    type: int = PortType.ANY
    first: int = 0
    last: int = 0


class FilterRecordV2(t.NamedTuple):
    """One filter of version 2: IPv6, ranges of addresses and ports, servers on both sides."""

    source_name: str
    destination_name: str
    description: str
    id: bytes
    mirrored: int
    source: AddressRecord
    destination: AddressRecord
    source_port: PortRecord
    destination_port: PortRecord
    protocol: int
    flags: int

    @classmethod
    def unpack(cls, reader: Reader) -> FilterRecordV2:
        texts = _unpack_texts(reader)
        fields = reader.unpack(_FILTER_V2, "a filter of version 2")
        addresses = (AddressRecord(*fields[2:6]), AddressRecord(*fields[6:10]))
        ports = (PortRecord(*fields[10:13]), PortRecord(*fields[13:16]))
        id_, mirrored, *_addresses, protocol, flags = fields
        return cls(*texts, id_, mirrored, *addresses, *ports, protocol, flags)

    def pack(self) -> bytes:
        fields = (
            self.id,
            self.mirrored,
            *self.source,
            *self.destination,
            *self.source_port,
            *self.destination_port,
            self.protocol,
            self.flags,
        )
        return _pack_texts(self[:3]) + _FILTER_V2.pack(*fields)


def _unpack_texts(reader: Reader) -> tuple[str, str, str]:
    if reader.skip(_PACKED_NO_TEXTS):
        return _NO_TEXTS
    return (
        reader.text("a source DNS name"),
        reader.text("a destination DNS name"),
        reader.text("a filter's description"),
    )


def _pack_texts(texts: tuple[str, str, str]) -> bytes:
    return _PACKED_NO_TEXTS if texts == _NO_TEXTS else b"".join(map(pack_text, texts))


@dataclasses.dataclass(frozen=True, slots=True)
class FilterSectionV2:
    """The part that Vista and later add. `legacy_count` is Number-Of-Filters11 where it differs from the number of
    filters of version 1.
    """

    filters: tuple[FilterRecordV2, ...]
    legacy_count: int | None = None
    length_excess: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class FilterBlob:
    """A list of filters.

    `length_excess` is what the data length says beyond the filters: 0 today, 4 (the count) for old writers, who also
    end with a byte (`trailing`). `count` is Number-Of-Filters1 where it differs from the number of filters, as a
    version-2 section may override it.
    """

    ID: t.ClassVar[bytes] = guid("80dc20b5-2ec8-11d1-a89e-00a0248d3021")
    V2_ID: t.ClassVar[bytes] = guid("35fecd3d-ae29-4373-8a6a-c5d8fab2fb08")

    filters: tuple[FilterRecord, ...] = ()
    v2: FilterSectionV2 | None = None
    count: int | None = None
    length_excess: int = 0
    trailing: bytes = b""

    @classmethod
    def unpack(cls, data: bytes) -> FilterBlob:
        reader = Reader(data, "ipsecFilter data")
        reader.guid(cls.ID, "a filter list")
        length = reader.number("the data length")
        count = reader.number("the number of filters")
        # an old writer counts the count in and adds a byte behind
        excess = 4 if length == reader.left + 3 else 0
        end = reader.offset + length - excess
        if end > len(data):
            reader.fail(f"the data length is {length}, {reader.left} bytes follow", 16)
        filters = []
        while reader.offset < end:
            filters.append(FilterRecord.unpack(reader))
        if reader.offset != end:
            reader.fail(f"a filter ends here, the data length puts the end of all at byte {end}")
        v2 = cls._unpack_v2(reader, len(filters)) if reader.left > 1 else None
        trailing = bytes([reader.last_byte()]) if reader.left else b""
        # the count in the section of version 2 wins where it is not zero; None is the true one
        announced = count if v2 is None or v2.legacy_count == 0 else v2.legacy_count
        if announced is not None and len(filters) not in (count, announced):
            reader.fail(f"{announced} filters are announced, {len(filters)} are there", 20)
        return cls(tuple(filters), v2, None if count == len(filters) else count, excess, trailing)

    @classmethod
    def _unpack_v2(cls, reader: Reader, legacy: int) -> FilterSectionV2:
        reader.guid(cls.V2_ID, "a section of filters of version 2")
        length_at = reader.offset
        length = reader.number("the data length of version 2")
        legacy_count = reader.number("the number of filters of version 1")
        count = reader.number("the number of filters of version 2")
        start = reader.offset
        if count > reader.left:
            reader.fail(f"{count} filters cannot fit into {reader.left} bytes", start - 4)
        filters = tuple(FilterRecordV2.unpack(reader) for _i in range(count))
        # no real blob of this kind has been seen: a length that counts one or both of the counts in is taken as well
        excess = length - (reader.offset - start)
        if excess not in (0, 4, 8):
            reader.fail(f"the data length is {length}, the filters take {reader.offset - start} bytes", length_at)
        return FilterSectionV2(filters, None if legacy_count == legacy else legacy_count, excess)

    def pack(self) -> bytes:
        filters = b"".join(record.pack() for record in self.filters)
        count = len(self.filters) if self.count is None else self.count
        parts = [self.ID, pack_number(len(filters) + self.length_excess), pack_number(count), filters]
        if self.v2 is not None:
            records = b"".join(record.pack() for record in self.v2.filters)
            legacy_count = len(self.filters) if self.v2.legacy_count is None else self.v2.legacy_count
            parts += [
                self.V2_ID,
                *map(pack_number, (len(records) + self.v2.length_excess, legacy_count, len(self.v2.filters))),
                records,
            ]
        return b"".join(parts) + self.trailing
