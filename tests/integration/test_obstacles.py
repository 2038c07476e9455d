# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A task that cannot make its change fails with one clear error before the first write."""

from __future__ import annotations

import json
import random

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import JSON_LIMIT, REQUEST_LIMIT
from integration.playbook import facts_task, policy_task
from winhost.host import PENDING
from winhost.tree import find_key

pytestmark = pytest.mark.judge_with("powershell")
BOTH = pytest.mark.judge_with

BLOCK = {"name": "r", "filters": ["192.0.2.1+0"], "action": "block"}
ASSIGN = policy_task(name="P", assigned=True, rules=[BLOCK])


OBSTACLES = {
    "the user of this connection is not an administrator of win": lambda host: host.set(administrator=False),
    "the PolicyAgent service is disabled on win": lambda host: host.set_start_type("disabled"),
    "has no PolicyAgent service": lambda host: host.set_start_type(None),
    "runs Windows 7 Professional (6.1.7601)": lambda host: host.set_version("Windows 7 Professional", 6, 1, 7601),
    "runs Windows 2000 Server (5.0.2195)": lambda host: host.set_version("Windows 2000 Server", 5, 0, 2195),
}
"""Words of the message, and what makes a host like that."""


def test_an_obstacle_is_an_error_before_the_first_write(farm, player):
    hosts = [next(farm.fresh) for _obstacle in OBSTACLES]
    for host, prepare in zip(hosts, OBSTACLES.values(), strict=True):
        prepare(host)
    run = player.play(hosts, {**ASSIGN, "ignore_errors": True}, {**ASSIGN, "check_mode": True})
    assert "Traceback" not in run.output
    for host, words in zip(hosts, OBSTACLES, strict=True):
        done, checked = (result for result in run.results if result.host == host.name)
        assert (done.status, done["changed"]) == ("failed", False)
        assert words in done["msg"]
        assert words in checked["msg"]
        assert host.store() == {}
        assert [event[3] for event in host.events("executed")] == ["read", "read"]


def test_a_disabled_service_does_not_prevent_changes_that_need_no_service(host, player):
    host.set_start_type("disabled")
    run = player.play(
        host,
        policy_task(name="P", rules=[BLOCK]),
        policy_task(name="P", assigned=True, service="ignore"),
        policy_task(name="P", state="absent"),
        facts_task(),
    )
    assert [result.status for result in run.results] == ["ok"] * 4


def test_facts_need_no_service_and_no_recent_windows(host, player):
    host.set_start_type(None)
    host.set_version("Windows XP", 5, 1, 2600)
    assert player.play(host, facts_task())[0]["ansible_facts"]["ansible_ipsec"]["service"]["status"] == "missing"


def test_a_change_is_planned_again_after_a_conflict(host, player):
    host.faults.add(*["change before apply"] * 2)
    run = player.play(host, ASSIGN, ASSIGN)
    assert [(result.status, result["changed"]) for result in run.results] == [("ok", True), ("ok", False)]
    assert [event[3] for event in host.events("executed")] == ["read", "apply", "apply", "apply", "read"]
    assert host.policies()[0].name == "P"
    assert any(key.endswith("Other") for key in host.store())


def test_a_task_gives_up_after_three_conflicts(host, player):
    host.faults.add(*["change before apply"] * 3)
    run = player.play(host, ASSIGN)
    assert run[0].status == "failed"
    assert "was changed by others 3 times" in run[0]["msg"]
    assert run[0]["changed"] is False
    assert host.policies() == []


def test_async_is_refused(host, player):
    tasks = [{**task, "async": 60, "poll": 0} for task in (ASSIGN, facts_task())]
    run = player.play(host, *tasks, ignore_errors=True)
    assert [result.status for result in run.results] == ["failed"] * 2
    assert all("does not support async" in result["msg"] for result in run.results)
    assert host.events("executed") == []


def test_a_host_without_windows_is_an_error(player):
    player.inventory.write_text(json.dumps({"all": {"hosts": {"here": {"ansible_connection": "local"}}}}))
    run = player.run([{"hosts": "here", "gather_facts": False, "tasks": [facts_task()]}])
    assert run[0].status == "failed"
    assert "here is not connected as a Windows host (connection local): set ansible_connection" in run[0]["msg"]


WRONG = [
    ({}, "name: a policy needs a name or an id"),
    ({"name": "P", "state": "gone"}, "value of state must be one of: present, absent, got: gone"),
    ({"name": "P", "rule": []}, "there is no option 'rule' here; did you mean 'rules'?"),
    ({"name": "P", "rules": [{**BLOCK, "filters": ["0+1.2.3.4:80"]}]}, "needs the protocol tcp or udp"),
    ({"name": "P", "backup_options": {"path": "x"}}, "backup_options: there is no option 'path' here; did"),
    ({"policy": "P"}, "policy: expected a whole policy"),
    ({"name": "P", "rules": [{"name": "r", "authentication": [{"preshared_key": None}], "filters": ["0+*"]}]}, "null"),
    ({"id": "{00000000-0000-0000-0000-000000000001}"}, "no policy has the id"),
]


