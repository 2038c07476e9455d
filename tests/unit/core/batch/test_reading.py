# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reading the commands of a batch file."""

from __future__ import annotations

import re
import unittest.mock

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program, parser, read_script
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from hypothesis import example, given
from hypothesis import strategies as st
from unit.batches import run

# a line, and its commands
LINES = {
    # comments, labels, '@'
    "": [],
    "rem ipseccmd a": [],
    "REM": [],
    "@rem ipseccmd a": [],
    "rem a & ipseccmd b": [],
    "rem & ipseccmd b": ["ipseccmd b"],
    ":: ipseccmd a & ipseccmd b": [],
    "::": [],
    "  :label ipseccmd a": [],
    "# ipsec static add policy name=a": [],
    "@echo off": [],
    "ECHO ON & @echo Off": [],
    "@ipseccmd a": ["ipseccmd a"],
    " @ @ ,;= ipseccmd a ": ["ipseccmd a"],
    "@echo off & ipseccmd a": ["ipseccmd a"],
    # the name of the program
    "IPSECCMD -a": ["IPSECCMD -a"],
    "ipseccmd.exe -a": ["ipseccmd.exe -a"],
    "ipsecpol -a": ["ipsecpol -a"],
    r'"C:\Program Files\Support Tools\ipseccmd.exe" -a "b c"': ['ipseccmd.exe -a "b c"'],
    r'C:\"Program Files"\IPSecPol.EXE -a': ["IPSecPol.EXE -a"],
    r"..\ipseccmd -a": ["ipseccmd -a"],
    "c:ipseccmd -a": ["ipseccmd -a"],
    r"tools\ipseccmd -a": ["ipseccmd -a"],
    '"tools/ipseccmd" -a': ["ipseccmd -a"],
    r"%windir%\system32\netsh.exe ipsec static show all": ["netsh.exe ipsec static show all"],
    r'"%ProgramFiles(x86)%\ipseccmd" -a': ["ipseccmd -a"],
    "%~dp0ipseccmd -a": ["ipseccmd -a"],
    "ipseccmd": ["ipseccmd"],
    "netsh ipsec static add policy name=a": ["netsh ipsec static add policy name=a"],
    "NETSH IPSEC dynamic show all": ["NETSH IPSEC dynamic show all"],
    "netsh ips st show all": ["netsh ips st show all"],
    "ipsec static add policy name=a": ["ipsec static add policy name=a"],
    "IPsec dyn show all": ["IPsec dyn show all"],
    "call ipseccmd a": ["ipseccmd a"],
    r'call "C:\a b\ipseccmd.exe" a': ["ipseccmd.exe a"],
    "call call netsh ipsec static show all": ["netsh ipsec static show all"],
    # quotes and carets
    'ipseccmd -n "a & b | c > d < e ) ^ %%"': ['ipseccmd -n "a & b | c > d < e ) ^ %"'],
    "ipseccmd a^&b^|c^>d^^e": ["ipseccmd a&b|c>d^e"],
    'ipseccmd ^"a & ipsecpol b': ['ipseccmd "a', "ipsecpol b"],
    'ipseccmd "a & b': ['ipseccmd "a & b'],
    "ipseccmd a^": ["ipseccmd a"],
    'ipseccmd "a^': ['ipseccmd "a^'],
    "ipseccmd (a)": ["ipseccmd (a)"],
    "ipseccmd -f 0=10.0.0.1:80:TCP": ["ipseccmd -f 0=10.0.0.1:80:TCP"],
    "ipseccmd 100%%": ["ipseccmd 100%"],
    "ipseccmd 100%": ["ipseccmd 100"],
    "ipseccmd !a!": ["ipseccmd !a!"],
    # redirections
    "ipseccmd a >nul": ["ipseccmd a"],
    "ipseccmd a>nul": ["ipseccmd a"],
    "ipseccmd a >>x.log b": ["ipseccmd a  b"],
    "ipseccmd a 2>&1": ["ipseccmd a"],
    "ipseccmd a 1>nul 2>nul": ["ipseccmd a"],
    "ipseccmd a >nul 2>&1 b": ["ipseccmd a   b"],
    "ipseccmd a <file": ["ipseccmd a"],
    'ipseccmd a >"a b.log" b': ["ipseccmd a  b"],
    "ipseccmd a > %TEMP%\\x.log": ["ipseccmd a"],
    "ipseccmd a2>nul": ["ipseccmd a2"],
    "ipseccmd 12>nul": ["ipseccmd 12"],
    'ipseccmd "a"2>nul': ['ipseccmd "a"2'],
    ">nul ipseccmd a": ["ipseccmd a"],
    "2>nul >>x ipseccmd a": ["ipseccmd a"],
    "ipseccmd a >nul&ipseccmd b": ["ipseccmd a", "ipseccmd b"],
    "ipseccmd a 2>&1|find x": ["ipseccmd a"],
    ">nul": [],
    # operators
    "ipseccmd a & ipseccmd b&ipseccmd c &": ["ipseccmd a", "ipseccmd b", "ipseccmd c"],
    "ipseccmd a | find b": ["ipseccmd a"],
    "echo y | ipseccmd a": ["ipseccmd a"],
    'ipseccmd "a&b" | more': ['ipseccmd "a&b"'],
    "ipseccmd a && echo b & ipseccmd c": ["ipseccmd a", "ipseccmd c"],
    "ipseccmd a || exit": ["ipseccmd a"],
    # blocks
    "(ipseccmd a)": ["ipseccmd a"],
    "(ipseccmd a & ipseccmd b)>nul & ipseccmd c": ["ipseccmd a", "ipseccmd b", "ipseccmd c"],
    "((ipseccmd a))": ["ipseccmd a"],
    "@(ipseccmd a 2>nul)2>nul": ["ipseccmd a"],
    '(ipseccmd "a)" ^) b)': ['ipseccmd "a)" ) b'],
    ") ipseccmd a": [],
    # loops
    'for %%i in (a b "c d",e;f=g\th) do ipseccmd %%i': [
        *("ipseccmd a", "ipseccmd b", 'ipseccmd "c d"', "ipseccmd e", "ipseccmd f", "ipseccmd g", "ipseccmd h"),
    ],
    'FOR %%i IN ("c d" e) DO @ipseccmd %%~i': ["ipseccmd c d", "ipseccmd e"],
    "for %%i in (a) do for %%I in (b) do ipseccmd %%i%%I": ["ipseccmd ab"],
    "for %%i in (a b) do for %%j in (1 2) do ipseccmd %%i%%j": [f"ipseccmd {x}" for x in ("a1", "a2", "b1", "b2")],
    'for %%i in ("a b" c) do for %%j in (%%~i) do ipseccmd %%j': ["ipseccmd a", "ipseccmd b", "ipseccmd c"],
    "for %%i in (a b) do ipseccmd %%i & ipsecpol %%i": ["ipseccmd a", "ipsecpol a", "ipseccmd b", "ipsecpol b"],
    "for %%i in (a b) do (ipseccmd %%i) & ipsecpol": ["ipseccmd a", "ipsecpol", "ipseccmd b", "ipsecpol"],
    "for %%i in () do ipseccmd %%i": [],
    "for %%i in (a^&b) do ipseccmd %%i": ["ipseccmd a&b"],
    "for %%p in (ipseccmd ping) do %%p a": ["ipseccmd a"],
    "for %%i in (a) do ipseccmd %%j %%": ["ipseccmd %j %"],
    "for %%a in (x) do ipseccmd %%~a": ["ipseccmd x"],
    "for /l %%i in (1,1,3) do ipseccmd %%i": ["ipseccmd 1", "ipseccmd 2", "ipseccmd 3"],
    "for /L %%i in (5 -2 0) do ipseccmd %%i": ["ipseccmd 5", "ipseccmd 3", "ipseccmd 1"],
    "for /l %%i in (2,1,1) do ipseccmd %%i": [],
    "for /l %%i in (1,0,0) do ipseccmd %%i": [],
    "for /l %%i in (1,1,1000000000) do echo %%i": [],
    "for /l %%i in (1,1,1000000000) do (ping %%i & for /l %%j in (1,1,2) do ping %%j)": [],
    "for /f %%i in ('dir') do echo %%i": [],
    # commands that only mention the programs
    "echo ipseccmd a": [],
    "echo.ipseccmd a": [],
    "title ipseccmd": [],
    "where ipseccmd": [],
    r"copy d:\ipseccmd.exe c:\tools": [],
    "if exist c:\\ipseccmd.exe echo found": [],
    "type ipseccmd.log": [],
    "my-ipseccmd a": [],
    "netsh advfirewall show allprofiles": [],
    "netsh int ip set address %1": [],
    "echo %1 %X:~1% !a!": [],
}


