# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What command lines of ipseccmd mean."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.commands import (
    AddRule,
    DeleteRules,
    FilterSpec,
    Help,
    Parameters,
    Query,
    Rekey,
    Show,
    StoreKind,
    WritePolicy,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.format import format_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.parse import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.syntax import OPTIONS, SYNTAX
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import (
    ANY,
    ME,
    TCP,
    UDP,
    Action,
    Ah,
    Certificate,
    ConnectionType,
    DnsName,
    Esp,
    Interface,
    Kerberos,
    PresharedKey,
    defaults,
    network,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.methods import Offer
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.negotiation import Negotiation
from unit.values import GUID, IP, address, main_mode_method, method, port, traffic

NOTHING = Parameters()


def specs(*filters, action=None):
    return tuple(FilterSpec(filter_, action) for filter_ in filters)


def offer(*algorithms, seconds=0, kilobytes=0, pfs=False, group=None):
    lifetimes = {"lifetime_seconds": seconds, "lifetime_kilobytes": kilobytes}
    return Offer(method(*algorithms, **lifetimes, pfs=pfs or group is not None), group)


def write(policy="P", store=StoreKind.REGISTRY, parameters=NOTHING, **parts):
    return WritePolicy(parameters=parameters, store=store, policy=policy, **parts)


AH = offer(Ah("md5"))
BOTH_WAYS = traffic(ME, ANY, mirrored=True)
EVERYTHING = specs(BOTH_WAYS)
TUNNEL_END = address("10.2.1.13")

EXAMPLES = {
    "ipseccmd -f 0+* -n ah[md5]": AddRule(Parameters(filters=EVERYTHING, negotiation=Negotiation(offers=(AH,)))),
    "ipseccmd -f 10.2.1.1=10.2.1.13 -t 10.2.1.13 -n ah[sha] -1p -c": AddRule(
        Parameters(
            filters=specs(traffic(address("10.2.1.1"), TUNNEL_END)),
            negotiation=Negotiation(offers=(offer(Ah("sha")),)),
            tunnel=TUNNEL_END,
            main_mode_pfs=True,
            confirm=True,
        )
    ),
    r'ipseccmd \\corpsrv1 -f corpsrv2+corpsrv1 -n ah[md5]+esp[des,sha] -a p:"corpauth"': AddRule(
        Parameters(
            filters=specs(traffic(DnsName("corpsrv2"), DnsName("corpsrv1"), mirrored=True)),
            negotiation=Negotiation(offers=(offer(Ah("md5"), Esp("des", "sha")),)),
            authentication=(PresharedKey("corpauth"),),
        ),
        "corpsrv1",
    ),
    'ipseccmd -f 0+SecuredServer1 0+SecuredServer2 -a k p:"corpauth" -w ds -p "Default Domain Policy":30 '
    '-r "Secured Servers"': write(
        "Default Domain Policy",
        StoreKind.DIRECTORY,
        Parameters(
            filters=specs(*(traffic(ME, DnsName(f"SecuredServer{i}"), mirrored=True) for i in (1, 2))),
            authentication=(Kerberos(), PresharedKey("corpauth")),
        ),
        poll_interval=30,
        rules=("Secured Servers",),
    ),
    'ipseccmd -f 0+* -a p:"localauth" -w reg -p "Me to Anyone" -r "Secure My Traffic" -x': write(
        "Me to Anyone",
        parameters=Parameters(filters=EVERYTHING, authentication=(PresharedKey("localauth"),)),
        rules=("Secure My Traffic",),
        assign=True,
    ),
    "ipseccmd show filters policies": Show(frozenset([Query.FILTERS, Query.POLICIES])),
    r"ipseccmd \\Server1 show all": Show(frozenset(Query), "Server1"),
    "ipseccmd -u": DeleteRules(),
}


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_of_the_manual(line):
    notes = []
    assert parse_command(line, notes) == EXAMPLES[line]
    assert notes == []
    assert parse_command(format_command(EXAMPLES[line]), []) == EXAMPLES[line]


SUBNET_B = network(IP("172.31.0.0"), 0xFFFF0000)
SUBNET_A = network(IP("10.0.0.0"), 0xFF000000)
FILTERS = {
    # from the manual
    "Computer1+Computer2::TCP": specs(traffic(DnsName("Computer1"), DnsName("Computer2"), protocol=TCP, mirrored=True)),
    "172.31.0.0/255.255.0.0:80=10.0.0.0/255.0.0.0:80:TCP": specs(
        traffic(SUBNET_B, SUBNET_A, protocol=TCP, source_port=port(80), destination_port=port(80))
    ),
    "(0+10.2.1.1)": specs(traffic(ME, address("10.2.1.1"), mirrored=True), action=Action.PERMIT),
    "[0+10.2.1.1]": specs(traffic(ME, address("10.2.1.1"), mirrored=True), action=Action.BLOCK),
    "10.*.*.*=10.92.*.*": specs(traffic(SUBNET_A, network(IP("10.92.0.0"), 0xFFFF0000))),
    f"{GUID}=*": specs(traffic(Interface(GUID), ANY)),
    # several
    "0+* 0=*": specs(BOTH_WAYS, traffic(ME, ANY)),
    "0+* -f 0=*": specs(BOTH_WAYS, traffic(ME, ANY)),
    '"0+* 0=*"': specs(BOTH_WAYS, traffic(ME, ANY)),
    "0+* (0=*) [*=0]": EVERYTHING
    + specs(traffic(ME, ANY), action=Action.PERMIT)
    + specs(traffic(ANY, ME), action=Action.BLOCK),
    # from scripts
    "*+0:135:TCP": specs(traffic(ANY, ME, protocol=TCP, destination_port=port(135), mirrored=True)),
    "0+*:25:tcp": specs(traffic(ME, ANY, protocol=TCP, destination_port=port(25), mirrored=True)),
    "*+0::ICMP": specs(traffic(ANY, ME, protocol=1, mirrored=True)),
    "192.168.*.*+0:445:TCP": specs(
        traffic(network(IP("192.168.0.0"), 0xFFFF0000), ME, protocol=TCP, destination_port=port(445), mirrored=True)
    ),
    "*=0:*:*": specs(traffic(ANY, ME)),
    "*=0::": specs(traffic(ANY, ME)),
    "*=0/255.255.255.255": specs(traffic(ANY, ME)),
    "0:*=*::raw": specs(traffic(ME, ANY, protocol=255)),
    "*.*.*.*=0:1434:UDP": specs(traffic(ANY, ME, protocol=UDP, destination_port=port(1434))),
}


@pytest.mark.parametrize("text", FILTERS)
def test_filters(text):
    assert parse_command(f"ipseccmd -f {text}", []) == AddRule(Parameters(filters=FILTERS[text]))


NEGOTIATIONS = {
    "esp[3des,sha]": Negotiation(offers=(offer(Esp("3des", "sha")),)),
    "ESP[DES,NONE] Ah[MD5]": Negotiation(offers=(offer(Esp("des", "none")), AH)),
    "esp[3des, sha] 3600S/5000K PFS2": Negotiation(
        offers=(offer(Esp("3des", "sha"), seconds=3600, kilobytes=5000, group=2),)
    ),
    "esp[3des,sha]5000k/3600sp1": Negotiation(
        offers=(offer(Esp("3des", "sha"), seconds=3600, kilobytes=5000, group=1),)
    ),
    "esp[3des,sha] PFS 5000K 3600S": Negotiation(
        offers=(offer(Esp("3des", "sha"), seconds=3600, kilobytes=5000, pfs=True),)
    ),
    "esp[3des,sha]PFS3600S": Negotiation(offers=(offer(Esp("3des", "sha"), seconds=3600, pfs=True),)),
    "esp[3des,sha]PFS1 3600S ah[md5]": Negotiation(offers=(offer(Esp("3des", "sha"), seconds=3600, group=1), AH)),
    "ah[md5]3600SPFS": Negotiation(offers=(offer(Ah("md5"), seconds=3600, pfs=True),)),
    "ah[md5]+esp[des,sha] P2": Negotiation(offers=(offer(Ah("md5"), Esp("des", "sha"), group=2),)),
    '"ah[md5] esp[3des,sha]"': Negotiation(offers=(AH, offer(Esp("3des", "sha")))),
    "inpass": Negotiation(inpass=True),
    "ah[md5] INPASS esp[3des,sha]": Negotiation(offers=(AH, offer(Esp("3des", "sha"))), inpass=True),
    "BLOCK": Negotiation(Action.BLOCK),
    "pass": Negotiation(Action.PERMIT),
}


@pytest.mark.parametrize("mode", ["", " -w reg -p P -r R"], ids=["dynamic", "static"])
@pytest.mark.parametrize("text", NEGOTIATIONS)
def test_security_methods_and_filter_actions(text, mode):
    found = parse_command(f"ipseccmd -f 0+* -n {text}{mode}", [])
    assert found.parameters == Parameters(filters=EVERYTHING, negotiation=NEGOTIATIONS[text])


PARAMETERS = {
    "-a KERBEROS": {"authentication": (Kerberos(),)},
    '-a p:"Two Words" ker C:"CN=Corp Root"': {
        "authentication": (PresharedKey("Two Words"), Kerberos(), Certificate(ca="CN=Corp Root"))
    },
    '-a "presh:a b" cert:CN=x': {"authentication": (PresharedKey("a b"), Certificate(ca="CN=x"))},
    r'-a p:"say \"hi\" c:\dir\\"': {"authentication": (PresharedKey('say "hi" c:\\dir\\'),)},
    "-a p:-x": {"authentication": (PresharedKey("-x"),)},
    "-1s 3DES-SHA-2 des-md5-1": {
        "main_mode_methods": (main_mode_method("3des", "sha", 2), main_mode_method("des", "md5", 1))
    },
    "-1k 10Q/3600S": {"main_mode_rekey": Rekey(10, 3600)},
    "-1k 3600s/10q": {"main_mode_rekey": Rekey(10, 3600)},
    "-1k 0Q": {"main_mode_rekey": Rekey(0)},
    "-1K 60S -1P": {"main_mode_rekey": Rekey(None, 60), "main_mode_pfs": True},
    "-1f 0+* -1f 10.*.*.*=*": {"main_mode_filters": (BOTH_WAYS, traffic(SUBNET_A, ANY))},
    "-1e 600 -so": {"soft_lifetime": 600, "soft": True},
    "/soft": {"soft": True},
    "-conf -dial": {"confirm": True, "connection_type": ConnectionType.DIALUP},
    "-L": {"connection_type": ConnectionType.LAN},
}


@pytest.mark.parametrize("text", PARAMETERS)
def test_parameters_before_and_after_the_filters(text):
    expected = AddRule(Parameters(filters=EVERYTHING, **PARAMETERS[text]))
    assert parse_command(f"ipseccmd {text} -f 0+*", []) == expected
    assert parse_command(f"ipseccmd -f 0+* {text}", []) == expected


STATIC = {
    "-p P -w reg -x": write(assign=True),
    "-y -p P -w REG": write(assign=False),
    "-w reg -p P -o": write(delete=True),
    "-w ds:corp.example -p P -o": write(store=StoreKind.DIRECTORY, location="corp.example", delete=True),
    '-w reg -p P -r "A" -r "B" -o': write(rules=("A", "B"), delete=True),
    "-w reg -p P -r A -o -x": write(rules=("A",), delete=True, assign=True),
    "-w reg -p P -r A": write(rules=("A",)),
    r"-w reg:\\srv -p P -r A -soft": write(parameters=Parameters(soft=True), location="srv", rules=("A",)),
    "-w reg -p P -f default": write(parameters=Parameters(default_response=True)),
    "-w reg -p P -f DEFAULT -r A -n ah[md5] -x": write(
        parameters=Parameters(default_response=True, negotiation=Negotiation(offers=(AH,))), rules=("A",), assign=True
    ),
    '-w reg -p "Policy Name":30 -x': write("Policy Name", poll_interval=30, assign=True),
    '-w reg -p "Policy Name:30" -x': write("Policy Name", poll_interval=30, assign=True),
    '-w reg -p "Policy: Name:0030" -x': write("Policy: Name", poll_interval=30, assign=True),
    "-w reg -p P:1:2 -x": write("P:1", poll_interval=2, assign=True),
    "-w reg -p P: -x": write("P:", assign=True),
    '-w reg -p "-x" -r "/r" -f 0+*': write("-x", parameters=Parameters(filters=EVERYTHING), rules=("/r",)),
    "-w reg -p a\u00a0b -x": write("a\u00a0b", assign=True),
    '-w REG -p "Block Policy" -r "Block TCP/135" -f *+0:135:TCP -n BLOCK -x': write(
        "Block Policy",
        parameters=Parameters(filters=FILTERS["*+0:135:TCP"], negotiation=Negotiation(Action.BLOCK)),
        rules=("Block TCP/135",),
        assign=True,
    ),
    f"-w reg -p P -r A -f {GUID}=* -a k": write(
        parameters=Parameters(filters=FILTERS[f"{GUID}=*"], authentication=(Kerberos(),)), rules=("A",)
    ),
}


@pytest.mark.parametrize("text", STATIC)
def test_static_mode(text):
    assert parse_command(f"ipseccmd {text}", []) == STATIC[text]
    if STATIC[text].store is StoreKind.REGISTRY:
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
def test_program_with_and_without_a_path(program):
    assert parse_command(f"{program} show sas", []) == Show(frozenset([Query.SAS]))
    assert parse_command(f"  {program}\t-u \r\n", []) == DeleteRules()


HELP = ["ipseccmd /?", "-?", r"ipseccmd \\srv /?", "ipseccmd -f 0+* /?", "ipseccmd show -?", "ipseccmd -x -zz -?"]


@pytest.mark.parametrize("line", HELP)
def test_help_overrides_everything_else(line):
    assert parse_command(line, []) == Help()


def test_help_in_quotes_is_a_name():
    assert parse_command('ipseccmd -w reg -p "/?" -x', []) == write("/?", assign=True)


def test_syntax_has_every_option_and_the_defaults_of_the_table():
    for option in OPTIONS:
        assert f"-{option}" in SYNTAX
    for value in (defaults.MASK, defaults.AUTHENTICATION, defaults.SOFT_LIFETIME, defaults.POLL_INTERVAL // 60):
        assert str(value) in SYNTAX
    assert "480 minutes" in SYNTAX
    assert "esp[3des,sha], esp[3des,md5], esp[des,sha], esp[des,md5]" in SYNTAX
    assert "3des-sha-2, 3des-md5-2, des-sha-1, des-md5-1" in SYNTAX
