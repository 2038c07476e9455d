# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The examples of docs/queries.md run and answer their questions."""

from __future__ import annotations

import re

import pytest
import yaml
from integration.playbook import CHECKOUT, policy_task

pytestmark = pytest.mark.judge_with("powershell")

PAGE = (CHECKOUT / "docs" / "queries.md").read_text()
BLOCKS = [yaml.safe_load(text) for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE)]
PLAYS = {block[0]["name"]: block for block in BLOCKS if "hosts" in block[0]}
TASKS = [task for block in BLOCKS if "hosts" not in block[0] for task in block]
CLOSE = {"name": "Close HTTPS", "filters": ["192.0.2.66+0:443:TCP"], "action": "block"}
SERVER = policy_task(name="Server isolation", assigned=True, rules=[CLOSE])
HIDDEN = policy_task(name="Silence", assigned=True, rules=[{**CLOSE, "name": "Cut off"}])
BY_HAND = "add rule srcaddr=203.0.113.8 dstaddr=me mmpolicy=Mine actioninbound=block actionoutbound=block"


@pytest.fixture
def ask(player):
    """Runs a playbook of the page on some hosts."""

    def run(name, *hosts):
        play = {**PLAYS[name][0], "hosts": ",".join(host.name for host in hosts)}
        found = player.run([play])
        assert found.code == 0, found.output
        return found

    return run


def _add_by_hand(host):
    """What somebody adds with netsh."""
    for command in ("add mmpolicy name=Mine", BY_HAND):
        assert host.netsh(["ipsec", "dynamic", *command.split()])[0] == 0


def test_every_example_is_tested():
    assert PLAYS.keys() == {
        "Ask what is in force",
        "Ask who blocks a port",
        "Ask what happens to a packet",
        "Ask whether the policy is applied",
        "Find policies that nobody declared",
    }
    assert [next(iter(task)) for task in TASKS] == [
        "ipsec.windows.ipseccmd",
        "ansible.builtin.debug",
    ] * 2


def test_the_tasks_of_the_page(host, player):
    run = player.play(host, SERVER, *TASKS)
    assert run.code == 0, run.output
    assert run[2]["msg"] == ["Close HTTPS"]
    assert "Quick Mode Filters: 2" in run[4]["shown.text"]


def test_what_is_in_force(host, player, ask):
    player.play(host, SERVER)
    _facts, now, filters = ask("Ask what is in force", host).results
    assert now["msg"].startswith("Server isolation, the local policy 'Server isolation' is assigned")
    assert "; applied: yes, " in now["msg"]
    assert {item["msg"] for item in filters["results"]} == {
        "block in tcp 192.0.2.66 any me 443, rule Close HTTPS",
        "block out tcp me 443 192.0.2.66 any, rule Close HTTPS",
    }


def test_who_blocks_a_port(host, player, ask):
    player.play(host, SERVER, {"ipsec.windows.ipsec_dynamic": {"filters": ["[0+203.0.113.7]"]}})
    found = ask("Ask who blocks a port", host)[1]["msg"]
    assert [(item["policy"], item["rule"], item["dynamic"]) for item in found] == [
        ("Server isolation", "Close HTTPS", None),
        (None, None, 0),
    ]
    _add_by_hand(host)
    others = ask("Ask who blocks a port", host)[1]["msg"][2:]
    assert {(item["policy"], item["dynamic"], item["id"]) for item in others} == {(None, None, None)}
    assert {item["filter"]["source"] for item in others} == {"me", "203.0.113.8"}
    assert ask("Ask what happens to a packet", host)[1]["msg"].startswith("block, ")
    assert ask("Ask what happens to a packet", host)[1]["msg"].endswith(": Close HTTPS")


def test_where_the_policy_is_not_applied(farm, player, ask):
    hosts = [next(farm.fresh) for _host in range(3)]
    player.play(hosts, SERVER)
    hosts[1].stop_service()
    assert ask("Ask whether the policy is applied", *hosts).results[-1]["msg"] == {
        hosts[1].name: "the PolicyAgent service is stopped, so nothing is enforced"
    }


def test_what_nobody_declared(farm, player, ask):
    good, silenced, by_hand = hosts = [next(farm.fresh) for _host in range(3)]
    player.play(hosts, SERVER)
    player.play(silenced, HIDDEN)
    _add_by_hand(by_hand)
    found = ask("Find policies that nobody declared", *hosts).results[-1]["msg"]
    assert found.keys() == {silenced.name, by_hand.name}, good
    assert found[silenced.name] == ["Silence"]
