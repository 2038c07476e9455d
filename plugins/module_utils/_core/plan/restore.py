# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Plans the way back to a store as a backup has it."""

from __future__ import annotations

import collections
import typing as t

from ..hints import some
from ..host.backup import BackupFile, digests
from ..model import ModelError
from ..objects.graph import Graph, ObjectClass, class_in, describe_class, object_id
from ..objects.policies import StoredPolicy, StoredRule, read_policies
from ..store.casing import fold
from ..store.difference import difference
from ..store.names import CLASS, NAME, REPLACES, reference
from ..store.operations import Create, Delete, Operation, Set, Unset
from ..store.store import Store
from ..store.values import Value
from ..target.merge import PolicyChange, Target
from .planner import Plan, PolicyPlan
from .traits import REGISTRY
from .writer import StoreWriter

_SHOWN: t.Final = 5

_Stored = t.TypeVar("_Stored", StoredPolicy, StoredRule)
_Pair: t.TypeAlias = tuple[StoredPolicy | None, StoredPolicy | None]


def plan_restore(before: Graph, backup: BackupFile, now: int, notes: list[str]) -> Plan:
    """The operations that restore a backup, and what they mean for policies. Notes say what has changed since it was
    made. `now` is the host's clock.

    Like the change that it undoes, a restored change takes effect in one write. Raises `ModelError` if others have
    changed so much that policies would be damaged.
    """
    existed = _existed(backup)
    restored, gone = _restored(backup, before.store, existed)
    writer = StoreWriter(restored, REGISTRY, now, _no_guid)
    writer.clean_up()
    _refuse_damage(before, writer.graph, existed)
    pairs = _pairs(before, writer.graph)
    operations = _marked(difference(before.store, writer.store, (), before.released(writer.graph)), pairs)
    after = Graph(before.store.copy())
    for operation in operations:
        after.change(operation)
    if gone:
        notes.append(f"deleted since the backup, so not restored: {_titles(before, gone)}")
    if operations:
        notes += _changed_since(backup, before, after, gone)
    touched = {fold(operation.path) for operation in operations}
    changed = [pair for pair in pairs if _is_touched(*pair, before, after, touched)]
    # the assigned policy first, as in other plans
    changed.sort(key=lambda pair: pair[1] is None or pair[1].key != after.active)
    return Plan(
        operations=tuple(operations),
        graph=after,
        policies=tuple(_policy_plan(old, new, before, after) for old, new in changed),
    )


def _no_guid() -> str:
    raise AssertionError("restoring creates no new objects")


def _existed(backup: BackupFile) -> t.Callable[[str], bool]:
    """Whether an object, by its key, existed after the task. Of an unknown file: unless it has the whole object."""
    left = backup.left
    if left is not None:
        return lambda key: key in left
    whole = {fold(o.path) for o in backup.operations if isinstance(o, Set) and fold(o.name) == fold(CLASS)}
    return lambda key: class_in(key) is not None and key not in whole


def _restored(backup: BackupFile, store: Store, existed: t.Callable[[str], bool]) -> tuple[Store, list[str]]:
    """The store after the operations, and the keys of objects that are left alone because others have deleted them: a
    part of their values would be no object.
    """
    restored = store.copy()
    gone: dict[str, None] = {}
    for operation in backup.operations:
        key = fold(operation.path)
        if not isinstance(operation, Delete) and operation.path not in restored and existed(key):
            gone[key] = None
        else:
            restored.change(operation)
    return restored, list(gone)


def _refuse_damage(before: Graph, after: Graph, existed: t.Callable[[str], bool]) -> None:
    """Raise `ModelError` if an object would refer to one that others have deleted or still use, or if policies would
    have one name.
    """
    had = collections.Counter(fold(before.text(key, NAME)) for key in before.policies)
    for name, count in collections.Counter(fold(after.text(key, NAME)) for key in after.policies).items():
        if count > max(1, had[name]):
            shown = next(after.text(key, NAME) for key in after.policies if fold(after.text(key, NAME)) == name)
            raise ModelError(
                f"restoring this backup would result in {count} policies with the name '{shown}'. If there is a later "
                "backup, restore that one first; otherwise delete or rename the present policy"
            )
    for user in ("", *after.of_class(ObjectClass.POLICY), *after.of_class(ObjectClass.NFA)):
        for key in (part for part in after.parts(user) if part not in after):
            if key in before:
                used = f"{_title(after, user)} uses it now" if user else "it is assigned now"
                raise ModelError(f"restoring this backup would delete {_title(before, key)}, but {used}")
            if existed(key):
                needs = f"{_title(after, user)} needs" if user else "it assigns"
                raise ModelError(
                    f"this backup cannot be restored: {needs} {_title(before, key)}, which was deleted since the backup"
                )


