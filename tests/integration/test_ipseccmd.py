# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Command lines, batch files and single rules in playbooks."""

from __future__ import annotations

import json

import pytest
from integration.playbook import facts_task, policy_task

pytestmark = pytest.mark.judge_with("powershell")

SCRIPT = """\
@echo off
rem Schlie\u00dft Ports
set POLICY=Ports zu
echo closing
ipseccmd -w REG -p "%POLICY%" -o >nul 2>&1
for %%p in (135 139 445) do (
  ipseccmd -w REG -p "%POLICY%" -r "Block TCP %%p" ^
    -f *+0:%%p:TCP -n BLOCK >nul
)
ipseccmd -w REG -p "%POLICY%" -x
"""


def command_task(command=None, **options):
    given = {"command": command} if command else {}
    return {"name": "command", "ipsec.windows.ipseccmd": {**given, **options}}


def rule_task(**options):
    return {"name": "rule", "ipsec.windows.ipsec_rule": options}


def done(host):
    """The requests to a host, in order."""
    return [event[3] for event in host.events("executed") if event[2] == "ipsec_host"]


def test_the_example_of_the_manual(host, player):
    line = 'ipseccmd -f 0+* -a p:"localauth" -w reg -p "Me to Anyone" -r "Secure My Traffic" -x'
    # it secures all traffic, that of the controller as well
    run = player.play(host, command_task(line, lockout_check="warn"))
    assert run.code == 0, run.output
    assert any("cuts the connection" in warning for warning in run[0]["warnings"])
    (seen,) = host.policies()
    (rule,) = seen.rules
    assert (seen.name, seen.poll_interval, rule.name, rule.action) == (
        "Me to Anyone",
        180 * 60,
        "Secure My Traffic",
        "negotiate",
    )
    assert rule.authentication == (("preshared key", "localauth"),)
    assert host.enforced.in_force.policy == seen


def test_all_commands_of_a_task_are_one_plan(host, player):
    lines = [f'ipseccmd -w REG -p Ports -r "TCP {port}" -f *+0:{port}:TCP -n BLOCK' for port in (135, 139, 445)]
    task = command_task(commands=[*lines, "ipseccmd -w REG -p Ports -x"])
    predicted = player.play(host, task, options=("--check", "--diff"))[0]
    assert host.store() == {}
    run = player.play(host, task, task, options=("--diff",))
    assert [result["changed"] for result in run.results] == [True, False]
    assert done(host) == ["read", "read", "apply", "read"]
    assert predicted["diff"] == run[0]["diff"]
    assert run[0]["host"] == host.name
    (policy,) = run[1]["policies"]
    assert [rule["name"] for rule in policy["rules"]] == ["TCP 135", "TCP 139", "TCP 445"]
    assert policy["assigned"]


def test_a_script_runs_unchanged(farm, player):
    encodings = {next(farm.fresh): encoding for encoding in ("cp1252", "utf-16", "utf-8")}
    for host, encoding in encodings.items():
        folder = player.folder / "files" / host.name
        folder.mkdir(parents=True)
        (folder / "close.cmd").write_bytes(SCRIPT.replace("\n", "\r\n").encode(encoding))
    # the others are recognized
    given = {host.name: encoding for host, encoding in encodings.items() if encoding == "cp1252"}
    script = "{{ inventory_hostname }}/close.cmd"
    task = command_task(script=script, encoding="{{ given[inventory_hostname] | default(omit) }}")
    run = player.play(list(encodings), task, task, vars={"given": given})
    assert run.code == 0, run.output
    for host in encodings:
        first, second = (result for result in run.results if result.host == host.name)
        assert [first["changed"], second["changed"]] == [True, False]
        assert (first["left_alone"], first["left_out"]) == ([4], [])
        assert done(host) == ["read", "apply", "read"]
        (seen,) = host.policies()
        assert (seen.name, [rule.action for rule in seen.rules]) == ("Ports zu", ["block"] * 3)


