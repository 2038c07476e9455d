# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The searches that read a domain."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.dn import same_dn
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import (
    DirectoryError,
    ResultError,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import AddEntry, DeleteEntry
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.reading import read_place, read_state
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.state import Assignment, Link, Place
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import ObjectClass
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from directory.memory import MemoryDirectory
from unit.descriptors import CLOSED, READABLE
from unit.domains import (
    CONTAINER,
    POLICIES,
    ROOT,
    SERVER,
    ListedDirectory,
    entry,
    microsoft_entries,
    without,
)

PLACE = Place(domain="example.test", root=ROOT, server=SERVER)
SERVER_POLICY = "ipsecPolicy{72385230-70FA-11D1-864C-14A300000000}"
GUID = "{0A000000-0000-0000-0000-000000000001}"
GPO = f"CN={GUID},{POLICIES}"


def read(*entries, gpos=True, links=False, root=None, container=None):
    directory = ListedDirectory(entries, root=root, container=container)
    return read_state(directory, PLACE, gpos=gpos, links=links)


def gpo(dn=GPO, **values):
    return entry(dn, objectClass=["top", "container", "groupPolicyContainer"], **values)


def ipsec(dn=GPO, **values):
    found = {"objectClass": ["top", "ipsecBase", "ipsecPolicy"], "cn": "IPSEC", **values}
    return entry(f"CN=IPSEC,CN=Windows,CN=Microsoft,CN=Machine,{dn}", **found)


def test_a_place_is_what_the_server_says():
    assert read_place(ListedDirectory(), None) == PLACE
    assert PLACE.container == CONTAINER
    found = read_place(
        ListedDirectory(
            root={
                "defaultNamingContext": r"DC=a\2Cb,DC=test",
                "dnsHostName": None,
                "supportedCapabilities": ["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1920"],
            }
        ),
        None,
    )
    assert (found.domain, found.server, found.read_only) == ("a,b.test", SERVER, True)


@pytest.mark.parametrize("domain", ["example.test", "EXAMPLE.test.", None])
def test_the_domain_of_the_server_may_be_named(domain):
    assert read_place(ListedDirectory(), domain).domain == "example.test"


def test_another_domain_is_an_error():
    with pytest.raises(DirectoryError, match=r"dc1\.example\.test is .* of example\.test, not of other\.test"):
        read_place(ListedDirectory(), "other.test")


@pytest.mark.parametrize(
    ("root", "problem"),
    [
        ({"defaultNamingContext": None}, "is not a domain controller"),
        ({"defaultNamingContext": "x"}, "'x' is not the name of an object"),
        ({"defaultNamingContext": b"\xff"}, "defaultNamingContext of the server is not text"),
        ({"defaultNamingContext": ["DC=a", "DC=b"]}, "defaultNamingContext of the server has 2 values"),
        ({"dnsHostName": b"\xff"}, "dnsHostName of the server is not text"),
    ],
)
def test_a_server_without_a_domain_is_an_error(root, problem):
    with pytest.raises(DirectoryError, match=problem):
        read_place(ListedDirectory(root=root), None)


def test_a_domain_has_policies_numbers_of_changes_and_a_clock():
    state = read(*microsoft_entries())
    assert [p.policy.name for p in read_policies(state.graph)] == [
        "Client (Respond Only)",
        "Secure Server (Require Security)",
        "Server (Request Security)",
    ]
    assert state.usns[fold(SERVER_POLICY)] == 1
    assert state.now == 1893553445
    assert state.gpos == ()
    assert state.may_create


def test_a_missing_container_is_an_error():
    place = Place(domain="other.test", root="DC=other,DC=test", server=SERVER)
    with pytest.raises(DirectoryError, match="CN=IP Security,CN=System,DC=other,DC=test does not exist on dc1"):
        read_state(ListedDirectory(), place, gpos=False)


def test_other_refusals_stay_as_they_are():
    class Busy(ListedDirectory):
        def search(self, search):
            if search.base == CONTAINER:
                raise ResultError(51, "busy", "search")
            return super().search(search)

    with pytest.raises(ResultError, match="result 51: busy"):
        read_state(Busy(), PLACE, gpos=False)


@pytest.mark.parametrize("time", ["now", "2030", b"\xff"])
def test_a_clock_that_cannot_be_read_is_an_error(time):
    with pytest.raises(DirectoryError, match="currentTime of the server"):
        read(root={"currentTime": time})


def test_a_hidden_store_is_an_error_and_not_an_empty_one():
    hidden = [without(found) for found in microsoft_entries()]
    problem = (
        rf"the user may not read 22 of the 22 objects in {CONTAINER} on dc1\.example\.test, for example ipsec.*: the "
        "right to read all properties of these objects is missing"
    )
    with pytest.raises(DirectoryError, match=problem):
        read(*hidden)


def test_one_hidden_object_is_an_error():
    first, *others = microsoft_entries()
    with pytest.raises(DirectoryError, match=r"may not read 1 of the 22 objects .* for example ipsecPolicy"):
        read(without(first, "ipsecName", "ipsecID", "ipsecData", "ipsecDataType"), *others)


def test_hidden_data_is_an_error():
    with pytest.raises(DirectoryError, match=r"may not read 19 of the 22 objects .* the right to read ipsecData"):
        read(*(without(found, "ipsecData") for found in microsoft_entries()))


def test_an_empty_store_and_a_new_policy_without_data_are_read():
    assert read().graph.store.paths() == []
    bare = entry(f"CN={SERVER_POLICY},{CONTAINER}", objectClass="ipsecPolicy", ipsecName="N", ipsecID="{1}")
    assert read(bare).graph.policies == [fold(SERVER_POLICY)]


@pytest.mark.parametrize("names", [None, list(ObjectClass)[:-1], ["container"]])
def test_a_user_without_the_right_to_create_objects_is_known(names):
    assert not read(container={"allowedChildClassesEffective": names}).may_create


def test_what_members_may_not_read_is_known():
    first, second, *others = microsoft_entries()
    objects = [
        entry(first.dn, nTSecurityDescriptor=CLOSED, **first.attributes),
        entry(second.dn, nTSecurityDescriptor=READABLE, **second.attributes),
        *others,
    ]
    assert read(*objects).closed == {fold(SERVER_POLICY)}
    assert read(*objects, container={"nTSecurityDescriptor": CLOSED}).closed == {fold(SERVER_POLICY), ""}
    assert read(*objects, container={"nTSecurityDescriptor": READABLE}).closed == {fold(SERVER_POLICY)}
    assert read(second, container={"nTSecurityDescriptor": READABLE}).closed == frozenset()


def test_without_descriptors_it_is_not_known():
    assert read(*microsoft_entries()).closed is None


def test_a_descriptor_that_cannot_be_read_is_an_error_with_the_object():
    first = microsoft_entries()[0]
    broken = entry(first.dn, nTSecurityDescriptor=b"\1", **first.attributes)
    with pytest.raises(DirectoryError, match=r"nTSecurityDescriptor of CN=ipsecPolicy\{7.*cannot be read"):
        read(broken)
    with pytest.raises(DirectoryError, match=rf"nTSecurityDescriptor of {CONTAINER}.*cannot be read"):
        read(container={"nTSecurityDescriptor": b"\1"})


def test_assignments_are_enough_to_know_what_is_in_force():
    policy = f"CN={SERVER_POLICY},{CONTAINER}"
    directory = ListedDirectory([gpo(), ipsec(ipsecOwnersReference=policy, uSNChanged="9")])
    (found,) = read_state(directory, PLACE, gpos=False).gpos
    assert same_dn(found.dn, GPO)
    assert (found.id, found.name) == (GUID, GUID)
    assert found.assignment == Assignment(policy=policy, usn=9)
    assert len(directory.searches) == 4


def test_a_group_policy_object_is_read_with_all_its_parts():
    (found,) = read(
        gpo(
            displayName="Server",
            versionNumber="-5",
            gPCMachineExtensionNames="[{1}{2}]",
            gPCFileSysPath=r"\\example.test\sysvol",
            flags="2",
            uSNChanged="5",
        ),
        ipsec(ipsecName="N", description="d", uSNChanged="6"),
        entry(f"CN=Machine,{GPO}", objectClass="container"),
        entry(f"CN=microsoft,cn=machine,{GPO}", objectClass="container"),
    ).gpos
    assert (found.dn, found.id, found.name, found.version, found.flags, found.usn) == (GPO, GUID, "Server", -5, 2, 5)
    assert (found.extensions, found.path) == ("[{1}{2}]", r"\\example.test\sysvol")
    assert found.assignment == Assignment(policy="", name="N", description="d", usn=6)
    assert found.containers == ("Machine", "Microsoft")
    assert found.links is None


def test_a_group_policy_object_may_have_next_to_nothing():
    (found,) = read(gpo()).gpos
    assert (found.name, found.version, found.flags, found.usn, found.containers) == (GUID, None, 0, 0, ())
    assert found.assignment is None


def test_policies_elsewhere_are_no_assignments():
    policy = f"CN={SERVER_POLICY},{CONTAINER}"
    values = {"objectClass": ["top", "ipsecPolicy"], "cn": "IPSEC", "ipsecOwnersReference": policy}
    state = read(
        gpo(),
        entry(f"CN=IPSEC,CN=Windows,CN=Microsoft,CN=User,{GPO}", **values),
        entry(f"CN=IPSEC,{GPO}", **values),
        entry(f"CN=IPSEC,CN=Windows,CN=Microsoft,CN=Machine,CN=a,{GPO}", **values),
        entry(f"CN=plain,{POLICIES}", objectClass=["top", "container"]),
    )
    assert [one.assignment for one in state.gpos] == [None]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"ipsecOwnersReference": ["CN=a", "CN=b"]}, "CN=IPSEC,.* assigns 2 policies"),
        ({"ipsecOwnersReference": "a"}, "ipsecOwnersReference of CN=IPSEC,.*: 'a' is not the name of an object"),
        ({"ipsecOwnersReference": b"\xff"}, "ipsecOwnersReference of CN=IPSEC,.* is not text"),
        ({"uSNChanged": "x"}, "uSNChanged of CN=IPSEC,.* is not a number"),
        ({"ipsecName": ["a", "b"]}, "ipsecName of CN=IPSEC,.* has 2 values"),
    ],
)
def test_impossible_assignments_are_errors(values, problem):
    with pytest.raises(DirectoryError, match=problem):
        read(ipsec(**values), gpos=False)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"versionNumber": "x"}, "versionNumber of .* is not a number"),
        ({"flags": "1" * 20}, "flags of .* is not a number"),
        ({"displayName": ["a", "b"]}, "displayName of .* has 2 values"),
        ({"gPCMachineExtensionNames": b"\xff"}, "gPCMachineExtensionNames of .* is not text"),
    ],
)
def test_impossible_group_policy_objects_are_errors(values, problem):
    with pytest.raises(DirectoryError, match=problem):
        read(gpo(**values))


