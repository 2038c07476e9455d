# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Dynamic rules: rules beside the policy in force."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections import Counter

from . import defaults
from .addresses import DnsName, HostAddress
from .authentication import DEFAULT_AUTHENTICATION, AuthMethod
from .filters import Filter
from .main_mode import DEFAULT_MAIN_MODE, Group, MainMode
from .methods import DEFAULT_SECURITY_METHODS, SecurityMethod
from .rules import DEFAULT_CONNECTION_TYPE, Action, ConnectionType, connection_type
from .text import ModelError, require

SIGNS: t.Final = {Action.PERMIT: ("(", ")"), Action.BLOCK: ("[", "]")}
"""The manual's signs around a filter that permits or blocks."""
_SHOWN: t.Final = 2


@dataclasses.dataclass(frozen=True, slots=True)
class DynamicFilter:
    """A filter and what happens to its traffic, which each filter of a dynamic rule has for itself."""

    filter: Filter
    action: Action = Action.NEGOTIATE

    def __str__(self) -> str:
        """In the manual's style: a permit filter in parentheses, a blocking filter in brackets."""
        before, after = SIGNS.get(self.action, ("", ""))
        return f"{before}{self.filter}{after}"


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """What a dynamic rule is known by: its filters without addresses of DNS names, its tunnel, its connection type."""

    filters: frozenset[Filter]
    tunnel: HostAddress | DnsName | None
    connection_type: ConnectionType


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DynamicRule:
    """Filters, how their traffic is secured, and main mode, which each dynamic rule has for itself.

    `pfs_group` is the group of the session key's PFS; None is that of main mode. `soft_lifetime` is in seconds.
    Methods, authentication and main mode have no effect for filters that permit or block.
    Source: the manual, dynamic mode.
    """

    filters: tuple[DynamicFilter, ...]
    methods: tuple[SecurityMethod, ...] = DEFAULT_SECURITY_METHODS
    pfs_group: Group | None = None
    inpass: bool = False
    soft: bool = False
    authentication: tuple[AuthMethod, ...] = DEFAULT_AUTHENTICATION
    tunnel: HostAddress | DnsName | None = None
    connection_type: ConnectionType | str = DEFAULT_CONNECTION_TYPE
    main_mode: MainMode = DEFAULT_MAIN_MODE
    soft_lifetime: int = defaults.SOFT_LIFETIME

    def __post_init__(self) -> None:
        object.__setattr__(self, "connection_type", connection_type(self.connection_type))
        require(bool(self.filters), "the rule needs at least one filter")
        require(bool(self.methods), "the rule needs at least one security method")
        require(
            bool(self.authentication),
            "the rule needs at least one authentication method; leave authentication out to use kerberos",
        )
        count = Counter(item.filter.unresolved() for item in self.filters)
        for filter_, number in count.items():
            require(number == 1, f"the rule has the filter {filter_} {number} times; each filter may be there once")
        if self.tunnel is not None:
            for item in self.filters:
                require(
                    not item.filter.mirrored,
                    "a tunnel cannot have mirrored filters: use one rule for each direction, with its own endpoint",
                )
                require(
                    item.action is Action.NEGOTIATE,
                    f"a rule with a tunnel endpoint must negotiate, so the filter {item} is not possible",
                )
            require(not self.inpass, "a rule with a tunnel endpoint cannot have inpass")
        require(
            self.pfs_group is None or any(method.pfs for method in self.methods),
            "pfs_group needs security methods with PFS",
        )

    @property
    def negotiates(self) -> bool:
        """Whether a filter of the rule negotiates, so that methods and authentication have an effect."""
        return any(item.action is Action.NEGOTIATE for item in self.filters)

    @property
    def identity(self) -> Identity:
        tunnel = self.tunnel
        if isinstance(tunnel, DnsName):
            tunnel = dataclasses.replace(tunnel, address=None)
        return Identity(
            frozenset(item.filter.unresolved() for item in self.filters),
            tunnel,
            t.cast(ConnectionType, self.connection_type),
        )

    @property
    def short_title(self) -> str:
        """The first filters: a dynamic rule has no name."""
        shown = ", ".join(str(item) for item in self.filters[:_SHOWN])
        return f"{shown} and {len(self.filters) - _SHOWN} more" if len(self.filters) > _SHOWN else shown

    @property
    def title(self) -> str:
        """What messages call the rule."""
        return f"the dynamic rule for {self.short_title}"

    def _key(self) -> tuple[object, ...]:
        return (
            frozenset(self.filters),
            self.methods,
            self.pfs_group,
            self.inpass,
            self.soft,
            self.authentication,
            self.tunnel,
            self.connection_type,
            self.main_mode,
            self.soft_lifetime,
        )

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, DynamicRule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


