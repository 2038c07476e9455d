# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Faults on a host, at any time.

The old or the new policy is in force, the task reports what is known, and the next run finishes the change.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import pathlib
import re
import socket
import threading

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.names import ACTIVE_POLICY, REPLACES
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from integration.playbook import Player, policy_task
from unit import stores
from winhost.farm import Farm
from winhost.host import PENDING
from winhost.journal import replay
from winhost.tree import STRING, find_key

OLD = {
    "name": "P",
    "assigned": True,
    "rules": [{"name": "web", "filters": ["192.0.2.1+0:443:TCP", "192.0.2.2+0"], "action": "block"}],
}
NEW = {
    "name": "P",
    "main_mode": {"pfs": True},
    "rules": [{"name": "sql", "filters": ["192.0.2.3+0"], "action": "permit"}],
}
SMALL = {"name": "P", "rules": [{**OLD["rules"][0], "filters": ["192.0.2.9+0"]}]}
BEFORE = stores.apply(Store(), [OLD])
PLAN = stores.change(BEFORE, NEW)
_FIRST, _LAST = 1, len(PLAN.operations)
_SWING = 1 + [o.path == "" and o.name == ACTIVE_POLICY for o in PLAN.operations].index(True)
"""The operation that puts the new policy in force."""
PLACES = (_FIRST, _SWING, _LAST)
TIMES = ("before", "after")

PYTHON = [
    *itertools.product(("kill", "denied", "cut", "change"), TIMES, PLACES),
    *itertools.product(("refuse", "kill"), TIMES, ("service",)),
    *itertools.product(("kill",), TIMES, ("read", "apply")),
]
POWERSHELL = [
    ("cut", "after", _FIRST),
    ("kill", "before", _SWING),
    ("denied", "after", _SWING),
    ("change", "before", _LAST),
    ("refuse", "before", "service"),
]
STOPPING_PYTHON = [
    *itertools.product(("hang", "silent"), TIMES, ("read", "apply", _SWING)),
    ("hang", "after", _LAST),
    ("silent", "after", _LAST),
]
STOPPING_POWERSHELL = [("hang", "before", _SWING), ("silent", "before", _SWING)]

OLD_OR_NEW = (
    "Either the old policy or the new one is in force, never a mixture; run the task again to finish the change"
)
NO_ANSWER = rf"win\d+ gave no answer while its policy store was written: .*{{}}.*\. {OLD_OR_NEW}"
SAYS = {
    "hang": ("failed", NO_ANSWER.format(r"the task took longer than its timeout of \d+ seconds")),
    "silent": ("unreachable", NO_ANSWER.format("timed out")),
    "cut": ("unreachable", NO_ANSWER.format("reset by peer")),
    "kill": ("failed", NO_ANSWER.format("the host module failed: it ended without a result in JSON")),
    "denied": ("failed", rf"win\d+ stopped after {{}} of {len(PLAN.operations)} writes .*denied.*\. {OLD_OR_NEW}"),
    "refuse": ("ok", "the PolicyAgent service could not be notified: .*Cannot control PolicyAgent"),
    "change": (
        "ok",
        "another program changed the store while this task wrote to it, so the change was planned again",
    ),
}
"""For a fault while a task writes, the status of the task and its message."""
READING = r"the policies of win\d+ could not be read: .*\. Nothing was written"


def _expected(kind, place):
    status, words = SAYS[kind]
    return (status, READING) if place == "read" else (status, words.format(place - 1 if kind == "denied" else "{}"))


def _prepare(host, store=BEFORE):
    """Put the old policy in force on a host; returns the length of its journal."""
    stores.put(host, store)
    host.boot()
    assert _enforced(host) == _in_force(store)
    return sum(1 for _tree in replay(host.registry.path))


def _in_force(store):
    return stores.in_force(stores.to_tree(store))


def _enforced(host):
    """The policy that the service has loaded."""
    taken = host.sync().in_force
    return None if taken is None else stores.enforced(taken.policy)


def _states(host, begin):
    """The policies in force after each change of the registry, from a position in its journal."""
    return [stores.in_force(tree) for tree in itertools.islice(replay(host.registry.path), begin, None)]