@pytest.mark.parametrize("line", LINES)
def test_commands_of_a_line(line: str) -> None:
    assert run(line) == LINES[line]
    # a line may also end with a line feed alone
    assert [c.text.value for c in read_script(f"\n{line}\n").commands] == LINES[line]


FILES = [
    # continuations
    (["ipseccmd a ^", "  b^", "c"], ["ipseccmd a   bc"]),
    (["ipseccmd a^", "& b"], ["ipseccmd a& b"]),
    (["ipseccmd a & ^", "ipseccmd b"], ["ipseccmd a", "ipseccmd b"]),
    (["ipseccmd a >^", "nul b"], ["ipseccmd a  b"]),
    (["rem a^", "ipseccmd a"], []),
    (["rem a ^", "ipseccmd a"], ["ipseccmd a"]),
    ([":: a ^", "ipseccmd a", "ipseccmd b"], ["ipseccmd b"]),
    # variables
    (["set A=b c", "ipseccmd %A% %a%"], ["ipseccmd b c b c"]),
    (['set "A=b & c" junk', "ipseccmd %A%"], ["ipseccmd b"]),
    (['set "A=b & c" junk', 'ipseccmd "%A%"'], ['ipseccmd "b & c"']),
    (["set A=b ", "ipseccmd [%A%]"], ["ipseccmd [b ]"]),
    (['set A="b c"', "ipseccmd %A%"], ['ipseccmd "b c"']),
    (["set A=", "ipseccmd a%A%b"], ["ipseccmd ab"]),
    (["set A=1", "set A=%A%2", "ipseccmd %A%"], ["ipseccmd 12"]),
    (["set A=a=b", "ipseccmd %A%"], ["ipseccmd a=b"]),
    (["set A=x^&y", 'ipseccmd "%A%"'], ['ipseccmd "x&y"']),
    (["set A=100%%", "ipseccmd %A%"], ["ipseccmd 100%"]),
    (["set A=ipseccmd -x", "%A% y"], ["ipseccmd -x y"]),
    (["set T=%~dp0ipseccmd.exe", '"%T%" -x'], ["ipseccmd.exe -x"]),
    (["set P=%ProgramFiles%\\a b", '"%P%\\ipseccmd" -x'], ["ipseccmd -x"]),
    (["set A=ipsec static", "netsh %A% show all"], ["netsh ipsec static show all"]),
    (["set A=0", "set A=1&ipseccmd %A%", "ipseccmd %A%"], ["ipseccmd 0", "ipseccmd 1"]),
    (["set A=0", "(", "set A=1", "ipseccmd %A%", ")", "ipseccmd %A%"], ["ipseccmd 0", "ipseccmd 1"]),
    (["for %%i in (a b) do set A=%%i", "ipseccmd %A%"], ["ipseccmd b"]),
    (["set L=a b", "for %%i in (%L%) do ipseccmd %%i"], ["ipseccmd a", "ipseccmd b"]),
    (["set A=1", "setlocal", "set A=2", "ipseccmd %A%", "endlocal", "ipseccmd %A%"], ["ipseccmd 2", "ipseccmd 1"]),
    (["set A=1", "set A=2 | more", "ipseccmd %A%"], ["ipseccmd 1"]),
    (["set A=1", "call :sub", "ipseccmd %A%", "goto :eof", ":sub", "echo a"], ["ipseccmd 1"]),
    (["call other.bat", "other.bat | more", "ipseccmd a"], ["ipseccmd a"]),
    (["set A=1", "call ping.exe", "ipseccmd %A%"], ["ipseccmd 1"]),
    # blocks and loops over lines
    (["(", "", "rem )", ":: )", "ipseccmd a", "ipseccmd b )"], ["ipseccmd a", "ipseccmd b"]),
    (["for %%i in (a", "b) do (", "  ipseccmd %%i", "  for %%j in (1) do (", "ipsecpol %%j", ")", ")"],
     ["ipseccmd a", "ipsecpol 1", "ipseccmd b", "ipsecpol 1"]),
    (["for %%i in (a) do ^", "ipseccmd %%i"], ["ipseccmd a"]),
    # jumps
    (["ipseccmd a", "if errorlevel 1 goto end", ":end"], ["ipseccmd a"]),
    (["ipseccmd a", "goto end", "echo b", ":end"], ["ipseccmd a"]),
    ([":start", "ipseccmd a"], ["ipseccmd a"]),
    (["ipseccmd a", "exit /b 0"], ["ipseccmd a"]),
    (["ipseccmd a\x1a"], ["ipseccmd a"]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "commands"), FILES, ids=["; ".join(lines) for lines, _commands in FILES])
