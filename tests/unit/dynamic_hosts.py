# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A simulated host to which tasks about dynamic rules talk directly, and which can be cut off at any step."""

from __future__ import annotations

import contextlib
import pathlib
import types
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.attempt import Attempt, Settings, decide
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lockout import LockoutCheck
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.goal import DynamicGoal
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import Applied, HostState
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part, read_request
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.dynamic import refusal
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import parse_dynamic_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.resolve import MultipleAddresses
from winhost.dynamic import DynamicRule
from winhost.faults import Course, Killed
from winhost.host import Host
from winhost.host_module import HostModule


class CutCourse(Course):
    """Ends after a number of steps; None for never. `steps` counts them."""

    def __init__(self, host: Host, limit: int | None = None) -> None:
        super().__init__(host, t.cast(t.Any, types.SimpleNamespace(killed=False, input=b"")))
        self._limit = limit
        self.steps = 0

    @contextlib.contextmanager
    def step(self, place: str) -> t.Iterator[None]:
        if self.steps == self._limit:
            raise Killed
        with super().step(place):
            yield
        self.steps += 1


class DirectHost:
    """A host without an endpoint."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.host = Host(folder, "win1", "192.0.2.1")
        self.module = HostModule(self.host)

    def run(self, task: dict[str, t.Any], cut: int | None = None, **settings: t.Any) -> tuple[Attempt, int]:
        """Run a task of ipsec_dynamic; returns what it decided and the number of its steps on the host.

        With `cut`, it ends after that many steps. Raises `AssertionError` if the host does not do what was decided.
        """
        changes, exact, notes = parse_dynamic_task(task)
        return self.follow(DynamicGoal(changes=changes, exact=exact, notes=notes), cut, **settings)

    def follow(self, goal: DynamicGoal, cut: int | None = None, **settings: t.Any) -> tuple[Attempt, int]:
        """As `run`, for a goal."""
        attempt = self.decide(goal, **settings)
        if not attempt.changed:
            return attempt, 0
        course = CutCourse(self.host, cut)
        try:
            answer = self.module.run({"request": attempt.request}, course)
        except Killed:
            return attempt, course.steps
        applied = Applied.parse(answer)
        applied.check(len(attempt.plan.operations), attempt.digest)
        assert not applied.disturbed
        assert attempt.dynamic is None or applied.dynamic is None or refusal(attempt.dynamic, applied.dynamic) is None
        return attempt, course.steps

    def decide(self, goal: DynamicGoal, multiple_addresses: str = "error") -> Attempt:
        """What a task does now."""
        request = read_request(tuple(Part), names=goal.names()[0], interfaces=goal.names()[1], port=5985)
        state = HostState.parse(self.module.run({"request": request}, CutCourse(self.host)), tuple(Part))
        mode = MultipleAddresses(multiple_addresses)
        settings = Settings(host="win1", port=5985, lockout_check=LockoutCheck.IGNORE, multiple_addresses=mode)
        return decide(None, state, settings, dynamic=goal, new_salt=lambda: "salt")

    def replay(self) -> None:
        """What the replay task does."""
        self.module.replay()

    @property
    def rules(self) -> tuple[DynamicRule, ...]:
        """The rules that Windows has."""
        return self.host.dynamic_rules()
