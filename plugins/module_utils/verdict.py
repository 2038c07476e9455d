# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a policy does with a packet, and with a connection that must not be cut."""

from __future__ import annotations

import dataclasses
import typing as t

from .model import (
    UDP,
    Address,
    AddressRange,
    DnsName,
    Family,
    Filter,
    Host,
    IPAddress,
    Policy,
    Ports,
    Rule,
    Special,
    Subnet,
)

_IKE_PORTS: t.Final = (500, 4500)
_STRENGTH: t.Final = ("permit", "negotiate", "block")


@dataclasses.dataclass(frozen=True, slots=True)
class Packet:
    """A packet as the host sees it."""

    protocol: int
    source: IPAddress
    source_port: int
    destination: IPAddress
    destination_port: int

    def reply(self) -> Packet:
        return Packet(self.protocol, self.destination, self.destination_port, self.source, self.source_port)


def deciding_rule(policy: Policy, packet: Packet, me: frozenset[IPAddress]) -> Rule | None:
    """The rule that decides about `packet`: of all that match, the one with the most specific filter; None is: it
    passes.

    Between equally specific filters the stricter action wins. Addresses of servers that only the host knows (dns, wins,
    dhcp, gateway) match nothing here; key exchange (UDP 500 and 4500) always passes.
    """
    if packet.protocol == UDP and (packet.source_port in _IKE_PORTS or packet.destination_port in _IKE_PORTS):
        return None
    best: tuple[tuple[int, ...], Rule] | None = None
    for rule in policy.rules:
        # a dial-up rule says nothing about a connection from the network
        if not rule.enabled or rule.connection_type == "dialup":
            continue
        for filter_ in rule.filters:
            if _matches(filter_, packet, me):
                weight = (*_weight(filter_), _STRENGTH.index(rule.action.action))
                if best is None or weight > best[0]:
                    best = (weight, rule)
    return best[1] if best else None


def what_cuts(policy: Policy, packet: Packet, me: frozenset[IPAddress]) -> tuple[Rule, str] | None:
    """The rule that would cut a connection of which `packet` comes in, from a peer that has no IPsec, and why."""
    for direction in (packet, packet.reply()):
        rule = deciding_rule(policy, direction, me)
        if rule is None or rule.action.action == "permit":
            continue
        if rule.action.action == "block":
            return rule, "blocks it"
        passes_in = rule.action.inpass and direction is packet
        if not rule.action.soft and not passes_in:
            return rule, "wants it secured by IPsec"
    return None


def _matches(filter_: Filter, packet: Packet, me: frozenset[IPAddress]) -> bool:
    if filter_.protocol not in (0, packet.protocol):
        return False
    ends = [(filter_.source, filter_.source_port, filter_.destination, filter_.destination_port)]
    if filter_.mirrored:
        ends.append((filter_.destination, filter_.destination_port, filter_.source, filter_.source_port))
    return any(
        _holds(source, packet.source, me)
        and _has(source_port, packet.source_port)
        and _holds(destination, packet.destination, me)
        and _has(destination_port, packet.destination_port)
        for source, source_port, destination, destination_port in ends
    )


def _has(ports: Ports | None, port: int) -> bool:
    return ports is None or ports.first <= port <= ports.last


def _holds(address: Address | None, ip: IPAddress, me: frozenset[IPAddress]) -> bool:
    match address:
        case Special(kind, family):
            if family is not Family.BOTH and (family is Family.IPV6) != (ip.version == 6):
                return False
            return kind == "any" or (kind == "me" and ip in me)
        case Host(host):
            return host == ip
        case Subnet(base, mask):
            return base.version == ip.version and int(ip) & mask == int(base)
        case AddressRange(first, last):
            return first.version == ip.version and int(first) <= int(ip) <= int(last)
        case DnsName(_, known):
            return _holds(known, ip, me)
    return False


def _weight(filter_: Filter) -> tuple[int, int, int]:
    addresses = sum(_specificity(end) for end in (filter_.source, filter_.destination))
    ports = sum(port is not None for port in (filter_.source_port, filter_.destination_port))
    return addresses, int(filter_.protocol != 0), ports


def _specificity(address: Address | None) -> int:
    """Bits that are fixed, of 128."""
    match address:
        case Special("any"):
            return 0
        case Subnet(base, mask):
            return mask.bit_count() * 128 // base.max_prefixlen
        case AddressRange(first, last):
            return 128 - (int(last) - int(first)).bit_length() * 128 // first.max_prefixlen
        case DnsName(_, known):
            return _specificity(known)
    return 128
