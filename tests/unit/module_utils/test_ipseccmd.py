# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.errors import GrammarError
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.filters import parse_filter
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.methods import (
    parse_main_mode_method,
    parse_security_method,
)
from ansible_collections.ipsec.windows.plugins.module_utils.model import (
    ANY,
    ME,
    TCP,
    UDP,
    Ah,
    DnsName,
    Esp,
    Filter,
    Host,
    MainModeMethod,
    Ports,
    SecurityMethod,
    network,
)
from hypothesis import given
from hypothesis import strategies as st

IP = ipaddress.ip_address
SERVER = Host(IP("192.0.2.1"))

FILTERS = {
    "0+192.0.2.1": Filter(ME, SERVER, mirrored=True),
    "0=192.0.2.1": Filter(ME, SERVER),
    "*+0:445:TCP": Filter(ANY, ME, TCP, None, Ports(445, 445), mirrored=True),
    "192.0.2.1/255.255.255.255:80=157.0.0.0/255.0.0.0:80:TCP": Filter(
        SERVER, network(IP("157.0.0.0"), 0xFF000000), TCP, Ports(80, 80), Ports(80, 80)
    ),
    "0=192.0.2.1::udp": Filter(ME, SERVER, UDP),
    "0=192.0.2.1::17": Filter(ME, SERVER, UDP),
    "0=192.0.2.1::RAW": Filter(ME, SERVER, 255),
    "0=192.0.2.1:*:*": Filter(ME, SERVER),
    "0=192.0.2.1::": Filter(ME, SERVER),
    "0:5000=10.92.*.*:0:UDP": Filter(ME, network(IP("10.92.0.0"), 0xFFFF0000), UDP, Ports(5000, 5000)),
    "server.example+*": Filter(DnsName("server.example"), ANY, mirrored=True),
}
BAD_FILTERS = {
    "(0+192.0.2.1)": (1, "for dynamic rules"),
    "[0+192.0.2.1]": (1, "block"),
    "Default": (1, "default response rule"),
    "0:192.0.2.1": (12, "'=' .one direction. or '\\+'"),
    "0=*=*": (4, "a second '='"),
    "0::TCP=192.0.2.1": (6, "stands at the end"),
    "0=192.0.2.1:TCP": (13, "follows two colons: ::TCP"),
    "0=192.0.2.1:65536:TCP": (13, "1 to 65535"),
    "0=192.0.2.1:445": (1, "needs the protocol tcp or udp"),
    "0=192.0.2.1:445:ICMP": (1, "needs the protocol tcp or udp"),
    "0=192.0.2.1::256": (14, "number from 0 to 255"),
    "0=192.0.2.1::XYZ": (14, "ICMP, UDP, RAW, TCP"),
    "0=": (3, "an address is missing"),
    "=0": (1, "an address is missing"),
    "0=me": (3, "0 for me and \\* for any"),
    "0=2001:db8::1": (3, "dictionary form"),
    "0=192.0.2.300": (3, "four numbers"),
}
METHODS = {
    "esp[3des,sha]": SecurityMethod((Esp("3des", "sha"),)),
    "ESP[3DES,SHA]": SecurityMethod((Esp("3des", "sha"),)),
    "ah[md5]": SecurityMethod((Ah("md5"),)),
    "ah[sha]+esp[des,none]": SecurityMethod((Ah("sha"), Esp("des", "none"))),
    "esp[des,none]+ah[sha]": SecurityMethod((Ah("sha"), Esp("des", "none"))),
    "esp[3des,sha] 3600S/50000K PFS": SecurityMethod((Esp("3des", "sha"),), 3600, 50000, True),
    "esp[3des,sha]50000k/3600spfs": SecurityMethod((Esp("3des", "sha"),), 3600, 50000, True),
    "esp[3des,sha]PFS 3600S": SecurityMethod((Esp("3des", "sha"),), 3600, 0, True),
    "ah[md5]P1": SecurityMethod((Ah("md5"),), 0, 0, True),
}
BAD_METHODS = {
    "esp[none,none]": (1, "protect nothing"),
    "esp[aes,sha]": (1, "none, des or 3des"),
    "esp[3des]": (1, "a cipher and a hash"),
    "ah[none]": (1, "md5 or sha"),
    "xyz[md5]": (1, "esp or ah"),
    "esp[3des,sha]+": (15, "here must stand"),
    "esp[3des,sha] 3600": (15, "3600S/5000K"),
    "esp[3des,sha] 5S/6S": (15, "second number of seconds"),
    "esp[3des,sha] PFS PFS": (19, "twice"),
    "ah[md5]+ah[sha]": (1, "ah\\[…\\]\\+esp\\[…\\]"),
    "esp[3des,sha] 4294967296S": (1, "cannot be stored"),
    "": (1, "here must stand"),
}
BAD_MAIN_MODE = {
    "3des-sha": "cipher-hash-group",
    "3des-sha-3": "its number is 14",
    "3des-sha-x": "1, 2 or 14",
    "3des-sha-5": "1, 2",
    "aes-sha-2": "des",
    "3des-none-2": "md5",
}


@pytest.mark.parametrize("text", FILTERS)
def test_filters(text):
    assert parse_filter(text, []) == FILTERS[text]


@pytest.mark.parametrize("text", BAD_FILTERS)
def test_a_mistake_in_a_filter_has_its_column(text):
    column, words = BAD_FILTERS[text]
    with pytest.raises(GrammarError, match=words) as caught:
        parse_filter(text, [])
    assert caught.value.column == column


@pytest.mark.parametrize("text", METHODS)
def test_security_methods(text):
    assert parse_security_method(text, []) == METHODS[text]


@pytest.mark.parametrize("text", BAD_METHODS)
def test_a_mistake_in_a_method_has_its_column(text):
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
def test_what_looks_like_a_key_is_not_shown(parse, text):
    with pytest.raises(GrammarError, match="what looks like a pre-shared key cannot stand here") as caught:
        parse(text, [])
    assert "secret" not in f"{caught.value}{caught.value.problem}"


def test_a_group_in_an_offer_is_noted_once():
    notes = []
    assert parse_security_method("esp[3des,sha] PFS2", notes).pfs
    assert parse_security_method("esp[3des,md5] P1", notes).pfs
    assert len(notes) == 1
    assert "takes its group from main mode" in notes[0]


def test_main_mode_methods():
    assert parse_main_mode_method("3DES-SHA-14") == MainModeMethod("3des", "sha", 14)


@pytest.mark.parametrize("text", BAD_MAIN_MODE)
def test_a_mistake_in_a_main_mode_method(text):
    with pytest.raises(GrammarError, match=BAD_MAIN_MODE[text]):
        parse_main_mode_method(text)


@given(st.text(alphabet="0*=+:./[]()19me,tcpdxyz -PFSK\u0660", max_size=40))
def test_any_text_has_a_meaning_or_one_clear_error(text):
    for parse in (lambda: parse_filter(text, []), lambda: parse_security_method(text, [])):
        try:
            parse()
        except GrammarError as error:
            assert 1 <= error.column <= len(text) + 1