def _marked(operations: list[Operation], pairs: t.Sequence[_Pair]) -> list[Operation]:
    """The operations, with a mark on each policy object that takes the place of another one while both exist: if they
    are interrupted, the next task knows which one stays.
    """
    created = {fold(operation.path) for operation in operations if isinstance(operation, Create)}
    moved = {new.key: old.key for old, new in pairs if old and new and old.key != new.key and new.key in created}
    found: list[Operation] = []
    unmark: list[Operation] = []
    for operation in operations:
        found.append(operation)
        if isinstance(operation, Create) and (replaced := moved.get(fold(operation.path))):
            found.append(Set(operation.path, REPLACES, Value.string(reference(replaced))))
            unmark.append(Unset(operation.path, REPLACES))
    return [*found, *unmark]


def _changed_since(backup: BackupFile, before: Graph, after: Graph, gone: t.Collection[str]) -> t.Iterator[str]:
    """What others have changed since the backup. What is as the backup has it was restored by an earlier run."""
    left = backup.left
    if left is None:
        yield "the file does not say what the task has left, so changes since then are not known"
        return
    done = {key for key in (fold(o.path) for o in backup.operations) if _is_restored(key, left, before, after)}
    now = digests(before.store)
    changes = {
        "changed": [key for key, digest in now.items() if left.get(key, digest) != digest],
        "created": [key for key in now if key not in left],
        "deleted": [key for key in left if key not in now and key not in gone],
    }
    for what, keys in changes.items():
        if found := [key for key in keys if key not in done]:
            yield f"{what} since the backup: {_titles(before, found)}"


def _is_restored(key: str, left: t.Mapping[str, str], before: Graph, after: Graph) -> bool:
    """Whether a key is as the backup has it, or is a part of an object that an interrupted restore was creating."""
    held, wanted = before.store.values(key), after.store.values(key)
    if key in left:
        return (key in before.store) == (key in after.store) and held == wanted
    return all(fold(name) == fold(REPLACES) or wanted.get(name) == value for name, value in held.items())


def _title(graph: Graph, key: str) -> str:
    """An object for a message: its class, and its name or id."""
    if not key:
        return "the assignment"
    name = graph.text(key, NAME) if key in graph else ""
    return f"the {describe_class(class_in(key))} {f'{name!r}' if name else object_id(key)}"


def _titles(graph: Graph, keys: t.Sequence[str]) -> str:
    return some([_title(graph, key) for key in keys], _SHOWN)


def _matched(
    old: t.Iterable[_Stored], new: t.Sequence[_Stored], name: t.Callable[[_Stored], str]
) -> tuple[list[_Stored | None], list[_Stored]]:
    """For each of `new` the one of `old` with its key, else with its name; and those of `old` that are left."""
    left = {item.key: item for item in old}
    found = {item.key: left.pop(item.key) for item in new if item.key in left}
    by_name = {fold(name(item)): item for item in left.values()}
    for item in new:
        if item.key not in found and (other := by_name.pop(fold(name(item)), None)) is not None:
            found[item.key] = left.pop(other.key)
    return [found.get(item.key) for item in new], list(left.values())


def _pairs(before: Graph, after: Graph) -> list[_Pair]:
    """Each policy before and after. A large change gives an assigned policy a new key."""
    new = read_policies(after)
    origins, gone = _matched(read_policies(before), new, lambda policy: policy.policy.name)
    return [*zip(origins, new, strict=True), *((policy, None) for policy in gone)]


def _is_active(policy: StoredPolicy | None, graph: Graph) -> bool:
    return policy is not None and policy.key == graph.active


def _is_touched(
    old: StoredPolicy | None, new: StoredPolicy | None, before: Graph, after: Graph, touched: t.AbstractSet[str]
) -> bool:
    """Whether the operations change anything of a policy, also what cannot be read, or its assignment."""
    if _is_active(old, before) != _is_active(new, after):
        return True
    parts = before.reachable(old.key) if old else set()
    return not touched.isdisjoint(parts | (after.reachable(new.key) if new else set()))


def _policy_plan(old: StoredPolicy | None, new: StoredPolicy | None, before: Graph, after: Graph) -> PolicyPlan:
    was_active, is_active = _is_active(old, before), _is_active(new, after)
    assigns = is_active and not was_active
    displaces = before.active if assigns else None
    return PolicyPlan(
        change=PolicyChange(old, _target(old, new), is_active if is_active != was_active else None),
        key=None if new is None else new.key,
        changed=True,
        in_force=was_active or is_active,
        assigns=assigns,
        displaces=displaces,
        unassigned=None if displaces is None else before.text(displaces, NAME),
    )


def _target(old: StoredPolicy | None, new: StoredPolicy | None) -> Target | None:
    if new is None:
        return None
    origins, removed = _matched(old.rules if old else (), new.rules, lambda rule: rule.rule.name)
    return Target(policy=new.policy, origins=tuple(origins), removed=tuple(removed))
