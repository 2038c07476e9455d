# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Names with special characters of shells, PowerShell, Windows or Ansible stay names."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Set, operations_text
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from integration.playbook import at_each_read, facts_task, policy_task
from winhost.policy import LOCAL
from winhost.tree import STRING

# each creates the file MARKER if it is run, or changes if it is expanded
NAMES = [
    "$(New-Item MARKER)",
    "'; New-Item MARKER; '",
    '"; New-Item MARKER; "',
    "\u2019; New-Item MARKER; \u2018",
    "\u201d; New-Item MARKER; \u201c",
    '`"; New-Item MARKER; `$(New-Item MARKER)`n',
    "@(New-Item MARKER) @{a=1} & { New-Item MARKER }",
    "); New-Item MARKER; (",
    "| New-Item MARKER & touch MARKER; #",
    "$env:PATH ${env:TEMP} $_ $null $PSHOME $script:StorePath",
    "%TEMP% %PATH% %0 !PATH! ^& <NUL >MARKER",
    "`touch MARKER`",
    "$(touch MARKER) && touch MARKER",
    "{0} {1:X} {{ 7 * 7 }} {% raw %} {#",
    "\\0 \\x00 \\u0000 `0 $([char]0) %00 &#0; \\n",
    "-Force --% # <# #> -ErrorAction Stop",
    "* ? [a-z] 'a' \"b\"",
    "<a>&amp;<![CDATA[ ]]> _x0000_",
    "2026-01-01T00:00:00Z",
    "0",
    "null",
    "Stra\xdfe \u4e2d\u6587 \U0001f511 \xe9",
    "$($x)'\"`;" * 28 + "end",
]
TEXT = "\r\n".join(['"@', "'@", "$(New-Item MARKER)", "'; New-Item MARKER; '", "\tend\n"])
DNS_NAMES = ["keys", "Keys", "count", "psobject", "-force.example", "m\xfcnchen.example"]
READ = {"protocol": 2, "do": "read", "parts": ["store"], "names": [], "interfaces": [], "port": 5985}
APPLY = {
    "protocol": 2,
    "do": "apply",
    "result": "",
    "mark_pending": False,
    "service": {"start_type": None, "notify": None},
}
ESCAPES = {"{": "{{ brace }}", "\r": "{{ cr }}"}
RULES = [
    {
        "name": name,
        "description": name + TEXT,
        "filters": [{"source": "me", "destination": f"192.0.2.{n}", "description": name}],
        "action": "negotiate",
        "filter_list": NAMES[n - 1],
        "filter_action": NAMES[n - 2],
    }
    for n, name in enumerate(NAMES)
]


def _escaped(value):
    """A value for a playbook, in which Ansible would expand braces and change line endings."""
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return re.sub(r"[{\r]", lambda found: ESCAPES[found[0]], value) if isinstance(value, str) else value


class Case:
    """A host with foreign keys and DNS names that have special characters, and a policy with such names for it."""

    def __init__(self, host, folder):
        marker = str(folder / "marker")
        self.folders = (folder, host.folder)
        self.names, self.rules, text = json.loads(json.dumps([NAMES, RULES, TEXT]).replace("MARKER", marker))
        self.description = self.names[1] + text
        self.keys = [name for name in self.names if "\\" not in name]
        self.foreign = {rf"{LOCAL}\{name}": {name: (STRING, name)} for name in self.keys}
        host.set(names={name.lower(): ["198.51.100.1"] for name in DNS_NAMES})
        host.registry.change(
            [("set", key, name, STRING, name) for name, key in zip(self.keys, self.foreign, strict=True)]
        )
        by_dns = {"name": "dns", "filters": [f"0+{name}" for name in DNS_NAMES], "action": "block"}
        policy = {"name": self.names[0], "description": self.description, "rules": [*self.rules, by_dns]}
        self.task = policy_task(**_escaped(policy))

    def check(self, host):
        """The foreign keys are unchanged, and nothing has run."""
        assert {key: values for key, values in host.store().items() if key != LOCAL} == self.foreign
        assert [path for folder in self.folders for path in folder.rglob("*marker*")] == []


