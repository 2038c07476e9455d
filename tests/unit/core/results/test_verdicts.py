# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host does with packets, and which of its filters block, by its facts."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.verdicts import (
    blocking_filters,
    packet_verdicts,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import (
    parse_dynamic_rule,
    render_dynamic_rule,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from unit import stores

PEER = "198.51.100.9"
ADDRESSES = {
    "me": ["192.0.2.2", "2001:db8::2", "fe80::2%4"],
    "dns": ["192.0.2.53"],
    "wins": [],
    "dhcp": [],
    "gateway": ["192.0.2.1"],
}
SMB = {"source": PEER, "destination": "me", "protocol": "tcp", "destination_port": 445}
READ = "read them with ipsec_facts and gather_subset: [store, dynamic]"


def _rule(action, *filters, name="R", **options):
    return {"name": name, "filters": list(filters), "action": action, **options}


def _dynamic(*filters, in_force=True, **options):
    rule = parse_dynamic_rule({"filters": list(filters), **options}, "", [])
    return {**render_dynamic_rule(rule), "in_force": in_force}


def _facts(*rules, dynamic=(), addresses=None):
    """Facts of a host with a policy in force, as Ansible passes them on."""
    store = stores.change(Store(), {"name": "P", "rules": list(rules)}, assigned=True).store
    facts = render_facts(stores.host_with(store))
    addresses = ADDRESSES if addresses is None else addresses
    facts["running"] = {"addresses": addresses, "dynamic": {"source": "record", "rules": list(dynamic)}, "missing": []}
    return json.loads(json.dumps(facts))


def _verdict(facts, packet=None, **changed):
    return packet_verdicts({**(packet or SMB), **changed}, facts)


def test_the_verdict_has_the_filter_and_the_rule_as_facts_show_them():
    facts = _facts(_rule("block", "*+0:445:TCP", name="Close SMB"), _rule("permit", "*+0", name="Rest"))
    rule = facts["policies"][0]["rules"][0]
    assert _verdict(facts) == {
        "verdict": "block",
        "reason": "the most specific filter that matches",
        "rules": [{"policy": "P", "dynamic": None, "rule": "Close SMB", "id": rule["id"]}],
        "filters": rule["filters"],
        "security_methods": [],
        "authentication": [],
        "tunnel": None,
    }


def test_no_match_is_permit():
    found = _verdict(_facts(_rule("block", "*+0:139:TCP")))
    assert (found["verdict"], found["reason"], found["rules"], found["filters"]) == (
        "permit",
        "no filter matches",
        [],
        [],
    )


def test_negotiate_says_how():
    options = {
        "security_methods": ["esp[3des,sha] 3600S PFS", "ah[md5]"],
        "authentication": ["kerberos", {"preshared_key": "secret of ours"}, {"certificate": "CN=Root"}],
        "tunnel": "203.0.113.1",
    }
    facts = _facts(_rule("negotiate", "*=0", **options))
    found = _verdict(facts)
    assert found["verdict"] == "negotiate"
    assert found["security_methods"] == facts["policies"][0]["rules"][0]["security_methods"]
    assert len(found["security_methods"]) == 2
    assert found["authentication"] == ["kerberos", "preshared_key", "certificate"]
    assert found["tunnel"] == "203.0.113.1"
    assert "secret of ours" not in str(found)


def test_ambiguous_names_both_rules_and_says_nothing_of_methods():
    facts = _facts(_rule("permit", "*+0", name="Open"), _rule("negotiate", "0+*", name="Secure"))
    found = _verdict(facts)
    assert found["verdict"] == "ambiguous"
    assert [rule["rule"] for rule in found["rules"]] == ["Secure", "Open"]
    assert len(found["filters"]) == 2
    assert (found["security_methods"], found["authentication"], found["tunnel"]) == ([], [], None)


def test_dynamic_rules_count_beside_the_policy():
    dynamic = [_dynamic("[0+203.0.113.7]"), _dynamic("*+0:80:TCP", f"[{PEER}+0:445:TCP]")]
    facts = _facts(_rule("permit", "*+0:445:TCP"), dynamic=dynamic)
    found = _verdict(facts)
    assert found["verdict"] == "block"
    assert found["rules"] == [{"policy": None, "dynamic": 1, "rule": None, "id": None}]
    assert found["filters"][0]["source"] == PEER
    negotiated = _verdict(facts, destination_port=80)
    assert (negotiated["verdict"], negotiated["authentication"]) == ("negotiate", ["kerberos"])


def test_dynamic_rule_that_is_not_in_force_does_not_count():
    facts = _facts(dynamic=[_dynamic("[*+0]", in_force=False)])
    assert _verdict(facts)["verdict"] == "permit"


def test_no_policy_in_force():
    facts = _facts(_rule("block", "*+0"))
    facts["in_force"] = {"source": "none", "name": None, "id": None, "policy": None}
    assert _verdict(facts)["verdict"] == "permit"
    facts["running"]["dynamic"]["rules"] = [_dynamic("[*+0]")]
    assert _verdict(facts)["verdict"] == "block"


def test_domain_policy_in_force():
    facts = _facts(_rule("block", "*+0"))
    copied = {**copy.deepcopy(facts["policies"][0]), "name": "D", "id": "{00000000-0000-0000-0000-000000000001}"}
    facts["in_force"] = {"source": "domain", "name": "D", "id": copied["id"], "policy": copied}
    del facts["policies"]
    assert _verdict(facts)["rules"][0]["policy"] == "D"


def test_special_addresses_of_the_host():
    facts = _facts(_rule("block", {"source": "me", "destination": "dns", "protocol": "udp", "mirrored": True}))
    packet = {"source": "me", "destination": "192.0.2.53", "protocol": "udp", "destination_port": 53}
    assert _verdict(facts, packet)["verdict"] == "block"
    assert _verdict(facts, packet, destination="192.0.2.54")["verdict"] == "permit"


@pytest.mark.parametrize("own", ["me", "192.0.2.2"])
@pytest.mark.parametrize("protocol", ["tcp", "TCP", 6, "6"])
def test_me_and_the_ways_to_name_a_protocol(own, protocol):
    facts = _facts(_rule("block", "*+0:445:TCP"))
    assert _verdict(facts, destination=own, protocol=protocol, destination_port="445")["verdict"] == "block"


def test_me_has_the_family_of_the_other_end():
    facts = _facts(_rule("block", {"source": "any/ipv6", "destination": "me/ipv6"}))
    assert _verdict(facts)["verdict"] == "permit"
    assert _verdict(facts, source="2001:db8::9")["verdict"] == "block"


def test_me_stands_for_all_addresses_of_the_host():
    two = {**ADDRESSES, "me": ["192.0.2.9", "192.0.2.2"]}
    facts = _facts(_rule("block", "*+192.0.2.9:445:TCP"), addresses=two)
    found = _verdict(facts)
    assert found["verdict"] == "ambiguous"
    assert found["reason"] == "it depends on the address of the host (192.0.2.2: permit, 192.0.2.9: block)"
    assert [rule["rule"] for rule in found["rules"]] == ["R"]
    assert _verdict(facts, destination="192.0.2.9")["verdict"] == "block"
    both = _facts(_rule("block", "*+192.0.2.9:445:TCP", "*+192.0.2.2:445:TCP"), addresses=two)
    assert _verdict(both)["verdict"] == "block"


def test_a_port_that_is_left_out_is_that_of_a_client():
    facts = _facts(
        _rule(
            "block",
            {"source": "any", "destination": "me", "protocol": "tcp", "source_port": 49152, "destination_port": 445},
        )
    )
    assert _verdict(facts)["verdict"] == "block"
    assert _verdict(facts, source_port=49153)["verdict"] == "permit"
    reply = {"source": "me", "destination": PEER, "protocol": "tcp", "source_port": 445}
    assert _verdict(facts, reply)["verdict"] == "block"
    assert _verdict(facts, reply, destination_port=49153)["verdict"] == "permit"


def test_a_list_of_packets_gives_a_list():
    facts = _facts(_rule("block", "*+0:445:TCP"))
    packets = [SMB, {**SMB, "destination_port": 80}, {"source": PEER, "destination": "me", "protocol": "icmp"}] * 10
    found = packet_verdicts(packets, facts)
    assert [item["verdict"] for item in found] == ["block", "permit", "permit"] * 10
    assert found == [packet_verdicts(packet, facts) for packet in packets]
    assert packet_verdicts([], facts) == []


MISTAKES = {
    "no dictionary": ("text", "expected a dictionary with keys such as source, destination, protocol, source_port"),
    "a key too many": ({**SMB, "mirrored": True}, "there is no option 'mirrored' here"),
    "no source": ({**SMB, "source": None}, "source: this is required: me or one address"),
    "a subnet": ({**SMB, "source": "198.51.100.0/24"}, "source: '198.51.100.0/24' is not one address"),
    "any": ({**SMB, "source": "any"}, "source: 'any' is not one address"),
    "a name": ({**SMB, "source": "server"}, "source: 'server' is not one address"),
    "no address": ({**SMB, "source": "198.51.100.300"}, "source: '198.51.100.300' is not a valid address"),
    "a list of addresses": ({**SMB, "source": [PEER]}, "source: expected text, not a list"),
    "me twice": ({**SMB, "source": "me"}, "source and destination are both me"),
    "two families": ({**SMB, "destination": "2001:db8::2"}, "198.51.100.9 and 2001:db8::2 mix IPv4 and IPv6"),
    "no protocol": ({**SMB, "protocol": None}, "protocol: this is required"),
    "any protocol": ({**SMB, "protocol": "any"}, "protocol: a packet has one protocol"),
    "an unknown protocol": ({**SMB, "protocol": "tpc"}, "protocol: 'tpc' is not a valid protocol"),
    "a range of ports": ({**SMB, "destination_port": "1-9"}, "destination_port: a packet has one port"),
    "any port": ({**SMB, "source_port": "any"}, "source_port: a packet has one port"),
    "an unknown port": ({**SMB, "destination_port": 70000}, "destination_port: '70000' is not a valid port"),
    "a port of ICMP": ({**SMB, "protocol": "icmp"}, "destination_port: a port needs the protocol tcp or udp"),
    "no port": ({**SMB, "destination_port": None}, "a packet of tcp or udp needs a destination_port"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_packet_is_an_error_with_its_place(mistake):
    packet, message = MISTAKES[mistake]
    facts = _facts()
    with pytest.raises(ModelError) as caught:
        packet_verdicts(packet, facts)
    assert str(caught.value).startswith(message)
    with pytest.raises(ModelError) as caught:
        packet_verdicts([SMB, packet], facts)
    dot = "." if ": " in message and message.partition(": ")[0].isidentifier() else ": "
    assert str(caught.value).startswith(f"packets[1]{dot}{message}")


def test_me_without_an_address_of_the_family_is_an_error():
    facts = _facts(addresses={**ADDRESSES, "me": ["192.0.2.2"]})
    with pytest.raises(ModelError, match=r"^destination: me has no IPv6 address on this host$"):
        _verdict(facts, source="2001:db8::9")


def _without(*path):
    facts = _facts(_rule("block", "*+0"))
    part = facts
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    return facts


@pytest.mark.parametrize("ask", [_verdict, lambda facts: blocking_filters(facts, None, "any", "any")])
@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (None, "expected ansible_facts.ipsec, not null"),
        ([], "expected ansible_facts.ipsec, not a list"),
        ({"name": "P"}, "expected ansible_facts.ipsec"),
        (_without("running"), f"the facts do not have the dynamic rules of the host; {READ}"),
        (_without("running", "dynamic"), f"the facts do not have the dynamic rules of the host; {READ}"),
        (_without("running", "addresses"), f"the facts do not have the addresses of the host; {READ}"),
        (
            _without("policies"),
            "the facts do not have the policy in force, 'P'; read them with gather_subset: store",
        ),
    ],
)
def test_facts_that_lack_a_part_are_an_error_that_says_what_to_gather(facts, message, ask):
    with pytest.raises(ModelError) as caught:
        ask(facts)
    assert str(caught.value) == message


def test_facts_that_somebody_has_changed_are_an_error_with_its_place():
    facts = _facts()
    facts["running"]["dynamic"]["rules"] = [{"filters": ["*+0"], "in_force": True}, "text"]
    with pytest.raises(ModelError, match=r"^running.dynamic.rules\[1\]: expected a dynamic rule, not text$"):
        _verdict(facts)
    facts = _facts(addresses={"me": ["192.0.2.2", "here"]})
    with pytest.raises(ModelError, match=r"^running.addresses.me\[1\]: 'here' is not an address$"):
        _verdict(facts)


def _blocked(filters, address=None, port="any", protocol="any", **options):
    facts = _facts(_rule("block", *filters, **options))
    return [found["filter"] for found in blocking_filters(facts, address, port, protocol)]


def test_blocking_filters_name_their_rules():
    dynamic = [_dynamic("[0+203.0.113.7]", in_force=False), _dynamic("[0+203.0.113.7]", "0+203.0.113.8")]
    facts = _facts(_rule("block", "*+0:445:TCP", "0+203.0.113.9"), _rule("permit", "*+0", name="S"), dynamic=dynamic)
    rule = facts["policies"][0]["rules"][0]
    first, second, third = blocking_filters(facts, None, "any", "any")
    assert first == {"policy": "P", "dynamic": None, "rule": "R", "id": rule["id"], "filter": rule["filters"][0]}
    assert second["filter"] == rule["filters"][1]
    assert {key: third[key] for key in ("policy", "dynamic", "rule", "id")} == {
        "policy": None,
        "dynamic": 1,
        "rule": None,
        "id": None,
    }
    assert third["filter"]["destination"] == "203.0.113.7"


def test_a_rule_that_is_not_enabled_blocks_nothing():
    assert _blocked(["*+0"], enabled=False) == []


TO_AGENT = {
    "the address": ("0+192.0.2.80", True),
    "in one direction": ("0=192.0.2.80", True),
    "in the other direction": ("192.0.2.80=0", True),
    "its subnet": ("0+192.0.2.64/26", True),
    "a range with it": ({"source": "me", "destination": "192.0.2.70-192.0.2.81"}, True),
    "everybody": ("*+0", True),
    "everybody by an address of the host": ("*+192.0.2.2", True),
    "another address": ("0+192.0.2.81", False),
    "another subnet": ("0+192.0.2.128/25", False),
    "a range next to it": ({"source": "me", "destination": "192.0.2.70-192.0.2.79"}, False),
    "the host itself": ("0+0", False),
    "another host": ("192.0.2.77+192.0.2.80", False),
    "name servers": ({"source": "me", "destination": "dns"}, False),
    "IPv6": ({"source": "me/ipv6", "destination": "any/ipv6"}, False),
}


@pytest.mark.parametrize("what", TO_AGENT)
@pytest.mark.parametrize("address", ["192.0.2.80", ["203.0.113.1", "192.0.2.80"], "192.0.2.80/32"])
def test_filters_that_block_an_address(what, address):
    filter_, blocked = TO_AGENT[what]
    filter_ = filter_ if isinstance(filter_, str) else {**filter_, "mirrored": True}
    assert bool(_blocked([filter_], address)) is blocked


@pytest.mark.parametrize(
    ("address", "blocked"),
    [
        ("192.0.2.0/24", True),
        ("192.0.2.60-192.0.2.80", True),
        ("192.0.2.81-192.0.2.90", False),
        ("192.0.2.128/25", False),
        ("2001:db8::/32", False),
        (["192.0.2.81", "192.0.2.0/24"], True),
    ],
)
def test_subnets_and_ranges_of_addresses(address, blocked):
    assert bool(_blocked(["0+192.0.2.80"], address)) is blocked


def test_special_address_is_that_of_the_host():
    to_dns = {"source": "me", "destination": "dns", "protocol": "udp", "destination_port": 53}
    assert _blocked([to_dns], "192.0.2.53", 53)
    assert not _blocked([to_dns], "192.0.2.1", 53)


PORTS = {
    "of this host": ("*+0:443:TCP", True),
    "of others": ("0+*:443:TCP", True),
    "replies only": ({"source": "any", "source_port": 443, "destination": "me", "protocol": "tcp"}, True),
    "a range": ({"source": "any", "destination": "me", "protocol": "udp", "destination_port": "440-450"}, True),
    "all of a protocol": ("*+0::UDP", True),
    "everything": ("*+0", True),
    "the same at both ends": (
        {"source": "me", "source_port": 443, "destination": "any", "destination_port": 443, "protocol": "tcp"},
        True,
    ),
    "another port": ("*+0:444:TCP", False),
    "from another port": ({"source": "any", "source_port": 25, "destination": "me", "protocol": "tcp"}, False),
    "another protocol": ("*+0::ICMP", False),
}


@pytest.mark.parametrize("what", PORTS)
def test_filters_that_block_a_port(what):
    filter_, blocked = PORTS[what]
    assert bool(_blocked([filter_], port=443)) is blocked


def test_address_port_and_protocol_together():
    filters = [f"0+{PEER}:443:TCP"]
    assert _blocked(filters, PEER, 443, "tcp")
    assert not _blocked(filters, PEER, 443, "udp")
    assert not _blocked(filters, PEER, 80, "tcp")
    assert not _blocked(filters, "198.51.100.8", 443, "tcp")
    assert _blocked(filters, PEER, protocol="tcp")
    assert not _blocked(filters, PEER, protocol="icmp")


def test_nothing_blocks_key_exchange():
    assert not _blocked(["*+0::UDP"], port=500)
    assert not _blocked(["*+0"], port=4500, protocol="udp")
    assert _blocked(["*+0"], port=500)
    assert _blocked(["*+0::UDP"], port="500-501")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"address": "server"}, "address: 'server' is not an address, a subnet or a range"),
        ({"address": ["192.0.2.1", "any"]}, "address[1]: 'any' is not an address, a subnet or a range"),
        ({"address": []}, "address: this list is empty"),
        ({"address": "192.0.2.300"}, "address: '192.0.2.300' is not a valid address"),
        ({"address": 7}, "address: "),
        ({"port": "https"}, "port: 'https' is not a valid port"),
        ({"port": 443, "protocol": "icmp"}, "port: a port needs the protocol tcp or udp"),
        ({"protocol": "tpc"}, "protocol: 'tpc' is not a valid protocol"),
    ],
)
def test_a_mistake_in_a_question_is_an_error_with_its_place(asked, message):
    with pytest.raises(ModelError) as caught:
        _blocked(["*+0"], **asked)
    assert str(caught.value).startswith(message)


