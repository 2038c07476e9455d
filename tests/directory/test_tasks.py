# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tasks on a domain, with the real ansible-playbook and a real domain controller."""

from __future__ import annotations

import pytest
from directory.player import HOSTS, DomainPlayer
from integration.playbook import facts_task, policy_task

BLOCK = {"name": "SMB", "filters": ["*+0:445:TCP"], "action": "block"}
SECURE = {"name": "Servers", "filters": ["0+dc1"], "authentication": [{"preshared_key": "s3cret"}, "kerberos"]}
PAIR = "[{E437BC1C-AA7D-11D2-A382-00C04F991E27}{DEA8AFA0-CC85-11D0-9CE2-0080C7221EBD}]"
OF_A_POLICY = ("ipsecName", "ipsecID", "description", "ipsecDataType", "ipsecData", "ipsecNFAReference")
NOTHING = {"added": 0, "changed": 0, "removed": 0}
FACTS = "{{ ansible_facts.ipsec.policies | selectattr('name', 'equalto', 'P') | first }}"


@pytest.fixture
def player(domain, tmp_path):
    return DomainPlayer(domain, tmp_path)


def rule_task(**options):
    return {"name": "rule", "ipsec.windows.ipsec_rule": options}


def microsofts(domain):
    """Everything in the policy store, with all attributes."""
    return domain.ldapsearch(domain.container)


def without(result, *keys):
    """A result without what depends on the run."""
    return {name: value for name, value in result.result.items() if name not in keys and not name.startswith("_")}


def test_a_policy_is_created_as_check_mode_says_and_only_once(domain, player):
    before = microsofts(domain)
    wanted = policy_task(name="P", description="d", rules=[BLOCK, SECURE])
    run = player.play(
        {**wanted, "check_mode": True},
        wanted,
        wanted,
        facts_task(),
        policy_task(policy=FACTS),
        options=("--diff",),
    )
    assert run.code == 0, run.output
    checked, done, again, facts, restored = run.results
    assert [result["changed"] for result in (checked, done, again, restored)] == [True, True, False, False]
    assert done["rules"] == {"added": 2, "changed": 0, "removed": 0}
    assert (done["server"], done["domain"]) == (domain.name, domain.domain)
    assert done["gpos"] == {"assigned": [], "unassigned": []}
    for step, planned in zip(done["operations"], checked["operations"], strict=True):
        assert step == {**planned, "status": "done"}
    checked.result["policy"]["when_changed"] = done["policy"]["when_changed"] = None
    assert without(checked, "operations", "warnings") == without(done, "operations", "warnings")
    assert done["diff"]["before_header"] == "ad.example.test IPsec policy P"
    assert done["diff"]["before"] == ""
    assert done["diff"]["after"].startswith("gpos: []\nname: P\n")
    assert again["operations"] == []
    after = microsofts(domain)
    assert {dn: after[dn] for dn in before} == before
    (policy,) = (found for found in facts["ansible_facts"]["ansible_ipsec"]["policies"] if found["name"] == "P")
    assert policy == {**again["policy"], "when_changed": policy["when_changed"]}
    assert policy["gpos"] == []
    (server,) = policy["rules"][1]["filters"]
    assert (server["destination"], server["destination_address"]) == ("dc1", domain.address)
    (stored,) = (found for found in after.values() if found.get("ipsecName") == [b"P"])
    assert len(stored["ipsecNFAReference"]) == 2


