# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Operations as a user reads them: one entry for each object, in IPsec terms, without data."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..objects.graph import Graph, describe_class, object_id
from ..store.casing import fold
from ..store.names import NAME
from ..store.operations import Create, Delete, Operation, Set, Unset


class Verb(enum.StrEnum):
    """What is done to an object."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


class Progress(enum.StrEnum):
    """How much of a step is done."""

    DONE = "done"
    PARTLY_DONE = "partly done"
    NOT_DONE = "not done"


@dataclasses.dataclass(slots=True, kw_only=True)
class Step:
    """What is done to one object in a row. `values` are the names of values that are written or removed; `first` and
    `last` are the numbers of its operations, from 0.
    """

    verb: Verb
    object: str
    id: str | None
    name: str | None
    first: int
    last: int
    values: list[str] = dataclasses.field(default_factory=list)

    def render(self, done: int | None) -> dict[str, t.Any]:
        """`done` is the number of operations that the host has done; None if it was not asked."""
        tree: dict[str, t.Any] = {"operation": str(self.verb), "object": self.object, "id": self.id, "name": self.name}
        if self.verb is Verb.CHANGE:
            tree["values"] = self.values
        if done is not None:
            tree["status"] = str(self._progress(done))
        return tree

    def _progress(self, done: int) -> Progress:
        if done > self.last:
            return Progress.DONE
        return Progress.NOT_DONE if done <= self.first else Progress.PARTLY_DONE


def steps(operations: t.Sequence[Operation], before: Graph, after: Graph) -> list[Step]:
    """The operations in order; those on one object in a row are one step."""
    found: list[Step] = []
    path: str | None = None
    for index, operation in enumerate(operations):
        if operation.path != path or isinstance(operation, Create | Delete):
            path = operation.path
            found.append(_step(operation, before, after, index))
        if isinstance(operation, Set | Unset) and found[-1].verb is Verb.CHANGE:
            found[-1].values.append(operation.name)
        found[-1].last = index
    return found


def _step(operation: Operation, before: Graph, after: Graph, index: int) -> Step:
    verb = {Create: Verb.CREATE, Delete: Verb.DELETE}.get(type(operation), Verb.CHANGE)
    key = fold(operation.path)
    if not key:
        return Step(verb=Verb.CHANGE, object="assignment", id=None, name=None, first=index, last=index)
    graph = before if verb is Verb.DELETE and key in before else after if key in after else before
    class_ = graph.class_of(key)
    name = graph.text(key, NAME) if key in graph else ""
    return Step(
        verb=verb,
        object=describe_class(class_),
        id=object_id(key) if class_ else None,
        name=name or None,
        first=index,
        last=index,
    )
