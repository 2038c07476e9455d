# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Scripts of netsh with the filters from_netsh and to_netsh in playbooks."""

from __future__ import annotations

import pathlib

import pytest
from integration.playbook import facts_task

pytestmark = pytest.mark.judge_with("powershell")

SCRIPTS = pathlib.Path(__file__).parent.parent / "data" / "scripts" / "netsh"


def converted(text):
    """A task for each policy of a script; `text` is an expression."""
    return {
        "name": "policies",
        "ipsec.windows.ipsec_policy": None,
        "args": "{{ item }}",
        "loop": "{{ " + text + " | ipsec.windows.from_netsh }}",
        "loop_control": {"label": "{{ item.name }}"},
    }


def shown(expression, **task):
    return {"name": "shown", "ansible.builtin.set_fact": {"shown": "{{ " + expression + " }}"}, **task}


def test_a_script_is_converted_applied_and_converted_back(host, player):
    script = f"lookup('ansible.builtin.file', '{SCRIPTS / 'close-ports.cmd'}')"
    back = "ansible_facts.ipsec.policies | ipsec.windows.to_netsh"
    tasks = (converted(script), converted(script), facts_task(), converted(f"({back})"), shown(back))
    run = player.play(host, *tasks)
    assert run.code == 0, run.output
    first, second, _facts, again, text = run.results
    assert [result["changed"] for result in (first, second, again)] == [True, False, False]
    (policy,) = host.policies()
    assert policy.name == "Close Ports"
    assert {rule.name: rule.action for rule in policy.rules} == {
        "Block worms": "block",
        "RDP closed": "block",
        "RDP admins": "permit",
    }
    assert host.enforced.in_force.policy == policy
    lines = text["ansible_facts"]["shown"].split("\r\n")
    assert lines[0].startswith('netsh ipsec static add policy name="Close Ports"')
    assert lines[-2] == 'netsh ipsec static set policy name="Close Ports" assign=yes'
    warning = "from_netsh: the descriptions of filter lists and filter actions cannot be part of a task"
    assert " ".join(run.output.split()).count(warning) == 1


def test_warnings_and_errors_of_the_filters(host, player):
    files = {
        "cp1252": 'netsh ipsec static add policy name="Bücher"'.encode("cp1252"),
        "utf-16": "\ufeffnetsh ipsec static add policy name=Bücher\r\n".encode("utf-16-le"),
        "mixed": b"ipconfig /release\r\nipconfig\nnet stop x\n"
        b"ipseccmd -w REG -p P -r R -f 0+* -n BLOCK\nnetsh ipsec static add policy %1\nnetsh ipsec static show all\n"
        b"netsh ipsec static add policy P\n",
        "foreign": b"netsh ipsec static add policy P\r\nipseccmd -u",
        "wrong": b"netsh ipsec static add policy P\nnetsh ipsec static add rule R P L A pks=s3cret\n",
    }
    for name, content in files.items():
        (player.folder / f"{name}.cmd").write_bytes(content)

    def from_netsh(name, arguments=""):
        return shown(f"lookup('file', '{name}.cmd') | ipsec.windows.from_netsh({arguments})", ignore_errors=True)

    nameless = (
        "[{'name': 'P', 'rules': [{'name': 'R', 'filters': ['0+*'], 'authentication': [{'preshared_key': none}]}]}]"
    )
    run = player.play(
        host,
        from_netsh("cp1252", "'cp1252'"),
        from_netsh("utf-16"),
        from_netsh("mixed", "unsupported='ignore'"),
        from_netsh("foreign"),
        from_netsh("cp1252"),
        from_netsh("wrong"),
        from_netsh("wrong", "unsupported='maybe'"),
        shown("5 | ipsec.windows.from_netsh", ignore_errors=True),
        shown("'ipconfig' | ipsec.windows.from_netsh", ignore_errors=True),
        shown(f"{nameless} | ipsec.windows.to_netsh", ignore_errors=True),
        shown("'P' | ipsec.windows.to_netsh", ignore_errors=True),
    )
    old, wide, mixed, *failed = run.results
    expected = [{"name": "Bücher", "rules": []}]
    assert [result["ansible_facts"]["shown"] for result in (old, wide, mixed)] == [
        expected,
        expected,
        [{"name": "P", "rules": []}],
    ]
    output = " ".join(run.output.split())
    for words in (
        "from_netsh ignores the commands of other programs in lines 1-3",
        "from_netsh leaves out: line 4: a command of ipseccmd, which the filter from_ipseccmd converts; line 5: ",
        "from_netsh: line 6: 'show' changes nothing",
    ):
        assert words in output
    assert [result.status for result in failed] == ["failed"] * len(failed)
    for result, words in zip(
        failed,
        (
            "this is a command of ipseccmd, which the filter from_ipseccmd converts; unsupported=ignore leaves it out",
            "is not valid utf-8; set encoding to the encoding of the file",
            "from_netsh: line 2, column 37: this argument does not exist here; did you mean psk?",
            "from_netsh: unsupported must be error or ignore",
            "from_netsh: expected the text of a script",
            "from_netsh: the text has no netsh commands",
            "to_netsh: netsh cannot express all of this:",
            "to_netsh: expected a policy as ipsec_facts returns it",
        ),
        strict=True,
    ):
        assert words in result["msg"]
    assert "s3cret" not in run.output
    assert "Traceback" not in run.output