def find_twice(rules: t.Iterable[DynamicRule]) -> tuple[DynamicRule, DynamicRule, Filter] | None:
    """The first two rules that have a filter in common, with the same tunnel and connection type. A host can have each
    of them once.
    """
    seen: dict[tuple[object, ...], DynamicRule] = {}
    for rule in rules:
        identity = rule.identity
        for item in rule.filters:
            key = (item.filter.unresolved(), identity.tunnel, identity.connection_type)
            if (other := seen.setdefault(key, rule)) is not rule:
                return other, rule, item.filter
    return None


def check_main_mode_filters(rule: DynamicRule, filters: t.Iterable[Filter]) -> None:
    """Raise `ModelError` unless main-mode filters are those that Windows makes of the filters of the rule itself."""
    own = {Filter(source=f.source, destination=f.destination, mirrored=f.mirrored) for f in _filters(rule)}
    given = set(filters)
    if own != given:
        shown = " ".join(sorted(map(str, own)))
        raise ModelError(
            "Windows makes the main mode filters of a dynamic rule from its filters, and they cannot be set to others; "
            f"leave them out, or write {shown}"
        )


def _filters(rule: DynamicRule) -> t.Iterator[Filter]:
    return (item.filter.unresolved() for item in rule.filters)


_CONFIG: t.Final = {
    "ipsecexempt": ("[0-3]", "0, 1, 2 or 3"),
    "bootmode": ("stateful|block|permit", "stateful, block or permit"),
    "bootexemptions": (
        "none|{0}(?: {0}){{0,31}}".format("(?:icmp|tcp|udp|raw|[0-9]{1,3}):[0-9]{1,5}:[0-9]{1,5}:(?:inbound|outbound)"),
        "none, or PROTOCOL:SOURCEPORT:DESTINATIONPORT:DIRECTION, as in TCP:0:3389:inbound, several separated by blanks",
    ),
    "strongcrlcheck": ("[0-2]", "0, 1 or 2"),
}
"""The properties of ``netsh ipsec dynamic set config`` that are set here: a pattern of their values, and its words."""
CONFIG_PROPERTIES: t.Final = tuple(_CONFIG)


def config_value(name: str, value: str) -> str:
    """A value of one of `CONFIG_PROPERTIES` in its usual spelling. Raises `ModelError`."""
    pattern, words = _CONFIG[name]
    found = " ".join(value.casefold().split())
    require(re.fullmatch(pattern, found) is not None, f"expected {words}")
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class AddDynamic:
    """Add a rule, or replace the one that is known by the same filters, tunnel and connection type."""

    rule: DynamicRule


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteDynamic:
    """Delete the rule of this identity if there is one."""

    identity: Identity


@dataclasses.dataclass(frozen=True, slots=True)
class FlushDynamic:
    """Delete all dynamic rules, also those of others."""


@dataclasses.dataclass(frozen=True, slots=True)
class SetConfig:
    """Set properties of ``netsh ipsec dynamic set config``."""

    settings: t.Mapping[str, str]


DynamicChange: t.TypeAlias = AddDynamic | DeleteDynamic | FlushDynamic | SetConfig
