# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a batch file takes from outside: arguments, variables, list files, and files that it writes itself."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Outside, Script, read_script
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold


def outside(arguments=None, variables=None, files=None) -> Outside:
    texts = {fold(name): text for name, text in (files or {}).items()}
    return Outside.of(arguments, variables, texts.get)


def read(*lines: str, ignore: bool = False, **options) -> Script:
    return read_script("\n".join(lines), ignore, outside(**options))


def run(*lines: str, **options) -> list[str]:
    """The commands, without the name of the program."""
    return [command.text.value.removeprefix("ipseccmd ") for command in read(*lines, **options).commands]


def refuse(*lines: str, **options) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(*lines, **options)
    return caught.value


ARGUMENTS = [
    # arguments, lines, commands
    (["a", "b"], ["ipseccmd %1 %2 [%3]"], ["a b []"]),
    (["a", "b"], ["ipseccmd %*"], ["a b"]),
    (["a b", '"c d"', ""], ["ipseccmd %1 %~1 %2 %~2 %3"], ['"a b" a b "c d" c d ""']),
    (["a,b", "c&d"], ["ipseccmd %*"], ['"a,b" "c&d"']),
    ([str(n) for n in range(1, 12)], ["ipseccmd %10"], ["10"]),
    (["a", "b", "c"], ["shift", "ipseccmd %1 %2 %*"], ["b c a b c"]),
    (["a", "b", "c"], ["shift /2", "ipseccmd %1 %2"], ["a c"]),
    (["a"], ["shift & shift", "ipseccmd [%1]"], ["[]"]),
    (["a"], ["set X=%1", "ipseccmd %X%"], ["a"]),
    (["a b"], ["for %%i in (%~1) do ipseccmd %%i"], ["a", "b"]),
    (["::"], ["%1 ipseccmd a", "ipseccmd b"], ["b"]),
    ([], ["ipseccmd [%1%2]"], ["[]"]),
]


@pytest.mark.parametrize(("arguments", "lines", "commands"), ARGUMENTS)
def test_arguments_from_outside_are_used(arguments, lines, commands):
    assert run(*lines, arguments=arguments) == commands


UNKNOWN_ARGUMENTS = [
    (["ipseccmd %~f1"], "a part of a file name"),
    (["ipseccmd %0"], "the name of the batch file"),
    (["ipseccmd %~dp0x"], "the folder of the batch file"),
    (["if x==%Y% shift", "ipseccmd %1"], "the 'shift' in line 1 may change"),
    (["shift /x", "ipseccmd %1"], "the 'shift' in line 1 may change"),
]


@pytest.mark.parametrize(("lines", "reason"), UNKNOWN_ARGUMENTS)
def test_what_arguments_do_not_tell_stays_unknown(lines, reason):
    assert reason in refuse(*lines, arguments=["a"]).problem


def test_a_missing_value_names_the_option_that_gives_it():
    assert "the option arguments gives it" in refuse("ipseccmd %1").problem
    assert "the option variables gives it" in refuse("ipseccmd %X%").problem
    problem = refuse("for /f %%i in (a.txt) do ipseccmd %%i").problem
    assert "the content of the file 'a.txt' is not known" in problem
    assert "option files" in problem


def test_variables_from_outside_are_used_until_the_file_sets_them():
    variables = {"Server": "win1", "EMPTY": ""}
    lines = ["ipseccmd %SERVER%[%Empty%]", "set server=win2", "ipseccmd %server%", "setlocal", "ipseccmd %X%"]
    assert run(*lines, variables={**variables, "x": "a^b"}) == ["win1[]", "win2", "ab"]
    assert "the call in line 1 may set" in refuse("call x", "ipseccmd %X%", variables={"X": "a"}).problem


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["a\nb"], None, "arguments[0]: an argument has a single line"),
        (None, {"A": "1", "a": "2"}, "'a' is given twice"),
        (None, {"A=": "1"}, "without '=' and '%'"),
        (None, {"A": "x\0"}, "variables.A: the value of a variable has a single line"),
    ],
)
def test_values_that_no_caller_can_pass_are_refused(arguments, variables, words):
    with pytest.raises(ModelError) as caught:
        outside(arguments, variables)
    assert words in str(caught.value)


