# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What stands in the way is one clear error before the first write."""

from __future__ import annotations

import json

import pytest
from integration.playbook import facts_task, policy_task

BLOCK = {"name": "r", "filters": ["192.0.2.1+0"], "action": "block"}
ASSIGN = policy_task(name="P", assigned=True, rules=[BLOCK])


@pytest.mark.parametrize(
    ("obstacle", "words"),
    [
        (lambda host: host.set(administrator=False), "is no administrator of win"),
        (lambda host: host.set_start_type("disabled"), "the service PolicyAgent is disabled on win"),
        (lambda host: host.set_start_type(None), "has no service PolicyAgent"),
        (lambda host: host.set_version("Windows 7 Professional", 6, 1, 7601), "runs Windows 7 Professional (6.1.7601)"),
        (lambda host: host.set_version("Windows 2000 Server", 5, 0, 2195), "runs Windows 2000 Server (5.0.2195)"),
    ],
)
def test_an_obstacle_is_said_before_the_first_write(host, player, obstacle, words):
    obstacle(host)
    run = player.play(host, ASSIGN)
    assert run[0].status == "failed"
    assert run[0]["changed"] is False
    assert words in run[0]["msg"]
    assert "Traceback" not in run.output
    assert host.store() == {}
    assert [event[3] for event in host.events("executed")] == ["read"]
    assert words in player.play(host, ASSIGN, options=("--check",))[0]["msg"]


def test_a_disabled_service_is_no_obstacle_where_it_does_not_matter(host, player):
    host.set_start_type("disabled")
    run = player.play(
        host,
        policy_task(name="P", rules=[BLOCK]),
        policy_task(name="P", assigned=True, service="ignore"),
        policy_task(name="P", state="absent"),
        facts_task(),
    )
    assert [result.status for result in run.results] == ["ok"] * 4


def test_facts_need_no_service_and_no_new_windows(host, player):
    host.set_start_type(None)
    host.set_version("Windows XP", 5, 1, 2600)
    assert player.play(host, facts_task())[0]["ansible_facts"]["ipsec"]["service"]["status"] == "missing"


def test_somebody_else_writes_in_between(host, player):
    host.faults.add(*["change before apply"] * 2)
    run = player.play(host, ASSIGN, ASSIGN)
    assert [(result.status, result["changed"]) for result in run.results] == [("ok", True), ("ok", False)]
    assert [event[3] for event in host.events("executed")] == ["read", "apply", "apply", "apply", "read"]
    assert host.policies()[0].name == "P"
    assert any(key.endswith("Other") for key in host.store())


def test_somebody_else_does_not_stop_writing(host, player):
    host.faults.add(*["change before apply"] * 3)
    run = player.play(host, ASSIGN)
    assert run[0].status == "failed"
    assert "was changed by others 3 times" in run[0]["msg"]
    assert run[0]["changed"] is False
    assert host.policies() == []


def test_async_is_refused(host, player):
    for task in (ASSIGN, facts_task()):
        run = player.play(host, {**task, "async": 60, "poll": 0})
        assert run[0].status == "failed"
        assert "cannot run with async" in run[0]["msg"]
    assert host.events("executed") == []


def test_a_host_that_is_not_windows(player):
    player.inventory.write_text(json.dumps({"all": {"hosts": {"here": {"ansible_connection": "local"}}}}))
    run = player.run([{"hosts": "here", "gather_facts": False, "tasks": [facts_task()]}])
    assert run[0].status == "failed"
    assert "here is not reached as a Windows host (connection local): set ansible_connection" in run[0]["msg"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "name: a policy is known by its name"),
        ({"name": "P", "state": "gone"}, "value of state must be one of: present, absent, got: gone"),
        ({"name": "P", "rule": []}, "there is no option 'rule' here; did you mean 'rules'?"),
        ({"name": "P", "rules": [{**BLOCK, "filters": ["0+1.2.3.4:80"]}]}, "needs the protocol tcp or udp"),
        ({"name": "P", "backup_options": {"path": "x"}}, "backup_options: there is no option 'path' here; did"),
        ({"policy": "P"}, "policy: this must be a whole policy"),
        (
            {"name": "P", "rules": [{"name": "r", "authentication": [{"preshared_key": None}], "filters": ["0+*"]}]},
            "null",
        ),
        ({"id": "{00000000-0000-0000-0000-000000000001}"}, "there is no policy with the id"),
    ],
)
def test_a_mistake_changes_nothing(host, player, options, words):
    run = player.play(host, policy_task(**options))
    assert run[0].status == "failed"
    assert words in run[0]["msg"]
    assert "Traceback" not in run.output
    assert host.store() == {}


def test_a_name_that_another_policy_has(host, player):
    run = player.play(
        host,
        policy_task(name="One", rules=[BLOCK]),
        policy_task(name="Two", rules=[BLOCK]),
        facts_task(),
        policy_task(id="{{ ansible_facts.ipsec.policies[1].id }}", name="one"),
    )
    assert "another policy is called 'one' already" in run[3]["msg"]


def test_a_backup_that_cannot_be_written_stops_before_the_change(host, player):
    (player.folder / "backup").write_text("no folder")
    run = player.play(host, policy_task(name="P", rules=[BLOCK], backup=True))
    assert "the backup cannot be written, so nothing was changed" in run[0]["msg"]
    assert host.store() == {}
