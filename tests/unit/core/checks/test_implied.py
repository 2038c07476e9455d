# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters that a policy and dynamic rules imply, compared with those that the simulated host makes of them."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.implied import Implied, is_understood
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import LocalAddresses
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.running import Direction
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.dynamic import DynamicFilter, DynamicRule
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import parse_dynamic_rule
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from unit import filters_in_force, stores
from winhost import wfp

ADDRESSES = {
    "me": ["192.0.2.2", "2001:db8::2"],
    "dns": ["192.0.2.53", "192.0.2.54", "2001:db8::53"],
    "wins": [],
    "dhcp": ["192.0.2.67"],
    "gateway": ["192.0.2.1", "fe80::1"],
}
LOCAL = LocalAddresses(
    {model.SpecialKind(kind): frozenset(map(ipaddress.ip_address, found)) for kind, found in ADDRESSES.items()}
)


def _store(*filters, **rule) -> Store:
    rule = {"name": "R", "filters": list(filters), "action": "block", **rule}
    return stores.change(Store(), {"name": "P", "rules": [rule]}, assigned=True).store


def _implied(store: Store, dynamic=()) -> Implied:
    return Implied.of(stores.stored(store, "P").policy, dynamic, LOCAL)


def _layers(store: Store) -> list[str]:
    return [row.layer.removeprefix("FWPM_LAYER_") for row in filters_in_force.rows_of(store, ADDRESSES)]


IN, OUT, IN6, OUT6 = ("INBOUND_TRANSPORT_V4", "OUTBOUND_TRANSPORT_V4", "INBOUND_TRANSPORT_V6", "OUTBOUND_TRANSPORT_V6")


@pytest.mark.parametrize(
    ("filter_", "rule", "layers"),
    [
        ("*=0:445:TCP", {}, [IN]),
        ("0=*", {}, [OUT]),
        ("*+0", {}, [IN, OUT]),
        ("0+0", {}, [OUT, IN]),
        ("10.0.0.0/8=192.0.2.0/24", {}, [OUT, IN]),
        ("*=*:80:TCP", {}, [OUT, IN]),
        ("0=192.0.2.9-192.0.2.17", {}, [OUT]),
        ({"source": "me", "destination": "dns", "mirrored": False}, {}, [OUT, OUT]),
        ({"source": "me", "destination": "wins"}, {}, []),
        ({"source": "me/both", "destination": "dns/both", "mirrored": False}, {}, [OUT, OUT, OUT6]),
        ({"source": "any/ipv6", "destination": "me/ipv6", "mirrored": False}, {}, [IN6]),
        ({"source": "2001:db8::/32", "destination": "me/ipv6", "mirrored": False}, {}, [IN6]),
        ({"source": "2001:db8::1-2001:db8::7", "destination": "me/ipv6", "mirrored": False}, {}, [IN6]),
        ({"source": "me", "destination": "192.0.2.9", "protocol": "tcp", "source_port": "1024-2000"}, {}, [OUT, IN]),
        ("0=192.0.2.9", {"action": "negotiate"}, [OUT, "IKEEXT_V4"]),
        ("0+192.0.2.9", {"action": "negotiate"}, [OUT, IN, "IKEEXT_V4"]),
        ("0=10.0.0.0/8", {"action": "negotiate", "tunnel": "192.0.2.9"}, [OUT, "IKEEXT_V4"]),
        ("10.0.0.0/8=0", {"action": "negotiate", "tunnel": "192.0.2.2"}, [IN, "IKEEXT_V4"]),
        ("0=10.0.0.0/8", {"action": "negotiate", "tunnel": "2001:db8::9"}, [OUT]),
        ("*+0", {"enabled": False}, []),
        ("*+0", {"connection_type": "lan"}, [IN, OUT]),
        ("*+0", {"connection_type": "dialup"}, [IN, OUT]),
    ],
)
def test_a_filter_implies_what_the_simulated_host_has(filter_, rule, layers):
    store = _store(filter_, **rule)
    rows = filters_in_force.rows_of(store, ADDRESSES)
    assert _layers(store) == layers
    implied = _implied(store)
    assert implied.digest() == filters_in_force.digest(rows)
    running = filters_in_force.read(rows).filters
    assert implied.missing(running) == []
    assert [implied.origin(found).filter for found in running] == [
        *stores.stored(store, "P").policy.rules[0].filters
    ] * len(rows)


def test_another_policy_has_another_digest():
    digests = {_implied(_store(f"*+0:{port}:TCP")).digest() for port in range(1, 5)}
    assert len(digests) == 4


def test_two_rules_for_two_types_of_connections_are_two_filters():
    rules = [
        {"name": kind, "filters": ["*+0"], "action": "block", "connection_type": kind} for kind in ("lan", "dialup")
    ]
    store = stores.change(Store(), {"name": "P", "rules": rules}, assigned=True).store
    rows = filters_in_force.rows_of(store, ADDRESSES)
    assert len(rows) == 4
    assert _implied(store).digest() == filters_in_force.digest(rows)


def test_the_origin_is_the_rule_and_the_policy():
    store = _store("*=0:445:TCP")
    policy = stores.stored(store, "P").policy
    (found,) = filters_in_force.read(filters_in_force.rows_of(store)).filters
    origin = _implied(store).origin(found)
    assert (origin.policy, origin.rule, origin.rule_id, origin.dynamic) == ("P", "R", policy.rules[0].id, None)
    assert origin.filter == policy.rules[0].filters[0]


