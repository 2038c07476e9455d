# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Commands that depend on more than the file, files beyond the limits, and keys in errors."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import (
    LeftOut,
    read_script,
    runner,
    variables,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from unit.batches import leave_out, refuse

# a file with a command that depends on more than the file: line, column, and a part of the reason
UNKNOWN = [
    (["ipseccmd %1"], 1, 10, "an argument of the batch file"),
    (["ipseccmd a %*"], 1, 12, "an argument"),
    (["ipseccmd %~dp0x"], 1, 10, "the folder of the batch file"),
    (["ipseccmd a b%DATE%"], 1, 13, "depends on a variable, which the file computes when it runs"),
    (["ipseccmd p:%KEY%"], 1, 12, "%KEY%, which the file does not set before this line"),
    (["set A=1&ipseccmd %A%", "ipseccmd %A%"], 1, 18, "%A%, which the file does not set before this line"),
    (["ipseccmd %A:~1%"], 1, 10, "a part of %A%, which the file does not set before this line"),
    (["set A=%1", "ipseccmd %A:~1%"], 2, 10, "a part of %A%"),
    (["set A=", "ipseccmd %A:~1%"], 2, 10, "a part of %A%"),
    (["set A=abc", "ipseccmd %A:b%"], 2, 10, "a part of %A%"),
    (["set A=abc", "ipseccmd %A:~010%"], 2, 10, "a part of %A%"),
    (["set A=%1", "set B=x%A%", "ipseccmd a", "ipseccmd %B%"], 4, 10, "an argument"),
    (["set /p A=name?", "ipseccmd %A%"], 2, 10, "line 1 sets at run time"),
    (["set /a A=1+2", "ipseccmd %A%"], 2, 10, "line 1 sets at run time"),
    (["set A=1", 'set /a "B=2, A+=1"', "ipseccmd %A%"], 3, 10, "line 2 sets at run time"),
    (["set A=1", "set %1=2", "ipseccmd %A%"], 3, 10, "line 2 may set"),
    (["set A=1", "if exist x set A=2", "ipseccmd %A%"], 3, 10, "line 2 may set"),
    (["set A=1", "ping x && set A=2", "ipseccmd %A%"], 3, 10, "line 2 may set"),
    (["set A=1", "for /f %%i in (x) do set A=%%i", "ipseccmd %A%"], 3, 10, "line 2 may set"),
    (["set A=1", "call other", "ipseccmd %A%"], 3, 10, "the call in line 2 may set"),
    (["set A=1", "call :x", "ipseccmd %A%", "exit /b", ":x", "set a=2"], 3, 10, "the call in line 2 may set"),
    (["set A=1", "call :x", "ipseccmd %A%", "exit /b", ":x", "set %1=2"], 3, 10, "the call in line 2 may set"),
    (["set A=1", "call set B=%%A%%", "ipseccmd %B%"], 3, 10, "parses this part twice"),
    (["setlocal enabledelayedexpansion", "ipseccmd !A!"], 2, 10, "!A!, which the file does not set before this line"),
    (
        ["setlocal EnableDelayedExpansion", "set A=!B!", "ipseccmd %A%"],
        3,
        10,
        "!B!, which the file does not set before this line",
    ),
    (["if exist x setlocal enabledelayedexpansion", "ipseccmd !A!"], 2, 10, "delayed expansion"),
    (["set A=1", "if exist x setlocal", "set A=2", "endlocal", "ipseccmd %A%"], 5, 10, "endlocal in line 4"),
    (
        ["set A=1", "setlocal", "if exist x endlocal", "set A=2", "endlocal", "ipseccmd %A%"],
        6,
        10,
        "endlocal in line 5",
    ),
    (["set A=1", "call :x", "ipseccmd %A%", "exit /b", ":x", "set,A=2"], 3, 10, "the call in line 2 may set"),
    (["ipseccmd a\0b"], 1, 11, "a NUL"),
    (["ping x && ipseccmd a"], 1, 11, "the result of the command before '&&'"),
    (["ping x || ipseccmd a | more"], 1, 11, "the result of the command before '||'"),
    (["ping x && (ipseccmd a)"], 1, 12, "the result of the command before '&&'"),
    (["ipseccmd a%%b%% | more"], 1, 11, "parses this part twice"),
    (["ipseccmd a^&b | more"], 1, 12, "parses this part twice"),
    (['ipseccmd "a&b" c^^ | more'], 1, 18, "parses this part twice"),
    (["call ipseccmd %%A%%"], 1, 15, "parses this part twice"),
    (["if exist x ipseccmd a"], 1, 12, "the 'if' in line 1"),
    (['if "%1" == "" ipseccmd a'], 1, 15, "the 'if' in line 1"),
    (["if /i not %1 equ y (echo a) else ipseccmd a"], 1, 34, "the 'if' in line 1"),
    (["if exist a (", "echo b", ") else if defined c (", "ipseccmd a", ")"], 4, 1, "the 'if' in line 1"),
    (["if not errorlevel 1 echo & ipseccmd a"], 1, 28, "the 'if' in line 1"),
    (["if exist x (echo) & ipseccmd a"], 1, 21, "the 'if' in line 1"),
    (["for %%i in (*.txt) do ipseccmd a"], 1, 23, "the list of the 'for' in line 1"),
    (["for %%i in (a ?) do ipseccmd a"], 1, 21, "the list of the 'for' in line 1"),
    (["for /f %%i in ('dir') do (", "ipseccmd a", ")"], 2, 1, "the list of the 'for' in line 1"),
    (['for /f "tokens=1,2 delims=," %%i in (x) do ipseccmd a'], 1, 44, "the list of the 'for'"),
    (["for /r c:\\x %%i in (x) do ipseccmd a"], 1, 27, "the list of the 'for'"),
    (["for /d %%i in (x) do ipseccmd a"], 1, 22, "the list of the 'for'"),
    (["for /f %%i in ('ipseccmd show all') do echo a"], 1, 17, "runs this command to read its output"),
    (["for %%i in (%1) do ipseccmd %%i"], 1, 29, "an argument"),
    (["for %%i in (a.txt) do ipseccmd %%~ni"], 1, 32, "a part of a file name"),
    (["for /l %%i in (1,1,%1) do ipseccmd a"], 1, 27, "an argument"),
    (["for /l %%i in (1,1) do ipseccmd a"], 1, 24, "the numbers of the 'for' in line 1 are unknown"),
    (["goto x", "ipseccmd a"], 2, 1, "after the 'goto' in line 1"),
    (["goto:eof", "ipseccmd a"], 2, 1, "after the 'goto' in line 1"),
    (["exit /b & ipseccmd a"], 1, 11, "after the 'exit' in line 1"),
    ([":x", "goto x", "ipseccmd a"], 3, 1, "after the 'goto' in line 2"),
    (["call :x", ":x", "ipseccmd a"], 3, 1, "more than once: line 1 jumps"),
    ([":x", "ipseccmd a", "call :%1"], 2, 1, "more than once: line 3 jumps"),
    (["other.bat", "ipseccmd a"], 2, 1, "line 1 starts another batch file without 'call'"),
    (["for /l %%i in (1,0,2) do ping x", "ipseccmd a"], 2, 1, "the 'for' in line 1 never ends"),
    (
        ["start /wait ipseccmd a"],
        1,
        13,
        "in a way that is not supported; start the command with the name of the program",
    ),
    (['cmd /c "ipseccmd a"'], 1, 9, "in a way that is not supported; start the command with the name of the program"),
    (
        [r"psexec \\h ipseccmd a"],
        1,
        12,
        "in a way that is not supported; start the command with the name of the program",
    ),
    (
        [r"psexec \\h c:\tools\ipseccmd.exe a"],
        1,
        21,
        "in a way that is not supported; start the command with the name of the program",
    ),
    (
        ['netsh -c "ipsec static" show all'],
        1,
        1,
        "in a way that is not supported; start the command with the name of the program",
    ),
    (
        ["netsh -r host ipsec static show all"],
        1,
        1,
        "in a way that is not supported; start the command with the name of the program",
    ),
    (
        ["echo off", "ipsec static add policy name=a"],
        2,
        1,
        "in a way that is not supported; start the command with the name of the program",
    ),
    (
        ["echo ipsec static show all | netsh"],
        1,
        6,
        "in a way that is not supported; start the command with the name of the program",
    ),
    (["netsh %1 static show all"], 1, 7, "an argument"),
    (["(", "ipseccmd a"], 2, 1, "cannot parse line 1, column 1: this parenthesis is not closed"),
    (["for %%i in (a b ipseccmd %%i"], 1, 17, "this parenthesis is not closed"),
    (["for %%i in (a b) ipseccmd %%i"], 1, 18, "expected 'do' after the list of 'for'"),
    (["for %%ij in (a b) do ipseccmd %%i"], 1, 22, "'for' needs a variable, such as %%i"),
    (["for i in (a b) do ipseccmd %%i"], 1, 19, "'for' needs a variable, such as %%i"),
    (["for %%i (a b) do ipseccmd %%i"], 1, 18, "expected 'in' after the variable of 'for'"),
    (["for %%i in a b do ipseccmd %%i"], 1, 19, "expected a list in parentheses after 'in'"),
    (["for %%i in (a) do", "ipseccmd a"], 2, 1, "cmd.exe stops at line 1, column"),
    (["if x==y", "ipseccmd a"], 2, 1, "cmd.exe stops at line 1, column"),
    (["if x y ipseccmd a"], 1, 8, "'if' needs a comparison, such as =="),
    (["ipseccmd a && & echo"], 1, 1, "expected a command"),
    (["ipseccmd a >", "ipseccmd b"], 1, 1, "this redirection has no file"),
    (["(echo a) b", "ipseccmd a"], 2, 1, "cmd.exe stops at line 1, column"),
    (["(" * 101 + "ipseccmd a" + ")" * 101], 1, 102, "nested more than 100 levels deep"),
]


