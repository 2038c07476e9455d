# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The facts about a domain."""

from __future__ import annotations

import dataclasses
import json

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.dn import dn_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.extensions import with_pair
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.findings import hidden_from_members
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.reading import read_place, read_state
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.state import (
    Assignment,
    DirectoryState,
    Gpo,
    Link,
    Place,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.traits import REST
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.domain_facts import (
    gpos_by_policy,
    render_domain_facts,
    render_domain_policy,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.names import CHANGED, OWNERS, reference
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Delete, Set
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from directory.memory import MemoryDirectory
from unit import stores
from unit.domains import CONTAINER, POLICIES, ROOT, SERVER

KEY = "S3cretToken"
PLACE = Place(domain="example.test", root=ROOT, server=SERVER)
STORE = stores.apply(
    Store(),
    [
        {
            "name": "Web",
            "rules": [{"name": "R", "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": KEY}]}],
        },
        {"name": "Mail", "rules": [{"name": "S", "filters": ["0+192.0.2.2"], "action": "block"}]},
    ],
)
KEYS = {p.policy.name: p.key for p in read_policies(Graph(STORE))}
EXTENSIONS = with_pair("")


def gpo(number=1, name="Servers", policy="Web", **parts):
    """A Group Policy object that assigns a policy, with all parts in order."""
    guid = f"{{0A000000-0000-0000-0000-00000000000{number}}}"
    dn = dn_of(Graph(STORE).path(KEYS[policy]), CONTAINER) if policy in KEYS else policy
    values = {
        "version": 1,
        "extensions": EXTENSIONS,
        "usn": 10,
        "assignment": Assignment(policy=dn, usn=9),
        "links": (),
        **parts,
    }
    return Gpo(dn=f"CN={guid},{POLICIES}", id=guid, name=name, **values)


def state(*gpos, store=STORE, **parts):
    return DirectoryState(place=PLACE, graph=Graph(store), gpos=gpos, **parts)


def codes(facts):
    return [finding["code"] for finding in facts["findings"]]


def test_facts_say_where_they_come_from():
    facts = render_domain_facts(state())
    assert (facts["store"], facts["domain"], facts["server"]) == ("domain", "example.test", SERVER)
    assert KEY not in json.dumps(facts)


def test_policies_have_the_group_policy_objects_that_assign_them():
    facts = render_domain_facts(state(gpo(1, "Servers"), gpo(2, "More"), gpo(3, "Other", "Mail"), gpo(4, "None", "")))
    assert {p["name"]: p["gpos"] for p in facts["policies"]} == {"Web": ["Servers", "More"], "Mail": ["Other"]}
    assert all("assigned" not in policy for policy in facts["policies"])
    assert facts["policies"][0]["problems"] == []


def test_a_group_policy_object_is_named_by_its_id_if_its_name_is_not_unique():
    one = state(gpo(1, "Servers"), gpo(2, "SERVERS", "Mail"))
    assert gpos_by_policy(one) == {
        KEYS["Web"]: ["{0A000000-0000-0000-0000-000000000001}"],
        KEYS["Mail"]: ["{0A000000-0000-0000-0000-000000000002}"],
    }


def test_a_policy_of_a_result_is_that_of_the_facts():
    one = state(gpo())
    policies = [render_domain_policy(one.graph, stored, gpos_by_policy(one)) for stored in read_policies(one.graph)]
    assert policies == render_domain_facts(one)["policies"]


def test_group_policy_objects_have_their_policy_and_links():
    links = (Link(dn=ROOT), Link(dn="OU=a", enabled=False, enforced=True))
    (found,) = render_domain_facts(state(gpo(links=links)))["gpos"]
    assert found == {
        "name": "Servers",
        "id": "{0A000000-0000-0000-0000-000000000001}",
        "policy": {"name": "Web", "id": KEYS["Web"].removeprefix("IPSECPOLICY").lower()},
        "enabled": True,
        "links": [
            {"dn": ROOT, "enabled": True, "enforced": False},
            {"dn": "OU=a", "enabled": False, "enforced": True},
        ],
        "problems": [],
    }


@pytest.mark.parametrize(("flags", "enabled"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_disabled_computer_part_is_shown(flags, enabled):
    (found,) = render_domain_facts(state(gpo(flags=flags)))["gpos"]
    assert found["enabled"] is enabled


def test_only_group_policy_objects_with_a_part_of_an_assignment_are_shown():
    plain = gpo(1, "plain", extensions="", assignment=None)
    pair = gpo(2, "pair", assignment=None)
    empty = gpo(3, "empty", extensions="", assignment=Assignment(policy=""))
    damaged = gpo(4, "damaged", extensions="x", assignment=None)
    facts = render_domain_facts(state(plain, pair, empty, damaged))
    assert [(found["name"], found["policy"]) for found in facts["gpos"]] == [("pair", None), ("empty", None)]


def test_findings_are_those_of_assigned_policies():
    assert codes(render_domain_facts(state())) == []
    facts = render_domain_facts(state(gpo()))
    assert "preshared-key" in codes(facts)
    assert {finding["policy"] for finding in facts["findings"]} == {"Web"}
    assert codes(render_domain_facts(state(gpo(policy="Mail")))) == []


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"extensions": ""}, "gPCMachineExtensionNames"),
        ({"usn": 8}, "IPSEC object"),
        ({"gpt_version": 2}, "GPT.INI"),
        ({"assignment": Assignment(policy=dn_of("ipsecPolicy{gone}", CONTAINER))}, "ipsecPolicy{gone}"),
    ],
)
def test_a_group_policy_object_whose_parts_disagree_is_a_finding(parts, text):
    facts = render_domain_facts(state(gpo(**parts)))
    (finding,) = (found for found in facts["findings"] if found["code"] == "gpo-parts-disagree")
    assert text in finding["text"]
    assert "'Servers'" in finding["text"]
    assert finding["severity"] == "high"
    assert finding["policy"] == (None if "gone" in text else "Web")
    assert text in "".join(facts["gpos"][0]["problems"])