def test_entries_that_are_listed_twice_are_an_error():
    with pytest.raises(DirectoryError, match="twice"):
        read(ipsec(), ipsec(GPO.lower()))
    with pytest.raises(DirectoryError, match="twice"):
        read(gpo(), gpo(GPO.lower()))


def test_links_are_found_in_the_domain_and_at_sites():
    site = f"CN=Berlin,CN=Sites,CN=Configuration,{ROOT}"
    other = f"CN={{0A000000-0000-0000-0000-000000000002}},{POLICIES}"
    state = read(
        gpo(),
        gpo(other, displayName="x"),
        entry(f"OU=a,{ROOT}", gPLink=f"[LDAP://{GPO.lower()};0][ldap://{other};1]"),
        entry(f"OU=b,{ROOT}", gPLink=f"[LDAP://{GPO};3]"),
        entry(f"OU=c,{ROOT}", gPLink=" "),
        entry(f"OU=d,{ROOT}", gPLink="[LDAP://CN={0A000000-0000-0000-0000-000000000009},DC=gone;0]"),
        entry(site, gPLink=f"[LDAP://{GPO};2]"),
        links=True,
    )
    assert {one.id: one.links for one in state.gpos} == {
        GUID: (
            Link(dn=f"OU=a,{ROOT}"),
            Link(dn=f"OU=b,{ROOT}", enabled=False, enforced=True),
            Link(dn=site, enforced=True),
        ),
        "{0A000000-0000-0000-0000-000000000002}": (Link(dn=f"OU=a,{ROOT}", enabled=False),),
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[LDAP://x;0]", f"gPLink of OU=a,{ROOT}: 'x' is not the name of an object"),
        ("[LDAP://CN=a;0]" * 1001, f"gPLink of OU=a,{ROOT} has 1001 links; at most 1000 are possible"),
        ("[LDAP://" + "a" * 100_000 + ";0]", "is longer than 4096 characters"),
    ],
)
def test_impossible_links_are_errors(text, problem):
    with pytest.raises(DirectoryError, match=problem):
        read(entry(f"OU=a,{ROOT}", gPLink=text), links=True)


