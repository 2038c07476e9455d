# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whatever goes wrong on a host, and whenever: the old policy or the new one is in force, the task says what is known,
and the next run finishes the job.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import re
import socket
import threading

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.graph import ACTIVE_POLICY, REPLACES, Graph
from ansible_collections.ipsec.windows.plugins.module_utils.store import Store
from integration.playbook import Player, policy_task
from unit import stores
from winhost.farm import Farm
from winhost.host import UNTOLD
from winhost.journal import replay
from winhost.tree import find_key

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
PLACES = {
    1: "the first operation",
    1 + [o.path == "" and o.name == ACTIVE_POLICY for o in PLAN.operations].index(True): "what decides",
    len(PLAN.operations): "the last one",
}
_FIRST, _SWING, _LAST = PLACES
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
    "What is in force is the old policy or the new one, never a mixture; run the task again, it finishes the job"
)
NO_ANSWER = rf"win\d+ gave no answer while its policy store was written: .*{{}}.*\. {OLD_OR_NEW}"
SAYS = {
    "hang": ("failed", NO_ANSWER.format(r"Timed out after \d+ second")),
    "silent": ("unreachable", NO_ANSWER.format("timed out")),
    "cut": ("unreachable", NO_ANSWER.format("reset by peer")),
    "kill": ("failed", NO_ANSWER.format("the host module failed")),
    "denied": ("failed", rf"win\d+ stopped after {{}} of {len(PLAN.operations)} writes .*denied.*\. {OLD_OR_NEW}"),
    "refuse": ("ok", "the service PolicyAgent could not be told: .*Cannot control PolicyAgent"),
    "change": ("ok", "the store was changed by another program while this task wrote to it; it was planned again"),
}
"""The status of the task where such a fault happens while it writes, and what it says."""
READING = r"the policies of win\d+ could not be read: .*\. Nothing was written"


def _says(kind, place):
    status, words = SAYS[kind]
    return (status, READING) if place == "read" else (status, words.format(place - 1 if kind == "denied" else "{}"))


def _prepare(host):
    """Give it the old policy, in force. Returns how long its journal is then."""
    host.registry.change(
        ("set", key, name, kind, data)
        for key, values in stores.to_tree(BEFORE).items()
        for name, (kind, data) in values.items()
    )
    host.boot()
    assert _enforced(host) == _in_force(BEFORE)
    return sum(1 for _tree in replay(host.registry.path))


def _in_force(store):
    return stores.in_force(stores.to_tree(store))


def _enforced(host):
    """What the service has taken."""
    taken = host.sync().in_force
    return None if taken is None else stores.enforced(taken.policy)


def _states(host, begin):
    """What was in force after each change of the registry, from a place in its journal on."""
    return [stores.in_force(tree) for tree in itertools.islice(replay(host.registry.path), begin, None)]


def _assert_finished(host, wanted=PLAN.store):
    """The host has what a run without fault leaves, and nothing else."""
    found = stores.from_tree(host.store())
    assert _in_force(found) == _in_force(wanted) == _enforced(host)
    assert not Graph(found).leftovers()
    assert not any(found.get(key, REPLACES) for key in found.paths())
    assert len([key for key in found.paths() if key != "Other"]) == len(wanted.paths())
    assert find_key(host.tree, UNTOLD) is None


def _assert_said(found, kind, when, place):
    status, words = _says(kind, place)
    said = " ".join([found.result.get("msg", ""), *found.result.get("warnings", ())])
    assert (found.status, bool(re.search(words, said))) == (status, True), (kind, when, place, said)


def _finish(player, hosts, begin, forks):
    """The next run finishes what was begun, and the one after it has nothing to do."""
    for host in hosts:
        host.faults.clear()
    run = player.play(hosts, *[policy_task(**NEW)] * 2, options=(forks,))
    assert "Traceback" not in run.output
    for host in hosts:
        assert [(r.status, r["changed"]) for r in run.results if r.host == host.name][1:] == [("ok", False)], run.output
        assert all(state in map(_in_force, (BEFORE, PLAN.store)) for state in _states(host, begin[host.name]))
        _assert_finished(host)


def test_whatever_goes_wrong_it_is_said_and_the_next_run_finishes(farm, tmp_path):
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
            _assert_said(results[host.name], *case)
        _finish(player, hosts, begin, forks)


