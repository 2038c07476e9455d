# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Unknown conditions: by default everything behind them is unknown; otherwise only their bodies are left out."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Outside, read_script
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError

# a file with a jump in the body of an unknown condition: the line that is unknown because of it, and the reason
JUMPS = [
    (["if x==%Y% goto z", "ipseccmd a"], 2, "the 'goto' in line 1 may skip it"),
    (["if exist x goto x", "ipseccmd a", ":x"], 2, "the 'goto' in line 1 may skip it"),
    (["ping x || exit /b 1", "ipseccmd a"], 2, "the 'exit' in line 1 may skip it"),
    (["ping x || goto :eof", "ipseccmd a"], 2, "the 'goto' in line 1 may skip it"),
    (["ping x && (", "echo b", "exit", ")", "ipseccmd a"], 5, "the 'exit' in line 3 may skip it"),
    ([":x", "ipseccmd a", "if errorlevel 1 goto x"], 2, "more than once: line 3 jumps"),
    (["for /f %%i in ('ver') do exit /b", "ipseccmd a"], 2, "the 'exit' in line 1 may skip it"),
]


@pytest.mark.parametrize(("lines", "line", "reason"), JUMPS, ids=["; ".join(lines) for lines, *_expected in JUMPS])
def test_a_jump_in_an_unknown_condition_is_an_error_by_default(lines, line, reason):
    with pytest.raises(SourceError) as caught:
        read_script("\n".join(lines))
    assert caught.value.line == line
    assert reason in caught.value.problem


@pytest.mark.parametrize("lines", [lines for lines, *_expected in JUMPS], ids=["; ".join(row[0]) for row in JUMPS])
def test_with_ignore_a_jump_in_an_unknown_condition_counts_as_not_taken(lines):
    script = read_script("\n".join(lines), ignore_unsupported=True)
    assert [command.text.value for command in script.commands] == ["ipseccmd a"]
    (left,) = script.left_out
    assert any(word in lines[left.line - 1] for word in ("goto", "exit"))
    assert "counts as one that does not run: " in left.reason


def test_variables_of_a_body_that_is_left_out_are_unknown():
    file = "set A=1\nif x==%Y% (\nset A=2\nexit\n)\nipseccmd a\nipseccmd %A%"
    script = read_script(file, ignore_unsupported=True)
    assert [command.text.value for command in script.commands] == ["ipseccmd a"]
    assert [left.line for left in script.left_out] == [7, 4]


def test_a_batch_file_that_only_starts_under_a_condition_does_not_end_the_script():
    script = read_script("if errorlevel 1 other.bat\nipseccmd a", ignore_unsupported=True)
    assert [command.text.value for command in script.commands] == ["ipseccmd a"]
    assert [left.line for left in script.left_out] == [1]


PREAMBLES = {
    "net session": """
        @echo off
        net session >nul 2>&1
        if %errorlevel% neq 0 (
            echo Run this as an administrator.
            pause
            exit /b 1
        )
    """,
    "fltmc": """
        @echo off
        fltmc >nul 2>&1 || (
            echo Run this as an administrator.
            exit /b 1
        )
    """,
    "openfiles": """
        openfiles >nul 2>&1
        if not %errorlevel%==0 goto :eof
    """,
    "mshta": """
        %1 mshta vbscript:CreateObject("Shell.Application").ShellExecute("%~s0","::","","runas",1)(window.close)&&exit
        cd /d "%~dp0"
    """,
    "powershell": """
        net session >nul 2>&1
        if %errorlevel% == 0 goto admin
        powershell -Command "Start-Process '%~f0' -Verb RunAs"
        exit /b
        :admin
    """,
    "getadmin.vbs": """
        >nul 2>&1 "%SYSTEMROOT%\\system32\\cacls.exe" "%SYSTEMROOT%\\system32\\config\\system"
        if '%errorlevel%' NEQ '0' (
            goto UACPrompt
        ) else ( goto gotAdmin )

        :UACPrompt
        echo Set UAC = CreateObject^("Shell.Application"^) > "%temp%\\getadmin.vbs"
        echo UAC.ShellExecute "%~s0", "", "", "runas", 1 >> "%temp%\\getadmin.vbs"
        "%temp%\\getadmin.vbs"
        exit /B

        :gotAdmin
        if exist "%temp%\\getadmin.vbs" ( del "%temp%\\getadmin.vbs" )
        pushd "%CD%"
        CD /D "%~dp0"
    """,
    "a jump over the elevation": """
        net session >nul 2>&1
        if errorlevel 1 goto elevate
        goto main
        :elevate
        powershell Start-Process '%~f0' -Verb RunAs
        exit /b
        :main
    """,
}


@pytest.mark.parametrize("name", PREAMBLES)
def test_the_usual_preambles_can_be_left_out(name):
    file = PREAMBLES[name] + "\nset P=Ports\nipseccmd %P%\n"
    with pytest.raises(SourceError):
        read_script(file)
    script = read_script(file, ignore_unsupported=True)
    assert [command.text.value for command in script.commands] == ["ipseccmd Ports"]
    assert script.left_out


def test_variables_between_a_jump_and_its_label_are_unknown_after_it():
    file = "set A=1\nif x==%Y% goto z\nset A=2\nexit\n:z\nipseccmd a\nipseccmd %A%"
    script = read_script(file, ignore_unsupported=True)
    assert [command.text.value for command in script.commands] == ["ipseccmd a"]
    assert [left.line for left in script.left_out] == [7, 2]


# a file goes on at a label only if nothing that the jump skips is certain
STOPPED = [
    "if x==%Y% goto z\nipseccmd a\nexit\n:z\nipseccmd b",
    "if x==%Y% goto z\nsetlocal\nexit\n:z\nipseccmd b",
    'if x==%Y% goto z\ncd sub\nexit\n:z\nfor /f %%i in ("b") do ipseccmd %%i',
    "if x==%Y% goto z\nshift\nexit\n:z\nipseccmd b",
    "if x==%Y% goto z\ngoto w\n:z\nipseccmd b\nexit\n:w",
    ":z\nif x==%Y% goto z\nexit\n:w\nipseccmd b",
]


@pytest.mark.parametrize("file", STOPPED)
def test_two_ways_through_a_file_are_never_mixed(file):
    script = read_script(file, ignore_unsupported=True)
    assert "ipseccmd b" not in [command.text.value for command in script.commands]
    assert script.left_out


# lines that a certain jump skips change nothing that the lines after its label use
SKIPPED = ["shift", "cd sub", "echo b > x.txt", "del x.txt", "set A=2", "if exist y exit"]


@pytest.mark.parametrize("line", SKIPPED)
def test_lines_that_a_certain_jump_skips_change_nothing(line):
    file = f"echo a> x.txt\ngoto z\n{line}\n:z\nfor /f %%i in (x.txt) do ipseccmd %%i %1"
    script = read_script(file, True, outside=Outside.of(["1"], None))
    assert [command.text.value for command in script.commands] == ["ipseccmd a 1"]
    assert not script.left_out


def test_a_call_in_an_unknown_condition_counts_as_not_taken():
    script = read_script(":x\nipseccmd a\nif exist y call :x", ignore_unsupported=True)
    assert [command.text.value for command in script.commands] == ["ipseccmd a"]
    assert [left.line for left in script.left_out] == [3]


def test_a_jump_that_skips_no_command_is_not_listed():
    assert not read_script("ipseccmd a\nif exist y goto z\n:z", ignore_unsupported=True).left_out
