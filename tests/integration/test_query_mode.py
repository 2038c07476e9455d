# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Query mode of ipseccmd: what a host has in force, as facts and as a text."""

from __future__ import annotations

import json

import pytest
from integration.playbook import policy_task

pytestmark = pytest.mark.judge_with("powershell")

PARTS = {"filters", "policies", "auth", "stats", "sas"}
POLICY = policy_task(
    name="Isolation",
    assigned=True,
    rules=[
        {"name": "Controllers", "filters": ["127.*.*.*+0"], "action": "permit"},
        {"name": "Close SMB", "filters": ["*+0:445:TCP"], "action": "block"},
        {
            "name": "SQL",
            "filters": ["0+192.0.2.10:1433:TCP"],
            "authentication": [{"preshared_key": "s3cretkey"}, "kerberos"],
        },
    ],
)


def show_task(command=None, **options):
    given = {"command": command} if command else {}
    return {"name": "show", "ipsec.windows.ipseccmd": {**given, **options}}


def prepare(player, hosts):
    run = player.play(hosts, POLICY)
    assert run.code == 0, run.output


def parts(tree):
    """The parts of the facts that somebody asked for."""
    return tree["running"].keys() - {"addresses", "missing"}


@pytest.fixture
def other(farm):
    return next(farm.fresh)


@pytest.fixture
def server1(player, other):
    """Options for an inventory in which another host is Server1."""
    inventory = json.loads(player.inventory.read_text())
    variables = inventory["windows"]
    path = player.folder / "more.json"
    path.write_text(
        json.dumps({"more": {"hosts": {"Server1": variables["hosts"][other.name]}, "vars": variables["vars"]}})
    )
    return ("-i", str(path))


def done(host):
    """The requests to a host, in order."""
    return [event[3] for event in host.events("executed") if event[2] == "ipsec_host"]


def test_the_examples_of_the_manual(host, other, player, server1):
    prepare(player, [host, other])
    lines = ["ipseccmd show filters policies", r"ipseccmd \\Server1 show all"]
    run = player.play(host, *map(show_task, lines), options=server1)
    assert run.code == 0, run.output
    assert [result["host"] for result in run.results] == [host.name, "Server1"]
    local, remote = (result["ipsec"] for result in run.results)
    assert (parts(local), parts(remote)) == ({"filters", "policies"}, PARTS)
    for tree in (local, remote):
        assert tree["in_force"]["name"] == "Isolation"
        names = {found["rule"]["name"] for found in tree["running"]["filters"]["quick_mode"]}
        assert names == {"Controllers", "Close SMB", "SQL"}
        assert tree["running"]["policies"]["main_mode"][0]["policy"] == "Isolation"


def test_nothing_changes(host, player):
    prepare(player, host)
    before = (host.store(), len(done(host)))
    tasks = [show_task("ipseccmd show all", output=output) for output in ("facts", "text")]
    run = player.play(host, *tasks, *[{**task, "check_mode": True} for task in tasks])
    assert [result["changed"] for result in run.results] == [False] * 4, run.output
    assert run[0]["ipsec"]["running"].keys() == run[2]["ipsec"]["running"].keys()
    assert (host.store(), done(host)[before[1] :]) == (before[0], ["read"] * 4)


def test_each_word_shows_its_part(host, player):
    prepare(player, host)
    tasks = [show_task(f"ipseccmd show {part}") for part in PARTS]
    facts = {"ipsec.windows.ipsec_facts": {"gather_subset": "{{ [item] }}"}, "loop": sorted(PARTS)}
    # without earlier facts, ansible-core changes the facts of the first item when it takes over the others
    run = player.play(host, *tasks, {"ipsec.windows.ipsec_facts": {}}, facts)
    assert run.code == 0, run.output
    seen = {}
    for part, result in zip(PARTS, run.results, strict=False):
        missing = {item["part"] for item in result["ipsec"]["running"]["missing"]}
        assert {part} == parts(result["ipsec"]) | missing
        seen[part] = result["ipsec"]
    gathered = {item["item"]: item["ansible_facts"]["ansible_ipsec"] for item in run.results[-1]["results"]}
    assert {part: found["running"].keys() for part, found in gathered.items()} == {
        part: found["running"].keys() for part, found in seen.items()
    }


