# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Features of playbooks: many hosts, loops, delegation, blocks, handlers.

The outcome does not depend on the engine.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import pathlib

import pytest
from integration.playbook import Player, at_each_read, facts_task, policy_task
from winhost.farm import Farm


@pytest.fixture(scope="module")
def fleet():
    with Farm(count=60, engine="python", lazy=True) as found:
        found.fresh = map(found.start, found.addresses)
        yield found


@pytest.fixture
def player(fleet, tmp_path):
    return Player(fleet, tmp_path)


@pytest.fixture
def hosts(fleet):
    """A function for some hosts that no other test uses."""
    return lambda count: list(itertools.islice(fleet.fresh, count))


def _rule(*filters, **options):
    return {"name": "R", "filters": list(filters), "action": "block", **options}


def _debug(name, text, **options):
    return {"name": name, "ansible.builtin.debug": {"msg": text}, **options}


def _of(run, task):
    """The results of a task by host."""
    return {result.host: result for result in run.results if result.task == task}


def _messages(run, task):
    return {host: result["msg"] for host, result in _of(run, task).items()}


def _headers(diff):
    return {part[side] for part in diff for side in ("before_header", "after_header")}


def test_twenty_hosts_at_the_same_time_get_their_own_policies(hosts, player):
    """With strategy free and then in batches; the policy comes from the variables of each host."""
    found = hosts(20)
    policy = {
        "name": "Isolation of {{ inventory_hostname }}",
        "rules": [
            {"name": "R", "filters": ["192.0.2.{{ inventory_hostname[3:] }}+0"], "action": "{{ action | d('block') }}"}
        ],
    }
    task = {**policy_task(policy="{{ isolation }}", assigned=True, return_policy=True), "notify": "notified"}
    play = {"hosts": ",".join(host.name for host in found), "gather_facts": False, "vars": {"isolation": policy}}
    handlers = [_debug("notified", "{{ ansible_play_batch | length }}"), _debug("unused", "never")]
    free = {
        "strategy": "free",
        "tasks": [{**task, "name": "first"}, {**task, "name": "second", "notify": "unused"}],
        "handlers": handlers,
    }
    batches = {
        "serial": 8,
        "tasks": [
            {**task, "name": "third", "when": "inventory_hostname != skipped", "vars": {"action": "permit"}},
        ],
        "handlers": handlers,
    }
    run = player.run(
        [{**play, **free}, {**play, **batches}], "--forks", "20", "--diff", "-e", f"skipped={found[0].name}"
    )
    assert run.code == 0, run.output
    names = {host.name for host in found}
    for name, changed in (("first", True), ("second", False), ("third", True)):
        results = _of(run, name)
        assert results.keys() == names
        for host, result in results.items():
            if (name, host) == ("third", found[0].name):
                assert result.status == "skipped"
                continue
            assert result["changed"] is changed
            assert result["policy"]["name"] == f"Isolation of {host}"
            if changed:
                assert _headers([result["diff"]]) == {f"{host} IPsec policy Isolation of {host}"}
    # a template gives text in ansible-core 2.16
    notified = [(result.host, int(result["msg"])) for result in run.results if result.task == "notified"]
    assert sorted(notified[:20]) == sorted((name, 20) for name in names)
    assert sorted(notified[20:]) == sorted((host.name, 4 if host in found[16:] else 8) for host in found[1:])
    assert _of(run, "unused") == {}
    for host in found:
        (seen,) = host.policies()
        ((filter_,),) = (rule.filters for rule in seen.rules)
        assert seen.name == f"Isolation of {host.name}"
        assert seen.rules[0].action == ("block" if host is found[0] else "permit")
        assert filter_.source.value == int(ipaddress.ip_address(f"192.0.2.{host.name[3:]}"))
        assert host.enforced.in_force.policy == seen


