# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Jumps that cmd.exe certainly makes, and subroutines that may end the script."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import read_script
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.outside import Outside
from unit.batches import leave_out, refuse, run
from unit.work import calls

FORWARD = {
    "a goto": (["goto x", "ipseccmd no", ":x", "ipseccmd yes"], ["ipseccmd yes"]),
    "a goto in another case": (["goto  :X", "ipseccmd no", "  :x is here", "ipseccmd yes"], ["ipseccmd yes"]),
    "a goto in a branch": (
        *(
            [
                "set M=on",
                'if "%M%"=="on" goto on',
                "ipseccmd no",
                "goto end",
                ":on",
                "ipseccmd yes",
                ":end",
                "ipseccmd z",
            ],
        ),
        ["ipseccmd yes", "ipseccmd z"],
    ),
    "a goto in a block": (
        *(["set M=on", "if %M%==on (", "ipseccmd a", "goto x", "ipseccmd no", ")", "ipseccmd no", ":x", "ipseccmd b"],),
        ["ipseccmd a", "ipseccmd b"],
    ),
    "two gotos": (["goto x", "ipseccmd no", ":x", "goto y", "ipseccmd no", ":y", "ipseccmd yes"], ["ipseccmd yes"]),
    "skipped variables": (
        *(["set A=1", "setlocal", "goto x", "set A=2", "endlocal", "call other", ":x", "ipseccmd %A%"],),
        ["ipseccmd 1"],
    ),
    "skipped errors": (["goto x", "( ) ipseccmd no", "%~ ipseccmd", ":x", "ipseccmd yes"], ["ipseccmd yes"]),
    "a skipped subroutine": (
        *(["goto x", ":sub", "ipseccmd no", "goto :eof", "goto x", ":x", "ipseccmd yes"],),
        ["ipseccmd yes"],
    ),
    "into a block": (["goto x", "(", "ipseccmd no", ":x", "ipseccmd yes", ") ipseccmd no"], ["ipseccmd yes"]),
    "the next label of two": ([":x", "goto x", "ipseccmd no", ":x", "ipseccmd yes"], ["ipseccmd yes"]),
}


@pytest.mark.parametrize("name", FORWARD)
def test_a_certain_jump_forward_is_followed(name: str) -> None:
    lines, commands = FORWARD[name]
    assert run(*lines) == commands


NOT_FOLLOWED = {
    "no label": (["goto x", "ipseccmd a"], "after the 'goto' in line 1"),
    "an unknown label": (["goto %1", "ipseccmd a", ":x"], "after the 'goto' in line 1"),
    "backward": ([":x", "goto x", "ipseccmd a"], "after the 'goto' in line 2"),
    "in a loop": (["for %%i in (a b) do goto x", "ipseccmd a", ":x"], "after the 'goto' in line 1"),
    "in a pipe": (["goto x | more", "ipseccmd a", ":x"], "after the 'goto' in line 1"),
    "a label in the same block": (["(", "goto x", ":x", "ipseccmd a", ")", ":x"], "after the 'goto' in line 2"),
    "an uncertain label": (["goto x", "ipseccmd a", "(:x", "rem )", ")", ":x"], "after the 'goto' in line 1"),
}


@pytest.mark.parametrize("name", NOT_FOLLOWED)
def test_another_jump_makes_the_rest_unknown(name: str) -> None:
    lines, reason = NOT_FOLLOWED[name]
    assert reason in refuse(*lines).problem
    assert leave_out(*lines).commands == ()


REACHED = {
    "a call": ["goto x", ":sub", "ipseccmd a", "goto :eof", ":x", "call :sub"],
    "a call before": ["call :sub", "goto x", ":sub", "ipseccmd a", "goto :eof", ":x"],
    "a computed call": ["goto x", ":sub", "ipseccmd a", "goto :eof", ":x", "call :%1"],
    "a jump back": ["goto x", ":y", "ipseccmd a", "goto end", ":x", "goto y", ":end"],
    "a jump to before the skipped lines": [":y", "if exist x goto y", "goto x", "ipseccmd a", ":x", "goto y"],
    "a jump in other skipped lines": [
        *("goto a", ":one", "goto two", ":a", "goto b", ":two", "ipseccmd a", "goto :eof", ":b", "call :one"),
    ],
}


@pytest.mark.parametrize("name", REACHED)
def test_skipped_lines_that_another_jump_reaches_are_refused(name: str) -> None:
    number = REACHED[name].index("ipseccmd a") + 1
    assert refuse(*REACHED[name]).line == number
    assert number in [left.line for left in leave_out(*REACHED[name]).left_out]


ENDS = {
    "exit": ["exit"],
    "exit with a code": ["if errorlevel 1 exit 5", "exit /b"],
    "in a block": ["if errorlevel 1 (", "echo a", "exit", ")", "goto :eof"],
    "behind a return in a block": ["if errorlevel 1 (", "goto :eof", ")", "exit", "goto :eof"],
    "behind a return that continues": ["if errorlevel 1 ^", "goto :eof", "exit"],
    "in a row": ["echo a & exit"],
    "behind a jump": ["if errorlevel 1 goto y", "exit /b", ":y", "exit"],
    "behind a call": ["call :y", "exit /b", ":y", "exit"],
    "behind a computed jump": ["goto %1", ":eof", "exit /b", ":y", "exit"],
}


