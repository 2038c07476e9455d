# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Group Policy objects get policies, lose them, and are finished after an interruption."""

from __future__ import annotations

import dataclasses
import functools
import re

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import (
    DirectoryError,
    LostConnection,
    ResultCode,
    ResultError,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.extensions import EXTENSION, TOOL
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.gpos import gpo_problems, plan_gpos
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.gpt import GptUnreachable, read_versions
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    AddEntry,
    AttributeChange,
    ChangeKind,
    DeleteEntry,
    ModifyEntry,
    Search,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.reading import read_place, read_state
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.gpos import GposMode, WantedGpos
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import RulesMode, Wanted
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan import Plan, PolicyPlan
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.fields import ShapeError
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.names import DESCRIPTION, NAME
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Delete, Set
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.merge import PolicyChange, merge
from directory.memory import MemoryDirectory
from hypothesis import given, settings
from hypothesis import strategies as st

SERVER, CLIENT, SECURE = "Server (Request Security)", "Client (Respond Only)", "Secure Server (Require Security)"
POLICIES = (SERVER, CLIENT, SECURE)
PAIR = f"[{EXTENSION}{TOOL}]"
SECURITY = "[{827D319E-6EAC-11D2-A4EA-00C04F79F83A}{803E14A0-B4FB-11D0-A0D0-00A0C90F574B}]"
WIRELESS = "[{F3CCC681-B74C-4060-9F26-CD84525DCA2A}{0F3F3735-573D-9804-99E4-AB2A69BA5FD4}]"


@functools.cache
def new_domain():
    return MemoryDirectory()


class Files:
    """The files GPT.INI, by the ids of their Group Policy objects."""

    def __init__(self):
        self.versions = {}
        self.problem = None

    def read(self, gpo):
        if self.problem:
            raise GptUnreachable(self.problem)
        return self.versions.get(gpo.id, 0)

    def write(self, gpo, old, new):
        assert self.read(gpo) == old
        self.versions[gpo.id] = new


class Domain:
    """A domain in memory with Group Policy objects of these names, besides those of a new domain."""

    def __init__(self, *names):
        self.directory = new_domain().copy()
        self.files = Files()
        self.gpos = {name: self.directory.add_gpo(name) for name in names}

    def state(self, *wanted):
        state = read_state(self.directory, read_place(self.directory, None), gpos=True)
        return read_versions(state, self.files, wanted)

    def gpo(self, name):
        return next(gpo for gpo in self.state().gpos if name in (gpo.name, gpo.id))

    def change(self, name, **values):
        """Change attributes of a Group Policy object, behind the back of everybody."""
        gpo = self.gpos[name]
        found = self.directory.search(Search(base=gpo.dn))[0].attributes
        for attribute, value in values.items():
            old = found.get(attribute.lower(), ())
            changes = [AttributeChange(ChangeKind.DELETE, attribute, old)] if old else []
            changes += [AttributeChange(ChangeKind.ADD, attribute, (str(value).encode(),))] if value != "" else []
            self.directory.write(ModifyEntry(gpo.dn, tuple(changes)))

    def plan(self, *wanted, names=(), deleted=(), renamed=None, described=None):
        """The state, and what a task plans that names these policies."""
        state = self.state(*wanted)
        plan = _plan(state, names, deleted, renamed or {}, described or {})
        return state, plan, plan_gpos(wanted, plan, state)

    def run(self, *wanted, **policies):
        """A whole task."""
        state, plan, gpos = self.plan(*wanted, **policies)
        for write in gpos.before:
            self.directory.write(write)
        for operation in plan.operations:
            dn = f"CN={operation.path},{self.directory.container}"
            if isinstance(operation, Delete):
                self.directory.write(DeleteEntry(dn))
            else:
                old = state.graph.text(operation.path.upper(), operation.name)
                changes = [AttributeChange(ChangeKind.DELETE, operation.name, (old.encode(),))] if old else []
                new = AttributeChange(ChangeKind.ADD, operation.name, (operation.value.data.encode(),))
                self.directory.write(ModifyEntry(dn, (*changes, new)))
        for write in gpos.after:
            self.directory.write(write)
        for change in gpos.gpt:
            self.files.write(change.gpo, change.old, change.new)
        return gpos

    def assigned(self):
        """The names of the policies by those of the Group Policy objects."""
        return {gpo.name: gpo.assignment.name for gpo in self.state().gpos if gpo.assignment and gpo.assignment.policy}

    def problems(self):
        state = self.state()
        return [problem for gpo in state.gpos for problem in gpo_problems(gpo, state)]


def _plan(state, names, deleted, renamed, described):
    stored = {policy.policy.name: policy for policy in read_policies(state.graph)}
    graph = Graph(state.graph.store.copy())
    operations = []
    policies = []

    def do(operation):
        operations.append(operation)
        graph.change(operation)

    for name in (*names, *renamed, *described):
        target = merge(Wanted(name=name), stored[name], RulesMode.MERGE)
        change = PolicyChange(stored[name], target, None)
        policies.append(PolicyPlan(change=change, key=stored[name].key, changed=False, in_force=False))
    for name in deleted:
        found = stored.get(name)
        policies.append(PolicyPlan(change=PolicyChange(found, None, None), key=None, changed=True, in_force=False))
        if found is not None:
            do(Delete(graph.path(found.key)))
    for attribute, changes in ((NAME, renamed), (DESCRIPTION, described)):
        for name, new in changes.items():
            do(Set(graph.path(stored[name].key), attribute, Value.string(new)))
    return Plan(operations=tuple(operations), graph=graph, policies=tuple(policies))


def wanted(policy, *gpos, mode=GposMode.EXACT):
    return WantedGpos(gpos=gpos, mode=mode, policy=policy)


def key_of(state, name):
    return next(policy.key for policy in read_policies(state.graph) if policy.policy.name == name)


def test_a_policy_is_assigned_by_the_writes_that_the_specification_names():
    domain = Domain("Servers")
    dn, guid = domain.gpos["Servers"].dn, domain.gpos["Servers"].id
    policy = domain.state().graph.path(key_of(domain.state(), SERVER))
    plan = domain.run(wanted(SERVER, "Servers"))
    description = domain.gpo("Servers").assignment.description
    assert plan.before == ()
    assert plan.after == (
        AddEntry(f"CN=Microsoft,CN=Machine,{dn}", (("objectClass", (b"container",)),)),
        AddEntry(f"CN=Windows,CN=Microsoft,CN=Machine,{dn}", (("objectClass", (b"container",)),)),
        AddEntry(
            f"CN=IPSEC,CN=Windows,CN=Microsoft,CN=Machine,{dn}",
            (
                ("objectClass", (b"ipsecPolicy",)),
                ("ipsecOwnersReference", (f"CN={policy},{domain.directory.container}".encode(),)),
                ("ipsecName", (SERVER.encode(),)),
                ("description", (description.encode(),)),
            ),
        ),
        ModifyEntry(
            dn,
            (
                AttributeChange(ChangeKind.ADD, "gPCMachineExtensionNames", (PAIR.encode(),)),
                AttributeChange(ChangeKind.DELETE, "versionNumber", (b"0",)),
                AttributeChange(ChangeKind.ADD, "versionNumber", (b"1",)),
            ),
        ),
    )
    assert [(change.gpo.id, change.old, change.new) for change in plan.gpt] == [(guid, 0, 1)]
    assert description
    assert [(change.gpo.name, change.before, change.after) for change in plan.changes] == [("Servers", "", SERVER)]
    assert [gpo.name for gpo in plan.assigned] == ["Servers"]
    assert plan.unassigned == ()
    assert domain.assigned() == {"Servers": SERVER}
    assert domain.problems() == []


def test_a_policy_is_unassigned_and_the_empty_object_stays():
    domain = Domain("Servers")
    domain.change("Servers", gPCMachineExtensionNames=SECURITY + WIRELESS)
    domain.run(wanted(SERVER, "Servers"))
    held = domain.gpo("Servers").assignment
    plan = domain.run(wanted(SERVER))
    dn = domain.gpos["Servers"].dn
    assert plan.after == (
        ModifyEntry(
            f"CN=IPSEC,CN=Windows,CN=Microsoft,CN=Machine,{dn}",
            tuple(
                AttributeChange(ChangeKind.DELETE, name, (value.encode(),))
                for name, value in (
                    ("ipsecOwnersReference", held.policy),
                    ("ipsecName", SERVER),
                    ("description", held.description),
                )
            ),
        ),
        ModifyEntry(
            dn,
            (
                AttributeChange(
                    ChangeKind.DELETE, "gPCMachineExtensionNames", (f"{SECURITY}{PAIR}{WIRELESS}".encode(),)
                ),
                AttributeChange(ChangeKind.ADD, "gPCMachineExtensionNames", (f"{SECURITY}{WIRELESS}".encode(),)),
                AttributeChange(ChangeKind.DELETE, "versionNumber", (b"1",)),
                AttributeChange(ChangeKind.ADD, "versionNumber", (b"2",)),
            ),
        ),
    )
    assert [gpo.name for gpo in plan.unassigned] == ["Servers"]
    assert domain.gpo("Servers").assignment.policy == ""
    assert domain.problems() == []
    assert not domain.run(wanted(SERVER)).changed
    # and it can be assigned again
    domain.run(wanted(CLIENT, "Servers"))
    assert domain.assigned() == {"Servers": CLIENT}
    assert domain.problems() == []


@pytest.mark.parametrize("existing", [(), ("Machine",), ("Machine", "Microsoft"), ("Machine", "Microsoft", "Windows")])
def test_containers_that_exist_are_used(existing):
    domain = Domain("Servers")
    dn = domain.gpos["Servers"].dn
    domain.directory.write(DeleteEntry(f"CN=Machine,{dn}"))
    for name in existing:
        above = ",".join(f"CN={one}" for one in reversed(existing[: existing.index(name) + 1]))
        domain.directory.write(AddEntry(f"{above},{dn}", (("objectClass", (b"container",)),)))
    plan = domain.run(wanted(SERVER, "Servers"))
    assert len(plan.after) == 3 - len(existing) + 2
    assert domain.problems() == []


@pytest.mark.parametrize(
    ("mode", "gpos", "after"),
    [
        (GposMode.EXACT, ("A",), {"A": SERVER, "C": CLIENT}),
        (GposMode.EXACT, ("A", "D"), {"A": SERVER, "C": CLIENT, "D": SERVER}),
        (GposMode.EXACT, ("C",), {"C": SERVER}),
        (GposMode.EXACT, (), {"C": CLIENT}),
        (GposMode.ADD, ("D",), {"A": SERVER, "B": SERVER, "C": CLIENT, "D": SERVER}),
        (GposMode.ADD, (), {"A": SERVER, "B": SERVER, "C": CLIENT}),
        (GposMode.REMOVE, ("A", "C", "D"), {"B": SERVER, "C": CLIENT}),
        (GposMode.REMOVE, (), {"A": SERVER, "B": SERVER, "C": CLIENT}),
    ],
)
def test_modes(mode, gpos, after):
    domain = Domain("A", "B", "C", "D")
    domain.run(wanted(SERVER, "A", "B"), wanted(CLIENT, "C"))
    before = domain.state()
    domain.run(wanted(SERVER, *gpos, mode=mode))
    assert domain.assigned() == after
    assert domain.problems() == []
    assert not domain.run(wanted(SERVER, *gpos, mode=mode)).changed
    # nothing is written that the task does not change
    held = {gpo.name: gpo.assignment.name if gpo.assignment else "" for gpo in before.gpos}
    for gpo in before.gpos:
        if after.get(gpo.name, "") == held[gpo.name]:
            assert domain.gpo(gpo.name).usn == gpo.usn


def test_a_group_policy_object_is_found_by_its_name_in_any_case_or_its_guid():
    domain = Domain("Büro (Süd)")
    guid = domain.gpos["Büro (Süd)"].id
    assert domain.run(wanted(SERVER, "BÜRO (süd)")).changed
    for name in ("Büro (Süd)", guid, guid.lower(), guid.strip("{}"), guid.strip("{}").lower()):
        assert not domain.run(wanted(SERVER, name)).changed


def test_a_group_policy_object_that_is_listed_twice_counts_once():
    domain = Domain("A")
    plan = domain.run(wanted(SERVER, "A", domain.gpos["A"].id, "a"))
    assert [gpo.name for gpo in plan.assigned] == ["A"]
    assert domain.problems() == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Server", "gpos: the domain ad.example.test has no Group Policy object 'Server'; did you mean 'Servers'?"),
        ("Zebra", "gpos: the domain ad.example.test has no Group Policy object 'Zebra'"),
        (
            "{00000000-0000-0000-0000-000000000001}",
            "gpos: the domain ad.example.test has no Group Policy object '{00000000-0000-0000-0000-000000000001}'",
        ),
    ],
)
@pytest.mark.parametrize("mode", GposMode)
def test_an_unknown_group_policy_object_is_an_error(name, message, mode):
    domain = Domain("Servers")
    with pytest.raises(ShapeError) as error:
        domain.plan(wanted(SERVER, name, mode=mode))
    assert str(error.value) == message


