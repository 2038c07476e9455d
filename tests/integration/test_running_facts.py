# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What hosts have in force, as facts: ipsec_facts with gather_subset in playbooks."""

from __future__ import annotations

import json

import pytest
from integration.playbook import facts_task, policy_task
from integration.test_dynamic import add_others, dynamic_task

RULES = [
    {
        "name": "SMB",
        "filters": [{"source": "any", "destination": "me", "protocol": "tcp", "destination_port": 445}],
        "action": "block",
    },
    {
        "name": "Secured servers",
        "filters": [{"source": "me", "destination": "198.51.100.0/24"}],
        "authentication": [{"preshared_key": "s3cret key"}],
    },
]
POLICY = policy_task(name="Close SMB", assigned=True, rules=RULES)
ASSOCIATIONS = [
    {"remote": "198.51.100.9"},
    {"remote": "192.0.2.77", "module": "ikev2", "main": {"CipherAlgorithm": 65003, "HashAlgorithm": 65099}},
]


def gather(player, host, *subsets, before=()):
    """The facts after the tasks `before`. All tasks succeed."""
    results = player.play(host, *before, facts_task(*subsets))
    assert results.code == 0, results.output
    return results[-1]["ansible_facts"]["ansible_ipsec"]


@pytest.fixture
def prepared(host):
    """A host whose answers have everything."""
    host.set(audited=True, associations=ASSOCIATIONS, counters={"IPsecDriver": {"SARekeys": 3}})
    return host


def test_everything_that_a_host_has_in_force(prepared, player):
    found = gather(player, prepared, "all", before=[POLICY, dynamic_task(filters=["[203.0.113.7+0]"])])
    assert found["in_force"]["applied"] == "yes", found["in_force"]["evidence"]
    running = found["running"]
    assert running["missing"] == []
    filters = running["filters"]
    assert filters["count"] == len(filters["quick_mode"]) + len(filters["main_mode"]) <= filters["total"]
    assert all(one["rule"] is not None and one["unread"] == [] for one in filters["quick_mode"])
    smb = [one for one in filters["quick_mode"] if one["rule"]["name"] == "SMB"]
    assert {(one["direction"], one["source"], one["destination"], one["protocol"]) for one in smb} == {
        ("in", "any", "me", "tcp"),
        ("out", "me", "any", "tcp"),
    }
    assert {one["rule"]["dynamic"] for one in filters["quick_mode"]} == {None, 0}
    assert [event["policy"] for event in filters["events"] if event["id"] == 5460]
    assert [one["action"] for one in running["policies"]["quick_mode"]] == ["block", "negotiate", "block"]
    (method,) = running["auth"]["methods"]
    assert method["authentication"] == [{"preshared_key": None, "present": True}]
    assert running["stats"]["ipsec"]["rekeys"] == 3
    assert running["stats"].keys() == {"source", "ike_ipv4", "ike_ipv6", "ike", "ipsec", "connections"}
    first, second = running["sas"]["main_mode"]
    assert (first["remote"], first["module"], first["firewall"], first["encryption"]) == (
        "198.51.100.9",
        "ikev1",
        False,
        "3des",
    )
    assert (second["module"], second["firewall"], second["encryption"]) == ("ikev2", True, "aes256")
    assert second["integrity"] == "unknown (65099)"
    assert running["dynamic"]["rules"][0]["in_force"] is True
    assert running["domain"]["assigned"] is False
    assert "s3cret" not in json.dumps(found)


@pytest.mark.engines("python")
def test_without_gather_subset_the_host_is_asked_for_its_store_only(prepared, player):
    prepared.set(queries=dict.fromkeys(("filters", "sas", "counters", "rsop", "events", "auditpol"), "malformed"))
    found = gather(player, prepared, before=[POLICY])
    assert found.keys() == {"policies", "assigned", "orphans", "in_force", "service", "findings"}
    assert found["in_force"]["applied"] == "unknown"


@pytest.mark.engines("python")
def test_filters_that_the_service_has_lost_are_evidence(prepared, player):
    prepared.set(lost_filters={"SMB": [1]}, audited=False)
    found = gather(player, prepared, "filters", before=[POLICY])["in_force"]
    assert found["applied"] == "no"
    assert found["evidence"]["missing_count"] == 2
    assert {one["rule"]["name"] for one in found["evidence"]["missing"]} == {"SMB"}


@pytest.mark.engines("python")
def test_filters_of_others_belong_to_no_rule(host, player):
    host.start_service()
    add_others(host)
    found = gather(player, host, "filters")
    assert {one["rule"] for one in found["running"]["filters"]["quick_mode"]} == {None}
    assert found["in_force"]["evidence"]["surplus_count"] > 0


@pytest.mark.engines("python")
@pytest.mark.parametrize(
    ("query", "part", "absent", "kind", "reason"),
    [
        ("filters", "filters", "quick_mode", "denied", "failed"),
        ("events", "filters", "events", "denied", "access_denied"),
        ("counters", "stats", "ipsec", "missing", "no_class"),
        ("counters", "stats", "ipsec", "failed", "failed"),
        ("sas", "sas", "main_mode", "denied", "access_denied"),
    ],
)
def test_what_cannot_be_read_is_missing(host, player, query, part, absent, kind, reason):
    host.set(queries={query: kind})
    found = gather(player, host, "all")["running"]
    assert absent not in found[part]
    assert reason in {item["reason"] for item in found["missing"] if item["part"] == part}


@pytest.mark.engines("python")
@pytest.mark.parametrize("fault", ["truncated", "entity", "deep", "layer", "number"])
def test_filters_that_are_malformed_fail_the_task(host, player, fault):
    host.set(queries={"filters": f"malformed {fault}"})
    results = player.play(host, facts_task("filters"))
    assert results.code != 0
    assert "filters" in results[-1]["msg"]
    assert "Traceback" not in results.output


@pytest.mark.engines("python")
def test_a_host_with_very_many_filters(host, player):
    host.set(queries={"filters": "huge 30000"})
    found = gather(player, host, "filters", before=[POLICY])
    assert found["running"]["filters"]["truncated"]
    assert len(found["running"]["filters"]["quick_mode"]) <= 20_000
    assert found["in_force"]["applied"] != "no"


@pytest.mark.engines("python")
def test_a_domain_policy_is_read_from_what_group_policy_reports(host, player):
    assert player.play(host, POLICY).code == 0
    name = next(key.rpartition("\\")[2] for key in host.store() if "ipsecPolicy{" in key)
    path = f"LDAP://CN={name},CN=IP Security,CN=System,DC=example,DC=test"
    host.assign_domain_policy(path, "Corp", host.store(), cached=False)
    host.reload_service()
    found = gather(player, host, "all")
    assert (found["in_force"]["source"], found["in_force"]["read_from"]) == ("domain", "rsop")
    domain = found["running"]["domain"]
    assert (domain["name"], domain["source"], domain["gpo"]["name"]) == ("Corp", "rsop", "IPsec of the domain")
    assert [rule["name"] for rule in domain["policy"]["rules"]] == ["SMB", "Secured servers"]
    assert "domain-policy-wins" in [finding["code"] for finding in found["findings"]]
    assert "s3cret" not in json.dumps(found)


@pytest.mark.engines("python")
def test_a_part_that_does_not_exist_fails_before_the_host_is_contacted(host, player):
    results = player.play(host, facts_task("filter"))
    assert results.code != 0
    assert "gather_subset" in results[-1]["msg"]
    assert host.events("read") == []
