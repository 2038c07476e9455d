# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Stores that go in circles, lead nowhere or repeat themselves: there is an answer, or an error that says why, and the
work for it grows as the store does.
"""

from __future__ import annotations

import contextlib
import functools

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils import objects
from ansible_collections.ipsec.windows.plugins.module_utils.answers import Reading, Service
from ansible_collections.ipsec.windows.plugins.module_utils.diff import Side, render_diff
from ansible_collections.ipsec.windows.plugins.module_utils.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils.goal import OnePolicy
from ansible_collections.ipsec.windows.plugins.module_utils.graph import (
    ACTION,
    ACTIVE_POLICY,
    FILTERS,
    ISAKMP,
    NFAS,
    OWNERS,
    REPLACES,
    Graph,
    reference,
)
from ansible_collections.ipsec.windows.plugins.module_utils.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils.plan import plan_finish
from ansible_collections.ipsec.windows.plugins.module_utils.report import steps
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils.store import Store, Value
from unit import stores
from unit.work import calls, peak

RULE = {"name": "R", "filters": ["0+192.0.2.1"], "action": "block"}
POLICY, MAIN_MODE, RULE_1, ACTION_1, LIST_1 = (
    f"{class_}{{00000000-0000-0000-0000-00000000000{i}}}"
    for i, class_ in enumerate(
        ("ipsecPolicy", "ipsecISAKMPPolicy", "ipsecNFA", "ipsecNegotiationPolicy", "ipsecFilter"), 1
    )
)


def key(class_: str, number: int) -> str:
    return f"{class_}{{{number:08x}-0000-0000-0000-000000000000}}"


def refer(*keys: str) -> Value:
    return Value.strings(map(reference, keys))


class Keys(dict):
    """A store to be spoilt: the policy A, assigned, with one rule R, whose objects have known keys."""

    def __init__(self) -> None:
        made = stores.change(Store(), {"name": "A", "rules": [RULE]}, assigned=True).store
        found = stores.stored(made, "A")
        (rule,) = found.rules
        known = {
            found.key: POLICY,
            found.isakmp_key: MAIN_MODE,
            rule.key: RULE_1,
            rule.action_key: ACTION_1,
            next(iter(rule.filters)): LIST_1,
        }
        super().__init__({"": {ACTIVE_POLICY: Value.string(reference(POLICY))}})
        owners = {MAIN_MODE: POLICY, RULE_1: POLICY, ACTION_1: RULE_1, LIST_1: RULE_1}
        for path in made.paths()[1:]:
            new = known[path.lower()]
            self[new] = made.values(path)
            if new in owners:
                self[new][OWNERS] = refer(owners[new])
        self[POLICY] |= {ISAKMP: Value.string(reference(MAIN_MODE)), NFAS: refer(RULE_1)}
        self[RULE_1] |= {ACTION: Value.string(reference(ACTION_1)), FILTERS: refer(LIST_1)}

    def like(self, old: str, new: str, **values: Value | None) -> str:
        """A copy of an object; None takes a value away."""
        self[new] = {name: value for name, value in {**self[old], **values}.items() if value is not None}
        return new


# each makes a store of n of something


def filters_in_a_list(n, keys):
    filters = [{"source": "me", "destination": f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"} for i in range(n)]
    made = stores.change(Store(keys), {"name": "A", "rules": [{**RULE, "filters": filters}]}).store
    keys[LIST_1] |= {"ipsecData": made.get(next(iter(stores.stored(made, "A").rules[0].filters)), "ipsecData")}


def rules(n, keys):
    keys[POLICY][NFAS] = refer(*(_rule(keys, i) for i in range(n)))


def _rule(keys, i, **values):
    rule = key("ipsecNFA", i)
    action = keys.like(ACTION_1, key("ipsecNegotiationPolicy", i), ipsecOwnersReference=refer(rule))
    list_ = keys.like(LIST_1, key("ipsecFilter", i), ipsecOwnersReference=refer(rule))
    name, its_action = Value.string(f"R{i}"), Value.string(reference(action))
    return keys.like(
        RULE_1,
        rule,
        **{"ipsecName": name, ACTION: its_action, FILTERS: refer(list_), **values},
    )


def rules_without_names(n, keys):
    keys[POLICY][NFAS] = refer(*(_rule(keys, i, ipsecName=None) for i in range(n)))


def rules_that_share_a_list_and_an_action(n, keys):
    shared = [keys.like(RULE_1, key("ipsecNFA", i), ipsecName=Value.string(f"R{i}")) for i in range(n)]
    keys[POLICY][NFAS] = keys[LIST_1][OWNERS] = keys[ACTION_1][OWNERS] = refer(*shared)


def rules_that_share_what_nobody_owns(n, keys):
    rules_that_share_a_list_and_an_action(n, keys)
    for shared in (LIST_1, ACTION_1):
        del keys[shared][OWNERS], keys[shared]["ipsecName"]


def lists_of_a_rule(n, keys):
    keys[RULE_1][FILTERS] = refer(*(keys.like(LIST_1, key("ipsecFilter", i)) for i in range(n)))


def policies_that_share_all(n, keys):
    for i in range(n):
        keys.like(POLICY, key("ipsecPolicy", i), ipsecName=Value.string(f"P{i}"))


def rules_nowhere(n, keys):
    keys[POLICY][NFAS] = refer(RULE_1, *(key("ipsecNFA", i) for i in range(n)))


def lists_nowhere(n, keys):
    keys[RULE_1][FILTERS] = refer(LIST_1, *(key("ipsecFilter", i) for i in range(n)))


def the_same_rule(n, keys):
    keys[POLICY][NFAS] = refer(*[RULE_1] * n)


def the_same_long_list(n, keys):
    filters_in_a_list(n, keys)
    keys[RULE_1][FILTERS] = refer(*[LIST_1] * n)


def the_same_rule_with_the_same_list(n, keys):
    keys[POLICY][NFAS], keys[RULE_1][FILTERS] = refer(*[RULE_1] * n), refer(*[LIST_1] * n)


def the_same_owner(n, keys):
    keys[LIST_1][OWNERS] = refer(*[RULE_1] * n)


def leftovers(n, keys):
    for i in range(n):
        keys.like(LIST_1, key("ipsecFilter", i), ipsecOwnersReference=refer(key("ipsecNFA", i)))


def owners_in_a_circle(n, keys):
    for i in range(n):
        keys.like(RULE_1, key("ipsecNFA", i), ipsecOwnersReference=refer(key("ipsecNFA", (i + 1) % n)))


def rules_in_a_circle(n, keys):
    for i in range(n):
        keys.like(RULE_1, key("ipsecNFA", i), ipsecFilterReference=refer(key("ipsecNFA", (i + 1) % n)))


def policies_that_replace_each_other(n, keys):
    for i in range(n):
        keys.like(POLICY, key("ipsecPolicy", i), **{REPLACES: refer(key("ipsecPolicy", (i + 1) % n))})


def policies_that_replace_the_assigned_one(n, keys):
    for i in range(n):
        keys.like(POLICY, key("ipsecPolicy", i), **{REPLACES: refer(*[POLICY] * (n if i == 0 else 1))})


def objects_of_the_library(n, keys):
    for i in range(n):
        keys.like(LIST_1, key("ipsecFilter", i), ipsecOwnersReference=None)


def foreign_keys(n, keys):
    keys |= {f"Other{i}": {} for i in range(n)}


def keys_below(n, keys):
    keys |= {f"{path}\\Below{i}": {} for i in range(n) for path in (RULE_1, LIST_1)}


def a_key_deep_below(n, keys):
    keys[RULE_1 + "\\a" * n] = {}


def values(n, keys):
    keys[RULE_1] |= {f"v{i}": Value.string("") for i in range(n)}


def letters_of_a_description(n, keys):
    for path in (POLICY, RULE_1, LIST_1):
        keys[path]["description"] = Value.string("x" * n)


MANY = (
    filters_in_a_list,
    rules,
    rules_without_names,
    rules_that_share_a_list_and_an_action,
    rules_that_share_what_nobody_owns,
    lists_of_a_rule,
    policies_that_share_all,
    rules_nowhere,
    lists_nowhere,
    the_same_rule,
    the_same_long_list,
    the_same_rule_with_the_same_list,
    the_same_owner,
    leftovers,
    owners_in_a_circle,
    rules_in_a_circle,
    policies_that_replace_each_other,
    policies_that_replace_the_assigned_one,
    objects_of_the_library,
    foreign_keys,
    keys_below,
    a_key_deep_below,
    values,
    letters_of_a_description,
)


def store_with(what, n) -> Store:
    keys = Keys()
    what(n, keys)
    return Store(keys)


# what is done with them


def show(store: Store) -> None:
    graph = Graph(Store.parse(store.text()))
    service = Service("running", "automatic")
    render_facts(Reading(graph, "", 0, "", "", True, service, False, None, {}, {}, ()))


def one_policy(**options):
    """Does a task, its diff and its report; what it cannot do is a `ModelError` with a short text."""

    def do(store: Store):
        goal = OnePolicy(*parse_task({"name": "A", **options}))
        before = plan_finish(store, False, 0, stores.counting_guids()).graph
        with contextlib.suppress(ModelError):
            for change in goal.changes(before, []):
                render_diff(change.stored, Side(None), change.target, Side(None))
            done = stores.run_goal(store, goal)
            steps(done.plan.operations, Graph(store), done.plan.graph)

    return do


def edited(store: Store) -> None:
    """All rules of the assigned policy, and what belongs to the policy."""
    policy = stores.facts(store)["A"]
    of_rule = {"name", "id", "filters"}
    rules = [{k: v for k, v in rule.items() if k in of_rule} | {"action": "permit"} for rule in policy["rules"]]
    one_policy(rules=rules, poll_interval=7)(store)


def commands(store: Store) -> None:
    with contextlib.suppress(ModelError):
        stores.run_lines(store, ["-w reg -p A -r R -n pass", "-w reg -p A -r New -f 0+*", "-w reg -p P1 -o"])


TASKS = (
    show,
    edited,
    commands,
    one_policy(rules_mode="merge", rules=[{**RULE, "name": "New"}], main_mode={"pfs": True}),
    one_policy(rules=[{**RULE, "name": "New"}]),
    one_policy(state="absent"),
    lambda store: plan_finish(store, True, 0, stores.counting_guids()),
)


def all_tasks(store: Store) -> None:
    for task in TASKS:
        task(store)


@pytest.mark.parametrize("what", MANY)
def test_work_grows_as_the_store_does(what):
    least, few, many = (store_with(what, n) for n in (2, 12, 60))
    # the first time fills caches
    all_tasks(many)
    for task in TASKS:
        base = calls(functools.partial(task, least))
        growth = calls(functools.partial(task, few)) - base
        assert calls(functools.partial(task, many)) - base < 58 / 10 * 1.25 * growth + 200


@pytest.mark.parametrize("what", MANY)
def test_memory_grows_as_the_store_does(what):
    few, many = store_with(what, 20), store_with(what, 60)
    for task in TASKS:
        assert peak(functools.partial(task, many)) < 3 * 1.5 * peak(functools.partial(task, few)) + 50_000


def test_a_hundred_thousand_filters_are_read_and_one_is_changed():
    store = store_with(filters_in_a_list, 100_000)
    policy = stores.facts(store)["A"]
    filters = policy["rules"][0]["filters"]
    assert len(filters) == 100_000
    filters[-1] = {"source": "me", "destination": "192.0.2.7"}
    done = stores.change(store, policy)
    assert len(stores.facts(done.store)["A"]["rules"][0]["filters"]) == 100_000
    # one blob of 70 bytes a filter, and what says when
    assert len(done.operations) < 10
    assert sum(len(operation.line()) for operation in done.operations) < 100_000 * 70 * 4 / 3 + 2000


def test_what_rules_share_is_read_up_to_a_limit(monkeypatch):
    """Each of many rules with one long list between them has all its filters."""

    def square(n, keys):
        filters_in_a_list(n, keys)
        rules_that_share_a_list_and_an_action(n, keys)

    few, many = store_with(square, 40), store_with(square, 160)
    limit = 100 * len(few.get(LIST_1, "ipsecData").data)
    monkeypatch.setattr(objects, "READ_LIMIT", limit)
    assert len(stores.facts(few)["A"]["rules"]) == 40
    stored = stores.stored(many, "A")
    assert 0 < sum(len(rule.rule.filters) for rule in stored.rules) < 100 * 40
    assert f"with {LIST_1} more than {limit} bytes would be read: too many rules share long lists" in str(
        stored.problems
    )
    with pytest.raises(ModelError, match="has a rule that cannot be read"):
        stores.change(many, {"name": "A", "rules": []})
    assert stores.remove(many, "A").store.paths() == [""]
    for task in TASKS:
        task(many)


# circles


def a_rule_that_is_its_own_list(keys):
    keys[RULE_1][FILTERS] = refer(RULE_1)


def a_rule_that_is_its_own_action(keys):
    keys[RULE_1][ACTION] = Value.string(reference(RULE_1))


def a_rule_that_has_its_policy_as_list(keys):
    keys[RULE_1][FILTERS] = refer(POLICY)


def a_rule_that_has_another_as_list(keys):
    other = keys.like(RULE_1, key("ipsecNFA", 1), ipsecFilterReference=refer(RULE_1))
    keys[RULE_1][FILTERS] = refer(other)


def a_rule_that_owns_itself(keys):
    keys[RULE_1][OWNERS] = refer(RULE_1)


def a_rule_and_its_list_that_own_each_other(keys):
    keys[RULE_1][OWNERS], keys[LIST_1][OWNERS] = refer(LIST_1), refer(RULE_1)


def a_policy_that_is_its_own_main_mode(keys):
    keys[POLICY][ISAKMP] = Value.string(reference(POLICY))


def a_policy_that_is_its_own_rule(keys):
    keys[POLICY][NFAS] = refer(POLICY, RULE_1)


def a_policy_that_has_another_as_main_mode(keys):
    other = keys.like(POLICY, key("ipsecPolicy", 1), ipsecName=Value.string("P1"))
    keys[POLICY][ISAKMP] = Value.string(reference(other))


def two_policies_that_have_each_other_as_rules(keys):
    other = keys.like(POLICY, key("ipsecPolicy", 1), ipsecName=Value.string("P1"), **{NFAS: refer(POLICY, RULE_1)})
    keys[POLICY][NFAS] = refer(other, RULE_1)


def a_policy_that_replaces_itself(keys):
    keys[POLICY][REPLACES] = refer(POLICY)


def two_policies_that_replace_each_other(keys):
    other = keys.like(POLICY, key("ipsecPolicy", 1), **{REPLACES: refer(POLICY)})
    keys[POLICY][REPLACES] = refer(other)


CIRCLES = (
    a_rule_that_is_its_own_list,
    a_rule_that_is_its_own_action,
    a_rule_that_has_its_policy_as_list,
    a_rule_that_has_another_as_list,
    a_rule_that_owns_itself,
    a_rule_and_its_list_that_own_each_other,
    a_policy_that_is_its_own_main_mode,
    a_policy_that_is_its_own_rule,
    a_policy_that_has_another_as_main_mode,
    two_policies_that_have_each_other_as_rules,
    a_policy_that_replaces_itself,
    two_policies_that_replace_each_other,
)


@pytest.mark.parametrize("circle", CIRCLES)
def test_a_circle_is_no_obstacle(circle):
    keys = Keys()
    circle(keys)
    store = Store(keys)
    all_tasks(store)
    changed = stores.change(store, {"name": "A", "poll_interval": 7, "main_mode": {"pfs": True}})
    assert stores.change(changed.store, {"name": "A", "poll_interval": 7, "main_mode": {"pfs": True}}).operations == ()
    assert (changed.outcome.policy.poll_interval, changed.outcome.policy.main_mode.pfs) == (420, True)
    gone = stores.remove(store, "A").store
    assert "A" not in stores.facts(gone)
    assert stores.remove(gone, "A").operations == ()
