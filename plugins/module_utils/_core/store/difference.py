# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The operations that turn one store into another."""

from __future__ import annotations

import typing as t

from .casing import fold
from .operations import Create, Delete, Operation, Set, Unset
from .store import Store


def difference(
    old: Store, new: Store, possible: t.Sequence[Operation] = (), released: t.Collection[str] = ()
) -> list[Operation]:
    """The operations that turn `old` into `new`: new keys, then values, then the assignment, then deletions.

    `possible` are operations of which any number may have been done: everything that they change is restored.
    `released` are the folded paths of objects that change after the assignment, because it takes them out of force.
    """
    touched: dict[str, dict[str, str]] = {}
    for operation in possible:
        if isinstance(operation, Set | Unset):
            touched.setdefault(fold(operation.path), {})[fold(operation.name)] = operation.name
    created: list[Operation] = []
    changed: list[Operation] = []
    # a container that the task has created stays, as others may use it by the time of the import
    for path in sorted(
        {*new.paths(), *([""] if "" in old else [])}, key=lambda path: (fold(path) in released, path == "", path)
    ):
        target = changed if path in old else created
        if path not in old:
            created.append(Create(path))
        names = touched.get(fold(path), {})
        held = {fold(name): name for name in old.values(path)}
        target += [Unset(path, name) for name in (held | names).values() if new.get(path, name) is None]
        target += [
            Set(path, name, value)
            for name, value in new.values(path).items()
            if old.get(path, name) != value or fold(name) in names
        ]
    paths = {fold(path): path for path in (*old.paths(), *(o.path for o in possible if isinstance(o, Create)))}
    deleted = {key: path for key, path in paths.items() if key and path not in new}
    tops = [path for key, path in deleted.items() if key.rpartition("\\")[0] not in deleted]
    return [*created, *changed, *map(Delete, tops)]
