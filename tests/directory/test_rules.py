# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The rules of a directory. Each test runs on a domain controller and in memory, so both follow the same rules."""

from __future__ import annotations

import contextlib
import re
import struct
import time
import uuid

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import ResultError
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    AddEntry,
    AttributeChange,
    ChangeKind,
    DeleteEntry,
    ModifyEntry,
    Scope,
    Search,
)
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap import connect
from directory.access import CREATE_CHILD, WRITE_PROPERTY
from directory.conftest import need_samba
from directory.memory import MemoryDirectory
from directory.samba import Domain

ADD, DELETE = ChangeKind.ADD, ChangeKind.DELETE


class Place:
    """A directory, what it is the directory of, and the user who asks."""

    def __init__(self, domain, directory):
        self.domain = domain
        self.directory = directory

    def new(self, kind="ipsecFilter", /, **values):
        """Add an object with a name of its own, and return its DN."""
        dn = f"CN={kind}{{{uuid.uuid4()}}},{self.domain.container}"
        self.add(dn, kind, **values)
        return dn

    def add(self, dn, kind, **values):
        attributes = [(name, _bytes(value)) for name, value in values.items()]
        self.directory.write(AddEntry(dn, (("objectClass", _bytes(kind)), *attributes)))

    def modify(self, dn, *changes):
        """Changes are a kind, a name and one value or a list of them."""
        self.directory.write(ModifyEntry(dn, tuple(AttributeChange(k, n, _bytes(value)) for k, n, value in changes)))

    def delete(self, dn):
        self.directory.write(DeleteEntry(dn))

    def read(self, dn, *attributes):
        (entry,) = self.directory.search(Search(base=dn, attributes=attributes))
        return dict(entry.attributes)

    def value(self, dn, name):
        """The only value of an attribute, None without one."""
        (found,) = self.read(dn, name).get(name.lower(), (None,))
        return found

    def found(self, base=None, scope=Scope.ONE_LEVEL, **match):
        """The DNs of entries."""
        search = Search(base=base or self.domain.container, scope=scope, match=tuple(match.items()), attributes=("cn",))
        return {entry.dn for entry in self.directory.search(search)}

    def usn(self, dn):
        return int(self.value(dn, "uSNChanged"))

    def let_a_second_pass(self):
        if isinstance(self.domain, MemoryDirectory):
            self.domain.advance(1.1)
        else:
            time.sleep(1.1)


def _bytes(value):
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(one if isinstance(one, bytes) else one.encode() for one in values)


@contextlib.contextmanager
def refused(code, detail=""):
    with pytest.raises(ResultError) as caught:
        yield
    assert caught.value.code == code, caught.value
    assert detail in caught.value.detail


def _connected(domain, user=None):
    """A connection by the address, because the fixtures of this module live longer than a test."""
    changes = {"server": domain.address} | ({"username": f"{user}@{domain.domain}", "password": user} if user else {})
    return connect(ConnectionOptions.of(domain.options(**changes)))


@pytest.fixture(scope="module")
def _written_domain():
    need_samba()
    with Domain() as domain, _connected(domain) as directory:
        yield Place(domain, directory)


@pytest.fixture(params=["memory", "samba"])
def place(request):
    if request.param == "samba":
        return request.getfixturevalue("_written_domain")
    domain = MemoryDirectory()
    return Place(domain, domain)


def test_a_reference_to_a_missing_object_is_refused(place):
    missing = f"CN=missing,{place.domain.container}"
    with refused(19, "000020B5"):
        place.new(ipsecOwnersReference=missing)
    dn = place.new(ipsecName="old")
    with refused(19, "000020B5"):
        place.modify(dn, (ADD, "ipsecOwnersReference", missing))
    # even where a guard fails as well
    with refused(19, "000020B5"):
        place.modify(dn, (DELETE, "ipsecName", "other"), (ADD, "ipsecOwnersReference", missing))


def test_a_reference_that_is_no_name_is_refused(place):
    dn = place.new()
    for text in ("nothing", dn.replace("=", " =", 1), dn + ",", "=" + dn, "," + dn):
        with refused(34):
            place.new(ipsecOwnersReference=text)
        for kind in (ADD, DELETE):
            with refused(34):
                place.modify(dn, (kind, "ipsecOwnersReference", text))


