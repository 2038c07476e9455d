# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Operations as a user wants to read them: one line an object, with the field's names and without any data."""

from __future__ import annotations

import dataclasses
import typing as t

from .graph import Graph, describe_class, object_id
from .store import Create, Delete, Operation, Set, Unset


@dataclasses.dataclass(slots=True)
class Step:
    """All that is done to one object in a row. `values` are the names of values that are written or removed."""

    operation: str
    object: str
    id: str | None
    name: str | None
    values: list[str]
    first: int
    last: int

    def render(self, done: int | None) -> dict[str, t.Any]:
        """`done` is how many operations the host has done; None where it was not asked to."""
        tree: dict[str, t.Any] = {"operation": self.operation, "object": self.object, "id": self.id, "name": self.name}
        if self.operation == "change":
            tree["values"] = self.values
        if done is not None:
            tree["status"] = "done" if done > self.last else "not done" if done <= self.first else "partly done"
        return tree


def steps(operations: t.Sequence[Operation], before: Graph, after: Graph) -> list[Step]:
    """The operations in their order, those on one object in a row taken together."""
    found: list[Step] = []
    path: str | None = None
    for index, operation in enumerate(operations):
        if operation.path != path or isinstance(operation, Create | Delete):
            path = operation.path
            found.append(_step(operation, before, after, index))
        if isinstance(operation, Set | Unset) and found[-1].operation == "change":
            found[-1].values.append(operation.name)
        found[-1].last = index
    return found


def _step(operation: Operation, before: Graph, after: Graph, index: int) -> Step:
    verb = {Create: "create", Delete: "delete"}.get(type(operation), "change")
    key = operation.path.lower()
    if not key:
        return Step("change", "assignment", None, None, [], index, index)
    graph = before if verb == "delete" and key in before else after if key in after else before
    class_ = graph.class_of(key)
    name = graph.text(key, "ipsecName") if key in graph else ""
    return Step(verb, describe_class(class_), object_id(key) if class_ else None, name or None, [], index, index)
