# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Addresses as text."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import (
    ANY,
    ME,
    AddressRange,
    DnsName,
    Family,
    HostAddress,
    Interface,
    ModelError,
    Special,
    SpecialKind,
    network,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.addresses import parse_address
from hypothesis import given
from hypothesis import strategies as st
from unit import strategies
from unit.values import GUID, IP

KNOWN = {
    "me": ME,
    "Me": ME,
    "0": ME,
    "0/255.255.255.255": ME,
    "any": ANY,
    "*": ANY,
    "*.*.*.*": ANY,
    "0.0.0.0/0": ANY,
    "any/ipv6": Special(SpecialKind.ANY, Family.IPV6),
    "::/0": Special(SpecialKind.ANY, Family.IPV6),
    "gateway/both": Special(SpecialKind.GATEWAY, Family.BOTH),
    "dns": Special(SpecialKind.DNS),
    "dns.": DnsName("dns."),
    "192.0.2.1": HostAddress(IP("192.0.2.1")),
    " 192.0.2.1 ": HostAddress(IP("192.0.2.1")),
    "192.0.2.1/32": HostAddress(IP("192.0.2.1")),
    "192.0.2.1/255.255.255.255": HostAddress(IP("192.0.2.1")),
    "192.0.2.0/24": network(IP("192.0.2.0"), 0xFFFFFF00),
    "192.0.2.0/255.255.255.0": network(IP("192.0.2.0"), 0xFFFFFF00),
    "10.92.*.*": network(IP("10.92.0.0"), 0xFFFF0000),
    "192.0.2.1-192.0.2.9": AddressRange(IP("192.0.2.1"), IP("192.0.2.9")),
    "192.0.2.1-192.0.2.1": HostAddress(IP("192.0.2.1")),
    "192.0.2.0-192.0.2.255": network(IP("192.0.2.0"), 0xFFFFFF00),
    "0.0.0.0-255.255.255.255": ANY,
    "2001:db8::-2001:db8::ffff": network(IP("2001:db8::"), ((1 << 112) - 1) << 16),
    "2001:db8::1": HostAddress(IP("2001:db8::1")),
    "2001:db8::/64": network(IP("2001:db8::"), ((1 << 64) - 1) << 64),
    "2001:db8::1-2001:db8::9": AddressRange(IP("2001:db8::1"), IP("2001:db8::9")),
    "server-1.example": DnsName("server-1.example"),
    "10gbit.example": DnsName("10gbit.example"),
    GUID: Interface(GUID),
}
INVALID = {
    "0.0.0.0": "would be stored as 'me'",
    "0.0.0.0/32": "would be stored as 'me'",
    "::": "would be stored as 'me'",
    "192.0.2.300": "four numbers from 0 to 255",
    "192.0.2": "four numbers from 0 to 255",
    "1": "four numbers from 0 to 255",
    "10.*.1.*": "not a valid wildcard; write four octets, the last ones stars",
    "10.*.*": "write four octets",
    "300.*.*.*": "an invalid octet; an octet is a number from 0 to 255",
    "10.*.*.*/8": "not a valid wildcard; .* without a mask",
    "192.0.2.0/33": "a number of bits from 0 to 32",
    "192.0.2.0/": "a number of bits from 0 to 32",
    "192.0.2.0/255.0.255.0": "not contiguous",
    "2001:db8::/129": "a number of bits from 0 to 128",
    "2001:db8::/255.255.255.0": "a number of bits from 0 to 128",
    "fe80::1%eth0": "has a zone",
    "fe80::1%1-fe80::2%1": "has a zone",
    "fe80::%eth0/64": "has a zone",
    "0.0.0.0-0.0.0.0": "would be stored as 'me'",
    "::-::": "would be stored as 'me'",
    "192.0.2.9-192.0.2.1": "must start with the lower address",
    "192.0.2.1-2001:db8::1": "mixes IPv4 and IPv6",
    "server.example/24": "a mask needs an address, not",
    "192.0.2.300/24": "four numbers from 0 to 255",
    "two words": "neither an address nor a DNS name",
    "any/ipv5": "after 'any/', use ipv4, ipv6 or both",
    "{1234}": "not an interface GUID",
    "": "neither an address nor a DNS name",
}


@pytest.mark.parametrize("text", KNOWN)
def test_meaning_of_an_address(text):
    notes = []
    assert parse_address(text, notes) == KNOWN[text]
    assert notes == []


@pytest.mark.parametrize("text", INVALID)
def test_invalid_address_is_an_error_that_says_what_is_allowed(text):
    with pytest.raises(ModelError, match=INVALID[text]):
        parse_address(text, [])


@pytest.mark.parametrize("text", ["192.0.2.77/24", "192.0.2.77/255.255.255.0", "2001:db8::1/64"])
def test_host_bits_are_cleared_with_a_note(text):
    notes = []
    address = parse_address(text, notes)
    assert notes == [f"{text} has bits outside its mask; {address} is used instead"]


def test_non_contiguous_mask_is_accepted_from_stores_only():
    found = parse_address("10.0.1.0/255.0.255.0", [], odd=True)
    assert (found.mask, found.odd) == (0xFF00FF00, True)
    assert parse_address(str(found), [], odd=True) == found


@given(st.one_of(strategies.addresses(4), strategies.addresses(6)))
def test_text_of_any_address_can_be_parsed(address):
    found = parse_address(str(address), [], odd=True)
    assert found == (DnsName(address.name) if isinstance(address, DnsName) else address)


@given(st.text())
def test_any_text_is_an_address_or_one_clear_error(text):
    try:
        parse_address(text, [])
    except ModelError as error:
        assert str(error)
