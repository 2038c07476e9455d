# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a policy does with a packet, and with a connection that must not be cut."""

from __future__ import annotations

import dataclasses
import typing as t

from ..host.answers import LocalAddresses
from ..model import (
    UDP,
    Action,
    Address,
    AddressRange,
    ConnectionType,
    DnsName,
    Family,
    Filter,
    HostAddress,
    IPAddress,
    Policy,
    Ports,
    Rule,
    Special,
    SpecialKind,
    Subnet,
)

_IKE_PORTS: t.Final = (500, 4500)
_STRICTNESS: t.Final = {Action.PERMIT: 0, Action.NEGOTIATE: 1, Action.BLOCK: 2}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A packet as the host sees it."""

    protocol: int
    source: IPAddress
    source_port: int
    destination: IPAddress
    destination_port: int

    def reply(self) -> Packet:
        return Packet(
            protocol=self.protocol,
            source=self.destination,
            source_port=self.destination_port,
            destination=self.source,
            destination_port=self.source_port,
        )


def deciding_filter(policy: Policy, packet: Packet, local: LocalAddresses) -> tuple[Rule, Filter] | None:
    """The filter that decides about `packet`, with its rule: the most specific of all that match. None: it passes.

    Between equally specific filters, the stricter action wins. Key exchange (UDP 500 and 4500) always passes.
    """
    if packet.protocol == UDP and (packet.source_port in _IKE_PORTS or packet.destination_port in _IKE_PORTS):
        return None
    best: tuple[tuple[int, ...], Rule, Filter] | None = None
    for rule in policy.rules:
        # a dial-up rule does not apply to a connection over the network
        if not rule.enabled or rule.connection_type == ConnectionType.DIALUP:
            continue
        for filter_ in rule.filters:
            if _matches(filter_, packet, local):
                found = weight(filter_, rule.action.action)
                if best is None or found > best[0]:
                    best = (found, rule, filter_)
    return best[1:] if best else None


def cutting_filter(policy: Policy, packet: Packet, local: LocalAddresses) -> tuple[Rule, Filter, str] | None:
    """The filter that would cut the connection of the incoming `packet` from a peer without IPsec, its rule, and what
    it does to the connection.
    """
    for direction in (packet, packet.reply()):
        found = deciding_filter(policy, direction, local)
        if found is None or found[0].action.action is Action.PERMIT:
            continue
        action = found[0].action
        if action.action is Action.BLOCK:
            return *found, "blocks it"
        passes_in = action.inpass and direction is packet
        if not action.soft and not passes_in:
            return *found, "requires IPsec"
    return None


def _matches(filter_: Filter, packet: Packet, local: LocalAddresses) -> bool:
    if filter_.protocol not in (0, packet.protocol):
        return False
    ends = [(filter_.source, filter_.source_port, filter_.destination, filter_.destination_port)]
    if filter_.mirrored:
        ends.append((filter_.destination, filter_.destination_port, filter_.source, filter_.source_port))
    return any(
        _covers(source, packet.source, local)
        and _includes(source_port, packet.source_port)
        and _covers(destination, packet.destination, local)
        and _includes(destination_port, packet.destination_port)
        for source, source_port, destination, destination_port in ends
    )


def _includes(ports: Ports | None, port: int) -> bool:
    return ports is None or ports.first <= port <= ports.last


def _covers(address: Address | None, ip: IPAddress, local: LocalAddresses) -> bool:
    match address:
        case Special(kind, family):
            if family is not Family.BOTH and (family is Family.IPV6) != (ip.version == 6):
                return False
            return kind is SpecialKind.ANY or ip in local.of(kind)
        case HostAddress(host):
            return host == ip
        case Subnet(base, mask):
            return base.version == ip.version and int(ip) & mask == int(base)
        case AddressRange(first, last):
            return first.version == ip.version and int(first) <= int(ip) <= int(last)
        case DnsName(_, known):
            return _covers(known, ip, local)
    return False


def weight(filter_: Filter, action: Action) -> tuple[int, int, int, int]:
    """Of two filters that match a packet, the one with the higher weight decides: the more specific filter, else the
    stricter action.
    """
    addresses = sum(_specificity(end) for end in (filter_.source, filter_.destination))
    ports = sum(port is not None for port in (filter_.source_port, filter_.destination_port))
    return addresses, int(filter_.protocol != 0), ports, _STRICTNESS[action]


def _specificity(address: Address | None) -> int:
    """The number of fixed bits, of 128."""
    match address:
        case Special(SpecialKind.ANY):
            return 0
        case Subnet(base, mask):
            return mask.bit_count() * 128 // base.max_prefixlen
        case AddressRange(first, last):
            return 128 - (int(last) - int(first)).bit_length() * 128 // first.max_prefixlen
        case DnsName(_, known):
            return _specificity(known)
    return 128
