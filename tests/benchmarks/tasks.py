# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Measures tasks on one host, which a real PowerShell simulates."""

from __future__ import annotations

import os
import pathlib
import tempfile
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import write_netsh
from winhost.farm import Farm
from winhost.host import Host

from .measure import Row
from .plays import Measured, play
from .policies import block_list, many_rules

TIMES: t.Final = 20


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
            yield _changed(farm, folder, host, name, aim, policy)


def _unchanged(farm: Farm, folder: pathlib.Path, host: Host) -> Row:
    policy = {"name": "ours", "ipsec.windows.ipsec_policy": {**many_rules(3), "assigned": True}}
    play(farm, folder, [host], [policy])
    found = play(farm, folder, [host], [policy, {"name": "peer", "ansible.windows.win_ping": None}] * TIMES)
    play(farm, folder, [host], [{"name": "end", "ipsec.windows.ipsec_policy": {"name": "Many", "state": "absent"}}])
    return Row("unchanged", 0.5, _ratios(found), "ipsec_policy of 3 rules, nothing to change; ÷ win_ping")


def _changed(farm: Farm, folder: pathlib.Path, host: Host, name: str, aim: float, policy: dict[str, t.Any]) -> Row:
    """Creating a policy. For comparison, each command that creates it is a task of its own."""
    commands = write_netsh([policy])
    ours = {"name": "ours", "ipsec.windows.ipsec_policy": policy}
    away = {"name": "away", "ipsec.windows.ipsec_policy": {"name": policy["name"], "state": "absent"}}
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
    return Row(name, aim, [ratio / len(commands) for ratio in _ratios(found)], what)


def _ratios(found: Measured) -> list[float]:
    return [ours / peer for ours, peer in zip(found.seconds["ours"], found.seconds["peer"], strict=True)]


def _put_netsh_on_path(folder: pathlib.Path) -> None:
    """Install a netsh that returns at once. The real one is slower: it opens and checks the whole store."""
    netsh = folder / "bin" / "netsh"
    netsh.parent.mkdir()
    netsh.write_text("#!/bin/sh\n")
    netsh.chmod(0o755)
    os.environ["PATH"] = f"{netsh.parent}{os.pathsep}{os.environ['PATH']}"
