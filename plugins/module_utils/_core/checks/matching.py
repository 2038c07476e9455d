# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which rules of facts match connections to a port, for questions about many hosts."""

from __future__ import annotations

import typing as t

from ..hints import one_of
from ..host.answers import LocalAddresses
from ..model import (
    TCP,
    UDP,
    Address,
    AddressRange,
    DnsName,
    Family,
    Filter,
    HostAddress,
    Interface,
    ModelError,
    Ports,
    Special,
    SpecialKind,
    Subnet,
)
from ..notation.addresses import parse_address
from ..shape.facts import policy_of_facts
from ..shape.fields import Fields, ShapeError, at, filled_text_of, kind_of
from ..shape.filters import parse_ports, parse_protocol, parse_service
from .blocks import ADDRESS_BITS, NumberBlock, address_blocks, overlap
from .verdict import IKE_PORTS, strictness, weight

DIRECTIONS: t.Final = ("in", "out")
_Tree: t.TypeAlias = t.Mapping[str, t.Any]
_ANY_PORT: t.Final = Ports(1, 65535)
_CLIENT_PORTS: t.Final = Ports(32768, 65535)
"""The ports that clients use: Windows begins at 49152, Linux at 32768."""


def matching_rules(value: object, protocol: object, port: object, direction: object) -> list[_Tree]:
    """The enabled rules in facts or in one policy of them that match connections, as they are there. The rule with the
    most specific filter, which decides, is the first. Raises `ModelError`.
    """
    number, ports = parse_service(protocol, port)
    if direction not in DIRECTIONS:
        raise ModelError(f"direction must be {one_of(DIRECTIONS)}")
    if not isinstance(value, t.Mapping):
        raise ModelError(f"expected ansible_facts.ipsec, or one of its policies, not {kind_of(value)}")
    tree = policy_in_force(value) if isinstance(value.get("in_force"), t.Mapping) else value
    if tree is None:
        return []
    found = []
    items = tree.get("rules") or ()
    items = (items,) if isinstance(items, t.Mapping) else items
    for rule, shown in zip(policy_of_facts(tree).rules, items, strict=True):
        matching = [f for f in rule.filters if _matches(f, number, ports or _ANY_PORT, direction == "in")]
        if rule.enabled and matching:
            found.append(((max(map(weight, matching)), strictness(rule)), shown))
    return [shown for _weight, shown in sorted(found, key=lambda pair: pair[0], reverse=True)]


def policy_in_force(facts: _Tree) -> _Tree | None:
    """The policy in force as facts have it; None if no policy is in force."""
    in_force = facts["in_force"]
    if in_force.get("source") == "none":
        return None
    policies = [in_force.get("policy"), *(facts.get("policies") or ())]
    found = next((p for p in policies if isinstance(p, t.Mapping) and p.get("id") == in_force.get("id")), None)
    if found is None:
        name = in_force.get("name")
        if in_force.get("source") == "domain":
            raise ModelError(f"the policy in force, '{name}', is a domain policy of which the host has no copy")
        raise ModelError(f"the facts do not have the policy in force, '{name}'; read them with gather_subset: store")
    return found


def _matches(filter_: Filter, protocol: int, ports: Ports, incoming: bool) -> bool:
    """Whether a filter matches packets of such a connection, in either direction."""
    if protocol and filter_.protocol not in (0, protocol):
        return False
    ends = ((filter_.source, filter_.source_port), (filter_.destination, filter_.destination_port))
    for (server, server_port), (client, client_port) in (ends, ends[::-1]):
        here, there = (server, client) if incoming else (client, server)
        sides = _may_be_here(here) and not _is_here(there)
        if sides and _overlap(server_port, ports) and _overlap(client_port, _CLIENT_PORTS):
            return True
    return False


def _is_here(address: Address) -> bool:
    return isinstance(address, Special) and address.kind is SpecialKind.ME


def _may_be_here(address: Address) -> bool:
    """Whether an address may be that of the host. Facts do not say which addresses it has."""
    return not isinstance(address, Special) or address.kind in (SpecialKind.ME, SpecialKind.ANY)


