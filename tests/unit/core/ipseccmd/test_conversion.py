# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Conversion of command lines to arguments of tasks, and of policies to command lines."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import (
    Mode,
    asked_by,
    edits_of,
    of_one_computer,
    read_line,
    read_lines,
    read_list,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.render import write_lines
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.domains import DomainStore
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import Text
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.arguments import task_arguments
from unit import stores

SMB = {"source": "any", "destination": "me", "protocol": "tcp", "destination_port": 445, "mirrored": True}


def read(*lines):
    """The tasks that lines become, as the filter from_ipseccmd converts them, and the notes."""
    notes = []
    edits, of_commands = edits_of(of_one_computer(map(read_line, lines), notes))
    notes += of_commands
    return task_arguments(edits, notes), notes


def write(*policies, domain=None):
    notes = []
    return write_lines(policies, notes, domain), notes


def test_line_becomes_arguments_of_a_task():
    found, notes = read('ipseccmd -w REG -p "Ports":30 -r SMB -f *+0:445:TCP -n BLOCK -1p -x')
    assert found == [
        {
            "name": "Ports",
            "assigned": True,
            "poll_interval": 30,
            "main_mode": {"pfs": True},
            "rules": [{"name": "SMB", "filters": [SMB], "action": "block"}],
            "rules_mode": "merge",
        }
    ]
    assert notes == []


@pytest.mark.parametrize("end", [" >nul", " > nul 2>&1", " >>C:\\x.log 2>nul", " 1>nul\r\n"])
def test_redirections_are_ignored(end):
    line = "-w reg -p P -r R -f 0+* -n block -x"
    assert read(line + end) == read(line)


def test_greater_than_sign_in_quotes_is_part_of_the_value():
    ((policy,), _notes) = read('-w reg -p P -r R -f 0+* -a "p:a >nul"')
    assert policy["rules"][0]["authentication"] == [{"preshared_key": "a >nul"}]


def test_rule_with_all_options():
    (policy,), _notes = read(
        "-w reg -p P -r R -f 0=srv::ICMP -n ah[md5]+esp[des,none]10S/20KPFS inpass -soft -lan "
        "-t 192.0.2.9 -a k p:x c:CN=y"
    )
    assert policy["rules"] == [
        {
            "name": "R",
            "filters": [{"source": "me", "destination": "srv", "protocol": "icmp", "mirrored": False}],
            "action": "negotiate",
            "security_methods": ["ah[md5]+esp[des,none] 10S/20K PFS"],
            "authentication": ["kerberos", {"preshared_key": "x"}, {"certificate": "CN=y"}],
            "inpass": True,
            "soft": True,
            "tunnel": "192.0.2.9",
            "connection_type": "lan",
        }
    ]


def test_later_lines_change_earlier_ones():
    (policy,), _notes = read(
        "-w reg -p P -r R -f 0+* -n block",
        "-w reg -p p -r r -n pass",
        "-w reg -p P -r S -f 0+192.0.2.1",
        "-w reg -p P -y",
    )
    assert [(rule["name"], rule["action"]) for rule in policy["rules"]] == [("R", "permit"), ("S", "negotiate")]
    assert policy["assigned"] is False


def test_policy_that_is_deleted_and_created_again_is_complete():
    (policy,), _notes = read("-w reg -p P -o", "-w reg -p P -r R -f 0+* -n block")
    assert "rules_mode" not in policy
    assert (policy["poll_interval"], policy["assigned"], policy["main_mode"]["lifetime_seconds"]) == (180, False, 28800)


def test_policy_that_is_deleted_last_is_absent():
    assert read("-w reg -p P -r R -f 0+* -n block", "-w reg -p P -r R -o") == ([{"name": "P", "state": "absent"}], [])


def test_policy_that_is_assigned_last_comes_first():
    found, _notes = read(*(f"-w reg -p {name} -r R -f 0+* -x" for name in "ABC"))
    assert [(policy["name"], policy.get("assigned")) for policy in found] == [("C", True), ("A", None), ("B", None)]


