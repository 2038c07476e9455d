# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The programs of a simulated host that run in other processes, and the command `console`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from integration.playbook import CHECKOUT
from winhost.faults import Course
from winhost.host import Host
from winhost.programs import Programs, ask, install
from winhost.shells import Command

XML = (
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Triggers><BootTrigger/></Triggers>'
    "<Actions><Exec><Command>powershell.exe</Command></Exec></Actions></Task>"
)

AUDITPOL = ("/get", "/subcategory:{0CCE9233-69AE-11D9-BED3-505054503030}", "/r")


@pytest.fixture
def host(tmp_path):
    # the path of a socket has at most 107 characters
    found = Host(tmp_path / ("state" * 20) / "win1", "win1", "192.0.2.2")
    found.start_service()
    programs = Programs(found)
    yield found
    programs.close()


@pytest.fixture
def run(host, tmp_path):
    """Runs a program of the PowerShell engine."""
    install(tmp_path, sys.executable)

    def start(name, *arguments, command="", cwd=None, **options):
        return subprocess.run(
            [tmp_path / name, *arguments],
            **(options or {"stdin": subprocess.DEVNULL}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"WINHOST_STATE": str(host.folder), "WINHOST_COMMAND": command},
            cwd=cwd,
        )

    return start


def test_netsh_with_arguments(host, run):
    done = run("netsh.exe", "ipsec", "dynamic", "add", "mmpolicy", 'name=a "b" c')
    assert (done.returncode, done.stdout, done.stderr) == (0, "Ok.\n\n", "")
    done = run("netsh.exe", "ipsec", "dynamic", "delete", "mmpolicy", "other")
    assert (done.returncode, done.stdout[:16]) == (1, "ERR IPsec[05046]")
    assert run("netsh.exe", "ipsec", "dynamic", "show", "mmpolicy", 'a "b" c').returncode == 0


def test_netsh_with_arguments_does_not_wait_for_input(run):
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing):
        assert run("netsh.exe", "ipsec", "dynamic", "show", "config", stdin=reading).returncode == 0


def test_netsh_with_commands_in_standard_input(host, run):
    lines = "".join(f"ipsec dynamic add mmpolicy m{number}\n" for number in range(3000))
    assert run("netsh.exe", input=f"\n{lines}exit\n").returncode == 0
    assert run("netsh.exe", "ipsec", "dynamic", "show", "mmpolicy", "m2999").returncode == 0


def test_netsh_with_a_file_in_the_current_folder(host, run, tmp_path):
    (tmp_path / "script").write_text("ipsec dynamic add mmpolicy m\n")
    assert run("netsh.exe", "-f", "script", cwd=tmp_path).returncode == 0
    assert run("netsh.exe", "-f", "none", cwd=tmp_path).returncode == 1


def test_a_program_has_the_faults_of_its_command(host, run):
    command = Command("", 0)
    host.courses[command.id] = Course(host, command)
    host.faults.add("denied netsh 2")
    add = ("netsh.exe", "ipsec", "dynamic", "add", "mmpolicy")
    assert [run(*add, f"m{n}", command=command.id).returncode for n in range(3)] == [0, 1, 0]
    host.faults.add("kill netsh 4")
    assert run(*add, "m4", command=command.id).returncode == 1
    assert command.killed
    assert run(*add, "m5").returncode == 0


def test_schtasks(host, run):
    query, delete = ("/Query", "/TN", "the task", "/XML"), ("/Delete", "/TN", "the task", "/F")
    assert run("schtasks.exe", *query).returncode == 1
    assert run("schtasks.exe", *delete).returncode == 1
    host.tasks.register("the task", XML)
    found = run("schtasks.exe", *query)
    assert (found.returncode, "<BootTrigger />" in found.stdout) == (0, True)
    assert run("schtasks.exe", *delete).stdout.startswith("SUCCESS")
    assert host.tasks.names() == []


@pytest.mark.parametrize("words", ["/Query", "/Delete /TN t", "/Create /TN t /XML", "/Query /XML /TN", "/Query /TN t"])
def test_other_arguments_of_schtasks_are_errors(host, run, words):
    host.tasks.register("t", XML)
    done = run("schtasks.exe", *words.split())
    assert (done.returncode, done.stdout) == (1, "ERROR: Invalid syntax.\n")
    assert host.tasks.names() == ["t"]


def test_a_task_is_registered(host):
    assert ask(host.folder, "register", ["t", XML, ""]) == (0, "")
    assert ask(host.folder, "register", ["t", XML, ""])[0] == 1
    assert ask(host.folder, "register", ["t", XML, "force"]) == (0, "")
    assert ask(host.folder, "register", ["u", "<x/>", ""]) == (1, "the task XML has an unexpected node: x")


def test_an_unknown_program(host):
    assert ask(host.folder, "format", ["c:"])[0] == 1


def test_a_host_that_has_ended(tmp_path):
    host = Host(tmp_path / "win1", "win1", "192.0.2.2")
    Programs(host).close()
    with pytest.raises(OSError, match="No such file"):
        ask(host.folder, "netsh", ["ipsec"])


