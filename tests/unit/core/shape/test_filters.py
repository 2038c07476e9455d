# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Filters in dictionary form: the default of `mirrored`, and lists of addresses, protocols and ports."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import Filter
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.fields import ShapeError
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.filters import COMBINATIONS_LIMIT
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from unit import stores, work

FAR = [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(1, 10_001)]


def _wanted(*filters, **options):
    return parse_policy({"name": "P", "rules": [{"name": "R", "filters": list(filters), **options}]})


def _filters(*filters, **options) -> tuple[Filter, ...]:
    (rule,) = _wanted(*filters, **options).rules
    return rule.filters


def _texts(**filter_):
    return [str(found) for found in _filters({"source": "me", "destination": "any", **filter_})]


def _error(**filter_):
    with pytest.raises(ShapeError) as caught:
        _texts(**filter_)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "options", "mirrored"),
    [
        ({}, {}, True),
        ({"mirrored": None}, {}, True),
        ({"mirrored": False}, {}, False),
        ({}, {"action": "block"}, True),
        ({}, {"tunnel": "192.0.2.9"}, False),
        ({"mirrored": False}, {"tunnel": "192.0.2.9"}, False),
        ({}, {"tunnel": "192.0.2.9", "odd": True}, False),
    ],
)
def test_a_filter_is_mirrored_by_default_except_in_a_tunnel(given, options, mirrored):
    found = _filters({"source": "10.1.0.0/16", "destination": ["10.2.0.0/16", "10.3.0.0/16"], **given}, **options)
    assert [f.mirrored for f in found] == [mirrored] * 2


def test_special_addresses_are_mirrored_too():
    special = ["me", "any", "dns"]
    found = _filters({"source": special, "destination": special})
    assert [f.mirrored for f in found] == [True] * 6


def test_a_mirrored_filter_in_a_tunnel_is_an_error():
    with pytest.raises(ShapeError, match="a tunnel cannot have mirrored filters"):
        _filters({"source": "me", "destination": "any", "mirrored": True}, tunnel="192.0.2.9")


def test_lists_become_their_combinations_in_order():
    assert _texts(
        source=["10.1.0.0/16", "10.2.0.1-10.2.0.9"], protocol=["tcp", 17], destination_port=[445, "5000-5010", "any"]
    ) == [
        f"{source}+any{port}"
        for source in ("10.1.0.0/16", "10.2.0.1-10.2.0.9")
        for protocol in ("TCP", "UDP")
        for port in (f":445:{protocol}", f":5000-5010:{protocol}", f"::{protocol}")
    ]


def test_a_list_of_one_is_its_value():
    one = _filters({"source": "me", "destination": "192.0.2.1", "protocol": "tcp", "source_port": 1})
    assert one == _filters({"source": ["me"], "destination": ["192.0.2.1"], "protocol": ["tcp"], "source_port": [1]})


def test_combinations_with_the_same_meaning_are_one_filter():
    assert _texts(destination=["192.0.2.1", "192.0.2.1/32", "192.0.2.2"]) == ["me+192.0.2.1", "me+192.0.2.2"]
    both = {"source": ["192.0.2.1", "192.0.2.2"], "destination": ["192.0.2.1", "192.0.2.2"]}
    mirrored = ["192.0.2.1+192.0.2.1", "192.0.2.1+192.0.2.2", "192.0.2.2+192.0.2.2"]
    assert _texts(**both) == mirrored
    assert len(_texts(**both, mirrored=False)) == 4


def test_me_and_any_have_the_family_of_the_other_address():
    assert _texts(source=["me", "any"], destination=["192.0.2.1", "2001:db8::1", "any"]) == [
        "me+192.0.2.1",
        "me/ipv6+2001:db8::1",
        "me+any",
        "any+192.0.2.1",
        "any/ipv6+2001:db8::1",
        "any+any",
    ]
    assert _texts(source="me", destination=["2001:db8::/64", "a.example"]) == ["me/ipv6+2001:db8::/64", "me+a.example"]
    assert _texts(source=["me", "me/ipv6"], destination="2001:db8::1") == ["me/ipv6+2001:db8::1"]
    assert "192.0.2.1 and 2001:db8::1 mix IPv4 and IPv6" in _error(
        source=["me", "192.0.2.1"], destination=["192.0.2.2", "2001:db8::1"]
    )
    assert "me and 2001:db8::1 mix" in _error(source=["me/ipv4"], destination=["192.0.2.1", "2001:db8::1"])