def test_a_reference_is_stored_as_the_name_of_its_object(place):
    nfa = place.new("ipsecNFA")
    (guid,) = place.read(nfa, "objectGUID")["objectguid"]
    for spelling in (
        nfa.lower(),
        nfa.replace(",", ", ", 1),
        nfa.replace("CN=", "cn= "),
        f"<GUID={uuid.UUID(bytes_le=guid)}>",
    ):
        assert place.value(place.new(ipsecOwnersReference=spelling), "ipsecOwnersReference") == nfa.encode(), spelling


def test_a_deleted_object_may_have_references_which_then_name_a_deleted_object(place):
    nfa = place.new("ipsecNFA")
    dn = place.new(ipsecOwnersReference=nfa)
    usn = place.usn(dn)
    (guid,) = place.read(nfa, "objectGUID")["objectguid"]
    place.delete(nfa)
    relative = nfa.partition(",")[0]
    shown = rf"{relative}\0ADEL:{uuid.UUID(bytes_le=guid)},CN=Deleted Objects,{place.domain.root}"
    assert place.value(dn, "ipsecOwnersReference") == shown.encode()
    assert place.usn(dn) == usn


def test_a_reference_to_a_deleted_object_has_no_longer_the_name_that_deletes_it(place):
    nfa = place.new("ipsecNFA")
    dns = [place.new(ipsecOwnersReference=nfa) for _number in range(3)]
    (guid,) = place.read(nfa, "objectGUID")["objectguid"]
    place.delete(nfa)
    shown = place.value(dns[0], "ipsecOwnersReference")
    with refused(16):
        place.modify(dns[0], (DELETE, "ipsecOwnersReference", shown))
    for dn, name in zip(dns, (nfa, f"<GUID={uuid.UUID(bytes_le=guid)}>", []), strict=True):
        place.modify(dn, (DELETE, "ipsecOwnersReference", name))
        assert place.value(dn, "ipsecOwnersReference") is None


def test_a_reference_to_a_deleted_object_can_be_added(place):
    nfa = place.new("ipsecNFA")
    dn = place.new(ipsecOwnersReference=nfa)
    place.delete(nfa)
    shown = place.value(dn, "ipsecOwnersReference")
    place.modify(dn, (DELETE, "ipsecOwnersReference", []), (ADD, "ipsecOwnersReference", shown))
    assert place.value(dn, "ipsecOwnersReference") == shown
    place.modify(dn, (DELETE, "ipsecOwnersReference", shown))


def test_an_object_that_is_added_again_is_another_one(place):
    nfa = place.new("ipsecNFA")
    dn = place.new(ipsecOwnersReference=nfa)
    place.delete(nfa)
    place.add(nfa, "ipsecNFA")
    shown = place.value(dn, "ipsecOwnersReference")
    assert b"DEL:" in shown
    place.modify(dn, (ADD, "ipsecOwnersReference", nfa))
    assert set(place.read(dn, "ipsecOwnersReference")["ipsecownersreference"]) == {shown, nfa.encode()}


def test_a_value_that_exists_is_not_added_again(place):
    nfa = place.new("ipsecNFA")
    dn = place.new(ipsecOwnersReference=nfa)
    for again in (nfa, nfa.lower()):
        with refused(20):
            place.modify(dn, (ADD, "ipsecOwnersReference", again))
        with refused(20):
            place.new(ipsecOwnersReference=[nfa, again])


def test_a_value_that_does_not_exist_is_not_deleted(place):
    nfa = place.new("ipsecNFA")
    dn = place.new(ipsecName="old", ipsecOwnersReference=nfa)
    for name, value in (
        ("ipsecName", "other"),
        ("description", "other"),
        ("description", []),
        ("ipsecOwnersReference", dn),
        ("ipsecOwnersReference", f"CN=missing,{place.domain.container}"),
        ("ipsecOwnersReference", [nfa, nfa]),
    ):
        with refused(16):
            place.modify(dn, (DELETE, name, value))


