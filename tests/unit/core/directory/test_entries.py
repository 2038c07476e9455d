# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The objects of a container as a policy store, and back."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory import entries as entries_module
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.dn import dn_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.entries import (
    VALUES_LIMIT,
    dn_of_reference,
    read_objects,
    to_attribute,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph, ObjectClass
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan import REGISTRY, Planner
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.names import reference
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.merge import Changes, PolicyChange, Target
from hypothesis import given, settings
from hypothesis import strategies as st
from unit import stores, strategies
from unit.domains import CHANGED, CONTAINER, entries_of, entry, microsoft_entries, without
from unit.work import calls, peak

POLICY, MAIN_MODE, RULE, ACTION, LIST = (
    f"{class_}{{00000000-0000-0000-0000-00000000000{i}}}" for i, class_ in enumerate(ObjectClass, 1)
)


def read(*entries):
    return read_objects(entries, CONTAINER)


def one(name=RULE, **values):
    """An object with some attributes."""
    class_ = name.partition("{")[0]
    values = {"objectClass": ["top", "ipsecBase", class_], "ipsecName": "N", "uSNChanged": "7", **values}
    return entry(dn_of(name, CONTAINER), **{n: value for n, value in values.items() if value is not None})


def value(name, *entries, key=RULE):
    return read(*entries).store.get(key, name)


def _content(store):
    """The values that a directory has, too: none is empty."""
    return {
        path: {fold(n): v for n, v in values.items() if v.data and fold(n) not in ("WHENCHANGED", "IPSECDATATYPE")}
        for path, values in stores.content(store).items()
        if path
    }


def test_microsofts_policies_are_what_the_reader_of_ldif_makes_of_them():
    found = read(*microsoft_entries())
    assert _content(found.store) == _content(stores.microsoft_defaults())
    assert found.unreadable == frozenset()
    assert found.usns == {fold(path): number for number, path in enumerate(found.store.paths(), 1)}
    assert {found.store.get(path, "ipsecDataType") for path in found.store.paths()} == {Value.number(598)}
    assert {found.store.get(path, "whenChanged") for path in found.store.paths()} == {Value.number(CHANGED)}


@given(st.lists(strategies.policies(), min_size=1, max_size=2, unique_by=lambda policy: fold(policy.name)))
@settings(max_examples=40)
def test_a_store_of_the_registry_is_the_same_in_a_directory(policies):
    planner = Planner(Store(), REGISTRY, now=CHANGED, new_guid=stores.counting_guids())
    for policy in policies:
        target = Target(policy=policy, origins=(None,) * len(policy.rules), removed=())
        planner.change(Changes(policies=[PolicyChange(None, target, None)]))
    store = planner.plan().store
    found = read(*entries_of(store)).store
    assert _content(found) == _content(store)
    for before, after in zip(read_policies(Graph(store)), read_policies(Graph(found)), strict=True):
        assert after.policy == before.policy


def test_names_of_attributes_and_objects_have_any_case():
    found = read(entry(f"cn={RULE.upper()},{CONTAINER.lower()}", OBJECTCLASS="IPSECNFA", IPSECNAME="N"))
    assert Graph(found.store).class_of(fold(RULE)) is ObjectClass.NFA
    assert found.store.get(RULE, "ipsecName") == Value.string("N")
    assert found.store.get(RULE, "className") == Value.string("ipsecNFA")


def test_references_in_the_container_are_those_of_a_store():
    assert value(
        "ipsecFilterReference", one(ipsecFilterReference=[f"cn={LIST}, {CONTAINER.upper()}"])
    ) == Value.strings([reference(LIST)])
    assert value(
        "ipsecNegotiationPolicyReference", one(ipsecNegotiationPolicyReference=dn_of(ACTION, CONTAINER))
    ) == Value.string(reference(ACTION))


@pytest.mark.parametrize(
    "dn",
    [
        rf"CN={LIST}\0ADEL:1,CN=Deleted Objects,DC=example,DC=test",
        f"CN={LIST},CN=IP Security,CN=System,DC=other,DC=test",
        f"CN=other,{CONTAINER}",
        f"OU=a,{CONTAINER}",
    ],
)
def test_other_references_stay_names_and_resolve_to_nothing(dn):
    found = read(one(ipsecFilterReference=[dn]), one(LIST))
    assert found.store.get(RULE, "ipsecFilterReference") == Value.strings([dn])
    (target,) = Graph(found.store).references(fold(RULE), "ipsecFilterReference")
    assert target not in Graph(found.store)
    assert dn_of_reference(dn, CONTAINER) == dn


def test_a_backslash_in_a_name_makes_no_reference_to_another_object():
    found = read(one(ipsecFilterReference=[rf"CN=a\\{LIST}"]), one(LIST))
    assert Graph(found.store).users(fold(LIST)) == set()
    (kept,) = found.store.get(RULE, "ipsecFilterReference").data
    assert kept == rf"CN=a\5C{LIST}"


def test_a_reference_of_a_store_is_a_name_again():
    assert dn_of_reference(reference(LIST), CONTAINER) == dn_of(LIST, CONTAINER)
    assert dn_of_reference(reference(LIST).lower(), CONTAINER) == dn_of(LIST.lower(), CONTAINER)


@pytest.mark.parametrize(
    ("name", "given_", "written"),
    [
        ("ipsecName", Value.string("ä"), ("ipsecName", ("ä".encode(),))),
        ("IPSECDATA", Value.binary(b"\0"), ("ipsecData", (b"\0",))),
        ("ipsecDataType", Value.number(256), ("ipsecDataType", (b"256",))),
        (
            "ipsecISAKMPReference",
            Value.string(reference("a")),
            ("ipsecISAKMPReference", (f"CN=a,{CONTAINER}".encode(),)),
        ),
        ("ipsecNFAReference", Value.strings(["CN=x"]), ("ipsecNFAReference", (b"CN=x",))),
        ("ipsecName", Value.string(""), None),
        ("ipsecNFAReference", Value.strings([]), None),
        ("ipsecData", Value.binary(b""), None),
        ("className", Value.string("ipsecNFA"), None),
        ("name", Value.string("a"), None),
        ("whenChanged", Value.number(1), None),
        ("ipsecWindowsReplaces", Value.string("a"), None),
    ],
)
def test_values_are_written_as_attributes(name, given_, written):
    assert to_attribute(name, given_, CONTAINER) == written


def test_a_text_that_no_directory_has_is_not_written():
    with pytest.raises(DirectoryError, match="ipsecName cannot be written: it has half of a character"):
        to_attribute("ipsecName", Value.string("\ud800"), CONTAINER)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("256", Value.number(256)),
        ("4294967295", Value.number(0xFFFFFFFF)),
        ("4294967296", Value.string("4294967296")),
        ("0x100", Value.string("0x100")),
        ("-1", Value.string("-1")),
        ("٣", Value.string("٣")),
    ],
)
def test_the_type_of_data_is_a_number_if_it_is_decimal(text, expected):
    assert value("ipsecDataType", one(ipsecDataType=text)) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20260131235959.0Z", 1769903999),
        ("19700101000000Z", 0),
        ("16010101000000.0Z", 0),
        ("99991231235959.0Z", 0xFFFFFFFF),
    ],
)
def test_times_are_seconds_since_1970(text, seconds):
    assert value("whenChanged", one(whenChanged=text)) == Value.number(seconds)


