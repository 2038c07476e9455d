# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Random rules, and packets that often match them."""

from __future__ import annotations

import ipaddress
import random
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.verdict import Packet
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import LocalAddresses
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import (
    DEFAULT_SECURITY_METHODS,
    TCP,
    UDP,
    Action,
    Address,
    AddressRange,
    Certificate,
    ConnectionType,
    DnsName,
    Family,
    Filter,
    HostAddress,
    IPAddress,
    Kerberos,
    NegotiationPolicy,
    Ports,
    Rule,
    Special,
    SpecialKind,
    Subnet,
    network,
    span,
)

_FIRST: t.Final = {4: ipaddress.ip_address("192.0.2.0"), 6: ipaddress.ip_address("2001:db8::")}
"""All addresses are near these, so that filters and packets meet."""
LOCAL: t.Final = LocalAddresses(
    {
        SpecialKind.ME: frozenset({_FIRST[4] + 1, _FIRST[4] + 4, _FIRST[6] + 1}),
        SpecialKind.DNS: frozenset({_FIRST[4] + 2, _FIRST[4] + 3, _FIRST[6] + 2}),
        SpecialKind.GATEWAY: frozenset({_FIRST[4] + 3}),
    }
)
_PORTS: t.Final = (25, 80, 443, 445, 500, 1024, 5985, 65535)


class Drawer:
    """Draws rules and packets; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._end: IPAddress | None = None

    def rules(self, filters: int) -> tuple[Rule, ...]:
        """Rules with at most so many filters, often with equally specific ones."""
        pick = self.random
        left = pick.randint(1, filters)
        found = []
        while left:
            count = min(left, pick.choice((1, 1, 2, 5, 12)))
            left -= count
            found.append(self._rule(len(found), count))
        return tuple(found)

    def packet(self) -> Packet:
        pick = self.random
        version = pick.choice((4, 4, 4, 6))
        return Packet(
            protocol=pick.choice((TCP, TCP, TCP, UDP, UDP, 1, 47, 0)),
            source=self.ip(version),
            source_port=pick.choice((*_PORTS, pick.randint(0, 65535))),
            destination=self.ip(version),
            destination_port=pick.choice((*_PORTS, pick.randint(0, 65535))),
        )

    def ip(self, version: int) -> IPAddress:
        pick = self.random
        return _FIRST[version] + (pick.randint(0, 4) if pick.random() < 0.9 else pick.getrandbits(12))

    def _rule(self, number: int, count: int) -> Rule:
        pick = self.random
        tunnel = HostAddress(self.ip(4) + 1) if pick.random() < 0.15 else None
        action = Action.NEGOTIATE if tunnel else pick.choice(list(Action))
        negotiates = action is Action.NEGOTIATE
        return Rule(
            name=f"R{number}",
            filters=tuple(self.filter(tunnel is None and pick.random() < 0.6) for _number in range(count)),
            action=NegotiationPolicy(
                action=action,
                methods=DEFAULT_SECURITY_METHODS[: pick.randint(1, 2)] if negotiates else (),
                inpass=negotiates and pick.random() < 0.2,
                soft=negotiates and pick.random() < 0.2,
            ),
            authentication=(pick.choice((Kerberos(), Certificate(ca="CN=Root"))),),
            tunnel=tunnel,
            connection_type=pick.choice((*[ConnectionType.ALL] * 6, ConnectionType.LAN, ConnectionType.DIALUP)),
            enabled=pick.random() < 0.9,
        )

    def filter(self, mirrored: bool) -> Filter:
        pick = self.random
        version = pick.choice((4, 4, 4, 6))
        protocol = pick.choice((0, 1, 47, TCP, TCP, TCP, UDP))
        has_ports = protocol in (TCP, UDP)
        return Filter(
            source=self._address(version),
            destination=self._address(version),
            protocol=protocol,
            source_port=self._ports() if has_ports else None,
            destination_port=self._ports() if has_ports else None,
            mirrored=mirrored,
        )

    def _ports(self) -> Ports | None:
        pick = self.random
        kind = pick.random()
        if kind < 0.5:
            return None
        first = pick.choice(_PORTS)
        last = first if kind < 0.8 else min(first + pick.getrandbits(pick.randint(1, 15)), 65535)
        return Ports(first, last)

    def _address(self, version: int) -> Address:
        pick = self.random
        family = Family.IPV4 if version == 4 else Family.IPV6
        match pick.choice(
            ("me", "me", "me", "any", "any", "special", "host", "host", "subnet", "range", "name", "odd")
        ):
            case "me":
                return Special(SpecialKind.ME, family)
            case "any":
                return Special(SpecialKind.ANY, family)
            case "special":
                return Special(pick.choice(list(SpecialKind)), family)
            case "host":
                return HostAddress(self.ip(version) + 1)
            case "subnet":
                return self._subnet(version)
            case "range":
                return self._range(version)
            case "name":
                return DnsName("server", pick.choice((None, HostAddress(self.ip(version) + 1), self._range(version))))
        mask = (1 << 32) - 1 - pick.getrandbits(4)
        return network(self.ip(4), mask, odd=True) if version == 4 else self._range(version)

    def _subnet(self, version: int) -> HostAddress | Special | Subnet:
        bits = 32 if version == 4 else 128
        free = self.random.randint(0, 12) if self.random.random() < 0.9 else self.random.randint(0, bits)
        return network(self.ip(version) + 1, (1 << bits) - (1 << free))

    def _range(self, version: int) -> HostAddress | Special | Subnet | AddressRange:
        first = self.ip(version) + 1
        return span(first, first + self.random.getrandbits(self.random.randint(1, 14)))