OF_OTHERS = {
    "id": 70001,
    "name": "Intruder",
    "direction": "out",
    "source": "me",
    "destination": "198.51.100.0/24",
    "source_port": "any",
    "destination_port": 443,
    "protocol": "tcp",
    "action": "block",
    "tunnel": False,
    "layer": "FWPM_LAYER_OUTBOUND_TRANSPORT_V4",
    "weight": 7,
    "unread": [],
    "rule": None,
}
HTTPS = {"source": "me", "destination": PEER, "protocol": "tcp", "destination_port": 443}


def _with_filters(facts, *rows):
    facts["running"]["filters"] = {"quick_mode": list(rows)}
    return facts


def test_filters_of_others_count_if_the_facts_have_them():
    facts = _with_filters(_facts(_rule("permit", "0+198.51.100.*")), OF_OTHERS)
    origin = {"policy": None, "dynamic": None, "rule": "Intruder", "id": None}
    found = _verdict(facts, HTTPS)
    assert (found["verdict"], found["rules"]) == ("block", [origin])
    (blocked,) = blocking_filters(facts, "198.51.100.7", 443, "tcp")
    assert blocked == {**origin, "filter": found["filters"][0]}
    assert {key: blocked["filter"][key] for key in ("source", "destination", "destination_port", "mirrored")} == {
        "source": "me",
        "destination": "198.51.100.0/24",
        "destination_port": 443,
        "mirrored": False,
    }


@pytest.mark.parametrize(
    "changed",
    [{"rule": {"policy": "P", "dynamic": None, "name": "R", "id": None}}, {"action": None}, {"unread": ["x,y,z,1"]}],
    ids=["of a rule", "no action", "not understood"],
)
def test_filters_that_say_nothing_more_do_not_count(changed):
    facts = _with_filters(_facts(), {**OF_OTHERS, **changed})
    assert _verdict(facts, HTTPS)["verdict"] == "permit"
    assert blocking_filters(facts, None, "any", "any") == []


def test_what_filters_of_others_negotiate_with_is_not_known():
    found = _verdict(_with_filters(_facts(), {**OF_OTHERS, "action": "negotiate"}), HTTPS)
    assert (found["verdict"], found["security_methods"]) == ("negotiate", [])


def test_filters_of_others_must_be_dictionaries():
    with pytest.raises(ModelError, match=r"running.filters.quick_mode\[0\]: expected a filter, not text"):
        _verdict(_with_filters(_facts(), "x"), HTTPS)