def test_differences_between_task_and_script_give_notes():
    found, notes = read("-w reg -p P -x")
    assert found == [{"name": "P", "assigned": True, "rules_mode": "merge"}]
    assert notes == ["the task creates the policy 'P' if it is missing; the script would not"]
    _found, notes = read(r"\\srv -w reg -p P -r R -f 0+*")
    assert notes == ["the commands are for the computer srv: run the task on that host"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["-w reg -p P -r R -n block"], "to change a rule that the host already has, use ipsec_rule"),
        (
            [r"\\a -w reg -p P -r R -f 0+*", "-w reg -p P -r S -f 0+*"],
            "the commands are for several computers (a, the local one)",
        ),
        (["-f 0+*"], "this is a command of dynamic mode (without -w and -p), which makes no policy"),
        (["show all"], "query mode (show) changes nothing: run it with the module ipseccmd"),
        (["-u"], "dynamic=true converts such commands for the module ipsec_dynamic"),
        (
            ["-w reg -p P -r R -f 0+*", "-w ds -p P -r R -f 0+*"],
            "this changes the policies of a domain, and an earlier command changes a host; one task writes to one",
        ),
    ],
)
def test_lines_that_cannot_be_converted(lines, words):
    with pytest.raises(ModelError) as caught:
        read(*lines)
    assert words in str(caught.value)


def test_unsupported_commands_of_a_script_are_left_out_if_asked_for():
    text = "echo x\nipseccmd -f 0+*\nnetsh ipsec static show all\nipseccmd -w reg -p P -r R -f 0+*\n"
    lines, script = read_lines(commands_of(Program.IPSECCMD, text, True), True, modes=(Mode.STATIC,))
    assert (len(lines), script.left_alone) == (1, (1,))
    assert [left.line for left in script.left_out] == [2, 3]
    with pytest.raises(ModelError, match="line 3, column 1: this is a command of netsh, which the filter from_netsh"):
        commands_of(Program.IPSECCMD, text, False)


@pytest.mark.parametrize(
    "line",
    [
        "ipseccmd -f *+0:445:TCP 10.*.*.*=0::ICMP -n block -w reg -p P:30 -r SMB -x",
        'ipseccmd -f 0+srv -n ah[md5]10S inpass -a "p:a key" -1s des-md5-1 -1k 5Q/60S -1p -soft -lan -w reg -p P -r R',
        "ipseccmd -f 0=192.0.2.1 -n esp[3des,sha]PFS -t 192.0.2.9 -a c:CN=x -dialup -w reg -p P -r R",
        "ipseccmd -f default -n ah[sha] -w reg -p P",
        # explicit default values are kept, as a stored policy may have others
        "ipseccmd -f 0+* -1s 3des-sha-2 3des-md5-2 des-sha-1 des-md5-1 -1k 0Q/28800S -w reg -p P -r R",
        "ipseccmd -w reg -p P -o",
    ],
)
def test_line_is_the_same_after_conversion_to_a_task_and_back(line):
    found, _notes = read(line)
    assert write(*found) == ([line], [])
    if not line.endswith("-x"):
        of_domain = line.replace("-w reg", "-w ds:corp.example")
        found, _notes = read(of_domain)
        assert write(*found, domain=read_line(of_domain).domain) == ([of_domain], [])


def test_facts_become_lines_that_create_the_same_policy():
    rules = [
        {"name": "R", "filters": ["0+192.0.2.1", "*+0:445:TCP"], "action": "block"},
        {"name": "S", "filters": ["0+10.*.*.*"], "security_methods": ["ah[md5]"], "soft": True},
    ]
    store = stores.change(Store(), {"name": "P", "rules": rules, "main_mode": {"pfs": True}}, assigned=True).store
    facts = render_policy(stores.stored(store, "P").policy)
    lines, notes = write(facts)
    (again,), _notes = read(*lines)
    assert notes == []
    made = stores.change(Store(), {k: v for k, v in again.items() if k != "rules_mode"}).store
    assert stores.stored(made, "P").policy == stores.stored(store, "P").policy