def test_a_script_in_a_vault(host, player):
    (player.folder / "secret.txt").write_text("word")
    script = player.folder / "script.cmd"
    script.write_text("ipseccmd -w reg -p P -r R -f 0+192.0.2.1 -a p:hidden\n")
    player.ansible("vault", "encrypt", "--vault-password-file", "secret.txt", "script.cmd")
    assert script.read_text().startswith("$ANSIBLE_VAULT")
    run = player.play(
        host, command_task(script=str(script)), options=("--vault-password-file", str(player.folder / "secret.txt"))
    )
    assert run[0]["changed"], run.output
    assert host.policies()[0].rules[0].authentication == (("preshared key", "hidden"),)


def test_ignored_commands_of_a_script_are_listed(host, player):
    script = player.folder / "script.cmd"
    script.write_text(
        "if exist x ipseccmd -w reg -p P -y\nipseccmd -w reg -p P -r R -f 0+192.0.2.1 -n block\nipseccmd show all\n"
    )
    run = player.play(host, command_task(script=str(script)), ignore_errors=True)
    assert run[0].status == "failed"
    assert "line 1, column 12" in run[0]["msg"]
    assert done(host) == []
    run = player.play(host, command_task(script=str(script), unsupported="ignore"))
    assert run[0]["changed"]
    assert [left["line"] for left in run[0]["left_out"]] == [1, 3]
    assert len(host.policies()) == 1


CALLED = """\
@echo off
net session >nul 2>&1
if %errorlevel% neq 0 (
  echo Run this as an administrator.
  pause
  exit /b 1
)
cd /d "%~dp0"
for /f "tokens=1,2 delims=," %%i in (Ports.csv) do (
  ipseccmd -w REG -p %1 -r "%%j" -f %ADMINS%+0:%%i:TCP -n BLOCK >nul
)
ipseccmd -w REG -p %1 -x
"""


def test_a_script_gets_arguments_variables_and_files_beside_it(host, player):
    script = player.folder / "called.cmd"
    script.write_text(CALLED)
    (player.folder / "ports.csv").write_bytes("445,SMB\r\n135,Schließen\r\n".encode("cp850"))
    task = command_task(
        script=str(script),
        encoding="cp850",
        arguments=["Closed ports"],
        variables={"Admins": "10.*.*.*"},
        unsupported="ignore",
    )
    run = player.play(host, task, task)
    assert [result["changed"] for result in run.results] == [True, False], run.output
    (policy,) = host.policies()
    assert (policy.name, {rule.name for rule in policy.rules}) == ("Closed ports", {"SMB", "Schließen"})
    assert [left["line"] for left in run[0]["left_out"]] == [6]


def test_a_list_in_a_vault_beside_a_script_has_keys_that_no_output_shows(host, player):
    script = player.folder / "script.cmd"
    script.write_text(
        "for /f %%k in (keys.txt) do ipseccmd -w reg -p P -r R -f 0+192.0.2.1 -a p:%%k\n"
        "ipseccmd -w reg -p P -r S -f 0+192.0.2.2 -a p:%K% p:%1\n"
    )
    (player.folder / "secret.txt").write_text("word")
    (player.folder / "keys.txt").write_text("s3cretlist\n")
    player.ansible("vault", "encrypt", "--vault-password-file", "secret.txt", "keys.txt")
    assert (player.folder / "keys.txt").read_text().startswith("$ANSIBLE_VAULT")
    given = {"script": str(script), "arguments": ["{{ 's3cret' ~ 'argument' }}"], "variables": {"K": "s3cretvariable"}}
    run = player.play(
        host,
        {**command_task(**{**given, "variables": {}}), "ignore_errors": True},
        command_task(**given),
        options=("--vault-password-file", str(player.folder / "secret.txt"), "-vvv"),
    )
    assert run[0].status == "failed"
    assert "the option variables gives it" in run[0]["msg"]
    assert run[1]["changed"], run.output
    keys = {key for rule in host.policies()[0].rules for _kind, key in rule.authentication}
    assert keys == {"s3cretlist", "s3cretvariable", "s3cretargument"}
    assert "s3cretlist" not in run.output
    assert "s3cret" not in json.dumps([run[0]["msg"], run[1]["left_out"]])


