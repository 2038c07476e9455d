# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Errors and notes for command lines of ipseccmd."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Program
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch.scripts import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import read_line, read_lines, read_list
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.parse import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.fields import ShapeError
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.mistakes import Mistakes, SourceErrors
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError, Text
from unit.values import GUID

STATIC = "ipseccmd -w reg -p P -r R"
# ¦ marks the place that the error points to
ERRORS = {
    # options
    "ipseccmd -f 0+* ¦-confrim": "does not exist; did you mean -confirm\\?",
    "ipseccmd -f 0+* ¦-z": "does not exist; the options are -f, -n",
    "ipseccmd -f 0+* ¦-1": "-1s, -1k, -1p",
    "ipseccmd -f 0+* ¦-": "this option does not exist",
    "ipseccmd ¦-f -soft": "-f needs filters, as in",
    "ipseccmd ¦-f": "-f needs filters, as in",
    'ipseccmd -f ¦""': "empty; -f needs filters",
    "ipseccmd -f 0+* -soft ¦0+*": "-soft takes no value",
    "ipseccmd -f 0+* -1e 1 ¦2": "-1e takes one value",
    "ipseccmd -f 0+* -n block ¦-n pass": "-n is given twice",
    "ipseccmd -f 0+* -c ¦-confirm": "-confirm is given twice",
    "ipseccmd ¦\u2013f 0+*": "begins with a hyphen",
    "ipseccmd -f 0+* ¦\u2013soft": "begins with a hyphen",
    "ipseccmd -f 0+* -n block ¦\u2014t 10.0.0.1": "begins with a hyphen",
    "ipseccmd -soft ¦\u2212f 0+*": "begins with a hyphen",
    "ipseccmd -w reg -p P ¦\u2013x": "begins with a hyphen",
    "ipseccmd -w reg -p \u201cMy ¦Policy\u201d -x": "straight quotation marks",
    r"ipseccmd -f 0+* ¦\\srv": "the name of a computer must come before all options",
    r"ipseccmd -f 0+* -soft ¦\\srv": "the name of a computer must come before all options",
    r"ipseccmd ¦\\": "expected the name of a computer, as in",
    r"ipseccmd ¦\\a\b show all": "expected the name of a computer, as in",
    "ipseccmd ¦\\\\server\0 show all": "expected the name of a computer, as in",
    "ipseccmd -w reg:¦server\0 -p P -x": "expected the name of a computer",
    "ipseccmd -soft -n block¦  ": "-f is required: the filters of the rule",
    "ipseccmd -soft -n block¦\n": "-f is required: the filters of the rule",
    "ipseccmd¦": "-f is required: the filters of the rule",
    "ipseccmd -f 0+* -lan ¦-dialup": "exclude each other",
    'ipseccmd -f 0+* -a p:¦"abc': "not closed",
    'ipseccmd -f 0+* -r ¦"a\nb"': "not closed before the line ends",
    "ipseccmd ¦0+*": "expected an option, such as -f, or show",
    "¦ipsecmd -f 0+*": "did you mean ipseccmd\\?",
    "ipseccmd ¦shw all": "did you mean show\\?",
    "ipseccmd ¦-u -soft": "must be the only option",
    "ipseccmd -x -w reg ¦-u": "must be the only option",
    r"ipseccmd \\srv ¦-u": "must be the only option",
    # queries
    "ipseccmd show¦": "show needs what to show: filters, policies, auth, stats, sas or all",
    "ipseccmd show ¦polices": "show takes filters, policies, auth, stats, sas or all; did you mean policies\\?",
    "ipseccmd show all ¦-soft": "show takes",
    # filters
    "ipseccmd -f 0¦": "expected '=' .one way. or '\\+' .mirrored.",
    "ipseccmd -f 0+*:80:¦TPC": "ICMP, UDP, RAW, TCP or a number.*did you mean tcp\\?",
    "ipseccmd -f 0+*:¦ICMP": "two colons: ::ICMP",
    "ipseccmd -f 0=* 0+192.0.2.1¦=*": "unexpected '='; a filter has one source and one destination",
    'ipseccmd -f "0=* 0+192.0.2.1¦=*"': "unexpected '='; a filter has one source and one destination",
    'ipseccmd -f "0"="¦10.92.*"': "four octets",
    "ipseccmd -f 0=¦10.92.*.*/255.255.0.0": "not a valid wildcard; .* without a mask",
    "ipseccmd -f 0=¦10.*.92.*": "not a valid wildcard; .* the last ones stars",
    "ipseccmd -f ¦0+*:135": "a port needs the protocol",
    "ipseccmd -f (0+*¦": "expected '\\)' at the end",
    "ipseccmd -f [0+*)¦": "expected '\\]' at the end",
    "ipseccmd -f (¦[0+*])": "expected filters, as in 0\\+192.0.2.10",
    "ipseccmd -f (0+*:80:¦TPC)": "did you mean tcp",
    "ipseccmd -f ¦0+* default": "default response rule",
    "ipseccmd -f default ¦0+*": "default response rule",
    "ipseccmd -f (¦default)": "expected filters, as in 0\\+192.0.2.10",
    "ipseccmd -f 0+* -1f ¦default": "expected filters, as in 0\\+192.0.2.10",
    "ipseccmd -f 0+* -1f ¦(0+*)": "does not permit or block: write it without brackets",
    "ipseccmd -f 0+* -1f ¦[0+*]": "does not permit or block: write it without brackets",
    "ipseccmd -f 0+* -1f 0+*¦::TCP": "no ports and no protocol",
    "ipseccmd -f 0+* -1f 0¦:80=*:80:TCP": "no ports and no protocol",
    # the default response rule
    "ipseccmd -f default ¦-t 10.0.0.1": "-t cannot be combined with -f default",
    "ipseccmd -f default ¦-lan": "-lan cannot be combined with -f default",
    "ipseccmd -f default ¦-n block": "the default response rule negotiates",
    "ipseccmd -f default ¦-n pass": "the default response rule negotiates",
    # tunnels
    "ipseccmd -f 10.0.0.1:80+*::TCP ¦-t 10.0.0.9": "-f 10.0.0.1:80=\\*::TCP -t 10.0.0.9, .*-f \\*=10.0.0.1:80:TCP and",
    "ipseccmd -f 0=* -t ¦10.0.0.0/8": "a tunnel endpoint is one address or DNS name",
    "ipseccmd -f 0=* -t ¦10.0.0.300": "four numbers",
    "ipseccmd -f 0=* ¦-t 10.0.0.1 -n block": "must negotiate security; remove -n block",
    # methods
    "ipseccmd -f 0+* -n ¦blok": "block, pass or inpass; did you mean block\\?",
    "ipseccmd -f 0+* -n ¦eps[3des,sha]": "did you mean esp\\?",
    "ipseccmd -f 0+* -n ah[md5] ¦esp[des3,sha]": "none, des or 3des",
    "ipseccmd -f 0+* -n ¦esp[none,none]": "protect nothing",
    "ipseccmd -f 0+* -n ah[md5] ¦esp[none,none]3600S": "protect nothing",
    "ipseccmd -f 0+* -n ¦esp[3des]": "a cipher and a hash",
    "ipseccmd -f 0+* -n ¦ah(md5)": "expected esp.cipher,hash. or ah.hash.",
    "ipseccmd -f 0+* -n ¦3600S": "follow the method that they belong to",
    "ipseccmd -f 0+* -n esp[3des,sha] ¦3600": "or, after a method, a rekey setting such as 3600S/5000K",
    "ipseccmd -f 0+* -n esp[3des,sha]¦PFS1800S": "a rekey setting",
    "ipseccmd -f 0+* -n esp[3des,sha]¦block": "a blank and the next method",
    "ipseccmd -f 0+* -n esp[3des,sha]PFS¦ah[md5]": "a blank and the next method",
    "ipseccmd -f 0+* -n esp[3des,sha] 5S ¦6S": "the number of seconds is given twice",
    "ipseccmd -f 0+* -n esp[3des,sha] ¦5S/6S": "the number of seconds is given twice",
    "ipseccmd -f 0+* -n esp[3des,sha]PFS ¦P1": "PFS is given twice",
    "ipseccmd -f 0+* -n block ¦pass": "exclude each other",
    'ipseccmd ¦-n "" -f 0+*': "-n needs",
    # authentication
    "ipseccmd -f 0+* -a k ¦kerbreos": 'kerberos, preshare:"key" or cert:"authority".*did you mean kerberos\\?',
    "ipseccmd -f 0+* -a ¦presare:x": "did you mean preshare\\?",
    "ipseccmd -f 0+* -a k¦:x": "kerberos takes no value",
    "ipseccmd -f 0+* -a p:¦": "the key is missing",
    'ipseccmd -f 0+* -a cert:¦""': "the name of the authority is missing",
    'ipseccmd -f 0+* -a ¦""': "expected an authentication method",
    "ipseccmd -f 0+* -n ¦p:x": "a pre-shared key belongs to -a",
    # main mode
    "ipseccmd -f 0+* -1s ¦3des-sha": "cipher-hash-group",
    "ipseccmd -f 0+* -1s des-sha-1 ¦aes-sha-1": "des or 3des",
    "ipseccmd -f 0+* -1s 3des-sha-¦14": "1 .low. or 2 .medium.",
    "ipseccmd -f 0+* -1s 3des-sha-¦": "1 .low. or 2 .medium.",
    "ipseccmd -f 0+* -1k ¦3600": "10Q, 3600S, 10Q/3600S",
    "ipseccmd -f 0+* -1k ¦1S/2S": "10Q, 3600S, 10Q/3600S",
    "ipseccmd -f 0+* -1k ¦0S": "seconds 1 to 4294967295",
    "ipseccmd -f 0+* -1e ¦5m": "a number of seconds",
    # static mode
    "ipseccmd -p P -x¦": "-w is required: -w reg writes to the registry",
    "ipseccmd -r R -f 0+*¦": "-w is required: -w reg writes to the registry",
    "ipseccmd -o -w reg¦": "-p is required: the name of the policy",
    "ipseccmd -w reg -p P¦": "-r is required: the name of the rule",
    "ipseccmd -w reg -p P -soft -x¦": "-r is required: the name of the rule",
    "ipseccmd -w ¦rge -p P -x": "-w takes reg, reg:COMPUTER, ds or ds:DOMAIN; did you mean reg\\?",
    "ipseccmd -w reg:¦ -p P -x": "expected the name of a computer",
    r"ipseccmd -w reg:¦\\a\b -p P -x": "expected the name of a computer",
    r"ipseccmd \\srv1 -w ¦reg:srv2 -p P -x": r"the line begins with \\\\srv1",
    'ipseccmd -w reg -p ¦"" -x': "the policy needs a name",
    "ipseccmd -w reg -p ¦:30 -x": "the policy needs a name",
    "ipseccmd -w reg -p P:¦0 -x": "the poll interval must be 1 to 71582788 minutes",
    "ipseccmd -w reg -p P:¦71582789 -x": "the poll interval must be 1 to 71582788 minutes",
    "ipseccmd -w reg -p P:¦123456789012 -x": "the poll interval must be 1 to 71582788 minutes",
    "ipseccmd -w reg -p My ¦Policy -x": "-p takes one name; a name with spaces needs quotation marks",
    'ipseccmd -w reg -p P -r ¦" " -x': "this is empty; -r needs the name of the rule",
    "ipseccmd -w reg -p P -r A -r ¦B -f 0+*": "only -o takes several -r",
    "ipseccmd -w reg -p P -x ¦-y": "one of the two",
    "ipseccmd -w ds -p P ¦-x": "is for policies in the registry; .* use gpos of ipsec_policy",
    "ipseccmd -w ds -p P -o ¦-y": "is for policies in the registry; .* use gpos of ipsec_policy",
    r"ipseccmd \\srv -w ¦ds -p P -r R -f 0+*": r"this writes to a domain, not to a computer: remove \\\\srv",
    "ipseccmd -w ds:¦ -p P -r R -f 0+*": "expected the DNS name of a domain",
    'ipseccmd -w "ds:¦two words" -p P -o': "expected the DNS name of a domain",
    r"ipseccmd -w ds:¦\\dc1 -p P -o": "expected the DNS name of a domain",
    "ipseccmd -w ds -p P -r R ¦-f 0+{12345678-1234-1234-1234-123456789abc}": "valid on one computer only",
    f"{STATIC} -f ¦(0+*)": "use 0\\+\\* and -n pass",
    f"{STATIC} -f 0+* ¦[*=0:80:TCP]": "use \\*=0:80:TCP and -n block",
    f"{STATIC} -f 0+* ¦-c": "-confirm is for dynamic mode only",
    f"{STATIC} -f 0+* ¦-1f 0+*": "no main mode filters",
    f"{STATIC} -f 0+{GUID} ¦-n ah[md5]": "GUID of an interface",
    f"{STATIC} -f {GUID}=* ¦-n block": "GUID of an interface",
}


