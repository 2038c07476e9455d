# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Filters: the traffic that a rule applies to."""

from __future__ import annotations

import dataclasses
import typing as t

from . import defaults
from .addresses import Address, DnsName, Family, Special, SpecialKind
from .text import ModelError, check_description, make_odd

PROTOCOLS: t.Final = {
    "any": 0,
    "icmp": 1,
    "igmp": 2,
    "tcp": 6,
    "egp": 8,
    "udp": 17,
    "hmp": 20,
    "xns-idp": 22,
    "rdp": 27,
    "gre": 47,
    "icmpv6": 58,
    "rvd": 66,
    "raw": 255,
}
_PROTOCOL_NAMES: t.Final = {number: name for name, number in PROTOCOLS.items()}
TCP: t.Final = PROTOCOLS["tcp"]
UDP: t.Final = PROTOCOLS["udp"]


def protocol_name(number: int) -> str:
    """The name of a protocol; its number as text where it has none."""
    return _PROTOCOL_NAMES.get(number, str(number))


@dataclasses.dataclass(frozen=True, slots=True)
class Ports:
    """The ports from `first` to `last`, both included; a single port is a range of one. Any port is None."""

    first: int
    last: int
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not self.odd and not 1 <= self.first <= self.last <= 65535:
            raise ModelError(
                f"'{self}' is not a valid port; use 1 to 65535, or a range that starts with the lower port"
            )

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Filter:
    """The traffic from `source` to `destination`, and back if `mirrored`."""

    source: Address
    destination: Address
    protocol: int = defaults.PROTOCOL
    source_port: Ports | None = defaults.PORTS
    destination_port: Ports | None = defaults.PORTS
    mirrored: bool = False
    description: str = ""
    odd: bool = False
    # lists of thousands of filters are compared as sets, more than once
    _hash: int | None = dataclasses.field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        make_odd(self, self.source, self.destination, self.source_port, self.destination_port)
        if self.odd:
            return
        if not 0 <= self.protocol <= 255:
            raise ModelError(
                f"'{self.protocol}' is not a valid protocol; use a number from 0 to 255 or a name such as tcp, udp, "
                "icmp or raw"
            )
        if (self.source_port or self.destination_port) and self.protocol not in (TCP, UDP):
            raise ModelError(f"a port needs the protocol tcp or udp, not {protocol_name(self.protocol)}")
        one, other = self.source.family, self.destination.family
        if one is not other and {one, other} == {Family.IPV4, Family.IPV6}:
            raise ModelError(
                f"{self.source} and {self.destination} mix IPv4 and IPv6; both must be addresses of the same family"
            )
        if Family.BOTH in (one, other) and Special(SpecialKind.ANY, Family.BOTH) in (self.source, self.destination):
            raise ModelError("a filter cannot have any/both; use one filter with any and one with any/ipv6")
        check_description(self.description, "the filter's description")

    def as_written(self) -> tuple[object, ...]:
        """The filter with its direction, which has no meaning where the filter is mirrored."""
        ends = (self.source, self.source_port, self.destination, self.destination_port)
        return (*ends, self.protocol, self.mirrored, self.description)

    def _turned(self) -> tuple[object, ...]:
        ends = (self.destination, self.destination_port, self.source, self.source_port)
        return (*ends, self.protocol, self.mirrored, self.description)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Filter):
            return NotImplemented
        this, that = self.as_written(), other.as_written()
        return this == that or (self.mirrored and self._turned() == that)

    def __hash__(self) -> int:
        if self._hash is None:
            ends = hash((self.source, self.source_port)), hash((self.destination, self.destination_port))
            found = hash((*(sorted(ends) if self.mirrored else ends), self.protocol, self.mirrored, self.description))
            object.__setattr__(self, "_hash", found)
        return t.cast(int, self._hash)

    def turned(self) -> Filter:
        """The filter for the opposite direction, which is the same if it is mirrored."""
        return dataclasses.replace(
            self,
            source=self.destination,
            destination=self.source,
            source_port=self.destination_port,
            destination_port=self.source_port,
        )

    def undescribed(self) -> Filter:
        """The filter without its description."""
        return dataclasses.replace(self, description="") if self.description else self

    @property
    def has_names(self) -> bool:
        """Whether an end is a DNS name."""
        return isinstance(self.source, DnsName) or isinstance(self.destination, DnsName)

    def unresolved(self) -> Filter:
        """The filter without its description and without the addresses of DNS names."""
        if not self.has_names:
            return self.undescribed()
        source, destination = (
            dataclasses.replace(end, address=None) if isinstance(end, DnsName) else end
            for end in (self.source, self.destination)
        )
        return dataclasses.replace(self, source=source, destination=destination, description="")

    def __str__(self) -> str:
        """In the manual's style, with words for 0 and *: ``me+192.0.2.0/24:445:TCP``."""
        source, destination = (
            f"{address}:{port}" if port else str(address)
            for address, port in ((self.source, self.source_port), (self.destination, self.destination_port))
        )
        protocol = (
            f"{'' if self.destination_port else ':'}:{protocol_name(self.protocol).upper()}" if self.protocol else ""
        )
        return f"{source}{'+' if self.mirrored else '='}{destination}{protocol}"
