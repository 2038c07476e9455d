# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A policy of one host is handed over to another as docs/handing-over.md shows."""

from __future__ import annotations

import json
import re

import pytest
from integration.playbook import CHECKOUT, facts_task, policy_task

pytestmark = pytest.mark.judge_with("powershell")
BOTH = pytest.mark.judge_with

PAGE = CHECKOUT / "docs" / "handing-over.md"
KEYS = {"vaulted_partner_key": "s3cret-partners", "vaulted_key": "s3cret-others"}
RULES = [
    {"name": "Partners", "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": "s3cret-partners"}]},
    {
        "name": "Branches",
        "filters": ["0+192.0.2.2"],
        "authentication": ["kerberos", {"preshared_key": "s3cret-others"}],
    },
    {"name": "Telnet", "filters": ["*+0:23:TCP"], "action": "block"},
]
POLICY = policy_task(name="Server isolation", assigned=True, rules=RULES, main_mode="strongest")


@pytest.fixture
def other(farm):
    return next(farm.fresh)


def test_the_playbook_of_the_page(host, other, player):
    texts = re.findall(r"( *)```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    playbook, assignment = (player.folder / name for name in ("hand-over.yml", "assign.yml"))
    for path, (margin, text) in zip((playbook, assignment), texts, strict=True):
        text = text.replace("old-server", host.name).replace("new-server", other.name)
        path.write_text(text.replace(f"\n{margin}", "\n").removeprefix(margin))
    keys = player.folder / "keys.json"
    keys.write_text(json.dumps(KEYS))
    assert player.play(host, POLICY).code == 0
    checked = player.run(playbook, "--extra-vars", f"@{keys}", "--check", "--diff")
    assert (checked.code, other.store()) == (0, {}), checked.output
    assert "- preshared key" in checked.output
    run, again = (player.run(playbook, "--extra-vars", f"@{keys}", "--diff") for _time in range(2))
    assert (run.code, again.code) == (0, 0), run.output + again.output
    assert [[task["changed"] for task in done.results[1:]] for done in (run, again)] == [[True, False], [False, False]]
    assert other.enforced.in_force is None
    assert "s3cret" not in checked.output + run.output
    assert player.run(assignment)[0]["changed"]
    (before,), (after,) = host.policies(), other.policies()
    assert {rule.name: rule.authentication for rule in after.rules} == {
        rule.name: rule.authentication for rule in before.rules
    }
    assert after.main_mode == before.main_mode
    assert other.enforced.in_force.policy.name == "Server isolation"


@BOTH
def test_the_policy_of_facts_says_whether_it_is_assigned(host, other, player):
    given = f"{{{{ hostvars['{host.name}'].ansible_facts.ipsec.policies | first }}}}"
    copy = policy_task(policy=given, preshared_keys={"*": "s3cret"}, return_policy=True)
    idle = policy_task(policy=given, preshared_keys={"*": "s3cret"}, return_policy=True, assigned=False)
    assert player.play(host, POLICY, facts_task()).code == 0
    plays = [
        {"hosts": host.name, "gather_facts": False, "tasks": [facts_task()]},
        {"hosts": other.name, "gather_facts": False, "tasks": [idle, idle, copy, copy, idle]},
    ]
    run = player.run(plays)
    assert run.code == 0, run.output
    assert [result["policy"]["assigned"] for result in run.results[1:]] == [False, False, True, True, False]
    assert [result["changed"] for result in run.results[1:]] == [True, False, True, False, True]
    assert other.enforced.in_force is None


def test_keys_of_the_wrong_rules_change_nothing(host, player):
    rules = [{**RULES[0], "authentication": [{"preshared_key": None}]}, RULES[2]]
    run = player.play(
        host,
        *(
            {**policy_task(name="P", rules=rules, preshared_keys=keys), "ignore_errors": True}
            for keys in ({"Partner": "s3cret"}, {"Telnet": "s3cret"}, {"Partners": 1})
        ),
    )
    assert [result["msg"].partition(";")[0] for result in run.results] == [
        "preshared_keys: entry 1 is not for a rule of this task",
        "preshared_keys.Telnet: the rule has no pre-shared key",
        "preshared_keys.Partners: a key must be text, not a number",
    ]
    assert host.store() == {}
    assert host.events("executed") == []