def test_a_domain_in_memory_is_read():
    directory = MemoryDirectory()
    made = directory.add_gpo("Servers", directory.root)
    place = read_place(directory, directory.domain)
    state = read_state(directory, place, gpos=True, links=True)
    assert len(state.graph.store.paths()) == 22
    assert state.now == int(directory.now)
    assert state.closed >= {"", fold(SERVER_POLICY)}
    (found,) = (one for one in state.gpos if one.id == made.id)
    assert (found.name, found.containers, found.links) == ("Servers", ("Machine",), (Link(dn=directory.root),))
    directory.members_may_read()
    assert read_state(directory, place, gpos=False).closed == frozenset()


def test_an_object_that_this_user_cannot_read_hides_the_store():
    directory = MemoryDirectory()
    directory.hide(f"CN={SERVER_POLICY},{directory.container}")
    with pytest.raises(DirectoryError, match=f"for example {SERVER_POLICY}"):
        read_state(directory, read_place(directory, None), gpos=False)


def test_a_reference_to_a_deleted_object_is_read():
    directory = MemoryDirectory()
    place = read_place(directory, None)
    filters = "ipsecFilter{00000000-0000-0000-0000-00000000000A}"
    rule = "ipsecNFA{00000000-0000-0000-0000-00000000000B}"
    directory.write(
        AddEntry(f"CN={filters},{place.container}", (("objectClass", (b"ipsecFilter",)), ("ipsecName", (b"F",))))
    )
    owner = f"CN={filters},{place.container}".encode()
    directory.write(
        AddEntry(
            f"CN={rule},{place.container}",
            (("objectClass", (b"ipsecNFA",)), ("ipsecName", (b"R",)), ("ipsecFilterReference", (owner,))),
        )
    )
    directory.write(DeleteEntry(f"CN={filters},{place.container}"))
    graph = read_state(directory, place, gpos=False).graph
    (target,) = graph.references(fold(rule), "ipsecFilterReference")
    assert target not in graph