def _overlap(one: Ports | None, other: Ports) -> bool:
    return one is None or (one.first <= other.last and other.first <= one.last)


_Blocks: t.TypeAlias = t.Mapping[int, t.Sequence[NumberBlock]]
"""Addresses as blocks for each IP version."""


class AskedTraffic:
    """The traffic that somebody asks about: that of this host with some addresses, or of a port, or of both."""

    def __init__(self, address: object, port: object, protocol: object, local: LocalAddresses) -> None:
        """Raises `ShapeError`. `address` may be a list; None stands for all."""
        ports = parse_ports(port, "port")
        number = parse_protocol(protocol, "protocol")
        if ports is None:
            self._services: list[tuple[int, Ports | None]] = [(number, None)]
        elif number in (0, TCP, UDP):
            # no filter blocks key exchange
            exchanges_keys = ports.first == ports.last and ports.first in IKE_PORTS
            usable = (TCP,) if exchanges_keys else (TCP, UDP)
            self._services = [(found, ports) for found in usable if number in (0, found)]
        else:
            raise ShapeError("port", "a port needs the protocol tcp or udp")
        self._local = local
        self._own = self._blocks(Special(SpecialKind.ME, Family.BOTH))
        self._asked = None if address is None else _asked_blocks(address)

    def meets(self, filter_: Filter) -> bool:
        """Whether a filter matches some of this traffic, in any direction."""
        if not any(_serves(filter_, protocol, ports) for protocol, ports in self._services):
            return False
        ends = (filter_.source, filter_.destination)
        return any(
            not _is_here(there) and self._is_own(here) and self._is_asked(there) for here, there in (ends, ends[::-1])
        )

    def _is_own(self, address: Address) -> bool:
        return _meet(self._blocks(address), self._own)

    def _is_asked(self, address: Address) -> bool:
        return self._asked is None or _meet(self._blocks(address), self._asked)

    def _blocks(self, address: Address | None) -> _Blocks:
        match address:
            case Special(SpecialKind.ANY, family):
                versions = {Family.IPV4: (4,), Family.IPV6: (6,), Family.BOTH: (4, 6)}[family]
                return {version: [NumberBlock(0, 0)] for version in versions}
            case Special(kind, family):
                known = self._local.of(kind)
                return {
                    version: [NumberBlock(int(ip), _full(version)) for ip in known if ip.version == version]
                    for version in ADDRESS_BITS
                    if family is Family.BOTH or (family is Family.IPV6) == (version == 6)
                }
            case DnsName(_, known_address):
                return self._blocks(known_address)
            case None | Interface():
                return {}
        return {version: address_blocks(address, version) for version in ADDRESS_BITS}


def _full(version: int) -> int:
    return (1 << ADDRESS_BITS[version]) - 1


def _meet(one: _Blocks, other: _Blocks) -> bool:
    return any(
        overlap(block, against)
        for version, blocks in one.items()
        for block in blocks
        for against in other.get(version, ())
    )


def _asked_blocks(value: object) -> _Blocks:
    found: dict[int, list[NumberBlock]] = {version: [] for version in ADDRESS_BITS}
    for place, item in Fields({"address": value}, "", ("address",)).values("address"):
        text = filled_text_of(item, place)
        address = at(place, parse_address, text, [])
        if not isinstance(address, HostAddress | Subnet | AddressRange):
            raise ShapeError(place, f"'{text}' is not an address, a subnet or a range")
        for version, blocks in found.items():
            blocks += address_blocks(address, version)
    return found


def _serves(filter_: Filter, protocol: int, ports: Ports | None) -> bool:
    """Whether a filter matches packets of this protocol, and of connections to one of these ports at any end."""
    if protocol and filter_.protocol not in (0, protocol):
        return False
    if ports is None:
        return True
    ends = (filter_.source_port, filter_.destination_port)
    return any(
        # some services use the same port at both ends
        _overlap(server, ports) and (_overlap(client, _CLIENT_PORTS) or _overlap(client, ports))
        for server, client in (ends, ends[::-1])
    )
