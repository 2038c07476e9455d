# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The faults of a simulated host: their syntax, and when they happen."""

from __future__ import annotations

import subprocess
import threading

import pytest
from integration.playbook import CHECKOUT
from winhost.faults import Course, Fault, FaultError, Killed, Refused
from winhost.host import Host
from winhost.policy import LOCAL
from winhost.shells import Command, Cut


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("denied", Fault("denied", "before", "any")),
        ("denied after 3", Fault("denied", "after", 3)),
        ("kill any 20% on win2", Fault("kill", "before", "any", 0.2, "win2")),
        ("refuse 100%", Fault("refuse", "before", "service", 1.0)),
        ("silent after apply for 2.5", Fault("silent", "after", "apply", seconds=2.5)),
        ("change on win1 before apply", Fault("change", "before", "apply", host="win1")),
        ("denied netsh", Fault("denied", "before", "netsh")),
        ("kill after netsh 3 on win1", Fault("kill", "after", "netsh 3", host="win1")),
        ("restart task 5%", Fault("restart", "before", "task", 0.05)),
    ],
)
def test_the_syntax_of_a_fault(text, fault):
    assert Fault.parse(text) == fault
    assert Fault.parse(str(fault)) == fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is not a kind of fault"),
        ("deny before 3", "'deny' is not a kind of fault"),
        ("denied befor 3", "'befor' is not a part of a fault"),
        ("denied before read", "'denied' needs an operation (N or any), netsh or task, not 'read'"),
        ("denied 0", "the number of an operation must be 1 or more"),
        ("kill netsh 0", "the number of an operation must be 1 or more"),
        ("denied 1 2", "'2' is a second place; a fault has one"),
        ("denied task 2", "'2' is a second place; a fault has one"),
        ("refuse 3", "'refuse' needs the place 'service', not '3'"),
        ("kill 0%", "a rate must be more than 0% and at most 100%"),
        ("kill 101%", "a rate must be more than 0% and at most 100%"),
        ("kill x%", "'x' is not a number"),
        ("kill on", "'on' needs a word after it"),
        ("kill for 3", "only hang and silent take 'for SECONDS', not 'kill'"),
    ],
)
def test_a_wrong_fault_is_an_error_with_the_syntax(text, words):
    with pytest.raises(FaultError) as caught:
        Fault.parse(text)
    message = str(caught.value)
    assert message.startswith(
        f"{words}. The syntax is KIND [before|after] [N|any|service|read|apply|notify|netsh|task|netsh N] [RATE%]"
    )
    assert "denied, refuse, change, start, restart, cut, silent, hang, kill" in message


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("kill on win3 befor", "--fault: 'befor' is not a part of a fault"),
        ("kill on win3", "the host win3 does not exist; use win1"),
    ],
)
def test_serve_refuses_a_wrong_fault(tmp_path, fault, words):
    inventory = tmp_path / "hosts.yml"
    command = [CHECKOUT / "tests" / "winhost" / "serve", "--inventory", inventory, "--engine", "python"]
    done = subprocess.run([*command, "--fault", fault], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not inventory.exists()


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path / "win1", "win1", "127.0.0.1")


def _steps(course, count):
    """Run some operations; returns the numbers of those that fail, and whether they fail before or after being done."""
    failed = []
    for number in range(1, count + 1):
        done = False
        try:
            with course.step("operation"):
                done = True
        except Refused:
            failed.append((number, "after" if done else "before"))
    return failed


def test_a_fault_without_a_rate_happens_once_at_its_place(host):
    host.faults.add("denied before 2", Fault("denied", "after", 4), "denied any")
    assert _steps(Course(host, Command("", 0)), 6) == [(1, "before"), (2, "before"), (4, "after")]
    assert not host.faults
    assert _steps(Course(host, Command("", 0)), 6) == []
    assert len(host.events("fault")) == 3


def test_the_same_fault_twice_happens_twice(host):
    host.faults.add("denied", "denied")
    assert _steps(Course(host, Command("", 0)), 4) == [(1, "before"), (2, "before")]