def test_rules_and_assignments_change(domain, player):
    gpos = {name: domain.add_gpo(name) for name in ("Workstations", "Servers")}
    listed = {name: [{"name": name, "id": gpo.id}] for name, gpo in gpos.items()}
    none = {"assigned": [], "unassigned": []}
    run = player.play(
        {**policy_task(name="P", gpos=["Workstations"], rules=[BLOCK]), "register": "made"},
        policy_task(name="P", gpos=["workstations"]),
        rule_task(policy="P", name="SMB", filters=["*+0:139:TCP"], filters_mode="add"),
        policy_task(name="Q", gpos=["Workstations"], gpos_mode="add"),
        policy_task(name="P", gpos=[gpos["Servers"].id, "Workstations"]),
        policy_task(name="P", gpos=["Servers"], gpos_mode="remove"),
        policy_task(id="{{ made.policy.id }}", name="R"),
        facts_task(),
        policy_task(name="Q", state="absent"),
        policy_task(name="R", state="absent"),
        policy_task(name="R", state="absent"),
        facts_task(),
        options=("--diff",),
    )
    assert run.code == 0, run.output
    made, again, rule, displaces, exact, removed, renamed, facts, _gone, deleted, unchanged, empty = run.results
    assert made["gpos"] == {"assigned": listed["Workstations"], "unassigned": []}
    assert made["policy"]["gpos"] == ["Workstations"]
    assert "gpos: [Workstations]" in made["diff"]["after"]
    assert [again["changed"], unchanged["changed"]] == [False, False]
    assert rule["filters"] == {"added": 1, "removed": 0}
    assert "gpos: [Workstations]" in rule["diff"]["before"]
    assert displaces["gpos"] == {"assigned": listed["Workstations"], "unassigned": []}
    assert any("'P'" in warning and "Workstations" in warning for warning in displaces["warnings"])
    assert sorted(exact["policy"]["gpos"]) == ["Servers", "Workstations"]
    assert exact["rules"] == NOTHING
    assert ("gpos: []" in exact["diff"]["before"], "gpos: [Servers, Workstations]" in exact["diff"]["after"]) == (
        True,
        True,
    )
    assert removed["gpos"] == {"assigned": [], "unassigned": listed["Servers"]}
    assert renamed["gpos"] == none
    found = facts["ansible_facts"]["ansible_ipsec"]
    assert {gpo["name"]: gpo["policy"] and gpo["policy"]["name"] for gpo in found["gpos"]} == {
        "Workstations": "R",
        "Servers": None,
    }
    assert deleted["gpos"] == {"assigned": [], "unassigned": listed["Workstations"]}
    assert deleted["policy"] is None
    assert {policy["name"] for policy in empty["ansible_facts"]["ansible_ipsec"]["policies"]} == {
        "Client (Respond Only)",
        "Secure Server (Require Security)",
        "Server (Request Security)",
    }
    assert len(microsofts(domain)) == 23
    for gpo in gpos.values():
        (entry,) = domain.ldapsearch(gpo.dn, scope="base").values()
        assert PAIR.encode() not in b"".join(entry.get("gPCMachineExtensionNames", []))
        assert int(entry["versionNumber"][0]) > 0
        (assignment,) = domain.ldapsearch(gpo.dn, "(cn=IPSEC)").values()
        assert "ipsecOwnersReference" not in assignment
    # there is no SMB here
    assert any("GPT.INI" in warning and f"Version={2}" in warning for warning in displaces["warnings"])


def test_gpt_ini_follows_where_smb_is_reachable(smb_domain, tmp_path):
    gpo = smb_domain.add_gpo("Workstations")
    player = DomainPlayer(smb_domain, tmp_path)
    run = player.play(policy_task(name="P", gpos=["Workstations"], rules=[BLOCK]), facts_task())
    assert run.code == 0, run.output
    assert [warning for warning in run[0]["warnings"] if "GPT.INI" in warning] == []
    (entry,) = smb_domain.ldapsearch(gpo.dn, scope="base").values()
    version = int(entry["versionNumber"][0])
    assert (gpo.folder / "GPT.INI").read_text().split() == ["[General]", f"Version={version}"]
    (found,) = run[1]["ansible_facts"]["ansible_ipsec"]["gpos"]
    assert found["problems"] == []


def test_the_policies_of_microsoft_change_and_come_back(domain, player):
    before = microsofts(domain)
    name = "Server (Request Security)"
    run = player.play(
        {**facts_task(), "register": "read"},
        rule_task(policy=name, **BLOCK),
        policy_task(name=name, description="changed", poll_interval=7),
        {
            **policy_task(policy="{{ item }}"),
            "loop": "{{ read.ansible_facts.ansible_ipsec.policies }}",
            "loop_control": {"label": "{{ item.name }}"},
        },
        facts_task(),
    )
    assert run.code == 0, run.output
    read, rule, changed, restored, facts = run.results
    assert [rule["changed"], changed["changed"]] == [True, True]
    assert [one["changed"] for one in restored["results"]] == [False, False, True]
    of_facts = [found["ansible_facts"]["ansible_ipsec"]["policies"] for found in (read, facts)]
    for policies in of_facts:
        assert [policy.pop("when_changed") is not None for policy in policies] == [True] * 3
    assert of_facts[0] == of_facts[1]
    after = microsofts(domain)
    (dn,) = (dn for dn, found in before.items() if found.get("ipsecName") == [name.encode()] and "ipsecPolicy" in dn)
    old, new = (found[dn].pop("ipsecISAKMPReference")[0].decode() for found in (before, after))
    # a longer list of rules goes live together with a copy of the main mode
    assert [before.pop(old)["ipsecData"], old in after] == [after.pop(new)["ipsecData"], False]
    was, is_now = before.pop(dn), after.pop(dn)
    assert {key: sorted(was[key]) for key in OF_A_POLICY} == {key: sorted(is_now[key]) for key in OF_A_POLICY}
    assert after == before


