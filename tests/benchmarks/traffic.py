# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Many filters of all kinds, and packets between a host and others."""

from __future__ import annotations

import ipaddress
import random
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.verdict import Packet
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import LocalAddresses
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import (
    ANY,
    DEFAULT_SECURITY_METHODS,
    ME,
    TCP,
    UDP,
    Action,
    Address,
    Filter,
    HostAddress,
    NegotiationPolicy,
    Ports,
    Rule,
    SpecialKind,
    network,
    span,
)

_OWN: t.Final = ipaddress.ip_address("192.0.2.1")
LOCAL: t.Final = LocalAddresses({SpecialKind.ME: frozenset({_OWN})})
_ACTIONS: t.Final = (
    NegotiationPolicy(action=Action.BLOCK),
    NegotiationPolicy(action=Action.PERMIT),
    NegotiationPolicy(action=Action.NEGOTIATE, methods=DEFAULT_SECURITY_METHODS),
)
_RULE: t.Final = 100


class Traffic:
    """Rules with mirrored filters between the host and addresses in 10.0.0.0/8, and packets in both directions, half of
    them with an address that a filter has. They are the same each time.
    """

    def __init__(self, filters: int, packets: int) -> None:
        self._random = random.Random(1)
        self.rules = tuple(
            Rule(
                name=f"{number}",
                filters=tuple(self._filter() for _number in range(_RULE)),
                action=_ACTIONS[number % len(_ACTIONS)],
            )
            for number in range(filters // _RULE)
        )
        self._hosts = [
            found.source.address
            for rule in self.rules
            for found in rule.filters
            if isinstance(found.source, HostAddress)
        ]
        self.packets = [self._packet() for _number in range(packets)]

    def _filter(self) -> Filter:
        """Of ten filters, five have a host, two a subnet, one a range of addresses, and two any address."""
        pick = self._random
        protocol = pick.choice((0, TCP, TCP, UDP))
        return Filter(
            source=self._address(),
            destination=ME,
            protocol=protocol,
            destination_port=self._ports() if protocol else None,
            mirrored=True,
        )

    def _address(self) -> Address:
        pick = self._random
        kind = pick.randrange(10)
        first = self._ip()
        if kind < 5:
            return HostAddress(first)
        if kind < 7:
            return network(first, (1 << 32) - (1 << pick.randint(1, 16)))
        return span(first, first + pick.randint(1, 4000)) if kind < 8 else ANY

    def _ports(self) -> Ports | None:
        """Any port, one port, or a range."""
        first = self._random.randint(1, 60_000)
        last = first + self._random.randint(1, 1000)
        return self._random.choice((None, Ports(first, first), Ports(first, last)))

    def _packet(self) -> Packet:
        pick = self._random
        packet = Packet(
            protocol=pick.choice((TCP, TCP, UDP, 1)),
            source=pick.choice(self._hosts) if pick.random() < 0.5 else self._ip(),
            source_port=pick.randint(32768, 65535),
            destination=_OWN,
            destination_port=pick.randint(1, 65535),
        )
        return packet if pick.random() < 0.5 else packet.reply()

    def _ip(self) -> ipaddress.IPv4Address:
        return ipaddress.IPv4Address(10 << 24 | self._random.randint(1, (1 << 24) - 5000))
