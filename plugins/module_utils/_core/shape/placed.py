# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Edits with the place that asks for them."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model.dynamic import DynamicChange
from ..model.edits import Edit
from ..source.text import Text
from .fields import at

_T = t.TypeVar("_T")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The command that asks for something, if there is one, and the item of a list (`place`) that has it."""

    command: Text | None = None
    place: str = ""

    def at(self, do: t.Callable[..., _T], *args: t.Any) -> _T:
        """The result of `do`, whose errors show the command."""
        if self.command is None:
            return at(self.place, do, *args)
        command = self.command
        return at(self.place, lambda: command.at(do, *args)) if self.place else command.at(do, *args)


@dataclasses.dataclass(frozen=True, slots=True)
class PlacedEdit(Placed):
    """An edit with its place."""

    edit: Edit


@dataclasses.dataclass(frozen=True, slots=True)
class PlacedChange(Placed):
    """A change of dynamic rules with its place."""

    change: DynamicChange
