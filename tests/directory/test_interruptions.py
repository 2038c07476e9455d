# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A task in a domain may be cut off before and after each of its writes: the old policy or the new one is in force, and
the next run finishes the change.

The pairs of stores and tasks are those of the registry's tests. For more of them: PAIRS=1000 make judge
PYTEST_ARGS=tests/directory/test_interruptions.py
"""

from __future__ import annotations

import copy
import os
import random
import typing as t

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import DirectoryEntry
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from directory import policies
from directory.memory import MemoryDirectory
from unit import pairs

MAKE = (pairs.make, pairs.make_shared)
OLD = 3600
CUT_TWICE = 2
"""At how many places of a pair the second run is cut off as well."""


class Case:
    """A domain whose Group Policy object assigns a policy, and a task that has something to change."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(f"domain {seed}")
        while True:
            pair = rng.choice(MAKE)(rng.randrange(1 << 30))
            self.goal, self.store = pair.goal, pair.store
            self.directory = MemoryDirectory()
            self.container = self.directory.container
            self.gpo = policies.establish(self.directory, self.store)
            self.directory.advance(OLD)
            self.files = policies.Files()
            try:
                self.done = self.directory.copy()
                attempts = self.run(self.done)
                if attempts and not self.run(self.done.copy()):
                    break
            except (ModelError, DirectoryError):
                # the task does not fit the store, or does not fit it the second time
                continue
        assert [applied.error for _attempt, applied in attempts] == [None]
        self.old, self.new = self.in_force(self.directory), self.in_force(self.done)
        self.rng = rng

    def run(self, directory: MemoryDirectory) -> t.Any:
        files = copy.deepcopy(self.files)
        return policies.run(directory, self.goal, files=files, sleep=directory.advance)

    def in_force(self, directory: MemoryDirectory) -> t.Any:
        return policies.in_force(directory, self.container, self.gpo)

    def check_end(self, directory: MemoryDirectory) -> None:
        """The target is reached, with the same objects as without a cut."""
        assert self.in_force(directory) == self.new
        assert policies.meaning(directory) == policies.meaning(self.done)
        before, end, wanted = map(by_dn, (self.directory, directory, self.done))
        for dn, entry in before.items():
            if dn in wanted and wanted[dn] == entry:
                assert end[dn] == entry
            else:
                assert (dn in end) == (dn in wanted), dn
        assert policies.orphans(directory, before) == policies.orphans(self.done, before)
        assert self.run(directory.copy()) == []


def by_dn(directory: MemoryDirectory) -> dict[str, DirectoryEntry]:
    return {entry.dn: entry for entry in policies.objects(directory, directory.container)}


def interrupt(case: Case) -> None:
    count = len(case.done.writes)
    expected = [case.old, case.new]
    twice = case.rng.sample(range(count), min(count, CUT_TWICE))
    for cut in range(count + 1):
        directory = cut_off(case, case.directory, cut)
        found = case.in_force(directory)
        assert found in expected, f"after {cut} of {count} writes"
        if found != case.old:
            expected = [case.new]
        directory.advance(case.rng.choice((0, 1, 30)))
        if cut in twice:
            again = directory.copy()
            case.run(again)
            for other in range(len(again.writes)):
                second = cut_off(case, directory, other)
                assert case.in_force(second) in expected
                case.run(second)
                case.check_end(second)
        case.run(directory)
        case.check_end(directory)


def cut_off(case: Case, start: MemoryDirectory, cut: int) -> MemoryDirectory:
    """The directory after so many writes of the task. It makes no difference whether the next write is cut off before
    it is done, or this one after it is done.
    """
    found = []
    for number, done in ((cut + 1, False), (cut, True)):
        directory = start.copy()
        if number:
            directory.cut(number, done)
        else:
            continue
        case.run(directory)
        directory.mend()
        found.append(directory)
    assert len({one.ldif(case.directory.root) for one in found}) == 1
    return found[0]


@pytest.mark.parametrize("seed", range(6))
def test_a_task_in_a_domain_may_be_cut_off_at_every_write(seed):
    interrupt(Case(seed))


@pytest.mark.judge
@pytest.mark.parametrize("seed", range(6, int(os.environ.get("PAIRS", "100"))))
def test_many_tasks_in_a_domain_may_be_cut_off_at_every_write(seed):
    interrupt(Case(seed))
