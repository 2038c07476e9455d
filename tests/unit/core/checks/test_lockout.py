# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a policy cuts the connection of a controller."""

from __future__ import annotations

import ipaddress
import re

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lockout import Cut, find_cut
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import (
    Connection,
    HostState,
    LocalAddresses,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import Policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.filters import parse_filter
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store

CONTROLLER = "198.51.100.9"
ADDRESSES = {
    "me": ["192.0.2.2", "2001:db8::2"],
    "dns": ["192.0.2.53", "2001:db8::53"],
    "wins": ["192.0.2.42"],
    "dhcp": ["192.0.2.67"],
    "gateway": ["192.0.2.1", "fe80::1%4"],
}
ANSWER = {
    "store": "",
    "digest": Store().digest(),
    "service": {"status": "running", "start_type": "automatic"},
    "pending": False,
    "names": {},
    "interfaces": {},
}


def _find(*filters, connections=(CONTROLLER,), local="192.0.2.2", addresses=None, action="block") -> Cut | None:
    """The cut that a policy with one rule makes on a host whose answer has these connections and addresses."""
    found = [{"local": local, "remote": remote, "remote_port": 50000} for remote in connections]
    state = HostState.parse(
        ANSWER | {"connections": found, "addresses": addresses or ADDRESSES}, (Part.CONNECTIONS, Part.ADDRESSES)
    )
    rules = parse_policy({"name": "P", "rules": [{"name": "R", "filters": list(filters), "action": action}]}).rules
    return find_cut(Policy(name="P", rules=rules), (), state.connections, state.addresses, 5985)


def test_the_cut_names_the_policy_the_rule_and_the_peer():
    cut = _find("*+0")
    peer = ipaddress.ip_address(CONTROLLER)
    filter_ = parse_filter("*+0", [])
    assert cut == Cut(policy="P", rule="rule 'R'", filter=filter_, why="blocks it", peer=peer, port=5985)
    assert cut.warning("win1") == (
        "the policy 'P' cuts the connection from 198.51.100.9 to port 5985 of win1, which tasks use: the filter any+me "
        "of the rule 'R' blocks it; the host will not be able to confirm that its service was notified"
    )
    assert cut.error("win1") == (
        "the policy 'P' would cut the connection from 198.51.100.9 to port 5985 of win1, which tasks use: the filter "
        "any+me of the rule 'R' blocks it. Permit the peer in a rule with a more specific filter, such as {source: "
        "198.51.100.9, destination: me, protocol: tcp, destination_port: 5985}. If the connection may be cut, set "
        "lockout_check to warn"
    )
    assert cut.prediction("win1").endswith("the filter any+me of the rule 'R' blocks it")
    assert cut.later("win1").startswith("as soon as the service starts, the policy 'P' cuts the connection")
    assert "the rule 'R' requires IPsec" in _find("*+0", action="negotiate").warning("win1")


def test_the_cut_names_the_filter_that_decides():
    assert str(_find("*+0", "198.51.100.*+0", "198.51.100.9+0:445:TCP").filter) == "198.51.100.0/24+me"


@pytest.mark.parametrize(
    ("filters", "connections", "cut"),
    [
        (["*+0:445:TCP"], [CONTROLLER], None),
        (["198.51.100.9+0"], ["198.51.100.8"], None),
        (["198.51.100.9+0"], ["198.51.100.8", CONTROLLER], CONTROLLER),
        (["*+0"], ["198.51.100.8", CONTROLLER], "198.51.100.8"),
        (["*+0"], [], None),
    ],
)
def test_the_first_connection_that_the_policy_cuts(filters, connections, cut):
    found = _find(*filters, connections=connections)
    assert (found and str(found.peer)) == cut


@pytest.mark.parametrize("remote", [f"::ffff:{CONTROLLER}", "::FFFF:c633:6409", "::ffff:198.51.100.9%7"])
@pytest.mark.parametrize("local", ["192.0.2.2", "::ffff:192.0.2.2"])
@pytest.mark.parametrize("filter_", ["*+0", f"{CONTROLLER}+0", "198.51.100.*+192.0.2.2", "*+0:5985:TCP"])
def test_a_connection_reported_as_a_mapped_address_is_an_ipv4_connection(remote, local, filter_):
    found = _find(filter_, connections=[remote], local=local)
    assert found is not None
    assert str(found.peer) == CONTROLLER


def test_ipv6_filters_do_not_apply_to_a_mapped_address():
    for source in ("any/ipv6", "::ffff:0:0/96"):
        assert _find({"source": source, "destination": "me/ipv6"}, connections=[f"::ffff:{CONTROLLER}"]) is None


SPECIAL = [
    (kind, address.partition("%")[0]) for kind in ("dns", "wins", "dhcp", "gateway") for address in ADDRESSES[kind]
]


@pytest.mark.parametrize(("kind", "peer"), SPECIAL)
@pytest.mark.parametrize("mirrored", [True, False])
def test_a_controller_that_is_a_server_of_the_host(kind, peer, mirrored):
    family = "/ipv6" if ":" in peer else ""
    local = "2001:db8::2" if family else "192.0.2.2"
    rule = {"source": f"{kind}{family}", "destination": f"me{family}", "mirrored": mirrored}
    found = _find(rule, connections=[peer], local=local)
    assert found is not None
    assert str(found.peer) == peer
    # the same server for another purpose
    other = {**rule, "source": f"{'wins' if kind == 'dns' else 'dns'}{family}"}
    assert _find(other, connections=[peer], local=local) is None
    # a host that has no such server
    assert _find(rule, connections=[peer], local=local, addresses={**ADDRESSES, kind: []}) is None


def test_all_addresses_of_the_host_are_its_own():
    to_other = {"source": CONTROLLER, "destination": "me"}
    assert _find(to_other, local="192.0.2.2")
    # the address of the connection counts even if the host does not list it
    assert _find(to_other, local="192.0.2.200")
    assert _find({"source": "192.0.2.2", "destination": "me"}, connections=["192.0.2.2"], local="192.0.2.200")


@pytest.mark.parametrize("action", ["block", "negotiate"])
@pytest.mark.parametrize("filter_", ["*+0", "198.51.100.*+0", f"{CONTROLLER}+0", "*+0:5985:TCP"])
def test_the_filter_that_the_error_offers_lets_the_peer_in(filter_, action):
    cut = _find(filter_, action=action)
    offered = yaml.safe_load(re.search(r"such as (\{.*?\})", cut.error("win1"))[1])
    rules = [
        {"name": "R", "filters": [filter_], "action": action},
        {"name": "Permit", "filters": [offered], "action": "permit"},
    ]
    policy = Policy(name="P", rules=parse_policy({"name": "P", "rules": rules}).rules)
    connection = Connection(ipaddress.ip_address("192.0.2.2"), ipaddress.ip_address(CONTROLLER), 50000)
    assert find_cut(policy, (), [connection], LocalAddresses(), 5985) is None
