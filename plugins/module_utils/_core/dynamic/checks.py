# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Dynamic rules as a policy, for what is checked in policies: findings, and connections that would be cut."""

from __future__ import annotations

import typing as t

from ..checks.lint import Finding, lint
from ..model import Action, ConnectionType, MainMode, NegotiationPolicy, Policy, Rule
from ..model.dynamic import DynamicRule
from .goal import recorded
from .record import Entry

_TITLE: t.Final = "dynamic rules"


def rules_of(rule: DynamicRule) -> t.Iterator[Rule]:
    """The rule as rules of a policy, one for each action of its filters."""
    for action in Action:
        filters = tuple(item.filter for item in rule.filters if item.action is action)
        if not filters:
            continue
        negotiates = action is Action.NEGOTIATE
        yield Rule(
            name=rule.short_title,
            filters=filters,
            action=NegotiationPolicy(
                action=action,
                methods=rule.methods if negotiates else (),
                inpass=negotiates and rule.inpass,
                soft=negotiates and rule.soft,
            ),
            authentication=rule.authentication,
            tunnel=rule.tunnel,
            connection_type=t.cast(ConnectionType, rule.connection_type),
            # a title may be longer than a name
            odd=True,
        )


def entry_rules(entries: t.Iterable[Entry]) -> tuple[Rule, ...]:
    """The rules in the record with the addresses that their names had."""
    found = (recorded(entry) for entry in entries)
    return tuple(part for rule in found if rule is not None for part in rules_of(rule))


def policy_of(rules: tuple[Rule, ...]) -> Policy:
    """A policy with only these rules, which messages call the dynamic rules."""
    return Policy(name=_TITLE, rules=rules, odd=True)


def lint_entries(entries: t.Iterable[Entry]) -> list[Finding]:
    """The findings in rules of the record. Rules with the same main mode are judged together."""
    by_main_mode: dict[MainMode, list[Entry]] = {}
    for entry in entries:
        if entry.rule is not None:
            by_main_mode.setdefault(entry.rule.main_mode, []).append(entry)
    return [
        finding
        for main_mode, of_mode in by_main_mode.items()
        for finding in lint(Policy(name=_TITLE, rules=entry_rules(of_mode), main_mode=main_mode, odd=True))
    ]
