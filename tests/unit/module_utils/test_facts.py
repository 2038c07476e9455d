# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import dataclasses
import json

from ansible_collections.ipsec.windows.plugins.module_utils.answers import DomainPolicy, Reading, Service
from ansible_collections.ipsec.windows.plugins.module_utils.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils.store import Create, Delete, Kind, Set, Store, Unset, Value
from unit import stores

READING = Reading(
    graph=Graph(Store()),
    digest="",
    now=0,
    product="Windows",
    version="10.0",
    writable=True,
    service=Service("running", "manual"),
    untold=False,
    domain=None,
    names={},
    interfaces={},
    connections=(),
)


def _facts(store=None, **fields):
    reading = dataclasses.replace(READING, **fields)
    return render_facts(reading if store is None else dataclasses.replace(reading, graph=Graph(store)))


def _key(store, class_):
    return next(path for path in store.paths() if path.lower().startswith(class_.lower() + "{"))


def test_a_policy_of_today():
    facts = _facts(stores.windows_2022())
    (policy,) = facts["policies"]
    assert facts["assigned"] == {"name": "GSecurity IP Policy", "id": policy["id"]}
    assert facts["in_force"]["reason"] == "the local policy 'GSecurity IP Policy' is assigned and no domain policy is"
    assert policy["problems"] == []
    assert policy["when_changed"].endswith("+00:00")
    assert [len(rule["filters"]) for rule in policy["rules"]] == [1, 32]
    assert {rule["action"] for rule in policy["rules"]} == {"block"}


def test_policies_of_old():
    facts = _facts(stores.microsoft_defaults())
    assert [policy["name"] for policy in facts["policies"]] == [
        "Client (Respond Only)",
        "Secure Server (Require Security)",
        "Server (Request Security)",
    ]
    assert facts["assigned"] is None
    assert [policy["problems"] for policy in facts["policies"]] == [[], [], []]
    server = facts["policies"][2]
    assert {(rule["action"], rule.get("soft")) for rule in server["rules"]} == {("negotiate", True), ("permit", None)}
    assert {orphan["kind"] for orphan in facts["orphans"]} <= {"library", "foreign", "unknown"}


def test_a_broken_object_is_a_problem_of_its_policy_and_no_failure():
    store = stores.windows_2022()
    store.change(Set(_key(store, "ipsecFilter"), "ipsecData", Value.binary(b"\1\2\3")))
    (policy,) = _facts(store)["policies"]
    assert len(policy["problems"]) == 1
    assert "cannot be read: ipsecFilter data, at byte 0: " in policy["problems"][0]
    assert len(policy["rules"]) == 1


def test_missing_objects_are_problems():
    for class_ in ("ipsecFilter", "ipsecNegotiationPolicy", "ipsecISAKMPPolicy", "ipsecNFA"):
        store = stores.windows_2022()
        store.change(Delete(_key(store, class_)))
        (policy,) = _facts(store)["policies"]
        assert policy["problems"], class_


def test_a_reference_to_what_has_no_guid_is_a_problem():
    store = stores.windows_2022()
    store.change(Set(_key(store, "ipsecPolicy"), "ipsecNFAReference", Value.strings(["no braces"])))
    (policy,) = _facts(store)["policies"]
    assert policy["problems"] == ["the rule no braces cannot be read: no braces is referred to and does not exist"]


def test_an_assignment_to_nothing_is_none():
    store = stores.windows_2022()
    store.change(Set("", "ActivePolicy", Value.string(r"SOFTWARE\x\ipsecPolicy{00000000-0000-0000-0000-000000000000}")))
    assert _facts(store)["assigned"] is None


def test_what_is_in_force():
    store = stores.windows_2022()
    path = next(p for p in store.paths() if p.startswith("ipsecPolicy"))
    domain = DomainPolicy(f"LDAP://CN={path},CN=IP Security,CN=System,DC=x", "Corp", store)
    found = _facts(store, domain=domain)["in_force"]
    assert (found["source"], found["name"], found["policy"]["name"]) == ("domain", "Corp", "GSecurity IP Policy")
    elsewhere = _facts(store, domain=DomainPolicy("LDAP://CN=x", "", Store()))["in_force"]
    assert (elsewhere["source"], elsewhere["name"], elsewhere["policy"]) == ("domain", None, None)
    stopped = _facts(store, domain=domain, service=Service("stopped", "disabled"))["in_force"]
    assert (stopped["source"], stopped["reason"]) == (
        "none",
        "the service PolicyAgent is stopped; the local policy 'GSecurity IP Policy' is assigned",
    )


def test_orphans_have_a_reason():
    store = stores.windows_2022()
    for operation in (
        Create("ipsecFilter{00000000-0000-0000-0000-000000000001}"),
        Set("ipsecFilter{00000000-0000-0000-0000-000000000001}", "ipsecName", Value.string("All ICMP")),
        Create("ipsecNFA{00000000-0000-0000-0000-000000000002}"),
        Set("ipsecNFA{00000000-0000-0000-0000-000000000002}", "ipsecOwnersReference", Value.strings([r"x\gone"])),
        Create("ipsecFilter{00000000-0000-0000-0000-000000000003}"),
        Set("ipsecFilter{00000000-0000-0000-0000-000000000003}", "ipsecData", Value.binary(b"")),
        Create("Something else"),
    ):
        store.change(operation)
    found = {orphan["key"]: orphan["kind"] for orphan in _facts(store)["orphans"]}
    assert found == {
        "ipsecFilter{00000000-0000-0000-0000-000000000001}": "library",
        "ipsecNFA{00000000-0000-0000-0000-000000000002}": "leftover",
        "ipsecFilter{00000000-0000-0000-0000-000000000003}": "unknown",
        "Something else": "foreign",
    }


def test_no_fact_carries_a_key_or_a_blob():
    rule = {"name": "R", "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": "s3cret"}]}
    store = stores.change(Store(), {"name": "P", "rules": [rule]}).store
    store.change(Unset(_key(store, "ipsecPolicy"), "ipsecNFAReference"))
    facts = _facts(store)
    assert {orphan["object"] for orphan in facts["orphans"]} == {"rule", "filter list", "filter action"}
    text = json.dumps(facts)
    assert "s3cret" not in text
    assert "ipsecData" not in text


def test_a_time_that_no_calendar_has_is_none():
    store = stores.change(Store(), {"name": "P"}).store
    store.change(Set(stores.stored(store, "P").key, "whenChanged", Value(Kind.QWORD, 253402300800)))
    assert _facts(store)["policies"][0]["when_changed"] is None