def _assert_finished(host, wanted=PLAN.store):
    """The host has exactly what a run without faults leaves."""
    found = stores.from_tree(host.store())
    assert _in_force(found) == _in_force(wanted) == _enforced(host)
    assert not Graph(found).leftovers()
    assert not any(found.get(key, REPLACES) for key in found.paths())
    assert len([key for key in found.paths() if key != "Other"]) == len(wanted.paths())
    assert find_key(host.tree, PENDING) is None


def _assert_reported(found, kind, when, place):
    status, words = _expected(kind, place)
    said = " ".join([found.result.get("msg", ""), *found.result.get("warnings", ())])
    assert (found.status, bool(re.search(words, said))) == (status, True), (kind, when, place, said)
    if kind in ("hang", "kill") and status == "failed":
        # a write may have been done
        assert found["changed"] == (place != "read"), (kind, when, place)


def _finish(player, hosts, begin, forks):
    """The next run finishes the change, and another one changes nothing."""
    for host in hosts:
        host.faults.clear()
    again = [] if player.farm.engine == "powershell" else [policy_task(**NEW)]
    run = player.play(hosts, policy_task(**NEW), *again, options=(forks,))
    assert "Traceback" not in run.output
    for host in hosts:
        first, *others = (result for result in run.results if result.host == host.name)
        assert first.status == "ok", run.output
        assert [(result.status, result["changed"]) for result in others] == [("ok", False)] * len(again)
        assert all(state in map(_in_force, (BEFORE, PLAN.store)) for state in _states(host, begin[host.name]))
        _assert_finished(host)


def test_a_fault_is_reported_and_the_next_run_finishes_the_change(farm, tmp_path):
    cases, forks = (PYTHON, "--forks=16") if farm.engine == "python" else (POWERSHELL, "--forks=3")
    with Farm(count=len(cases), state=tmp_path / "hosts", engine=farm.engine) as own:
        hosts = list(own.hosts.values())
        begin = {host.name: _prepare(host) for host in hosts}
        for host, case in zip(hosts, cases, strict=True):
            host.faults.add(" ".join(map(str, case)))
        player = Player(own, tmp_path)
        run = player.play(hosts, policy_task(**NEW), options=(forks,))
        assert "Traceback" not in run.output
        results = {result.host: result for result in run.results}
        for host, case in zip(hosts, cases, strict=True):
            assert host.events("fault"), case
            _assert_reported(results[host.name], *case)
        _finish(player, hosts, begin, forks)


@pytest.mark.engines("python")
def test_only_a_host_that_stops_answering_fails(farm, tmp_path):
    """The `timeout` of the task ends a hanging command, that of the connection ends the wait for a silent host."""
    _stop_answering(farm, tmp_path, (2, 8, 32, 80))


@pytest.mark.judge
@pytest.mark.engines("powershell")
def test_only_a_host_that_stops_answering_fails_with_powershell(farm, tmp_path):
    _stop_answering(farm, tmp_path, (5, 20, 80))


def _stop_answering(farm, tmp_path, timeouts):
    before = set(threading.enumerate())
    cases = STOPPING_PYTHON if farm.engine == "python" else STOPPING_POWERSHELL
    with Farm(count=len(cases) + 1, state=tmp_path / "hosts", engine=farm.engine) as own:
        *hosts, healthy = own.hosts.values()
        idle = socket.create_connection((healthy.address, 5985))
        begin = {host.name: _prepare(host) for host in own.hosts.values()}
        for host, case in zip(hosts, cases, strict=True):
            host.faults.add(" ".join(map(str, case)))
        player = Player(own, tmp_path)
        inventory = json.loads(player.inventory.read_text())
        for host, (kind, *_rest) in zip(hosts, cases, strict=True):
            name = "time_of_task" if kind == "hang" else "ansible_winrm_read_timeout_sec"
            short_timeouts = {"ansible_winrm_operation_timeout_sec": 1, name: "{{ seconds }}"}
            inventory["windows"]["hosts"][host.name] |= short_timeouts
        player.inventory.write_text(json.dumps(inventory))
        task = {**policy_task(**NEW), "timeout": "{{ time_of_task | default(0) }}"}
        results = {}
        left = list(own.hosts.values())
        # a busy machine may need more time to reach the fault
        for seconds in timeouts:
            run = player.play(left, task, options=("--forks=16", f"--extra-vars=seconds={seconds}"))
            assert "Traceback" not in run.output
            results.update((result.host, result) for result in run.results)
            left = [host for host in hosts if not host.events("fault")]
            if not left:
                break
        assert results[healthy.name].status == "ok"
        for host, case in zip(hosts, cases, strict=True):
            _assert_reported(results[host.name], *case)
        if farm.engine == "python":
            own.write_inventory(player.inventory)
            _finish(player, list(own.hosts.values()), begin, "--forks=16")
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive(), f"{thread.name} runs after the end of its farm"
    idle.close()


