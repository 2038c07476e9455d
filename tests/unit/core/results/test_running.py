# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of the facts about what a host has in force."""

from __future__ import annotations

import json

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import HostState
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.subsets import Subset, chosen, parts_of
from unit import running
from unit.running import LOCAL, LOCAL_PORT, PROTOCOL, REMOTE, REMOTE_PORT, row

STOPPED = {"status": "stopped", "start_type": "manual"}
ALWAYS = {"in_force", "service", "findings"}
STORE = {"policies", "assigned", "orphans"}


def facts(*subsets, **changes):
    """The facts of a host with a policy, a dynamic rule and an answer for each part."""
    state = HostState.parse(running.answer(**changes), parts_of(subsets))
    return render_facts(state, subsets)


def test_without_gather_subset_only_the_store_is_read_and_returned():
    assert parts_of([Subset.STORE]) == (Part.STORE, Part.SERVICE, Part.DOMAIN)
    found = facts(Subset.STORE)
    assert found.keys() == ALWAYS | STORE
    assert found == render_facts(HostState.parse(running.answer(), parts_of([Subset.STORE])))


@pytest.mark.parametrize("subset", [s for s in Subset if s not in (Subset.STORE, Subset.ALL)])
def test_a_part_is_returned_if_it_is_asked_for(subset):
    found = facts(subset)
    assert found.keys() == ALWAYS | {"running"}
    assert found["running"].keys() == {"addresses", "missing", str(subset)}
    with_store = facts(subset, Subset.STORE)
    assert with_store.keys() == ALWAYS | STORE | {"running"}
    assert with_store["in_force"] == found["in_force"]


def test_all_stands_for_every_part():
    found = facts(Subset.ALL)
    assert found.keys() == ALWAYS | STORE | {"running"}
    assert found["running"].keys() == {"addresses", "missing", *map(str, chosen(["all"]) - {Subset.STORE})}
    assert found["running"]["missing"] == []


def test_no_part_is_read_for_another_one():
    assert not {Part.COUNTERS, Part.ASSOCIATIONS, Part.FILTERS, Part.EVENTS} & set(parts_of([Subset.POLICIES]))
    assert not {Part.RECORD, Part.DYNAMIC, Part.RSOP} & set(parts_of([Subset.STATS, Subset.SAS]))


def rows(*lines, **changes):
    return facts(Subset.FILTERS, filters=running.filters(*lines), **changes)["running"]["filters"]


def test_a_filter_for_inbound_packets_has_the_peer_as_its_source():
    (found,) = rows(row(f"{REMOTE},FWP_UINT32,192.0.2.9", f"{PROTOCOL},6", f"{LOCAL_PORT},445"))["quick_mode"]
    assert found == {
        "id": 70001,
        "name": "Close SMB",
        "direction": "in",
        "source": "192.0.2.9",
        "destination": "me",
        "source_port": "any",
        "destination_port": 445,
        "protocol": "tcp",
        "action": "block",
        "tunnel": False,
        "layer": "FWPM_LAYER_INBOUND_TRANSPORT_V4",
        "weight": 1234,
        "unread": [],
        "rule": None,
    }


def test_a_filter_for_outbound_packets_has_the_host_as_its_source():
    conditions = (f"{LOCAL},FWP_V6_ADDR_MASK,fe80::~10", f"{REMOTE_PORT},53", f"{PROTOCOL},17")
    (found,) = rows(row(*conditions, layer="FWPM_LAYER_OUTBOUND_TRANSPORT_V6"))["quick_mode"]
    ends = ("direction", "source", "destination", "source_port", "destination_port", "protocol")
    assert [found[key] for key in ends] == ["out", "fe80::/10", "any/ipv6", "any", 53, "udp"]


def test_a_filter_of_another_kind_has_null_where_something_is_not_known():
    (found,) = rows(row("X,Y,Z,1", layer="{1}", action="FWP_ACTION_CONTINUE", weight=""))["quick_mode"]
    assert (found["direction"], found["action"], found["weight"]) == (None, None, None)
    assert found["unread"] == ["X,Y,Z,1"]


def test_filters_of_main_mode_are_listed_apart():
    found = rows(row(f"{REMOTE},FWP_UINT32,192.0.2.9", layer="FWPM_LAYER_IKEEXT_V4", action="FWP_ACTION_PERMIT"))
    assert found["quick_mode"] == []
    (main,) = found["main_mode"]
    assert (main["source"], main["destination"], main["action"]) == ("me", "192.0.2.9", "permit")
    assert main.keys() == {"id", "name", "source", "destination", "action", "layer", "weight", "unread", "rule"}


