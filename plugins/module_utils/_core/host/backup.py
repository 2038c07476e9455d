# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The file that undoes a task: a .reg file whose comments say what the task has left.

`reg import` carries it out. A task that restores it can also say what others have changed since.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ..hints import printable, some
from ..objects.graph import Graph, ObjectClass, class_in, describe_class, object_id
from ..store.casing import fold
from ..store.names import ACTIVE_POLICY, CLASS, DATA, NAME
from ..store.operations import Delete, Operation, Set, Unset
from ..store.regfile import parse_regedit_file, regedit_file
from ..store.store import Store

_SHOWN: t.Final = 5
_HOST: t.Final = "host "
_LEFT: t.Final = "left "


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BackupFile:
    """`operations` undo what a task wrote on `host`; `left` has the digest of each object, by its key, as the task left
    it. Both are None in a file that another program has written.
    """

    operations: tuple[Operation, ...]
    host: str | None = None
    left: t.Mapping[str, str] | None = None

    @classmethod
    def of(cls, operations: t.Iterable[Operation], host: str, left: Store) -> BackupFile:
        """The backup of a task that has left the store `left`."""
        return cls(operations=tuple(operations), host=printable(host), left=_digests(left))

    def pack(self) -> bytes:
        comments = ["The task ipsec_store with the option restore undoes with this file what a task wrote."]
        if self.host is not None:
            comments.append(f"{_HOST}{self.host}")
        comments += [f"{_LEFT}{digest} {key}" for key, digest in (self.left or {}).items()]
        return regedit_file(self.operations, comments)

    @classmethod
    def unpack(cls, data: bytes) -> BackupFile:
        """Raises `StoreError`."""
        operations, comments = parse_regedit_file(data)
        host = next((comment[len(_HOST) :] for comment in comments if comment.startswith(_HOST)), None)
        left = [comment[len(_LEFT) :].partition(" ") for comment in comments if comment.startswith(_LEFT)]
        # the container has an empty path
        known = {key: digest for digest, _space, key in left}
        return cls(operations=tuple(operations), host=host, left=None if host is None else known)

    def restore(self, store: Store, notes: list[str]) -> Store:
        """`store` as it is after the operations. Notes say what has changed since the backup, and what stays for that
        reason.
        """
        restored = store.copy()
        gone: dict[str, None] = {}
        whole = {fold(o.path) for o in self.operations if isinstance(o, Set) and fold(o.name) == fold(CLASS)}

        def existed(key: str) -> bool:
            """Whether the object existed after the task. Of an unknown file: unless it creates the whole object."""
            return key in self.left if self.left is not None else class_in(key) is not None and key not in whole

        for operation in self.operations:
            key = fold(operation.path)
            # an object that others have deleted stays deleted: a part of its values would be no object
            if not isinstance(operation, Delete) and operation.path not in restored and existed(key):
                gone[key] = None
            else:
                restored.change(operation)
        assigned = Graph(restored).references("", ACTIVE_POLICY)
        if any(key not in restored and existed(key) for key in assigned):
            old = store.get("", ACTIVE_POLICY)
            restored.change(Unset("", ACTIVE_POLICY) if old is None else Set("", ACTIVE_POLICY, old))
            notes.append(
                "the policy that was assigned before does not exist any more, so the assignment stays as it is"
            )
        if gone:
            notes.append(f"deleted since the backup, so not restored: {_titles(Graph(store), gone)}")
        if restored.text() != store.text():
            notes += self._changed_since(store, restored, gone)
        return restored

    def _changed_since(self, store: Store, restored: Store, gone: t.Collection[str]) -> t.Iterator[str]:
        """What others have changed. What is as the file wants it was restored already."""
        if self.left is None:
            yield "the file does not say what the task has left, so changes since then are not known"
            return
        done = {
            key
            for key in (fold(operation.path) for operation in self.operations)
            if (key in store) == (key in restored) and store.values(key) == restored.values(key)
        }
        graph, now = Graph(store), _digests(store)
        changes = {
            "changed": [key for key, digest in now.items() if self.left.get(key, digest) != digest],
            "created": [key for key in now if key not in self.left],
            "deleted": [key for key in self.left if key not in now and key not in gone],
        }
        for what, keys in changes.items():
            if found := [key for key in keys if key not in done]:
                yield f"{what} since the backup: {_titles(graph, found)}"


def _titles(graph: Graph, keys: t.Iterable[str]) -> str:
    """Objects for a message, each with its class, and its name or id."""
    found = []
    for key in keys:
        name = graph.text(key, NAME) if key in graph else ""
        found.append(f"{describe_class(class_in(key))} {name or object_id(key)}" if key else "the assignment")
    return some(found, _SHOWN)


def _digests(store: Store) -> dict[str, str]:
    """A digest for each key, by its folded path. The data of a rule is left out, as it can hold pre-shared keys: its
    whenChanged tells of changes.
    """
    graph = Graph(store)
    found = {}
    for path in store.paths():
        key = fold(path)
        hidden = fold(DATA) if graph.class_of(key) is ObjectClass.NFA else None
        shown = {name: value for name, value in store.values(path).items() if fold(name) != hidden}
        text = Store({path: shown}).text()
        if key.isprintable():
            found[key] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return found
