# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The meaning of a command line of ipseccmd, for each mode. None and an empty tuple mean that a part is omitted."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..model import Action, AuthMethod, ConnectionType, DnsName, Filter, HostAddress, MainModeMethod
from ..notation.negotiation import Negotiation


class Query(enum.StrEnum):
    """What query mode shows, in the manual's order."""

    FILTERS = "filters"
    POLICIES = "policies"
    AUTH = "auth"
    STATS = "stats"
    SAS = "sas"


class StoreKind(enum.StrEnum):
    """Where static mode writes."""

    REGISTRY = "reg"
    DIRECTORY = "ds"


@dataclasses.dataclass(frozen=True, slots=True)
class FilterSpec:
    """One filter of -f. `action` is permit for a filter in parentheses, block for one in brackets."""

    filter: Filter
    action: Action | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Rekey:
    """When the main-mode key is renewed (-1k)."""

    quick_modes: int | None = None
    seconds: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The parameters of dynamic mode, which static mode has too. `default_response` is ``-f default``."""

    filters: tuple[FilterSpec, ...] = ()
    default_response: bool = False
    negotiation: Negotiation | None = None
    tunnel: HostAddress | DnsName | None = None
    authentication: tuple[AuthMethod, ...] = ()
    main_mode_methods: tuple[MainModeMethod, ...] = ()
    main_mode_rekey: Rekey | None = None
    main_mode_pfs: bool = False
    main_mode_filters: tuple[Filter, ...] = ()
    soft_lifetime: int | None = None
    soft: bool = False
    confirm: bool = False
    connection_type: ConnectionType | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class AddRule:
    """Dynamic mode: add a rule."""

    parameters: Parameters
    computer: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteRules:
    """Dynamic mode: delete all dynamic rules (-u)."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WritePolicy:
    """Static mode. `location` is a computer or a domain, `poll_interval` is in minutes.

    `rules` are the names of -r: one, or with `delete` any number. `assign` is True for -x, False for -y.
    """

    parameters: Parameters
    store: StoreKind
    policy: str
    location: str | None = None
    poll_interval: int | None = None
    rules: tuple[str, ...] = ()
    assign: bool | None = None
    delete: bool = False
    computer: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Show:
    """Query mode."""

    what: frozenset[Query]
    computer: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Help:
    """``/?``: show the syntax and do nothing else."""


Command: t.TypeAlias = AddRule | DeleteRules | WritePolicy | Show | Help
