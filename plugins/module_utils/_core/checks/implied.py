# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters in force that a policy and dynamic rules imply: what the service makes of them in the filtering platform.

That Windows has exactly these is not proved. So a filter in force is recognised by what it does, not by its text.
"""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import itertools
import typing as t

from ..host.answers import LocalAddresses
from ..host.running import Direction, RunningFilter
from ..model import (
    Action,
    Address,
    AddressRange,
    ConnectionType,
    DnsName,
    Family,
    Filter,
    HostAddress,
    Policy,
    Ports,
    Special,
    SpecialKind,
    Subnet,
)
from ..model.dynamic import DynamicRule

_FAMILIES: t.Final = {Family.IPV4: "V4", Family.IPV6: "V6"}
_WORDS: t.Final = {Direction.IN: "INBOUND", Direction.OUT: "OUTBOUND"}
_INTERFACE_TYPES: t.Final[dict[ConnectionType | str, int]] = {ConnectionType.LAN: 6, ConnectionType.DIALUP: 23}
_INTERFACE_TYPE: t.Final = "FWPM_CONDITION_INTERFACE_TYPE"

Key: t.TypeAlias = tuple[object, ...]
"""What a filter in force does. Two filters with the same key are one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The filter that a filter in force comes from, and its rule. `policy` is None for a dynamic rule, and `dynamic` is
    its index, None for a rule of a policy.
    """

    policy: str | None
    rule: str
    rule_id: str | None
    filter: Filter
    dynamic: int | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedFilter:
    """A filter that is to be in force. The fields that `RunningFilter` has mean the same. `of_me` says that the local
    address is the host's own one, whichever it is.
    """

    origin: Origin
    family: Family
    direction: Direction | None
    action: Action
    local: Address | None
    remote: Address | None
    tunnel: bool = False
    local_port: Ports | None = None
    remote_port: Ports | None = None
    protocol: int = 0
    connection_type: ConnectionType | str = ConnectionType.ALL
    of_me: bool = False

    @property
    def main_mode(self) -> bool:
        """Whether it chooses a main-mode policy, and decides about no packet."""
        return self.direction is None

    @property
    def layer(self) -> str:
        """The layer of the filtering platform."""
        family = _FAMILIES[self.family]
        if self.direction is None:
            return f"FWPM_LAYER_IKEEXT_{family}"
        return f"FWPM_LAYER_{_WORDS[self.direction]}_TRANSPORT_{family}"

    @property
    def key(self) -> Key:
        return _key(self, self.family)

    def line(self) -> str:
        """The filter as the digest has it (docs/host-module.md)."""
        action, callout = f"FWP_ACTION_{self.action.upper()}", ""
        if self.action is Action.NEGOTIATE and self.direction is not None:
            action = "FWP_ACTION_CALLOUT_TERMINATING"
            mode = "TUNNEL" if self.tunnel else "TRANSPORT"
            callout = f"FWPM_CALLOUT_IPSEC_{_WORDS[self.direction]}_{mode}_{_FAMILIES[self.family]}"
        return ";".join((self.layer, action, callout, "|".join(sorted(self._conditions()))))

    def _conditions(self) -> t.Iterator[str]:
        for end, address, ports in (
            ("LOCAL", self.local, self.local_port),
            ("REMOTE", self.remote, self.remote_port),
        ):
            if address is not None:
                yield f"FWPM_CONDITION_IP_{end}_ADDRESS,{_address_value(address)}"
            if ports is not None:
                single = ports.first == ports.last
                value = "FWP_MATCH_EQUAL,FWP_UINT16," if single else "FWP_MATCH_RANGE,FWP_RANGE_TYPE,"
                yield f"FWPM_CONDITION_IP_{end}_PORT,{value}{str(ports).replace('-', '~')}"
        if self.protocol:
            yield f"FWPM_CONDITION_IP_PROTOCOL,FWP_MATCH_EQUAL,FWP_UINT8,{self.protocol}"
        if (number := _INTERFACE_TYPES.get(self.connection_type)) is not None:
            yield f"{_INTERFACE_TYPE},FWP_MATCH_EQUAL,FWP_UINT32,{number}"


class Implied:
    """The filters that a policy and dynamic rules imply on a host with these addresses."""

    def __init__(self, filters: t.Iterable[tuple[ImpliedFilter, ...]], unknown: int, addresses: LocalAddresses) -> None:
        """Of the filters in one item, one is enough. `unknown` is the number of filters whose addresses are not
        known.
        """
        self._own = addresses.of(SpecialKind.ME)
        self._wanted: dict[frozenset[Key], tuple[ImpliedFilter, ...]] = {}
        self._by_key: dict[Key, ImpliedFilter] = {}
        self._of_me: set[Key] = set()
        self._lines: set[str] = set()
        self.unknown = unknown
        for found in filters:
            keys = [one.key for one in found]
            self._wanted.setdefault(frozenset(keys), found)
            for key, one in zip(keys, found, strict=True):
                self._by_key.setdefault(key, one)
                if one.of_me:
                    self._of_me.add(key)
                self._lines.add(one.line())

    @classmethod
    def of(cls, policy: Policy | None, dynamic: t.Sequence[DynamicRule], addresses: LocalAddresses) -> Implied:
        """What the enabled rules of a policy and dynamic rules imply. The DNS names of dynamic rules must have
        addresses.
        """
        found: list[tuple[ImpliedFilter, ...]] = []
        unknown = 0
        for origin, action, tunnel, connection_type in _filters(policy, dynamic):
            if not all(
                map(_is_known, (origin.filter.source, origin.filter.destination, *([tunnel] if tunnel else [])))
            ):
                unknown += 1
            else:
                found += _implied(origin, action, tunnel, connection_type, addresses)
        return cls(found, unknown, addresses)

    def __len__(self) -> int:
        """The number of filters that are to be there."""
        return len(self._wanted)

    def origin(self, found: RunningFilter) -> Origin | None:
        """Where a filter in force comes from; None if nothing implies it."""
        return next((self._by_key[key].origin for key in self._matching(found)), None)

    def missing(self, running: t.Iterable[RunningFilter]) -> list[ImpliedFilter]:
        """The filters that are to be in force and are not."""
        there = {key for found in running for key in self._matching(found)}
        return [found[0] for keys, found in self._wanted.items() if not keys & there]

    def digest(self) -> str:
        """The digest of the implied filters, as the host computes that of the filters in force."""
        return hashlib.sha256("".join(f"{line}\n" for line in sorted(self._lines)).encode("ascii")).hexdigest()

    def _matching(self, found: RunningFilter) -> t.Iterator[Key]:
        """The implied filters that a filter in force may come from, the most exact one first."""
        if not is_understood(found):
            return
        for family in _families(found):
            if (key := _key(found, family)) in self._by_key:
                yield key
        if isinstance(found.local, HostAddress) and found.local.address in self._own:
            # the service may have put the host's addresses in place of "me"
            anywhere = dataclasses.replace(found, local=None)
            yield from (key for family in _families(found) if (key := _key(anywhere, family)) in self._of_me)


def is_understood(found: RunningFilter) -> bool:
    """Whether all that a filter in force does is known. The type of the interface does not matter."""
    return (
        found.action is not None
        and (found.main_mode or found.direction is not None)
        and all(item.partition(",")[0] == _INTERFACE_TYPE for item in found.unread)
    )


def _filters(
    policy: Policy | None, dynamic: t.Sequence[DynamicRule]
) -> t.Iterator[tuple[Origin, Action, HostAddress | DnsName | None, ConnectionType | str]]:
    for rule in policy.rules if policy is not None else ():
        for filter_ in rule.filters if rule.enabled else ():
            name = policy.name if policy is not None else None
            origin = Origin(policy=name, rule=rule.name, rule_id=rule.id, filter=filter_, dynamic=None)
            yield origin, rule.action.action, rule.tunnel, rule.connection_type
    for index, each in enumerate(dynamic):
        title = each.short_title
        for item in each.filters:
            origin = Origin(policy=None, rule=title, rule_id=None, filter=item.filter, dynamic=index)
            yield origin, item.action, each.tunnel, each.connection_type


def _implied(
    origin: Origin,
    action: Action,
    tunnel: HostAddress | DnsName | None,
    connection_type: ConnectionType | str,
    addresses: LocalAddresses,
) -> t.Iterator[tuple[ImpliedFilter, ...]]:
    for one, family in itertools.product(_sides(origin.filter), _FAMILIES):
        pairs = itertools.product(_ends(one.source, family, addresses), _ends(one.destination, family, addresses))
        for source, destination in pairs:
            quick: list[ImpliedFilter] = []
            for direction in _directions(one):
                out = direction is Direction.OUT
                quick.append(
                    ImpliedFilter(
                        origin=origin,
                        family=family,
                        direction=direction,
                        action=action,
                        tunnel=tunnel is not None,
                        local=source if out else destination,
                        remote=destination if out else source,
                        local_port=one.source_port if out else one.destination_port,
                        remote_port=one.destination_port if out else one.source_port,
                        protocol=one.protocol,
                        connection_type=connection_type,
                        of_me=_is_me(one.source if out else one.destination),
                    )
                )
            # a filter between other addresses may be in force in one direction only
            yield from (tuple(quick),) if not any(item.of_me for item in quick) else ((item,) for item in quick)
            if action is Action.NEGOTIATE:
                yield from _main_mode(quick, tunnel)


def _main_mode(
    quick: t.Sequence[ImpliedFilter], tunnel: HostAddress | DnsName | None
) -> t.Iterator[tuple[ImpliedFilter, ...]]:
    """The filters that choose the main-mode policy; none for a tunnel whose endpoint is of the other family."""
    endpoint = _plain(tunnel)
    if endpoint is not None and endpoint.family is not quick[0].family:
        return
    found = [
        ImpliedFilter(
            origin=one.origin,
            family=one.family,
            direction=None,
            action=Action.PERMIT,
            local=one.local,
            remote=one.remote if endpoint is None else endpoint,
            of_me=one.of_me,
        )
        for one in quick
    ]
    yield from (tuple(found),) if not any(item.of_me for item in found) else ((item,) for item in found)


def _sides(filter_: Filter) -> t.Iterator[Filter]:
    yield filter_
    if filter_.mirrored:
        yield filter_.turned()


def _directions(filter_: Filter) -> tuple[Direction, ...]:
    """The directions of the packets from source to destination, as the host sees them."""
    found = tuple(
        direction
        for direction, end in ((Direction.OUT, filter_.source), (Direction.IN, filter_.destination))
        if _is_me(end)
    )
    return found or (Direction.OUT, Direction.IN)


def _plain(address: Address | None) -> Address | None:
    """The address of a name in its place."""
    return address.address if isinstance(address, DnsName) else address


def _is_known(address: Address) -> bool:
    return isinstance(_plain(address), Special | HostAddress | Subnet | AddressRange)


def _is_me(address: Address) -> bool:
    found = _plain(address)
    return isinstance(found, Special) and found.kind is SpecialKind.ME


def _ends(address: Address, family: Family, addresses: LocalAddresses) -> list[Address | None]:
    """The addresses of one family that an end stands for; None for any address and for the host itself."""
    found = _plain(address)
    if found is None or found.family not in (family, Family.BOTH):
        return []
    if not isinstance(found, Special):
        return [found]
    if found.kind in (SpecialKind.ANY, SpecialKind.ME):
        return [None]
    version = 4 if family is Family.IPV4 else 6
    return [HostAddress(ip) for ip in sorted(addresses.of(found.kind), key=int) if ip.version == version]


def _families(found: RunningFilter) -> tuple[Family, ...]:
    """The family of a filter in force; both if its layer does not say which."""
    return tuple(f for f, word in _FAMILIES.items() if found.layer.endswith(f"_{word}")) or tuple(_FAMILIES)


def _key(found: ImpliedFilter | RunningFilter, family: Family) -> Key:
    return (
        found.main_mode,
        found.direction,
        family,
        found.action,
        found.tunnel,
        _area(found.local),
        _area(found.remote),
        found.local_port,
        found.remote_port,
        found.protocol,
    )


def _area(address: Address | None) -> Address | None:
    """An address as filters are compared: no condition and any address are the same."""
    return None if isinstance(address, Special) and address.kind is SpecialKind.ANY else address


def _address_value(address: Address) -> str:
    """An address as the host prints it: match, type and value."""
    match address:
        case HostAddress(ip):
            kind = "FWP_UINT32" if ip.version == 4 else "FWP_BYTE_ARRAY16_TYPE"
            return f"FWP_MATCH_EQUAL,{kind},{ip}"
        case AddressRange(first, last):
            return f"FWP_MATCH_RANGE,FWP_RANGE_TYPE,{first}~{last}"
        case Subnet(base, mask) if base.version == 4:
            return f"FWP_MATCH_EQUAL,FWP_V4_ADDR_MASK,{base}~{ipaddress.IPv4Address(mask)}"
        case Subnet(base, mask):
            return f"FWP_MATCH_EQUAL,FWP_V6_ADDR_MASK,{base}~{mask.bit_count()}"
    raise AssertionError(address)
