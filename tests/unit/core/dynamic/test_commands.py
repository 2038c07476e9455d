# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The commands of netsh for a dynamic rule."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.commands import (
    NAME,
    commands_of,
    name_of,
    quoted,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import parse_dynamic_rule

NAMED = "ipsec.windows-0123456789ab"


def _rule(**keys):
    return parse_dynamic_rule({"filters": ["0+192.0.2.1"], **keys}, "", [])


def _commands(**keys):
    return commands_of(_rule(**keys), NAMED)


def test_default_rule():
    found = _commands()
    assert found.policies == (
        f'add mmpolicy name="{NAMED}" qmpermm=0 mmlifetime=480 softsaexpirationtime=300 '
        'mmsecmethods="3DES-SHA1-2 3DES-MD5-2 DES-SHA1-1 DES-MD5-1"',
        f'add qmpolicy name="{NAMED}" soft=no pfsgroup=NOPFS '
        'qmsecmethods="ESP[3DES,SHA1] ESP[3DES,MD5] ESP[DES,SHA1] ESP[DES,MD5]"',
    )
    assert found.rules == (
        "srcaddr=192.0.2.1 dstaddr=me protocol=ANY srcport=0 dstport=0 mirrored=yes conntype=all\t"
        f'mmpolicy="{NAMED}" qmpolicy="{NAMED}" actioninbound=negotiate actionoutbound=negotiate kerberos=yes',
    )


def test_rule_that_blocks_has_no_quick_mode_policy():
    found = _commands(filters=["[*=0:445:TCP]"])
    assert len(found.policies) == 1
    assert found.rules == (
        "srcaddr=any dstaddr=me protocol=TCP dstport=445 srcport=0 mirrored=no conntype=all\t"
        f'mmpolicy="{NAMED}" actioninbound=block actionoutbound=block',
    )


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"inpass": True}, "actioninbound=permit actionoutbound=negotiate"),
        ({"authentication": [{"preshared_key": "a b"}]}, 'kerberos=no psk="a b"'),
        (
            {"authentication": ["kerberos", {"certificate": 'CN="A, B"'}]},
            "kerberos=yes rootca=\"CN=\\'A, B\\' certmap:no excludecaname:no\"",
        ),
        ({"connection_type": "lan"}, "conntype=lan"),
        (
            {"filters": ["10.0.0.1=10.0.0.2"], "tunnel": "10.0.0.2"},
            "mirrored=no conntype=all tunneldstaddress=10.0.0.2",
        ),
        ({"filters": ["10.0.0.0/8+0"]}, "srcaddr=10.0.0.0 srcmask=255.0.0.0 dstaddr=me"),
    ],
)
def test_words_of_a_rule(keys, words):
    assert words in _commands(**keys).rules[0]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"soft": True, "soft_lifetime": 60}, ("softsaexpirationtime=60", "soft=yes")),
        ({"main_mode": {"pfs": True, "lifetime_seconds": 3600}}, ("qmpermm=1 mmlifetime=60",)),
        ({"security_methods": ["esp[3des,sha] PFS"]}, ("pfsgroup=GRPMM",)),
        ({"security_methods": ["ah[md5]3600S/5000KPFS2"]}, ("pfsgroup=GRP2", '"AH[MD5]:5000k/3600s"')),
        ({"security_methods": ["esp[3des,sha] PFS"], "pfs_group": 14}, ("pfsgroup=GRP3",)),
    ],
)
def test_words_of_the_policies(keys, words):
    found = " ".join(_commands(**keys).policies)
    assert all(word in found for word in words)


def test_both_spellings_of_a_mirrored_filter_are_one_rule_of_netsh():
    one = _commands(filters=["0+192.0.2.1::TCP"])
    other = _commands(filters=["192.0.2.1+0::TCP"])
    assert one.selectors == other.selectors


def test_name_does_not_depend_on_the_key():
    names = {name_of(_rule(authentication=[{"preshared_key": key}]), "salt", 1) for key in ("one", "two")}
    assert len(names) == 1
    assert NAME.fullmatch(names.pop())


def test_name_depends_on_everything_else():
    rules = [_rule(), _rule(soft=True), _rule(filters=["0+192.0.2.2"]), _rule(connection_type="lan")]
    names = {name_of(rule, salt, revision) for rule in rules for salt in ("a", "b") for revision in (1, 2)}
    assert len(names) == len(rules) * 4


@pytest.mark.parametrize("text", ["a b", "a&b|c<d>e^f%g%!h!", "`id` $(id)", "(a)", "a'b", "a\\b", "#", "="])
def test_text_is_quoted_as_it_is(text):
    assert quoted(text) == f'"{text}"'


@pytest.mark.parametrize("text", ['a"b', "a\nb", "a\0b", "caf\u00e9", "a\tb", "\u202e", "a\\'b", "a\\", "\x7f", "\r"])
def test_text_that_netsh_may_read_differently_is_refused_and_not_shown(text):
    with pytest.raises(ModelError) as caught:
        quoted(text, "the pre-shared key")
    assert text not in str(caught.value)
