# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reading a script of netsh as tasks."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.gpos import GposMode, WantedGpos
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_netsh, write_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.grammar import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.lines import read_list
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import Text
from unit.netsh_scripts import BASE, RULE, commands, read, wanted


def notes_of(*lines):
    notes = []
    read_netsh(map(parse_command, commands(*lines)), notes)
    return notes


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
        "netsh ipsec static add policy name = P",
        'netsh ipsec static add policy name = "P"',
        "netsh ipsec static add policy name =P",
        'netsh ipsec static add policy name= "P"',
        'netsh ipsec static add policy name ="P"',
    ],
)
def test_ways_to_write_a_command(words):
    assert read_netsh([parse_command(Text.of(words))], []) == [{"name": "P", "rules": []}]


def test_values_with_blanks_around_their_sign():
    (item,) = read(
        'add policy name = "Web Server" description= "for all" assign =yes',
        "add filter filterlist = L srcaddr = me dstaddr = any protocol = TCP dstport =80",
        "add filteraction name = A action = block",
        'add rule name = "R 1" policy = "web server" filterlist = L filteraction = A',
    )
    assert (item["name"], item["description"], item["assigned"]) == ("Web Server", "for all", True)
    assert item["rules"][0]["filters"][0]["destination_port"] == 80


def test_a_value_in_quotes_can_be_empty():
    assert read('add policy description="" P') == [{"name": "P", "description": "", "rules": []}]


def test_a_quoted_word_with_an_equals_sign_is_a_value():
    assert rule_of(f'{RULE} rootca = "C=US, CN=x"')["authentication"] == [{"certificate": "C=US, CN=x"}]
    assert rule_of(f"{RULE} rootca = CN=x")["authentication"] == [{"certificate": "CN=x"}]


@pytest.mark.parametrize(
    "words",
    [
        "policy=P R L A",
        "R policy=P filteraction=A L",
        "filterlist=L filteraction=A R P",
        "R P filter=L filteraction=A",
        "R P L filter=A",
        "R P filteraction=A filter=L",
    ],
)
def test_a_word_without_a_name_is_the_first_argument_that_is_not_given(words):
    (item,) = read(BASE, f"add rule {words}")
    (rule,) = item["rules"]
    assert (rule["name"], rule["filter_list"], rule["filter_action"]) == ("R", "L", "A")


def test_optional_arguments_need_no_name():
    (item,) = read('add policy P "for all" yes 5 60 no 30 y 3DES-SHA1-3')
    assert (item["description"], item["poll_interval"], item["assigned"]) == ("for all", 30, True)
    (item,) = read(
        "add policy P",
        'add filter L me 192.0.2.1 "to one" TCP no 32 32 0 80',
        "add filteraction A",
        f"{RULE} 192.0.2.9 lan no d no x",
    )
    (rule,) = item["rules"]
    assert rule["filters"][0].items() >= {"description": "to one", "destination_port": 80, "mirrored": False}.items()
    assert (rule["tunnel"], rule["connection_type"], rule["enabled"]) == ("192.0.2.9", "lan", False)
    assert (rule["description"], rule["authentication"]) == ("d", [{"preshared_key": "x"}])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("me any", {"source": "me", "destination": "any"}),
        ("any WINS mirrored=n", {"source": "any", "destination": "wins", "mirrored": False}),
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
    assert filter_ == {"mirrored": True, **expected}
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


def test_rules_follow_changes_of_their_list_and_action():
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


def test_set_rule():
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
    assert rule["filters"] == [{"source": "me", "destination": "192.0.2.9", "mirrored": False}]


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
        (
            "delete policy X\nadd policy X\nset policy X newname=Y",
            [{"name": "X", "state": "absent"}, {"name": "Y", "rules": []}],
        ),
        (
            "delete policy Y\nadd policy X\nset policy X newname=Y\nset policy Y newname=Z",
            [{"name": "Y", "state": "absent"}, {"name": "Z", "rules": []}],
        ),
        ("add policy X assign=y\nset policy Y assign=y", [{"name": "Y", "assigned": True}, {"assigned": False}]),
        ("delete all\nadd policy X assign=y", [{"name": "X", "assigned": True, "rules": []}]),
        ("delete policy all\nadd policy X\nset policy X assign=y", [{"name": "X", "assigned": True}]),
        ("add policy X\ndelete all\nadd policy Y assign=y", [{"name": "Y"}, {"name": "X", "state": "absent"}]),
        ("set defaultrule policy=X activate=y", [{"name": "X", "default_response": {"enabled": True}}]),
        ("set policy X", []),
        ("set store location=local", []),
        ("set batch mode=enable\nset batch disable\nadd policy X", [{"name": "X", "rules": []}]),
        ("delete filterlist all\ndelete filteraction all", []),
        ("show all\nexportpolicy file=x", []),
    ],
)
def test_policies_of_a_script(lines, expected):
    found = read(lines)
    assert [{**item, **given_} for item, given_ in zip(found, expected, strict=True)] == found


def test_rules_are_merged_into_a_stored_policy():
    (item,) = read(BASE.replace("add policy P\n", ""), RULE)
    assert (item["rules_mode"], [rule["name"] for rule in item["rules"]]) == ("merge", ["R"])


