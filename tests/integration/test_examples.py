# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The examples of the documentation run unchanged."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.doc_fragments import directory, group
from integration.examples import MODULES, examples_of_hosts
from integration.playbook import CHECKOUT, Player, policy_task

pytestmark = pytest.mark.judge_with("powershell")

UNCHANGED = ["Read the policies of this host", "Restore a policy from facts"]
"""The examples of ipsec_policy that change nothing."""


def test_the_examples_of_ipsec_policy(host, player):
    tasks = examples_of_hosts("ipsec_policy")
    run = player.play(host, *tasks, vars={"ipsec_key": "an example"})
    assert run.code == 0, run.output
    assert len(run.results) == len(tasks)
    changed = {result.task: result.result.get("changed") for result in run.results}
    unchanged = [name for name, found in changed.items() if not found]
    assert unchanged == UNCHANGED
    for name in unchanged:
        del changed[name]
    assert all(changed.values()), changed
    assert host.policies() == []


def test_the_examples_of_ipsec_facts(host, player):
    block = {"name": "r", "filters": ["0+192.0.2.66", "0+192.0.2.67"], "action": "block"}
    run = player.play(host, policy_task(name="P", assigned=True, rules=[block]), *examples_of_hosts("ipsec_facts"))
    assert run.code == 0, run.output
    said = {result.task: result.result.get("msg") for result in run.results}
    reason = "local: the local policy 'P' is assigned, and there is no domain policy"
    assert said["Show which policy is in force, and why"] == reason
    assert said["Show the filters in force that no rule explains"] == []
    assert said["List every address that a rule blocks"] == ["192.0.2.66", "192.0.2.67"]


def test_the_playbook_of_the_readme(host, player):
    text = (CHECKOUT / "README.md").read_text()
    (playbook,) = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
    rule = {"name": "Controllers", "filters": ["127.*.*.*+0"], "action": "permit"}
    task = playbook["tasks"][0]["ipsec.windows.ipsec_policy"]
    play = {**playbook, "hosts": host.name}
    first = player.run([play], "--check", "--diff")
    task["rules"].append(rule)
    done = [player.run([play]) for _time in range(2)]
    assert first[0]["changed"]
    assert [run[0]["changed"] for run in done] == [True, False]
    # the only finding that no policy can avoid
    assert [warning.partition(":")[0] for warning in done[1][0]["warnings"]] == ["weak-3des"]


def test_defaults_for_all_modules_of_the_group(host, player):
    block = {"name": "r", "filters": ["0+192.0.2.66"], "action": "block"}
    play = {"hosts": host.name, "gather_facts": False}
    run = player.run(
        [
            {
                **play,
                "tasks": [{"ipsec_policy": {"name": "P", "rules": [block]}}, {"ipsec_facts": None}],
                "collections": ["ipsec.windows"],
                "module_defaults": {
                    "group/ipsec.windows.ipsec": {},
                    "ipsec.windows.ipsec_policy": {"description": "by default"},
                },
            },
            {
                **play,
                "tasks": [{"ipsec.windows.ipsec_policy": {"name": "P"}}],
                "module_defaults": {"group/ipsec.windows.ipsec": {"state": "absent"}},
            },
        ]
    )
    assert run.code == 0, run.output
    assert run[1]["ansible_facts"]["ansible_ipsec"]["policies"][0]["description"] == "by default"
    assert run[2]["changed"]
    assert host.policies() == []


