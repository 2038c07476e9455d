# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Stores with circular, missing and repeated references: each is read or refused with an error, and the work and the
memory for it grow no faster than the store.
"""

from __future__ import annotations

import contextlib
import functools

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import HostState
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import State
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.lines import read_list
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects import policies as objects
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan import REGISTRY, Planner
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.outcome import render_outcome, render_steps
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_rule_edit, parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.placed import PlacedEdit
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.names import (
    ACTION,
    ACTIVE_POLICY,
    FILTERS,
    ISAKMP,
    NFAS,
    OWNERS,
    REPLACES,
    reference,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits, OnePolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.script import ScriptGoal
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
    """The keys of a store to be changed: the assigned policy A with one rule R, whose objects have known keys."""

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
            new = known[fold(path)]
            self[new] = made.values(path)
            if new in owners:
                self[new][OWNERS] = refer(owners[new])
        self[POLICY] |= {ISAKMP: Value.string(reference(MAIN_MODE)), NFAS: refer(RULE_1)}
        self[RULE_1] |= {ACTION: Value.string(reference(ACTION_1)), FILTERS: refer(LIST_1)}

    def like(self, old: str, new: str, **values: Value | None) -> str:
        """Copy an object; None removes a value."""
        self[new] = {name: value for name, value in {**self[old], **values}.items() if value is not None}
        return new


# each adds n of something to a store


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


def rules_that_share_objects_without_owners(n, keys):
    rules_that_share_a_list_and_an_action(n, keys)
    for shared in (LIST_1, ACTION_1):
        del keys[shared][OWNERS], keys[shared]["ipsecName"]


def lists_of_a_rule(n, keys):
    keys[RULE_1][FILTERS] = refer(*(keys.like(LIST_1, key("ipsecFilter", i)) for i in range(n)))


def policies_that_share_everything(n, keys):
    for i in range(n):
        keys.like(POLICY, key("ipsecPolicy", i), ipsecName=Value.string(f"P{i}"))


def references_to_missing_rules(n, keys):
    keys[POLICY][NFAS] = refer(RULE_1, *(key("ipsecNFA", i) for i in range(n)))


def references_to_missing_lists(n, keys):
    keys[RULE_1][FILTERS] = refer(LIST_1, *(key("ipsecFilter", i) for i in range(n)))


def references_to_one_rule(n, keys):
    keys[POLICY][NFAS] = refer(*[RULE_1] * n)


def references_to_one_long_list(n, keys):
    filters_in_a_list(n, keys)
    keys[RULE_1][FILTERS] = refer(*[LIST_1] * n)


def references_to_one_rule_with_one_list(n, keys):
    keys[POLICY][NFAS], keys[RULE_1][FILTERS] = refer(*[RULE_1] * n), refer(*[LIST_1] * n)


def references_to_one_owner(n, keys):
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


def characters_of_a_description(n, keys):
    for path in (POLICY, RULE_1, LIST_1):
        keys[path]["description"] = Value.string("x" * n)


MANY = (
    filters_in_a_list,
    rules,
    rules_without_names,
    rules_that_share_a_list_and_an_action,
    rules_that_share_objects_without_owners,
    lists_of_a_rule,
    policies_that_share_everything,
    references_to_missing_rules,
    references_to_missing_lists,
    references_to_one_rule,
    references_to_one_long_list,
    references_to_one_rule_with_one_list,
    references_to_one_owner,
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
    characters_of_a_description,
)


def store_with(what, n) -> Store:
    keys = Keys()
    what(n, keys)
    return Store(keys)


# tasks


def show(store: Store) -> None:
    render_facts(HostState(graph=Graph(Store.parse(store.text())), digest="", service=stores.RUNNING))


def one_policy(**options):
    """A task with its diff and its result. What it cannot do raises `ModelError`."""

    def do(store: Store):
        with contextlib.suppress(ModelError):
            attempt = stores.run_goal(store, OnePolicy(*parse_task({"name": "A", **options}))).attempt
            render_steps(attempt, len(attempt.plan.operations))
            render_outcome(attempt, host="host", title="A", service=None, diff=True, return_policy=True)

    return do


def edited(store: Store) -> None:
    """Change all rules of the assigned policy and the policy itself."""
    policy = stores.facts(store)["A"]
    of_rule = {"name", "id", "filters"}
    rules = [{k: v for k, v in rule.items() if k in of_rule} | {"action": "permit"} for rule in policy["rules"]]
    one_policy(rules=rules, poll_interval=7)(store)


def commands(store: Store) -> None:
    with contextlib.suppress(ModelError):
        stores.run_lines(store, ["-w reg -p A -r R -n pass", "-w reg -p A -r New -f 0+*", "-w reg -p P1 -o"])


def script(*commands):
    """Commands of netsh. What they cannot do raises `ModelError`."""
    goal = ScriptGoal(read_list([f"netsh ipsec static {command}" for command in commands], "", True).static)

    def do(store: Store):
        with contextlib.suppress(ModelError):
            attempt = stores.run_goal(store, goal).attempt
            render_outcome(attempt, host="host", title="A", service=None, diff=True, return_policy=True)

    return do


def shared_list(store: Store) -> None:
    """Add a filter to the list of a rule, for all rules that share it."""
    options = {"policy": "A", "name": "R", "filters": ["0+192.0.2.99"], "filters_mode": "add", "shared": "change"}
    edit, _notes = parse_rule_edit(options, State.PRESENT)
    with contextlib.suppress(ModelError):
        stores.run_goal(store, Edits((PlacedEdit(edit),)))


def finish_interrupted(store: Store) -> None:
    planner = Planner(store, REGISTRY, now=0, new_guid=stores.counting_guids())
    planner.finish_interrupted(pending=True)
    planner.plan()


TASKS = (
    show,
    edited,
    commands,
    one_policy(rules_mode="merge", rules=[{**RULE, "name": "New"}], main_mode={"pfs": True}),
    one_policy(rules=[{**RULE, "name": "New"}]),
    one_policy(state="absent"),
    script("add filter R me 192.0.2.99", "set filteraction R action=permit", "add rule New A R R"),
    script("delete all"),
    shared_list,
    finish_interrupted,
)


def all_tasks(store: Store) -> None:
    for task in TASKS:
        task(store)


@pytest.mark.parametrize("what", MANY)
def test_work_grows_with_the_store(what):
    least, few, many = (store_with(what, n) for n in (2, 12, 60))
    # the first run fills caches
    all_tasks(many)
    for task in TASKS:
        base = calls(functools.partial(task, least))
        growth = calls(functools.partial(task, few)) - base
        assert calls(functools.partial(task, many)) - base < 58 / 10 * 1.25 * growth + 200


@pytest.mark.parametrize("what", MANY)
def test_memory_grows_with_the_store(what):
    few, many = store_with(what, 20), store_with(what, 60)
    for task in TASKS:
        assert peak(functools.partial(task, many)) < 3 * 1.5 * peak(functools.partial(task, few)) + 50_000


@pytest.mark.parametrize("n", [3000, pytest.param(100_000, marks=pytest.mark.judge)])
def test_one_of_many_filters_is_changed(n):
    store = store_with(filters_in_a_list, n)
    policy = stores.facts(store)["A"]
    filters = policy["rules"][0]["filters"]
    assert len(filters) == n
    filters[-1] = {"source": "me", "destination": "192.0.2.7"}
    done = stores.change(store, policy)
    assert len(stores.facts(done.store)["A"]["rules"][0]["filters"]) == n
    # one blob with 70 bytes a filter, and the times of change
    assert len(done.operations) < 10
    assert sum(len(operation.line()) for operation in done.operations) < n * 70 * 4 / 3 + 2000


def test_shared_objects_are_read_up_to_a_limit(monkeypatch):
    """Many rules share one long list, and each of them has all its filters."""

    def square(n, keys):
        filters_in_a_list(n, keys)
        rules_that_share_a_list_and_an_action(n, keys)

    few, many = store_with(square, 40), store_with(square, 160)
    limit = 100 * len(few.get(LIST_1, "ipsecData").data)
    monkeypatch.setattr(objects, "READ_LIMIT", limit)
    assert len(stores.facts(few)["A"]["rules"]) == 40
    stored = stores.stored(many, "A")
    assert 0 < sum(len(rule.rule.filters) for rule in stored.rules) < 100 * 40
    assert f"too many rules share long filter lists: reading {LIST_1} would exceed the limit of {limit} bytes" in str(
        stored.problems
    )
    with pytest.raises(ModelError, match="has a rule that cannot be read"):
        stores.change(many, {"name": "A", "rules": []})
    assert stores.remove(many, "A").store.paths() == [""]
    for task in TASKS:
        task(many)


# circular references


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
def test_a_circular_reference_does_not_prevent_a_task(circle):
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