def test_commands_of_a_file(lines: list[str], commands: list[str]) -> None:
    assert run(*lines) == commands
    assert [c.text.value for c in read_script("\n".join(lines)).commands] == commands


PLACES = [
    # the file, a part of its last command, and the line and column of that part
    ("ipseccmd a ^\r\n  b c", "c", (2, 5)),
    ("rem\r\n  @\"C:\\x y\\ipseccmd.exe\" a", "ipseccmd", (2, 12)),
    ("set A=x y\nipseccmd a %A% b", "x", (2, 12)),
    ("set A=x y\nipseccmd a %A% b", "y", (2, 12)),
    ("set A=x y\nipseccmd a %A% b", "b", (2, 16)),
    ("set A=x\nset B=%A%y\nipseccmd %B%", "y", (3, 10)),
    ("ipseccmd ^\n%%b", "b", (2, 3)),
    ("for %%i in (x y) do (\n\tipseccmd a%%i b\n)", "y", (2, 12)),
    ("for %%i in (x y) do (\n\tipseccmd a%%i b\n)", "b", (2, 16)),
    ("ipseccmd >nul a^&b", "b", (1, 18)),
    ('ipseccmd "a" >nul "c', "c", (1, 20)),
]  # fmt: skip


@pytest.mark.parametrize(("file", "part", "place"), PLACES)
def test_each_character_has_its_place_in_the_file(file: str, part: str, place: tuple[int, int]) -> None:
    text = read_script(file).commands[-1].text
    error = text.error(text.value.rindex(part), "wrong")
    assert (error.line, error.column) == place
    assert len(text.offsets) == len(text.value)