@pytest.mark.parametrize("marked", ERRORS)
def test_error_points_to_its_place_and_says_what_is_allowed(marked):
    line = marked.replace("¦", "")
    with pytest.raises(SourceError, match=ERRORS[marked]) as caught:
        parse_command(line, [])
    error = caught.value
    assert (error.line, error.column) == (1, marked.index("¦") + 1)
    head, shown, caret = str(error).split("\n")
    assert head == f"line 1, column {error.column}: {error.problem}"
    place = caret.index("^")
    assert caret == " " * place + "^"
    if "***" not in shown:
        after = line[error.column - 1 :][:5].partition("\n")[0].rstrip()
        assert shown[place:].startswith(after)
        assert (line[: error.column - 1][-5:]).lstrip() in shown[:place]


def test_error_in_a_file_has_its_line():
    file = "@echo off\r\nipseccmd -f 0+* -n blok\r\nexit\r\n"
    start, end = file.index("ipseccmd"), file.index("\r\nexit")
    with pytest.raises(SourceError) as caught:
        parse_command(Text.of(file)[start:end], [])
    assert str(caught.value).split("\n")[1:] == ["  ipseccmd -f 0+* -n blok", "  " + " " * 19 + "^"]
    assert (caught.value.line, caught.value.column) == (2, 20)


