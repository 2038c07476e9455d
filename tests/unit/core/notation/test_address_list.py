# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Lists of addresses in files, as the filter ipsec_addresses reads them."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ipsec.windows.plugins.filter.ipsec_addresses import ipsec_addresses
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import REQUEST_LIMIT
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.address_list import parse_address_list
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from unit import stores

FILE = """\
# a list with comments, from 2026
; and another

192.0.2.1
 192.0.2.2\t# a tab before, a comment after
203.0.113.0/24 ; SBL1
203.0.113.0/255.255.255.0
10.92.*.*
198.51.100.1-198.51.100.9
198.51.100.20 - 198.51.100.30
192.0.2.1
192.0.2.1/32
2001:db8::1
2001:DB8:0::1
2001:db8:66::/48;x
2001:db8::5-2001:db8::7
"""
ADDRESSES = [
    "192.0.2.1",
    "192.0.2.2",
    "203.0.113.0/24",
    "10.92.0.0/16",
    "198.51.100.1-198.51.100.9",
    "198.51.100.20-198.51.100.30",
    "2001:db8::1",
    "2001:db8:66::/48",
    "2001:db8::5-2001:db8::7",
]


@pytest.mark.parametrize(
    "given",
    [
        FILE,
        FILE.rstrip("\n"),
        "\ufeff" + FILE,
        FILE.replace("\n", "\r\n"),
        FILE.splitlines(),
        FILE.splitlines(keepends=True),
        tuple(FILE.split("\n")),
        # as the lookup returns a file of Notepad or PowerShell
        FILE.encode("utf-16").decode("utf-8", "surrogateescape"),
    ],
    ids=["text", "no last line end", "mark", "CRLF", "lines", "lines with ends", "tuple", "UTF-16"],
)
def test_addresses_of_a_file(given):
    assert ipsec_addresses(given) == ADDRESSES


def test_the_encoding_of_comments():
    text = "192.0.2.1 # Büro".encode("cp1252").decode("utf-8", "surrogateescape")
    assert ipsec_addresses(text, encoding="cp1252") == ["192.0.2.1"]


def test_filters_take_what_is_returned():
    rule = {"name": "R", "filters": [{"source": "me", "destination": ipsec_addresses(FILE)}]}
    (found,) = parse_policy({"name": "P", "rules": [rule]}).rules
    assert [str(f.destination) for f in found.filters] == ADDRESSES
    assert {str(f.source) for f in found.filters[:6]} == {"me"}
    assert {str(f.source) for f in found.filters[6:]} == {"me/ipv6"}


@pytest.mark.parametrize("empty", ["", "\n\r\n", "# nothing\n", "\ufeff", []])
def test_a_file_without_addresses_is_an_empty_list(empty):
    assert ipsec_addresses(empty) == []


NOT_ONE = "is not an address, a subnet or a range; write one in each line, as in 192.0.2.1, 192.0.2.0/24, "


@pytest.mark.parametrize(
    ("line", "column", "problem"),
    [
        ("192.0.2.300", 1, "'192.0.2.300' is not a valid address; an IPv4 address is four numbers from 0 to 255"),
        ("  192.0.2.0/33", 3, "'33' is not a valid mask for 192.0.2.0; use a number of bits from 0 to 32"),
        ("192.0.2.9-192.0.2.1", 1, "the range 192.0.2.9-192.0.2.1 must start with the lower address"),
        ("192.0.2.1-", 1, "'192.0.2.1-' is not a valid range; write two addresses"),
        ("10.0.0.0/255.0.255.0", 1, "the mask 255.0.255.0 is not contiguous"),
        ("2001:db8::g", 1, f"'2001:db8::g' {NOT_ONE}"),
        ("2001:db8:::1", 1, "'2001:db8:::1' is not a valid IPv6 address"),
        ("fe80::1%12", 1, "'fe80::1%12' has a zone (%12), which a filter cannot hold"),
        ("server.example", 1, f"'server.example' {NOT_ONE}"),
        ("bad1.cafe # hexadecimal digits", 1, f"'bad1.cafe' {NOT_ONE}"),
        ("192.0.2.l", 1, f"'192.0.2.l' {NOT_ONE}"),
        ("192.0.2.1 192.0.2.2", 1, f"'192.0.2.1 192.0.2.2' {NOT_ONE}"),
        ("192.0.2.1,192.0.2.2", 1, f"'192.0.2.1,192.0.2.2' {NOT_ONE}"),
        ("0+192.0.2.1", 1, f"'0+192.0.2.1' {NOT_ONE}"),
        ("{12345678-1234-1234-1234-123456789abc}", 1, NOT_ONE),
        ("me", 1, "'me' means me, which is not allowed in a list of addresses; write me in the filter itself"),
        ("0", 1, "'0' means me, which is not allowed"),
        ("*", 1, "'*' means any, which is not allowed"),
        ("any", 1, "'any' means any, which is not allowed"),
        ("0.0.0.0/0", 1, "'0.0.0.0/0' means any, which is not allowed"),
        ("::/0", 1, "'::/0' means any/ipv6, which is not allowed"),
        ("0.0.0.0", 1, "0.0.0.0 alone would be stored as 'me'"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_error_has_its_line_and_says_what_is_right(line, column, problem, end):
    with pytest.raises(SourceError) as caught:
        parse_address_list(end.join(["# comment", "192.0.2.1", line, "192.0.2.2"]), [])
    assert (caught.value.line, caught.value.column) == (3, column)
    assert problem in caught.value.problem
    assert "DNS names are not allowed, as each host" in caught.value.problem or NOT_ONE not in problem


def test_bits_outside_the_mask_are_noted():
    notes = []
    assert parse_address_list("192.0.2.1\n192.0.2.1/24\n192.0.2.0/24", notes) == ["192.0.2.1", "192.0.2.0/24"]
    assert notes == ["line 2: 192.0.2.1/24 has bits outside its mask; 192.0.2.0/24 is used instead"]


def test_ten_thousand_addresses_fit_in_one_rule():
    v4 = [f"{1 + i % 200}.{i * 7 % 251}.{i * 13 % 253}.{1 + i * 31 % 250}" for i in range(7000)]
    v6 = [f"2001:db8:{i:x}:{i * 7919 % 65536:x}::/64" for i in range(2000)]
    ranges = [f"100.{i >> 8}.{i & 255}.1-100.{i >> 8}.{i & 255}.{9 + i % 200}" for i in range(1000)]
    addresses = ipsec_addresses("\r\n".join([*v4, *v6, *ranges]))
    assert len(addresses) == 10_000
    filters = [{"source": "me", "destination": addresses}]
    wanted = {"name": "P", "rules": [{"name": "Block list", "filters": filters, "action": "block"}]}
    done = stores.change(Store(), wanted, assigned=True)
    assert len(json.dumps(done.attempt.request)) < REQUEST_LIMIT
    facts = stores.facts(done.store)["P"]
    assert len(facts["rules"][0]["filters"]) == 10_000
    assert {f["destination"] for f in facts["rules"][0]["filters"]} == set(addresses)
    assert all(f["mirrored"] for f in facts["rules"][0]["filters"])
    for again in (wanted, facts):
        assert not stores.change(done.store, again, assigned=True).operations
