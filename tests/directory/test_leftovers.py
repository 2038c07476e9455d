# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a task that was cut off has left in a directory, and what somebody may still be working on."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import ResultError
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
OWNERS = "ipsecOwnersReference"


@pytest.fixture
def directory():
    """A domain with the policy Servers, an hour old."""
    found = MemoryDirectory()
    run(found)
    found.advance(3600)
    return found


def run(directory, name="Servers", **options):
    options = {"rules": [BLOCK], **options}
    rounds = policies.run(directory, OnePolicy(*parse_task({"name": name, **options})), sleep=directory.advance)
    assert [applied.error for _attempt, applied in rounds] in ([], [None])
    return rounds


def policy_of(directory):
    graph = policies.read(directory).graph
    key = next(key for key in graph.policies if graph.text(key, "ipsecName") == "Servers")
    return f"CN={graph.path(key)},{directory.container}"


def begin(directory, number=1, class_="ipsecNFA", owner=None):
    """What another controller writes first: an object that the policy owns and does not use yet."""
    dn = f"CN={class_}{{00000000-0000-4000-8000-{number:012}}},{directory.container}"
    owners = ((OWNERS, ((owner or policy_of(directory)).encode(),)),) if owner != "" else ()
    kinds = (("objectClass", (class_.encode(),)), ("ipsecID", (b"{1}",)))
    directory.write(AddEntry(dn, (*kinds, *owners)))
    return dn


def exists(directory, dn):
    try:
        return bool(directory.search(Search(base=dn)))
    except ResultError:
        return False


def test_an_object_that_somebody_may_be_working_on_stays_for_ten_minutes(directory):
    begun = begin(directory)
    directory.advance(599)
    run(directory, "Others")
    assert exists(directory, begun)
    directory.advance(2)
    run(directory, "More")
    assert not exists(directory, begun)


def test_what_a_rule_that_somebody_works_on_owns_stays_too(directory):
    begun = begin(directory)
    part = begin(directory, 2, "ipsecFilter", begun)
    run(directory, "Others")
    assert exists(directory, part)
    directory.advance(601)
    run(directory, "More")
    assert not exists(directory, part)


def test_a_task_that_changes_the_list_of_rules_deletes_what_others_have_begun(directory):
    begun = begin(directory)
    run(directory, rules=[{**BLOCK, "action": "permit"}, {**BLOCK, "name": "RPC"}])
    assert not exists(directory, begun)


def test_a_change_of_the_description_is_no_change_of_the_list_of_rules(directory):
    begun = begin(directory)
    run(directory, description="new")
    run(directory, "Others")
    assert exists(directory, begun)


def test_an_object_older_than_the_list_of_rules_was_let_go(directory):
    begun = begin(directory)
    directory.before_write = lambda write: isinstance(write, DeleteEntry) and directory.cut(1, False)
    wanted = OnePolicy(*parse_task({"name": "Servers", "rules": []}))
    [(_attempt, applied)] = policies.run(directory, wanted, sleep=directory.advance)
    assert not applied.conflict
    assert applied.error
    directory.before_write = None
    directory.mend()
    assert exists(directory, begun)
    run(directory, rules=[])
    assert not exists(directory, begun)


def test_without_the_record_of_changes_objects_stay_for_ten_minutes(directory, monkeypatch):
    begun = begin(directory)
    run(directory, rules=[])
    late = begin(directory, 2)
    directory.write(
        ModifyEntry(policy_of(directory), (AttributeChange(ChangeKind.ADD, "ipsecNFAReference", (late.encode(),)),))
    )
    directory.write(
        ModifyEntry(policy_of(directory), (AttributeChange(ChangeKind.DELETE, "ipsecNFAReference", (late.encode(),)),))
    )
    search = MemoryDirectory.search
    monkeypatch.setattr(
        MemoryDirectory,
        "search",
        lambda self, wanted: [] if wanted.attributes == ("replPropertyMetaData",) else search(self, wanted),
    )
    run(directory, "Others")
    assert exists(directory, late)
    monkeypatch.undo()
    run(directory, "More")
    assert not exists(directory, late)
    assert not exists(directory, begun)


def test_an_object_whose_owners_are_gone_is_left_over(directory):
    owner = begin(directory)
    begun = begin(directory, 2, "ipsecFilter", owner)
    directory.write(DeleteEntry(owner))
    run(directory, "Others")
    assert not exists(directory, begun)


def test_an_object_without_an_owner_stays(directory):
    lone = begin(directory, owner="")
    directory.advance(100_000)
    run(directory, rules=[])
    assert exists(directory, lone)


def test_a_list_that_changed_while_the_domain_was_read_says_nothing(directory):
    """Another controller lets the policy use its object between two searches of this one."""
    begun = begin(directory)
    search = directory.search

    def late(wanted):
        if wanted.attributes == ("replPropertyMetaData",):
            change = AttributeChange(ChangeKind.ADD, "ipsecNFAReference", (begun.encode(),))
            directory.write(ModifyEntry(policy_of(MemoryReader(search, directory)), (change,)))
            directory.search = search
        return search(wanted)

    directory.search = late
    attempt = policies.decide(OnePolicy(*parse_task({"name": "Others", "rules": []})), policies.read(directory))
    assert begun not in {write.dn for write in attempt.writes}


class MemoryReader:
    """The directory without the search that a test has put in its place."""

    def __init__(self, search, directory):
        self.search, self.server, self.container = search, directory.server, directory.container


def test_a_policy_that_has_only_a_name_is_completed_by_a_task_of_its_name(directory):
    directory.cut(2, False)
    policies.run(directory, OnePolicy(*parse_task({"name": "New", "rules": [BLOCK]})), sleep=directory.advance)
    directory.mend()
    assert len(policies.read(directory).graph.policies) == 5
    run(directory, "New")
    assert len(policies.read(directory).graph.policies) == 5
    assert run(directory, "New") == []