def test_the_lookup_script_reads_a_file_in_any_encoding(host, player):
    folder = player.folder / "files"
    folder.mkdir()
    text = 'netsh ipsec static add policy name = "封锁端口"\r\n'
    (folder / "chinese.cmd").write_bytes(text.encode("cp936"))
    (folder / "wide.cmd").write_bytes(text.encode("utf-16"))
    (folder / "vault.cmd").write_bytes(text.encode("cp936"))
    (player.folder / "secret.txt").write_text("secret")
    player.ansible("vault", "encrypt", "--vault-password-file", "secret.txt", "files/vault.cmd")
    assert "封锁端口".encode("cp936") not in (folder / "vault.cmd").read_bytes()

    def look_up(arguments):
        return shown(f"lookup('ipsec.windows.script', {arguments}) | ipsec.windows.from_netsh", ignore_errors=True)

    run = player.play(
        host,
        look_up("'chinese.cmd', encoding='cp936'"),
        look_up("'chinese.cmd', encoding=936"),
        look_up("'wide.cmd'"),
        look_up("'vault.cmd', encoding='cp936'"),
        look_up("'chinese.cmd'"),
        look_up("'nosuch.cmd'"),
        look_up("'chinese.cmd', encoding='klingon'"),
        look_up("'chinese.cmd', encoding=['cp936']"),
        look_up("'chinese.cmd', codepage='cp936'"),
        look_up("5"),
        options=("--vault-password-file", str(player.folder / "secret.txt")),
    )
    read, failed = run.results[:4], run.results[4:]
    assert [result["ansible_facts"]["shown"] for result in read] == [[{"name": "封锁端口", "rules": []}]] * 4
    for result, words in zip(
        failed,
        (
            "script: 'chinese.cmd': byte 39 of line 1 is not valid utf-8; set encoding to the encoding of the",
            "script: 'nosuch.cmd' cannot be read: there is no such file in the search path",
            "script: 'chinese.cmd': 'klingon' is not a known encoding",
            "script: encoding must be the name of an encoding or the number of a code page",
            "script: there is no option 'codepage' here; the options here are encoding",
            "script: expected the name of a file, not a number",
        ),
        strict=True,
    ):
        assert result.status == "failed"
        assert words in result["msg"]
    assert "Traceback" not in run.output
    assert "DEPRECATION" not in run.output


def test_all_mistakes_are_in_one_message(host, player):
    (player.folder / "wrong.cmd").write_text(
        "netsh ipsec static add policy P asign=y\nnetsh ipsec static add policy %1\n"
        "netsh ipsec static add filter L me 10.0.0.0/8\nnetsh ipsec dynamic show all\n"
    )
    text = "lookup('ipsec.windows.script', player + '/wrong.cmd')"
    show = shown(f"{text} | ipsec.windows.from_netsh", ignore_errors=True)
    rest = shown(f"{text} | ipsec.windows.from_netsh(unsupported='ignore')", ignore_errors=True)
    run = player.play(host, show, rest, vars={"player": str(player.folder)})
    for result, lines in zip(run.results, ([1, 2, 3, 4], [1, 3]), strict=True):
        assert f"from_netsh: {len(lines)} mistakes:\n" in result["msg"]
        assert [line for line in range(1, 5) if f"\nline {line}, column " in result["msg"]] == lines
    assert "; write dstaddr=10.0.0.0 dstmask=8" in run[0]["msg"]