def test_number_of_thousands_of_digits_is_an_error():
    # Python refuses to convert more than 4300 digits
    for line in (f"ipseccmd -w reg -p P:{'9' * 5000} -x", f"ipseccmd -f 0+* -1k {'9' * 5000}S"):
        with pytest.raises(SourceError):
            parse_command(line, [])


NOTES = {
    "ipseccmd -f 0+* -n ah[md5] block inpass": "everything except block is ignored",
    "ipseccmd -f 0+* -n pass ah[md5]": "everything except pass is ignored",
    "ipseccmd -f 0+* -n pass -soft": "-soft is ignored with -n pass",
    "ipseccmd -f 10.1.2.3/255.0.0.0=*": "10.0.0.0/8 is used instead",
    f"{STATIC} -f 0+* -n block -soft": "-soft is ignored with -n block",
    f"{STATIC} -1e 60": "-1e is ignored",
    f"{STATIC} -n esp[3des,sha]PFS2": "with the group of main mode",
    f"{STATIC} -f 0+* -o": "the options about rules are ignored",
}
NO_NOTES = [
    "ipseccmd -f 0+* -n esp[3des,sha]PFS2 inpass -1e 60 -soft",
    f"{STATIC} -f 0+* -n esp[3des,sha]PFS inpass -soft -x",
    f"{STATIC} -x -o",
    "ipseccmd -w reg -p P -o",
]


