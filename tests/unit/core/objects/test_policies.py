# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of whole policies in a store: the extra byte that some writers add to blobs, and names."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph, ObjectClass
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.names import ACTIVE_POLICY
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from unit import stores

RULE = {
    "name": "R",
    "filters": ["0+192.0.2.1", {"source": "me", "destination": "192.0.2.5-192.0.2.9"}],
    "authentication": [{"preshared_key": "a key"}],
}
BLOCK = {"name": "Block", "filters": ["0+198.51.100.1"], "action": "block"}
POLICY = {"name": "P", "default_response": {"enabled": True}, "rules": [RULE, BLOCK]}


def _blobs(store: Store) -> dict[str, tuple[ObjectClass, bytes]]:
    """The blobs of all objects by their keys."""
    graph = Graph(store)
    return {
        key: (class_, graph.data(key))
        for class_ in ObjectClass
        for key in graph.of_class(class_)
        if graph.data(key) is not None and graph.data(key)[:16] == stores.BLOBS[class_].ID
    }


def _trailing(store: Store) -> dict[str, bytes]:
    return {key: stores.BLOBS[class_].unpack(data).trailing for key, (class_, data) in _blobs(store).items()}


def _with_trailing(store: Store, trailing: bytes) -> Store:
    """The same store with this byte, or none, after every blob."""
    result = store.copy()
    for key, (class_, data) in _blobs(store).items():
        blob = dataclasses.replace(stores.BLOBS[class_].unpack(data), trailing=trailing)
        result.change(Set(key, "ipsecData", Value.binary(blob.pack())))
    return result


def _unassigned(store: Store) -> Store:
    result = store.copy()
    result.change(Unset("", ACTIVE_POLICY))
    return result


def _written() -> Store:
    return stores.change(Store(), POLICY, assigned=True).store


STORES = {"written": _written(), "windows-2022": stores.windows_2022(), "microsoft": stores.microsoft_defaults()}
EXTRA = pytest.mark.parametrize("trailing", [b"", b"\0", b"\x7f"], ids=["no byte", "zero", "other byte"])


@EXTRA
@pytest.mark.parametrize("name", STORES)
def test_a_policy_is_the_same_with_and_without_the_extra_byte(name, trailing):
    store = _with_trailing(STORES[name], trailing)
    assert {class_ for class_, _data in _blobs(store).values()} == set(ObjectClass)
    found, expected = (read_policies(Graph(one)) for one in (store, STORES[name]))
    assert [stored.policy for stored in found] == [stored.policy for stored in expected]
    assert [(stored.problems, stored.unreadable) for stored in found] == [((), ())] * len(expected)


@EXTRA
@pytest.mark.parametrize("name", STORES)
def test_the_same_task_changes_nothing_with_and_without_the_extra_byte(name, trailing):
    store = _with_trailing(STORES[name], trailing)
    for task in stores.facts(store).values():
        assert stores.change(store, task).operations == ()
    if name == "written":
        assert stores.change(store, POLICY, assigned=True).operations == ()


CHANGES = {
    "poll interval": ({"poll_interval": 90}, {ObjectClass.POLICY}),
    "main mode": ({"main_mode": {"lifetime_seconds": 600}}, {ObjectClass.ISAKMP}),
    "authentication": (
        {"rules": [{**RULE, "authentication": [{"preshared_key": "another key"}]}, BLOCK]},
        {ObjectClass.NFA},
    ),
    "disabled rule": ({"rules": [{**RULE, "enabled": False}, BLOCK]}, {ObjectClass.NFA}),
    "security methods": ({"rules": [{**RULE, "security_methods": ["ah[sha]"]}, BLOCK]}, {ObjectClass.ACTION}),
    "filter": ({"rules": [{**RULE, "filters": [*RULE["filters"], "0+192.0.2.2"]}, BLOCK]}, {ObjectClass.FILTER}),
    "first range": (
        {"rules": [RULE, {**BLOCK, "filters": [*BLOCK["filters"], {**RULE["filters"][1], "mirrored": True}]}]},
        {ObjectClass.FILTER},
    ),
    "default response": (
        {"default_response": {"enabled": True, "security_methods": ["ah[sha]"]}},
        {ObjectClass.ACTION},
    ),
}


@EXTRA
@pytest.mark.parametrize("assigned", [False, True], ids=["unassigned", "assigned"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_object_keeps_the_extra_byte_or_its_absence(name, assigned, trailing):
    part, classes = CHANGES[name]
    store = _with_trailing(_written(), trailing)
    if not assigned:
        store = _unassigned(store)
    done = stores.change(store, {**POLICY, **part})
    before, after = set(_blobs(store).items()), set(_blobs(done.store).items())
    assert {class_ for _key, (class_, _data) in after - before} == classes
    assert set(_trailing(done.store).values()) == {trailing}
    assert stores.change(done.store, {**POLICY, **part}).operations == ()


@EXTRA
def test_a_policy_that_is_replaced_keeps_the_extra_byte_or_its_absence(trailing):
    store = _with_trailing(_written(), trailing)
    changed = {**POLICY, "poll_interval": 90, "main_mode": {"pfs": True}, "rules": [{**RULE, "enabled": False}, BLOCK]}
    done = stores.change(store, changed)
    assert done.store.get("", ACTIVE_POLICY) != store.get("", ACTIVE_POLICY)
    assert set(_trailing(done.store).values()) == {trailing}


def test_new_objects_have_the_extra_byte_of_current_windows():
    graph = Graph(_written())
    found = {graph.class_of(key): trailing for key, trailing in _trailing(graph.store).items()}
    assert found == {class_: b"" if class_ is ObjectClass.FILTER else b"\0" for class_ in ObjectClass}


@pytest.mark.parametrize(
    ("one", "other"),
    [("S\u0131n\u0131r", "Sinir"), ("\u212aey", "key"), ("Stra\xdfe", "STRASSE"), ("\u03c2", "\u03c3")],
    ids=["dotless i", "kelvin sign", "sharp s", "final sigma"],
)
def test_names_that_windows_distinguishes_are_two_policies_and_two_rules(one, other):
    wanted = [{"name": name, "rules": [{**BLOCK, "name": one}, {**BLOCK, "name": other}]} for name in (one, other)]
    store = stores.apply(Store(), wanted)
    assert {name: [rule["name"] for rule in task["rules"]] for name, task in stores.facts(store).items()} == {
        one: [one, other],
        other: [one, other],
    }
    assert stores.apply(store, wanted).text() == store.text()
    assert list(stores.facts(stores.remove(store, one).store)) == [other]


def test_names_that_are_the_same_to_windows_are_one_policy():
    store = stores.change(Store(), {"name": "\u0434\u043e\u043c", "rules": [BLOCK]}).store
    done = stores.change(store, {"name": "\u0414\u041e\u041c", "rules": [{**BLOCK, "name": "BLOCK"}]})
    assert [(name, task["rules"][0]["name"]) for name, task in stores.facts(done.store).items()] == [
        ("\u0414\u041e\u041c", "BLOCK")
    ]
