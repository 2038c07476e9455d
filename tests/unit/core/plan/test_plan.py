# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Plans for stores of all kinds of writers. Interruptions are in tests/unit/test_interruptions.py."""

from __future__ import annotations

import copy
import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph, ObjectClass
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan import REGISTRY, Planner
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.names import REPLACES, reference
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Delete, Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Kind, Value
from unit import stores
from unit.stores import (
    change,
    counting_guids,
    facts,
    microsoft_defaults,
    remove,
    stored,
    to_tree,
    windows_2022,
)
from winhost import policy as reader

GSECURITY = "GSecurity IP Policy"
BLOCK_RULE = {"name": "Close SMB", "filters": ["*+0:445:TCP"], "action": "block"}
SECURE_RULE = {
    "name": "Secured servers",
    "filters": ["0+192.0.2.10"],
    "security_methods": ["esp[3des,sha] 3600S/50000K PFS"],
    "authentication": ["kerberos", {"preshared_key": "s3cret"}],
}


def _wanted(store: Store, name: str) -> dict:
    return copy.deepcopy(facts(store)[name])


def test_facts_of_a_policy_change_nothing():
    for store, count in ((windows_2022(), 1), (microsoft_defaults(), 3)):
        policies = facts(store)
        assert len(policies) == count
        for policy in policies.values():
            assert change(store, policy).operations == ()


def test_facts_of_a_policy_create_the_same_policy_on_another_host():
    for store in (windows_2022(), microsoft_defaults()):
        for policy in facts(store).values():
            made = facts(change(Store(), policy).store)[policy["name"]]
            assert _without_ids(made) == _without_ids(policy)


def _without_ids(policy: dict) -> dict:
    policy = copy.deepcopy(policy)
    for part in (policy, *policy["rules"]):
        part["id"] = None
    return policy


def test_a_changed_port_writes_one_blob_and_the_times_above_it():
    store = windows_2022()
    wanted = _wanted(store, GSECURITY)
    wanted["rules"][1]["filters"][0]["source_port"] = 2222
    done = change(store, wanted)
    assert [(type(o), o.path.partition("{")[0], o.name) for o in done.operations] == [
        (Set, "ipsecFilter", "ipsecData"),
        (Set, "ipsecFilter", "whenChanged"),
        (Set, "ipsecNFA", "whenChanged"),
        (Set, "ipsecPolicy", "whenChanged"),
    ]
    assert done.plan.in_force
    old, new = (s.get(done.operations[0].path, "ipsecData").data for s in (store, done.store))
    assert len(old) == len(new)


def test_a_shared_action_is_copied():
    store = windows_2022()
    wanted = _wanted(store, GSECURITY)
    wanted["rules"][1]["action"] = "permit"
    done = change(store, wanted)
    assert [r.action for r in reader.policies(to_tree(done.store))[0].rules] == ["block", "permit", "negotiate"]
    graph = Graph(done.store)
    actions = [key for key in graph.of_class(ObjectClass.ACTION) if graph.text(key, "ipsecName") == "Block"]
    assert sorted(len(graph.owners(key)) for key in actions) == [1, 1]


def test_unknown_fields_survive_other_changes():
    store = windows_2022()
    policy = stored(store, GSECURITY)
    nfa, isakmp = policy.rules[0].key, policy.isakmp_key
    changed = store.copy()
    changed.change(Set(nfa, "somethingNew", Value.string("kept")))
    blob = dataclasses.replace(policy.isakmp, options=2, new_dh=b"\4\0\0\0")
    changed.change(Set(isakmp, "ipsecData", Value.binary(blob.pack())))
    wanted = _wanted(changed, GSECURITY)
    wanted["rules"][0]["enabled"] = False
    wanted["rules"][1]["action"] = "permit"
    wanted["main_mode"]["pfs"] = True
    done = change(changed, wanted)
    found = stored(done.store, GSECURITY)
    assert found.isakmp == dataclasses.replace(blob, master_pfs=1)
    assert any(done.store.get(rule.key, "somethingNew") == Value.string("kept") for rule in found.rules)


