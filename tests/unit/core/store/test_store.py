# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of stores in memory: names, values, operations, and the text between controller and host."""

from __future__ import annotations

import base64
import gzip
import hashlib

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.store import packed as packed_module
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import (
    Create,
    Delete,
    Set,
    Unset,
    operations_text,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack, unpack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Kind, StoreError, Value
from hypothesis import given
from hypothesis import strategies as st
from unit import stores

LETTERS = "aAkK\u212aiI\u0131\u0130sS\u017f\xdf\u1e9e\u03c3\u03c2\u03a3\U00010400\U00010428"
"""Letters that Windows and Unicode pair differently."""
PAIRS = [{"a", "A"}, {"k", "K"}, {"i", "I"}, {"s", "S"}, {"\u03c3", "\u03a3"}]
"""The pairs that are the same letter to Windows."""

texts = st.text(st.characters(exclude_categories=()), max_size=8)
values = st.one_of(
    texts.map(Value.string),
    texts.map(lambda text: Value(Kind.EXPAND_STRING, text)),
    st.lists(texts, max_size=3).map(Value.strings),
    st.integers(0, 0xFFFFFFFF).map(Value.number),
    st.integers(0, (1 << 64) - 1).map(lambda n: Value(Kind.QWORD, n)),
    st.binary(max_size=8).map(Value.binary),
    st.binary(max_size=8).map(lambda data: Value(Kind.NONE, data)),
)


def _named(contents):
    """Dictionaries from names to `contents`, in which no two names are the same to Windows."""
    pairs = st.tuples(texts, contents)
    return st.lists(pairs, max_size=3, unique_by=lambda pair: fold(pair[0])).map(dict)


any_stores = _named(_named(values)).map(lambda keys: Store({"": {}, **keys}))


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


@given(any_stores)
def test_a_store_survives_the_transport(store):
    again = Store.parse(unpack(pack(store.text())))
    assert again.text() == store.text()
    assert again.digest() == store.digest() == hashlib.sha256(store.text().encode()).hexdigest()


def test_the_text_of_a_store():
    store = Store({"b": {}, "": {"x": Value.strings([]), "é": Value.strings(["a", ""])}, "A": {"": Value.number(7)}})
    assert store.text().splitlines() == [
        "k;",
        f"v;{_encoded('x')};7;-",
        f"v;{_encoded('é')};7;{_encoded('a')},",
        f"k;{_encoded('A')}",
        "v;;4;7",
        f"k;{_encoded('b')}",
    ]
    assert Store({"": {"n": Value.binary(b"\1\2")}}).text() == f"k;\nv;{_encoded('n')};3;AQI=\n"


def test_names_are_sorted_by_their_code_units():
    store = Store({"": {"\uffff": Value.number(1), "\U00010000": Value.number(2), "a": Value.number(3)}})
    assert [line.rpartition(";")[2] for line in store.text().splitlines()[1:]] == ["3", "2", "1"]


def test_look_ups_ignore_case_and_names_keep_theirs():
    store = Store({"Key": {"Name": Value.number(1)}})
    store.change(Set("KEY", "NAME", Value.number(2)))
    assert store.values("kEY") == {"Name": Value.number(2)}
    assert store.spelling("key") == "Key"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Sınır", "Sinir"),
        ("\u212a", "k"),
        ("\u212a", "K"),
        ("Straße", "STRASSE"),
        ("ſ", "s"),
        ("ß", "ẞ"),
        ("ς", "σ"),
        ("ς", "Σ"),
        ("\U00010428", "\U00010400"),
    ],
    ids=[
        "dotless i",
        "kelvin sign and k",
        "kelvin sign and K",
        "sharp s and SS",
        "long s",
        "sharp s and its capital",
        "final sigma and sigma",
        "final sigma and capital sigma",
        "deseret",
    ],
)
def test_names_that_windows_distinguishes_stay_apart(one, other):
    store = Store({one: {one: Value.number(1), other: Value.number(2)}, other: {}})
    assert store.paths() == [one, other]
    assert (store.get(one, one), store.get(one, other)) == (Value.number(1), Value.number(2))
    again = Store.parse(store.text())
    assert again.digest() == store.digest()
    again.change(Delete(other))
    assert again.paths() == [one]
    again.change(Create(other))
    assert sorted(again.paths()) == sorted(["", one, other])


@pytest.mark.parametrize(("one", "other"), [("key", "KEY"), ("é", "É"), ("σ", "Σ"), ("дом", "ДОМ"), ("ÿ", "Ÿ")])
def test_a_store_refuses_names_that_are_the_same_to_windows(one, other):
    assert Store({one: {}}).spelling(other) == one
    with pytest.raises(StoreError, match="Windows considers two names in the store equal"):
        Store({one: {}, other: {}})
    with pytest.raises(StoreError, match=f"Windows considers two names in the store equal: see the key '{one}'"):
        Store({one: {one: Value.number(1), other: Value.number(2)}})
    with pytest.raises(StoreError, match="Windows considers two names in the store equal"):
        Store.parse(f"k;\nk;{_encoded(one)}\nk;{_encoded(other)}\n")


