# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Real stores, and short ways to read and change one."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import uuid

from ansible_collections.ipsec.windows.plugins.module_utils.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils.ipseccmd.lines import edits_of, read_line
from ansible_collections.ipsec.windows.plugins.module_utils.merge import find_policy, merge
from ansible_collections.ipsec.windows.plugins.module_utils.objects import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils.plan import plan_absent, plan_finish, plan_present
from ansible_collections.ipsec.windows.plugins.module_utils.resolve import Resolver
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils.store import Kind, Store, Value
from winhost import ldif, regfile, tree

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


@dataclasses.dataclass(frozen=True)
class Done:
    """What commands made of a store, how many operations that took, and what they had to say."""

    store: Store
    operations: int
    notes: list[str]


def run_goal(store: Store, goal, names=None, interfaces=None, now=2_000_000_000) -> Done:
    """One plan, as a task makes it. `names` and `interfaces` are what the host answers."""
    resolver = Resolver(names or {}, interfaces or {}, "ignore")
    goal = goal.resolved(resolver)
    notes = [*goal.notes, *resolver.warnings]
    plan = plan_finish(store, False, now, counting_guids())
    for change in goal.changes(plan.graph, notes):
        if change.target is None:
            found = plan_absent(plan.graph, change.stored, now, counting_guids())
        else:
            found = plan_present(plan.graph, change.stored, change.target, change.assigned, now, counting_guids())
            assert found.outcome.policy == change.target.policy
        plan = found.after(plan)
    return Done(plan.store, len(plan.operations), notes)


def run_lines(store: Store, lines, names=None, interfaces=None, now=2_000_000_000) -> Done:
    """What command lines of ipseccmd make of a store: texts, or what was read in a script."""
    read = [read_line(line) if isinstance(line, str) else line for line in lines]
    return run_goal(store, edits_of(read), names, interfaces, now)
