# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Scripts for netsh -f: as a text of their own, beside a batch file, and written by it."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Outside, Script, read_script
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold

STATIC = "ipsec static "


def read(text: str, ignore: bool = False, **files: str) -> Script:
    texts = {fold(f"{name}.txt"): content for name, content in files.items()}
    return read_script(text, ignore, outside=Outside.of(None, None, texts.get))


def run(text: str, **files: str) -> list[str]:
    return [command.text.value for command in read(text, **files).commands]


SCRIPTS = [
    ("pushd ipsec static\nadd policy name=a\npopd\nadd policy name=b", [STATIC + "add policy name=a"]),
    (
        "ipsec static\nadd policy name=a\nset policy name=a assign=y",
        ["add policy name=a", "set policy name=a assign=y"],
    ),
    ("ipsec\nstatic\nadd policy name=a", [STATIC + "add policy name=a"]),
    ("IPsec Stat\r\n  add policy name=a  \r\n", [STATIC + "add policy name=a"]),
    ("# a\nrem b\n:: c\n\nipsec static add policy name=a", [STATIC + "add policy name=a"]),
    ("ipsec static add policy name=a\nexit\nipsec static add policy name=b", [STATIC + "add policy name=a"]),
    ("ipsec static\nadd policy name=a\nbye\nadd policy name=b", [STATIC + "add policy name=a"]),
    ("ipsec static\n..\n..\nipsec static add policy name=a", [STATIC + "add policy name=a"]),
    ("ipsec static\n..\nstatic add policy name=a", [STATIC + "add policy name=a"]),
    ("pushd ipsec\nstatic\nadd policy name=a", [STATIC + "add policy name=a"]),
    # nothing of cmd.exe
    ("ipsec static\nadd policy name=%a% description=a^&b", [STATIC + "add policy name=%a% description=a^&b"]),
    ("ipsec static\nadd policy name=a & b > c", [STATIC + "add policy name=a & b > c"]),
    # a dump of netsh
    (
        "# ---\npushd interface ipv4\nreset\nadd policy name=x\npopd\npushd ipsec static\nadd policy name=a\npopd",
        [STATIC + "add policy name=a"],
    ),
    ("interface ip set address name=x source=dhcp\nipsec static add policy name=a", [STATIC + "add policy name=a"]),
    ("ipsec dynamic\nshow all", ["ipsec dynamic show all"]),
]


@pytest.mark.parametrize(("text", "commands"), SCRIPTS)
def test_a_script_of_netsh_is_recognised_and_read(text, commands):
    wanted = [command if command.startswith("ipsec") else STATIC + command for command in commands]
    assert run(text) == wanted


UNCERTAIN = [
    ("ipsec static\nnetsh ipsec static add policy name=a", 2, "without the word netsh"),
    ("ipsec static\nipsec static add policy name=a", 2, "netsh finds this from a context other than the first one"),
    ("interface ip\nipsec static add policy name=a", 2, "netsh finds this from a context other than the first one"),
    ("ipsec static\nexec other.txt\nadd policy name=a", 2, "what netsh does with the lines after it"),
    ("ipsec static\nset machine x\nadd policy name=a", 2, "what netsh does with the lines after it"),
]


@pytest.mark.parametrize(("text", "line", "reason"), UNCERTAIN)
def test_what_is_not_certain_in_a_script_of_netsh_is_refused(text, line, reason):
    with pytest.raises(SourceError) as caught:
        read(text)
    assert caught.value.line == line
    assert reason in caught.value.problem
    script = read(text, ignore=True)
    assert not script.commands
    assert [left.line for left in script.left_out] == list(range(line, text.count("\n") + 2))


def test_a_batch_file_is_not_read_as_a_script_of_netsh():
    with pytest.raises(SourceError, match="in a way that is not supported"):
        read("@echo off\nipsec static add policy name=a")


def test_errors_point_into_a_script_of_netsh():
    (command,) = read("ipsec static\n  add policy nme=a psk=SECRET").commands
    error = command.text.error(command.text.value.index("nme"), "wrong")
    assert (error.line, error.column) == (2, 14)
    assert "SECRET" not in str(error)


