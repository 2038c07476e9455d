# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A whole policy."""

from __future__ import annotations

import dataclasses
from collections import Counter

from . import defaults
from .main_mode import DEFAULT_MAIN_MODE, MainMode
from .rules import DefaultResponse, Rule
from .text import U32, check_description, check_policy_name, require


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Policy:
    """A whole policy. `poll_interval` is in seconds. `id` is the braced GUID where the policy was read from a store;
    comparisons ignore it.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    description: str = ""
    poll_interval: int = defaults.POLL_INTERVAL
    main_mode: MainMode = DEFAULT_MAIN_MODE
    default_response: DefaultResponse | None = None
    id: str | None = None
    odd: bool = False

    def __post_init__(self) -> None:
        if self.odd:
            return
        check_policy_name(self.name)
        check_description(self.description, "the policy's description")
        require(
            1 <= self.poll_interval <= U32, f"the poll interval must be 1 to {U32} seconds, not {self.poll_interval}"
        )

    def _key(self) -> tuple[object, ...]:
        return (
            self.name,
            frozenset(Counter(self.rules).items()),
            self.description,
            self.poll_interval,
            self.main_mode,
            self.default_response,
        )

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Policy) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())