def test_a_stored_rule_can_be_deleted_and_added_again():
    (item,) = read(BASE.replace("add policy P\n", ""), "delete rule R P", RULE)
    assert (item["rules_mode"], [rule["name"] for rule in item["rules"]]) == ("merge", ["R"])


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("show policy name=x", "line 1: 'show' changes nothing"),
        ("add filter L me any", "line 1: no command creates the filter list 'L', so it is created here"),
        ("add filterlist L", "the filter list 'L' is not used by any rule and is left out"),
        ("add filteraction A", "the filter action 'A' is not used by any rule and is left out"),
        ("add filterlist L description=d", "the descriptions of filter lists and filter actions"),
        (
            "set store local\nadd filter L 10.1.1.1 me srcmask=8",
            "line 2: 10.1.1.1/8 has bits outside its mask",
        ),
        ("set policy X assign=y", "the task creates the policy 'X' if it is missing"),
        ("set policy X", "the commands for the policy 'X' change nothing and are left out"),
        ("delete filterlist L", "the filter list 'L' is deleted but not created by the script"),
        ("delete filteraction all", "line 1: other filter actions of a host are not deleted"),
        (
            "add policy X\ndelete all\nadd policy Y assign=y",
            "line 2: other policies of a host are unassigned but not deleted",
        ),
        (
            f"{BASE}{RULE}\nset filteraction A action=permit soft=y",
            "'A' is permit; arguments that only negotiate uses are left out",
        ),
    ],
)
def test_ignored_or_changed_input_gives_a_note(lines, words):
    assert [note for note in notes_of(lines) if words in note]


def test_deleting_lists_before_they_are_added_gives_no_note():
    lines = ("delete policy P", "delete filterlist L", "delete filteraction A", BASE, RULE)
    assert notes_of(*lines) == []


@pytest.mark.parametrize(("filters", "rules"), [(1000, 100), pytest.param(10_000, 1000, marks=pytest.mark.judge)])
def test_large_scripts(filters, rules):
    lines = [
        "add policy P",
        "add filteraction A action=block",
        *(f"add filter big 10.{n >> 8}.{n & 255}.7 me srcmask=24" for n in range(filters)),
        "add rule big P big A",
        *(f"add filter L{n} 10.1.{n >> 8}.{n & 255} me\nadd rule R{n} P L{n} A" for n in range(rules)),
    ]
    found = read(*lines)
    assert sum(len(rule["filters"]) for rule in found[0]["rules"]) == filters + rules
    assert len(write_netsh(found)) == filters + 3 * rules + 4


def test_delete_filter_deletes_every_filter_that_matches():
    lines = [
        "add policy P",
        "add filter L me 192.0.2.1",
        "add filter L me 192.0.2.1 protocol=TCP dstport=80",
        "add filter L me 192.0.2.1 protocol=UDP mirrored=no",
        "add filter L 192.0.2.1 me protocol=47",
        "add filter L me 192.0.2.0 dstmask=24",
        "add filteraction A action=block",
        RULE,
    ]

    def left(words):
        (item,) = read(*lines, f"delete filter L {words}")
        return [lines.index(line) for line in lines[1:6] if filter_of(line) in item["rules"][0]["filters"]]

    assert left("me 192.0.2.1") == [5]
    assert left("me 192.0.2.1 protocol=TCP") == [1, 3, 4, 5]
    assert left("me 192.0.2.1 mirrored=no") == [1, 2, 4, 5]
    # without a mask, any mask matches
    assert left("me 192.0.2.0") == [1, 2, 3, 4]
    assert left("me 192.0.2.0 dstmask=255.255.255.0 protocol=any") == [1, 2, 3, 4]
    assert left("me 192.0.2.1 protocol=TCP dstport=80") == [1, 3, 4, 5]


def filter_of(line):
    (item,) = read("add policy P", line, "add filteraction A", RULE)
    return item["rules"][0]["filters"][0]


def test_an_emptied_list_leaves_its_rule_out_with_a_warning():
    script = (BASE, RULE, "add filter M me 192.0.2.9", "add rule S P M A", "delete filter L me 192.0.2.1")
    (item,) = read(*script)
    assert [rule["name"] for rule in item["rules"]] == ["S"]
    assert (
        "the rule 'R' of the policy 'P' is left out, because its filter list 'L' has no filters at the end of the "
        "script"
    ) in notes_of(*script)


def test_a_repeated_list_or_action_is_harmless():
    again = ("add filterlist l", "add filteraction a action=block")
    assert read(BASE, RULE, *again) == read(BASE, RULE)
    assert any("the filter action 'A' exists already, so nothing changes" in note for note in notes_of(BASE, *again))


IN_DOMAIN = "ipsec static set store location=domain"
NOTE = "the commands are for the policies of a domain: give the tasks 'store: domain'"