def test_a_name_that_several_have_is_an_error_that_lists_the_ids():
    domain = Domain("Twins")
    first, second = domain.gpos["Twins"], domain.directory.add_gpo("TWINS")
    ids = ", ".join(gpo.id for gpo in sorted((first, second), key=lambda gpo: gpo.id))
    with pytest.raises(ShapeError) as error:
        domain.plan(wanted(SERVER, "twins"))
    assert str(error.value) == f"gpos: 2 Group Policy objects have the name 'twins': {ids}; use an id instead"
    assert domain.run(wanted(SERVER, second.id)).assigned[0].id == second.id


def test_a_policy_is_found_by_its_name_or_is_the_only_one_of_the_task():
    domain = Domain("A")
    assert not domain.run(wanted(None, "A"), deleted=["Unknown"]).changed
    assert domain.run(wanted(None, "A"), names=[CLIENT]).changed
    assert domain.assigned() == {"A": CLIENT}
    assert domain.run(wanted(SERVER.upper(), "A")).changed
    assert domain.assigned() == {"A": SERVER}
    with pytest.raises(ShapeError, match="gpos: no policy has the name 'Servers'"):
        domain.plan(wanted("Servers", "A"))
    with pytest.raises(ShapeError, match="gpos: the task has 2 policies; say which one is assigned"):
        domain.plan(wanted(None, "A"), names=[SERVER, CLIENT])


