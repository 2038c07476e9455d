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
    # those that take their time come first
    *itertools.product(("hang", "silent"), TIMES, (_SWING,)),
    *itertools.product(("silent", "kill"), TIMES, ("read", "apply")),
    *itertools.product(("cut", "change"), TIMES, (_SWING,)),
    *itertools.product(("kill", "denied"), TIMES, PLACES),
    *itertools.product(("refuse", "kill"), TIMES, ("service",)),
    *itertools.product(("cut", "change", "hang"), ("after",), (_FIRST, _LAST)),
]
POWERSHELL = [
    ("hang", "before", _SWING),
    ("silent", "after", "apply"),
    ("cut", "after", _FIRST),
    ("kill", "before", _SWING),
    ("kill", "after", _LAST),
    ("denied", "after", _SWING),
    ("change", "before", _LAST),
    ("refuse", "before", "service"),
]

OLD_OR_NEW = "What is in force is the old policy or the new one, never a mixture; run the task again, it finishes the job"
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


def _player(farm, folder, **variables):
    """A player whose hosts may have variables of their own; the client soon gives up one that is silent."""
    player = Player(farm, folder)
    inventory = json.loads(player.inventory.read_text())
    impatient = {"ansible_winrm_operation_timeout_sec": 2, "ansible_winrm_read_timeout_sec": 4}
    for host, words in variables.items():
        inventory["windows"]["hosts"][host] |= impatient if "silent" in words else {}
    player.inventory.write_text(json.dumps(inventory))
    return player


def test_whatever_goes_wrong_it_is_said_and_the_next_run_finishes(farm, tmp_path):
    cases = PYTHON if farm.engine == "python" else POWERSHELL
    with Farm(count=len(cases) + 1, state=tmp_path / "hosts", engine=farm.engine) as own:
        hosts = list(own.hosts.values())
        begin = [_prepare(host) for host in hosts]
        for host, (kind, when, place) in zip(hosts, cases, strict=False):
            host.faults.add(f"{kind} {when} {place}")
        faults = {host.name: case for host, case in zip(hosts, cases, strict=False)}
        player = _player(own, tmp_path, **faults)
        hanging = [name for name, (kind, *_rest) in faults.items() if kind == "hang"]
        patience = 8 if own.engine == "python" else 25
        task = {**policy_task(**NEW), "timeout": f"{{{{ {patience} if inventory_hostname in {hanging} else 0 }}}}"}
        forks = f"--forks={24 if own.engine == 'python' else 4}"
        first = player.play(hosts, task, options=(forks,))
        results = {result.host: result for result in first.results}
        for host in hosts:
            host.faults.clear()
        second = player.play(hosts, *[policy_task(**NEW)] * 2, options=(forks,))
    assert "Traceback" not in first.output + second.output
    assert results[hosts[-1].name].status == "ok"
    for name, (kind, when, place) in faults.items():
        status, words = _says(kind, place)
        found = results[name]
        said = " ".join([found.result.get("msg", ""), *found.result.get("warnings", ())])
        assert own.hosts[name].events("fault"), (name, kind, when, place)
        assert (found.status, bool(re.search(words, said))) == (status, True), (kind, when, place, said)
    after = {name: [r for r in second.results if r.host == name] for name in own.hosts}
    for host, length in zip(hosts, begin, strict=True):
        case = faults.get(host.name)
        assert [(r.status, r["changed"]) for r in after[host.name]][1:] == [("ok", False)], case
        assert all(state in (_in_force(BEFORE), _in_force(PLAN.store)) for state in _states(host, length)), case
        _assert_finished(host)


@pytest.mark.parametrize(("wanted", "rate"), [(SMALL, 20), (NEW, 2)])
def test_a_host_that_fails_again_and_again_gets_there(farm, tmp_path, wanted, rate):
    """Each run begins anew what was not in force yet, so that a long list of operations needs a host that fails less."""
    if farm.engine == "powershell" and wanted is NEW:
        pytest.skip("the other one shows it")
    with Farm(count=2 if farm.engine == "python" else 1, state=tmp_path / "hosts", engine=farm.engine) as own:
        begin = {name: _prepare(host) for name, host in own.hosts.items()}
        for host, kind in zip(own.hosts.values(), ("denied", "kill"), strict=False):
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
        player = _player(own, tmp_path, win1="silent", win2="silent")
        first = player.play(hosts, task)
        second = player.play(hosts[2], task)
        results = {result.host: result for result in first.results}
        for name in ("win1", "win2"):
            assert (results[name].status, results[name]["changed"]) == ("ok", True)
            assert any(f"{name} has not said that its service was told" in w for w in results[name]["warnings"])
        assert (results["win3"].status, results["win3"]["service"]["told"]) == ("ok", "failed")
        assert any("could not be told: win3 gave no answer" in warning for warning in results["win3"]["warnings"])
        assert (second[0]["changed"], second[0]["service"]["told"]) == (True, "asked")
        for host in hosts:
            assert _enforced(host) == stores.in_force(host.tree) != _in_force(BEFORE)
            assert find_key(host.tree, UNTOLD) is None


ROUNDS = {"python": 100, "powershell": 3}


def _version(controller, number):
    """The policy that a controller wants in a round: every part of it tells whose it is."""
    net, action, minutes = (("192.0.2", "block", 30), ("198.51.100", "permit", 60))[controller]
    rule = {"name": f"rule {controller}", "filters": [f"{net}.{number}+0", f"{net}.{number}+0:80:TCP"], "action": action}
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
        assert len(turns) > 2, "the controllers were not at work at the same time"
        for run in runs:
            items = run[0]["results"]
            assert len(items) == rounds
            for item in items:
                assert item["changed"] or "was changed by others 3 times" in item["msg"], item
        found = stores.from_tree(host.store())
        assert not Graph(found).leftovers()
        assert _enforced(host) == _in_force(found)