@pytest.mark.parametrize(
    ("lines", "line", "column", "reason"), UNKNOWN, ids=["; ".join(lines) for lines, *_expected in UNKNOWN]
)
def test_an_unknown_command_is_refused_with_its_place(lines: list[str], line: int, column: int, reason: str) -> None:
    error = refuse(*lines)
    assert (error.line, error.column) == (line, column)
    assert reason in error.problem
    script = leave_out(*lines)
    assert error.problem == f"{script.left_out[0].reason}; unsupported=ignore leaves this command out"
    assert line in [left.line for left in script.left_out]


def test_unknown_commands_can_be_left_out() -> None:
    script = leave_out("ipseccmd a", "ipseccmd %1", "for %%i in (1 2) do ipseccmd %%i %1", "exit", "ipseccmd b")
    assert [command.text.value for command in script.commands] == ["ipseccmd a"]
    assert script.left_out == (
        LeftOut(2, "it depends on an argument of the batch file; the option arguments gives it"),
        LeftOut(3, "it depends on an argument of the batch file; the option arguments gives it"),
        LeftOut(5, "it comes after the 'exit' in line 4"),
    )
    assert script.left_alone == (4,)


def test_syntax_errors_in_other_commands_are_ignored() -> None:
    script = read_script("ipseccmd a\nrem\nfor %%i in (a) ping %%i\n(\nping b\n")
    assert ([command.text.value for command in script.commands], script.left_alone) == (["ipseccmd a"], (3, 5))


