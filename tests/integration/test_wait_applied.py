# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tasks that wait until their change is in force, in playbooks."""

from __future__ import annotations

import pytest
from integration.playbook import policy_task
from integration.test_dynamic import dynamic_task
from integration.test_ipseccmd import command_task, done

SMB = {"name": "Close SMB", "filters": ["*=0:445:TCP", "*=0:139:TCP"], "action": "block"}
SECURE = {"name": "S", "filters": ["0+192.0.2.9"], "authentication": [{"preshared_key": "s3cret"}]}
POLICY = {"name": "P", "assigned": True, "rules": [SMB, SECURE]}


def test_a_change_is_in_force(host, player):
    run = player.play(host, policy_task(**POLICY, wait_applied=True), policy_task(**POLICY, wait_applied=True))
    assert run.code == 0, run.output
    first, second = run.results
    applied = first["applied"]
    assert (applied["outcome"], applied["reason"]) == ("applied", "all 5 filters are in force")
    assert (applied["event"], applied["missing"], applied["surplus"]) == (None, [], [])
    assert "applied" not in second.result
    assert done(host) == ["read", "apply", "wait", "read"]
    assert "s3cret" not in run.output


@pytest.mark.engines("python")
def test_an_event_says_that_a_change_is_in_force(host, player):
    host.set(audited=True)
    run = player.play(host, policy_task(**POLICY, wait_applied=True))
    applied = run[0]["applied"]
    assert (applied["outcome"], applied["event"]["id"], applied["event"]["policy"]) == ("applied", 5460, "P")
    # an older event does not end the wait
    host.set(ignores_reload=True, clock_offset=60)
    run = player.play(host, policy_task(**{**POLICY, "rules": [SECURE]}, wait_applied=True, wait_timeout=1))
    assert (run[0].status, run[0]["applied"]["event"]) == ("failed", None)
    assert (run[0]["applied"]["outcome"], run[0]["applied"]["surplus_count"]) == ("failed", 2)
    assert run[0]["applied"]["reason"].endswith("and 2 of the policy as it was before")


def test_a_filter_that_fails_fails_the_task(host, player):
    host.set(audited=True, failed_filters={"Close SMB": [2]})
    run = player.play(host, policy_task(**POLICY, wait_applied=True, backup=True))
    (result,) = run.results
    assert result.status == "failed"
    applied = result["applied"]
    assert (applied["outcome"], applied["event"]["id"], applied["filter"]) == ("failed", 5477, "Close SMB")
    assert applied["error"]
    assert f"(error {applied['error']}, filter Close SMB)" in result["msg"]
    (missing,) = applied["missing"]
    assert (missing["destination_port"], missing["rule"]["name"]) == (139, "Close SMB")
    assert result["changed"]
    assert result["backup_file"]
    assert [policy.name for policy in host.policies()] == ["P"]
    assert "s3cret" not in run.output


@pytest.mark.engines("python")
def test_filters_that_are_not_in_force_in_time_fail_the_task(host, player):
    host.set(lost_filters={"Close SMB": [1]})
    run = player.play(host, policy_task(**POLICY, wait_applied=True, wait_timeout=1))
    assert run[0].status == "failed"
    assert run[0]["applied"]["waited"] >= 1
    assert "not in force on" in run[0]["msg"]
    assert [one["destination_port"] for one in run[0]["applied"]["missing"]] == [445]


@pytest.mark.engines("python")
def test_what_the_host_does_not_say_is_unknown(host, player):
    host.set(queries={"filters": "denied", "events": "denied"})
    run = player.play(host, policy_task(**POLICY, wait_applied=True, wait_timeout=1))
    assert run.code == 0, run.output
    assert (run[0]["applied"]["outcome"], run[0]["applied"]["missing"]) == ("unknown", [])
    assert any("it is not known whether the change is in force" in warning for warning in run[0]["warnings"])


@pytest.mark.engines("python")
def test_an_answer_that_cannot_be_read_is_unknown(host, player):
    host.set(queries={"filters": "malformed"})
    run = player.play(host, policy_task(**POLICY, wait_applied=True, wait_timeout=1))
    assert run.code == 0, run.output
    assert "netsh wfp show filters: line" in run[0]["applied"]["reason"]


@pytest.mark.engines("python")
def test_a_policy_that_cuts_the_connection_is_unknown(host, player):
    rule = {"name": "R", "filters": ["*+0"], "action": "block"}
    run = player.play(host, policy_task(name="P", assigned=True, rules=[rule], lockout_check="warn", wait_applied=True))
    assert run.code == 0, run.output
    assert run[0]["changed"]
    assert run[0]["applied"]["outcome"] == "unknown"
    assert "connection was lost" in run[0]["applied"]["reason"]


@pytest.mark.engines("python")
def test_all_modules_for_changes_wait(host, player):
    script = (
        "netsh ipsec dynamic add mmpolicy name=m\nnetsh ipsec dynamic add rule srcaddr=me dstaddr=192.0.2.77 mmpolicy=m"
    )
    commands = [
        f"{line} actioninbound=block actionoutbound=block" if "rule" in line else line for line in script.split("\n")
    ]
    tasks = [
        policy_task(**POLICY, backup=True),
        {"ipsec.windows.ipsec_rule": {"policy": "P", **SMB, "filters": ["*=0:22:TCP"]}},
        command_task("ipseccmd -w REG -p P -r T -f *+0:23:TCP -n BLOCK"),
        {"ipsec.windows.netsh_ipsec": {"command": "netsh ipsec static set policy name=P description=new"}},
        {"ipsec.windows.netsh_ipsec": {"commands": commands}},
        dynamic_task(filters=["[0+203.0.113.7]"]),
        command_task("ipseccmd -f [0+203.0.113.8]"),
        {"ipsec.windows.ipsec_store": {"policies": [POLICY]}},
        dynamic_task(state="flushed"),
        policy_task(name="P", state="absent"),
    ]
    for task in tasks:
        for name, options in task.items():
            if name.startswith("ipsec.windows."):
                options |= {"wait_applied": True, "wait_timeout": 5}
    run = player.play(host, *tasks)
    assert run.code == 0, run.output
    shown = [result["applied"]["reason"] for result in run.results]
    assert [result["applied"]["outcome"] for result in run.results] == ["applied"] * len(tasks), shown
    assert done(host) == ["read", "apply", "wait"] * len(tasks)


@pytest.mark.engines("python")
def test_check_mode_waits_for_nothing(host, player):
    run = player.play(host, policy_task(**POLICY, wait_applied=True), options=("--check",))
    assert "applied" not in run[0].result
    assert done(host) == ["read"]
