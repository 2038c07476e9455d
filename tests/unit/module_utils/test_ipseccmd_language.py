# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The command language: the manual's examples, each behaviour once, and properties of any command and any text."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils import defaults
from ansible_collections.ipsec.windows.plugins.module_utils.batch import batch_file, read_script
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.commands import (
    QUERIES,
    AddRule,
    DeleteRules,
    FilterSpec,
    Help,
    Negotiation,
    Offer,
    Parameters,
    Rekey,
    Show,
    Write,
)
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.format import format_command
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.parse import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.syntax import OPTIONS, SYNTAX
from ansible_collections.ipsec.windows.plugins.module_utils.model import (
    ANY,
    ME,
    TCP,
    UDP,
    Ah,
    AuthMethod,
    Certificate,
    DnsName,
    Esp,
    Filter,
    Host,
    Interface,
    Kerberos,
    MainModeMethod,
    ModelError,
    OtherAuthentication,
    Ports,
    PresharedKey,
    SecurityMethod,
    network,
)
from ansible_collections.ipsec.windows.plugins.module_utils.source import SourceError, Text
from hypothesis import given
from hypothesis import strategies as st
from unit.ipseccmd_strategies import any_command, spelled
from unit.work import calls

IP = ipaddress.ip_address
GUID = "{12345678-1234-1234-1234-123456789ABC}"


def port(number):
    return Ports(number, number)


def specs(*filters, action=None):
    return tuple(FilterSpec(filter_, action) for filter_ in filters)


def esp(*names, seconds=0, kilobytes=0, pfs=False, group=None):
    return Offer(SecurityMethod((Esp(*names),), seconds, kilobytes, pfs or group is not None), group)


AH = Offer(SecurityMethod((Ah("md5"),)))
BOTH_WAYS = Filter(ME, ANY, mirrored=True)
EVERYTHING = specs(BOTH_WAYS)
TUNNEL_END = Host(IP("10.2.1.13"))

MANUAL = {
    "ipseccmd -f 0+* -n ah[md5]": AddRule(Parameters(EVERYTHING, negotiation=Negotiation(offers=(AH,)))),
    "ipseccmd -f 10.2.1.1=10.2.1.13 -t 10.2.1.13 -n ah[sha] -1p -c": AddRule(
        Parameters(
            specs(Filter(Host(IP("10.2.1.1")), TUNNEL_END)),
            negotiation=Negotiation(offers=(Offer(SecurityMethod((Ah("sha"),))),)),
            tunnel=TUNNEL_END,
            main_mode_pfs=True,
            confirm=True,
        )
    ),
    r'ipseccmd \\corpsrv1 -f corpsrv2+corpsrv1 -n ah[md5]+esp[des,sha] -a p:"corpauth"': AddRule(
        Parameters(
            specs(Filter(DnsName("corpsrv2"), DnsName("corpsrv1"), mirrored=True)),
            negotiation=Negotiation(offers=(Offer(SecurityMethod((Ah("md5"), Esp("des", "sha")))),)),
            authentication=(PresharedKey("corpauth"),),
        ),
        "corpsrv1",
    ),
    'ipseccmd -f 0+SecuredServer1 0+SecuredServer2 -a k p:"corpauth" -w ds -p "Default Domain Policy":30 '
    '-r "Secured Servers"': Write(
        Parameters(
            specs(*(Filter(ME, DnsName(f"SecuredServer{i}"), mirrored=True) for i in (1, 2))),
            authentication=(Kerberos(), PresharedKey("corpauth")),
        ),
        "ds",
        "Default Domain Policy",
        poll_interval=30,
        rules=("Secured Servers",),
    ),
    'ipseccmd -f 0+* -a p:"localauth" -w reg -p "Me to Anyone" -r "Secure My Traffic" -x': Write(
        Parameters(EVERYTHING, authentication=(PresharedKey("localauth"),)),
        "reg",
        "Me to Anyone",
        rules=("Secure My Traffic",),
        assign=True,
    ),
    "ipseccmd show filters policies": Show(frozenset(["filters", "policies"])),
    r"ipseccmd \\Server1 show all": Show(frozenset(QUERIES), "Server1"),
    "ipseccmd -u": DeleteRules(),
}


@pytest.mark.parametrize("line", MANUAL)
def test_the_examples_of_the_manual(line):
    notes = []
    assert parse_command(line, notes) == MANUAL[line]
    assert notes == []
    assert parse_command(format_command(MANUAL[line]), []) == MANUAL[line]


