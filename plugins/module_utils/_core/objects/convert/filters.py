# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of a filter list (MS-GPIPSEC 2.2.1.5.1)."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ...model import (
    ME,
    Address,
    AddressRange,
    DnsName,
    Family,
    Filter,
    HostAddress,
    IPAddress,
    ModelError,
    Ports,
    Special,
    SpecialKind,
    Subnet,
    network,
    span,
)
from .. import blobs
from .common import lenient, located, read_ip, stored_name

GuidSource: t.TypeAlias = t.Callable[[], bytes]
"""Returns the 16 bytes of a new GUID, in wire order."""

_SPECIAL_BYTES: t.Final = {SpecialKind.DNS: 1, SpecialKind.WINS: 2, SpecialKind.DHCP: 3, SpecialKind.GATEWAY: 4}
_SERVERS: t.Final = {number: kind for kind, number in _SPECIAL_BYTES.items()}
_DESTINATION: t.Final = 0x80
_ADDRESS_TYPES: t.Final = {
    SpecialKind.ANY: blobs.AddressType.ANY,
    SpecialKind.ME: blobs.AddressType.ME,
    SpecialKind.DNS: blobs.AddressType.DNS,
    SpecialKind.WINS: blobs.AddressType.WINS,
    SpecialKind.DHCP: blobs.AddressType.DHCP,
    SpecialKind.GATEWAY: blobs.AddressType.GATEWAY,
}
_FAMILIES: t.Final = frozenset(Family)
_NO_ADDRESS: t.Final = bytes(4)
_NO_MASK: t.Final = bytes(4)
_FULL_MASK: t.Final = b"\xff" * 4


