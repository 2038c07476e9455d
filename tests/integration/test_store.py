# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""All policies of a host at once: exact lists, backups that are restored."""

from __future__ import annotations

import pathlib

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from integration.playbook import policy_task
from unit import stores
from winhost.tree import STRING

pytestmark = pytest.mark.judge_with("powershell")
BOTH = pytest.mark.judge_with

REAL = (stores.DATA / "windows-2022.reg").read_bytes()
CLOSE_SMB = {"name": "Close SMB", "filters": ["*+0:445:TCP"], "action": "block"}
SECURE = {"name": "Secure", "filters": ["0+192.0.2.10"], "authentication": [{"preshared_key": "s3cret"}]}
CLOSED = {"name": "Closed", "assigned": True, "rules": [CLOSE_SMB]}
SPARE = {"name": "Spare", "rules": [SECURE]}


def store_task(**options):
    return {"name": "store", "ipsec.windows.ipsec_store": options}


def _requests(host):
    return [event[3] for event in host.events("executed")]


@BOTH
def test_the_policies_are_exactly_those_of_the_list(host, player):
    host.import_reg(REAL)
    (old,) = (policy.name for policy in host.policies())
    before = host.store()
    task = store_task(policies=[SPARE, CLOSED])
    predicted, done, again = player.play(host, {**task, "check_mode": True, "diff": True}, task, task).results
    assert [result["changed"] for result in (predicted, done, again)] == [True, True, False]
    assert predicted["names"] == done["names"] == {"added": ["Closed", "Spare"], "changed": [], "removed": [old]}
    assert again["names"] == {"added": [], "changed": [], "removed": []}
    assert predicted["rules"] == done["rules"]
    assert (done["rules"]["added"], done["rules"]["changed"], done["filters"]["added"]) == (2, 0, 2)
    assert done["rules"]["removed"] > 0
    headers = {diff["before_header"] for diff in predicted["diff"]}
    assert headers == {f"{host.name} IPsec policy {name}" for name in ("Closed", "Spare", old)}
    assert sorted(policy.name for policy in host.policies()) == ["Closed", "Spare"]
    assert host.enforced.in_force.policy.name == "Closed"
    # one read for each task, one write
    assert _requests(host) == ["read", "read", "apply", "read"]
    assert before != host.store()


def test_no_policies(host, player):
    host.import_reg(REAL)
    run = player.play(host, store_task(policies=[]), store_task(policies=[]))
    assert [result["changed"] for result in run.results] == [True, False], run.output
    assert len(run[0]["names"]["removed"]) == 1
    assert host.policies() == []


def test_the_facts_of_a_host_are_a_list(host, player):
    facts = {"ipsec.windows.ipsec_facts": None}
    same = store_task(policies="{{ ansible_facts.ipsec.policies }}")
    run = player.play(host, store_task(policies=[SPARE, CLOSED]), facts, same)
    assert (run[2].status, run[2]["changed"]) == ("ok", False), run.output


@BOTH
def test_a_restored_backup_undoes_a_task(host, player):
    host.import_reg(REAL)
    before = host.store()
    restore = store_task(restore="{{ done.backup_file }}")
    change = {**store_task(policies=[SPARE, CLOSED], backup=True), "register": "done"}
    run = player.play(host, change, {**restore, "check_mode": True, "diff": True}, restore, restore)
    assert [result["changed"] for result in run.results] == [True, True, True, False], run.output
    assert run[1]["names"] == run[2]["names"]
    assert sorted(run[2]["names"]["removed"]) == ["Closed", "Spare"]
    assert "preshared key" in str(run[1]["diff"])
    assert "s3cret" not in run.output
    assert host.store() == before
    assert not any(
        "since the backup" in warning for result in run.results for warning in result.result.get("warnings", [])
    )


def test_restoring_says_what_has_changed_since(host, player):
    restore = store_task(restore="backup/one.reg", backup=True)
    made = policy_task(**CLOSED, backup=True, backup_options={"filename": "one.reg"})
    others = [policy_task(name="Closed", description="theirs"), policy_task(**SPARE)]
    run = player.play(host, made, *others, restore)
    warnings = [warning for warning in run[3]["warnings"] if "since the backup" in warning]
    assert warnings[0].startswith("changed since the backup: ")
    assert "the policy 'Closed'" in warnings[0]
    assert "the policy 'Spare'" in warnings[1]
    assert [policy.name for policy in host.policies()] == ["Spare"]
    # a restore has a backup, too
    run = player.play(host, store_task(restore=run[3]["backup_file"]))
    assert run[0]["names"] == {"added": ["Closed"], "changed": [], "removed": []}
    assert host.enforced.in_force.policy.name == "Closed"


