# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Commands of netsh on what a host has, and rules that share filter lists."""

from __future__ import annotations

import pytest
from integration.playbook import facts_task

pytestmark = pytest.mark.judge_with("powershell")

PORTS = [
    "add policy name=Ports",
    "add filterlist name=SMB",
    "add filter filterlist=SMB srcaddr=any dstaddr=me protocol=TCP dstport=445",
    "add filteraction name=Deny action=block",
    'add rule name="Close SMB" policy=Ports filterlist=SMB filteraction=Deny',
    "set policy name=Ports assign=y",
]


def netsh_task(*commands, **options):
    given = {"commands": [f"netsh ipsec static {command}" for command in commands]} if commands else {}
    return {"name": "netsh", "ipsec.windows.netsh_ipsec": {**given, **options}}


def rule_task(**options):
    return {"name": "rule", "ipsec.windows.ipsec_rule": options}


def rules_of(policy):
    return {rule["name"]: rule for rule in policy["rules"]}


def addresses(rule):
    return sorted(filter_["source"] for filter_ in rule["filters"])


def test_a_script_is_one_plan_and_a_second_run_changes_nothing(host, player):
    task = netsh_task(*PORTS)
    predicted = player.play(host, task, options=("--check", "--diff"))[0]
    assert host.store() == {}
    run = player.play(host, task, task, options=("--diff",))
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, False]
    assert [event[3] for event in host.events("executed") if event[2] == "ipsec_host"] == [
        "read",
        "read",
        "apply",
        "read",
    ]
    assert predicted["diff"] == run[0]["diff"]
    names = ("names", "filter_lists", "filter_actions")
    assert [run[0][name]["added"] for name in names] == [["Ports"], ["SMB"], ["Deny"]]
    assert [run[1][name]["added"] for name in names] == [[], [], []]
    (policy,) = run[0]["policies"]
    (rule,) = policy["rules"]
    assert (rule["filter_list"], rule["filter_action"], rule["action"]) == ("SMB", "Deny", "block")
    assert host.enforced.in_force.policy == host.policies()[0]


def test_stored_lists_change_for_all_rules_that_use_them(host, player):
    run = player.play(
        host,
        netsh_task(*PORTS[:-1], "add policy Other", "add rule R Other SMB Deny"),
        netsh_task("add filter SMB 203.0.113.7 me", "delete filter SMB any me"),
        facts_task(),
    )
    assert run.code == 0, run.output
    assert run[1]["filter_lists"] == {"added": [], "changed": ["SMB"], "removed": []}
    assert run[1]["filters"] == {"added": 2, "removed": 2}
    policies = run[2]["ansible_facts"]["ansible_ipsec"]["policies"]
    assert [addresses(rule) for policy in policies for rule in policy["rules"]] == [["203.0.113.7"]] * 2


def test_a_list_and_an_action_without_rules_are_the_library(host, player):
    commands = ("add filterlist L desc=known", "add filter L 203.0.113.7 me", "add filteraction A")
    run = player.play(host, netsh_task(*commands), netsh_task(*commands), options=("--diff",))
    assert [result["changed"] for result in run.results] == [True, False]
    shown = run[0]["diff"]
    assert [diff["after_header"].partition(" ")[2] for diff in shown] == [
        "IPsec filter list L",
        "IPsec filter action A",
    ]
    assert "description: known" in shown[0]["after"]
    assert "source: 203.0.113.7" in shown[0]["after"]
    assert "action: negotiate" in shown[1]["after"]
    run = player.play(host, netsh_task("delete filterlist L"), netsh_task("delete filterlist L"), facts_task())
    assert [result["changed"] for result in run.results[:2]] == [True, False]
    orphans = run[2]["ansible_facts"]["ansible_ipsec"]["orphans"]
    assert [(orphan["kind"], orphan["name"]) for orphan in orphans] == [("library", "A")]


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        (["add rule R Ports L Deny"], "neither the script nor the store has a filter list with this name; create it"),
        (["add rule R Ports SMB Denny"], "did you mean Deny?"),
        (["add rule R Prts SMB Deny"], "neither the script nor the store has a policy with this name"),
        (["delete filterlist SMB"], "a rule uses the filter list 'SMB'; delete the rule first"),
        (["delete all"], "set allow_delete_all=true"),
        (["delete policy all"], "set allow_delete_all=true"),
        (["show all"], "'show' changes nothing; ipsec_facts reads what a host has"),
        (["importpolicy file=x"], "the content of the file is not known here"),
    ],
)
def test_what_does_not_fit_the_host_changes_nothing(host, player, commands, message):
    player.play(host, netsh_task(*PORTS))
    before = host.store()
    run = player.play(host, netsh_task("add filter SMB 203.0.113.9 me", *commands))
    assert run[0].status == "failed"
    assert message in run[0]["msg"]
    assert run[0]["msg"].startswith("commands[1]: ")
    assert host.store() == before


