# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Command lines as words, and words with the quotes that they need."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError, Text
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.words import quote, split_words
from hypothesis import given
from hypothesis import strategies as st
from unit.ipseccmd_strategies import escape

# after the name of a program; the first seven are examples from Microsoft's documentation of the C run-time library
WORDS = {
    r'"abc" d e': ["abc", "d", "e"],
    r"a\\b d\"e f\"g h": ["a\\\\b", 'd"e', 'f"g', "h"],
    r'a\\\b d"e f"g h': ["a\\\\\\b", "de fg", "h"],
    r"a\\\"b c d": [r"a\"b", "c", "d"],
    r'a\\\\"b c" d e': [r"a\\b c", "d", "e"],
    r'"a b c""': None,
    r'"\"Call Me Ishmael\"" b': ['"Call Me Ishmael"', "b"],
    'p:"corpauth"': ["p:corpauth"],
    '"Policy Name":30': ["Policy Name:30"],
    '"" a ""': ["", "a", ""],
    r'"C:\dir\\" x': ["C:\\dir\\", "x"],
    r"\\server\share\ x": ["\\\\server\\share\\", "x"],
    " a\tb \r\n": ["a", "b"],
    "a\u00a0b\u3000c\vd": ["a\u00a0b\u3000c\vd"],
    "": [],
    '"a': None,
    'a "b\nc"': None,
    r'"a\"': None,
}
# two quotes inside quotes: the words since 2008 and before; the first two are examples from the same documentation
TWO_READINGS = {
    r'a"b"" c d"': (['ab" c d'], ['ab"', "c", "d"]),
    r'"""Call Me Ishmael""" b': (['"Call Me Ishmael"', "b"], ['"Call', "Me", 'Ishmael"', "b"]),
    '"a ""b"" c"': (['a "b" c'], ['a "b', "c"]),
    '-r "a""b" -x': (['a"b', "-x"], ['a"b -x']),
    '-r "a""" -x': (['a"', "-x"], ['a" -x']),
}
ONE_READING = {'"a""b"': ['a"b'], '-r "a"""': ["-r", 'a"'], 'x "a b""c\\\\"': ["x", 'a b"c\\']}
PROGRAMS = {
    r'"C:\My Tools\ipseccmd.exe" -x': "C:\\My Tools\\ipseccmd.exe",
    r'"C:\My Tools\"ipseccmd -x': "C:\\My Tools\\ipseccmd",
    r"C:\Tools\ipseccmd -x": "C:\\Tools\\ipseccmd",
}


def split(line):
    return [word.value for word in split_words(Text.of(line))]


@pytest.mark.parametrize("line", WORDS)
def test_words_of_a_line(line):
    if WORDS[line] is None:
        with pytest.raises(SourceError, match="not closed") as caught:
            split(f"program {line}")
        assert caught.value.column == len("program ") + line.index('"') + 1
    else:
        assert split(f"program {line}") == ["program", *WORDS[line]]


@pytest.mark.parametrize("line", TWO_READINGS)
def test_words_that_older_programs_read_in_another_way_are_refused_with_both_readings(line):
    with pytest.raises(SourceError) as caught:
        split(f"program {line}")
    new, old = (", ".join(f"'{word}'" for word in words) for words in TWO_READINGS[line])
    assert f"mean {new} to programs since 2008 and {old} to older ones" in caught.value.problem
    opened = line.index('"')
    assert caught.value.column == len("program ") + line.index('""', opened + 1) + 1


@pytest.mark.parametrize("line", ONE_READING)
def test_two_quotes_in_quotes_are_accepted_if_both_readings_are_the_same(line):
    assert split(f"program {line}") == ["program", *ONE_READING[line]]


@pytest.mark.parametrize(
    "line",
    [
        'ipseccmd -w reg -a p:"s3cret""s3cret" -x',
        'ipseccmd -r "a""b" -a p:s3cret',
        'netsh ipsec static add rule R P L A psk = "s3cret ""s3cret"" x"',
        'netsh ipsec static add rule R P L A pks="s3cret""s3cret" x',
    ],
)
def test_readings_with_a_key_are_not_shown(line):
    with pytest.raises(SourceError, match="mean one thing to programs since 2008 and another to older ones") as caught:
        split(line)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("line", PROGRAMS)
def test_backslash_before_a_quote_is_no_escape_in_the_name_of_the_program(line):
    assert split(line) == [PROGRAMS[line], "-x"]


def test_word_has_its_place_and_whether_it_begins_with_a_quote():
    _program, first, second, empty = split_words(Text.of('x  a\\"b"c d" "-e" ""'))
    assert (first.start, first.end, first.quoted) == (3, 12, False)
    assert (second.start, second.end, second.quoted) == (13, 17, True)
    assert list(first.text.offsets) == [3, 5, 6, 8, 9, 10]
    assert (first.text.end, second.text.end, empty.text.offset(0)) == (11, 16, 18)


values = st.text(" \t\\\"ab&|<>^()-/'\u00a0%", max_size=12)


@given(st.lists(values))
def test_words_survive_quoting(found):
    assert split(" ".join(["program", *map(quote, found)])) == ["program", *found]
    always = [quote(value, always=True) for value in found]
    assert split(" ".join(["program", *always])) == ["program", *found]
    assert all(text.startswith('"') for text in always)


@given(values, st.data())
def test_no_other_quoting_is_shorter(value, data):
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(value))] * 2)))
    text = escape(value, start, end)
    if value and not set(value[:start] + value[end:]) & set(" \t&|<>^()"):
        assert split(f"program {text}") == ["program", value]
        assert len(quote(value)) <= len(text)
