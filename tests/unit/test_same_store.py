# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A policy is the same store, byte for byte but GUIDs and times, in whichever way it was said."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils.batch import Program
from ansible_collections.ipsec.windows.plugins.module_utils.goal import Edits, Placed
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.convert import read_arguments
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.lines import read_lines
from ansible_collections.ipsec.windows.plugins.module_utils.netsh import read_netsh
from ansible_collections.ipsec.windows.plugins.module_utils.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_rule_edit
from ansible_collections.ipsec.windows.plugins.module_utils.store import Store
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


def by_the_converted_script(case):
    return stores.apply(Store(), read_arguments(_lines(case), []))


def by_ipsec_rule(case):
    store = Store()
    for task in case["rules"]:
        edit, notes = parse_rule_edit(task, absent=False)
        assert notes == ()
        store = stores.run_goal(store, Edits((Placed(edit),))).store
    return store


def by_the_converted_netsh_script(case):
    script = commands_of(Program.NETSH, case["netsh"], False)
    return stores.apply(Store(), read_netsh((command.text for command in script.commands), []))


WAYS = (
    by_ipseccmd_line_by_line,
    by_ipsec_policy,
    by_the_converted_script,
    by_ipsec_rule,
    by_the_converted_netsh_script,
)


PAIRS = [(name, way) for name, case in CASES.items() for way in WAYS if "rules" in case or way is not by_ipsec_rule]


@pytest.mark.parametrize(("name", "way"), PAIRS, ids=[f"{name}-{way.__name__}" for name, way in PAIRS])
def test_the_same_store(name, way):
    case = CASES[name]
    store = way(case)
    assert stores.comparable(store) == stores.comparable(by_ipseccmd(case))


def test_what_is_compared():
    """Every byte counts but those that cannot be the same."""
    case = {"ipseccmd": "ipseccmd -w reg -p P -r R -f 0+192.0.2.1 0+192.0.2.2 -n block -x"}
    store = by_ipseccmd(case)
    rows = stores.comparable(store)
    assert len(rows) == sum(len(store.values(path)) for path in store.paths())
    changed = ("192.0.2.2", "192.0.2.3"), ("-x", ""), ("-n block", "-n pass"), ("-r R", "-r r"), ("-p P", "-p P:9")
    for old, new in changed:
        other = by_ipseccmd({"ipseccmd": case["ipseccmd"].replace(old, new)})
        assert stores.comparable(other) != rows
    assert stores.comparable(by_ipseccmd(case)) == rows
    assert by_ipseccmd(case).text() != store.text()
