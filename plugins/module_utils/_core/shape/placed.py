# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Edits with the place that asks for them."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model.edits import Edit
from ..source.text import Text
from .fields import at

_T = t.TypeVar("_T")


@dataclasses.dataclass(frozen=True, slots=True)
class PlacedEdit:
    """An edit, and the command that asks for it if there is one.

    `place` names the item of a list that has the command.
    """

    edit: Edit
    command: Text | None = None
    place: str = ""

    def at(self, do: t.Callable[..., _T], *args: t.Any) -> _T:
        """The result of `do`, whose errors show the command."""
        if self.command is None:
            return do(*args)
        command = self.command
        return at(self.place, lambda: command.at(do, *args)) if self.place else command.at(do, *args)
