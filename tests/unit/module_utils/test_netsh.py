# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import dataclasses
import pathlib
import re

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils import model
from ansible_collections.ipsec.windows.plugins.module_utils.batch import batch_file, read_script
from ansible_collections.ipsec.windows.plugins.module_utils.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils.netsh import read_netsh, write_netsh
from ansible_collections.ipsec.windows.plugins.module_utils.objects import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils.redact import key_spans
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils.source import SourceError, Text
from ansible_collections.ipsec.windows.plugins.module_utils.store import Store
from hypothesis import given
from hypothesis import strategies as st
from unit import stores, strategies

SCRIPTS = pathlib.Path(__file__).parent.parent.parent / "data" / "scripts" / "netsh"
# the least that a rule needs
BASE = """\
add policy P
add filterlist L
add filter L me 192.0.2.1
add filteraction A action=negotiate
"""
RULE = "add rule R P L A"


def commands(*lines):
    """The lines of a file, each one command; what is no command of its own gets `netsh ipsec static` before it."""
    rows = [
        row if row.lower().startswith(("netsh", "ipsec")) else f"netsh ipsec static {row}"
        for line in lines
        for row in line.splitlines()
    ]
    return rows_of("\n".join(rows))


def rows_of(file):
    whole = Text.of(file)
    return [whole[m.start() : m.end()] for m in re.finditer(".+", file)]


def read_batch(file):
    return read_netsh([command.text for command in read_script(file).commands], [])


def read(*lines):
    return read_netsh(commands(*lines), [])


def notes_of(*lines):
    notes = []
    read_netsh(commands(*lines), notes)
    return notes


def wanted(item):
    """What the task would ask for."""
    return parse_task(item)[0]


def rule_of(*lines):
    (item,) = read(BASE, *lines)
    (rule,) = item["rules"]
    return rule


def test_a_policy_with_everything():
    (item,) = read(
        'add policy name="My policy" desc="for \'all\'" mmpfs=yes qmpermm=5 mmlife=60 activate=no poll=30 assign=y '
        'mmsec="3DES-SHA1-3 des-md5-1"',
        "ADD FILTERLIST name=L",
        "add filter filterlist=l srcaddr=ME dstaddr=10.0.0.0 dstmask=8 desc=net protocol=tcp srcport=0 dstport=80-90",
        'add filteraction name=A qmpfs=y inpass=yes soft=no qmsec="ESP[3DES,SHA1]:100000k/3600s AH[MD5]+ESP[DES,None]"',
        'add rule name=R policy="my POLICY" filterlist=L filteraction=a conn=lan act=n desc=d psk=k kerb=y root=CN=X',
    )
    assert item == {
        "name": "My policy",
        "description": "for 'all'",
        "assigned": True,
        "poll_interval": 30,
        "main_mode": {
            "methods": ["3des-sha-14", "des-md5-1"],
            "lifetime_seconds": 3600,
            "quick_mode_limit": 5,
            "pfs": True,
        },
        "default_response": {"enabled": False},
        "rules": [
            {
                "name": "R",
                "description": "d",
                "enabled": False,
                "filters": [
                    {
                        "source": "me",
                        "destination": "10.0.0.0/8",
                        "protocol": "tcp",
                        "destination_port": "80-90",
                        "mirrored": True,
                        "description": "net",
                    }
                ],
                "filter_list": "L",
                "action": "negotiate",
                "filter_action": "A",
                "inpass": True,
                "security_methods": ["esp[3des,sha] 3600S/100000K PFS", "ah[md5]+esp[des,none] PFS"],
                "authentication": [{"preshared_key": "k"}, "kerberos", {"certificate": "CN=X"}],
                "connection_type": "lan",
            }
        ],
    }
    assert wanted(item).rules[0].filters[0].destination_port == model.Ports(80, 90)


