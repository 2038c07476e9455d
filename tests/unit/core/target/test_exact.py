# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The exact policies of a host, found by id or by name."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import ExactPolicies
from unit import stores

BLOCK = {"name": "R", "filters": ["*+0:445:TCP"], "action": "block"}
SECURE = {"name": "S", "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": "s3cret"}]}
START = stores.apply(
    Store(), [{"name": "P", "rules": [BLOCK, SECURE], "assigned": True}, {"name": "Q", "rules": [BLOCK]}]
)
IDS = {policy.policy.name: policy.policy.id for policy in read_policies(Graph(START))}


def _exact(store, *policies):
    return stores.run_goal(store, ExactPolicies(parse_policies(list(policies))))


def _found(store):
    """Names, numbers of rules, and whether they are assigned."""
    graph = Graph(store)
    return [(p.policy.name, len(p.rules), p.key == graph.active) for p in read_policies(graph)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], []),
        ([{"name": "P"}], [("P", 2, True)]),
        ([{"name": "p", "assigned": False}], [("p", 2, False)]),
        ([{"name": "Q", "assigned": True}], [("Q", 1, True)]),
        ([{"name": "Q", "assigned": True}, {"name": "P"}], [("P", 2, False), ("Q", 1, True)]),
        ([{"name": "New", "rules": [SECURE]}], [("New", 1, False)]),
        ([{"name": "P", "rules": []}, {"name": "Q"}], [("P", 0, True), ("Q", 1, False)]),
        # the name of one that goes, and two names that are exchanged
        ([{"id": IDS["P"], "name": "Q"}], [("Q", 2, True)]),
        ([{"id": IDS["P"], "name": "Q"}, {"id": IDS["Q"], "name": "P"}], [("P", 1, False), ("Q", 2, True)]),
        # an id of another host
        ([{"id": "{00000000-1111-2222-3333-444444444444}", "name": "P"}], [("P", 2, True)]),
        ([{"id": IDS["P"], "name": "New"}, {"name": "P", "rules": [BLOCK]}], [("New", 2, True), ("P", 1, False)]),
    ],
)
def test_the_policies_are_those_of_the_list(wanted, found):
    done = _exact(START, *wanted)
    assert _found(done.store) == found
    assert not _exact(done.store, *wanted).operations
    # at each step, the policy in force is the old one or the new one
    store, allowed = START.copy(), [stores.in_force(stores.to_tree(s)) for s in (START, done.store)]
    for operation in done.operations:
        store.change(operation)
        assert stores.in_force(stores.to_tree(store)) in allowed


def test_exchanged_names_can_be_finished_after_an_interruption():
    wanted = [
        {"id": IDS["P"], "name": "Q", "poll_interval": 9, "rules": [SECURE]},
        {"id": IDS["Q"], "name": "P", "rules": [BLOCK]},
    ]
    done = _exact(START, *wanted)
    store = START.copy()
    for operation in done.operations:
        store.change(operation)
        assert _found(_exact(store, *wanted).store) == _found(done.store)