RULES = "pushd ipsec static\nadd policy name=a\n"
CALLS = [
    "netsh -f rules.txt",
    "netsh.exe -F RULES.TXT >nul",
    'netsh -f "rules.txt"',
    'netsh -f "%~dp0rules.txt"',
    "netsh exec .\\rules.txt",
    'netsh -c "ipsec static" -f bare.txt',
    "netsh -c ipsec -f half.txt",
    "netsh < rules.txt",
    "call netsh -f rules.txt",
    "for %%i in (rules) do netsh -f %%i.txt",
]


@pytest.mark.parametrize("call", CALLS)
def test_netsh_f_runs_the_commands_of_a_file_at_its_place(call):
    file = f"netsh ipsec static x\n{call}\nnetsh ipsec static y"
    found = run(file, rules=RULES, bare="add policy name=a", half="static add policy name=a")
    assert found == ["netsh ipsec static x", STATIC + "add policy name=a", "netsh ipsec static y"]


WRITTEN = [
    "echo pushd ipsec static> x.txt\necho add policy name=a>> x.txt\nnetsh -f x.txt",
    "(\necho pushd ipsec static\necho add policy name=a\n) > %TEMP%\\x.txt\nnetsh -f %TEMP%\\x.txt\ndel %TEMP%\\x.txt",
    '>"%~dp0x.txt" echo ipsec static add policy name=a\nnetsh -f x.txt',
    'set F=%~dp0x.txt\necho ipsec static add policy name=a>"%F%"\nnetsh -f "%F%"',
    "for %%i in (a) do @echo ipsec static add policy name=%%i>>rules.txt\nnetsh -f rules.txt",
]


@pytest.mark.parametrize("file", WRITTEN)
def test_netsh_f_runs_what_the_batch_file_has_written(file):
    assert run(file, rules="") == [STATIC + "add policy name=a"]


def test_errors_in_a_written_file_point_to_the_echo():
    file = "echo ipsec static add policy nme=a> x.txt\nnetsh -f x.txt"
    (command,) = read(file).commands
    error = command.text.error(command.text.value.index("nme"), "wrong")
    assert (error.line, error.column) == (1, 30)


UNKNOWN = [
    ("netsh -f other.txt", "the content of the file 'other.txt' is not known"),
    ("netsh -f %X%.txt", "is not known"),
    ("netsh -r host -f rules.txt", "options that are not supported"),
    ("if x==%Y% netsh -f rules.txt", "the 'if' in line 1"),
    ("echo a> x.txt & echo %X%>> x.txt & netsh -f x.txt", "depends on a variable, which the file does not set"),
    ("type rules.txt | netsh", "may read its commands from a pipe"),
]


@pytest.mark.parametrize(("file", "reason"), UNKNOWN)
def test_netsh_f_with_unknown_content_is_refused(file, reason):
    with pytest.raises(SourceError) as caught:
        read(file, rules=RULES)
    assert reason in caught.value.problem


def test_what_is_left_out_of_a_file_has_the_line_of_netsh_f_and_that_of_the_file():
    script = read("rem\nnetsh -f rules.txt", ignore=True, rules="ipsec static\nnetsh ipsec static show all")
    (left,) = script.left_out
    assert left.line == 2
    assert left.reason.startswith("line 2 of 'rules.txt': ")


def test_errors_name_the_file():
    (command,) = read("rem\nnetsh -f rules.txt", rules=RULES).commands
    assert command.line == 2
    assert str(command.text.error(13, "wrong")).startswith("'rules.txt', line 2, column 1: wrong\n  add policy name=a")


@pytest.mark.parametrize(
    "command", ["cmd /c netsh -f a.txt", "start netsh.exe -c ipsec -f a.txt", "cmd /c netsh exec a"]
)
def test_a_script_that_another_program_hands_to_netsh_is_not_dropped(command):
    with pytest.raises(SourceError, match="in a way that is not supported"):
        read(f"{command}\nipseccmd a", a="ipsec static add policy name=a")
    assert read(f"ipseccmd a\necho {command}\nnetsh advfirewall show").left_alone == (2, 3)


@pytest.mark.parametrize("character", ["\0", "\x1a"])
def test_a_character_that_no_text_file_has_is_refused(character):
    script = f"ipsec static\nadd policy name=a{character}b\nadd policy name=c"
    with pytest.raises(SourceError, match="does not belong into a text file") as caught:
        read(script)
    assert (caught.value.line, caught.value.column) == (2, 18)
    assert [command.line for command in read(script, ignore=True).commands] == [3]
