# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hostile input through the real ansible-playbook: each case fails with its own message, and nothing else happens."""

from __future__ import annotations

import datetime
import pathlib
import re

import pytest
from integration.playbook import Player, facts_task, policy_task
from unit import hostile
from winhost.farm import Farm
from winhost.policy import LOCAL

_LONG = 5000
_SURROGATE = re.compile("[\ud800-\udfff]")
RULE = {"name": "r", "filters": ["192.0.2.1+0"], "action": "block"}


@pytest.fixture(scope="module")
def python_player(tmp_path_factory):
    """A player on hosts of the Python engine: what is refused on the controller is so on any."""
    with Farm(count=2, engine="python") as farm:
        yield Player(farm, tmp_path_factory.mktemp("hostile"))


def _sendable(value):
    """`value` as a playbook in JSON says it."""
    if isinstance(value, dict):
        return {key: _sendable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_sendable(item) for item in value]
    if isinstance(value, datetime.date):
        return f"{{{{ '{value}' | to_datetime('%Y-%m-%d') }}}}"
    found = _SURROGATE.search(value) if isinstance(value, str) else None
    # neither YAML nor JSON brings one in, but a template may
    return f"{{{{ '{_SURROGATE.sub('%c', value)}' % {ord(found[0])} }}}}" if found else value


def _task(file, case):
    if file == "scripts":
        filter_ = hostile.filter_of(case)
        given = {"given": case[filter_], "options": case.get("with", {})}
        return {
            "ansible.builtin.debug": {"msg": f"{{{{ given | ipsec.windows.{filter_}(**options) }}}}"},
            "vars": given,
        }
    if file == "commands":
        return {"ipsec.windows.ipseccmd": {"command": case["command"]}}
    if file == "options":
        module = next(key for key in case if key.startswith("ipsec"))
        return {f"ipsec.windows.{module}": case[module]}
    module, args = hostile.task_of(case)
    return {f"ipsec.windows.{module}": args}


def _is_worth_a_play(case):
    """Whether Ansible has a part in it: mistakes of a grammar are all the same to it (tests/unit/test_hostile.py)."""
    given = case["command"] if "command" in case else case[hostile.filter_of(case)]
    is_plain = isinstance(given, str) and given.replace("\n", "").isprintable() and len(given) < _LONG
    return not is_plain or "with" in case or case.get("of") == "play"


def _unprintable(run):
    """The lines that would make a terminal do something."""
    return [line for line in run.output.split("\n") if not line.replace("\t", "").isprintable()]


def _refused(player, cases, tasks, options=()):
    """Run one task a case in one play, and hold each result against its case."""
    host = player.farm.hosts["win1"]
    before = host.registry.path.read_bytes()
    named = [
        {**_sendable(task), "name": case["name"], "ignore_errors": True}
        for case, task in zip(cases, tasks, strict=True)
    ]
    run = player.play(host, *named, options=options)
    assert [result.task for result in run.results] == [case["name"] for case in cases], run.output[-3000:]
    wrong = []
    for case, result in zip(cases, run.results, strict=True):
        try:
            assert result.status == "failed"
            # where the answer to a change cannot be, it may have been done
            assert result.result.get("changed", False) is ("apply" in case and case.get("of") != "play")
            hostile.check_message(case, result["msg"])
        except AssertionError as error:
            found = (case["name"], case["says"], result.status, result.result.get("msg"), str(error)[:200])
            wrong.append("\n".join(map(ascii, found)))
    assert not wrong, "\n\n".join(wrong)
    assert "Traceback" not in run.output
    assert _unprintable(run) == []
    assert host.registry.path.read_bytes() == before
    assert host.events("service") == []
    return run


@pytest.mark.parametrize("file", ["arguments", "commands", "options", "scripts"])
def test_what_is_refused_is_one_message_and_changes_nothing(python_player, file):
    cases = [
        case for case in hostile.cases(file).values() if file not in ("commands", "scripts") or _is_worth_a_play(case)
    ]
    _refused(python_player, cases, [_task(file, case) for case in cases])


