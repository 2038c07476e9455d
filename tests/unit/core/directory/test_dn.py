# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Distinguished names."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.dn import (
    DN_LIMIT,
    PART_LIMIT,
    comparable,
    dn_of,
    escape_value,
    key_below,
    parse_dn,
    same_dn,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from hypothesis import given
from hypothesis import strategies as st
from unit.domains import CONTAINER

VALUES = st.text(st.characters(codec="utf-8") | st.sampled_from(' "#+,;<=>\\\0\n'), max_size=12)
TYPES = st.sampled_from(["CN", "OU", "DC", "x-1", "2.5.4.3"])


@given(st.lists(st.tuples(TYPES, VALUES), max_size=5))
def test_any_name_is_read_as_it_was_written(parts):
    text = ",".join(f"{kind}={escape_value(value)}" for kind, value in parts)
    assert parse_dn(text) == tuple(parts)


@given(VALUES)
def test_any_name_of_an_object_is_found_below_its_container(key):
    assert key_below(dn_of(key, CONTAINER), CONTAINER) == key


@given(st.text(st.sampled_from('CN=dc12,;+"\\ #<>\0ä.') | st.characters(), max_size=20))
def test_any_text_is_a_name_or_an_error(text):
    try:
        parts = parse_dn(text)
    except DirectoryError as error:
        assert "is not the name of an object" in str(error)
    else:
        written = ",".join(f"{kind}={escape_value(value)}" for kind, value in parts if not _is_half(value))
        assert any(_is_half(value) for _kind, value in parts) or parse_dn(written) == parts


def _is_half(text):
    return any("\ud800" <= c <= "\udfff" for c in text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("CN=a", (("CN", "a"),)),
        ("CN=a,DC=b", (("CN", "a"), ("DC", "b"))),
        ("CN = a b , DC = c ", (("CN", "a b"), ("DC", "c"))),
        (r"CN=\ a\ ,DC=b", (("CN", " a "), ("DC", "b"))),
        (r"CN=a\\ ,DC=b", (("CN", "a\\"), ("DC", "b"))),
        (r"CN=a\,b\2Cc\C3\A4", (("CN", "a,b,cä"),)),
        (r"CN=x\0ADEL:1,DC=b", (("CN", "x\nDEL:1"), ("DC", "b"))),
        ("CN=a=b", (("CN", "a=b"),)),
        ("CN=,DC=b", (("CN", ""), ("DC", "b"))),
        (r"CN=\#1", (("CN", "#1"),)),
        ("2.5.4.3=a,1=b", (("2.5.4.3", "a"), ("1", "b"))),
    ],
)
def test_escapes_and_blanks_are_read(text, parts):
    assert parse_dn(text) == parts


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a", "part 1 is not"),
        ("CN=a,", "part 2 is not"),
        (",CN=a", "part 1 is not"),
        ("CN=a+OU=b", "part 1 is not"),
        ('CN="a"', "part 1 is not"),
        ("CN=a;DC=b", "part 1 is not"),
        ("CN=a\0", "part 1 is not"),
        ("CN=a\\", "part 1 is not"),
        (r"CN=a\zz", "part 1 is not"),
        ("<GUID=1>", "part 1 is not"),
        ("CN=#0401", "starts with #"),
        (r"CN=\FF", "not UTF-8"),
        ("CN=" + "a" * DN_LIMIT, f"longer than {DN_LIMIT} characters"),
        (",".join(["CN=a"] * (PART_LIMIT + 1)), f"more than {PART_LIMIT} parts"),
    ],
)
def test_other_texts_are_errors(text, problem):
    with pytest.raises(DirectoryError, match=problem) as caught:
        parse_dn(text)
    assert len(str(caught.value)) < 400


def test_case_and_blanks_do_not_matter():
    assert same_dn("CN=Straße,DC=x", r"cn = STRAßE, dc=X")
    assert not same_dn("CN=a,DC=x", "CN=a,DC=y")
    assert not same_dn("CN=a", "OU=a")
    assert comparable("cn=a") == (("CN", "A"),)


@pytest.mark.parametrize(
    "dn",
    [
        CONTAINER,
        f"CN=a,CN=b,{CONTAINER}",
        f"OU=a,{CONTAINER}",
        "CN=a,CN=IP Security,CN=System,DC=other,DC=test",
        r"CN=a\0ADEL:1,CN=Deleted Objects,DC=example,DC=test",
        "",
    ],
)
def test_only_objects_directly_below_have_a_key(dn):
    assert key_below(dn, CONTAINER) is None
    assert key_below(f"cn=A,{CONTAINER.lower()}", CONTAINER) == "A"


def test_a_value_cannot_leave_its_place():
    assert escape_value('a,b)(cn=*\\00 "+;<>#') == r"a\,b)(cn\=*\\00 \"\+\;\<\>#"
    assert escape_value("# ") == "\\#\\ "
    assert escape_value(" ") == "\\ "
    assert escape_value("\0\n") == r"\00\0A"
    with pytest.raises(DirectoryError, match="half of a character"):
        escape_value("\ud800")
