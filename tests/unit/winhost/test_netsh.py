# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The simulated netsh.exe: the commands of `netsh ipsec dynamic`."""

from __future__ import annotations

import re

import pytest
from winhost.dynamic import Authentication, MainModePolicy, Offer, QuickModePolicy, Selector, same_rules
from winhost.host import Host
from winhost.policy import Address

ANY, ME = Address("any", (4,)), Address("me", (4,))
BLOCK = "actioninbound=block actionoutbound=block"
SMB = "srcaddr=any dstaddr=me protocol=TCP srcport=0 dstport=445 mirrored=yes conntype=all"


@pytest.fixture
def host(tmp_path):
    found = Host(tmp_path / "win1", "win1", "192.0.2.2")
    found.start_service()
    return found


def _script(host, *lines):
    """Run lines below `ipsec dynamic`; returns the output."""
    return host.netsh([], "\n".join(["pushd ipsec dynamic", *lines, "exit"]))[1]


def _ok(host, *lines):
    output = _script(host, *lines)
    assert "ERR" not in output, output
    return output


def _code(host, *lines):
    """The only error of the lines."""
    (code,) = re.findall(r"ERR IPsec\[(\d{5})\] : ", _script(host, *lines))
    return code


def _rule(host, arguments):
    """The rule that is added with these arguments."""
    _ok(host, "add mmpolicy m", "add qmpolicy q", f"add rule {arguments}")
    (rule,) = host.dynamic_rules()
    return rule


def test_a_rule_that_blocks(host):
    rule = _rule(host, f"{SMB} mmpolicy=m {BLOCK}")
    assert rule.selector == Selector(ANY, ME, 6, 0, 445, True, "all")
    assert (rule.inbound, rule.outbound) == ("block", "block")
    assert (rule.main_mode, rule.quick_mode) == (MainModePolicy("m"), None)


def test_a_rule_that_negotiates(host):
    _ok(
        host,
        'add mmpolicy name="m 1" qmpermm=1 mmlifetime=60 softsaexpirationtime=30 mmsecmethods="3DES-SHA1-3 des-md5-1"',
        "add qmpolicy name=q soft=yes pfsgroup=GRP3 "
        'qmsecmethods="ESP[3DES,SHA1]:100000k/3600s ah[md5]+esp[des,none]:900s"',
        'add rule srcaddr=192.0.2.7 srcmask=24 dstaddr=198.51.100.1-198.51.100.9 mmpolicy="m 1" qmpolicy=q mirrored=no '
        "conntype=lan actioninbound=permit kerberos=yes rootca=\"CN=A, O=\\'B\\' certmap:yes excludecaname:no\" "
        'rootca=CN=C psk="a key" ',
    )
    (rule,) = host.dynamic_rules()
    assert rule.selector == Selector(
        Address("net", (4,), 0xC0000200, 0xFFFFFF00),
        Address("range", (4,), 0xC6336401, last=0xC6336409),
        *(0, 0, 0, False, "lan"),
    )
    assert (rule.inbound, rule.outbound) == ("permit", "negotiate")
    assert rule.main_mode == MainModePolicy("m 1", (("3DES", "SHA1", 3), ("DES", "MD5", 1)), 60, 1, 30)
    assert rule.quick_mode == QuickModePolicy(
        "q",
        (Offer((("esp", "3DES", "SHA1"),), 100000, 3600), Offer((("ah", "MD5"), ("esp", "DES", "NONE")), 0, 900)),
        True,
        "GRP3",
    )
    assert rule.authentication == (
        Authentication("kerberos"),
        Authentication("preshared key", "a key"),
        Authentication("certificate", 'CN=A, O="B"', True),
        Authentication("certificate", "CN=C"),
    )


