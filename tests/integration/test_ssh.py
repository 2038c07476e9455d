# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A policy over Ansible's connection ssh. Instead of ssh, a script starts PowerShell directly."""

from __future__ import annotations

import json
import shlex

import pytest
from integration.key_search import KEY, shows
from integration.playbook import Player, facts_task, policy_task
from winhost.engine_powershell import PowerShellEngine
from winhost.farm import Farm


@pytest.mark.engines("powershell")
def test_a_policy_over_ssh(engine, tmp_path):
    with Farm(engine=engine) as farm:
        host = farm.hosts["win1"]
        environment = PowerShellEngine(host).environment().items()
        variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment)
        client = tmp_path / "ssh"
        # the last argument is the command, which sh parses like PowerShell; before 2.19 it sets the code page first
        command = 'for last; do :; done\nlast=${last#chcp.com 65001 > \\$null ; }\neval "set -- $last"\nshift\n'
        client.write_text(f'#!/bin/sh\n{command}exec env -i {variables} powershell "$@"\n')
        client.chmod(0o700)
        player = Player(farm, tmp_path)
        ssh = {
            "ansible_connection": "ssh",
            "ansible_shell_type": "powershell",
            "ansible_ssh_executable": str(client),
            "ansible_host": host.address,
            "ansible_user": "vagrant",
        }
        player.inventory.write_text(json.dumps({"all": {"hosts": {"win1": ssh}}}))
        rule = {"name": "R", "filters": ["0+192.0.2.10"], "authentication": [{"preshared_key": "{{ key }}"}]}
        task = policy_task(name="P", assigned=True, rules=[rule])
        keys = tmp_path / "keys.json"
        keys.write_text(json.dumps({"key": KEY}))
        run = player.play(host, task, task, facts_task(), options=("--diff", "-vvvvvv", "-e", f"@{keys}"))
        assert [(result.status, result["changed"]) for result in run.results] == [
            ("ok", True),
            ("ok", False),
            ("ok", False),
        ], run.output[-3000:]
        assert run[0]["service"] == {"status": "running", "start_type": "automatic", "notification": "started"}
        assert run[2]["ansible_facts"]["ansible_ipsec"]["policies"] == [run[0]["policy"]]
        (seen,) = host.policies()
        assert seen.rules[0].authentication == (("preshared key", KEY),)
        assert "SSH: EXEC" in run.output
        assert not shows(run.output)