def test_a_fault_is_reported_over_psrp(tmp_path):
    while_writing = [("cut", "after", _SWING), ("kill", "before", _SWING), ("denied", "after", _SWING)]
    cases = [*while_writing, ("kill", "after", "read")]
    with Farm(count=len(cases), state=tmp_path / "hosts", engine="python", connection="psrp") as own:
        hosts = list(own.hosts.values())
        begin = {host.name: _prepare(host) for host in hosts}
        for host, case in zip(hosts, cases, strict=True):
            host.faults.add(" ".join(map(str, case)))
        player = Player(own, tmp_path)
        results = {result.host: result for result in player.play(hosts, policy_task(**NEW)).results}
        for host, case in zip(hosts, cases, strict=True):
            _assert_reported(results[host.name], *case)
        _finish(player, hosts, begin, "--forks=4")


@pytest.mark.parametrize(("wanted", "rate"), [(SMALL, 20), (NEW, 2)], ids=["small", "large"])
def test_retries_finish_a_change_on_a_host_that_fails_often(tmp_path, wanted, rate):
    """Each run starts a change again that is not in force yet, so more operations need fewer faults."""
    with Farm(count=2, state=tmp_path / "hosts", engine="python") as own:
        begin = {name: _prepare(host) for name, host in own.hosts.items()}
        for host, kind in zip(own.hosts.values(), ("denied", "kill"), strict=True):
            host.faults.add(f"{kind} any {rate}%", f"{kind} after any {rate}%")
        again = {"register": "result", "until": "result is success", "retries": 60, "delay": 0}
        run = Player(own, tmp_path).play(list(own.hosts.values()), {**policy_task(**wanted), **again})
        plan = stores.change(BEFORE, wanted)
        for result in run.results:
            host = own.hosts[result.host]
            assert (result.status, result["changed"]) == ("ok", True), run.output
            assert 1 < result["attempts"] <= len(host.events("fault")) + 1
            assert all(state in map(_in_force, (BEFORE, plan.store)) for state in _states(host, begin[host.name]))
            host.faults.clear()
            _assert_finished(host, plan.store)


def test_a_host_without_an_answer_to_the_notification(tmp_path):
    """If the policy cuts the connection, the service is notified by a separate request."""
    rule = {"name": "r", "filters": ["*+0:5985:TCP"], "action": "block"}
    task = policy_task(name="P", rules=[rule], lockout_check="warn")
    with Farm(count=3, state=tmp_path / "hosts", engine="python") as own:
        hosts = list(own.hosts.values())
        for host, fault in zip(
            hosts, ("silent before notify", "silent after notify", "kill before notify"), strict=True
        ):
            _prepare(host)
            host.faults.add(fault)
        player = Player(own, tmp_path)
        inventory = json.loads(player.inventory.read_text())
        short_timeouts = {"ansible_winrm_operation_timeout_sec": 4, "ansible_winrm_read_timeout_sec": 8}
        inventory["windows"]["vars"].update(short_timeouts)
        player.inventory.write_text(json.dumps(inventory))
        first = player.play(hosts, task)
        second = player.play(hosts[2], task)
        results = {result.host: result for result in first.results}
        for name in ("win1", "win2"):
            assert (results[name].status, results[name]["changed"]) == ("ok", True)
            assert any(
                "will not be able to confirm that its service was notified" in w for w in results[name]["warnings"]
            )
        assert (results["win3"].status, results["win3"]["service"]["notification"]) == ("ok", "failed")
        assert any("could not be notified: win3 gave no answer" in warning for warning in results["win3"]["warnings"])
        assert (second[0]["changed"], second[0]["service"]["notification"]) == (True, "asked")
        for host in hosts:
            assert _enforced(host) == stores.in_force(host.tree) != _in_force(BEFORE)
            assert find_key(host.tree, PENDING) is None


