# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils import blobs
from ansible_collections.ipsec.windows.plugins.module_utils.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils.merge import find_policy, merge
from ansible_collections.ipsec.windows.plugins.module_utils.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils.objects import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils.resolve import Resolver
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils.store import Delete, Set, Store, Unset, Value
from unit import stores


def _rule(name="R", **options):
    return {"name": name, "filters": ["0+192.0.2.1"], **options}


def _store(**options):
    return stores.change(Store(), {"name": "P", **options}).store


def _merge(store, rules_mode="exact", **options):
    return merge(parse_policy({"name": "P", **options}), stores.stored(store, "P"), rules_mode)


def test_what_is_left_out_of_a_policy_stays():
    store = _store(description="d", poll_interval=7, main_mode={"pfs": True}, rules=[_rule()], default_response=True)
    target = _merge(store)
    assert target.policy == stores.stored(store, "P").policy
    assert target.origins == stores.stored(store, "P").rules


def test_what_is_left_out_of_main_mode_stays():
    store = _store(main_mode={"pfs": True, "methods": ["3des-sha-14"]})
    target = _merge(store, main_mode={"lifetime_seconds": 60})
    assert (target.policy.main_mode.pfs, len(target.policy.main_mode.methods)) == (True, 1)


def test_what_is_left_out_of_a_rule_is_the_manuals_default():
    store = _store(rules=[_rule(description="d", enabled=False, soft=True, connection_type="lan")])
    (rule,) = _merge(store, rules=[_rule()]).policy.rules
    assert (rule.description, rule.enabled, rule.action.soft, rule.connection_type) == ("", True, False, "all")


def test_names_of_list_and_action_stay_or_are_the_rules():
    store = _store(rules=[_rule(filter_list="L", filter_action="A")])
    (rule,) = _merge(store, rules=[_rule()]).policy.rules
    assert (rule.filter_list, rule.filter_action) == ("L", "A")
    (rule,) = _merge(store, rules=[_rule(action="block")]).policy.rules
    assert (rule.filter_list, rule.filter_action) == ("L", "R")


def test_a_null_key_keeps_the_stored_one():
    store = _store(rules=[_rule(authentication=[{"preshared_key": "a"}, "kerberos", {"preshared_key": "b"}])])
    (rule,) = _merge(store, rules=[_rule(authentication=["kerberos", {"preshared_key": None}])]).policy.rules
    assert rule.authentication[1].key == "a"
    with pytest.raises(ModelError, match="rule 'R': null keeps the pre-shared key that is stored, and there is none"):
        _merge(store, rules=[_rule(authentication=[{"preshared_key": None}] * 3)])
    with pytest.raises(ModelError, match="there is none; put the key in"):
        _merge(store, rules=[_rule("other", authentication=[{"preshared_key": None}])])


def test_rules_are_found_by_name_whatever_its_case_and_by_id():
    store = _store(rules=[_rule("One"), _rule("Two")])
    ids = {rule.name: rule.id for rule in stores.stored(store, "P").policy.rules}
    target = _merge(store, rules=[_rule("ONE"), {**_rule("renamed"), "id": ids["Two"]}])
    assert [rule.id for rule in target.policy.rules] == [ids["One"], ids["Two"]]
    assert target.removed == ()


def test_two_rules_of_one_name_are_refused():
    with pytest.raises(ModelError, match="two rules are called 'R'; give them ids"):
        _merge(Store(), rules=[_rule(), _rule("r")])


def test_a_rule_does_not_take_the_name_of_one_that_stays():
    store = _store(rules=[_rule("One"), _rule("Two")])
    id_ = stores.facts(store)["P"]["rules"][0]["id"]
    with pytest.raises(ModelError, match="rule 'two': another rule of the policy is called so already"):
        _merge(store, "merge", rules=[{**_rule("two"), "id": id_}])


def test_two_stored_rules_of_one_name_need_an_id():
    store = _store(rules=[_rule("One"), _rule("Two")])
    for rule in stores.stored(store, "P").rules:
        store.change(Set(rule.key, "ipsecName", Value.string("Same")))
    rules = stores.stored(store, "P").policy.rules
    with pytest.raises(ModelError) as caught:
        _merge(store, rules=[_rule("Same")])
    assert all(rule.id in str(caught.value) for rule in rules)
    target = _merge(store, rules=[{**_rule("Same"), "id": rules[0].id}])
    assert [origin.rule.id for origin in target.removed] == [rules[1].id]


