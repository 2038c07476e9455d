# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The target policy: the options of a task, merged with the stored policy."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import RulesMode
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects import blobs
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Delete, Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.merge import merge
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.resolve import MultipleAddresses, Resolver
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.stored import StoredPolicies
from unit import stores

NAMES = {"a.example": ["192.0.2.1"]}


def _rule(name="R", **options):
    return {"name": name, "filters": ["0+192.0.2.1"], **options}


def _store(**options):
    return stores.change(Store(), {"name": "P", **options}).store


def _merge(store, rules_mode="exact", **options):
    return merge(parse_policy({"name": "P", **options}), stores.stored(store, "P"), RulesMode(rules_mode))


def test_options_left_out_of_a_policy_stay():
    store = _store(description="d", poll_interval=7, main_mode={"pfs": True}, rules=[_rule()], default_response=True)
    target = _merge(store)
    assert target.policy == stores.stored(store, "P").policy
    assert target.origins == stores.stored(store, "P").rules


def test_options_left_out_of_main_mode_stay():
    store = _store(main_mode={"pfs": True, "methods": ["3des-sha-14"]})
    target = _merge(store, main_mode={"lifetime_seconds": 60})
    assert (target.policy.main_mode.pfs, len(target.policy.main_mode.methods)) == (True, 1)


def test_options_left_out_of_a_rule_get_the_default_of_the_manual():
    store = _store(rules=[_rule(description="d", enabled=False, soft=True, connection_type="lan")])
    (rule,) = _merge(store, rules=[_rule()]).policy.rules
    assert (rule.description, rule.enabled, rule.action.soft, rule.connection_type) == ("", True, False, "all")


def test_the_filter_list_and_the_filter_action_keep_their_names_or_get_that_of_the_rule():
    store = _store(rules=[_rule(filter_list="L", filter_action="A")])
    (rule,) = _merge(store, rules=[_rule()]).policy.rules
    assert (rule.filter_list, rule.filter_action) == ("L", "A")
    (rule,) = _merge(store, rules=[_rule(action="block")]).policy.rules
    assert (rule.filter_list, rule.filter_action) == ("L", "R")


def test_a_null_key_keeps_the_stored_key():
    store = _store(rules=[_rule(authentication=[{"preshared_key": "a"}, "kerberos", {"preshared_key": "b"}])])
    (rule,) = _merge(store, rules=[_rule(authentication=["kerberos", {"preshared_key": None}])]).policy.rules
    assert rule.authentication[1].key == "a"
    with pytest.raises(ModelError, match=r"rule 'R': preshared_key is null, .* but none is stored"):
        _merge(store, rules=[_rule(authentication=[{"preshared_key": None}] * 3)])
    with pytest.raises(ModelError, match=r"rule 'other': .* but none is stored; put the key in"):
        _merge(store, rules=[_rule("other", authentication=[{"preshared_key": None}])])


def test_rules_are_matched_by_name_in_any_case_and_by_id():
    store = _store(rules=[_rule("One"), _rule("Two")])
    ids = {rule.name: rule.id for rule in stores.stored(store, "P").policy.rules}
    target = _merge(store, rules=[_rule("ONE"), {**_rule("renamed"), "id": ids["Two"]}])
    assert [rule.id for rule in target.policy.rules] == [ids["One"], ids["Two"]]
    assert target.removed == ()


def test_two_rules_with_one_name_are_an_error():
    with pytest.raises(ModelError, match="two rules have the name 'R'; add their ids, or use different names"):
        _merge(Store(), rules=[_rule(), _rule("r")])


def test_a_rule_cannot_get_the_name_of_another_rule():
    store = _store(rules=[_rule("One"), _rule("Two")])
    id_ = stores.facts(store)["P"]["rules"][0]["id"]
    with pytest.raises(ModelError, match="rule 'two': the policy already has a rule with this name"):
        _merge(store, "merge", rules=[{**_rule("two"), "id": id_}])


