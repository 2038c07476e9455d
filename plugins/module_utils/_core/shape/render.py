# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Policies to dictionaries: always complete, always in the dictionary form, pre-shared keys as null."""

from __future__ import annotations

import typing as t

from ..model import (
    PROTOCOLS,
    UDP,
    Action,
    Ah,
    AuthMethod,
    Certificate,
    DefaultResponse,
    DnsName,
    Esp,
    Filter,
    Kerberos,
    MainMode,
    NegotiationPolicy,
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
    return _odd(
        policy,
        {
            "name": policy.name,
            "id": policy.id,
            "description": policy.description,
            "poll_interval": render_poll_interval(policy.poll_interval),
            "main_mode": render_main_mode(policy.main_mode),
            "default_response": render_default_response(policy.default_response),
            "rules": [render_rule(rule) for rule in policy.rules],
        },
    )


def _odd(value: object, tree: Tree) -> Tree:
    """The dictionary, with `odd` if only a store can have the value."""
    return {**tree, "odd": True} if getattr(value, "odd", False) else tree


def render_poll_interval(seconds: int) -> int | str:
    """Minutes, or seconds as in `90s` where minutes cannot express it."""
    return f"{seconds}s" if seconds % 60 else seconds // 60


def render_main_mode(main_mode: MainMode) -> Tree:
    methods = [
        _odd(
            method,
            {
                "encryption": str(method.encryption),
                "integrity": str(method.integrity),
                "group": int(method.group),
                **{
                    key: value
                    for key in ("lifetime_seconds", "lifetime_kilobytes", "quick_mode_limit")
                    if (value := getattr(method, key)) is not None
                },
            },
        )
        for method in main_mode.methods
    ]
    return _odd(
        main_mode,
        {
            "methods": methods,
            "lifetime_seconds": main_mode.lifetime_seconds,
            "quick_mode_limit": main_mode.quick_mode_limit,
            "pfs": main_mode.pfs,
        },
    )


def render_default_response(value: DefaultResponse | None) -> Tree:
    if value is None:
        return {"enabled": False}
    return {
        "enabled": value.enabled,
        "security_methods": [render_security_method(method) for method in value.methods],
        "authentication": [render_auth_method(method) for method in value.authentication],
    }


def render_rule(rule: Rule) -> Tree:
    tree = {
        "name": rule.name,
        "id": rule.id,
        "description": rule.description,
        "enabled": rule.enabled,
        "filters": [render_filter(filter_) for filter_ in rule.filters],
        "filter_list": rule.filter_list,
        **_render_action(rule.action),
        "filter_action": rule.filter_action,
        "authentication": [render_auth_method(method) for method in rule.authentication],
        "tunnel": None if rule.tunnel is None else str(rule.tunnel),
        "connection_type": str(rule.connection_type),
    }
    if isinstance(rule.tunnel, DnsName) and rule.tunnel.address is not None:
        tree["tunnel_address"] = str(rule.tunnel.address)
    return {**tree, "odd": True} if rule.odd or rule.action.odd else tree


def _render_action(action: NegotiationPolicy) -> Tree:
    tree: Tree = {"action": str(action.action)}
    if action.action is Action.NEGOTIATE:
        tree["inpass"] = action.inpass
        tree["soft"] = action.soft
        tree["security_methods"] = [render_security_method(method) for method in action.methods]
    return tree


def render_filter(filter_: Filter) -> Tree:
    tree: Tree = {"source": str(filter_.source), "destination": str(filter_.destination)}
    for key, address in (("source_address", filter_.source), ("destination_address", filter_.destination)):
        if isinstance(address, DnsName) and address.address is not None:
            tree[key] = str(address.address)
    tree["protocol"] = protocol_name(filter_.protocol)
    if filter_.protocol in (PROTOCOLS["tcp"], UDP) or filter_.source_port or filter_.destination_port:
        tree["source_port"] = _render_ports(filter_.source_port)
        tree["destination_port"] = _render_ports(filter_.destination_port)
    tree["mirrored"] = filter_.mirrored
    if filter_.description:
        tree["description"] = filter_.description
    return _odd(filter_, tree)


def render_short_filter(filter_: Filter) -> Tree:
    """The filter without protocols and ports that are any."""
    may_be_left_out = ("protocol", "source_port", "destination_port")
    return {key: value for key, value in render_filter(filter_).items() if value != "any" or key not in may_be_left_out}


def _render_ports(ports: Ports | None) -> int | str:
    if ports is None:
        return "any"
    return ports.first if ports.first == ports.last else str(ports)


def render_security_method(method: SecurityMethod) -> Tree:
    def names(algorithm: Ah | Esp) -> t.Any:
        if isinstance(algorithm, Ah):
            return str(algorithm.integrity)
        return {"encryption": str(algorithm.encryption), "integrity": str(algorithm.integrity)}

    tree: Tree = {}
    for key, kind in (("ah", Ah), ("esp", Esp)):
        found = [names(algorithm) for algorithm in method.algorithms if isinstance(algorithm, kind)]
        if found:
            tree[key] = found[0] if len(found) == 1 else found
    tree["lifetime_seconds"] = method.lifetime_seconds
    tree["lifetime_kilobytes"] = method.lifetime_kilobytes
    tree["pfs"] = method.pfs
    return _odd(method, tree)


def render_auth_method(method: AuthMethod) -> Tree:
    match method:
        case Kerberos():
            return {"kerberos": True}
        case PresharedKey():
            return _odd(method, {"preshared_key": None})
        case Certificate(ca=ca, account_mapping=account_mapping, exclude_ca_name=exclude_ca_name):
            tree: Tree = {"certificate": ca}
            if account_mapping or exclude_ca_name:
                tree.update(account_mapping=account_mapping, exclude_ca_name=exclude_ca_name)
            return _odd(method, tree)
        case OtherAuthentication(type_):
            return _odd(method, {"type": type_})