def test_a_blob_of_an_older_writer_keeps_its_form():
    store = microsoft_defaults()
    wanted = _wanted(store, "Server (Request Security)")
    wanted["rules"][0]["filters"].append({"source": "me", "destination": "192.0.2.1"})
    done = change(store, wanted)
    (write,) = [
        o for o in done.operations if isinstance(o, Set) and o.name == "ipsecData" and o.path.startswith("ipsecFilter")
    ]
    assert len(write.value.data) == 20 + int.from_bytes(write.value.data[16:20], "little") + 1


def test_assigning_one_policy_unassigns_the_other():
    done = change(windows_2022(), {"name": "New", "rules": [BLOCK_RULE]}, assigned=True)
    assert done.plan.unassigned == GSECURITY
    assert isinstance(done.operations[-1], Set)
    assert done.operations[-1].name == "ActivePolicy"
    assert [p["name"] for p in facts(done.store).values()] == [GSECURITY, "New"]


def test_unassigning_comes_before_all_changes():
    store = windows_2022()
    done = change(store, {"name": GSECURITY, "rules": [BLOCK_RULE], "description": "x"}, assigned=False)
    assert done.operations[0] == Unset("", "ActivePolicy")
    assert done.plan.in_force


def test_a_second_run_does_nothing():
    wanted = {"name": "New", "rules": [BLOCK_RULE, SECURE_RULE], "main_mode": {"pfs": True}, "default_response": True}
    done = change(windows_2022(), wanted, assigned=True)
    assert done.operations
    assert change(done.store, wanted, assigned=True).operations == ()


def test_merge_leaves_other_rules_alone():
    store = change(Store(), {"name": "New", "rules": [BLOCK_RULE, SECURE_RULE]}).store
    other = {"name": "close smb", "filters": ["*+0:139:TCP"], "action": "block"}
    done = change(store, {"name": "new", "rules": [other]}, rules_mode="merge")
    assert [r["name"] for r in facts(done.store)["new"]["rules"]] == ["close smb", "Secured servers"]
    exact = change(store, {"name": "New", "rules": [other]})
    assert [r["name"] for r in facts(exact.store)["New"]["rules"]] == ["close smb"]


def test_an_empty_list_of_rules_removes_all_rules():
    wanted = {"name": "New", "rules": [BLOCK_RULE], "default_response": True}
    store = change(Store(), wanted, assigned=True).store
    done = change(store, {"name": "New", "rules": []})
    assert facts(done.store)["New"]["rules"] == []
    assert facts(done.store)["New"]["default_response"]["enabled"]
    assert Graph(done.store).leftovers() == []


def test_a_policy_is_renamed_by_its_id():
    store = windows_2022()
    id_ = facts(store)[GSECURITY]["id"]
    done = change(store, {"id": id_, "name": "Other"})
    assert [o.name for o in done.operations] == ["ipsecName", "whenChanged"]


def test_deleting_a_policy_deletes_its_own_objects():
    done = remove(windows_2022(), GSECURITY)
    assert done.operations[0] == Unset("", "ActivePolicy")
    assert done.store.paths() == [""]
    assert done.plan.remaining == []


def test_deleting_a_policy_keeps_objects_that_others_use():
    store = microsoft_defaults()
    done = remove(store, "Server (Request Security)")
    graph = Graph(done.store)
    assert sorted(graph.text(key, "ipsecName") for key in done.plan.remaining) == [
        "All ICMP Traffic",
        "All IP Traffic",
        "Permit",
    ]
    assert all(len(graph.owners(key)) == 1 for key in done.plan.remaining)
    assert [p["name"] for p in facts(done.store).values()] == [
        "Client (Respond Only)",
        "Secure Server (Require Security)",
    ]
    assert done.store.paths().count("ipsecNFA{6A1F5C6F-72B7-11D2-ACF0-0060B0ECCA17}") == 1