def test_policies_with_the_same_name_are_told_apart_by_the_task():
    domain = Domain("A")
    domain.run(renamed={CLIENT: SERVER})
    state = domain.state()
    with pytest.raises(ShapeError, match=re.escape(f"gpos: 2 policies have the name '{SERVER}': {{")):
        domain.plan(wanted(SERVER, "A"))
    plan = _plan(state, [SERVER], [], {}, {})
    found = plan_gpos([wanted(SERVER, "A")], plan, state)
    assert found.after[2].attributes[1][1][0].decode().upper().startswith(f"CN={plan.policies[0].key},")


def test_an_assigned_policy_is_displaced_in_one_step_with_a_note():
    domain = Domain("Servers")
    domain.run(wanted(SERVER, "Servers"))
    plan = domain.run(wanted(CLIENT, "Servers"))
    assert len(plan.after) == 2
    assert plan.notes == (
        f"a Group Policy object assigns only one policy: assigning '{CLIENT}' in 'Servers' unassigns the policy "
        f"'{SERVER}'",
    )
    assert [(change.before, change.after) for change in plan.changes] == [(SERVER, CLIENT)]
    assert domain.assigned() == {"Servers": CLIENT}


@pytest.mark.parametrize("first", [wanted(SERVER), wanted(SERVER, "A", mode=GposMode.REMOVE)])
def test_a_policy_that_the_task_takes_away_itself_gives_no_note(first):
    domain = Domain("A")
    domain.run(wanted(SERVER, "A"))
    plan = domain.run(first, wanted(CLIENT, "A"))
    assert plan.notes == ()
    assert len(plan.after) == 2
    assert domain.assigned() == {"A": CLIENT}


