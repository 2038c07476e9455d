# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Every plan may be interrupted after every operation: the old policy or the new one is in force, and the next run
finishes the change.

The simulated host's own reader judges it, with pairs of stores and tasks that are made from numbers.

The number of a failing pair is in the name of the test. For more pairs: PAIRS=5000 make test
PYTEST_ARGS=tests/unit/test_interruptions.py
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
import os
import random
import re
import uuid

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from unit import pairs, stores
from winhost import policy as reader

GUID = "\\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\}"
OBJECT = re.compile("(ipsecfilter|ipsecnegotiationpolicy|ipsecnfa|ipsecisakmppolicy)" + GUID, re.IGNORECASE)
PART = re.compile("(ipsecfilter|ipsecnegotiationpolicy)" + GUID, re.IGNORECASE)
POLICY = re.compile("ipsecpolicy" + GUID, re.IGNORECASE)
REFERENCES = ("ipsecISAKMPReference", "ipsecNFAReference", "ipsecFilterReference", "ipsecNegotiationPolicyReference")
OWNERS = "ipsecOwnersReference"
REPLACES = "ipsecWindowsReplaces"
NEW = b"\xf0" * 10
"""The start of the GUIDs of the runs."""
CUT_TWICE = 2
"""At how many places of a pair the second run is interrupted as well."""


def in_force(store: Store):
    try:
        return stores.in_force(stores.to_tree(store))
    except reader.StoreError:
        return "unreadable"


def meaning(store: Store):
    """All policies as facts show them, without ids and order, and the name of the assigned one."""
    policies = []
    for policy in stores.facts(store).values():
        policy = copy.deepcopy(policy)
        for rule in policy["rules"]:
            rule["filters"].sort(key=str)
            del rule["id"]
        policy["rules"].sort(key=str)
        del policy["id"]
        policies.append(policy)
    active = targets(store, "", "ActivePolicy")
    return policies, [text(store, key, "ipsecName") for key in active if key in store]


def text(store: Store, key: str, name: str) -> str:
    value = store.get(key, name)
    return value.data if value is not None and isinstance(value.data, str) else ""


def targets(store: Store, key: str, name: str) -> list[str]:
    value = store.get(key, name)
    data = () if value is None else value.data
    return [fold(t.rpartition("\\")[2]) for t in ((data,) if isinstance(data, str) else data) if t]


def reach(store: Store, roots) -> set[str]:
    """These objects and everything that they refer to."""
    found: set[str] = set()
    left = list(roots)
    while left:
        key = left.pop()
        if key not in found and key in store:
            found.add(key)
            left += [target for name in REFERENCES for target in targets(store, key, name)]
    return found


def keys(store: Store, kind: re.Pattern) -> list[str]:
    return [key for key in map(fold, store.paths()) if kind.fullmatch(key)]


def objects(store: Store) -> list[str]:
    return keys(store, OBJECT)


def policies(store: Store) -> list[str]:
    return keys(store, POLICY)


def unowned_objects(store: Store) -> set[str]:
    """Objects without an owner that belong to the library or to no policy. They stay, with what they use."""
    unowned = {key for key in objects(store) if store.values(key) and not targets(store, key, OWNERS)}
    return (unowned - reach(store, policies(store))) | library(store)


def library(store: Store) -> set[str]:
    """Filter lists and actions with a name and without an owner."""
    found = (key for key in keys(store, PART) if not targets(store, key, OWNERS))
    return {key for key in found if text(store, key, "ipsecName")}


def replaced(store: Store) -> set[str]:
    """The policies of an interrupted replacement."""
    marked = [key for key in policies(store) if targets(store, key, REPLACES)]
    return {*marked, *(old for key in marked for old in targets(store, key, REPLACES))}