def test_options_of_the_group(host, player):
    """Every option that the modules share can be a default of the group, for each of its modules."""
    fragments = [yaml.safe_load(one.ModuleDocFragment.DOCUMENTATION)["options"] for one in (group, directory)]
    shared = [name for options in fragments for name in options]
    defaults = {
        "directory": {"server": "dc1.corp.example", "password": "not used"},
        "lockout_check": "warn",
        "accept": ["open-over-ipv6"],
        "multiple_addresses": "all",
        "service": "automatic",
        "restart_service": False,
        "backup": True,
        "backup_options": {"dir_path": "kept"},
        "return_policy": True,
        "wait_applied": True,
        "wait_timeout": 10,
    }
    assert sorted(defaults) == sorted(shared)
    rule = {"name": "R", "filters": ["*+0:445:TCP"], "action": "block"}
    tasks = [
        {"ipsec.windows.ipsec_policy": {"name": "P", "rules": [rule], "assigned": True}},
        {"ipsec.windows.ipsec_rule": {"policy": "P", **rule, "name": "S"}},
        {"ipsec.windows.ipseccmd": {"command": "ipseccmd -w REG -p P -r T -f *+0:139:TCP -n BLOCK"}},
        {"ipsec.windows.netsh_ipsec": {"command": "netsh ipsec static add filterlist name=L"}},
        {"ipsec.windows.ipsec_store": {"policies": [{"name": "Q"}]}},
        {"ipsec.windows.ipsec_dynamic": {"filters": ["[0+192.0.2.66]"]}},
        {"ipsec.windows.ipsec_facts": None},
    ]
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text())
    assert {name.removeprefix("ipsec.windows.") for task in tasks for name in task} == set(
        runtime["action_groups"]["ipsec"]
    )
    run = player.play(host, *tasks, module_defaults={"group/ipsec.windows.ipsec": defaults})
    assert [result.status for result in run.results] == ["ok"] * len(tasks), run.output
    *of_policies, dynamic, _facts = run.results
    for result in of_policies:
        assert result["backup_file"].startswith(str(player.folder / "kept"))
        assert "operations" in result.result
        assert result.result.get("warnings", []) == []
    assert dynamic.result.get("warnings", []) == []
    assert dynamic.result.keys() & {"backup_file", "operations"} == set()
    assert [rule["filters"][0]["destination"] for rule in dynamic["rules"]] == ["192.0.2.66"]


FILES = {
    "blocked.txt": "\ufeff# attackers\r\n192.0.2.66\r\n203.0.113.0/24 ; a network\r\n2001:db8:66::/48\r\n",
    "more.txt": "192.0.2.66\n198.51.100.1-198.51.100.9\n",
    "close-ports.cmd": "ipseccmd -w REG -p Ports -r SMB -f *+0:445:TCP -n BLOCK >nul\r\n",
    "open-for-admins.cmd": "ipseccmd -w REG -p %1 -r Admins -f %Admins%+0:%2:TCP -n PASS\r\n",
    "with-rules.cmd": "netsh ipsec static add policy name=%1\r\nnetsh -f rules.txt\r\n",
    "rules.txt": "pushd ipsec static\r\nset policy name=Ports description=Closed\r\npopd\r\n",
    "ban.cmd": 'netsh ipsec static add filter filterlist="Bad guys" srcaddr=203.0.113.8 dstaddr=me\r\n',
    "start-again.cmd": "netsh ipsec static delete all\r\nnetsh ipsec static add policy name=Ports\r\n",
    "netsh.cmd": "netsh ipsec static add policy name=Made assign=no\r\n",
    "block.cmd": "ipseccmd -f [0+203.0.113.7] [0+203.0.113.8]\r\n",
    "dynamic.txt": "pushd ipsec dynamic\r\nadd mmpolicy name=M\r\n"
    "add rule srcaddr=me dstaddr=203.0.113.7 mmpolicy=M actioninbound=block actionoutbound=block\r\npopd\r\n",
}
CHANGES = {
    "ipsec_rule": [True, True, True, False, True, True, True, True, True],
    "ipsec_dynamic": [True, True, True, False, True, True, True, True, True, True],
    "netsh_ipsec": [True, True, True, True, True],
    "ipsec_store": [True, True, True, True],
    "ipseccmd": [True, True, True, False, False, False, False, True, True, True],
    "matching_rules": [False, False],
    "ipsec_verdict": [False, False, False],
    "ipsec_blocked_by": [False, False, False],
    "from_ipseccmd": [True, False, True],
    "to_ipseccmd": [False, False, False],
    "from_netsh": [True, True, True, True],
    "to_netsh": [False, True, False],
    "ipsec_addresses": [True, True],
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_examples_of_modules_and_filters(host, player, name):
    text = json.dumps(examples_of_hosts(name))
    if name == "from_netsh":
        text = text.replace("close-ports.cmd", "netsh.cmd").replace("old.bat", "netsh.cmd")
    for file, content in FILES.items():
        (player.folder / file).write_text(content, newline="")
    block = {"name": "Monitoring", "filters": ["0+198.51.100.7"], "action": "block"}
    prepare = policy_task(name="P", rules=[block], assigned=True)
    run = player.play(host, prepare, *json.loads(text), vars={"ipsec_key": "an example"})
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results[1:]] == CHANGES[name]