def test_a_tunnel(host):
    rule = _rule(
        host, "srcaddr=me dstaddr=198.51.100.0 dstmask=24 mmpolicy=m qmpolicy=q mirrored=no tunneldst=192.0.2.9"
    )
    assert rule.selector.tunnel == "192.0.2.9"


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        ("srcaddr=me", "dstaddr=any", (ME, ANY)),
        ("srcaddr=dns", "dstaddr=ME", (Address("dns", (4,)), ME)),
        (
            "srcaddr=me",
            "dstaddr=2001:db8::1",
            (Address("me", (6,)), Address("net", (6,), (0x20010DB8 << 96) + 1, 2**128 - 1)),
        ),
        (
            "srcaddr=any",
            "dstaddr=2001:db8:: dstmask=32",
            (Address("any", (6,)), Address("net", (6,), 0x20010DB8 << 96, 0xFFFFFFFF << 96)),
        ),
        ("srcaddr=192.0.2.7 srcmask=255.255.0.0", "dstaddr=me", (Address("net", (4,), 0xC0000000, 0xFFFF0000), ME)),
        (
            "srcaddr=server.example",
            "dstaddr=me",
            (Address("net", (4,), 0xC0000209, 0xFFFFFFFF, name="server.example"), ME),
        ),
    ],
)
def test_addresses(host, source, destination, expected):
    host.set(names={"server.example": ["192.0.2.9"]})
    rule = _rule(host, f"{source} {destination} mmpolicy=m {BLOCK}")
    assert (rule.selector.source, rule.selector.destination) == expected


def test_a_name_with_several_addresses_gives_a_rule_for_each(host):
    host.set(names={"server.example": ["192.0.2.9", "2001:db8::1"]})
    _ok(host, "add mmpolicy m", f"add rule server.example me m {BLOCK}")
    assert [rule.selector.source.versions for rule in host.dynamic_rules()] == [(4,), (6,)]
    _ok(host, "delete rule server.example me ANY 0 0 yes all")
    assert host.dynamic_rules() == ()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("add rule srcaddr=any dstaddr=me qmpolicy=q", "05053"),
        ("add rule srcaddr=any mmpolicy=m qmpolicy=q", "05053"),
        ("add mmpolicy mmlifetime=60", "05053"),
        ("delete mmpolicy", "05053"),
        ("set config property=ipsecexempt", "05053"),
        ("delete rule srcaddr=any dstaddr=me protocol=TCP srcport=0 dstport=445 mirrored=yes", "05053"),
        ("add rule any me none qmpolicy=q", "05046"),
        ("add rule any me m none", "05047"),
        ("add rule any me m", "05065"),
        ("add rule any me m actioninbound=permit", "05065"),
        ("add rule any me m q srcport=80", "05060"),
        ("add rule any me m q protocol=50 dstport=80", "05060"),
        ("add rule any me m q protocol=TCP dstport=80-90", "05056"),
        ("add rule any me m q protocol=TCP dstport=65536", "05056"),
        ("add rule any me m q protocol=IGMP", "05056"),
        ("add rule any me m q mirrored=maybe", "05056"),
        ("add rule any me m q tunneldstaddress=192.0.2.9", "05063"),
        (f"add rule any me m q mirrored=no tunneldstaddress=192.0.2.9 {BLOCK}", "05064"),
        ("add rule any me m q mirrored=no tunneldstaddress=192.0.2.9 actioninbound=permit", "05064"),
        ("add rule any me m q kerberos=no", "05066"),
        ("add rule 192.0.2.1 2001:db8::1 m q", "05058"),
        ("add rule 192.0.2.300 me m q", "05056"),
        ("add rule 192.0.2.0/24 me m q", "05056"),
        ("add rule 192.0.2.9-192.0.2.1 me m q", "05056"),
        ("add rule nobody.example me m q", "05059"),
        ("add rule any me m q srcmask=24", "05057"),
        ("add rule 192.0.2.1-192.0.2.9 me m q srcmask=24", "05057"),
        ("add rule 192.0.2.1 me m q srcmask=0", "05056"),
        ("add rule 192.0.2.1 me m q srcmask=33", "05056"),
        ("add rule 192.0.2.1 me m q srcmask=255.0.255.0", "05056"),
        ("add rule any me m q srcaddr=any", "05056"),
        ('add rule any me m q psk=""', "05056"),
        ("add rule any me m q psk=a psk=b", "05054"),
        ("add rule any me m q colour=red", "05055"),
        ('add rule any me m q rootca=" certmap:yes"', "05056"),
        ('add rule any me m q rootca="CN=A certmap:maybe"', "05056"),
        ('add rule any me m q rootca="CN=A certmap:yes certmap:no"', "05056"),
        ("add qmpolicy n qmsecmethods=ESP[3DES,SHA1]:20480k3600s", "05056"),
        ("add qmpolicy n qmsecmethods=ESP[3DES,SHA1]:20480k/", "05056"),
        ("add mmpolicy M", "05043"),
        ("add qmpolicy Q", "05044"),
        ("set mmpolicy none mmlifetime=60", "05046"),
        ("set qmpolicy none soft=yes", "05047"),
        ("delete mmpolicy none", "05046"),
        ("delete qmpolicy none", "05047"),
        ("add mmpolicy n mmlifetime=0", "05056"),
        ("add mmpolicy n mmlifetime=2880", "05056"),
        ("add mmpolicy n mmsecmethods=AES-SHA1-3", "05056"),
        ("add mmpolicy n mmsecmethods=3DES-SHA1-4", "05056"),
        ("add qmpolicy n pfsgroup=GRP", "05056"),
        ("add qmpolicy n qmsecmethods=ESP[None,None]", "05056"),
        ("add qmpolicy n qmsecmethods=ESP[AES,SHA1]", "05056"),
        ("add qmpolicy n qmsecmethods=AH[SHA1]+AH[MD5]", "05056"),
        ("add qmpolicy n qmsecmethods=ESP[3DES,SHA1]:100k", "05056"),
        ("add qmpolicy n qmsecmethods=ESP[3DES,SHA1]:60s", "05056"),
        ("add qmpolicy n qmsecmethods=ESP[3DES,SHA1]:", "05056"),
        ("set config property=colour value=1", "05056"),
        ("set config property=ipsecexempt value=9", "05056"),
        ("set config property=bootmode value=open", "05056"),
        ("set config property=bootexemptions value=everything", "05056"),
        (f"delete rule {SMB}", "05048"),
        (f"set rule {SMB} kerberos=yes", "05048"),
        ("show rule", "05074"),
        ("show mmfilter name=all", "05074"),
        ("show mmfilter", "05053"),
        ("show mmsas", "05075"),
        ("show qmsas all", "05075"),
        ("show nothing", "05002"),
        ("show m all", "05002"),
        ("add mmpolicy name=", "05001"),
        ('add mmpolicy name="n', "05001"),
        ("add mmpolicy n 1 60 30 3DES-SHA1-3 more", "05001"),
        ("add mmpolicy name=" + "n" * 8192, "05003"),
        ("remove rule", "05002"),
    ],
)
def test_a_wrong_command_is_an_error_and_changes_nothing(host, line, code):
    _ok(host, "add mmpolicy m", "add qmpolicy q")
    before = host.netsh(["ipsec", "dynamic", "show", "all"])
    assert _code(host, line) == code
    assert host.netsh(["ipsec", "dynamic", "show", "all"]) == before
    assert host.dynamic_rules() == ()