def test_an_attribute_with_one_value_takes_no_second_one(place):
    dn = place.new(ipsecName="one", ipsecDataType="256")
    for name, value in (
        ("ipsecName", "two"),
        ("ipsecName", "one"),
        ("ipsecDataType", "257"),
        ("ipsecData", ["a", "b"]),
    ):
        with refused(20):
            place.modify(dn, (ADD, name, value))
    with refused(19):
        place.new(ipsecName=["one", "two"])


def test_an_attribute_that_is_not_in_the_schema_is_refused(place):
    with refused(16):
        place.new(ourMarker="x")
    dn = place.new()
    with refused(16):
        place.modify(dn, (ADD, "ourMarker", "x"))


def test_an_attribute_of_another_class_is_refused(place):
    nfa = place.new("ipsecNFA")
    with refused(65):
        place.new("ipsecFilter", ipsecFilterReference=nfa)
    with refused(65):
        place.modify(place.new("ipsecPolicy"), (ADD, "ipsecFilterReference", nfa))


@pytest.mark.parametrize("name", ["ipsecName", "description", "ipsecData", "ipsecID"])
def test_an_empty_value_is_refused(place, name):
    with refused(21):
        place.new(**{name: ""})
    with refused(21):
        place.modify(place.new(), (ADD, name, ""))


@pytest.mark.parametrize("name", ["ipsecName", "description"])
def test_a_text_that_is_not_utf_8_is_refused(place, name):
    with refused(21):
        place.new(**{name: b"\xff"})
    with refused(21):
        place.modify(place.new(), (ADD, name, b"\xff"))


def test_a_data_type_is_a_decimal_number(place):
    for value in ("256", "598", "+256"):
        assert place.value(place.new(ipsecDataType=value), "ipsecDataType") == value.lstrip("+").encode()
    for value in ("0x100", "many", " "):
        with refused(21):
            place.new(ipsecDataType=value)


def test_a_version_has_32_bits_and_a_sign(place):
    gpo = place.domain.add_gpo("Versions")
    for new, stored in ((65536, 65536), (0xFFFF0000, -65536), (1 << 31, -(1 << 31)), (7, 7)):
        old = place.value(gpo.dn, "versionNumber")
        place.modify(gpo.dn, (DELETE, "versionNumber", old), (ADD, "versionNumber", str(new)))
        assert place.value(gpo.dn, "versionNumber") == str(stored).encode()


def test_a_deleted_text_is_compared_without_case_and_runs_of_blanks(place):
    dn = place.new(ipsecName="Näme  one", ipsecID="{A}", description="Text")
    for name, value in (("ipsecName", " nÄME ONE "), ("ipsecID", "{a}"), ("description", "tEXT")):
        place.modify(dn, (DELETE, name, value), (ADD, name, "new"))
        assert place.value(dn, name) == b"new"


def test_deleted_data_is_compared_byte_for_byte(place):
    dn = place.new(ipsecData=b"\0ab\xff")
    for other in (b"\0AB\xff", b"\0ab\xff\0", b"\0ab"):
        with refused(16):
            place.modify(dn, (DELETE, "ipsecData", other), (ADD, "ipsecData", "new"))
    place.modify(dn, (DELETE, "ipsecData", b"\0ab\xff"), (ADD, "ipsecData", b"\0new"))
    assert place.value(dn, "ipsecData") == b"\0new"


def test_a_modify_does_all_changes_or_none(place):
    dn = place.new(ipsecName="old", ipsecData="data", description="text")
    before = place.read(dn)
    with refused(16):
        place.modify(
            dn,
            (DELETE, "ipsecName", "old"),
            (ADD, "ipsecName", "new"),
            (DELETE, "description", []),
            (DELETE, "ipsecData", "stale"),
        )
    assert place.read(dn) == before


