# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Conditions whose both sides are known."""

from __future__ import annotations

import pytest
from unit.batches import leave_out, refuse, run

TRUE = [
    *("a==a", "not a==b", "/i a==A", "/i not a==b", "not /i a==B", '"a b"=="a b"', "a == a", "(a)==(a)", '"%A%"=="1"'),
    *('not "%A%"==""', '"%E%"==""', "%A%==1", "%A%%A%==11", 'not "a"==a', "é==é", "not é==è", '"%B%"=="x y"'),
    # numbers
    *("1 equ 1", "1 EQU 01", "2 lss 10", "10 gtr 9", "10 geq 10", "9 leq 10", "1 neq 2", "-1 lss 0", "+1 equ 1"),
    *("0x10 equ 16", "010 equ 8", "not 08 equ 8", "99999999999 equ 2147483647", "-99999999999 lss 0", "0 equ -0"),
    # texts
    *(
        "a equ a",
        "a neq A",
        "/i a equ A",
        "a lss b",
        "b gtr a",
        "a lss B",
        "a lss A",
        "B gtr a",
        "9 lss a",
        '"10" lss "9"',
    ),
    *('"a" lss "ab"', '"a.b" lss "a1"', "ab gtr a", "/i A leq a", "/i A geq a", "08 lss 8", "1.10 lss 1.9"),
    *("defined A", "not defined E", "defined a", "defined B"),
]


@pytest.mark.parametrize("condition", TRUE)
def test_a_known_condition_runs_its_branch(condition: str) -> None:
    lines = ["set A=1", "set E=", "set B=x y"]
    assert run(*lines, f"if {condition} ipseccmd yes") == ["ipseccmd yes"]
    assert run(*lines, f"if {condition} (ipseccmd yes) else ipseccmd no %1") == ["ipseccmd yes"]
    assert run(*lines, f"if {condition} (", "ipseccmd yes", ") else if exist x (", "ipseccmd no", ")") == [
        "ipseccmd yes"
    ]
    opposite = condition.replace("not ", "", 1) if "not " in condition else f"not {condition}"
    assert run(*lines, f"if {opposite} ipseccmd no") == []
    assert run(*lines, f"if {opposite} (ipseccmd no) else ipseccmd yes") == ["ipseccmd yes"]


UNKNOWN = [
    *(
        "%1==a",
        '"%1"==""',
        "%X%==a",
        '"%X%"==""',
        "defined X",
        "defined %1",
        "not defined X",
        "exist a",
        "errorlevel 1",
    ),
    *("cmdextversion 1", "%X% gtr 1", "a-b lss ab", "a! lss a#", "é lss f", "/i é==É", "é equ e", "not not a==b"),
    *("defined U", "/i /i a==a"),
]


@pytest.mark.parametrize("condition", UNKNOWN)
def test_an_unknown_condition_leaves_both_branches_unknown(condition: str) -> None:
    lines = ["if exist x set U=1", f"if {condition} (ipseccmd a) else ipseccmd b"]
    assert "depends on the 'if' in line 2" in refuse(*lines).problem
    assert [left.line for left in leave_out(*lines).left_out] == [2]
    assert leave_out(*lines).commands == ()


def test_conditions_are_decided_when_they_run() -> None:
    loop = ["for %%i in (a b c) do (", 'if "%%i"=="b" (', "ipseccmd %%i", ") else if %%i==c ipsecpol %%i", ")"]
    assert run(*loop) == ["ipseccmd b", "ipsecpol c"]
    assert run("for /l %%i in (1,1,5) do if %%i geq 4 ipseccmd %%i") == ["ipseccmd 4", "ipseccmd 5"]
    assert run("set A=1", "if 1==1 (", "set A=2", "if %A%==1 ipseccmd %A%", ")", "ipseccmd %A%") == [
        *("ipseccmd 1", "ipseccmd 2"),
    ]


def test_the_whole_row_belongs_to_the_branch() -> None:
    assert run("if a==b ipseccmd no & ipseccmd no", "if a==b (ipseccmd no) & ipseccmd no", "ipseccmd c") == [
        "ipseccmd c"
    ]
    assert run("if a==a ipseccmd a & ipseccmd b") == ["ipseccmd a", "ipseccmd b"]


def test_a_branch_that_does_not_run_has_no_effect() -> None:
    lines = ["set A=1", "if %A%==2 (", "set A=2", "setlocal", "call other", "ping x", "goto end", "exit", ")"]
    script = leave_out(*lines, "ipseccmd %A%", ":end", "ipseccmd b")
    assert [command.text.value for command in script.commands] == ["ipseccmd 1", "ipseccmd b"]
    assert script.left_alone == ()


def test_a_branch_that_does_not_run_may_be_reached_by_a_jump() -> None:
    error = refuse("if a==b (", ":x", "ipseccmd a", ")", "if exist y goto x")
    assert "a jump to the label in these parentheses may run it" in error.problem


def test_a_condition_in_a_pipe_is_unknown() -> None:
    assert "depends on the 'if' in line 1" in refuse("echo y | if a==a ipseccmd a").problem