NO_COMMANDS = [
    ("echo a\n", {}, "the text has no ipseccmd commands"),
    (
        "ipseccmd -w reg -p %1 -y\n",
        {"unsupported": "ignore"},
        "no ipseccmd command of the script is left; left out: line 1",
    ),
]


def test_a_script_without_commands_is_refused(host, player):
    tasks = []
    for index, (text, options, _words) in enumerate(NO_COMMANDS):
        script = player.folder / f"script{index}.cmd"
        script.write_text(text)
        tasks.append({**command_task(script=str(script), **options), "ignore_errors": True})
    run = player.play(host, *tasks)
    for result, (_text, _options, words) in zip(run.results, NO_COMMANDS, strict=True):
        assert result.status == "failed"
        assert words in result["msg"]
    assert done(host) == []


REFUSED = [
    ({"command": "ipseccmd -f 0+* -n block"}, "block belongs to static mode; in dynamic mode, put each"),
    ({"command": "ipseccmd show"}, "line 1, column 14: show needs what to show"),
    ({"command": "ipseccmd show all", "output": "words"}, "value of output must be one of: facts, text"),
    ({"command": "ipseccmd -f default"}, "current Windows has the default response rule only in stored policies"),
    (
        {"commands": ["ipseccmd -w reg -p P -y", "ipseccmd -f 0+* -w ds -p P -r R"]},
        "commands[1]: line 1, column 1: this changes the policies of a domain, and an earlier command changes a host",
    ),
    ({"command": "ipseccmd -w reg -p P -r R -f 0+* -n blok"}, "line 1, column 37: "),
    ({"commands": ["ipseccmd -w reg -p P -y", "ipseccmd -w reg"]}, "commands[1]: line 1, column 16: -p is required"),
    ({"command": r"ipseccmd \\nowhere -w reg -p P -y"}, "'nowhere' is not in the inventory, neither by its name"),
    ({"command": "ipseccmd -w reg:win -p P -y"}, "a WinRM logon cannot be used to connect to a third machine"),
    ({"command": "ipseccmd -u", "commands": []}, "give exactly one of command, commands and script"),
    ({"commands": "ipseccmd -w reg -p P -r R -n esp[3des,sha] x"}, "commands[0]: line 1, column 44: "),
    ({"commands": ["-w reg -p P -y", ["-w reg"]]}, "commands[1]: expected a command line, not a list"),
    ({"command": {"a": "b"}}, "command: expected a command line, not a dictionary"),
    ({"command": "-w reg -p P -y\n-w reg -p Q -y\nipseccmd -u"}, "line 3, column 1: a second command begins here"),
    ({"service": "started"}, "give exactly one of command, commands and script"),
    ({"command": "ipseccmd -u", "arguments": ["a"]}, "arguments is for a script"),
    ({"script": "/dev/null", "arguments": "a b"}, "arguments: expected a list of texts, not text"),
    ({"script": "missing.cmd"}, "'missing.cmd' cannot be read"),
    ({"script": "/dev/null", "encoding": "klingon"}, "klingon"),
]
RULES_REFUSED = [
    ({"name": "R"}, "policy: this is required"),
    ({"policy": "P"}, "a rule needs a name or an id"),
    ({"policy": " ", "name": "R"}, "policy: the policy needs a name"),
    ({"policy": "P", "name": "R", "fitlers": []}, "did you mean 'filters'?"),
    (
        {"policy": "P", "name": "R", "psk": "s3cret"},
        "'psk' here; write authentication: [{preshared_key: …}]; the options",
    ),
    ({"policy": "P", "name": "R", "rules": []}, "rules is an option of ipsec_policy, for the whole policy"),
    ({"policy": "P", "name": "R", "filters": ["0+*:80"]}, "filters[0]: "),
    ({"policy": "P", "name": "R", "action": "blok"}, "action: 'blok' is not an action"),
]


