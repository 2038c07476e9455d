# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A pre-shared key never appears in output, diffs, logs, files or the arguments of a process, in any form."""

from __future__ import annotations

import json
import pathlib
import re
import tempfile

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from integration.key_search import (
    KEY,
    MARK,
    NEW_KEY,
    NEW_PLAIN_KEY,
    PLAIN_KEY,
    Processes,
    everything_kept,
    shows,
    where,
)
from integration.playbook import CORE, facts_task, policy_task
from winhost.policy import read_policy

PASSWORD = "password"
VAULT = VaultLib([("default", VaultSecret(PASSWORD.encode()))])
CONTROLLER = pytest.mark.parametrize("farm", ["python"], indirect=True)
"""For tests in which the host does not matter."""
OLD_CORE = CORE < (2, 19)
"""Whether Ansible logs and shows more, as docs/secrets.md tells."""
VERBOSE = ("--diff", "-vvvvvv")
SCRIPT = f'set "KEY={KEY}"\nipseccmd -w reg -p Script -r R -f 0+192.0.2.10 -a k p:"%KEY%"\n'


def _rule(key, **options):
    return {"name": "R", "filters": ["0+192.0.2.10"], "authentication": [{"preshared_key": key}], **options}


def _policy(key, **options):
    return policy_task(name="Secret", rules=[_rule(key)], **options)


def _handed_over(keys):
    """The policy of facts, with keys for its rules."""
    return policy_task(policy="{{ ansible_facts.ipsec.policies | first }}", preshared_keys=keys)


def _line(key, name="Line"):
    return f'ipseccmd -w reg -p {name} -r R -f 0+192.0.2.10 -a k p:"{key}"'


def _netsh(key, policy="Netsh"):
    add = "netsh ipsec static add"
    return (
        f"{add} policy name={policy}\n{add} filterlist name=F\n"
        f"{add} filter filterlist=F srcaddr=me dstaddr=192.0.2.10\n"
        f"{add} filteraction name=A action=negotiate\n"
        f'{add} rule name=R policy={policy} filterlist=F filteraction=A psk="{key}"'
    )


def _dynamic(key, **options):
    return {
        "name": "dynamic",
        "ipsec.windows.ipsec_dynamic": {
            "filters": ["0+192.0.2.10"],
            "authentication": [{"preshared_key": key}],
            **options,
        },
    }


def _dynamic_line(key, address="192.0.2.11"):
    return f'ipseccmd -f 0+{address} -a k p:"{key}"'


def _dynamic_netsh(key, address="192.0.2.12"):
    add = "netsh ipsec dynamic add"
    return (
        f"{add} mmpolicy name=M\n{add} qmpolicy name=Q\n"
        f'{add} rule srcaddr=me dstaddr={address} mmpolicy=M qmpolicy=Q psk="{key}"'
    )


def _every_dynamic_module():
    """A task for each way in which a key of a dynamic rule reaches a host."""
    return [
        _dynamic("{{ plain }}"),
        _dynamic("{{ plain }}"),
        _dynamic("{{ new_plain }}", wait_applied=True),
        {**_dynamic(None, soft=True), "when": "not ansible_check_mode"},
        {"name": "line", "ipsec.windows.ipseccmd": {"command": _dynamic_line("{{ plain }}")}},
        {"name": "netsh", "ipsec.windows.netsh_ipsec": {"commands": _dynamic_netsh("{{ plain }}").splitlines()}},
        {
            "name": "converted",
            "ipsec.windows.ipsec_dynamic": {
                "rules": "{{ line | ipsec.windows.from_ipseccmd(dynamic=true) + "
                "netsh | ipsec.windows.from_netsh(dynamic=true) }}"
            },
            "vars": {
                "line": _dynamic_line("{{ plain }}", "192.0.2.13"),
                "netsh": _dynamic_netsh("{{ plain }}", "192.0.2.14"),
            },
        },
    ]


