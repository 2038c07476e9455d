# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Importing the backup of a task undoes exactly what the task has done."""

from __future__ import annotations

import itertools
import pathlib

import pytest
from integration.playbook import policy_task
from unit import stores
from winhost.policy import LOCAL
from winhost.tree import STRING

PYTHON = pytest.mark.judge_with("powershell")

ROOT = LOCAL.replace("HKLM", "HKEY_LOCAL_MACHINE", 1)
REAL = (stores.DATA / "windows-2022.reg").read_bytes()
CLOSE_SMB = {"name": "Close SMB", "filters": ["*+0:445:TCP"], "action": "block"}
SECURE = {
    "name": "Secured servers",
    "filters": ["0+192.0.2.10", "0+198.51.100.*:1433:TCP"],
    "authentication": ["kerberos", {"preshared_key": "s3cret"}],
}
CHANGED = {
    "name": "GSecurity IP Policy",
    "description": "x",
    "poll_interval": 7,
    "main_mode": {"pfs": True},
    "rules": [SECURE, CLOSE_SMB],
}


def _lines(result):
    return pathlib.Path(result["backup_file"]).read_bytes().decode("utf-16").split("\r\n")


@PYTHON
def test_a_backup_has_only_what_the_task_changes(host, player):
    host.import_reg(REAL)
    (policy,) = host.policies()
    changed = host.get(policy.key, "whenChanged")
    task = policy_task(name="GSecurity IP Policy", description="x", backup=True)
    run = player.play(host, task, task)
    path = pathlib.Path(run[0]["backup_file"])
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent == player.folder / "backup"
    assert "backup_file" not in run[1].result
    header, empty, *lines = _lines(run[0])
    assert (header, empty) == ("Windows Registry Editor Version 5.00", "")
    comments = [line for line in lines if line.startswith("; ")]
    assert f"; host {host.name}" in comments
    assert len([line for line in comments if line.startswith("; left ")]) == len(host.store())
    key, *values = lines[len(comments) + 1 :]
    assert key.casefold() == f"[{policy.key.replace('HKLM', 'HKEY_LOCAL_MACHINE', 1)}]".casefold()
    assert sorted(filter(None, values)) == ['"description"=-', f'"whenChanged"=dword:{changed:08x}']


@PYTHON
@pytest.mark.parametrize("before", [b"", REAL], ids=["fresh", "used"])
def test_importing_the_backups_restores_the_store(host, player, before):
    if before:
        host.import_reg(before)
    store = host.store()
    changes = (CHANGED, {"name": "New", "rules": [SECURE], "assigned": True})
    run = player.play(host, *[policy_task(**change, backup=True) for change in changes])
    for result in reversed(run.results):
        host.import_reg(pathlib.Path(result["backup_file"]).read_bytes())
    # the empty container stays
    assert host.store() == (store or {LOCAL: {}})


def _with_others(store, *changes):
    """A store after what others have written."""
    found = {key: dict(values) for key, values in store.items()}
    for _set, key, name, kind, data in changes:
        found.setdefault(LOCAL, {})
        found.setdefault(key, {})[name] = (kind, data)
    return found


def _others(host):
    """Writes of another administrator: a new key, a new value of the container, and a description of the policy."""
    values = [("set", policy.key, "description", STRING, "y") for policy in host.policies()]
    return [("set", rf"{LOCAL}\Other", "n", STRING, "x"), ("set", LOCAL, "other", STRING, "z"), *values]


CONFLICTS = {
    "before the first write": (b"", ["change before apply"]),
    "before the first write to a used store": (REAL, ["change before apply"]),
    "while writing": (b"", ["change after 3"]),
    "while writing to a used store": (REAL, ["change after 3"]),
    "before and while writing": (REAL, ["change before apply", "change after 1"]),
}


def test_a_backup_after_a_conflict_keeps_what_others_have_written(farm, player):
    cases = list(CONFLICTS.values())[-2 if farm.engine == "powershell" else 0 :]
    hosts, expected = [next(farm.fresh) for _case in cases], []
    for host, (data, faults) in zip(hosts, cases, strict=True):
        if data:
            host.import_reg(data)
        others = _others(host)
        if faults == ["change after 3"]:
            # the task deletes the object of the assigned policy, and their value with it
            others = others[:2]
        writes = [others, [("set", LOCAL, "again", STRING, "z")]]
        host.faults.writes = lambda count, writes=writes: writes[count - 1]
        host.faults.add(*faults)
        expected.append(_with_others(host.store(), *itertools.chain(*writes[: len(faults)])))
    run = player.play(hosts, policy_task(**CHANGED, backup=True), options=("--forks=6",))
    results = {result.host: result for result in run.results}
    for host, store in zip(hosts, expected, strict=True):
        assert results[host.name]["changed"], run.output
        assert host.store() != store
        host.import_reg(pathlib.Path(results[host.name]["backup_file"]).read_bytes())
        assert host.store() == store


def test_a_backup_of_a_fresh_host_keeps_what_comes_later(host, player):
    run = player.play(host, policy_task(name="P", assigned=True, rules=[SECURE], backup=True))
    assert not any(line.endswith("\\]") or line == f"[-{ROOT}]" for line in _lines(run[0]))
    later = player.play(host, policy_task(name="Q", rules=[CLOSE_SMB], backup=True))
    host.import_reg(pathlib.Path(run[0]["backup_file"]).read_bytes())
    assert [policy.name for policy in host.policies()] == ["Q"]
    host.import_reg(pathlib.Path(later[0]["backup_file"]).read_bytes())
    assert host.store() == {LOCAL: {}}


@PYTHON
def test_a_change_of_only_the_service_has_no_backup(host, player):
    player.play(host, policy_task(name="P", assigned=True, rules=[CLOSE_SMB]))
    host.stop_service()
    result = player.play(host, policy_task(name="P", backup=True))[0]
    assert result["changed"]
    assert "backup_file" not in result.result


@PYTHON
def test_backups_do_not_overwrite_each_other(host, player):
    tasks = [policy_task(name="P", rules=[CLOSE_SMB], description=f"{n}", backup=True) for n in range(3)]
    given = {"dir_path": str(player.folder / "given"), "filename": "store.reg"}
    (player.folder / "given").mkdir()
    (player.folder / "given" / "store.reg").touch(0o644)
    last = policy_task(name="P", description="last", backup=True, backup_options=given)
    run = player.play(host, *tasks, last)
    paths = [pathlib.Path(result["backup_file"]) for result in run.results]
    assert len(set(paths)) == 4
    assert all(path.name.startswith(f"{host.name}_ipsec_") for path in paths[:3])
    assert paths[3] == player.folder / "given" / "store.reg"
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
