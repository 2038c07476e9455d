# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""DNS names and interfaces in rules, and the addresses that the host finds for them."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError, RuleError
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import State
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import StoredPolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy, parse_rule_edit
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.placed import PlacedEdit
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits, OnePolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.resolve import (
    MultipleAddresses,
    Resolver,
    names_in,
)
from unit import stores

GUID = "{12345678-1234-1234-1234-123456789abc}"
NAMES = {
    "one.example": ["192.0.2.1", "2001:db8::1"],
    "two.example": ["192.0.2.3", "192.0.2.2"],
    "six.example": ["2001:db8::6"],
    "link.example": ["fe80::1%12"],
    "none.example": [],
    "odd.example": ["not an address"],
}


def _rules(*filters, **options):
    return parse_policy({"name": "P", "rules": [{"name": "R", "filters": list(filters), **options}]}).rules


def _resolver(mode="error", names=None):
    return Resolver(NAMES if names is None else names, {GUID: ["192.0.2.50", "2001:db8::50"]}, MultipleAddresses(mode))


def _resolve(*filters, mode="error", **options):
    resolver = _resolver(mode)
    (rule,) = _rules(*filters, **options)
    found = resolver.rule(rule, None)
    return [(str(f.source), str(getattr(f.destination, "address", f.destination))) for f in found.filters], resolver


def _to(name, **options):
    return {"source": "me", "destination": name, **options}


@pytest.mark.parametrize(("tunnel", "mirrored"), [(None, True), ("192.0.2.9", False)])
def test_the_default_of_mirrored_depends_on_the_tunnel_after_a_lookup_too(tunnel, mirrored):
    options = {"policy": "P", "name": "R", "filters": [_to("two.example")], "tunnel": tunnel}
    edit, _notes = parse_rule_edit(options, State.PRESENT)
    rule = _resolver("all").rule(edit.rule, None).on(None)
    assert [f.mirrored for f in rule.filters] == [mirrored] * 2


def test_each_name_is_looked_up_once():
    rules = _rules("0+one.example", "one.example+two.example", f"0+{GUID}", tunnel=None)
    assert names_in(rules) == (["one.example", "two.example"], [GUID])
    assert names_in(_rules("0=*", tunnel="gate.example")) == (["gate.example"], [])


def test_the_other_end_decides_between_ipv4_and_ipv6():
    assert _resolve("0+one.example")[0] == [("me", "192.0.2.1")]
    assert _resolve({"source": "me/ipv6", "destination": "one.example"})[0] == [("me/ipv6", "2001:db8::1")]
    assert _resolve(_to(GUID))[0] == [("me", "192.0.2.50")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("two.example", "two.example has several addresses: 192.0.2.2, 192.0.2.3. Use one of them"),
        ("six.example", "this host finds no IPv4 address for the DNS name six.example; it has 2001:db8::6"),
        ("none.example", "rule 'R': this host finds no IPv4 address for the DNS name none.example"),
        ("unknown.example", "finds no IPv4 address for the DNS name unknown.example"),
        ("odd.example", "the host's answer for the DNS name odd.example has 'not an address', which is not an address"),
        ("{00000000-0000-0000-0000-000000000000}", "the interface {0000"),
    ],
)
def test_errors(name, words):
    with pytest.raises(ModelError) as caught:
        _resolve(f"0+{name}")
    assert words in str(caught.value)


def test_mode_all_combines_all_addresses_of_both_ends():
    found, _used = _resolve("two.example=two.example", mode="all")
    assert len(found) == 4


def test_mode_ignore_leaves_out_a_filter_with_several_addresses():
    found, resolver = _resolve("0+two.example", "0+one.example", mode="ignore")
    assert found == [("me", "192.0.2.1")]
    assert resolver.warnings == [
        "rule 'R': the filter me+two.example is left out, as two.example has several addresses"
    ]
    with pytest.raises(ModelError, match=r"no filter is left, .* set multiple_addresses to all"):
        _resolve("0+two.example", mode="ignore")


