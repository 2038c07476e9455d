# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What rules do with a packet, and with a connection that must not be cut."""

from __future__ import annotations

import dataclasses
import enum
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

IKE_PORTS: t.Final = (500, 4500)
_STRICTNESS: t.Final = {Action.PERMIT: 0, Action.NEGOTIATE: 1, Action.BLOCK: 2}

Weight: t.TypeAlias = tuple[int, int, int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A packet as the host sees it. Its addresses are of one family."""

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

    @property
    def exchanges_keys(self) -> bool:
        """Whether it belongs to IKE, which no filter stops."""
        return self.protocol == UDP and (self.source_port in IKE_PORTS or self.destination_port in IKE_PORTS)


class VerdictOutcome(enum.StrEnum):
    """What happens to a packet. `AMBIGUOUS`: the order of filters does not tell."""

    PERMIT = "permit"
    BLOCK = "block"
    NEGOTIATE = "negotiate"
    AMBIGUOUS = "ambiguous"


class Match(t.NamedTuple):
    """A filter that matches a packet, with its rule."""

    rule: Rule
    filter: Filter


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to a packet, and why. `deciding` has the filter that decides, with its rule; no filter where none
    decides. Where the outcome is ambiguous, it has two filters that say different things, the stricter one first.
    """

    outcome: VerdictOutcome
    deciding: tuple[Match, ...]
    reason: str


KEY_EXCHANGE: t.Final = Verdict(VerdictOutcome.PERMIT, (), "key exchange (UDP ports 500 and 4500) always passes")
_NO_MATCH: t.Final = Verdict(VerdictOutcome.PERMIT, (), "no filter matches")


def judge(rules: t.Iterable[Rule], packet: Packet, local: LocalAddresses) -> Verdict:
    """What rules that are in force together do with a packet. For many packets, `FilterIndex` is faster."""
    if packet.exchanges_keys:
        return KEY_EXCHANGE
    return decide(
        [
            Match(rule, filter_)
            for rule in rules
            if applies(rule)
            for filter_ in rule.filters
            if matches(filter_, packet, local)
        ]
    )


def decide(found: t.Sequence[Match]) -> Verdict:
    """The verdict about a packet that these filters match: the most specific one decides.

    It is ambiguous if equally specific filters say different things, or if the most specific filter of a tunnel and the
    most specific filter without a tunnel do: which of these two comes first is not known.
    """
    if not found:
        return _NO_MATCH
    contenders = [
        *_heaviest([match for match in found if match.rule.tunnel is None]),
        *_heaviest([match for match in found if match.rule.tunnel is not None]),
    ]
    first = max(contenders, key=lambda match: strictness(match.rule))
    others = [match for match in contenders if result(match.rule) != result(first.rule)]
    if not others:
        return Verdict(VerdictOutcome(first.rule.action.action), (first,), "the most specific filter that matches")
    other = min(others, key=lambda match: strictness(match.rule))
    if (first.rule.tunnel is None) is not (other.rule.tunnel is None):
        reason = "a filter of a tunnel and a filter without a tunnel match, and which comes first is not known"
    else:
        reason = "two equally specific filters match, and which comes first is not known"
    return Verdict(VerdictOutcome.AMBIGUOUS, (first, other), reason)


def _heaviest(found: t.Sequence[Match]) -> list[Match]:
    weights = [weight(match.filter) for match in found]
    return [match for match, own in zip(found, weights, strict=True) if own == max(weights)]


def applies(rule: Rule) -> bool:
    """Whether a rule counts for packets over the network. A dial-up rule does not."""
    return rule.enabled and rule.connection_type != ConnectionType.DIALUP


def result(rule: Rule) -> t.Hashable:
    """What a rule does, equal for rules that do the same: to negotiate in another way is something else."""
    if rule.action.action is not Action.NEGOTIATE:
        return rule.action.action
    return rule.action, rule.authentication, rule.tunnel


def strictness(rule: Rule) -> tuple[int, bool, bool]:
    """A rule with a higher value lets less through from peers without IPsec."""
    return _STRICTNESS[rule.action.action], not rule.action.soft, not rule.action.inpass


def cutting_filter(policy: Policy, packet: Packet, local: LocalAddresses) -> tuple[Rule, Filter, str] | None:
    """The filter that would cut the connection of the incoming `packet` from a peer without IPsec, its rule, and what
    it does to the connection. An ambiguous verdict counts as the stricter one.
    """
    for direction in (packet, packet.reply()):
        verdict = judge(policy.rules, direction, local)
        if not verdict.deciding:
            continue
        rule, filter_ = verdict.deciding[0]
        action = rule.action
        if action.action is Action.PERMIT or action.soft or (action.inpass and direction is packet):
            continue
        what = "blocks it" if action.action is Action.BLOCK else "requires IPsec"
        return rule, filter_, what + "".join(_unless(other) for other in verdict.deciding[1:])
    return None


def _unless(other: Match) -> str:
    return f", unless the filter {other.filter} of the {other.rule.title} wins"


def matches(filter_: Filter, packet: Packet, local: LocalAddresses) -> bool:
    """Whether a filter matches a packet in one of its directions."""
    if filter_.protocol not in (0, packet.protocol):
        return False
    return any(
        _covers(source, packet.source, local)
        and _includes(source_port, packet.source_port)
        and _covers(destination, packet.destination, local)
        and _includes(destination_port, packet.destination_port)
        for source, source_port, destination, destination_port in directions(filter_)
    )


_Direction: t.TypeAlias = tuple[Address, Ports | None, Address, Ports | None]


def directions(filter_: Filter) -> tuple[_Direction, ...]:
    """Source, its ports, destination and its ports: twice for a mirrored filter."""
    one = (filter_.source, filter_.source_port, filter_.destination, filter_.destination_port)
    return (one, (*one[2:], *one[:2])) if filter_.mirrored else (one,)


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


def weight(filter_: Filter) -> Weight:
    """How specific a filter is. Of two filters that match a packet, the one with the higher weight decides."""
    addresses = sum(_specificity(end) for end in (filter_.source, filter_.destination))
    ports = sum(port is not None for port in (filter_.source_port, filter_.destination_port))
    return addresses, int(filter_.protocol != 0), ports


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
