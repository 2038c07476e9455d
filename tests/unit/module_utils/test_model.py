# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils import model
from ansible_collections.ipsec.windows.plugins.module_utils.model import (
    ANY,
    ME,
    Ah,
    Esp,
    Filter,
    Host,
    ModelError,
    NegotiationPolicy,
    Policy,
    Ports,
    PresharedKey,
    Rule,
    SecurityMethod,
    Special,
    network,
)
from hypothesis import given
from unit import strategies

IP = ipaddress.IPv4Address
IP6 = ipaddress.IPv6Address
BLOCK = NegotiationPolicy("block")
METHOD = SecurityMethod((Esp("3des", "sha"),))

INVALID = {
    "port without tcp or udp": (lambda: Filter(ME, ANY, 1, None, Ports(80, 80)), "tcp or udp"),
    "port 0": (lambda: Ports(0, 0), "1 to 65535"),
    "port 65536": (lambda: Ports(65536, 65536), "1 to 65535"),
    "range backwards": (lambda: Ports(90, 80), "from the lower"),
    "protocol 256": (lambda: Filter(ME, ANY, 256), "0 to 255"),
    "two families": (lambda: Filter(Host(IP("192.0.2.1")), Host(IP6("2001:db8::1"))), "one family"),
    "any of both families": (lambda: Filter(Special("any", model.Family.BOTH), ME), "any/both"),
    "non-contiguous mask": (lambda: model.Subnet(IP("10.0.0.0"), 0xFF00FF00), "contiguous"),
    "host bits": (lambda: model.Subnet(IP("10.0.0.1"), 0xFF000000), "outside of its mask"),
    "address range backwards": (lambda: model.AddressRange(IP("192.0.2.9"), IP("192.0.2.1")), "lower address"),
    "address range that is a subnet": (lambda: model.AddressRange(IP("192.0.2.0"), IP("192.0.2.7")), "is a subnet"),
    "host 0.0.0.0": (lambda: Host(IP(0)), "would be stored as 'me'"),
    "default response without methods": (lambda: model.DefaultResponse(True, ()), "at least one security method"),
    "default response without authentication": (
        lambda: model.DefaultResponse(True, authentication=()),
        "at least one authentication method",
    ),
    "main mode method with a limit below 0": (
        lambda: model.MainModeMethod("3des", "sha", 2, quick_mode_limit=-3),
        "a limit of quick modes of -3 cannot be",
    ),
    "main mode with two lifetimes": (
        lambda: model.MainMode((model.MainModeMethod("3des", "sha", 2, 3600),)),
        "give it in one place",
    ),
    "address range of two families": (lambda: model.AddressRange(IP("192.0.2.9"), IP6("::1")), "mixes"),
    "special address": (lambda: Special("everything"), "me, any"),
    "DNS name with a blank": (lambda: model.DnsName("two words"), "DNS name"),
    "DNS name that is a bad address": (lambda: model.DnsName("192.0.2.300"), "DNS name"),
    "interface": (lambda: model.Interface("{1}"), "GUID"),
    "esp[none,none]": (lambda: Esp("none", "none"), "esp[none,none]"),
    "esp with an unknown cipher": (lambda: Esp("aes", "sha"), "none, des or 3des"),
    "esp with an unknown hash": (lambda: Esp("3des", "sha256"), "none, md5 or sha"),
    "ah without hash": (lambda: Ah("none"), "md5 or sha"),
    "two ah": (lambda: SecurityMethod((Ah("md5"), Ah("sha"))), "ah[…]+esp[…]"),
    "lifetime below 0": (lambda: SecurityMethod((Ah("md5"),), -1), "cannot be stored"),
    "lifetime above 32 bits": (lambda: SecurityMethod((Ah("md5"),), 0, 1 << 32), "cannot be stored"),
    "unknown action": (lambda: NegotiationPolicy("drop"), "permit, block or negotiate"),
    "block with methods": (lambda: NegotiationPolicy("block", (METHOD,)), "belong to negotiate"),
    "permit with soft": (lambda: NegotiationPolicy("permit", soft=True), "belong to negotiate"),
    "negotiate without methods": (lambda: NegotiationPolicy("negotiate"), "at least one"),
    "empty key": (lambda: PresharedKey(""), "empty"),
    "key with NUL": (lambda: PresharedKey("a\0b"), "NUL"),
    "certificate without name": (lambda: model.Certificate(" "), "distinguished name"),
    "certificate mapping": (lambda: model.Certificate("CN=a", account_mapping=True), "not known"),
    "rule without filters": (lambda: Rule("a", (), BLOCK), "no filters"),
    "rule without authentication": (lambda: Rule("a", (Filter(ME, ANY),), BLOCK, ()), "no authentication"),
    "unknown connection type": (
        lambda: Rule("a", (Filter(ME, ANY),), BLOCK, connection_type="vpn"),
        "all, lan, dialup",
    ),
    "tunnel with a mirrored filter": (
        lambda: Rule(
            "a",
            (Filter(ME, ANY, mirrored=True),),
            NegotiationPolicy("negotiate", (METHOD,)),
            tunnel=Host(IP("192.0.2.1")),
        ),
        "one rule for each direction",
    ),
    "tunnel that blocks": (
        lambda: Rule("a", (Filter(ME, ANY),), BLOCK, tunnel=Host(IP("192.0.2.1"))),
        "takes no tunnel",
    ),
    "name with a newline": (lambda: Rule("a\nb", (Filter(ME, ANY),), BLOCK), "U+000A"),
    "name with a right-to-left mark": (lambda: Policy("a\u202eb"), "U+202E"),
    "name of 10,000 characters": (lambda: Policy("a" * 10_000), "at most 255"),
    "policy without name": (lambda: Policy(" "), "no name"),
    "main mode group 5": (lambda: model.MainModeMethod("3des", "sha", 5), "1, 2 or 14"),
    "main mode without methods": (lambda: model.MainMode(()), "at least one"),
    "main mode lifetime 0": (lambda: model.MainMode(lifetime_seconds=0), "it is 1 to 4294967295"),
    "poll interval 0": (lambda: Policy("a", poll_interval=0), "it is 1 to 4294967295"),
}


