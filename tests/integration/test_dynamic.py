# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Dynamic rules in playbooks: ipsec_dynamic, and the dynamic modes of ipseccmd and netsh."""

from __future__ import annotations

import json
import re

import pytest
from integration.test_ipseccmd import command_task, done

BAN = "[0+203.0.113.7]"
SECURED = {"filters": ["0+192.0.2.10", "(0+192.0.2.10:80:TCP)"], "authentication": [{"preshared_key": "s3cret"}]}
OTHERS = [
    "ipsec dynamic add mmpolicy name=theirs",
    "ipsec dynamic add rule srcaddr=me dstaddr=198.51.100.9 mmpolicy=theirs actioninbound=block actionoutbound=block",
]


def dynamic_task(**options):
    return {"name": "dynamic", "ipsec.windows.ipsec_dynamic": options}


def netsh_task(*commands, **options):
    return {"name": "netsh", "ipsec.windows.netsh_ipsec": {"commands": list(commands), **options}}


def actions(host):
    """What the host does, by the destination or source that is not the host itself."""
    found = {}
    for rule in host.dynamic_rules():
        ends = (rule.selector.source, rule.selector.destination)
        other = next(end for end in ends if end.kind != "me")
        port = rule.selector.source_port or rule.selector.destination_port
        found[f"{other.value >> 24}.{other.value & 255}:{port}"] = rule.outbound
    return found


def add_others(host):
    for command in OTHERS:
        code, output = host.netsh(command.split())
        assert code == 0, output


def _variables(player, host):
    """The variables that the inventory has for a host."""
    group = json.loads(player.inventory.read_text())["windows"]
    return {**group.get("vars", {}), **group["hosts"][host.name]}


def _peer(player, host):
    """The address of the controller, as the host sees it."""
    message = player.play(host, dynamic_task(filters=["[*+0:5985:TCP]"]))[0]["msg"]
    return re.search("the connection from ([0-9.]+) to", message)[1]


def test_second_run_changes_nothing(host, player):
    task = dynamic_task(rules=[{"filters": [BAN]}, SECURED])
    predicted = player.play(host, task, options=("--check", "--diff"))[0]
    assert host.dynamic_rules() == ()
    run = player.play(host, task, task, options=("--diff",))
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, False]
    assert done(host) == ["read", "read", "apply", "read"]
    assert actions(host) == {"203.7:0": "block", "192.10:0": "negotiate", "192.10:80": "permit"}
    for key in ("diff", "rules", "counts", "service"):
        assert predicted[key] == run[0][key]
    assert run[0]["counts"] == {"added": 2, "changed": 0, "removed": 0, "restored": 0}
    assert "s3cret" not in run.output
    assert host.start_type == "automatic"


@pytest.mark.engines("python")
def test_what_a_task_returns_is_what_a_task_takes(host, player):
    player.play(host, dynamic_task(rules=[{"filters": [BAN]}, SECURED]))
    first = player.play(host, {**dynamic_task(filters=[BAN]), "register": "found"})[0]
    run = player.play(host, dynamic_task(rules=first["rules"], rules_mode="exact"))
    assert not run[0]["changed"]


@pytest.mark.judge_with("powershell")
def test_rule_is_replaced_by_one_for_the_same_traffic(host, player):
    player.play(host, dynamic_task(rules=[{"filters": [BAN]}, SECURED]))
    other_key = {**SECURED, "authentication": [{"preshared_key": "other"}]}
    run = player.play(host, dynamic_task(**other_key), dynamic_task(**other_key), options=("--diff",))
    assert [result["changed"] for result in run.results] == [True, False]
    assert run[0]["counts"] == {"added": 0, "changed": 1, "removed": 0, "restored": 0}
    assert "preshared key (changed)" in run.output
    keys = {method.text for rule in host.dynamic_rules() for method in rule.authentication if method.text}
    assert keys == {"other"}
    assert len(host.dynamic_rules()) == 3