def test_the_library_of_the_snap_in_stays():
    store = windows_2022()
    rule = stored(store, GSECURITY).rules[0]
    (list_,) = rule.filters
    store.change(Unset(list_, "ipsecOwnersReference"))
    wanted = _wanted(store, GSECURITY)
    wanted["rules"][0]["filters"] = ["0+192.0.2.1"]
    edited = change(store, wanted).store
    assert edited.get(list_, "ipsecData") == store.get(list_, "ipsecData")
    done = remove(store, GSECURITY)
    assert done.plan.remaining == [list_]


def test_deleting_a_missing_policy_changes_nothing():
    assert remove(windows_2022(), "Other").operations == ()


@pytest.mark.parametrize("assigned", [False, True])
def test_times_only_increase_and_that_of_the_policy_is_the_latest(assigned):
    store = change(Store(), {"name": "New", "rules": [BLOCK_RULE, SECURE_RULE]}, assigned=assigned, now=1000).store
    for now, action, interval in ((1000, "permit", 1), (1000, "block", 1), (500, "permit", 2), (1001, "block", 3)):
        before = store.get(stored(store, "New").key, "whenChanged").data
        rules = [{**BLOCK_RULE, "action": action}, {**SECURE_RULE, "enabled": action == "block"}]
        store = change(store, {"name": "New", "rules": rules, "poll_interval": interval}, now=now).store
        policy = stored(store, "New")
        after = store.get(policy.key, "whenChanged").data
        assert after > before
        assert all(store.get(rule.key, "whenChanged").data <= after for rule in policy.rules)


def test_a_rule_keeps_several_filter_lists():
    def rule(*ports, **options):
        return {"name": "R", "filters": [f"*+0:{port}:TCP" for port in ports], "action": "block", **options}

    store = change(Store(), {"name": "New", "rules": [rule(1), {**rule(2, 3), "name": "S"}]}, assigned=True).store
    one, two = stored(store, "New").rules
    lists = tuple(reference(store.spelling(key)) for key in (*one.filters, *two.filters))
    store.change(Set(one.key, "ipsecFilterReference", Value.strings(lists)))
    store.change(Delete(two.key))
    policy = stored(store, "New").key
    store.change(Set(policy, "ipsecNFAReference", Value.strings([reference(store.spelling(one.key))])))
    for wanted in (
        {"name": "New", "rules": [rule(1, 2, 3, 4)]},
        {"name": "New", "rules": [rule(1, 2, 3, 4)], "poll_interval": 7},
        {"name": "New", "rules": [rule(1, 2, 3, 4, action="permit")]},
        {"name": "New", "rules": [rule(1, 2)], "poll_interval": 7},
        {"name": "New", "rules": [rule(4)], "poll_interval": 7},
    ):
        done = change(store, wanted)
        ports = [int(f.partition(":")[2].split(":")[0]) for f in wanted["rules"][0]["filters"]]
        (found,) = facts(done.store)["New"]["rules"]
        assert sorted(f["destination_port"] for f in found["filters"]) == ports
        assert change(done.store, wanted).operations == ()
        assert Graph(done.store).leftovers() == []


@pytest.mark.parametrize("assigned", [False, True])
@pytest.mark.parametrize("ports", [(2, 3, 4), (1, 2), (1, 2, 3, 4)])
@pytest.mark.parametrize("name", ["R", "S", "other"])
def test_several_filter_lists_have_the_name_of_the_first(ports, name, assigned):
    rules = [
        {"name": "R", "filters": ["*+0:1:TCP"], "action": "block"},
        {"name": "S", "filters": ["*+0:2:TCP", "*+0:3:TCP"], "action": "block"},
    ]
    store = change(Store(), {"name": "New", "rules": rules}, assigned=assigned).store
    one, two = stored(store, "New").rules
    lists = tuple(reference(store.spelling(key)) for key in (*one.filters, *two.filters))
    store.change(Set(one.key, "ipsecFilterReference", Value.strings(lists)))
    wanted = {**rules[0], "filters": [f"*+0:{port}:TCP" for port in ports], "filter_list": name, "action": "permit"}
    # the second list goes to the one rule, or stays shared
    for rules_mode in ("exact", "merge"):
        done = change(store, {"name": "New", "rules": [wanted], "poll_interval": 7}, rules_mode=rules_mode)
        (found,) = (rule for rule in done.outcome.policy.rules if rule.name == "R")
        assert (found.filter_list, len(found.filters)) == (name, len(ports))
        assert Graph(done.store).leftovers() == []


