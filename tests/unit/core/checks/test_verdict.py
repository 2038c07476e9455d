# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a policy does with a packet."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.verdict import (
    Packet,
    VerdictOutcome,
    cutting_filter,
    judge,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import LocalAddresses
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import TCP, UDP, Policy, SpecialKind
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from hypothesis import event, given
from hypothesis import strategies as st
from unit.stores import change, to_tree
from winhost import enforcement
from winhost import policy as reader

ME = frozenset({ipaddress.ip_address("192.0.2.2"), ipaddress.ip_address("2001:db8::2")})
CONTROLLER = "198.51.100.9"
SERVERS = {"dns": "192.0.2.53", "wins": "192.0.2.42", "dhcp": "192.0.2.67", "gateway": "192.0.2.1"}
UNKNOWN = LocalAddresses({SpecialKind.ME: ME})
KNOWN = LocalAddresses(
    {SpecialKind.ME: ME, **{SpecialKind(kind): frozenset({ipaddress.ip_address(ip)}) for kind, ip in SERVERS.items()}}
)


def _named(rules):
    return {"name": "P", "rules": [{"name": f"{number}", **rule} for number, rule in enumerate(rules)]}


def _policy(*rules):
    return Policy(name="P", rules=parse_policy(_named(rules)).rules)


def _packet(source=CONTROLLER, destination="192.0.2.2", port=5985, source_port=50000, protocol=TCP):
    return Packet(
        protocol=protocol,
        source=ipaddress.ip_address(source),
        source_port=source_port,
        destination=ipaddress.ip_address(destination),
        destination_port=port,
    )


def _rule(action, *filters, **options):
    return {"filters": list(filters), "action": action, **options}


WINNERS = {
    "no filter matches": ([_rule("block", "0+192.0.2.77")], None),
    "other direction": ([_rule("block", "0=*")], None),
    "mirrored filter": ([_rule("block", "0+*")], "0"),
    "the more specific filter wins": ([_rule("block", "*+0"), _rule("permit", "198.51.100.*+0")], "1"),
    "a host is more specific than its net": (
        [_rule("permit", "198.51.100.*+0"), _rule("block", f"{CONTROLLER}+0")],
        "1",
    ),
    "a port is more specific than none": ([_rule("block", "*+0"), _rule("permit", "*+0:5985:TCP")], "1"),
    "addresses count before ports": ([_rule("permit", "*+0:5985:TCP"), _rule("block", f"{CONTROLLER}+0")], "1"),
    "the first of equals with the same action": ([_rule("block", "*+0"), _rule("block", "0+*")], "0"),
    "another port": ([_rule("block", "*+0:445:TCP")], None),
    "another protocol": ([_rule("block", "*+0::UDP")], None),
    "disabled rule": ([_rule("block", "*+0", enabled=False)], None),
    "dial-up rule": ([_rule("block", "*+0", connection_type="dialup")], None),
    "port range": (
        [_rule("block", {"source": "any", "destination": "me", "protocol": "tcp", "destination_port": "5000-6000"})],
        "0",
    ),
    "address range": ([_rule("block", {"source": "198.51.100.1-198.51.100.10", "destination": "me"})], "0"),
    "outside the address range": ([_rule("block", {"source": "198.51.100.1-198.51.100.8", "destination": "me"})], None),
    "other address family": ([_rule("block", {"source": "any/ipv6", "destination": "me/ipv6"})], None),
    "unknown server address": ([_rule("block", {"source": "dns", "destination": "me"})], None),
}


@pytest.mark.parametrize("case", WINNERS)
def test_deciding_filter(case):
    rules, winner = WINNERS[case]
    verdict = judge(_policy(*rules).rules, _packet(), UNKNOWN)
    assert [match.rule.name for match in verdict.deciding] == ([] if winner is None else [winner])
    assert verdict.outcome == (VerdictOutcome.PERMIT if winner is None else verdict.deciding[0].rule.action.action)