def test_several_lines_are_one_question_for_each_computer(host, other, player):
    lines = ["show stats", rf"\\{other.name} show sas", "show sas stats"]
    run = player.play(host, show_task(commands=lines))
    assert run.code == 0, run.output
    assert [(result["host"], parts(result["ipsec"])) for result in run[0]["hosts"]] == [
        (host.name, {"sas", "stats"}),
        (other.name, {"sas"}),
    ]
    assert (done(host), done(other)) == (["read"], ["read"])


def test_several_computers(host, other, player):
    script = player.folder / "show.cmd"
    script.write_text(f"for %%h in ({host.name} {other.name}) do ipseccmd \\\\%%h show filters >nul\n")
    run = player.play(host, show_task(script=str(script), output="text"))
    assert run.code == 0, run.output
    assert [result["host"] for result in run[0]["hosts"]] == [host.name, other.name]
    assert all("Quick Mode Filters: 0" in result["text"] for result in run[0]["hosts"])


def test_the_text_comes_with_the_facts(host, player):
    prepare(player, host)
    run = player.play(host, show_task("ipseccmd show all", output="text"))
    assert run.code == 0, run.output
    lines = run[0]["text"]
    for heading in ("Main Mode Policies: 1", "Main Mode Authentication Methods: ", "Quick Mode SAs: 0"):
        assert any(line.startswith(heading) for line in lines), lines
    assert any(line.endswith(": Close SMB") for line in lines)
    assert run[0]["ipsec"]["running"]["policies"]["main_mode"][0]["policy"] == run[0]["ipsec"]["in_force"]["name"]


def test_no_key_is_shown(host, player):
    prepare(player, host)
    tasks = [show_task("ipseccmd show all", output=output) for output in ("facts", "text")]
    run = player.play(host, *tasks, options=("-vvv",))
    assert run.code == 0, run.output
    (sql,) = (item for item in run[0]["ipsec"]["running"]["auth"]["methods"] if item["rule"] == "SQL")
    assert sql["authentication"][0] == {"preshared_key": None, "present": True}
    assert "s3cretkey" not in run.output


def test_query_mode_beside_a_change_is_refused(host, player):
    lines = ["ipseccmd -f [0+203.0.113.7]", "ipseccmd show filters"]
    script = player.folder / "script.cmd"
    script.write_text("\n".join(lines))
    run = player.play(host, show_task(commands=lines), show_task(script=str(script)), ignore_errors=True)
    places = ["commands[1]: line 1, column 1", "line 2, column 1"]
    for result, place in zip(run.results, places, strict=True):
        assert result.status == "failed"
        assert (
            f"{place}: query mode (show) changes nothing: run it with the module ipseccmd, in a task" in result["msg"]
        )
    assert done(host) == []
    run = player.play(host, show_task(script=str(script), unsupported="ignore"))
    assert (run[0]["changed"], [left["line"] for left in run[0]["left_out"]]) == (True, [2])


def test_a_user_who_is_not_an_administrator(host, player):
    host.set(administrator=False)
    run = player.play(host, show_task("ipseccmd show all"), show_task("ipseccmd show sas", output="text"))
    assert run.code == 0, run.output
    missing = run[0]["ipsec"]["running"]["missing"]
    assert {item["part"] for item in missing} >= {"filters", "stats", "sas"}
    assert {item["reason"] for item in missing} == {"access_denied"}
    assert "  Not available: access is denied" in "\n".join(run[1]["text"])


def test_what_an_old_windows_does_not_have_is_missing(host, player):
    host.set_version("Windows 2000 Server", 5, 0, 2195)
    host.set(queries=dict.fromkeys(("filters", "sas", "counters", "rsop"), "missing"))
    run = player.play(host, show_task("ipseccmd show all"), show_task("ipseccmd show sas", output="text"))
    assert run.code == 0, run.output
    assert {item["part"] for item in run[0]["ipsec"]["running"]["missing"]} >= {"filters", "stats", "sas"}
    assert run[0]["ipsec"]["running"]["stats"] == {"source": "performance counters"}
    assert "Quick Mode SAs\n--------------\n  Not available: " in "\n".join(run[1]["text"])
