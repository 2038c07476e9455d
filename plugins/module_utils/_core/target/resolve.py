# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""DNS names and interfaces in rules: which to look up on the host, and what to do with the answers."""

from __future__ import annotations

import dataclasses
import enum
import ipaddress
import itertools
import typing as t

from ..hints import some
from ..model import Address, DnsName, Family, Filter, HostAddress, Interface, ModelError, Rule, RuleError
from ..model.wanted import WantedRule
from ..objects.policies import StoredPolicy
from ..store.casing import fold

_SHOWN: t.Final = 10

Answers: t.TypeAlias = t.Mapping[str, t.Sequence[str]]


class AnyRule(t.Protocol):
    """What a rule has to do with addresses. `title` is what messages call it."""

    @property
    def title(self) -> str: ...

    @property
    def id(self) -> str | None: ...

    @property
    def name(self) -> str: ...

    @property
    def filters(self) -> tuple[Filter, ...] | None: ...

    @property
    def tunnel(self) -> HostAddress | DnsName | None: ...


_Rule = t.TypeVar("_Rule", Rule, WantedRule)
_StoredAddresses: t.TypeAlias = dict[tuple[str | None, str], dict[HostAddress, None]]
"""The addresses of DNS names in a stored policy: by the id or the folded name of a rule (None: in all rules), and the
folded DNS name.
"""


class MultipleAddresses(enum.StrEnum):
    """What to do with a name that has several addresses: stop, use all, or leave the filter out, as the manual says."""

    ERROR = "error"
    ALL = "all"
    IGNORE = "ignore"


def names_in(rules: t.Iterable[AnyRule]) -> tuple[list[str], list[str]]:
    """The DNS names and the interface GUIDs of all rules, each once."""
    names: dict[str, None] = {}
    interfaces: dict[str, None] = {}
    for rule in rules:
        ends = itertools.chain.from_iterable((f.source, f.destination) for f in rule.filters or ())
        for address in (rule.tunnel, *ends):
            if not _needs_lookup(address):
                continue
            if isinstance(address, DnsName):
                names[address.name.lower()] = None
            else:
                interfaces[address.guid] = None
    return list(names), list(interfaces)