class FilterEntry(t.NamedTuple):
    """A filter and its record. `restated` are the version-1 subnets that spell out a version-2 range."""

    filter: Filter
    record: blobs.FilterRecord | blobs.FilterRecordV2
    restated: tuple[blobs.FilterRecord, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class StoredFilterList:
    """The data of a filter list, and its meaning."""

    blob: blobs.FilterBlob
    entries: tuple[FilterEntry, ...]

    @classmethod
    def read(cls, blob: blobs.FilterBlob) -> StoredFilterList:
        """The meaning of a blob. Raises `ModelError` for records that the specification does not describe."""
        plain = [FilterEntry(_read_record(record), record) for record in blob.filters]
        if blob.v2 is None:
            return cls(blob, tuple(plain))
        ranged = [FilterEntry(_read_record_v2(record), record) for record in blob.v2.filters]
        spelled_out: dict[Filter, list[int]] = {}
        for index, entry in enumerate(plain):
            spelled_out.setdefault(entry.filter.undescribed(), []).append(index)
        restated: set[int] = set()
        for at, entry in enumerate(ranged):
            if _uses_ranges(entry) and _is_spelled_out(entry.filter, spelled_out):
                found = [i for part in _subnets_of(entry.filter) for i in spelled_out[part] if i not in restated]
                restated.update(found)
                ranged[at] = entry._replace(restated=tuple(blob.filters[index] for index in found))
        return cls(blob, (*(entry for index, entry in enumerate(plain) if index not in restated), *ranged))

    @property
    def filters(self) -> list[Filter]:
        return [entry.filter for entry in self.entries]


def _uses_ranges(entry: FilterEntry) -> bool:
    record = entry.record
    return isinstance(record, blobs.FilterRecordV2) and bool(record.flags & blobs.USE_RANGES)


def _is_spelled_out(ranged: Filter, among: t.Container[Filter]) -> bool:
    """Whether all the version-1 filters that together mean the same as a range are present."""
    ends = (ranged.source, ranged.destination)
    return any(map(_has_subnets, ends)) and all(part in among for part in _subnets_of(ranged))


def _has_subnets(address: Address) -> bool:
    return isinstance(address, AddressRange) and not address.odd and address.family is Family.IPV4


def _subnets_of(ranged: Filter) -> t.Iterator[Filter]:
    """The version-1 filters that spell out a filter with IPv4 ranges."""

    def subnets(address: Address) -> list[Address]:
        if not isinstance(address, AddressRange) or not _has_subnets(address):
            return [address]
        networks = ipaddress.summarize_address_range(address.first, address.last)
        return [network(n.network_address, int(n.netmask)) for n in networks]

    for source in subnets(ranged.source):
        for destination in subnets(ranged.destination):
            yield dataclasses.replace(ranged, source=source, destination=destination, description="")


def write_filters(
    filters: t.Collection[Filter], old: StoredFilterList | None, new_guid: GuidSource
) -> blobs.FilterBlob:
    """The list of `filters`: first the records of `old` that stay, in their order, then the new ones."""
    wanted = {filter_.as_written(): filter_ for filter_ in filters}
    before = old.entries if old else ()
    kept = {i for i, entry in enumerate(before) if wanted.pop(entry.filter.as_written(), None) is not None}
    # a mirrored filter may be stored the other way round
    turned = {entry.filter: i for i, entry in enumerate(before) if i not in kept}
    new = [filter_ for filter_ in wanted.values() if filter_ not in turned]
    kept.update(turned[filter_] for filter_ in wanted.values() if filter_ in turned)
    if old and not new and len(kept) == len(before):
        return old.blob
    entries = [*(before[i] for i in sorted(kept)), *(FilterEntry(f, _write_record(f, new_guid())) for f in new)]
    spelled_out = {filter_.undescribed() for filter_ in filters} if any(map(_uses_ranges, entries)) else ()
    plain: list[blobs.FilterRecord] = []
    v2: list[blobs.FilterRecordV2] = []
    for entry in entries:
        if isinstance(entry.record, blobs.FilterRecord):
            plain.append(entry.record)
        elif _uses_ranges(entry) and _hides(entry, spelled_out):
            v2.append(entry.record._replace(flags=entry.record.flags & ~blobs.USE_RANGES))
        else:
            plain.extend(entry.restated)
            v2.append(entry.record)
    blob = old.blob if old else blobs.FilterBlob()
    if not v2:
        return dataclasses.replace(blob, filters=tuple(plain), v2=None, count=None)
    if blob.v2 is None:
        # the length of older writers is unknown where this section follows
        blob = dataclasses.replace(blob, length_excess=0)
    section = blobs.FilterSectionV2(tuple(v2), length_excess=blob.v2.length_excess if blob.v2 else 0)
    return dataclasses.replace(blob, filters=tuple(plain), v2=section, count=None)


def _hides(entry: FilterEntry, wanted: t.Container[Filter]) -> bool:
    """Whether the flag on this range would make Windows ignore other filters."""
    if entry.restated:
        return any(part in wanted for part in _subnets_of(entry.filter))
    return _is_spelled_out(entry.filter, wanted)


def _read_record(record: blobs.FilterRecord) -> Filter:
    return lenient(
        Filter,
        source=_read_end(record.source, record.source_mask, record.source_name, record.special),
        destination=_read_end(
            record.destination, record.destination_mask, record.destination_name, record.special - _DESTINATION
        ),
        protocol=record.protocol,
        source_port=Ports(record.source_port, record.source_port) if record.source_port else None,
        destination_port=Ports(record.destination_port, record.destination_port) if record.destination_port else None,
        mirrored=record.mirrored != 0,
        description=blobs.text(record.description),
    )


def _read_end(address: bytes, mask: bytes, name: str, server: int) -> Address:
    found: Special | HostAddress | Subnet
    if server in _SERVERS:
        return Special(_SERVERS[server])
    if mask == _FULL_MASK and address == _NO_ADDRESS:
        found = ME
    else:
        found = lenient(network, ipaddress.IPv4Address(address), int.from_bytes(mask, "big"))
    known_as = blobs.text(name)
    return lenient(DnsName, known_as, found) if known_as else found


def _read_record_v2(record: blobs.FilterRecordV2) -> Filter:
    return lenient(
        Filter,
        source=_read_address_v2(record.source, record.source_name),
        destination=_read_address_v2(record.destination, record.destination_name),
        protocol=record.protocol,
        source_port=_read_port_v2(record.source_port),
        destination_port=_read_port_v2(record.destination_port),
        mirrored=record.mirrored != 0,
        description=blobs.text(record.description),
    )


def _read_address_v2(record: blobs.AddressRecord, name: str) -> Address:
    found: Special | HostAddress | Subnet | AddressRange
    kind = next((kind for kind, type_ in _ADDRESS_TYPES.items() if type_ == record.type), None)
    if record.version not in _FAMILIES:
        raise ModelError(f"an address has the version {record.version}, which is not in the specification")
    if kind is not None:
        found = Special(kind, Family(record.version))
    elif record.type == blobs.AddressType.SINGLE:
        found = lenient(HostAddress, read_ip(record.address, record.version))
    elif record.type == blobs.AddressType.RANGE:
        found = lenient(span, *(read_ip(part, record.version) for part in (record.address, record.secondary)))
    elif record.type == blobs.AddressType.SUBNET:
        address = read_ip(record.address, record.version)
        mask = int.from_bytes(record.secondary[:4], "big")
        if address.version == 6:
            bits = min(record.secondary[0], 128)
            mask = ((1 << bits) - 1) << (128 - bits)
        found = lenient(network, address, mask)
    else:
        raise ModelError(f"an address has the type {record.type}, which is not in the specification")
    return lenient(DnsName, blobs.text(name), found) if blobs.text(name) else found


def _read_port_v2(record: blobs.PortRecord) -> Ports | None:
    if record.type == blobs.PortType.ANY:
        return None
    if record.type == blobs.PortType.SINGLE:
        return Ports(record.first, record.first) if record.first else None
    if record.type == blobs.PortType.RANGE:
        return lenient(Ports, record.first, record.last) if record.last else None
    raise ModelError(f"a port has the type {record.type}, which is not in the specification")


def _write_record(filter_: Filter, guid: bytes) -> blobs.FilterRecord | blobs.FilterRecordV2:
    """A record of version 1, which every Windows reads, where it can express the filter; else one of version 2."""
    source, destination = located(filter_.source), located(filter_.destination)
    servers = [
        _SPECIAL_BYTES[address.kind] + side
        for address, side in ((source, 0), (destination, _DESTINATION))
        if isinstance(address, Special) and address.kind in _SPECIAL_BYTES
    ]
    ports = (filter_.source_port, filter_.destination_port)
    common: dict[str, t.Any] = {
        "source_name": stored_name(filter_.source),
        "destination_name": stored_name(filter_.destination),
        "description": blobs.stored_text(filter_.description),
        "id": guid,
        "mirrored": int(filter_.mirrored),
        "protocol": filter_.protocol,
    }
    if (
        _fits_version_1(filter_.source)
        and _fits_version_1(filter_.destination)
        and len(servers) < 2
        and all(port is None or port.first == port.last for port in ports)
    ):
        source_address, source_mask = _write_end(source)
        destination_address, destination_mask = _write_end(destination)
        return blobs.FilterRecord(
            **common,
            source=source_address,
            source_mask=source_mask,
            destination=destination_address,
            destination_mask=destination_mask,
            source_port=filter_.source_port.first if filter_.source_port else 0,
            destination_port=filter_.destination_port.first if filter_.destination_port else 0,
            special=sum(servers),
        )
    return blobs.FilterRecordV2(
        **common,
        source=_write_address_v2(source),
        destination=_write_address_v2(destination),
        source_port=_write_port_v2(filter_.source_port),
        destination_port=_write_port_v2(filter_.destination_port),
        flags=blobs.USE_RANGES if any(isinstance(a, AddressRange) for a in (source, destination)) else 0,
    )


def _fits_version_1(end: Address) -> bool:
    address = located(end)
    if address.family is not Family.IPV4 or isinstance(address, AddressRange):
        return False
    # in version 1, the host 0.0.0.0 means this host, and a server cannot have a name
    if isinstance(address, Special):
        return isinstance(end, Special) or address.kind not in _SPECIAL_BYTES
    return isinstance(address, Subnet) or int(address.address) != 0


def _write_end(address: Special | HostAddress | Subnet | AddressRange) -> tuple[bytes, bytes]:
    if isinstance(address, Special):
        return _NO_ADDRESS, _FULL_MASK if address.kind is SpecialKind.ME else _NO_MASK
    if isinstance(address, Subnet):
        return address.address.packed, address.mask.to_bytes(4, "big")
    return t.cast(HostAddress, address).address.packed, _FULL_MASK


def _write_address_v2(address: Special | HostAddress | Subnet | AddressRange) -> blobs.AddressRecord:
    def padded(value: IPAddress) -> bytes:
        return value.packed.ljust(16, b"\0")

    match address:
        case Special(kind, family):
            return blobs.AddressRecord(type=_ADDRESS_TYPES[kind], version=family)
        case HostAddress(host):
            return blobs.AddressRecord(type=blobs.AddressType.SINGLE, version=address.family, address=padded(host))
        case AddressRange(first, last):
            return blobs.AddressRecord(
                type=blobs.AddressType.RANGE, version=address.family, address=padded(first), secondary=padded(last)
            )
        case Subnet(base, mask):
            secondary = mask.to_bytes(4, "big") if base.version == 4 else bytes([mask.bit_count()])
            return blobs.AddressRecord(
                type=blobs.AddressType.SUBNET,
                version=address.family,
                address=padded(base),
                secondary=secondary.ljust(16, b"\0"),
            )


def _write_port_v2(ports: Ports | None) -> blobs.PortRecord:
    if ports is None:
        return blobs.PortRecord()
    if ports.first == ports.last:
        return blobs.PortRecord(blobs.PortType.SINGLE, ports.first)
    return blobs.PortRecord(blobs.PortType.RANGE, ports.first, ports.last)
