# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which rules match connections to a port."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.matching import matching_rules
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from unit import stores

TO_NAME_SERVERS = {"source": "me", "destination": "dns", "protocol": "tcp", "destination_port": 443}
IN = {
    "the port": ["*=0:443:TCP"],
    "mirrored": ["*+0:443:TCP"],
    "written the other way round": [{"source": "me", "source_port": 443, "destination": "any", "protocol": "tcp"}],
    "a range": [{"source": "any", "destination": "me", "protocol": "tcp", "destination_port": "440-450"}],
    "any port": ["*=0::TCP"],
    "any protocol": ["*=0"],
    "some peers": ["192.0.2.*=0:443:TCP"],
    "an address that may be the host's": ["*=198.51.100.7:443:TCP"],
    "IPv6": [{"source": "any/ipv6", "destination": "me/ipv6", "protocol": "tcp", "destination_port": 443}],
    "one of several": ["*=0:80:TCP", "*=0:443:TCP"],
    "from any to any": ["*=*:443:TCP"],
    "a name server": [{"source": "dns", "destination": "me", "protocol": "tcp", "destination_port": 443}],
}
NOT_IN = {
    "another port": ["*+0:444:TCP"],
    "another range": [{"source": "any", "destination": "me", "protocol": "tcp", "destination_port": "444-500"}],
    "another protocol": ["*+0:443:UDP"],
    "ICMP": ["*+0::ICMP"],
    "port 443 of others": ["0+*:443:TCP"],
    "port 443 of one other": ["0+192.0.2.1:443:TCP"],
    "port 443 of name servers": [TO_NAME_SERVERS, {**TO_NAME_SERVERS, "source": "any"}],
    "from port 443 of others": [{"source": "any", "source_port": 443, "destination": "me", "protocol": "tcp"}],
    "this host to itself": ["0+0:443:TCP"],
    "other ports on both sides": [
        {"source": "any", "source_port": 25, "destination": "me", "destination_port": 443, "protocol": "tcp"}
    ],
}


def _rule(filters, name="R", **options):
    return {"name": name, "filters": filters, "action": "block", **options}


def _policy(*rules):
    (policy,) = stores.facts(stores.change(Store(), {"name": "P", "rules": list(rules)}).store).values()
    return policy


def _names(value, protocol="tcp", port=443, direction="in"):
    return [rule["name"] for rule in matching_rules(value, protocol, port, direction)]


@pytest.mark.parametrize("what", IN)
def test_filter_matches_connections_to_the_port(what):
    assert _names(_policy(_rule(IN[what]))) == ["R"]


@pytest.mark.parametrize("what", NOT_IN)
def test_filter_does_not_match_connections_to_the_port(what):
    assert _names(_policy(_rule(NOT_IN[what]))) == []


@pytest.mark.parametrize(
    ("filters", "out"),
    [
        (["0+*:443:TCP"], True),
        (["0=192.0.2.1:443:TCP"], True),
        ([TO_NAME_SERVERS], True),
        (["0=*"], True),
        (["*+0:443:TCP"], False),
        (["*=0:443:TCP"], False),
        (["0+*:444:TCP"], False),
    ],
)
def test_direction_out_is_for_ports_of_others(filters, out):
    assert _names(_policy(_rule(filters)), direction="out") == ["R"] * out


def test_rule_that_is_not_enabled_does_not_count():
    assert _names(_policy(_rule(["*+0"], enabled=False), _rule(["*+0"], "S", action="permit"))) == ["S"]


def test_the_most_specific_rule_comes_first():
    rules = [
        _rule(["*+0"], "all"),
        _rule(["192.0.2.*+0:443:TCP"], "net", action="permit"),
        _rule(["*+0:443:TCP"], "port"),
        _rule(["*+0:80:TCP", "*+0::TCP"], "TCP"),
        _rule(["*+0:443:TCP"], "permitted port", action="permit"),
    ]
    assert _names(_policy(*rules)) == ["net", "port", "permitted port", "TCP", "all"]


def test_port_and_protocol_may_be_left_out_or_a_range():
    policy = _policy(_rule(["*+0:443:TCP"], "HTTPS"), _rule(["*+0::ICMP"], "ICMP"), _rule(["*+0:53:UDP"], "DNS"))
    assert sorted(_names(policy, "any", "any")) == ["DNS", "HTTPS", "ICMP"]
    assert _names(policy, 6, "any") == ["HTTPS"]
    assert _names(policy, "icmp", "any") == ["ICMP"]
    assert _names(policy, "tcp", "400-500") == ["HTTPS"]
    assert _names(policy, "tcp", "443") == ["HTTPS"]
    assert _names(policy, "tcp", "444-500") == []


def test_rules_are_those_of_the_facts():
    policy = _policy(_rule(["*+0:443:TCP"]))
    (found,) = matching_rules(policy, "tcp", 443, "in")
    assert found is policy["rules"][0]


def _facts(assigned, **parts):
    first = stores.change(Store(), {"name": "A", "rules": [_rule(["*+0:443:TCP"], "a")]}).store
    store = stores.change(first, {"name": "B", "rules": [_rule(["*+0:443:TCP"], "b")]}, assigned=assigned).store
    return render_facts(stores.host_with(store, **parts))


def test_a_policy_with_a_single_rule_as_tasks_accept_it():
    assert _names({"name": "P", "rules": _rule(["*+0:443:TCP"])}) == ["R"]


def test_facts_stand_for_the_policy_in_force():
    assert _names(_facts(True)) == ["b"]
    assert _names(_facts(None)) == []


def test_domain_policy_in_force_wins():
    facts = _facts(True)
    copy = facts["policies"][0]
    facts["in_force"] = {"source": "domain", "name": "D", "id": copy["id"], "policy": copy}
    assert _names(facts) == ["a"]
    facts["in_force"] = {"source": "domain", "name": "D", "id": None, "policy": None}
    with pytest.raises(ModelError) as caught:
        _names(facts)
    assert str(caught.value) == "the policy in force, 'D', is a domain policy of which the host has no copy"


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        ([], {}, "expected ansible_facts.ipsec, or one of its policies, not a list"),
        ({"name": "P"}, {"protocol": "tpc"}, "protocol: 'tpc' is not a valid protocol"),
        ({"name": "P"}, {"port": "https"}, "port: 'https' is not a valid port"),
        ({"name": "P"}, {"protocol": "any"}, "port: a port needs the protocol tcp or udp"),
        ({"name": "P"}, {"direction": "both"}, "direction must be in or out"),
        ({"name": "P", "rules": [{"name": "R"}]}, {}, "rules[0] (R): the rule needs at least one filter"),
    ],
)
def test_mistake_is_an_error(value, options, message):
    with pytest.raises(ModelError) as caught:
        _names(value, **options)
    assert str(caught.value).startswith(message)
