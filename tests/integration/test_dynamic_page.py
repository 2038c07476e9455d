# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What docs/dynamic.md shows and promises: its examples, what survives what, and the commands to type on a host."""

from __future__ import annotations

import re
import shlex
import textwrap

import pytest
import yaml
from integration.playbook import CHECKOUT
from winhost.host import RECORD
from winhost.tree import below

pytestmark = pytest.mark.judge_with("powershell")

PAGE = (CHECKOUT / "docs" / "dynamic.md").read_text()
TASK = "ipsec.windows dynamic rules"
ATTACKER = ("203.0.113.7", 50000, 443)
RULE = {"ipsec.windows.ipsec_dynamic": {"filters": ["[0+203.0.113.7]"]}}
BY_HAND = "add rule srcaddr=203.0.113.8 dstaddr=me mmpolicy=Mine actioninbound=block actionoutbound=block"


def _tasks():
    """The tasks of the page, in order."""
    blocks = re.findall(r"(?ms)^ *```yaml\n(.*?)^ *```", PAGE)
    return [task for block in blocks for task in yaml.safe_load(textwrap.dedent(block))]


def _commands(heading):
    """The commands of the section with that heading, without their comments."""
    section = re.split(rf"(?m)^## {heading}\n", PAGE)[1]
    return re.search(r"```powershell\n(.*?)```", section, re.DOTALL)[1].splitlines()


def _run(host, command):
    """What a command does on the host; returns its output."""
    program, *words = shlex.split(command.replace("\\", "\\\\"))
    match [program, *words]:
        case ["netsh", *arguments]:
            code, text = host.netsh(arguments, "", None)
            assert code == 0, text
            return text
        case ["reg", "query", key, "/s", "/reg:64"]:
            return str([host.tree[found] for found in below(host.tree, key)])
        case ["reg", "delete", key, "/f", "/reg:64"]:
            host.registry.change([("delete", key)])
        case ["schtasks", "/Query", "/TN", name, *_form]:
            return host.tasks.query(name)
        case ["schtasks", "/Delete", "/TN", name, "/F"]:
            assert host.tasks.delete(name)
        case ["sc.exe", "control", "PolicyAgent", "129"]:
            host.reload_service()
        case ["sc.exe", "stop", "PolicyAgent"]:
            host.stop_service()
        case ["sc.exe", "start", "PolicyAgent"]:
            host.start_service()
            host.tasks.wait()
        case _:
            raise AssertionError(f"nobody has said what {command} does")
    return ""


def _add_by_hand(host):
    assert host.netsh(["ipsec", "dynamic", "add", "mmpolicy", "name=Mine"], "", None)[0] == 0
    assert host.netsh(["ipsec", "dynamic", *BY_HAND.split()], "", None)[0] == 0


def test_the_examples_of_the_page(host, player):
    tasks = _tasks()
    unchanged = [index for index, task in enumerate(tasks) if task.keys() & {"check_mode", "ansible.builtin.debug"}]
    variables = {"ipsec_key": "an example", "change_approved": True}
    run = player.play(host, *tasks, vars=variables, options=("--diff",))
    assert run.code == 0, run.output
    assert [index for index, result in enumerate(run.results) if not result["changed"]] == unchanged
    assert "an example" not in run.output
    assert not player.play(host, tasks[-1], vars=variables)[0]["changed"]


@pytest.fixture
def blocking_host(host, player):
    """A host with a dynamic rule of the collection and one that somebody has added by hand."""
    assert player.play(host, RULE).code == 0
    _add_by_hand(host)
    assert host.verdict(*ATTACKER) == "block"
    return host


def _delete_by_hand(host):
    host.netsh(["ipsec", "dynamic", "delete", "all"], "", None)


def _rename(host):
    host.set(computer="NEWNAME")
    host.boot()


@pytest.mark.parametrize(
    ("event", "seconds"),
    [
        pytest.param(lambda host: host.restart_service(), 0, id="the service restarts"),
        pytest.param(lambda host: host.boot(), 0, id="the host restarts"),
        pytest.param(_delete_by_hand, 5 * 60, id="somebody deletes it"),
        pytest.param(_rename, 0, id="the computer gets another name"),
    ],
)
def test_what_a_rule_survives(blocking_host, event, seconds):
    host = blocking_host
    event(host)
    if seconds:
        assert host.verdict(*ATTACKER) == "permit"
        host.advance(seconds)
    assert host.verdict(*ATTACKER) == "block"
    assert host.verdict("203.0.113.8", 50000, 443) == "permit", "only the collection's own rules are added again"


def test_a_rule_without_a_scheduled_task_is_added_by_the_next_run(blocking_host, player):
    host = blocking_host
    task = {"ipsec.windows.ipsec_dynamic": {**RULE["ipsec.windows.ipsec_dynamic"], "persistent": False}}
    assert player.play(host, task)[0]["changed"]
    assert host.tasks.query(TASK) is None
    host.restart_service()
    host.advance(3600)
    assert host.verdict(*ATTACKER) == "permit"
    run = player.play(host, task)
    assert run[0]["counts"] == {"added": 0, "changed": 0, "removed": 0, "restored": 1}
    assert host.verdict(*ATTACKER) == "block"


def test_the_warning_of_a_deleted_record(blocking_host, player):
    host = blocking_host
    host.registry.change([("delete", RECORD)])
    run = player.play(host, {"ipsec.windows.ipsec_dynamic": {"rules": []}})
    assert "1 dynamic rules with names of this collection that its record does not have" in run[0]["warnings"][0]


def test_a_rule_of_somebody_else_with_the_same_filter(host, player):
    host.start_service()
    _add_by_hand(host)
    run = player.play(host, {"ipsec.windows.ipsec_dynamic": {"filters": ["[0+203.0.113.8]"]}})
    assert run[0].status == "failed"
    assert "netsh did not add the rule for [me+203.0.113.8]" in run[0]["msg"]


def test_the_commands_that_show_everything(blocking_host):
    shown = [_run(blocking_host, command) for command in _commands("See everything by hand")]
    name = re.search("ipsec.windows-[0-9a-f]{12}", shown[0])[0]
    assert blocking_host.tree[f"{RECORD}\\Rules\\{name}"]["Rules"]
    assert all(shown)
    assert "203.0.113.7" in shown[1]
    assert "S-1-5-18" in shown[2]


@pytest.mark.parametrize("heading", ["Remove everything by hand", "Before a rule cuts you off"])
def test_the_commands_that_remove_everything(blocking_host, player, heading):
    host = blocking_host
    for command in _commands(heading):
        _run(host, command)
    host.advance(24 * 3600)
    host.boot()
    assert host.verdict(*ATTACKER) == "permit"
    assert (host.dynamic_rules(), host.tasks.query(TASK)) == ((), None)
    assert not any(key.startswith(RECORD) for key in host.tree)
    run = player.play(host, {"ipsec.windows.ipsec_dynamic": {"state": "flushed"}})
    assert not run[0]["changed"]