def test_refused_tasks_change_nothing(host, player):
    tasks = [command_task(**options) for options, _words in REFUSED] + [
        rule_task(**options) for options, _words in RULES_REFUSED
    ]
    run = player.play(host, *[{**task, "ignore_errors": True} for task in tasks])
    assert len(run.results) == len(tasks), run.output
    for result, (_options, words) in zip(run.results, [*REFUSED, *RULES_REFUSED], strict=True):
        assert (result.status, result["changed"]) == ("failed", False)
        assert words in result["msg"]
    assert "Traceback" not in run.output
    assert "remote_src" not in run.output
    assert done(host) == []


def test_help_shows_the_syntax_and_changes_nothing(host, player):
    run = player.play(host, *[command_task(f"ipseccmd {option}") for option in ("/?", "-?", "-w reg /?")])
    for result in run.results:
        assert result["msg"].startswith("Dynamic mode: ")
        assert result["changed"] is False
    assert "ipseccmd -u" in run.output
    assert done(host) == []


def test_a_missing_policy_cannot_be_assigned(host, player):
    run = player.play(host, command_task("ipseccmd -w reg -p P -x"), command_task("ipseccmd -w reg -p P -o"))
    assert (run[0].status, run[0]["changed"]) == ("failed", False)
    assert "the policy 'P' does not exist, so it cannot be assigned" in run[0]["msg"]
    assert player.play(host, command_task("ipseccmd -w reg -p P -o"))[0]["changed"] is False
    assert host.store() == {}


@pytest.fixture
def other(farm):
    return next(farm.fresh)


def _address(player, host):
    inventory = json.loads(player.inventory.read_text())
    return next(
        group["hosts"][host.name]["ansible_host"]
        for group in _groups(inventory)
        if host.name in group.get("hosts", {}) and group["hosts"][host.name]
    )


def _groups(tree):
    for group in tree.values():
        yield group
        yield from _groups(group.get("children", {}))


@pytest.mark.psrp("python")
def test_another_computer_of_the_inventory(host, other, player):
    spellings = ("\\\\{0} -w reg", "-w reg:{0}", "-w REG:{1}", "\\\\{1} -w reg:{1}")
    where = [spelling.format(other.name.upper(), _address(player, other)) for spelling in spellings]
    run = player.play(host, *[command_task(f"ipseccmd {w} -p P -r R -f 0+192.0.2.1 -n block") for w in where])
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, False, False, False]
    assert {result["host"] for result in run.results} == {other.name}
    assert (done(host), host.store()) == ([], {})
    assert other.policies()[0].name == "P"


def test_a_command_line_can_name_its_own_host(host, player):
    run = player.play(host, command_task(rf"ipseccmd \\{host.name} -w reg:{host.name} -p P -r R -f 0+192.0.2.1"))
    assert run[0]["changed"], run.output
    assert host.policies()[0].name == "P"


def test_a_loop_over_computers(host, other, player):
    script = player.folder / "script.cmd"
    script.write_text(
        f"for %%h in ({host.name} {other.name}) do ipseccmd \\\\%%h -w reg -p P -r R -f 0+192.0.2.1 -n block\n"
    )
    run = player.play(host, command_task(script=str(script)), options=("--diff",))
    assert run.code == 0, run.output
    assert run[0]["changed"]
    assert [(result["host"], result["changed"]) for result in run[0]["hosts"]] == [
        (host.name, True),
        (other.name, True),
    ]
    assert [policy.name for seen in (host, other) for policy in seen.policies()] == ["P", "P"]


GHOST = {"ansible_connection": "winrm", "ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_user": "u"}