def test_merging_takes_no_rule_for_another_because_both_have_no_name():
    store = _store(rules=[_rule(action="block")])
    store.change(Unset(stores.stored(store, "P").rules[0].key, "ipsecName"))
    unknown = "{00000000-0000-0000-0000-000000000001}"
    rule = {"id": unknown, "filters": ["0+192.0.2.9"]}
    merged = _merge(store, "merge", rules=[rule])
    assert [r.action.action for r in merged.policy.rules] == ["block", "negotiate"]
    same = {"id": unknown, "filters": ["0+192.0.2.1"], "action": "block"}
    assert len(_merge(store, "merge", rules=[same]).policy.rules) == 1


def test_an_id_is_that_of_one_rule():
    id_ = "{00000000-0000-0000-0000-000000000001}"
    with pytest.raises(ModelError, match="two rules have the id"):
        _merge(_store(), rules=[{**_rule("a"), "id": id_}, {**_rule("b"), "id": id_}])


def test_two_policies_of_one_name_need_an_id():
    store = stores.change(_store(), {"name": "Q"}).store
    policies = read_policies(Graph(store))
    store.change(Set(policies[1].key, "ipsecName", Value.string("p")))
    with pytest.raises(ModelError, match="2 policies are called 'P'; say which by its id"):
        find_policy(read_policies(Graph(store)), "P", None)
    assert find_policy(read_policies(Graph(store)), "P", policies[1].policy.id).key == policies[1].key


def test_an_unknown_id_with_a_name_makes_a_new_policy_and_alone_is_an_error():
    unknown = "{00000000-0000-0000-0000-0000000000ff}"
    assert merge(parse_policy({"name": "N", "id": unknown}), None, "exact").policy.name == "N"
    with pytest.raises(ModelError, match="no policy with the id"):
        merge(parse_policy({"id": unknown}), None, "exact")


def test_rules_are_not_replaced_while_one_cannot_be_read():
    store = _store(rules=[_rule("One"), _rule("Two")])
    broken = stores.stored(store, "P").rules[0].key
    store.change(Set(broken, "ipsecData", Value.binary(b"\1")))
    with pytest.raises(ModelError, match="has a rule that cannot be read"):
        _merge(store, rules=[_rule("Two")])
    assert [rule.name for rule in _merge(store, "merge", rules=[_rule("Three")]).policy.rules] == ["Two", "Three"]


def test_odd_values_are_only_taken_where_they_are():
    store = _store(rules=[_rule()])
    odd = {"source": "me", "destination": "10.0.1.0/255.0.255.0", "odd": True}
    with pytest.raises(ModelError, match="is odd: it is taken only where the store holds it already"):
        _merge(store, rules=[_rule(filters=[odd])])
    response = {"security_methods": [{"esp": {"encryption": "7", "integrity": "9"}, "odd": True}]}
    with pytest.raises(ModelError, match=r"default_response: esp\[7,9\] is odd"):
        _merge(store, default_response=response)


def test_the_lifetime_of_the_first_main_mode_method_is_that_of_main_mode():
    methods = [{"encryption": "3des", "integrity": "sha", "group": 2, "lifetime_seconds": 3600}, "des-sha-1"]
    wanted = {"name": "P", "main_mode": {"methods": methods}}
    plan = stores.change(_store(), wanted)
    assert stores.stored(plan.store, "P").policy.main_mode.lifetime_seconds == 3600
    assert stores.change(plan.store, wanted).operations == ()


def test_the_switches_of_a_certificate_are_not_lost_on_the_way():
    store = _store(rules=[_rule()])
    (rule,) = stores.stored(store, "P").rules
    ca = blobs.AuthRecord(blobs.AuthRecord.CERTIFICATE, "CN=x\0".encode("utf-16-le"))
    blob = dataclasses.replace(rule.nfa, methods=(ca,), alternate=blobs.AlternateAuthentication((ca,), (1,)))
    store.change(Set(rule.key, "ipsecData", Value.binary(blob.pack())))
    (shown,) = stores.facts(store)["P"]["rules"]
    switches = {"account_mapping": True, "exclude_ca_name": False}
    assert shown["authentication"] == [{"certificate": "CN=x", **switches, "odd": True}]
    assert stores.change(store, {"name": "P", "rules": [shown]}).operations == ()
    shown["authentication"].append("kerberos")
    with pytest.raises(ModelError, match="rule 'R': account_mapping and exclude_ca_name are kept only while"):
        _merge(store, rules=[shown])
    shown["authentication"] = [{"certificate": "CN=x"}]
    assert stores.change(store, {"name": "P", "rules": [shown]}).operations


