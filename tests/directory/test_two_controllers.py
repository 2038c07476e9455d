# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Two controllers change the same policy in force at the same time: the outcome is that of one after the other, and at
no time does the policy refer to something that does not exist.
"""

from __future__ import annotations

import itertools
import os
import random
import typing as t

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import Directory
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Goal
from directory import policies
from directory.memory import MemoryDirectory
from directory.turns import Controller, interleave
from unit import pairs

REQUESTS = 200
"""More than a task needs."""


class Meeting:
    """A domain with a policy in force, and two tasks that change it, each possible before and after the other."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(f"two {seed}")
        while True:
            pair, other = pairs.make_two(rng.randrange(1 << 30))
            if Graph(pair.store).active is None:
                continue
            self.store = pair.store
            self.directory = MemoryDirectory()
            self.container = self.directory.container
            self.gpo = policies.establish(self.directory, self.store)
            self.directory.advance(3600)
            self.goals = (pair.goal, other)
            try:
                if self._fits():
                    return
            except (ModelError, DirectoryError):
                # a task does not fit the domain, perhaps only after the other one
                continue

    def _fits(self) -> bool:
        self.old = self.in_force(self.directory)
        if self.old == "unreadable":
            return False
        self.outcomes = []
        self.states = [self.old]
        for order in (self.goals, self.goals[::-1]):
            directory = self.directory.copy()
            for goal in order:
                about = policies.decide(goal, policies.read(directory)).plan.policies
                if len(about) != 1 or not about[0].in_force:
                    return False
                run(goal, directory, directory.advance)
                self.states.append(self.in_force(directory))
            self.outcomes.append(self.states[-1])
        return True

    def in_force(self, directory: MemoryDirectory) -> t.Any:
        return policies.in_force(directory, self.container, self.gpo)

    def hold(self, order: t.Iterable[int]) -> None:
        """Let both controllers go in that order."""
        directory = self.directory.copy()
        both = [
            Controller(directory, lambda proxy, goal=goal: run(goal, proxy, directory.advance))  # type: ignore[misc]
            for goal in self.goals
        ]
        done = 0
        for _turn in interleave(both[0], both[1], order):
            if len(directory.writes) > done:
                done = len(directory.writes)
                assert self.in_force(directory) in self.states, directory.writes[-1]
        assert [one.error for one in both] == [None, None]
        assert self.in_force(directory) in self.outcomes


def run(goal: Goal, directory: Directory, sleep: t.Callable[[float], None]) -> None:
    """A task, run again as often as others disturb it."""
    for _again in range(4):
        rounds = policies.run(directory, goal, sleep=sleep)
        if not rounds or not rounds[-1][1].conflict:
            assert not rounds or rounds[-1][1].error is None, rounds[-1][1].error
            return
    pytest.fail("the tasks disturb each other for ever")


def orders(rng: random.Random, count: int) -> t.Iterator[t.Iterable[int]]:
    """One controller comes to any point before the other one starts and ends; and random orders."""
    for start in range(count):
        for first in (0, 1):
            yield (*[first] * start, *[1 - first] * REQUESTS)
    for _i in range(count):
        yield [rng.randrange(2) for _turn in range(REQUESTS)]
        # in longer runs
        runs = ([rng.randrange(2)] * rng.randrange(1, 12) for _turn in range(REQUESTS // 6))
        yield list(itertools.chain.from_iterable(runs))


def meet(seed: int, count: int) -> None:
    meeting = Meeting(seed)
    for order in orders(random.Random(seed), count):
        meeting.hold(order)


@pytest.mark.parametrize("seed", range(2))
def test_two_controllers_end_as_one_after_the_other(seed):
    meet(seed, 25)


@pytest.mark.judge
@pytest.mark.parametrize("seed", range(2, int(os.environ.get("PAIRS", "20"))))
def test_many_pairs_of_controllers_end_as_one_after_the_other(seed):
    meet(seed, 50)
