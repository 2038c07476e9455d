# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hostile input meets the functions that the plugins call: each case is one clear error, or is taken as it stands."""

from __future__ import annotations

import importlib
import tracemalloc

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ipsec.windows.plugins.module_utils import blobs
from ansible_collections.ipsec.windows.plugins.module_utils.answers import AnswerError, Applied, Reading
from ansible_collections.ipsec.windows.plugins.module_utils.goal import Edits, OnePolicy, Placed
from ansible_collections.ipsec.windows.plugins.module_utils.hints import message
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.lines import edits_of, read_line
from ansible_collections.ipsec.windows.plugins.module_utils.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_rule_edit, parse_task
from ansible_collections.ipsec.windows.plugins.module_utils.store import Store, unpack
from unit import hostile, stores
from winhost import regfile

FORMS = {
    "ipsecPolicy": blobs.PolicyBlob,
    "ipsecISAKMPPolicy": blobs.IsakmpBlob,
    "ipsecNegotiationPolicy": blobs.NegotiationPolicyBlob,
    "ipsecFilter": blobs.FilterBlob,
    "ipsecNFA": blobs.NfaBlob,
}


def test_the_table_is_as_large_as_it_should_be():
    names = [(file, name) for file in hostile.FILES for name in hostile.cases(file)]
    assert len(names) >= 500
    assert {path.stem for path in hostile.FOLDER.glob("*.yml")} == set(hostile.FILES)
    for file in hostile.FILES:
        inputs = [repr({k: v for k, v in case.items() if k != "name"}) for case in hostile.cases(file).values()]
        assert len(inputs) == len(set(inputs)), f"{file}.yml: two cases are the same"


@pytest.mark.parametrize("name", hostile.named("arguments"))
def test_arguments(name):
    case = hostile.cases("arguments")[name]
    module, args = hostile.task_of(case)
    with pytest.raises(ModelError) as caught:
        _plan(module, args)
    hostile.check_message(case, message(caught.value))


def _plan(module, args):
    """What the action does with the arguments, on a host without policies that knows no name."""
    if module == "ipsec_rule":
        edit, notes = parse_rule_edit(args, absent=False)
        return stores.run_goal(Store(), Edits((Placed(edit),), notes))
    return stores.run_goal(Store(), OnePolicy(*parse_task(args.get("policy", args))))


@pytest.mark.parametrize("name", hostile.named("names"))
def test_a_name_that_only_looks_hostile_is_kept(name):
    text = hostile.cases("names")[name]["text"]
    rule = {"name": text, "filters": ["0+192.0.2.1"], "action": "block", "filter_list": text, "filter_action": text}
    wanted = {"name": text, "rules": [rule]}
    store = stores.run_goal(Store(), OnePolicy(*parse_task(wanted))).store
    (found,) = stores.facts(store).values()
    assert (found["name"], *(found["rules"][0][key] for key in ("name", "filter_list", "filter_action"))) == (text,) * 4
    assert stores.run_goal(store, OnePolicy(*parse_task(wanted))).operations == 0


@pytest.mark.parametrize("name", hostile.named("commands"))
def test_command_lines(name):
    case = hostile.cases("commands")[name]
    with pytest.raises(ModelError) as caught:
        edits_of([read_line(case["command"])])
    hostile.check_message(case, message(caught.value))


@pytest.mark.parametrize("name", hostile.named("scripts"))
def test_filters_of_scripts(name):
    case = hostile.cases("scripts")[name]
    filter_ = hostile.filter_of(case)
    module = importlib.import_module(f"ansible_collections.ipsec.windows.plugins.filter.{filter_}")
    with pytest.raises(AnsibleFilterError) as caught:
        module.FilterModule().filters()[filter_](case[filter_], **case.get("with", {}))
    hostile.check_message(case, caught.value.message)


@pytest.mark.parametrize("name", hostile.named("blobs"))
def test_blobs(name):
    case = hostile.cases("blobs")[name]
    store = stores.windows_2022()
    found = [store.get(path, "ipsecData").data for path in store.paths() if path.startswith(f"{case['form']}{{")]
    data = max(found, key=len)[: case.get("cut")]
    if "put" in case:
        new = bytes.fromhex(case["put"])
        data = data[: case["at"]] + new + data[case["at"] + len(new) :]
    with pytest.raises(blobs.BlobError) as caught:
        FORMS[case["form"]].unpack(data + bytes.fromhex(case.get("add", "")))
    hostile.check_message(case, str(caught.value))


@pytest.mark.parametrize("name", hostile.named("regfiles"))
def test_files_of_regedit(name):
    case = hostile.cases("regfiles")[name]
    text = case.get("file", f"Windows Registry Editor Version 5.00\n\n{case.get('text')}")
    datas = [text.replace("\n", "\r\n").encode("utf-16"), text.encode()] if "bytes" not in case else []
    for data in datas or [bytes.fromhex(case["bytes"])]:
        with pytest.raises(regfile.RegFileError) as caught:
            regfile.parse(data)
        hostile.check_message(case, str(caught.value))


@pytest.mark.parametrize("name", hostile.named("answers"))
def test_answers(name):
    case = hostile.cases("answers")[name]
    with pytest.raises(AnswerError) as caught:
        _believe(case)
    hostile.check_message(case, message(caught.value))


def _believe(case):
    if "apply" in case:
        Applied.parse({**hostile.APPLIED, **case["apply"]}).check(7, hostile.APPLIED["digest"])
    else:
        Reading.parse(hostile.reading(case))


def test_the_true_answers_are_none_of_these():
    Applied.parse(hostile.APPLIED).check(7, hostile.APPLIED["digest"])
    Reading.parse(hostile.reading({}))


def test_a_store_without_end_takes_little_memory(monkeypatch):
    monkeypatch.setattr("ansible_collections.ipsec.windows.plugins.module_utils.store.SIZE_LIMIT", 1 << 20)
    packed = hostile.bomb(64)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="larger than 1048576 bytes"):
            unpack(packed)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
