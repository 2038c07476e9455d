# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The demo: runs the playbooks demo_*.yml on two simulated hosts, with the unmodified ansible-playbook over WinRM.

It ends with the exit code 1 if a step does not do what it should.
"""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import typing as t

from winhost.farm import Farm
from winhost.host import Host

_CHECKOUT: t.Final = pathlib.Path(__file__).parent.parent
_ATTACK: t.Final = ("198.51.100.7", 50000, 443)
_PACKETS: t.Final = (("203.0.113.66", 443), ("198.51.100.7", 1433), ("198.51.100.7", 445), ("198.51.100.7", 443))


class _Demo:
    def __init__(self, farm: Farm, folder: pathlib.Path) -> None:
        self.farm = farm
        self.inventory = folder / "inventory.yml"
        farm.write_inventory(self.inventory)

    def play(self, title: str, playbook: str, *options: str, hosts: int = 2, changed: int) -> None:
        """Run a playbook; `changed` is the number of tasks that must report a change on each of the `hosts`."""
        _say(title)
        print(
            f"$ ansible-playbook -i {self.inventory.name} playbooks/{playbook} {shlex.join(options)}".rstrip(),
            flush=True,
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "ansible", "playbook", "-i", self.inventory, f"playbooks/{playbook}", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=_CHECKOUT,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(_CHECKOUT / os.environ.get("VENV", sys.prefix) / "collections"),
                "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
                "ANSIBLE_FORCE_COLOR": "1" if sys.stdout.isatty() else "0",
            },
        )
        found = []
        for line in t.cast(t.IO[str], process.stdout):
            print(line, end="", flush=True)
            found += [int(number) for number in re.findall(r"^\S+ +: ok=.*changed=(\d+)", _plain(line))]
        if process.wait() != 0 or found != [changed] * hosts:
            raise SystemExit(f"demo: expected {changed} changed tasks on each of {hosts} hosts")

    def ask_hosts(self, policies: int, blocked: bool = False) -> None:
        """Print what the hosts do with packets; they read the registry with their own code. `blocked` says whether they
        must block the attacker.
        """
        for host in self.farm.hosts.values():
            if len(host.policies()) != policies:
                raise SystemExit(f"demo: expected {policies} policies on {host.name}, found {len(host.policies())}")
            verdicts = (f"{peer} to port {port}: {host.verdict(peer, 50000, port)}" for peer, port in _PACKETS)
            print(f"{host.name}: {', '.join(verdicts)}", flush=True)
            if (host.verdict(*_ATTACK) == "block") is not blocked:
                raise SystemExit(f"demo: {host.name} does not {'block' if blocked else 'permit'} {_ATTACK[0]}")

    def restart(self, title: str, what: t.Callable[[Host], None]) -> None:
        """Restart something on the hosts, which loses their dynamic rules, until a scheduled task has added them."""
        _say(title)
        for host in self.farm.hosts.values():
            what(host)


def _plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def _say(title: str) -> None:
    print(f"\n=== {title}", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ipsec-demo-") as folder, Farm(count=2) as farm:
        engines = {"powershell": "PowerShell (pwsh)", "python": "an emulation in Python, as pwsh is not on PATH"}
        print(f"Two simulated Windows hosts listen for WinRM on {', '.join(h.address for h in farm.hosts.values())}.")
        print(f"They run modules with {engines[farm.engine]}.")
        demo = _Demo(farm, pathlib.Path(folder))
        demo.play("1. Create and assign a policy with four rules", "demo_present.yml", changed=1)
        demo.ask_hosts(policies=1)
        demo.play("2. Run it again: nothing changes", "demo_present.yml", changed=0)
        block_list = '{"demo_block_list": ["203.0.113.66", "203.0.113.67"]}'
        demo.play(
            "3. Preview the effect of another block list",
            "demo_present.yml",
            *("--check", "--diff", "--limit", "win1", "--extra-vars", block_list),
            hosts=1,
            changed=1,
        )
        demo.play("4. Show the policies of a host", "demo_show.yml", "--limit", "win1", hosts=1, changed=0)
        demo.play("5. Run an existing batch file, which creates another policy", "demo_script.yml", "--diff", changed=1)
        demo.ask_hosts(policies=2)
        demo.play(
            "6. Run it again: it deletes and creates its policy, so nothing changes", "demo_script.yml", changed=0
        )
        demo.play("7. Block an attacker with a dynamic rule, beside the policy", "demo_dynamic.yml", changed=1)
        demo.ask_hosts(policies=2, blocked=True)
        demo.play("8. Ask a host what is in force", "demo_in_force.yml", "--limit", "win1", hosts=1, changed=0)
        demo.restart("9. Restart the service: Windows loses the rule, and the host adds it again", Host.restart_service)
        demo.ask_hosts(policies=2, blocked=True)
        demo.restart("10. Restart the hosts", Host.boot)
        demo.ask_hosts(policies=2, blocked=True)
        demo.play("11. Run the task again: nothing changes", "demo_dynamic.yml", changed=0)
        demo.play("12. Delete the policies and the rule", "demo_absent.yml", changed=2)
        demo.ask_hosts(policies=0)
        print("\nAll steps succeeded.")


if __name__ == "__main__":
    main()