def test_special_characters_in_names_have_no_effect(host, player, tmp_path):
    case = Case(host, tmp_path)
    names, keys = case.names, case.keys
    missing = Set("".join(keys), names[0], Value.string(names[1]))
    before = at_each_read(host, lambda: (host.store(), host.policies()))
    run = player.play(
        host,
        case.task,
        facts_task(),
        policy_task(name=_escaped(names[0]), state="absent"),
        {"ipsec.windows.__private.ipsec_host": {"request": json.dumps(READ)}, "register": "read"},
        {"ipsec.windows.__private.ipsec_host": {"request": "{{ apply | combine({'expect': read.digest}) | to_json }}"}},
        options=("--diff", "-vvvv"),
        vars={"brace": "{", "cr": "\r", "apply": {**APPLY, "operations": pack(operations_text([missing]))}},
    )
    assert [result.status for result in run.results] == ["ok"] * 5, run.output[-3000:]
    assert [result["changed"] for result in run.results] == [True, False, True, False, False]
    assert run[4]["error"] == f"the key {''.join(keys)} does not exist"

    (store, (written,)) = before[1]
    assert (written.name, written.description) == (names[0], case.description)
    assert {(r.name, r.description) for r in written.rules} == {
        ("dns", ""),
        *((r["name"], r["description"]) for r in case.rules),
    }
    values = [values.get("ipsecName", (STRING, ""))[1] for key, values in store.items() if key not in case.foreign]
    assert {name: values.count(name) for name in names} == {name: 3 + (name == names[0]) for name in names}
    (policy,) = run[1]["ansible_facts"]["ansible_ipsec"]["policies"]
    assert policy["name"] == names[0]
    shown = {rule["name"]: rule for rule in policy["rules"]}
    by_dns = shown.pop("dns")
    assert {f["destination"].casefold() for f in by_dns["filters"]} == {name.casefold() for name in DNS_NAMES}
    assert {
        name: (rule["filter_list"], rule["filter_action"], rule["filters"][0]["description"])
        for name, rule in shown.items()
    } == {rule["name"]: (rule["filter_list"], rule["filter_action"], rule["name"]) for rule in case.rules}
    orphans = {orphan["key"] for orphan in run[1]["ansible_facts"]["ansible_ipsec"]["orphans"]}
    assert orphans == set(keys)
    case.check(host)


@pytest.mark.judge_with("powershell")
def test_policies_and_rules_are_found_by_names_with_special_characters(host, player, tmp_path):
    case = Case(host, tmp_path)
    names = case.names
    rule = _escaped({"policy": names[5], "name": names[3]})
    before = at_each_read(host, host.policies)
    run = player.play(
        host,
        case.task,
        case.task,
        facts_task(),
        policy_task(id="{{ ansible_facts.ipsec.policies[0].id }}", name=_escaped(names[5])),
        {"name": "rule", "ipsec.windows.ipsec_rule": {**rule, "enabled": False}},
        {"name": "rule", "ipsec.windows.ipsec_rule": {**rule, "state": "absent"}},
        {"name": "rule", "ipsec.windows.ipsec_rule": {**rule, "policy": _escaped(names[2])}, "ignore_errors": True},
        policy_task(name=_escaped(names[5]), state="absent"),
        options=("--diff", "-vvvv"),
        vars={"brace": "{", "cr": "\r"},
    )
    assert [result.status for result in run.results] == ["ok"] * 6 + ["failed", "ok"], run.output[-3000:]
    assert [result["changed"] for result in run.results] == [True, False, False, True, True, True, False, True]
    assert f"the policy has no rule '{names[3]}' yet" in run[6]["msg"]
    assert [[policy.name for policy in policies] for policies in before[4:8]] == [[names[5]]] * 4
    assert [sum(r.enabled for r in policies[0].rules) for policies in before[4:7]] == [24, 23, 23]
    assert [len(policies[0].rules) for policies in before[4:7]] == [24, 24, 23]
    case.check(host)


@pytest.mark.engines("python")
def test_names_with_line_breaks_or_too_many_characters_are_refused(host, player):
    tasks = [
        {**policy_task(**{"name": "P", "rules": [], key: value}), "ignore_errors": True}
        for key, value in (
            ("name", "a\nb"),
            ("name", "x" * 256),
            ("rules", [{"name": "a\n$(b)", "filters": ["0+*"]}]),
            ("rules", [{"name": "R", "filters": ["0+*"], "filter_list": "a\0b"}]),
        )
    ]
    words = (
        "the character U+000A",
        "has 256 characters; at most 255 are allowed",
        "the character U+000A",
        "the character U+0000",
    )
    for result, word in zip(player.play(host, *tasks).results, words, strict=True):
        assert word in result["msg"]
    assert host.store() == {}
