# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The graph reader and the plans: a real store, damaged as the input says.

An input is a store (one byte) and what is done to it: each change is a byte for the way, bytes for object and value,
and what the way takes.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t
import uuid

from ansible_collections.ipsec.windows.plugins.module_utils import blobs
from ansible_collections.ipsec.windows.plugins.module_utils.answers import DomainPolicy, Reading, Service
from ansible_collections.ipsec.windows.plugins.module_utils.diff import Side, render_diff
from ansible_collections.ipsec.windows.plugins.module_utils.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils.goal import OnePolicy
from ansible_collections.ipsec.windows.plugins.module_utils.graph import (
    ACTION,
    ACTIVE_POLICY,
    FILTERS,
    ISAKMP,
    NFAS,
    OWNERS,
    REPLACES,
    Graph,
    reference,
)
from ansible_collections.ipsec.windows.plugins.module_utils.lint import lint
from ansible_collections.ipsec.windows.plugins.module_utils.model import ModelError, PresharedKey
from ansible_collections.ipsec.windows.plugins.module_utils.objects import StoredPolicy, read_policies
from ansible_collections.ipsec.windows.plugins.module_utils.plan import Plan, plan_absent, plan_finish, plan_present
from ansible_collections.ipsec.windows.plugins.module_utils.report import steps
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils.store import Kind, Set, Store, Value
from unit import stores

from .inputs import TOKEN, Source, check_hidden

SUBJECT: t.Final = (
    "plugins/module_utils/graph.py",
    "plugins/module_utils/objects.py",
    "plugins/module_utils/facts.py",
    "plugins/module_utils/goal.py",
    "plugins/module_utils/plan/*.py",
    "plugins/module_utils/report.py",
)
WORDS: t.Final = ()
_NOW: t.Final = 2_000_000_000
_MOST: t.Final = 12
_REFERENCES: t.Final = (ACTION, FILTERS, ISAKMP, NFAS, OWNERS, REPLACES)
_NAMES: t.Final = (
    *_REFERENCES,
    *("ipsecData", "ipsecName", "description", "className", "name", "ipsecID", "whenChanged", "ipsecDataType"),
    *("ipsecNegotiationPolicyType", "ipsecNegotiationPolicyAction"),
)
_TEXTS: t.Final = ("", "P", "no braces", "a\\b", "\ud800", "\0", "İ", "ipsecNFA{x}", "x" * 300, TOKEN)
_SECRET: t.Final = blobs.NfaBlob(
    (blobs.AuthRecord(blobs.AuthRecord.PRESHARED_KEY, f"{TOKEN}\0".encode("utf-16-le")),)
).pack()
_FILTERS: t.Final = 2
_DOMAIN: t.Final = 0x80
_EVERYTHING: t.Final = {
    "name": "P",
    "default_response": {"enabled": True},
    "rules": [
        {
            "name": "R",
            "filters": [
                {"source": "192.0.2.1-192.0.2.9", "destination": "any", "protocol": "tcp", "destination_port": "5-9"},
                {"source": "2001:db8::/32", "destination": "any", "description": "d"},
            ],
            "authentication": [{"preshared_key": TOKEN}, {"certificate": "CN=CA"}],
        },
        {"name": "T", "filters": ["0=192.0.2.1"], "tunnel": "2001:db8::1", "connection_type": "lan"},
    ],
}

_Keys: t.TypeAlias = dict[str, dict[str, Value]]


def _small(store: Store) -> Store:
    """The store with one policy, and of each list of filters the first few: as many again tell nothing new."""
    policies = stores.facts(store)
    for name in sorted(policies, key=lambda name: len(policies[name]["rules"]))[:-1]:
        store = stores.remove(store, name).store
    for path in store.paths():
        value = store.get(path, "ipsecData")
        if path.lower().startswith("ipsecfilter{") and value is not None:
            blob = blobs.FilterBlob.unpack(t.cast(bytes, value.data))
            less = dataclasses.replace(blob, filters=blob.filters[:_FILTERS])
            store.change(Set(path, "ipsecData", Value.binary(less.pack())))
    return store


_BASES: t.Final = (
    _small(stores.windows_2022()),
    _small(stores.microsoft_defaults()),
    stores.apply(Store(), [_EVERYTHING, {"name": "Q", "assigned": True, "rules": [{"name": "S", "filters": ["0+*"]}]}]),
)


