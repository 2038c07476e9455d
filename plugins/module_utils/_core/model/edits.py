# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Changes of policies and of single rules, as commands and tasks request them."""

from __future__ import annotations

import dataclasses
import typing as t

from .wanted import WantedDefaultResponse, WantedMainMode, WantedRule


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EditPolicy:
    """Change a policy and one of its rules; None leaves a part as it is. Without `creates`, a missing policy is not
    created; with `created_later`, another edit creates it.
    """

    policy: str
    poll_interval: int | None = None
    main_mode: WantedMainMode | None = None
    default_response: WantedDefaultResponse | None = None
    assigned: bool | None = None
    rule: WantedRule | None = None
    creates: bool = True
    created_later: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class DeletePolicy:
    """Delete a policy. `rules` are the rules that the command names; other rules give a warning."""

    policy: str
    rules: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteRule:
    """Delete one rule, identified by `id` where it is given, else by its name."""

    policy: str
    name: str
    id: str | None = None


Edit: t.TypeAlias = EditPolicy | DeletePolicy | DeleteRule