def _inventory(player, hosts):
    path = player.folder / "more.json"
    path.write_text(json.dumps({"all": {"hosts": hosts}}))
    return ("-i", str(path))


def test_an_unreachable_computer_is_unreachable(host, player):
    options = _inventory(player, {"ghost": {**GHOST, "ansible_password": "p"}})
    run = player.play(host, command_task(r"ipseccmd \\GHOST -w reg -p P -y"), options=options)
    assert run[0].status == "unreachable", run.output
    assert "the computer ghost: " in run[0]["msg"]
    assert "Traceback" not in run.output
    assert done(host) == []


@pytest.mark.parametrize("where", ["play", "task"])
def test_a_computer_gets_the_variables_of_the_play_and_of_the_task(host, other, player, where):
    password = json.loads(player.inventory.read_text())["windows"]["vars"]["ansible_password"]
    guest = {"ansible_connection": "winrm", "ansible_host": _address(player, other), "ansible_user": "vagrant"}
    guest |= {"ansible_port": 5985, "ansible_winrm_transport": "basic", "ansible_password": "{{ secret }}"}
    task = command_task(r"ipseccmd \\guest -w reg -p P -r R -f 0+192.0.2.1 -n block")
    given = {"vars": {"secret": password}}
    options = _inventory(player, {"guest": guest})
    if where == "task":
        run = player.play(host, {**task, **given}, options=options)
    else:
        run = player.play(host, task, options=options, **given)
    assert run[0]["changed"], run.output
    assert [policy.name for policy in other.policies()] == ["P"]


def test_other_hosts_without_an_address_do_not_matter(host, other, player):
    options = _inventory(player, {"riddle": {"ansible_host": "{{ answer }}"}, "bare": {}})
    lines = [rf"ipseccmd \\{computer} -w reg -p P -y" for computer in (_address(player, other), "none")]
    run = player.play(host, *map(command_task, lines), options=options, ignore_errors=True)
    assert run[0]["host"] == other.name, run.output
    assert "the computer 'none' is not in the inventory" in run[1]["msg"]


FAIL_LATER = {
    r"\\{other} -w reg -p Missing -x": "the policy 'Missing' does not exist, so it cannot be assigned",
    r"\\ghost -w reg -p P -y": "Connection refused",
    r"\\pipe -w reg -p P -y": "pipe is not connected as a Windows host",
    r"\\riddle -w reg -p P -y": "'answer' is undefined",
}


def test_a_failure_reports_what_was_done_on_other_computers(farm, other, player):
    others = {
        "ghost": {**GHOST, "ansible_password": "p"},
        "pipe": {"ansible_connection": "local"},
        "riddle": {**GHOST, "ansible_password": "{{ answer }}"},
    }
    hosts = {next(farm.fresh): line for line in FAIL_LATER}
    first = "ipseccmd -w reg -p P -r R -f 0+192.0.2.1 -n block"
    lines = {host.name: line.format(other=other.name) for host, line in hosts.items()}
    task = command_task(commands=[first, "{{ lines[inventory_hostname] }}"])
    run = player.play(list(hosts), task, options=(*_inventory(player, others), "--diff"), vars={"lines": lines})
    results = {result.host: result for result in run.results}
    for host, line in hosts.items():
        result = results[host.name]
        assert (result.status, result["changed"]) == ("failed", True), run.output
        assert FAIL_LATER[line] in result["msg"]
        assert f"(the commands for {host.name} were done before: see hosts)" in result["msg"]
        done, failed = result["hosts"]
        assert (done["host"], done["changed"], done["policies"][0]["name"]) == (host.name, True, "P")
        assert (failed["changed"], failed["failed"]) == (False, True)
        assert [policy.name for policy in host.policies()] == ["P"]
    assert "Traceback" not in run.output


