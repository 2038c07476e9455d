# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reading and planning: a real store, with damages that the input describes.

An input is one byte for a store, then its damages: for each, a byte for the kind, bytes for an object and a value, and
what the kind needs.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t
import uuid

from ansible_collections.ipsec.windows.plugins.module_utils._core.attempt import Attempt, decide
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lint import lint
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.domain import DomainPolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError, PresharedKey
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import State, Wanted
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects import blobs
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import StoredPolicy, read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan import Plan
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.outcome import render_outcome, warnings
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.names import (
    ACTION,
    ACTIVE_POLICY,
    FILTERS,
    ISAKMP,
    NFAS,
    OWNERS,
    REPLACES,
    reference,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Operation, Set
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Kind, Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits, Goal, OnePolicy
from unit import stores

from .inputs import CORE, TOKEN, Source, check_hidden

SUBJECT: t.Final = (
    f"{CORE}/attempt.py",
    f"{CORE}/host/undo.py",
    f"{CORE}/objects/graph.py",
    f"{CORE}/objects/policies.py",
    f"{CORE}/plan/*.py",
    f"{CORE}/results/facts.py",
    f"{CORE}/results/outcome.py",
    f"{CORE}/target/goal.py",
)
WORDS: t.Final = ()
_MOST: t.Final = 12
_REFERENCES: t.Final = (ACTION, FILTERS, ISAKMP, NFAS, OWNERS, REPLACES)
_NAMES: t.Final = (
    *_REFERENCES,
    *("ipsecData", "ipsecName", "description", "className", "name", "ipsecID", "whenChanged", "ipsecDataType"),
    *("ipsecNegotiationPolicyType", "ipsecNegotiationPolicyAction"),
)
_TEXTS: t.Final = ("", "P", "no braces", "a\\b", "\ud800", "\0", "İ", "ipsecNFA{x}", "x" * 300, TOKEN)
_SECRET: t.Final = blobs.NfaBlob(
    methods=(blobs.AuthRecord(blobs.AuthType.PRESHARED_KEY, f"{TOKEN}\0".encode("utf-16-le")),)
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
    """The store with one policy and the first filters of each list: more of them would only take time."""
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
    """Facts of any store work and contain no keys. A task with the facts plans nothing.

    The operations of a plan create the store that it predicts, and their inverse undoes them. A policy can be deleted,
    and nothing is left over.
    """
    source = Source(data)
    first = source.number()
    store = _damaged(_BASES[first % len(_BASES)], source)
    assert _content(Store.parse(store.text())) == _content(store), "the text of a store is read as another store"
    graph = Graph(store)
    keys = [
        method
        for stored in read_policies(graph)
        for holder in (*stored.policy.rules, *filter(None, [stored.policy.default_response]))
        for method in holder.authentication
        if isinstance(method, PresharedKey)
    ]
    # facts may show the same text as a name
    keys = [] if _is_shown(store) else keys
    domain = _domain(graph) if first & _DOMAIN else None
    facts = render_facts(stores.host_with(store, domain=domain))
    check_hidden(json.dumps(facts), keys, "a fact")
    finished = _plan(store, _NOTHING, keys, domain=domain, pending=True)
    assert finished is not None, "an interrupted change cannot be finished"
    assert _operations(finished.store, _NOTHING, keys) == (), "the clean-up is never finished"
    policies = read_policies(finished.graph)
    for stored in policies:
        _check_unchanged(finished.store, stored, keys)
        _check_absent(finished.store, stored, policies, keys)


_NOTHING: t.Final = Edits(())
"""The goal of a task that only finishes an interrupted change."""


def _domain(graph: Graph) -> DomainPolicy:
    """A domain policy with the same store."""
    return DomainPolicy(
        path=f"LDAP://CN={graph.policies[0] if graph.policies else ''},CN=IP Security", name="", store=graph.store
    )


def _plan(store: Store, goal: Goal, keys: t.Sequence[object], **parts: t.Any) -> Plan | None:
    """The plan of a task, checked; None for a task that does not fit the store. `parts` as in `host_with`."""
    try:
        attempt = decide(goal, stores.host_with(store, **parts), stores.SETTINGS)
    except ModelError as error:
        assert "bug in the collection" not in str(error), error
        return None
    plan = attempt.plan
    assert _content(stores.after(store, plan.operations)) == _content(plan.store), "the plan predicts another store"
    undo = [
        o for o in stores.inverse(store, plan.operations) if not isinstance(o, Set) or o.value.kind is not Kind.UNKNOWN
    ]
    assert _known(stores.after(plan.store, undo)) == _known(store), "the inverse of a plan does not undo it"
    check_hidden(json.dumps(_result(attempt)), keys, "a result")
    return plan


def _operations(store: Store, goal: Goal, keys: t.Sequence[object]) -> tuple[Operation, ...] | None:
    plan = _plan(store, goal, keys)
    return None if plan is None else plan.operations


def _result(attempt: Attempt) -> t.Any:
    """What a user sees of an attempt."""
    operations = [step.render(None) for step in attempt.steps]
    outcome = render_outcome(attempt, host="host", title="P", service=None, diff=True, return_policy=True)
    return [outcome, operations, warnings(attempt, service=None, accept=())]


def _content(store: Store) -> dict[str, dict[str, Value]]:
    return {path: store.values(path) for path in store.paths()}


def _known(store: Store) -> dict[str, dict[str, Value]]:
    """The content without values of unknown kinds, which nothing can write."""
    return {
        path: {name: value for name, value in values.items() if value.kind is not Kind.UNKNOWN}
        for path, values in _content(store).items()
    }


def _check_unchanged(store: Store, stored: StoredPolicy, keys: t.Sequence[object]) -> None:
    """Check that a task with the facts of a policy, which has its id, changes nothing."""
    lint(stored.policy)
    # facts travel through a play as text
    tree = json.loads(json.dumps(render_policy(stored.policy)))
    try:
        goal = OnePolicy(parse_policy(tree))
    except ModelError:
        return
    operations = _operations(store, goal, keys)
    assert not operations or stored.problems or stored.blob is None, "a task with the facts of a policy changes it"


def _check_absent(
    store: Store, stored: StoredPolicy, policies: t.Sequence[StoredPolicy], keys: t.Sequence[object]
) -> None:
    """Check that a policy can be deleted without an effect on others."""
    plan = _plan(store, OnePolicy(Wanted(name=None, id=stored.policy.id), State.ABSENT), keys)
    assert plan is not None, "a policy cannot be deleted"
    assert stored.key not in plan.graph, "a deleted policy still exists"
    for policy in read_policies(plan.graph):
        before = next(p for p in policies if p.key == policy.key)
        assert policy.policy == before.policy, "the deletion of one policy changes another"
    assert _operations(plan.store, _NOTHING, keys) == (), "a deletion leaves objects over"


def _is_shown(store: Store) -> bool:
    """Whether the text of the key is also in a value that facts show."""
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
        source.pick(_DAMAGES)(keys, source)
    # a host has all keys above a key, and only one of several names that are the same to Windows
    for path in list(keys):
        while path:
            path = path.rpartition("\\")[0]
            keys.setdefault(path, {})
    last = {fold(path): (path, {fold(name): (name, values[name]) for name in values}) for path, values in keys.items()}
    return Store({path: dict(values.values()) for path, values in last.values()})


def _object(keys: _Keys, source: Source) -> str:
    return source.pick(sorted(keys)) if keys else ""


def _name(values: dict[str, Value], source: Source) -> str:
    names = (*sorted(values), *_NAMES)
    return names[source.number() % len(names)]


def _change_blob(keys: _Keys, source: Source) -> None:
    """Replace some bytes."""
    values = keys.get(_object(keys, source), {})
    found = next((name for name in values if name.lower() == "ipsecdata"), None)
    place, old, size = source.number(2), source.number(), source.number()
    data = values[found].data if found else None
    if isinstance(data, bytes):
        place %= len(data) + 1
        new = source.bytes(size % 32)
        values[t.cast(str, found)] = Value.binary(data[:place] + new + data[place + old % 32 :])


def _refer(keys: _Keys, source: Source) -> None:
    """Set a reference to other objects."""
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
    """Set a value of an unexpected kind."""
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
    """Copy an object, possibly as one of another class."""
    path, other = _object(keys, source), _object(keys, source)
    class_ = other.partition("{")[0]
    guid = str(uuid.UUID(int=source.number()))
    if path and class_:
        keys.setdefault(f"{class_}{{{guid}}}", dict(keys[path]))


def _add_foreign(keys: _Keys, source: Source) -> None:
    """Add a key that is not an object, possibly below one."""
    parent = _object(keys, source)
    name = source.pick(("Foreign", "ipsecPolicy", "no{brace", "ipsecPolicy{}", "İ", "\ud800", "ipsecFilter{1}x"))
    keys.setdefault(f"{parent}\\{name}" if parent and source.number() % 2 else name, {"a": Value.number(1)})


def _take_data(keys: _Keys, source: Source) -> None:
    """Use the data of another object."""
    path, other = _object(keys, source), _object(keys, source)
    if path in keys and "ipsecData" in keys.get(other, {}):
        keys[path]["ipsecData"] = keys[other]["ipsecData"]


def _add_key(keys: _Keys, source: Source) -> None:
    """Give a rule a pre-shared key."""
    path = source.pick(sorted(path for path in keys if path.lower().startswith("ipsecnfa{")) or [""])
    if path in keys:
        keys[path]["ipsecData"] = Value.binary(_SECRET)


# the inputs in found.yml have the numbers of these: add new ones at the end
_DAMAGES: t.Final[tuple[t.Callable[[_Keys, Source], None], ...]] = (
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
    """Each store as it is, with each damage alone, and with several keys."""
    for base in range(len(_BASES)):
        yield bytes([base])
        yield bytes([base | _DOMAIN])
        for damage in range(len(_DAMAGES)):
            for place in (2, 7):
                yield bytes([base, damage, place, place, 1, 3, 7, 0, 0, 255])
    yield bytes([0, 12, 0, 12, 1, 12, 2])