def _every_module(folder):
    """A task for each way in which a key reaches a host."""
    converted = "{{ line | ipsec.windows.from_ipseccmd | ipsec.windows.to_netsh | ipsec.windows.from_netsh | first }}"
    return [
        _policy("{{ old }}", assigned=True),
        _policy("{{ old }}"),
        _policy("{{ new }}", wait_applied=True, backup=True, backup_options={"dir_path": str(folder / "backup")}),
        facts_task(),
        {**policy_task(policy="{{ ansible_facts.ipsec.policies | first }}"), "when": "not ansible_check_mode"},
        {**_handed_over({"r": "{{ old }}"}), "when": "not ansible_check_mode"},
        {**_handed_over({"*": "{{ new }}"}), "when": "not ansible_check_mode"},
        {"name": "rule", "ipsec.windows.ipsec_rule": {"policy": "Secret", **_rule("{{ old }}")}},
        {"name": "line", "ipsec.windows.ipseccmd": {"command": _line("{{ old }}", "Secret")}, "register": "done"},
        {"name": "lines", "ipsec.windows.ipseccmd": {"commands": [_line("{{ old }}"), "ipseccmd -w reg -p Line -y"]}},
        {"name": "script", "ipsec.windows.ipseccmd": {"script": "script.cmd"}},
        {
            **policy_task(policy="{{ netsh | ipsec.windows.from_netsh | first }}"),
            "vars": {"netsh": _netsh("{{ old }}")},
        },
        {**policy_task(policy=converted), "vars": {"line": _line("{{ old }}", "Converted")}},
        {"name": "netsh", "ipsec.windows.netsh_ipsec": {"commands": _netsh("{{ old }}", "Stored").splitlines()}},
        policy_task(name="Secret", state="absent"),
        *_every_dynamic_module(),
    ]


def _queries():
    """Tasks that ask what is in force."""
    return [
        {"name": "show", "ipsec.windows.ipseccmd": {"command": "ipseccmd show all", "output": output}}
        for output in ("facts", "text")
    ]


def _files_with_keys(host):
    """The files of a host that have keys, besides those that stand for parts of Windows and PowerShell's log."""
    return where(host.folder, host.registry.path, host.event_log, host.dynamic_journal, host.domain.path)


@pytest.fixture
def play_and_search(player, tmp_path, monkeypatch):
    """Runs tasks with everything that Ansible can store and show, and searches all of it for keys.

    The keys are in variables and in a script in a vault.
    """
    for name in ("host-temp", "kept", "work"):
        (tmp_path / name).mkdir()
    player.folder = tmp_path / "work"
    variables, password = tmp_path / "keys.json", tmp_path / "password"
    variables.write_text(
        json.dumps({"old": KEY, "new": NEW_KEY, "plain": PLAIN_KEY, "new_plain": NEW_PLAIN_KEY, "broken": f"{KEY}\0"})
    )
    password.write_text(PASSWORD)
    (player.folder / "script.cmd").write_bytes(VAULT.encrypt(SCRIPT))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "host-temp"))
    kept = {
        **everything_kept(player.folder, tmp_path / "kept"),
        "ANSIBLE_VAULT_PASSWORD_FILE": str(password),
    }

    def play(hosts, *tasks, options=VERBOSE, **environment):
        hosts = hosts if isinstance(hosts, list) else [hosts]
        names = ",".join(host.name for host in hosts)
        playbook = [{"hosts": names, "gather_facts": False, "tasks": list(tasks)}]
        with Processes() as processes:
            run = player.run(playbook, "--extra-vars", f"@{variables}", *options, **kept, **environment)
        assert (player.folder / "log").exists()
        assert any(b"ansible" in line for line in processes.seen)
        assert not processes.show()
        assert not shows(run.output)
        assert not shows(json.dumps([result.result for result in run.results]))
        assert where(tmp_path, variables, player.folder / "backup") == []
        for host in hosts:
            assert _files_with_keys(host) == []
        return run

    return play


