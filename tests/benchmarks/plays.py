# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs plays and measures their tasks, each from its start to its last result."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import typing as t

from integration.playbook import COLLECTIONS, Player
from winhost.farm import Farm
from winhost.host import Host

_CALLBACKS: t.Final = pathlib.Path(__file__).parent / "callback_plugins"
_PEERS: t.Final = COLLECTIONS.parent / "peers"
"""The collection ansible.windows."""
EVERYTHING: t.Final = {"name": "ours", "ipsec.windows.ipsec_facts": {"gather_subset": "all"}}


@dataclasses.dataclass(frozen=True)
class Measured:
    """The seconds of the tasks by their names, in order, and the peak memory of Ansible in bytes: of its main process,
    and of its largest worker.
    """

    seconds: dict[str, list[float]]
    main_memory: int
    worker_memory: int

    @property
    def ratios(self) -> list[float]:
        """The seconds of the tasks named ours, divided by those of the tasks named peer."""
        return [ours / peer for ours, peer in zip(self.seconds["ours"], self.seconds["peer"], strict=True)]


def play(farm: Farm, folder: pathlib.Path, hosts: list[Host], tasks: list[dict[str, t.Any]], *options: str) -> Measured:
    """Run `tasks`, which must have names."""
    record = folder / "seconds.jsonl"
    run = Player(farm, folder).run(
        [{"hosts": ",".join(host.name for host in hosts), "gather_facts": False, "tasks": tasks}],
        *options,
        ANSIBLE_CALLBACK_PLUGINS=str(_CALLBACKS),
        ANSIBLE_CALLBACKS_ENABLED="seconds",
        ANSIBLE_COLLECTIONS_PATH=os.pathsep.join(map(str, (COLLECTIONS, _PEERS))),
        IPSEC_SECONDS=str(record),
    )
    if run.code:
        raise SystemExit(f"bench: a play failed\n{run.output[-4000:]}")
    seconds: dict[str, list[float]] = {}
    started = ended = 0.0
    name = None
    *events, (_memory, main, worker) = map(json.loads, record.read_text().splitlines())
    for event, task, at in [*events, ("start", None, 0.0)]:
        if event == "start":
            if name is not None:
                seconds.setdefault(name, []).append(ended - started)
            name, started = task, at
        else:
            ended = at
    return Measured(seconds, main, worker)
