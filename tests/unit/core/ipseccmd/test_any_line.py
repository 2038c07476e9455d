# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Any text as a command line: one clear error, work that grows linearly, and no key in any message."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.commands import AddRule, Parameters
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.format import format_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.parse import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError, PresharedKey
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError
from hypothesis import given
from hypothesis import strategies as st
from unit.values import GUID
from unit.work import calls

FRAGMENTS = (
    *("ipseccmd ", " -f ", " -n ", " -a ", " -t ", " -1s ", " -1k ", " -1f ", " -1e ", " -soft", " -w ", " -p "),
    *(" -r ", " -x", " -y", " -o", " -u", " -1p", " /?", "show ", "all", "0", "*", "=", "+", ":", "::", "/"),
    *("10.0.0.1", "255.", "(", ")", "[", "]", "{", "}", GUID, "TCP", "17", "esp[3des,sha]", "ah[md5]", "esp["),
    *("3600S", "5K", "PFS", "P1", "block", "pass", "inpass", "default", "reg", "ds", "k", "p:", "c:", "key"),
    *("3des-sha-2", "10Q", "-", "\\", "\\\\", '"', '""', '\\"', " ", "\t", "\n", "\r", "\u00a0", "\u2028", "\0"),
    *("\ud800", "İ", "ſ", "K", "٣", "九", ","),
)
fragments = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join)
texts = st.one_of(
    st.text(st.characters(exclude_categories=())),
    fragments,
    fragments.map("ipseccmd -w reg -p P -r R -f {}".format),
    fragments.map("ipseccmd -f 0+* -n {}".format),
)


@given(texts)
def test_any_text_is_a_command_or_one_clear_error(text):
    try:
        command = parse_command(text, [])
    except SourceError as error:
        assert 1 <= error.line <= text.count("\n") + 1
        assert 1 <= error.column <= len(text.split("\n")[error.line - 1]) + 1
        assert str(error).count("\n") >= 2
        return
    try:
        line = format_command(command)
    except ModelError:
        return
    assert parse_command(line, []) == command
    assert "\n" not in line


LONG_LINES = {
    "long word": lambda n: "ipseccmd " + "a" * n,
    "long option": lambda n: "ipseccmd -" + "f" * n,
    "blanks": lambda n: "ipseccmd -f" + " " * n + "0+*",
    "quotes": lambda n: "ipseccmd -w reg -x -p " + '"' * n,
    "pairs of quotes": lambda n: "ipseccmd -w reg -x -p a" + '"b" ' * n,
    "backslashes": lambda n: "ipseccmd -w reg -x -p a" + "\\" * n + '"',
    "backslashes and quotes": lambda n: "ipseccmd -w reg -x -p a" + '\\"' * n,
    "filters": lambda n: "ipseccmd" + " -f 0+*" * n,
    "filters with notes": lambda n: "ipseccmd -f" + " 10.0.0.1/8+*" * n,
    "filters in quotes": lambda n: 'ipseccmd -f "' + " 0+*" * n + '"',
    "rules": lambda n: "ipseccmd -w reg -p P -o" + " -r R" * n,
    "options": lambda n: "ipseccmd" + " -x" * n,
    "methods": lambda n: "ipseccmd -f 0+* -n" + " esp[3des,sha]PFS1" * n,
    "rekey settings": lambda n: "ipseccmd -f 0+* -n ah[md5]" + " 0S" * n,
    "joined methods": lambda n: "ipseccmd -f 0+* -n ah[md5]" + "+ah[md5]" * n,
    "keywords": lambda n: "ipseccmd -f 0+* -n" + " block" * n,
    "keys": lambda n: "ipseccmd -f 0+* -zz -a" + " p:a" * n,
    "quoted keys": lambda n: "ipseccmd -f 0+* -zz" + ' "p:a b"' * n,
    "keys with unpaired quotes": lambda n: "ipseccmd -f 0+* -zz" + ' p:a"' * (n | 1),
    "repeated -a": lambda n: "ipseccmd -f 0+* -zz" + " -a k" * n,
    "continued lines": lambda n: "ipseccmd -f 0+*" + " ^\n" * n,
    "main mode methods": lambda n: "ipseccmd -f 0+* -1s" + " 3des-sha-2" * n,
    "queries": lambda n: "ipseccmd show" + " all" * n,
    **{
        f"{sign} in {option}": lambda n, sign=sign, option=option: f"ipseccmd -f 0+* {option} {sign * n}"
        for sign in "=+:[(.*-^"
        for option in ("-f", "-n", "-a")
    },
}


