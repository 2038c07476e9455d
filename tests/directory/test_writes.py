# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is written to a directory, in which order, and what keeps a task from writing."""

from __future__ import annotations

import re

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.applying import apply
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    AddEntry,
    AttributeChange,
    ChangeKind,
    DeleteEntry,
    ModifyEntry,
    Search,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import OnePolicy
from directory import policies
from directory.memory import MemoryDirectory

BLOCK = {"name": "SMB", "filters": ["*+0:445:TCP"], "action": "block"}
PERMIT = {"name": "SMB", "filters": ["*+0:445:TCP"], "action": "permit"}


@pytest.fixture
def directory():
    return MemoryDirectory()


def goal(name="Servers", **options):
    return OnePolicy(*parse_task({"name": name, **options}))


def run(directory, wanted):
    """The writes of a task; the policy is assigned by another program after the first one."""
    directory.writes.clear()
    rounds = policies.run(directory, wanted, sleep=directory.advance)
    assert [applied.error for _attempt, applied in rounds] in ([], [None])
    return list(directory.writes)


def assigned(directory, **options):
    """A policy in force for an hour, and its DN."""
    run(directory, goal(**options))
    policy = next(write.dn for write in directory.writes if "CN=ipsecPolicy{" in write.dn)
    policies.assign(directory, policy, directory.add_gpo("Servers").dn)
    run(directory, goal(**options))
    directory.advance(3600)
    return policy


def class_of(write):
    return write.dn.removeprefix("CN=").partition("{")[0]


def changed(directory, dn):
    return directory.search(Search(base=dn, attributes=("whenChanged",)))[0].attributes["whenchanged"]


def test_new_objects_come_before_what_refers_to_them_and_the_policy_is_bare_until_the_end(directory):
    writes = run(directory, goal(rules=[BLOCK]))
    kinds = [(type(write).__name__, class_of(write)) for write in writes]
    assert kinds == [
        ("AddEntry", "ipsecPolicy"),
        ("AddEntry", "ipsecNFA"),
        ("AddEntry", "ipsecISAKMPPolicy"),
        ("AddEntry", "ipsecFilter"),
        ("AddEntry", "ipsecNegotiationPolicy"),
        ("ModifyEntry", "ipsecNFA"),
        ("ModifyEntry", "ipsecPolicy"),
    ]
    names = [name for name, _values in writes[0].attributes]
    assert names == ["objectClass", "ipsecName", "ipsecID", "ipsecDataType"]
    assert dict(writes[0].attributes)["ipsecDataType"] == (b"256",)
    assert [change.name for change in writes[-1].changes] == ["ipsecData", "ipsecISAKMPReference", "ipsecNFAReference"]
    owners = [dict(write.attributes).get("ipsecOwnersReference") for write in writes[:5]]
    policy, rule = (writes[index].dn.encode() for index in (0, 1))
    assert owners == [None, (policy,), (policy,), (rule,), (rule,)]


def test_what_changes_in_a_policy_in_force_is_in_one_modify_of_the_policy(directory):
    policy = assigned(directory, rules=[BLOCK, {**BLOCK, "name": "RPC"}])
    writes = run(directory, goal(rules=[PERMIT, {**PERMIT, "name": "RPC"}], poll_interval=7))
    known = [write for write in writes if isinstance(write, ModifyEntry) and write.dn == policy]
    assert {change.name for write in known[1:] for change in write.changes} <= {"ipsecData"}, "only touches follow"
    assert {change.name for change in known[0].changes} == {"ipsecData", "ipsecISAKMPReference", "ipsecNFAReference"}
    first = writes.index(known[0])
    others = {write.dn for write in writes[:first] if isinstance(write, ModifyEntry)}
    assert others <= {write.dn for write in writes if isinstance(write, AddEntry)}


def guards(write):
    """The changes of a modify, as signs and names."""
    return [f"{'+-'[change.kind]}{change.name}" for change in write.changes]


def test_a_modify_deletes_and_adds_what_it_depends_on(directory):
    policy = assigned(directory, rules=[BLOCK])
    [write] = run(directory, goal(rules=[BLOCK], poll_interval=7))
    assert write.dn == policy
    unchanged = ["-ipsecISAKMPReference", "+ipsecISAKMPReference", "-ipsecNFAReference", "+ipsecNFAReference"]
    assert guards(write) == ["-ipsecData", "+ipsecData", *unchanged]


def test_a_modify_of_a_name_or_a_description_leaves_references_alone(directory):
    assigned(directory, rules=[BLOCK])
    writes = run(directory, goal(rules=[BLOCK], description="new"))
    assert guards(writes[0]) == ["+description", "-ipsecData", "+ipsecData"]