def test_a_version_that_cannot_be_read_is_a_problem_but_no_finding():
    facts = render_domain_facts(state(gpo(gpt_problem="no SMB")))
    assert "no SMB" in facts["gpos"][0]["problems"][0]
    assert "gpo-parts-disagree" not in codes(facts)


def test_other_group_policy_objects_are_no_finding():
    other = gpo(extensions="x", assignment=None, gpt_version=7)
    assert codes(render_domain_facts(state(other))) == []


def test_policies_that_members_cannot_read_are_a_finding_with_commands():
    part = next(iter(Graph(STORE).references(KEYS["Mail"], "ipsecNFAReference")))
    facts = render_domain_facts(state(closed=frozenset({part})))
    (finding,) = facts["findings"]
    assert finding["code"] == "not-readable-by-members"
    assert finding["policy"] == "Mail"
    assert finding["text"] == "members of the domain may not read the policy 'Mail', so they cannot apply it"
    assert f'dsacls "{CONTAINER}" /I:T /G "NT AUTHORITY\\Authenticated Users:GR"' in finding["remedy"]
    assert f'samba-tool dsacl set --objectdn="{CONTAINER}" --sddl="(A;CI;RPLCLORC;;;AU)"' in finding["remedy"]

    both = render_domain_facts(state(closed=frozenset(KEYS.values())))
    assert "the policies 'Web', 'Mail', so they cannot apply them" in both["findings"][0]["text"]
    assert both["findings"][0]["policy"] is None


@pytest.mark.parametrize("closed", [None, frozenset(), frozenset({"IPSECFILTER{0}", ""})])
def test_policies_that_members_can_read_are_none(closed):
    assert codes(render_domain_facts(state(closed=closed))) == []


def test_a_new_policy_that_members_will_not_be_able_to_read_is_a_finding():
    before = state(store=Store(), closed=frozenset({""}))
    assert hidden_from_members(before, before.graph, []) == []
    (finding,) = hidden_from_members(before, Graph(STORE), [KEYS["Web"]])
    assert finding.policy == "Web"
    assert hidden_from_members(dataclasses.replace(before, closed=frozenset()), Graph(STORE), [KEYS["Web"]]) == []


def test_a_reference_to_an_object_that_does_not_exist_is_not_one_that_members_cannot_read():
    store = STORE.copy()
    store.change(Delete(Graph(STORE).path(next(iter(Graph(STORE).references(KEYS["Mail"], "ipsecNFAReference"))))))
    assert codes(render_domain_facts(state(store=store, closed=frozenset({""})))) == []


@pytest.mark.parametrize(
    ("age", "kind", "reason"),
    [
        (REST, "leftover", "its owner is gone or does not use it"),
        (REST - 1, "unknown", "no object that can be read refers to it, but it has an owner"),
    ],
)
def test_an_object_that_somebody_may_be_working_on_is_no_leftover(age, kind, reason):
    store = STORE.copy()
    new = "ipsecNFA{00000000-0000-0000-0000-0000000000FF}"
    store.change(Create(new))
    store.change(Set(new, OWNERS, Value.strings([reference(KEYS["Web"])])))
    store.change(Set(new, CHANGED, Value.number(1000)))
    usns = {KEYS["Web"]: 1, fold(new): 2}
    (found,) = render_domain_facts(state(store=store, usns=usns, now=1000 + age))["orphans"]
    assert (found["key"], found["kind"], found["reason"]) == (new, kind, reason)


def test_facts_of_a_new_domain():
    directory = MemoryDirectory()
    directory.add_gpo("Servers", directory.root)
    facts = render_domain_facts(read_state(directory, read_place(directory, None), gpos=True, links=True))
    assert [policy["name"] for policy in facts["policies"]] == [
        "Client (Respond Only)",
        "Secure Server (Require Security)",
        "Server (Request Security)",
    ]
    assert facts["gpos"] == []
    assert [orphan["key"] for orphan in facts["orphans"]] == ["ipsecNFA{6A1F5C6F-72B7-11D2-ACF0-0060B0ECCA17}"]
    assert codes(facts) == ["not-readable-by-members"]