def test_names_in_lists_are_looked_up_one_by_one():
    found = _filters({"source": ["me", "me/ipv6"], "destination": ["one.example", "two.example"]})
    assert len(found) == 4
    (single,) = _filters({"source": "me", "destination": ["one.example"], "destination_address": "192.0.2.1"})
    assert str(single.destination.address) == "192.0.2.1"


@pytest.mark.parametrize("key", ["source", "destination"])
def test_a_known_address_needs_a_single_name(key):
    assert _error(**{key: ["a.example", "b.example"], f"{key}_address": "192.0.2.1"}) == (
        f"rules[0] (R).filters[0].{key}_address: this needs a single DNS name in {key}, not several values"
    )


@pytest.mark.parametrize("key", ["source", "destination", "protocol", "source_port", "destination_port"])
def test_errors_of_lists_have_their_place(key):
    place = f"rules[0] (R).filters[0].{key}"
    assert _error(**{key: []}) == f"{place}: this list is empty; give at least one value"
    good = {"protocol": "tcp"}.get(key, "any")
    for wrong in ("a b", "", None, [], {}, 1.5):
        assert _error(**{key: [good, wrong]}).startswith(f"{place}[1]: ")


def test_a_note_has_the_place_of_its_address():
    wanted = _wanted("0+*", {"source": "me", "destination": ["192.0.2.1", "192.0.2.9/24"]})
    assert wanted.notes == (
        "rules[0] (R).filters[1].destination[1]: 192.0.2.9/24 has bits outside its mask; 192.0.2.0/24 is used instead",
    )


def test_too_many_combinations_are_refused_before_they_exist():
    ports = list(range(1, 1001))
    lists = {"protocol": "tcp", "source_port": ports, "destination_port": ports}
    assert work.peak(lambda: _error(**lists)) < 5_000_000
    assert _error(**lists) == (
        "rules[0] (R).filters[0]: the lists have 1,000,000 combinations, and each becomes a filter; at most 100,000 "
        "are allowed. Use subnets, ranges of addresses or ranges of ports"
    )
    fitting = ports[: COMBINATIONS_LIMIT // 1000 // 10]
    assert len(_texts(**{**lists, "destination_port": fitting})) == 1000 * len(fitting)


def test_a_long_list_takes_no_more_work_than_separate_filters():
    separate = [{"source": "me", "destination": address} for address in FAR[:1000]]
    one = {"source": "me", "destination": FAR[:1000]}
    assert _filters(one) == _filters(*separate)
    assert work.calls(lambda: _filters(one)) <= work.calls(lambda: _filters(*separate))


def test_facts_have_single_filters_that_mean_the_same():
    filter_ = {
        "source": "me",
        "destination": ["10.1.0.0/16", "2001:db8::/32"],
        "protocol": ["tcp", "udp"],
        "destination_port": [445, "5000-5010"],
    }
    rule = {"name": "R", "filters": [filter_], "action": "block"}
    done = stores.change(Store(), {"name": "P", "rules": [rule]})
    facts = stores.facts(done.store)["P"]
    assert facts["rules"][0]["filters"][-1] == {
        "source": "me/ipv6",
        "source_address": None,
        "destination": "2001:db8::/32",
        "destination_address": None,
        "protocol": "udp",
        "source_port": "any",
        "destination_port": "5000-5010",
        "mirrored": True,
        "description": "",
        "odd": False,
    }
    assert len(facts["rules"][0]["filters"]) == 8
    for again in ({"name": "P", "rules": [rule]}, facts):
        assert not stores.change(done.store, again).operations
