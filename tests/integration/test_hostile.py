# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hostile input in real playbooks: each case gives one clear error, and nothing else happens."""

from __future__ import annotations

import datetime
import pathlib
import re

import pytest
from integration.playbook import CORE, Player, facts_task, policy_task
from unit import hostile
from winhost.farm import Farm
from winhost.policy import LOCAL

_LONG = 5000
_SURROGATE = re.compile("[\ud800-\udfff]")
RULE = {"name": "r", "filters": ["192.0.2.1+0"], "action": "block"}


@pytest.fixture(scope="module")
def python_player(tmp_path_factory):
    """A player on hosts of the Python engine: the controller refuses the input, whatever the host."""
    with Farm(count=2, engine="python") as farm:
        yield Player(farm, tmp_path_factory.mktemp("hostile"))


def _sendable(value):
    """`value` as it is written in a playbook in JSON."""
    if isinstance(value, dict):
        return {key: _sendable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_sendable(item) for item in value]
    if isinstance(value, datetime.date):
        return f"{{{{ '{value}' | to_datetime('%Y-%m-%d') }}}}"
    found = _SURROGATE.search(value) if isinstance(value, str) else None
    # YAML and JSON cannot contain one, but a template can return one
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
    if file == "dynamic":
        return {"ipsec.windows.ipsec_dynamic": hostile.dynamic_task_of(case)}
    if file == "options":
        module = next(key for key in case if key.startswith("ipsec"))
        return {f"ipsec.windows.{module}": case[module]}
    module, args = hostile.task_of(case)
    return {f"ipsec.windows.{module}": args}


def _needs_a_play(case):
    """Whether Ansible handles the input itself; mistakes in a command are left to tests/unit/test_hostile.py."""
    given = case["command"] if "command" in case else case[hostile.filter_of(case)]
    is_plain = isinstance(given, str) and given.replace("\n", "").isprintable() and len(given) < _LONG
    return not is_plain or "with" in case or case.get("of") == "play"


def _unprintable(run):
    """The lines that a terminal would interpret."""
    return [line for line in run.output.split("\n") if not line.replace("\t", "").isprintable()]


def _refused(player, cases, tasks, options=()):
    """Run a play with one task for each case, and check each result."""
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
            # after an impossible answer, the change may have been done
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


@pytest.mark.parametrize("everything", hostile.SELECTIONS)
@pytest.mark.parametrize("file", ["arguments", "commands", "dynamic", "options", "scripts"])
def test_invalid_input_gives_one_error_and_changes_nothing(python_player, file, everything, monkeypatch):
    if CORE < (2, 19):
        # so that a template can give a date, as it always can later
        monkeypatch.setenv("ANSIBLE_JINJA2_NATIVE", "1")
    cases = [
        case
        for case in hostile.selected(file, everything)
        if "says" in case and (file not in ("commands", "scripts") or _needs_a_play(case))
    ]
    _refused(python_player, cases, [_task(file, case) for case in cases])


@pytest.mark.judge_with("powershell")
def test_names_that_look_hostile_are_kept(host, player):
    texts = [case["text"] for case in hostile.cases("names").values()]
    rules = [{**RULE, "name": text, "filters": [f"192.0.2.{i}+0"]} for i, text in enumerate(texts, 1)]
    task = policy_task(name=texts[0], rules=rules, backup=True)
    run = player.play(host, task, task, facts_task(), options=("-vvv", "--diff"))
    assert [(result.status, result["changed"]) for result in run.results[:2]] == [("ok", True), ("ok", False)]
    (policy,) = run[2]["ansible_facts"]["ansible_ipsec"]["policies"]
    assert sorted(rule["name"] for rule in policy["rules"]) == sorted(texts)
    (seen,) = host.policies()
    assert (seen.name, sorted(rule.name for rule in seen.rules)) == (texts[0], sorted(texts))


def test_texts_of_dynamic_rules_reach_netsh_as_they_are(host, player):
    """Also when the scheduled task adds the rules again."""
    cases = [case for case in hostile.cases("dynamic").values() if "says" not in case]
    rules = [hostile.dynamic_task_of(case, destination=f"192.0.2.{i}") for i, case in enumerate(cases, 1)]
    task = {"ipsec.windows.ipsec_dynamic": {"rules": rules}}
    run = player.play(host, task, task, options=("-vvv", "--diff"))
    assert [(result.status, result.result.get("changed")) for result in run.results] == [("ok", True), ("ok", False)]
    texts = sorted(str(case.get("key", case.get("certificate"))) for case in cases)
    for _time in range(2):
        assert sorted(method.text for rule in host.dynamic_rules() for method in rule.authentication) == texts
        assert not any(method.map_certificates for rule in host.dynamic_rules() for method in rule.authentication)
        host.restart_service()


@pytest.mark.parametrize("everything", hostile.SELECTIONS)
@pytest.mark.parametrize("request_", ["read", "apply"])
def test_forged_answers_are_refused(python_player, request_, everything):
    cases = [case for case in hostile.selected("answers", everything) if ("apply" in case) == (request_ == "apply")]
    host = python_player.farm.hosts["win1"]
    rule = {**RULE, "filters": ["liar.example+0"]} if request_ == "read" else RULE
    correct = {**hostile.READ, "names": {"liar.example": ["192.0.2.1"]}, "now": host.now()}
    remaining = iter(cases)
    case = None

    def forge(request):
        nonlocal case
        if request["do"] == "read":
            case = next(remaining)
            if request_ == "apply":
                return correct
            return case["raw"] if "raw" in case else {**correct, **hostile.forged(case)}
        count = len(hostile.unpacked(request["operations"]).splitlines())
        return {**hostile.APPLIED, "applied": count, "digest": request["result"], **case["apply"]}

    host.forge = forge
    try:
        # only a task about dynamic rules reads them
        dynamic = {"ipsec.windows.ipsec_dynamic": {"filters": ["[0+192.0.2.1]"]}}
        others = policy_task(name="P", rules=[rule])
        _refused(python_player, cases, [dynamic if "dynamic" in case.get("read", {}) else others for case in cases])
    finally:
        host.forge = None
    assert next(remaining, None) is None


def test_hostile_stored_names_are_safe_to_print(python_player):
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
        {"ipsec.windows.ipsec_rule": {"policy": "Q", "name": "r", "filters": ["0+192.0.2.3"], "assigned": True}},
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
    # Ansible prints results as JSON
    assert [line for line in _unprintable(run) if '": "' not in line and not line.lstrip().startswith('"')] == []
    lines = pathlib.Path(run[2]["backup_file"]).read_bytes().decode("utf-16", "surrogatepass").split("\r\n")
    assert [line for line in lines if line.startswith("[-") and "Policy" not in line] == []
