# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Renders what is wanted as task arguments, with pre-shared keys and without default values. `parse` reads them."""

from __future__ import annotations

import typing as t

from ..model import (
    DEFAULT_AUTHENTICATION,
    DEFAULT_SECURITY_METHODS,
    Action,
    AuthMethod,
    PresharedKey,
    Rule,
    defaults,
)
from ..model.wanted import Wanted, WantedDefaultResponse, WantedMainMode
from .render import Tree, render_auth_method, render_poll_interval, render_short_filter


def policy_arguments(wanted: Wanted, exact: bool) -> Tree:
    """The arguments of ipsec_policy for the parts that `wanted` gives.

    `exact` says whether its rules are all rules of the policy.
    """
    found = {
        "name": wanted.name,
        "description": wanted.description,
        "assigned": wanted.assigned,
        "poll_interval": None if wanted.poll_interval is None else render_poll_interval(wanted.poll_interval),
        "main_mode": None if wanted.main_mode is None else _main_mode(wanted.main_mode),
        "default_response": None if wanted.default_response is None else _default_response(wanted.default_response),
        "rules": None if wanted.rules is None else [_rule(rule) for rule in wanted.rules],
    }
    tree = {key: value for key, value in found.items() if value is not None}
    return tree if exact else {**tree, "rules_mode": "merge"}


def absence_arguments(name: str) -> Tree:
    """The arguments of ipsec_policy that delete a policy."""
    return {"name": name, "state": "absent"}


def _main_mode(wanted: WantedMainMode) -> Tree:
    found = {
        "methods": None if wanted.methods is None else [str(method) for method in wanted.methods],
        "lifetime_seconds": wanted.lifetime_seconds,
        "quick_mode_limit": wanted.quick_mode_limit,
        "pfs": wanted.pfs,
    }
    return {key: value for key, value in found.items() if value is not None}


def _default_response(wanted: WantedDefaultResponse) -> Tree:
    tree: Tree = {"enabled": wanted.enabled}
    if wanted.methods is not None:
        tree["security_methods"] = [str(method) for method in wanted.methods]
    if wanted.authentication is not None:
        tree["authentication"] = [auth_method_argument(method) for method in wanted.authentication]
    return tree


def _rule(rule: Rule) -> Tree:
    tree: Tree = {"name": rule.name, "filters": [render_short_filter(filter_) for filter_ in rule.filters]}
    tree["action"] = str(rule.action.action)
    if rule.action.action is Action.NEGOTIATE and rule.action.methods != DEFAULT_SECURITY_METHODS:
        tree["security_methods"] = [str(method) for method in rule.action.methods]
    if rule.authentication != DEFAULT_AUTHENTICATION:
        tree["authentication"] = [auth_method_argument(method) for method in rule.authentication]
    others = {
        "inpass": rule.action.inpass,
        "soft": rule.action.soft,
        "tunnel": None if rule.tunnel is None else str(rule.tunnel),
        "connection_type": None if rule.connection_type == defaults.CONNECTION_TYPE else str(rule.connection_type),
        "description": rule.description,
        "filter_list": rule.filter_list,
        "filter_action": rule.filter_action,
    }
    tree.update((key, value) for key, value in others.items() if value)
    return tree if rule.enabled else {**tree, "enabled": False}


def auth_method_argument(method: AuthMethod) -> t.Any:
    """A method, with its key."""
    if isinstance(method, PresharedKey):
        return {"preshared_key": method.key}
    tree = render_auth_method(method)
    return "kerberos" if tree == {"kerberos": True} else tree