SUBNET_B = network(IP("172.31.0.0"), 0xFFFF0000)
SUBNET_A = network(IP("10.0.0.0"), 0xFF000000)
FILTERS = {
    # of the manual
    "Computer1+Computer2::TCP": specs(Filter(DnsName("Computer1"), DnsName("Computer2"), TCP, mirrored=True)),
    "172.31.0.0/255.255.0.0:80=10.0.0.0/255.0.0.0:80:TCP": specs(Filter(SUBNET_B, SUBNET_A, TCP, port(80), port(80))),
    "(0+10.2.1.1)": specs(Filter(ME, Host(IP("10.2.1.1")), mirrored=True), action="permit"),
    "[0+10.2.1.1]": specs(Filter(ME, Host(IP("10.2.1.1")), mirrored=True), action="block"),
    "10.*.*.*=10.92.*.*": specs(Filter(SUBNET_A, network(IP("10.92.0.0"), 0xFFFF0000))),
    f"{GUID}=*": specs(Filter(Interface(GUID), ANY)),
    # several
    "0+* 0=*": specs(BOTH_WAYS, Filter(ME, ANY)),
    "0+* -f 0=*": specs(BOTH_WAYS, Filter(ME, ANY)),
    '"0+* 0=*"': specs(BOTH_WAYS, Filter(ME, ANY)),
    "0+* (0=*) [*=0]": EVERYTHING + specs(Filter(ME, ANY), action="permit") + specs(Filter(ANY, ME), action="block"),
    # what scripts have
    "*+0:135:TCP": specs(Filter(ANY, ME, TCP, None, port(135), mirrored=True)),
    "0+*:25:tcp": specs(Filter(ME, ANY, TCP, None, port(25), mirrored=True)),
    "*+0::ICMP": specs(Filter(ANY, ME, 1, mirrored=True)),
    "192.168.*.*+0:445:TCP": specs(
        Filter(network(IP("192.168.0.0"), 0xFFFF0000), ME, TCP, None, port(445), mirrored=True)
    ),
    "*=0:*:*": specs(Filter(ANY, ME)),
    "*=0::": specs(Filter(ANY, ME)),
    "*=0/255.255.255.255": specs(Filter(ANY, ME)),
    "0:*=*::raw": specs(Filter(ME, ANY, 255)),
    "*.*.*.*=0:1434:UDP": specs(Filter(ANY, ME, UDP, None, port(1434))),
}


@pytest.mark.parametrize("text", FILTERS)
def test_filters(text):
    assert parse_command(f"ipseccmd -f {text}", []) == AddRule(Parameters(FILTERS[text]))


NEGOTIATIONS = {
    "esp[3des,sha]": Negotiation(offers=(esp("3des", "sha"),)),
    "ESP[DES,NONE] Ah[MD5]": Negotiation(offers=(esp("des", "none"), AH)),
    "esp[3des, sha] 3600S/5000K PFS2": Negotiation(offers=(esp("3des", "sha", seconds=3600, kilobytes=5000, group=2),)),
    "esp[3des,sha]5000k/3600sp1": Negotiation(offers=(esp("3des", "sha", seconds=3600, kilobytes=5000, group=1),)),
    "esp[3des,sha] PFS 5000K 3600S": Negotiation(offers=(esp("3des", "sha", seconds=3600, kilobytes=5000, pfs=True),)),
    "esp[3des,sha]PFS3600S": Negotiation(offers=(esp("3des", "sha", seconds=3600, pfs=True),)),
    "esp[3des,sha]PFS1 3600S ah[md5]": Negotiation(offers=(esp("3des", "sha", seconds=3600, group=1), AH)),
    "ah[md5]3600SPFS": Negotiation(offers=(Offer(SecurityMethod((Ah("md5"),), 3600, 0, True)),)),
    "ah[md5]+esp[des,sha] P2": Negotiation(
        offers=(Offer(SecurityMethod((Ah("md5"), Esp("des", "sha")), 0, 0, True), 2),)
    ),
    '"ah[md5] esp[3des,sha]"': Negotiation(offers=(AH, esp("3des", "sha"))),
    "inpass": Negotiation(inpass=True),
    "ah[md5] INPASS esp[3des,sha]": Negotiation(offers=(AH, esp("3des", "sha")), inpass=True),
    "BLOCK": Negotiation("block"),
    "pass": Negotiation("permit"),
}


@pytest.mark.parametrize("mode", ["", " -w reg -p P -r R"], ids=["dynamic", "static"])
@pytest.mark.parametrize("text", NEGOTIATIONS)
def test_negotiation_policies(text, mode):
    found = parse_command(f"ipseccmd -f 0+* -n {text}{mode}", [])
    assert found.parameters == Parameters(EVERYTHING, negotiation=NEGOTIATIONS[text])


PARAMETERS = {
    "-a KERBEROS": {"authentication": (Kerberos(),)},
    '-a p:"Two Words" ker C:"CN=Corp Root"': {
        "authentication": (PresharedKey("Two Words"), Kerberos(), Certificate("CN=Corp Root"))
    },
    '-a "presh:a b" cert:CN=x': {"authentication": (PresharedKey("a b"), Certificate("CN=x"))},
    r'-a p:"say \"hi\" c:\dir\\"': {"authentication": (PresharedKey('say "hi" c:\\dir\\'),)},
    "-a p:-x": {"authentication": (PresharedKey("-x"),)},
    "-1s 3DES-SHA-2 des-md5-1": {
        "main_mode_methods": (MainModeMethod("3des", "sha", 2), MainModeMethod("des", "md5", 1))
    },
    "-1k 10Q/3600S": {"main_mode_rekey": Rekey(10, 3600)},
    "-1k 3600s/10q": {"main_mode_rekey": Rekey(10, 3600)},
    "-1k 0Q": {"main_mode_rekey": Rekey(0)},
    "-1K 60S -1P": {"main_mode_rekey": Rekey(None, 60), "main_mode_pfs": True},
    "-1f 0+* -1f 10.*.*.*=*": {"main_mode_filters": (BOTH_WAYS, Filter(SUBNET_A, ANY))},
    "-1e 600 -so": {"soft_lifetime": 600, "soft": True},
    "/soft": {"soft": True},
    "-conf -dial": {"confirm": True, "connection_type": "dialup"},
    "-L": {"connection_type": "lan"},
}


@pytest.mark.parametrize("text", PARAMETERS)
def test_parameters_before_and_behind_the_filters(text):
    expected = AddRule(Parameters(EVERYTHING, **PARAMETERS[text]))
    assert parse_command(f"ipseccmd {text} -f 0+*", []) == expected
    assert parse_command(f"ipseccmd -f 0+* {text}", []) == expected


