# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Measures tasks on one host, which a real PowerShell simulates."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import tempfile
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import write_netsh
from winhost.farm import Farm
from winhost.host import Host

from .measure import Row
from .plays import EVERYTHING, play
from .policies import block_list, block_script, dynamic_commands, dynamic_rules, many_rules

TIMES: t.Final = 20
FEW: t.Final = 5
LINES: t.Final = 20_000
IN_FORCE: t.Final = 1_000
POLICIES: t.Final = ("Ports", "Block list")
_NO_RULES: t.Final = {"ipsec.windows.ipsec_dynamic": {"rules_mode": "exact", "rules": []}}


def all_rows() -> t.Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch, Farm(count=1, engine="powershell") as farm:
        folder = pathlib.Path(scratch)
        _put_netsh_on_path(folder)
        host = farm.hosts["win1"]
        yield _unchanged(farm, folder, host)
        for name, aim, policy in (
            ("rules_1", 1, many_rules(1)),
            ("rules_100", 0.02, many_rules(100)),
            ("rules_1000", 0.002, many_rules(1_000)),
            ("list_10000", 0.001, block_list(10_000)),
        ):
            away = {"ipsec.windows.ipsec_policy": {"name": policy["name"], "state": "absent"}}
            change = _Change({"ipsec.windows.ipsec_policy": policy}, away, write_netsh([policy]))
            yield _changed(farm, folder, host, name, aim, change)
        yield _dynamic_unchanged(farm, folder, host)
        change = _Change({"ipsec.windows.ipsec_dynamic": dynamic_rules(100)}, _NO_RULES, dynamic_commands(100))
        yield _changed(farm, folder, host, "dynamic_100", 0.05, change)
        yield _script(farm, folder, host)
        yield _ban(farm, folder, host)
        yield _facts(farm, folder, host)


def _unchanged(farm: Farm, folder: pathlib.Path, host: Host) -> Row:
    policy = {"name": "ours", "ipsec.windows.ipsec_policy": {**many_rules(3), "assigned": True}}
    play(farm, folder, [host], [policy])
    found = play(farm, folder, [host], [policy, {"name": "peer", "ansible.windows.win_ping": None}] * TIMES)
    play(farm, folder, [host], [{"name": "end", "ipsec.windows.ipsec_policy": {"name": "Many", "state": "absent"}}])
    return Row("unchanged", 0.5, found.ratios, "ipsec_policy of 3 rules, nothing to change; ÷ win_ping")


def _dynamic_unchanged(farm: Farm, folder: pathlib.Path, host: Host) -> Row:
    rules = {"name": "ours", "ipsec.windows.ipsec_dynamic": dynamic_rules(10)}
    play(farm, folder, [host], [rules])
    found = play(farm, folder, [host], [rules, {"name": "peer", "ansible.windows.win_ping": None}] * TIMES)
    play(farm, folder, [host], [{"name": "end", **_NO_RULES}])
    return Row("dynamic_unchanged", 0.6, found.ratios, "ipsec_dynamic of 10 rules, nothing to change; ÷ win_ping")


@dataclasses.dataclass(frozen=True)
class _Change:
    """A task that creates something, one that deletes it, and the commands of netsh that create it, too."""

    ours: dict[str, t.Any]
    away: dict[str, t.Any]
    commands: list[str]


def _changed(farm: Farm, folder: pathlib.Path, host: Host, name: str, aim: float, change: _Change) -> Row:
    """Creating something. For comparison, each command that creates it is a task of its own."""
    commands = change.commands
    ours, away = {"name": "ours", **change.ours}, {"name": "away", **change.away}
    executions, traffic = len(host.events("executed")), host.traffic
    alone = play(farm, folder, [host], [ours])
    executions, traffic = len(host.events("executed")) - executions, host.traffic - traffic
    tasks = [away]
    for number in range(TIMES):
        tasks += [ours, {"name": "peer", "ansible.builtin.raw": commands[number * len(commands) // TIMES]}, away]
    found = play(farm, folder, [host], tasks)
    seconds = sorted(found.seconds["ours"])[TIMES // 2]
    what = (
        f"{executions} executions, {traffic:,} bytes, {seconds:.2f} s, {alone.worker_memory >> 20} MiB; "
        f"÷ {len(commands):,} × raw netsh"
    )
    return Row(name, aim, [ratio / len(commands) for ratio in found.ratios], what)


def _script(farm: Farm, folder: pathlib.Path, host: Host) -> Row:
    """A script of netsh, and the same filters as one rule."""
    lines = block_script(LINES)
    (folder / "block.cmd").write_text("\r\n".join(lines))
    away = [{"name": "away", "ipsec.windows.ipsec_policy": {"name": name, "state": "absent"}} for name in POLICIES]
    ours = {"name": "ours", "ipsec.windows.netsh_ipsec": {"script": "block.cmd"}}
    # a list that no rule uses any more stays
    empty = {"name": "away", "ipsec.windows.netsh_ipsec": {"commands": ["netsh ipsec static delete filterlist all"],
                                                           "allow_delete_all": True}}  # fmt: skip
    peer = {"name": "peer", "ipsec.windows.ipsec_policy": block_list(LINES)}
    found = play(farm, folder, [host], [*away, empty, ours, peer] * FEW)
    seconds = sorted(found.seconds["ours"])[FEW // 2]
    what = f"netsh_ipsec with {LINES:,} add filter lines, {seconds:.2f} s; ÷ ipsec_policy with the same filters"
    return Row("script_apply", 3, found.ratios, what)


def _ban(farm: Farm, folder: pathlib.Path, host: Host) -> Row:
    """Adding one address to a long list."""
    play(farm, folder, [host], [{"name": "start", "ipsec.windows.ipsec_policy": block_list(10_000)}])
    tasks: list[dict[str, t.Any]] = []
    for number in range(TIMES):
        filters = [{"source": "me", "destination": f"203.0.113.{number}"}]
        ours = {"policy": "Block list", "name": "bad", "filters": filters, "filters_mode": "add"}
        tasks += [
            {"name": "ours", "ipsec.windows.ipsec_rule": ours},
            {"name": "peer", "ansible.windows.win_ping": None},
        ]
    found = play(farm, folder, [host], tasks)
    seconds = sorted(found.seconds["ours"])[TIMES // 2]
    return Row("ban_one", 1.5, found.ratios, f"one address more in a list of 10,000, {seconds:.2f} s; ÷ win_ping")


def _facts(farm: Farm, folder: pathlib.Path, host: Host) -> Row:
    """Reading the store and everything that is in force."""
    # a mirrored filter is two in force
    policy = {**block_list(IN_FORCE // 2), "assigned": True}
    play(farm, folder, [host], [{"name": "start", "ipsec.windows.ipsec_policy": policy}])
    found = play(farm, folder, [host], [EVERYTHING, {"name": "peer", "ansible.windows.win_ping": None}] * TIMES)
    seconds = sorted(found.seconds["ours"])[TIMES // 2]
    what = f"ipsec_facts with everything, {IN_FORCE:,} filters in force, {seconds:.2f} s; ÷ win_ping"
    return Row("facts_all", 1.5, found.ratios, what)


def _put_netsh_on_path(folder: pathlib.Path) -> None:
    """Install a netsh that returns at once. The real one is slower: it opens and checks the whole store."""
    netsh = folder / "bin" / "netsh"
    netsh.parent.mkdir()
    netsh.write_text("#!/bin/sh\n")
    netsh.chmod(0o755)
    os.environ["PATH"] = f"{netsh.parent}{os.pathsep}{os.environ['PATH']}"
