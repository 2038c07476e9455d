# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is asked of a directory and what it answers, as values without bytes of the protocol (RFC 4511)."""

from __future__ import annotations

import dataclasses
import enum
import typing as t


class Scope(enum.IntEnum):
    """Which entries a search looks at: the base itself, those directly below it, or the whole tree."""

    BASE = 0
    ONE_LEVEL = 1
    SUBTREE = 2


@dataclasses.dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """An entry. `attributes` are the values by the name of the attribute in lower case. They may contain pre-shared
    keys, so `repr` leaves them out.
    """

    dn: str
    attributes: t.Mapping[str, tuple[bytes, ...]] = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search. `match` are attributes that an entry must have, each with its value, or None for any value; with none,
    all entries match. `descriptors` asks for nTSecurityDescriptor with owner, group and access list.
    """

    base: str
    scope: Scope = Scope.BASE
    match: tuple[tuple[str, str | None], ...] = ()
    attributes: tuple[str, ...] = ()
    descriptors: bool = False


Attribute: t.TypeAlias = tuple[str, tuple[bytes, ...]]
"""The name of an attribute and its values."""


@dataclasses.dataclass(frozen=True, slots=True)
class AddEntry:
    """Add an entry."""

    dn: str
    attributes: tuple[Attribute, ...] = dataclasses.field(repr=False)


class ChangeKind(enum.IntEnum):
    """What a change does to an attribute. Replacing cannot be guarded, so it is not used."""

    ADD = 0
    DELETE = 1


@dataclasses.dataclass(frozen=True, slots=True)
class AttributeChange:
    """Values of one attribute that are added or deleted."""

    kind: ChangeKind
    name: str
    values: tuple[bytes, ...] = dataclasses.field(repr=False)


def swap(name: str, old: tuple[bytes, ...], new: tuple[bytes, ...]) -> tuple[AttributeChange, ...]:
    """Delete the old values and add the new ones. With the same values, it guards them."""
    pairs = ((ChangeKind.DELETE, old), (ChangeKind.ADD, new))
    return tuple(AttributeChange(kind, name, values) for kind, values in pairs if values)


@dataclasses.dataclass(frozen=True, slots=True)
class ModifyEntry:
    """Change an entry, all changes or none. Values that are deleted must exist: this is how a write is guarded."""

    dn: str
    changes: tuple[AttributeChange, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteEntry:
    """Delete an entry without children."""

    dn: str


Write: t.TypeAlias = AddEntry | ModifyEntry | DeleteEntry


class Directory(t.Protocol):
    """A connection to one domain controller, or a directory in memory."""

    @property
    def server(self) -> str:
        """The server that answers, for messages."""

    def search(self, search: Search) -> list[DirectoryEntry]:
        """All entries that match. Raises `ResultError` (32 for a base that does not exist) and `DirectoryError`."""

    def write(self, write: Write) -> None:
        """Do one write. Raises `ResultError`, `LostConnection` and `DirectoryError`."""
