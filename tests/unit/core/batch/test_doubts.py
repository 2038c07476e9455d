# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Lines that cmd.exe reads in another way than it seems, or does not read at all."""

from __future__ import annotations

import pytest
from unit.batches import leave_out, refuse, run


def test_a_caret_before_an_empty_line_takes_its_end_into_the_command() -> None:
    error = refuse("ipseccmd a ^", "", "ipseccmd b", "ipseccmd c")
    assert (error.line, error.column) == (2, 1)
    assert "the '^' in the line before takes the end of this empty line into the command" in error.problem
    script = leave_out("ipseccmd a ^", "", "ipseccmd b", "ipseccmd c")
    assert [command.text.value for command in script.commands] == ["ipseccmd c"]
    assert "takes the end of this empty line" in refuse("set A=1^", "", "2", "ipseccmd %A%").problem
    # the usual way to get a variable with a line feed
    assert run("set LF=^", "", "", "ipseccmd a") == ["ipseccmd a"]


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["(", "ipseccmd a", ":: x", ")", "ipseccmd b"], 4),
        (["(", "ipseccmd a", ":x", "", ")", "ipseccmd b"], 5),
        (["if exist x (", "ipseccmd a", ":: x", ") else (", "ipseccmd b", ")"], 4),
        (["( ipseccmd a", "(ping x", ":: x", ")", ")"], 4),
    ],
)
def test_a_label_at_the_end_of_a_block_is_an_error(lines: list[str], line: int) -> None:
    error = refuse(*lines)
    assert f"cannot parse line {line}, column 1: a label or a comment with '::' is the last line" in error.problem
    assert leave_out(*lines).commands == ()


def test_a_label_before_a_command_of_a_block_is_none() -> None:
    assert run("(", ":: x", "ipseccmd a", ":x", "rem", ")", "ipseccmd b") == ["ipseccmd a", "ipseccmd b"]


@pytest.mark.parametrize("block", ["()", "( )", "if exist x ( )", "(\n\n)", "for %%i in (a) do ()"])
def test_a_block_without_a_command_is_an_error(block: str) -> None:
    error = refuse(*block.split("\n"), "ipseccmd a")
    assert "cmd.exe stops at line" in error.problem
    assert "these parentheses contain no command" in refuse(f"ipseccmd a & {block}").problem
    assert run("(rem)", ")", "(>nul)", "ipseccmd a") == ["ipseccmd a"]


LONE = "cmd.exe may take the text from this '%' to the ':' as a name; write '%%' for a percent sign"


@pytest.mark.parametrize(
    ("lines", "line", "column"),
    [
        (["ipseccmd 50%: x"], 1, 12),
        (["ipseccmd 50% -f 0:80"], 1, 12),
        (["echo 100% & ipseccmd -f 0:80"], 1, 13),
        (["echo 100% & echo a:b", "ipseccmd a"], 2, 1),
    ],
)
def test_a_percent_sign_without_a_partner_before_a_colon_is_refused(lines: list[str], line: int, column: int) -> None:
    error = refuse(*lines)
    assert LONE in error.problem
    assert (error.line, error.column) == (line, column)


def test_a_percent_sign_without_a_partner_may_be_harmless() -> None:
    assert run("echo 100%: see http://x", "rem 50% (a:b)", "ipseccmd 50%", "ipseccmd b") == [
        "ipseccmd 50",
        "ipseccmd b",
    ]


@pytest.mark.parametrize("line", ["ipseccmd a%~", "ipseccmd a%~x b%~1", "rem %~", "echo %~: %X%"])
def test_a_percent_sign_and_a_tilde_without_an_argument_are_refused(line: str) -> None:
    error = refuse(line, "ipseccmd a")
    assert "it is not certain how cmd.exe reads line 1, column" in error.problem
    assert "no argument, such as %~1, begins with this '%~'" in error.problem


def test_a_part_of_a_variable_that_may_have_no_value_can_change_the_names_behind_it() -> None:
    error = refuse('echo %X:~0,1% & ipseccmd "%1"')
    assert "the names in this line depend on whether %X% has a value" in error.problem
    assert run('echo %TIME:~0,1% & ipseccmd "100%%"', "echo %X:~0,1% %Y%") == ['ipseccmd "100%"']


def test_a_line_that_is_too_long_is_refused() -> None:
    limit = "this line has more than the 8,191 characters that cmd.exe reads"
    longest = "ipseccmd " + "a" * (8191 - len("ipseccmd "))
    assert run(longest) == [longest]
    for line in (longest + "a", "rem " + "a" * 8188):
        error = refuse(line, "ipseccmd b")
        assert f"it is not certain how cmd.exe reads line 1, column 8192: {limit}" in error.problem
        assert leave_out(line, "ipseccmd b").commands == ()
    error = refuse("set A=" + "a" * 5000, "ipseccmd %A%%A%")
    assert f"line 2, column 13: with its variables, {limit}" in error.problem
    error = refuse("for %%i in (" + "a" * 5000 + ") do ipseccmd %%i%%i")
    assert "with its variables, this command has more than the 8,191 characters that cmd.exe reads" in error.problem


@pytest.mark.parametrize("options", ["disableextensions", "DisableExtensions enabledelayedexpansion", "%1"])
def test_nothing_is_certain_without_the_command_extensions(options: str) -> None:
    error = refuse("ipseccmd a", f"setlocal {options}", "ipseccmd b")
    assert error.line == 3
    assert "the setlocal in line 2 may turn off the command extensions of cmd.exe" in error.problem
    assert run("setlocal enableextensions", "ipseccmd b") == ["ipseccmd b"]


@pytest.mark.parametrize("value", ["%A%", "%A% ", "%A%,%B%"])
@pytest.mark.parametrize("sign", ["&", "||", "|"])
def test_a_remark_may_end_behind_a_value_that_is_not_known(value: str, sign: str) -> None:
    lines = [f"rem {value}{sign} ipseccmd a", "ipseccmd b"]
    assert "without the value before this sign, which is not known, the remark ends there" in refuse(*lines).problem
    assert leave_out(*lines).commands == ()
    assert run(f"rem {value} x {sign} ipseccmd a", f"rem {value}x", "ipseccmd b") == ["ipseccmd b"]