def test_a_filter_names_the_rule_that_it_comes_from():
    found = facts(Subset.ALL)
    first, other, dynamic = found["running"]["filters"]["quick_mode"]
    (rule,) = found["policies"][0]["rules"]
    assert first["rule"] == {"policy": "Close SMB", "dynamic": None, "name": "SMB", "id": rule["id"]}
    assert other["rule"] == first["rule"]
    assert (dynamic["rule"]["policy"], dynamic["rule"]["dynamic"], dynamic["rule"]["id"]) == (None, 0, None)
    assert found["running"]["dynamic"]["rules"][0]["filters"][0]["destination_port"] == 3389


def test_whether_the_policy_is_enforced_is_unknown_without_the_filters():
    found = facts(Subset.STORE)["in_force"]
    assert found["applied"] == "unknown"
    assert found["evidence"] == {
        "reason": "the filters in force were not gathered: add filters to gather_subset",
        "missing": [],
        "missing_count": 0,
        "surplus": [],
        "surplus_count": 0,
        "event": None,
    }


def test_a_policy_whose_filters_are_in_force_is_enforced():
    found = facts(Subset.FILTERS)["in_force"]
    assert found["applied"] == "yes", found["evidence"]
    assert found["evidence"]["event"]["id"] == 5460


def test_missing_and_surplus_filters_are_evidence():
    surplus = row(f"{PROTOCOL},6", f"{LOCAL_PORT},80")
    found = facts(Subset.FILTERS, filters=running.filters(surplus), events=running.events())["in_force"]
    assert found["applied"] == "no"
    evidence = found["evidence"]
    assert (evidence["missing_count"], evidence["surplus_count"], evidence["event"]) == (3, 1, None)
    assert evidence["surplus"][0]["destination_port"] == 80
    missing = next(one for one in evidence["missing"] if one["direction"] == "in" and one["destination_port"] == 445)
    assert (missing["source"], missing["destination"], missing["rule"]["policy"]) == ("any", "me", "Close SMB")


def test_events_are_read_by_the_names_of_their_data():
    events = running.events(
        running.event(5461, data={"Policy": "P", "Error": "0x5"}),
        running.event(5477, record=9, data={"QuickModeFilter": "F", "Error": "0x5"}),
    )
    found = facts(Subset.FILTERS, events=events)["running"]["filters"]
    assert found["audit"] == "Success and Failure"
    time = "2025-06-15T15:06:40+00:00"
    assert found["events"] == [
        {"id": 5461, "time": time, "policy": "P", "error": "0x5", "filter": None},
        {"id": 5477, "time": time, "policy": None, "error": "0x5", "filter": "F"},
    ]


def test_policies_and_authentication_have_the_rules_in_force():
    found = facts(Subset.POLICIES, Subset.AUTH)["running"]
    policies, auth = found["policies"], found["auth"]
    assert [(p["policy"], p["dynamic"], p["source"], p["action"]) for p in policies["quick_mode"]] == [
        ("Close SMB", None, "registry", "block"),
        (None, 0, "record", "block"),
    ]
    assert (policies["source"], auth) == ("registry", {"source": "registry", "methods": []})
    assert [p["policy"] for p in policies["main_mode"]] == ["Close SMB"]


def test_a_key_is_present_or_not_and_never_shown():
    policy = running.store(
        {**running.POLICY, "rules": [{**running.SECURED, "authentication": [{"preshared_key": "s3"}]}]}
    )
    record = running.record([{**running.SECURED_DYNAMIC, "authentication": [{"preshared_key": "s3"}, "kerberos"]}])
    found = facts(Subset.ALL, **policy, **record)
    methods = found["running"]["auth"]["methods"]
    assert [m["authentication"] for m in methods] == [
        [{"preshared_key": None, "present": True}],
        [{"preshared_key": None, "present": True}, {"kerberos": True}],
    ]
    assert [m["source"] for m in methods] == ["registry", "record"]
    assert [p["dynamic"] for p in found["running"]["policies"]["main_mode"]] == [None, 0]
    assert "s3" not in json.dumps(found)


def test_a_rule_that_is_not_enabled_is_not_in_force():
    policy = {**running.POLICY, "rules": [{**running.POLICY["rules"][0], "enabled": False}]}
    found = facts(Subset.POLICIES, **running.store(policy))["running"]["policies"]
    assert [p["dynamic"] for p in found["quick_mode"]] == [0]


