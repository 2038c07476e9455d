# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Real stores, and short ways to read and change one."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import re
import uuid

from ansible_collections.ipsec.windows.plugins.module_utils.graph import Graph, ObjectClass
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.lines import edits_of, read_line
from ansible_collections.ipsec.windows.plugins.module_utils.merge import find_policy, merge
from ansible_collections.ipsec.windows.plugins.module_utils.objects import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils.plan import Plan, plan_absent, plan_finish, plan_present
from ansible_collections.ipsec.windows.plugins.module_utils.resolve import Resolver
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils.store import Kind, Store, Value
from winhost import ldif, policy, regfile, tree

DATA = pathlib.Path(__file__).parent.parent / "data"
CONTAINER = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local"


def from_tree(found: tree.Tree) -> Store:
    """The policy store of a simulated registry."""
    keys = {}
    for path, values in found.items():
        if path.lower() == CONTAINER.lower() or path.lower().startswith(CONTAINER.lower() + "\\"):
            keys[path[len(CONTAINER) + 1 :]] = {
                name: Value(Kind(kind), tuple(data) if isinstance(data, list) else data)
                for name, (kind, data) in values.items()
            }
    return Store(keys)


def to_tree(store: Store) -> tree.Tree:
    """A simulated registry with this policy store."""
    return {
        CONTAINER + ("\\" + path if path else ""): {
            name: (int(value.kind), list(value.data) if isinstance(value.data, tuple) else value.data)
            for name, value in store.values(path).items()
        }
        for path in store.paths()
    }


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
    """A policy made on Windows 10 in 2022, by today's generation of writer."""
    found: tree.Tree = {}
    tree.apply_changes(found, regfile.parse((DATA / "windows-2022.reg").read_bytes()))
    return from_tree(found)


def microsoft_defaults() -> Store:
    """Microsoft's three default policies, by the old generation of writer."""
    return from_tree(ldif.to_tree((DATA / "microsoft-defaults.ldif").read_text(), CONTAINER))


_count = itertools.count(1)


def counting_guids():
    """New GUIDs, each once in a run of the tests."""
    return lambda: str(uuid.UUID(int=next(_count)))


def facts(store: Store) -> dict[str, dict]:
    """All policies by name, in the one shape."""
    return {p.policy.name: render_policy(p.policy) for p in read_policies(Graph(store))}


def stored(store: Store, name: str):
    return find_policy(read_policies(Graph(store)), name, None)


def change(store: Store, wanted: dict, assigned=None, rules_mode="exact", now=2_000_000_000):
    """The plan that makes a policy what `wanted` says."""
    begun = plan_finish(store, False, now, counting_guids())
    graph = Graph(begun.store)
    parsed = parse_policy(wanted)
    found = find_policy(read_policies(graph), parsed.name, parsed.id)
    target = merge(parsed, found, rules_mode)
    return plan_present(graph, found, target, assigned, now, counting_guids()).after(begun)


def remove(store: Store, name: str, now=2_000_000_000):
    begun = plan_finish(store, False, now, counting_guids())
    graph = Graph(begun.store)
    found = find_policy(read_policies(graph), name, None)
    return plan_absent(graph, found, now, counting_guids()).after(begun)


def apply(store: Store, items) -> Store:
    """Each item as a task of ipsec_policy takes it."""
    for item in items:
        policy = {key: value for key, value in item.items() if key not in ("state", "rules_mode")}
        if item.get("state") == "absent":
            store = remove(store, item["name"]).store
        else:
            store = change(store, policy, item.get("assigned"), item.get("rules_mode", "exact")).store
    return store


@dataclasses.dataclass(frozen=True)
class Done:
    """What commands made of a store, and what they had to say."""

    plan: Plan
    notes: list[str]

    @property
    def store(self) -> Store:
        return self.plan.store

    @property
    def operations(self) -> int:
        return len(self.plan.operations)


def run_goal(store: Store, goal, names=None, interfaces=None, now=2_000_000_000, new_guid=None) -> Done:
    """One plan, as a task makes it. `names` and `interfaces` are what the host answers."""
    new_guid = new_guid or counting_guids()
    resolver = Resolver(names or {}, interfaces or {}, "ignore")
    goal = goal.resolved(resolver)
    notes = [*goal.notes, *resolver.warnings]
    plan = plan_finish(store, False, now, new_guid)
    for change in goal.changes(plan.graph, notes):
        if change.target is None:
            found = plan_absent(plan.graph, change.stored, now, new_guid)
        else:
            found = plan_present(plan.graph, change.stored, change.target, change.assigned, now, new_guid)
            assert found.outcome.policy == change.target.policy
        plan = found.after(plan)
    return Done(plan, notes)


def run_lines(store: Store, lines, names=None, interfaces=None, now=2_000_000_000) -> Done:
    """What command lines of ipseccmd make of a store: texts, or what was read in a script."""
    read = [read_line(line) if isinstance(line, str) else line for line in lines]
    return run_goal(store, edits_of(read), names, interfaces, now)


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
    found += sorted(path.lower() for path in store.paths() if path and path.lower() not in found)
    numbers = {key[key.index("{") :]: f"{{{number}}}" for number, key in enumerate(found) if "{" in key}

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
