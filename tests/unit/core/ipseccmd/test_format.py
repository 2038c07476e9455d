# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Commands as lines of ipseccmd: the shortest form, and that every spelling of a command is read as that command."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import batch_file, read_script
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.commands import (
    AddRule,
    FilterSpec,
    Parameters,
    Query,
    Rekey,
    Show,
    StoreKind,
    WritePolicy,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.format import format_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.parse import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import (
    ANY,
    ME,
    TCP,
    Action,
    Ah,
    Certificate,
    ConnectionType,
    DnsName,
    ModelError,
    OtherAuthentication,
    Ports,
    PresharedKey,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.methods import Offer
from ansible_collections.ipsec.windows.plugins.module_utils._core.notation.negotiation import Negotiation
from hypothesis import given
from hypothesis import strategies as st
from unit.ipseccmd_strategies import any_command, spelled
from unit.values import address, main_mode_method, method, traffic

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
def test_shortest_form(line):
    assert format_command(parse_command(line, [])) == FORMATS[line]


EVERYTHING = (FilterSpec(traffic(ME, ANY, mirrored=True)),)
POLICY = WritePolicy(parameters=Parameters(filters=EVERYTHING), store=StoreKind.REGISTRY, policy="P", rules=("R",))
AH = Offer(method(Ah("md5")))


def with_filter(filter_):
    return AddRule(Parameters(filters=(FilterSpec(filter_),)))


def with_parameters(**parts):
    return AddRule(Parameters(filters=EVERYTHING, **parts))


def with_offers(*offers, **parts):
    return with_parameters(negotiation=Negotiation(offers=offers, **parts))


def with_method(method):
    return with_parameters(authentication=(method,))


def static(**parts):
    return dataclasses.replace(POLICY, parameters=Parameters(**parts))


INEXPRESSIBLE = {
    "name that ends like a poll interval": dataclasses.replace(POLICY, policy="P:30"),
    "name that ends like a long poll interval": dataclasses.replace(POLICY, policy="P:" + "1" * 30),
    "name with a line break": dataclasses.replace(POLICY, policy="a\nb"),
    "policy without a name": dataclasses.replace(POLICY, policy=" "),
    "rule without a name": dataclasses.replace(POLICY, rules=("",)),
    "no rule": dataclasses.replace(POLICY, rules=()),
    "two rules": dataclasses.replace(POLICY, rules=("A", "B")),
    "unknown store": dataclasses.replace(POLICY, store="file"),
    "location with a backslash": dataclasses.replace(POLICY, location="a\\b"),
    "location and another computer": dataclasses.replace(POLICY, location="a", computer="b"),
    "poll interval of 0 minutes": dataclasses.replace(POLICY, poll_interval=0),
    "policy of the directory that is assigned": dataclasses.replace(POLICY, store=StoreKind.DIRECTORY, assign=True),
    "permit filter in static mode": static(filters=(FilterSpec(EVERYTHING[0].filter, Action.PERMIT),)),
    "confirmation prompt in static mode": static(filters=EVERYTHING, confirm=True),
    "no filters": AddRule(Parameters()),
    "default response rule with filters": with_parameters(default_response=True),
    "IPv6 address": with_filter(traffic(address("2001:db8::1"), DnsName("server"))),
    "port range": with_filter(traffic(ME, ANY, protocol=TCP, destination_port=Ports(1, 2))),
    "DNS name with its address": with_filter(traffic(ME, DnsName("server", address("10.2.1.13")))),
    "filter with a description": with_filter(traffic(ME, ANY, description="web")),
    "odd filter": with_filter(traffic(ME, ANY, protocol=300, odd=True)),
    "negotiate without methods": with_offers(),
    "block with methods": with_offers(AH, action=Action.BLOCK),
    "group without PFS": with_offers(Offer(method(Ah("md5")), 1)),
    "PFS with group 14": with_offers(Offer(method(Ah("md5"), pfs=True), 14)),
    "odd security method": with_offers(Offer(method(odd=True))),
    "key that is not known": with_method(PresharedKey(None)),
    "key with a line break": with_method(PresharedKey("a\nb")),
    "authentication method of an unknown type": with_method(OtherAuthentication(9, None)),
    "certificate with account mapping": with_method(Certificate(ca="CN=x", account_mapping=True, odd=True)),
    "main mode method with group 14": with_parameters(main_mode_methods=(main_mode_method("3des", "sha", 14),)),
    "main mode method with its own lifetime": with_parameters(
        main_mode_methods=(main_mode_method("des", "sha", 1, lifetime_seconds=9),)
    ),
    "empty rekey setting": with_parameters(main_mode_rekey=Rekey()),
    "main mode filter with a protocol": with_parameters(main_mode_filters=(traffic(ME, ANY, protocol=TCP),)),
    "connection type all": with_parameters(connection_type=ConnectionType.ALL),
    "empty query": Show(frozenset()),
    "unknown query": Show(frozenset(["gpo"])),
    "computer with a backslash": Show(frozenset(Query), "a\\b"),
}

REASONS = {
    "name that ends like a poll interval": "ends like a poll interval",
    "name that ends like a long poll interval": "ends like a poll interval",
    "name with a line break": "not closed before the line ends",
    "policy without a name": "the policy needs a name",
    "rule without a name": "-r needs the name of the rule",
    "no rule": "-r is required",
    "two rules": "a command changes one rule",
    "unknown store": "-w takes reg, reg:COMPUTER, ds or ds:DOMAIN",
    "location with a backslash": "expected the name of a computer",
    "location and another computer": "this names a, but the line begins with",
    "poll interval of 0 minutes": "the poll interval must be 1 to 71582788 minutes",
    "policy of the directory that is assigned": "-x is for policies in the registry",
    "permit filter in static mode": "brackets are for dynamic mode",
    "confirmation prompt in static mode": "-confirm is for dynamic mode only",
    "no filters": "-f is required",
    "default response rule with filters": "cannot express all of this",
    "IPv6 address": "the address 2001:db8::1",
    "port range": "the ports 1-2",
    "DNS name with its address": "cannot express all of this",
    "filter with a description": "has a description",
    "odd filter": "only a stored policy can have the filter me=any::300",
    "negotiate without methods": "-n needs security methods",
    "block with methods": "cannot express all of this",
    "group without PFS": "cannot express all of this",
    "PFS with group 14": "a PFS setting such as PFS1",
    "odd security method": "only a stored policy can have the security method",
    "key that is not known": "its key or its type is not known",
    "key with a line break": "not closed before the line ends",
    "authentication method of an unknown type": "its key or its type is not known",
    "certificate with account mapping": "cannot express all of this",
    "main mode method with group 14": "the group must be 1 (low) or 2 (medium)",
    "main mode method with its own lifetime": "cannot express all of this",
    "empty rekey setting": "-1k needs a rekey setting",
    "main mode filter with a protocol": "a main mode filter has no ports and no protocol",
    "connection type all": "this option does not exist",
    "empty query": "show needs what to show",
    "unknown query": "show needs what to show",
    "computer with a backslash": "expected the name of a computer",
}


@pytest.mark.parametrize("what", INEXPRESSIBLE)
def test_command_that_the_language_cannot_express_is_an_error(what):
    with pytest.raises(ModelError) as caught:
        format_command(INEXPRESSIBLE[what])
    assert REASONS[what] in str(caught.value)


def test_error_for_a_name_that_ends_like_a_poll_interval_says_what_to_do():
    with pytest.raises(ModelError, match="give the poll interval too, or rename the policy"):
        format_command(INEXPRESSIBLE["name that ends like a poll interval"])
    assert format_command(dataclasses.replace(POLICY, policy="P:30", poll_interval=5)).endswith("-p P:30:5 -r R")


@given(any_command)
def test_command_survives_format_and_parse(command):
    assert parse_command(format_command(command), []) == command


@given(st.lists(any_command, min_size=1, max_size=2))
def test_commands_survive_a_batch_file(found):
    script = read_script(batch_file(map(format_command, found)))
    assert [parse_command(command.text, []) for command in script.commands] == found


@given(spelled())
def test_every_spelling_has_the_same_meaning(found):
    command, line = found
    assert parse_command(line, []) == command


@given(spelled(manual=True))
def test_no_spelling_of_the_manual_is_shorter(found):
    command, line = found
    assert parse_command(line, []) == command
    assert len(format_command(command)) <= len(line)