def test_a_wrong_task_changes_nothing(host, player):
    run = player.play(host, *[policy_task(**options) for options, _words in WRONG], ignore_errors=True)
    for result, (_options, words) in zip(run.results, WRONG, strict=True):
        assert result.status == "failed"
        assert words in result["msg"]
    assert "Traceback" not in run.output
    assert host.store() == {}


def test_a_policy_cannot_get_the_name_of_another(host, player):
    run = player.play(
        host,
        policy_task(name="One", rules=[BLOCK]),
        policy_task(name="Two", rules=[BLOCK]),
        facts_task(),
        policy_task(id="{{ ansible_facts.ipsec.policies[1].id }}", name="one"),
    )
    assert "another policy already has the name 'one'" in run[3]["msg"]


def test_without_a_backup_nothing_is_changed(host, player):
    (player.folder / "backup").write_text("not a folder")
    run = player.play(host, policy_task(name="P", rules=[BLOCK], backup=True))
    assert "the backup cannot be written, so nothing was changed" in run[0]["msg"]
    assert host.store() == {}


def _large_rules(count):
    """Rules whose descriptions cannot be compressed."""
    source = random.Random(count)
    letters = [chr(code) for code in range(0x4E00, 0x9F00)]
    return [{**BLOCK, "name": f"r{n}", "description": "".join(source.choices(letters, k=2000))} for n in range(count)]


def test_a_change_that_is_too_large_is_refused_before_the_first_write(host, player):
    before = host.registry.path.read_bytes()
    task = policy_task(name="P", rules=_large_rules(420), backup=True)
    run = player.play(host, {**task, "check_mode": True}, task, ignore_errors=True)
    for result in run.results:
        assert (result.status, result["changed"]) == ("failed", False), run.output[-3000:]
        assert "the change needs 2," in result["msg"]
        assert "characters of JSON, but the host accepts at most 1,835,008" in result["msg"]
        assert "split the change into several tasks" in result["msg"]
        assert "backup_file" not in result.result
    assert host.registry.path.read_bytes() == before
    assert [event[3] for event in host.events("executed")] == ["read", "read"]


@pytest.mark.judge
def test_a_change_that_is_too_large_fits_when_it_is_divided(host, player):
    rules = _large_rules(420)
    half = {"rules_mode": "merge", "name": "P"}
    run = player.play(host, policy_task(**half, rules=rules[:210]), policy_task(**half, rules=rules[210:]))
    assert [result["changed"] for result in run.results] == [True, True], run.output[-3000:]
    assert len(host.policies()[0].rules) == 420


@BOTH
@pytest.mark.psrp("python")
def test_the_host_refuses_requests_above_its_limit(host, player):
    """The request is a text in the manifest of Ansible, so the largest request must leave room for the rest."""

    def request(size):
        found = {"protocol": 2, "do": "read", "parts": [], "names": [], "interfaces": [], "port": 5985, "x": ""}
        found["x"] = "x" * (size - len(json.dumps(json.dumps(found))))
        return {"ipsec.windows.__private.ipsec_host": {"request": json.dumps(found)}, "ignore_errors": True}

    run = player.play(host, request(REQUEST_LIMIT), request(JSON_LIMIT + 1), request(JSON_LIMIT - 1000))
    assert [result.status for result in run.results] == ["ok", "failed", "failed"], run.output[-3000:]
    for result in run.results[1:]:
        assert "exceeds the value set on the maxJsonLength property" in json.dumps(result.result)


def test_a_lock_of_another_account(farm, player):
    shared, denied = next(farm.fresh), next(farm.fresh)
    shared.set(mutex="shared")
    denied.set(mutex="denied")
    run = player.play([shared, denied], ASSIGN)
    results = {result.host: result for result in run.results}
    assert (results[shared.name].status, results[shared.name]["changed"]) == ("ok", True)
    failed = results[denied.name]
    assert (failed.status, failed["changed"]) == ("failed", False)
    assert (
        f"another program holds the lock of the policy store of {denied.name} and denies others access to it"
        in failed["msg"]
    )
    assert "run this task again when that program has finished (nothing was changed)" in failed["msg"]
    assert "administrator" not in failed["msg"]
    assert denied.store() == {}


def test_a_service_that_is_started_in_between_is_notified(host, player):
    host.faults.add("start before apply")
    run = player.play(host, ASSIGN, ASSIGN)
    assert [(result["changed"], result["service"]["notification"]) for result in run.results] == [
        (True, "asked"),
        (False, "none"),
    ]
    assert find_key(host.tree, PENDING) is None
    assert host.enforced.in_force.policy == host.policies()[0]
