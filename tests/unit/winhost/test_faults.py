# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

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
    ],
)
def test_a_fault_is_a_few_words(text, fault):
    assert Fault.parse(text) == fault
    assert Fault.parse(str(fault)) == fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is no kind of fault"),
        ("deny before 3", "'deny' is no kind of fault"),
        ("denied befor 3", "'befor' is no part of a fault"),
        ("denied before read", "only an operation can be denied (N or any), not 'read'"),
        ("denied 0", "operations are counted from 1"),
        ("denied 1 2", "'2' is the second place"),
        ("refuse 3", "only the service refuses, not '3'"),
        ("kill 0%", "a rate is more than 0% and at most 100%"),
        ("kill 101%", "a rate is more than 0% and at most 100%"),
        ("kill x%", "'x' is no number"),
        ("kill on", "there is nothing behind 'on'"),
        ("kill for 3", "only hang and silent last for some seconds, not 'kill'"),
    ],
)
def test_what_is_no_fault_is_told_what_one_is_made_of(text, words):
    with pytest.raises(FaultError) as caught:
        Fault.parse(text)
    message = str(caught.value)
    assert message.startswith(f"{words}; a fault is KIND [before|after] [N|any|service|read|apply|tell] [RATE%]")
    assert "denied, refuse, change, cut, silent, hang, kill" in message


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("kill on win3 befor", "--fault: 'befor' is no part of a fault"),
        ("kill on win3", "there is no host win3, only win1"),
    ],
)
def test_serve_refuses_what_is_no_fault(tmp_path, fault, words):
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
    """What happens at some operations: their numbers where one fails, before or after it was done."""
    failed = []
    for number in range(1, count + 1):
        done = False
        try:
            with course.step("operation"):
                done = True
        except Refused:
            failed.append((number, "after" if done else "before"))
    return failed


def test_what_happens_once_happens_at_its_place(host):
    host.faults.add("denied before 2", Fault("denied", "after", 4), "denied any")
    assert _steps(Course(host, Command("", 0)), 6) == [(1, "before"), (2, "before"), (4, "after")]
    assert not host.faults
    assert _steps(Course(host, Command("", 0)), 6) == []
    assert len(host.events("fault")) == 3


def test_what_was_added_twice_happens_twice(host):
    host.faults.add("denied", "denied")
    assert _steps(Course(host, Command("", 0)), 4) == [(1, "before"), (2, "before")]


def test_a_rate_is_chance_that_repeats(host):
    found = []
    for _time in range(2):
        host.faults.clear()
        host.faults.add("denied 20%")
        found.append(_steps(Course(host, Command("", 0)), 500))
    assert found[0] == found[1]
    assert 50 < len(found[0]) < 150
    host.faults.add("denied after 20%")
    assert {when for _number, when in _steps(Course(host, Command("", 0)), 500)} == {"before", "after"}


def test_the_service_is_a_place_of_its_own(host):
    host.faults.add("refuse")
    course = Course(host, Command("", 0))
    assert _steps(course, 3) == []
    with pytest.raises(Refused, match="PolicyAgent"), course.step("service"):
        pass


def test_another_program_writes(host):
    host.faults.add("change before 1", "change after 1")
    with Course(host, Command("", 0)).step("operation"):
        assert host.get(rf"{LOCAL}\Other", "n") == 1
    assert host.get(rf"{LOCAL}\Other", "n") == 2


def test_a_command_that_is_cut_loses_one_connection_and_goes_on(host):
    command = Command("", 0)
    host.faults.add("cut")
    with Course(host, command).step("operation"):
        command.write("stdout", b"x")
    with pytest.raises(Cut):
        command.fetch(0)
    assert command.fetch(0) == ({"stdout": b"x", "stderr": b""}, None)


def test_a_command_that_is_killed_does_nothing_more(host):
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
    """A command that hangs in its first operation, and the thread that it does so in; it notes how it went on."""
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


def test_what_hangs_does_so_until_somebody_ends_it(host):
    for end, expected in ((lambda c: host.faults.clear(), "on"), (Command.kill, "dead")):
        host.faults.add("hang")
        command, thread, went = _hanging(host)
        while host.faults:
            thread.join(0.01)
        assert (thread.is_alive(), went) == (True, [])
        end(command)
        thread.join(60)
        assert went == [expected]


def test_what_hangs_for_a_time_goes_on(host):
    host.faults.add("hang for 0.01", "silent for 0.01")
    _command, thread, went = _hanging(host)
    thread.join(60)
    assert went == ["on"]
    host.faults.was_silent()
    assert host.faults.was_silent() is False