def _documented(module):
    return yaml.safe_load((MODULES / f"{module}.yml").read_text())["RETURN"]


def test_all_returned_keys_are_documented(host, player):
    block = {"name": "r", "filters": ["0+192.0.2.66"], "action": "block"}
    line = "ipseccmd -w reg -p P -r s -f 0+192.0.2.67 -n block"
    (player.folder / "script.cmd").write_text(line)
    run = player.play(
        host,
        policy_task(name="P", assigned=True, rules=[{**block, "filter_action": "Shared"}], backup=True),
        {"ipsec.windows.ipseccmd": {"script": "script.cmd", "backup": True}},
        {"ipsec.windows.ipseccmd": {"command": "/?"}},
        {"ipsec.windows.ipseccmd": {"command": "ipseccmd show filters"}},
        {"ipsec.windows.ipseccmd": {"command": "ipseccmd show filters", "output": "text"}},
        {"ipsec.windows.ipsec_rule": {"policy": "P", **block, "enabled": False, "backup": True}},
        policy_task(name="P", state="absent"),
        {"ipsec.windows.ipsec_store": {"policies": [], "backup": True}},
        {"ipsec.windows.ipsec_store": {"policies": [{"name": "Q"}], "backup": True}},
        {"ipsec.windows.ipsec_dynamic": {"filters": ["[0+192.0.2.66]"], "settings": {"ipsecexempt": 3}}},
        options=("--diff",),
        module_defaults={"group/ipsec.windows.ipsec": {"return_policy": True, "wait_applied": True}},
    )
    assert run.code == 0, run.output
    of_ansible = {"changed", "diff", "warnings", "failed"}
    modules = (
        *("ipsec_policy", *["ipseccmd"] * 4, "ipsec_rule", "ipsec_policy"),
        *("ipsec_store", "ipsec_store", "ipsec_dynamic"),
    )
    returned: dict[str, set[str]] = {}
    service = _documented("ipsec_policy")["service"]["contains"].keys()
    applied = _documented("ipsec_policy")["applied"]["contains"].keys()
    operation = _documented("ipsec_policy")["operations"]["sample"][0].keys()
    for module, result in zip(modules, run.results, strict=True):
        shown = {key for key in result.result if not key.startswith("_ansible")} - of_ansible
        assert shown <= _documented(module).keys()
        returned.setdefault(module, set()).update(result.result)
        if "service" in result.result:
            assert result["service"].keys() == service
            assert not result["changed"] or result["applied"].keys() == applied
            assert all(found.keys() <= operation for found in result.result.get("operations", []))
    for module, keys in returned.items():
        # other tests have several hosts, a write that fails, and a domain
        assert _documented(module).keys() - {"hosts", "operations_count", "server", "domain", "gpos"} <= keys


def test_ansible_doc_shows_modules_and_filters(player):
    for type_, folder in (("module", MODULES), ("filter", MODULES.parent / "filter")):
        names = [path.stem for path in folder.glob("*.yml")]
        output = player.ansible("doc", "--type", type_, "--json", *(f"ipsec.windows.{name}" for name in names))
        found = json.loads(output)
        assert len(found) == len(names)
        for plugin in found.values():
            assert plugin["doc"]["short_description"]
            assert plugin["examples"]
            assert plugin["return"]


def test_ansible_doc_lists_only_modules_for_playbooks(player):
    listed = json.loads(player.ansible("doc", "--type", "module", "--list", "--json", "ipsec.windows"))
    assert listed.keys() == {f"ipsec.windows.{path.stem}" for path in MODULES.glob("*.yml")}
    assert not any("host" in name for name in listed)


@pytest.fixture
def two_hosts(farm, host):
    return [host, next(farm.fresh)]


def test_several_hosts_at_the_same_time_share_nothing(farm, two_hosts, tmp_path):
    block = {"name": "r", "filters": ["0+{{ '192.0.2.1' if inventory_hostname == one else '192.0.2.2' }}"]}
    one, two = two_hosts
    player = Player(farm, tmp_path)
    run = player.play(two_hosts, policy_task(name="P", rules=[block]), vars={"one": one.name})
    assert run.code == 0, run.output
    assert [str(h.policies()[0].rules[0].filters[0].destination.value) for h in (one, two)] == [
        str(int.from_bytes(bytes([192, 0, 2, n]), "big")) for n in (1, 2)
    ]
