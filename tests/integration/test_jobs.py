# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The playbooks for everyday jobs do what they say, and a second run changes nothing."""

from __future__ import annotations

import pathlib
import re
import shutil

import pytest
import yaml
from integration.playbook import CHECKOUT, policy_task

pytestmark = pytest.mark.judge_with("powershell")

PLAYBOOKS = CHECKOUT / "playbooks"
JOBS = (
    "close_smb_rdp",
    "block_addresses",
    "secure_two_subnets",
    "find_who_blocks",
    "hand_over",
    "remove_everything",
)
KEY = "an example of a key"
BLOCKED = re.findall(r"(?m)^[\d.]+$", (PLAYBOOKS / "files" / "blocked.txt").read_text())


@pytest.fixture
def run_job(player):
    """A function that runs a job on a host, from a copy of its folder, where backups may be saved.
    Other options may replace the limit to this host.
    """
    folder = player.folder / "playbooks"
    shutil.copytree(PLAYBOOKS, folder)
    variables = folder / "vault.yml"
    variables.write_text(yaml.safe_dump({"ipsec_key": KEY}))

    def run(name, host, *options):
        found = player.run(folder / f"{name}.yml", "--limit", host.name, "-e", f"@{variables}", *options)
        assert found.code == 0, found.output
        assert KEY not in found.output
        return found

    return run


def _changes(run):
    return [result["changed"] for result in run.results]


def _rules(host):
    """The rules in force by their names."""
    return {rule.name: rule for rule in host.enforced.in_force.policy.rules}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_short(name):
    lines = (PLAYBOOKS / f"{name}.yml").read_text().splitlines()
    assert lines[0] == "---"
    assert len(lines) <= 15


def test_the_readme_has_all_jobs():
    text = (CHECKOUT / "README.md").read_text()
    assert all(f"playbooks/{name}.yml)" in text for name in JOBS)


def test_close_smb_and_rdp(host, run_job):
    assert [_changes(run_job("close_smb_rdp", host)) for _time in range(2)] == [[True], [False]]
    for port in (139, 445, 3389):
        assert host.verdict("10.20.0.9", 50000, port) == "permit"
        assert host.verdict("203.0.113.9", 50000, port) == "block"
    assert host.verdict("203.0.113.9", 50000, 443) == "permit"
    versions = {item.source.versions for item in _rules(host)["SMB and RDP"].filters}
    assert versions == {(4,), (6,)}


def test_block_addresses(host, run_job):
    assert len(set(BLOCKED)) == 200
    assert [_changes(run_job("block_addresses", host)) for _time in range(2)] == [[True], [False]]
    others = {f"198.51.100.{n}" for n in range(1, 255)} - set(BLOCKED)
    assert {host.verdict(peer, 50000, 443) for peer in BLOCKED} == {"block"}
    assert {host.verdict(peer, 50000, 443) for peer in others} == {"permit"}
    # outgoing connections as well: their replies come from port 443
    assert {host.verdict(peer, 443, 50000) for peer in BLOCKED} == {"block"}


def test_secure_two_subnets(host, run_job):
    first, second = (run_job("secure_two_subnets", host) for _time in range(2))
    assert (_changes(first), _changes(second)) == ([True], [False])
    assert not first[0].result.get("warnings")
    policy = host.enforced.in_force.policy
    rule = _rules(host)["Two subnets"]
    assert (rule.action, rule.soft, rule.inpass) == ("negotiate", False, False)
    assert rule.authentication == (("preshared key", KEY),)
    assert [item.mirrored for item in rule.filters] == [True]
    # 3DES, SHA-1, group 14
    assert [method[:3] for method in policy.main_mode.methods] == [(3, 2, 0x10000001)]


def test_jobs_share_one_policy(host, run_job):
    jobs = ("close_smb_rdp", "block_addresses", "secure_two_subnets")
    assert [_changes(run_job(name, host)) for name in jobs] == [[True]] * 3
    assert [_changes(run_job(name, host)) for name in jobs] == [[False]] * 3
    (policy,) = host.policies()
    assert sorted(rule.name for rule in policy.rules) == [
        "Administrators",
        "Blocked addresses",
        "SMB and RDP",
        "Two subnets",
    ]


@pytest.mark.parametrize("job", ["close_smb_rdp", "secure_two_subnets"])
def test_hand_over(farm, host, run_job, job):
    """The facts are read once, for all hosts. On the old host itself nothing changes."""
    hosts = [host, next(farm.fresh), next(farm.fresh)]
    limit = ("--limit", ",".join(host.name for host in hosts))
    run_job(job, host)
    runs = [run_job("hand_over", host, "-e", f"old_host={host.name}", *limit) for _time in range(2)]
    done = [{result.host: (result.status, result["changed"]) for result in run.results[1:]} for run in runs]
    others = [found.name for found in hosts[1:]]
    for found, changed in zip(done, (True, False), strict=True):
        assert found == {host.name: ("skipped", False), **dict.fromkeys(others, ("ok", changed))}
    assert all(_changes(run_job(job, found)) == [False] for found in hosts)


def test_remove_everything(host, player, run_job):
    block = {"name": "r", "filters": ["0+192.0.2.66"], "action": "block"}
    player.play(host, policy_task(name="Of others", rules=[block]))
    run_job("close_smb_rdp", host)
    before = host.store()
    player.play(host, {"ipsec.windows.ipsec_dynamic": {"filters": ["[0+203.0.113.9]"]}})
    host.netsh(["ipsec", "dynamic", "add", "mmpolicy", "name=Mine"], "", None)
    first, second = (run_job("remove_everything", host) for _time in range(2))
    assert (_changes(first), _changes(second)) == ([True, True], [False, False])
    assert host.policies() == []
    host.boot()
    host.start_service()
    assert host.verdict("203.0.113.9", 50000, 445) == "permit"
    assert "Mine" not in host.netsh(["ipsec", "dynamic", "show", "mmpolicy", "all"], "", None)[1]
    assert "backup_file" not in second[0].result
    host.import_reg(pathlib.Path(first[0]["backup_file"]).read_bytes())
    assert host.store() == before


def test_merging_a_policy_into_another(host, player):
    """The example in docs/second-policy.md."""
    page = (CHECKOUT / "docs" / "second-policy.md").read_text()
    text = re.search(r"### Merge a policy.*?```yaml\n(.*?)```", page, re.DOTALL)[1]
    first = {"name": "SMB", "filters": ["*+0:445:TCP"], "action": "block"}
    second = {"name": "Addresses", "filters": ["0+192.0.2.66", "0+192.0.2.67"], "action": "block"}
    run = player.play(
        host,
        policy_task(name="Server isolation", rules=[first], assigned=True),
        policy_task(name="Block list", rules=[second]),
        *yaml.safe_load(text),
    )
    assert run.code == 0, run.output
    (policy,) = host.policies()
    assert policy.name == "Server isolation"
    assert {name: len(rule.filters) for name, rule in _rules(host).items()} == {"SMB": 1, "Addresses": 2}