def test_lines_have_dns_names_without_their_stored_addresses():
    addresses = {"source_address": "192.0.2.1", "destination_address": "192.0.2.2"}
    rule = {"name": "R", "filters": [{"source": "a", "destination": "b", **addresses}]}
    lines, _notes = write({"name": "P", "rules": [{**rule, "tunnel": "t", "tunnel_address": "192.0.2.3"}]})
    assert lines == ["ipseccmd -f a=b -t t -w reg -p P -r R"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"poll_interval": "90s"}, "a poll interval of 90 seconds"),
        ({"main_mode": {"methods": ["3des-sha-14"]}}, "the main-mode method 3des-sha-14 with its group"),
        ({"rules": []}, "the policy 'P' without rules"),
        (
            {"rules": [{"filters": [{"source": "me", "destination": "any/ipv6"}]}]},
            "this notation cannot express the address me/ipv6",
        ),
        ({"rules": [{"filters": [{**SMB, "destination_port": "1-9"}]}]}, "this notation cannot express the ports 1-9"),
        ({"rules": [{"enabled": False}]}, "a rule that is not enabled"),
        (
            {"main_mode": {"pfs": False}, "rules_mode": "merge"},
            "main mode without PFS, which a command cannot switch off",
        ),
        ({"default_response": False, "rules_mode": "merge"}, "a default response rule that is switched off"),
        ({"rules": [{"name": "", "id": "{00000000-0000-0000-0000-000000000001}"}]}, "identifies a rule by its name"),
        (
            {"rules": [{"authentication": [{"preshared_key": None}]}]},
            "a pre-shared key that is null, as facts show it; put the key in",
        ),
    ],
)
def test_policy_that_the_language_cannot_express_is_an_error(options, words):
    rules = [{"name": "R", "filters": ["0+*"], **rule} for rule in options.get("rules", [{}])]
    with pytest.raises(ModelError) as caught:
        write({"name": "P", **options, "rules": rules})
    assert str(caught.value).startswith("ipseccmd cannot express all of this:\n  ")
    assert words in str(caught.value)


DOMAINS = {"-w ds": DomainStore(), "-w ds:corp.example": DomainStore("corp.example")}


@pytest.mark.parametrize("option", DOMAINS)
def test_policies_become_lines_for_a_domain(option):
    rules = [{"name": "R", "filters": ["0+192.0.2.1"], "action": "block"}, {"name": "S", "filters": ["0+10.*.*.*"]}]
    lines, notes = write({"name": "P", "assigned": False, "rules": rules}, domain=DOMAINS[option])
    assert lines == [
        f"ipseccmd -f 0+192.0.2.1 -n block {option} -p P -r R",
        f"ipseccmd -f 0+10.*.*.* {option} -p P -r S",
    ]
    assert notes == []
    ((again,), notes) = read(*lines)
    assert [rule["name"] for rule in again["rules"]] == ["R", "S"]
    assert write({"name": "P", "state": "absent"}, domain=DOMAINS[option]) == ([f"ipseccmd {option} -p P -o"], [])


def test_what_lines_for_a_domain_cannot_say():
    rules = [{"name": "R", "filters": ["0+192.0.2.1"]}]
    with pytest.raises(
        ModelError, match="the policy 'P' as the assigned one: a policy of a domain is assigned to Group"
    ):
        write({"name": "P", "assigned": True, "rules": rules}, domain=DomainStore())
    for gpos, expected in (
        ([], []),
        (["G"], ["the policy 'P' loses its Group Policy objects; assign it with gpos of ipsec_policy"]),
    ):
        assert write({"name": "P", "gpos": gpos, "rules": rules}, domain=DomainStore())[1] == expected
        assert write({"name": "P", "gpos": gpos, "rules": rules})[1] == []


@pytest.mark.parametrize(
    ("lines", "domain", "note"),
    [
        (["-w reg -p P -o"], None, None),
        (["-w ds -p P -o", "/?", "-w DS -p Q -o"], DomainStore(), "give the tasks 'store: domain'"),
        (
            ["-w ds:corp.example -p P -o", "-w ds:CORP.example. -p Q -o"],
            DomainStore("corp.example"),
            "give the tasks 'store: domain' and 'directory: {domain: corp.example}'",
        ),
    ],
)
def test_lines_are_for_the_policies_of_one_domain(lines, domain, note):
    found = asked_by(map(read_line, lines)).domain
    assert (found and found.name) == (domain and domain.name)
    assert (found is None) == (domain is None)
    if found is not None:
        assert found.note() == f"the commands are for the policies of a domain: {note}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("-w reg -p P -o", "-w ds -p P -o"),
        ("-w ds -p P -o", "-w reg -p P -o"),
        ("-f 0+192.0.2.1", "-w ds -p P -o"),
        ("-w ds -p P -o", "-u"),
        ("-w ds -p P -o", "-w ds:corp.example -p P -o"),
        ("-w ds:corp.example -p P -o", "-w ds:other.example -p P -o"),
    ],
)
def test_the_first_line_for_another_store_is_an_error(first, second):
    lines = [first, first, second, second]
    with pytest.raises(ModelError) as of_list:
        read_list(lines, "commands")
    assert str(of_list.value).startswith("commands[2]: line 1, column 1: ")
    assert "one task writes to one store, so use two tasks" in str(of_list.value)
    with pytest.raises(ModelError) as of_script:
        read_lines(commands_of(Program.IPSECCMD, "".join(f"ipseccmd {line}\n" for line in lines), True), True)
    assert str(of_script.value).startswith("line 3, column 1: ")


