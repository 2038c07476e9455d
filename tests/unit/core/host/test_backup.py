# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Backups as files, and restoring them: exactly what the task wrote, and what others have changed since."""

from __future__ import annotations

import re

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.attempt import decide
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.backup import BackupFile
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import Notify
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.undo import Undo
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.names import FILTERS, REPLACES, reference
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Delete, Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.regfile import (
    ROOT,
    can_be_written,
    regedit_file,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import StoreError, Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import OnePolicy, Restoration
from unit import pairs, stores

BLOCK = {"name": "R", "filters": ["*+0:445:TCP"], "action": "block"}
SECURE = {"name": "S", "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": "s3cret"}]}
HEADER = "Windows Registry Editor Version 5.00\r\n\r\n"


def start() -> Store:
    """A store in which the policy P is assigned, and Q exists."""
    store = stores.change(Store(), {"name": "P", "rules": [BLOCK, SECURE]}, assigned=True).store
    return stores.change(store, {"name": "Q", "rules": [BLOCK]}).store


START = start()
TASKS = {
    "small change": {"name": "P", "description": "new"},
    "replaced policy": {"name": "P", "description": "new", "poll_interval": 7, "rules": [SECURE], "assigned": True},
    "new policy": {"name": "New", "rules": [BLOCK], "assigned": True},
    "new key": {"name": "P", "rules": [BLOCK, {**SECURE, "authentication": [{"preshared_key": "other"}]}]},
    "assignment": {"name": "Q", "assigned": True},
    "unassigned": {"name": "P", "assigned": False},
    "deleted": {"name": "P", "state": "absent"},
    "other policy": {"name": "Q", "rules": [SECURE]},
    "edited and assigned": {"name": "Q", "poll_interval": 9, "rules": [{**BLOCK, "name": "T"}], "assigned": True},
}


def backup(before: Store, operations) -> tuple[BackupFile, Store]:
    """The backup of a task, written and read again, and the store that the task has left."""
    undo = Undo()
    undo.begin(before, operations)
    undo.settle(len(operations), None)
    return BackupFile.unpack(BackupFile.of(undo.operations, "win1", undo.left).pack()), undo.left


def of_task(name: str) -> tuple[BackupFile, Store]:
    """The backup of one of the tasks, and the store that it has left."""
    return backup(START, stores.run_goal(START, OnePolicy(*parse_task(TASKS[name]))).operations)


def enforced(store: Store):
    return stores.in_force(stores.to_tree(store))


def assigned(store: Store) -> str:
    graph = Graph(store)
    return graph.text(graph.active, "ipsecName")


def restore(file: BackupFile, store: Store, **parts):
    return stores.Done(decide(Restoration(file, "b.reg"), stores.host_with(store, **parts), stores.SETTINGS))


@pytest.mark.parametrize("task", TASKS)
def test_a_restored_backup_undoes_the_task_and_a_second_run_changes_nothing(task):
    file, left = of_task(task)
    done = restore(file, left)
    assert stores.content(done.store) == stores.content(START)
    assert done.notes == []
    assert done.attempt.service.notify is not None or not done.attempt.plan.in_force
    again = restore(file, done.store)
    assert (again.operations, again.attempt.changed, again.notes) == ((), False, [])


@pytest.mark.parametrize("seed", range(40))
def test_backups_of_many_tasks_on_many_stores(seed):
    pair = pairs.make(seed)
    file, left = backup(pair.store, stores.run_goal(pair.store, pair.goal).operations)
    done = restore(file, left)
    assert done.notes == []
    if not Graph(pair.store).leftovers() and all(map(can_be_written, file.operations)):
        assert stores.content(done.store) == stores.content(pair.store)
    assert restore(file, done.store).operations == ()


@pytest.mark.parametrize(
    ("task", "in_force", "names"),
    [
        ("small change", True, {"P": ("P", True)}),
        ("replaced policy", True, {"P": ("P", True)}),
        ("new policy", True, {"New": (None, None), "P": ("P", True)}),
        ("unassigned", True, {"P": ("P", True)}),
        ("deleted", True, {None: ("P", True)}),
        ("other policy", False, {"Q": ("Q", False)}),
    ],
)
def test_what_a_restored_backup_means_for_policies(task, in_force, names):
    file, left = of_task(task)
    plan = restore(file, left).plan
    assert plan.in_force == in_force
    found = {}
    for policy in plan.policies:
        old, new = policy.change.stored, policy.change.target
        name = new.policy.name if new else None
        found[old.policy.name if old else None] = (name, policy.key == plan.graph.active if new else None)
    assert found == names


