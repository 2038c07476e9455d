# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Traffic that a rule blocks over IPv4 while the same traffic stays open over IPv6."""

from __future__ import annotations

import bisect
import typing as t

from ..model import PROTOCOLS, Action, ConnectionType, Family, Filter, Ports, Rule, Special, SpecialKind, protocol_name

_ICMP: t.Final = PROTOCOLS["icmp"]
_ICMPV6: t.Final = PROTOCOLS["icmpv6"]
_ALL_PORTS: t.Final = (1, 65535)

_Span: t.TypeAlias = tuple[int, int]


class Way(t.NamedTuple):
    """Traffic in one direction between the host and everybody. Always build it with keywords."""

    protocol: int
    source: SpecialKind
    destination: SpecialKind
    source_ports: _Span
    destination_ports: _Span


class ClosedOverIpv6:
    """What blocking rules block for everybody over IPv6, on connections of one type."""

    def __init__(self, rules: t.Iterable[Rule], connection_type: ConnectionType) -> None:
        self._ways = {
            way
            for rule in rules
            if rule.action.action is Action.BLOCK and rule.connection_type in (ConnectionType.ALL, connection_type)
            for filter_ in rule.filters
            if all(end.family in (Family.IPV6, Family.BOTH) for end in (filter_.source, filter_.destination))
            for way in _ways(filter_)
        }
        self._areas: dict[tuple[int, SpecialKind, SpecialKind], _Area] = {}

    def __contains__(self, way: Way) -> bool:
        """Whether the blocked ways, together, include all of `way`."""
        key = (way.protocol, way.source, way.destination)
        if key not in self._areas:
            self._areas[key] = _Area(other for other in self._ways if _is_wider(other, way))
        return self._areas[key].includes(way.source_ports, way.destination_ports)


def closed_over_ipv6(rules: t.Sequence[Rule]) -> dict[ConnectionType, ClosedOverIpv6]:
    """What the blocking rules block, for each type of connections."""
    return {kind: ClosedOverIpv6(rules, kind) for kind in (ConnectionType.LAN, ConnectionType.DIALUP)}


def open_over_ipv6(rule: Rule, closed: t.Mapping[ConnectionType, ClosedOverIpv6]) -> list[str]:
    """What a blocking rule blocks for everybody over IPv4 and `closed` does not block over IPv6, each kind once."""
    relevant = [
        ways for kind, ways in closed.items() if rule.connection_type not in closed or rule.connection_type == kind
    ]
    return list(
        dict.fromkeys(
            _describe(filter_)
            for filter_ in rule.filters
            if any(end.family is Family.IPV4 for end in (filter_.source, filter_.destination))
            and not all(way in ways for way in _ways(filter_) for ways in relevant)
        )
    )


class _Area:
    """The blocked ports for one protocol and direction. Spans with all ports at the other end are merged."""

    def __init__(self, ways: t.Iterable[Way]) -> None:
        pairs = [(way.source_ports, way.destination_ports) for way in ways]
        self._sources = _merged(source for source, destination in pairs if destination == _ALL_PORTS)
        self._destinations = _merged(destination for source, destination in pairs if source == _ALL_PORTS)
        self._pairs = [pair for pair in pairs if _ALL_PORTS not in pair]

    def includes(self, sources: _Span, destinations: _Span) -> bool:
        return all(
            self._pairs_include(source, destination)
            for source in _gaps(self._sources, sources)
            for destination in _gaps(self._destinations, destinations)
        )

    def _pairs_include(self, sources: _Span, destinations: _Span) -> bool:
        near = [pair for pair in self._pairs if _overlap(pair[0], sources) and _overlap(pair[1], destinations)]
        # between two of these source ports, the same pairs apply to all source ports
        starts = {sources[0], *(source[0] for source, _destination in near)}
        starts |= {source[1] + 1 for source, _destination in near}
        return all(
            not any(_gaps(_merged(d for source, d in near if _overlap(source, (start, start))), destinations))
            for start in starts
            if _overlap((start, start), sources)
        )


def _ways(filter_: Filter) -> list[Way]:
    """The directions of a filter between me and any; none for a filter about certain addresses."""
    source, destination = filter_.source, filter_.destination
    if not (isinstance(source, Special) and isinstance(destination, Special)):
        return []
    if not {source.kind, destination.kind} <= {SpecialKind.ME, SpecialKind.ANY}:
        return []
    way = Way(
        # the two have different numbers and mean the same here
        protocol=_ICMP if filter_.protocol == _ICMPV6 else filter_.protocol,
        source=source.kind,
        destination=destination.kind,
        source_ports=_span(filter_.source_port),
        destination_ports=_span(filter_.destination_port),
    )
    back = Way(
        protocol=way.protocol,
        source=way.destination,
        destination=way.source,
        source_ports=way.destination_ports,
        destination_ports=way.source_ports,
    )
    return [way, back] if filter_.mirrored else [way]


def _span(ports: Ports | None) -> _Span:
    return _ALL_PORTS if ports is None else (ports.first, ports.last)


def _is_wider(wide: Way, narrow: Way) -> bool:
    """Whether `wide` includes the protocol and the direction of `narrow`."""
    return (
        wide.protocol in (narrow.protocol, 0)
        and wide.source in (narrow.source, SpecialKind.ANY)
        and wide.destination in (narrow.destination, SpecialKind.ANY)
    )


def _overlap(one: _Span, other: _Span) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _merged(spans: t.Iterable[_Span]) -> list[_Span]:
    """The same ports as sorted spans that neither overlap nor touch."""
    found: list[_Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def _gaps(spans: t.Sequence[_Span], wanted: _Span) -> t.Iterator[_Span]:
    """The parts of `wanted` that are in none of the merged spans."""
    start = wanted[0]
    for index in range(bisect.bisect_left(spans, start, key=lambda span: span[1]), len(spans)):
        first, last = spans[index]
        if first > wanted[1]:
            break
        if first > start:
            yield start, first - 1
        start = last + 1
    if start <= wanted[1]:
        yield start, wanted[1]


def _describe(filter_: Filter) -> str:
    if not filter_.protocol:
        return "all traffic"
    port = filter_.destination_port or filter_.source_port
    return f"{protocol_name(filter_.protocol).upper()}{f' {port}' if port else ''}"
