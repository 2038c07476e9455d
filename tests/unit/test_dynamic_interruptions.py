# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A change of dynamic rules may be cut off after every step on the host: what existed exists or is replaced, and both
the next run and the replay task finish.

The simulated host's own reader judges it, with pairs of rule sets that are made from numbers.

The number of a failing pair is in the name of the test. For more pairs: PAIRS=2000 make test
PYTEST_ARGS=tests/unit/test_dynamic_interruptions.py
"""

from __future__ import annotations

import os
import random
import shutil
import typing as t

import pytest
from unit.dynamic_hosts import CutCourse, DirectHost
from winhost.dynamic import DynamicRule, Selector, same_rules

PAIRS = int(os.environ.get("PAIRS", "200"))


def make(number: int) -> tuple[list[dict[str, t.Any]], list[dict[str, t.Any]]]:
    """The rules before and after a change. Some are the same, some differ only in their key, methods or filters."""
    chance = random.Random(number)
    before = [_rule(chance, index) for index in range(chance.randint(0, 2))]
    after = []
    for index, rule in enumerate(before):
        match chance.randint(0, 4):
            case 0:
                after.append(rule)
            case 1:
                after.append(rule | {"authentication": [{"preshared_key": f"new{index}"}]})
            case 2:
                after.append(rule | {"security_methods": ["ah[sha]"], "soft": True})
            case 3:
                # one of the filters, and another one
                after.append(rule | {"filters": [rule["filters"][0], f"[0+198.51.100.{index}]"]})
    if chance.random() < 0.5 or not (before or after):
        after.append(_rule(chance, 5))
    return before, after


def _rule(chance: random.Random, index: int) -> dict[str, t.Any]:
    filters = [f"0+192.0.2.{index * 10 + i}" for i in range(chance.randint(1, 2))]
    filters = [chance.choice(("{}", "({})", "[{}]")).format(text) for text in filters]
    rule: dict[str, t.Any] = {"filters": filters}
    if chance.random() < 0.5:
        rule["authentication"] = [{"preshared_key": f"key{index}"}]
    if chance.random() < 0.3:
        rule["connection_type"] = "lan"
    return rule


class Snapshots(CutCourse):
    """Copies the host before each of its steps."""

    def __init__(self, host: DirectHost, folder) -> None:
        super().__init__(host.host)
        self._from = host.host.folder
        self._folder = folder
        self.found: list = []

    def step(self, place: str):
        copy = self._folder / str(len(self.found))
        shutil.copytree(self._from, copy, ignore=shutil.ignore_patterns("events.jsonl"))
        self.found.append((place, copy))
        return super().step(place)


def _run(host: DirectHost, rules: list[dict[str, t.Any]]) -> None:
    host.run({"rules": rules, "rules_mode": "exact"} if rules else {"rules": [], "rules_mode": "exact"})


def _by_selector(rules: t.Iterable[DynamicRule]) -> dict[Selector, DynamicRule]:
    return {rule.selector: rule for rule in rules}


def _same(one: DynamicRule, other: DynamicRule) -> bool:
    return same_rules([one], [other])


@pytest.mark.parametrize("number", range(PAIRS))
def test_interrupted(number, tmp_path):
    before, after = make(number)
    host = DirectHost(tmp_path / "host")
    host.host.start_service()
    _run(host, before)
    old = _by_selector(host.rules)
    changes = Snapshots(host, tmp_path / "cut")
    host.module.run = _through(host.module.run, changes)
    _run(host, after)
    new = _by_selector(host.rules)
    assert len(new) == sum(len(rule["filters"]) for rule in after)
    for place, folder in changes.found:
        _judge(DirectHost(folder), old, new, place)
        again = tmp_path / "again"
        shutil.copytree(folder, again)
        _replayed(DirectHost(again), old, new)
        shutil.rmtree(again)
        _finished(DirectHost(folder), after, new)


def _through(run, course):
    """The host module, with a course for the requests that write."""
    return lambda arguments, given: run(arguments, course if '"apply"' in arguments["request"] else given)


def _judge(host: DirectHost, old, new, place: str) -> None:
    """Rules are old or new ones; an old one that is not replaced is deleted only when all new ones exist."""
    found = _by_selector(host.rules)
    for selector, rule in found.items():
        assert any(_same(rule, side[selector]) for side in (old, new) if selector in side), place
    # where netsh cannot have both, one command deletes and the next one adds
    gaps = [selector for selector in old.keys() & new.keys() if selector not in found]
    assert len(gaps) <= (1 if place == "netsh" else 0), place
    if any(selector not in found for selector in old.keys() - new.keys()):
        assert all(selector in found and _same(found[selector], rule) for selector, rule in new.items()), place


def _replayed(host: DirectHost, old, new) -> None:
    """The replay task completes each rule of the record: there is no gap any more."""
    host.replay()
    found = _by_selector(host.rules)
    assert all(selector in found for selector in old.keys() & new.keys())
    for selector, rule in found.items():
        assert any(_same(rule, side[selector]) for side in (old, new) if selector in side)


def _finished(host: DirectHost, after, new) -> None:
    """The next run finishes, and the one after it changes nothing."""
    _run(host, after)
    assert same_rules(host.rules, new.values())
    changed, _steps = host.run({"rules": after, "rules_mode": "exact"})
    assert not changed.changed