def test_objects_of_other_classes_are_foreign():
    found = read(
        entry(f"CN=notes,{CONTAINER}", objectClass=["top", "container"], ipsecData=b"x"),
        entry(f"CN={RULE},{CONTAINER}", objectClass=["top", "container"], uSNChanged="3"),
        entry(rf"CN=a\5Cb,{CONTAINER}"),
        entry(f"OU={LIST},{CONTAINER}", objectClass=["top", "organizationalUnit"]),
    )
    graph = Graph(found.store)
    assert sorted(map(graph.path, graph.foreign())) == ["CN=a/b", f"CN={RULE}", "CN=notes", f"OU={LIST}"]
    assert graph.leftovers() == []
    assert found.unreadable == frozenset()
    assert not any(found.store.values(path) for path in found.store.paths())


@pytest.mark.parametrize("left", ["ipsecName", "ipsecID", "ipsecData", "ipsecDataType"])
def test_an_object_without_any_value_is_unreadable(left):
    whole = one(ipsecID="{1}", ipsecData=b"x", ipsecDataType="256", description="d")
    assert read(without(whole)).unreadable == {fold(RULE)}
    names = {"ipsecName", "ipsecID", "ipsecData", "ipsecDataType"}
    assert read(without(whole, *names)).unreadable == {fold(RULE)}
    assert read(without(whole, *(names - {left}))).unreadable == frozenset()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"ipsecName": b"\xff"}, "ipsecName of .* is not text: its bytes are not UTF-8"),
        ({"objectClass": b"\xff"}, "objectClass of .* is not text"),
        ({"ipsecName": ["a", "b"]}, "ipsecName of .* has 2 values; it can have one"),
        ({"ipsecData": [b"a", b"b"]}, "ipsecData of .* has 2 values; it can have one"),
        (
            {"ipsecISAKMPReference": ["CN=a", "CN=b"]},
            "Reference of .* has 2 values",
        ),
        ({"ipsecFilterReference": "x"}, "ipsecFilterReference of CN=ipsecNFA.*: 'x' is not the name of an object"),
        ({"ipsecOwnersReference": b"CN=\xff"}, "ipsecOwnersReference of .* is not text"),
        ({"ipsecFilterReference": ["CN=a"] * (VALUES_LIMIT + 1)}, "has 10001 values; at most 10000 are possible"),
        ({"uSNChanged": "x"}, "uSNChanged of .* is not a number"),
        ({"uSNChanged": "9" * 5000}, "uSNChanged of .* is not a number"),
        ({"whenChanged": "yesterday"}, "whenChanged of .* is not a time like"),
        ({"whenChanged": "20261340000000.0Z"}, "whenChanged of .* is not a time like"),
        ({"whenChanged": "00000000000000Z"}, "whenChanged of .* is not a time like"),
    ],
)
def test_impossible_values_are_errors_with_object_and_attribute(values, problem):
    name = POLICY if "ipsecISAKMPReference" in values else RULE
    with pytest.raises(DirectoryError, match=problem) as caught:
        read(one(name, **values))
    assert name in str(caught.value)