def test_the_changes_of_a_modify_follow_each_other(place):
    one, two, three = (place.new("ipsecNFA") for _number in range(3))
    policy = place.new("ipsecPolicy", ipsecName="old")
    with refused(20):
        place.modify(policy, (ADD, "ipsecName", "new"), (DELETE, "ipsecName", "old"))
    name = "ipsecNFAReference"
    place.modify(policy, (ADD, name, one), (ADD, name, two))
    place.modify(policy, (DELETE, name, [one, two]), (ADD, name, [two, three]))
    assert set(place.read(policy, name)[name.lower()]) == {two.encode(), three.encode()}


def test_a_modify_needs_changes(place):
    with refused(53):
        place.modify(place.new())


@pytest.mark.parametrize(("name", "value"), [("whenChanged", "20200101000000.0Z"), ("uSNChanged", "1")])
def test_the_directory_itself_stamps_objects(place, name, value):
    dn = place.new()
    with refused(19):
        place.modify(dn, (ADD, name, value))
    with refused(19):
        place.modify(dn, (DELETE, name, []))


def test_a_class_does_not_change(place):
    dn = place.new("ipsecNFA")
    with refused(65):
        place.modify(dn, (ADD, "objectClass", "ipsecPolicy"))
    with refused(65):
        place.modify(dn, (DELETE, "objectClass", "ipsecNFA"), (ADD, "objectClass", "ipsecPolicy"))


def test_a_modify_does_not_rename(place):
    dn = place.new()
    for name in ("cn", "name"):
        with refused(67):
            place.modify(dn, (DELETE, name, place.value(dn, name)), (ADD, name, "other"))


def test_two_objects_do_not_have_the_same_name(place):
    dn = place.new()
    for again in (dn, dn.upper(), dn.replace(",", " , ")):
        with refused(68):
            place.add(again, "ipsecNFA")


def test_a_missing_object_is_reported(place):
    missing = f"CN=missing,{place.domain.container}"
    with refused(32):
        place.modify(missing, (ADD, "ipsecName", "x"))
    with refused(32):
        place.delete(missing)
    with refused(32):
        place.add(f"CN=x,{missing}", "ipsecFilter")
    for scope in Scope:
        with refused(32):
            place.found(missing, scope)


def test_a_name_that_cannot_be_read_is_refused(place):
    for name in ("nothing", f"CN={place.domain.container}x,", f"CN=a\\,{place.domain.container}".replace("=", "", 1)):
        with refused(34):
            place.add(name, "ipsecFilter")


def test_a_name_with_special_characters_is_one_name(place):
    number = uuid.uuid4()
    dn = rf"CN=a\,b\2cc \+{number},{place.domain.container}"
    place.add(dn, "ipsecFilter")
    with refused(68):
        place.add(rf"cn=A\2cB\,C \2b{number},{place.domain.container}", "ipsecFilter")
    assert place.value(dn, "cn") == f"a,b,c +{number}".encode()


def test_an_object_has_a_class_of_the_schema(place):
    dn = f"CN={uuid.uuid4()},{place.domain.container}"
    with refused(65):
        place.directory.write(AddEntry(dn, (("ipsecName", (b"x",)),)))
    with refused(16):
        place.add(dn, "noClass")
    with refused(53):
        place.add(dn, "ipsecBase")
    place.add(dn, ["top", "ipsecBase", "ipsecFilter"])
    assert place.read(dn, "objectClass")["objectclass"] == (b"top", b"ipsecBase", b"ipsecFilter")


def test_objects_have_their_places(place):
    policy = place.new("ipsecPolicy")
    for kind in ("ipsecNFA", "container"):
        with refused(64):
            place.add(f"CN=x,{policy}", kind)
    with refused(64):
        place.add(f"OU=x,{place.domain.container}", "ipsecFilter")


def test_only_an_object_without_children_is_deleted(place):
    box = place.new("container")
    place.add(f"CN=x,{box}", "ipsecFilter")
    with refused(66):
        place.delete(box)
    place.delete(f"CN=x,{box}")
    place.delete(box)
    assert box not in place.found()


