# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible_collections.ipsec.windows.plugins.module_utils.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils.report import steps
from ansible_collections.ipsec.windows.plugins.module_utils.store import Store
from unit import stores

RULE = {"name": "R", "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": "s3cret"}]}


def _steps(store, plan, done=None):
    return [step.render(done) for step in steps(plan.operations, Graph(store), Graph(plan.store))]


def test_a_new_policy_object_by_object():
    store = Store()
    plan = stores.change(store, {"name": "P", "rules": [RULE]}, assigned=True)
    found = _steps(store, plan)
    assert [(s["operation"], s["object"], s["name"]) for s in found] == [
        ("create", "filter list", "R"),
        ("create", "filter action", "R"),
        ("create", "rule", "R"),
        ("create", "main mode policy", None),
        ("create", "policy", "P"),
        ("change", "assignment", None),
    ]
    assert "s3cret" not in str(found)


def test_a_change_names_the_values():
    store = stores.change(Store(), {"name": "P", "rules": [RULE]}).store
    plan = stores.change(store, {"name": "P", "description": "d"})
    (step,) = _steps(store, plan)
    assert (step["operation"], step["values"]) == ("change", ["description", "whenChanged"])


def test_what_is_deleted_has_the_name_it_had():
    store = stores.change(Store(), {"name": "P", "rules": [RULE]}).store
    found = _steps(store, stores.remove(store, "P"))
    assert {(s["operation"], s["object"], s["name"]) for s in found} >= {
        ("delete", "rule", "R"),
        ("delete", "policy", "P"),
    }


def test_how_far_it_came():
    store = Store()
    plan = stores.change(store, {"name": "P", "rules": [RULE]})
    for done in range(len(plan.operations) + 1):
        words = [s["status"] for s in _steps(store, plan, done)]
        assert words == sorted(words, key=["done", "partly done", "not done"].index)
        assert words.count("partly done") <= 1
    assert set(words) == {"done"}
