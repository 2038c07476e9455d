# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The dynamic rules of a host, and which of them are in force."""

from __future__ import annotations

import dataclasses
import typing as t

from ..host.dynamic import Listing
from ..model import Address, DnsName, HostAddress
from ..model.dynamic import DynamicFilter, DynamicRule
from .goal import recorded
from .plan import is_lost
from .record import Record


@dataclasses.dataclass(frozen=True, slots=True)
class RecordedRule:
    """A rule in the record of a host, and whether the host has it."""

    rule: DynamicRule
    in_force: bool


def recorded_rules(record: Record, listing: Listing | None, runs: bool) -> tuple[RecordedRule, ...]:
    """The rules in the record that can be read. Names have the addresses that they had when the rule was added.

    `runs` says that the service runs, without which no dynamic rule is in force. Without `listing`, what is recorded
    as complete counts.
    """
    found = []
    for entry in record.entries:
        rule = recorded(entry)
        if rule is None or entry.rule is None:
            continue
        lost = entry.shown is None if listing is None else is_lost(entry, listing)
        found.append(RecordedRule(_with_names(rule, entry.rule), runs and not lost))
    return tuple(found)


def _with_names(rule: DynamicRule, asked: DynamicRule) -> DynamicRule:
    """The rule with its DNS names beside their addresses, if each name has one address."""
    if len(rule.filters) != len(asked.filters):
        return rule
    filters = [
        DynamicFilter(
            dataclasses.replace(
                item.filter,
                source=_named(item.filter.source, wanted.filter.source),
                destination=_named(item.filter.destination, wanted.filter.destination),
            ),
            item.action,
        )
        for item, wanted in zip(rule.filters, asked.filters, strict=True)
    ]
    tunnel = rule.tunnel if rule.tunnel is None else t.cast("HostAddress | DnsName", _named(rule.tunnel, asked.tunnel))
    return dataclasses.replace(rule, filters=tuple(filters), tunnel=tunnel)


def _named(address: Address, asked: Address | None) -> Address:
    if isinstance(asked, DnsName) and isinstance(address, HostAddress):
        return dataclasses.replace(asked, address=address)
    return address