def test_each_write_that_is_done_counts_one(place):
    one, two = place.new(), place.new(ipsecData="x")
    usn = place.usn(two)
    assert usn == place.usn(one) + 1 == int(place.value(two, "uSNCreated"))
    place.modify(two, (DELETE, "ipsecData", "x"), (ADD, "ipsecData", "x"))
    assert place.usn(two) == usn + 1
    with refused(16):
        place.modify(two, (DELETE, "ipsecData", "y"))
    place.delete(one)
    assert place.usn(place.new()) == usn + 3
    assert int(place.value("", "highestCommittedUSN")) == usn + 3


def test_a_touch_moves_the_time_by_whole_seconds_and_a_child_does_not(place):
    nfa = place.new("ipsecNFA")
    policy = place.new("ipsecPolicy", ipsecData="x", ipsecNFAReference=nfa)
    before = place.value(policy, "whenChanged")
    assert re.fullmatch(rb"\d{14}\.0Z", before)
    place.let_a_second_pass()
    place.modify(nfa, (ADD, "ipsecName", "new"))
    assert place.value(policy, "whenChanged") == before
    place.modify(policy, (DELETE, "ipsecData", "x"), (ADD, "ipsecData", "x"))
    assert before < place.value(policy, "whenChanged") <= place.value("", "currentTime")
    assert place.value(policy, "whenCreated") == before


def test_an_object_records_which_write_changed_a_reference_last(place):
    """In replPropertyMetaData (MS-DRDM 2.4.3)."""
    one, two = place.new("ipsecNFA"), place.new("ipsecISAKMPPolicy")
    policy = place.new("ipsecPolicy", ipsecNFAReference=one, ipsecISAKMPReference=two)
    dn = place.new("ipsecNFA", ipsecFilterReference=one, ipsecNegotiationPolicyReference=two)
    place.modify(policy, (DELETE, "ipsecNFAReference", one), (ADD, "description", "x"))
    place.modify(policy, (ADD, "description", "y"))
    created, usn = int(place.value(policy, "uSNCreated")), place.usn(policy)
    assert _last_writes(place, policy) == {0x90272: created, 0x90273: usn - 1}
    assert _last_writes(place, dn) == dict.fromkeys((0x90274, 0x90275), int(place.value(dn, "uSNCreated")))
    assert "replpropertymetadata" not in place.read(dn)


def _last_writes(place, dn):
    """Numbers of the last writes of references to policy objects, by the number of the attribute."""
    record = place.value(dn, "replPropertyMetaData")
    version, _reserved, count, _reserved = struct.unpack_from("<4I", record)
    assert (version, len(record)) == (1, 16 + count * 48)
    rows = (struct.unpack_from("<IIQ16sQQ", record, 16 + number * 48) for number in range(count))
    return {number: usn for number, _version, _time, _origin, usn, _local in rows if 0x90272 <= number <= 0x90275}


def test_an_object_reads_as_it_was_added(place):
    dn = place.new("ipsecNegotiationPolicy", ipsecName="ä", iPSECNegotiationPolicyType="{1}")
    found = place.read(dn)
    assert found["ipsecname"] == ("ä".encode(),)
    assert found["ipsecnegotiationpolicytype"] == (b"{1}",)
    assert found["objectclass"] == (b"top", b"ipsecBase", b"ipsecNegotiationPolicy")
    assert found["distinguishedname"] == (dn.encode(),)
    assert found["cn"] == found["name"] == (dn.partition(",")[0][3:].encode(),)
    assert len(found["objectguid"][0]) == 16
    assert found["objectcategory"][0].startswith(b"CN=Ipsec-Negotiation-Policy,CN=Schema,CN=Configuration,DC=")
    assert not {"ntsecuritydescriptor", "allowedattributeseffective"} & set(found)


def test_a_search_returns_only_the_attributes_that_it_names(place):
    dn = place.new(ipsecName="x", ipsecDataType="256")
    assert place.read(dn, "IPSECNAME", "description", "nonsense") == {"ipsecname": (b"x",)}
    assert place.read(dn, "*") == place.read(dn)