def test_each_command_has_its_program() -> None:
    script = read_script("ipsecpol a\nipseccmd b\nnetsh ipsec static c")
    assert [command.program for command in script.commands] == [Program.IPSECCMD, Program.IPSECCMD, Program.NETSH]


def test_lines_with_other_commands_are_listed() -> None:
    lines = [
        "@echo off",
        "rem a",
        "",
        ":label",
        "set A=1",
        "echo hi",  # 6
        "for %%i in (1 2) do (",
        "  ipseccmd %%i",
        "  ping a & ping b",  # 9
        ")",
        "if exist x (",
        "  ping a",  # 12
        ")",
        "setlocal",  # 14
        "set /p B=name?",  # 15
        "set",  # 16
        "call :label2",  # 17
        "netsh advfirewall show ^",  # 18
        "  allprofiles",
        "(ping a",  # 20
        ") else",  # 21
        "ping b",  # 22
    ]
    assert read_script("\n".join(lines), ignore_unsupported=True).left_alone == (
        6,
        9,
        12,
        14,
        15,
        16,
        17,
        18,
        20,
        21,
        22,
    )
    assert read_script("").left_alone == read_script(" \r\n\r\n").left_alone == ()


def test_commands_can_be_nested_up_to_the_limit() -> None:
    deep = "".join(f"for %%{chr(65 + i % 26)} in (1) do (" for i in range(49)) + "ipseccmd a" + ")" * 49
    assert run(deep) == ["ipseccmd a"]
    assert run("(" * 99 + "ipseccmd a" + ")" * 99) == ["ipseccmd a"]


