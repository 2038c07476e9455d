# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""ipsec_policy and ipsec_facts through the real ansible-playbook.

The contract of the host module has its own tests, so few of these need both engines.
"""

from __future__ import annotations

import pathlib

import pytest
from integration.playbook import facts_task, policy_task

pytestmark = pytest.mark.judge_with("powershell")
BOTH = pytest.mark.judge_with

DATA = pathlib.Path(__file__).parent.parent / "data"
CLOSE_SMB = {
    "name": "Close SMB",
    "filters": [
        "*+0:445:TCP",
        {"source": "any/ipv6", "destination": "me/ipv6", "protocol": "tcp", "destination_port": 445, "mirrored": True},
    ],
    "action": "block",
}
SECURE = {
    "name": "Secured servers",
    "filters": [
        "0+192.0.2.10",
        {"source": "me", "destination": "198.51.100.0/24", "protocol": "tcp", "destination_port": 1433},
    ],
    "security_methods": ["esp[3des,sha] 3600S/50000K PFS"],
    "authentication": ["kerberos", {"preshared_key": "s3cret"}, {"certificate": "CN=Corp Root CA"}],
}


@BOTH
@pytest.mark.psrp("python", "powershell")
def test_a_policy_is_created_assigned_and_read(host, player):
    task = policy_task(name="Isolation", assigned=True, poll_interval=30, rules=[SECURE, CLOSE_SMB])
    run = player.play(host, task, task, facts_task())
    first, second, facts = run.results
    assert run.code == 0, run.output
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["service"] == {"status": "running", "start_type": "automatic", "notification": "started"}
    assert second["operations"] == []
    found = facts["ansible_facts"]["ansible_ipsec"]
    assert (found["in_force"]["source"], found["in_force"]["read_from"]) == ("local", "registry")
    assert found["policies"] == [first["policy"]]
    assert found["orphans"] == []
    assert [e[2:] for e in host.events("executed")] == [["ipsec_host", d] for d in ("read", "apply", "read", "read")]
    (seen,) = host.policies()
    assert (seen.name, seen.poll_interval) == ("Isolation", 1800)
    assert {r.name: r.action for r in seen.rules} == {"Secured servers": "negotiate", "Close SMB": "block"}
    assert dict(seen.rules[0].authentication) == {
        "kerberos": "",
        "preshared key": "s3cret",
        "certificate": "CN=Corp Root CA",
    }
    assert host.enforced.in_force.policy == seen


def test_tasks_accept_policies_as_facts_return_them(farm, host, player):
    other = next(farm.fresh)
    host.import_reg((DATA / "windows-2022.reg").read_bytes())
    host.boot()
    given = "{{ ansible_facts.ipsec.policies | first }}"
    run = player.play(host, facts_task(), policy_task(policy=given))
    assert run[1]["changed"] is False
    policy = run[0]["ansible_facts"]["ansible_ipsec"]["policies"][0]
    assert sum(len(rule["filters"]) for rule in policy["rules"]) == 33
    copied = player.play(other, policy_task(policy=policy), policy_task(policy=policy), facts_task())
    assert [r["changed"] for r in copied.results[:2]] == [True, False]
    assert _content(copied[2]["ansible_facts"]["ansible_ipsec"]["policies"][0]) == _content(policy)


def _content(policy):
    ignored = ("id", "when_changed")
    rules = [{k: v for k, v in rule.items() if k not in ignored} for rule in policy["rules"]]
    return {k: v for k, v in policy.items() if k not in ignored} | {"rules": rules}


@BOTH
def test_strongest_is_stored_as_the_methods_that_it_stands_for(host, player):
    rule = {"name": "R", "filters": ["0+192.0.2.1"], "security_methods": "strongest"}
    response = {"security_methods": "strongest"}
    whole = policy_task(name="P", main_mode="strongest", default_response=response, rules=[rule])
    one = {"name": "rule", "ipsec.windows.ipsec_rule": {"policy": "Q", "main_mode": "strongest", **rule}}
    given = {**policy_task(policy="{{ item }}"), "loop": "{{ ansible_facts.ipsec.policies }}"}
    run = player.play(host, whole, whole, one, one, facts_task(), given)
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, False, True, False, False, False]
    methods = {"ah": [], "esp": [{"encryption": "3des", "integrity": "sha"}], "pfs": True}
    rest = {"lifetime_seconds": 0, "lifetime_kilobytes": 0, "odd": False}
    for policy in run[4]["ansible_facts"]["ansible_ipsec"]["policies"]:
        assert [[m["encryption"], m["integrity"], m["group"]] for m in policy["main_mode"]["methods"]] == [
            ["3des", "sha", 14]
        ]
        assert policy["rules"][0]["security_methods"] == [{**methods, **rest}]
    assert run[0]["policy"]["default_response"]["security_methods"] == [{**methods, **rest}]


@pytest.mark.psrp("python")
def test_check_mode_predicts_the_result(host, player):
    host.import_reg((DATA / "windows-2022.reg").read_bytes())
    task = policy_task(name="Isolation", assigned=True, rules=[SECURE, CLOSE_SMB], main_mode={"pfs": True})
    before = host.store()
    predicted = player.play(host, task, options=("--check", "--diff"))[0]
    assert host.store() == before
    done = player.play(host, task, options=("--diff",))[0]
    assert predicted["changed"]
    for operation in done["operations"]:
        assert operation.pop("status") == "done"
    for result in (predicted, done):
        result["policy"].pop("when_changed")
    for key in ("operations", "policy", "diff", "unassigned", "service", "remaining", "warnings"):
        assert predicted[key] == done[key]
    assert done["unassigned"] == "GSecurity IP Policy"


@BOTH
def test_deleting_an_assigned_policy_unassigns_it_first(host, player):
    host.import_reg((DATA / "windows-2022.reg").read_bytes())
    host.boot()
    run = player.play(host, *[policy_task(name="gsecurity ip policy", state="absent")] * 2, facts_task())
    first, second, facts = run.results
    assert [first["changed"], second["changed"]] == [True, False]
    assert first["operations"][0]["object"] == "assignment"
    assert first["policy"] is None
    assert first["service"]["notification"] == "asked"
    assert facts["ansible_facts"]["ansible_ipsec"]["policies"] == []
    assert host.enforced.in_force is None


def test_a_stopped_service_is_started_for_an_assigned_policy(host, player):
    task = policy_task(name="New", assigned=True, rules=[CLOSE_SMB])
    player.play(host, task)
    host.stop_service()
    run = player.play(host, task, task)
    assert [(r["changed"], r["service"]["notification"]) for r in run.results] == [
        (True, "started"),
        (False, "none"),
    ]
    assert run[0]["operations"] == []


def test_the_service_after_an_assignment(farm, player):
    cases = {
        next(farm.fresh): ({}, "automatic", "started"),
        next(farm.fresh): ({"service": "started"}, "manual", "started"),
        next(farm.fresh): ({"service": "ignore"}, "manual", "none"),
    }
    options = {host.name: options for host, (options, *_expected) in cases.items()}
    task = policy_task(name="New", assigned=True, rules=[CLOSE_SMB], service="{{ options.service | default(omit) }}")
    run = player.play(list(cases), task, vars={"all": options, "options": "{{ all[inventory_hostname] }}"})
    results = {result.host: result for result in run.results}
    for host, (_options, *expected) in cases.items():
        service = results[host.name]["service"]
        assert [service["start_type"], service["notification"]] == expected
        assert host.start_type == expected[0]


def test_a_change_of_the_policy_in_force_keeps_the_start_type(host, player):
    host.import_reg((DATA / "windows-2022.reg").read_bytes())
    host.boot()
    run = player.play(host, policy_task(name="GSecurity IP Policy", description="x"))
    assert run[0]["service"] == {"status": "running", "start_type": "manual", "notification": "asked"}


def test_a_change_reloads_the_service_and_restarts_it_only_on_request(host, player):
    task = {"name": "New", "assigned": True, "rules": [CLOSE_SMB]}
    player.play(host, policy_task(**task))
    run = player.play(
        host, policy_task(**task, description="a"), policy_task(**task, description="b", restart_service=True)
    )
    assert [r["service"]["notification"] for r in run.results] == ["asked", "restarted"]
    assert [e[2:] for e in host.events("service")] == [["start"], ["control", 129], ["stop"], ["start"]]


def test_a_policy_that_is_not_in_force_leaves_the_service_alone(host, player):
    result = player.play(host, policy_task(name="New", rules=[CLOSE_SMB]))[0]
    assert result["service"] == {"status": "stopped", "start_type": "manual", "notification": "none"}


@BOTH
def test_a_thousand_rules_need_two_executions(host, player):
    rules = [
        {"name": f"rule {n}", "filters": [f"0+192.0.{n >> 8}.{n & 255}"], "action": "block"} for n in range(1, 1001)
    ]
    run = player.play(host, policy_task(name="Many", rules=rules, assigned=True), options=("--diff",))
    assert run.code == 0, run.output[-2000:]
    assert [e[3] for e in host.events("executed")] == ["read", "apply"]
    assert len(host.policies()[0].rules) == 1000
    assert len(run.output.splitlines()) < 500


@pytest.mark.parametrize("count", [3000, pytest.param(10_000, marks=pytest.mark.judge)])
def test_thousands_of_filters_do_not_flood_the_terminal(host, player, count):
    filters = [f"0+10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1, count + 1)]
    task = {"name": "Block list", "rules": [{"name": "bad", "filters": filters, "action": "block"}]}
    run = player.play(host, policy_task(**task), options=("--diff",))
    task["rules"][0]["filters"] = filters[:-1]
    changed = player.play(host, policy_task(**task), options=("--diff",))
    assert len(run.output.splitlines()) < 150
    assert f"{count - 1} unchanged filters" in changed.output
    assert len(changed.output.splitlines()) < 40


def test_a_delegated_task_works_on_the_delegate(farm, host, player):
    other = next(farm.fresh)
    task = {**policy_task(name="P", rules=[CLOSE_SMB], backup=True), "delegate_to": other.name}
    run = player.play(host, task, options=("--diff",))
    assert (host.policies(), [p.name for p in other.policies()]) == ([], ["P"])
    assert run[0]["diff"]["after_header"] == f"{other.name} IPsec policy P"
    assert pathlib.Path(run[0]["backup_file"]).name.startswith(f"{other.name}_")


def test_names_are_resolved_on_the_host(host, player):
    interface = "{12345678-1234-1234-1234-123456789abc}"
    host.set(names={"server.example": ["192.0.2.7", "2001:db8::7"]}, interfaces={interface: ["198.51.100.3"]})
    rule = {
        "name": "a",
        "filters": ["0+server.example", f"{interface}=*", {"source": "me", "destination": "server.example"}],
    }
    six = {"name": "b", "filters": [{"source": "any/ipv6", "destination": "server.example"}]}
    task = policy_task(name="Names", rules=[rule, six])
    run = player.play(host, task, task)
    assert [r["changed"] for r in run.results] == [True, False]
    first, second = run[0]["policy"]["rules"]
    assert first["filters"][0] == {
        "source": "me",
        "destination": "server.example",
        "source_address": None,
        "destination_address": "192.0.2.7",
        "protocol": "any",
        "source_port": "any",
        "destination_port": "any",
        "mirrored": True,
        "description": "",
        "odd": False,
    }
    assert first["filters"][1]["source"] == "198.51.100.3"
    assert second["filters"][0]["destination_address"] == "2001:db8::7"
    host.set(names={"server.example": ["192.0.2.8", "2001:db8::7"]})
    assert player.play(host, task)[0]["changed"]


@BOTH
def test_lists_in_filters_are_mirrored_and_idempotent(host, player):
    text = "192.0.2.66 # one\r\n2001:db8:66::/48\r\n\r\n203.0.113.1-203.0.113.9\r\n"
    (player.folder / "blocked.txt").write_text(text, newline="")
    blocked = "{{ lookup('ansible.builtin.file', 'blocked.txt') | ipsec.windows.ipsec_addresses }}"
    ports = {"source": ["10.1.0.0/16", "10.2.0.0/16"], "destination": "me", "protocol": ["tcp", "udp"]}
    way = {"source": "10.1.0.0/16", "destination": "10.2.0.0/16"}
    rules = [
        {"name": "Ports", "filters": [{**ports, "destination_port": [445, "5000-5010"]}], "action": "block"},
        {"name": "Block list", "filters": [{"source": "me", "destination": blocked}], "action": "block"},
        {"name": "Tunnel", "filters": [way], "tunnel": "192.0.2.9"},
        {"name": "Half", "filters": [{**way, "mirrored": False}]},
    ]
    task = policy_task(name="Lists", rules=rules)
    longer = {**way, "destination": ["10.2.0.0/16", "10.3.0.0/16"]}
    edit = {"ipsec.windows.ipsec_rule": {"policy": "Lists", "name": "Tunnel", "filters": [longer]}}
    again = policy_task(policy="{{ ansible_facts.ipsec.policies[0] }}")
    predicted = player.play(host, task, options=("--check", "--diff"))[0]
    run = player.play(host, task, task, facts_task(), again, edit, edit, options=("--diff",))
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, False, False, False, True, False]
    assert predicted["diff"] == run[0]["diff"]
    assert any("one-way-negotiate" in warning and "(rule 'Half')" in warning for warning in run[0]["warnings"])
    (seen,) = host.policies()
    found = {rule.name: rule.filters for rule in seen.rules}
    assert {name: [f.mirrored for f in filters] for name, filters in found.items()} == {
        "Ports": [True] * 8,
        "Block list": [True] * 3,
        "Tunnel": [False] * 2,
        "Half": [False],
    }
    assert {(f.protocol, f.destination_ports) for f in found["Ports"]} == {
        (protocol, ports) for protocol in (6, 17) for ports in ((445, 445), (5000, 5010))
    }
    assert [(f.source.versions, f.destination.kind) for f in found["Block list"]] == [
        ((4,), "net"),
        ((6,), "net"),
        ((4,), "range"),
    ]


def test_a_name_with_several_addresses(farm, player):
    modes = {"error": next(farm.fresh), "all": next(farm.fresh), "ignore": next(farm.fresh)}
    for host in modes.values():
        host.set(names={"many.example": ["192.0.2.2", "192.0.2.1"]})
    rule = {"name": "a", "filters": ["0+many.example", "0+192.0.2.9"], "action": "block"}
    task = policy_task(name="Names", rules=[rule], multiple_addresses="{{ modes[inventory_hostname] }}")
    again = policy_task(policy="{{ ansible_facts.ipsec.policies[0] }}")
    variables = {"modes": {host.name: mode for mode, host in modes.items()}}
    run = player.play(list(modes.values()), task, facts_task(), again, vars=variables)
    found = {mode: [result for result in run.results if result.host == host.name] for mode, host in modes.items()}
    (failed,) = found["error"]
    assert failed.status == "failed"
    assert "192.0.2.1, 192.0.2.2" in failed["msg"]
    assert modes["error"].store() == {}
    for mode, count in (("all", 3), ("ignore", 1)):
        created, _facts, unchanged = found[mode]
        assert len(created["policy"]["rules"][0]["filters"]) == count
        assert unchanged["changed"] is False
    assert "is left out" in " ".join(found["ignore"][0]["warnings"])


def test_a_name_without_address_is_an_error_before_the_first_write(host, player):
    run = player.play(host, policy_task(name="Names", rules=[{"name": "a", "filters": ["0+nowhere.example"]}]))
    assert "rule 'a': this host finds no IPv4 address for the DNS name nowhere.example" in run[0]["msg"]
    assert host.store() == {}


def test_a_domain_policy_wins(host, player):
    objects = {}
    host.import_reg((DATA / "windows-2022.reg").read_bytes())
    objects.update(host.store())
    (policy,) = host.policies()
    name = policy.key.rpartition("\\")[2]
    host.assign_domain_policy(f"LDAP://CN={name},CN=IP Security,CN=System,DC=example,DC=test", "Corp", objects)
    host.boot()
    run = player.play(host, facts_task(), policy_task(name="New", assigned=True, rules=[CLOSE_SMB]))
    in_force = run[0]["ansible_facts"]["ansible_ipsec"]["in_force"]
    assert (in_force["source"], in_force["name"]) == ("domain", "Corp")
    assert len(in_force["policy"]["rules"]) == 2
    assert in_force["read_from"] == "cache"
    assert any("is stored and assigned, but has no effect" in warning for warning in run[1]["warnings"])
    assert host.enforced.in_force.source == "domain"


def test_a_domain_policy_without_its_objects_is_read_from_the_registry(host, player):
    host.assign_domain_policy("LDAP://CN=ipsecPolicy{1},CN=IP Security,CN=System,DC=example,DC=test", "Corp", {})
    host.boot()
    in_force = player.play(host, facts_task())[0]["ansible_facts"]["ansible_ipsec"]["in_force"]
    assert (in_force["source"], in_force["name"], in_force["policy"]) == ("domain", "Corp", None)
    assert in_force["read_from"] == "registry"


@pytest.mark.engines("python")
def test_a_read_request_names_the_parts_that_a_task_needs(host, player):
    requests = []
    host.forge = requests.append
    player.play(host, facts_task(), policy_task(name="P", rules=[CLOSE_SMB]))
    assert [request.get("parts") for request in requests] == [
        ["store", "service", "domain"],
        ["store", "service", "domain", "system", "addresses", "connections", "record"],
        None,
    ]


def test_facts_say_why_no_policy_is_in_force(host, player):
    run = player.play(host, facts_task())
    assert run[0]["ansible_facts"]["ansible_ipsec"] == {
        "policies": [],
        "assigned": None,
        "in_force": {
            "source": "none",
            "name": None,
            "id": None,
            "policy": None,
            "read_from": None,
            "reason": "the PolicyAgent service is stopped; no local policy is assigned",
            "applied": "unknown",
            "evidence": {
                "reason": "the filters in force were not gathered: add filters to gather_subset",
                "missing": [],
                "missing_count": 0,
                "surplus": [],
                "surplus_count": 0,
                "event": None,
            },
        },
        "service": {"status": "stopped", "start_type": "manual"},
        "findings": [],
        "orphans": [],
    }


def test_the_reader_of_the_simulated_host_agrees_with_the_writer_of_the_collection(host, player):
    rule = {
        "name": "all",
        "filters": [
            {"source": "192.0.2.1-192.0.2.9", "destination": "me", "protocol": "udp", "source_port": "5000-5010"},
            {"source": "me", "destination": "2001:db8::/64", "mirrored": True},
            {"source": "dns", "destination": "me"},
            {"source": "me", "destination": "gateway/both"},
        ],
        "security_methods": ["ah[md5]+esp[des,none] 300S", "esp[none,sha]"],
        "soft": True,
        "inpass": True,
        "connection_type": "lan",
    }
    tunnel = {"name": "tunnel", "filters": ["10.1.*.*=10.2.*.*"], "tunnel": "2001:db8::1"}
    player.play(host, policy_task(name="All", rules=[rule, tunnel], main_mode={"methods": ["3des-sha-14"]}))
    (policy,) = host.policies()
    first, second = policy.rules
    assert (first.soft, first.inpass, first.connection_type) == (True, True, "lan")
    assert first.methods == (
        ((("ah", 1), ("esp", 1, 0)), 300, 0, False),
        ((("esp", 0, 2),), 0, 0, False),
    )
    kinds = {(f.source.kind, f.destination.kind) for f in first.filters}
    assert kinds == {("range", "me"), ("me", "net"), ("dns", "me"), ("me", "gateway")}
    assert second.tunnel == "2001:db8::1"
    assert policy.main_mode.methods == ((3, 2, 0x10000001, 28800, 0, 0),)
