# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hostile input for the functions that the plugins call: each case gives one clear error, or is kept as it is."""

from __future__ import annotations

import importlib
import tracemalloc

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ipsec.windows.plugins.module_utils._core.hints import message
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import AnswerError, Applied, HostState
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import asked_by, read_line
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import State
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects import blobs
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_rule_edit, parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.placed import PlacedEdit
from ansible_collections.ipsec.windows.plugins.module_utils._core.store import packed
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import StoreError
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits, OnePolicy
from unit import hostile, stores
from winhost import regfile


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