@pytest.mark.parametrize("line", NOTES)
def test_ignored_or_changed_input_gives_a_note(line):
    notes = []
    parse_command(line, notes)
    assert len(notes) == 1
    assert NOTES[line] in notes[0]


@pytest.mark.parametrize("line", NO_NOTES)
def test_kept_input_gives_no_note(line):
    notes = []
    parse_command(line, notes)
    assert notes == []


def test_a_mistake_in_a_list_of_commands_has_both_places():
    with pytest.raises(ShapeError) as caught:
        read_line("ipseccmd -w reg -p P -r R -f 0+999.1.1.1", "commands[1]")
    error = caught.value
    assert (error.path, error.line, error.column, error.offset) == ("commands[1]", 1, 32, 31)
    with pytest.raises(SourceError) as caught:
        read_line("")
    assert caught.value.line == 1


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("-n allow", "pass"),
        ("-n permit", "pass"),
        ("-n deny", "block"),
        ("-n drop", "block"),
        ('-a psk:"s3cret"', "preshare"),
        ('-a preshared_key:"s3cret"', "preshare"),
        ('-a ca:"CN=x"', "cert"),
    ],
)
def test_words_of_other_tools(option, meant):
    with pytest.raises(SourceError) as caught:
        read_line(f"ipseccmd -w REG -p P -r R -f 0+* {option}")
    assert f"; did you mean {meant}?" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_all_mistakes_of_a_script_are_in_one_message():
    text = (
        "ipseccmd -w reg -p P -x -z\nipseccmd %1\nnetsh ipsec static show\nipseccmd show all\nipseccmd -w reg -p P -x"
    )
    mistakes = Mistakes()
    read_lines(commands_of(Program.IPSECCMD, text, False, mistakes), False, mistakes)
    with pytest.raises(SourceErrors) as caught:
        mistakes.raise_all()
    head, *lines = str(caught.value).split("\n")
    assert head == "4 mistakes:"
    assert [line.partition(": ")[0] for line in lines[::3]] == [
        "line 1, column 25",
        "line 2, column 10",
        "line 3, column 1",
        "line 4, column 1",
    ]
    assert lines[1:3] == ["  ipseccmd -w reg -p P -x -z", " " * 26 + "^"]


