# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which Group Policy objects assign which policy, and the writes that change it (MS-GPIPSEC 2.2.2, 3.1.5.8)."""

from __future__ import annotations

import dataclasses

from .gpt import GptChange
from .ldap import Write
from .state import Gpo


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GpoChange:
    """What happens to a Group Policy object. `before` and `after` are the names of the policies that it assigns, "" for
    none. `finishes` says that it assigns the same policy as before: an interrupted change is finished, or the name of
    the policy changes.
    """

    gpo: Gpo
    before: str
    after: str
    finishes: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GpoPlan:
    """What happens to Group Policy objects: `before` are the writes before those of policies, `after` the ones after
    them, and `gpt` follows last.
    """

    changes: tuple[GpoChange, ...] = ()
    before: tuple[Write, ...] = ()
    after: tuple[Write, ...] = ()
    gpt: tuple[GptChange, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything is written."""
        return bool(self.before or self.after or self.gpt)

    @property
    def assigned(self) -> tuple[Gpo, ...]:
        """Those that assign another policy afterwards."""
        return tuple(change.gpo for change in self.changes if change.after and not change.finishes)

    @property
    def unassigned(self) -> tuple[Gpo, ...]:
        """Those that assign no policy afterwards, but did before."""
        return tuple(change.gpo for change in self.changes if change.before and not change.after)