def test_two_stored_rules_with_one_name_need_an_id():
    store = _store(rules=[_rule("One"), _rule("Two")])
    for rule in stores.stored(store, "P").rules:
        store.change(Set(rule.key, "ipsecName", Value.string("Same")))
    rules = stores.stored(store, "P").policy.rules
    with pytest.raises(ModelError) as caught:
        _merge(store, rules=[_rule("Same")])
    assert all(rule.id in str(caught.value) for rule in rules)
    target = _merge(store, rules=[{**_rule("Same"), "id": rules[0].id}])
    assert [origin.rule.id for origin in target.removed] == [rules[1].id]


def test_merge_does_not_match_two_rules_only_because_neither_has_a_name():
    store = _store(rules=[_rule(action="block")])
    store.change(Unset(stores.stored(store, "P").rules[0].key, "ipsecName"))
    unknown = "{00000000-0000-0000-0000-000000000001}"
    rule = {"id": unknown, "filters": ["0+192.0.2.9"]}
    merged = _merge(store, "merge", rules=[rule])
    assert [r.action.action for r in merged.policy.rules] == ["block", "negotiate"]
    same = {"id": unknown, "filters": ["0+192.0.2.1"], "action": "block"}
    assert len(_merge(store, "merge", rules=[same]).policy.rules) == 1


def test_two_rules_cannot_have_one_id():
    id_ = "{00000000-0000-0000-0000-000000000001}"
    with pytest.raises(ModelError, match="two rules have the id"):
        _merge(_store(), rules=[{**_rule("a"), "id": id_}, {**_rule("b"), "id": id_}])


def test_two_policies_with_one_name_need_an_id():
    store = stores.change(_store(), {"name": "Q"}).store
    policies = read_policies(Graph(store))
    store.change(Set(policies[1].key, "ipsecName", Value.string("p")))
    with pytest.raises(ModelError, match="2 policies have the name 'P'; identify one of them by its id: "):
        StoredPolicies(Graph(store)).find("P")
    assert StoredPolicies(Graph(store)).find("P", policies[1].policy.id).key == policies[1].key


def test_an_unknown_id_needs_a_name():
    unknown = "{00000000-0000-0000-0000-0000000000ff}"
    assert merge(parse_policy({"name": "N", "id": unknown}), None, RulesMode.EXACT).policy.name == "N"
    with pytest.raises(ModelError, match=f"no policy has the id {unknown}; .*Add the name"):
        merge(parse_policy({"id": unknown}), None, RulesMode.EXACT)


def test_rules_are_not_replaced_if_one_of_them_is_unreadable():
    store = _store(rules=[_rule("One"), _rule("Two")])
    broken = stores.stored(store, "P").rules[0].key
    store.change(Set(broken, "ipsecData", Value.binary(b"\1")))
    with pytest.raises(ModelError, match="has a rule that cannot be read"):
        _merge(store, rules=[_rule("Two")])
    assert [rule.name for rule in _merge(store, "merge", rules=[_rule("Three")]).policy.rules] == ["Two", "Three"]


def test_odd_values_are_accepted_only_if_the_store_has_them():
    store = _store(rules=[_rule()])
    odd = {"source": "me", "destination": "10.0.1.0/255.0.255.0", "odd": True}
    with pytest.raises(ModelError, match="is accepted only if the store has it already"):
        _merge(store, rules=[_rule(filters=[odd])])
    response = {"security_methods": [{"esp": {"encryption": "7", "integrity": "9"}, "odd": True}]}
    with pytest.raises(ModelError, match=r"default_response: esp\[7,9\] is accepted only if the store has it already"):
        _merge(store, default_response=response)


def test_the_lifetime_of_the_first_main_mode_method_becomes_that_of_main_mode():
    methods = [{"encryption": "3des", "integrity": "sha", "group": 2, "lifetime_seconds": 3600}, "des-sha-1"]
    wanted = {"name": "P", "main_mode": {"methods": methods}}
    plan = stores.change(_store(), wanted)
    assert stores.stored(plan.store, "P").policy.main_mode.lifetime_seconds == 3600
    assert stores.change(plan.store, wanted).operations == ()


