# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The operations that undo a task: exactly what it wrote, whatever others have written."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.undo import Undo
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Delete, Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.regfile import (
    can_be_written,
    regedit_file,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Kind, Value
from hypothesis import event, given, settings
from hypothesis import strategies as st
from unit import pairs, stores
from winhost import regfile, tree

ONE, TWO, THREE = map(Value.number, (1, 2, 3))
UNKNOWN = Value(Kind.UNKNOWN, b"")


def imported(store: Store, operations) -> Store:
    """The store after the import of a backup."""
    found = stores.to_tree(store)
    tree.apply_changes(found, regfile.parse(regedit_file(operations)))
    return stores.from_tree(found)


paths = st.sampled_from(["", "A", "a", "B", "C", "B\\Below", "b\\Below\\It", "C\\Below"])
names = st.sampled_from(["x", "X", "y", "z"])
values = st.sampled_from([ONE, TWO, Value.string("text"), Value.strings(["a", "b"])])
operations = st.lists(
    st.one_of(
        st.builds(Create, paths),
        st.builds(Set, paths, names, values),
        st.builds(Set, paths, names, values),
        st.builds(Unset, paths, names),
        st.builds(Delete, paths),
    ),
    max_size=12,
)


def possible(store: Store, wanted) -> list:
    """The operations that the host would not refuse, as they would be done on a store."""
    store, found = store.copy(), []
    for operation in wanted:
        missing = operation.path not in store and isinstance(operation, Set | Unset)
        if missing or operation == Delete("") or operation == Create(""):
            continue
        store.change(operation)
        found.append(operation)
    return found


def states(wanted) -> Store:
    return stores.after(Store(), possible(Store(), wanted))


stored = operations.map(states)


@given(stored, operations)
@settings(max_examples=100)
def test_undo_restores_the_previous_store(before, wanted):
    wanted = possible(before, wanted)
    found = stores.after(before, wanted)
    assert stores.content(imported(found, stores.inverse(before, wanted))) == stores.content(before)


@pytest.mark.parametrize("seed", range(24))
def test_undo_of_a_whole_plan_also_undoes_a_part_of_it(seed):
    """If a host gives no answer, nobody knows how much of the plan is written."""
    pair = pairs.make(seed)
    plan = stores.run_goal(pair.store, pair.goal).plan
    noted = Undo()
    noted.begin(pair.store, plan.operations)
    undo = noted.operations
    lost = [operation for operation in undo if not can_be_written(operation)]
    store, count = pair.store.copy(), len(plan.operations)
    for done in range(count + 1):
        if done in (1, count // 3, count // 2, count - 1, count) and not lost:
            assert stores.content(imported(store, undo)) == stores.content(pair.store)
        if done < count:
            store.change(plan.operations[done])


def expected_value(before, planned, found, path, name):
    """What a value is after the undo: that of before, unless others have changed it since."""
    others = found.get(path, name)
    return before.get(path, name) if others == planned.get(path, name) else others


def content_below(store, path):
    return {key: store.values(key) for key in store.below(path)}


@given(stored, operations, operations)
@settings(max_examples=120)
def test_undo_keeps_changes_by_others(before, wanted, others):
    wanted = possible(before, wanted)
    planned = stores.after(before, wanted)
    others = possible(planned, others)
    found = stores.after(planned, others)
    event(f"conflicting: {bool({fold(o.path) for o in wanted} & {fold(o.path) for o in others})}")
    undone = imported(found, stores.inverse(before, wanted, found))
    for path in {*before.paths(), *planned.paths(), *found.paths()}:
        parts = path.split("\\")
        chain = ["", *("\\".join(parts[: count + 1]) for count in range(len(parts)))]
        deleted_by_others = any(key in planned and key not in found for key in chain)
        created_by_others = path in found and path not in planned
        if deleted_by_others:
            assert path not in undone
        elif created_by_others:
            assert stores.content(undone).get(fold(path)) == stores.content(found).get(fold(path))
        elif path in before:
            assert path in undone
        elif path and content_below(planned, path) == content_below(found, path):
            assert path not in undone
        for name in ("x", "y", "z"):
            if path in undone and not created_by_others:
                assert undone.get(path, name) == expected_value(before, planned, found, path, name)


@given(stored, operations, operations)
@settings(max_examples=60)
def test_a_plan_that_wrote_nothing_has_nothing_to_undo(before, wanted, others):
    wanted = possible(before, wanted)
    found = stores.after(before, possible(before, others))
    undo = Undo()
    undo.begin(before, wanted)
    undo.settle(0, found)
    assert undo.operations == []
    assert stores.inverse(before, [], found) == []


@given(stored, operations, operations, operations, st.integers(0, 12))
@settings(max_examples=100)
def test_undo_of_several_rounds(before, first, others, second, done):
    """A part of the first round is written, others write, and a second round follows."""
    undo = Undo()
    first = possible(before, first)
    undo.begin(before, first)
    store = stores.after(before, first[:done])
    found = stores.after(store, possible(store, others))
    undo.settle(min(done, len(first)), found)
    once = stores.content(imported(found, undo.operations))
    assert once == stores.content(imported(found, stores.inverse(before, first[:done], found)))
    second = possible(found, second)
    undo.begin(found, second)
    end = stores.after(found, second)
    assert stores.content(imported(end, undo.operations)) == once
    undo.settle(len(second), None)
    assert stores.content(imported(end, undo.operations)) == once


STORE = Store({"": {"ActivePolicy": ONE}, "A": {"x": ONE}, "B": {"x": ONE}})


@pytest.mark.parametrize(
    ("before", "wanted", "others", "expected"),
    [
        pytest.param(Store(), [Create("A"), Set("A", "x", ONE)], [], {}, id="fresh host"),
        pytest.param(
            Store(),
            [Create("A"), Set("A", "x", ONE), Set("", "ActivePolicy", ONE)],
            [Create("Other"), Set("Other", "y", TWO)],
            {"": {}, "Other": {"y": TWO}},
            id="fresh host, others create a key",
        ),
        pytest.param(
            Store(),
            [Create("A"), Set("A", "x", ONE), Set("", "ActivePolicy", ONE)],
            [Set("", "ActivePolicy", TWO)],
            {"": {"ActivePolicy": TWO}},
            id="fresh host, others assign another policy",
        ),
        pytest.param(
            STORE,
            [Set("A", "x", TWO), Set("", "ActivePolicy", TWO)],
            [Set("A", "x", THREE)],
            {"": {"ActivePolicy": ONE}, "A": {"x": THREE}, "B": {"x": ONE}},
            id="others change the same value",
        ),
        pytest.param(
            STORE,
            [Create("C"), Set("C", "x", TWO), Delete("A")],
            [Set("C", "y", THREE)],
            {"": {"ActivePolicy": ONE}, "A": {"x": ONE}, "B": {"x": ONE}, "C": {"y": THREE}},
            id="others write into a new key",
        ),
        pytest.param(
            STORE,
            [Create("C"), Create("C\\Below"), Set("C\\Below", "x", TWO)],
            [Set("C\\Below", "y", THREE)],
            {"": {"ActivePolicy": ONE}, "A": {"x": ONE}, "B": {"x": ONE}, "C": {}, "C\\Below": {"y": THREE}},
            id="others write below a new key",
        ),
        pytest.param(
            STORE,
            [Delete("A")],
            [Create("A"), Set("A", "y", TWO)],
            {"": {"ActivePolicy": ONE}, "A": {"y": TWO}, "B": {"x": ONE}},
            id="others create a deleted key again",
        ),
        pytest.param(
            STORE,
            [Set("A", "x", TWO), Set("B", "x", TWO)],
            [Delete("A")],
            {"": {"ActivePolicy": ONE}, "B": {"x": ONE}},
            id="others delete a changed key",
        ),
        pytest.param(
            Store({"": {}, "A": {}, "A\\Below": {"x": ONE}}),
            [Delete("A\\Below")],
            [Delete("A")],
            {"": {}},
            id="others delete the key above a deleted key",
        ),
        pytest.param(
            STORE,
            [Delete("A"), Create("A"), Set("A", "y", TWO)],
            [],
            {"": {"ActivePolicy": ONE}, "A": {"x": ONE}, "B": {"x": ONE}},
            id="a key is deleted and created again",
        ),
    ],
)
def test_undo(before, wanted, others, expected):
    found = stores.after(stores.after(before, wanted), others)
    undone = imported(found, stores.inverse(before, wanted, found if others else None))
    assert stores.content(undone) == stores.content(Store(expected))


def test_a_later_write_of_others_stays_as_well():
    undo = Undo()
    undo.begin(STORE, [Set("A", "x", TWO), Set("B", "x", TWO)])
    first = stores.after(STORE, [Set("A", "x", TWO), Set("B", "x", TWO), Create("Other")])
    undo.settle(2, first)
    undo.begin(first, [Set("B", "y", TWO)])
    second = stores.after(first, [Set("B", "y", TWO), Set("A", "x", THREE)])
    undo.settle(1, second)
    undone = imported(second, undo.operations)
    assert stores.content(undone) == stores.content(
        Store({"": {"ActivePolicy": ONE}, "A": {"x": THREE}, "B": {"x": ONE}, "Other": {}})
    )


def test_names_keep_their_spelling():
    before = Store({"": {}, "ipsecNFA{a}": {"ClassName": ONE}})
    wanted = [Unset("IPSECNFA{A}", "className")]
    assert stores.inverse(before, wanted) == [Set("ipsecNFA{a}", "ClassName", ONE)]
    assert stores.inverse(before, [Delete("IPSECNFA{A}")]) == [
        Create("ipsecNFA{a}"),
        Set("ipsecNFA{a}", "ClassName", ONE),
    ]


def test_the_assignment_is_restored_between_new_keys_and_deletions():
    """The old policy is whole before it is in force again, and the new one is in force until then."""
    wanted = [Create("New"), Set("New", "x", ONE), Set("", "ActivePolicy", TWO), Delete("A"), Set("B", "x", TWO)]
    found = stores.inverse(STORE, wanted)
    assert found == [
        Create("A"),
        Set("A", "x", ONE),
        Set("B", "x", ONE),
        Set("", "ActivePolicy", ONE),
        Delete("New"),
    ]


def test_values_that_a_reg_file_cannot_hold_are_counted():
    before = Store({"": {}, "A": {"x": UNKNOWN, "y": ONE}})
    undo = Undo()
    assert (undo.operations, undo.lost) == ([], 0)
    undo.begin(before, [Delete("A")])
    assert undo.lost == 1
    assert stores.content(imported(Store({"": {}}), undo.operations)) == stores.content(
        Store({"": {}, "A": {"y": ONE}})
    )


def test_unknown_values_of_others_stay():
    found = Store({"": {"ActivePolicy": TWO}, "A": {"x": ONE}, "B": {"x": UNKNOWN}})
    assert stores.inverse(STORE, [Set("", "ActivePolicy", TWO)], found) == [Set("", "ActivePolicy", ONE)]


def test_a_backup_of_a_plan_restores_real_stores():
    for store, name in ((stores.windows_2022(), "GSecurity IP Policy"), (Store(), "P")):
        done = stores.change(
            store, {"name": name, "rules": [{"name": "R", "filters": ["0+192.0.2.1"]}], "poll_interval": 7}
        )
        text = regedit_file(stores.inverse(store, done.operations))
        assert "\\]" not in text.decode("utf-16")
        undone = imported(done.store, stores.inverse(store, done.operations))
        assert stores.content(undone) == stores.content(store)
