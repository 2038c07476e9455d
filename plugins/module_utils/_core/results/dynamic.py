# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a task did to dynamic rules: result and diff."""

from __future__ import annotations

import typing as t

from ..dynamic.plan import DynamicPlan
from ..dynamic.record import Entry
from ..host.dynamic import DynamicApplied
from ..model import ConnectionType, DnsName
from ..model.dynamic import DynamicRule
from ..shape.dynamic import render_filter, render_short_rule
from .diff import (
    FILTERS_SHOWN,
    RULES_SHOWN,
    authentication_lines,
    count_line,
    flow_text,
    main_mode_text,
    scalar_text,
)

Tree: t.TypeAlias = dict[str, t.Any]
_NAMED: t.Final = 5
_AGAIN: t.Final = "The record keeps what is wanted; run the task again, or change the rule"


def render_dynamic(plans: t.Sequence[DynamicPlan]) -> Tree:
    """What a task about dynamic rules returns: all rules of ours afterwards, without keys, and what happened in one or
    more attempts.
    """
    counts = dict.fromkeys(("added", "changed", "removed", "restored"), 0)
    for plan in plans:
        before, after = _by_identity(plan.gone), _by_identity(plan.added)
        replaced = len(before.keys() & after.keys())
        counts["added"] += len(after) - replaced
        counts["changed"] += replaced
        counts["removed"] += len(plan.gone) - replaced
        counts["restored"] += len(plan.lost)
    last = plans[-1]
    return {
        "rules": [render_short_rule(rule) for rule in last.rules],
        "counts": counts,
        "flushed": any(plan.flush for plan in plans),
        "settings": {name: value for plan in plans for name, value in plan.settings.items()},
        "replay_interval": last.replay if last.entries else 0,
    }


def refusal(plan: DynamicPlan, answer: DynamicApplied) -> str | None:
    """Why the dynamic rules of a host are not as planned; None if they are."""
    if answer.error is not None:
        return f"the dynamic rules are not complete: {answer.error.rstrip('.')}. {_AGAIN}"
    if plan.entries and plan.request is not None and plan.request.run and not answer.ran:
        return "the PolicyAgent service is not running yet, so the dynamic rules are recorded, but not in force"
    titles = {entry.name: entry.rule.short_title for entry in plan.entries if entry.rule is not None}
    gone = {entry.name: entry.rule.short_title for entry in plan.gone if entry.rule is not None}
    problems = [
        f"netsh did not {verb} {'the rule' if len(names) == 1 else f'{len(names)} rules'} for "
        + "; ".join(known.get(name, name) for name in names[:_NAMED])
        for verb, known, names in (("add", titles, answer.missing), ("delete", gone, answer.left))
        if names
    ]
    if not problems:
        return None
    numbers = ", ".join(dict.fromkeys(answer.errors))
    errors = f" (its errors: {numbers})" if numbers else ""
    return f"{', and '.join(problems)}{errors}. {_AGAIN}"


def _by_identity(entries: t.Iterable[Entry]) -> dict[t.Hashable, DynamicRule]:
    return {entry.rule.identity: entry.rule for entry in entries if entry.rule is not None}


def render_dynamic_diff(plan: DynamicPlan, host: str) -> Tree:
    """`before` and `after` of a change of dynamic rules."""
    lost = {entry.name for entry in plan.lost}
    old = _by_identity(entry for entry in plan.record.entries if entry.name not in lost)
    new = _by_identity(plan.entries)
    header = f"{host} IPsec dynamic rules"
    before = count_line(len(lost), "rules that Windows has lost")
    if plan.flush:
        before.append("# and the dynamic rules of others, if there are any")
    return {
        "before": _text([*before, *_settings(plan, plan.record.settings), *_rules(old, new, "")]),
        "after": _text([*_settings(plan, plan.settings), *_rules(new, old, " (changed)")]),
        "before_header": header,
        "after_header": header,
    }


def _text(lines: t.Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _settings(plan: DynamicPlan, values: t.Mapping[str, str]) -> t.Iterator[str]:
    """The settings that change, as one side has them."""
    if plan.settings:
        shown = {name: values.get(name, "unknown") for name in plan.settings}
        yield f"settings: {flow_text(shown)}"


def _rules(
    rules: t.Mapping[t.Hashable, DynamicRule], others: t.Mapping[t.Hashable, DynamicRule], key_mark: str
) -> t.Iterator[str]:
    changed = [(rule, others.get(key)) for key, rule in rules.items() if rule != others.get(key)]
    if rules:
        yield "rules:"
    for rule, other in changed[:RULES_SHOWN]:
        for index, line in enumerate(_rule_lines(rule, other, key_mark)):
            yield ("  - " if index == 0 else "    ") + line
    yield from count_line(len(changed) - RULES_SHOWN, "more changed rules")
    yield from count_line(len(rules) - len(changed), "unchanged rules")


def _rule_lines(rule: DynamicRule, other: DynamicRule | None, key_mark: str) -> t.Iterator[str]:
    there = frozenset(other.filters) if other is not None else frozenset()
    changed = [item for item in rule.filters if item not in there]
    if len(rule.filters) <= FILTERS_SHOWN:
        changed = list(rule.filters)
    yield "filters:"
    yield from (f"  - {flow_text(render_filter(item))}" for item in changed[:FILTERS_SHOWN])
    yield from count_line(len(changed) - FILTERS_SHOWN, "more changed filters")
    yield from count_line(len(rule.filters) - len(changed), "unchanged filters")
    if rule.tunnel is not None:
        address = f" ({rule.tunnel.address})" if isinstance(rule.tunnel, DnsName) and rule.tunnel.address else ""
        yield f"tunnel: {scalar_text(f'{rule.tunnel}{address}')}"
    if rule.connection_type != ConnectionType.ALL:
        yield f"connection_type: {rule.connection_type}"
    if not rule.negotiates:
        return
    yield f"inpass: {scalar_text(rule.inpass)}"
    yield f"soft: {scalar_text(rule.soft)}"
    yield f"soft_lifetime: {rule.soft_lifetime}"
    yield "security_methods:"
    yield from (f"  - {method}" for method in rule.methods)
    if rule.pfs_group is not None:
        yield f"pfs_group: {int(rule.pfs_group)}"
    yield "authentication:"
    methods = authentication_lines(
        rule.authentication, other.authentication if other else rule.authentication, key_mark
    )
    yield from (f"  - {flow_text(method)}" for method in methods)
    yield f"main_mode: {main_mode_text(rule.main_mode)}"