def check(data: bytes) -> None:
    """Whatever a store holds: its facts are facts, no key is in them, and a plan makes of it what it says it does.
    Nothing is planned for what was read; an error is a `ModelError`.
    """
    source = Source(data)
    first = source.number()
    store = _damaged(_BASES[first % len(_BASES)], source)
    assert _content(Store.parse(store.text())) == _content(store), "a store changes on its way"
    graph = Graph(store)
    policies = read_policies(graph)
    keys = [
        method
        for stored in policies
        for holder in (*stored.policy.rules, *filter(None, [stored.policy.default_response]))
        for method in holder.authentication
        if isinstance(method, PresharedKey)
    ]
    # the same text may stand where it is shown
    keys = [] if _said_elsewhere(store) else keys
    facts = json.dumps(render_facts(_reading(graph, first & _DOMAIN != 0)))
    check_hidden(facts, keys, "facts")
    finish = plan_finish(store, True, _NOW, stores.counting_guids())
    _check_plan(store, finish)
    assert plan_finish(finish.store, False, _NOW, stores.counting_guids()).operations == (), "never finished"
    graph = finish.graph
    policies = read_policies(graph)
    for stored in policies:
        _check_unchanged(graph, stored)
        _check_absent(graph, stored, policies, keys)


def _reading(graph: Graph, of_domain: bool) -> Reading:
    """The host that has the store, as its own and perhaps as the domain's."""
    path = f"LDAP://CN={graph.policies[0] if graph.policies else ''},CN=IP Security"
    domain = DomainPolicy(path, "", graph.store) if of_domain else None
    service = Service("running", "manual")
    return Reading(graph, "", _NOW, "Windows", "10.0", True, service, False, domain, {}, {}, ())


def _check_plan(before: Store, plan: Plan) -> None:
    """The operations make the store that the plan has, which a host can have, and can be shown."""
    store = before.copy()
    for operation in plan.operations:
        store.change(operation)
    assert _content(store) == _content(plan.store), "the operations make another store than the plan says"
    for step in steps(plan.operations, Graph(before), plan.graph):
        step.render(None)


def _content(store: Store) -> dict[str, dict[str, Value]]:
    return {path: store.values(path) for path in store.paths()}


def _check_unchanged(graph: Graph, stored: StoredPolicy) -> None:
    """What was read, asked for again by its id, is there already."""
    lint(stored.policy)
    # a conversion by way of text, as facts travel through a play
    tree = json.loads(json.dumps(render_policy(stored.policy)))
    try:
        goal = OnePolicy(parse_policy(tree))
        (change,) = goal.changes(graph, [])
        assert change.target is not None
        plan = plan_present(graph, change.stored, change.target, None, _NOW, stores.counting_guids())
    except ModelError:
        return
    assert plan.operations == () or stored.problems or stored.blob is None, "something is planned for what was read"
    _check_plan(graph.store, plan)


def _check_absent(
    graph: Graph, stored: StoredPolicy, policies: t.Sequence[StoredPolicy], keys: t.Sequence[object]
) -> None:
    plan = plan_absent(graph, stored, _NOW, stores.counting_guids())
    _check_plan(graph.store, plan)
    assert stored.key not in plan.graph, "the policy is still there"
    # what others refer to stays
    for policy in read_policies(plan.graph):
        before = next(p for p in policies if p.key == policy.key)
        assert policy.policy == before.policy, "the deletion of one policy changes another"
    change = render_diff(stored, Side(None), None, Side(None))
    check_hidden(change, keys, "a diff")
    assert plan_finish(plan.store, False, _NOW, stores.counting_guids()).operations == (), "a deletion leaves something"


def _said_elsewhere(store: Store) -> bool:
    return any(
        TOKEN in str(value.data)
        for path in store.paths()
        for name, value in store.values(path).items()
        if name != "ipsecData"
    )


def _damaged(base: Store, source: Source) -> Store:
    keys: _Keys = {path: base.values(path) for path in base.paths()}
    for _change in range(_MOST):
        if not source:
            break
        source.pick(_WAYS)(keys, source)
    return Store(keys)


def _object(keys: _Keys, source: Source) -> str:
    return source.pick(sorted(keys)) if keys else ""


def _name(values: dict[str, Value], source: Source) -> str:
    names = (*sorted(values), *_NAMES)
    return names[source.number() % len(names)]


def _change_blob(keys: _Keys, source: Source) -> None:
    """Some bytes at a place become others."""
    values = keys.get(_object(keys, source), {})
    found = next((name for name in values if name.lower() == "ipsecdata"), None)
    place, old, size = source.number(2), source.number(), source.number()
    data = values[found].data if found else None
    if isinstance(data, bytes):
        place %= len(data) + 1
        new = source.bytes(size % 32)
        values[t.cast(str, found)] = Value.binary(data[:place] + new + data[place + old % 32 :])