def _dynamic(*filters, **rule) -> DynamicRule:
    return parse_dynamic_rule({"filters": list(filters), **rule}, "", [])


def test_the_origin_of_a_filter_of_a_dynamic_rule_is_its_index():
    store = _store("*=0:139:TCP")
    rules = [_dynamic("[0=203.0.113.7]"), _dynamic("[*=0:445:TCP]", "(*=0:80:TCP)")]
    other = _store("*=0:445:TCP")
    rows = [*filters_in_force.rows_of(store), *filters_in_force.rows_of(other)]
    implied = _implied(store, rules)
    found = [implied.origin(one) for one in filters_in_force.read(rows).filters]
    assert [(one.policy, one.dynamic) for one in found] == [("P", None), (None, 1)]
    assert found[1].rule == rules[1].short_title
    missing = implied.missing(filters_in_force.read(rows).filters)
    assert [(one.origin.dynamic, one.action) for one in missing] == [(0, "block"), (1, "permit")]


def test_a_local_address_of_the_host_may_stand_for_me():
    store = _store("*=0:445:TCP")
    (row,) = filters_in_force.rows_of(store)
    implied = _implied(store)
    for address, known in (("192.0.2.2", True), ("192.0.2.3", False)):
        changed = filters_in_force.with_condition(row, "FWPM_CONDITION_IP_LOCAL_ADDRESS", ("FWP_UINT32", address))
        (found,) = filters_in_force.read([changed]).filters
        assert (implied.origin(found) is not None) is known
        assert (implied.missing([found]) == []) is known


def test_an_address_of_the_host_does_not_stand_for_any_address():
    store = _store("*=192.0.2.0/24:80:TCP")
    rows = filters_in_force.rows_of(store)
    changed = filters_in_force.with_condition(rows[0], "FWPM_CONDITION_IP_LOCAL_ADDRESS", ("FWP_UINT32", "192.0.2.2"))
    assert _implied(store).origin(filters_in_force.read([changed]).filters[0]) is None


@pytest.mark.parametrize("direction", [Direction.IN, Direction.OUT])
def test_a_filter_between_other_addresses_may_be_in_force_in_one_direction(direction):
    store = _store("10.0.0.0/8=192.0.2.0/24")
    running = [f for f in filters_in_force.read(filters_in_force.rows_of(store)).filters if f.direction is direction]
    assert len(running) == 1
    assert _implied(store).missing(running) == []
    assert len(_implied(store).missing([])) == 1


def test_conditions_that_are_not_understood_but_for_the_type_of_the_interface():
    store = _store("*=0:445:TCP", connection_type="lan")
    (row,) = filters_in_force.rows_of(store)
    (found,) = filters_in_force.read([row]).filters
    assert found.unread
    assert is_understood(found)
    assert _implied(store).origin(found) is not None
    other = filters_in_force.with_condition(row, "FWPM_CONDITION_FLAGS", ("FWP_UINT32", "1"))
    (found,) = filters_in_force.read([other]).filters
    assert not is_understood(found)
    assert _implied(store).origin(found) is None


@pytest.mark.parametrize(
    "changed", [{"action": "FWP_ACTION_NONE"}, {"layer": "FWPM_LAYER_STREAM_V4"}, {"action": "FWP_ACTION_PERMIT"}]
)
def test_a_filter_with_another_action_or_layer_has_no_origin(changed):
    store = _store("*=0:445:TCP")
    (row,) = filters_in_force.rows_of(store)
    (found,) = filters_in_force.read([dataclasses.replace(row, **changed)]).filters
    assert _implied(store).origin(found) is None


def test_a_name_implies_its_address_and_an_unknown_one_is_counted():
    address = model.HostAddress(ipaddress.ip_address("192.0.2.9"))
    known, unknown = (
        DynamicRule(filters=(DynamicFilter(model.Filter(source=model.ME, destination=end), model.Action.BLOCK),))
        for end in (model.DnsName("server", address), model.DnsName("server"))
    )
    implied = Implied.of(None, [known, unknown], LOCAL)
    assert (len(implied), implied.unknown) == (1, 1)
    assert implied.missing([])[0].remote == address


def test_a_layer_without_a_family_matches_both():
    store = _store("*=0:445:TCP")
    (row,) = filters_in_force.rows_of(store)
    (found,) = filters_in_force.read([row]).filters
    other = dataclasses.replace(found, layer="{5926dfc8-e3cf-4426-a283-dc393f5d0f9d}")
    assert _implied(store).origin(other) is not None
    wrong = dataclasses.replace(row, layer="FWPM_LAYER_INBOUND_TRANSPORT_V6")
    assert _implied(store).origin(filters_in_force.read([wrong]).filters[0]) is None


def test_the_sublayer_and_the_name_do_not_matter():
    store = _store("*=0:445:TCP")
    rows: list[wfp.Row] = filters_in_force.rows_of(store)
    (found,) = filters_in_force.read([dataclasses.replace(rows[0], sublayer="{0}", name="other")]).filters
    assert _implied(store).origin(found) is not None
