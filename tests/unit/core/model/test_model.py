# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Values of the model: which cannot be built, and which are equal."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import (
    ANY,
    ME,
    Action,
    Ah,
    Esp,
    Family,
    ModelError,
    NegotiationPolicy,
    Policy,
    PresharedKey,
    Rule,
    Special,
    SpecialKind,
    network,
)
from hypothesis import given, settings
from unit import strategies
from unit.values import IP, address, main_mode_method, method, port, traffic

BLOCK = NegotiationPolicy(action=Action.BLOCK)
METHOD = method(Esp("3des", "sha"))
NEGOTIATE = NegotiationPolicy(action=Action.NEGOTIATE, methods=(METHOD,))
ONE_WAY = traffic(ME, ANY)


def rule(**parts):
    return Rule(**{"name": "a", "filters": (ONE_WAY,), "action": BLOCK, **parts})


INVALID = {
    "port without tcp or udp": (
        lambda: traffic(ME, ANY, protocol=1, destination_port=port(80)),
        "a port needs the protocol tcp or udp, not icmp",
    ),
    "port 0": (lambda: port(0), "'0' is not a valid port; use 1 to 65535"),
    "port 65536": (lambda: port(65536), "'65536' is not a valid port; use 1 to 65535"),
    "backward port range": (lambda: model.Ports(90, 80), "a range that starts with the lower port"),
    "protocol 256": (lambda: traffic(ME, ANY, protocol=256), "use a number from 0 to 255"),
    "two families": (
        lambda: traffic(address("192.0.2.1"), address("2001:db8::1")),
        "mix IPv4 and IPv6; both must be addresses of the same family",
    ),
    "any of both families": (lambda: traffic(Special(SpecialKind.ANY, Family.BOTH), ME), "any/both"),
    "non-contiguous mask": (lambda: model.Subnet(IP("10.0.0.0"), 0xFF00FF00), "255.0.255.0 is not contiguous"),
    "host bits": (lambda: model.Subnet(IP("10.0.0.1"), 0xFF000000), "bits outside its mask"),
    "backward address range": (
        lambda: model.AddressRange(IP("192.0.2.9"), IP("192.0.2.1")),
        "must start with the lower address",
    ),
    "address range that is a subnet": (
        lambda: model.AddressRange(IP("192.0.2.0"), IP("192.0.2.7")),
        "is a subnet; write it as a subnet",
    ),
    "address range of two families": (lambda: model.AddressRange(IP("192.0.2.9"), IP("::1")), "mixes IPv4 and IPv6"),
    "host 0.0.0.0": (lambda: address("0.0.0.0"), "would be stored as 'me'"),
    "DNS name with a blank": (lambda: model.DnsName("two words"), "neither an address nor a DNS name"),
    "DNS name that is an invalid address": (
        lambda: model.DnsName("192.0.2.300"),
        "neither an address nor a DNS name",
    ),
    "interface": (lambda: model.Interface("{1}"), "is not an interface GUID"),
    "default response without methods": (
        lambda: model.DefaultResponse(enabled=True, methods=()),
        "at least one security method",
    ),
    "default response without authentication": (
        lambda: model.DefaultResponse(enabled=True, authentication=()),
        "at least one authentication method",
    ),
    "main mode method with a limit below 0": (
        lambda: main_mode_method("3des", "sha", 2, quick_mode_limit=-3),
        "the limit of quick modes must be 0 to 4294967295, not -3",
    ),
    "main mode with two lifetimes": (
        lambda: model.MainMode(methods=(main_mode_method("3des", "sha", 2, lifetime_seconds=3600),)),
        "they are one value, so set only one of them",
    ),
    "main mode without methods": (lambda: model.MainMode(methods=()), "at least one method, such as 3des-sha-2"),
    "main mode lifetime 0": (
        lambda: model.MainMode(lifetime_seconds=0),
        "the main-mode lifetime must be 1 to 4294967295 seconds, not 0",
    ),
    "esp[none,none]": (lambda: Esp("none", "none"), "esp[none,none] would protect nothing"),
    "two ah": (lambda: method(Ah("md5"), Ah("sha")), "a security method is ah[…], esp[…] or ah[…]+esp[…]"),
    "lifetime below 0": (
        lambda: method(Ah("md5"), lifetime_seconds=-1),
        "the lifetime must be 0 to 4294967295 seconds, not -1",
    ),
    "lifetime above 32 bits": (
        lambda: method(Ah("md5"), lifetime_kilobytes=1 << 32),
        "the lifetime must be 0 to 4294967295 kilobytes, not 4294967296",
    ),
    "block with methods": (
        lambda: NegotiationPolicy(action=Action.BLOCK, methods=(METHOD,)),
        "block takes no security methods",
    ),
    "permit with soft": (
        lambda: NegotiationPolicy(action=Action.PERMIT, soft=True),
        "permit takes no security methods, inpass or soft; these need the action negotiate",
    ),
    "negotiate without methods": (
        lambda: NegotiationPolicy(action=Action.NEGOTIATE),
        "at least one security method",
    ),
    "empty key": (lambda: PresharedKey(""), "the pre-shared key is empty"),
    "key with NUL": (lambda: PresharedKey("a\0b"), "NUL"),
    "certificate without name": (lambda: model.Certificate(ca=" "), "the distinguished name of its authority"),
    "certificate mapping": (
        lambda: model.Certificate(ca="CN=a", account_mapping=True),
        "cannot be set",
    ),
    "rule without filters": (lambda: rule(filters=()), "the rule needs at least one filter"),
    "rule without authentication": (
        lambda: rule(authentication=()),
        "the rule needs at least one authentication method; leave authentication out to use kerberos",
    ),
    "tunnel with a mirrored filter": (
        lambda: rule(filters=(traffic(ME, ANY, mirrored=True),), action=NEGOTIATE, tunnel=address("192.0.2.1")),
        "use one rule for each direction",
    ),
    "tunnel that blocks": (lambda: rule(tunnel=address("192.0.2.1")), "must have the action negotiate, not block"),
    "name with a newline": (lambda: rule(name="a\nb"), "contains the character U+000A"),
    "name with a right-to-left mark": (lambda: Policy(name="a\u202eb"), "contains the character U+202E"),
    "name of 10,000 characters": (lambda: Policy(name="a" * 10_000), "at most 255 are allowed"),
    "policy without name": (lambda: Policy(name=" "), "the policy needs a name"),
    "poll interval 0": (
        lambda: Policy(name="a", poll_interval=0),
        "the poll interval must be 1 to 4294967295 seconds, not 0",
    ),
}