def test_a_search_compares_names_without_case_and_takes_no_wildcards(place):
    number = str(uuid.uuid4())
    name = rf"Server (Request) *\ {number}"
    dn = place.new("ipsecPolicy", ipsecName=name, ipsecDataType="256")
    assert place.found(ipsecName=name.upper()) == {dn}
    assert place.found(ipsecName=name.upper(), objectClass="IPSECPOLICY", ipsecDataType="256") == {dn}
    assert place.found(ipsecName=f"*{number}") == set()
    assert place.found(ipsecName=name, objectClass="ipsecNFA") == set()
    assert place.found(cn=dn.partition(",")[0][3:].upper()) == {dn}


def test_a_search_finds_objects_that_have_an_attribute_or_class(place):
    with_name, without = place.new(ipsecName="x"), place.new()
    assert with_name in place.found(ipsecName=None)
    assert without not in place.found(ipsecName=None)
    assert {with_name, without} <= place.found(objectClass=None) == place.found(objectClass="top") == place.found()
    assert {with_name, without} <= place.found(objectClass="ipsecBase")
    assert place.found(nonsense=None) == place.found(nonsense="x") == place.found(objectClass="noClass") == set()


def test_a_search_finds_what_refers_to_an_object_as_long_as_it_exists(place):
    nfa = place.new("ipsecNFA")
    dn = place.new(ipsecOwnersReference=nfa)
    assert place.found(ipsecOwnersReference=nfa.lower()) == {dn}
    assert place.found(ipsecOwnersReference="nothing") == place.found(ipsecOwnersReference=dn) == set()
    place.delete(nfa)
    assert place.found(ipsecOwnersReference=nfa) == set()
    assert place.found(ipsecOwnersReference=place.value(dn, "ipsecOwnersReference").decode()) == set()


def test_a_search_looks_at_the_base_one_level_or_all(place):
    box = place.new("container")
    inner = f"CN=x,{box}"
    place.add(inner, "ipsecFilter")
    assert place.found(box, Scope.BASE) == {box}
    assert place.found(box.lower(), Scope.ONE_LEVEL) == {inner}
    assert place.found(box, Scope.SUBTREE) == {box, inner}
    assert inner not in place.found()


def test_a_search_below_the_root_leaves_out_the_configuration(place):
    sites = f"CN=Sites,CN=Configuration,{place.domain.root}"
    assert place.found(place.domain.root, Scope.SUBTREE, cn="Sites") == set()
    assert place.found(sites, Scope.SUBTREE, objectClass="site") == {f"CN=Default-First-Site-Name,{sites}"}
    links = place.found(place.domain.root, Scope.SUBTREE, gPLink=None)
    assert links == {place.domain.root, f"OU=Domain Controllers,{place.domain.root}"}


def test_the_root_says_where_policies_are(place):
    about = place.read("")
    assert about["defaultnamingcontext"] == (place.domain.root.encode(),)
    assert about["configurationnamingcontext"] == (f"CN=Configuration,{place.domain.root}".encode(),)
    assert about["dnshostname"] == (Domain.name.encode(),)
    assert re.fullmatch(rb"\d{14}\.0Z", about["currenttime"][0])
    assert b"1.2.840.113556.1.4.800" in about["supportedcapabilities"]
    assert b"1.2.840.113556.1.4.1920" not in about["supportedcapabilities"]
    assert place.read("", "dnsHostName") == {"dnshostname": about["dnshostname"]}


def test_a_policy_is_assigned_below_a_group_policy_object(place):
    policy, gpo = place.new("ipsecPolicy"), place.domain.add_gpo("Sites")
    machine = f"CN=Machine,{gpo.dn}"
    ipsec = f"CN=IPSEC,CN=Windows,CN=Microsoft,{machine}"
    with refused(32):
        place.add(ipsec, "ipsecPolicy")
    place.add(f"CN=Microsoft,{machine}", "container")
    place.add(f"CN=Windows,CN=Microsoft,{machine}", "container")
    place.add(ipsec, "ipsecPolicy", ipsecOwnersReference=policy, ipsecName="n", description="d")
    group_policies = f"CN=Policies,CN=System,{place.domain.root}"
    assert ipsec in place.found(group_policies, Scope.SUBTREE, objectClass="ipsecPolicy", cn="ipsec")
    assert place.found(place.domain.root, Scope.SUBTREE, ipsecOwnersReference=policy) == {ipsec}