def _check_event_log(host):
    """No script block (event 4104) has a key, and of the parameters (4103) only those of Ansible's wrapper."""
    records = re.split(r"^PowerShell: (?=\()", host.event_log.read_text(errors="replace"), flags=re.MULTILINE)
    scripts = [record for record in records if "[ScriptBlock_Compile_Detail:" in record]
    assert any("function Update-Store {" in record for record in scripts)
    assert not any(map(shows, scripts))
    commands = [
        tuple(re.findall(r"\[Pipeline_Detail:.*\] CommandInvocation\((.*?)\)", record))
        for record in records
        if shows(record)
    ]
    logged = ["Set-Variable", "ConvertFrom-Json", "Write-Output"] if OLD_CORE else ["ConvertFrom-Json"]
    assert set(commands) == {(name,) for name in logged}


@pytest.mark.parametrize(
    ("farm", "connection", "options"),
    # lower verbosity does not depend on the engine
    [
        ("python", "winrm", ()),
        ("python", "winrm", ("--check", *VERBOSE)),
        ("python", "winrm", VERBOSE),
        ("python", "psrp", (*VERBOSE, "-vv")),
        pytest.param("powershell", "winrm", VERBOSE, marks=pytest.mark.judge),
    ],
    indirect=["farm", "connection"],
    ids=["python-quiet", "python-check", "python-verbose", "python-psrp", "powershell-verbose"],
)
def test_a_key_is_only_in_the_store(farm, host, player, play_and_search, options):
    host.set(event_log=True)
    run = play_and_search(host, *_every_module(player.folder), *_queries(), options=options)
    if "--check" in options:
        of_policies, dynamic = run.results[:15], run.results[15:]
        assert [result["changed"] for result in of_policies] == [True] * 3 + [False] * 4 + [True] * 7 + [False]
        assert [result["changed"] for result in dynamic] == [True] * 3 + [False] + [True] * 3 + [False] * 2
        assert host.store() == {}
        assert host.dynamic_rules() == ()
        return
    assert [result.status for result in run.results] == ["ok"] * 24, run.output[-3000:]
    changed = [result["changed"] for result in run.results]
    assert changed == [True, False, True, False, False, *[True] * 11, False, *[True] * 5, False, False]
    assert "preshared key (changed)" in run.output or options == ()
    assert run[3]["ansible_facts"]["ansible_ipsec"]["policies"][0]["rules"][0]["authentication"] == [
        {"preshared_key": None}
    ]
    keys = {policy.name: policy.rules[0].authentication[-1] for policy in host.policies()}
    assert keys == dict.fromkeys(["Line", "Script", "Netsh", "Converted", "Stored"], ("preshared key", KEY))
    assert _keys_of_dynamic_rules(host) == [PLAIN_KEY] * 4 + [NEW_PLAIN_KEY]
    backup = pathlib.Path(run[2]["backup_file"])
    assert shows(backup.read_bytes())
    assert backup.stat().st_mode & 0o777 == 0o600
    if farm.engine == "powershell":
        _check_event_log(host)


@pytest.mark.engines("powershell")
def test_a_key_is_not_in_the_event_log(host, player, play_and_search):
    host.set(event_log=True)
    create, _again, change, facts, *_others = _every_module(player.folder)
    run = play_and_search(host, create, change, facts)
    assert [(result.status, result["changed"]) for result in run.results] == [
        ("ok", True),
        ("ok", True),
        ("ok", False),
    ], run.output[-3000:]
    assert host.policies()[0].rules[0].authentication[-1] == ("preshared key", NEW_KEY)
    _check_event_log(host)


def _keys_of_dynamic_rules(host):
    return sorted(method.text for rule in host.dynamic_rules() for method in rule.authentication if method.text)