@pytest.mark.judge_with("powershell")
def test_exact_and_absent(host, player):
    player.play(host, dynamic_task(rules=[{"filters": [BAN]}, SECURED]))
    run = player.play(host, dynamic_task(rules=[SECURED], rules_mode="exact"))
    assert run[0]["counts"]["removed"] == 1
    assert "203.7:0" not in actions(host)
    gone = dynamic_task(filters=SECURED["filters"], state="absent")
    run = player.play(host, gone, gone)
    assert [result["changed"] for result in run.results] == [True, False]
    assert host.dynamic_rules() == ()
    # the last rule takes the record and the task with it
    assert not any("ipsec.windows.dynamic" in key for key in host.tree)
    assert host.tasks.query("ipsec.windows dynamic rules") is None


def test_rules_come_back(host, player):
    task = dynamic_task(rules=[{"filters": [BAN]}, SECURED], replay_interval=7)
    assert player.play(host, task).code == 0
    rules = actions(host)
    host.restart_service()
    assert actions(host) == rules
    host.boot()
    assert actions(host) == rules
    host.set(service_events=False)
    host.stop_service()
    host.start_service()
    assert actions(host) == {}
    host.advance(7 * 60)
    assert actions(host) == rules
    host.netsh(["ipsec", "dynamic", "delete", "all"])
    host.advance(7 * 60)
    assert actions(host) == rules
    assert not player.play(host, task)[0]["changed"]


@pytest.mark.judge_with("powershell")
def test_next_task_restores_what_is_lost(host, player):
    task = dynamic_task(rules=[{"filters": [BAN]}, SECURED], persistent=False)
    first = player.play(host, task)
    assert any("not persistent" in warning for warning in first[0]["warnings"])
    assert host.tasks.query("ipsec.windows dynamic rules") is None
    host.restart_service()
    assert actions(host) == {}
    run = player.play(host, task, task, options=("--diff",))
    assert [result["changed"] for result in run.results] == [True, False]
    assert run[0]["counts"]["restored"] == 2
    assert "# 2 rules that Windows has lost" in run.output
    # one filter of a rule
    host.netsh(
        [
            "ipsec",
            "dynamic",
            "delete",
            "rule",
            "srcaddr=192.0.2.10",
            "dstaddr=me",
            "protocol=ANY",
            "srcport=0",
            "dstport=0",
            "mirrored=yes",
            "conntype=all",
        ]
    )
    run = player.play(host, task)
    assert run[0]["counts"]["restored"] == 1
    assert len(host.dynamic_rules()) == 3


def test_rules_of_others(host, player):
    host.start_service()
    add_others(host)
    task = dynamic_task(rules=[{"filters": [BAN]}], rules_mode="exact")
    run = player.play(host, task, task, dynamic_task(rules=[], rules_mode="exact"))
    assert [result["changed"] for result in run.results] == [True, False, True]
    assert actions(host) == {"198.9:0": "block"}
    flush = dynamic_task(state="flushed")
    run = player.play(host, flush, flush)
    assert [result["changed"] for result in run.results] == [True, False]
    assert run[0]["flushed"]
    assert host.dynamic_rules() == ()


def test_examples_of_the_manual(farm, host, player):
    host.set(names={"corpsrv1": ["192.0.2.1"], "corpsrv2": ["192.0.2.2"]})
    first = player.play(host, command_task("ipseccmd -f 0+* -n ah[md5]", lockout_check="ignore"))
    assert first.code == 0, first.output
    (rule,) = host.dynamic_rules()
    assert (rule.outbound, [offer.algorithms for offer in rule.quick_mode.offers]) == ("negotiate", [(("ah", "MD5"),)])
    assert host.verdict("198.51.100.1", 50000, 5985) == "negotiate"

    tunnel = next(farm.fresh)
    line = "ipseccmd -f 10.2.1.1=10.2.1.13 -t 10.2.1.13 -n ah[sha] -1p -c"
    assert player.play(tunnel, command_task(line, confirmed=True)).code == 0
    (rule,) = tunnel.dynamic_rules()
    assert (rule.selector.tunnel, rule.selector.mirrored, rule.main_mode.quick_modes) == ("10.2.1.13", False, 1)

    corpsrv1 = next(farm.fresh)
    corpsrv1.set(names={"corpsrv1": ["192.0.2.1"], "corpsrv2": ["192.0.2.2"]})
    line = 'ipseccmd \\\\corpsrv1 -f corpsrv2+corpsrv1 -n ah[md5]+esp[des,sha] -a p:"corpauth"'
    named = {"name": "name", "ansible.builtin.add_host": {"name": "corpsrv1"}}
    named["ansible.builtin.add_host"].update(_variables(player, corpsrv1))
    run = player.play(corpsrv1, named, command_task(line))
    assert run.code == 0, run.output
    (rule,) = corpsrv1.dynamic_rules()
    assert [method.text for method in rule.authentication] == ["corpauth"]
    assert [offer.algorithms for offer in rule.quick_mode.offers] == [(("ah", "MD5"), ("esp", "DES", "SHA1"))]


