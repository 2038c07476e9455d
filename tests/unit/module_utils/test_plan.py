# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Plans, judged with the eye of the simulated host's reader. That they can be cut off is in test_interruptions.py."""

from __future__ import annotations

import copy
import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.graph import REPLACES, Graph, ObjectClass, reference
from ansible_collections.ipsec.windows.plugins.module_utils.merge import Target
from ansible_collections.ipsec.windows.plugins.module_utils.objects import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils.plan import plan_finish, plan_present
from ansible_collections.ipsec.windows.plugins.module_utils.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils.store import Delete, Kind, Set, Store, Unset, Value
from hypothesis import given, settings
from hypothesis import strategies as st
from unit import strategies
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


def _after(store: Store, operations) -> Store:
    copied = store.copy()
    for operation in operations:
        copied.change(operation)
    return copied


def _wanted(store: Store, name: str) -> dict:
    return copy.deepcopy(facts(store)[name])


def test_what_was_read_is_what_is_there():
    for store, count in ((windows_2022(), 1), (microsoft_defaults(), 3)):
        policies = facts(store)
        assert len(policies) == count
        for policy in policies.values():
            assert change(store, policy).operations == ()


def test_what_was_read_makes_the_same_policy_elsewhere():
    for store in (windows_2022(), microsoft_defaults()):
        for policy in facts(store).values():
            made = facts(change(Store(), policy).store)[policy["name"]]
            assert _without_ids(made) == _without_ids(policy)


def _without_ids(policy: dict) -> dict:
    policy = copy.deepcopy(policy)
    for part in (policy, *policy["rules"]):
        part["id"] = None
    return policy


def test_a_changed_port_rewrites_one_blob_and_the_times_above_it():
    store = windows_2022()
    wanted = _wanted(store, GSECURITY)
    wanted["rules"][1]["filters"][0]["source_port"] = 2222
    plan = change(store, wanted)
    assert [(type(o), o.path.partition("{")[0], o.name) for o in plan.operations] == [
        (Set, "ipsecFilter", "ipsecData"),
        (Set, "ipsecFilter", "whenChanged"),
        (Set, "ipsecNFA", "whenChanged"),
        (Set, "ipsecPolicy", "whenChanged"),
    ]
    assert plan.in_force
    old, new = (s.get(plan.operations[0].path, "ipsecData").data for s in (store, plan.store))
    assert len(old) == len(new)


def test_a_shared_action_is_copied():
    store = windows_2022()
    wanted = _wanted(store, GSECURITY)
    wanted["rules"][1]["action"] = "permit"
    plan = change(store, wanted)
    assert [r.action for r in reader.policies(to_tree(plan.store))[0].rules] == ["block", "permit", "negotiate"]
    graph = Graph(plan.store)
    actions = [key for key in graph.of_class(ObjectClass.ACTION) if graph.text(key, "ipsecName") == "Block"]
    assert sorted(len(graph.owners(key)) for key in actions) == [1, 1]


def test_a_field_without_name_survives_a_change_elsewhere():
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
    plan = change(changed, wanted)
    found = stored(plan.store, GSECURITY)
    assert found.isakmp == dataclasses.replace(blob, master_pfs=1)
    assert any(plan.store.get(rule.key, "somethingNew") == Value.string("kept") for rule in found.rules)


def test_an_old_writers_blob_keeps_its_form():
    store = microsoft_defaults()
    wanted = _wanted(store, "Server (Request Security)")
    wanted["rules"][0]["filters"].append({"source": "me", "destination": "192.0.2.1"})
    plan = change(store, wanted)
    (write,) = [
        o for o in plan.operations if isinstance(o, Set) and o.name == "ipsecData" and o.path.startswith("ipsecFilter")
    ]
    assert len(write.value.data) == 20 + int.from_bytes(write.value.data[16:20], "little") + 1


def test_assigning_one_policy_unassigns_the_other_and_says_so():
    plan = change(windows_2022(), {"name": "New", "rules": [BLOCK_RULE]}, assigned=True)
    assert plan.unassigned == GSECURITY
    assert isinstance(plan.operations[-1], Set)
    assert plan.operations[-1].name == "ActivePolicy"
    assert [p["name"] for p in facts(plan.store).values()] == [GSECURITY, "New"]


def test_unassigning_comes_before_all_changes():
    store = windows_2022()
    plan = change(store, {"name": GSECURITY, "rules": [BLOCK_RULE], "description": "x"}, assigned=False)
    assert plan.operations[0] == Unset("", "ActivePolicy")
    assert plan.in_force


