# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What commands of netsh do to a host that has something already."""

from __future__ import annotations

from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.lines import read_list
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.script import ScriptGoal
from unit import stores

BASE = (
    "add policy P",
    "add filterlist L",
    "add filter L me 192.0.2.1",
    "add filteraction A action=block",
    "add rule R P L A",
)


def run(store, *commands):
    """What the commands do to the store."""
    return stores.run_goal(store, ScriptGoal(read_list([f"netsh ipsec static {c}" for c in commands], "", True).static))


def host(*commands):
    """A store that has `BASE` and what the commands add."""
    return run(Store(), *BASE, *commands).store


def rules(store, policy="P"):
    return {rule["name"]: rule for rule in stores.facts(store)[policy]["rules"]}


def test_a_rule_that_is_deleted_and_added_again_stays():
    store = host()
    for delete in ("delete rule R P", "delete rule all P"):
        assert run(store, delete, "add rule R P L A").operations == ()
        changed = run(store, delete, "add rule R P L A activate=no")
        assert [rule["enabled"] for rule in rules(changed.store).values()] == [False]
        assert changed.plan.policies[0].change.target.removed == ()


def test_a_rule_may_take_the_name_of_a_deleted_one():
    store = host("add rule S P L A activate=no")
    done = run(store, "delete rule R P", "set rule S P newname=R").store
    assert {name: rule["enabled"] for name, rule in rules(done).items()} == {"R": False}


def test_a_list_or_an_action_without_data_is_finished():
    """An interrupted run leaves them: its owner is written first, its data last."""
    commands = ("add filterlist New", "add filteraction Deny", "add rule S P New Deny")
    store = host()
    begun = store.copy()
    whole = run(store, *commands)
    for operation in whole.operations:
        begun.change(operation)
        finished = run(begun, *commands).store
        assert stores.comparable(finished) == stores.comparable(whole.store)
        assert run(finished, *commands).operations == ()
    # also where no command adds it again
    library = host(*commands[:2])
    whole = run(library, commands[2]).store
    for path in [path for path in library.paths() if path and name(library, path) == "New"]:
        broken = library.copy()
        broken.change(Unset(path, "ipsecData"))
        assert stores.comparable(run(broken, commands[2]).store) == stores.comparable(whole)


def name(store, path):
    value = store.get(path, "ipsecName")
    return value.data if value else None


def test_a_rename_that_is_done_is_done():
    commands = (
        "set policy P newname=P2",
        "set filterlist L newname=L2",
        "set filteraction A newname=A2",
        "set rule R P2 newname=R2",
    )
    done = run(host(), *commands)
    (rule,) = rules(done.store, "P2").values()
    assert (rule["name"], rule["filter_list"], rule["filter_action"]) == ("R2", "L2", "A2")
    assert run(done.store, *commands).operations == ()


def test_a_new_list_takes_the_name_of_a_deleted_one():
    commands = (
        "add filterlist N",
        "add filter N me 192.0.2.2",
        "delete rule R P",
        "delete filterlist L",
        "set filterlist N newname=L",
        "add rule R P L A",
    )
    done = run(host(), *commands)
    assert [f["destination"] for f in rules(done.store)["R"]["filters"]] == ["192.0.2.2"]
    assert run(done.store, *commands).operations == ()