def test_loops_retries_and_check_mode_of_a_task(hosts, player):
    (host,) = hosts(1)
    stored = at_each_read(host, lambda: len(host.policies()))
    named = {"policy": "{{ item }}", "backup": True}
    filters = {"A": "192.0.2.1+0", "B": "*+0:445:TCP", "C": "192.0.2.3+0"}
    policies = [{"name": name, "rules": [_rule(filter_)]} for name, filter_ in filters.items()]
    loop = {
        "name": "loop",
        "ipsec.windows.ipsec_policy": named,
        "loop": policies,
        "loop_control": {"label": "{{ item.name }}", "index_var": "n"},
        "register": "made",
    }
    run = player.play(
        host,
        {**loop, "name": "checked", "check_mode": True, "diff": True},
        loop,
        _debug("items", "{{ made.results | map(attribute='item.name') | join(' ') }}"),
        {
            **policy_task(name="A", rules=[_rule("192.0.2.9+0")]),
            "name": "retried",
            "register": "again",
            "until": "again is not changed",
            "retries": 5,
            "delay": 0,
        },
    )
    assert run.code == 0, run.output
    checked, made, items, retried = run.results
    assert [item["changed"] for item in checked["results"]] == [True, True, True]
    assert all("backup_file" not in item for item in checked["results"])
    assert [_headers([item["diff"]]) for item in checked["results"]] == [
        {f"{host.name} IPsec policy {name}"} for name in "ABC"
    ]
    assert [item["policy"]["name"] for item in made["results"]] == ["A", "B", "C"]
    files = [item["backup_file"] for item in made["results"]]
    assert len(set(files)) == 3
    assert all(pathlib.Path(file).name.startswith(f"{host.name}_ipsec_") for file in files)
    # Ansible takes warnings from the items to the task
    (warning,) = made["warnings"]
    assert "rule 'R'" in warning
    assert "TCP 445 is blocked over IPv4 only" in warning
    assert items["msg"] == "A B C"
    assert "(item=B)" in run.output
    assert (retried["attempts"], retried["changed"]) == (2, False)
    # the check mode changed nothing
    assert stored == [0, 0, 0, 0, 1, 2, 3, 3]
    assert sorted(policy.name for policy in host.policies()) == ["A", "B", "C"]


def test_a_task_can_opt_out_of_check_mode(hosts, player):
    (host,) = hosts(1)
    run = player.play(
        host,
        policy_task(name="Predicted"),
        {**policy_task(name="Made"), "check_mode": False},
        options=("--check",),
    )
    assert [result["changed"] for result in run.results] == [True, True]
    assert [policy.name for policy in host.policies()] == ["Made"]


def test_delegation(fleet, hosts, player):
    """The task works on the delegate, over its connection and with its name."""
    first, second, third = hosts(3)
    over_psrp = {**fleet.inventory("psrp")["windows"]["vars"], "ansible_host": third.address}
    inventory = json.loads(player.inventory.read_text())
    inventory["windows"]["hosts"][third.name] = over_psrp
    player.inventory.write_text(json.dumps(inventory))
    once = {"run_once": True, "register": "once"}
    run = player.play(
        [first, second],
        {**policy_task(name="Once", rules=[_rule("192.0.2.1+0")]), **once, "name": "once"},
        _debug("seen", "{{ once.policy.name }}"),
        {
            **policy_task(
                name="Delegated", assigned=True, backup=True, rules=[_rule("*+0:5985:TCP")], service="ignore"
            ),
            "name": "delegated",
            "delegate_to": third.name,
            "run_once": True,
        },
        {**facts_task(), "delegate_to": third.name, "delegate_facts": True, "run_once": True},
        _debug(
            "facts", f"{{{{ hostvars['{third.name}'].ansible_facts.ipsec.policies | map(attribute='name') | first }}}}"
        ),
        {
            **policy_task(name="Of {{ inventory_hostname }} on {{ item }}"),
            "name": "everywhere",
            "delegate_to": "{{ item }}",
            "loop": [second.name, third.name],
            "when": f"inventory_hostname == '{first.name}'",
        },
        {**facts_task(), "name": "lost", "delegate_to": "localhost", "ignore_errors": True},
        options=("--diff", "-vvv"),
    )
    assert run.code == 0, run.output
    assert list(_of(run, "once")) == [first.name]
    assert _messages(run, "seen") == {first.name: "Once", second.name: "Once"}
    (delegated,) = _of(run, "delegated").values()
    assert _headers([delegated["diff"]]) == {f"{third.name} IPsec policy Delegated"}
    assert pathlib.Path(delegated["backup_file"]).name.startswith(f"{third.name}_ipsec_")
    assert f"<{third.address}> ESTABLISH PSRP CONNECTION" in run.output
    assert f"<{third.address}> ESTABLISH WINRM CONNECTION" not in run.output
    assert _messages(run, "facts") == {first.name: "Delegated", second.name: "Delegated"}
    everywhere = _of(run, "everywhere")
    assert [item["policy"]["name"] for item in everywhere[first.name]["results"]] == [
        f"Of {first.name} on {second.name}",
        f"Of {first.name} on {third.name}",
    ]
    assert [sorted(policy.name for policy in host.policies()) for host in (first, second, third)] == [
        ["Once"],
        [f"Of {first.name} on {second.name}"],
        ["Delegated", f"Of {first.name} on {third.name}"],
    ]
    for result in _of(run, "lost").values():
        assert "localhost is not connected as a Windows host (connection local)" in result["msg"]


