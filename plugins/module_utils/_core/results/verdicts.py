# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host does with packets, and which of its filters block, from its facts."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ..checks.filter_index import verdicts
from ..checks.matching import AskedTraffic, policy_in_force
from ..checks.verdict import Packet, Verdict, VerdictOutcome, result
from ..dynamic.checks import rules_of
from ..host.answers import LocalAddresses
from ..model import TCP, UDP, Action, HostAddress, IPAddress, ModelError, Rule, Special, SpecialKind
from ..notation.addresses import parse_address
from ..shape import keys
from ..shape.dynamic import parse_dynamic_rule
from ..shape.facts import policy_of_facts
from ..shape.fields import Fields, ShapeError, filled_text_of, kind_of, text_of
from ..shape.filters import parse_ports, parse_protocol
from ..shape.render import Tree, render_auth_method, render_filter, render_security_method

CLIENT_PORT: t.Final = 49152
"""The port of an end whose port is not given: the first that Windows uses for clients."""
_READ_ALL: t.Final = "read them with ipsec_facts and gather_subset: [store, dynamic]"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RulesInForce:
    """The rules that a host has in force together: those of the policy and dynamic ones. `origins` says for each rule
    where facts have it.
    """

    rules: tuple[Rule, ...]
    origins: tuple[Tree, ...]
    local: LocalAddresses

    @classmethod
    def of(cls, facts: object) -> RulesInForce:
        """Raises `ModelError` if the facts do not have all of them."""
        if not isinstance(facts, t.Mapping) or not isinstance(facts.get("in_force"), t.Mapping):
            what = "" if isinstance(facts, t.Mapping) else f", not {kind_of(facts)}"
            raise ModelError(f"expected ansible_facts.ipsec{what}")
        running = facts.get("running")
        running = running if isinstance(running, t.Mapping) else {}
        dynamic = running.get("dynamic")
        if not isinstance(dynamic, t.Mapping):
            raise ModelError(f"the facts do not have the dynamic rules of the host; {_READ_ALL}")
        if not isinstance(running.get("addresses"), t.Mapping):
            raise ModelError(f"the facts do not have the addresses of the host; {_READ_ALL}")
        tree = policy_in_force(facts)
        policy = None if tree is None else policy_of_facts(tree)
        stored = policy.rules if policy else ()
        rules = list(stored)
        origins: list[Tree] = [
            {"policy": policy.name if policy else None, "dynamic": None, "rule": rule.name, "id": rule.id}
            for rule in stored
        ]
        for index, item in enumerate(dynamic.get("rules") or ()):
            for rule in _dynamic_rules(item, f"running.dynamic.rules[{index}]"):
                rules.append(rule)
                origins.append({"policy": None, "dynamic": index, "rule": None, "id": None})
        return cls(rules=tuple(rules), origins=tuple(origins), local=_addresses(running["addresses"]))


def _dynamic_rules(item: object, place: str) -> t.Iterator[Rule]:
    """The parts of a dynamic rule as facts have it; none if it is not in force."""
    if not isinstance(item, t.Mapping):
        raise ShapeError(place, f"expected a dynamic rule, not {kind_of(item)}")
    if item.get("in_force"):
        own = {key: value for key, value in item.items() if key in keys.DYNAMIC_RULE}
        yield from rules_of(parse_dynamic_rule(own, place, []))


def _addresses(value: t.Mapping[str, t.Any]) -> LocalAddresses:
    fields = Fields(value, "running.addresses", [str(kind) for kind in SpecialKind if kind is not SpecialKind.ANY])
    return LocalAddresses(
        {
            SpecialKind(kind): frozenset(_own_address(item, place) for place, item in fields.items(kind) or ())
            for kind in fields.value
        }
    )


def _own_address(value: object, place: str) -> IPAddress:
    text = text_of(value, place) or ""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise ShapeError(place, f"'{text}' is not an address") from None


def packet_verdicts(value: object, facts: object) -> Tree | list[Tree]:
    """What a host does with a packet, or with each packet of a list. Raises `ModelError`."""
    host = RulesInForce.of(facts)
    several = isinstance(value, list | tuple)
    items = t.cast("t.Sequence[t.Any]", value) if several else [value]
    places = [f"packets[{index}]" if several else "" for index in range(len(items))]
    asked = [_packets(item, place, host.local) for item, place in zip(items, places, strict=True)]
    judged = iter(verdicts(host.rules, [packet for packets in asked for packet in packets], host.local))
    found = [_together([(packet, next(judged)) for packet in packets], host.local) for packets in asked]
    # a rule is known by its identity: two rules may be equal
    origins = {id(rule): origin for rule, origin in zip(host.rules, host.origins, strict=True)}
    rendered = [_render(verdict, origins) for verdict in found]
    return rendered if several else rendered[0]


