# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.addresses import parse_address
from ansible_collections.ipsec.windows.plugins.module_utils.model import (
    ANY,
    ME,
    AddressRange,
    DnsName,
    Family,
    Host,
    Interface,
    ModelError,
    Special,
    network,
)
from hypothesis import given
from hypothesis import strategies as st
from unit import strategies

IP = ipaddress.ip_address
GUID = "{12345678-1234-1234-1234-123456789ABC}"
KNOWN = {
    "me": ME,
    "Me": ME,
    "0": ME,
    "0/255.255.255.255": ME,
    "any": ANY,
    "*": ANY,
    "*.*.*.*": ANY,
    "0.0.0.0/0": ANY,
    "any/ipv6": Special("any", Family.IPV6),
    "::/0": Special("any", Family.IPV6),
    "gateway/both": Special("gateway", Family.BOTH),
    "dns": Special("dns"),
    "dns.": DnsName("dns."),
    "192.0.2.1": Host(IP("192.0.2.1")),
    " 192.0.2.1 ": Host(IP("192.0.2.1")),
    "192.0.2.1/32": Host(IP("192.0.2.1")),
    "192.0.2.1/255.255.255.255": Host(IP("192.0.2.1")),
    "192.0.2.0/24": network(IP("192.0.2.0"), 0xFFFFFF00),
    "192.0.2.0/255.255.255.0": network(IP("192.0.2.0"), 0xFFFFFF00),
    "10.92.*.*": network(IP("10.92.0.0"), 0xFFFF0000),
    "192.0.2.1-192.0.2.9": AddressRange(IP("192.0.2.1"), IP("192.0.2.9")),
    "192.0.2.1-192.0.2.1": Host(IP("192.0.2.1")),
    "192.0.2.0-192.0.2.255": network(IP("192.0.2.0"), 0xFFFFFF00),
    "0.0.0.0-255.255.255.255": ANY,
    "2001:db8::-2001:db8::ffff": network(IP("2001:db8::"), ((1 << 112) - 1) << 16),
    "2001:db8::1": Host(IP("2001:db8::1")),
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
    "10.*.1.*": "stars at the end",
    "10.*.*": "four octets",
    "300.*.*.*": "no number from 0 to 255",
    "10.*.*.*/8": "no wildcard",
    "192.0.2.0/33": "0 to 32",
    "192.0.2.0/": "0 to 32",
    "192.0.2.0/255.0.255.0": "not contiguous",
    "2001:db8::/129": "0 to 128",
    "2001:db8::/255.255.255.0": "0 to 128",
    "fe80::1%eth0": "zone",
    "fe80::1%1-fe80::2%1": "zone",
    "fe80::%eth0/64": "zone",
    "0.0.0.0-0.0.0.0": "would be stored as 'me'",
    "::-::": "would be stored as 'me'",
    "192.0.2.9-192.0.2.1": "from a lower address",
    "192.0.2.1-2001:db8::1": "mixes IPv4 and IPv6",
    "server.example/24": "goes with an address",
    "192.0.2.300/24": "four numbers from 0 to 255",
    "two words": "neither an address nor a DNS name",
    "any/ipv5": "goes with an address",
    "{1234}": "no interface GUID",
    "": "neither an address nor a DNS name",
}


@pytest.mark.parametrize("text", KNOWN)
def test_what_addresses_mean(text):
    notes = []
    assert parse_address(text, notes) == KNOWN[text]
    assert notes == []


@pytest.mark.parametrize("text", INVALID)
def test_a_mistake_says_what_would_be_right(text):
    with pytest.raises(ModelError, match=INVALID[text]):
        parse_address(text, [])


@pytest.mark.parametrize("text", ["192.0.2.77/24", "192.0.2.77/255.255.255.0", "2001:db8::1/64"])
def test_host_bits_are_cleared_with_a_note(text):
    notes = []
    address = parse_address(text, notes)
    assert notes == [f"{text} has bits outside of its mask; it is taken as {address}"]


def test_a_mask_that_is_not_contiguous_is_only_taken_from_stores():
    found = parse_address("10.0.1.0/255.0.255.0", [], odd=True)
    assert (found.mask, found.odd) == (0xFF00FF00, True)
    assert parse_address(str(found), [], odd=True) == found


@given(st.one_of(strategies.addresses(4), strategies.addresses(6)))
def test_every_address_can_be_read_as_it_is_shown(address):
    found = parse_address(str(address), [], odd=True)
    assert found == (DnsName(address.name) if isinstance(address, DnsName) else address)


@given(st.text())
def test_any_text_is_an_address_or_one_clear_error(text):
    try:
        parse_address(text, [])
    except ModelError as error:
        assert str(error)
