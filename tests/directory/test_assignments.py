# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tasks that change a policy and what assigns it, cut off at every write."""

from __future__ import annotations

import functools

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.gpos import gpo_problems
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.gpos import WantedGpos
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import OnePolicy
from directory import policies
from directory.memory import MemoryDirectory

RULE = {
    "name": "Close SMB",
    "filters": [{"source": "any", "destination": "me", "protocol": "tcp", "destination_port": 445}],
}
BLOCK = RULE | {"action": "block"}
PERMIT = RULE | {"action": "permit"}
SERVER = "Server (Request Security)"


def task(name, *gpos, **options):
    """A task, and the Group Policy objects that it names; None without this option."""
    goal = OnePolicy(*parse_task({"name": name, **options}, by_name=True))
    return goal, () if gpos == (None,) else (WantedGpos(gpos=gpos),)


TASKS = {
    "a new policy": ([], task("Web", "A", "B", rules=[BLOCK])),
    "a new policy in the place of another": ([task(SERVER, "A")], task("Web", "A", rules=[BLOCK])),
    "a policy that changes and moves": ([task("Web", "A", rules=[BLOCK])], task("Web", "B", rules=[PERMIT])),
    "an assigned policy that changes": ([task("Web", "A", rules=[BLOCK])], task("Web", None, rules=[PERMIT])),
    "a policy that is deleted": ([task("Web", "A", "B", rules=[BLOCK])], task("Web", None, state="absent")),
    "a policy that is unassigned": ([task("Web", "A", "B", rules=[BLOCK])], task("Web")),
}


class Case:
    """A domain before a task, after it, and what members with each Group Policy object have in force."""

    def __init__(self, before, wanted):
        self.wanted = wanted
        self.directory = MemoryDirectory()
        self.gpos = [self.directory.add_gpo(name) for name in "AB"]
        self.files = policies.Files()
        for one in before:
            self.run(one)

    def run(self, wanted):
        goal, gpos = wanted
        return policies.run(self.directory, goal, gpos=gpos, files=self.files, sleep=self.directory.advance)

    def in_force(self):
        return [policies.in_force(self.directory, self.directory.container, gpo.dn) for gpo in self.gpos]

    def problems(self):
        state = policies.read(self.directory, self.files)
        return [problem for gpo in state.gpos for problem in gpo_problems(gpo, state)]

    def copy(self):
        found = Case([], self.wanted)
        found.directory, found.gpos = self.directory.copy(), self.gpos
        found.files.versions = dict(self.files.versions)
        return found


@functools.cache
def case_before(name):
    return Case(*TASKS[name])


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("name", TASKS)
def test_a_task_that_is_cut_off_is_finished_by_the_next_run(name, done):
    before = case_before(name)
    whole = before.copy()
    number = sum(applied.done for _attempt, applied in whole.run(before.wanted))
    assert number > 0
    assert whole.problems() == []
    states = {*map(repr, before.in_force()), *map(repr, whole.in_force())}
    for cut in range(1, number + 1):
        case = before.copy()
        case.directory.cut(cut, done)
        (_attempt, applied), *_more = case.run(before.wanted)
        assert applied.error
        case.directory.mend()
        assert states.issuperset(map(repr, case.in_force()))
        case.run(before.wanted)
        assert list(map(repr, case.in_force())) == list(map(repr, whole.in_force()))
        assert case.problems() == []
        assert case.run(before.wanted) == []
        assert count(case) == count(whole)


def count(case):
    return len(policies.objects(case.directory, case.directory.container))