def test_of_several_policies_for_one_group_policy_object_the_last_counts():
    domain = Domain("A")
    plan = domain.run(wanted(SERVER, "A"), wanted(CLIENT, "A"))
    assert plan.notes == ()
    assert domain.assigned() == {"A": CLIENT}


def test_a_policy_that_moves_is_assigned_before_it_is_unassigned():
    domain = Domain("A", "B")
    domain.run(wanted(SERVER, "A"))
    plan = domain.run(wanted(SERVER, "B"))
    written = [write.dn for write in plan.after]
    assert written.index(domain.gpos["B"].dn) < written.index(domain.gpos["A"].dn)


def test_a_policy_that_is_deleted_is_unassigned_first():
    domain = Domain("A", "B", "C")
    domain.run(wanted(SERVER, "A", "B"), wanted(CLIENT, "C"))
    plan = domain.run(deleted=[SERVER])
    assert len(plan.before) == 4
    assert plan.after == ()
    assert [gpo.name for gpo in plan.unassigned] == ["A", "B"]
    assert domain.assigned() == {"C": CLIENT}
    assert domain.problems() == []
    assert not domain.run(deleted=[SERVER]).changed


def test_a_policy_can_take_the_place_of_one_that_is_deleted():
    domain = Domain("A")
    domain.run(wanted(SERVER, "A"))
    plan = domain.run(wanted(CLIENT, "A"), deleted=[SERVER])
    assert [write.dn for write in plan.before] == [write.dn for write in plan.after]
    assert [(change.old, change.new) for change in plan.gpt] == [(1, 3)]
    assert plan.notes == ()
    assert [(change.before, change.after) for change in plan.changes] == [(SERVER, CLIENT)]
    assert domain.assigned() == {"A": CLIENT}
    assert domain.problems() == []