def test_deleting_all_dynamic_rules_must_be_allowed(host, player):
    run = player.play(host, netsh_task(command="netsh ipsec dynamic delete all"))
    assert "set allow_delete_all=true" in run[0]["msg"]


def test_delete_all_deletes_policies_lists_and_actions(host, player):
    again = ("delete all", *PORTS)
    run = player.play(
        host,
        netsh_task(*PORTS, "add policy Old", "add filterlist Spare"),
        netsh_task(*again, allow_delete_all=True),
        netsh_task(*again, allow_delete_all=True),
        netsh_task("delete all", allow_delete_all=True),
    )
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, True, False, True]
    assert run[1]["names"] == {"added": [], "changed": [], "removed": ["Old"]}
    assert run[1]["filter_lists"]["removed"] == ["Spare"]
    assert sorted(run[3]["names"]["removed"] + run[3]["filter_lists"]["removed"]) == ["Ports", "SMB"]
    assert [key for key in host.store() if "{" in key] == []


def test_lists_and_actions_stay_when_their_rules_are_deleted(host, player):
    rule = {"name": "R", "filters": ["*+0:445:TCP"], "action": "block"}
    policy = {"name": "policy", "ipsec.windows.ipsec_policy": {"name": "P", "rules": [rule], "assigned": True}}
    run = player.play(
        host,
        policy,
        netsh_task("delete policy P"),
        netsh_task("delete policy P"),
        netsh_task("add policy Q", "add rule S Q R R"),
        netsh_task("delete rule S Q"),
        facts_task(),
    )
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results[:5]] == [True, True, False, True, True]
    assert [thing["name"] for thing in run[1]["remaining"]] == ["R", "R"]
    orphans = run[5]["ansible_facts"]["ansible_ipsec"]["orphans"]
    assert [(orphan["kind"], orphan["name"]) for orphan in orphans] == [("library", "R")] * 2


def test_a_redirection_is_no_argument(host, player):
    run = player.play(host, netsh_task("add filterlist L >nul", "add filterlist M desc=x > nul 2>&1"), facts_task())
    assert run.code == 0, run.output
    assert run[0]["filter_lists"]["added"] == ["L", "M"]
    assert ">" not in str(host.store())


def test_ban_and_unban_an_address(host, player):
    def ban(mode, address, **options):
        filters = [{"source": address, "destination": "me"}]
        return rule_task(policy="P", name="Banned", filters=filters, filters_mode=mode, **options)

    run = player.play(
        host,
        ban("remove", "203.0.113.1"),
        ban("add", "203.0.113.1", action="block"),
        ban("add", "203.0.113.2"),
        ban("add", "203.0.113.2"),
        ban("remove", "203.0.113.1"),
        ban("remove", "203.0.113.1"),
        ban("remove", "203.0.113.2"),
    )
    assert [result["changed"] for result in run.results] == [False, True, True, False, True, False, False]
    assert addresses(run[4]["policy"]["rules"][0]) == ["203.0.113.2"]
    assert run[2]["filters"] == {"added": 1, "removed": 0}
    assert run[6].status == "failed"
    assert "no filter would be left" in run[6]["msg"]