def test_a_second_run_does_nothing():
    wanted = {"name": "New", "rules": [BLOCK_RULE, SECURE_RULE], "main_mode": {"pfs": True}, "default_response": True}
    plan = change(windows_2022(), wanted, assigned=True)
    assert plan.operations
    assert change(plan.store, wanted, assigned=True).operations == ()


def test_merge_leaves_other_rules_alone():
    store = change(Store(), {"name": "New", "rules": [BLOCK_RULE, SECURE_RULE]}).store
    other = {"name": "close smb", "filters": ["*+0:139:TCP"], "action": "block"}
    plan = change(store, {"name": "new", "rules": [other]}, rules_mode="merge")
    assert [r["name"] for r in facts(plan.store)["new"]["rules"]] == ["close smb", "Secured servers"]
    assert change(store, {"name": "New", "rules": [other]}).store.paths() != plan.store.paths()


def test_no_rules_are_no_rules():
    wanted = {"name": "New", "rules": [BLOCK_RULE], "default_response": True}
    store = change(Store(), wanted, assigned=True).store
    plan = change(store, {"name": "New", "rules": []})
    assert facts(plan.store)["New"]["rules"] == []
    assert facts(plan.store)["New"]["default_response"]["enabled"]
    assert Graph(plan.store).leftovers() == []


def test_renaming_by_id():
    store = windows_2022()
    id_ = facts(store)[GSECURITY]["id"]
    plan = change(store, {"id": id_, "name": "Other"})
    assert [o.name for o in plan.operations] == ["ipsecName", "whenChanged"]


def test_deleting_takes_all_that_belongs_to_the_policy_alone():
    plan = remove(windows_2022(), GSECURITY)
    assert plan.operations[0] == Unset("", "ActivePolicy")
    assert plan.store.paths() == [""]
    assert plan.remaining == ()


def test_deleting_leaves_what_others_use():
    store = microsoft_defaults()
    plan = remove(store, "Server (Request Security)")
    graph = Graph(plan.store)
    assert sorted(graph.text(key, "ipsecName") for key in plan.remaining) == [
        "All ICMP Traffic",
        "All IP Traffic",
        "Permit",
    ]
    assert all(len(graph.owners(key)) == 1 for key in plan.remaining)
    assert [p["name"] for p in facts(plan.store).values()] == [
        "Client (Respond Only)",
        "Secure Server (Require Security)",
    ]
    assert plan.store.paths().count("ipsecNFA{6A1F5C6F-72B7-11D2-ACF0-0060B0ECCA17}") == 1


def test_the_library_of_the_snap_in_stays():
    store = windows_2022()
    rule = stored(store, GSECURITY).rules[0]
    (list_,) = rule.filters
    store.change(Unset(list_, "ipsecOwnersReference"))
    wanted = _wanted(store, GSECURITY)
    wanted["rules"][0]["filters"] = ["0+192.0.2.1"]
    edited = change(store, wanted).store
    assert edited.get(list_, "ipsecData") == store.get(list_, "ipsecData")
    plan = remove(store, GSECURITY)
    assert plan.remaining == (list_,)


def test_a_missing_policy_is_deleted_already():
    assert remove(windows_2022(), "Other").operations == ()


@pytest.mark.parametrize("assigned", [False, True])
def test_times_only_go_up_and_the_policys_is_the_last(assigned):
    store = change(Store(), {"name": "New", "rules": [BLOCK_RULE, SECURE_RULE]}, assigned=assigned, now=1000).store
    for now, action, interval in ((1000, "permit", 1), (1000, "block", 1), (500, "permit", 2), (1001, "block", 3)):
        before = store.get(stored(store, "New").key, "whenChanged").data
        rules = [{**BLOCK_RULE, "action": action}, {**SECURE_RULE, "enabled": action == "block"}]
        store = change(store, {"name": "New", "rules": rules, "poll_interval": interval}, now=now).store
        policy = stored(store, "New")
        after = store.get(policy.key, "whenChanged").data
        assert after > before
        assert all(store.get(rule.key, "whenChanged").data <= after for rule in policy.rules)


def test_a_rule_with_several_filter_lists_keeps_them_all():
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
        plan = change(store, wanted)
        ports = [int(f.partition(":")[2].split(":")[0]) for f in wanted["rules"][0]["filters"]]
        (found,) = facts(plan.store)["New"]["rules"]
        assert sorted(f["destination_port"] for f in found["filters"]) == ports
        assert change(plan.store, wanted).operations == ()
        assert Graph(plan.store).leftovers() == []


@pytest.mark.parametrize("assigned", [False, True])
@pytest.mark.parametrize("ports", [(2, 3, 4), (1, 2), (1, 2, 3, 4)])
@pytest.mark.parametrize("name", ["R", "S", "other"])
def test_the_name_of_several_filter_lists_is_that_of_the_first(ports, name, assigned):
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
        plan = change(store, {"name": "New", "rules": [wanted], "poll_interval": 7}, rules_mode=rules_mode)
        (found,) = (rule for rule in plan.outcome.policy.rules if rule.name == "R")
        assert (found.filter_list, len(found.filters)) == (name, len(ports))
        assert Graph(plan.store).leftovers() == []