def test_a_rate_is_random_but_the_same_in_each_run(host):
    found = []
    for _time in range(2):
        host.faults.clear()
        host.faults.add("denied 20%")
        found.append(_steps(Course(host, Command("", 0)), 500))
    assert found[0] == found[1]
    assert 50 < len(found[0]) < 150
    host.faults.add("denied after 20%")
    assert {when for _number, when in _steps(Course(host, Command("", 0)), 500)} == {"before", "after"}


def test_a_fault_of_the_service(host):
    host.faults.add("refuse")
    course = Course(host, Command("", 0))
    assert _steps(course, 3) == []
    with pytest.raises(Refused, match="PolicyAgent"), course.step("service"):
        pass


def test_another_program_writes_to_the_store(host):
    host.faults.add("change before 1", "change after 1")
    with Course(host, Command("", 0)).step("operation"):
        assert host.get(rf"{LOCAL}\Other", "n") == 1
    assert host.get(rf"{LOCAL}\Other", "n") == 2


def test_another_program_writes_something_else(host):
    host.faults.add("change before 1")
    host.faults.writes = lambda count: [("set", LOCAL, "given", 4, count)]
    with Course(host, Command("", 0)).step("operation"):
        assert host.get(LOCAL, "given") == 1
    assert host.get(rf"{LOCAL}\Other", "n") is None


def test_another_program_starts_the_service(host):
    host.faults.add("start before apply")
    Course(host, Command("", 0)).meet("before", "apply")
    assert host.sync_running()


def test_another_program_restarts_the_service(host):
    host.start_service()
    assert host.netsh(["ipsec", "dynamic", "add", "mmpolicy", "m"])[0] == 0
    host.faults.add("restart after 1")
    with Course(host, Command("", 0)).step("operation"):
        assert host.netsh(["ipsec", "dynamic", "show", "mmpolicy", "m"])[0] == 0
    assert host.sync_running()
    assert host.netsh(["ipsec", "dynamic", "show", "mmpolicy", "m"])[0] == 1


def test_operations_and_commands_of_netsh_are_counted_apart(host):
    host.faults.add("denied 2", "denied netsh 1", "denied any")
    course = Course(host, Command("", 0))
    with pytest.raises(Refused), course.step("netsh"):
        pass
    assert _steps(course, 3) == [(1, "before"), (2, "before")]


def test_a_cut_resets_one_connection_and_the_command_goes_on(host):
    command = Command("", 0)
    host.faults.add("cut")
    with Course(host, command).step("operation"):
        command.write("stdout", b"x")
    with pytest.raises(Cut):
        command.fetch(0)
    assert command.fetch(0) == ({"stdout": b"x", "stderr": b""}, None)


def test_a_killed_command_does_nothing_more(host):
    command = Command("", 0, held=True)
    command.write("stdout", b"x")
    host.faults.add("kill before 2")
    course = Course(host, command)
    assert command.fetch(0) is None
    assert _steps(course, 1) == []
    with pytest.raises(Killed):
        _steps(course, 1)
    assert command.fetch(0) == ({"stdout": b"", "stderr": b""}, 1)
    with pytest.raises(Killed):
        _steps(course, 1)


def _hanging(host):
    """Start a command that hangs in its first operation; returns it, its thread, and a list for how it went on."""
    command = Command("", 0)
    went = []

    def run():
        try:
            with Course(host, command).step("operation"):
                went.append("on")
        except Killed:
            went.append("dead")

    thread = threading.Thread(target=run)
    thread.start()
    return command, thread, went


def test_a_hang_lasts_until_it_is_ended(host):
    for end, expected in ((lambda c: host.faults.clear(), "on"), (Command.kill, "dead")):
        host.faults.add("hang")
        command, thread, went = _hanging(host)
        while host.faults:
            thread.join(0.01)
        assert (thread.is_alive(), went) == (True, [])
        end(command)
        thread.join(60)
        assert went == [expected]


def test_a_hang_with_a_time_goes_on_by_itself(host):
    host.faults.add("hang for 0.01", "silent for 0.01")
    _command, thread, went = _hanging(host)
    thread.join(60)
    assert went == ["on"]
    host.faults.was_silent()
    assert host.faults.was_silent() is False
