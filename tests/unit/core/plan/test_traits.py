# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Plans for stores with different traits: the registry, and a store like a directory, in which all policies are in
force, a policy is never replaced by a new object, a change of one object is one step, and the server sets the times.
"""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import Policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph, ObjectClass
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import StoredPolicy, read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan import (
    REGISTRY,
    Atom,
    Plan,
    Planner,
    StoreTraits,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.names import (
    ACTIVE_POLICY,
    CHANGED,
    DESCRIPTION,
    NAME,
    OWNERS,
    REPLACES,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Delete, Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.merge import Changes, PolicyChange, Target
from hypothesis import event, given, settings
from hypothesis import strategies as st
from unit import stores, strategies
from winhost import policy as reader

DIRECTORY = StoreTraits(in_force=lambda graph, policy: True, swings=False, atom=Atom.OBJECT, stamps_time=True)
ALL_TRAITS = {"registry": REGISTRY, "directory": DIRECTORY}
NOW = 2_000_000_000


def plan(store: Store, traits: StoreTraits, policy: Policy | None, assigned=None) -> Plan:
    """The plan that changes the only policy of a store to `policy`; None deletes it."""
    planner = Planner(store, traits, now=NOW, new_guid=stores.counting_guids())
    planner.finish_interrupted(False)
    found = next(iter(read_policies(planner.graph)), None)
    target = None if policy is None else _target(found, policy)
    planner.change(Changes(policies=[PolicyChange(found, target, assigned)]))
    return planner.plan()


def _target(found: StoredPolicy | None, policy: Policy) -> Target:
    stored = found.rules if found else ()
    by_name = {origin.rule.name: origin for origin in stored}
    origins = tuple(by_name.get(rule.name) for rule in policy.rules)
    kept = {origin.key for origin in origins if origin}
    removed = tuple(origin for origin in stored if origin.key not in kept)
    return Target(policy=_with_response(policy, found), origins=origins, removed=removed)


def _with_response(policy: Policy, found: StoredPolicy | None) -> Policy:
    """A stored default response rule stays if the policy has none."""
    if policy.default_response is not None or found is None:
        return policy
    return dataclasses.replace(policy, default_response=found.policy.default_response)


def atoms(traits: StoreTraits, operations):
    """The operations in groups that the store carries out in one step."""
    if traits.atom is Atom.VALUE:
        return [[operation] for operation in operations]
    return [list(group) for _key, group in itertools.groupby(operations, key=lambda o: fold(o.path))]


def live(traits: StoreTraits, store: Store):
    """What hosts enforce, as the reader of the simulated host sees it."""
    tree = stores.to_tree(store)
    if traits is REGISTRY:
        return stores.in_force(tree)
    return [stores.enforced(policy) for policy in reader.policies(tree)]


def _check_reached(plan_: Plan, store: Store, policy: Policy) -> None:
    (found,) = read_policies(Graph(plan_.store))
    assert found.policy == policy
    assert not found.problems
    assert Graph(plan_.store).leftovers() == []
    assert stores.after(store, plan_.operations).digest() == plan_.store.digest()


@st.composite
def two_policies(draw):
    """Two policies that have much in common, as the stored and the wanted one."""
    pool = draw(st.lists(strategies.rules(), min_size=2, max_size=3))
    main_modes = draw(st.lists(strategies.main_modes, min_size=1, max_size=2))
    names = draw(st.lists(strategies.names, min_size=3, max_size=4, unique_by=fold))
    responses = [None, *draw(st.lists(strategies.default_responses, min_size=1, max_size=2))]

    def rule(name):
        made, other = (draw(st.sampled_from(pool)) for _i in range(2))
        changed = draw(st.sampled_from(["enabled", "authentication", "connection_type", "filter_list", "nothing"]))
        changes = {} if changed == "nothing" else {changed: getattr(other, changed)}
        return dataclasses.replace(made, name=name, **changes)

    def policy():
        return Policy(
            name=draw(st.sampled_from(names)),
            rules=tuple(map(rule, draw(st.lists(st.sampled_from(names), max_size=3, unique=True)))),
            description=draw(st.just("") | strategies.names),
            poll_interval=draw(st.sampled_from([60, 90, 10800])),
            main_mode=draw(st.sampled_from(main_modes)),
            default_response=draw(st.sampled_from(responses)),
        )

    return policy(), policy()


ANY_TWO = two_policies() | st.tuples(strategies.policies(), strategies.policies())


@pytest.mark.parametrize("traits", ALL_TRAITS.values(), ids=ALL_TRAITS)
@given(both=ANY_TWO, assigned=st.none() | st.booleans(), number=st.integers(0, 1000))
@settings(max_examples=40)
def test_a_plan_reaches_its_goal_in_safe_steps(traits, both, assigned, number):
    old, new = both
    assigned = assigned if traits.swings else None
    first = plan(Store(), traits, old, assigned)
    _check_reached(first, Store(), old)
    assert plan(first.store, traits, old, assigned).operations == ()
    second = plan(first.store, traits, new, assigned)
    expected = new if new.default_response else dataclasses.replace(new, default_response=old.default_response)
    _check_reached(second, first.store, expected)
    assert plan(second.store, traits, new, assigned).operations == ()

    # the old policy is in force, and from some step on the new one
    steps = atoms(traits, second.operations)
    store, allowed, cuts = first.store, [live(traits, first.store), live(traits, second.store)], [first.store]
    for count, step in enumerate(steps, 1):
        store = stores.after(store, step)
        cuts.append(store)
        # tests/unit/test_interruptions.py looks at each step in the registry
        if traits is DIRECTORY or count == number % len(steps):
            found = live(traits, store)
            assert found in allowed
            allowed = allowed[allowed.index(found) :]
    event(f"steps: {min(len(steps), 5)}")
    again = plan(cuts[number % len(cuts)], traits, new, assigned)
    _check_reached(again, cuts[number % len(cuts)], expected)
    assert live(traits, again.store) == live(traits, second.store)

    if traits is DIRECTORY:
        _check_whole_objects(Store(), first)
        _check_whole_objects(first.store, second)
    deleted = plan(second.store, traits, None)
    assert deleted.store.paths() in ([], [""])
    assert deleted.in_force == (traits is DIRECTORY or bool(assigned))
    assert plan(deleted.store, traits, None).operations == ()


def _check_whole_objects(before: Store, found: Plan) -> None:
    """No replacement, no times; new objects are written in one step, and old ones are not edited but for the policy."""
    graph = Graph(found.store)
    (policy,) = graph.of_class(ObjectClass.POLICY)
    assert not any(o.name in (CHANGED, REPLACES, ACTIVE_POLICY) for o in found.operations if isinstance(o, Set | Unset))
    assert not Graph(before).policies or Graph(before).policies == [policy]
    steps = [(fold(step[0].path), step) for step in atoms(DIRECTORY, found.operations)]
    created = {key for key, step in steps if isinstance(step[0], Create)}
    assert len([key for key, _step in steps if key == policy]) <= 1
    for key, step in steps:
        names = {o.name for o in step if isinstance(o, Set | Unset)}
        if isinstance(step[0], Create | Delete) or key == policy:
            continue
        # names and owners have no effect on hosts
        assert names <= ({OWNERS} if key in created else {NAME, DESCRIPTION, OWNERS})


@pytest.mark.parametrize("change", [{"poll_interval": 7}, {"main_mode": {"pfs": True}}, {"description": "d"}], ids=str)
def test_the_policy_object_stays_in_a_directory(change):
    registry = stores.change(Store(), {"name": "P", "rules": [{"name": "R", "filters": ["0+192.0.2.1"]}]})
    store = registry.store
    (found,) = read_policies(Graph(store))
    changed = stores.change(store, {"name": "P", **change}).outcome.policy
    done = plan(store, DIRECTORY, changed)
    assert done.policies[0].key == found.key
    assert done.policies[0].in_force
    assert [o.path for o in done.operations if isinstance(o, Delete)] in ([], [store.spelling(found.isakmp_key)])
