# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests that every input format makes the same store through the real ansible-playbook."""

from __future__ import annotations

import pytest
import yaml
from integration.playbook import policy_task
from unit import stores

ALL = yaml.safe_load((stores.DATA / "same_store.yml").read_text("utf-8"))
# the cases with the most options; tests/unit/test_same_store.py has all
NAMES = ("keys-and-main-mode", "tunnel")


def _by_ipseccmd(name, _case):
    return [{"name": name, "ipsec.windows.ipseccmd": {"script": f"{name}.ipseccmd.cmd"}}]


def _by_ipsec_policy(_name, case):
    return [policy_task(**policy) for policy in case["policies"]]


def _by_ipsec_rule(name, case):
    return [{"name": name, "ipsec.windows.ipsec_rule": task} for task in case["rules"]]


def _converted(program):
    def tasks(name, _case):
        loop = f"{{{{ lookup('ansible.builtin.file', '{name}.{program}.cmd') | ipsec.windows.from_{program} }}}}"
        return [{**policy_task(policy="{{ item }}"), "loop": loop, "loop_control": {"label": "{{ item.name }}"}}]

    return tasks


FORMATS = (_by_ipseccmd, _by_ipsec_policy, _by_ipsec_rule, _converted("ipseccmd"), _converted("netsh"))


@pytest.mark.judge_with("powershell")
def test_every_format_makes_the_same_store(farm, player):
    cases = {name: ALL[name] for name in NAMES}
    for name, case in cases.items():
        for program in ("ipseccmd", "netsh"):
            text = case[program].replace("\n", "\r\n")
            (player.folder / f"{name}.{program}.cmd").write_text(text, encoding="utf-8", newline="")
    hosts = [next(farm.fresh) for _form in FORMATS]
    plays = [
        {
            "hosts": host.name,
            "gather_facts": False,
            "tasks": [task for name, case in cases.items() for task in form(name, case)],
        }
        for host, form in zip(hosts, FORMATS, strict=True)
    ]
    run = player.run(plays)
    assert run.code == 0, run.output
    expected, *others = (stores.comparable(stores.from_tree(host.store())) for host in hosts)
    assert len(hosts[0].policies()) == len(cases)
    assert others == [expected] * len(others)