def test_the_policy_in_force_is_restored_in_one_write():
    """At each step, the assigned policy is the old one or the new one."""
    for task in TASKS:
        file, left = of_task(task)
        allowed = [enforced(store) for store in (left, START)]
        store = left.copy()
        for operation in restore(file, left).operations:
            store.change(operation)
            assert enforced(store) in allowed, task


def test_others_have_changed_what_the_task_wrote():
    file, left = of_task("small change")
    others = stores.apply(left, [{"name": "P", "description": "theirs"}, {"name": "T", "rules": [BLOCK]}])
    done = restore(file, others)
    changed, created = done.notes
    assert changed == "changed since the backup: the policy 'P'"
    assert created.startswith("created since the backup: ")
    assert "the policy 'T'" in created
    assert stores.stored(done.store, "P").policy.description == ""
    assert stores.stored(done.store, "T") is not None
    # only what others have created differs now
    assert restore(file, done.store).notes == []


def test_others_have_deleted_what_the_task_wrote():
    file, left = of_task("new key")
    others = stores.remove(left, "P").store
    done = restore(file, others)
    (gone,) = done.notes
    assert gone.startswith("deleted since the backup, so not restored: ")
    assert gone.endswith(f"policy {stores.stored(left, 'P').policy.id}")
    assert [policy.policy.name for policy in read_policies(Graph(done.store))] == ["Q"]
    assert restore(file, done.store).operations == ()


def test_others_have_assigned_another_policy():
    file, left = of_task("assignment")
    others = stores.apply(left, [{"name": "T", "assigned": True}])
    done = restore(file, others)
    assert assigned(done.store) == "P"
    assert done.plan.unassigned == "T"
    assert done.notes[0] == "changed since the backup: the assignment"


def _with_list_of(left: Store) -> Store:
    """The rule of Q uses the filter list of the new policy N, as the snap-in allows."""
    found = left.copy()
    (rule,) = stores.stored(found, "N").rules
    (other,) = stores.stored(found, "Q").rules
    keys = [reference(found.spelling(key)) for key in rule.filters]
    found.change(Set(found.spelling(other.key), FILTERS, Value.strings(keys)))
    return found