MISTAKES = [
    ({}, "give exactly one of policies and restore; policies: [] deletes all policies"),
    ({"policies": [], "restore": "x"}, "give exactly one of policies and restore"),
    ({"policies": "all"}, "policies: expected a list of policies, not text; [] deletes all policies"),
    ({"policies": [{"rules": []}]}, "policies[0].name: a policy needs a name or an id"),
    ({"policies": [{"name": "P", "rule": []}]}, "policies[0]: there is no option 'rule' here; did you mean 'rules'?"),
    (
        {"policies": [{"name": "P", "rules": [{"name": "R", "filters": ["0"]}]}]},
        "policies[0].rules[0] (R).filters[0]",
    ),
    ({"policies": [{"name": "P", "poll_interval": "x"}]}, "policies[0].poll_interval: expected a whole number"),
    ({"policies": [CLOSED, {**SPARE, "assigned": True}]}, "policies[0] (Closed) and policies[1] (Spare)"),
    ({"policies": [SPARE, {**SPARE, "name": "SPARE"}]}, "policies[1] (SPARE): policies[0] (Spare) is the same policy"),
    ({"policies": [{"name": "N"}, {"name": "n"}]}, "policies[1] (n): policies[0] (N) has the name 'n' as well"),
    ({"policies": [{"name": "P", "rules": [{"name": "R", "action": "block"}]}]}, "policies[0]"),
    ({"policies": [{"name": "P", "rules": [{**SECURE, "authentication": [{"preshared_key": None}]}]}]}, "policies[0]"),
    ({"restore": "missing.reg"}, "restore: 'missing.reg' is not a file; "),
    ({"restore": ""}, "restore: this is empty"),
    ({"restore": "~nosuchuser/x.reg"}, "restore: '~nosuchuser/x.reg' cannot be read: "),
    (
        {"restore": "mine.reg", "backup": True, "backup_options": {"dir_path": ".", "filename": "mine.reg"}},
        "backup_options.filename: this is the file that the task restores; use another name",
    ),
    (
        {"policies": [], "backup": True, "backup_options": {"dir_path": "~nosuchuser"}},
        "backup_options.dir_path: Could not determine home directory",
    ),
    ({"restore": "text.reg"}, "restore: 'text.reg', line 1: this is not a .reg file"),
    ({"restore": "other.reg"}, "restore: 'other.reg' is the backup of other, not of "),
]


def test_mistakes_change_nothing(host, player):
    (player.folder / "text.reg").write_text("policies\n")
    header = "Windows Registry Editor Version 5.00\n\n; host other\n"
    (player.folder / "other.reg").write_text(header)
    (player.folder / "mine.reg").write_text(header.replace("other", host.name))
    tasks = [{**store_task(**options), "ignore_errors": True} for options, _words in MISTAKES]
    run = player.play(host, policy_task(**SPARE), *tasks)
    before = host.store()
    for (options, words), result in zip(MISTAKES, run.results[1:], strict=True):
        assert result.status == "failed", options
        assert words in result["msg"], options
        assert "Traceback" not in run.output
    assert host.store() == before
    assert _requests(host).count("apply") == 1


def test_a_list_that_cuts_off_the_controller_is_refused(host, player):
    everything = {"name": "Everything", "filters": ["*+0"], "action": "block"}
    task = store_task(policies=[{"name": "P", "assigned": True, "rules": [everything]}])
    run = player.play(host, {**task, "check_mode": True, "ignore_errors": True}, task)
    for result in run.results:
        assert result.status == "failed"
        assert "the filter any+me of the rule 'Everything' blocks it" in result["msg"]
    assert host.store() == {}


def test_restoring_an_old_policy_that_cuts_off_the_controller_is_refused(host, player):
    everything = {"name": "Everything", "filters": ["*+0"], "action": "block"}
    cutting = policy_task(name="P", assigned=True, rules=[everything], service="ignore")
    mended = policy_task(name="P", rules=[CLOSE_SMB], service="ignore", backup=True, backup_options={"filename": "b"})
    run = player.play(host, cutting, mended, store_task(restore="backup/b"))
    assert run[2].status == "failed", run.output
    assert "would cut the connection" in run[2]["msg"]
    path = pathlib.Path(run[1]["backup_file"])
    assert path.name == "b"


def test_absent_all_points_to_this_module(host, player):
    run = player.play(host, policy_task(name="all", state="absent"))
    assert run[0]["warnings"] == [
        "no policy has the name 'all'; to delete all policies, use ipsec_store with policies: []"
    ]


def test_a_backup_that_vault_has_encrypted(host, player):
    (player.folder / "password").write_text("only for this test")
    made = policy_task(**CLOSED, backup=True, backup_options={"filename": "one.reg"})
    assert player.play(host, made).code == 0
    path = player.folder / "backup" / "one.reg"
    path.write_bytes(VaultLib([("default", VaultSecret(b"only for this test"))]).encrypt(path.read_bytes()))
    run = player.play(host, store_task(restore="backup/one.reg"), options=("--vault-password-file", "password"))
    assert run[0]["names"]["removed"] == ["Closed"]
    assert host.policies() == []


def test_two_policies_with_one_name(host, player):
    """Facts of such a host are a list that changes nothing. A name alone does not say which policy it is."""
    player.play(host, store_task(policies=[SPARE, CLOSED]))
    (other,) = (policy.key for policy in host.policies() if policy.name == "Spare")
    host.registry.change([("set", other, "ipsecName", STRING, "Closed")])
    facts = {"ipsec.windows.ipsec_facts": None}
    same = store_task(policies="{{ ansible_facts.ipsec.policies }}")
    run = player.play(host, facts, same, store_task(policies=[CLOSED]))
    assert (run[1].status, run[1]["changed"]) == ("ok", False), run.output
    assert run[2].status == "failed"
    assert "policies[0] (Closed): 2 policies have the name 'Closed'" in run[2]["msg"]