NEGOTIATE = {"action": "negotiate", "filters": ["*+0"]}
ONE_WAY = {"action": "negotiate", "filters": ["*=0"]}
AMBIGUOUS = {
    "block and permit": ([_rule("permit", "*+0"), _rule("block", "0+*")], ["1", "0"]),
    "block, negotiate and permit": (
        [_rule("permit", "*+0"), NEGOTIATE, _rule("block", "*+0"), _rule("permit", "0+*")],
        ["2", "0"],
    ),
    "other methods": ([{**NEGOTIATE, "security_methods": ["esp[3des,sha]"]}, NEGOTIATE], ["0", "1"]),
    "other authentication": ([NEGOTIATE, {**NEGOTIATE, "authentication": [{"certificate": "CN=Root"}]}], ["0", "1"]),
    "soft": ([{**NEGOTIATE, "soft": True}, NEGOTIATE], ["1", "0"]),
    "inpass": ([{**NEGOTIATE, "inpass": True}, NEGOTIATE], ["1", "0"]),
    "another tunnel": ([{**ONE_WAY, "tunnel": "192.0.2.8"}, {**ONE_WAY, "tunnel": "192.0.2.9"}], ["0", "1"]),
    "a wider tunnel": (
        [_rule("permit", "*+0:5985:TCP"), {"action": "negotiate", "filters": ["*=*"], "tunnel": "192.0.2.8"}],
        ["1", "0"],
    ),
    "a narrower tunnel": (
        [_rule("block", "*+*"), {"action": "negotiate", "filters": [f"{CONTROLLER}=0"], "tunnel": "192.0.2.8"}],
        ["0", "1"],
    ),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_ambiguous_verdict_names_both_filters_the_stricter_first(case):
    rules, names = AMBIGUOUS[case]
    verdict = judge(_policy(*rules).rules, _packet(), UNKNOWN)
    assert verdict.outcome is VerdictOutcome.AMBIGUOUS
    assert [match.rule.name for match in verdict.deciding] == names
    tunnel = "tunnel" in case and case != "another tunnel"
    assert verdict.reason.startswith("a filter of a tunnel and" if tunnel else "two equally specific filters match")


@pytest.mark.parametrize(
    "rules",
    [
        [NEGOTIATE, {**NEGOTIATE, "filters": ["0+*"]}],
        [_rule("block", "*+0"), _rule("permit", "*+*")],
        # of two filters of tunnels, the more specific one decides
        [{**ONE_WAY, "tunnel": "192.0.2.8"}, {"action": "negotiate", "filters": ["*=*"], "tunnel": "192.0.2.9"}],
    ],
)
def test_not_ambiguous(rules):
    verdict = judge(_policy(*rules).rules, _packet(), UNKNOWN)
    assert verdict.outcome is not VerdictOutcome.AMBIGUOUS
    assert [match.rule.name for match in verdict.deciding] == ["0"]


def test_a_packet_that_no_filter_matches_passes():
    verdict = judge((), _packet(), UNKNOWN)
    assert (verdict.outcome, verdict.deciding, verdict.reason) == (VerdictOutcome.PERMIT, (), "no filter matches")


@pytest.mark.parametrize("kind", SERVERS)
def test_addresses_of_the_hosts_servers_match(kind):
    policy = _policy(_rule("block", {"source": kind, "destination": "me", "mirrored": True}))
    packet = _packet(SERVERS[kind])
    for direction in (packet, packet.reply()):
        assert judge(policy.rules, direction, KNOWN).outcome is VerdictOutcome.BLOCK
        assert judge(policy.rules, direction, UNKNOWN).outcome is VerdictOutcome.PERMIT
    assert judge(policy.rules, _packet(), KNOWN).outcome is VerdictOutcome.PERMIT


def test_ipv6():
    policy = _policy(_rule("block", {"source": "2001:db8::/64", "destination": "me"}))
    assert judge(policy.rules, _packet("2001:db8::9", "2001:db8::2"), UNKNOWN).outcome is VerdictOutcome.BLOCK
    assert judge(policy.rules, _packet("2001:db8:1::9", "2001:db8::2"), UNKNOWN).outcome is VerdictOutcome.PERMIT


@pytest.mark.parametrize("port", [500, 4500])
def test_key_exchange_always_passes(port):
    policy = _policy(_rule("block", "*+*"))
    packet = _packet(port=port, protocol=UDP)
    for direction in (packet, packet.reply()):
        verdict = judge(policy.rules, direction, UNKNOWN)
        assert verdict.outcome is VerdictOutcome.PERMIT
        assert verdict.reason == "key exchange (UDP ports 500 and 4500) always passes"
    assert judge(policy.rules, _packet(port=port), UNKNOWN).outcome is VerdictOutcome.BLOCK


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ([], None),
        ([_rule("permit", "*+0")], None),
        ([_rule("block", "*+0")], "blocks it"),
        ([_rule("block", "0=*")], "blocks it"),
        ([_rule("negotiate", "*+0")], "requires IPsec"),
        ([_rule("negotiate", "*+0", soft=True)], None),
        ([_rule("negotiate", "*=0", inpass=True)], None),
        ([_rule("negotiate", "*+0", inpass=True)], "requires IPsec"),
        ([_rule("negotiate", "*+0"), _rule("permit", "*+0:5985:TCP")], None),
        # what is ambiguous counts as the stricter one
        ([_rule("permit", "*+0"), _rule("block", "*+0")], "blocks it, unless the filter any+me of the rule '0' wins"),
        ([NEGOTIATE, {**NEGOTIATE, "soft": True}], "requires IPsec, unless the filter any+me of the rule '1' wins"),
        (
            [_rule("permit", "*+0:5985:TCP"), {**ONE_WAY, "tunnel": "192.0.2.8"}],
            "requires IPsec, unless the filter any+me:5985:TCP of the rule '0' wins",
        ),
        ([{**NEGOTIATE, "soft": True}, _rule("permit", "*+0")], None),
    ],
)
def test_reason_for_cutting_a_connection(rules, why):
    found = cutting_filter(_policy(*rules), _packet(), UNKNOWN)
    assert (found[2] if found else None) == why


ends = st.sampled_from(
    [
        "me",
        "any",
        "dns",
        "gateway",
        CONTROLLER,
        "198.51.100.0/24",
        "192.0.2.0/24",
        "192.0.2.2",
        "198.51.100.1-198.51.100.20",
    ]
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


@given(
    some_rules, st.booleans(), st.sampled_from([445, 5985]), st.sampled_from([CONTROLLER, "192.0.2.53", "192.0.2.1"])
)
def test_the_simulated_host_decides_the_same_with_its_own_reader(rules, inbound, port, peer):
    """Two readers and two deciders, written apart from each other."""
    policy = _policy(*rules)
    store = change(Store(), _named(rules), assigned=True).store
    packet = _packet(peer, port=port) if inbound else _packet(peer, port=port).reply()
    seen = enforcement.Packet(
        packet.protocol, packet.source, packet.source_port, packet.destination, packet.destination_port, inbound
    )
    addresses = enforcement.HostAddresses(**{str(kind): found for kind, found in KNOWN.known.items()})
    theirs = enforcement.verdict(reader.read(to_tree(store)), seen, addresses)
    verdict = judge(policy.rules, packet, KNOWN)
    event(str(verdict.outcome) if verdict.deciding else "none")
    # the simulated host takes the stricter one where the order does not tell
    assert theirs == (verdict.deciding[0].rule.action.action if verdict.deciding else "permit")
    assert all(match.filter in match.rule.filters for match in verdict.deciding)