def test_a_shared_list_is_copied_or_changed_for_all_its_rules(host, player):
    new = [{"source": "203.0.113.7", "destination": "me"}]
    rule = {"policy": "Ports", "name": "Close SMB", "filters": new, "filters_mode": "add"}
    run = player.play(
        host,
        netsh_task(*PORTS, "add rule Too Ports SMB Deny"),
        rule_task(**rule, shared="change"),
        rule_task(**rule, shared="change"),
        rule_task(**{**rule, "filters": [{"source": "203.0.113.8", "destination": "me"}]}),
    )
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, True, False, True]
    assert run[1]["shared_rules"] == [{"policy": "Ports", "rule": name} for name in ("Close SMB", "Too")]
    assert any("the rule 'Too' of the policy 'Ports' changes as well" in warning for warning in run[1]["warnings"])
    assert [addresses(rule) for rule in run[1]["policy"]["rules"]] == [["203.0.113.7", "any"]] * 2
    rules = rules_of(run[3]["policy"])
    assert addresses(rules["Close SMB"]) == ["203.0.113.7", "203.0.113.8", "any"]
    assert addresses(rules["Too"]) == ["203.0.113.7", "any"]
    assert (run[2]["shared_rules"], run[3]["shared_rules"]) == ([], [])


def test_rules_use_stored_lists_and_actions_by_name(host, player):
    library = netsh_task("add filter Bad 203.0.113.7 me", "add filteraction Deny action=block")
    named = {"filter_list": "Bad", "filter_action": "Deny"}
    policy = {"name": "P", "rules": [{"name": "R", **named}], "assigned": True}
    run = player.play(
        host,
        library,
        {"name": "policy", "ipsec.windows.ipsec_policy": policy},
        {"name": "policy", "ipsec.windows.ipsec_policy": policy},
        rule_task(policy="P", name="S", **named),
        rule_task(policy="P", name="S", **named),
        netsh_task("add filter Bad 203.0.113.8 me"),
        rule_task(policy="P", name="T", filter_list="Bad", filter_action="Denny"),
        options=("--diff",),
    )
    assert [result["changed"] for result in run.results] == [True, True, False, True, False, True, False]
    assert [(rule["action"], addresses(rule)) for rule in run[3]["policy"]["rules"]] == [("block", ["203.0.113.7"])] * 2
    (policy,) = run[5]["policies"]
    assert [addresses(rule) for rule in policy["rules"]] == [["203.0.113.7", "203.0.113.8"]] * 2
    assert run[6].status == "failed"
    assert run[6]["msg"] == "no filter action with the name 'Denny' is stored; did you mean Deny?"


SCRIPT = """\
@echo off
set LIST=Bad guys
netsh ipsec static add policy name = "Ports" desc = "made by a script"
netsh ipsec static add filteraction name = Deny action = block
for /f %%a in (addresses.txt) do netsh ipsec static add filter filterlist="%LIST%" srcaddr=%%a dstaddr=me
netsh ipsec static add rule name=%1 policy=Ports filterlist="%LIST%" filteraction=Deny
netsh ipsec static show all
"""


def test_a_batch_file_with_a_list_beside_it(host, player):
    files = player.folder / "files"
    files.mkdir(exist_ok=True)
    (files / "ban.cmd").write_text(SCRIPT)
    (files / "addresses.txt").write_text("203.0.113.1\n203.0.113.2\n")
    task = netsh_task(script="ban.cmd", arguments=["Banned"], unsupported="ignore")
    run = player.play(host, task, task, netsh_task(script="ban.cmd", arguments=["Banned"]))
    assert [result["changed"] for result in run.results] == [True, False, False]
    (policy,) = run[0]["policies"]
    (rule,) = policy["rules"]
    assert (rule["name"], rule["filter_list"], addresses(rule)) == (
        "Banned",
        "Bad guys",
        ["203.0.113.1", "203.0.113.2"],
    )
    assert [left["line"] for left in run[0]["left_out"]] == [7]
    assert "line 7, column 1: 'show' changes nothing" in run[2]["msg"]


def test_no_key_of_a_command_is_shown(host, player):
    rule = "add rule R Ports SMB Secure psk=hide-this-key"
    task = netsh_task(*PORTS[:3], "add filteraction Secure", "{{ rule }}", "set policy Ports poll=0")
    good = netsh_task(*PORTS[:3], "add filteraction Secure", "{{ rule }}")
    run = player.play(host, {**task, "ignore_errors": True}, good, vars={"rule": rule}, options=("--diff", "-v"))
    assert run[0].status == "failed"
    assert run[1]["changed"]
    assert "hide-this-key" not in run.output + str([result.result for result in run.results])
    (seen,) = host.policies()
    assert seen.rules[0].authentication == (("preshared key", "hide-this-key"),)