def test_a_rule_that_two_policies_share_is_not_edited():
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE]}).store
    store = change(store, {"name": "B"}).store
    (rule,) = stored(store, "A").rules
    store.change(Set(stored(store, "B").key, "ipsecNFAReference", Value.strings([reference(store.spelling(rule.key))])))
    before = facts(store)["B"]
    for edit in ({"filter_list": "other", "filter_action": "other"}, {"enabled": False}, {"action": "permit"}):
        wanted = {"name": "A", "rules": [{**BLOCK_RULE, **edit}]}
        plan = change(store, wanted)
        assert facts(plan.store)["B"] == before
        assert change(plan.store, wanted).operations == ()


@pytest.mark.parametrize("name", ["", "ipsecNFAReference", "ipsecISAKMPReference"])
def test_what_an_unreadable_object_may_use_is_no_leftover(name):
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE]}, assigned=True).store
    store.change(Set(stored(store, "A").key, name, Value.string("")))
    keys = {path: dict(store.values(path)) for path in store.paths()}
    keys[store.spelling(stored(store, "A").key)][name] = Value(Kind.UNKNOWN, b"")
    store = Store(keys)
    plan = change(store, {"name": "B", "rules": [BLOCK_RULE]})
    assert set(store.paths()) <= set(plan.store.paths())
    assert "cannot be read" in str(stored(store, "A").problems)


@pytest.mark.parametrize("value", [Value.number(5), Value(Kind.NONE, b""), Value(Kind.EXPAND_STRING, "text")])
def test_a_name_or_description_of_another_kind_is_no_change(value):
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE]}).store
    for name in ("description", "ipsecName"):
        store.change(Set(stored(store, "A").rules[0].key, name, value))
    assert change(store, facts(store)["A"]).operations == ()


def test_what_is_referred_to_as_if_it_were_of_another_class_goes_at_once():
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE, {**BLOCK_RULE, "name": "other"}]}).store
    first, second = (rule.key for rule in stored(store, "A").rules)
    for user, used in ((first, second), (second, first)):
        changed = store.copy()
        changed.change(Set(user, "ipsecNegotiationPolicyReference", Value.string(reference(used))))
        assert remove(changed, "A").store.paths() == [""]


def test_a_policy_that_only_says_what_it_replaces_goes_at_once():
    store = Store({"": {}, "ipsecPolicy{00000000-0000-0000-0000-000000000001}": {REPLACES: Value.string("gone")}})
    assert plan_finish(store, False, 1, counting_guids()).store.paths() == [""]


def test_a_value_of_an_unknown_kind_is_no_obstacle():
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE]}, assigned=True).store
    keys = {path: dict(store.values(path)) for path in store.paths()}
    for path, values in keys.items():
        if path:
            values["odd"] = Value(Kind.UNKNOWN, b"")
    wanted = {"name": "A", "rules": [{**BLOCK_RULE, "enabled": False}], "main_mode": {"pfs": True}, "poll_interval": 1}
    plan = change(Store(keys), wanted)
    assert change(plan.store, wanted).operations == ()


def test_two_policies_of_one_name_are_changed_by_id():
    store = change(change(Store(), {"name": "A"}).store, {"name": "B"}).store
    store.change(Set(stored(store, "B").key, "ipsecName", Value.string("A")))
    one, two = read_policies(Graph(store))
    plan = change(store, {"name": "A", "id": two.policy.id, "description": "x"})
    assert {p.policy.id: p.policy.description for p in read_policies(Graph(plan.store))} == {
        one.policy.id: "",
        two.policy.id: "x",
    }


def test_what_two_rules_of_a_policy_shared_goes_with_them():
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE, {**BLOCK_RULE, "name": "S"}]}).store
    one, two = stored(store, "A").rules
    store.change(Set(two.key, "ipsecNegotiationPolicyReference", Value.string(reference(one.action_key))))
    store.change(Delete(two.action_key))
    for name in ("ipsecName", "ipsecOwnersReference"):
        store.change(Unset(one.action_key, name))
    for plan in (remove(store, "A"), change(store, {"name": "A", "rules": []})):
        assert one.action_key not in plan.store
        assert plan.remaining == ()


