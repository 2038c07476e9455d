# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A real registry imports the .reg files of the collection and of the simulated host, and exports the same values."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.backup import BackupFile
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Delete, Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.regfile import can_be_written, regedit_file
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Kind, Value
from unit import pairs, stores
from winhost import regfile, tree

pytestmark = pytest.mark.judge

CHANGES: t.Final = 30
"""The number of random changes whose backups are imported."""

# without texts of several lines, which Wine exports in another way than Windows
KINDS: t.Final = Store(
    {
        "": {"ActivePolicy": Value.string(r"SOFTWARE\a")},
        "texts": {
            "empty": Value.string(""),
            "signs": Value.string(r'a "b" \c\ [d] ; = @ % !'),
            "words": Value.string("Zürich Ωμέγα 東京 😀"),
            "": Value.string("the default value"),
            "expand": Value(Kind.EXPAND_STRING, "%windir%\\a"),
        },
        "names": {r'a "b" \c\ ': Value.number(1), "ümläut 東京": Value.number(2), "=@;[]": Value.number(3)},
        "numbers": {"zero": Value.number(0), "most": Value.number(2**32 - 1), "long": Value(Kind.QWORD, 2**63)},
        "bytes": {"none": Value.binary(b""), "all": Value.binary(bytes(range(256)))},
        "lists": {
            "none": Value.strings([]),
            "one": Value.strings(["a"]),
            "more": Value.strings(["a \\ b", 'c "d"', "é"]),
        },
        "below": {},
        "below\\the key": {"x": Value.number(1)},
    }
)


def large() -> Store:
    """A policy with 10,000 filters in one value."""
    filters = [f"0+10.1.{number // 250}.{number % 250 + 1}" for number in range(10_000)]
    return stores.change(Store(), {"name": "P", "rules": [{"name": "R", "filters": filters}]}).store


def content(exported: bytes | None) -> dict[str, dict[str, Value]]:
    found: tree.Tree = {}
    if exported is not None:
        tree.apply_changes(found, regfile.parse(exported))
    return stores.content(stores.from_tree(found))


def exported(store: Store) -> bytes:
    """As the simulated host exports it."""
    return regfile.export(stores.to_tree(store), stores.CONTAINER)


def test_values_stay_as_they_are(windows):
    found = [KINDS, stores.windows_2022(), stores.microsoft_defaults(), large()]
    files = [file for store in found for file in (stores.reg_file(store), exported(store))]
    files.append((stores.DATA / "windows-2022.reg").read_bytes())
    after = windows.registries(stores.CONTAINER, [[file] for file in files])
    expected = [stores.content(store) for store in (*(store for one in found for store in (one, one)), found[1])]
    assert [content(one) for [one] in after] == expected


def test_deletions(windows):
    start = Store(
        {"": {"x": Value.number(1)}, "a": {"x": Value.number(1), 'q"\\': Value.number(2)}, "a\\b": {}, "c": {}}
    )
    changes = [
        Delete("a\\b"),
        Unset("", "x"),
        Unset("a", 'q"\\'),
        Unset("a", "missing"),
        Delete("c"),
        Delete("missing"),
    ]
    files = [stores.reg_file(start), *(regedit_file([change]) for change in changes)]
    [after] = windows.registries(stores.CONTAINER, [files])
    expected = [stores.content(stores.after(start, changes[:count])) for count in range(len(changes) + 1)]
    assert [content(one) for one in after] == expected


def writable(store: Store) -> Store:
    """The store without what a .reg file cannot express."""
    found = {}
    for path in store.paths():
        if can_be_written(Create(path)):
            values = store.values(path).items()
            found[path] = {name: value for name, value in values if can_be_written(Set(path, name, value))}
    return Store(found)


def test_backups_undo_changes(windows):
    before, left, files = [], [], []
    for seed in range(CHANGES):
        pair = pairs.make(seed)
        store = writable(pair.store)
        done = stores.run_goal(store, pair.goal)
        backup = BackupFile.of(stores.inverse(store, done.operations), "win1", done.store)
        before.append(stores.content(store))
        left.append(stores.content(done.store))
        files.append([stores.reg_file(store), regedit_file(done.operations), backup.pack()])
    assert sum(one != other for one, other in zip(before, left, strict=True)) > CHANGES // 2
    for seed, after in enumerate(windows.registries(stores.CONTAINER, files)):
        assert [content(one) for one in after] == [before[seed], left[seed], before[seed]], f"seed {seed}"