def test_a_rule_that_exists_cannot_be_added(host):
    _rule(host, f"{SMB} mmpolicy=m {BLOCK}")
    assert _code(host, f"add rule {SMB} mmpolicy=m qmpolicy=q") == "05045"
    (rule,) = host.dynamic_rules()
    assert rule.inbound == "block"


@pytest.mark.parametrize(
    "other",
    [
        SMB.replace("any", "192.0.2.1"),
        SMB.replace("445", "139"),
        SMB.replace("TCP", "UDP"),
        SMB.replace("srcport=0", "srcport=1"),
        SMB.replace("mirrored=yes", "mirrored=no"),
        SMB.replace("conntype=all", "conntype=lan"),
    ],
)
def test_a_rule_with_another_selector_can_be_added_and_deleted_alone(host, other):
    first = _rule(host, f"{SMB} mmpolicy=m {BLOCK}")
    _ok(host, f"add rule {other} mmpolicy=m {BLOCK}")
    assert len(host.dynamic_rules()) == 2
    _ok(host, f"delete rule {other}")
    assert host.dynamic_rules() == (first,)


def test_a_policy_in_use_cannot_be_deleted(host):
    _rule(host, f"{SMB} mmpolicy=M qmpolicy=Q")
    assert _code(host, "delete mmpolicy m") == "05049"
    assert _code(host, "delete qmpolicy q") == "05050"
    _ok(host, "add mmpolicy other")
    assert _code(host, "delete mmpolicy all") == "05049"
    _ok(host, f"delete rule {SMB}", "delete mmpolicy all", "delete qmpolicy q")
    assert _code(host, "show mmpolicy all") == "05072"


def test_set_changes_what_is_given(host):
    _rule(host, f"{SMB} mmpolicy=m {BLOCK} psk=old")
    _ok(host, "set mmpolicy m mmlifetime=60", "set qmpolicy q soft=yes", f"set rule {SMB} actionin=permit qmpolicy=q")
    (rule,) = host.dynamic_rules()
    assert (rule.inbound, rule.outbound, rule.main_mode.lifetime) == ("permit", "block", 60)
    assert rule.quick_mode.soft is True
    assert rule.authentication == (Authentication("preshared key", "old"),)
    _ok(host, f"set rule {SMB} kerberos=yes")
    assert host.dynamic_rules()[0].authentication == (Authentication("kerberos"),)


