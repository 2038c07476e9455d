# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hostile input for the functions that the plugins call: each case gives one clear error, or is kept as it is."""

from __future__ import annotations

import importlib
import json
import re
import tracemalloc

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ipsec.windows.plugins.module_utils._core.attempt import decide
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.goal import DynamicGoal
from ansible_collections.ipsec.windows.plugins.module_utils._core.hints import message
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import AnswerError, Applied, HostState
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import asked_by, read_line
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import State
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects import blobs
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.dynamic import (
    render_dynamic,
    render_dynamic_diff,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import parse_dynamic_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_rule_edit, parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.placed import PlacedEdit
from ansible_collections.ipsec.windows.plugins.module_utils._core.store import packed
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import StoreError, Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits, OnePolicy
from unit import hostile, stores
from winhost import regfile

_NAME = "ipsec.windows-0123456789ab"


def test_the_tables_have_500_different_cases():
    names = [(file, name) for file in hostile.FILES for name in hostile.cases(file)]
    assert len(names) >= 500
    assert {path.stem for path in hostile.FOLDER.glob("*.yml")} == set(hostile.FILES)
    for file in hostile.FILES:
        inputs = [
            repr({k: v for k, v in case.items() if k not in ("name", "says", "judge")})
            for case in hostile.cases(file).values()
        ]
        assert len(inputs) == len(set(inputs)), f"{file}.yml: two cases have the same input"


@pytest.mark.parametrize("name", hostile.parameters("arguments"))
def test_arguments(name):
    case = hostile.cases("arguments")[name]
    module, args = hostile.task_of(case)
    with pytest.raises(ModelError) as caught:
        _plan(module, args)
    hostile.check_message(case, message(caught.value))


def _plan(module, args):
    """Run the task on a host without policies and without DNS names."""
    if module == "ipsec_rule":
        edit, notes = parse_rule_edit(args, State.PRESENT)
        return stores.run_goal(Store(), Edits((PlacedEdit(edit),), notes))
    return stores.run_goal(Store(), OnePolicy(*parse_task(args.get("policy", args))))


@pytest.mark.parametrize("name", hostile.parameters("names"))
def test_a_name_that_looks_hostile_is_kept(name):
    text = hostile.cases("names")[name]["text"]
    rule = {"name": text, "filters": ["0+192.0.2.1"], "action": "block", "filter_list": text, "filter_action": text}
    wanted = {"name": text, "rules": [rule]}
    store = stores.run_goal(Store(), OnePolicy(*parse_task(wanted))).store
    (found,) = stores.facts(store).values()
    assert (found["name"], *(found["rules"][0][key] for key in ("name", "filter_list", "filter_action"))) == (text,) * 4
    assert stores.run_goal(store, OnePolicy(*parse_task(wanted))).operations == ()


def _decide_dynamic(args, **parts):
    """Run the task on a host without dynamic rules."""
    changes, exact, notes = parse_dynamic_task(args)
    goal = DynamicGoal(changes=changes, exact=exact, notes=notes)
    return decide(None, stores.host_with(Store(), **parts), stores.SETTINGS, dynamic=goal).dynamic


def _words(command):
    """The words of a command as netsh reads them, which takes a text in quotation marks as it is but for \\'."""
    found = re.findall(r'(?:[^ "]|"[^"]*")+', command)
    return dict(word.replace('"', "").replace("\\'", '"').partition("=")[::2] for word in found)


def _dynamic(valid):
    return [name for name in hostile.parameters("dynamic") if ("says" not in hostile.cases("dynamic")[name]) is valid]


@pytest.mark.parametrize("name", _dynamic(valid=False))
def test_what_netsh_may_read_differently_is_refused(name):
    case = hostile.cases("dynamic")[name]
    with pytest.raises(ModelError) as caught:
        _decide_dynamic(hostile.dynamic_task_of(case))
    hostile.check_message(case, message(caught.value))


@pytest.mark.parametrize("name", _dynamic(valid=True))
def test_a_text_that_looks_hostile_reaches_netsh_as_it_is(name):
    case = hostile.cases("dynamic")[name]
    (entry,) = _decide_dynamic(hostile.dynamic_task_of(case)).added
    (rule,) = entry.commands.rules
    words = _words(rule.replace("\t", " "))
    assert rule.isascii()
    assert rule.replace("\t", "").isprintable()
    assert words.keys() >= {"srcaddr", "dstaddr", "mmpolicy"}
    if "key" in case:
        assert words["psk"] == case["key"]
    else:
        assert words["rootca"] == f"{case['certificate']} certmap:no excludecaname:no"


_SECURED = {"filters": ["0+server.example"]}
EDITED = {
    "nothing": "",
    "an escape sequence": "\x1b[2J",
    "null": "null",
    "lists 100000 deep": "[" * 100_000,
    "a number of 10000 digits": "9" * 10_000,
    "a lifetime without end": '{"rule": {"filters": ["0+192.0.2.1"], "soft_lifetime": Infinity}, "names": {}}',
    "a list of names": json.dumps({"rule": _SECURED, "names": []}),
    "an invalid address": json.dumps({"rule": _SECURED, "names": {"server.example": ["999.1.1.1"]}}),
    "a dictionary as an address": json.dumps({"rule": _SECURED, "names": {"server.example": [{"a": 1}]}}),
    "a rule that netsh cannot express": json.dumps(
        {"rule": {"filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": "\u00fc"}]}, "names": {}}
    ),
    "a mirrored tunnel": json.dumps({"rule": {"filters": ["0+192.0.2.1"], "tunnel": "192.0.2.2"}, "names": {}}),
    "an unpaired surrogate": json.dumps({"rule": {"filters": ["0+\ud800"]}, "names": {}}),
}