def test_names_of_computers_ignore_case():
    found = of_one_computer(map(read_line, [r"\\SRV1 -w reg -p P -y", "-w reg:srv1 -p P -y"]), notes := [])
    assert len(found) == 2
    assert len(notes) == 1


def test_one_error_has_all_problems():
    rule = {"name": "R", "filters": [{"source": "me", "destination": "192.0.2.1-192.0.2.3"}], "enabled": False}
    with pytest.raises(ModelError, match=r"not enabled\n.*192\.0\.2\.1-192\.0\.2\.3.*\n.* seconds"):
        write({"name": "P", "poll_interval": "30s", "rules": [rule]})


def test_texts_that_do_not_affect_traffic_are_left_out_with_notes():
    rule = {"name": "R", "filters": [{**SMB, "description": "x"}], "filter_list": "L", "description": "d"}
    lines, notes = write({"name": "P", "description": "d", "rules": [rule]})
    assert len(lines) == 1
    assert notes == [
        "the policy 'P' loses its description",
        "the rule 'R' of the policy 'P' loses its description",
        "the rule 'R' of the policy 'P' loses its name of the filter list",
        "the rule 'R' of the policy 'P' loses its descriptions of filters",
    ]


def test_line_that_is_too_long_for_cmd_gives_a_note():
    lines, notes = write(
        {"name": "P", "rules": [{"name": "R", "filters": [f"0+10.1.{n // 250}.{n % 250}" for n in range(1, 900)]}]}
    )
    assert len(lines) == 1
    assert notes == ["a line is longer than the 8191 characters that cmd.exe accepts"]


def test_tasks_accept_the_arguments():
    (found,), _notes = read("-w reg -p P -r R -f 0+srv -a p:x -n ah[md5] -1k 3Q")
    assert parse_policy({k: v for k, v in found.items() if k != "rules_mode"}).rules[0].name == "R"


NOT_ONE_COMMAND = {
    "": "line 1, column 1: expected a command here; /? shows the syntax",
    " \n": "line 1, column 1: expected a command here; /? shows the syntax",
    "netsh ipsec static delete all": "line 1, column 1: this is a netsh command",
    "ipseccmd -w reg -p P -x\nipseccmd -w reg -p Q -o\n": "line 2, column 1: a second command begins here",
    "-w reg -p P -r R -n pass\r\nC:\\x\\IPSECCMD.EXE -w reg -p Q -o": "line 2, column 1: a second command begins here",
}


@pytest.mark.parametrize("text", NOT_ONE_COMMAND)
def test_text_that_is_not_one_command_is_an_error(text):
    with pytest.raises(ModelError) as error:
        read_line(text)
    assert str(error.value).startswith(NOT_ONE_COMMAND[text])


def test_command_over_several_lines():
    plain = read_line("ipseccmd -w reg -p P -r R -f 0+192.0.2.1 -n block")
    assert read_line("ipseccmd -w reg -p P ^\r\n  -r R -f ^\n 0+192.0.2.1\n -n block ^\n").command == plain.command
    key = read_line("-w reg -p P -r R -f 0+192.0.2.1 -a p:x^\n -x").command.parameters.authentication[0].key
    assert key == "x^"


def test_variable_in_a_line_gives_a_note():
    assert read_line('-w reg -p "%POLICY%" -y').notes[0].startswith("%NAME% is not replaced")
    assert read_line('-w reg -p "100% % of it" -y').notes == ()
    assert read_line(Text.of('-w reg -p "%POLICY%" -y')).notes == ()
