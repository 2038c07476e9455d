# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The record of the dynamic rules of a host."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.commands import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.record import Entry, Record
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.dynamic import without_shown
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import parse_dynamic_rule
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Set
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value

NAMED = "ipsec.windows-0123456789ab"
RULE = parse_dynamic_rule(
    {"filters": ["0+192.0.2.1", "[0+192.0.2.2]"], "authentication": [{"preshared_key": "s3cret"}]}, "", []
)
ENTRY = Entry(name=NAMED, order=3, rule=RULE, names={"a.example": ("192.0.2.1",)}, commands=commands_of(RULE, NAMED))


def _store(*operations):
    store = Store()
    for operation in operations:
        store.change(operation)
    return store


def test_host_without_a_record():
    found = Record.read(Store())
    assert (found.entries, found.removed, found.replay, found.settings) == ((), (), None, {})


def test_entry_is_read_back():
    record = Record.read(_store(*Record().head("salt", 7, 5), *ENTRY.operations()))
    assert record.entries == (ENTRY,)
    assert (record.salt, record.revision, record.replay) == ("salt", 7, 5)
    assert [entry.rule for entry in record.entries] == [RULE]


def test_rules_are_the_last_value_that_is_written():
    # the host ignores an entry without them, so an interrupted run adds nothing incomplete
    *_others, last = ENTRY.operations()
    assert (last.path, last.name) == (f"Rules\\{NAMED}", "Rules")


def test_removed_entry_keeps_what_is_needed_to_delete_it():
    record = Record.read(_store(*Record().head("salt", 1, 5), *ENTRY.operations(), *ENTRY.removal()))
    assert record.entries == ()
    assert [(entry.name, entry.commands) for entry in record.removed] == [(NAMED, ENTRY.commands)]


def test_digest_leaves_out_what_the_host_notes():
    before = _store(*Record().head("salt", 1, 5), *ENTRY.operations())
    after = before.copy()
    after.change(Create("Shown"))
    after.change(Set("Shown", NAMED, Value.number(2)))
    assert without_shown(before).digest() == without_shown(after).digest() == before.digest()
    assert Record.read(after).entries[0].shown == 2


def test_settings():
    record = Record()
    store = _store(*record.head("salt", 1, 5), *record.setting({"ipsecexempt": "3"}, known=True))
    assert Record.read(store).config is None
    store.change(Set("Settings", ".config", Value.string("digest")))
    found = Record.read(store)
    assert (found.settings, found.config) == ({"ipsecexempt": "3"}, "digest")
    for operation in found.setting({"bootmode": "permit"}, known=True):
        store.change(operation)
    assert Record.read(store).config is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        "{}",
        '{"rule": {}, "names": {}}',
        '{"rule": {"filters": ["x y"]}, "names": {}}',
        "[" * 5000,
    ],
)
def test_entry_that_somebody_has_edited_is_damaged(text):
    store = _store(
        *Record().head("salt", 1, 5), *ENTRY.operations(), Set(f"Rules\\{NAMED}", "Rule", Value.string(text))
    )
    (entry,) = Record.read(store).entries
    assert entry.rule is None
    assert entry.commands == ENTRY.commands


def test_keys_that_are_no_entries_are_ignored():
    store = _store(Create("Rules\\other"), Create("Rules\\ipsec.windows-1"), Create(f"Rules\\{NAMED}\\deeper"))
    assert [entry.name for entry in Record.read(store).entries] == [NAMED]


def test_values_of_other_kinds_are_ignored():
    store = _store(Create(f"Rules\\{NAMED}"), Set(f"Rules\\{NAMED}", "Order", Value.string("1")))
    store.change(Set("", "Salt", Value.number(1)))
    store.change(Set("", "Revision", Value.string("x")))
    record = Record.read(store)
    assert (record.salt, record.revision, record.entries[0].order) == ("", 0, 0)


def test_representation_does_not_show_the_key():
    assert "s3cret" not in repr(ENTRY)
