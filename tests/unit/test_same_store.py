# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests that every input format of the collection makes the same store, byte for byte except for GUIDs and times."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import edits_of, read_lines
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import State
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.grammar import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_rule_edit
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.placed import PlacedEdit
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.arguments import task_arguments
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits
from unit import stores

CASES = yaml.safe_load((stores.DATA / "same_store.yml").read_text("utf-8"))


def _lines(case):
    return read_lines(commands_of(Program.IPSECCMD, case["ipseccmd"], False), False)[0]


def by_ipseccmd(case):
    return stores.run_lines(Store(), _lines(case)).store


def by_ipseccmd_line_by_line(case):
    store = Store()
    for line in _lines(case):
        store = stores.run_lines(store, [line]).store
    return store


def by_ipsec_policy(case):
    return stores.apply(Store(), case["policies"])


def by_converted_ipseccmd_script(case):
    edits, notes = edits_of(_lines(case))
    assert notes == ()
    return stores.apply(Store(), task_arguments(edits, []))


def by_ipsec_rule(case):
    store = Store()
    for task in case["rules"]:
        edit, notes = parse_rule_edit(task, State.PRESENT)
        assert notes == ()
        store = stores.run_goal(store, Edits((PlacedEdit(edit),))).store
    return store


def by_converted_netsh_script(case):
    script = commands_of(Program.NETSH, case["netsh"], False)
    return stores.apply(Store(), read_netsh([parse_command(command.text) for command in script.commands], []))


FORMATS = (
    by_ipseccmd_line_by_line,
    by_ipsec_policy,
    by_converted_ipseccmd_script,
    by_ipsec_rule,
    by_converted_netsh_script,
)
PAIRS = [
    (name, form) for name, case in CASES.items() for form in FORMATS if "rules" in case or form is not by_ipsec_rule
]


@pytest.mark.parametrize(("name", "form"), PAIRS, ids=[f"{name}-{form.__name__}" for name, form in PAIRS])
def test_every_format_makes_the_same_store(name, form):
    case = CASES[name]
    store = form(case)
    assert stores.comparable(store) == stores.comparable(by_ipseccmd(case))


def test_the_comparison_notices_every_change():
    case = {"ipseccmd": "ipseccmd -w reg -p P -r R -f 0+192.0.2.1 0+192.0.2.2 -n block -x"}
    store = by_ipseccmd(case)
    rows = stores.comparable(store)
    assert len(rows) == sum(len(store.values(path)) for path in store.paths())
    changed = ("192.0.2.2", "192.0.2.3"), ("-x", ""), ("-n block", "-n pass"), ("-r R", "-r r"), ("-p P", "-p P:9")
    for old, new in changed:
        other = by_ipseccmd({"ipseccmd": case["ipseccmd"].replace(old, new)})
        assert stores.comparable(other) != rows
    # GUIDs and times do not count
    assert stores.comparable(by_ipseccmd(case)) == rows
    assert by_ipseccmd(case).text() != store.text()