def test_the_key_of_a_dynamic_rule_is_only_in_the_record(farm, host, play_and_search):
    """Also while the scheduled task adds the rule again."""
    host.set(event_log=True)
    run = play_and_search(host, *_every_dynamic_module())
    assert [(result.status, result["changed"]) for result in run.results] == [
        ("ok", True),
        ("ok", False),
        *[("ok", True)] * 5,
    ], run.output[-3000:]
    assert "preshared key (changed)" in run.output
    logged = host.event_log.stat().st_size if host.event_log.exists() else 0
    with Processes() as processes:
        host.restart_service()
    assert _keys_of_dynamic_rules(host) == [PLAIN_KEY] * 4 + [NEW_PLAIN_KEY]
    assert not processes.show()
    assert _files_with_keys(host) == []
    task = host.tasks.query("ipsec.windows dynamic rules")
    assert not shows(task)
    if farm.engine == "powershell":
        assert any(b"EncodedCommand" in line for line in processes.seen)
        assert host.event_log.stat().st_size > logged
        _check_event_log(host)


@CONTROLLER
def test_a_null_key_keeps_the_stored_one(host, play_and_search):
    play_and_search(host, _policy("{{ old }}"), policy_task(name="Secret", rules=[_rule(None, soft=True)]))
    (rule,) = read_policy(host.tree, host.policies()[0].key).rules
    assert (rule.soft, rule.authentication) == (True, (("preshared key", KEY),))


BROKEN_RULES = [
    _rule("{{ broken }}"),
    _rule(["{{ old }}"]),
    {**_rule("{{ old }}"), "filters": ["nonsense"]},
    {**_rule("{{ old }}"), "filters": ['0+* -a p:"{{ old }}"']},
    {**_rule("{{ old }}"), "security_methods": ['esp[3des,sha] -a p:"{{ old }}"']},
    {**_rule("{{ old }}"), "enabled": "{{ old }}"},
    *(
        {**_rule(""), "authentication": authentication}
        for authentication in (
            "{{ old }}",
            ["{{ old }}"],
            ["preshared_key: {{ old }}"],
            {"presharedkey": "{{ old }}"},
            [{"preshared_key": "{{ old }}", "kerberos": True}],
            [{"preshared_key": "{{ old }}", "odd": "{{ old }}"}],
            [{"type": "preshared_key", "key": "{{ old }}"}],
        )
    ),
]
BROKEN_KEYS = [
    "{{ old }}",
    ["{{ old }}"],
    {"R": ["{{ old }}"]},
    {"R": "{{ broken }}"},
    {"S": "{{ old }}"},
    {"R": "{{ old }}", "r": "{{ old }}"},
    "{{ {old: 'R'} }}",
    "{{ {'R:' ~ old: none} }}",
    "{{ {'R': none, old: none} }}",
]
BROKEN_LINES = [
    '-w reg -p Secret -r R -f 0+* -a p:"{{ old }}" -x -y',
    '-w reg -p Secret -r R -f 0+* -a "{{ old }}"',
    '-w reg -p Secret -r R -f 0+* -a preshere:"{{ old }}"',
    '-w reg -p Secret -r R -f 0+* -a p:"{{ old }}',
    '-w reg -p Secret -r R -f p:"{{ old }}"',
    '-w reg -p Secret -r R -n p:"{{ old }}"',
    '-w reg:nowhere -p Secret -r R -f 0+* -a p:"{{ old }}"',
    '-f 0+* -a p:"{{ old }}"',
    '-w reg -p Secret -r New -a p:"{{ old }}"',
]


def _show(expression, **variables):
    """A task that shows the value of an expression."""
    return {"name": "filter", "ansible.builtin.debug": {"msg": f"{{{{ {expression} }}}}"}, "vars": variables}