@dataclasses.dataclass(frozen=True)
class Kept:
    """What exists before a task and does not belong to its policies, byte for byte."""

    whole: dict[str, dict]
    but_owners: dict[str, dict]

    @classmethod
    def of(cls, pair: pairs.Pair) -> Kept:
        store = pair.store
        asked = {fold(name) for name in pair.goal.title.split(", ")} | {fold(pair.id or "-")}
        about = {
            key
            for key in policies(store)
            if {fold(text(store, key, "ipsecName")), fold(key[key.index("{") :])} & asked or key in replaced(store)
        }
        others = reach(store, set(policies(store)) - about)
        shared = others & reach(store, about)
        unused = reach(store, unowned_objects(store)) - reach(store, policies(store))
        stock = library(store)
        known = {*objects(store), *policies(store)}
        foreign = {key for key in map(fold, store.paths()) if key and key.partition("\\")[0] not in known}
        below = {key for key in map(fold, store.paths()) if key.partition("\\")[0] in others | stock} - known
        whole = ((others - shared) | stock | foreign | below) - shared
        return cls(
            {key: store.values(key) for key in whole},
            {key: _without_owners(store.values(key)) for key in shared | unused},
        )

    def check(self, store: Store) -> None:
        for key, values in self.whole.items():
            assert store.values(key) == values, key
        for key, values in self.but_owners.items():
            assert _without_owners(store.values(key)) == values, key


def _without_owners(values: dict) -> dict:
    return {name: value for name, value in values.items() if name.lower() != OWNERS.lower()}


class Run:
    """The task of a pair, on the stores that its own interrupted runs leave."""

    def __init__(self, pair: pairs.Pair, seed: int, kept: Kept | None = None) -> None:
        """`kept` is what must stay byte for byte."""
        self.pair = pair
        rng = random.Random(-seed - 1)
        self.new_guid = lambda: str(uuid.UUID(bytes=NEW + rng.randbytes(6)))
        self.now = itertools.count(2_000_000_000, 7)
        self.kept = kept
        self.unowned = unowned_objects(pair.store)
        self.old = in_force(pair.store)
        done = self.again(pair.store)
        self.operations = done.operations
        self.new = in_force(done.store)
        self.meaning = meaning(done.store)
        self.ends: list[list[tuple[str, str, str]]] = []
        self.check_end(done.store)

    def again(self, store: Store) -> stores.Done:
        return stores.run_goal(store, self.pair.goal, now=next(self.now), new_guid=self.new_guid)

    def cuts(self, store: Store, operations):
        """The store after each operation. The policy in force changes from the old to the new one at most once."""
        store, expected = store.copy(), [self.old, self.new]
        for count in range(len(operations) + 1):
            if count:
                store.change(operations[count - 1])
            found = in_force(store)
            assert found in expected, f"after {count} of {len(operations)} operations"
            if found != self.old:
                expected = [self.new]
            yield store

    def check_end(self, store: Store) -> None:
        assert in_force(store) == self.new
        used = reach(store, [*policies(store), *self.unowned, *(library(store) if self.kept is None else ())])
        assert [key for key in objects(store) if key not in used] == []
        assert not replaced(store)
        if self.kept is not None:
            self.kept.check(store)
        # most ends differ only in times and GUIDs, and the rest is slow
        end = stores.comparable(store, lambda data: re.sub(NEW + b".{6}", bytes(16), data, flags=re.DOTALL))
        if end not in self.ends:
            self.ends.append(end)
            assert meaning(store) == self.meaning
            assert self.again(store).operations == ()


@pytest.mark.parametrize("seed", range(int(os.environ.get("PAIRS", "220"))))
def test_a_task_may_be_interrupted_after_every_operation(seed):
    pair = pairs.make(seed)
    interrupt(Run(pair, seed, Kept.of(pair)), seed)


@pytest.mark.parametrize("seed", range(int(os.environ.get("PAIRS", "220"))))
def test_a_task_about_shared_objects_may_be_interrupted_after_every_operation(seed):
    interrupt(Run(pairs.make_shared(seed), seed), seed)


def interrupt(run: Run, seed: int) -> None:
    """Interrupt a task after each of its operations, and some of the runs that finish it."""
    rng = random.Random(seed)
    twice = rng.sample(range(len(run.operations) + 1), min(CUT_TWICE, len(run.operations)))
    for count, cut in enumerate(run.cuts(run.pair.store, run.operations)):
        done = run.again(cut)
        run.check_end(done.store)
        if count in twice:
            second = [store.copy() for store in run.cuts(cut, done.operations)]
            run.check_end(run.again(rng.choice(second)).store)