@pytest.mark.engines("python")
def test_delete_all_of_the_manual(host, player):
    host.start_service()
    add_others(host)
    run = player.play(host, command_task("ipseccmd -u"), command_task("ipseccmd -u"))
    assert [result["changed"] for result in run.results] == [True, False]
    assert run[0]["dynamic"]["flushed"]
    assert host.dynamic_rules() == ()


@pytest.mark.judge_with("powershell")
def test_script_that_flushes_and_adds_changes_nothing_the_second_time(host, player):
    task = command_task(commands=["-u", f"-f {BAN}", "-f 0+192.0.2.3 -a p:secret"])
    run = player.play(host, task, task)
    assert [result["changed"] for result in run.results] == [True, False]
    add_others(host)
    run = player.play(host, task)
    assert run[0]["changed"]
    assert actions(host) == {"203.7:0": "block", "192.3:0": "negotiate"}


def test_static_and_dynamic_lines_are_one_read_and_one_write(host, player):
    lines = ["-w reg -p Ports -r Telnet -f *+0:23:TCP -n BLOCK", f"-f {BAN}", "-w reg -p Ports -x"]
    task = command_task(commands=lines)
    run = player.play(host, task, task)
    assert [result["changed"] for result in run.results] == [True, False]
    assert done(host) == ["read", "apply", "read"]
    assert [policy.name for policy in host.policies()] == ["Ports"]
    assert actions(host) == {"203.7:0": "block"}


def test_netsh_commands(host, player):
    task = netsh_task(
        "netsh ipsec dynamic add mmpolicy name=mm mmsecmethods=3DES-SHA1-3 mmlifetime=60",
        'netsh ipsec dynamic add qmpolicy name=qm pfsgroup=GRP3 qmsecmethods="ESP[3DES,SHA1]"',
        "netsh ipsec dynamic add rule srcaddr=me dstaddr=192.0.2.10 mmpolicy=mm qmpolicy=qm psk=s3cret",
        "netsh ipsec dynamic set config property=ipsecexempt value=3",
    )
    run = player.play(host, task, task, options=("--diff",))
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, False]
    (rule,) = host.dynamic_rules()
    assert rule.main_mode.methods == (("3DES", "SHA1", 3),)
    assert (rule.main_mode.lifetime, rule.quick_mode.pfs) == (60, "GRP3")
    assert "s3cret" not in run.output
    everything = netsh_task("netsh ipsec dynamic delete all", allow_delete_all=True)
    assert player.play(host, everything)[0]["changed"]
    assert host.dynamic_rules() == ()


def test_settings(host, player):
    task = dynamic_task(settings={"ipsecexempt": 3, "bootmode": "permit"})
    run = player.play(host, task, task)
    assert [result["changed"] for result in run.results] == [True, False]
    assert run[0]["settings"] == {"ipsecexempt": "3", "bootmode": "permit"}
    host.netsh(["ipsec", "dynamic", "set", "config", "property=ipsecexempt", "value=0"])
    run = player.play(host, task, task)
    assert [result["changed"] for result in run.results] == [True, False]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.judge_with("powershell")