def test_group_policy_objects_for_a_policy_that_is_deleted_do_not_matter():
    domain = Domain("A")
    domain.run(wanted(SERVER, "A"))
    domain.run(wanted(SERVER, "A"), deleted=[SERVER])
    assert domain.assigned() == {}


def test_the_ipsec_object_of_a_renamed_policy_gets_its_name_but_no_version():
    domain = Domain("A", "B")
    domain.run(wanted(SERVER, "A"))
    version = domain.gpo("A").version
    plan = domain.run(names=[], renamed={SERVER: "Web servers"})
    assert domain.assigned() == {"A": "Web servers"}
    assert domain.gpo("A").version == version
    assert plan.gpt == ()
    assert [(change.before, change.after, change.finishes) for change in plan.changes] == [
        (SERVER, "Web servers", True)
    ]
    assert plan.assigned == plan.unassigned == ()
    assert domain.problems() == []
    assert not domain.run(names=["Web servers"]).changed


def test_the_ipsec_object_gets_a_new_description():
    domain = Domain("A")
    domain.run(wanted(SERVER, "A"))
    domain.run(described={SERVER: "for web servers"})
    assert domain.gpo("A").assignment.description == "for web servers"
    assert not domain.run(names=[SERVER]).changed


def test_a_name_that_another_program_left_out_stays_out():
    domain = Domain("A")
    domain.run(wanted(SERVER, "A"))
    held = domain.gpo("A").assignment
    dn = f"CN=IPSEC,CN=Windows,CN=Microsoft,CN=Machine,{domain.gpos['A'].dn}"
    domain.directory.write(
        ModifyEntry(
            dn,
            (
                AttributeChange(ChangeKind.DELETE, "ipsecName", (held.name.encode(),)),
                AttributeChange(ChangeKind.DELETE, "description", (held.description.encode(),)),
            ),
        )
    )
    domain.change("A", flags=0)
    assert not domain.run(wanted(SERVER, "A")).changed


