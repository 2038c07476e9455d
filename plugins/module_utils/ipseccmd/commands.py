# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a command line of ipseccmd says, mode by mode. None, and an empty tuple, is what was left out."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import AuthMethod, DnsName, Filter, Host, MainModeMethod, SecurityMethod

QUERIES: t.Final = ("filters", "policies", "auth", "stats", "sas")
"""What query mode shows, in the manual's order."""


@dataclasses.dataclass(frozen=True, slots=True)
class FilterSpec:
    """One filter of -f. `action` is permit for one in parentheses, block for one in brackets."""

    filter: Filter
    action: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Offer:
    """One security method of -n, and the Diffie-Hellman group of its PFS (None: that of main mode)."""

    method: SecurityMethod
    pfs_group: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Negotiation:
    """The list of -n: `action` is permit (pass), block or negotiate, which alone has offers and `inpass`."""

    action: str = "negotiate"
    offers: tuple[Offer, ...] = ()
    inpass: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Rekey:
    """When the main mode key is made anew (-1k)."""

    quick_modes: int | None = None
    seconds: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of dynamic mode, which static mode takes too. `default_response` is ``-f default``."""

    filters: tuple[FilterSpec, ...] = ()
    default_response: bool = False
    negotiation: Negotiation | None = None
    tunnel: Host | DnsName | None = None
    authentication: tuple[AuthMethod, ...] = ()
    main_mode_methods: tuple[MainModeMethod, ...] = ()
    main_mode_rekey: Rekey | None = None
    main_mode_pfs: bool = False
    main_mode_filters: tuple[Filter, ...] = ()
    soft_lifetime: int | None = None
    soft: bool = False
    confirm: bool = False
    connection_type: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class AddRule:
    """Dynamic mode: add a rule."""

    parameters: Parameters
    computer: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteRules:
    """Dynamic mode: delete all dynamic rules (-u)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Write:
    """Static mode. `store` is reg or ds, `location` a computer or a domain, `poll_interval` in minutes.

    `rules` are the names of -r: one, or with `delete` several or none. `assign` is True for -x, False for -y.
    """

    parameters: Parameters
    store: str
    policy: str
    location: str | None = None
    poll_interval: int | None = None
    rules: tuple[str, ...] = ()
    assign: bool | None = None
    delete: bool = False
    computer: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Show:
    """Query mode; `what` are those of `QUERIES` that were asked for."""

    what: frozenset[str]
    computer: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Help:
    """``/?``: show the syntax, do nothing."""


Command: t.TypeAlias = AddRule | DeleteRules | Write | Show | Help