FRAGMENTS = [
    *("ipseccmd", "ipsecpol", "netsh ipsec static", "netsh", "ipsec static add", "echo", "rem ", "::", ":x", "@", "#"),
    *("set ", "A=", "%A%", "%1", "%~dp0", "%%", "%%i", "%%~i", "%%~ni", "%", "!", "!A!", "/a ", "/p ", "setlocal"),
    *("setlocal enabledelayedexpansion", "endlocal", "for ", "%%i in ", "(a b)", "(1,1,3)", "(*)", " do ", "/l "),
    *("if ", "not ", "exist ", "a==b ", " else ", "defined A ", "goto ", "x", "exit", "call ", ":eof", "start "),
    *("(", ")", "&", "&&", "||", "|", "^", '"', ">nul", "2>&1", "<", ">", " ", "\t", ",", ";", "=", "\n", "\r\n", "\0"),
    *("a", "p:key", "-a ", "psk=", "\x1a", "é", "\ud800", "/f ", "cmd /c"),
]  # fmt: skip


def check(file: str) -> None:
    """The file is read or refused, and lines and offsets in the result are valid."""
    try:
        script = read_script(file, ignore_unsupported=True)
    except SourceError as error:
        # as a whole
        assert "this is PowerShell" in str(error)
        return
    lines = file.count("\n") + 1
    assert list(script.left_alone) == sorted(set(script.left_alone))
    assert all(1 <= line <= lines for line in (*script.left_alone, *(left.line for left in script.left_out)))
    for command in script.commands:
        text = command.text
        assert len(text.offsets) == len(text.value) > 0
        assert "\0" not in text.value
        assert "\n" not in text.value
        assert all(0 <= offset < len(file) for offset in text.offsets)
        assert text.value[0].lower() in "in"
        str(text.error(len(text), "wrong"))
    try:
        strict = read_script(file)
    except SourceError as error:
        assert script.left_out
        assert 1 <= error.line <= lines
    else:
        assert (strict.commands, strict.left_alone, strict.left_out) == (script.commands, script.left_alone, ())
        # only jumps that lead back to lines without commands
        assert all("counts as one that does not run" in left.reason for left in script.left_out)


@example("<#")
@given(st.text())
def test_any_text_is_read_or_refused(file: str) -> None:
    check(file)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join))
def test_any_batch_file_is_read_or_refused(file: str) -> None:
    check(file)


@given(
    st.text(alphabet=st.characters(exclude_characters='"%^&|<>()\0\r\n\x1a', exclude_categories=["Cs"]), max_size=30)
)
def test_plain_arguments_are_kept(arguments: str) -> None:
    assert run(f"ipseccmd -{arguments}") == [f"ipseccmd -{arguments}".rstrip(" \t")]


_STARTS = ("netsh ipsec static add policy ", "ipseccmd -x ", "echo ", "rem ", "if x==y ", "for ", "1", "")
_SIGNS = (*'"^&|<>()%!@=,;:. 1', "%A%", "x", "é", "^^", '"&"', "2>x ")


@pytest.mark.parametrize("sign", _SIGNS)
def test_lines_without_special_characters_are_read_as_the_lexer_reads_them(sign: str) -> None:
    for first in _STARTS:
        for second in _STARTS:
            for line in (f"{first}{sign}{second}", f"{first}x{sign}{second}y{sign}"):
                text = f"set A=b c\r\n{line}\r\nipseccmd -y"
                with unittest.mock.patch.object(parser, "_PLAIN", re.compile("(?!)")):
                    expected = _everything(text)
                assert _everything(text) == expected, line


def _everything(text: str) -> object:
    try:
        script = read_script(text, ignore_unsupported=True)
    except SourceError as error:
        return str(error)
    commands = [(c.program, c.text.value, list(c.text.offsets), c.text.end) for c in script.commands]
    return commands, script.left_alone, script.left_out