def test_the_address_from_facts_is_used_if_the_host_still_finds_it():
    assert _resolve(_to("two.example", destination_address="192.0.2.3"))[0] == [("me", "192.0.2.3")]
    with pytest.raises(ModelError, match="several addresses"):
        _resolve(_to("two.example", destination_address="192.0.2.77"))


def test_the_zone_of_an_address_is_removed():
    assert _resolve({"source": "me/ipv6", "destination": "link.example"})[0] == [("me/ipv6", "fe80::1")]


def test_a_tunnel_has_one_endpoint():
    (rule,) = _rules("0=*", tunnel="one.example")
    assert str(_resolver("all").rule(rule, None).tunnel.address) == "192.0.2.1"
    (rule,) = _rules("0=*", tunnel="two.example")
    with pytest.raises(ModelError, match="a tunnel has one endpoint"):
        _resolver("all").rule(rule, None)


STAYS = "the host cannot resolve the DNS name {} now; the stored address {} stays"
GONE = {name: [] for name in NAMES}


def _many(count, name="one.example", **options):
    rules = [
        {"name": f"R{n}", "filters": [f"0+{name}:{n}:TCP", f"{name}+192.0.2.{n}"], **options}
        for n in range(1, count + 1)
    ]
    return {"name": "P", "rules": rules}


def _settings(mode):
    return dataclasses.replace(stores.SETTINGS, multiple_addresses=MultipleAddresses(mode))


def _stored(wanted, mode="error") -> tuple[Store, StoredPolicy]:
    """A store with the policy, which was written while the host could resolve names."""
    goal = OnePolicy(parse_policy(wanted))
    done = stores.run_goal(Store(), goal, names=NAMES, settings=_settings(mode))
    return done.store, done.outcome


@pytest.mark.parametrize(
    "names", [{}, GONE, {"one.example": ["2001:db8::1"]}], ids=["unknown", "empty", "other family"]
)
@pytest.mark.parametrize("count", [1, 80])
def test_a_stored_name_keeps_its_address_with_one_warning(names, count):
    wanted = _many(count)
    store, _policy = _stored(wanted)
    again = stores.change(store, wanted, names=names)
    assert again.operations == ()
    assert again.notes == [STAYS.format("one.example", "192.0.2.1")]
    assert not again.attempt.changed


def test_each_unresolved_name_has_its_own_warning():
    wanted = _many(2)
    wanted["rules"] += [{"name": "S", "filters": [{"source": "me/ipv6", "destination": "SIX.example"}]}]
    store, _policy = _stored(wanted)
    again = stores.change(store, wanted, names={})
    assert again.operations == ()
    assert again.notes == [
        STAYS.format("one.example", "192.0.2.1"),
        STAYS.format("SIX.example", "2001:db8::6"),
    ]


def test_the_warning_about_a_name_lists_its_ipv4_and_ipv6_addresses():
    filters = ["0+one.example", {"source": "me/ipv6", "destination": "one.example"}]
    wanted = {"name": "P", "rules": [{"name": "R", "filters": filters}]}
    store, _policy = _stored(wanted)
    again = stores.change(store, wanted, names={})
    assert again.operations == ()
    addresses = "the stored addresses 192.0.2.1, 2001:db8::1 stay"
    assert again.notes == [f"the host cannot resolve the DNS name one.example now; {addresses}"]


def test_a_rule_keeps_its_own_address_if_other_rules_have_another_one():
    store, _policy = _stored(_many(1))
    other = {"policy": "P", "name": "Other", "filters": ["0+one.example:99:TCP"]}

    def edit(store, names, **options):
        found, notes = parse_rule_edit(other | options, State.PRESENT)
        return stores.run_goal(store, Edits((PlacedEdit(found),), notes), names=names, settings=_settings("error"))

    store = edit(store, {"one.example": ["192.0.2.99"]}).store
    again = edit(store, {})
    assert (again.operations, again.notes) == ((), [STAYS.format("one.example", "192.0.2.99")])
    whole = {"name": "P", "rules": [*_many(1)["rules"], {key: other[key] for key in ("name", "filters")}]}
    assert stores.change(store, whole, names={}).operations == ()
    with pytest.raises(ModelError, match=r"one\.example has several addresses: 192\.0\.2\.1, 192\.0\.2\.99"):
        edit(store, {}, name="New")