def test_cmd_exe_stops_at_the_33rd_open_setlocal() -> None:
    file = ["setlocal"] * 33 + ["ipseccmd a"]
    assert [command.text.value for command in leave_out(*file[1:]).commands] == ["ipseccmd a"]
    error = refuse(*file)
    assert (error.line, error.column) == (34, 1)
    assert "cmd.exe stops at the setlocal in line 33: more than 32 are open" in error.problem


BEYOND_A_LIMIT = "expand the file beyond 4,194,304 characters or 100,000 commands; split the file or shorten its loops"


@pytest.mark.parametrize("numbers", ["1,1,100001", "1,0,1"])
@pytest.mark.parametrize("ignore_unsupported", [False, True], ids=["error", "ignore"])
def test_a_loop_over_too_many_numbers_is_refused(numbers: str, ignore_unsupported: bool) -> None:
    with pytest.raises(SourceError, match=BEYOND_A_LIMIT):
        read_script(f"for /l %%i in ({numbers}) do ipseccmd %%i", ignore_unsupported)


LARGE = {
    "two nested loops": "for /l %%i in (1,1,1000) do for /l %%j in (1,1,1000) do ipseccmd %%i",
    "eight nested loops": "".join(f"for %%{letter} in (1 2 3 4 5 6 7 8 9 10) do " for letter in "abcdefgh")
    + "set A=%%a",
    "long text in a loop": "for /l %%i in (1,1,99999) do ipseccmd " + "x" * 100,
    "long variable": "set A=" + "x" * 8000 + "\n" + "echo %A%\n" * 600,
}