NOTHING = Parameters()
STATIC = {
    "-p P -w reg -x": Write(NOTHING, "reg", "P", assign=True),
    "-y -p P -w REG": Write(NOTHING, "reg", "P", assign=False),
    "-w reg -p P -o": Write(NOTHING, "reg", "P", delete=True),
    "-w ds:corp.example -p P -o": Write(NOTHING, "ds", "P", "corp.example", delete=True),
    '-w reg -p P -r "A" -r "B" -o': Write(NOTHING, "reg", "P", rules=("A", "B"), delete=True),
    "-w reg -p P -r A -o -x": Write(NOTHING, "reg", "P", rules=("A",), delete=True, assign=True),
    "-w reg -p P -r A": Write(NOTHING, "reg", "P", rules=("A",)),
    r"-w reg:\\srv -p P -r A -soft": Write(Parameters(soft=True), "reg", "P", "srv", rules=("A",)),
    "-w reg -p P -f default": Write(Parameters(default_response=True), "reg", "P"),
    "-w reg -p P -f DEFAULT -r A -n ah[md5] -x": Write(
        Parameters(default_response=True, negotiation=Negotiation(offers=(AH,))), "reg", "P", rules=("A",), assign=True
    ),
    '-w reg -p "Policy Name":30 -x': Write(NOTHING, "reg", "Policy Name", poll_interval=30, assign=True),
    '-w reg -p "Policy Name:30" -x': Write(NOTHING, "reg", "Policy Name", poll_interval=30, assign=True),
    '-w reg -p "Policy: Name:0030" -x': Write(NOTHING, "reg", "Policy: Name", poll_interval=30, assign=True),
    "-w reg -p P:1:2 -x": Write(NOTHING, "reg", "P:1", poll_interval=2, assign=True),
    "-w reg -p P: -x": Write(NOTHING, "reg", "P:", assign=True),
    '-w reg -p "-x" -r "/r" -f 0+*': Write(Parameters(EVERYTHING), "reg", "-x", rules=("/r",)),
    "-w reg -p a\u00a0b -x": Write(NOTHING, "reg", "a\u00a0b", assign=True),
    '-w REG -p "Block Policy" -r "Block TCP/135" -f *+0:135:TCP -n BLOCK -x': Write(
        Parameters(FILTERS["*+0:135:TCP"], negotiation=Negotiation("block")),
        "reg",
        "Block Policy",
        rules=("Block TCP/135",),
        assign=True,
    ),
    f"-w reg -p P -r A -f {GUID}=* -a k": Write(
        Parameters(FILTERS[f"{GUID}=*"], authentication=(Kerberos(),)), "reg", "P", rules=("A",)
    ),
}


@pytest.mark.parametrize("text", STATIC)
def test_static_mode(text):
    assert parse_command(f"ipseccmd {text}", []) == STATIC[text]
    assert parse_command(rf"ipseccmd \\srv {text}", []) == dataclasses.replace(STATIC[text], computer="srv")


