# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A change as two texts in YAML, for --diff. What changes is shown in full, what stays is counted, and keys are never
shown.

Both texts are limited in size, so that 10,000 filters flood neither the terminal nor the comparison of texts.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from ..hints import printable
from ..model import (
    Action,
    AuthMethod,
    ConnectionType,
    DnsName,
    Filter,
    MainMode,
    MainModeMethod,
    NegotiationPolicy,
    OtherAuthentication,
    Policy,
    PresharedKey,
    Rule,
)
from ..objects.policies import StoredPolicy
from ..objects.shared import StoredAction, StoredList
from ..shape.render import render_auth_method, render_poll_interval, render_short_filter
from ..target.merge import Target, rule_pairs
from ..target.shared import SharedAction, SharedList

FILTERS_SHOWN: t.Final = 40
RULES_SHOWN: t.Final = 40

_PLAIN: t.Final = re.compile(r"[A-Za-z0-9/][\w ./*+()-]*")
# YAML reads 0x10, 1.5, 1e3 and 2024-01-01 as numbers and dates
_NUMERIC: t.Final = re.compile(r"[0-9][0-9A-Fa-fXxOo_.+-]*")
_IPV4: t.Final = re.compile(r"[0-9]+(?:\.[0-9]+){3}(?:[/-][0-9.]+)?")
_WORDS: t.Final = ("", "true", "false", "yes", "no", "on", "off", "null", "~")


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """What a side of a diff has besides the policy: lines that come first, and what an interrupted change has left."""

    lines: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()


def render_diff(stored: StoredPolicy | None, before: Side, target: Target | None, after: Side) -> dict[str, str]:
    """`before` and `after` of a change. A policy that does not exist is left out of its side."""
    old = stored.policy if stored else None
    new = target.policy if target else None
    pairs = rule_pairs(stored, target)
    return {
        "before": _text(before, old, new, pairs, ""),
        "after": _text(after, new, old, [(new_rule, old_rule) for old_rule, new_rule in pairs], " (changed)"),
    }


AnyList: t.TypeAlias = StoredList | SharedList
AnyAction: t.TypeAlias = StoredAction | SharedAction


def render_shared_diff(before: AnyList | AnyAction | None, after: AnyList | AnyAction | None) -> dict[str, str]:
    """`before` and `after` of a filter list or filter action that no rule uses; one that does not exist is empty."""
    return {"before": _shared_text(before, after), "after": _shared_text(after, before)}


def _shared_text(thing: AnyList | AnyAction | None, other: AnyList | AnyAction | None) -> str:
    if thing is None:
        return ""
    lines = [f"name: {scalar_text(thing.name)}", f"description: {scalar_text(thing.description)}"]
    if isinstance(thing, AnyList):
        there = other.filters if isinstance(other, AnyList) else ()
        lines += ["filters:", *_filter_lines(thing.filters, there)]
    elif thing.value is not None:
        lines += _action_lines(thing.value)
    return "\n".join(lines) + "\n"


def _text(
    side: Side,
    policy: Policy | None,
    other: Policy | None,
    pairs: t.Sequence[tuple[Rule | None, Rule | None]],
    key_mark: str,
) -> str:
    """One side. `key_mark` follows each pre-shared key that differs from the other side: keys are never shown."""
    lines = list(side.lines)
    if side.leftovers:
        lines.append(f"leftovers: # {len(side.leftovers)} objects of an interrupted change")
        lines += [f"  - {scalar_text(name)}" for name in side.leftovers[:RULES_SHOWN]]
    if policy is not None:
        lines += _policy_lines(policy, other, pairs, key_mark)
    return "".join(f"{line}\n" for line in lines)


def _policy_lines(
    policy: Policy, other: Policy | None, pairs: t.Sequence[tuple[Rule | None, Rule | None]], key_mark: str
) -> list[str]:
    lines = [
        f"name: {scalar_text(policy.name)}",
        f"description: {scalar_text(policy.description)}",
        f"poll_interval: {scalar_text(render_poll_interval(policy.poll_interval))}",
        f"main_mode: {main_mode_text(policy.main_mode)}",
    ]
    if policy.default_response or (other and other.default_response):
        lines.append(f"default_response: {_default_response(policy, other, key_mark)}")
    here = [(rule, counterpart) for rule, counterpart in pairs if rule is not None]
    changed = [(rule, counterpart) for rule, counterpart in here if rule != counterpart]
    if here:
        lines.append("rules:")
    for rule, counterpart in changed[:RULES_SHOWN]:
        lines += [f"  {line}" for line in _rule_lines(rule, counterpart, key_mark)]
    lines += count_line(len(changed) - RULES_SHOWN, "more changed rules")
    lines += count_line(len(here) - len(changed), "unchanged rules")
    return lines


