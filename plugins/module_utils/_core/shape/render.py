# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Policies to dictionaries: always in the dictionary form, with the same keys for every policy, pre-shared keys as
null.
"""

from __future__ import annotations

import typing as t

from ..model import (
    Address,
    Ah,
    AuthMethod,
    Certificate,
    DefaultResponse,
    DnsName,
    Esp,
    Filter,
    Kerberos,
    MainMode,
    OtherAuthentication,
    Policy,
    Ports,
    PresharedKey,
    Rule,
    SecurityMethod,
    protocol_name,
)

Tree: t.TypeAlias = dict[str, t.Any]


def render_policy(policy: Policy) -> Tree:
    return {
        "name": policy.name,
        "id": policy.id,
        "description": policy.description,
        "poll_interval": render_poll_interval(policy.poll_interval),
        "main_mode": render_main_mode(policy.main_mode),
        "default_response": render_default_response(policy.default_response),
        "rules": [render_rule(rule) for rule in policy.rules],
        "odd": policy.odd,
    }


def render_poll_interval(seconds: int) -> int | str:
    """Minutes, or seconds as in `90s` where minutes cannot express it."""
    return f"{seconds}s" if seconds % 60 else seconds // 60


def render_main_mode(main_mode: MainMode) -> Tree:
    methods = [
        {
            "encryption": str(method.encryption),
            "integrity": str(method.integrity),
            "group": int(method.group),
            "lifetime_seconds": method.lifetime_seconds,
            "lifetime_kilobytes": method.lifetime_kilobytes,
            "quick_mode_limit": method.quick_mode_limit,
            "odd": method.odd,
        }
        for method in main_mode.methods
    ]
    return {
        "methods": methods,
        "lifetime_seconds": main_mode.lifetime_seconds,
        "quick_mode_limit": main_mode.quick_mode_limit,
        "pfs": main_mode.pfs,
        "odd": main_mode.odd,
    }


def render_default_response(value: DefaultResponse | None) -> Tree:
    if value is None:
        return {"enabled": False, "security_methods": [], "authentication": []}
    return {
        "enabled": value.enabled,
        "security_methods": [render_security_method(method) for method in value.methods],
        "authentication": [render_auth_method(method) for method in value.authentication],
    }


def render_rule(rule: Rule) -> Tree:
    action = rule.action
    return {
        "name": rule.name,
        "id": rule.id,
        "description": rule.description,
        "enabled": rule.enabled,
        "filters": [render_filter(filter_) for filter_ in rule.filters],
        "filter_list": rule.filter_list,
        "action": str(action.action),
        "inpass": action.inpass,
        "soft": action.soft,
        "security_methods": [render_security_method(method) for method in action.methods],
        "filter_action": rule.filter_action,
        "authentication": [render_auth_method(method) for method in rule.authentication],
        "tunnel": None if rule.tunnel is None else str(rule.tunnel),
        "tunnel_address": known_address(rule.tunnel),
        "connection_type": str(rule.connection_type),
        "odd": rule.odd or action.odd,
    }


def render_filter(filter_: Filter) -> Tree:
    return {
        "source": str(filter_.source),
        "destination": str(filter_.destination),
        "source_address": known_address(filter_.source),
        "destination_address": known_address(filter_.destination),
        "protocol": protocol_name(filter_.protocol),
        "source_port": render_ports(filter_.source_port),
        "destination_port": render_ports(filter_.destination_port),
        "mirrored": filter_.mirrored,
        "description": filter_.description,
        "odd": filter_.odd,
    }


_LEFT_OUT: t.Final[t.Mapping[str, object]] = {
    "source_address": None,
    "destination_address": None,
    "protocol": "any",
    "source_port": "any",
    "destination_port": "any",
    "description": "",
    "odd": False,
}
"""What a short filter does not have."""


def render_short_filter(filter_: Filter) -> Tree:
    """The filter without the keys that may be left out because their values are the defaults."""
    return {key: value for key, value in render_filter(filter_).items() if _LEFT_OUT.get(key, ...) != value}


def known_address(address: Address | None) -> str | None:
    """The stored address of a DNS name."""
    return str(address.address) if isinstance(address, DnsName) and address.address is not None else None


def render_ports(ports: Ports | None) -> int | str:
    if ports is None:
        return "any"
    return ports.first if ports.first == ports.last else str(ports)


def render_security_method(method: SecurityMethod) -> Tree:
    esp = [found for found in method.algorithms if isinstance(found, Esp)]
    return {
        "ah": [str(found.integrity) for found in method.algorithms if isinstance(found, Ah)],
        "esp": [{"encryption": str(found.encryption), "integrity": str(found.integrity)} for found in esp],
        "lifetime_seconds": method.lifetime_seconds,
        "lifetime_kilobytes": method.lifetime_kilobytes,
        "pfs": method.pfs,
        "odd": method.odd,
    }


def render_auth_method(method: AuthMethod) -> Tree:
    """A method has exactly one key for its kind: a null `preshared_key` has a meaning of its own."""

    def odd(tree: Tree) -> Tree:
        return {**tree, "odd": True} if getattr(method, "odd", False) else tree

    match method:
        case Kerberos():
            return {"kerberos": True}
        case PresharedKey():
            return odd({"preshared_key": None})
        case Certificate(ca=ca, account_mapping=account_mapping, exclude_ca_name=exclude_ca_name):
            tree: Tree = {"certificate": ca}
            if account_mapping or exclude_ca_name:
                tree.update(account_mapping=account_mapping, exclude_ca_name=exclude_ca_name)
            return odd(tree)
        case OtherAuthentication(type_):
            return odd({"type": type_})