@CONTROLLER
def test_an_error_next_to_a_key_does_not_show_the_key(host, play_and_search):
    tasks = [policy_task(name="Secret", rules=[rule]) for rule in BROKEN_RULES]
    tasks += [policy_task(name="Secret", rules=[_rule(None)], preshared_keys=keys) for keys in BROKEN_KEYS]
    tasks.append(policy_task(name="Secret", rules=[_rule("{{ old }}")], preshared_keys={"R": "{{ new }}"}))
    tasks += [policy_task(policy=value) for value in ("{{ old }}", ["{{ old }}"], {"name": "P", "key": "{{ old }}"})]
    tasks.append({"name": "rule", "ipsec.windows.ipsec_rule": {"policy": "Secret", **_rule("{{ old }}"), "filter": []}})
    tasks.append({"name": "rule", "ipsec.windows.ipsec_rule": {"policy": "Secret", **_rule("{{ broken }}")}})
    tasks.append({"name": "facts", "ipsec.windows.ipsec_facts": {"key": "{{ old }}"}})
    tasks += [{"name": "line", "ipsec.windows.ipseccmd": {"command": line}} for line in BROKEN_LINES]
    tasks += [
        {"name": "line", "ipsec.windows.ipseccmd": given}
        for given in ({"command": [_line("{{ old }}")]}, {"commands": [{"command": _line("{{ old }}")}]})
    ]
    tasks += [_show("line | ipsec.windows.from_ipseccmd", line=f"ipseccmd {line}") for line in BROKEN_LINES[:-3]]
    tasks.append(_show("lines | ipsec.windows.from_netsh", lines=_netsh("{{ old }}") + " kerberos=maybe"))
    broken = [{"name": "P", "rules": [_rule(["{{ old }}"])]}]
    tasks += [_show(f"policies | ipsec.windows.to_{name}", policies=broken) for name in ("ipseccmd", "netsh")]
    run = play_and_search(host, *({**task, "ignore_errors": True} for task in tasks))
    assert [result.status for result in run.results] == ["failed"] * len(tasks), run.output[-3000:]
    assert host.store() == {}


FAULTS = [
    ("change before apply",) * 3,
    ("denied before 2",),
    ("kill after apply",),
    ("cut after apply",),
    ("refuse before service",),
]


@CONTROLLER
def test_a_failure_on_the_host_does_not_show_the_key(farm, play_and_search):
    hosts = [next(farm.fresh) for _fault in FAULTS]
    for host, faults in zip(hosts, FAULTS, strict=True):
        host.faults.add(*faults)
    run = play_and_search(hosts, _policy("{{ old }}", assigned=True))
    assert len(run.results) == len(hosts)
    assert all(result.status != "ok" or "could not be notified" in str(result["warnings"]) for result in run.results)


PLAYBOOK = """
- hosts: HOST
  gather_facts: false
  vars:
    line: 'ipseccmd -w reg -p P -r R -f 0+192.0.2.10 -a p:"{{ mark }}-facts"'
  tasks:
    - ipsec.windows.ipsec_policy: {name: P, rules: [{name: R, filters: [0+*]}]}
    - ipsec.windows.ipsec_rule: {policy: P, name: R, authentication: [{preshared_key: MARK-literal}]}
    - ipsec.windows.ipsec_rule: {policy: P, name: R, authentication: [{preshared_key: MARK-nolog}]}
      no_log: true
    - ipsec.windows.ipsec_rule: {policy: P, name: R, authentication: [{preshared_key: !vault VAULT}]}
    - ipsec.windows.ipsec_rule: {policy: P, name: R, authentication: [{preshared_key: "{{ key }}"}]}
      vars: {key: MARK-vars}
    - ipsec.windows.ipsec_rule: {policy: P, name: R, authentication: [{preshared_key: "{{ item }}"}]}
      loop: [MARK-item]
    - ipsec.windows.ipsec_rule: {policy: P, name: R, authentication: [{preshared_key: "{{ item.key }}"}]}
      loop: [{name: A, key: MARK-label}]
      loop_control: {label: "{{ item.name }}"}
    - ipsec.windows.ipsec_rule: {policy: P, name: R, authentication: [{preshared_key: "{{ item }}"}]}
      loop: [MARK-nolog]
      no_log: true
    - ipsec.windows.ipsec_rule: {policy: P, name: R, authentication: [{preshared_key: "{{ keys[item] }}"}]}
      loop: [a]
      vars: {keys: {a: MARK-looked-up}}
    - ipsec.windows.ipseccmd: {command: 'ipseccmd -w reg -p P -r R -f 0+* -a p:"MARK-command"'}
    - ipsec.windows.ipseccmd: {command: 'ipseccmd -w reg -p P -r R -f 0+* -a p:"{{ mark }}-template"'}
    - ansible.builtin.set_fact: {policies: "{{ line | ipsec.windows.from_ipseccmd }}"}
    - ipsec.windows.ipsec_policy: {policy: "{{ line | ipsec.windows.from_ipseccmd | first }}"}
    - ipsec.windows.ipsec_rule: {policy: P, authentication: [{preshared_key: MARK-context, odd: "{{ nowhere }}"}]}
      ignore_errors: true
"""


