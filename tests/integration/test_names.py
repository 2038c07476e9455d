# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whatever a name says to a shell, to PowerShell, to Windows or to Ansible: on a host it is a name."""

from __future__ import annotations

import json
import re

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.store import Set, Value, operations_text, pack
from integration.playbook import facts_task, policy_task
from winhost.policy import LOCAL
from winhost.tree import STRING

# each would make the file MARKER if it were ever run, or come to something else if it were ever expanded
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
READ = {"protocol": 1, "do": "read", "names": [], "interfaces": [], "port": 5985}
APPLY = {"protocol": 1, "do": "apply", "result": "", "announce": False, "service": {"start_type": None, "tell": None}}
SAID = {"{": "{{ brace }}", "\r": "{{ cr }}"}
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


def _said(value):
    """A value for a playbook, of which Ansible makes just that: it would expand braces, and end lines its own way."""
    if isinstance(value, dict):
        return {key: _said(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_said(item) for item in value]
    return re.sub(r"[{\r]", lambda found: SAID[found[0]], value) if isinstance(value, str) else value


def test_a_name_is_only_a_name(host, player, tmp_path):
    marker = str(tmp_path / "marker")
    names, rules, text = json.loads(json.dumps([NAMES, RULES, TEXT]).replace("MARKER", marker))
    host.set(names={name.lower(): ["198.51.100.1"] for name in DNS_NAMES})
    keys = [name for name in names if "\\" not in name]
    foreign = {rf"{LOCAL}\{name}": {name: (STRING, name)} for name in keys}
    host.registry.change([("set", key, name, STRING, name) for name, key in zip(keys, foreign, strict=True)])
    by_dns = {"name": "dns", "filters": [f"0+{name}" for name in DNS_NAMES], "action": "block"}
    whole = policy_task(**_said({"name": names[0], "description": names[1] + text, "rules": [*rules, by_dns]}))
    rule = _said({"policy": names[5], "name": names[3]})
    missing = Set("".join(keys), names[0], Value.string(names[1]))
    before = []
    noted = host.event

    def event(name, *details):
        noted(name, *details)
        if details[-1] == "read":
            before.append((host.store(), host.policies()))

    host.event = event
    run = player.play(
        host,
        whole,
        whole,
        facts_task(),
        policy_task(id="{{ ansible_facts.ipsec.policies[0].id }}", name=_said(names[5])),
        {"name": "rule", "ipsec.windows.ipsec_rule": {**rule, "enabled": False}},
        {"name": "rule", "ipsec.windows.ipsec_rule": {**rule, "state": "absent"}},
        {"name": "rule", "ipsec.windows.ipsec_rule": {**rule, "policy": _said(names[2])}, "ignore_errors": True},
        policy_task(name=_said(names[5]), state="absent"),
        {"ipsec.windows.ipsec_host": {"request": json.dumps(READ)}, "register": "read"},
        {"ipsec.windows.ipsec_host": {"request": "{{ apply | combine({'expect': read.digest}) | to_json }}"}},
        options=("--diff", "-vvvv"),
        vars={"brace": "{", "cr": "\r", "apply": {**APPLY, "operations": pack(operations_text([missing]))}},
    )
    statuses = [result.status for result in run.results]
    assert statuses == ["ok"] * 6 + ["failed"] + ["ok"] * 3, run.output[-3000:]
    assert [result["changed"] for result in run.results] == [
        True,
        False,
        False,
        True,
        True,
        True,
        False,
        True,
        False,
        False,
    ]
    assert f"there is no rule '{names[3]}' in the policy" in run[6]["msg"]

    assert run[9]["error"] == f"the key {''.join(keys)} is not there"

    (store, (written,)) = before[1]
    assert (written.name, written.description) == (names[0], names[1] + text)
    assert {(r.name, r.description) for r in written.rules} == {
        ("dns", ""),
        *((r["name"], r["description"]) for r in rules),
    }
    values = [values.get("ipsecName", (STRING, ""))[1] for key, values in store.items() if key not in foreign]
    assert {name: values.count(name) for name in names} == {name: 3 + (name == names[0]) for name in names}
    (policy,) = run[2]["ansible_facts"]["ipsec"]["policies"]
    assert policy["name"] == names[0]
    shown = {rule["name"]: rule for rule in policy["rules"]}
    by_dns = shown.pop("dns")
    assert {f["destination"].casefold() for f in by_dns["filters"]} == {name.casefold() for name in DNS_NAMES}
    assert {
        name: (rule["filter_list"], rule["filter_action"], rule["filters"][0]["description"])
        for name, rule in shown.items()
    } == {rule["name"]: (rule["filter_list"], rule["filter_action"], rule["name"]) for rule in rules}
    orphans = {orphan["key"] for orphan in run[2]["ansible_facts"]["ipsec"]["orphans"]}
    assert orphans == set(keys)

    assert [[policy.name for policy in policies] for _store, policies in before[4:8]] == [[names[5]]] * 4
    assert [sum(r.enabled for r in policies[0].rules) for _store, policies in before[4:7]] == [24, 23, 23]
    assert [len(policies[0].rules) for _store, policies in before[4:7]] == [24, 24, 23]
    assert {key: values for key, values in host.store().items() if key != LOCAL} == foreign
    assert [path for folder in (tmp_path, host.folder) for path in folder.rglob("*marker*")] == []


@pytest.mark.parametrize("farm", ["python"], indirect=True)
def test_a_name_of_several_lines_or_too_many_letters_is_refused(host, player):
    tasks = [
        {**policy_task(**{"name": "P", "rules": [], key: value}), "ignore_errors": True}
        for key, value in (
            ("name", "a\nb"),
            ("name", "x" * 256),
            ("rules", [{"name": "a\n$(b)", "filters": ["0+*"]}]),
            ("rules", [{"name": "R", "filters": ["0+*"], "filter_list": "a\0b"}]),
        )
    ]
    words = ("the character U+000A", "256 characters long", "the character U+000A", "the character U+0000")
    for result, word in zip(player.play(host, *tasks).results, words, strict=True):
        assert word in result["msg"]
    assert host.store() == {}
