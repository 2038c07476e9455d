# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Measurements as ratios within one run: what the core costs, and what a task costs on a simulated host."""

from __future__ import annotations

import os
import pathlib
import shlex
import statistics
import struct
import sys
import tempfile
import time
import typing as t

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / os.environ.get("VENV", ".venv") / "collections"))

from ansible_collections.ipsec.windows.plugins.module_utils.batch import Program
from ansible_collections.ipsec.windows.plugins.module_utils.blobs import FilterBlob
from ansible_collections.ipsec.windows.plugins.module_utils.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.lines import edits_of, read_lines
from ansible_collections.ipsec.windows.plugins.module_utils.objects import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils.store import Store, pack, unpack
from integration.playbook import Player, facts_task, policy_task
from unit import stores
from winhost.farm import Farm

TIMES: t.Final = 3


def _seconds(action: t.Callable[[], object]) -> float:
    """The median of some runs, after one to warm up."""
    action()
    found = []
    for _time in range(TIMES):
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def _show(what: str, seconds: float, base: float) -> None:
    print(f"  {what:<58} {seconds / base:7.2f} x", flush=True)


def _block_list(count: int) -> dict[str, t.Any]:
    filters = [f"0+10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1, count + 1)]
    return {"name": "Block list", "rules": [{"name": "bad", "filters": filters, "action": "block"}]}


def _many_rules(count: int) -> dict[str, t.Any]:
    rules = [
        {"name": f"rule {n}", "filters": [f"0+10.0.{n >> 8}.{n & 255}"], "action": "block"} for n in range(1, count + 1)
    ]
    return {"name": "Many", "rules": rules}


def bench_core() -> None:
    store = stores.change(Store(), _block_list(10_000)).store
    path = next(path for path in store.paths() if path.startswith("ipsecFilter"))
    data = t.cast("bytes", store.get(path, "ipsecData").data)
    record = struct.Struct("<80s")
    base = _seconds(lambda: [record.unpack_from(data, at) for at in range(20, len(data) - 80, 80)])
    print(f"10,000 filters, {len(data)} bytes; 1 x is struct.unpack of all records: {base * 1000:.1f} ms")
    blob = FilterBlob.unpack(data)
    _show("bytes to values", _seconds(lambda: FilterBlob.unpack(data)), base)
    _show("values to bytes", _seconds(blob.pack), base)
    _show("store to policy", _seconds(lambda: read_policies(Graph(store))), base)
    text = store.text()
    _show("store to what travels, and back", _seconds(lambda: Store.parse(unpack(pack(text)))), base)
    same, other = _block_list(10_000), _block_list(9_999)
    _show("a plan that changes nothing", _seconds(lambda: stores.change(store, same)), base)
    _show("a plan that takes one filter out", _seconds(lambda: stores.change(store, other)), base)
    many = stores.change(Store(), _many_rules(1_000)).store
    _show("1,000 rules: a plan that changes nothing", _seconds(lambda: stores.change(many, _many_rules(1_000))), base)
    _show("1,000 rules: a plan that changes one", _seconds(lambda: stores.change(many, _changed(1_000))), base)


def bench_scripts() -> None:
    commands = [
        f'ipseccmd -w REG -p "%P%" -r "Block {n}" -f 0+10.0.{n >> 8}.{n & 255} *+0:445:TCP -n BLOCK >nul\n'
        for n in range(1, 5_001)
    ]
    text = f"@echo off\nset P=Block list\n{''.join(commands)}"
    base = _seconds(lambda: [shlex.split(line) for line in commands])
    print(f"a batch file of 5,000 commands; 1 x is shlex.split of all lines: {base * 1000:.0f} ms")
    script = commands_of(Program.IPSECCMD, text, False)
    _show("the batch file to commands", _seconds(lambda: commands_of(Program.IPSECCMD, text, False)), base)
    _show("commands to edits", _seconds(lambda: edits_of(read_lines(script, False)[0])), base)
    lines = edits_of(read_lines(script, False)[0])
    made = stores.run_goal(Store(), lines)
    _show("edits to a plan of 5,000 new rules", _seconds(lambda: stores.run_goal(Store(), lines)), base)
    _show("edits to a plan that changes nothing", _seconds(lambda: stores.run_goal(made.store, lines)), base)


def _changed(count: int) -> dict[str, t.Any]:
    policy = _many_rules(count)
    policy["rules"][-1]["filters"] = ["0+192.0.2.1"]
    return policy


def bench_tasks() -> None:
    with Farm(count=1) as farm, tempfile.TemporaryDirectory() as folder:
        host = farm.hosts["win1"]
        player = Player(farm, pathlib.Path(folder))

        def seconds(*tasks: dict[str, t.Any]) -> float:
            def play() -> None:
                run = player.play(host, *tasks)
                if run.code:
                    raise SystemExit(run.output)

            return _seconds(play) / len(tasks)

        def swing(first: dict[str, t.Any], second: dict[str, t.Any]) -> float:
            """Tasks that all change something."""
            return seconds(policy_task(**first), policy_task(**second))

        start = seconds({"ansible.builtin.meta": "noop"})
        base = seconds(*[facts_task()] * 6) - start / 6
        print(f"tasks, engine {farm.engine}; 1 x is ipsec_facts of an empty store, one execution: {base * 1000:.0f} ms")
        for count in (1, 1_000):
            policy, other = _many_rules(count), _changed(count)
            player.play(host, policy_task(**policy))
            _show(f"unchanged, rules: {count:,}", seconds(*[policy_task(**policy)] * 3) - start / 3, base)
            _show(f"one rule changed, rules: {count:,}", swing(policy, other) - start / 2, base)
            player.play(host, policy_task(name=policy["name"], state="absent"))
        policy, other = _block_list(10_000), _block_list(9_999)
        player.play(host, policy_task(**policy))
        _show("unchanged, filters in one rule: 10,000", seconds(*[policy_task(**policy)] * 3) - start / 3, base)
        _show("one filter changed, filters in one rule: 10,000", swing(policy, other) - start / 2, base)


if __name__ == "__main__":
    bench_core()
    bench_scripts()
    bench_tasks()
