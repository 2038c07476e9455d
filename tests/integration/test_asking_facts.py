# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The playbook of docs/asking-facts.md finds who blocks a port."""

from __future__ import annotations

import re

import pytest
from integration.playbook import CHECKOUT, policy_task

pytestmark = pytest.mark.judge_with("powershell")

PAGE = CHECKOUT / "docs" / "asking-facts.md"
RANGE = {"source": "192.0.2.0/24", "destination": "me", "protocol": "tcp", "destination_port": "440-450"}


def _block(name, *filters, **options):
    return {"name": name, "filters": list(filters), "action": "block", **options}


POLICIES = [
    {"assigned": True, "rules": [_block("Close a range", RANGE), _block("Close Telnet", "192.0.2.*+0:23:TCP")]},
    {"assigned": True, "rules": [_block("Proxy only", "0+192.0.2.9:443:TCP")]},
    {"assigned": True, "rules": [_block("Cut off", "192.0.2.66+0"), _block("Off", "*+0:443:TCP", enabled=False)]},
    {"assigned": False, "rules": [_block("Idle", "*+0:443:TCP")]},
    None,
]


@pytest.fixture
def hosts(farm):
    return [next(farm.fresh) for _policy in POLICIES]


def test_the_playbook_of_the_page(hosts, player):
    for host, policy in zip(hosts, POLICIES, strict=True):
        if policy is not None:
            assert player.play(host, policy_task(name="P", **policy)).code == 0
    playbook = player.folder / "ask.yml"
    names = ",".join(host.name for host in hosts)
    playbook.write_text(
        re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)[1].replace("hosts: windows", f"hosts: {names}")
    )
    run = player.run(playbook)
    assert run.code == 0, run.output
    each = {result.host: result["msg"] for result in run.results if result.task.endswith("of the policy in force")}
    assert [each[host.name] for host in hosts] == [["Close a range"], [], ["Cut off"], [], []]
    (together,) = [result["msg"] for result in run.results if result.task.endswith("that block it")]
    assert together == {hosts[0].name: ["Close a range"], hosts[2].name: ["Cut off"]}
    other = player.run(playbook, "--extra-vars", '{"asked": {"protocol": "icmp", "port": "any"}}')
    assert other.results[-1]["msg"] == {hosts[2].name: ["Cut off"]}


def test_other_questions_of_the_page(host, player):
    rows = re.findall(r"(?m)^\| ([A-Z][^|]*\?) \| (.*) \|$", PAGE.read_text())
    templates = {question: re.findall("`(.*?)`", text.replace("\\|", "|")) for question, text in rows}
    assert len(templates) == 3
    prepare = policy_task(name="P", assigned=True, rules=[_block("R", "0+192.0.2.1")])
    shown = [{"ansible.builtin.debug": {"msg": f"{{{{ {text} }}}}"}} for texts in templates.values() for text in texts]
    variables = {"policy": "{{ ansible_facts.ipsec.policies | first }}", "rule": "{{ policy.rules | first }}"}
    run = player.play(host, prepare, {"ipsec.windows.ipsec_facts": None}, *shown, vars=variables)
    assert run.code == 0, run.output
    reason = "the local policy 'P' is assigned, and there is no domain policy"
    assert [result["msg"] for result in run.results[2:]] == ["P", reason, ["me", "192.0.2.1"], ["kerberos"]]
