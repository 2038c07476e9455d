# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host has in force, as the host module reports it: filters, associations, statistics, the domain policy."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..model import Action, Address, Ports


class MissingReason(enum.StrEnum):
    """Why the host cannot say something."""

    NO_CLASS = "no_class"
    NO_PROGRAM = "no_program"
    ACCESS_DENIED = "access_denied"
    SERVICE_STOPPED = "service_stopped"
    TOO_OLD = "too_old"
    TIMED_OUT = "timed_out"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True, slots=True)
class Missing:
    """A part that is not known. `detail` is what the host says about it, in its own language."""

    reason: MissingReason
    detail: str = ""


class Direction(enum.StrEnum):
    """The direction of the packets that a filter in force matches."""

    IN = "in"
    OUT = "out"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunningFilter:
    """A filter of the PolicyAgent in the filtering platform.

    `local` and `remote` are None where the filter has no condition for them. `direction` is None for a main-mode
    filter and at layers that belong to neither direction. `action` is None if the platform's action is none of the
    three. `protocol` is 0 for all. `unread` has the conditions that are not understood, so the filter may match less
    than the rest says. `weight` is the effective weight; the highest decides within a sublayer.
    """

    id: int
    key: str
    name: str
    layer: str
    sublayer: str
    direction: Direction | None
    action: Action | None
    tunnel: bool
    weight: int | None
    local: Address | None
    remote: Address | None
    local_port: Ports | None
    remote_port: Ports | None
    protocol: int
    unread: tuple[str, ...] = ()

    @property
    def main_mode(self) -> bool:
        """Whether it chooses a main-mode policy, and decides about no packet."""
        return self.layer.startswith("FWPM_LAYER_IKEEXT_")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunningFilters:
    """The filters of the PolicyAgent. `count` is their number, `total` that of all filters of the platform.
    `truncated` says that there are more than the host module returns.
    """

    filters: tuple[RunningFilter, ...] = ()
    count: int = 0
    total: int = 0
    truncated: bool = False
    missing: Missing | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEvent:
    """An event of the Security log about a policy. `time` is in seconds since 1970, `data` as the event names it."""

    id: int
    time: int
    record: int
    data: t.Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEvents:
    """The last events about policies, the newest first. `audit` is the setting of their subcategory in the language of
    the host, None if it is not known.
    """

    events: tuple[PolicyEvent, ...] = ()
    audit: str | None = None
    missing: Missing | None = None