def test_a_list_that_only_grows_is_guarded_by_a_new_main_mode(directory):
    assigned(directory, rules=[BLOCK])
    writes = run(directory, goal(rules=[BLOCK, {**BLOCK, "name": "RPC"}]))
    assert [class_of(write) for write in writes if isinstance(write, DeleteEntry)] == ["ipsecISAKMPPolicy"]


def test_objects_are_deleted_after_what_used_them(directory):
    run(directory, goal(rules=[BLOCK]))
    writes = run(directory, OnePolicy(*parse_task({"name": "Servers", "state": "absent"})))
    assert all(isinstance(write, DeleteEntry) for write in writes)
    kinds = [class_of(write) for write in writes]
    assert kinds[:3] == ["ipsecPolicy", "ipsecNFA", "ipsecISAKMPPolicy"]
    assert sorted(kinds[3:]) == ["ipsecFilter", "ipsecNegotiationPolicy"]


def test_a_name_of_a_part_that_changes_is_followed_by_a_touch(directory):
    policy = assigned(directory, rules=[BLOCK])
    before = changed(directory, policy)
    writes = run(directory, goal(rules=[{**BLOCK, "description": "new"}]))
    assert [class_of(write) for write in writes] == ["ipsecNFA", "ipsecPolicy"]
    assert changed(directory, policy) > before


def change_filters(directory):
    """Another program changes a filter list in place, without a touch."""
    entries = policies.objects(directory, directory.container)
    entry = next(entry for entry in entries if entry.attributes.get("ipsecname") == (b"Mine",))
    change = AttributeChange(ChangeKind.ADD, "description", (b"changed",))
    directory.write(ModifyEntry(entry.dn, (change,)))


def test_a_missed_touch_is_made_by_a_task_that_names_the_policy(directory):
    rule = {**BLOCK, "filter_list": "Mine"}
    policy = assigned(directory, rules=[rule])
    change_filters(directory)
    assert run(directory, goal("Others", rules=[]))
    assert policy not in {write.dn for write in directory.writes}
    directory.advance(5)
    assert [write.dn for write in run(directory, goal(rules=[rule]))] == [policy]
    assert run(directory, goal(rules=[rule])) == []


def test_the_time_of_a_policy_moves_even_for_two_changes_within_a_second(directory):
    policy = assigned(directory, rules=[BLOCK])
    times = [changed(directory, policy)]
    for description in ("one", "two", "three"):
        run(directory, goal(rules=[BLOCK], description=description))
        times.append(changed(directory, policy))
    assert len(set(times)) == len(times)


def test_a_clock_that_stands_still_is_a_warning(directory):
    assigned(directory, rules=[BLOCK])
    attempts = [goal(rules=[BLOCK], description=text) for text in ("one", "two")]
    found = [policies.run(directory, wanted, sleep=lambda _seconds: None) for wanted in attempts]
    warning = "whenChanged of .* does not move, so hosts may not notice the change"
    [applied] = [applied for _attempt, applied in found[1]]
    assert len(applied.warnings) == 1
    assert re.match(warning, applied.warnings[0])


# what keeps a task from writing


def refused(directory, wanted, match):
    directory.writes.clear()
    with pytest.raises(DirectoryError, match=match):
        policies.run(directory, wanted, sleep=directory.advance)
    assert directory.writes == []


def test_a_missing_right_to_create_objects_is_found_before_the_first_write(directory):
    directory.forbid_children(directory.container, "ipsecFilter")
    refused(directory, goal(rules=[BLOCK]), "may not create objects")


def test_a_missing_right_to_write_an_attribute_is_found_before_the_first_write(directory):
    policy = assigned(directory, rules=[BLOCK])
    directory.forbid(policy, "ipsecNFAReference")
    refused(directory, goal(rules=[]), f"may not write ipsecNFAReference of {policy} on dc1.ad.example.test")


def test_a_read_only_domain_controller_is_refused(directory):
    directory.read_only = True
    refused(directory, goal(), "is a read-only domain controller: name a writable one in directory.server")


def test_a_text_that_a_directory_cannot_store_is_refused(directory):
    refused(directory, goal(description="x" * 1025), "has 1025 characters; a directory stores at most 1024")


@pytest.mark.parametrize("name", ["a,b)(cn=*\\00", " #lead+trail ", '"; <>=\\', "Ünï"])
def test_any_name_is_just_a_name(directory, name):
    run(directory, goal(name, rules=[{**BLOCK, "name": name}]))
    assert run(directory, goal(name, rules=[{**BLOCK, "name": name}])) == []
    assert len(policies.read(directory).graph.policies) == 4