def test_the_computers_part_may_be_disabled():
    domain = Domain("A", "B")
    domain.change("A", flags=2)
    domain.change("B", flags=1)
    text = "the computer's part of the Group Policy object 'A' is disabled, so hosts do not take its policy"
    for _again in range(2):
        assert domain.run(wanted(SERVER, "A", "B")).notes == (text,)
    assert domain.run(wanted(SERVER, "A", mode=GposMode.REMOVE)).notes == ()


@pytest.mark.parametrize(
    ("before", "file", "after"),
    [
        (0, 0, 1),
        (0x20003, 0x20003, 0x20004),
        (0x2FFFF, 0x2FFFF, 0x20001),
        (-0x10000 + 5, 0xFFFF0005, -0x10000 + 6),
        (0x7FFFFFFF, 0x7FFFFFFF, 0x7FFF0001),
        (3, 8, 9),
        ("", 0, 1),
    ],
)
def test_the_version_of_the_computers_part_grows(before, file, after):
    domain = Domain("A")
    domain.change("A", versionNumber=before)
    domain.files.versions[domain.gpos["A"].id] = file
    domain.run(wanted(SERVER, "A"))
    assert domain.gpo("A").version == after
    domain.run(wanted(CLIENT, "A"))
    assert domain.problems() == []
    assert domain.files.versions[domain.gpos["A"].id] == (after + 1) % 2**32


def test_a_malformed_list_of_extensions_is_not_rewritten():
    domain = Domain("A")
    domain.change("A", gPCMachineExtensionNames="[oops")
    with pytest.raises(DirectoryError, match=r"the Group Policy object 'A' .* cannot be changed: its gPCMachine.*oops"):
        domain.plan(wanted(SERVER, "A"))


def test_a_malformed_list_of_extensions_does_not_stop_a_task_that_changes_something_else():
    domain = Domain("A")
    domain.run(wanted(SERVER, "A"))
    domain.change("A", gPCMachineExtensionNames="[oops")
    _state, _plan, gpos = domain.plan(names=[SERVER])
    assert not gpos.changed
    assert gpos.notes[0].startswith("the Group Policy object 'A': its gPCMachineExtensionNames is '[oops'")
    _state, _plan, gpos = domain.plan(names=[CLIENT])
    assert (gpos.changed, gpos.notes) == (False, ())


def test_a_malformed_list_without_a_policy_is_only_told_to_who_names_the_object():
    domain = Domain("A")
    domain.run(wanted(SERVER, "A"))
    domain.run(wanted(SERVER))
    domain.change("A", gPCMachineExtensionNames="[oops")
    assert domain.plan(wanted(SERVER))[2].notes == ()
    assert len(domain.plan(wanted(SERVER, "A", mode=GposMode.REMOVE))[2].notes) == 1


def test_a_reference_to_a_deleted_policy_is_replaced():
    domain = Domain("A")
    domain.run(wanted(SERVER, "A"))
    state = domain.state()
    domain.directory.write(DeleteEntry(f"CN={state.graph.path(key_of(state, SERVER))},{domain.directory.container}"))
    assert "DEL:" in domain.gpo("A").assignment.policy
    assert domain.run(wanted(CLIENT, "A")).notes == ()
    assert domain.assigned() == {"A": CLIENT}
    assert domain.problems() == []


# what somebody else does meanwhile


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (wanted(SERVER, "A"), wanted(CLIENT, "A")),
        (wanted(SERVER), wanted(CLIENT, "A")),
        (wanted(SERVER, "A"), wanted(SERVER)),
        (wanted(CLIENT, "A"), wanted(SECURE, "A")),
    ],
)
@pytest.mark.parametrize("before", [None, wanted(SERVER, "A"), (wanted(SERVER, "A"), wanted(SERVER))])
def test_a_stale_plan_changes_nothing(first, second, before):
    domain = Domain("A")
    for one in before if isinstance(before, tuple) else (before,) if before else ():
        domain.run(one)
    _state, _plan, stale = domain.plan(first)
    if not stale.changed or not domain.run(second).changed:
        return
    found = domain.directory.ldif(domain.gpos["A"].dn)
    for write in stale.after:
        with pytest.raises(ResultError) as error:
            domain.directory.write(write)
        assert error.value.code in (ResultCode.NO_SUCH_ATTRIBUTE, ResultCode.VALUE_EXISTS, ResultCode.ENTRY_EXISTS)
    assert domain.directory.ldif(domain.gpos["A"].dn) == found