def test_a_host_that_stops_answering_fails_alone(farm, tmp_path):
    """What hangs is ended by the task's `timeout`, silence by that of the connection."""
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
            impatient = {"ansible_winrm_operation_timeout_sec": 1, name: "{{ patience }}"}
            inventory["windows"]["hosts"][host.name] |= impatient
        player.inventory.write_text(json.dumps(inventory))
        task = {**policy_task(**NEW), "timeout": "{{ time_of_task | default(0) }}"}
        results = {}
        left = list(own.hosts.values())
        # a machine that has much to do may need more time to get as far as the fault
        for patience in (5, 20, 80):
            run = player.play(left, task, options=("--forks=16", f"--extra-vars=patience={patience}"))
            assert "Traceback" not in run.output
            results.update((result.host, result) for result in run.results)
            left = [host for host in hosts if not host.events("fault")]
            if not left:
                break
        assert results[healthy.name].status == "ok"
        for host, case in zip(hosts, cases, strict=True):
            _assert_said(results[host.name], *case)
        if farm.engine == "python":
            own.write_inventory(player.inventory)
            _finish(player, list(own.hosts.values()), begin, "--forks=16")
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive(), f"{thread.name} outlives its farm"
    idle.close()


def test_over_psrp_it_is_said_as_well(tmp_path):
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
            _assert_said(results[host.name], *case)
        _finish(player, hosts, begin, "--forks=4")


@pytest.mark.parametrize(("wanted", "rate"), [(SMALL, 20), (NEW, 2)])
def test_a_host_that_fails_again_and_again_gets_there(tmp_path, wanted, rate):
    """Each run begins anew what was not in force yet: a long list of operations needs a host that fails less."""
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


def test_a_host_that_does_not_say_that_its_service_was_told(tmp_path):
    """Where the policy cuts the connection, the service is told by a request of its own."""
    task = policy_task(name="P", rules=[{"name": "r", "filters": ["*+0:5985:TCP"], "action": "block"}])
    with Farm(count=3, state=tmp_path / "hosts", engine="python") as own:
        hosts = list(own.hosts.values())
        for host, fault in zip(hosts, ("silent before tell", "silent after tell", "kill before tell"), strict=True):
            _prepare(host)
            host.faults.add(fault)
        player = Player(own, tmp_path)
        inventory = json.loads(player.inventory.read_text())
        impatient = {"ansible_winrm_operation_timeout_sec": 4, "ansible_winrm_read_timeout_sec": 8}
        inventory["windows"]["vars"].update(impatient)
        player.inventory.write_text(json.dumps(inventory))
        first = player.play(hosts, task)
        second = player.play(hosts[2], task)
        results = {result.host: result for result in first.results}
        for name in ("win1", "win2"):
            assert (results[name].status, results[name]["changed"]) == ("ok", True)
            assert any("the host cannot say then that its service was told" in w for w in results[name]["warnings"])
        assert (results["win3"].status, results["win3"]["service"]["told"]) == ("ok", "failed")
        assert any("could not be told: win3 gave no answer" in warning for warning in results["win3"]["warnings"])
        assert (second[0]["changed"], second[0]["service"]["told"]) == (True, "asked")
        for host in hosts:
            assert _enforced(host) == stores.in_force(host.tree) != _in_force(BEFORE)
            assert find_key(host.tree, UNTOLD) is None


ROUNDS = {"python": 100, "powershell": 2}


def _version(controller, number):
    """The policy that a controller wants in a round: every part of it tells whose it is."""
    net, action, minutes = (("192.0.2", "block", 30), ("198.51.100", "permit", 60))[controller]
    rule = {
        "name": f"rule {controller}",
        "filters": [f"{net}.{number}+0", f"{net}.{number}+0:80:TCP"],
        "action": action,
    }
    return {"name": "P", "assigned": True, "poll_interval": minutes, "rules": [rule]}


def test_two_controllers_at_once(farm, tmp_path):
    rounds = ROUNDS[farm.engine]
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
        assert farm.engine == "powershell" or len(turns) > 2, "the controllers were not at work at the same time"
        for run in runs:
            items = run[0]["results"]
            assert len(items) == rounds
            for item in items:
                assert item["changed"] or "was changed by others 3 times" in item["msg"], item
        found = stores.from_tree(host.store())
        assert not Graph(found).leftovers()
        assert _enforced(host) == _in_force(found)