LIST = "192.0.2.1 Berlin, first\r\n\r\n; comment\r\n  192.0.2.2\tMunich\r\n192.0.2.3"
LISTS = [
    # the loop up to 'do', the values of %%i and its followers, the list
    ("for /f %%i in (list.txt) do ipseccmd %%i", ["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
    ("for /F %%i in (LIST.TXT) do ipseccmd %%i", ["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
    ('for /f "usebackq" %%i in ("%~dp0list.txt") do ipseccmd %%i', ["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
    (r"for /f %%i in (.\list.txt) do ipseccmd %%i", ["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
    (
        'for /f "tokens=1,2*" %%i in (list.txt) do ipseccmd %%i/%%j/%%k',
        ["192.0.2.1/Berlin,/first", "192.0.2.2/Munich/", "192.0.2.3//"],
    ),
    ('for /f "tokens=1-3" %%a in (list.txt) do ipseccmd [%%c]', ["[first]", "[]", "[]"]),
    ('for /f "tokens=2" %%a in (list.txt) do ipseccmd %%a', ["Berlin,", "Munich"]),
    ('for /f "tokens=3,1" %%a in (list.txt) do ipseccmd %%a%%b', ["192.0.2.1first", "192.0.2.2", "192.0.2.3"]),
    ('for /f "tokens=*" %%a in (list.txt) do ipseccmd %%a',
     ["192.0.2.1 Berlin, first", "192.0.2.2\tMunich", "192.0.2.3"]),
    ('for /f "skip=4 tokens=1" %%a in (list.txt) do ipseccmd %%a', ["192.0.2.3"]),
    ('for /f "delims=, tokens=2" %%a in (list.txt) do ipseccmd [%%a]', ["[ first]"]),
    ('for /f "delims=., " %%a in (list.txt) do ipseccmd %%a', ["192", "192", "192"]),
    ('for /f "eol=1 delims=" %%a in (list.txt) do ipseccmd [%%a]', ["[; comment]", "[  192.0.2.2\tMunich]"]),
    ("for /f %%i in (list.txt other.txt) do ipseccmd %%i", ["192.0.2.1", "192.0.2.2", "192.0.2.3", "x"]),
    ('for /f %%i in ("a b c") do ipseccmd %%i', ["a"]),
    ('for /f "usebackq tokens=2" %%i in (\'a b c\') do ipseccmd %%i', ["b"]),
    ('for /f "tokens=1,2 delims=;" %%i in ("a;b") do ipseccmd %%j%%i', ["ba"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "commands"), LISTS)
def test_a_loop_over_the_lines_of_a_file_is_followed(line, commands):
    assert run(line, files={"list.txt": LIST, "other.txt": "x\n"}) == commands


UNKNOWN_LISTS = [
    "for /f %%i in ('type list.txt') do ipseccmd %%i",
    "for /f \"usebackq\" %%i in (`type list.txt`) do ipseccmd %%i",
    'for /f "tokens=0" %%i in (list.txt) do ipseccmd %%i',
    'for /f "tokns=1" %%i in (list.txt) do ipseccmd %%i',
    'for /f "delims=%X%" %%i in (list.txt) do ipseccmd %%i',
    "for /f %%i in (*.txt) do ipseccmd %%i",
    "for /f %%i in (%X%list.txt) do ipseccmd %%i",
    r"for /f %%i in (..\list.txt) do ipseccmd %%i",
    "cd sub\nfor /f %%i in (list.txt) do ipseccmd %%i",
    "pushd %X%\nfor /f %%i in (list.txt) do ipseccmd %%i",
    "cd \\\nfor /f %%i in (list.txt) do ipseccmd %%i",
    "powershell Get-It -Out list.txt\nfor /f %%i in (list.txt) do ipseccmd %%i",
    "copy other.txt list.txt\nfor /f %%i in (list.txt) do ipseccmd %%i",
    "echo a > %X%\\list.txt\nfor /f %%i in (list.txt) do ipseccmd %%i",
    "ping x > list.txt\nfor /f %%i in (list.txt) do ipseccmd %%i",
    'for /f %%i in ("%X% b") do ipseccmd %%i',
]  # fmt: skip


@pytest.mark.parametrize("file", UNKNOWN_LISTS)
def test_a_list_that_is_not_certain_stays_unknown(file):
    refuse(*file.split("\n"), files={"list.txt": "a"})
    assert not read(*file.split("\n"), files={"list.txt": "a"}, ignore=True).commands


FOLDERS = [
    "cd /d %~dp0",
    'pushd "%~dp0"',
    "cd sub\ncd /d %~dp0",
    "pushd C:\\x\npopd",
    "cd .",
    "cd",
    "copy ipseccmd.exe %windir%",
]


@pytest.mark.parametrize("lines", FOLDERS)
def test_a_list_beside_the_script_is_read_from_its_folder(lines):
    assert run(*lines.split("\n"), "for /f %%i in (list.txt) do ipseccmd %%i", files={"list.txt": "a"}) == ["a"]


WRITTEN = [
    (["echo a b> x.txt", "echo c >> x.txt", "for /f %%i in (x.txt) do ipseccmd %%i"], ["a", "c"]),
    ([">x.txt echo a", "for /f %%i in (x.txt) do ipseccmd %%i"], ["a"]),
    (["(echo a & echo b) > x.txt", "for /f %%i in (x.txt) do ipseccmd %%i"], ["a", "b"]),
    (["for %%j in (a b) do echo %%j>>list.txt", "for /f %%i in (list.txt) do ipseccmd %%i"], ["l", "a", "b"]),
    (["(for %%j in (a b) do @echo %%j) > x.txt", "for /f %%i in (x.txt) do ipseccmd %%i"], ["a", "b"]),
    (["type nul > x.txt", "echo a>>x.txt", "for /f %%i in (x.txt) do ipseccmd %%i"], ["a"]),
    (["del x.txt", "echo a>>x.txt", "for /f %%i in (x.txt) do ipseccmd %%i"], ["a"]),
    (["set F=%TEMP%\\x.txt", "echo a> %F%", 'for /f "usebackq" %%i in ("%F%") do ipseccmd %%i'], ["a"]),
    (["echo a> %TEMP%\\x.txt", "for /f %%i in (%temp%\\X.txt) do ipseccmd %%i"], ["a"]),
    (["(echo a & ping b > nul) > x.txt", "for /f %%i in (x.txt) do ipseccmd %%i"], ["a"]),
    (["echo a 2> y.txt > x.txt", "for /f %%i in (x.txt) do ipseccmd %%i"], ["a"]),
]


@pytest.mark.parametrize(("lines", "commands"), WRITTEN, ids=["; ".join(lines) for lines, _commands in WRITTEN])
def test_a_file_that_the_script_writes_is_known(lines, commands):
    assert run(*lines, files={"list.txt": "l\n"}) == commands


NOT_WRITTEN = [
    ["echo a>> x.txt"],
    ["echo %X%> x.txt"],
    ["if x==%Y% echo a> x.txt"],
    ["echo a> x.txt", "ping b>> x.txt"],
    ["echo a> x.txt", "ren x.txt y.txt"],
    ["echo a> x.txt", "notepad x.txt"],
    ["echo a> x.txt", "if x==%Y% del x.txt"],
    ["echo a> x.txt", "del *.txt"],
    ["echo a> x.txt", "echo b> %X%"],
    ["echo a> x.txt", "cd sub"],
    ["echo a| find b> x.txt"],
    ["echo a> %RANDOM%x.txt"],
    ["(echo a", "ping b", ")> x.txt"],
]


@pytest.mark.parametrize("lines", NOT_WRITTEN, ids="; ".join)
def test_a_file_of_which_a_part_is_unknown_is_unknown(lines):
    loop = "for /f %%i in (x.txt) do ipseccmd %%i"
    loop = loop.replace("x.txt", "%RANDOM%x.txt") if "RANDOM" in lines[0] else loop
    assert refuse(*lines, loop).line == len("\n".join([*lines, loop]).split("\n"))


SECRETS = [
    ({"arguments": ["SECRET"]}, ["ipseccmd -a p:%1 %X%"]),
    ({"arguments": ["a p:SECRET"]}, ["ipseccmd -%~1 %X%"]),
    ({"variables": {"K": "SECRET"}}, ["set L=%K%", "ipseccmd -a p:%L% %X%"]),
    ({"variables": {"K": "SECRET"}}, ["ipseccmd -a p:%K% -n block %X%"]),
    ({"files": {"k.txt": "SECRET"}}, ["for /f %%k in (k.txt) do ipseccmd -a p:%%k %X%"]),
    ({"files": {"k.txt": "add rule name=a pks=SECRET"}}, ["netsh -c \"ipsec static\" -f k.txt", "ipseccmd %X%"]),
    ({}, ["echo SECRET> k.txt", "for /f %%k in (k.txt) do ipseccmd -a p:%%k %X%"]),
    ({}, ["echo add rule name=a pks=SECRET> k.txt", "netsh -c \"ipsec static\" -f k.txt", "netsh ipsec %X%"]),
]  # fmt: skip


@pytest.mark.parametrize(("options", "lines"), SECRETS)
def test_a_key_from_outside_is_in_no_error(options, lines):
    assert "SECRET" not in str(refuse(*lines, **options))
    script = read(*lines, **options, ignore=True)
    assert "SECRET" not in repr(script.left_out)
    assert "%" in lines[-1]
    commands = read(*[line.replace("%X%", "") for line in lines], **options).commands
    assert "SECRET" in commands[0].text.value
    for command in commands:
        assert "SECRET" not in command.text.file
        assert "SECRET" not in str(command.text.error(len(command.text) - 1, "wrong"))
