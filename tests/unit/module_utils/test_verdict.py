# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils.merge import Target, merge
from ansible_collections.ipsec.windows.plugins.module_utils.model import TCP
from ansible_collections.ipsec.windows.plugins.module_utils.plan import plan_present
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils.verdict import Packet, deciding_rule, what_cuts
from hypothesis import event, given
from hypothesis import strategies as st
from unit.stores import counting_guids, to_tree
from winhost import enforcement
from winhost import policy as reader

ME = frozenset({ipaddress.ip_address("192.0.2.2"), ipaddress.ip_address("2001:db8::2")})
CONTROLLER = "198.51.100.9"


def _policy(*rules):
    named = [{"name": f"{n}", **rule} for n, rule in enumerate(rules)]
    return merge(parse_policy({"name": "P", "rules": named}), None, "exact").policy


def _packet(source=CONTROLLER, destination="192.0.2.2", port=5985, source_port=50000, protocol=TCP):
    return Packet(protocol, ipaddress.ip_address(source), source_port, ipaddress.ip_address(destination), port)


def _rule(action, *filters, **options):
    return {"filters": list(filters), "action": action, **options}


WINNERS = {
    "nothing matches": ([_rule("block", "0+192.0.2.77")], None),
    "one way only": ([_rule("block", "0=*")], None),
    "mirrored": ([_rule("block", "0+*")], "0"),
    "the more specific filter wins": ([_rule("block", "*+0"), _rule("permit", "198.51.100.*+0")], "1"),
    "a host is more specific than its net": (
        [_rule("permit", "198.51.100.*+0"), _rule("block", f"{CONTROLLER}+0")],
        "1",
    ),
    "a port is more specific than none": ([_rule("block", "*+0"), _rule("permit", "*+0:5985:TCP")], "1"),
    "addresses count before ports": ([_rule("permit", "*+0:5985:TCP"), _rule("block", f"{CONTROLLER}+0")], "1"),
    "of equals the stricter": ([_rule("block", "*+0"), _rule("permit", "0+*")], "0"),
    "another port": ([_rule("block", "*+0:445:TCP")], None),
    "another protocol": ([_rule("block", "*+0::UDP")], None),
    "not enabled": ([_rule("block", "*+0", enabled=False)], None),
    "dial-up": ([_rule("block", "*+0", connection_type="dialup")], None),
    "range of ports": (
        [_rule("block", {"source": "any", "destination": "me", "protocol": "tcp", "destination_port": "5000-6000"})],
        "0",
    ),
    "range of addresses": ([_rule("block", {"source": "198.51.100.1-198.51.100.10", "destination": "me"})], "0"),
    "beside the range": ([_rule("block", {"source": "198.51.100.1-198.51.100.8", "destination": "me"})], None),
    "the other family": ([_rule("block", {"source": "any/ipv6", "destination": "me/ipv6"})], None),
    "servers are unknown here": ([_rule("block", {"source": "dns", "destination": "me"})], None),
}


@pytest.mark.parametrize("what", WINNERS)
def test_which_rule_decides(what):
    rules, winner = WINNERS[what]
    found = deciding_rule(_policy(*rules), _packet(), ME)
    assert (found.name if found else None) == winner


def test_ipv6():
    policy = _policy(_rule("block", {"source": "2001:db8::/64", "destination": "me"}))
    assert deciding_rule(policy, _packet("2001:db8::9", "2001:db8::2"), ME)
    assert deciding_rule(policy, _packet("2001:db8:1::9", "2001:db8::2"), ME) is None


def test_key_exchange_always_passes():
    policy = _policy(_rule("block", "*+*"))
    assert deciding_rule(policy, _packet(port=500, protocol=17), ME) is None


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ([], None),
        ([_rule("permit", "*+0")], None),
        ([_rule("block", "*+0")], "blocks it"),
        ([_rule("block", "0=*")], "blocks it"),
        ([_rule("negotiate", "*+0")], "wants it secured by IPsec"),
        ([_rule("negotiate", "*+0", soft=True)], None),
        ([_rule("negotiate", "*=0", inpass=True)], None),
        ([_rule("negotiate", "*+0", inpass=True)], "wants it secured by IPsec"),
        ([_rule("negotiate", "*+0"), _rule("permit", "*+0:5985:TCP")], None),
    ],
)
def test_what_would_cut_a_controller_off(rules, why):
    found = what_cuts(_policy(*rules), _packet(), ME)
    assert (found[1] if found else None) == why


ends = st.sampled_from(
    ["me", "any", CONTROLLER, "198.51.100.0/24", "192.0.2.0/24", "192.0.2.2", "198.51.100.1-198.51.100.20"]
)
ports = st.sampled_from(["any", 445, 5985, "5000-6000"])
some_rules = st.lists(
    st.fixed_dictionaries(
        {
            "action": st.sampled_from(["permit", "block", "negotiate"]),
            "enabled": st.sampled_from([True, True, False]),
            "filters": st.lists(
                st.fixed_dictionaries(
                    {
                        "source": ends,
                        "destination": ends,
                        "protocol": st.just("tcp"),
                        "source_port": st.just("any"),
                        "destination_port": ports,
                        "mirrored": st.booleans(),
                    }
                ),
                min_size=1,
                max_size=3,
            ),
        }
    ),
    max_size=4,
)


@given(some_rules, st.booleans(), st.sampled_from([445, 5985]))
def test_the_simulated_host_decides_the_same_with_its_own_reader(rules, inbound, port):
    """Two readers and two deciders, written apart from each other."""
    policy = _policy(*rules)
    target = Target(policy, (None,) * len(policy.rules), ())
    plan = plan_present(Graph(Store()), None, target, True, 1, counting_guids())
    packet = _packet(port=port) if inbound else _packet(port=port).reply()
    seen = enforcement.Packet(
        packet.protocol, packet.source, packet.source_port, packet.destination, packet.destination_port, inbound
    )
    theirs = enforcement.verdict(reader.read(to_tree(plan.store)), seen, enforcement.HostAddresses(ME))
    rule = deciding_rule(policy, packet, ME)
    event(rule.action.action if rule else "none")
    assert theirs == (rule.action.action if rule else "permit")