def _packets(value: object, place: str, local: LocalAddresses) -> list[Packet]:
    """The packets that a dictionary stands for: one, or one for each address of the host."""
    fields = Fields(value, place, keys.PACKET)
    source, destination = _end(fields, "source"), _end(fields, "destination")
    protocol, source_port, destination_port = _service(fields)
    if source is None and destination is None:
        raise ShapeError(place, "source and destination are both me; one end must be another host")
    if source and destination and source.version != destination.version:
        raise ShapeError(place, f"{source} and {destination} mix IPv4 and IPv6")

    def packet(own: IPAddress | None) -> Packet:
        return Packet(
            protocol=protocol,
            source=t.cast(IPAddress, source or own),
            source_port=source_port,
            destination=t.cast(IPAddress, destination or own),
            destination_port=destination_port,
        )

    if source and destination:
        return [packet(None)]
    version = t.cast(IPAddress, source or destination).version
    found = sorted((ip for ip in local.of(SpecialKind.ME) if ip.version == version), key=int)
    if not found:
        end = fields.place("destination" if source else "source")
        raise ShapeError(end, f"me has no IPv{version} address on this host")
    return [packet(ip) for ip in found]


def _end(fields: Fields, key: str) -> IPAddress | None:
    """The address of an end; None for an address of the host."""
    if fields.get(key) is None:
        raise ShapeError(fields.place(key), "this is required: me or one address")
    text = filled_text_of(fields.get(key), fields.place(key))
    match fields.at(key, parse_address, text, [], True):
        case Special(SpecialKind.ME):
            return None
        case HostAddress(address):
            return address
    raise ShapeError(fields.place(key), f"'{text}' is not one address; a packet has me or one address at each end")


def _service(fields: Fields) -> tuple[int, int, int]:
    """The protocol and the ports, which are 0 where the protocol has none."""
    if fields.get("protocol") is None:
        raise ShapeError(fields.place("protocol"), "this is required: a protocol such as tcp, udp, icmp or a number")
    protocol = parse_protocol(fields.get("protocol"), fields.place("protocol"))
    if protocol == 0:
        raise ShapeError(fields.place("protocol"), "a packet has one protocol, such as tcp, udp, icmp or a number")
    ports = {key: _port(fields, key) for key in ("source_port", "destination_port")}
    given = {key: port for key, port in ports.items() if port is not None}
    if protocol not in (TCP, UDP):
        for key in given:
            raise ShapeError(fields.place(key), "a port needs the protocol tcp or udp")
        return protocol, 0, 0
    if not given:
        raise ShapeError(fields.path, "a packet of tcp or udp needs a destination_port, a source_port or both")
    return protocol, given.get("source_port", CLIENT_PORT), given.get("destination_port", CLIENT_PORT)


def _port(fields: Fields, key: str) -> int | None:
    if fields.get(key) is None:
        return None
    ports = parse_ports(fields.get(key), fields.place(key))
    if ports is None or ports.first != ports.last:
        raise ShapeError(fields.place(key), "a packet has one port; leave it out if it is not known")
    return ports.first


def _together(judged: t.Sequence[tuple[Packet, Verdict]], local: LocalAddresses) -> Verdict:
    """The verdict for all addresses of the host: ambiguous if it depends on the address."""
    first = judged[0][1]
    other = next((verdict for _packet, verdict in judged if _says(verdict) != _says(first)), None)
    if other is None:
        return first
    own = local.of(SpecialKind.ME)
    shown = ", ".join(
        f"{packet.source if packet.source in own else packet.destination}: {verdict.outcome}"
        for packet, verdict in judged
    )
    deciding = tuple(dict.fromkeys(first.deciding + other.deciding))
    return Verdict(VerdictOutcome.AMBIGUOUS, deciding, f"it depends on the address of the host ({shown})")


def _says(verdict: Verdict) -> t.Hashable:
    """What a verdict means. That no filter matches is as good as a filter that permits."""
    if verdict.outcome is VerdictOutcome.PERMIT:
        return verdict.outcome
    return verdict.outcome, frozenset(result(match.rule) for match in verdict.deciding)


def _render(verdict: Verdict, origins: t.Mapping[int, Tree]) -> Tree:
    negotiating = verdict.deciding[0].rule if verdict.outcome is VerdictOutcome.NEGOTIATE else None
    methods = negotiating.action.methods if negotiating else ()
    authentication = negotiating.authentication if negotiating else ()
    tunnel = negotiating.tunnel if negotiating else None
    return {
        "verdict": str(verdict.outcome),
        "reason": verdict.reason,
        "rules": [origins[id(match.rule)] for match in verdict.deciding],
        "filters": [render_filter(match.filter) for match in verdict.deciding],
        "security_methods": [render_security_method(method) for method in methods],
        "authentication": [next(iter(render_auth_method(method))) for method in authentication],
        "tunnel": None if tunnel is None else str(tunnel),
    }


def blocking_filters(facts: object, address: object, port: object, protocol: object) -> list[Tree]:
    """The filters in force that block traffic with some addresses, or of a port. Raises `ModelError`."""
    host = RulesInForce.of(facts)
    asked = AskedTraffic(address, port, protocol, host.local)
    return [
        {**origin, "filter": render_filter(filter_)}
        for rule, origin in zip(host.rules, host.origins, strict=True)
        if rule.enabled and rule.action.action is Action.BLOCK
        for filter_ in rule.filters
        if asked.meets(filter_)
    ]