def test_an_object_to_which_another_program_refers_is_not_deleted(directory):
    run(directory, goal(rules=[BLOCK]))
    rule = next(write.dn for write in directory.writes if class_of(write) == "ipsecNFA")
    foreign = f"CN=Other,{directory.container}"
    attributes = (("objectClass", (b"ipsecPolicy",)), ("ipsecName", (b"x",)), ("ipsecNFAReference", (rule.encode(),)))
    directory.write(AddEntry(foreign, attributes))
    refused(directory, OnePolicy(*parse_task({"name": "Servers", "state": "absent"})), f"of {foreign} refers to it")


def test_of_two_new_policies_with_one_name_only_the_first_one_stays(directory):
    before = policies.read(directory)
    run(directory, goal("Others"))
    late = policies.decide(goal(rules=[BLOCK]), policies.read(directory))
    first = policies.decide(goal(rules=[PERMIT]), before)
    assert apply(directory, first, policies.Files(), directory.advance).error is None
    applied = apply(directory, late, policies.Files(), directory.advance)
    assert (applied.conflict, applied.done) == (True, 0)
    assert "has the same name" in applied.error
    run(directory, goal(rules=[BLOCK]))
    found = policies.read(directory).graph
    assert sorted(found.text(key, "ipsecName") for key in found.policies).count("Servers") == 1
    assert policies.orphans(directory, ()) == policies.orphans(MemoryDirectory(), ())


def test_a_reference_made_after_reading_keeps_an_object_from_being_deleted(directory):
    run(directory, goal(rules=[BLOCK]))
    used = next(write.dn for write in directory.writes if class_of(write) == "ipsecFilter")
    rule = f"CN=ipsecNFA{{00000000-0000-4000-8000-000000000001}},{directory.container}"
    attributes = (("objectClass", (b"ipsecNFA",)), ("ipsecFilterReference", (used.encode(),)))
    attempt = policies.decide(goal(rules=[]), policies.read(directory))
    directory.write(AddEntry(rule, attributes))
    applied = apply(directory, attempt, policies.Files(), directory.advance)
    assert applied.conflict
    assert f"somebody else made {rule} refer to" in applied.error
    assert directory.search(Search(base=used))


def test_an_assignment_made_after_reading_keeps_a_policy_from_being_deleted(directory):
    policy = next(write.dn for write in run(directory, goal(rules=[BLOCK])) if class_of(write) == "ipsecPolicy")
    attempt = policies.decide(OnePolicy(*parse_task({"name": "Servers", "state": "absent"})), policies.read(directory))
    policies.assign(directory, policy, directory.add_gpo("Servers").dn)
    applied = apply(directory, attempt, policies.Files(), directory.advance)
    assert (applied.done, applied.conflict) == (0, True)
    assert f"assign {policy}, which was to be deleted" in applied.error


def test_an_assigned_policy_is_unassigned_before_it_is_deleted(directory):
    policy = assigned(directory, rules=[BLOCK])
    writes = run(directory, OnePolicy(*parse_task({"name": "Servers", "state": "absent"})))
    kinds = [type(write) for write in writes]
    assert [write.dn.partition(",")[0] for write in writes[:1]] == ["CN=IPSEC"]
    assert kinds.index(DeleteEntry) == [write.dn for write in writes].index(policy) == 2
    assert set(kinds[2:]) == {DeleteEntry}


def test_microsofts_policies_stay_byte_for_byte(directory):
    before = directory.ldif()
    run(directory, goal(rules=[BLOCK]))
    run(directory, OnePolicy(*parse_task({"name": "Servers", "state": "absent"})))
    assert directory.ldif() == before


def test_a_policy_that_somebody_else_has_changed_is_a_conflict(directory):
    assigned(directory, rules=[BLOCK])
    attempt = policies.decide(goal(rules=[PERMIT]), policies.read(directory))
    run(directory, goal(rules=[BLOCK], poll_interval=9))
    applied = apply(directory, attempt, policies.Files(), directory.advance)
    assert applied.conflict
    assert applied.done < len(attempt.writes)


def test_a_refused_write_is_no_conflict(directory):
    attempt = policies.decide(goal(rules=[BLOCK]), policies.read(directory))
    add = attempt.writes[0]
    directory.before_write = lambda write: write is not add or directory.forbid_children(directory.container)
    applied = apply(directory, attempt, policies.Files(), directory.advance)
    assert (applied.done, applied.conflict) == (0, False)
    assert "refuses it with result 50" in applied.error
