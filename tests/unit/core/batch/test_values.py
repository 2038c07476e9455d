# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Values of variables: parts of them, other text in them, and delayed expansion."""

from __future__ import annotations

import pytest
from unit.batches import leave_out, refuse, run

DELAYED = "setlocal EnableDelayedExpansion"
EDITS = {
    "~0,3": "abc",
    "~2": "cdefABC",
    "~-3": "ABC",
    "~-5,2": "ef",
    "~1,-2": "bcdefA",
    "~,2": "ab",
    "~20": "",
    "~-20,2": "ab",
    "~0,99": "abcdefABC",
    "~5,-9": "",
    "b=x": "axcdefAxC",
    "BC=": "adefA",
    "ab=a b": "a bcdefa bC",
    "zz=y": "abcdefABC",
    "*d=x": "xefABC",
    "*B=": "cdefABC",
    "*zz=y": "abcdefABC",
    ".=y": "abcdefABC",
    "b=\\1": "a\\1cdefA\\1C",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_a_known_value_is_computed(edit: str) -> None:
    assert run("set A=abcdefABC", f"ipseccmd [%A:{edit}%]") == [f"ipseccmd [{EDITS[edit]}]"]
    assert run(DELAYED, "set A=abcdefABC", f"ipseccmd [!A:{edit}!]") == [f"ipseccmd [{EDITS[edit]}]"]


@pytest.mark.parametrize("edit", ["b", "~x", "~010", "~0x1", "~1,", "~", "=x", "*=x", "é=x", "~1,2,3", "~ 1"])
def test_an_edit_that_is_not_certain_is_unknown(edit: str) -> None:
    assert "a part of %A%" in refuse("set A=abc", f"ipseccmd %A:{edit}%").problem


def test_an_edit_of_an_unknown_value_is_unknown() -> None:
    assert "a part of %A%" in refuse("set A=%1x", "ipseccmd %A:~1%").problem
    assert "a part of %A%" in refuse("set A=é", "ipseccmd %A:e=x%").problem
    assert "a part of !A!" in refuse(DELAYED, "set A=", "ipseccmd !A:~1!").problem
    assert "a part of !A!, which the file does not set" in refuse(DELAYED, "ipseccmd !A:~1!").problem


FILES = {
    "a value": (["set A=x", "ipseccmd !A! !a!"], ["ipseccmd x x"]),
    "no value": (["set A=", "ipseccmd [!A!]"], ["ipseccmd []"]),
    "in a loop": (["for %%i in (a b) do (", "set N=%%i", "ipseccmd !N!", ")"], ["ipseccmd a", "ipseccmd b"]),
    "before a loop": (["set N=0", "for %%i in (a) do set N=%%i& ipseccmd %N%!N!"], ["ipseccmd 0a"]),
    "text that grows": (["set L=", "for %%i in (a b) do set L=!L! %%i", "ipseccmd%L%"], ["ipseccmd a b"]),
    "a computed name": (["set A1=x", "for %%i in (1) do ipseccmd !A%%i!"], ["ipseccmd x"]),
    "the list of a loop": (["set L=a b", "for %%i in (!L!) do ipseccmd %%i"], ["ipseccmd a", "ipseccmd b"]),
    "the numbers of a loop": (["set N=2", "for /l %%i in (1,1,!N!) do ipseccmd %%i"], ["ipseccmd 1", "ipseccmd 2"]),
    "a condition": (["for %%i in (a b) do (", "set N=%%i", "if !N!==b ipseccmd !N!", ")"], ["ipseccmd b"]),
    "a value with signs": (['set "A=x & y > z"', 'ipseccmd !A! "!A!"'], ['ipseccmd x & y > z "x & y > z"']),
    "a value with exclamation marks": (
        *(["setlocal disabledelayedexpansion", "set A=!B!", DELAYED, "set B=x", "ipseccmd !A! %A%"],),
        ["ipseccmd !B! x"],
    ),
    "a program": (["set P=ipseccmd", "!P! a", "for %%i in (a b) do !P! %%i"], [f"ipseccmd {x}" for x in "aab"]),
    "a single mark": (["ipseccmd Hi!", "ipseccmd Hi! you"], ["ipseccmd Hi", "ipseccmd Hi you"]),
    "carets": (['ipseccmd Hi^^! "x^!y" a^^^^b^^!'], ['ipseccmd Hi! "x!y" a^b!']),
    "carets without a mark": (['ipseccmd a^^b "c^d"'], ['ipseccmd a^b "c^d"']),
    "other commands": (["set A=x", "echo !A!^^! & title !B! | more", "ipseccmd !A!"], ["ipseccmd x"]),
    "until endlocal": (["endlocal", "ipseccmd !A!"], ["ipseccmd !A!"]),
    "turned off": (["setlocal disabledelayedexpansion", "ipseccmd !A!"], ["ipseccmd !A!"]),
}


@pytest.mark.parametrize("name", FILES)
def test_delayed_expansion_uses_the_value_when_the_command_runs(name: str) -> None:
    lines, commands = FILES[name]
    assert run(DELAYED, *lines) == commands


UNKNOWN = {
    "no value in the file": (["ipseccmd !A!"], "!A!, which the file does not set"),
    "an unknown value": (["set A=%1", "ipseccmd !A!"], "an argument"),
    "an unknown name": (["ipseccmd !A%1!"], "an argument"),
    "two marks": (["ipseccmd a!!b"], "which name this '!' begins"),
    "a mark before a colon": (["ipseccmd Hi! a:b"], "which name this '!' begins"),
    "a caret in a name": (["ipseccmd !A^^B!"], "which name this '!' begins"),
    "a pipe": (["set A=x", "ipseccmd !A! | more"], "delayed expansion in a pipe"),
    "perhaps turned off": (
        *(["set A=x", "if exist x setlocal disabledelayedexpansion", "ipseccmd !A!"],),
        "depends on delayed expansion",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_delayed_expansion_that_is_not_certain_is_refused(name: str) -> None:
    lines, reason = UNKNOWN[name]
    assert reason in refuse(DELAYED, *lines).problem
    assert leave_out(DELAYED, *lines).commands == ()


KEYS = [
    "set K=SECRET& ipseccmd -a p:!K! %1",
    "set K=xSECRET& ipseccmd -a p:!K:~1! %1",
    "set K=x& ipseccmd -a p:!K:x=SECRET! %1",
    "set K=x& ipseccmd -a p:!K:x=SOME SECRET! %1",
    "set K=xx\nipseccmd -a p:%K:x=SOME SECRET% %1",
    "ipseccmd -a p:%K:x=SOME SECRET%",
    "setlocal disabledelayedexpansion\nset K=SECRET!S!\nsetlocal enabledelayedexpansion\nset S=\nipseccmd -a p:%K% %1",
    "for %%k in (SECRET) do set K=%%k& ipseccmd -a p:!K! %1",
    "if a==a set K=SECRET& ipseccmd -a p:!K! %1",
    "ipseccmd -a p:!SECRET %1",
]


@pytest.mark.parametrize("file", KEYS)
def test_no_error_shows_a_key_of_an_edited_or_delayed_value(file: str) -> None:
    lines = [DELAYED, *file.split("\n")]
    assert "SECRET" not in str(refuse(*lines))
    assert "SECRET" not in repr(leave_out(*lines).left_out)


@pytest.mark.parametrize(
    ("lines", "command"),
    [
        (["set K=SECRET", "ipseccmd -a p:!K!"], "ipseccmd -a p:SECRET"),
        (["set K=SECRET", "ipseccmd -a p:%K:~2%"], "ipseccmd -a p:CRET"),
        (["set K=x", "ipseccmd -a p:!K:x=MY SECRET!"], "ipseccmd -a p:MY SECRET"),
        (["set K=x", "ipseccmd -a p:%K:x=MY SECRET%"], "ipseccmd -a p:MY SECRET"),
        (["set S=SECRET", "for %%i in (S) do ipseccmd -a p:!%%i!"], "ipseccmd -a p:SECRET"),
        (
            ["setlocal disabledelayedexpansion", "set K=SECRET!S!", DELAYED, "set S=SECRET", "ipseccmd -a p:%K%"],
            "ipseccmd -a p:SECRETSECRET",
        ),
    ],
)
def test_edited_and_delayed_keys_are_hidden_in_the_file_of_a_command(lines: list[str], command: str) -> None:
    text = leave_out(DELAYED, *lines).commands[0].text
    assert text.value == command
    assert "SECRET" not in text.file
