# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The main-mode and quick-mode policies that are in force, and their authentication methods, as facts."""

from __future__ import annotations

import dataclasses
import typing as t

from ..dynamic.checks import rules_of
from ..dynamic.running import RecordedRule
from ..model import Action, AuthMethod, MainMode, PresharedKey, Rule
from ..shape.render import Tree, known_address, render_auth_method, render_main_mode, render_security_method
from .in_force import PolicyInForce

_RECORD: t.Final = "record"


@dataclasses.dataclass(frozen=True, slots=True)
class RunningPolicies:
    """What is negotiated and how, from the policy in force and the dynamic rules in force."""

    in_force: PolicyInForce
    rules: tuple[RecordedRule, ...]

    def policies(self) -> Tree:
        main_mode = [] if self.in_force.policy is None else [(self._stored(), self.in_force.policy.main_mode)]
        main_mode += [
            (_dynamic(index), found.rule.main_mode) for index, found in self._dynamic_rules() if found.rule.negotiates
        ]
        return {
            "source": self._source(),
            "main_mode": [{**origin, **_main_mode(found)} for origin, found in main_mode],
            "quick_mode": [{**origin, **_quick_mode(rule)} for origin, rule in self._parts()],
        }

    def authentication(self) -> Tree:
        """Rules that permit or block authenticate nobody."""
        methods = [
            {**origin, "authentication": [_authentication(method) for method in rule.authentication]}
            for origin, rule in self._parts()
            if rule.action.action is Action.NEGOTIATE
        ]
        return {"source": self._source(), "methods": methods}

    def _source(self) -> str | None:
        return None if self.in_force.read_from is None else str(self.in_force.read_from)

    def _stored(self) -> Tree:
        return {"policy": self.in_force.name, "dynamic": None, "source": self._source()}

    def _dynamic_rules(self) -> t.Iterator[tuple[int, RecordedRule]]:
        return ((index, found) for index, found in enumerate(self.rules) if found.in_force)

    def _parts(self) -> t.Iterator[tuple[Tree, Rule]]:
        """The enabled rules. A dynamic rule is one for each action of its filters, and is known by its first ones."""
        if self.in_force.policy is not None:
            for rule in self.in_force.policy.rules:
                if rule.enabled:
                    yield {**self._stored(), "rule": rule.name, "rule_id": rule.id}, rule
        for index, found in self._dynamic_rules():
            for rule in rules_of(found.rule):
                yield {**_dynamic(index), "rule": rule.name, "rule_id": None}, rule


def _dynamic(index: int) -> Tree:
    return {"policy": None, "dynamic": index, "source": _RECORD}


def _main_mode(found: MainMode) -> Tree:
    tree = render_main_mode(found)
    return {key: tree[key] for key in ("methods", "lifetime_seconds", "quick_mode_limit", "pfs")}


def _quick_mode(rule: Rule) -> Tree:
    action = rule.action
    return {
        "action": str(action.action),
        "inpass": action.inpass,
        "soft": action.soft,
        "security_methods": [render_security_method(method) for method in action.methods],
        "tunnel": None if rule.tunnel is None else str(rule.tunnel),
        "tunnel_address": known_address(rule.tunnel),
    }


def _authentication(method: AuthMethod) -> Tree:
    """A method; of a key, only whether there is one."""
    tree = render_auth_method(method)
    return {**tree, "present": bool(method.key)} if isinstance(method, PresharedKey) else tree