def test_a_stopped_service_has_nothing_in_force():
    found = facts(Subset.ALL, service=STOPPED)
    assert found["running"]["policies"] == {"source": None, "main_mode": [], "quick_mode": []}
    assert found["running"]["auth"] == {"source": None, "methods": []}
    assert [rule["in_force"] for rule in found["running"]["dynamic"]["rules"]] == [False]
    assert "service-stopped" in [finding["code"] for finding in found["findings"]]


def test_a_dynamic_rule_that_windows_has_lost_is_not_in_force():
    found = facts(Subset.ALL, dynamic=running.listing({}))["running"]
    assert [rule["in_force"] for rule in found["dynamic"]["rules"]] == [False]
    assert [p["dynamic"] for p in found["policies"]["quick_mode"]] == [None]


def test_dynamic_rules_have_names_beside_their_addresses():
    rule = {"filters": [{"source": "me", "destination": "server.example"}], "action": "block"}
    record = running.record([rule], names={"server.example": ("192.0.2.7",)})
    (found,) = facts(Subset.DYNAMIC, **record)["running"]["dynamic"]["rules"]
    assert found["filters"][0]["destination"] == "server.example"
    assert found["filters"][0]["destination_address"] == "192.0.2.7"


def test_dynamic_rules_have_the_addresses_of_a_name_with_several():
    rule = {"filters": [{"source": "me", "destination": "server.example"}], "action": "block"}
    record = running.record([rule], names={"server.example": ("192.0.2.7", "192.0.2.8")})
    (found,) = facts(Subset.DYNAMIC, **record)["running"]["dynamic"]["rules"]
    assert [filter_["destination"] for filter_ in found["filters"]] == ["192.0.2.7", "192.0.2.8"]


def test_a_record_that_cannot_be_read_is_missing():
    found = facts(Subset.DYNAMIC, **running.record([running.DYNAMIC], damaged=True))["running"]
    assert found["dynamic"]["rules"] == []
    assert found["missing"] == [
        {"part": "dynamic", "what": "rules", "reason": "failed", "detail": "1 rule in the record cannot be read"}
    ]


def test_settings_and_the_interval_of_the_replay_are_those_of_the_record():
    found = facts(Subset.DYNAMIC)["running"]["dynamic"]
    assert (found["settings"], found["replay_interval"], found["source"]) == ({"ipsecexempt": "3"}, 5, "record")


def test_associations_have_algorithms_by_name():
    main = {**running.MAIN_MODE, "CipherAlgorithm": 65003, "HashAlgorithm": 65001, "GroupId": 19, "KeyModule": 3}
    quick = {
        **running.QUICK_MODE,
        "FirstCipherAlgorithm": 65006,
        "FirstIntegrityAlgorithm": 65005,
        "EncapsulationMode": 2,
    }
    found = facts(Subset.SAS, associations=running.associations([main], [quick]))["running"]["sas"]
    (one,), (other,) = found["main_mode"], found["quick_mode"]
    assert (one["encryption"], one["integrity"], one["group"]) == ("aes256", "sha256", 19)
    assert (one["module"], one["firewall"]) == ("ikev2", True)
    assert other["transforms"] == [{"encryption": "aes-gcm256", "integrity": "aes-gmac256", "spi": 3221225473}]
    assert (other["mode"], other["local_port"], other["remote_port"], other["protocol"]) == (
        "tunnel",
        "any",
        445,
        "tcp",
    )


@pytest.mark.parametrize(
    ("number", "module", "firewall"), [(1, "ikev1", False), (2, "authip", True), (3, "ikev2", True)]
)
def test_associations_of_the_firewall_are_marked(number, module, firewall):
    main = {**running.MAIN_MODE, "KeyModule": number}
    (found,) = facts(Subset.SAS, associations=running.associations([main]))["running"]["sas"]["main_mode"]
    assert (found["module"], found["firewall"]) == (module, firewall)


def test_numbers_without_a_name_are_unknown_and_shown():
    main = {"CipherAlgorithm": 65099, "HashAlgorithm": 1, "GroupId": 99, "KeyModule": 7}
    (found,) = facts(Subset.SAS, associations=running.associations([main]))["running"]["sas"]["main_mode"]
    assert (found["encryption"], found["integrity"]) == ("unknown (65099)", "unknown (1)")
    assert (found["group"], found["module"], found["firewall"]) == ("unknown (99)", "unknown (7)", None)
    assert found["policy"] is None


