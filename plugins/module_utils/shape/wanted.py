# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a task wants of a policy, before anybody knows what is there."""

from __future__ import annotations

import dataclasses

from ..model import AuthMethod, MainModeMethod, Rule, SecurityMethod


@dataclasses.dataclass(frozen=True, slots=True)
class WantedMainMode:
    """The parts of main mode that were given; None is left as it is."""

    methods: tuple[MainModeMethod, ...] | None = None
    lifetime_seconds: int | None = None
    quick_mode_limit: int | None = None
    pfs: bool | None = None
    odd: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class WantedDefaultResponse:
    """The parts of the default response rule that were given; None is left as it is."""

    enabled: bool
    methods: tuple[SecurityMethod, ...] | None = None
    authentication: tuple[AuthMethod, ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What was given of a policy; None is left as it is, or the manual's default where there is nothing.

    Rules are complete. `notes` say what was understood otherwise than written.
    """

    name: str | None
    id: str | None = None
    description: str | None = None
    assigned: bool | None = None
    poll_interval: int | None = None
    main_mode: WantedMainMode | None = None
    default_response: WantedDefaultResponse | None = None
    rules: tuple[Rule, ...] | None = None
    odd: bool = False
    notes: tuple[str, ...] = ()