def test_language_of_the_host_does_not_matter(host, player, language):
    host.set(language=language)
    task = dynamic_task(rules=[{"filters": [BAN]}, SECURED], settings={"strongcrlcheck": 1})
    run = player.play(host, task, task, dynamic_task(state="flushed"), dynamic_task(state="flushed"))
    assert [result["changed"] for result in run.results] == [True, False, True, False]


@pytest.mark.judge_with("powershell")
def test_names_are_looked_up_on_the_host(host, player):
    host.set(names={"srv.example": ["192.0.2.3"]})
    task = dynamic_task(filters=["0+srv.example"], action="block")
    run = player.play(host, task, task)
    assert [result["changed"] for result in run.results] == [True, False]
    assert actions(host) == {"192.3:0": "block"}
    host.set(names={"srv.example": ["192.0.2.4"]})
    run = player.play(host, task)
    assert run[0]["counts"] == {"added": 0, "changed": 1, "removed": 0, "restored": 0}
    assert actions(host) == {"192.4:0": "block"}
    host.set(names={})
    run = player.play(host, task)
    assert not run[0]["changed"]
    assert any("cannot resolve the DNS name srv.example now" in warning for warning in run[0]["warnings"])
    several = ["192.0.2.4", "192.0.2.5"]
    host.set(names={"srv.example": several, "two.example": several})
    assert "has several addresses" in player.play(host, task)[0]["msg"]
    everything = dynamic_task(filters=["0+srv.example"], action="block", multiple_addresses="all")
    player.play(host, everything)
    assert actions(host) == {"192.4:0": "block", "192.5:0": "block"}
    # the manual's way
    run = player.play(host, command_task("-f [0+two.example] [0+192.0.2.9]"))
    assert any("is left out" in warning for warning in run[0]["warnings"])


@pytest.mark.engines("python")
def test_rule_that_cuts_the_connection(host, player):
    task = dynamic_task(filters=["[*+0:5985:TCP]"])
    run = player.play(host, task)
    assert run[0].status == "failed"
    assert "a dynamic rule would cut the connection" in run[0]["msg"]
    assert host.dynamic_rules() == ()
    run = player.play(host, dynamic_task(filters=["[*+0:5985:TCP]", f"({_peer(player, host)}+0:5985:TCP)"]))
    assert run.code == 0, run.output


def test_rule_that_may_cut_the_connection(host, player):
    run = player.play(host, dynamic_task(filters=["[*+0:5985:TCP]"], lockout_check="warn"))
    assert run[0]["changed"]
    assert any("a dynamic rule cuts the connection" in warning for warning in run[0]["warnings"])
    assert len(host.dynamic_rules()) == 1


@pytest.mark.engines("python")
def test_policy_and_dynamic_rules_are_judged_together(host, player):
    peer = _peer(player, host)
    player.play(host, dynamic_task(filters=[f"({peer}+0:5985:TCP)"]))
    policy = {"name": "P", "assigned": True, "rules": [{"name": "R", "filters": ["*+0:5985:TCP"], "action": "block"}]}
    run = player.play(host, {"name": "policy", "ipsec.windows.ipsec_policy": policy})
    assert run.code == 0, run.output
    run = player.play(host, dynamic_task(rules=[], rules_mode="exact"))
    assert "the policy 'P' would cut the connection" in run[0]["msg"]


def test_confirmation(host, player):
    task = dynamic_task(filters=[BAN], confirm=True)
    assert player.play(host, task, options=("--check",))[0]["changed"]
    run = player.play(host, task)
    assert "nobody can answer" in run[0]["msg"]
    assert "set confirmed: true" in run[0]["msg"]
    assert host.dynamic_rules() == ()
    run = player.play(host, dynamic_task(filters=[BAN], confirm=True, confirmed=True), task)
    assert [result["changed"] for result in run.results] == [True, False]