REFUSED = {
    "assigned": (policy_task(name="P", assigned=True), "assigned cannot be used for the policies of a domain"),
    "service": (policy_task(name="P", service="started"), "service cannot be used for the policies of a domain"),
    "restart": (rule_task(policy="P", **BLOCK, restart_service=True), "restart_service cannot be used"),
    "backup": (policy_task(name="P", backup=True), "there is no backup of a domain; read the facts before"),
    "wait": (policy_task(name="P", wait_applied=True), "wait_applied cannot be used for the policies of a domain"),
    "subset": (facts_task("filters"), "gather_subset: with store: domain, only store can be read"),
    "registry": (policy_task(name="P", store="registry", gpos=["A"]), "are about the policies of a domain"),
    "mode": (policy_task(name="P", store="registry", gpos_mode="add"), "are about the policies of a domain"),
    "absent": (policy_task(name="P", state="absent", gpos=["A"]), "gpos cannot be used with state: absent"),
    "interface": (
        policy_task(name="P", rules=[{**BLOCK, "filters": ["{12345678-1234-1234-1234-123456789ABC}+*"]}]),
        "{12345678-1234-1234-1234-123456789abc} is an interface of one host",
    ),
    "gpos": (policy_task(name="P", gpos=[{"name": "A"}]), "gpos[0]: "),
    "of policy": (policy_task(policy={"name": "P", "gpos": "A"}), "policy.gpos: expected a list"),
    "unknown": (policy_task(name="P", gpos=["Nobody"]), "Nobody"),
    "name": (
        policy_task(name="P", rules=[{**BLOCK, "filters": ["0+nowhere"]}]),
        "this Ansible controller finds no IPv4 address for the DNS name nowhere",
    ),
    "password": (
        {**facts_task(), "vars": {"secret": "wrong"}},
        "login refused: the user name or the password is wrong",
    ),
}


def test_what_is_refused_changes_nothing(shared_domain, tmp_path):
    player = DomainPlayer(shared_domain, tmp_path)
    before = microsofts(shared_domain)
    secret = f"{{{{ secret | default('{shared_domain.password}') }}}}"
    tasks = [{**task, "name": name, "ignore_errors": True} for name, (task, _message) in REFUSED.items()]
    run = player.play(*tasks, directory=shared_domain.options(password=secret))
    assert len(run.results) == len(REFUSED)
    for result, (_task, message) in zip(run.results, REFUSED.values(), strict=True):
        assert result.status == "failed", result.task
        assert message in result["msg"], (result.task, result["msg"])
        assert not result["changed"]
    assert "Traceback" not in run.output
    assert microsofts(shared_domain) == before


def test_several_hosts_need_run_once(shared_domain, tmp_path):
    player = DomainPlayer(shared_domain, tmp_path)
    run = player.play(
        {**facts_task(), "ignore_errors": True}, {**facts_task(), "run_once": True}, hosts=",".join(HOSTS)
    )
    assert run.code == 0, run.output
    *refused, read = run.results
    assert [result.status for result in refused] == ["failed", "failed"]
    assert all("each of the 2 hosts of the play would run it: set run_once: true" in one["msg"] for one in refused)
    assert len(read["ansible_facts"]["ansible_ipsec"]["policies"]) == 3


WITHOUT_LIBRARY = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *more: None if name == "sansldap" else find(name, *more)
"""


def test_a_missing_library_is_named(shared_domain, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_LIBRARY)
    player = DomainPlayer(shared_domain, tmp_path)
    task = {"ipsec.windows.ipsec_facts": {"store": "domain", "directory": shared_domain.options()}}
    run = player.run([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}], PYTHONPATH=str(tmp_path))
    assert run[0].status == "failed"
    assert "pip install sansldap" in run[0]["msg"]


def test_a_user_without_rights_is_told_which(domain, player):
    domain.add_user("alice", "Secret-of-1")
    alice = domain.options(username=f"alice@{domain.domain}", password="Secret-of-1")
    before = microsofts(domain)
    hidden = player.play({**facts_task(), "ignore_errors": True}, policy_task(name="P"), directory=alice)
    for result in hidden.results:
        assert "the right to read all properties of these objects is missing" in result["msg"]
    domain.members_may_read()
    tasks = [facts_task(), {**policy_task(name="P"), "ignore_errors": True}]
    name = "Server (Request Security)"
    read, created, changed = player.play(*tasks, policy_task(name=name, description="new"), directory=alice).results
    assert len(read["ansible_facts"]["ansible_ipsec"]["policies"]) == 3
    assert "the right to create" in created["msg"]
    assert "the right to write" in changed["msg"]
    assert domain.container in created["msg"]
    assert [created["changed"], changed["changed"]] == [False, False]
    after = microsofts(domain)
    assert after.keys() == before.keys()
