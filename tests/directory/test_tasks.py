# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tasks on a domain, with the real ansible-playbook and a real domain controller."""

from __future__ import annotations

import json

import pytest
from integration.playbook import Controller, facts_task, policy_task

BLOCK = {"name": "SMB", "filters": ["*+0:445:TCP"], "action": "block"}
UNREACHABLE = {"ansible_connection": "winrm", "ansible_host": "192.0.2.1", "ansible_password": "x"}


class DomainPlayer(Controller):
    """Runs plays whose tasks are on a domain. Their only host cannot be reached."""

    def __init__(self, domain, folder):
        super().__init__(folder, **domain.environment())
        self.domain = domain
        hosts = {name: UNREACHABLE for name in ("far", "farther")}
        self.inventory.write_text(json.dumps({"all": {"hosts": hosts}}))

    def play(self, *tasks, options=(), hosts="far", directory=None, **play):
        defaults = {"return_policy": True, "directory": directory or self.domain.options()}
        play = {
            "hosts": hosts,
            "gather_facts": False,
            "module_defaults": {
                "group/ipsec.windows.ipsec": defaults,
                **{
                    f"ipsec.windows.{name}": {"store": "domain"}
                    for name in ("ipsec_policy", "ipsec_rule", "ipsec_facts")
                },
            },
            **play,
        }
        return self.run([{**play, "tasks": list(tasks)}], *options)


@pytest.fixture
def player(domain, tmp_path):
    return DomainPlayer(domain, tmp_path)


def test_a_policy_is_created_once(domain, player):
    run = player.play(policy_task(name="P", rules=[BLOCK]), policy_task(name="P", rules=[BLOCK]), facts_task())
    assert run.code == 0, run.output
    print(run.output)
    assert [result["changed"] for result in run.results[:2]] == [True, False]