def test_question_at_a_terminal(host, player):
    task = dynamic_task(filters=[BAN], confirm=True)
    run = player.play_at_terminal(host, task, answer="no")
    assert "+  - filters:" in run.output
    assert "was not confirmed, so nothing was changed" in run[0]["msg"]
    assert host.dynamic_rules() == ()
    run = player.play_at_terminal(host, task, answer="yes")
    assert run[0]["changed"], run.output
    assert len(host.dynamic_rules()) == 1


def test_task_that_cannot_be_registered(host, player):
    host.faults.add("denied task")
    run = player.play(host, dynamic_task(filters=[BAN]))
    assert "the scheduled task that keeps dynamic rules cannot be registered" in run[0]["msg"]
    assert host.dynamic_rules() == ()
    assert not any("ipsec.windows.dynamic" in key for key in host.tree)
    host.faults.add("denied task")
    run = player.play(host, dynamic_task(filters=[BAN], persistent=False))
    assert run.code == 0, run.output
    assert actions(host) == {"203.7:0": "block"}


def test_netsh_that_refuses_a_rule(host, player):
    # the replay task must not be faster than the next run
    host.set(service_events=False)
    host.faults.add("denied netsh 5")
    task = dynamic_task(rules=[{"filters": [BAN]}, SECURED])
    run = player.play(host, task)
    assert run[0].status == "failed"
    assert "netsh did not add" in run[0]["msg"], run[0]["msg"]
    assert run[0]["changed"]
    run = player.play(host, task, task)
    assert [result["changed"] for result in run.results] == [True, False]


@pytest.mark.judge_with("powershell")
def test_record_that_cannot_be_written(host, player):
    host.faults.add("denied 8")
    task = dynamic_task(rules=[{"filters": [BAN]}, SECURED])
    run = player.play(host, task, task, ignore_errors=True)
    assert "the dynamic rules are not complete: " in run[0]["msg"]
    assert "Access to the registry key is denied" in run[0]["msg"]
    assert run[0]["changed"]
    assert run[1]["changed"]
    assert len(host.dynamic_rules()) == 3


@pytest.mark.parametrize(
    "fault",
    ["restart before netsh 6", "kill before netsh 6", "cut before netsh 6", "kill before 3", "kill after apply"],
)
def test_task_that_is_cut_off_is_finished(host, player, fault):
    host.faults.add(fault)
    task = dynamic_task(rules=[{"filters": [BAN]}, SECURED])
    first = player.play(host, task)[0].status
    assert first in ("failed", "unreachable") or fault.startswith("restart")
    host.faults.clear()
    run = player.play(host, task, task)
    assert run.code == 0, run.output
    assert not run[1]["changed"]
    assert len(host.dynamic_rules()) == 3


@pytest.mark.engines("python")
def test_disabled_service(host, player):
    host.set_start_type("disabled")
    run = player.play(host, dynamic_task(filters=[BAN]))
    assert "the PolicyAgent service is disabled" in run[0]["msg"]
    assert not any("ipsec.windows.dynamic" in key for key in host.tree)


@pytest.mark.engines("python")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filters": ["0+192.0.2.1:80-90:TCP"]}, "filters[0]"),
        (
            {
                "rules": [
                    {
                        "filters": [
                            {"source": "me", "destination": "192.0.2.1", "protocol": "tcp", "destination_port": "80-90"}
                        ]
                    }
                ]
            },
            "rules[0]: filters[0].destination_port",
        ),
        ({"filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": "a"}, "kerberos"]}, "authentication[1]"),
        ({"filters": ["0+192.0.2.1"], "main_mode": {"lifetime_seconds": 90}}, "main_mode.lifetime_seconds"),
        ({"filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": 'a"b'}]}, "authentication[0]"),
        ({"rules": [{"filters": [BAN]}, {"filters": [BAN, "0+192.0.2.1"]}]}, "rules[1]"),
        ({"filters": [BAN], "replay_interval": 0}, "replay_interval: expected 1 to 1440 minutes"),
    ],
)
def test_mistakes_end_the_task_with_their_place(host, player, options, message):
    run = player.play(host, dynamic_task(**options))
    assert run[0].status == "failed"
    assert message in run[0]["msg"]
    assert host.dynamic_rules() == ()