@pytest.mark.parametrize(("build", "words"), INVALID.values(), ids=INVALID.keys())
def test_invalid_value_cannot_be_built(build, words):
    with pytest.raises(ModelError) as caught:
        build()
    assert words in str(caught.value)


@given(strategies.policies())
@settings(max_examples=50)
def test_policies_with_the_same_meaning_are_equal(policy):
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


def test_every_address_has_one_form():
    assert network(IP("192.0.2.1"), 0xFFFFFFFF) == address("192.0.2.1")
    assert network(IP("192.0.2.77"), 0xFFFFFF00) == network(IP("192.0.2.0"), 0xFFFFFF00)
    assert network(IP("192.0.2.77"), 0) == ANY


def test_mirrored_filter_equals_its_reversal():
    assert traffic(ME, ANY) != traffic(ANY, ME)
    assert traffic(ME, ANY, mirrored=True) == traffic(ANY, ME, mirrored=True)


def test_main_mode_methods_keep_only_limits_that_differ_from_main_mode():
    plain = main_mode_method("3des", "sha", 2)
    repeated = dataclasses.replace(plain, lifetime_seconds=28800, lifetime_kilobytes=0, quick_mode_limit=0)
    assert model.MainMode(methods=(plain, repeated)) == model.MainMode(methods=(plain, plain))


def test_dns_names_ignore_case_and_the_final_dot():
    assert model.DnsName("Server.Example.") == model.DnsName("server.example")
    assert str(model.DnsName("dns")) == "dns."


def test_order_of_methods_and_case_of_keys_matter():
    one, two = method(Ah("md5")), method(Ah("sha"))
    first, second = (
        NegotiationPolicy(action=Action.NEGOTIATE, methods=methods) for methods in ((one, two), (two, one))
    )
    assert first != second
    assert PresharedKey("a") != PresharedKey("A")
    assert model.Certificate(ca="CN=a") != model.Certificate(ca="CN=A")


def test_order_of_ah_and_esp_does_not_matter():
    both = (Ah("md5"), Esp("des", "none"))
    assert method(*both) == method(*both[::-1])


def test_representation_has_no_key():
    secured = rule(authentication=(PresharedKey("s3cret"),))
    assert "s3cret" not in repr(secured) + str(secured) + repr(Policy(name="p", rules=(secured,)))


def test_value_with_an_odd_part_is_odd():
    odd = traffic(model.Subnet(IP("10.0.0.0"), 0xFF00FF00, odd=True), ME)
    assert odd.odd
    assert NegotiationPolicy(action=Action.NEGOTIATE, methods=(method(Esp("7", "sha", odd=True)),)).odd