def test_blocks_with_failing_hosts(hosts, player):
    good, bad = hosts(2)
    bad.set(administrator=False)
    ghost = {"ansible_host": "127.0.0.1", "ansible_port": 1}
    inventory = json.loads(player.inventory.read_text())
    inventory["windows"]["hosts"]["ghost"] = ghost
    player.inventory.write_text(json.dumps(inventory))
    names = f"{good.name},{bad.name},ghost"
    block = {
        "name": "block",
        "block": [{**policy_task(name="P"), "name": "tried", "ignore_unreachable": True}, _debug("after", "x")],
        "rescue": [_debug("rescued", "{{ ansible_failed_result.msg }}")],
        "always": [_debug("always", "x")],
    }
    fatal = {
        "any_errors_fatal": True,
        "tasks": [{**policy_task(name="Q"), "name": "fatal"}, _debug("after a fatal error", "x")],
    }
    play = {"gather_facts": False}
    run = player.run(
        [
            {**play, "hosts": names, "tasks": [block]},
            {**play, "hosts": f"{good.name},{bad.name}", **fatal},
            {**play, "hosts": good.name, "tasks": [_debug("next play", "x")]},
        ],
    )
    assert {host: result.status for host, result in _of(run, "tried").items()} == {
        good.name: "ok",
        bad.name: "failed",
        "ghost": "unreachable",
    }
    assert set(_of(run, "after")) == {good.name, "ghost"}
    (rescued,) = _messages(run, "rescued").items()
    assert rescued[0] == bad.name
    assert f"is not an administrator of {bad.name}" in rescued[1]
    assert set(_of(run, "always")) == {good.name, bad.name, "ghost"}
    assert {host: result.status for host, result in _of(run, "fatal").items()} == {good.name: "ok", bad.name: "failed"}
    assert (_of(run, "after a fatal error"), _of(run, "next play")) == ({}, {})
    assert run.code != 0
    assert "Traceback" not in run.output
    assert (len(good.policies()), bad.store()) == (2, {})


def test_become_reaches_the_host_module(hosts, player):
    """Ansible wraps the host module like any other; running the wrapper would need Windows."""
    (host,) = hosts(1)
    become = {"become": True, "become_method": "runas", "become_user": "SYSTEM"}
    run = player.play(host, {**policy_task(name="P"), **become})
    assert run[0].status == "failed"
    assert "cannot run ipsec_host become_wrapper" in run[0]["msg"]
    assert "Traceback" not in run.output
    assert [event[2:] for event in host.events("executed")] == [["ipsec_host", "read"]]
    assert host.store() == {}
