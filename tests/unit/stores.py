# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Real stores, and short ways to read and change a store."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import re
import typing as t
import uuid

from ansible_collections.ipsec.windows.plugins.module_utils._core.attempt import Attempt, Settings, decide
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lockout import LockoutCheck
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import HostState
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import Service, ServiceStatus, StartType
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.undo import Undo
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import edits_of, read_line
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import RulesMode, State, Wanted
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects import blobs
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph, ObjectClass
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import StoredPolicy, read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan import Plan
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy, parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import (
    Create,
    Operation,
    Set,
    operations_text,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.regfile import regedit_file
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Kind, Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits, Goal, OnePolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.resolve import MultipleAddresses
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.stored import StoredPolicies
from winhost import ldif, policy, regfile, tree
from winhost.host import Host

DATA = pathlib.Path(__file__).parent.parent / "data"
CONTAINER = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local"


BLOBS: t.Final = {
    ObjectClass.POLICY: blobs.PolicyBlob,
    ObjectClass.ISAKMP: blobs.IsakmpBlob,
    ObjectClass.NFA: blobs.NfaBlob,
    ObjectClass.ACTION: blobs.NegotiationPolicyBlob,
    ObjectClass.FILTER: blobs.FilterBlob,
}
"""The format of `ipsecData` for each class of objects."""


def from_tree(found: tree.Tree, root: str = CONTAINER) -> Store:
    """The policy store of a simulated registry, or another key with all keys below it."""
    keys = {}
    for path, values in found.items():
        if path.lower() == root.lower() or path.lower().startswith(root.lower() + "\\"):
            keys[path[len(root) + 1 :]] = {name: _value(kind, data) for name, (kind, data) in values.items()}
    return Store(keys)


def _value(kind: int, data: tree.Value) -> Value:
    if kind in (Kind.DWORD, Kind.QWORD) and isinstance(data, bytes):
        # a number of the wrong size, which the host module reads as a value of an unknown kind
        return Value(Kind.UNKNOWN, b"")
    return Value(Kind(kind), tuple(data) if isinstance(data, list) else data)


def packed(operations: t.Iterable[Operation]) -> str:
    """Operations as a request has them."""
    return pack(operations_text(operations))


def to_tree(store: Store) -> tree.Tree:
    """A simulated registry with this policy store."""
    return {
        CONTAINER + ("\\" + path if path else ""): {
            name: (int(value.kind), list(value.data) if isinstance(value.data, tuple) else value.data)
            for name, value in store.values(path).items()
        }
        for path in store.paths()
    }


def put(host: Host, store: Store) -> None:
    """Write a store to a simulated host."""
    changes: list[tree.Change] = []
    for key, values in to_tree(store).items():
        changes.append(("create", key))
        changes += [("set", key, name, kind, data) for name, (kind, data) in values.items()]
    host.registry.change(changes)


def after(store: Store, operations: t.Iterable[Operation]) -> Store:
    """The store after some operations."""
    changed = store.copy()
    for operation in operations:
        changed.change(operation)
    return changed


def inverse(before: Store, operations: t.Sequence[Operation], found: Store | None = None) -> list[Operation]:
    """The operations that undo `operations`, which were done on the store `before`.

    `found` is the store afterwards if others have written, too.
    """
    undo = Undo()
    undo.begin(before, operations)
    undo.settle(len(operations), found)
    return undo.operations


def content(store: Store) -> dict[str, dict[str, Value]]:
    """Keys and values, without the spelling of their names, and without an empty container."""
    found = {fold(path): {fold(name): value for name, value in store.values(path).items()} for path in store.paths()}
    return {path: values for path, values in found.items() if path or values}


def in_force(found: tree.Tree):
    """The policy in force as the simulated host's own reader sees it, as `enforced`; None for none."""
    taken = policy.read(found)
    return None if taken is None else enforced(taken.policy)


def enforced(found: policy.Policy):
    """What a simulated host enforces of a policy: without names, ids and times."""
    rules = sorted(
        (
            (
                r.enabled,
                sorted(map(str, r.filters)),
                r.action,
                r.inpass,
                r.soft,
                str(r.methods),
                r.authentication,
                r.tunnel,
                r.connection_type,
                r.default_response,
            )
            for r in found.rules
        ),
        key=str,
    )
    return found.poll_interval, str(found.main_mode), rules


def windows_2022() -> Store:
    """A policy made on Windows 10 in 2022, in the current format."""
    found: tree.Tree = {}
    tree.apply_changes(found, regfile.parse((DATA / "windows-2022.reg").read_bytes()))
    return from_tree(found)


def microsoft_defaults() -> Store:
    """Microsoft's three default policies, in the format of Windows 2000."""
    return from_tree(ldif.to_tree((DATA / "microsoft-defaults.ldif").read_text(), CONTAINER))


_count = itertools.count(1)


def counting_guids():
    """New GUIDs, each only once in a run of the tests."""
    return lambda: str(uuid.UUID(int=next(_count)))


def facts(store: Store) -> dict[str, dict]:
    """All policies by name, as dictionaries."""
    return {p.policy.name: render_policy(p.policy) for p in read_policies(Graph(store))}


def stored(store: Store, name: str) -> StoredPolicy | None:
    return StoredPolicies(Graph(store)).find(name)


RUNNING = Service(status=ServiceStatus.RUNNING, start_type=StartType.AUTOMATIC)
SETTINGS = Settings(
    host="host", port=5985, multiple_addresses=MultipleAddresses.IGNORE, lockout_check=LockoutCheck.WARN
)


def host_with(store: Store, **parts) -> HostState:
    """A host that has the store, and on which everything is possible; `parts` are other fields of `HostState`."""
    found = {"digest": store.digest(), "service": RUNNING, "now": 2_000_000_000, **parts}
    return HostState(graph=Graph(store), **found)


@dataclasses.dataclass(frozen=True)
class Done:
    """What a task does to a store."""

    attempt: Attempt

    @property
    def plan(self) -> Plan:
        return self.attempt.plan

    @property
    def operations(self) -> tuple[Operation, ...]:
        return self.plan.operations

    @property
    def store(self) -> Store:
        return self.plan.store

    @property
    def notes(self) -> list[str]:
        return list(self.attempt.notes)

    @property
    def key(self) -> str | None:
        """The key of the policy of the task afterwards."""
        return self.plan.policies[0].key

    @property
    def outcome(self) -> StoredPolicy:
        """The policy of the task as it is read afterwards."""
        return self.plan.outcomes[self.key]


def run_goal(store: Store, goal: Goal, *, new_guid=None, settings=SETTINGS, **parts) -> Done:
    """What a task does on a host with that store; `parts` as in `host_with`."""
    return Done(decide(goal, host_with(store, **parts), settings, new_guid or counting_guids()))


def change(store: Store, wanted: dict, assigned=None, rules_mode="exact", **parts) -> Done:
    """What it takes to make a policy match `wanted`."""
    parsed = dataclasses.replace(parse_policy(wanted), assigned=assigned)
    return run_goal(store, OnePolicy(parsed, State.PRESENT, RulesMode(rules_mode)), **parts)


def remove(store: Store, name: str, **parts) -> Done:
    return run_goal(store, OnePolicy(Wanted(name=name), State.ABSENT), **parts)


def apply(store: Store, items) -> Store:
    """The store after tasks of ipsec_policy with these options."""
    for item in items:
        store = run_goal(store, OnePolicy(*parse_task(item))).store
    return store


def run_lines(store: Store, lines, **parts) -> Done:
    """What command lines of ipseccmd do to a store. A line is text, or was read in a script."""
    read = [read_line(line) if isinstance(line, str) else line for line in lines]
    return run_goal(store, Edits(*edits_of(read)), **parts)


def reg_file(store: Store) -> bytes:
    """The whole store as a .reg file."""
    operations = []
    for path in store.paths():
        operations.append(Create(path))
        operations += [Set(path, name, value) for name, value in store.values(path).items()]
    return regedit_file(operations)


_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_REFERENCES = ("ipsecISAKMPReference", "ipsecNFAReference", "ipsecNegotiationPolicyReference", "ipsecFilterReference")


def comparable(store: Store, without_guids=None) -> list[tuple[str, str, str]]:
    """Every byte of a store but its times and GUIDs: those of objects are numbered as a walk from the policies, by
    their names, meets them, and those of filters are zero. `without_guids` does that to a filter list's data.
    """
    without_guids = without_guids or _without_guids
    graph = Graph(store)
    found = sorted(graph.policies, key=lambda key: graph.text(key, "ipsecName"))
    for key in found:
        others = (other for name in _REFERENCES for other in graph.references(key, name))
        found += [other for other in dict.fromkeys(others) if other not in found]
    found += sorted(fold(path) for path in store.paths() if path and fold(path) not in found)
    numbers = {key[key.index("{") :].lower(): f"{{{number}}}" for number, key in enumerate(found) if "{" in key}

    def numbered(text: str) -> str:
        return _GUID.sub(lambda match: numbers.get(match[0].lower(), match[0]), text)

    rows = []
    for key in ("", *found):
        for name, value in sorted(store.values(key).items()):
            data = value.data
            if name == "whenChanged":
                data = 0
            elif isinstance(data, str):
                data = numbered(data)
            elif isinstance(data, tuple):
                data = tuple(map(numbered, data))
            elif name == "ipsecData" and graph.class_of(key) is ObjectClass.FILTER:
                data = without_guids(data)
            rows.append((numbered(store.spelling(key)), name, f"{value.kind.name} {data!r}"))
    return rows


def _without_guids(data: bytes) -> bytes:
    """A filter list of version 1 in which no filter has an id."""
    found, at = bytearray(data), 24
    for _i in range(int.from_bytes(data[20:24], "little")):
        for _text in range(3):
            at += 4 + int.from_bytes(data[at : at + 4], "little")
        found[at : at + 16] = bytes(16)
        at += 16 + 36
    assert at == len(data)
    return bytes(found)