def test_an_error_in_the_second_attempt_reports_what_the_first_has_written(farm, player):
    """Another program gives a second policy the same name while the task writes, so the task cannot go on."""
    host = next(farm.fresh)
    _prepare(host, stores.apply(Store(), [OLD, {"name": "Q", "rules": []}]))
    (other,) = (policy.key for policy in host.policies() if policy.name == "Q")
    renamed = ("set", other, "ipsecName", STRING, "P")
    host.faults.writes = lambda _count: [renamed]
    expected = {**host.store(), other: {**host.store()[other], "ipsecName": (STRING, "P")}}
    host.faults.add("change after 2")
    run = player.play(host, policy_task(**NEW, backup=True))
    assert (run[0].status, run[0]["changed"]) == ("failed", True), run.output
    assert "2 policies have the name 'P'" in run[0]["msg"]
    assert "(an earlier attempt of this task wrote some of the changes: see operations)" in run[0]["msg"]
    assert {operation["status"] for operation in run[0]["operations"]} == {"done"}
    assert ("create", "policy", "P") in [
        (operation["operation"], operation["object"], operation["name"]) for operation in run[0]["operations"]
    ]
    assert host.store() != expected
    host.import_reg(pathlib.Path(run[0]["backup_file"]).read_bytes())
    assert host.store() == expected


def _version(controller, number):
    """The policy that a controller wants in a round; every part of it belongs to only one controller."""
    net, action, minutes = (("192.0.2", "block", 30), ("198.51.100", "permit", 60))[controller]
    rule = {
        "name": f"rule {controller}",
        "filters": [f"{net}.{number}+0", f"{net}.{number}+0:80:TCP"],
        "action": action,
    }
    return {"name": "P", "assigned": True, "poll_interval": minutes, "rules": [rule]}


@pytest.mark.parametrize("rounds", [pytest.param(100, marks=pytest.mark.judge), 8])
@pytest.mark.engines("python")
def test_two_controllers_at_the_same_time(farm, tmp_path, rounds):
    _work_at_the_same_time(farm, tmp_path, rounds)


@pytest.mark.judge
@pytest.mark.engines("powershell")
def test_two_controllers_at_the_same_time_with_powershell(farm, tmp_path):
    _work_at_the_same_time(farm, tmp_path, 2)


def _work_at_the_same_time(farm, tmp_path, rounds):
    with Farm(state=tmp_path / "hosts", engine=farm.engine) as own:
        host = own.hosts["win1"]
        begin = sum(1 for _tree in replay(host.registry.path))
        players = []
        for controller in range(2):
            (tmp_path / str(controller)).mkdir()
            players.append(Player(own, tmp_path / str(controller)))
        versions = [[_version(controller, number) for number in range(rounds)] for controller in range(2)]
        start = threading.Barrier(2)

        def run(controller):
            start.wait()
            task = {"name": "policy", "ipsec.windows.ipsec_policy": {"policy": "{{ item }}"}, "ignore_errors": True}
            return players[controller].play(host, {**task, "loop": versions[controller]})

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(run, range(2)))
        whose = {
            str(_in_force(stores.apply(Store(), [version]))): controller
            for controller in range(2)
            for version in versions[controller]
        }
        seen = [whose[str(state)] for state in _states(host, begin) if state is not None]
        turns = [controller for controller, _same in itertools.groupby(seen)]
        assert rounds < 100 or len(turns) > 2, "the controllers did not work at the same time"
        for run in runs:
            items = run[0]["results"]
            assert len(items) == rounds
            for item in items:
                assert item["changed"] or "was changed by others 3 times" in item["msg"], item
        found = stores.from_tree(host.store())
        assert not Graph(found).leftovers()
        assert _enforced(host) == _in_force(found)