NEW = {"name": "N", "rules": [{**BLOCK, "name": "NR"}]}
DAMAGE = {
    "the policy that was assigned is gone": (
        TASKS["assignment"],
        lambda left: stores.remove(left, "P").store,
        "this backup cannot be restored: it assigns the policy {",
    ),
    "the policy that was assigned is gone, and the new one would go": (
        TASKS["new policy"],
        lambda left: stores.remove(left, "P").store,
        "this backup cannot be restored: it assigns the policy {",
    ),
    "others have assigned the new policy": (
        NEW,
        lambda left: stores.apply(left, [{"name": "N", "assigned": True}]),
        "restoring this backup would delete the policy 'N', but it is assigned now",
    ),
    "others use the new filter list": (
        NEW,
        _with_list_of,
        "restoring this backup would delete the filter list 'NR', but the rule 'R' uses it now",
    ),
    "a part of the policy is gone": (
        TASKS["replaced policy"],
        lambda left: stores.remove(left, "P").store,
        "this backup cannot be restored: the ",
    ),
    "others have created the policy again": (
        TASKS["deleted"],
        lambda left: stores.apply(left, [{"name": "P", "rules": [BLOCK]}]),
        "restoring this backup would result in 2 policies with the name 'P'. If there is a later backup, restore that",
    ),
    "a later backup was not restored first": (
        TASKS["replaced policy"],
        lambda left: stores.apply(left, [{"name": "P", "poll_interval": 9, "rules": [BLOCK]}]),
        "restoring this backup would result in 2 policies with the name 'P'. If there is a later backup, restore that",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_what_would_damage_policies_is_refused(case):
    wanted, others, message = DAMAGE[case]
    file, left = backup(START, stores.run_goal(START, OnePolicy(*parse_task(wanted))).operations)
    with pytest.raises(ModelError, match="^" + re.escape(message)):
        restore(file, others(left))


def test_an_interrupted_restore_does_not_prevent_other_tasks():
    """At each step, other tasks find one policy of each name, and the restore can be finished."""
    file, left = of_task("replaced policy")
    operations = restore(file, left).operations
    assert any(isinstance(operation, Set) and operation.name == REPLACES for operation in operations)
    store = left.copy()
    for operation in operations:
        store.change(operation)
        done = restore(file, store)
        assert stores.content(done.store) == stores.content(START)
        assert not any("created since" in note for note in done.notes)
        for name in "PQ":
            stores.change(store, {"name": name, "description": "other"})


def test_a_change_that_cannot_be_read_is_notified():
    nfa = next(path for path in START.paths() if path.startswith("ipsecNFA"))
    unreadable = START.copy()
    unreadable.change(Set(nfa, "ipsecData", Value.binary(b"unreadable")))
    file = BackupFile.unpack(regedit_file([Set(nfa, "other", Value.number(1))]))
    done = restore(file, unreadable)
    assert (done.plan.in_force, done.attempt.service.notify) == (True, Notify.RELOAD)


def test_the_file_of_another_program():
    store = Store({"": {}})
    done = restore(BackupFile.unpack(stores.reg_file(START)), store)
    assert stores.content(done.store) == stores.content(START)
    assert done.notes == ["the file does not say what the task has left, so changes since then are not known"]
    assert restore(BackupFile.unpack(stores.reg_file(START)), done.store).notes == []


def test_a_part_of_an_object_is_not_restored():
    key = "ipsecNFA{11111111-2222-3333-4444-555555555555}"
    file = BackupFile.unpack(regedit_file([Create(key), Set(key, "x", Value.number(1))]))
    assert restore(file, START).operations == ()


def test_the_file_shows_no_pre_shared_key_that_it_does_not_restore():
    """The digest of an object would let others try keys: those of rules leave their data out."""
    (left,) = {frozenset(of_task(name)[0].left.items()) for name in ("new key",)}
    store = stores.apply(START, [TASKS["new key"]])
    for path in store.paths():
        if path.startswith("ipsecNFA"):
            store.change(Set(path, "ipsecData", Value.binary(b"anything")))
    assert dict(left) == dict(BackupFile.of((), "win1", store).left)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "this is not a .reg file"),
        ("REGEDIT4\r\n", 1, "its first line must be"),
        (HEADER + "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Other]\r\n", 3, "does not belong to the policy store"),
        (HEADER + f"[{ROOT}X]\r\n", 3, "does not belong to the policy store"),
        (HEADER + f"[-{ROOT}]\r\n", 3, "the whole policy store cannot be deleted"),
        (HEADER + '"x"=dword:1\r\n', 3, "neither a key, nor a value of a key, nor a comment"),
        (HEADER + f"[{ROOT}]\r\nx=1\r\n", 4, "neither a key, nor a value of a key, nor a comment"),
        (HEADER + f'[{ROOT}]\r\n"x"=hex:s3cret\r\n', 4, "the data of this value cannot be read"),
        (HEADER + f'[{ROOT}]\r\n"x"=dword:123456789\r\n', 4, "the data of this value cannot be read"),
        (HEADER + f'[{ROOT}]\r\n"x"=hex(7):61\r\n', 4, "the data of this value cannot be read"),
        (HEADER + f'[{ROOT}]\r\n"x"=hex(b):61\r\n', 4, "the data of this value cannot be read"),
        (HEADER + f'[{ROOT}]\r\n"x"=hex(99):61\r\n', 4, "the data of this value cannot be read"),
        (HEADER + f'[{ROOT}]\r\n"x"=hex:61,\\\r\n', 4, "the data of this value cannot be read"),
        (HEADER + f'[{ROOT}]\r\n"x"=hex:61,\\', 4, "the file ends within a value"),
    ],
)
def test_files_that_cannot_be_read(text, line, words):
    with pytest.raises(StoreError, match="(?i)" + words.replace(".", r"\.")) as caught:
        BackupFile.unpack(text.encode("utf-16"))
    assert caught.value.line == line
    assert "s3cret" not in str(caught.value)


def test_lists_as_windows_accepts_them():
    def read(data: str) -> Value:
        return BackupFile.unpack((HEADER + f'[{ROOT}]\r\n"x"=hex(7):{data}\r\n').encode()).operations[1].value

    assert read("61,00,00,00,00,00").data == ("a",)
    assert read("61,00,00,00").data == ("a",)
    assert read("61,00,00,00,62,00,00,00").data == ("a", "b")
    assert read("00,00").data == read("").data == ()


def test_a_file_in_another_encoding():
    with pytest.raises(StoreError, match="neither UTF-16 with a mark nor UTF-8"):
        BackupFile.unpack(b"\xe4\xf6")
    file = BackupFile.unpack((HEADER + f'[{ROOT.upper()}\\a]\n"x"=-\n@="y"\n[-{ROOT}\\b]\n').encode())
    assert file.operations == (Create("a"), Unset("a", "x"), Set("a", "", Value.string("y")), Delete("b"))