@pytest.mark.parametrize(
    "words",
    [
        "netsh ipsec static add policy P",
        r'"C:\Windows\System32\NetSh.EXE" ipsec static add policy P',
        "netsh ips st a pol name=P",
        "ipsec static ADD policy NAME=P",
        '  netsh   ipsec\tstatic add policy "name=P"',
    ],
)
def test_ways_to_write_a_command(words):
    assert read_netsh([Text.of(words)], []) == [{"name": "P", "rules": []}]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("me any", {"source": "me", "destination": "any"}),
        ("any WINS mirrored=n", {"source": "any", "destination": "wins", "mirrored": None}),
        ("0.0.0.0 me srcmask=0.0.0.0", {"source": "any", "destination": "me"}),
        ("192.0.2.1 me srcmask=255.255.255.255", {"source": "192.0.2.1", "destination": "me"}),
        ("192.0.2.0 me srcmask=255.255.255.0", {"source": "192.0.2.0/24", "destination": "me"}),
        ("192.0.2.1-192.0.2.9 me", {"source": "192.0.2.1-192.0.2.9", "destination": "me"}),
        ("me 2001:db8:: dstmask=32", {"source": "me/ipv6", "destination": "2001:db8::/32"}),
        ("me server.example dstmask=32", {"source": "me", "destination": "server.example"}),
        ("me any srcmask=nonsense", {"source": "me", "destination": "any"}),
        ("me any protocol=47", {"source": "me", "destination": "any", "protocol": "gre"}),
        ("me any prot=RAW", {"source": "me", "destination": "any", "protocol": "raw"}),
        ("me any prot=any dstport=0", {"source": "me", "destination": "any"}),
        ("me DNS prot=UDP srcp=53", {"source": "me", "destination": "dns", "protocol": "udp", "source_port": 53}),
    ],
)
def test_filters(words, expected):
    (item,) = read("add policy P", f"add filter L {words}", "add filteraction A action=block", RULE)
    (filter_,) = item["rules"][0]["filters"]
    assert {"mirrored": None, **filter_} == {"mirrored": True, **expected}
    assert wanted(item).rules


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", {"action": "negotiate"}),
        ("qmpfs=yes", {"security_methods": [f"esp[{c},{h}] PFS" for c in ("3des", "des") for h in ("sha", "md5")]}),
        ("qmpfs=no", {"action": "negotiate"}),
        ('qmsec="ESP[None,MD5]:300s"', {"security_methods": ["esp[none,md5] 300S"]}),
        ('qmsec="esp[3des, sha1]:60S/7K"', {"security_methods": ["esp[3des,sha] 60S/7K"]}),
        ('qmsec="AH[SHA1]:0k/0s"', {"security_methods": ["ah[sha]"]}),
        ("action=permit inpass=no", {"action": "permit"}),
        ('action=block qmpfs=yes soft=yes qmsec="AH[MD5]"', {"action": "block"}),
    ],
)
def test_filter_actions(words, expected):
    (item,) = read("add policy P", "add filter L me any", f"add filteraction A {words}", RULE)
    (rule,) = item["rules"]
    assert {**rule, **expected} == rule
    assert rule.keys() - expected.keys() == {"name", "filters", "filter_list", "filter_action", "action"} - {*expected}
    assert wanted(item).rules


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", None),
        ("kerberos=yes", None),
        ("kerberos=yes rootca=CN=A", ["kerberos", {"certificate": "CN=A"}]),
        ("kerberos=no psk=x", [{"preshared_key": "x"}]),
        ("rootca=CN=A rootca=CN=B", [{"certificate": "CN=A"}, {"certificate": "CN=B"}]),
        ('rootca="CN=A certmap:no excludecaname:NO"', [{"certificate": "CN=A"}]),
        (r'rootca="O=X, CN=\'A, B\'"', [{"certificate": 'O=X, CN="A, B"'}]),
    ],
)
def test_authentication(words, expected):
    assert rule_of(f"{RULE} {words}").get("authentication") == expected


def test_rules_refer_to_lists_and_actions():
    """What becomes of these later becomes of the rules."""
    rule = rule_of(
        RULE,
        "add filter L me 192.0.2.2",
        "add filter L me 192.0.2.2 desc=again",
        "delete filter L 192.0.2.1 me",
        "set filterlist L newname=M",
        "set filteraction A newname=B action=block",
    )
    assert [f["destination"] for f in rule["filters"]] == ["192.0.2.2"]
    assert (rule["filter_list"], rule["filter_action"], rule["action"]) == ("M", "B", "block")


