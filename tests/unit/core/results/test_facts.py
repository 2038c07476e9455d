# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of the facts of a host: its policies, the one in force, and objects that belong to no policy."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.domain import DomainPolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import Service, ServiceStatus, StartType
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.facts import FACT, render_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Delete, Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Kind, Value
from unit import stores


def _facts(store=None, **parts):
    return render_facts(stores.host_with(Store() if store is None else store, **parts))


def _service(status, start_type=StartType.MANUAL):
    return Service(status=status, start_type=start_type)


def _key(store, class_):
    return next(path for path in store.paths() if path.lower().startswith(class_.lower() + "{"))


def test_a_policy_of_current_windows():
    facts = _facts(stores.windows_2022())
    (policy,) = facts["policies"]
    assert facts["assigned"] == {"name": "GSecurity IP Policy", "id": policy["id"]}
    assert facts["in_force"]["reason"] == (
        "the local policy 'GSecurity IP Policy' is assigned, and there is no domain policy"
    )
    assert policy["problems"] == []
    assert policy["when_changed"].endswith("+00:00")
    assert [len(rule["filters"]) for rule in policy["rules"]] == [1, 32]
    assert {rule["action"] for rule in policy["rules"]} == {"block"}


def test_the_policies_of_windows_2000():
    facts = _facts(stores.microsoft_defaults())
    assert [policy["name"] for policy in facts["policies"]] == [
        "Client (Respond Only)",
        "Secure Server (Require Security)",
        "Server (Request Security)",
    ]
    assert facts["assigned"] is None
    assert [policy["problems"] for policy in facts["policies"]] == [[], [], []]
    server = facts["policies"][2]
    assert {(rule["action"], rule["soft"]) for rule in server["rules"]} == {("negotiate", True), ("permit", False)}
    assert {orphan["kind"] for orphan in facts["orphans"]} <= {"library", "foreign", "unknown"}


def test_an_unreadable_object_is_a_problem_of_its_policy():
    store = stores.windows_2022()
    store.change(Set(_key(store, "ipsecFilter"), "ipsecData", Value.binary(b"\1\2\3")))
    (policy,) = _facts(store)["policies"]
    assert len(policy["problems"]) == 1
    assert "cannot be read: ipsecFilter data, at byte 0: " in policy["problems"][0]
    assert len(policy["rules"]) == 1


@pytest.mark.parametrize("class_", ["ipsecFilter", "ipsecNegotiationPolicy", "ipsecISAKMPPolicy", "ipsecNFA"])
def test_a_missing_object_is_a_problem(class_):
    store = stores.windows_2022()
    store.change(Delete(_key(store, class_)))
    (policy,) = _facts(store)["policies"]
    assert policy["problems"]


def test_a_reference_without_a_guid_is_a_problem():
    store = stores.windows_2022()
    store.change(Set(_key(store, "ipsecPolicy"), "ipsecNFAReference", Value.strings(["no braces"])))
    (policy,) = _facts(store)["policies"]
    assert policy["problems"] == ["the rule no braces cannot be read: no braces does not exist"]


def test_the_assignment_of_a_missing_policy_is_null():
    store = stores.windows_2022()
    store.change(Set("", "ActivePolicy", Value.string(r"SOFTWARE\x\ipsecPolicy{00000000-0000-0000-0000-000000000000}")))
    assert _facts(store)["assigned"] is None


IN_FORCE = ("source", "name", "read_from", "reason")
ASSIGNED = "the local policy 'GSecurity IP Policy' is assigned"


def _in_force(*args, **parts):
    found = _facts(*args, **parts)["in_force"]
    assert set(found) == {*IN_FORCE, "id", "policy", "applied", "evidence"}
    return found


def _unassigned():
    store = stores.windows_2022()
    store.change(Unset("", "ActivePolicy"))
    return store


def test_a_local_policy_in_force_is_read_from_the_registry():
    found = _in_force(stores.windows_2022())
    expected = ("local", "GSecurity IP Policy", "registry", f"{ASSIGNED}, and there is no domain policy")
    assert tuple(found[key] for key in IN_FORCE) == expected
    assert found["id"] == _facts(stores.windows_2022())["assigned"]["id"]
    assert found["policy"] is None


def test_no_policy_in_force_is_read_from_nowhere():
    found = _in_force(_unassigned())
    assert tuple(found[key] for key in IN_FORCE) == ("none", None, None, "no local policy is assigned")


