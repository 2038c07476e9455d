# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Measures the controller with 200 emulated hosts, so that Ansible itself takes most of the time."""

from __future__ import annotations

import pathlib
import tempfile
import typing as t

from winhost.farm import Farm
from winhost.host import Host

from .measure import Row
from .plays import EVERYTHING, play
from .policies import dynamic_rules, many_rules, one_changed

HOSTS: t.Final = 200
TIMES: t.Final = 5
_FORKS: t.Final = ("--forks", "20")
_PING: t.Final = {"name": "peer", "ansible.windows.win_ping": None}


def all_rows() -> t.Iterator[Row]:
    with tempfile.TemporaryDirectory() as scratch, Farm(count=HOSTS, engine="python") as farm:
        folder = pathlib.Path(scratch)
        hosts = list(farm.hosts.values())
        policy = {**many_rules(3), "assigned": True}
        one, other = ({"name": "ours", "ipsec.windows.ipsec_policy": p} for p in (policy, one_changed(policy)))
        play(farm, folder, hosts, [{**one, "name": "first"}], *_FORKS)
        unchanged = play(farm, folder, hosts, [one, _PING] * TIMES, *_FORKS)
        changed = play(farm, folder, hosts, [other, _PING, one, _PING] * (TIMES // 2 + 1), *_FORKS)
        size = f"{HOSTS} hosts, 20 forks, a policy of 3 rules"
        for name, aim, found, what in (
            ("fleet_unchanged", 1, unchanged, "nothing to change"),
            ("fleet_changed", 2, changed, "one rule changed"),
        ):
            yield Row(name, aim, found.ratios, f"{size}, {what}; ÷ win_ping on the same hosts")
        yield _dynamic(farm, folder, hosts)
        yield _facts(farm, folder, hosts[: HOSTS // 2])
        few = hosts[: HOSTS // 10]
        memory = {
            (name, len(group)): play(farm, folder, group, [{**task, "name": "all"}] * 2, *_FORKS).main_memory
            for name, task in (("ours", one), ("peer", _PING))
            for group in (few, hosts)
        }
        growth = {name: memory[name, len(hosts)] / memory[name, len(few)] for name in ("ours", "peer")}
        sizes = " → ".join(f"{memory['ours', len(group)] >> 20} MiB" for group in (few, hosts))
        what = f"memory of the controller with {HOSTS} hosts ÷ with {len(few)} ({sizes}); ÷ the same with win_ping"
        yield Row("fleet_memory", 1.1, [growth["ours"] / growth["peer"]], what)


def _dynamic(farm: Farm, folder: pathlib.Path, hosts: list[Host]) -> Row:
    rules = {"name": "ours", "ipsec.windows.ipsec_dynamic": dynamic_rules(10)}
    play(farm, folder, hosts, [{**rules, "name": "first"}], *_FORKS)
    found = play(farm, folder, hosts, [rules, _PING] * TIMES, *_FORKS)
    what = f"{HOSTS} hosts, 20 forks, 10 dynamic rules, nothing to change; ÷ win_ping on the same hosts"
    return Row("dynamic_fleet", 1.1, found.ratios, what)


def _facts(farm: Farm, folder: pathlib.Path, hosts: list[Host]) -> Row:
    """Reading everything of hosts that have a policy and dynamic rules."""
    found = play(farm, folder, hosts, [EVERYTHING, _PING] * TIMES, *_FORKS)
    what = f"{len(hosts)} hosts, 20 forks, ipsec_facts with everything; ÷ win_ping on the same hosts"
    return Row("facts_fleet", 1.5, found.ratios, what)