@pytest.mark.parametrize("text", EDITED.values(), ids=EDITED)
def test_an_edited_record_can_be_read_and_removed(text):
    path = f"Rules\\{_NAME}"
    record = Store({"": {"Salt": Value.string("s")}, "Rules": {}, path: {"Rule": Value.string(text)}})
    parts = {"record": record, "record_digest": record.digest()}
    for args in ({"rules": []}, {"filters": ["[0+203.0.113.7]"]}):
        plan = _decide_dynamic(args, **parts)
        shown = str([render_dynamic([plan]), render_dynamic_diff(plan, "host"), plan.notes])
        assert shown.isprintable()
        assert path in _record_after(plan).paths()
    for args in ({"rules": [], "rules_mode": "exact"}, {"state": "flushed"}):
        assert path not in _record_after(_decide_dynamic(args, **parts)).paths()


def _record_after(plan):
    record = plan.record.store.copy()
    for operation in plan.request.operations if plan.request else ():
        record.change(operation)
    return record


@pytest.mark.parametrize("dns_name", ["m\u00fcnchen.example", "\u044f", "_srv.example", "delete"])
def test_netsh_gets_addresses_instead_of_names(dns_name):
    args = {"filters": [f"0={dns_name}"], "tunnel": dns_name}
    (entry,) = _decide_dynamic(args, names={dns_name: ("192.0.2.9",)}).added
    (rule,) = entry.commands.rules
    words = _words(rule.replace("\t", " "))
    assert (words["dstaddr"], words["tunneldstaddress"]) == ("192.0.2.9", "192.0.2.9")
    assert rule.isascii()


@pytest.mark.parametrize("name", hostile.parameters("commands"))
def test_command_lines(name):
    case = hostile.cases("commands")[name]
    with pytest.raises(ModelError) as caught:
        asked_by([read_line(case["command"])])
    hostile.check_message(case, message(caught.value))


@pytest.mark.parametrize("name", hostile.parameters("scripts"))
def test_filters_of_scripts(name):
    case = hostile.cases("scripts")[name]
    filter_ = hostile.filter_of(case)
    module = importlib.import_module(f"ansible_collections.ipsec.windows.plugins.filter.{filter_}")
    with pytest.raises(AnsibleFilterError) as caught:
        module.FilterModule().filters()[filter_](case[filter_], **case.get("with", {}))
    hostile.check_message(case, caught.value.message)


@pytest.mark.parametrize("name", hostile.parameters("blobs"))
def test_blobs(name):
    case = hostile.cases("blobs")[name]
    store = stores.windows_2022()
    found = [store.get(path, "ipsecData").data for path in store.paths() if path.startswith(f"{case['form']}{{")]
    data = max(found, key=len)[: case.get("cut")]
    if "put" in case:
        new = bytes.fromhex(case["put"])
        data = data[: case["at"]] + new + data[case["at"] + len(new) :]
    with pytest.raises(blobs.BlobError) as caught:
        stores.BLOBS[case["form"]].unpack(data + bytes.fromhex(case.get("add", "")))
    hostile.check_message(case, str(caught.value))


@pytest.mark.parametrize("name", hostile.parameters("regfiles"))
def test_files_of_regedit(name):
    case = hostile.cases("regfiles")[name]
    text = case.get("file", f"Windows Registry Editor Version 5.00\n\n{case.get('text')}")
    datas = [text.replace("\n", "\r\n").encode("utf-16"), text.encode()] if "bytes" not in case else []
    for data in datas or [bytes.fromhex(case["bytes"])]:
        with pytest.raises(regfile.RegFileError) as caught:
            regfile.parse(data)
        hostile.check_message(case, str(caught.value))


@pytest.mark.parametrize("name", hostile.parameters("answers"))
def test_answers(name):
    case = hostile.cases("answers")[name]
    with pytest.raises(AnswerError) as caught:
        _parse(case)
    hostile.check_message(case, message(caught.value))


def _parse(case):
    if "apply" in case:
        Applied.parse({**hostile.APPLIED, **case["apply"]}).check(7, hostile.APPLIED["digest"])
    else:
        HostState.parse({**hostile.READ, **hostile.forged(case)}, tuple(Part))


def test_the_answers_without_forged_keys_are_valid():
    _parse({"apply": {}})
    _parse({})


def test_a_gzip_bomb_takes_little_memory(monkeypatch):
    monkeypatch.setattr(packed, "SIZE_LIMIT", 1 << 20)
    bomb = hostile.bomb(64)
    tracemalloc.start()
    try:
        with pytest.raises(StoreError, match="larger than 1048576 bytes"):
            packed.unpack(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
