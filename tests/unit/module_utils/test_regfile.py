# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.regfile import ROOT, export
from ansible_collections.ipsec.windows.plugins.module_utils.store import Kind, Set, Store, Unset, Value
from unit import stores
from winhost import regfile, tree


def _import(found: tree.Tree, data: bytes) -> Store:
    tree.apply_changes(found, regfile.parse(data))
    return stores.from_tree(found)


@pytest.mark.parametrize("store", [stores.windows_2022(), stores.microsoft_defaults(), Store()])
def test_a_backup_put_back_is_the_store(store):
    assert _import({}, export(store)).text() == store.text()


def test_a_backup_brings_the_assignment_back():
    store = stores.windows_2022()
    unassigned = store.copy()
    unassigned.change(Unset("", "ActivePolicy"))
    assert _import(stores.to_tree(store), export(unassigned)).get("", "ActivePolicy") is None


def test_the_way_back_to_an_empty_store_is_a_deletion():
    assert _import(stores.to_tree(stores.windows_2022()), export(Store())).paths() == []


def test_values_of_all_kinds():
    store = Store({"": {}, "k": {}})
    for name, value in {
        "": Value.string("default"),
        'quote " and \\': Value.string('a "b" \\c'),
        "lines": Value.string("a\r\nb"),
        "expand": Value(Kind.EXPAND_STRING, "%x%"),
        "strings": Value.strings(["a", "b" * 100]),
        "none at all": Value.strings([]),
        "number": Value.number(0xFFFFFFFF),
        "big": Value(Kind.QWORD, 1 << 63),
        "bytes": Value.binary(bytes(range(256))),
        "no bytes": Value.binary(b""),
        "none": Value(Kind.NONE, b"\1"),
        "\U0001f511": Value.string("\U0001f511"),
    }.items():
        store.change(Set("k", name, value))
    data = export(store)
    assert _import({}, data).text() == store.text()
    assert all(len(line) <= 80 for line in data.decode("utf-16").splitlines())


def test_what_could_not_be_read_is_left_as_it_is():
    store = Store({"": {}, "a": {"n": Value(Kind.UNKNOWN, b""), "m": Value.number(1)}, "b": {"m": Value.number(1)}})
    lines = export(store).decode("utf-16").split("\r\n")
    assert f"[-{ROOT}\\a]" not in lines
    assert f"[-{ROOT}\\b]" in lines
    assert not any(line.startswith('"n"') for line in lines)


def test_a_name_that_goes_on_in_another_line_says_nothing_there():
    lie = "x]\r\n[-HKEY_LOCAL_MACHINE\\SOFTWARE"
    store = Store(
        {"": {lie: Value.number(1)}, lie: {"n": Value.number(1)}, "a": {lie: Value.number(1), "m": Value.number(2)}}
    )
    data = export(store)
    assert "[-HKEY_LOCAL_MACHINE\\SOFTWARE" not in data.decode("utf-16").split("\r\n")
    # what the file cannot say stays as it is
    assert _import(stores.to_tree(store), data).text() == store.text()