def test_nothing_is_replaced_and_each_modify_deletes_what_was_read():
    domain = Domain("A", "B")
    domain.run(wanted(SERVER, "A"))
    _state, _plan, plan = domain.plan(wanted(SERVER, "B"), wanted(CLIENT, "A"), renamed={SERVER: "x"})
    modifies = [write for write in plan.after if isinstance(write, ModifyEntry)]
    assert modifies
    for write in modifies:
        assert any(change.kind is ChangeKind.DELETE for change in write.changes)


# interruptions

TASKS = {
    "assign": ([], [wanted(SERVER, "A", "B")], {"names": [SERVER]}),
    "unassign": ([wanted(SERVER, "A", "B")], [wanted(SERVER)], {"names": [SERVER]}),
    "remove": ([wanted(SERVER, "A", "B")], [wanted(SERVER, "A", mode=GposMode.REMOVE)], {"names": [SERVER]}),
    "move": ([wanted(SERVER, "A")], [wanted(SERVER, "B")], {"names": [SERVER]}),
    "displace": ([wanted(SERVER, "A")], [wanted(CLIENT, "A")], {"names": [CLIENT]}),
    "delete": ([wanted(SERVER, "A", "B")], [], {"deleted": [SERVER]}),
    "take the place": ([wanted(SERVER, "A")], [wanted(CLIENT, "A")], {"deleted": [SERVER]}),
    "rename": ([wanted(SERVER, "A")], [], {"renamed": {SERVER: "Web servers"}}),
}


def next_time(domain, policies):
    """What the same task is the next time. A policy may have its new name already."""
    new = next(iter(policies.get("renamed", {}).values()), None)
    return {"names": [new]} if new in [found.policy.name for found in read_policies(domain.state().graph)] else policies


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_an_interrupted_task_is_finished_by_the_next_run(task, done):
    before, goals, policies = TASKS[task]
    number = 0
    while True:
        number += 1
        domain = Domain("A", "B")
        if before:
            domain.run(*before)
        domain.directory.cut(number, done)
        try:
            domain.run(*goals, **policies)
        except LostConnection:
            domain.directory.mend()
        else:
            break
        for _again in range(2):
            domain.run(*goals, **next_time(domain, policies))
        assert domain.problems() == []
        finished = domain.assigned()
        assert not domain.run(*goals, **next_time(domain, policies)).changed
        whole = Domain("A", "B")
        if before:
            whole.run(*before)
        whole.run(*goals, **policies)
        assert finished == whole.assigned()
    assert number > 2


@pytest.mark.parametrize("task", TASKS)
def test_a_gpt_ini_that_was_not_written_is_written_by_the_next_run(task):
    before, goals, policies = TASKS[task]
    domain = Domain("A", "B")
    if before:
        domain.run(*before)
    versions = dict(domain.files.versions)
    domain.run(*goals, **policies)
    domain.files.versions = versions
    behind = domain.problems()
    assert bool(behind) == (task != "rename")
    plan = domain.run(*goals, **next_time(domain, policies))
    assert (plan.before, plan.after) == ((), ())
    assert domain.problems() == []


def test_an_interruption_in_a_policy_that_the_task_does_not_name_is_left_alone():
    domain = Domain("A", "B")
    domain.run(wanted(SERVER, "A"), wanted(CLIENT, "B"))
    domain.change("A", gPCMachineExtensionNames="")
    domain.files.versions[domain.gpos["A"].id] = 0
    assert not domain.run(names=[CLIENT]).changed
    assert not domain.run(wanted(CLIENT, "B")).changed
    assert domain.run(names=[SERVER]).changed
    assert domain.problems() == []