def _steps(line):
    """The number of function calls of parse and format."""

    def run():
        with contextlib.suppress(ModelError):
            format_command(parse_command(line, []))

    return calls(run)


@pytest.mark.parametrize("what", LONG_LINES)
def test_work_grows_linearly_with_the_line(what):
    # the first run fills caches of regular expressions
    _steps(LONG_LINES[what](100))
    assert _steps(LONG_LINES[what](800)) < 5 * _steps(LONG_LINES[what](200)) + 100


TOKEN = "S3cretToken"
keys = st.tuples(st.text("ax \"\\:'(=", max_size=4), st.text('ax "\\:=,/-', max_size=4)).map(TOKEN.join)
SIGNS = ("p:", "P:", "pre:", "preshare:", "preshared:", "presharred:", "pre-shared-key:", "psk:", "psk=", "preshare=")
PLACES = ("", "-f ", "-f 0+* ", "-n ", "-n ah[md5] ", "-p ", "-t ", "-1s ", "-1k ", "-1f ", "-1e ", "-w ", "-soft ")
BROKEN = ("", "-zz", "-n blok", "-f 0+*:TCP", "-w rge", "-soft x", "-f", "-c -c", "-1", "-w reg -p P -x", "x")


@st.composite
def lines_with_a_key(draw):
    key = draw(keys)
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    after_a = draw(st.booleans())
    if after_a:
        sign = draw(st.sampled_from([*SIGNS, "", "perhsare:", "k:", "kerberos:", "x=", ":", "key:"]))
        place = draw(st.sampled_from(["-a ", "-a k ", "-A ", "/a ", '"-a" ', "-a", '-a c:"CN=x y" ', "-a:", "-a="]))
        # -akey may be another option
        sign = "p:" if place == "-a" else sign
        bare = key.lstrip(" -/") if sign else f"x{key}"
    else:
        sign = draw(st.sampled_from(SIGNS))
        place = draw(st.sampled_from(PLACES))
        # without a quotation mark, the key ends at the next blank
        bare = key.replace(" ", "")
    paired = [
        sign + (bare if '"' not in key else escaped.replace(" ", "")),
        f'{sign}"{escaped}"',
        f'"{sign}{escaped}"',
        f'"0+* {sign}{escaped}"',
    ]
    unpaired = [f'{sign}"{escaped}', f'{sign}"{escaped}" -r "R', f'{sign}{escaped}"', f'"{sign}{escaped}']
    spelling = draw(st.sampled_from(paired + unpaired))
    # one quotation mark may be missing
    before = draw(st.sampled_from([*BROKEN, '-r "R'] if spelling in paired else BROKEN))
    return f"ipseccmd {before} {place}{spelling} {draw(st.sampled_from(BROKEN))}"


@given(lines_with_a_key())
def test_no_message_shows_a_key(line):
    notes = []
    try:
        parse_command(line, notes)
    except SourceError as error:
        assert TOKEN not in str(error)
        assert TOKEN not in error.problem
    assert TOKEN not in "".join(notes)


def test_representation_of_a_command_has_no_key():
    command = parse_command(f"ipseccmd -f 0+* -a p:{TOKEN}", [])
    assert TOKEN not in repr(command)
    assert command.parameters.authentication[0].key == TOKEN
    key = PresharedKey(f"{TOKEN}\n")
    with pytest.raises(ModelError) as caught:
        format_command(AddRule(Parameters(filters=command.parameters.filters, authentication=(key,))))
    assert TOKEN not in str(caught.value)