@pytest.mark.parametrize(("text", "line"), [("k;\nk;QQA=\nk;\n", 3), ("k;\nv;QQA=;4;1\nv;QQA=;4;1\n", 3)])
def test_a_repeated_name_in_the_text_of_a_store_is_an_error(text, line):
    with pytest.raises(StoreError, match=f"^line {line} of the store repeats a (key|value of its key)$") as e:
        Store.parse(text)
    assert e.value.line == line


@pytest.mark.parametrize("one", LETTERS, ids=ascii)
def test_letters_are_one_name_only_if_they_are_the_same_to_windows(one):
    for other in set(LETTERS) - {one}:
        if {one, other} in PAIRS:
            with pytest.raises(StoreError):
                Store({one: {}, other: {}})
        else:
            assert Store({one: {}, other: {}}).paths() == [one, other]


@given(st.lists(st.text(LETTERS, max_size=2), max_size=8, unique=True) | st.lists(texts, max_size=6, unique=True))
def test_a_store_never_loses_a_name(names):
    try:
        store = Store({name: dict.fromkeys(names, Value.number(1)) for name in names})
    except StoreError:
        assert len({fold(name) for name in names}) < len(names)
        return
    assert store.paths() == names
    assert all(list(store.values(name)) == names for name in names)
    assert sorted(Store.parse(store.text()).paths()) == sorted(names)


@given(st.lists(st.lists(st.text(LETTERS, min_size=1, max_size=2), min_size=1, max_size=2), max_size=6))
def test_created_keys_stay_apart(names):
    store = Store()
    for parts in names:
        store.change(Create("\\".join(parts)))
    made = {fold("\\".join(parts[:depth])) for parts in names for depth in range(len(parts) + 1)}
    assert sorted(map(fold, store.paths())) == sorted(made)


def test_operations():
    store = Store()
    for operation in (
        Create("a"),
        Set("a", "n", Value.number(1)),
        Create("a\\b"),
        Unset("a", "missing"),
        Create("ab"),
        Delete("a"),
        Delete("missing"),
    ):
        store.change(operation)
    assert sorted(store.paths()) == ["", "ab"]
    with pytest.raises(StoreError, match="the key 'a' does not exist"):
        store.change(Set("a", "n", Value.number(1)))


def test_operations_as_text():
    lines = operations_text([Create("a"), Set("a", "n", Value.string("x")), Unset("a", "n"), Delete("a")]).splitlines()
    assert [line.partition(";")[0] for line in lines] == ["c", "s", "u", "d"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x;QQA=", 1),
        ("v;QQA=;1;QQA=", 1),
        ("k;QQA=;1", 1),
        ("k;!", 1),
        ("k;QQA=\nv;QQA=;99;", 2),
        ("k;QQA=\nv;QQA=;4;x", 2),
        ("k;QQA=\nv;QQA=;4;4294967296", 2),
        ("k;QQA=\nv;QQA=;11;-1", 2),
    ],
    ids=[
        "unknown line",
        "value without a key",
        "key with two fields",
        "invalid base64",
        "unknown kind",
        "not a number",
        "number above 32 bits",
        "negative number",
    ],
)
def test_an_invalid_store_is_an_error_with_its_line(text, line):
    with pytest.raises(StoreError) as caught:
        Store.parse(text)
    assert caught.value.line == line


@pytest.mark.parametrize("separator", ["\r", "\v", "\f", "\x1c", "\x85", "\u2028"])
def test_only_line_feeds_separate_lines(separator):
    with pytest.raises(StoreError, match="line 1"):
        Store.parse(f"k;{separator}v;;4;1\n")


def test_errors_name_the_key():
    with pytest.raises(StoreError) as caught:
        Store({"A": {}, "a": {}})
    assert caught.value.key == "a"
    with pytest.raises(StoreError) as caught:
        Store().change(Set("X", "n", Value.number(1)))
    assert caught.value.key == "X"


@given(st.text())
def test_any_text_is_a_store_or_an_error(text):
    try:
        Store.parse(text)
    except StoreError as error:
        assert str(error)


@pytest.mark.parametrize(
    "packed",
    [
        "not base64!",
        "not ASCII: ä",
        base64.b64encode(b"not gzip").decode(),
        base64.b64encode(gzip.compress(b"k;\n", mtime=0)[:-9]).decode(),
        base64.b64encode(gzip.compress("é".encode(), mtime=0)).decode(),
    ],
    ids=["not base64", "not ASCII", "not gzip", "cut off", "content not ASCII"],
)
def test_a_text_that_cannot_be_unpacked_is_an_error(packed):
    with pytest.raises(StoreError):
        unpack(packed)


def test_unpacking_stops_at_the_limit(monkeypatch):
    monkeypatch.setattr(packed_module, "SIZE_LIMIT", 1000)
    assert unpack(pack("k" * 1000)) == "k" * 1000
    with pytest.raises(StoreError, match="larger than 1000 bytes"):
        unpack(pack("k" * 1001))


def test_a_value_does_not_show_its_data():
    assert "s3cret" not in repr(Value.string("s3cret")) + str(Set("a", "n", Value.binary(b"s3cret")))


@pytest.mark.parametrize("store", [stores.windows_2022(), stores.microsoft_defaults()], ids=["2022", "defaults"])
def test_real_stores_survive_the_transport(store):
    assert Store.parse(store.text()).digest() == store.digest()