class Resolver:
    """Replaces names by the addresses that the host found. Warnings are collected in `warnings`. `who` is what messages
    call the machine that looked them up.
    """

    def __init__(self, names: Answers, interfaces: Answers, mode: MultipleAddresses, who: str = "host") -> None:
        self._who = who
        self._names = names
        self._interfaces = interfaces
        self._mode = mode
        # by folded name: the name as written, and the stored addresses that it keeps
        self._unresolved: dict[str, tuple[DnsName, dict[HostAddress, None]]] = {}
        self._left_out: list[str] = []
        # by the key of a stored policy
        self._stored: dict[str, _StoredAddresses] = {}

    @property
    def warnings(self) -> list[str]:
        return [*self._left_out, *(_kept(self._who, name, [*kept]) for name, kept in self._unresolved.values())]

    def rule(self, rule: _Rule, stored: StoredPolicy | None) -> _Rule:
        """`rule` with an address for every name. A name that the host cannot resolve keeps the address that it has in
        the stored policy. Raises `ModelError`.
        """
        filters = [resolved for filter_ in rule.filters or () for resolved in self.filters(rule, filter_, stored)]
        if rule.filters and not filters:
            raise RuleError(
                rule.title,
                "no filter is left, because each of them has a name with several addresses; use one of "
                "the addresses, or set multiple_addresses to all",
            )
        return dataclasses.replace(
            rule, filters=tuple(filters) if rule.filters else rule.filters, tunnel=self.tunnel(rule, stored)
        )

    def tunnel(self, rule: AnyRule, stored: StoredPolicy | None) -> HostAddress | DnsName | None:
        """The tunnel's endpoint of `rule` with its address. As in `rule`."""
        tunnel = rule.tunnel
        if isinstance(tunnel, DnsName) and not tunnel.odd:
            return dataclasses.replace(tunnel, address=self._one(rule, tunnel, stored))
        return tunnel

    def filters(self, rule: AnyRule, filter_: Filter, stored: StoredPolicy | None) -> t.Iterator[Filter]:
        """The filters that a filter of `rule` becomes: one for each address, or none. As in `rule`."""
        if not (_needs_lookup(filter_.source) or _needs_lookup(filter_.destination)):
            yield filter_
            return
        family = next((a.family for a in (filter_.source, filter_.destination) if a.family is Family.IPV6), Family.IPV4)
        sources = self._addresses(rule, filter_.source, family, stored)
        destinations = self._addresses(rule, filter_.destination, family, stored)
        several = [
            str(a) for a, found in ((filter_.source, sources), (filter_.destination, destinations)) if len(found) > 1
        ]
        if several and self._mode is MultipleAddresses.IGNORE:
            self._left_out.append(
                f"{rule.title}: the filter {filter_} is left out, as {several[0]} has several addresses"
            )
            return
        for source, destination in itertools.product(sources, destinations):
            yield dataclasses.replace(filter_, source=source, destination=destination)

    def _addresses(self, rule: AnyRule, address: Address, family: Family, stored: StoredPolicy | None) -> list[Address]:
        if not _needs_lookup(address):
            return [address]
        found = self._lookup(rule, address, family, stored)
        if len(found) > 1 and self._mode is MultipleAddresses.ERROR:
            raise RuleError(
                rule.title,
                f"{address} has several addresses: {some([*map(str, found)], _SHOWN)}. "
                "Use one of them, or set multiple_addresses to all or ignore",
            )
        return [dataclasses.replace(address, address=a) for a in found] if isinstance(address, DnsName) else [*found]

    def _one(self, rule: AnyRule, name: DnsName, stored: StoredPolicy | None) -> HostAddress:
        ends = [end for filter_ in (rule.filters or ())[:1] for end in (filter_.source, filter_.destination)]
        family = next((end.family for end in ends if end.family in (Family.IPV4, Family.IPV6)), Family.IPV4)
        found = self._lookup(rule, name, family, stored)
        if len(found) > 1:
            raise RuleError(
                rule.title,
                f"a tunnel has one endpoint, but {name} has several addresses: "
                f"{some([*map(str, found)], _SHOWN)}. Use one of them",
            )
        return found[0]

    def _lookup(
        self, rule: AnyRule, address: DnsName | Interface, family: Family, stored: StoredPolicy | None
    ) -> list[HostAddress]:
        """The addresses of the family; the one that is already known if the host still finds it."""
        if isinstance(address, DnsName):
            answers, what = self._names.get(address.name.lower(), ()), "the DNS name"
        else:
            answers, what = self._interfaces.get(address.guid, ()), "the interface"
        found_hosts = {
            _host(f"{rule.title}: the {self._who}'s answer for {what} {address}", answer) for answer in answers
        }
        hosts = sorted(found_hosts, key=lambda host: (host.family, host.address))
        found = [host for host in hosts if host.family is family]
        if not found and isinstance(address, DnsName):
            found = self._stored_addresses(rule, address, family, stored)
            if found:
                self._unresolved.setdefault(address.folded, (address, {}))[1].update(dict.fromkeys(found))
        if not found:
            others = f"; it has {some([*map(str, hosts)], _SHOWN)}" if hosts else ""
            version = "IPv4" if family is Family.IPV4 else "IPv6"
            raise RuleError(rule.title, f"this {self._who} finds no {version} address for {what} {address}{others}")
        known = address.address if isinstance(address, DnsName) else None
        return [known] if isinstance(known, HostAddress) and known in found else found

    def _stored_addresses(
        self, rule: AnyRule, name: DnsName, family: Family, stored: StoredPolicy | None
    ) -> list[HostAddress]:
        """The addresses that a name has in the stored rule, or else anywhere in the stored policy."""
        if stored is None:
            return []
        if stored.key not in self._stored:
            self._stored[stored.key] = _addresses_in(stored)
        known = self._stored[stored.key]
        for where in _places(rule):
            found = [address for address in known.get((where, name.folded), ()) if address.family is family]
            if found:
                return found
        return []


def _needs_lookup(address: Address | None) -> t.TypeGuard[DnsName | Interface]:
    """Whether the host has to find the address. An odd name, which exists in a store only, cannot be looked up."""
    return isinstance(address, Interface) or (isinstance(address, DnsName) and not address.odd)


def _places(rule: AnyRule) -> tuple[str | None, ...]:
    """Where an address of a rule is looked for, the nearest place first: its id, its name, all rules."""
    return (*filter(None, (rule.id, fold(rule.name))), None)


def _addresses_in(stored: StoredPolicy) -> _StoredAddresses:
    found: _StoredAddresses = {}
    for rule in stored.policy.rules:
        for end in (rule.tunnel, *itertools.chain.from_iterable((f.source, f.destination) for f in rule.filters)):
            if isinstance(end, DnsName) and isinstance(end.address, HostAddress):
                for where in _places(rule):
                    found.setdefault((where, end.folded), {})[end.address] = None
    return found


def _kept(who: str, name: DnsName, addresses: t.Sequence[HostAddress]) -> str:
    shown = some([*map(str, addresses)], _SHOWN)
    stay = f"stored address {shown} stays" if len(addresses) == 1 else f"stored addresses {shown} stay"
    return f"the {who} cannot resolve the DNS name {name} now; the {stay}"


def _host(where: str, answer: str) -> HostAddress:
    try:
        return HostAddress(ipaddress.ip_address(answer.partition("%")[0]))
    except ValueError:
        raise ModelError(f"{where} has '{answer}', which is not an address") from None