@pytest.mark.parametrize("name", ENDS)
def test_nothing_is_certain_behind_a_call_that_may_end_the_script(name: str) -> None:
    lines = ["ipseccmd a", "call :sub x", "ipseccmd b", "exit /b", ":sub", *ENDS[name]]
    error = refuse(*lines)
    assert error.line == 3
    end = 5 + next(i for i, line in enumerate(ENDS[name], 1) if "exit" in line.replace("exit /b", ""))
    assert f"the call in line 2 may reach the 'exit' in line {end}, which ends the script; 'exit /b'" in error.problem


@pytest.mark.parametrize(
    "lines",
    [
        ["exit /b"],
        ["if errorlevel 1 exit /b 1", "goto:eof", "exit"],
        ["if errorlevel 1 (", "echo exit", ") else (", "echo b", ")", "@exit/b 5", ":y", "exit"],
        ["echo to exit, press a key", "rem exit", ":: exit", "cmd /c exit 5", "goto :EOF", "exit"],
        ["if errorlevel 1 goto z", "goto :eof", ":y", "exit", ":z", "exit /b"],
    ],
)
def test_a_call_of_a_subroutine_that_returns_changes_nothing(lines: list[str]) -> None:
    assert run("ipseccmd a", "call :sub x", "ipseccmd b", "exit", ":sub", *lines) == ["ipseccmd a", "ipseccmd b"]


AGAIN = {
    "a condition": ["set A=1", ":top", "if %A%==2 ipseccmd a", "set A=2", "if exist y goto top"],
    "a condition before a computed jump": ["set A=1", ":top", "if %A%==2 ipseccmd a", "set A=2", "goto %X%"],
    "an empty list": ["set L=", ":top", "for %%i in (%L%) do ipseccmd %%i", "set L=a", "goto top"],
    "a comment": ["set R=rem", ":top", "%R% ipseccmd a", "set R=", "goto top"],
    "a program": ["set P=ipseccmd", ":top", "%P% a", "goto top"],
    "a skipped program": ["set A=1", ":top", "set P=ipseccmd", "if %A%==2 %P% a", "goto top"],
    "a subroutine": ["set A=1", "call :sub", "set A=2", "call :sub", "exit /b", ":sub", "if %A%==1 ipseccmd a"],
    "a jump over lines": [
        *("set A=1", ":top", "if %A%==1 goto x", "ipseccmd a", ":x", "set A=2", "if exist y goto top"),
    ],
}


@pytest.mark.parametrize("name", AGAIN)
def test_variables_are_unknown_in_lines_that_run_again(name: str) -> None:
    lines = AGAIN[name]
    assert leave_out(*lines).commands == ()
    assert leave_out(*lines).left_out


def test_variables_are_known_again_if_the_repeated_lines_set_them() -> None:
    assert run(":top", "set A=1", "if %A%==2 ipseccmd a", "if exist y goto top") == []


def test_a_jump_that_counts_as_not_taken_leads_to_no_command_that_is_dropped() -> None:
    lines = ["if exist x goto z", "goto w", ":z", "ipseccmd a", "exit /b", ":w", "ipseccmd b"]
    script = leave_out(*lines)
    assert [command.text.value for command in script.commands] == ["ipseccmd b"]
    assert 4 in [left.line for left in script.left_out]
    # without it, the jump that is certain skips the lines
    assert run("set A=1", "if %A%==2 goto z", *lines[1:]) == ["ipseccmd b"]


def test_skipped_lines_change_no_arguments_and_files() -> None:
    lines = ["goto x", "shift", "echo 2 > list.txt", ":x", "ipseccmd %1", "for /f %%i in (list.txt) do ipseccmd %%i"]
    outside = Outside.of(["a", "b"], {}, {"LIST.TXT": "1"}.get)
    commands = read_script("\n".join(lines), outside=outside).commands
    assert [command.text.value for command in commands] == ["ipseccmd a", "ipseccmd 1"]


def test_arguments_are_unknown_in_a_subroutine() -> None:
    lines = ["call :sub x", "exit /b", ":sub", "if %1==x ipseccmd a"]
    script = read_script("\n".join(lines), ignore_unsupported=True, outside=Outside.of(["y"], {}))
    assert script.commands == ()
    assert [left.line for left in script.left_out] == [4]


@pytest.mark.parametrize("end", ["exit /b", "exit", "call :%A%"])
def test_the_time_to_find_an_exit_grows_with_the_file(end: str) -> None:
    def work(count: int) -> int:
        labels = [line for i in range(count) for line in (f":x{i}", f"call :x{i + 1}", "exit /b")]
        file = "\n".join(["call :x0", "ipseccmd a", "exit /b", *labels, f":x{count}", end])
        return calls(lambda: read_script(file, ignore_unsupported=True))

    assert work(400) < 2.5 * work(200)


def test_an_exit_is_found_in_a_circle_of_subroutines_and_behind_other_labels() -> None:
    circle = ["exit /b", ":x", "call :y", "exit /b", ":y", "call :x", "call :z", "exit /b", ":z", "echo", ":end"]
    for label in "xyz":
        assert run(f"call :{label}", "ipseccmd a", *circle, "exit /b") == ["ipseccmd a"]
        error = refuse(f"call :{label}", "ipseccmd a", *circle, "exit")
        assert "the call in line 1 may reach the 'exit' in line 14" in error.problem
