# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which program a line runs: built-in commands, remarks, paths and options, and commands that certainly succeed."""

from __future__ import annotations

import pytest
from unit.batches import leave_out, refuse, run


@pytest.mark.parametrize(
    "line",
    [
        *("echo:ipseccmd -w REG -p X -o", "echo/netsh ipsec static delete all", r"echo\ipseccmd a", "echo.ipseccmd a"),
        *("echo(ipseccmd a", "echo/ipseccmd a", "title:ipseccmd a", r"cd\ipseccmd", r"md\ipseccmd", "ECHO:ipseccmd a"),
        *(r"type\ipseccmd x", "dir/ipseccmd", r"rd\ipseccmd", "set/ipseccmd", r"call echo:ipseccmd a"),
        *("rem. ipseccmd a", "rem:ipseccmd a", r"rem\ipseccmd a", "rem(ipseccmd a"),
    ],
)
def test_a_built_in_command_ends_at_a_sign(line: str) -> None:
    assert run(line) == []


def test_a_folder_is_not_a_built_in_command() -> None:
    assert run(r"find\ipseccmd a", r"echoes\ipseccmd b", r".\ipseccmd c") == ["ipseccmd a", "ipseccmd b", "ipseccmd c"]
    assert "in a way that is not supported" in refuse(r"robocopy\run ipseccmd a").problem


@pytest.mark.parametrize("start", ["rem. x", "rem:", "rem\\", "rem/", "rem( x", "rem[", "rem+", 'rem" x"', "(rem.)"])
def test_rem_with_a_sign_is_not_a_remark(start: str) -> None:
    assert run(f"{start} & ipseccmd yes") == ["ipseccmd yes"]


@pytest.mark.parametrize(
    "start", ["rem x", "rem,x", "rem;x", "rem=x", "rem\tx", "@rem x", "rem  x)", "(rem x", "REM ^x"]
)
def test_a_remark_takes_the_whole_line(start: str) -> None:
    assert leave_out(f"{start} & ipseccmd no").commands == ()


@pytest.mark.parametrize("start", ["rem/||(", "@REM/ || (", "rem || ("])
def test_a_block_that_never_runs_is_a_comment(start: str) -> None:
    script = leave_out(start, "ipseccmd no", "%1 no", "ping no", ")", "ipseccmd yes")
    assert [command.text.value for command in script.commands] == ["ipseccmd yes"]
    assert script.left_out == script.left_alone == ()


@pytest.mark.parametrize("start", ["rem/", "echo a", "echo", "ver", "ver>nul", "(call )", "call ", "echo a>nul 2>&1"])
def test_what_follows_a_command_that_certainly_succeeds_is_known(start: str) -> None:
    assert run(f"{start} && ipseccmd yes") == ["ipseccmd yes"]
    assert run(f"{start} || ipseccmd no") == []
    assert run(f"({start}) || ipseccmd no & ipseccmd yes") == ["ipseccmd yes"]
    assert run(f"{start} || ping x && ipseccmd no") == []
    assert run(f"{start} || ping x || ipseccmd no") == []
    assert run(f"{start} && {start} && ipseccmd yes || %1 no") == ["ipseccmd yes"]


@pytest.mark.parametrize(
    "start",
    [
        *("ping x", "echo a>x.log", ">x.log ver", "(echo a)>x.log", "(call)", "call x", "ver x", "echo /?"),
        *("(ping x & ping y)", "(echo a & ping y)", "echo a | find b", "find b | echo a", r"echo\..\x", "if x==x ver"),
        *("ping x || echo a && ping y", "echo a && ping x"),
    ],
)
@pytest.mark.parametrize("operator", ["&&", "||"])
def test_what_follows_another_command_is_not_known(start: str, operator: str) -> None:
    lines = [start.replace("if x==x ver", "(if x==x ver)") + f" {operator} ipseccmd a"]
    assert "depends on the result of the command before" in refuse(*lines).problem


def test_a_label_in_a_block_that_does_not_run_may_be_reached() -> None:
    error = refuse("rem/||(", ":x", "ipseccmd a", ")", "if exist y goto x")
    assert "a jump to the label in these parentheses may run it" in error.problem


@pytest.mark.parametrize(
    ("line", "command"),
    {
        "ipseccmd/w REG -p P -o": "ipseccmd /w REG -p P -o",
        '"C:\\a b\\ipseccmd.exe"/w REG': "ipseccmd.exe /w REG",
        'call "ipseccmd"/w': "ipseccmd /w",
    }.items(),
)
def test_an_option_may_follow_the_program_without_a_blank(line: str, command: str) -> None:
    assert run(line) == [command]


def test_an_option_behind_the_program_is_seen_in_other_commands() -> None:
    assert "in a way that is not supported" in refuse("start ipseccmd/w REG").problem


@pytest.mark.parametrize(
    "line",
    [
        *("./ipseccmd a", "tools/ipseccmd a", "tools/ipseccmd.exe a", "/ipseccmd a", "c:/tools/ipseccmd a"),
        *("call ./ipseccmd a", "%windir%/system32/netsh.exe ipsec static show all", r"a/b\ipsecpol a"),
    ],
)
def test_a_path_with_a_slash_needs_quotes(line: str) -> None:
    assert "cmd.exe runs what is before the '/' and takes the rest as an option; write the path with '\\' or in" in (
        refuse(line).problem
    )


def test_a_number_sign_is_a_command_if_an_operator_follows() -> None:
    assert run("# a & ipseccmd b", "# ipseccmd a | more & ipseccmd c") == ["ipseccmd b", "ipseccmd c"]
    assert run("# ipseccmd a", '# "a & b" & ipseccmd', "# it's > x") == ["ipseccmd"]
    assert run('# "ipseccmd a & ipseccmd b"') == []


def test_a_number_sign_with_a_caret_at_the_end_is_refused() -> None:
    error = refuse("# a ^", "ipseccmd b")
    assert error.line == 2
    assert "line 1, column 1: this line continues in a batch file, but not in a script for netsh -f" in error.problem