def test_extension_names_and_the_version_change_in_one_modify(place):
    gpo = place.domain.add_gpo("Sites")
    extensions, version = "gPCMachineExtensionNames", "versionNumber"
    place.modify(gpo.dn, (ADD, extensions, "[{A}{b}]"), (DELETE, version, "0"), (ADD, version, "1"))
    with refused(16):
        place.modify(gpo.dn, (DELETE, extensions, "[{A}{b}]"), (DELETE, version, "0"), (ADD, version, "1"))
    assert place.read(gpo.dn, extensions, version) == {extensions.lower(): (b"[{A}{b}]",), version.lower(): (b"1",)}
    place.modify(gpo.dn, (DELETE, extensions, "[{a}{B}]"), (DELETE, version, "1"), (ADD, version, "2"))
    assert place.read(gpo.dn, extensions, version) == {version.lower(): (b"2",)}


def test_a_new_group_policy_object_has_its_parts(place):
    gpo = place.domain.add_gpo("Sites (näw)", link=place.domain.root)
    found = place.read(gpo.dn)
    assert found["displayname"] == ("Sites (näw)".encode(),)
    assert found["flags"] == found["versionnumber"] == (b"0",)
    assert found["objectclass"] == (b"top", b"container", b"groupPolicyContainer")
    assert found["gpcfilesyspath"][0].decode() == (
        rf"\\{place.domain.domain}\sysvol\{place.domain.domain}\Policies\{gpo.id}"
    )
    assert place.found(gpo.dn) == {f"CN=Machine,{gpo.dn}", f"CN=User,{gpo.dn}"}
    assert place.value(place.domain.root, "gPLink").startswith(f"[LDAP://{gpo.dn};0][LDAP://".encode())


USER = "Alice-1-2"
"""The name of a user and its password."""
EFFECTIVE = ("allowedAttributesEffective", "allowedChildClassesEffective")


def test_an_administrator_may_write_everything(place):
    policy = place.new("ipsecPolicy")
    attributes = {"description", "ipsecData", "ipsecDataType", "ipsecID", "ipsecISAKMPReference", "ipsecName"}
    attributes |= {"ipsecNFAReference", "ipsecOwnersReference"}
    found = {value.decode() for value in place.read(policy, *EFFECTIVE)["allowedattributeseffective"]}
    assert {name for name in found if name.startswith("ipsec") or name == "description"} == attributes
    assert "allowedchildclasseseffective" not in place.read(policy, *EFFECTIVE)
    classes = {
        value.decode() for value in place.read(place.domain.container, *EFFECTIVE)["allowedchildclasseseffective"]
    }
    assert {"ipsecPolicy", "ipsecISAKMPPolicy", "ipsecNFA", "ipsecNegotiationPolicy", "ipsecFilter"} <= classes
    assert "ipsecBase" not in classes


@pytest.fixture(params=["memory", "samba"])
def user_place(request):
    """A directory with one more policy, as a user without rights sees it."""
    if request.param == "samba":
        domain = request.getfixturevalue("domain")
        with _connected(domain) as directory:
            policy = Place(domain, directory).new("ipsecPolicy", ipsecName="x", ipsecData="x")
        domain.add_user(USER, USER)
        with _connected(domain, USER) as directory:
            yield Place(domain, directory), policy
    else:
        domain = MemoryDirectory()
        policy = Place(domain, domain).new("ipsecPolicy", ipsecName="x", ipsecData="x")
        yield Place(domain, domain), policy


def test_a_hidden_store_has_objects_without_attributes(user_place):
    place, policy = user_place
    if isinstance(place.domain, MemoryDirectory):
        place.domain.hide(*place.found())
    entries = place.directory.search(Search(base=place.domain.container, scope=Scope.ONE_LEVEL))
    assert len(entries) == 23
    assert not any(entry.attributes for entry in entries)
    assert place.found(ipsecName="x") == place.found(objectClass="ipsecPolicy") == set()
    assert place.read(policy, *EFFECTIVE) == {}