def test_a_name_that_only_looks_hostile_is_kept(host, player):
    texts = [case["text"] for case in hostile.cases("names").values()]
    rules = [{**RULE, "name": text, "filters": [f"192.0.2.{i}+0"]} for i, text in enumerate(texts, 1)]
    task = policy_task(name=texts[0], rules=rules, backup=True)
    run = player.play(host, task, task, facts_task(), options=("-vvv", "--diff"))
    assert [(result.status, result["changed"]) for result in run.results[:2]] == [("ok", True), ("ok", False)]
    (policy,) = run[2]["ansible_facts"]["ipsec"]["policies"]
    assert sorted(rule["name"] for rule in policy["rules"]) == sorted(texts)
    (seen,) = host.policies()
    assert (seen.name, sorted(rule.name for rule in seen.rules)) == (texts[0], sorted(texts))


@pytest.mark.parametrize("kind", ["read", "apply"])
def test_a_host_that_lies_is_found_out(python_player, kind):
    cases = [case for case in hostile.cases("answers").values() if ("apply" in case) == (kind == "apply")]
    host = python_player.farm.hosts["win1"]
    rule = {**RULE, "filters": ["liar.example+0"]} if kind == "read" else RULE
    truth = {**hostile.READ, "names": {"liar.example": ["192.0.2.1"]}, "now": host.now()}
    asked = iter(cases)
    lies = {}

    def lie(request):
        if request["do"] == "read":
            lies["case"] = next(asked)
            if kind == "apply":
                return truth
            return lies["case"]["raw"] if "raw" in lies["case"] else {**truth, **hostile.lies(lies["case"])}
        count = len(hostile.unpacked(request["operations"]).splitlines())
        return {**hostile.APPLIED, "applied": count, "digest": request["result"], **lies["case"]["apply"]}

    host.lie = lie
    try:
        _refused(python_player, cases, [policy_task(name="P", rules=[rule]) for _case in cases])
    finally:
        host.lie = None
    assert next(asked, None) is None


def test_names_that_an_intruder_has_stored_reach_no_terminal(python_player):
    host = python_player.farm.hosts["win2"]
    python_player.play(host, policy_task(name="P", assigned=True, rules=[RULE]))
    evil = "\x1b[2J\x9b31m\u202e\ud800\r\nok: [win2]"
    for key, values in host.store().items():
        if "ipsecName" in values:
            host.registry.change([("set", key, "ipsecName", 1, evil), ("set", key, "description", 1, evil)])
    host.registry.change([("create", f"{LOCAL}\\x]\r\n[-HKEY_LOCAL_MACHINE\\SOFTWARE"), ("set", LOCAL, evil, 1, evil)])
    changed = {**RULE, "filters": ["192.0.2.2+0"]}
    policy = "{{ ansible_facts.ipsec.policies[0] }}"
    run = python_player.play(
        host,
        facts_task(),
        policy_task(policy=policy),
        policy_task(policy=policy, rules=[changed], backup=True),
        policy_task(policy=policy, rules=[changed], main_mode={"methods": []}),
        {"ipsec.windows.ipsec_rule": {"policy": "Q", "name": "r", "filters": ["0+*"], "assigned": True}},
        options=("-vvv", "--diff"),
        ignore_errors=True,
    )
    assert [(result.status, result.result.get("changed")) for result in run.results] == [
        ("ok", False),
        ("ok", False),
        ("ok", True),
        ("failed", False),
        ("ok", True),
    ], run.output[-3000:]
    assert "Traceback" not in run.output
    assert "\x1b" not in run.output
    # data is shown by Ansible, as JSON
    assert [line for line in _unprintable(run) if '": "' not in line and not line.lstrip().startswith('"')] == []
    lines = pathlib.Path(run[2]["backup_file"]).read_bytes().decode("utf-16", "surrogatepass").split("\r\n")
    assert [line for line in lines if line.startswith("[-") and "Policy" not in line] == []