def test_commands_for_a_domain():
    lines = ["ipsec static set store domain corp.example", *(f"ipsec static {line}" for line in BASE.splitlines())]
    notes = []
    (item,) = read_netsh(map(parse_command, commands(*lines, RULE)), notes)
    assert (item["name"], [rule["name"] for rule in item["rules"]]) == ("P", ["R"])
    assert {"gpos", "gpos_mode", "assigned"}.isdisjoint(item)
    assert notes == [f"{NOTE} and 'directory: {{domain: corp.example}}'"]


def test_the_local_store_is_the_default():
    for lines in (["set store location=local"], ["set store domain", "set store local"]):
        assert not any(NOTE in note for note in notes_of(*lines, "add policy P"))
    assert not any(NOTE in note for note in notes_of("add policy P", "set store domain", "set store local"))


def test_a_store_lasts_for_one_session_only():
    """Each command of a batch file that begins with netsh is a session of its own."""
    (note, *_others) = notes_of("set store location=domain", "add policy P")
    assert note.startswith("line 1: 'set store' counts for all commands after it; netsh itself forgets it")
    assert notes_of(IN_DOMAIN, "ipsec static add policy P") == [NOTE]


GPOS = {
    "assigned": (["set policy P gponame=G assign=yes"], {"P": (["G"], "add")}),
    "unassigned": (["set policy P gponame=G assign=n"], {"P": (["G"], "remove")}),
    "several": (
        [
            "set policy P gponame=G assign=y",
            'set policy p gponame="All PCs" assign=y',
            "set policy Q gponame=H assign=y",
        ],
        {"P": (["G", "All PCs"], "add"), "Q": (["H"], "add")},
    ),
    "the last one counts": (
        ["set policy P gponame=G assign=n", "set policy P gponame=g assign=y"],
        {"P": (["g"], "add")},
    ),
    "one policy for each": (
        ["set policy P gponame=G assign=y", "set policy Q gponame=G assign=y"],
        {"P": None, "Q": (["G"], "add")},
    ),
    "unassigning another one": (
        ["set policy P gponame=G assign=y", "set policy Q gponame=G assign=n"],
        {"P": (["G"], "add"), "Q": (["G"], "remove")},
    ),
    "renamed": (
        ["set policy P gponame=G assign=y", "set policy P newname=R", "set policy R newname=S gponame=H assign=y"],
        {"S": (["G", "H"], "add"), "Q": None},
    ),
    "deleted": (["set policy P gponame=G assign=y", "delete policy P"], {"P": None}),
    "deleted and added": (["set policy P gponame=G assign=y", "delete policy P", "add policy P"], {"P": None}),
}


@pytest.mark.parametrize("name", GPOS)
def test_group_policy_objects(name):
    lines, expected = GPOS[name]
    found = {item["name"]: item for item in read(IN_DOMAIN, "add policy P", "add policy Q", *lines)}
    for policy, gpos in expected.items():
        item = found[policy]
        assert ((item["gpos"], item["gpos_mode"]) if "gpos" in item else None) == gpos
    assert not any("assigned" in item for item in found.values())


def test_a_task_adds_group_policy_objects_or_removes_them():
    with pytest.raises(
        model.ModelError, match=r"line 4: a task either adds Group Policy objects .* line 3 does the other"
    ):
        read(IN_DOMAIN, "add policy P", "set policy P gponame=G assign=y", "set policy P gponame=H assign=n")


def test_an_assignment_of_a_stored_policy_changes_nothing_else():
    assert read(IN_DOMAIN, "set policy P gponame=G assign=y") == [
        {"name": "P", "rules_mode": "merge", "gpos": ["G"], "gpos_mode": "add"}
    ]


def test_what_commands_for_a_domain_change():
    set_store = "netsh ipsec static set store location=domain"
    changes = read_list([set_store, "netsh ipsec static set policy P gponame=G assign=y"], "commands", False)
    assert (changes.domain.name, len(changes.static), changes.dynamic, changes.notes) == (None, 2, (), ())
    assert changes.gpos == (WantedGpos(gpos=("G",), mode=GposMode.ADD, policy="P", place="commands[1]"),)
    # nothing that changes a host, so nothing is asked of one
    assert read_list([set_store], "", False).domain is not None
    assert read_list([set_store, "netsh ipsec static set store local"], "", False).domain is None


def test_only_the_first_command_for_another_store_is_a_mistake():
    words = ["set store location=domain", "add policy P", "set store location=local", "add policy Q", "add policy R"]
    with pytest.raises(model.ModelError) as caught:
        read_list([f"netsh ipsec static {line}" for line in words], "commands", False)
    assert str(caught.value).startswith("commands[3]: line 1, column 1: this changes a host, and an earlier command")


def test_after_a_wrong_store_nothing_is_said_about_stores():
    words = [
        "set store location=domian",
        "set policy P gponame=G assign=y",
        "set store domain",
        "set policy P assign=y",
    ]
    with pytest.raises(model.ModelError) as caught:
        read_list([f"netsh ipsec static {line}" for line in words], "commands", False)
    heads = [line for line in str(caught.value).split("\n") if line.startswith("commands")]
    assert [line.partition(": ")[0] for line in heads] == ["commands[0]", "commands[3]"]
    with pytest.raises(model.ModelError, match=r"\Aline 1, column 39: expected local or domain"):
        read(*words[:2])