def test_a_shared_rule_is_not_edited():
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE]}).store
    store = change(store, {"name": "B"}).store
    (rule,) = stored(store, "A").rules
    store.change(Set(stored(store, "B").key, "ipsecNFAReference", Value.strings([reference(store.spelling(rule.key))])))
    before = facts(store)["B"]
    for edit in ({"filter_list": "other", "filter_action": "other"}, {"enabled": False}, {"action": "permit"}):
        wanted = {"name": "A", "rules": [{**BLOCK_RULE, **edit}]}
        done = change(store, wanted)
        assert facts(done.store)["B"] == before
        assert change(done.store, wanted).operations == ()


@pytest.mark.parametrize("name", ["", "ipsecNFAReference", "ipsecISAKMPReference"])
def test_objects_that_an_unreadable_object_may_use_stay(name):
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE]}, assigned=True).store
    store.change(Set(stored(store, "A").key, name, Value.string("")))
    keys = {path: dict(store.values(path)) for path in store.paths()}
    keys[store.spelling(stored(store, "A").key)][name] = Value(Kind.UNKNOWN, b"")
    store = Store(keys)
    done = change(store, {"name": "B", "rules": [BLOCK_RULE]})
    assert set(store.paths()) <= set(done.store.paths())
    assert "cannot be read" in str(stored(store, "A").problems)


@pytest.mark.parametrize("value", [Value.number(5), Value(Kind.NONE, b""), Value(Kind.EXPAND_STRING, "text")])
def test_a_name_or_description_of_another_kind_stays(value):
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE]}).store
    for name in ("description", "ipsecName"):
        store.change(Set(stored(store, "A").rules[0].key, name, value))
    assert change(store, facts(store)["A"]).operations == ()


def test_objects_that_are_referred_to_as_another_class_are_deleted_in_one_run():
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE, {**BLOCK_RULE, "name": "other"}]}).store
    first, second = (rule.key for rule in stored(store, "A").rules)
    for user, used in ((first, second), (second, first)):
        changed = store.copy()
        changed.change(Set(user, "ipsecNegotiationPolicyReference", Value.string(reference(used))))
        assert remove(changed, "A").store.paths() == [""]


def test_a_policy_that_has_only_the_mark_of_a_replacement_is_deleted():
    store = Store({"": {}, "ipsecPolicy{00000000-0000-0000-0000-000000000001}": {REPLACES: Value.string("gone")}})
    planner = Planner(store, REGISTRY, now=1, new_guid=counting_guids())
    planner.finish_interrupted(False)
    assert planner.plan().store.paths() == [""]


def test_values_of_an_unknown_kind_do_not_prevent_a_change():
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE]}, assigned=True).store
    keys = {path: dict(store.values(path)) for path in store.paths()}
    for path, values in keys.items():
        if path:
            values["odd"] = Value(Kind.UNKNOWN, b"")
    wanted = {"name": "A", "rules": [{**BLOCK_RULE, "enabled": False}], "main_mode": {"pfs": True}, "poll_interval": 1}
    done = change(Store(keys), wanted)
    assert change(done.store, wanted).operations == ()


def test_one_of_two_policies_with_one_name_is_changed_by_id():
    store = change(change(Store(), {"name": "A"}).store, {"name": "B"}).store
    store.change(Set(stored(store, "B").key, "ipsecName", Value.string("A")))
    one, two = read_policies(Graph(store))
    done = change(store, {"name": "A", "id": two.policy.id, "description": "x"})
    assert {p.policy.id: p.policy.description for p in read_policies(Graph(done.store))} == {
        one.policy.id: "",
        two.policy.id: "x",
    }


