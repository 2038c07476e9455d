# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Each way to say policies, through the real ansible-playbook on both engines, makes the same store."""

from __future__ import annotations

import yaml
from integration.playbook import policy_task
from unit import stores

# each way once, with what is hardest to say; tests/unit/test_same_store.py has all cases
NAMES = ("keys-and-main-mode", "tunnel")
ALL = yaml.safe_load((stores.DATA / "same_store.yml").read_text("utf-8"))
CASES = {name: ALL[name] for name in NAMES}


def _by_ipseccmd(name, case):
    return [{"name": name, "ipsec.windows.ipseccmd": {"script": f"{name}.ipseccmd.cmd"}}]


def _by_ipsec_policy(name, case):
    return [policy_task(**policy) for policy in case["policies"]]


def _by_ipsec_rule(name, case):
    return [{"name": name, "ipsec.windows.ipsec_rule": task} for task in case["rules"]]


def _converted(program):
    def tasks(name, case):
        loop = f"{{{{ lookup('ansible.builtin.file', '{name}.{program}.cmd') | ipsec.windows.from_{program} }}}}"
        return [{**policy_task(policy="{{ item }}"), "loop": loop, "loop_control": {"label": "{{ item.name }}"}}]

    return tasks


WAYS = (_by_ipsec_policy, _by_ipsec_rule, _converted("ipseccmd"), _converted("netsh"))


def test_the_same_store(farm, host, player):
    for name, case in CASES.items():
        for program in ("ipseccmd", "netsh"):
            text = case[program].replace("\n", "\r\n")
            (player.folder / f"{name}.{program}.cmd").write_text(text, encoding="utf-8", newline="")
    tasks = [task for name, case in CASES.items() for task in _by_ipseccmd(name, case)]
    run = player.play(host, *tasks)
    assert run.code == 0, run.output
    expected = stores.comparable(stores.from_tree(host.store()))
    assert len(host.policies()) == len(CASES)
    for way in WAYS:
        other = next(farm.fresh)
        run = player.play(other, *(task for name, case in CASES.items() for task in way(name, case)))
        assert run.code == 0, run.output
        assert stores.comparable(stores.from_tree(other.store())) == expected