@pytest.mark.parametrize("unreadable", ["isakmp_key", "key"])
def test_what_cannot_be_read_is_left_alone_by_a_change_elsewhere(unreadable):
    store = windows_2022()
    key = getattr(stored(store, GSECURITY), unreadable)
    store.change(Set(key, "ipsecData", Value.binary(b"\1\2\3")))
    plan = change(store, {"name": GSECURITY, "description": "x"})
    assert plan.store.get(key, "ipsecData").data == b"\1\2\3"
    plan = change(store, {"name": GSECURITY, "main_mode": {"pfs": True}, "poll_interval": 5})
    mended = stored(plan.store, GSECURITY)
    assert (mended.policy.main_mode.pfs, mended.policy.poll_interval, mended.problems) == (True, 300, ())


def test_rules_of_one_name_are_told_apart_by_what_they_say_where_ids_have_changed():
    other = {**BLOCK_RULE, "name": "S", "filters": ["*+0:139:TCP"]}
    store = change(Store(), {"name": "A", "rules": [BLOCK_RULE, other]}, assigned=True).store
    store.change(Set(stored(store, "A").rules[1].key, "ipsecName", Value.string(BLOCK_RULE["name"])))
    wanted = facts(store)["A"]
    for rule in wanted["rules"]:
        rule["enabled"] = False
    plan = change(store, wanted)
    assert plan.operations
    assert {r["id"] for r in facts(plan.store)["A"]["rules"]}.isdisjoint(r["id"] for r in wanted["rules"])
    assert change(plan.store, wanted | {"id": None}).operations == ()


def test_a_new_policy_that_was_cut_off_is_made_whole():
    wanted = {"name": "New", "rules": [BLOCK_RULE, SECURE_RULE]}
    plan = change(Store(), wanted)
    for count in range(len(plan.operations)):
        finished = change(_after(Store(), plan.operations[:count]), wanted).store
        (key,) = Graph(finished).of_class(ObjectClass.POLICY)
        assert {name.lower() for name in finished.values(key)} == {
            name.lower() for name in plan.store.values(stored(plan.store, "New").key)
        }


@pytest.mark.parametrize(
    "then",
    [
        lambda cut: change(cut, {"name": "A"}, assigned=False),
        lambda cut: change(cut, {"name": "B"}, assigned=True),
        lambda cut: remove(cut, "A"),
        lambda cut: change(cut, {"name": "A", "poll_interval": 30}),
        lambda cut: remove(cut, "B"),
    ],
)
def test_another_task_finishes_what_was_cut_off(then):
    store = change(Store(), {"name": "B", "rules": [BLOCK_RULE]}).store
    store = change(store, {"name": "A", "poll_interval": 10, "rules": [BLOCK_RULE]}, assigned=True).store
    plan = change(store, {"name": "A", "poll_interval": 20, "rules": [BLOCK_RULE, SECURE_RULE]})
    for count in range(len(plan.operations) + 1):
        cut = _after(store, plan.operations[:count])
        swung = Graph(cut).active != Graph(store).active
        end = then(cut)
        expected = then(plan.store if swung else store)
        assert _meaning(end.store) == _meaning(expected.store), count
        assert Graph(end.store).leftovers() == []
        assert end.policy is None or end.policy in end.store
        assert then(end.store).operations == ()


def _meaning(store: Store):
    active = Graph(store).active
    return {name: _without_ids(policy) for name, policy in facts(store).items()}, active and Graph(store).text(
        active, "ipsecName"
    )


@given(strategies.policies(), strategies.policies(), st.booleans())
@settings(max_examples=60)
def test_any_policy_can_become_any_other(old, new, assigned):
    def to(store, policy):
        graph = Graph(store)
        found = next(iter(read_policies(graph)), None)
        origins = [
            next((o for o in found.rules if o.rule.name == r.name), None) if found else None for r in policy.rules
        ]
        kept = {o.key for o in origins if o}
        removed = tuple(o for o in found.rules if o.key not in kept) if found else ()
        if found and policy.default_response is None:
            policy = dataclasses.replace(policy, default_response=found.policy.default_response)
        target = Target(policy, tuple(origins), removed)
        return plan_present(graph, found, target, assigned, 2_000_000_000, counting_guids())

    first = to(Store(), old)
    for policy in (new, old):
        store = first.store
        plan = to(store, policy)
        (found,) = read_policies(Graph(plan.store))
        expected = (
            policy if policy.default_response else dataclasses.replace(policy, default_response=old.default_response)
        )
        assert found.policy == expected
        assert Graph(plan.store).leftovers() == []
        assert to(plan.store, policy).operations == ()


def test_a_render_of_a_plan_holds_no_key():
    plan = change(Store(), {"name": "New", "rules": [SECURE_RULE]})
    assert "s3cret" not in repr(plan.operations) + repr(plan)
    assert "s3cret" not in str([render_policy(p.policy) for p in read_policies(Graph(plan.store))])