def test_a_command_in_a_loop_is_one_mistake():
    text = "for %%i in (1 2 3) do ipseccmd -w reg -p P%%i -z"
    with pytest.raises(SourceError) as caught:
        read_lines(commands_of(Program.IPSECCMD, text, False), False)
    assert str(caught.value).startswith("line 1, column 47: this option does not exist")


def test_all_mistakes_of_a_list_are_in_one_message():
    with pytest.raises(ModelError) as caught:
        read_list(["-w reg -p P -z", "-w reg -p P -x", "show all", "-f 0+999.1.1.1 -a p:s3cret"], "commands")
    head, *lines = str(caught.value).split("\n")
    assert head == "3 mistakes:"
    assert [line.partition(": ")[0] for line in lines[::3]] == ["commands[0]", "commands[2]", "commands[3]"]
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ShapeError, match=r"\Acommands\[1\]: line 1"):
        read_list(["-w reg -p P -x", "show all"], "commands")


QUERY = r"query mode \(show\) changes nothing: run it with the module ipseccmd, in a task without commands that change"


def test_query_mode_beside_a_change_is_an_error_with_its_place():
    text = "ipseccmd show all\nipseccmd -f [0+203.0.113.7]\n"
    with pytest.raises(SourceError, match=rf"line 1, column 1: {QUERY}"):
        read_lines(commands_of(Program.IPSECCMD, text, False), False)
    lines, script = read_lines(commands_of(Program.IPSECCMD, text, True), True)
    assert ([line.text.line() for line in lines], [left.line for left in script.left_out]) == ([2], [1])
    with pytest.raises(ShapeError, match=rf"commands\[0\]: line 1, column 1: {QUERY}"):
        read_list(["show sas", "-u"], "commands")


def test_query_mode_alone_is_read():
    text = "ipseccmd show filters\nipseccmd /?\nipseccmd \\\\Server1 show all\n"
    of_script, _script = read_lines(commands_of(Program.IPSECCMD, text, False), False)
    for lines in (of_script, read_list(text.split("\n")[:3], "commands")):
        assert [line.computer for line in lines] == [None, None, "Server1"]
