# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Filters, security methods and main mode methods in the manual's notation."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import (
    ANY,
    ME,
    TCP,
    UDP,
    Ah,
    DnsName,
    Esp,
    SpecialKind,
    network,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.addresses import parse_address
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.errors import GrammarError
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.filters import parse_filter
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.methods import (
    parse_main_mode_method,
    parse_security_method,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from hypothesis import given
from hypothesis import strategies as st
from unit.values import IP, address, main_mode_method, method, port, traffic

SERVER = address("192.0.2.1")

FILTERS = {
    "0+192.0.2.1": traffic(ME, SERVER, mirrored=True),
    "0=192.0.2.1": traffic(ME, SERVER),
    "*+0:445:TCP": traffic(ANY, ME, protocol=TCP, destination_port=port(445), mirrored=True),
    "192.0.2.1/255.255.255.255:80=157.0.0.0/255.0.0.0:80:TCP": traffic(
        SERVER, network(IP("157.0.0.0"), 0xFF000000), protocol=TCP, source_port=port(80), destination_port=port(80)
    ),
    "0=192.0.2.1::udp": traffic(ME, SERVER, protocol=UDP),
    "0=192.0.2.1::17": traffic(ME, SERVER, protocol=UDP),
    "0=192.0.2.1::RAW": traffic(ME, SERVER, protocol=255),
    "0=192.0.2.1:*:*": traffic(ME, SERVER),
    "0=192.0.2.1::": traffic(ME, SERVER),
    "0:5000=10.92.*.*:0:UDP": traffic(ME, network(IP("10.92.0.0"), 0xFFFF0000), protocol=UDP, source_port=port(5000)),
    "server.example+*": traffic(DnsName("server.example"), ANY, mirrored=True),
}
BAD_FILTERS = {
    "(0+192.0.2.1)": (1, "for dynamic rules"),
    "[0+192.0.2.1]": (1, "block"),
    "Default": (1, "default response rule"),
    "0:192.0.2.1": (12, "expected '=' .one way. or '\\+' .mirrored."),
    "0=*=*": (4, "unexpected '='; a filter has one source and one destination"),
    "0::TCP=192.0.2.1": (6, "the protocol must be at the end of the filter"),
    "0=192.0.2.1:TCP": (13, "follows two colons: ::TCP"),
    "0=192.0.2.1:http:TCP": (13, "use 1 to 65535, or \\* for any"),
    "0=192.0.2.1:65536:TCP": (13, "1 to 65535"),
    "0=192.0.2.1:445": (1, "needs the protocol tcp or udp"),
    "0=192.0.2.1:445:ICMP": (1, "needs the protocol tcp or udp"),
    "0=192.0.2.1::256": (14, "number from 0 to 255"),
    "0=192.0.2.1::XYZ": (14, "ICMP, UDP, RAW, TCP"),
    "0=": (3, "expected an address: 0 .me., "),
    "=0": (1, "expected an address: 0 .me., "),
    "0=me": (3, "0 for me and \\* for any"),
    "0=2001:db8::1": (3, "dictionary form"),
    "0=192.0.2.300": (3, "four numbers"),
}
METHODS = {
    "esp[3des,sha]": method(Esp("3des", "sha")),
    "ESP[3DES,SHA]": method(Esp("3des", "sha")),
    "ah[md5]": method(Ah("md5")),
    "ah[sha]+esp[des,none]": method(Ah("sha"), Esp("des", "none")),
    "esp[des,none]+ah[sha]": method(Ah("sha"), Esp("des", "none")),
    "esp[3des,sha] 3600S/50000K PFS": method(
        Esp("3des", "sha"), lifetime_seconds=3600, lifetime_kilobytes=50000, pfs=True
    ),
    "esp[3des,sha]50000k/3600spfs": method(
        Esp("3des", "sha"), lifetime_seconds=3600, lifetime_kilobytes=50000, pfs=True
    ),
    "esp[3des,sha]PFS 3600S": method(Esp("3des", "sha"), lifetime_seconds=3600, pfs=True),
    "ah[md5]P1": method(Ah("md5"), pfs=True),
}
BAD_METHODS = {
    "esp[none,none]": (1, "protect nothing"),
    "esp[aes,sha]": (1, "none, des or 3des"),
    "esp[3des]": (1, "a cipher and a hash"),
    "ah[none]": (1, "md5 or sha"),
    "xyz[md5]": (1, "esp or ah"),
    "esp[3des,sha]+": (15, "expected esp.cipher,hash. or ah.hash."),
    "esp[3des,sha] 3600": (15, "3600S/5000K"),
    "esp[3des,sha] 5S/6S": (15, "the number of seconds is given twice"),
    "esp[3des,sha] PFS PFS": (19, "PFS is given twice"),
    "ah[md5]+ah[sha]": (1, "ah\\[…\\]\\+esp\\[…\\]"),
    "esp[3des,sha] 4294967296S": (1, "the lifetime must be 0 to 4294967295 seconds"),
    "": (1, "expected esp.cipher,hash. or ah.hash."),
}
BAD_MAIN_MODE = {
    "3des-sha": "cipher-hash-group",
    "3des-sha-3": "in netsh; here it is 14",
    "3des-sha-x": "1, 2 or 14",
    "3des-sha-5": "1, 2",
    "aes-sha-2": "des",
    "3des-none-2": "md5",
}


ALONE = {
    "203.0.113.1": "0+203.0.113.1",
    " 203.0.113.1 ": "0+203.0.113.1",
    "10.0.0.0/8": "0+10.0.0.0/8",
    "10.0.0.0/255.0.0.0": "0+10.0.0.0/255.0.0.0",
    "10.92.*.*": "0+10.92.*.*",
    "192.0.2.1-192.0.2.9": "0+192.0.2.1-192.0.2.9",
    "server.example": "0+server.example",
    "*": "0+*",
    "2001:db8::1": '{source: me, destination: "2001:db8::1"}',
    "2001:db8::/64": '{source: me, destination: "2001:db8::/64"}',
    "2001:db8::1-2001:db8::9": '{source: me, destination: "2001:db8::1-2001:db8::9"}',
    "any": '{source: me, destination: "any"}',
    "any/ipv6": '{source: me, destination: "any/ipv6"}',
    "gateway": '{source: me, destination: "gateway"}',
}


@pytest.mark.parametrize("text", ALONE)
def test_an_address_alone_is_an_error_that_offers_a_filter(text):
    with pytest.raises(GrammarError) as caught:
        parse_filter(text, [])
    assert caught.value.problem.startswith("expected '=' (one way) or '+' (mirrored) between source and destination")
    assert caught.value.problem.endswith(f", write {ALONE[text]}")
    given_ = {"name": "P", "rules": [{"name": "R", "filters": yaml.safe_load(f"[{ALONE[text]}]")}]}
    ((found,),) = (rule.filters for rule in parse_policy(given_).rules)
    assert (found.source.kind, found.mirrored) == (SpecialKind.ME, True)
    assert found.destination == parse_address(text, [])


@pytest.mark.parametrize(
    "text", ["me", "0", "any/both", "0:192.0.2.1", "192.0.2.300", "10.0.0.0/33", "two words", "", " "]
)
def test_another_text_gets_no_offer(text):
    with pytest.raises(GrammarError) as caught:
        parse_filter(text, [])
    assert caught.value.problem == "expected '=' (one way) or '+' (mirrored) between source and destination"


@pytest.mark.parametrize("text", FILTERS)
def test_meaning_of_a_filter(text):
    assert parse_filter(text, []) == FILTERS[text]


@pytest.mark.parametrize("text", BAD_FILTERS)
def test_error_in_a_filter_has_its_column(text):
    column, words = BAD_FILTERS[text]
    with pytest.raises(GrammarError, match=words) as caught:
        parse_filter(text, [])
    assert caught.value.column == column


@pytest.mark.parametrize("text", METHODS)
def test_meaning_of_a_security_method(text):
    assert parse_security_method(text, []) == METHODS[text]


@pytest.mark.parametrize("text", BAD_METHODS)
def test_error_in_a_security_method_has_its_column(text):
    column, words = BAD_METHODS[text]
    with pytest.raises(GrammarError, match=words) as caught:
        parse_security_method(text, [])
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_filter, '0+* -a p:"secret"'),
        (parse_filter, "0+*:p:secret"),
        (parse_filter, "preshare:secret"),
        (parse_security_method, "esp[3des,sha] psk=secret"),
        (parse_security_method, "p:secret"),
    ],
)
def test_text_that_looks_like_a_key_is_not_shown(parse, text):
    with pytest.raises(GrammarError, match="this looks like a pre-shared key, which is not allowed here") as caught:
        parse(text, [])
    assert "secret" not in f"{caught.value}{caught.value.problem}"


def test_pfs_group_gives_one_note():
    notes = []
    assert parse_security_method("esp[3des,sha] PFS2", notes).pfs
    assert parse_security_method("esp[3des,md5] P1", notes).pfs
    assert len(notes) == 1
    assert "with the group of main mode" in notes[0]


def test_meaning_of_a_main_mode_method():
    assert parse_main_mode_method("3DES-SHA-14") == main_mode_method("3des", "sha", 14)


@pytest.mark.parametrize("text", BAD_MAIN_MODE)
def test_error_in_a_main_mode_method_says_what_is_allowed(text):
    with pytest.raises(GrammarError, match=BAD_MAIN_MODE[text]):
        parse_main_mode_method(text)


@given(st.text(alphabet="0*=+:./[]()19me,tcpdxyz -PFSK\u0660", max_size=40))
def test_any_text_is_valid_or_one_clear_error(text):
    for parse in (lambda: parse_filter(text, []), lambda: parse_security_method(text, [])):
        try:
            parse()
        except GrammarError as error:
            assert 1 <= error.column <= len(text) + 1
