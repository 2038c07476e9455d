# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tasks against a real domain controller: cut off, with a server that dies, and with two controllers at once.

The pairs of stores and tasks, and their outcomes, are those of the directory in memory.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
import typing as t

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError, LostConnection
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    DirectoryEntry,
    Search,
    Write,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap import connect
from directory import policies
from directory.samba import Domain
from directory.test_interruptions import Case
from directory.test_two_controllers import Meeting, run

pytestmark = pytest.mark.judge


class Real:
    """A domain, as one connection that can be broken and made again."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.server, self.container, self.add_gpo = domain.name, domain.container, domain.add_gpo
        self.before_write: t.Callable[[], None] = lambda: None
        self.after_write: t.Callable[[], None] = lambda: None
        self._stack = contextlib.ExitStack()
        self.mend()

    def mend(self) -> None:
        """Connect again."""
        self._stack.close()
        self._directory = self._stack.enter_context(connect(ConnectionOptions.of(self.domain.options())))

    def search(self, search: Search) -> list[DirectoryEntry]:
        return self._directory.search(search)

    def write(self, write: Write) -> None:
        self.before_write()
        self._directory.write(write)
        self.after_write()


def establish(domain: Domain, store: Store) -> tuple[Real, str, set[str]]:
    """The domain with these policies, the DN of the Group Policy object that assigns one, and those of all objects."""
    real = Real(domain)
    gpo = policies.establish(real, store)
    return real, gpo, {entry.dn for entry in policies.objects(real, real.container)}


def check_finished(case: Case, real: Real, gpo: str, known: set[str]) -> None:
    """What the next run leaves after one that was interrupted."""
    assert policies.in_force(real, real.container, gpo) in (case.old, case.new)
    rounds = policies.run(real, case.goal, sleep=time.sleep)
    assert [applied.error for _attempt, applied in rounds] in ([], [None])
    assert policies.in_force(real, real.container, gpo) == case.new
    assert policies.meaning(real) == policies.meaning(case.done)
    assert policies.orphans(real, known) == policies.orphans(case.done, known)
    before = real.domain.ldif()
    assert policies.run(real, case.goal, sleep=time.sleep) == []
    assert real.domain.ldif() == before


@pytest.mark.parametrize("seed", range(100))
def test_a_task_may_be_cut_off_at_any_write_to_a_domain_controller(domain, seed):
    case = Case(1000 + seed)
    rng = random.Random(seed)
    real, gpo, known = establish(domain, case.store)
    left, after = rng.randrange(len(case.done.writes)), rng.random() < 0.5

    def cut() -> None:
        nonlocal left
        if left == 0:
            raise LostConnection("the connection is cut off")
        left -= 1

    left += after
    setattr(real, "after_write" if after else "before_write", cut)
    policies.run(real, case.goal, sleep=time.sleep)
    real.before_write = real.after_write = lambda: None
    check_finished(case, real, gpo, known)


@pytest.mark.parametrize("seed", range(20))
def test_the_domain_controller_may_die_at_any_write(domain, seed):
    case = Case(2000 + seed)
    rng = random.Random(seed)
    real, gpo, known = establish(domain, case.store)
    left = rng.randrange(len(case.done.writes))
    killer = threading.Timer(rng.uniform(0, 0.02), domain.kill)

    def count() -> None:
        nonlocal left
        if left == 0:
            killer.start()
        left -= 1

    real.before_write = count
    with contextlib.suppress(DirectoryError):
        policies.run(real, case.goal, sleep=time.sleep)
    if not killer.ident:
        killer.start()
    killer.join()
    domain.start()
    real.before_write = lambda: None
    real.mend()
    check_finished(case, real, gpo, known)


@pytest.mark.parametrize("seed", range(50))
def test_two_controllers_at_one_domain_controller_end_as_one_after_the_other(domain, seed):
    meeting = Meeting(3000 + seed)
    first, gpo, _known = establish(domain, meeting.store)
    both = (first, Real(domain))
    errors: list[BaseException] = []
    start = threading.Barrier(3)

    def work(real: Real, goal: t.Any) -> None:
        start.wait()
        try:
            run(goal, real, time.sleep)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(both, meeting.goals, strict=True)]
    for thread in threads:
        thread.start()
    watcher = Real(domain)
    start.wait()
    while any(thread.is_alive() for thread in threads):
        assert policies.in_force(watcher, watcher.container, gpo) in meeting.states
    for thread in threads:
        thread.join()
    assert not errors
    assert policies.in_force(watcher, watcher.container, gpo) in meeting.outcomes
