# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The data of an ipsecFilter object: a list of filters of version 1 and version 2 (MS-GPIPSEC 2.2.1.5.1)."""

from __future__ import annotations

import dataclasses
import enum
import struct
import typing as t

from .reader import NO_TEXT, Reader, guid, pack_number, pack_text

_FILTER: t.Final = struct.Struct("<16sI4s4s4s4s4sIHHBBH")
_FILTER_V2: t.Final = struct.Struct("<16sI" + "II16s16s" * 2 + "IHH" * 2 + "II")
# most filters have neither names nor a description
_NO_TEXTS: t.Final = (NO_TEXT, NO_TEXT, NO_TEXT)
_PACKED_NO_TEXTS: t.Final = pack_text(NO_TEXT) * 3

USE_RANGES: t.Final = 8
"""The filter flag of address ranges: version-1 filters that spell out the same range are ignored."""


class FilterRecord(t.NamedTuple):
    """One filter of version 1 (2.2.1.5.1, Filter-Spec1): IPv4, single ports. Addresses and masks have 4 bytes.

    `special` names a server in place of the source or, with 0x80 added, of the destination. A tuple, as a list may have
    many thousands of them: always build it with keywords.
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
        """The filter at the reader's position (2.2.1.5.1, Filter-Spec1). Raises `BlobError`."""
        return cls._make((*_unpack_texts(reader), *reader.unpack(_FILTER, "a filter")))

    def pack(self) -> bytes:
        """Three texts and 52 bytes (2.2.1.5.1, Filter-Spec1). Raises `struct.error` for a number that is too large."""
        return _pack_texts(self[:3]) + _FILTER.pack(*self[3:])


class AddressType(enum.IntEnum):
    """The kinds of addresses in version 2 (2.2.1.5.1, IPsec-Address-Type)."""

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
    """An address of version 2, 40 bytes (2.2.1.5.1, Source-Address-Data and Destination-Address-Data). An IPv4 address
    fills the first 4 of the 16 bytes of `address`; `secondary` is the end of a range or a mask. Always build it with
    keywords.
    """

    type: int
    version: int
    address: bytes = bytes(16)
    secondary: bytes = bytes(16)


class PortType(enum.IntEnum):
    """The kinds of ports in version 2 (2.2.1.5.1, IPsec-Source-Port-Type)."""

    ANY = 0
    SINGLE = 1
    RANGE = 2


class PortRecord(t.NamedTuple):
    """A port of version 2, 8 bytes (2.2.1.5.1, Source-Port-Data): a type of 32 bits, two ports of 16 bits."""

    type: int = PortType.ANY
    first: int = 0
    last: int = 0