def test_rules_change():
    rule = rule_of(
        f"{RULE} psk=x conn=lan",
        "add filter M me 192.0.2.9 mirrored=no",
        "add filteraction B",
        "set rule R P filterlist=M filteraction=B newname=S tunnel=192.0.2.77 kerberos=yes rootca=CN=A activate=no",
        "delete filterlist L",
        "delete filteraction A",
    )
    assert (rule["name"], rule["tunnel"], rule["enabled"]) == ("S", "192.0.2.77", False)
    assert (rule["authentication"], rule["connection_type"]) == (["kerberos", {"certificate": "CN=A"}], "lan")
    assert rule["filters"] == [{"source": "me", "destination": "192.0.2.9"}]


def test_default_rule():
    (item,) = read(
        "add policy P",
        'set defaultrule P qmsec="ESP[DES,MD5]" psk=x',
        "set defaultrule policy=P qmpfs=yes activate=no",
    )
    assert item["default_response"] == {
        "enabled": False,
        "security_methods": ["esp[des,md5] PFS"],
        "authentication": [{"preshared_key": "x"}],
    }


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("delete policy X", [{"name": "X", "state": "absent"}]),
        ("add policy X\ndelete policy x", [{"name": "X", "state": "absent"}]),
        ("delete policy X\nadd policy x", [{"name": "x", "rules": []}]),
        ("set policy X assign=no", [{"name": "X", "assigned": False, "rules_mode": "merge"}]),
        ("delete rule all policy=X", [{"name": "X", "rules": []}]),
        ("add policy X\nset policy X newname=Y desc=d", [{"name": "Y", "description": "d", "rules": []}]),
        ("delete policy Y\nadd policy X\nset policy X newname=Y", [{"name": "Y", "rules": []}]),
        ("add policy X assign=y\nset policy Y assign=y", [{"name": "Y", "assigned": True}, {"assigned": False}]),
        ("delete all\nadd policy X assign=y", [{"name": "X", "assigned": True, "rules": []}]),
        ("delete policy all\nadd policy X\nset policy X assign=y", [{"name": "X", "assigned": True}]),
        ("add policy X\ndelete all\nadd policy Y assign=y", [{"name": "Y"}, {"name": "X", "state": "absent"}]),
        ("set defaultrule policy=X activate=y", [{"name": "X", "default_response": {"enabled": True}}]),
        ("set store location=local", []),
        ("delete filterlist all\ndelete filteraction all", []),
        ("show all\nexportpolicy file=x", []),
    ],
)
def test_policies(lines, expected):
    found = read(lines)
    assert [{**item, **given_} for item, given_ in zip(found, expected, strict=True)] == found


def test_rules_of_a_stored_policy_are_merged():
    (item,) = read(BASE.replace("add policy P\n", ""), RULE)
    assert (item["rules_mode"], [rule["name"] for rule in item["rules"]]) == ("merge", ["R"])


def test_a_stored_rule_is_deleted_and_written_anew():
    (item,) = read(BASE.replace("add policy P\n", ""), "delete rule R P", RULE)
    assert (item["rules_mode"], [rule["name"] for rule in item["rules"]]) == ("merge", ["R"])


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("show policy name=x", "line 1: 'show' changes nothing"),
        ("add filter L me any", "line 1: no command makes the filter list 'L'"),
        ("add filterlist L", "the filter list 'L' is used by no rule"),
        ("add filteraction A", "the filter action 'A' is used by no rule"),
        ("add filterlist L description=d", "the descriptions of filter lists and filter actions"),
        ("set store local\nadd filter L 10.1.1.1 me srcmask=8", "line 2: 10.1.1.1/8 has bits outside of its mask"),
        ("set policy X assign=y", "the task makes the policy 'X' where it is missing"),
        ("delete filterlist L", "the filter list 'L' is deleted but not made"),
        ("delete filteraction all", "line 1: what a host has of filter actions"),
        ("add policy X\ndelete all\nadd policy Y assign=y", "line 2: other policies that a host has stay"),
        (f"{BASE}{RULE}\nset filteraction A action=permit soft=y", "'A' is permit; what only negotiate takes"),
    ],
)
def test_what_is_left_out_or_taken_otherwise_is_noted(lines, words):
    assert [note for note in notes_of(lines) if words in note]


