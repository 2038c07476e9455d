# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""An index of filters, for many packets.

The addresses of a packet become one number: source and destination, each with a bit for every special address that it
is. Its protocol and ports become another number. A direction of a filter becomes blocks of such numbers. Blocks with
the same mask are in one table, so a single look-up finds those that a packet is in (tuple space search): first those
for its addresses, then, among the filters found, those for its protocol and ports. Tables with more specific filters
come first.
"""

from __future__ import annotations

import math
import typing as t

from ..host.answers import LocalAddresses
from ..model import Address, DnsName, Family, Filter, Interface, IPAddress, Rule, Special, SpecialKind
from .blocks import ADDRESS_BITS, PORT_BITS, NumberBlock, address_blocks, cover, port_blocks
from .verdict import KEY_EXCHANGE, Match, Packet, Verdict, applies, decide, directions, judge, matches, result, weight

_FEW: t.Final = 10
"""So many packets take less time without an index."""
_BLOCKS_LIMIT: t.Final = 1000
"""The most blocks of one direction of a filter. A filter with ranges at both ends may have millions."""
_PROTOCOL_BITS: t.Final = 8
_FLAGS: t.Final[t.Mapping[SpecialKind, int]] = {
    kind: 1 << number for number, kind in enumerate(kind for kind in SpecialKind if kind is not SpecialKind.ANY)
}
_FLAG_BITS: t.Final = len(_FLAGS)


def verdicts(rules: t.Sequence[Rule], packets: t.Sequence[Packet], local: LocalAddresses) -> list[Verdict]:
    """What rules that are in force together do with each of these packets."""
    if len(packets) <= _FEW:
        return [judge(rules, packet, local) for packet in packets]
    index = FilterIndex(rules, local)
    return [index.judge(packet) for packet in packets]


class FilterIndex:
    """The filters of rules that are in force together. It gives the same verdicts as `verdict.judge`."""

    def __init__(self, rules: t.Iterable[Rule], local: LocalAddresses) -> None:
        self._verdicts: dict[tuple[int, ...], Verdict] = {}
        self._matches = [Match(rule, filter_) for rule in rules if applies(rule) for filter_ in rule.filters]
        ranks = {found: rank for rank, found in enumerate(sorted({weight(match.filter) for match in self._matches}))}
        results: dict[t.Hashable, int] = {}
        numbers = {id(rule): results.setdefault(result(rule), len(results)) for rule, _filter in self._matches}
        entries = [
            (match, _Indexed(rank=ranks[weight(match.filter)], place=place, result=numbers[id(match.rule)]))
            for place, match in enumerate(self._matches)
        ]
        transport = [(match.filter, entry) for match, entry in entries if match.rule.tunnel is None]
        tunnel = [(match.filter, entry) for match, entry in entries if match.rule.tunnel is not None]
        self._families = {version: _FamilyIndex(version, transport, tunnel, local) for version in ADDRESS_BITS}

    def judge(self, packet: Packet) -> Verdict:
        """What the rules do with a packet."""
        if packet.exchanges_keys:
            return KEY_EXCHANGE
        places = self._families[packet.source.version].find(packet)
        verdict = self._verdicts.get(places)
        if verdict is None:
            verdict = self._verdicts[places] = decide([self._matches[place] for place in places])
        return verdict


class _Indexed(t.NamedTuple):
    """A filter in a table: how specific it is, its place among all filters, and a number for what its rule does. Always
    build it with keywords. `check` is the filter itself if the block has more packets than the filter matches.
    """

    rank: int
    place: int
    result: int
    check: Filter | None = None


_Filters: t.TypeAlias = list[tuple[Filter, _Indexed]]
_Services: t.TypeAlias = list[tuple[int, int, dict[int, tuple[_Indexed, ...]]]]
"""Tables for protocol and ports: the rank of the most specific filter, the mask, filters by the values of blocks."""
_Addresses: t.TypeAlias = list[tuple[int, int, dict[int, _Services]]]
"""The same for addresses."""


class _FamilyIndex:
    """The filters for packets of one IP version."""

    def __init__(self, version: int, transport: _Filters, tunnel: _Filters, local: LocalAddresses) -> None:
        self._version = version
        self._local = local
        self._end_bits = ADDRESS_BITS[version] + _FLAG_BITS
        # filters of tunnels are searched for themselves, as they do not compete with others
        self._spaces = [self._tables(filters) for filters in (transport, tunnel) if filters]
        self._ends: dict[int, int] = {}

    def find(self, packet: Packet) -> tuple[int, ...]:
        """The places of the most specific filters that match, with and without a tunnel; of filters with the same
        result only the first.
        """
        addresses = self._end(packet.source) << self._end_bits | self._end(packet.destination)
        service = (packet.protocol << PORT_BITS | packet.source_port) << PORT_BITS | packet.destination_port
        found: list[_Indexed] = []
        for tables in self._spaces:
            found += self._search(tables, addresses, service, packet)
        return (found[0].place,) if len(found) == 1 else tuple(sorted({entry.place for entry in found}))

    def _search(self, tables: _Addresses, addresses: int, service: int, packet: Packet) -> list[_Indexed]:
        best = -1
        found: list[_Indexed] = []
        for rank, mask, table in tables:
            if rank < best:
                break
            for service_rank, service_mask, entries in table.get(addresses & mask, ()):
                if service_rank < best:
                    break
                for entry in entries.get(service & service_mask, ()):
                    if entry.rank < best:
                        break
                    if entry.check is None or matches(entry.check, packet, self._local):
                        if entry.rank > best:
                            best = entry.rank
                            found = []
                        found.append(entry)
        return found

    def _end(self, address: IPAddress) -> int:
        """An address and the bits of the special addresses that it is."""
        number = int(address)
        end = self._ends.get(number)
        if end is None:
            flags = sum(flag for kind, flag in _FLAGS.items() if address in self._local.of(kind))
            end = self._ends[number] = number << _FLAG_BITS | flags
        return end

    def _tables(self, filters: _Filters) -> _Addresses:
        by_addresses: dict[int, dict[int, dict[int, dict[int, list[_Indexed]]]]] = {}
        for filter_, entry in filters:
            for addresses, services, exact in self._blocks(filter_):
                if not services:
                    continue
                found = entry if exact else entry._replace(check=filter_)
                for address in addresses:
                    by_service = by_addresses.setdefault(address.mask, {}).setdefault(address.value, {})
                    for service in services:
                        by_service.setdefault(service.mask, {}).setdefault(service.value, []).append(found)
        tables = []
        for mask, by_value in by_addresses.items():
            table = {value: _services(by_service) for value, by_service in by_value.items()}
            tables.append((max(services[0][0] for services in table.values()), mask, table))
        return sorted(tables, key=lambda found: found[0], reverse=True)

    def _blocks(self, filter_: Filter) -> t.Iterator[tuple[list[NumberBlock], list[NumberBlock], bool]]:
        """For each direction of a filter the blocks of its addresses, those of its protocol and ports, and whether it
        matches all packets in them.
        """
        if filter_.protocol >= 1 << _PROTOCOL_BITS:
            return
        protocol = NumberBlock(filter_.protocol, (1 << _PROTOCOL_BITS) - 1 if filter_.protocol else 0)
        for source, source_port, destination, destination_port in directions(filter_):
            parts = [self._address(source), self._address(destination)]
            parts += [port_blocks(source_port), port_blocks(destination_port)]
            exact = True
            while math.prod(map(len, parts)) > _BLOCKS_LIMIT:
                longest = max(range(len(parts)), key=lambda number: len(parts[number]))
                parts[longest] = [cover(parts[longest])]
                exact = False
            sources, destinations, source_ports, destination_ports = parts
            services = _joined(_joined([protocol], source_ports, PORT_BITS), destination_ports, PORT_BITS)
            yield _joined(sources, destinations, self._end_bits), services, exact

    def _address(self, address: Address | None) -> list[NumberBlock]:
        match address:
            case Special(kind, family):
                if family not in (Family.BOTH, Family.IPV4 if self._version == 4 else Family.IPV6):
                    return []
                flag = _FLAGS.get(kind, 0)
                return [NumberBlock(flag, flag)]
            case DnsName(_, known):
                return self._address(known)
            case None | Interface():
                return []
        blocks = address_blocks(address, self._version)
        return [NumberBlock(block.value << _FLAG_BITS, block.mask << _FLAG_BITS) for block in blocks]


def _joined(high: list[NumberBlock], low: list[NumberBlock], bits: int) -> list[NumberBlock]:
    """Each pair of blocks as one block, in which `low` has the last bits."""
    return [
        NumberBlock(one.value << bits | other.value, one.mask << bits | other.mask) for one in high for other in low
    ]


def _services(by_service: dict[int, dict[int, list[_Indexed]]]) -> _Services:
    tables = []
    for mask, by_value in by_service.items():
        table = {value: _ordered(entries) for value, entries in by_value.items()}
        tables.append((max(entries[0].rank for entries in table.values()), mask, table))
    return sorted(tables, key=lambda found: found[0], reverse=True)


def _ordered(entries: list[_Indexed]) -> tuple[_Indexed, ...]:
    """The entries of a block, the most specific one first, without those that cannot decide: an entry that needs no
    check leaves no room for less specific ones, and for those that are as specific and do the same.
    """
    if len(entries) == 1:
        return tuple(entries)
    found: list[_Indexed] = []
    certain: set[int] = set()
    for entry in sorted(entries, key=lambda entry: (-entry.rank, entry.place)):
        if certain and entry.rank < found[-1].rank:
            break
        if entry.result not in certain:
            found.append(entry)
        if entry.check is None:
            certain.add(entry.result)
    return tuple(found)