class FilterRecordV2(t.NamedTuple):
    """One filter of version 2 (2.2.1.5.1, Filter-Spec2): IPv6, ranges of addresses and ports, servers on both sides.
    Always build it with keywords.
    """

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
        """The filter at the reader's position (2.2.1.5.1, Filter-Spec2). Raises `BlobError`."""
        texts = _unpack_texts(reader)
        fields = reader.unpack(_FILTER_V2, "a filter of version 2")
        addresses = (AddressRecord._make(fields[2:6]), AddressRecord._make(fields[6:10]))
        ports = (PortRecord._make(fields[10:13]), PortRecord._make(fields[13:16]))
        id_, mirrored, *_addresses, protocol, flags = fields
        return cls._make((*texts, id_, mirrored, *addresses, *ports, protocol, flags))

    def pack(self) -> bytes:
        """Three texts and 124 bytes (2.2.1.5.1, Filter-Spec2). Raises `struct.error` for a number that is too large."""
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
    """The section that Windows Vista and later add (2.2.1.5.1, from Filter-Policy-ID2). `legacy_count` is
    Number-Of-Filters11 where it differs from the number of version-1 filters; `length_excess` is what the length counts
    beyond the filters.
    """

    filters: tuple[FilterRecordV2, ...]
    legacy_count: int | None = None
    length_excess: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FilterBlob:
    """A list of filters (2.2.1.5.1).

    `length_excess` is what the length counts beyond the version-1 filters: 0 today, 4 (the number of filters) for older
    writers. `count` is Number-Of-Filters1 where it differs from the number of filters, which a version-2 section may
    override. Today's writers add no trailing byte.

    Layout: GUID, length, number of filters, filters; then, optional, the version-2 section: GUID, length, the number of
    version-1 filters again, the number of version-2 filters, filters; trailing byte.
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
        """The value of the bytes of ipsecData (2.2.1.5.1). Raises `BlobError`."""
        reader = Reader(data, "ipsecFilter data")
        reader.guid(cls.ID, "a filter list")
        length = reader.number("the data length")
        count = reader.number("the number of filters")
        excess = next((excess for excess in (0, 4) if cls._may_end(data, reader.offset + length - excess)), 0)
        end = reader.offset + length - excess
        if end > len(data):
            reader.fail(f"the data length is {length}, but only {reader.left} bytes follow", 16)
        filters = []
        while reader.offset < end:
            filters.append(FilterRecord.unpack(reader))
        if reader.offset != end:
            reader.fail(f"a filter ends here, but according to the data length the filters end at byte {end}")
        v2 = cls._unpack_v2(reader, len(filters)) if reader.left > 1 else None
        trailing = reader.trailing()
        # the number in the version-2 section wins unless it is zero; None is the true number
        announced = count if v2 is None or v2.legacy_count == 0 else v2.legacy_count
        if announced is not None and len(filters) not in (count, announced):
            reader.fail(f"the number of filters is {announced}, but there are {len(filters)}", 20)
        return cls(
            filters=tuple(filters),
            v2=v2,
            count=None if count == len(filters) else count,
            length_excess=excess,
            trailing=trailing,
        )

    @classmethod
    def _may_end(cls, data: bytes, end: int) -> bool:
        """Whether the version-1 filters may end at `end`: at most a trailing byte or the version-2 section follows."""
        return len(data) - 1 <= end <= len(data) or data.startswith(cls.V2_ID, max(end, 0))

    @classmethod
    def _unpack_v2(cls, reader: Reader, legacy: int) -> FilterSectionV2:
        reader.guid(cls.V2_ID, "a section of version-2 filters")
        length_at = reader.offset
        length = reader.number("the data length of version 2")
        legacy_count = reader.number("the number of version-1 filters")
        count = reader.number("the number of version-2 filters")
        start = reader.offset
        if count > reader.left:
            reader.fail(f"{count} filters do not fit into {reader.left} bytes", start - 4)
        filters = tuple(FilterRecordV2.unpack(reader) for _i in range(count))
        # no sample of this section from Windows is known: the length may include one or both numbers
        excess = length - (reader.offset - start)
        if excess not in (0, 4, 8):
            reader.fail(f"the data length is {length}, but the filters take {reader.offset - start} bytes", length_at)
        return FilterSectionV2(filters, None if legacy_count == legacy else legacy_count, excess)

    def pack(self) -> bytes:
        """The bytes of ipsecData (2.2.1.5.1). Raises `struct.error` for a number that does not fit its field."""
        filters = b"".join([record.pack() for record in self.filters])
        count = len(self.filters) if self.count is None else self.count
        parts = [self.ID, pack_number(len(filters) + self.length_excess), pack_number(count), filters]
        if self.v2 is not None:
            records = b"".join([record.pack() for record in self.v2.filters])
            legacy_count = len(self.filters) if self.v2.legacy_count is None else self.v2.legacy_count
            parts += [
                self.V2_ID,
                *map(pack_number, (len(records) + self.v2.length_excess, legacy_count, len(self.v2.filters))),
                records,
            ]
        return b"".join([*parts, self.trailing])
