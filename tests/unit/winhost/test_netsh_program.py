# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The simulated netsh.exe: its arguments, files, interactive mode, contexts and words."""

from __future__ import annotations

import pytest
from winhost.faults import Course, Killed
from winhost.host import Host
from winhost.netsh.texts import NetshError
from winhost.netsh.words import match, read_arguments, split
from winhost.shells import Command


@pytest.fixture
def host(tmp_path):
    found = Host(tmp_path / "win1", "win1", "192.0.2.2")
    found.start_service()
    return found


def _names(host):
    """The main-mode policies that exist."""
    code, output = host.netsh(["ipsec", "dynamic", "show", "mmpolicy", "all"])
    return [] if code else [line.split(": ")[1] for line in output.splitlines() if line.startswith("Policy Name")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a  b\tc ", ["a", "b", "c"]),
        ('name="a b"c', ["name=a bc"]),
        ('"a b" ""', ["a b", ""]),
        ("", []),
    ],
)
def test_the_words_of_a_line(line, words):
    assert split(line) == words


def test_a_quotation_mark_needs_another_one():
    with pytest.raises(NetshError):
        split('name="a')


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("n=1 v=2", {"name": ["1"], "value": ["2"]}),
        ("n = 1 v= 2", {"name": ["1"], "value": ["2"]}),
        ("n =1 v", {"name": ["1"], "value": ["v"]}),
        ("1 2", {"name": ["1"], "value": ["2"]}),
        ("v=2 1", {"name": ["1"], "value": ["2"]}),
        ("1 name=2", {"name": ["2"], "value": ["1"]}),
        ('n="a = b" v="c="', {"name": ["a = b"], "value": ["c="]}),
        ("other=1 other=2", {"other": ["1", "2"]}),
        ("NAME=1", {"name": ["1"]}),
    ],
)
def test_arguments(line, values):
    assert read_arguments(split(line), ("name", "value", "other"), repeated=["other"]) == values


@pytest.mark.parametrize(
    ("word", "found"), [("sh", "show"), ("SHOW", "show"), ("s", None), ("", None), ("shows", None)]
)
def test_a_word_may_be_abbreviated_while_it_is_clear(word, found):
    assert match(word, ("show", "set", "add")) == found


def test_a_word_in_full_is_clear():
    assert match("rule", ("rules", "rule")) == "rule"


def test_a_command_as_arguments(host):
    assert host.netsh(["ipsec", "dynamic", "add", "mmpolicy", "name=a b"]) == (0, "Ok.\r\n\r\n")
    code, output = host.netsh(["ipsec", "dynamic", "add", "mmpolicy", "name=a b"])
    assert (code, output) == (1, "ERR IPsec[05043] : A main mode policy 'a b' exists\r\n")
    assert _names(host) == ["a b"]


def test_abbreviated_commands(host):
    assert host.netsh(["ip", "dyn", "a", "mm", "n=x"])[0] == 0
    assert _names(host) == ["x"]
    assert host.netsh(["ip", "dyn", "d", "mm", "x"])[0] == 0


def test_other_contexts_are_unknown(host):
    for words in ("ipsec static show all", "advfirewall show", "ipsec dynamic nothing", "add rule"):
        assert host.netsh(words.split())[0] == 1


SCRIPT = """
# a comment
pushd ipsec dynamic
add mmpolicy one

  ADD MMPOLICY name = "two"
popd
ipsec dynamic add mmpolicy three
ipsec dynamic
add mmpolicy four
..
dynamic add mmpolicy five
ipsec dynamic add mmpolicy six
"""


def test_a_script_in_standard_input(host):
    code, output = host.netsh([], SCRIPT)
    assert code == 0
    assert "ERR" not in output
    assert "netsh ipsec dynamic>" in output
    assert _names(host) == ["one", "two", "three", "four", "five", "six"]


def test_an_error_in_standard_input_is_no_exit_code(host):
    code, output = host.netsh([], "wrong\nipsec dynamic add mmpolicy one\n")
    assert (code, output.count("ERR")) == (0, 1)
    assert _names(host) == ["one"]


@pytest.mark.parametrize("word", ["exit", "bye", "quit"])
def test_a_script_ends_with_a_word(host, word):
    host.netsh([], f"ipsec dynamic add mmpolicy one\n{word}\nipsec dynamic add mmpolicy two\n")
    assert _names(host) == ["one"]


def test_a_byte_order_mark_disturbs_only_the_first_line(host):
    host.netsh([], "\ufeffipsec dynamic add mmpolicy one\nipsec dynamic add mmpolicy two\n")
    assert _names(host) == ["two"]


@pytest.mark.parametrize(("line", "code"), [("", 0), ("wrong", 1)])
def test_a_script_in_a_file(host, tmp_path, line, code):
    path = tmp_path / "script.txt"
    path.write_text(f"pushd ipsec dynamic\r\nadd mmpolicy one\r\n{line}\r\nadd mmpolicy two\r\npopd\r\n")
    found, output = host.netsh(["-f", str(path)])
    assert (found, "netsh>" in output) == (code, False)
    assert _names(host) == ["one", "two"]


def test_a_missing_file_is_an_error(host, tmp_path):
    assert host.netsh(["-f", str(tmp_path / "none")])[0] == 1
    assert host.netsh(["-f"])[0] == 1


def test_popd_goes_back_to_where_pushd_was(host):
    host.netsh([], "pushd ipsec\npushd dynamic\npopd\ndynamic add mmpolicy one\npopd\npopd\ndynamic add mmpolicy two\n")
    assert _names(host) == ["one"]


# faults

LINES = "pushd ipsec dynamic\n" + "".join(f"add mmpolicy m{number}\n" for number in range(1, 5))


def _run(host, command):
    return host.netsh([], LINES, Course(host, command))


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        ("denied before netsh 2", ["m1", "m3", "m4"]),
        ("denied after netsh 2", ["m1", "m2", "m3", "m4"]),
        ("denied netsh", ["m2", "m3", "m4"]),
        ("restart after netsh 2", ["m3", "m4"]),
    ],
)
def test_a_fault_at_a_line(host, fault, names):
    host.faults.add(fault)
    output = _run(host, Command("", 0))[1]
    assert _names(host) == names
    assert output.count("ERR IPsec[05062]") == fault.startswith("denied")


@pytest.mark.parametrize(("when", "names"), [("before", ["m1"]), ("after", ["m1", "m2"])])
def test_a_command_is_killed_between_two_lines(host, when, names):
    host.faults.add(f"kill {when} netsh 2")
    with pytest.raises(Killed):
        _run(host, Command("", 0))
    assert _names(host) == names


def test_a_line_that_hangs_does_not_stop_the_host(host):
    host.faults.add("hang netsh 2 for 0.01", "change netsh 3", "start netsh 4")
    _run(host, Command("", 0))
    assert _names(host) == ["m1", "m2", "m3", "m4"]
    assert len(host.events("fault")) == 3


def test_lines_are_counted_over_all_runs_of_a_command(host):
    host.faults.add("denied netsh 6")
    course = Course(host, Command("", 0))
    assert "ERR" not in host.netsh([], LINES, course)[1]
    assert host.netsh(["ipsec", "dynamic", "add", "mmpolicy", "m5"], "", course)[0] == 0
    assert host.netsh(["ipsec", "dynamic", "add", "mmpolicy", "m6"], "", course)[0] == 1
    assert _names(host)[-1] == "m5"


def test_a_killed_command_runs_no_line(host):
    command = Command("", 0)
    command.kill()
    with pytest.raises(Killed):
        _run(host, command)
    assert _names(host) == []