def test_an_object_shared_by_two_rules_is_deleted_with_them():
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE, {**BLOCK_RULE, "name": "S"}]}).store
    one, two = stored(store, "A").rules
    store.change(Set(two.key, "ipsecNegotiationPolicyReference", Value.string(reference(one.action_key))))
    store.change(Delete(two.action_key))
    for name in ("ipsecName", "ipsecOwnersReference"):
        store.change(Unset(one.action_key, name))
    for done in (remove(store, "A"), change(store, {"name": "A", "rules": []})):
        assert one.action_key not in done.store
        assert done.plan.remaining == []


@pytest.mark.parametrize("unreadable", ["isakmp_key", "key"])
def test_an_unreadable_object_stays_if_something_else_changes(unreadable):
    store = windows_2022()
    key = getattr(stored(store, GSECURITY), unreadable)
    store.change(Set(key, "ipsecData", Value.binary(b"\1\2\3")))
    done = change(store, {"name": GSECURITY, "description": "x"})
    assert done.store.get(key, "ipsecData").data == b"\1\2\3"
    done = change(store, {"name": GSECURITY, "main_mode": {"pfs": True}, "poll_interval": 5})
    repaired = stored(done.store, GSECURITY)
    assert (repaired.policy.main_mode.pfs, repaired.policy.poll_interval, repaired.problems) == (True, 300, ())


def test_rules_with_one_name_are_matched_by_content_if_their_ids_have_changed():
    other = {**BLOCK_RULE, "name": "S", "filters": ["*+0:139:TCP"]}
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE, other]}, assigned=True).store
    store.change(Set(stored(store, "A").rules[1].key, "ipsecName", Value.string(BLOCK_RULE["name"])))
    wanted = facts(store)["A"]
    for rule in wanted["rules"]:
        rule["enabled"] = False
    done = change(store, wanted)
    assert done.operations
    assert {r["id"] for r in facts(done.store)["A"]["rules"]}.isdisjoint(r["id"] for r in wanted["rules"])
    assert change(done.store, wanted | {"id": None}).operations == ()


def test_an_interrupted_creation_of_a_policy_is_finished():
    wanted = {"name": "New", "rules": [BLOCK_RULE, SECURE_RULE]}
    done = change(Store(), wanted)
    for count in range(len(done.operations)):
        finished = change(stores.after(Store(), done.operations[:count]), wanted).store
        (key,) = Graph(finished).of_class(ObjectClass.POLICY)
        assert {name.lower() for name in finished.values(key)} == {
            name.lower() for name in done.store.values(stored(done.store, "New").key)
        }


NEXT_TASKS = {
    "unassign A": lambda store: change(store, {"name": "A"}, assigned=False),
    "assign B": lambda store: change(store, {"name": "B"}, assigned=True),
    "delete A": lambda store: remove(store, "A"),
    "change A again": lambda store: change(store, {"name": "A", "poll_interval": 30}),
    "delete B": lambda store: remove(store, "B"),
}


@pytest.mark.parametrize("then", NEXT_TASKS.values(), ids=NEXT_TASKS)
def test_another_task_finishes_an_interrupted_change(then):
    store = change(Store(), {"name": "B", "rules": [BLOCK_RULE]}).store
    store = change(store, {"name": "A", "poll_interval": 10, "rules": [BLOCK_RULE]}, assigned=True).store
    done = change(store, {"name": "A", "poll_interval": 20, "rules": [BLOCK_RULE, SECURE_RULE]})
    for count in range(len(done.operations) + 1):
        cut = stores.after(store, done.operations[:count])
        swung = Graph(cut).active != Graph(store).active
        end = then(cut)
        expected = then(done.store if swung else store)
        assert _meaning(end.store) == _meaning(expected.store), count
        assert Graph(end.store).leftovers() == []
        assert end.key is None or end.key in end.store
        assert then(end.store).operations == ()


def _meaning(store: Store):
    active = Graph(store).active
    return {name: _without_ids(policy) for name, policy in facts(store).items()}, active and Graph(store).text(
        active, "ipsecName"
    )


def test_the_representation_of_a_plan_has_no_key():
    done = change(Store(), {"name": "New", "rules": [SECURE_RULE]})
    assert "s3cret" not in repr(done.operations) + repr(done.plan)
    assert "s3cret" not in str([render_policy(p.policy) for p in read_policies(Graph(done.store))])