def _refer(keys: _Keys, source: Source) -> None:
    """A reference to other objects."""
    path, name = _object(keys, source), source.pick(_REFERENCES)
    targets = tuple(reference(_object(keys, source)) for _i in range(source.number() % 4))
    if path in keys:
        keys[path][name] = Value.strings(targets) if source.number() % 2 else Value.string("".join(targets[:1]))


def _assign(keys: _Keys, source: Source) -> None:
    keys.setdefault("", {})[ACTIVE_POLICY] = Value.string(reference(_object(keys, source)))


def _set_text(keys: _Keys, source: Source) -> None:
    path = _object(keys, source)
    if path in keys:
        keys[path][_name(keys[path], source)] = Value.string(source.pick(_TEXTS))


def _set_texts(keys: _Keys, source: Source) -> None:
    path = _object(keys, source)
    if path in keys:
        name = _name(keys[path], source)
        keys[path][name] = Value.strings(source.pick(_TEXTS) for _i in range(source.number() % 4))


def _set_other(keys: _Keys, source: Source) -> None:
    """A value of a kind that is not expected there."""
    path = _object(keys, source)
    if path not in keys:
        return
    name = _name(keys[path], source)
    kind = source.pick((Kind.NONE, Kind.UNKNOWN, Kind.BINARY, Kind.DWORD, Kind.QWORD, Kind.EXPAND_STRING))
    data: t.Any = b"" if kind is Kind.UNKNOWN else source.bytes(source.number() % 9)
    if kind in (Kind.DWORD, Kind.QWORD):
        data = int.from_bytes(data[: 4 if kind is Kind.DWORD else 8], "little")
    keys[path][name] = Value(kind, "%x%" if kind is Kind.EXPAND_STRING else data)


def _unset(keys: _Keys, source: Source) -> None:
    path = _object(keys, source)
    if path in keys:
        keys[path].pop(_name(keys[path], source), None)


def _delete(keys: _Keys, source: Source) -> None:
    path = _object(keys, source)
    if path:
        keys.pop(path, None)


def _empty(keys: _Keys, source: Source) -> None:
    path = _object(keys, source)
    if path in keys:
        keys[path].clear()


def _copy(keys: _Keys, source: Source) -> None:
    """Another object like one that is there, perhaps of another class."""
    path, other = _object(keys, source), _object(keys, source)
    class_ = other.partition("{")[0]
    guid = str(uuid.UUID(int=source.number()))
    if path and class_:
        keys.setdefault(f"{class_}{{{guid}}}", dict(keys[path]))


def _add_foreign(keys: _Keys, source: Source) -> None:
    """A key that is no object, perhaps below one."""
    parent = _object(keys, source)
    name = source.pick(("Foreign", "ipsecPolicy", "no{brace", "ipsecPolicy{}", "İ", "\ud800", "ipsecFilter{1}x"))
    keys.setdefault(f"{parent}\\{name}" if parent and source.number() % 2 else name, {"a": Value.number(1)})


def _take_data(keys: _Keys, source: Source) -> None:
    """The data of another object."""
    path, other = _object(keys, source), _object(keys, source)
    if path in keys and "ipsecData" in keys.get(other, {}):
        keys[path]["ipsecData"] = keys[other]["ipsecData"]


def _add_key(keys: _Keys, source: Source) -> None:
    """A rule gets a pre-shared key."""
    path = source.pick(sorted(path for path in keys if path.lower().startswith("ipsecnfa{")) or [""])
    if path in keys:
        keys[path]["ipsecData"] = Value.binary(_SECRET)


# an input names a way by its number: others come behind these, so that found.yml keeps its meaning
_WAYS: t.Final[tuple[t.Callable[[_Keys, Source], None], ...]] = (
    _change_blob,
    _refer,
    _assign,
    _set_text,
    _set_texts,
    _set_other,
    _unset,
    _delete,
    _empty,
    _copy,
    _add_foreign,
    _take_data,
    _add_key,
)


def seeds() -> t.Iterator[bytes]:
    """Each store as it is, and each way on its own, and a few together."""
    for base in range(len(_BASES)):
        yield bytes([base])
        yield bytes([base | _DOMAIN])
        for way in range(len(_WAYS)):
            for place in (2, 7):
                yield bytes([base, way, place, place, 1, 3, 7, 0, 0, 255])
    yield bytes([0, 12, 0, 12, 1, 12, 2])