@CONTROLLER
def test_what_ansible_itself_shows_of_a_task(host, player):
    """docs/secrets.md lists it."""
    (player.folder / "password").write_text(PASSWORD)
    secret = json.dumps(VAULT.encrypt(f"{MARK}-vault").decode())
    playbook = player.folder / "playbook.yml"
    playbook.write_text(PLAYBOOK.replace("MARK", MARK).replace("VAULT", secret).replace("HOST", host.name))

    def shown(*options, **environment):
        words = (f"--extra-vars=mark={MARK}", "--vault-password-file", str(player.folder / "password"))
        run = player.run(playbook, *words, *options, **environment)
        assert [result.status for result in run.results] == ["ok"] * 13 + ["failed"]
        return set(re.findall(f"{MARK}-([a-z-]+)", run.output))

    assert shown() == {"item", "context"}
    decrypted = {"vault"} if OLD_CORE else set()
    assert shown(ANSIBLE_DISPLAY_ARGS_TO_STDOUT="1") == {"item", "context", "literal", "command"} | decrypted
    assert shown("-vvvvvv") == {"item", "context", "label", "facts"}


FILTERS = """
- hosts: HOST
  gather_facts: false
  vars:
    line: !vault LINE
    address: !vault ADDRESS
    policy: {name: P, rules: [{name: R, filters: [0+*], authentication: [{preshared_key: !vault KEY}]}]}
  tasks:
    - ansible.builtin.debug:
        msg:
          - "{{ (line | ipsec.windows.from_ipseccmd)[0].rules[0].authentication[-1].preshared_key }}"
          - "{{ policy | ipsec.windows.to_ipseccmd }}"
          - "{{ policy | ipsec.windows.to_netsh }}"
          - "{{ address | ipsec.windows.ipsec_addresses }}"
          - "{{ [address] | ipsec.windows.ipsec_addresses }}"
"""


@CONTROLLER
def test_filters_take_values_in_a_vault(host, player):
    (player.folder / "password").write_text(PASSWORD)
    vaulted = {"LINE": _line(f"{MARK}-line"), "ADDRESS": "192.0.2.1", "KEY": f"{MARK}-key"}
    text = FILTERS.replace("HOST", host.name)
    for name, value in vaulted.items():
        text = text.replace(name, json.dumps(VAULT.encrypt(value).decode()))
    playbook = player.folder / "playbook.yml"
    playbook.write_text(text)
    run = player.run(playbook, "--vault-password-file", str(player.folder / "password"))
    assert run[0].status == "ok", run.output
    key, ipseccmd, netsh, *addresses = run[0]["msg"]
    assert key == f"{MARK}-line"
    assert all(f"{MARK}-key" in script for script in (ipseccmd, netsh))
    assert addresses == [["192.0.2.1"]] * 2
