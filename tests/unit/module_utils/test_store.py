# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import base64
import gzip
import hashlib

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils import store as store_module
from ansible_collections.ipsec.windows.plugins.module_utils.store import (
    Create,
    Delete,
    Kind,
    Set,
    Store,
    StoreError,
    Unset,
    Value,
    operations_text,
    pack,
    unpack,
)
from hypothesis import given
from hypothesis import strategies as st
from unit import stores

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
found_stores = st.dictionaries(texts, st.dictionaries(texts, values, max_size=3), max_size=3).map(
    lambda keys: Store({"": {}, **keys})
)


@given(found_stores)
def test_a_store_survives_its_way(store):
    again = Store.parse(unpack(pack(store.text())))
    assert again.text() == store.text()
    assert again.digest() == store.digest() == hashlib.sha256(store.text().encode()).hexdigest()


def test_the_text_of_a_store():
    def encoded(text):
        return base64.b64encode(text.encode("utf-16-le")).decode()

    store = Store({"b": {}, "": {"x": Value.strings([]), "é": Value.strings(["a", ""])}, "A": {"": Value.number(7)}})
    assert store.text().splitlines() == [
        "k;",
        f"v;{encoded('x')};7;-",
        f"v;{encoded('é')};7;{encoded('a')},",
        f"k;{encoded('A')}",
        "v;;4;7",
        f"k;{encoded('b')}",
    ]
    assert Store({"": {"n": Value.binary(b"\1\2")}}).text() == f"k;\nv;{encoded('n')};3;AQI=\n"


def test_names_have_the_order_of_their_code_units():
    store = Store({"": {"\uffff": Value.number(1), "\U00010000": Value.number(2), "a": Value.number(3)}})
    assert [line.rpartition(";")[2] for line in store.text().splitlines()[1:]] == ["3", "2", "1"]


def test_look_ups_ignore_case_and_names_keep_theirs():
    store = Store({"Key": {"Name": Value.number(1)}})
    store.change(Set("KEY", "NAME", Value.number(2)))
    assert store.values("kEY") == {"Name": Value.number(2)}
    assert store.spelling("key") == "Key"


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
    with pytest.raises(StoreError, match="a is not there"):
        store.change(Set("a", "n", Value.number(1)))


def test_operations_as_text():
    lines = operations_text([Create("a"), Set("a", "n", Value.string("x")), Unset("a", "n"), Delete("a")]).splitlines()
    assert [line.partition(";")[0] for line in lines] == ["c", "s", "u", "d"]


@pytest.mark.parametrize(
    "text",
    [
        "x;AAAA",
        "v;AAAA;1;AAAA",
        "k;AAAA;1",
        "k;!",
        "k;AAAA\nv;AAAA;99;",
        "k;AAAA\nv;AAAA;4;x",
        "k;AAAA\nv;AAAA;4;4294967296",
        "k;AAAA\nv;AAAA;11;-1",
    ],
)
def test_what_is_no_store_is_one_error(text):
    with pytest.raises(StoreError):
        Store.parse(text)


@given(st.text())
def test_any_text_is_a_store_or_one_error(text):
    try:
        Store.parse(text)
    except StoreError as error:
        assert str(error)


@pytest.mark.parametrize(
    "packed",
    [
        "not base64!",
        "not of ASCII: ä",
        base64.b64encode(b"no gzip").decode(),
        base64.b64encode(gzip.compress(b"k;\n", mtime=0)[:-9]).decode(),
        base64.b64encode(gzip.compress("é".encode(), mtime=0)).decode(),
    ],
)
def test_what_cannot_be_unpacked_is_one_error(packed):
    with pytest.raises(StoreError):
        unpack(packed)


def test_a_text_that_grows_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(store_module, "SIZE_LIMIT", 1000)
    assert unpack(pack("k" * 1000)) == "k" * 1000
    with pytest.raises(StoreError, match="larger than 1000 bytes"):
        unpack(pack("k" * 1001))


def test_a_value_does_not_show_its_data():
    assert "s3cret" not in repr(Value.string("s3cret")) + str(Set("a", "n", Value.binary(b"s3cret")))


def test_real_stores_survive_their_way():
    for store in (stores.windows_2022(), stores.microsoft_defaults()):
        assert Store.parse(store.text()).digest() == store.digest()