def test_a_pair_without_a_policy_is_only_removed_where_the_task_names_the_object():
    domain = Domain("A", "B")
    domain.run(wanted(SERVER, "A", "B"))
    domain.run(wanted(SERVER))
    for name in ("A", "B"):
        domain.change(name, gPCMachineExtensionNames=PAIR)
    domain.run(wanted(SERVER, "A", mode=GposMode.REMOVE))
    assert [domain.gpo(name).extensions for name in ("A", "B")] == ["", PAIR]


def test_a_gpt_ini_that_cannot_be_read_is_not_known_to_be_behind():
    domain = Domain("A")
    domain.run(wanted(SERVER, "A"))
    domain.files.problem = "it is down"
    assert not domain.run(wanted(SERVER, "A")).changed
    _state, _plan, plan = domain.plan(wanted(CLIENT, "A"))
    assert [(change.old, change.new) for change in plan.gpt] == [(1, 2)]


# facts


def problems_of(domain, **changes):
    state = domain.state()
    gpo = dataclasses.replace(domain.gpo("A"), **changes)
    return gpo_problems(gpo, state)


def test_problems_of_an_assigned_policy():
    domain = Domain("A")
    domain.run(wanted(SERVER, "A"))
    assignment = domain.gpo("A").assignment
    version = domain.gpo("A").version
    assert problems_of(domain) == []
    assert problems_of(domain, extensions=SECURITY) == [
        "its gPCMachineExtensionNames lacks IPsec, so hosts do not take the policy that it assigns"
    ]
    assert problems_of(domain, extensions="[x")[0].startswith("its gPCMachineExtensionNames is '[x'")
    assert problems_of(domain, usn=assignment.usn - 1) == [
        "its IPSEC object has changed since its version did, so hosts may not know of the change"
    ]
    assert problems_of(domain, gpt_version=version + 1) == ["its GPT.INI has version 2, but its versionNumber is 1"]
    assert problems_of(domain, gpt_version=None, gpt_problem="it is down") == ["its GPT.INI cannot be read: it is down"]
    for policy in (f"CN=x,{domain.directory.container}", "CN=Users,DC=ad,DC=example,DC=test", "oops"):
        found = problems_of(domain, assignment=dataclasses.replace(assignment, policy=policy))
        assert found == [f"it assigns {policy}, which is not a policy of this domain"]


def test_problems_without_a_policy():
    domain = Domain("A")
    assert problems_of(domain) == []
    assert problems_of(domain, extensions=PAIR) == ["its gPCMachineExtensionNames has IPsec, but it assigns no policy"]
    domain.run(wanted(SERVER, "A"))
    domain.run(wanted(SERVER))
    assert problems_of(domain, usn=0) == []


# any sequence of tasks

goals = st.builds(
    WantedGpos,
    policy=st.sampled_from(POLICIES),
    gpos=st.lists(st.sampled_from("ABC"), max_size=3).map(tuple),
    mode=st.sampled_from(GposMode),
)


def expected(assigned, wanted):
    """What one goal makes of the assignments."""
    after = dict(assigned)
    for name, policy in assigned.items():
        if policy == wanted.policy and (
            (wanted.mode is GposMode.EXACT and name not in wanted.gpos)
            or (wanted.mode is GposMode.REMOVE and name in wanted.gpos)
        ):
            del after[name]
    if wanted.mode is not GposMode.REMOVE:
        after.update(dict.fromkeys(wanted.gpos, wanted.policy))
    return after


@settings(max_examples=40)
@given(st.lists(st.lists(goals, min_size=1, max_size=3), max_size=4))
def test_any_tasks_leave_what_they_ask_for(tasks):
    domain = Domain("A", "B", "C")
    assigned = {}
    for task in tasks:
        for goal in task:
            assigned = expected(assigned, goal)
        plan = domain.run(*task)
        assert domain.assigned() == assigned
        assert domain.problems() == []
        assert {gpo.name for gpo in plan.assigned} <= set(assigned)
        if len(task) == 1:
            assert not domain.run(*task).changed
