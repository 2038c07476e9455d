# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Changes of policies and of single rules, as commands and tasks ask for them."""

from __future__ import annotations

import dataclasses
import typing as t

from .wanted import WantedDefaultResponse, WantedMainMode, WantedRule


@dataclasses.dataclass(frozen=True, slots=True)
class EditPolicy:
    """Change a policy and one rule of it; what is None stays. Without `creates`, a missing policy stays missing."""

    policy: str
    poll_interval: int | None = None
    main_mode: WantedMainMode | None = None
    default_response: WantedDefaultResponse | None = None
    assigned: bool | None = None
    rule: WantedRule | None = None
    creates: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class DeletePolicy:
    """Delete a policy; `rules` are those that the command names, which it warns of no other."""

    policy: str
    rules: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteRule:
    """Delete one rule, known by `id` where it has one, else by its name."""

    policy: str
    name: str
    id: str | None = None


Edit: t.TypeAlias = EditPolicy | DeletePolicy | DeleteRule
