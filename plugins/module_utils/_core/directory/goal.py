# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The goal of a task on a domain."""

from __future__ import annotations

import dataclasses

from ..model.gpos import WantedGpos
from ..target.goal import Names, PolicyGoal


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DomainGoal:
    """What a task is after: policies, the Group Policy objects that assign them, or both."""

    policies: PolicyGoal | None
    gpos: tuple[WantedGpos, ...] = ()

    @property
    def title(self) -> str:
        """What the task is about."""
        if self.policies is not None:
            return self.policies.title
        return ", ".join(dict.fromkeys(wanted.policy or "" for wanted in self.gpos))

    @property
    def notes(self) -> tuple[str, ...]:
        """Where the meaning differs from what was written."""
        return self.policies.notes if self.policies is not None else ()

    def names(self) -> Names:
        """The DNS names and the interfaces to look up."""
        return self.policies.names() if self.policies is not None else ([], [])
