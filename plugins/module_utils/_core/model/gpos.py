# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which Group Policy objects are to assign a policy."""

from __future__ import annotations

import dataclasses
import enum


class GposMode(enum.StrEnum):
    """How listed Group Policy objects combine with those that assign the policy now."""

    EXACT = "exact"
    ADD = "add"
    REMOVE = "remove"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WantedGpos:
    """The Group Policy objects, by name or braced GUID, that are to assign the policy named `policy`; None is the only
    policy of the task. `place` is where it is written, for messages.
    """

    gpos: tuple[str, ...]
    mode: GposMode = GposMode.EXACT
    policy: str | None = None
    place: str = "gpos"
