# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is worth a warning in a policy: what is weak today, and what current Windows ignores. Each is said once a
policy.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

from .hints import some
from .model import (
    PROTOCOLS,
    Ah,
    Esp,
    Family,
    Filter,
    MainModeMethod,
    Policy,
    Ports,
    PresharedKey,
    Rule,
    SecurityMethod,
    Special,
    protocol_name,
)

_SHOWN: t.Final = 5
_ICMP: t.Final = PROTOCOLS["icmp"]
_ICMPV6: t.Final = PROTOCOLS["icmpv6"]


def lint(policy: Policy) -> list[str]:
    """Warnings for the rules that count: those that are not enabled, and their weaknesses, are left out."""
    rules = [rule for rule in policy.rules if rule.enabled]
    negotiating = [rule for rule in rules if rule.action.action == "negotiate"]
    response = policy.default_response
    found = [
        _weak_ciphers(negotiating, policy.main_mode.methods),
        _weak_hashes(negotiating, policy.main_mode.methods),
        _weak_group(negotiating, policy.main_mode.methods),
        _of_rules(
            [rule for rule in negotiating if any(map(_can_be_forged, rule.action.methods))],
            "a security method without integrity, whose packets can be changed on their way",
        ),
        _of_rules(
            [rule for rule in negotiating if any(isinstance(m, PresharedKey) for m in rule.authentication)],
            "authentication by a pre-shared key, which every administrator of the host can read in the registry",
        ),
        _of_rules(
            []
            if policy.main_mode.pfs
            else [rule for rule in negotiating if not any(m.pfs for m in rule.action.methods)],
            "no perfect forward secrecy, so that who learns a main-mode key reads all its sessions",
        ),
        "the default response rule is ignored by Windows Vista and later" if response and response.enabled else None,
    ]
    return [warning for warning in (*found, *_open_over_ipv6(rules)) if warning]


def _of_rules(rules: t.Sequence[Rule], what: str) -> str | None:
    if not rules:
        return None
    names = [rule.title.removeprefix("rule ") for rule in rules]
    return f"{what}: {'the rule' if len(names) == 1 else 'the rules'} {some(names, _SHOWN)}"


def _can_be_forged(method: SecurityMethod) -> bool:
    return all(algorithm.integrity == "none" for algorithm in method.algorithms)


def _methods(rules: t.Sequence[Rule], weak: t.Callable[[Ah | Esp], bool]) -> list[SecurityMethod]:
    return [method for rule in rules for method in rule.action.methods if any(map(weak, method.algorithms))]


def _offers(kind: str, why: str, rules: t.Sequence[Rule], quick: int, main: t.Sequence[MainModeMethod]) -> str | None:
    """Main mode counts only where something negotiates."""
    places = [place for place, found in (("security methods", quick), ("main mode", rules and main)) if found]
    return f"{kind} is offered by {' and '.join(places)}: {why}" if places else None


def _weak_ciphers(rules: t.Sequence[Rule], main: t.Sequence[MainModeMethod]) -> str | None:
    quick = _methods(rules, lambda a: isinstance(a, Esp) and a.encryption == "des")
    return _offers("DES", "it is broken in hours", rules, len(quick), [m for m in main if m.encryption == "des"])


def _weak_hashes(rules: t.Sequence[Rule], main: t.Sequence[MainModeMethod]) -> str | None:
    quick = _methods(rules, lambda a: a.integrity == "md5")
    return _offers("MD5", "it is no longer trusted", rules, len(quick), [m for m in main if m.integrity == "md5"])


def _weak_group(rules: t.Sequence[Rule], main: t.Sequence[MainModeMethod]) -> str | None:
    why = "768 bits can be computed; use 14, or 2 where old peers need it"
    return _offers("Diffie-Hellman group 1", why, rules, 0, [m for m in main if m.group == 1])


_Way: t.TypeAlias = tuple[int, str, Ports | None, str, Ports | None]
"""Traffic of one direction: protocol, me or any, its port, me or any, its port."""


def _open_over_ipv6(rules: t.Sequence[Rule]) -> t.Iterator[str]:
    """Rules that close something for all of IPv4 while the same stays open over IPv6."""
    blocking = [rule for rule in rules if rule.action.action == "block"]
    closed = {
        way
        for rule in blocking
        for filter_ in rule.filters
        if any(end.family in (Family.IPV6, Family.BOTH) for end in (filter_.source, filter_.destination))
        for way in _ways(filter_ if filter_.protocol != _ICMPV6 else dataclasses.replace(filter_, protocol=_ICMP))
    }
    for rule in blocking:
        found = dict.fromkeys(
            _traffic(filter_)
            for filter_ in rule.filters
            if all(end.family is Family.IPV4 for end in (filter_.source, filter_.destination))
            and any(closed.isdisjoint(_wider(way)) for way in _ways(filter_))
        )
        if found:
            yield (
                f"the {rule.title} blocks {some(list(found), _SHOWN)} over IPv4 only; "
                "over IPv6 the same stays open: add filters with any/ipv6 and me/ipv6"
            )


def _ways(filter_: Filter) -> list[_Way]:
    """The directions of a filter between the host and everybody; none for one about certain addresses."""
    source, destination = filter_.source, filter_.destination
    if not all(isinstance(end, Special) and end.kind in ("me", "any") for end in (source, destination)):
        return []
    ends = [
        (t.cast(Special, source).kind, filter_.source_port),
        (t.cast(Special, destination).kind, filter_.destination_port),
    ]
    orders = [ends, ends[::-1]] if filter_.mirrored else [ends]
    return [(filter_.protocol, *one, *other) for one, other in orders]


def _wider(way: _Way) -> t.Iterator[_Way]:
    """All that includes `way`."""
    protocol, source, source_port, destination, destination_port = way
    return itertools.product(
        {protocol, 0}, {source, "any"}, {source_port, None}, {destination, "any"}, {destination_port, None}
    )


def _traffic(filter_: Filter) -> str:
    if not filter_.protocol:
        return "all traffic"
    port = filter_.destination_port or filter_.source_port
    return f"{protocol_name(filter_.protocol).upper()}{f' {port}' if port else ''}"
