# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of .reg files made from operations, imported by the simulated host."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Delete, Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.regfile import (
    ROOT,
    can_be_written,
    regedit_file,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Kind, Value
from unit import stores
from winhost import regfile, tree

HIVE = "HKEY_LOCAL_MACHINE\\SOFTWARE"


def _import(found: tree.Tree, data: bytes) -> Store:
    tree.apply_changes(found, regfile.parse(data))
    return stores.from_tree(found)


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-16").split("\r\n")


@pytest.mark.parametrize(
    "store",
    [stores.windows_2022(), stores.microsoft_defaults(), Store({"": {}})],
    ids=["windows-2022", "microsoft-defaults", "empty"],
)
def test_an_imported_store_is_the_store(store):
    assert _import({}, stores.reg_file(store)).text() == store.text()


def test_an_import_does_what_the_operations_do():
    operations = [
        Set("", "ActivePolicy", Value.string("x")),
        Create("a"),
        Set("a", "n", Value.number(1)),
        Create("a\\b"),
        Set("A", "N", Value.number(2)),
        Set("a\\b", "n", Value.number(3)),
        Unset("a", "n"),
        Delete("a\\b"),
        Create("c"),
        Delete("c"),
        Create("C"),
    ]
    store = Store({"": {}})
    for operation in operations:
        store.change(operation)
    assert _import({}, regedit_file(operations)).text() == store.text()


def test_an_import_can_remove_the_assignment():
    store = stores.windows_2022()
    assert store.get("", "ActivePolicy") is not None
    imported = _import(stores.to_tree(store), regedit_file([Unset("", "ActivePolicy")]))
    assert imported.get("", "ActivePolicy") is None


def test_the_container_has_no_backslash_at_its_end():
    data = regedit_file([Create(""), Set("", "n", Value.number(1)), Create("a"), Delete("b")])
    keys = [line for line in _lines(data) if line.startswith("[")]
    assert keys == [f"[{ROOT}]", f"[{ROOT}\\a]", f"[-{ROOT}\\b]"]


def test_values_of_all_kinds():
    store = Store({"": {}, "k": {}})
    for name, value in {
        "": Value.string("default"),
        'quote " and \\': Value.string('a "b" \\c'),
        "lines": Value.string("a\r\nb"),
        "expand": Value(Kind.EXPAND_STRING, "%x%"),
        "strings": Value.strings(["a", "b" * 100]),
        "no strings": Value.strings([]),
        "number": Value.number(0xFFFFFFFF),
        "big": Value(Kind.QWORD, 1 << 63),
        "bytes": Value.binary(bytes(range(256))),
        "no bytes": Value.binary(b""),
        "none": Value(Kind.NONE, b"\1"),
        "\U0001f511": Value.string("\U0001f511"),
    }.items():
        store.change(Set("k", name, value))
    data = stores.reg_file(store)
    assert _import({}, data).text() == store.text()
    assert all(len(line) <= 80 for line in _lines(data))


def test_values_of_an_unknown_kind_are_left_out():
    unknown = Set("a", "n", Value(Kind.UNKNOWN, b""))
    known = Set("a", "m", Value.number(1))
    assert [can_be_written(operation) for operation in (unknown, known, Unset("a", "n"))] == [False, True, True]
    lines = _lines(regedit_file([Create("a"), unknown, known]))
    assert lines.count('"m"=dword:00000001') == 1
    assert not any(line.startswith('"n"') for line in lines)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n", "\0"], ids=["crlf", "cr", "lf", "nul"])
def test_names_with_a_line_break_are_left_out(end):
    hostile = f"x]{end}[-{HIVE}"
    store = Store({"": {}, hostile: {"n": Value.number(1)}, "a": {hostile: Value.number(1), "m": Value.number(2)}})
    operations = [
        Create(hostile),
        Delete(hostile),
        Set(hostile, "n", Value.number(3)),
        Unset(hostile, "n"),
        Set("a", hostile, Value.number(3)),
        Unset("a", hostile),
    ]
    assert not any(map(can_be_written, operations))
    data = regedit_file([*operations, Set("a", "m", Value.number(2))])
    assert HIVE not in data.decode("utf-16").replace(ROOT, "")
    # what the file cannot express stays as it is
    assert _import(stores.to_tree(store), data).text() == store.text()
