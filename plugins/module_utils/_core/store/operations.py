# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The operations that change a store, and the text form in which they are transferred (docs/host-module.md)."""

from __future__ import annotations

import dataclasses
import typing as t

from .values import Value, encode_name


@dataclasses.dataclass(frozen=True, slots=True)
class Create:
    """Create a key, and the missing keys above it."""

    path: str

    def line(self) -> str:
        return f"c;{encode_name(self.path)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Set:
    """Set a value of an existing key."""

    path: str
    name: str
    value: Value

    def line(self) -> str:
        return f"s;{encode_name(self.path)};{encode_name(self.name)};{self.value.text()}"


@dataclasses.dataclass(frozen=True, slots=True)
class Unset:
    """Remove a value."""

    path: str
    name: str

    def line(self) -> str:
        return f"u;{encode_name(self.path)};{encode_name(self.name)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Delete:
    """Delete a key and everything below it."""

    path: str

    def line(self) -> str:
        return f"d;{encode_name(self.path)}"


Operation: t.TypeAlias = Create | Set | Unset | Delete


def operations_text(operations: t.Iterable[Operation]) -> str:
    """A line for each operation."""
    return "".join(operation.line() + "\n" for operation in operations)
