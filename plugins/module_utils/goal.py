# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a task is after: which policies shall be there, told once the store is known."""

from __future__ import annotations

import dataclasses
import typing as t

from .draft import Change, Draft
from .graph import Graph, object_id
from .merge import find_policy, merge
from .model import ModelError, fold
from .objects import StoredPolicy, read_policies
from .resolve import Resolver, names_in
from .shape.edits import Edit, EditPolicy
from .shape.fields import at
from .shape.wanted import Wanted
from .source import Text

_T = t.TypeVar("_T")
Names: t.TypeAlias = tuple[list[str], list[str]]


class Goal(t.Protocol):
    """`title` names what it is about; `notes` say what was understood otherwise than written."""

    @property
    def title(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def names(self) -> Names:
        """The DNS names and the interfaces that the host has to be asked for."""

    def resolved(self, resolver: Resolver) -> Goal:
        """The same with addresses for names. Raises `ModelError`."""

    def changes(self, graph: Graph, notes: list[str]) -> list[Change]:
        """What becomes of which policy, in this order. Raises `ModelError`; what it does to others goes to `notes`."""


@dataclasses.dataclass(frozen=True, slots=True)
class OnePolicy:
    """One policy as a whole; it shall be there or, if `absent`, not be there."""

    wanted: Wanted
    absent: bool = False
    rules_mode: str = "exact"

    @property
    def title(self) -> str:
        return self.wanted.name or str(self.wanted.id)

    @property
    def notes(self) -> tuple[str, ...]:
        return self.wanted.notes

    def names(self) -> Names:
        return names_in(() if self.absent else self.wanted.rules or ())

    def resolved(self, resolver: Resolver) -> OnePolicy:
        if self.absent or not self.wanted.rules:
            return self
        rules = tuple(map(resolver.rule, self.wanted.rules))
        return dataclasses.replace(self, wanted=dataclasses.replace(self.wanted, rules=rules))

    def changes(self, graph: Graph, notes: list[str]) -> list[Change]:
        stored = find_policy(read_policies(graph), self.wanted.name, self.wanted.id)
        if self.absent:
            return [Change(stored, None, None)]
        target = merge(self.wanted, stored, self.rules_mode)
        _refuse_taken_name(graph, stored, target.policy.name)
        return [Change(stored, target, self.wanted.assigned)]


def _refuse_taken_name(graph: Graph, stored: StoredPolicy | None, name: str) -> None:
    if stored is not None and fold(stored.policy.name) == fold(name):
        return
    for other in graph.policies:
        if (stored is None or other != stored.key) and fold(graph.text(other, "ipsecName")) == fold(name):
            raise ModelError(f"another policy is called '{name}' already: {object_id(other)}")


@dataclasses.dataclass(frozen=True, slots=True)
class Placed:
    """An edit, and the command that asks for it where there is one. `place` names the item of a list that has that."""

    edit: Edit
    command: Text | None = None
    place: str = ""

    def at(self, do: t.Callable[..., _T], *args: t.Any) -> _T:
        """What `do` makes of the arguments; its errors show the command."""
        if self.command is None:
            return do(*args)
        command = self.command
        return at(self.place, lambda: command.at(do, *args)) if self.place else command.at(do, *args)


@dataclasses.dataclass(frozen=True, slots=True)
class Edits:
    """Changes one after the other."""

    edits: tuple[Placed, ...]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return ", ".join(dict.fromkeys(placed.edit.policy for placed in self.edits))

    def names(self) -> Names:
        edits = [placed.edit for placed in self.edits]
        return names_in(edit.rule for edit in edits if isinstance(edit, EditPolicy) and edit.rule)

    def resolved(self, resolver: Resolver) -> Edits:
        resolved = (
            dataclasses.replace(placed, edit=placed.at(_resolved, placed.edit, resolver)) for placed in self.edits
        )
        return dataclasses.replace(self, edits=tuple(resolved))

    def changes(self, graph: Graph, notes: list[str]) -> list[Change]:
        draft = Draft(read_policies(graph), graph.active)
        for placed in self.edits:
            placed.at(draft.apply, placed.edit)
        changes = draft.changes()
        notes += draft.notes
        return changes


def _resolved(edit: Edit, resolver: Resolver) -> Edit:
    if not isinstance(edit, EditPolicy) or edit.rule is None:
        return edit
    return dataclasses.replace(edit, rule=resolver.rule(edit.rule))