def test_an_object_that_is_listed_twice_is_an_error():
    with pytest.raises(DirectoryError, match="twice"):
        read(one(), one())
    with pytest.raises(DirectoryError, match="names in the store equal"):
        read(one(), one(RULE.upper()))


@pytest.mark.parametrize(("limit", "most"), [("ENTRY_LIMIT", 1), ("SIZE_LIMIT", 100)])
def test_too_many_objects_or_bytes_are_an_error(monkeypatch, limit, most):
    monkeypatch.setattr(entries_module, limit, most)
    read(one())
    with pytest.raises(DirectoryError, match=f"{CONTAINER} has more than"):
        read(one(), one(LIST, ipsecData=b"x" * 100))


def test_objects_that_refer_to_each_other_in_a_circle_are_read():
    def to(*keys):
        return [dn_of(key, CONTAINER) for key in keys]

    found = read(
        one(POLICY, ipsecNFAReference=to(RULE, POLICY), ipsecISAKMPReference=to(POLICY), ipsecOwnersReference=to(RULE)),
        one(RULE, ipsecFilterReference=to(RULE, POLICY), ipsecNegotiationPolicyReference=to(RULE)),
    )
    graph = Graph(found.store)
    assert graph.reachable(fold(POLICY)) == {fold(POLICY), fold(RULE)}
    (policy,) = read_policies(graph)
    assert policy.problems


@pytest.mark.parametrize("what", ["objects", "references"])
def test_the_work_grows_no_faster_than_the_objects(what):
    def work(size):
        count = size if what == "objects" else 1
        dns = [dn_of(f"ipsecFilter{{{number:08x}-0000-0000-0000-000000000000}}", CONTAINER) for number in range(size)]
        found = [entry(dn, objectClass="ipsecFilter", ipsecName="N") for dn in dns[:count]]
        rule = one(ipsecFilterReference=dns, ipsecOwnersReference=[dn.lower() for dn in dns])
        return calls(lambda: Graph(read(*found, rule).store).leftovers())

    assert work(2000) <= 11 * work(200)


@pytest.mark.parametrize("count", [VALUES_LIMIT, 100_000])
def test_many_values_take_little_memory(count):
    rule = one(ipsecFilterReference=[f"CN=a,{CONTAINER}"] * count)

    def read_it():
        if count > VALUES_LIMIT:
            with pytest.raises(DirectoryError, match="has 100000 values"):
                read(rule)
        else:
            read(rule)

    assert peak(read_it) < 4_000_000
