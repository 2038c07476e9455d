# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Operations as a user reads them."""

from __future__ import annotations

from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan.report import steps
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from unit import stores

RULE = {"name": "R", "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": "s3cret"}]}


def _steps(store, task, done=None):
    return [step.render(done) for step in steps(task.operations, Graph(store), Graph(task.store))]


def test_a_new_policy_has_one_step_for_each_object():
    store = Store()
    task = stores.change(store, {"name": "P", "rules": [RULE]}, assigned=True)
    found = _steps(store, task)
    assert [(s["operation"], s["object"], s["name"]) for s in found] == [
        ("create", "filter list", "R"),
        ("create", "filter action", "R"),
        ("create", "rule", "R"),
        ("create", "main mode policy", None),
        ("create", "policy", "P"),
        ("change", "assignment", None),
    ]
    assert "s3cret" not in str(found)


def test_a_change_lists_the_names_of_its_values():
    store = stores.change(Store(), {"name": "P", "rules": [RULE]}).store
    task = stores.change(store, {"name": "P", "description": "d"})
    (step,) = _steps(store, task)
    assert (step["operation"], step["values"]) == ("change", ["description", "whenChanged"])


def test_a_deleted_object_is_listed_with_its_name():
    store = stores.change(Store(), {"name": "P", "rules": [RULE]}).store
    found = _steps(store, stores.remove(store, "P"))
    assert {(s["operation"], s["object"], s["name"]) for s in found} >= {
        ("delete", "rule", "R"),
        ("delete", "policy", "P"),
    }


def test_the_progress_of_each_step():
    store = Store()
    task = stores.change(store, {"name": "P", "rules": [RULE]})
    for done in range(len(task.operations) + 1):
        statuses = [s["status"] for s in _steps(store, task, done)]
        assert statuses == sorted(statuses, key=["done", "partly done", "not done"].index)
        assert statuses.count("partly done") <= 1
    assert set(statuses) == {"done"}