PROGRAMS = [
    "ipseccmd",
    "IPSECCMD.EXE",
    "ipsecpol",
    "ipsecpol.exe",
    r"C:\WINDOWS\system32\ipseccmd.exe",
    r'"C:\Program Files\Support Tools\ipseccmd.exe"',
    r'"C:\Program Files\Support Tools\"ipseccmd',
    r"\\server\tools\ipsecpol",
    "./ipseccmd",
    "",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_program_with_and_without_a_path(program):
    assert parse_command(f"{program} show sas", []) == Show(frozenset(["sas"]))
    assert parse_command(f"  {program}\t-u \r\n", []) == DeleteRules()


HELP = ["ipseccmd /?", "-?", r"ipseccmd \\srv /?", "ipseccmd -f 0+* /?", "ipseccmd show -?", "ipseccmd -x -zz -?"]


@pytest.mark.parametrize("line", HELP)
def test_help_is_all_that_is_done(line):
    assert parse_command(line, []) == Help()


def test_help_in_quotes_is_a_name():
    assert parse_command('ipseccmd -w reg -p "/?" -x', []) == Write(NOTHING, "reg", "/?", assign=True)


def test_the_syntax_names_every_option_and_the_defaults_of_the_table():
    for option in OPTIONS:
        assert f"-{option}" in SYNTAX
    for value in (defaults.MASK, defaults.AUTHENTICATION, defaults.SOFT_LIFETIME, defaults.POLL_INTERVAL // 60):
        assert str(value) in SYNTAX
    assert "480 minutes" in SYNTAX
    assert "esp[3des,sha], esp[3des,md5], esp[des,sha], esp[des,md5]" in SYNTAX
    assert "3des-sha-2, 3des-md5-2, des-sha-1, des-md5-1" in SYNTAX


S = "ipseccmd -w reg -p P -r R"
# ¦ marks the place that the error points at
ERRORS = {
    # options
    "ipseccmd -f 0+* ¦-confrim": "no such option; did you mean -confirm\\?",
    "ipseccmd -f 0+* ¦-z": "there are -f, -n",
    "ipseccmd -f 0+* ¦-1": "-1s or -1k or -1p",
    "ipseccmd -f 0+* ¦-": "no such option",
    "ipseccmd ¦-f -soft": "-f needs filters, as in",
    "ipseccmd ¦-f": "-f needs filters, as in",
    'ipseccmd -f ¦""': "empty; -f needs filters",
    "ipseccmd -f 0+* -soft ¦0+*": "-soft takes nothing",
    "ipseccmd -f 0+* -1e 1 ¦2": "-1e takes one value",
    "ipseccmd -f 0+* -n block ¦-n pass": "-n stands twice",
    "ipseccmd -f 0+* -c ¦-confirm": "-confirm stands twice",
    "ipseccmd ¦\u2013f 0+*": "begins with a hyphen",
    "ipseccmd -f 0+* ¦\u2013soft": "begins with a hyphen",
    "ipseccmd -f 0+* -n block ¦\u2014t 10.0.0.1": "begins with a hyphen",
    "ipseccmd -soft ¦\u2212f 0+*": "begins with a hyphen",
    "ipseccmd -w reg -p P ¦\u2013x": "begins with a hyphen",
    "ipseccmd -w reg -p \u201cMy ¦Policy\u201d -x": "straight quotation marks",
    r"ipseccmd -f 0+* ¦\\srv": "a computer's name stands before all options",
    r"ipseccmd -f 0+* -soft ¦\\srv": "a computer's name stands before all options",
    r"ipseccmd ¦\\": "a computer's name",
    r"ipseccmd ¦\\a\b show all": "a computer's name",
    "ipseccmd ¦\\\\server\0 show all": "a computer's name",
    "ipseccmd -w reg:¦server\0 -p P -x": "the name of a computer or a domain",
    "ipseccmd -soft -n block¦  ": "-f is missing",
    "ipseccmd -soft -n block¦\n": "-f is missing",
    "ipseccmd¦": "-f is missing",
    "ipseccmd -f 0+* -lan ¦-dialup": "exclude each other",
    'ipseccmd -f 0+* -a p:¦"abc': "not closed",
    'ipseccmd -f 0+* -r ¦"a\nb"': "not closed before the line ends",
    "ipseccmd ¦0+*": "an option, as in -f, or show",
    "¦ipsecmd -f 0+*": "did you mean ipseccmd\\?",
    "ipseccmd ¦shw all": "did you mean show\\?",
    "ipseccmd ¦-u -soft": "stands alone",
    "ipseccmd -x -w reg ¦-u": "stands alone",
    r"ipseccmd \\srv ¦-u": "stands alone",
    # queries
    "ipseccmd show¦": "show needs to know what: filters, policies, auth, stats, sas or all",
    "ipseccmd show ¦polices": "did you mean policies\\?",
    "ipseccmd show all ¦-soft": "show takes",
    # filters
    "ipseccmd -f 0¦": "'=' .one direction. or '\\+'",
    "ipseccmd -f 0+*:80:¦TPC": "ICMP, UDP, RAW, TCP or a number.*did you mean tcp\\?",
    "ipseccmd -f 0+*:¦ICMP": "two colons: ::ICMP",
    "ipseccmd -f 0=* 0+192.0.2.1¦=*": "a second '='",
    'ipseccmd -f "0=* 0+192.0.2.1¦=*"': "a second '='",
    'ipseccmd -f "0"="¦10.92.*"': "four octets",
    "ipseccmd -f 0=¦10.92.*.*/255.255.0.0": "no mask",
    "ipseccmd -f 0=¦10.*.92.*": "stars at the end",
    "ipseccmd -f ¦0+*:135": "a port needs the protocol",
    "ipseccmd -f (0+*¦": "'\\)' is missing",
    "ipseccmd -f [0+*)¦": "'\\]' is missing",
    "ipseccmd -f (¦[0+*])": "here must stand filters",
    "ipseccmd -f (0+*:80:¦TPC)": "did you mean tcp",
    "ipseccmd -f ¦0+* default": "default response rule",
    "ipseccmd -f default ¦0+*": "default response rule",
    "ipseccmd -f (¦default)": "here must stand filters",
    "ipseccmd -f 0+* -1f ¦default": "here must stand filters",
    "ipseccmd -f 0+* -1f ¦(0+*)": "neither permits nor blocks",
    "ipseccmd -f 0+* -1f ¦[0+*]": "neither permits nor blocks",
    "ipseccmd -f 0+* -1f 0+*¦::TCP": "no ports and no protocol",
    "ipseccmd -f 0+* -1f 0¦:80=*:80:TCP": "no ports and no protocol",
    # the default response rule
    "ipseccmd -f default ¦-t 10.0.0.1": "-t does not go with -f default",
    "ipseccmd -f default ¦-lan": "-lan does not go with -f default",
    "ipseccmd -f default ¦-n block": "the default response rule negotiates",
    "ipseccmd -f default ¦-n pass": "the default response rule negotiates",
    # tunnels
    "ipseccmd -f 10.0.0.1:80+*::TCP ¦-t 10.0.0.9": "-f 10.0.0.1:80=\\*::TCP -t 10.0.0.9, .*-f \\*=10.0.0.1:80:TCP and",
    "ipseccmd -f 0=* -t ¦10.0.0.0/8": "one address or at a DNS name",
    "ipseccmd -f 0=* -t ¦10.0.0.300": "four numbers",
    "ipseccmd -f 0=* ¦-t 10.0.0.1 -n block": "-n block takes no endpoint",
    # methods
    "ipseccmd -f 0+* -n ¦blok": "block, pass or inpass; did you mean block\\?",
    "ipseccmd -f 0+* -n ¦eps[3des,sha]": "did you mean esp\\?",
    "ipseccmd -f 0+* -n ah[md5] ¦esp[des3,sha]": "none, des or 3des",
    "ipseccmd -f 0+* -n ¦esp[none,none]": "protect nothing",
    "ipseccmd -f 0+* -n ah[md5] ¦esp[none,none]3600S": "protect nothing",
    "ipseccmd -f 0+* -n ¦esp[3des]": "a cipher and a hash",
    "ipseccmd -f 0+* -n ¦ah(md5)": "here must stand esp",
    "ipseccmd -f 0+* -n ¦3600S": "follow the method they belong to",
    "ipseccmd -f 0+* -n esp[3des,sha] ¦3600": "or a rekey setting as in 3600S/5000K, or PFS",
    "ipseccmd -f 0+* -n esp[3des,sha]¦PFS1800S": "a rekey setting",
    "ipseccmd -f 0+* -n esp[3des,sha]¦block": "a blank and the next method",
    "ipseccmd -f 0+* -n esp[3des,sha]PFS¦ah[md5]": "a blank and the next method",
    "ipseccmd -f 0+* -n esp[3des,sha] 5S ¦6S": "second number of seconds",
    "ipseccmd -f 0+* -n esp[3des,sha] ¦5S/6S": "second number of seconds",
    "ipseccmd -f 0+* -n esp[3des,sha]PFS ¦P1": "PFS is named twice",
    "ipseccmd -f 0+* -n block ¦pass": "exclude each other",
    'ipseccmd ¦-n "" -f 0+*': "-n needs",
    # authentication
    "ipseccmd -f 0+* -a k ¦kerbreos": 'kerberos, preshare:"key" or cert:"authority".*did you mean kerberos\\?',
    "ipseccmd -f 0+* -a ¦presare:x": "did you mean preshare\\?",
    "ipseccmd -f 0+* -a k¦:x": "takes nothing behind it",
    "ipseccmd -f 0+* -a p:¦": "the key is missing",
    'ipseccmd -f 0+* -a cert:¦""': "the authority's name is missing",
    'ipseccmd -f 0+* -a ¦""': "no authentication method",
    "ipseccmd -f 0+* -n ¦p:x": "a pre-shared key stands behind -a",
    # main mode
    "ipseccmd -f 0+* -1s ¦3des-sha": "cipher-hash-group",
    "ipseccmd -f 0+* -1s des-sha-1 ¦aes-sha-1": "des or 3des",
    "ipseccmd -f 0+* -1s 3des-sha-¦14": "1 .low. or 2 .medium.",
    "ipseccmd -f 0+* -1s 3des-sha-¦": "1 .low. or 2 .medium.",
    "ipseccmd -f 0+* -1k ¦3600": "10Q, 3600S, 10Q/3600S",
    "ipseccmd -f 0+* -1k ¦1S/2S": "10Q, 3600S, 10Q/3600S",
    "ipseccmd -f 0+* -1k ¦0S": "seconds 1 to 4294967295",
    "ipseccmd -f 0+* -1e ¦5m": "a number of seconds",
    # static mode
    "ipseccmd -p P -x¦": "-w is missing",
    "ipseccmd -r R -f 0+*¦": "-w is missing",
    "ipseccmd -o -w reg¦": "-p is missing",
    "ipseccmd -w reg -p P¦": "-r is missing",
    "ipseccmd -w reg -p P -soft -x¦": "-r is missing",
    "ipseccmd -w ¦rge -p P -x": "did you mean reg\\?",
    "ipseccmd -w reg:¦ -p P -x": "the name of a computer or a domain",
    r"ipseccmd -w reg:¦\\a\b -p P -x": "the name of a computer or a domain",
    r"ipseccmd \\srv1 -w ¦reg:srv2 -p P -x": r"the line begins with \\\\srv1",
    'ipseccmd -w reg -p ¦"" -x': "the policy has no name",
    "ipseccmd -w reg -p ¦:30 -x": "the policy has no name",
    "ipseccmd -w reg -p P:¦0 -x": "minutes, 1 to",
    "ipseccmd -w reg -p P:¦71582789 -x": "minutes, 1 to",
    "ipseccmd -w reg -p P:¦123456789012 -x": "minutes, 1 to",
    "ipseccmd -w reg -p My ¦Policy -x": "stands in quotation marks",
    'ipseccmd -w reg -p P -r ¦" " -x': "-r needs the rule's name",
    "ipseccmd -w reg -p P -r A -r ¦B -f 0+*": "only -o takes several -r",
    "ipseccmd -w reg -p P -x ¦-y": "one of the two",
    "ipseccmd -w ds -p P ¦-x": "the policy of the registry",
    "ipseccmd -w ds -p P -o ¦-y": "the policy of the registry",
    f"{S} -f ¦(0+*)": "write 0\\+\\* and -n pass",
    f"{S} -f 0+* ¦[*=0:80:TCP]": "write \\*=0:80:TCP and -n block",
    f"{S} -f 0+* ¦-c": "-confirm is for dynamic mode only",
    f"{S} -f 0+* ¦-1f 0+*": "no main mode filters",
    f"{S} -f 0+{GUID} ¦-n ah[md5]": "GUID of an interface",
    f"{S} -f {GUID}=* ¦-n block": "GUID of an interface",
}


@pytest.mark.parametrize("marked", ERRORS)
def test_an_error_points_at_its_place_and_says_what_is_allowed(marked):
    line = marked.replace("¦", "")
    with pytest.raises(SourceError, match=ERRORS[marked]) as caught:
        parse_command(line, [])
    error = caught.value
    assert (error.line, error.column) == (1, marked.index("¦") + 1)
    head, shown, caret = str(error).split("\n")
    assert head == f"line 1, column {error.column}: {error.problem}"
    place = caret.index("^")
    assert caret == " " * place + "^"
    if "***" not in shown:
        behind = line[error.column - 1 :][:5].partition("\n")[0].rstrip()
        assert shown[place:].startswith(behind)
        assert (line[: error.column - 1][-5:]).lstrip() in shown[:place]


def test_an_error_knows_the_line_of_a_file():
    file = "@echo off\r\nipseccmd -f 0+* -n blok\r\nexit\r\n"
    start, end = file.index("ipseccmd"), file.index("\r\nexit")
    with pytest.raises(SourceError) as caught:
        parse_command(Text.of(file)[start:end], [])
    assert str(caught.value).split("\n")[1:] == ["  ipseccmd -f 0+* -n blok", "  " + " " * 19 + "^"]
    assert (caught.value.line, caught.value.column) == (2, 20)


def test_a_number_of_any_length_is_an_error():
    # Python itself refuses more than 4300 digits
    for line in (f"ipseccmd -w reg -p P:{'9' * 5000} -x", f"ipseccmd -f 0+* -1k {'9' * 5000}S"):
        with pytest.raises(SourceError):
            parse_command(line, [])


NOTES = {
    "ipseccmd -f 0+* -n ah[md5] block inpass": "everything beside block is ignored",
    "ipseccmd -f 0+* -n pass ah[md5]": "everything beside pass is ignored",
    "ipseccmd -f 0+* -n pass -soft": "-soft is ignored beside -n pass",
    "ipseccmd -f 10.1.2.3/255.0.0.0=*": "it is taken as 10.0.0.0/8",
    f"{S} -f 0+* -n block -soft": "-soft is ignored beside -n block",
    f"{S} -1e 60": "-1e is ignored",
    f"{S} -n esp[3des,sha]PFS2": "takes its group from main mode",
    f"{S} -f 0+* -o": "what the line says of rules is ignored",
}
NO_NOTES = [
    "ipseccmd -f 0+* -n esp[3des,sha]PFS2 inpass -1e 60 -soft",
    f"{S} -f 0+* -n esp[3des,sha]PFS inpass -soft -x",
    f"{S} -x -o",
    "ipseccmd -w reg -p P -o",
]


@pytest.mark.parametrize("line", NOTES)
def test_what_is_ignored_is_noted(line):
    notes = []
    parse_command(line, notes)
    assert len(notes) == 1
    assert NOTES[line] in notes[0]


@pytest.mark.parametrize("line", NO_NOTES)
def test_what_is_kept_is_not_noted(line):
    notes = []
    parse_command(line, notes)
    assert notes == []


FORMATS = {
    "ipsecpol.exe -1p -n BLOCK -f 0.0.0.0/0.0.0.0+0/255.255.255.255:135:tcp -f 10.0.0.1/255.255.255.255=*:*:*": (
        "ipseccmd -f *+0:135:TCP 10.0.0.1=* -n block -1p"
    ),
    '-f 172.31.0.0/16=10.0.0.0/255.128.0.0::1 -n esp[3des,sha] PFS1 5K/6S -confirm -a preshare:"a b" kerberos': (
        'ipseccmd -f 172.31.*.*=10.0.0.0/255.128.0.0::ICMP -n esp[3des,sha]6S/5KP1 -a "p:a b" k -c'
    ),
    'ipseccmd -x -r "R" -p "My Policy":30 -f 0=* -w REG': 'ipseccmd -f 0=* -w reg -p "My Policy:30" -r R -x',
    r'ipseccmd -w reg -p "a\"b" -r "-x" -f 0=*': r'ipseccmd -f 0=* -w reg -p a\"b -r "-x"',
    r'ipseccmd -w reg -p "a b\\" -r "c\\" -f 0=*': 'ipseccmd -f 0=* -w reg -p "a b"\\ -r c\\',
    'ipseccmd -w reg -p "a&b" -r "(c)" -f 0=*': 'ipseccmd -f 0=* -w reg -p "a&b" -r "(c)"',
    "ipseccmd show sas auth stats policies filters": "ipseccmd show all",
    "ipseccmd show sas auth": "ipseccmd show auth sas",
}


@pytest.mark.parametrize("line", FORMATS)
def test_the_shortest_form(line):
    assert format_command(parse_command(line, [])) == FORMATS[line]


RULE = Parameters(EVERYTHING)
POLICY = Write(RULE, "reg", "P", rules=("R",))


def with_filter(filter_):
    return AddRule(Parameters(specs(filter_)))


def with_offers(*offers, **other):
    return AddRule(Parameters(EVERYTHING, negotiation=Negotiation(offers=offers, **other)))


def with_method(method: AuthMethod):
    return AddRule(Parameters(EVERYTHING, authentication=(method,)))


UNSPEAKABLE = {
    "a name like a poll interval": dataclasses.replace(POLICY, policy="P:30"),
    "a name like a long poll interval": dataclasses.replace(POLICY, policy="P:" + "1" * 30),
    "a line break in a name": dataclasses.replace(POLICY, policy="a\nb"),
    "a policy without a name": dataclasses.replace(POLICY, policy=" "),
    "a rule without a name": dataclasses.replace(POLICY, rules=("",)),
    "no rule": dataclasses.replace(POLICY, rules=()),
    "two rules": dataclasses.replace(POLICY, rules=("A", "B")),
    "another store": dataclasses.replace(POLICY, store="file"),
    "a location in parts": dataclasses.replace(POLICY, location="a\\b"),
    "two computers": dataclasses.replace(POLICY, location="a", computer="b"),
    "a poll interval of none": dataclasses.replace(POLICY, poll_interval=0),
    "assigned in the directory": dataclasses.replace(POLICY, store="ds", assign=True),
    "a permit filter in static mode": Write(Parameters(specs(BOTH_WAYS, action="permit")), "reg", "P", rules=("R",)),
    "a prompt in static mode": Write(Parameters(EVERYTHING, confirm=True), "reg", "P", rules=("R",)),
    "no filters": AddRule(NOTHING),
    "filters of the default response": AddRule(Parameters(EVERYTHING, default_response=True)),
    "IPv6": with_filter(Filter(Host(IP("2001:db8::1")), DnsName("server"))),
    "a range": with_filter(Filter(ME, ANY, TCP, None, Ports(1, 2))),
    "a resolved name": with_filter(Filter(ME, DnsName("server", TUNNEL_END))),
    "a described filter": with_filter(Filter(ME, ANY, description="web")),
    "a filter of a store": with_filter(Filter(ME, ANY, 300, odd=True)),
    "no methods": with_offers(),
    "methods beside block": with_offers(AH, action="block"),
    "a group without PFS": with_offers(Offer(SecurityMethod((Ah("md5"),)), 1)),
    "another group": with_offers(Offer(SecurityMethod((Ah("md5"),), pfs=True), 14)),
    "a method of a store": with_offers(Offer(SecurityMethod((), odd=True))),
    "an unknown key": with_method(PresharedKey(None)),
    "a line break in a key": with_method(PresharedKey("a\nb")),
    "another authentication": with_method(OtherAuthentication(9, None)),
    "a mapped certificate": with_method(Certificate("CN=x", account_mapping=True, odd=True)),
    "group 14": AddRule(Parameters(EVERYTHING, main_mode_methods=(MainModeMethod("3des", "sha", 14),))),
    "a method's own lifetime": AddRule(Parameters(EVERYTHING, main_mode_methods=(MainModeMethod("des", "sha", 1, 9),))),
    "no rekey setting": AddRule(Parameters(EVERYTHING, main_mode_rekey=Rekey())),
    "ports in main mode": AddRule(Parameters(EVERYTHING, main_mode_filters=(Filter(ME, ANY, TCP),))),
    "another connection": AddRule(Parameters(EVERYTHING, connection_type="all")),
    "no question": Show(frozenset()),
    "another question": Show(frozenset(["gpo"])),
    "a computer in parts": Show(frozenset(QUERIES), "a\\b"),
}


@pytest.mark.parametrize("what", UNSPEAKABLE)
def test_what_a_command_cannot_say_is_an_error(what):
    with pytest.raises(ModelError) as caught:
        format_command(UNSPEAKABLE[what])
    assert str(caught.value)


def test_the_error_for_a_name_like_a_poll_interval_says_what_to_do():
    with pytest.raises(ModelError, match="give the poll interval too, or rename"):
        format_command(UNSPEAKABLE["a name like a poll interval"])
    assert format_command(dataclasses.replace(POLICY, policy="P:30", poll_interval=5)).endswith("-p P:30:5 -r R")


@given(any_command)
def test_a_command_survives_format_and_parse(command):
    assert parse_command(format_command(command), []) == command


@given(st.lists(any_command, min_size=1, max_size=3))
def test_commands_survive_a_batch_file(found):
    script = read_script(batch_file(map(format_command, found)))
    assert [parse_command(command.text, []) for command in script.commands] == found


@given(spelled())
def test_every_spelling_says_the_same(found):
    command, line = found
    assert parse_command(line, []) == command


@given(spelled(manual=True))
def test_no_spelling_of_the_manual_is_shorter(found):
    command, line = found
    assert parse_command(line, []) == command
    assert len(format_command(command)) <= len(line)


FRAGMENTS = (
    *("ipseccmd ", " -f ", " -n ", " -a ", " -t ", " -1s ", " -1k ", " -1f ", " -1e ", " -soft", " -w ", " -p "),
    *(" -r ", " -x", " -y", " -o", " -u", " -1p", " /?", "show ", "all", "0", "*", "=", "+", ":", "::", "/"),
    *("10.0.0.1", "255.", "(", ")", "[", "]", "{", "}", GUID, "TCP", "17", "esp[3des,sha]", "ah[md5]", "esp["),
    *("3600S", "5K", "PFS", "P1", "block", "pass", "inpass", "default", "reg", "ds", "k", "p:", "c:", "key"),
    *("3des-sha-2", "10Q", "-", "\\", "\\\\", '"', '""', '\\"', " ", "\t", "\n", "\r", "\u00a0", "\u2028", "\0"),
    *("\ud800", "İ", "ſ", "K", "٣", "九", ","),
)
fragments = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)
texts = st.one_of(
    st.text(st.characters(exclude_categories=())),
    fragments,
    fragments.map("ipseccmd -w reg -p P -r R -f {}".format),
    fragments.map("ipseccmd -f 0+* -n {}".format),
)


@given(texts)
def test_any_text_has_a_meaning_or_one_clear_error(text):
    try:
        command = parse_command(text, [])
    except SourceError as error:
        assert 1 <= error.line <= text.count("\n") + 1
        assert 1 <= error.column <= len(text.split("\n")[error.line - 1]) + 1
        assert str(error).count("\n") >= 2
        return
    try:
        line = format_command(command)
    except ModelError:
        return
    assert parse_command(line, []) == command
    assert "\n" not in line


NASTY = {
    "a long word": lambda n: "ipseccmd " + "a" * n,
    "a long option": lambda n: "ipseccmd -" + "f" * n,
    "blanks": lambda n: "ipseccmd -f" + " " * n + "0+*",
    "quotes": lambda n: "ipseccmd -w reg -x -p " + '"' * n,
    "pairs of quotes": lambda n: "ipseccmd -w reg -x -p a" + '"b" ' * n,
    "backslashes": lambda n: "ipseccmd -w reg -x -p a" + "\\" * n + '"',
    "backslashes and quotes": lambda n: "ipseccmd -w reg -x -p a" + '\\"' * n,
    "filters": lambda n: "ipseccmd" + " -f 0+*" * n,
    "filters with notes": lambda n: "ipseccmd -f" + " 10.0.0.1/8+*" * n,
    "filters in quotes": lambda n: 'ipseccmd -f "' + " 0+*" * n + '"',
    "rules": lambda n: "ipseccmd -w reg -p P -o" + " -r R" * n,
    "options": lambda n: "ipseccmd" + " -x" * n,
    "methods": lambda n: "ipseccmd -f 0+* -n" + " esp[3des,sha]PFS1" * n,
    "rekey settings": lambda n: "ipseccmd -f 0+* -n ah[md5]" + " 0S" * n,
    "joined methods": lambda n: "ipseccmd -f 0+* -n ah[md5]" + "+ah[md5]" * n,
    "keywords": lambda n: "ipseccmd -f 0+* -n" + " block" * n,
    "keys": lambda n: "ipseccmd -f 0+* -zz -a" + " p:a" * n,
    "quoted keys": lambda n: "ipseccmd -f 0+* -zz" + ' "p:a b"' * n,
    "keys with a quote too many": lambda n: "ipseccmd -f 0+* -zz" + ' p:a"' * (n | 1),
    "lists of keys": lambda n: "ipseccmd -f 0+* -zz" + " -a k" * n,
    "lines that go on": lambda n: "ipseccmd -f 0+*" + " ^\n" * n,
    "main mode methods": lambda n: "ipseccmd -f 0+* -1s" + " 3des-sha-2" * n,
    "queries": lambda n: "ipseccmd show" + " all" * n,
    **{
        f"{sign} in {option}": lambda n, sign=sign, option=option: f"ipseccmd -f 0+* {option} {sign * n}"
        for sign in "=+:[(.*-^"
        for option in ("-f", "-n", "-a")
    },
}


def _steps(line):
    """How often parse and format call a function."""

    def run():
        with contextlib.suppress(ModelError):
            format_command(parse_command(line, []))

    return calls(run)


@pytest.mark.parametrize("what", NASTY)
def test_steps_grow_as_the_line_does(what):
    # the first time fills caches of regular expressions
    _steps(NASTY[what](100))
    assert _steps(NASTY[what](800)) < 5 * _steps(NASTY[what](200)) + 100


TOKEN = "S3cretToken"
keys = st.tuples(st.text("ax \"\\:'(=", max_size=4), st.text('ax "\\:=,/-', max_size=4)).map(TOKEN.join)
SIGNS = ("p:", "P:", "pre:", "preshare:", "preshared:", "presharred:", "pre-shared-key:", "psk:", "psk=", "preshare=")
PLACES = ("", "-f ", "-f 0+* ", "-n ", "-n ah[md5] ", "-p ", "-t ", "-1s ", "-1k ", "-1f ", "-1e ", "-w ", "-soft ")
BROKEN = ("", "-zz", "-n blok", "-f 0+*:TCP", "-w rge", "-soft x", "-f", "-c -c", "-1", "-w reg -p P -x", "x")


@st.composite
def lines_with_a_key(draw):
    key = draw(keys)
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    behind_a = draw(st.booleans())
    if behind_a:
        sign = draw(st.sampled_from([*SIGNS, "", "perhsare:", "k:", "kerberos:", "x=", ":", "key:"]))
        place = draw(st.sampled_from(["-a ", "-a k ", "-A ", "/a ", '"-a" ', "-a", '-a c:"CN=x y" ', "-a:", "-a="]))
        # -akey may be any option
        sign = "p:" if place == "-a" else sign
        bare = key.lstrip(" -/") if sign else f"x{key}"
    else:
        sign = draw(st.sampled_from(SIGNS))
        place = draw(st.sampled_from(PLACES))
        # without a quotation mark nothing says that the next word is one of the key
        bare = key.replace(" ", "")
    paired = [
        sign + (bare if '"' not in key else escaped.replace(" ", "")),
        f'{sign}"{escaped}"',
        f'"{sign}{escaped}"',
        f'"0+* {sign}{escaped}"',
    ]
    unpaired = [f'{sign}"{escaped}', f'{sign}"{escaped}" -r "R', f'{sign}{escaped}"', f'"{sign}{escaped}']
    spelling = draw(st.sampled_from(paired + unpaired))
    # one quotation mark may be missing
    before = draw(st.sampled_from([*BROKEN, '-r "R'] if spelling in paired else BROKEN))
    return f"ipseccmd {before} {place}{spelling} {draw(st.sampled_from(BROKEN))}"


@given(lines_with_a_key())
def test_no_message_holds_a_key(line):
    notes = []
    try:
        parse_command(line, notes)
    except SourceError as error:
        assert TOKEN not in str(error)
        assert TOKEN not in error.problem
    assert TOKEN not in "".join(notes)


def test_a_key_in_a_command_is_not_shown():
    command = parse_command(f"ipseccmd -f 0+* -a p:{TOKEN}", [])
    assert TOKEN not in repr(command)
    assert command.parameters.authentication[0].key == TOKEN
    with pytest.raises(ModelError) as caught:
        format_command(with_method(PresharedKey(f"{TOKEN}\n")))
    assert TOKEN not in str(caught.value)