@pytest.mark.parametrize(("build", "word"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_value_cannot_be_built(build, word):
    with pytest.raises(ModelError) as caught:
        build()
    assert word in str(caught.value)


@given(strategies.policies())
def test_a_policy_equals_itself_whatever_way_it_is_written(policy):
    rules = tuple(
        dataclasses.replace(
            rule,
            filters=tuple(
                dataclasses.replace(
                    f,
                    source=f.destination,
                    destination=f.source,
                    source_port=f.destination_port,
                    destination_port=f.source_port,
                )
                if f.mirrored
                else f
                for f in reversed(rule.filters)
            )
            + rule.filters,
        )
        for rule in reversed(policy.rules)
    )
    other = dataclasses.replace(policy, rules=rules, id="{12345678-1234-1234-1234-123456789abc}")
    assert other == policy
    assert hash(other) == hash(policy)


def test_one_address_has_one_form():
    assert network(IP("192.0.2.1"), 0xFFFFFFFF) == Host(IP("192.0.2.1"))
    assert network(IP("192.0.2.77"), 0xFFFFFF00) == network(IP("192.0.2.0"), 0xFFFFFF00)
    assert network(IP("192.0.2.77"), 0) == ANY


def test_a_filter_of_one_direction_is_not_the_other_one():
    assert Filter(ME, ANY) != Filter(ANY, ME)
    assert Filter(ME, ANY, mirrored=True) == Filter(ANY, ME, mirrored=True)


def test_main_mode_methods_have_for_their_own_only_what_differs():
    method = model.MainModeMethod("3des", "sha", 2)
    repeated = dataclasses.replace(method, lifetime_seconds=28800, lifetime_kilobytes=0, quick_mode_limit=0)
    assert model.MainMode((method, repeated)) == model.MainMode((method, method))


def test_names_are_compared_letter_by_letter():
    assert model.fold("STRASSE Ä") == model.fold("strasse ä")
    assert model.fold("Straße") != model.fold("Strasse")


def test_names_of_hosts_ignore_case_and_the_final_dot():
    assert model.DnsName("Server.Example.") == model.DnsName("server.example")
    assert str(model.DnsName("dns")) == "dns."


def test_order_means_something_for_methods_and_keys_are_case_sensitive():
    one, two = SecurityMethod((Ah("md5"),)), SecurityMethod((Ah("sha"),))
    assert NegotiationPolicy("negotiate", (one, two)) != NegotiationPolicy("negotiate", (two, one))
    assert PresharedKey("a") != PresharedKey("A")
    assert model.Certificate("CN=a") != model.Certificate("CN=A")


def test_ah_and_esp_are_applied_together():
    both = (Ah("md5"), Esp("des", "none"))
    assert SecurityMethod(both) == SecurityMethod(both[::-1])


def test_a_key_is_not_part_of_any_representation():
    rule = Rule("a", (Filter(ME, ANY),), BLOCK, (PresharedKey("s3cret"),))
    assert "s3cret" not in repr(rule) + str(rule) + repr(Policy("p", (rule,)))


def test_what_holds_an_odd_part_is_odd():
    odd = Filter(model.Subnet(IP("10.0.0.0"), 0xFF00FF00, odd=True), ME)
    assert odd.odd
    assert NegotiationPolicy("negotiate", (SecurityMethod((Esp("7", "sha", odd=True),)),)).odd