def test_a_user_without_rights_writes_nothing(user_place):
    place, policy = user_place
    container = place.domain.container
    if isinstance(place.domain, MemoryDirectory):
        for dn in place.found():
            place.domain.forbid(dn)
        place.domain.forbid(container)
        place.domain.forbid_children(container)
    else:
        place.domain.members_may_read()
    assert place.read(policy, *EFFECTIVE) == place.read(container, *EFFECTIVE) == {}
    assert place.value(policy, "ipsecName") == b"x"
    with refused(50):
        place.modify(policy, (ADD, "description", "x"))
    with refused(50):
        place.modify(policy, (DELETE, "ipsecName", "stale"))
    with refused(50):
        place.new()
    with refused(50):
        place.add(policy, "ipsecPolicy")
    with refused(50):
        place.delete(policy)
    with refused(32):
        place.delete(f"CN=missing,{container}")


def test_a_user_has_rights_for_one_attribute_and_one_class(user_place):
    place, policy = user_place
    container = place.domain.container
    if isinstance(place.domain, MemoryDirectory):
        others = [
            name for name in place.read(policy, *EFFECTIVE)["allowedattributeseffective"] if name != b"description"
        ]
        place.domain.forbid(policy, *(name.decode() for name in others))
        classes = place.read(container, *EFFECTIVE)["allowedchildclasseseffective"]
        place.domain.forbid_children(container, *(name.decode() for name in classes if name != b"ipsecFilter"))
    else:
        place.domain.members_may_read()
        place.domain.permit(policy, USER, WRITE_PROPERTY, of="bf967950-0de6-11d0-a285-00aa003049e2")
        place.domain.permit(container, USER, CREATE_CHILD, of="b40ff826-427a-11d1-a9c2-0000f80367c1")
    assert place.read(policy, *EFFECTIVE) == {"allowedattributeseffective": (b"description",)}
    assert place.read(container, *EFFECTIVE)["allowedchildclasseseffective"] == (b"ipsecFilter",)
    place.modify(policy, (ADD, "description", "x"))
    with refused(50):
        place.modify(policy, (DELETE, "ipsecData", "x"), (ADD, "ipsecData", "y"))
    with refused(50):
        place.modify(policy, (ADD, "description", "y"), (DELETE, "ipsecName", "x"))
    with refused(50):
        place.new("ipsecNFA")
    place.new("ipsecFilter")


def test_a_descriptor_says_whether_members_may_read(place):
    place.new("ipsecNFA")
    users = struct.pack("<IBB6sI", 0x20094, 1, 1, bytes(5) + b"\x05", 11)

    def descriptors():
        search = Search(
            base=place.domain.container,
            scope=Scope.ONE_LEVEL,
            match=(("objectClass", "ipsecBase"),),
            attributes=("nTSecurityDescriptor",),
            descriptors=True,
        )
        return [entry.attributes["ntsecuritydescriptor"][0] for entry in place.directory.search(search)]

    assert not any(users in found for found in descriptors())
    place.domain.members_may_read()
    assert all(users in found for found in descriptors())


def test_a_descriptor_is_only_read_if_it_is_asked_for(place):
    dn = place.new()
    (entry,) = place.directory.search(Search(base=dn, descriptors=True))
    assert "ntsecuritydescriptor" in entry.attributes
    assert len(place.read(dn)) == len(entry.attributes) - 1


def test_the_directory_in_memory_begins_as_a_new_domain_does(shared_domain):
    memory = MemoryDirectory()
    real = shared_domain.ldapsearch(shared_domain.container)
    mine = {entry.dn: entry.attributes for entry in memory.search(Search(base=memory.container, scope=Scope.SUBTREE))}
    assert set(mine) == set(real)
    stamps = {"usncreated", "usnchanged", "whencreated", "whenchanged", "objectguid"}
    for dn, attributes in real.items():
        theirs = {name.lower(): set(values) for name, values in attributes.items()}
        for name in theirs.keys() - stamps - {"instancetype", "showinadvancedviewonly"}:
            assert set(mine[dn].get(name, ())) == theirs[name], (dn, name)
        assert mine[dn].keys() <= theirs.keys()
