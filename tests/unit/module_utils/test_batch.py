# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import codecs

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.batch import (
    LeftOut,
    Program,
    Script,
    batch_file,
    decode,
    read_script,
)
from ansible_collections.ipsec.windows.plugins.module_utils.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils.source import SourceError
from hypothesis import given
from hypothesis import strategies as st


def run(*lines: str) -> list[str]:
    """The commands of a file in which nothing is left out."""
    return [command.text.value for command in read_script("\r\n".join(lines)).commands]


def refuse(*lines: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read_script("\r\n".join(lines))
    return caught.value


def leave_out(*lines: str) -> Script:
    return read_script("\n".join(lines), ignore_unsupported=True)


# one line each, and the commands that it comes to
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
    # the program's word
    "IPSECCMD -a": ["IPSECCMD -a"],
    "ipseccmd.exe -a": ["ipseccmd.exe -a"],
    "ipsecpol -a": ["ipsecpol -a"],
    r'"C:\Program Files\Support Tools\ipseccmd.exe" -a "b c"': ['ipseccmd.exe -a "b c"'],
    r'C:\"Program Files"\IPSecPol.EXE -a': ["IPSecPol.EXE -a"],
    r"..\ipseccmd -a": ["ipseccmd -a"],
    "c:ipseccmd -a": ["ipseccmd -a"],
    "tools/ipseccmd -a": ["ipseccmd -a"],
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
    "for %%i in (%1 a) do ipseccmd b": ["ipseccmd b", "ipseccmd b"],
    "for %%i in (a) do ipseccmd %%j %%": ["ipseccmd %j %"],
    "for %%a in (x) do ipseccmd %%~a": ["ipseccmd x"],
    "for /l %%i in (1,1,3) do ipseccmd %%i": ["ipseccmd 1", "ipseccmd 2", "ipseccmd 3"],
    "for /L %%i in (5 -2 0) do ipseccmd %%i": ["ipseccmd 5", "ipseccmd 3", "ipseccmd 1"],
    "for /l %%i in (2,1,1) do ipseccmd %%i": [],
    "for /l %%i in (1,0,0) do ipseccmd %%i": [],
    "for /l %%i in (1,1,1000000000) do echo %%i": [],
    "for /l %%i in (1,1,1000000000) do (ping %%i & for /l %%j in (1,1,2) do ping %%j)": [],
    "for /f %%i in ('dir') do echo %%i": [],
    # mentions that run nothing
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
def test_a_line_comes_to_its_commands(line: str) -> None:
    assert run(line) == LINES[line]
    # a line feed alone ends a line too, and a block changes nothing unless a parenthesis stands in the line
    assert [c.text.value for c in read_script(f"\n{line}\n").commands] == LINES[line]


FILES = [
    # continuations
    (["ipseccmd a ^", "  b^", "c"], ["ipseccmd a   bc"]),
    (["ipseccmd a^", "& b"], ["ipseccmd a& b"]),
    (["ipseccmd a ^", "", "ipseccmd b"], ["ipseccmd a", "ipseccmd b"]),
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
    (["set A=1&ipseccmd %A%", "ipseccmd %A%"], None),
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


@pytest.mark.parametrize(("lines", "commands"), FILES)
def test_a_file_comes_to_its_commands(lines: list[str], commands: list[str] | None) -> None:
    if commands is None:
        refuse(*lines)
    else:
        assert run(*lines) == commands
        assert [c.text.value for c in read_script("\n".join(lines)).commands] == commands


# what cannot be known: line, column, a part of the reason
UNKNOWN = [
    (["ipseccmd %1"], 1, 10, "an argument of the batch file"),
    (["ipseccmd a %*"], 1, 12, "an argument"),
    (["ipseccmd %~dp0x"], 1, 10, "an argument"),
    (["ipseccmd a b%DATE%"], 1, 13, "depends on a variable, which the file does not set before"),
    (["ipseccmd p:%KEY%"], 1, 12, "%KEY%, which the file does not set"),
    (["set A=abc", "ipseccmd %A:~1%"], 2, 10, "a part of %A%"),
    (["set A=abc", "ipseccmd %A:a=b%"], 2, 10, "a part of %A%"),
    (["set A=%1", "set B=x%A%", "ipseccmd a", "ipseccmd %B%"], 4, 10, "an argument"),
    (["set /p A=name?", "ipseccmd %A%"], 2, 10, "line 1 sets where it runs"),
    (["set /a A=1+2", "ipseccmd %A%"], 2, 10, "line 1 sets where it runs"),
    (["set A=1", 'set /a "B=2, A+=1"', "ipseccmd %A%"], 3, 10, "line 2 sets where it runs"),
    (["set A=1", "set %1=2", "ipseccmd %A%"], 3, 10, "line 2 may set"),
    (["set A=1", "if x==y set A=2", "ipseccmd %A%"], 3, 10, "line 2 may set"),
    (["set A=1", "ping x && set A=2", "ipseccmd %A%"], 3, 10, "line 2 may set"),
    (["set A=1", "for /f %%i in (x) do set A=%%i", "ipseccmd %A%"], 3, 10, "line 2 may set"),
    (["set A=1", "call other", "ipseccmd %A%"], 3, 10, "the call in line 2 may set"),
    (["set A=1", "call :x", "ipseccmd %A%", "exit /b", ":x", "set a=2"], 3, 10, "the call in line 2 may set"),
    (["set A=1", "call :x", "ipseccmd %A%", "exit /b", ":x", "set %1=2"], 3, 10, "the call in line 2 may set"),
    (["set A=1", "call set B=%%A%%", "ipseccmd %B%"], 3, 10, "a second time"),
    (["setlocal enabledelayedexpansion", "ipseccmd !A!"], 2, 10, "delayed expansion"),
    (["setlocal EnableDelayedExpansion", "set A=!B!", "ipseccmd %A%"], 3, 10, "delayed expansion"),
    (["if x==y setlocal enabledelayedexpansion", "ipseccmd !A!"], 2, 10, "delayed expansion"),
    (["set A=1", "if x==y setlocal", "set A=2", "endlocal", "ipseccmd %A%"], 5, 10, "endlocal in line 4"),
    (["ipseccmd a\0b"], 1, 11, "a NUL"),
    (["ping x && ipseccmd a"], 1, 11, "the command before '&&'"),
    (["ping x || ipseccmd a | more"], 1, 11, "the command before '||'"),
    (["ping x && (ipseccmd a)"], 1, 12, "the command before '&&'"),
    (["ipseccmd a%%b%% | more"], 1, 11, "a second time"),
    (["ipseccmd a^&b | more"], 1, 12, "a second time"),
    (['ipseccmd "a&b" c^^ | more'], 1, 18, "a second time"),
    (["call ipseccmd %%A%%"], 1, 15, "a second time"),
    (["if x==y ipseccmd a"], 1, 9, "the 'if' in line 1"),
    (['if "%1" == "" ipseccmd a'], 1, 15, "the 'if' in line 1"),
    (["if /i not x equ y (echo a) else ipseccmd a"], 1, 33, "the 'if' in line 1"),
    (["if exist a (", "echo b", ") else if defined c (", "ipseccmd a", ")"], 4, 1, "the 'if' in line 1"),
    (["if not errorlevel 1 echo & ipseccmd a"], 1, 28, "the 'if' in line 1"),
    (["if x==y (echo) & ipseccmd a"], 1, 18, "the 'if' in line 1"),
    (["for %%i in (*.txt) do ipseccmd a"], 1, 23, "the list of the 'for' in line 1"),
    (["for %%i in (a ?) do ipseccmd a"], 1, 21, "the list of the 'for' in line 1"),
    (["for /f %%i in ('dir') do (", "ipseccmd a", ")"], 2, 1, "the list of the 'for' in line 1"),
    (['for /f "tokens=1,2 delims=," %%i in (x) do ipseccmd a'], 1, 44, "the list of the 'for'"),
    (["for /r c:\\x %%i in (x) do ipseccmd a"], 1, 27, "the list of the 'for'"),
    (["for /d %%i in (x) do ipseccmd a"], 1, 22, "the list of the 'for'"),
    (["for /f %%i in ('ipseccmd show all') do echo a"], 1, 17, "runs it for its output"),
    (["for %%i in (%1) do ipseccmd %%i"], 1, 29, "an argument"),
    (["for %%i in (a.txt) do ipseccmd %%~ni"], 1, 32, "a part of a name"),
    (["for /l %%i in (1,1,%1) do ipseccmd a"], 1, 27, "an argument"),
    (["for /l %%i in (1,1) do ipseccmd a"], 1, 24, "the numbers of the 'for' in line 1"),
    (["goto x", "ipseccmd a"], 2, 1, "behind the 'goto' in line 1"),
    (["goto:eof", "ipseccmd a"], 2, 1, "behind the 'goto' in line 1"),
    (["exit /b & ipseccmd a"], 1, 11, "behind the 'exit' in line 1"),
    (["goto x", ":x", "ipseccmd a"], 3, 1, "behind the 'goto' in line 1"),
    (["if x==y goto z", "ipseccmd a"], 2, 1, "the 'goto' in line 1 may lead past it"),
    (["ping x || exit /b 1", "ipseccmd a"], 2, 1, "the 'exit' in line 1 may lead past it"),
    (["call :x", ":x", "ipseccmd a"], 3, 1, "more than once: line 1 jumps"),
    ([":x", "ipseccmd a", "if errorlevel 1 goto x"], 2, 1, "more than once: line 3 jumps"),
    ([":x", "ipseccmd a", "call :%1"], 2, 1, "more than once: line 3 jumps"),
    (["other.bat", "ipseccmd a"], 2, 1, "the batch file that line 1 starts does not return"),
    (["for /l %%i in (1,0,2) do ping x", "ipseccmd a"], 2, 1, "the 'for' in line 1 has no end"),
    (["start /wait ipseccmd a"], 1, 13, "in a way that is not understood"),
    (['cmd /c "ipseccmd a"'], 1, 9, "in a way that is not understood"),
    ([r"psexec \\h ipseccmd a"], 1, 12, "in a way that is not understood"),
    ([r"psexec \\h c:\tools\ipseccmd.exe a"], 1, 21, "in a way that is not understood"),
    (['netsh -c "ipsec static" show all'], 1, 1, "in a way that is not understood"),
    (["netsh -r host ipsec static show all"], 1, 1, "in a way that is not understood"),
    (["pushd ipsec static"], 1, 7, "in a way that is not understood"),
    (["echo ipsec static show all | netsh"], 1, 6, "in a way that is not understood"),
    (["netsh %1 static show all"], 1, 7, "an argument"),
    (["(", "ipseccmd a"], 2, 1, "cannot read line 1, column 1: this parenthesis is not closed"),
    (["for %%i in (a b ipseccmd %%i"], 1, 17, "this parenthesis is not closed"),
    (["for %%i in (a b) ipseccmd %%i"], 1, 18, "no 'do'"),
    (["for %%ij in (a b) do ipseccmd %%i"], 1, 22, "no variable"),
    (["for i in (a b) do ipseccmd %%i"], 1, 19, "no variable"),
    (["for %%i (a b) do ipseccmd %%i"], 1, 18, "no 'in'"),
    (["for %%i in a b do ipseccmd %%i"], 1, 19, "no list"),
    (["for %%i in (a) do", "ipseccmd a"], 2, 1, "cmd.exe stops at line 1, column"),
    (["if x==y", "ipseccmd a"], 2, 1, "cmd.exe stops at line 1, column"),
    (["if x y ipseccmd a"], 1, 8, "no comparison"),
    (["ipseccmd a && & echo"], 1, 1, "a command is missing"),
    (["ipseccmd a >", "ipseccmd b"], 1, 1, "the file of this redirection is missing"),
    (["(echo a) b", "ipseccmd a"], 2, 1, "cmd.exe stops at line 1, column"),
    (["(" * 101 + "ipseccmd a" + ")" * 101], 1, 102, "nested more than 100 deep"),
]


@pytest.mark.parametrize(("lines", "line", "column", "reason"), UNKNOWN)
def test_what_cannot_be_known_is_said_where_it_stands(lines: list[str], line: int, column: int, reason: str) -> None:
    error = refuse(*lines)
    assert (error.line, error.column) == (line, column)
    assert reason in error.problem
    script = leave_out(*lines)
    assert error.problem == f"{script.left_out[0].reason}; unsupported=ignore leaves this command out"
    assert line in [left.line for left in script.left_out]


PLACES = [
    # the text, a part of the last command, and where that stands
    ("ipseccmd a ^\r\n  b c", "c", (2, 5)),
    ("rem\r\n  @\"C:\\x y\\ipseccmd.exe\" a", "ipseccmd", (2, 12)),
    ("set A=x y\nipseccmd a %A% b", "x", (2, 12)),
    ("set A=x y\nipseccmd a %A% b", "y", (2, 12)),
    ("set A=x y\nipseccmd a %A% b", "b", (2, 16)),
    ("set A=x\nset B=%A%y\nipseccmd %B%", "y", (3, 10)),
    ("ipseccmd ^\n%A%b".replace("%A%", "%%"), "b", (2, 3)),
    ("for %%i in (x y) do (\n\tipseccmd a%%i b\n)", "y", (2, 12)),
    ("for %%i in (x y) do (\n\tipseccmd a%%i b\n)", "b", (2, 16)),
    ("ipseccmd >nul a^&b", "b", (1, 18)),
    ('ipseccmd "a" >nul "c', "c", (1, 20)),
]  # fmt: skip


@pytest.mark.parametrize(("file", "part", "place"), PLACES)
def test_a_character_knows_its_place(file: str, part: str, place: tuple[int, int]) -> None:
    text = read_script(file).commands[-1].text
    error = text.error(text.value.rindex(part), "wrong")
    assert (error.line, error.column) == place
    assert len(text.offsets) == len(text.value)


def test_the_program_is_told() -> None:
    script = read_script("ipsecpol a\nipseccmd b\nnetsh ipsec static c\nipsec static add policy name=d")
    assert [command.program for command in script.commands] == [
        *(Program.IPSECCMD, Program.IPSECCMD, Program.NETSH, Program.NETSH)
    ]


def test_lines_with_other_commands_are_named() -> None:
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
        "if x==y (",
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
    assert leave_out(*lines).left_alone == (6, 9, 12, 14, 15, 16, 17, 18, 20, 21, 22)
    assert read_script("").left_alone == read_script(" \r\n\r\n").left_alone == ()


def test_what_cannot_be_known_can_be_left_out() -> None:
    script = leave_out("ipseccmd a", "ipseccmd %1", "for %%i in (1 2) do ipseccmd %%i %1", "exit", "ipseccmd b")
    assert [command.text.value for command in script.commands] == ["ipseccmd a"]
    assert script.left_out == (
        LeftOut(2, "it depends on an argument of the batch file"),
        LeftOut(3, "it depends on an argument of the batch file"),
        LeftOut(5, "it stands behind the 'exit' in line 4"),
    )
    assert script.left_alone == (4,)


def test_unbalanced_lines_without_a_command_of_ours_are_left_alone() -> None:
    script = read_script("ipseccmd a\nrem\nfor %%i in (a) ping %%i\n(\nping b\n")
    assert ([command.text.value for command in script.commands], script.left_alone) == (["ipseccmd a"], (3, 5))


LONG = [
    "for /l %%i in (1,1,100001) do ipseccmd %%i",
    "for /l %%i in (1,0,1) do ipseccmd %%i",
    "for /l %%i in (1,1,1000) do for /l %%j in (1,1,1000) do ipseccmd %%i",
    "".join(f"for %%{letter} in (1 2 3 4 5 6 7 8 9 10) do " for letter in "abcdefgh") + "set A=%%a",
    "for /l %%i in (1,1,99999) do ipseccmd " + "x" * 100,
    "set A=" + "x" * 8000 + "\n" + "echo %A%\n" * 600,
]


@pytest.mark.parametrize("file", LONG)
@pytest.mark.parametrize("ignore_unsupported", [False, True])
def test_a_file_that_explodes_is_refused(file: str, ignore_unsupported: bool) -> None:
    with pytest.raises(SourceError, match="too much of the file"):
        read_script(file, ignore_unsupported)


def test_a_variable_that_doubles_is_soon_unknown() -> None:
    file = "set A=0123456789\n" + "set A=%A%%A%\n" * 1000 + "ipseccmd %A%"
    with pytest.raises(SourceError, match="longer than"):
        read_script(file)


def test_deep_loops_are_no_problem_up_to_the_limit() -> None:
    deep = "".join(f"for %%{chr(65 + i % 26)} in (1) do (" for i in range(49)) + "ipseccmd a" + ")" * 49
    assert run(deep) == ["ipseccmd a"]
    assert run("(" * 99 + "ipseccmd a" + ")" * 99) == ["ipseccmd a"]


KEYS = [
    "ipseccmd -a p:SECRET %1",
    "set K=SECRET\nipseccmd -a p:%K% %1",
    "set K=SECRET& ipseccmd -a p:%K% %1",
    "set K=SECRET& (for %%k in (%K%) do ipseccmd -a p:%%k %1)",
    "for %%k in (SECRET SECRET2) do ipseccmd -a p:%%k %1",
    "for %%k in (SECRET*) do ipseccmd -a p:%%k %1",
    'for /f %%k in ("SECRET") do ipseccmd -a p:%%k %1',
    "if x==y set K=SECRET& ipseccmd -a p:%K%",
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


def test_the_file_of_a_command_shows_no_key() -> None:
    text = read_script("set K=SECRET& rem\nfor %%i in (SECRET) do ipseccmd -a p:%%i -x").commands[0].text
    assert text.value == "ipseccmd -a p:SECRET -x"
    assert text.file == "set K=SECRET& rem\nfor %%i in (******) do ipseccmd -a p:%%i -x"
    assert "SECRET" not in str(text.error(len(text) - 1, "wrong"))


FRAGMENTS = [
    *("ipseccmd", "ipsecpol", "netsh ipsec static", "netsh", "ipsec static add", "echo", "rem ", "::", ":x", "@", "#"),
    *("set ", "A=", "%A%", "%1", "%~dp0", "%%", "%%i", "%%~i", "%%~ni", "%", "!", "!A!", "/a ", "/p ", "setlocal"),
    *("setlocal enabledelayedexpansion", "endlocal", "for ", "%%i in ", "(a b)", "(1,1,3)", "(*)", " do ", "/l "),
    *("if ", "not ", "exist ", "a==b ", " else ", "defined A ", "goto ", "x", "exit", "call ", ":eof", "start "),
    *("(", ")", "&", "&&", "||", "|", "^", '"', ">nul", "2>&1", "<", ">", " ", "\t", ",", ";", "=", "\n", "\r\n", "\0"),
    *("a", "p:key", "-a ", "psk=", "\x1a", "é", "\ud800", "/f ", "cmd /c"),
]  # fmt: skip


def check_any(file: str) -> None:
    """Reading ends with what it may end with, and says only what is true."""
    script = read_script(file, ignore_unsupported=True)
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
        assert strict == script
        assert not script.left_out


@given(st.text())
def test_any_text_is_read_or_refused(file: str) -> None:
    check_any(file)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join))
def test_any_batch_file_is_read_or_refused(file: str) -> None:
    check_any(file)


@given(
    st.text(alphabet=st.characters(exclude_characters='"%^&|<>()\0\r\n\x1a', exclude_categories=["Cs"]), max_size=30)
)
def test_plain_arguments_stay_as_they_are(arguments: str) -> None:
    assert run(f"ipseccmd -{arguments}") == [f"ipseccmd -{arguments}".rstrip(" \t")]


@pytest.mark.parametrize("character", ["\0", "\r", "\n", "\x1a"])
def test_what_no_line_can_hold_is_not_written(character: str) -> None:
    with pytest.raises(ModelError, match=f"cannot hold the character U\\+{ord(character):04X}") as caught:
        batch_file([f'ipseccmd -f 0+* -a "p:s3cret{character}"'])
    assert "s3cret" not in str(caught.value)


DECODED = [
    (b"rem \xc3\xa9", None, "rem é"),
    (codecs.BOM_UTF8 + b"rem \xc3\xa9", None, "rem é"),
    (codecs.BOM_UTF8 + b"rem \xc3\xa9", "cp1252", "rem é"),
    (codecs.BOM_UTF16_LE + "rem é".encode("utf-16-le"), None, "rem é"),
    (codecs.BOM_UTF16_BE + "rem é".encode("utf-16-be"), None, "rem é"),
    ("rem é".encode("utf-16-le"), None, "rem é"),
    ("rem é".encode("utf-16-be"), None, "rem é"),
    ("a".encode("utf-16-le"), None, "a"),
    ("rem é".encode("utf-16-le") + b"\n", None, "rem é"),
    (codecs.BOM_UTF16_LE + b"a", None, ""),
    ("rem é".encode("utf-16"), "utf-16", "rem é"),
    (b"rem \xe9", "cp1252", "rem é"),
    (b"rem \xe9", "1252", "rem é"),
    (b"rem \x82", "850", "rem é"),
    (b"rem \x82", " CP850 ", "rem é"),
    (b"rem \xc3\xa9", "65001", "rem é"),
    ("é".encode("utf-16-le"), "1200", "é"),
    (b"", None, ""),
    (b"a", None, "a"),
    (codecs.BOM_UTF8 * 2 + b"a", None, "a"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "encoding", "text"), DECODED)
def test_bytes_become_text(data: bytes, encoding: str | None, text: str) -> None:
    assert decode(data, encoding) == text


UNDECODED = [
    (b"rem\r\nrem \xe9 SECRET", None, "byte 5 of line 2 is not UTF-8; name the encoding of the file: cp1252"),
    ("é".encode() + b"\xe9", None, "byte 3 of line 1 is not UTF-8"),
    (b"a\n\x81", "cp1252", "byte 1 of line 2 is not cp1252"),
    (b"a\n\xe9", "utf8", "byte 1 of line 2 is not utf-8; the encoding"),
    (b"a\0\n\0\0\xd8a\0", None, "byte 1 of line 2 is not utf-16-le"),
    (b"a", "latin-99", "'latin-99' is no encoding; examples are cp1252"),
    (b"a", "99999", "'99999' is no encoding"),
    (b"a", "a\0b", "is no encoding"),
    (b"a", "\ud800", "is no encoding"),
    (b"a", "", "is no encoding"),
    *((b"a", name, "is no encoding of text; examples are cp1252") for name in ("rot13", "base64", "hex", "zlib")),
    *((b"a", name, "is no encoding of text") for name in ("idna", "punycode", "unicode_escape", "undefined")),
]  # fmt: skip


@pytest.mark.parametrize(("data", "encoding", "problem"), UNDECODED)
def test_bytes_of_another_encoding_are_refused(data: bytes, encoding: str | None, problem: str) -> None:
    with pytest.raises(ModelError) as caught:
        decode(data, encoding)
    assert problem in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert isinstance(caught.value.__cause__, type(None))


@given(st.binary(), st.sampled_from([None, "1252", "850", "utf-8", "utf-16", "932", "utf-7"]))
def test_any_bytes_are_text_or_refused(data: bytes, encoding: str | None) -> None:
    try:
        text = decode(data, encoding)
    except ModelError:
        return
    assert "\ufeff" not in text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff")))
def test_text_survives_utf_16(text: str) -> None:
    assert decode(text.encode("utf-16")) == text