def count_line(number: int, what: str) -> list[str]:
    return [f"  # {number} {what}"] if number > 0 else []


def _rule_lines(rule: Rule, other: Rule | None, key_mark: str) -> list[str]:
    lines = [f"name: {scalar_text(rule.name)}"]
    if rule.description:
        lines.append(f"description: {scalar_text(rule.description)}")
    if not rule.enabled or (other and not other.enabled):
        lines.append(f"enabled: {scalar_text(rule.enabled)}")
    lines += ["filters:", *_filter_lines(rule.filters, other.filters if other else ())]
    lines.append(f"filter_list: {scalar_text(rule.filter_list)}")
    action, *rest = _action_lines(rule.action)
    lines += [action, f"filter_action: {scalar_text(rule.filter_action)}", *rest]
    # only rules that negotiate authenticate, but others have methods, too
    if rule.action.action is Action.NEGOTIATE or (other and other.authentication != rule.authentication):
        there = other.authentication if other else rule.authentication
        methods = authentication_lines(rule.authentication, there, key_mark)
        lines += ["authentication:", *(f"  - {flow_text(method)}" for method in methods)]
    if rule.tunnel is not None:
        address = f" ({rule.tunnel.address})" if isinstance(rule.tunnel, DnsName) else ""
        lines.append(f"tunnel: {scalar_text(f'{rule.tunnel}{address}')}")
    if rule.connection_type != ConnectionType.ALL:
        lines.append(f"connection_type: {rule.connection_type}")
    return [("- " if i == 0 else "  ") + line for i, line in enumerate(lines)]


def _action_lines(action: NegotiationPolicy) -> list[str]:
    lines = [f"action: {action.action}"]
    if action.action is Action.NEGOTIATE:
        lines += [f"inpass: {scalar_text(action.inpass)}", f"soft: {scalar_text(action.soft)}"]
        lines += ["security_methods:", *(f"  - {method}" for method in action.methods)]
    return lines


def _filter_lines(filters: t.Sequence[Filter], other: t.Sequence[Filter]) -> list[str]:
    there = frozenset(other)
    changed = [filter_ for filter_ in filters if filter_ not in there]
    if len(filters) <= FILTERS_SHOWN:
        changed = list(filters)
    lines = [f"  - {flow_text(render_short_filter(filter_))}" for filter_ in changed[:FILTERS_SHOWN]]
    lines += count_line(len(changed) - FILTERS_SHOWN, "more changed filters")
    lines += count_line(len(filters) - len(changed), "unchanged filters")
    return lines


def authentication_lines(
    methods: tuple[AuthMethod, ...], there: tuple[AuthMethod, ...], key_mark: str
) -> t.Iterator[t.Any]:
    """The methods without their secrets. A key that the other side does not have gets the mark."""
    for method in methods:
        if isinstance(method, PresharedKey):
            yield "preshared key" + ("" if method in there else key_mark)
        elif isinstance(method, OtherAuthentication):
            yield f"unknown method of type {method.type}"
        else:
            yield render_auth_method(method)


def _default_response(policy: Policy, other: Policy | None, key_mark: str) -> str:
    response = policy.default_response
    if response is None:
        return flow_text({"enabled": False})
    there = other.default_response if other else None
    methods = there.authentication if there else response.authentication
    return flow_text(
        {
            "enabled": response.enabled,
            "security_methods": [str(method) for method in response.methods],
            "authentication": list(authentication_lines(response.authentication, methods, key_mark)),
        }
    )


def main_mode_text(main_mode: MainMode) -> str:
    return flow_text(
        {
            "methods": [" ".join([str(method), *_own_limits(method)]) for method in main_mode.methods],
            "lifetime_seconds": main_mode.lifetime_seconds,
            "quick_mode_limit": main_mode.quick_mode_limit,
            "pfs": main_mode.pfs,
        }
    )


def _own_limits(method: MainModeMethod) -> t.Iterator[str]:
    for value, unit in (
        (method.lifetime_seconds, "S"),
        (method.lifetime_kilobytes, "K"),
        (method.quick_mode_limit, "Q"),
    ):
        if value is not None:
            yield f"{value}{unit}"


def flow_text(value: t.Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow_text, value)) + "]"
    return scalar_text(value)


def scalar_text(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        plain = (
            _PLAIN.fullmatch(value)
            and value.casefold() not in _WORDS
            and (not _NUMERIC.fullmatch(value) or _IPV4.fullmatch(value))
            and value == value.strip()
        )
        return value if plain else printable(json.dumps(value, ensure_ascii=False))
    return "null" if value is None else str(value)