def _domain(store, name="Corp"):
    path = next((p for p in stores.windows_2022().paths() if p.startswith("ipsecPolicy")), "")
    return DomainPolicy(path=f"LDAP://CN={path},CN=IP Security,CN=System,DC=x", name=name, store=store)


def test_a_domain_policy_in_force_is_read_from_the_cache():
    found = _in_force(stores.windows_2022(), domain=_domain(stores.windows_2022()))
    reason = f"Group Policy assigns a domain policy, which wins; {ASSIGNED}"
    assert tuple(found[key] for key in IN_FORCE) == ("domain", "Corp", "cache", reason)
    assert found["policy"]["name"] == "GSecurity IP Policy"
    assert found["id"] == found["policy"]["id"]
    # the name of the assignment, else that of the cached policy
    assert _in_force(domain=_domain(stores.windows_2022(), ""))["name"] == "GSecurity IP Policy"


@pytest.mark.parametrize(
    "cache",
    [Store(), stores.microsoft_defaults(), Store({"": {}, "ipsecPolicy{00000000-0000-0000-0000-000000000000}": {}})],
    ids=["empty", "other policies", "unfinished policy"],
)
def test_of_a_domain_policy_that_is_not_cached_only_the_assignment_is_read(cache):
    found = _in_force(_unassigned(), domain=_domain(cache))
    reason = "Group Policy assigns a domain policy, which wins; no local policy is assigned"
    assert tuple(found[key] for key in IN_FORCE) == ("domain", "Corp", "registry", reason)
    assert (found["id"], found["policy"]) == (None, None)
    assert _in_force(domain=_domain(cache, ""))["name"] is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (ServiceStatus.STOPPED, "is stopped"),
        (ServiceStatus.STOP_PENDING, "is stop pending"),
        (ServiceStatus.PAUSED, "is paused"),
        (ServiceStatus.MISSING, "does not exist"),
    ],
    ids=lambda value: value.name if isinstance(value, ServiceStatus) else "",
)
def test_a_service_that_does_not_run_enforces_nothing(status, words):
    found = _in_force(stores.windows_2022(), domain=_domain(stores.windows_2022()), service=_service(status))
    expected = ("none", None, None, f"the PolicyAgent service {words}; {ASSIGNED}")
    assert tuple(found[key] for key in IN_FORCE) == expected


@pytest.mark.parametrize("status", [ServiceStatus.RUNNING, ServiceStatus.START_PENDING])
def test_the_state_of_the_service(status):
    facts = _facts(stores.windows_2022(), service=_service(status, StartType.AUTOMATIC))
    assert facts["service"] == {"status": str(status), "start_type": "automatic"}
    assert facts["in_force"]["source"] == "local"


def test_the_fact_is_named_as_facts_of_ansible_are():
    # a name without the prefix would hide a variable of the user
    assert FACT.startswith("ansible_")


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


def test_facts_have_no_keys_and_no_blobs():
    rule = {"name": "R", "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": "s3cret"}]}
    store = stores.change(Store(), {"name": "P", "rules": [rule]}).store
    store.change(Unset(_key(store, "ipsecPolicy"), "ipsecNFAReference"))
    facts = _facts(store)
    assert {orphan["object"] for orphan in facts["orphans"]} == {"rule", "filter list", "filter action"}
    text = json.dumps(facts)
    assert "s3cret" not in text
    assert "ipsecData" not in text


def test_an_impossible_time_is_null():
    store = stores.change(Store(), {"name": "P"}).store
    store.change(Set(stores.stored(store, "P").key, "whenChanged", Value(Kind.QWORD, 253402300800)))
    assert _facts(store)["policies"][0]["when_changed"] is None


def test_every_filter_description_is_shown():
    """Descriptions that mean something elsewhere are texts like any other."""
    descriptions = ["any", "None", "0", "me", "null", ""]
    filters = [
        {"source": "me", "destination": f"192.0.2.{number}", "description": text}
        for number, text in enumerate(descriptions, 1)
    ]
    # a port range makes it a filter of version 2
    filters += [{**filter_, "protocol": "tcp", "destination_port": "80-90"} for filter_ in filters]
    store = stores.change(Store(), {"name": "P", "rules": [{"name": "R", "filters": filters}]}).store
    found = _facts(store)["policies"][0]["rules"][0]["filters"]
    assert [filter_.get("description", "") for filter_ in found] == descriptions * 2
    assert stores.change(store, _facts(store)["policies"][0]).operations == ()