def test_the_switches_of_a_certificate_are_kept():
    store = _store(rules=[_rule()])
    (rule,) = stores.stored(store, "P").rules
    ca = blobs.AuthRecord(blobs.AuthType.CERTIFICATE, "CN=x\0".encode("utf-16-le"))
    blob = dataclasses.replace(rule.nfa, methods=(ca,), alternate=blobs.AlternateAuthentication((ca,), (1,)))
    store.change(Set(rule.key, "ipsecData", Value.binary(blob.pack())))
    (shown,) = stores.facts(store)["P"]["rules"]
    switches = {"account_mapping": True, "exclude_ca_name": False}
    assert shown["authentication"] == [{"certificate": "CN=x", **switches, "odd": True}]
    assert stores.change(store, {"name": "P", "rules": [shown]}).operations == ()
    shown["authentication"].append("kerberos")
    with pytest.raises(ModelError, match="rule 'R': account_mapping and exclude_ca_name cannot be written"):
        _merge(store, rules=[shown])
    shown["authentication"] = [{"certificate": "CN=x"}]
    assert stores.change(store, {"name": "P", "rules": [shown]}).operations


def test_windows_decides_which_names_are_the_same():
    store = stores.change(Store(), {"name": "Straße"}).store
    assert stores.stored(store, "Strasse") is None
    assert stores.stored(store, "STRAßE") is not None


@pytest.mark.parametrize(("one", "other"), [("Sınır", "Sinir"), ("\u212aey", "key"), ("İ", "i"), ("ﬁx", "FIX")])
def test_names_that_unicode_folds_and_windows_does_not_are_different(one, other):
    store = stores.change(_store(rules=[_rule(one)]), {"name": one}).store
    assert stores.stored(store, other) is None
    assert len(_merge(store, "merge", rules=[_rule(other)]).policy.rules) == 2
    assert len(_merge(store, rules=[_rule(one), _rule(other)]).policy.rules) == 2
    assert stores.facts(stores.change(store, {"name": other}).store).keys() == {"P", one, other}


def test_a_stored_odd_name_does_not_prevent_a_change():
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
    with pytest.raises(ModelError, match=r"poll_interval: expected 1 to [0-9]+ minutes, or seconds, as in 90s"):
        _merge(store, odd=True, poll_interval="0s")


def _odd_stores():
    """Stores whose rule has a value that a task cannot add."""
    named = {"source": "me", "destination": "a.example", "destination_address": "192.0.2.1"}
    store = stores.change(Store(), {"name": "P", "rules": [_rule(filters=[named])]}, names=NAMES).store
    (rule,) = stores.stored(store, "P").rules
    ((filters, list_),) = rule.filters.items()
    record = list_.blob.filters[0]
    v2 = blobs.FilterRecordV2(
        source_name="\0",
        destination_name="\0",
        description="\0",
        id=bytes(16),
        mirrored=0,
        source=blobs.AddressRecord(type=8, version=1),
        destination=blobs.AddressRecord(type=1, version=2, address=b"\1" * 16),
        source_port=blobs.PortRecord(),
        destination_port=blobs.PortRecord(type=2, first=0, last=1023),
        protocol=6,
        flags=0,
    )

    def named_filter(name):
        return blobs.FilterBlob(filters=(record._replace(destination_name=f"{name}\0"),))

    tunnel = dataclasses.replace(rule.nfa, is_tunnel=1)
    changes = {
        "no offers": (rule.action_key, blobs.NegotiationPolicyBlob()),
        "fallback only": (rule.action_key, blobs.NegotiationPolicyBlob((blobs.OfferRecord.of(()),))),
        "no filters": (filters, blobs.FilterBlob()),
        "a name like an address": (filters, named_filter("192.0.2.1")),
        "a name with a slash": (filters, named_filter("foo/bar")),
        "me of IPv4 with an IPv6 address, ports from 0": (filters, blobs.FilterBlob(v2=blobs.FilterSectionV2((v2,)))),
        "a tunnel without an endpoint": (rule.key, tunnel),
        "a tunnel to an invalid name": (rule.key, dataclasses.replace(tunnel, tunnel=b"\1" * 4, tunnel_name="a b\0")),
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
    resolver = Resolver(NAMES, {}, MultipleAddresses.ERROR)
    policy = stores.stored(store, "P")
    wanted = parse_policy(shown)
    assert [resolver.rule(rule, policy).filters for rule in wanted.rules] == [rule.filters for rule in wanted.rules]
    for names in (NAMES, {}):
        assert stores.change(store, shown, names=names).operations == ()
    assert stores.change(store, {"name": "P"}).operations == ()