def test_names_that_only_look_alike_are_two():
    store = stores.change(Store(), {"name": "Straße"}).store
    assert stores.stored(store, "Strasse") is None
    assert stores.stored(store, "STRAßE") is not None


def test_an_odd_name_that_stays_is_no_obstacle():
    store = _store(rules=[_rule()])
    (rule,) = stores.stored(store, "P").rules
    for key in (*rule.filters, rule.action_key):
        store.change(Set(key, "ipsecName", Value.string("a\u200f\tb")))
    assert stores.change(store, {"name": "P", "rules": [_rule()]}).operations == ()
    assert stores.change(store, {"name": "P", "rules": [_rule(enabled=False)]}).operations
    with pytest.raises(ModelError, match="the filter list's name contains the character"):
        _merge(store, rules=[_rule(filter_list="c\td")])
    mirrored_tunnel = _rule(tunnel="192.0.2.9", odd=True)
    with pytest.raises(ModelError, match="a tunnel cannot have mirrored filters"):
        _merge(store, rules=[mirrored_tunnel])
    with pytest.raises(ModelError, match="poll_interval: the interval is a number of minutes"):
        _merge(store, odd=True, poll_interval="0s")


def _odd_stores():
    """Stores whose one rule holds what no task may bring in."""
    named = {"source": "me", "destination": "a.example", "destination_address": "192.0.2.1"}
    store = _store(rules=[_rule(filters=[named])])
    (rule,) = stores.stored(store, "P").rules
    ((filters, list_),) = rule.filters.items()
    record = list_.blob.filters[0]
    v2 = blobs.FilterRecordV2(
        "\0", "\0", "\0", bytes(16), 0, blobs.AddressRecord(8, 1), blobs.AddressRecord(1, 2, b"\1" * 16),
        blobs.PortRecord(), blobs.PortRecord(2, 0, 1023), 6, 0,
    )  # fmt: skip
    tunnel = dataclasses.replace(rule.nfa, is_tunnel=1)
    changes = {
        "no offers": (rule.action_key, blobs.NegotiationPolicyBlob()),
        "fallback only": (rule.action_key, blobs.NegotiationPolicyBlob((blobs.OfferRecord.of(()),))),
        "no filters": (filters, blobs.FilterBlob()),
        "a name like an address": (filters, blobs.FilterBlob((record._replace(destination_name="192.0.2.1\0"),))),
        "a name with a slash": (filters, blobs.FilterBlob((record._replace(destination_name="foo/bar\0"),))),
        "me of IPv4 beside IPv6, ports from 0": (filters, blobs.FilterBlob(v2=blobs.FilterSectionV2((v2,)))),
        "a tunnel to nowhere": (rule.key, tunnel),
        "a tunnel to no name": (rule.key, dataclasses.replace(tunnel, tunnel=b"\1" * 4, tunnel_name="a b\0")),
    }
    for what, (key, blob) in changes.items():
        changed = store.copy()
        changed.change(Set(key, "ipsecData", Value.binary(blob.pack())))
        yield pytest.param(changed, id=what)
    bare = store.copy()
    bare.change(Unset(rule.key, "ipsecFilterReference"))
    bare.change(Delete(filters))
    yield pytest.param(bare, id="no filter list")


@pytest.mark.parametrize("store", [*_odd_stores()])
def test_facts_of_an_odd_store_change_nothing(store):
    shown = stores.facts(store)["P"]
    assert "'odd': True" in str(shown)
    resolver = Resolver({"a.example": ["192.0.2.1"]}, {}, "error")
    wanted = parse_policy(shown)
    assert [resolver.rule(rule).filters for rule in wanted.rules] == [rule.filters for rule in wanted.rules]
    assert stores.change(store, shown).operations == ()
    assert stores.change(store, {"name": "P"}).operations == ()