@pytest.fixture(params=[100, pytest.param(1, marks=pytest.mark.judge)], ids=["small limits", "real limits"])
def limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Smaller limits, which are reached in less time."""
    monkeypatch.setattr(runner, "MAX_RUNS", runner.MAX_RUNS // request.param)
    monkeypatch.setattr(variables, "MAX_CHARACTERS", variables.MAX_CHARACTERS // request.param)


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("ignore_unsupported", [False, True], ids=["error", "ignore"])
def test_files_that_grow_beyond_a_limit_are_refused(name: str, ignore_unsupported: bool) -> None:
    with pytest.raises(SourceError, match=BEYOND_A_LIMIT):
        read_script(LARGE[name], ignore_unsupported)


def test_a_variable_longer_than_a_command_line_is_unknown() -> None:
    file = "set A=0123456789\n" + "set A=%A%%A%\n" * 1000 + "ipseccmd %A%"
    with pytest.raises(SourceError, match=r"line 11, column \d+: with its variables, this line has more than"):
        read_script(file)


KEYS = [
    "ipseccmd -a p:SECRET %1",
    "set K=SECRET\nipseccmd -a p:%K% %1",
    "set K=SECRET& ipseccmd -a p:%K% %1",
    "set K=SECRET& (for %%k in (%K%) do ipseccmd -a p:%%k %1)",
    "for %%k in (SECRET SECRET2) do ipseccmd -a p:%%k %1",
    "for %%k in (SECRET*) do ipseccmd -a p:%%k %1",
    'for /f %%k in ("SECRET") do ipseccmd -a p:%%k %1',
    "if exist x set K=SECRET& ipseccmd -a p:%K%",
    'set "O=-a p:SECRET"& ipseccmd %O% %1',
    "ipseccmd -a ^\n  SECRET %1",
    "netsh ipsec static add rule psk=^\nSECRET a=%1",
    "ipseccmd -a p:50%SECRET%5 -x",
    "set K=SECRET& start ipseccmd -a p:%K%",
    "for %%k in (SECRET) ipseccmd -a p:%%k & rem SECRET",
    "set K=SECRET& for /l %%i in (1,1,1000000) do ipseccmd -a p:%K%",
    "set K=SECRET& netsh ipsec static add rule psk=%K% %1",
]


@pytest.mark.parametrize("file", KEYS)
def test_no_error_shows_a_key(file: str) -> None:
    error = refuse(*file.split("\n"))
    assert "SECRET" not in str(error)
    if "1000000" not in file:
        assert "SECRET" not in repr(leave_out(*file.split("\n")).left_out)


def test_keys_are_hidden_in_the_file_of_a_command() -> None:
    text = read_script("set K=SECRET& rem\nfor %%i in (SECRET) do ipseccmd -a p:%%i -x").commands[0].text
    assert text.value == "ipseccmd -a p:SECRET -x"
    assert text.file == "set K=SECRET& rem\nfor %%i in (******) do ipseccmd -a p:%%i -x"
    assert "SECRET" not in str(text.error(len(text) - 1, "wrong"))
