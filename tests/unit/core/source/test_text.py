# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Text with its places in a file, errors that show a line, and lines without their keys."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.redact import key_spans
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import Text
from hypothesis import given
from hypothesis import strategies as st

FILE = Text.of("first\nsecond line\r\nthird")


def shown(text, index):
    """The lines of an error without their indentation."""
    head, line, caret = str(text.error(index, "wrong")).split("\n")
    return head, line[2:], caret[2:].index("^")


def test_error_of_a_piece_points_into_the_file():
    piece = FILE[6:17][7:]
    assert (piece.value, len(piece), piece.line(), piece.offset(0), piece.offset(4)) == ("line", 4, 2, 13, 17)
    assert shown(piece, 0) == ("line 2, column 8: wrong", "second line", 7)
    assert shown(piece, 4) == ("line 2, column 12: wrong", "second line", 11)
    assert shown(FILE, len(FILE)) == ("line 3, column 6: wrong", "third", 5)


def test_error_of_joined_pieces_points_to_their_origin():
    joined = Text.join([FILE[0:3], FILE[3:3], FILE[19:21]], FILE)
    assert (joined.value, list(joined.offsets), joined.end) == ("firth", [0, 1, 2, 19, 20], 21)
    assert joined.error(3, "wrong").line == 3
    assert joined[4:].error(1, "wrong").column == 3
    nothing = Text.join([], FILE[6:12])
    assert (nothing.value, nothing.offset(0)) == ("", 12)


def test_error_has_its_place_as_data():
    error = FILE[13:].error(0, "wrong")
    assert (error.offset, error.line, error.column, error.problem) == (13, 2, 8, "wrong")


@pytest.mark.parametrize("place", [0, 50, 100, 500, 900, 998, 999])
def test_long_line_is_cut_around_the_caret(place):
    line = "".join(chr(ord("a") + i % 26) for i in range(999))
    _head, cut, caret = shown(Text.of(line), place)
    assert len(cut) <= 102
    assert cut[caret : caret + 1] == line[place : place + 1]
    assert cut.startswith("…") == (place > 66)
    assert cut.endswith("…") == (place < 966)


def test_control_characters_are_shown_as_blanks():
    assert shown(Text.of("a\tb\x1b[31m\u2028c"), 8) == ("line 1, column 9: wrong", "a b [31m c", 8)


def hidden(line):
    """`line` with a star for each key."""
    found, done = "", 0
    for start, end in key_spans(line):
        assert done <= start < end
        found += line[done:start] + "*"
        done = end
    return found + line[done:]


HIDDEN = {
    "-a k p:KEY -n x": "-a k p:* -n x",
    '-a "p:KEY KEY" kerberos -n x': '-a "p:* kerberos -n x',
    '-a p:"KEY KEY" c:"CN=A B" -n x': '-a p:* c:"CN=A B" -n x',
    r'-a p:"KEY \" KEY\\" -n x': "-a p:* -n x",
    r"-a p:KEY\" -n x": "-a p:* -n x",
    "-a p:KEY\u00a0KEY -n x": "-a p:* -n x",
    "-a perhsare:KEY KEY -n x": "-a * * -n x",
    '"-a" KEY -n x': '"-a" * -n x',
    "/A KEY": "/A *",
    "-ap:KEY KEY -n x": "-a* * -n x",
    "-a:KEY -n x": "-a* -n x",
    "-n p:KEY x": "-n p:* x",
    '-n "x p:KEY KEY" x': '-n "x p:* x',
    '-n "p":"KEY KEY" x': '-n "p":* x',
    "-n presharred:KEY x": "-n presharred:* x",
    "-n pre-shared-key:KEY x": "-n pre-shared-key:* x",
    "-n psk: KEY x": "-n psk: * x",
    "-n p: -f x": "-n p: -f x",
    '-n p:"KEY -f x': "-n p:*",
    '-n p:KEY KEY" -f x': "-n p:*",
    '-r "R -n p:"KEY KEY" -f x': '-r "R -n p:*',
    'add filteraction name=a psk="KEY KEY" rootca="CN=x"': 'add filteraction name=a psk=* rootca="CN=x"',
    "kerberos=yes PSK = KEY certmap=no": "kerberos=yes PSK = * certmap=no",
    "presharedkey=KEY x": "presharedkey=* x",
    # lines without a key
    '-f 0+* -a k c:"CN=p" -r "Policy 1:30" -t psql -soft': '-f 0+* -a k c:"CN=p" -r "Policy 1:30" -t psql -soft',
    "-f psql=0:80:TCP pc1:80=*::TCP": "-f psql=0:80:TCP pc1:80=*::TCP",
    r"C:\tools\p\ipseccmd.exe -p Policy:30 -1p": r"C:\tools\p\ipseccmd.exe -p Policy:30 -1p",
}


@pytest.mark.parametrize("line", HIDDEN)
def test_keys_are_hidden(line):
    assert hidden(line) == HIDDEN[line]


@pytest.mark.parametrize("gap", ["-a ^\n", "-a ^ \r\n  k ^\n", "-a\n", '"-a"\n'])
def test_key_on_a_continued_line_is_hidden(gap):
    text = Text.of(f"@echo off\nipseccmd -f 0+* {gap}perhsare:KEY ^\n -soft\n")
    head, line, caret = shown(text, text.value.index("KEY"))
    assert head.endswith("column 10: wrong")
    assert (line, caret) == ("*** ^", 0)


def test_line_after_a_line_with_methods_is_shown():
    text = Text.of("ipseccmd -a k\nnetsh ipsec\n")
    assert shown(text, 14) == ("line 2, column 1: wrong", "netsh ipsec", 0)


@pytest.mark.parametrize(("place", "caret"), [(0, 0), (3, 3), (4, 4), (9, 4), (14, 4), (15, 7), (17, 9)])
def test_caret_keeps_its_place_in_a_line_with_a_hidden_key(place, caret):
    text = Text.of("n p:S3cretKEY12 -n")
    assert shown(text, place) == (f"line 1, column {place + 1}: wrong", "n p:*** -n", caret)


@given(st.text('ap:s=k"\\ -/^\nx', max_size=40), st.data())
def test_error_can_point_to_any_place_of_any_text(text, data):
    file = Text.of(text)
    index = data.draw(st.integers(0, len(text)))
    error = file.error(index, "wrong")
    head, line, caret = str(error).split("\n")
    assert head == f"line {error.line}, column {error.column}: wrong"
    assert error.offset == index
    assert caret.strip() == "^"
    assert len(caret) <= len(line) + 20
    end = 0
    for start, stop in key_spans(text):
        assert end <= start < stop <= len(text)
        end = stop