def test_lists_that_are_deleted_first_are_no_news():
    lines = ("delete policy P", "delete filterlist L", "delete filteraction A", BASE, RULE)
    assert notes_of(*lines) == []


MISTAKES = {
    "unknown program": ("netsh ras", "here must stand ipsec"),
    "nothing": ("netsh ipsec static", "here must stand set, add, delete, show"),
    "dynamic": ("netsh ipsec dynamic delete all", "only commands of 'netsh ipsec static' are converted"),
    "misspelt command": ("addd policy P", "did you mean add?"),
    "ambiguous": ("add filt x", "this is short for filterlist, filter or filteraction"),
    "misspelt object": ("add polcy P", "did you mean policy?"),
    "misspelt argument": ("add policy P asign=y", "did you mean assign?"),
    "unknown argument": ("add filterlist L x=y", "there are name=, description="),
    "ambiguous argument": (f"{BASE}add rule R P filter=L filteraction=A", "filterlist or filteraction"),
    "missing": ("add filter L me", "add filter needs dstaddr="),
    "missing name": ("delete rule policy=P", "delete rule needs name="),
    "twice": ("add policy P name=Q", "name= is given a second time"),
    "several words": ("add policy P desc=close the ports", "in quotes where it has blanks"),
    "blank before the value": ("add policy name= P", "name= has no value"),
    "open quote": ('add policy name="P', "not closed"),
    "guid": ("set policy P guid={1} newname=x", "a GUID is that of an object in one store"),
    "gponame": ("set policy P gponame=x assign=y", "policies of the domain"),
    "domain": ("set store location=domain domain=x", "policies of the domain"),
    "domain of a local store": ("set store location=local domain=x", "goes with location=domain"),
    "import": ("importpolicy file=x.ipsec", "import it on a host"),
    "flag": ("add policy P assign=perhaps", "this must be yes or no"),
    "number": ("add policy P poll=0", "this must be a number from 1 to 71582788"),
    "main mode": ("add policy P mmsec=3DES-SHA1-4", "cipher-hash-group, as in 3DES-SHA1-3"),
    "long name": (f"add policy {'x' * 256}", "at most 255"),
    "second policy": ("add policy P\nadd policy p", "adding it again fails"),
    "deleted policy": ("delete policy P\nset policy P assign=y", "this policy is deleted in line 1"),
    "everything deleted": ("delete all\nset policy P assign=y", "this policy is deleted in line 1"),
    "delete all": ("delete all\nadd policy P", "deletes all policies that a host has"),
    "renaming what is stored": ("set policy P newname=Q", "ipsec_policy renames a stored one by its id"),
    "renaming to what is there": ("add policy P\nadd policy Q\nset policy P newname=q", "of this name already"),
    "second list": ("add filterlist L\nadd filterlist l", "there is a filter list of this name already"),
    "list to what is there": ("add filterlist L\nadd filterlist M\nset filterlist L newname=M", "already"),
    "unknown list": ("add policy P\nadd filteraction A\nadd rule R P L A", "makes a filter list of this name"),
    "unknown action": ("add policy P\nadd filterlist L\nadd rule R P L A", "makes a filter action of this name"),
    "used list": (f"{BASE}{RULE}\ndelete filterlist L", "a rule uses the filter list 'L'"),
    "used action": (f"{BASE}{RULE}\ndelete filteraction all", "a rule uses the filter action 'A'"),
    "no filters": (f"{BASE}{RULE}\ndelete filter L me 192.0.2.1", "has no filters in the end"),
    "no such filter": (f"{BASE}delete filter L me 192.0.2.2", "has no such filter"),
    "mask in an address": ("add filter L 10.0.0.0/8 me", "an argument of its own, srcmask="),
    "address": ("add filter L 10.0.0 me", "'10.0.0' is no address"),
    "address of ipseccmd": ("add filter L 0 me", "this is no address of netsh"),
    "mask": ("add filter L 10.0.0.0 me srcmask=33", "'33' is no mask"),
    "mask with holes": ("add filter L 10.0.0.0 me srcmask=255.0.255.0", "not contiguous"),
    "mask of a name": ("add filter L a.example me srcmask=24", "a mask goes with one address"),
    "families": ("add filter L 10.0.0.1 ::1", "not of one family"),
    "protocol": ("add filter L me any protocol=GRE", "netsh writes this one as 47"),
    "port": ("add filter L me any protocol=tcp dstport=http", "a port is a number from 1"),
    "port without protocol": ("add filter L me any dstport=80", "a port needs protocol=TCP"),
    "port too large": ("add filter L me any protocol=tcp dstport=65536", "1 to 65535"),
    "action": ("add filteraction A action=drop", "the action is permit, block or negotiate"),
    "security method": ("add filteraction A qmsec=3DES", "ESP[cipher,hash]"),
    "cipher": ("add filteraction A qmsec=ESP[AES,SHA1]", "ESP takes a cipher"),
    "no security": ("add filteraction A qmsec=ESP[None,None]", "esp[none,none] is not supported"),
    "lifetime": ("add filteraction A qmsec=AH[MD5]:1k/2k", "as in 100000k/3600s"),
    "second rule": (f"{BASE}{RULE}\n{RULE}", "the policy has a rule of this name already"),
    "unknown rule": (f"{BASE}delete rule R P", "the policy has no such rule"),
    "stored rule": ("delete rule R P", "ipsec_rule with 'state: absent'"),
    "change of a stored rule": ("set rule R P activate=n", "as a task of ipsec_rule"),
    "default rule that is stored": ("set defaultrule P qmpfs=y", "say activate=yes or activate=no"),
    "connection type": (f"{BASE}{RULE} conntype=wifi", "the connection type is all, lan, dialup"),
    "no authentication": (f"{BASE}{RULE} kerberos=no", "this leaves no authentication method"),
    "certificate mapping": (f'{BASE}{RULE} rootca="CN=x certmap:yes"', "this cannot be written"),
    "option twice": (f'{BASE}{RULE} rootca="CN=x certmap:no certmap:no"', "certmap is given a second time"),
    "authority": (f'{BASE}{RULE} rootca=" "', "distinguished name"),
    "tunnel": (f"{BASE}{RULE} tunnel=any", "a tunnel ends at one address"),
    "mirrored tunnel": (f"{BASE}{RULE} tunnel=192.0.2.9", "say mirrored=no"),
    "tunnel that permits": (f"{BASE}{RULE} tunnel=192.0.2.9\nset filteraction A action=permit", "says permit"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_says_what_would_be_right(what):
    lines, words = MISTAKES[what]
    with pytest.raises(SourceError) as caught:
        read(lines)
    assert words in caught.value.problem


@pytest.mark.parametrize(
    ("lines", "marked"),
    [
        ("add policy P asign=y", "asign=y"),
        ("add policy P poll=12x", "12x"),
        ("add filter L 10.0.0.1 me srcmask=255.0.255.0", "255.0.255.0"),
        ('add filteraction A qmsec="AH[MD5] ESP[DES,MD5]:5"', '5"'),
        (f"{BASE}{RULE} tunnel=192.0.2.9 psk=x", "192.0.2.9"),
        (f'{BASE}{RULE} rootca="CN=x excludecaname:yes"', "excludecaname"),
    ],
)
def test_a_mistake_is_shown_where_it_is(lines, marked):
    with pytest.raises(SourceError) as caught:
        read(lines)
    _message, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^") :].startswith(marked)


@pytest.mark.parametrize(
    "words",
    [
        "psk=s3cret oops",
        "psk=s3cret s3cret oops=s3cret",
        "ps=s3cret oops=1",
        "pks=s3cret",
        "key=s3cret s3cret",
        'psk="s3cret',
        '"psk=s3cret s3cret" oops',
        "psk = s3cret",
        "192.0.2.1 all yes text no s3cret",
        'psk="" kerberos=s3cret',
    ],
)
def test_a_key_is_never_shown(words):
    with pytest.raises(SourceError) as caught:
        read(BASE, f"{RULE} {words}")
    assert "s3cret" not in str(caught.value) or words.endswith("kerberos=s3cret")


def test_what_is_no_key_is_shown():
    line = "netsh ipsec static add rule name=R policy=P desc=close the ports psk=x rootca=CN=y"
    assert [line[start:end] for start, end in key_spans(line)] == ["x"]


_WORDS = """netsh ipsec static dynamic add set delete show policy filterlist filter filteraction rule defaultrule all
    store name=P name=L policy=P filterlist=L filteraction=A srcaddr=me dstaddr=192.0.2.1 srcmask=24 protocol=TCP
    dstport=80 mirrored=no assign=y kerberos=no tunnel=192.0.2.1 action=block qmsec=ESP[DES,MD5]:1k qmpfs=y newname=Q
    mmlife=9 qmsec=[[ mmsec=DES-MD5-1 rootca=CN=x psk=s3cret "psk=s3cret P L A = "" " location=local"""
WORDS = st.sampled_from(_WORDS.split())
LINES = st.one_of(
    st.lists(WORDS, max_size=9).map(lambda words: " ".join(["ipsec static", *words])),
    st.sampled_from(
        [*BASE.splitlines(), RULE, "delete policy P", "delete filterlist L", "delete rule all policy=P"]
    ).map(lambda line: f"ipsec static {line}"),
    st.text(max_size=40),
)


@given(st.lists(LINES, max_size=12).map("\n".join))
def test_any_text_gives_tasks_or_an_error_without_keys(file):
    try:
        found = read_netsh(rows_of(file), [])
    except ModelError as error:
        assert "s3cret" not in str(error)
    else:
        for item in found:
            assert wanted(item)


def test_ten_thousand_filters_and_a_thousand_rules_take_no_time():
    lines = [
        "add policy P",
        "add filteraction A action=block",
        *(f"add filter big 10.{n >> 8}.{n & 255}.7 me srcmask=24" for n in range(10_000)),
        "add rule big P big A",
        *(f"add filter L{n} 10.1.{n >> 8}.{n & 255} me\nadd rule R{n} P L{n} A" for n in range(1000)),
    ]
    found = read(*lines)
    assert sum(len(rule["filters"]) for rule in found[0]["rules"]) == 11_000
    assert len(write_netsh(found)) == 13_004


def untaken(tree):
    """A policy as the parser has it, without what no command keeps: names of lists, and addresses of names."""
    found = wanted(tree)
    rules = tuple(
        dataclasses.replace(
            rule, filter_list=None, filter_action=None, filters=tuple(map(_without_answers, rule.filters))
        )
        for rule in found.rules or ()
    )
    return dataclasses.replace(found, rules=rules, description=found.description or None)


def _without_answers(filter_):
    ends = {
        name: model.DnsName(end.name)
        for name in ("source", "destination")
        if isinstance(end := getattr(filter_, name), model.DnsName)
    }
    return dataclasses.replace(filter_, **ends)


def _with_keys(tree, methods):
    """The keys, which facts hide."""
    for item, method in zip(tree, methods, strict=True):
        if isinstance(method, model.PresharedKey):
            item["preshared_key"] = method.key


def _tree(policy):
    tree = render_policy(policy)
    for rule_tree, rule in zip(tree["rules"], policy.rules, strict=True):
        _with_keys(rule_tree["authentication"], rule.authentication)
    if policy.default_response:
        _with_keys(tree["default_response"]["authentication"], policy.default_response.authentication)
    return tree


def _text(text):
    return text.replace('"', "'").replace("\n", " ")


def _methods(methods):
    return tuple(dataclasses.replace(method, pfs=methods[0].pfs) for method in methods)


def _authentication(methods):
    found = {
        type(m): dataclasses.replace(m, key=_text(m.key)) if isinstance(m, model.PresharedKey) else m for m in methods
    }
    return tuple(found.values())


def _filter(filter_):
    ends = (filter_.source, filter_.destination)
    if any(isinstance(end, model.Special | model.DnsName) and end.family is model.Family.IPV6 for end in ends):
        filter_ = model.Filter(model.ME, model.ANY, mirrored=filter_.mirrored)
    return dataclasses.replace(filter_, description=_text(filter_.description))


def sayable(policy):
    """The policy without what netsh cannot say."""
    rules = {}
    for rule in policy.rules:
        name = _text(rule.name)
        rules[model.fold(name)] = dataclasses.replace(
            rule,
            name=name,
            # netsh tells filters apart by neither descriptions nor the addresses of names
            filters=tuple(
                {
                    dataclasses.replace(_without_answers(filter_), description=""): filter_
                    for filter_ in map(_filter, rule.filters)
                }.values()
            ),
            action=dataclasses.replace(rule.action, methods=_methods(rule.action.methods)),
            authentication=_authentication(rule.authentication),
            description=_text(rule.description),
            filter_list=_text(rule.filter_list),
            filter_action=_text(rule.filter_action),
        )
    response = policy.default_response and dataclasses.replace(
        policy.default_response,
        methods=_methods(policy.default_response.methods),
        authentication=_authentication(policy.default_response.authentication),
    )
    return dataclasses.replace(
        policy,
        name=_text(policy.name),
        description=_text(policy.description),
        poll_interval=policy.poll_interval // 60 * 60,
        rules=tuple(rules.values()),
        default_response=response,
    )


@given(st.lists(strategies.policies().map(sayable), max_size=2, unique_by=lambda p: model.fold(p.name)), st.booleans())
def test_what_is_written_is_read_back(policies, assign):
    trees = [_tree(policy) for policy in policies]
    if trees and assign:
        trees[0]["assigned"] = True
    found = read_netsh(rows_of("\n".join(write_netsh(trees))), [])
    assert [untaken(tree) for tree in found] == [untaken(tree) for tree in trees]
    assert all("rules_mode" not in item for item in found)
    # names of lists that one policy alone uses for one thing stay as they are
    assert read_batch(batch_file(write_netsh(found))) == found


@given(strategies.policies())
def test_any_policy_is_written_or_refused(policy):
    tree = _tree(policy)
    try:
        lines = write_netsh([tree])
    except ModelError as error:
        assert str(error).startswith("netsh cannot say all of this:\n  policies[0]")
    else:
        (found,) = read_netsh(rows_of("\n".join(lines)), [])
        assert untaken(found) == untaken(tree)


REFUSED = {
    "name": ({"name": 'a"b'}, 'policies[0] (a"b).name: it contains a quotation mark'),
    "no name": ({"name": None, "id": "{00000000-0000-0000-0000-000000000001}"}, "by its name only"),
    "interval": ({"poll_interval": "90s"}, "poll_interval: a poll interval of 90 seconds is no whole number"),
    "lifetime": ({"main_mode": {"lifetime_seconds": 90}}, "main_mode.lifetime_seconds: a lifetime of 90 seconds"),
    "own lifetimes": (
        {"main_mode": {"methods": [{"encryption": "des", "integrity": "md5", "group": 1, "quick_mode_limit": 1}]}},
        "main_mode.methods: the main-mode method des-md5-1 has lifetimes of its own",
    ),
    "mistake": ({"colour": "red"}, "there is no option 'colour' here"),
    "PFS of some": (
        {"default_response": {"security_methods": ["ah[md5]", "ah[sha] PFS"]}},
        "default_response.security_methods: some security methods have PFS",
    ),
    "nameless rule": (
        {"rules": [{"id": "{00000000-0000-0000-0000-000000000001}", "filters": ["0+*"]}]},
        "rules[0]: netsh knows a rule by its name only",
    ),
    "rules of one name": (
        {"rules": [{"name": "R", "filters": ["0+*"]}, {"name": "r", "filters": ["0+*"]}]},
        "rules[1] (r): another rule of the policy is called so",
    ),
    "null key": (
        {"rules": [{"name": "R", "filters": ["0+*"], "authentication": [{"preshared_key": None}]}]},
        "rules[0] (R).authentication: a pre-shared key is null",
    ),
    "two keys": (
        {"rules": [{"name": "R", "filters": ["0+*"], "authentication": [{"preshared_key": "s3cret"}] * 2}]},
        "psk= can be given once only",
    ),
    "key with a quotation mark": (
        {"rules": [{"name": "R", "filters": ["0+*"], "authentication": [{"preshared_key": 's3cret"'}]}]},
        "a pre-shared key: it contains a quotation mark",
    ),
    "authority with an option": (
        {"rules": [{"name": "R", "filters": ["0+*"], "authentication": [{"certificate": "CN=x certmap:no"}]}]},
        "netsh cannot name the certificate authority",
    ),
    "description of lines": ({"description": "a\nb"}, "description: it contains the end of a line"),
    "IPv6": (
        {"rules": [{"name": "R", "filters": [{"source": "any/ipv6", "destination": "me/ipv6"}]}]},
        "rules[0] (R).filters[0]: the filter any/ipv6=me/ipv6: netsh means IPv4 by any",
    ),
    "interface": (
        {"rules": [{"name": "R", "filters": ["{00000000-0000-0000-0000-000000000001}+*"]}]},
        "netsh has no way to name the interface",
    ),
    "odd": ({"odd": True}, "the policy is odd"),
    "state": ({"state": "query"}, "policies[0]: state: this is present or absent"),
    "long command": (
        {"rules": [{"name": "R", "filters": ["0+*"], "authentication": [{"certificate": "x" * 2000}] * 5}]},
        "rules[0] (R): 'add rule' takes 10",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_netsh_cannot_say_is_refused_with_its_place(what):
    options, words = REFUSED[what]
    with pytest.raises(ModelError) as caught:
        write_netsh([{"name": "P", **options}])
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_batch_file():
    assert batch_file(["a 100%"]) == "a 100%%\r\n"
    assert batch_file(["ä"]) == "@chcp 65001 >nul\r\nä\r\n"


def test_all_that_netsh_cannot_say_is_said_at_once():
    with pytest.raises(ModelError) as caught:
        write_netsh([{"name": "P", "poll_interval": "1s"}, {"name": "p", "rules": 5}, {"name": "p"}])
    assert str(caught.value).count("\n  policies[") == 3


def test_what_is_written():
    rules = [
        {"name": "A b", "filters": ["0+192.0.2.1"], "action": "block"},
        {"name": "C", "filters": ["192.0.2.1+0"], "action": "block", "filter_list": "a B", "filter_action": "X"},
        {"name": "D", "filters": ["0=*:80:TCP"], "filter_list": "A b", "filter_action": "x", "enabled": False},
    ]
    tasks = [
        {"name": "Old", "state": "absent"},
        {"name": "P", "assigned": True, "default_response": True, "rules": rules},
        {"name": "Q", "rules_mode": "merge", "rules": [{"name": "A b", "filters": ["192.0.2.1+0"], "action": "block"}]},
    ]
    assert [line.removeprefix("netsh ipsec static ") for line in write_netsh(tasks)] == [
        "delete policy name=Old",
        "add policy name=P activatedefaultrule=yes",
        'add filterlist name="A b"',
        'add filter filterlist="A b" srcaddr=me dstaddr=192.0.2.1 protocol=ANY mirrored=yes',
        'add filteraction name="A b" action=block',
        'add rule name="A b" policy=P filterlist="A b" filteraction="A b"',
        "add filteraction name=X action=block",
        'add rule name=C policy=P filterlist="A b" filteraction=X',
        'add filterlist name="A b (2)"',
        'add filter filterlist="A b (2)" srcaddr=me dstaddr=any protocol=TCP dstport=80 mirrored=no',
        'add filteraction name="x (2)" action=negotiate qmpfs=no '
        'qmsecmethods="ESP[3DES,SHA1] ESP[3DES,MD5] ESP[DES,SHA1] ESP[DES,MD5]"',
        'add rule name=D policy=P filterlist="A b (2)" filteraction="x (2)" activate=no',
        'add rule name="A b" policy=Q filterlist="A b" filteraction="A b"',
        "set policy name=P assign=yes",
    ]


def stored(policies):
    """The store that tasks leave, as values."""
    store = Store()
    for policy in policies:
        options = {key: value for key, value in policy.items() if key not in ("state", "rules_mode")}
        if policy.get("state") == "absent":
            store = stores.remove(store, policy["name"]).store
        else:
            store = stores.change(
                store, options, policy.get("assigned"), rules_mode=policy.get("rules_mode", "exact")
            ).store
    graph = Graph(store)
    return {p.policy.name: (p.policy, p.key == graph.active) for p in read_policies(graph)}


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.cmd")), ids=lambda path: path.stem)
def test_scripts_mean_what_somebody_read_in_them(script):
    found = read_batch(script.read_text())
    expected = stored(yaml.safe_load(script.with_suffix(".yml").read_text()))
    assert stored(found) == expected
    assert stored(read_batch(batch_file(write_netsh(found)))) == expected
