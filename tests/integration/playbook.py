# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the real ansible-playbook on simulated hosts, and reads the results."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import pty
import select
import subprocess
import sys
import typing as t

from ansible.release import __version__
from winhost.farm import Farm
from winhost.host import Host

CHECKOUT: t.Final = pathlib.Path(__file__).parent.parent.parent
COLLECTIONS: t.Final = CHECKOUT / os.environ.get("VENV", sys.prefix) / "collections"
CORE: t.Final = tuple(map(int, __version__.split(".")[:2]))
"""The version of ansible-core, such as (2, 16)."""


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of a task on a host; `status` is ok, failed, unreachable or skipped."""

    host: str
    task: str
    status: str
    result: dict[str, t.Any]

    def __getitem__(self, key: str) -> t.Any:
        return self.result[key]


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of ansible-playbook: its exit code, output and results in order."""

    code: int
    output: str
    results: list[Result]

    def __getitem__(self, index: int) -> Result:
        return self.results[index]


class Controller:
    """Runs the commands of Ansible in a folder, with an inventory and variables of the environment."""

    def __init__(self, folder: pathlib.Path, **environment: str) -> None:
        self.folder = folder
        self.inventory = folder / "inventory.json"
        self._variables = environment
        self._count = 0

    def run(self, playbook: list[dict[str, t.Any]] | pathlib.Path, *options: str, **environment: str) -> Run:
        self._count += 1
        record = self.folder / f"record-{self._count}.jsonl"
        if not isinstance(playbook, pathlib.Path):
            path = self.folder / f"playbook-{self._count}.json"
            path.write_text(json.dumps(playbook))
            playbook = path
        words = ("playbook", "-i", str(self.inventory), str(playbook), *options)
        done = self._ansible(*words, IPSEC_RECORD=str(record), **environment)
        lines = record.read_text().splitlines() if record.exists() else []
        return Run(done.returncode, done.stdout, [Result(**json.loads(line)) for line in lines])

    def ansible(self, *words: str) -> str:
        """The output of another command of Ansible (`doc …`)."""
        return self._ansible(*words).stdout

    def _ansible(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ansible", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=self.folder,
            env=self._environment(**environment),
        )

    def _environment(self, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_CALLBACK_PLUGINS": str(pathlib.Path(__file__).parent / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "record",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            **self._variables,
            **more,
        }


class Player(Controller):
    """Runs tasks on the hosts of a farm. `folder` is for files; without `connection` it uses that of the farm."""

    def __init__(self, farm: Farm, folder: pathlib.Path, connection: str | None = None) -> None:
        super().__init__(folder)
        self.farm = farm
        farm.write_inventory(self.inventory, connection)

    def play(
        self, hosts: Host | list[Host], *tasks: dict[str, t.Any], options: tuple[str, ...] = (), **play: t.Any
    ) -> Run:
        """Run a play with these tasks, which return whole policies. `options` are for ansible-playbook, other keywords
        for the play.
        """
        names = [host.name for host in ([hosts] if isinstance(hosts, Host) else hosts)]
        defaults = {"module_defaults": {"group/ipsec.windows.ipsec": {"return_policy": True}}}
        keywords = {"hosts": ",".join(names), "gather_facts": False, **defaults, **play}
        return self.run([{**keywords, "tasks": list(tasks)}], *options)

    def play_at_terminal(self, host: Host, *tasks: dict[str, t.Any], answer: str) -> Run:
        """As `play`, for a person who answers the first question."""
        playbook = self.folder / "asking.json"
        playbook.write_text(json.dumps([{"hosts": host.name, "gather_facts": False, "tasks": list(tasks)}]))
        record = self.folder / "asking.jsonl"
        record.unlink(missing_ok=True)
        words = ("playbook", "-i", str(self.inventory), str(playbook))
        terminal, of_child = pty.openpty()
        child = subprocess.Popen(
            # Ansible asks only in the foreground of its terminal
            ["setsid", "--ctty", "--wait", sys.executable, "-m", "ansible", *words],
            stdin=of_child,
            stdout=of_child,
            stderr=of_child,
            cwd=self.folder,
            env=self._environment(IPSEC_RECORD=str(record), TERM="dumb"),
        )
        os.close(of_child)
        output = b""
        # reading from a terminal whose other side is closed is an error
        with contextlib.suppress(OSError):
            while True:
                if select.select([terminal], [], [], 1)[0]:
                    data = os.read(terminal, 65536)
                    if not data:
                        break
                    output += data
                elif b"[yes/no]" in output:
                    # Ansible drops what is typed before it waits for an answer, so an answer may be lost
                    os.write(terminal, f"{answer}\n".encode())
        os.close(terminal)
        code = child.wait()
        lines = record.read_text().splitlines() if record.exists() else []
        return Run(code, output.decode(), [Result(**json.loads(line)) for line in lines])


def policy_task(**options: t.Any) -> dict[str, t.Any]:
    return {"name": "policy", "ipsec.windows.ipsec_policy": options}


def facts_task(*subsets: str) -> dict[str, t.Any]:
    return {"name": "facts", "ipsec.windows.ipsec_facts": {"gather_subset": list(subsets)} if subsets else None}


def at_each_read(host, look):
    """What `look` returns before each read request."""
    found = []
    log = host.event

    def event(name, *details):
        log(name, *details)
        if details[-1] == "read":
            found.append(look())

    host.event = event
    return found