def test_a_lost_answer_of_another_computer_counts_as_a_change(host, other, player):
    other.faults.add("cut before apply")
    command = "-w reg -p P -r R -f 0+192.0.2.1 -n block"
    lines = [f"ipseccmd {command}", rf"ipseccmd \\{other.name} {command}"]
    run = player.play(host, command_task(commands=lines))
    (first, second) = run[0]["hosts"]
    assert (first["changed"], second["changed"]) == (True, True), run.output
    assert f"{other.name} gave no answer while its policy store was written" in second["msg"]
    other.faults.clear()
    assert not player.play(host, command_task(commands=lines[:1]))[0]["changed"]


def test_one_rule_at_a_time(host, player):
    first = rule_task(policy="P", name="R", filters=["0+192.0.2.1"], action="block", assigned=True)
    second = rule_task(policy="p", name="r", action="permit")
    gone = rule_task(policy="P", name="R", state="absent")
    predicted = [player.play(host, first, options=("--check", "--diff"))[0]]
    run = player.play(host, first, first, second, second, gone, gone, facts_task(), options=("--diff",))
    assert [result["changed"] for result in run.results[:6]] == [True, False] * 3
    assert predicted[0]["diff"] == run[0]["diff"]
    assert run[2]["policy"]["rules"][0]["action"] == "permit"
    assert run[5]["policy"]["rules"] == []
    assert done(host) == ["read", "read", "apply", "read", "read", "apply", "read", "read", "apply", "read", "read"]
    assert run[6]["ansible_facts"]["ansible_ipsec"]["orphans"] == []


def test_other_rules_stay_unchanged(host, player):
    rules = [{"name": name, "filters": ["0+192.0.2.1"], "action": "block"} for name in "AB"]
    add = rule_task(policy="P", name="C", filters=["0+192.0.2.2"], enabled=False)
    run = player.play(host, policy_task(name="P", rules=rules), add)
    assert run[1]["changed"], run.output
    assert [rule["name"] for rule in run[1]["policy"]["rules"]] == ["A", "B", "C"]
    id_ = run[1]["policy"]["rules"][0]["id"]
    run = player.play(host, rule_task(policy="P", id=id_, name="Z"), rule_task(policy="P", id=id_, state="absent"))
    assert [rule["name"] for rule in run[0]["policy"]["rules"]] == ["Z", "B", "C"]
    assert [rule["name"] for rule in run[1]["policy"]["rules"]] == ["B", "C"]


def test_a_script_is_converted_to_tasks(host, player):
    (player.folder / "close.cmd").write_bytes(SCRIPT.encode("cp1252"))
    task = {
        "name": "policy",
        "ipsec.windows.ipsec_policy": {"policy": "{{ item }}"},
        "loop": "{{ lookup('ansible.builtin.file', 'close.cmd') | ipsec.windows.from_ipseccmd(encoding='cp1252') }}",
        "loop_control": {"label": "{{ item.name }}"},
    }
    show = {"name": "lines", "ansible.builtin.debug": {"msg": "{{ policies | ipsec.windows.to_ipseccmd }}"}}
    policies = "{{ ansible_facts.ipsec.policies }}"
    run = player.play(
        host, task, command_task(script="close.cmd", encoding="cp1252"), facts_task(), show, vars={"policies": policies}
    )
    assert run.code == 0, run.output
    assert run[0]["results"][0]["changed"]
    assert run[1]["changed"] is False
    last = 'ipseccmd -f *+0:445:TCP -n block -w reg -p "Ports zu" -r "Block TCP 445" -x'
    assert run[3]["msg"].splitlines()[-1] == last


def test_an_error_in_a_filter_has_no_traceback(host, player):
    text = "{{ 'ipseccmd -w reg -p P -r R -f 0+*:80' | ipsec.windows.from_ipseccmd }}"
    run = player.play(host, {"name": "m", "ansible.builtin.debug": {"msg": text}})
    assert run[0].status == "failed"
    assert "line 1, column" in run[0]["msg"]
    assert "Traceback" not in run.output
