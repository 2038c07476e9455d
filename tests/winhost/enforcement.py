# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a policy does with a packet on the simulated host.

Windows applies the most specific filter; the order of the rules does not matter. How it compares filters is not
documented. Here the addresses count first (all fixed bits of source and destination), then the protocol, then the
ports. Of equal filters, block wins over negotiate and negotiate over permit.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from .policy import IP, Address, Filter, InForce, Rule

RANKS: t.Final = {"permit": 0, "negotiate": 1, "block": 2}
"""Of equal filters, the one whose action has the highest rank decides."""


@dataclasses.dataclass(frozen=True)
class Packet:
    """A packet that the host receives or sends."""

    protocol: int
    source: IP
    source_port: int
    destination: IP
    destination_port: int
    inbound: bool


@dataclasses.dataclass(frozen=True)
class HostAddresses:
    """The addresses that the special addresses stand for."""

    me: frozenset[IP] = frozenset()
    dns: frozenset[IP] = frozenset()
    wins: frozenset[IP] = frozenset()
    dhcp: frozenset[IP] = frozenset()
    gateway: frozenset[IP] = frozenset()


def tcp(source: str, source_port: int, destination: str, destination_port: int, inbound: bool) -> Packet:
    return Packet(
        6, ipaddress.ip_address(source), source_port, ipaddress.ip_address(destination), destination_port, inbound
    )


def verdict(in_force: InForce | None, packet: Packet, host: HostAddresses, dynamic: t.Sequence[Rule] = ()) -> str:
    """permit, block, negotiate (cuts off peers without IPsec) or soft (lets them through unprotected).

    `dynamic` are the dynamic rules, whose filters compete with those of the policy.
    """
    if packet.protocol == 17 and {packet.source_port, packet.destination_port} & {500, 4500}:
        return "permit"
    rules = [*(in_force.policy.rules if in_force else ()), *dynamic]
    candidates = [
        (weight, RANKS[_action(rule, packet)], index)
        for index, rule in enumerate(rules)
        if rule.enabled and not rule.default_response and rule.connection_type != "dialup"
        for weight in _weights(rule, packet, host)
    ]
    if not candidates:
        return "permit"
    rule = rules[max(candidates)[2]]
    action = _action(rule, packet)
    if action != "negotiate":
        return action
    return "soft" if rule.soft or (rule.inpass and packet.inbound) else "negotiate"


def _action(rule: Rule, packet: Packet) -> str:
    return rule.inbound if rule.inbound and packet.inbound else rule.action


def _weights(rule: Rule, packet: Packet, host: HostAddresses) -> t.Iterator[tuple[int, int, int]]:
    """The weights of the filters of a rule that match."""
    for item in rule.filters:
        if item.protocol in (0, packet.protocol) and (
            _matches(item, packet, host) or (item.mirrored and _matches(turned(item), packet, host))
        ):
            bits = fixed_bits(item.source) + fixed_bits(item.destination)
            narrow = sum(ports != (0, 65535) for ports in (item.source_ports, item.destination_ports))
            yield bits, int(item.protocol != 0), narrow


def turned(item: Filter) -> Filter:
    """The mirror image of a filter."""
    return dataclasses.replace(
        item,
        source=item.destination,
        destination=item.source,
        source_ports=item.destination_ports,
        destination_ports=item.source_ports,
    )


def _matches(item: Filter, packet: Packet, host: HostAddresses) -> bool:
    return (
        item.source_ports[0] <= packet.source_port <= item.source_ports[1]
        and item.destination_ports[0] <= packet.destination_port <= item.destination_ports[1]
        and _covers(item.source, packet.source, host)
        and _covers(item.destination, packet.destination, host)
    )


def _covers(address: Address, ip: IP, host: HostAddresses) -> bool:
    if ip.version not in address.versions:
        return False
    if address.kind == "any":
        return True
    if address.kind == "net":
        return int(ip) & address.mask == address.value
    if address.kind == "range":
        return address.value <= int(ip) <= address.last
    return ip in t.cast(frozenset[IP], getattr(host, address.kind))


def fixed_bits(address: Address) -> int:
    """The number of fixed bits of an address, scaled to 128 bits."""
    if address.kind == "any":
        return 0
    if address.kind == "net":
        size = 32 if address.versions == (4,) else 128
        return address.mask.bit_count() * (128 // size)
    if address.kind == "range":
        size = 32 if address.versions == (4,) else 128
        return (size - (address.last - address.value).bit_length()) * (128 // size)
    return 128