def _console(host, *words, given=None):
    return subprocess.run(
        [CHECKOUT / "tests" / "winhost" / "console", "--state", host.folder.parent, *words],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_console_runs_netsh(host):
    assert _console(host, "netsh", "ipsec", "dynamic", "add", "mmpolicy", "m").stdout == "Ok.\n\n"
    assert "ERR IPsec[05043]" in _console(host, "netsh", given="ipsec dynamic add mmpolicy m\n").stdout
    assert _console(host, "netsh", "ipsec", "dynamic", "show", "mmpolicy", "n").returncode == 1


def test_the_console_controls_the_service_and_the_host(host):
    host.tasks.register("t", XML)
    now = host.now()
    for words in ("stop", "start", "restart", "stop", "boot", "advance 300", "task t"):
        assert _console(host, *words.split()).returncode == 0
    assert [event[2] for event in host.events("service")] == ["start", "stop", "start", "stop", "start", "stop"]
    assert [event[3] for event in host.events("task")] == ["boot", "demand"]
    assert host.now() >= now + 300
    assert _console(host, "schtasks", "/Delete", "/TN", "t", "/F").returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("advance", "advance takes 1 argument"),
        ("advance x", "advance takes a number of seconds"),
        ("boot now", "boot takes no arguments"),
        ("task none", "cannot find"),
        ("--host win2 boot", "no host win2 runs"),
    ],
)
def test_an_error_of_the_console(host, words, message):
    done = _console(host, *words.split())
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("set colour=1", "a host has no setting colour"),
        ("set queries", "a setting is NAME=VALUE, not 'queries'"),
        ("set queries={", "the value of queries is not JSON"),
        ('set queries={"filters":"wrong"}', "'wrong' is not a fault of the query filters"),
        ("set language=5", "the setting language is a str, not a int"),
        ("set a b", "set takes 1 argument"),
        ("poll now", "poll takes no arguments"),
        ("events now", "events takes no arguments"),
        ("cim root", "cim takes 2 arguments"),
    ],
)
def test_an_error_of_a_query_or_a_setting(host, words, message):
    done = _console(host, *words.split(" ", 1 if words.startswith("set ") and "=" in words else -1))
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_console_asks_and_changes_settings(host):
    assert _console(host, "set", 'associations=[{"remote": "192.0.2.9"}]').returncode == 0
    assert _console(host, "set", "audited=true").returncode == 0
    assert _console(host, "poll").returncode == 0
    (found,) = json.loads(_console(host, "cim", "root/StandardCimv2", "MSFT_NetMainModeSA").stdout)
    assert found["RemoteEndpoint"] == "192.0.2.9"
    assert [event["id"] for event in json.loads(_console(host, "events").stdout)] == [5463]
    assert _console(host, "netsh", "wfp", "show", "filters", "file=-").stdout.startswith("<?xml")
    assert "Success and Failure" in _console(host, "auditpol", *AUDITPOL).stdout


def test_netsh_prints_filters(host, run):
    done = run("netsh.exe", "wfp", "show", "filters", "file=-")
    assert (done.returncode, done.stdout.count("<filterKey>")) == (0, 4)


def test_netsh_prints_bytes_that_are_not_utf_8(host, run):
    host.set(queries={"filters": "malformed encoding"})
    with pytest.raises(UnicodeDecodeError):
        run("netsh.exe", "wfp", "show", "filters", "file=-")
    words = ["--state", host.folder.parent, "netsh", "wfp", "show", "filters", "file=-"]
    shown = subprocess.run([CHECKOUT / "tests/winhost/console", *words], capture_output=True, timeout=60, check=False)
    assert b"Pr\xfcfung \xff\xfe" in shown.stdout


def test_a_huge_output_is_passed_on_while_it_is_made(host, tmp_path):
    host.set(queries={"filters": "huge 1000000000"})
    install(tmp_path, sys.executable)
    with subprocess.Popen(
        [tmp_path / "netsh.exe", "wfp", "show", "filters", "file=-"],
        stdout=subprocess.PIPE,
        env={"WINHOST_STATE": str(host.folder)},
    ) as process:
        assert len(process.stdout.read(1_000_000)) == 1_000_000
        process.kill()


def test_auditpol(host, run):
    host.set(audited="failure")
    done = run("auditpol.exe", *AUDITPOL)
    assert (done.returncode, ",Failure," in done.stdout) == (0, True)
    assert run("auditpol.exe", "/get").returncode == 1


@pytest.mark.parametrize(
    ("program", "arguments", "query"),
    [("cim", ["root/StandardCimv2", "MSFT_NetMainModeSA"], "sas"), ("events", [], "events")],
)
def test_a_query_that_fails(host, program, arguments, query):
    assert ask(host.folder, program, arguments) == (0, "[]")
    host.set(queries={query: "denied"})
    code, output = ask(host.folder, program, arguments)
    assert (code, json.loads(output)["error"]) == (1, "access_denied")
    assert json.loads(output)["message"]
