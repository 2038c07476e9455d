# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of the filtering platform as facts."""

from __future__ import annotations

import typing as t

from ..host.running import Direction, PolicyEvents, RunningFilter, RunningFilters
from ..model import Address, Family, Special, SpecialKind, protocol_name
from ..shape.render import Tree, render_ports
from .evidence import render_event

_SOURCE: t.Final = "netsh wfp show filters"


FindRule: t.TypeAlias = t.Callable[[RunningFilter], Tree | None]
"""Finds the rule that a filter in force comes from."""


def render_filters(found: RunningFilters, events: PolicyEvents | None, find_rule: FindRule) -> Tree:
    """The filters, and what the Security log says about them. What is not known is absent."""
    tree: Tree = {"source": _SOURCE}
    if found.missing is None:
        tree["count"] = found.count
        tree["total"] = found.total
        tree["truncated"] = found.truncated
        tree["quick_mode"] = [_quick_mode(one, find_rule) for one in found.filters if not one.main_mode]
        tree["main_mode"] = [_main_mode(one, find_rule) for one in found.filters if one.main_mode]
    if events is not None:
        tree["audit"] = events.audit
        if events.missing is None:
            tree["events"] = [render_event(event) for event in events.events]
    return tree


def _quick_mode(found: RunningFilter, find_rule: FindRule) -> Tree:
    inbound = found.direction is Direction.IN
    ports = (found.remote_port, found.local_port) if inbound else (found.local_port, found.remote_port)
    return {
        "id": found.id,
        "name": found.name,
        "direction": None if found.direction is None else str(found.direction),
        **_ends(found),
        "source_port": render_ports(ports[0]),
        "destination_port": render_ports(ports[1]),
        "protocol": protocol_name(found.protocol),
        "action": None if found.action is None else str(found.action),
        "tunnel": found.tunnel,
        "layer": found.layer,
        "weight": found.weight,
        "unread": list(found.unread),
        "rule": find_rule(found),
    }


def _main_mode(found: RunningFilter, find_rule: FindRule) -> Tree:
    return {
        "id": found.id,
        "name": found.name,
        **_ends(found),
        "action": None if found.action is None else str(found.action),
        "layer": found.layer,
        "weight": found.weight,
        "unread": list(found.unread),
        "rule": find_rule(found),
    }


def _ends(found: RunningFilter) -> Tree:
    """Source and destination. Without a condition, the local address is any address of the host."""
    family = Family.IPV6 if found.layer.endswith("_V6") else Family.IPV4
    local: Address = found.local or Special(SpecialKind.ME, family)
    remote: Address = found.remote or Special(SpecialKind.ANY, family)
    source, destination = (remote, local) if found.direction is Direction.IN else (local, remote)
    return {"source": str(source), "destination": str(destination)}
