# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils.resolve import Resolver, names_in
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_policy

GUID = "{12345678-1234-1234-1234-123456789abc}"
NAMES = {
    "one.example": ["192.0.2.1", "2001:db8::1"],
    "two.example": ["192.0.2.3", "192.0.2.2"],
    "six.example": ["2001:db8::6"],
    "link.example": ["fe80::1%12"],
    "none.example": [],
    "odd.example": ["not an address"],
}


def _rules(*filters, **options):
    return parse_policy({"name": "P", "rules": [{"name": "R", "filters": list(filters), **options}]}).rules


def _resolve(*filters, mode="error", **options):
    resolver = Resolver(NAMES, {GUID: ["192.0.2.50", "2001:db8::50"]}, mode)
    (rule,) = _rules(*filters, **options)
    found = resolver.rule(rule)
    return [(str(f.source), str(getattr(f.destination, "address", f.destination))) for f in found.filters], resolver


def _to(name, **options):
    return {"source": "me", "destination": name, **options}


def test_each_name_is_asked_for_once():
    rules = _rules("0+one.example", "one.example+two.example", f"0+{GUID}", tunnel=None)
    assert names_in(rules) == (["one.example", "two.example"], [GUID])
    assert names_in(_rules("0=*", tunnel="gate.example")) == (["gate.example"], [])


def test_the_family_decides():
    assert _resolve("0+one.example")[0] == [("me", "192.0.2.1")]
    assert _resolve({"source": "me/ipv6", "destination": "one.example"})[0] == [("me/ipv6", "2001:db8::1")]
    assert _resolve(_to(GUID))[0] == [("me", "192.0.2.50")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("two.example", "two.example has several addresses: 192.0.2.2, 192.0.2.3. Write one of them"),
        ("six.example", "has no IPv4 address on this host; it has 2001:db8::6"),
        ("none.example", "rule 'R': the DNS name none.example has no IPv4 address on this host"),
        ("unknown.example", "has no IPv4 address"),
        ("odd.example", "the host answered for the DNS name odd.example with 'not an address', which is no address"),
        ("{00000000-0000-0000-0000-000000000000}", "the interface {0000"),
    ],
)
def test_what_stops_the_task(name, words):
    with pytest.raises(ModelError) as caught:
        _resolve(f"0+{name}")
    assert words in str(caught.value)


def test_all_addresses_of_both_ends():
    found, _resolver = _resolve("two.example=two.example", mode="all")
    assert len(found) == 4


def test_a_filter_with_several_is_left_out_with_a_warning():
    found, resolver = _resolve("0+two.example", "0+one.example", mode="ignore")
    assert found == [("me", "192.0.2.1")]
    assert resolver.warnings == ["rule 'R': the filter me+two.example is left out: two.example has several addresses"]
    with pytest.raises(ModelError, match=r"no filter is left, .* set multiple_addresses to all"):
        _resolve("0+two.example", mode="ignore")


def test_the_address_that_facts_gave_decides_while_it_is_one_of_them():
    assert _resolve(_to("two.example", destination_address="192.0.2.3"))[0] == [("me", "192.0.2.3")]
    with pytest.raises(ModelError, match="several addresses"):
        _resolve(_to("two.example", destination_address="192.0.2.77"))


def test_a_zone_is_no_part_of_an_address():
    assert _resolve({"source": "me/ipv6", "destination": "link.example"})[0] == [("me/ipv6", "fe80::1")]


def test_a_tunnel_has_one_endpoint():
    (rule,) = _rules("0=*", tunnel="one.example")
    assert str(Resolver(NAMES, {}, "all").rule(rule).tunnel.address) == "192.0.2.1"
    (rule,) = _rules("0=*", tunnel="two.example")
    with pytest.raises(ModelError, match="a tunnel has one endpoint"):
        Resolver(NAMES, {}, "all").rule(rule)
