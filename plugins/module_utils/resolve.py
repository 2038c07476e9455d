# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""From the names in rules to addresses: which to ask the host for, and what becomes of its answers."""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
import typing as t

from .hints import some
from .model import Address, DnsName, Family, Filter, Host, Interface, ModelError, Rule
from .shape.wanted import WantedRule

_SHOWN: t.Final = 10

Answers: t.TypeAlias = t.Mapping[str, t.Sequence[str]]
AnyRule: t.TypeAlias = Rule | WantedRule
_Rule = t.TypeVar("_Rule", Rule, WantedRule)


def names_in(rules: t.Iterable[AnyRule]) -> tuple[list[str], list[str]]:
    """The DNS names and the interface GUIDs of all rules, each once."""
    names: dict[str, None] = {}
    interfaces: dict[str, None] = {}
    for rule in rules:
        ends = itertools.chain.from_iterable((f.source, f.destination) for f in rule.filters or ())
        for address in (rule.tunnel, *ends):
            if not _is_asked_for(address):
                continue
            if isinstance(address, DnsName):
                names[address.name.lower()] = None
            else:
                interfaces[address.guid] = None
    return list(names), list(interfaces)


@dataclasses.dataclass(frozen=True, slots=True)
class Resolver:
    """The host's answers, and what becomes of a name with several addresses: `error` stops the task, `all` takes them
    all, `ignore` leaves the filter out, as the manual does. Warnings are collected in `warnings`.
    """

    names: Answers
    interfaces: Answers
    mode: str
    warnings: list[str] = dataclasses.field(default_factory=list)

    def rule(self, rule: _Rule) -> _Rule:
        """`rule` with an address for every name. Raises `ModelError`."""
        filters = [resolved for filter_ in rule.filters or () for resolved in self._filter(rule, filter_)]
        if rule.filters and not filters:
            raise ModelError(
                f"{rule.title}: no filter is left, as names in all of them have several addresses; write one of "
                "these, or set multiple_addresses to all"
            )
        tunnel = rule.tunnel
        if isinstance(tunnel, DnsName) and not tunnel.odd:
            tunnel = dataclasses.replace(tunnel, address=self._one(rule, tunnel))
        return dataclasses.replace(rule, filters=tuple(filters) if rule.filters else rule.filters, tunnel=tunnel)

    def _filter(self, rule: AnyRule, filter_: Filter) -> t.Iterator[Filter]:
        if not (_is_asked_for(filter_.source) or _is_asked_for(filter_.destination)):
            yield filter_
            return
        family = next((a.family for a in (filter_.source, filter_.destination) if a.family is Family.IPV6), Family.IPV4)
        sources = self._addresses(rule, filter_.source, family)
        destinations = self._addresses(rule, filter_.destination, family)
        several = [
            str(a) for a, found in ((filter_.source, sources), (filter_.destination, destinations)) if len(found) > 1
        ]
        if several and self.mode == "ignore":
            self.warnings.append(f"{rule.title}: the filter {filter_} is left out: {several[0]} has several addresses")
            return
        for source, destination in itertools.product(sources, destinations):
            yield dataclasses.replace(filter_, source=source, destination=destination)

    def _addresses(self, rule: AnyRule, address: Address, family: Family) -> list[Address]:
        if not _is_asked_for(address):
            return [address]
        found = self._lookup(rule, address, family)
        if len(found) > 1 and self.mode == "error":
            raise ModelError(
                f"{rule.title}: {address} has several addresses: {some([*map(str, found)], _SHOWN)}. "
                "Write one of them, or set multiple_addresses to all or ignore"
            )
        return [dataclasses.replace(address, address=a) for a in found] if isinstance(address, DnsName) else [*found]

    def _one(self, rule: AnyRule, name: DnsName) -> Host:
        ends = [end for filter_ in (rule.filters or ())[:1] for end in (filter_.source, filter_.destination)]
        family = next((end.family for end in ends if end.family in (Family.IPV4, Family.IPV6)), Family.IPV4)
        found = self._lookup(rule, name, family)
        if len(found) > 1:
            raise ModelError(
                f"{rule.title}: a tunnel has one endpoint, and {name} has several addresses: "
                f"{some([*map(str, found)], _SHOWN)}. Write one of them"
            )
        return found[0]

    def _lookup(self, rule: AnyRule, address: DnsName | Interface, family: Family) -> list[Host]:
        """The host's addresses of the family; the one that was known before, where it still is one of them."""
        if isinstance(address, DnsName):
            answers, what = self.names.get(address.name.lower(), ()), "the DNS name"
        else:
            answers, what = self.interfaces.get(address.guid, ()), "the interface"
        found_hosts = {_host(f"{rule.title}: the host answered for {what} {address}", answer) for answer in answers}
        hosts = sorted(found_hosts, key=lambda host: (host.family, host.address))
        found = [host for host in hosts if host.family is family]
        if not found:
            others = f"; it has {some([*map(str, hosts)], _SHOWN)}" if hosts else ""
            version = "IPv4" if family is Family.IPV4 else "IPv6"
            raise ModelError(f"{rule.title}: {what} {address} has no {version} address on this host{others}")
        known = address.address if isinstance(address, DnsName) else None
        return [known] if isinstance(known, Host) and known in found else found


def _is_asked_for(address: Address | None) -> t.TypeGuard[DnsName | Interface]:
    """Whether the host has to say what address this is; what only a store holds is no name that could be looked up."""
    return isinstance(address, Interface) or (isinstance(address, DnsName) and not address.odd)


def _host(where: str, answer: str) -> Host:
    try:
        return Host(ipaddress.ip_address(answer.partition("%")[0]))
    except ValueError:
        raise ModelError(f"{where} with '{answer}', which is no address") from None