def test_statistics_have_a_group_for_each_class():
    found = facts(Subset.STATS)["running"]["stats"]
    assert found.keys() == {"source", "ike_ipv4", "ike_ipv6", "ike", "ipsec", "connections"}
    assert found["ike_ipv4"]["active_main_mode_sas"] == 1
    assert not [name for group in found.values() if isinstance(group, dict) for name in group if "persec" in name]


MISSING = running.missing()
KNOWN = {"reason": "access_denied", "detail": "Access is denied."}


@pytest.mark.parametrize(
    ("subset", "changes", "what", "absent"),
    [
        (Subset.FILTERS, {"filters": {"error": MISSING}}, "filters", "quick_mode"),
        (Subset.FILTERS, {"events": {"error": MISSING}}, "events", "events"),
        (Subset.STATS, {"counters": running.counters({}, **{running.DRIVER: MISSING})}, "ipsec", "ipsec"),
        (
            Subset.SAS,
            {"associations": running.associations(errors={"MSFT_NetMainModeSA": MISSING})},
            "MSFT_NetMainModeSA",
            "main_mode",
        ),
        (Subset.DOMAIN, {"rsop": {"error": MISSING}}, "rsop", "rsop"),
    ],
)
def test_what_is_not_known_is_absent_with_the_reason(subset, changes, what, absent):
    found = facts(subset, **changes)["running"]
    assert absent not in found[str(subset)]
    assert found["missing"] == [{"part": str(subset), "what": what, **KNOWN}]


def test_an_event_log_that_cannot_be_read_keeps_the_audit_setting():
    found = facts(Subset.FILTERS, events={"error": MISSING, "audit": "No Auditing"})["running"]["filters"]
    assert found["audit"] == "No Auditing"


def test_a_domain_policy_is_read_from_what_group_policy_reports():
    found = facts(Subset.ALL, **running.domain(cache=False))
    assert (found["in_force"]["source"], found["in_force"]["read_from"]) == ("domain", "rsop")
    domain = found["running"]["domain"]
    assert domain["gpo"] == {"id": running.GPO, "name": "IPsec of servers"}
    assert (domain["assigned"], domain["name"], domain["source"]) == (True, "Corp", "rsop")
    assert domain["policy"]["name"] == "Close SMB"
    assert found["running"]["policies"]["quick_mode"][0]["source"] == "rsop"
    assert found["running"]["filters"]["quick_mode"][0]["rule"]["policy"] == "Corp"
    assert found["running"]["missing"] == []


def test_a_domain_policy_is_read_from_the_cache_if_group_policy_does_not_report_it():
    found = facts(Subset.DOMAIN, **{**running.domain(cache=True), "rsop": {"error": MISSING}})
    domain = found["running"]["domain"]
    assert (domain["source"], domain["gpo"], domain["policy"]["name"]) == ("cache", None, "Close SMB")


def test_a_domain_policy_without_a_copy_is_missing():
    found = facts(Subset.ALL, **{**running.domain(cache=False), "rsop": {"error": MISSING}})
    assert found["running"]["domain"]["source"] == "registry"
    assert found["running"]["domain"]["policy"] is None
    assert found["in_force"]["applied"] == "unknown"
    parts = [(item["part"], item["what"]) for item in found["running"]["missing"]]
    assert parts == [("policies", "domain policy"), ("auth", "domain policy"), ("domain", "rsop")]
    without = facts(Subset.POLICIES, **{**running.domain(cache=False), "rsop": running.RSOP})["running"]["missing"]
    assert [(item["reason"], item["detail"]) for item in without] == [
        ("failed", "the host has no copy of the domain policy")
    ]


def test_a_host_without_a_domain_policy():
    found = facts(Subset.DOMAIN)["running"]["domain"]
    assert (found["assigned"], found["source"], found["reason"]) == (False, "registry", "no domain policy is assigned")


def test_findings_are_about_the_host_and_the_policy_in_force():
    policy = {**running.POLICY, "rules": [running.SECURED]}
    found = facts(Subset.STORE, **running.store(policy))["findings"]
    assert [(item["code"], item["policy"]) for item in found][:1] == [("service-not-at-boot", "Close SMB")]
    weak = next(item for item in found if item["code"] == "weak-3des")
    assert (weak["severity"], weak["policy"], weak["rules"]) == ("low", "Close SMB", [])
    pfs = next(item for item in found if item["code"] == "no-pfs")
    assert pfs["rules"] == ["Secured servers"]