def test_delete_all(host):
    _rule(host, f"{SMB} mmpolicy=m {BLOCK}")
    _ok(host, "delete all")
    assert [_code(host, f"show {what}") for what in ("rule", "mmpolicy all", "qmpolicy all")] == [
        "05074",
        "05072",
        "05072",
    ]


def test_settings_are_shown_and_stay(host):
    before = _ok(host, "show config")
    _ok(host, "set config property=ipsecexempt value=3", "set config bootexemptions value=TCP:0:3389:inbound")
    after = _ok(host, "show config")
    assert before != after
    host.restart_service()
    assert _ok(host, "show config") == after
    assert "TCP:0:3389:inbound" in after


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_list_names_the_policies_of_each_rule_in_every_language(host, language):
    host.set(language=language)
    _ok(
        host,
        *("add mmpolicy m-name", "add qmpolicy q-name", f"add rule {SMB} mmpolicy=m-name {BLOCK}"),
        "add rule srcaddr=me dstaddr=192.0.2.9 mmpolicy=m-name qmpolicy=q-name psk=secret",
    )
    rules = _ok(host, "show rule")
    assert (rules.count("m-name"), rules.count("q-name")) == (2, 1)
    assert _ok(host, "show mmpolicy all").count("m-name") == 1
    assert _ok(host, "show qmpolicy name=all").count("q-name") == 1
    assert "secret" not in _ok(host, "show all")


def test_nothing_is_left_of_english_in_german(host):
    _rule(host, "srcaddr=any dstaddr=me mmpolicy=m qmpolicy=q mirrored=no")
    words = []
    for language in ("en", "de"):
        host.set(language=language)
        output = _script(host, "show all", "show nothing", "add mmpolicy m", f"add rule {SMB} mmpolicy=m")
        words.append(set(re.findall("[A-Za-zäöüß]{4,}", output)))
    properties = "ipsecdiagnostics|ikelogging|strongcrlcheck|ipsecloginterval|ipsecexempt|bootmode|bootexemptions"
    others = {"permit", "none", "netsh", "ipsec", "dynamic", "IPsec", "NOPFS", "Bytes", "show", "nothing"}
    assert words[0] & words[1] == others | set(properties.split("|"))


def test_a_stopped_service_has_no_dynamic_rules(host):
    _rule(host, f"{SMB} mmpolicy=m {BLOCK}")
    host.stop_service()
    assert host.dynamic_rules() == ()
    for line in ("show rule", "add mmpolicy n", "show config", "delete all"):
        assert _code(host, line) == "05061"


def test_rules_end_with_the_service_and_the_host(host):
    for end in (host.restart_service, host.boot):
        _rule(host, f"{SMB} mmpolicy=m {BLOCK}")
        end()
        assert host.dynamic_rules() == ()
        host.start_service()
        assert _code(host, "show mmpolicy all") == "05072"


def test_rules_stay_while_the_service_runs(host):
    rule = _rule(host, f"{SMB} mmpolicy=m {BLOCK} psk=secret")
    host.reload_service()
    host.start_service()
    assert host.dynamic_rules() == (rule,)
    assert Host(host.folder, "win1", "192.0.2.2").dynamic_rules() == (rule,)


def test_a_user_who_is_no_administrator_is_refused(host):
    host.set(administrator=False)
    assert _code(host, "add mmpolicy m") == "05062"


def test_rules_are_compared_without_the_names_of_their_policies(host):
    first = _rule(host, f"{SMB} mmpolicy=m qmpolicy=q psk=a")
    _ok(host, "delete all", "add mmpolicy n", "add qmpolicy n", f"add rule {SMB} mmpolicy=n qmpolicy=n psk=a")
    assert same_rules([first], host.dynamic_rules())
    _ok(host, f"set rule {SMB} psk=b")
    assert not same_rules([first], host.dynamic_rules())


def test_a_key_is_in_no_event_and_no_representation(host):
    rule = _rule(host, f"{SMB} mmpolicy=m qmpolicy=q psk=secret")
    assert _code(host, "add rule psk=secret srcaddr=x=secret") == "05053"
    assert "secret" not in f"{rule} {host.events()}"
    assert [event[2:] for event in host.events("netsh")][-2:] == [["add rule", None], ["add rule", "05053"]]
