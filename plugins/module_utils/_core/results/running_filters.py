# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of the filtering platform, and the events about policies, as facts."""

from __future__ import annotations

import datetime
import typing as t

from ..checks.implied import Implied, ImpliedFilter, Origin
from ..host.running import Direction, PolicyEvent, PolicyEvents, RunningFilter, RunningFilters
from ..model import Address, Family, Special, SpecialKind, protocol_name
from ..shape.render import Tree, render_ports

_SOURCE: t.Final = "netsh wfp show filters"


def render_filters(found: RunningFilters, events: PolicyEvents | None, implied: Implied, policy: str | None) -> Tree:
    """The filters with the rules that imply them, and what the Security log says. What is not known is absent.
    `policy` is the name of the policy in force.
    """
    tree: Tree = {"source": _SOURCE}
    if found.missing is None:
        rows = [(one.main_mode, render_filter(one, _rule(implied.origin(one), policy))) for one in found.filters]
        tree["count"] = found.count
        tree["total"] = found.total
        tree["truncated"] = found.truncated
        tree["quick_mode"] = [row for main_mode, row in rows if not main_mode]
        tree["main_mode"] = [row for main_mode, row in rows if main_mode]
    if events is not None:
        tree["audit"] = events.audit
        if events.missing is None:
            tree["events"] = [render_event(event) for event in events.events]
    return tree


def render_event(event: PolicyEvent) -> Tree:
    return {
        "id": event.id,
        "time": datetime.datetime.fromtimestamp(event.time, datetime.UTC).isoformat(),
        "policy": event.data.get("Policy"),
        "error": event.data.get("Error"),
        "filter": event.data.get("QuickModeFilter"),
    }


def render_filter(found: RunningFilter, rule: Tree | None) -> Tree:
    """A filter in force, and the rule that it comes from."""
    return {
        "id": found.id,
        "name": found.name,
        **_traffic(found),
        "layer": found.layer,
        "weight": found.weight,
        "unread": list(found.unread),
        "rule": rule,
    }


def render_implied(found: ImpliedFilter, policy: str | None) -> Tree:
    """A filter that is to be in force."""
    return {**_traffic(found), "layer": found.layer, "rule": _rule(found.origin, policy)}


def _rule(origin: Origin | None, policy: str | None) -> Tree | None:
    if origin is None:
        return None
    name = policy if origin.dynamic is None else None
    return {"policy": name, "dynamic": origin.dynamic, "name": origin.rule, "id": origin.rule_id}


def _traffic(found: RunningFilter | ImpliedFilter) -> Tree:
    """What a filter matches, and what happens to it. Without a condition, the local address is any of the host."""
    family = Family.IPV6 if found.layer.endswith("_V6") else Family.IPV4
    local: Address = found.local or Special(SpecialKind.ME, family)
    remote: Address = found.remote or Special(SpecialKind.ANY, family)
    inbound = found.direction is Direction.IN
    source, destination = (remote, local) if inbound else (local, remote)
    ports = (found.remote_port, found.local_port) if inbound else (found.local_port, found.remote_port)
    action = {"action": None if found.action is None else str(found.action)}
    if found.main_mode:
        return {"source": str(source), "destination": str(destination), **action}
    return {
        "direction": None if found.direction is None else str(found.direction),
        "source": str(source),
        "destination": str(destination),
        "source_port": render_ports(ports[0]),
        "destination_port": render_ports(ports[1]),
        "protocol": protocol_name(found.protocol),
        **action,
        "tunnel": found.tunnel,
    }