def test_the_rest_of_a_task_with_an_unresolved_name_is_done():
    wanted = _many(2)
    store, _policy = _stored(wanted)
    other = {"name": "New", "filters": ["0+one.example:99:TCP"], "action": "block"}
    done = stores.change(store, {**wanted, "rules": [*wanted["rules"], other]}, names={})
    assert done.notes == [STAYS.format("one.example", "192.0.2.1")]
    (added,) = (rule for rule in stores.facts(done.store)["P"]["rules"] if rule["name"] == "New")
    assert added["filters"][0]["destination_address"] == "192.0.2.1"


def test_a_name_with_several_stored_addresses_keeps_them_all():
    wanted = _many(1, "two.example")
    store, _policy = _stored(wanted, "all")
    again = stores.run_goal(store, OnePolicy(parse_policy(wanted)), settings=_settings("all"))
    assert again.operations == ()
    addresses = "the stored addresses 192.0.2.2, 192.0.2.3 stay"
    assert again.notes == [f"the host cannot resolve the DNS name two.example now; {addresses}"]


def test_a_tunnel_endpoint_keeps_its_address():
    wanted = {"name": "P", "rules": [{"name": "R", "filters": ["0=*"], "tunnel": "one.example"}]}
    store, _policy = _stored(wanted)
    again = stores.change(store, wanted, names=GONE)
    assert again.operations == ()
    assert again.notes == [STAYS.format("one.example", "192.0.2.1")]


def test_edits_of_a_rule_keep_the_address():
    store, _policy = _stored(_many(2))
    same = {"policy": "P", "name": "R1", "filters": ["0+one.example:1:TCP", "one.example+192.0.2.1"]}
    for options, changes in (({}, False), ({"enabled": False}, True)):
        edit, notes = parse_rule_edit(same | options, State.PRESENT)
        done = stores.run_goal(store, Edits((PlacedEdit(edit),), notes))
        assert bool(done.operations) is changes
        assert done.notes == [STAYS.format("one.example", "192.0.2.1")]
    line = stores.run_lines(store, ["-w reg -p P -r R1 -f 0+one.example:1:TCP one.example+192.0.2.1"])
    assert line.operations == ()
    assert line.notes == [STAYS.format("one.example", "192.0.2.1")]


@pytest.mark.parametrize("name", ["new.example", "one.example.org", "two.example"])
def test_a_new_name_without_an_address_is_an_error(name):
    store, policy = _stored(_many(1))
    with pytest.raises(ModelError, match=f"rule 'New': this host finds no IPv4 address for the DNS name {name}"):
        stores.change(store, {**_many(1), "rules": [*_many(1)["rules"], {"name": "New", "filters": [f"0+{name}"]}]})
    with pytest.raises(ModelError, match=f"finds no IPv4 address for the DNS name {name}"):
        stores.change(Store(), _many(1, name))
    # an address of the other family does not help
    (rule,) = _rules({"source": "me/ipv6", "destination": "one.example"})
    with pytest.raises(ModelError, match=r"finds no IPv6 address for the DNS name one\.example"):
        _resolver(names={}).rule(rule, policy)


def test_a_name_in_another_policy_is_a_new_name():
    store, _policy = _stored(_many(1))
    with pytest.raises(ModelError, match=r"finds no IPv4 address for the DNS name one\.example"):
        stores.change(store, {**_many(1), "name": "Q"})


def test_a_name_that_has_another_address_now_is_a_change():
    store, _policy = _stored(_many(1))
    done = stores.change(store, _many(1), names={"one.example": ["192.0.2.99"]})
    assert done.operations
    assert done.notes == []
    assert stores.facts(done.store)["P"]["rules"][0]["filters"][0]["destination_address"] == "192.0.2.99"


def test_errors_name_their_rule():
    with pytest.raises(RuleError) as caught:
        _resolve(_to("unknown.example"))
    assert caught.value.rule == "rule 'R'"
    assert caught.value.problem == "this host finds no IPv4 address for the DNS name unknown.example"
