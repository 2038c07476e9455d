# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which rules of facts match connections to a port, for questions about many hosts."""

from __future__ import annotations

import typing as t

from ..hints import one_of
from ..model import Address, Filter, ModelError, Ports, Special, SpecialKind
from ..shape.facts import policy_of_facts
from ..shape.fields import kind_of
from ..shape.filters import parse_service
from .verdict import strictness, weight

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
    tree = _policy(value)
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


def _policy(value: object) -> _Tree | None:
    """The policy, or of facts the one in force; None if no policy is in force."""
    if not isinstance(value, t.Mapping):
        raise ModelError(f"expected ansible_facts.ipsec, or one of its policies, not {kind_of(value)}")
    in_force = value.get("in_force")
    if not isinstance(in_force, t.Mapping):
        return value
    if in_force.get("source") == "none":
        return None
    policies = [in_force.get("policy"), *(value.get("policies") or ())]
    found = next((p for p in policies if isinstance(p, t.Mapping) and p.get("id") == in_force.get("id")), None)
    if found is None:
        name = in_force.get("name")
        raise ModelError(f"the policy in force, '{name}', is a domain policy of which the host has no copy")
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
