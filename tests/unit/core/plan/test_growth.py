# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The work of a plan grows with the number of policies, not with its square."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.attempt import decide
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import edits_of, read_line
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan.writer import StoreWriter
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits
from unit import stores, work

MOST = 5
"""A script with 80 policies takes at most as many times the work of one with 20."""


def script(count, action="block"):
    return [f"-w reg -p P{n} -r R{n} -f 0+192.0.2.{n} -n {action}" for n in range(count)]


TASKS = {
    "new policies": (lambda count: [], script),
    "changed policies": (script, lambda count: script(count, "pass")),
    "unchanged policies": (script, script),
    "deleted policies": (script, lambda count: [f"-w reg -p P{n} -o" for n in range(count)]),
    "assigned policies": (script, lambda count: [f"-w reg -p P{n} -x" for n in range(count)]),
    "one of many": (script, lambda count: script(1, "pass")),
}


@pytest.mark.parametrize("task", TASKS)
def test_80_policies_take_at_most_5_times_the_work_of_20(task):
    before, after = TASKS[task]

    def calls(count):
        store = stores.run_lines(Store(), before(count)).store
        lines = after(count)
        return work.calls(lambda: stores.run_lines(store, lines))

    assert calls(80) <= MOST * calls(20)


@pytest.mark.parametrize("task", TASKS)
def test_a_plan_has_one_writer_and_one_graph(task, monkeypatch):
    before, after = TASKS[task]
    store = stores.run_lines(Store(), before(10)).store
    made = []
    for kind in (Graph, StoreWriter):
        original = kind.__init__

        def count(self, *args, original=original, **options):
            made.append(type(self))
            original(self, *args, **options)

        monkeypatch.setattr(kind, "__init__", count)
    state = stores.host_with(store)
    made.clear()
    decide(Edits(*edits_of(map(read_line, after(10)))), state, stores.SETTINGS)
    assert made == [StoreWriter, Graph]
