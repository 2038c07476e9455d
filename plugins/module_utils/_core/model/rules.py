# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Rules: filters, and what happens to their traffic."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..hints import did_you_mean, one_of
from . import defaults
from .addresses import DnsName, HostAddress
from .authentication import DEFAULT_AUTHENTICATION, AuthMethod
from .filters import Filter
from .methods import DEFAULT_SECURITY_METHODS, SecurityMethod
from .text import NAME_LIMIT, ModelError, check_description, check_text, choose, known, make_odd, require


class Action(enum.StrEnum):
    """What happens to traffic that a filter matches."""

    PERMIT = "permit"
    BLOCK = "block"
    NEGOTIATE = "negotiate"


_OTHER_ACTIONS: t.Final = {
    **dict.fromkeys(("allow", "accept", "pass", "bypass"), Action.PERMIT),
    **dict.fromkeys(("deny", "drop", "reject", "discard", "close"), Action.BLOCK),
    **dict.fromkeys(("require", "request", "secure", "encrypt", "protect", "ipsec"), Action.NEGOTIATE),
}


def meant_action(name: str) -> Action | None:
    """The action that a name means here or in another tool."""
    return next((action for action in Action if action == name), _OTHER_ACTIONS.get(name))


def action_of(name: str) -> Action:
    """The action of that name. Raises `ModelError`."""
    found = next((action for action in Action if action == name), None)
    if found is None:
        meant = meant_action(name)
        hint = f"; did you mean {meant}?" if meant else did_you_mean(name, Action)
        raise ModelError(f"'{name}' is not an action; use permit, block or negotiate{hint}")
    return found


class ConnectionType(enum.StrEnum):
    """The adapters that a rule applies to."""

    ALL = "all"
    LAN = "lan"
    DIALUP = "dialup"


DEFAULT_CONNECTION_TYPE: t.Final = ConnectionType(defaults.CONNECTION_TYPE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NegotiationPolicy:
    """What happens to traffic that a filter matches: the filter action.

    `inpass` accepts inbound clear text and answers it secured; `soft` falls back to clear text with a peer that has no
    IPsec.
    """

    action: Action
    methods: tuple[SecurityMethod, ...] = ()
    inpass: bool = False
    soft: bool = False
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        make_odd(self, *self.methods)
        object.__setattr__(self, "action", action_of(self.action))
        if self.action is not Action.NEGOTIATE:
            require(
                not (self.methods or self.inpass or self.soft),
                f"{self.action} takes no security methods, inpass or soft; these need the action negotiate",
            )
        else:
            require(self.odd or bool(self.methods), "negotiate needs at least one security method")


class RuleError(ModelError):
    """A rule that does not fit its policy, the store or the host.

    `rule` names the rule, and `problem` is the message without it.
    """

    def __init__(self, rule: str, problem: str) -> None:
        super().__init__(f"{rule}: {problem}")
        self.rule = rule
        self.problem = problem


def connection_type(name: str) -> ConnectionType:
    """The connection type of that name. Raises `ModelError`."""
    return choose(ConnectionType, name, f"'{name}' is not a connection type; use {one_of(ConnectionType)}")


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rule:
    """Filters, what happens to their traffic, and how the peers prove who they are.

    `name` is empty for rules made in the snap-in. `id` is the braced GUID of the NFA where the rule was read from a
    store or is matched by it; comparisons ignore it. `filter_list` and `filter_action` are the names that the
    snap-in shows: None leaves them to the collection. `connection_type` is a number as text in an odd rule.
    """

    name: str
    filters: tuple[Filter, ...]
    action: NegotiationPolicy
    authentication: tuple[AuthMethod, ...] = DEFAULT_AUTHENTICATION
    tunnel: HostAddress | DnsName | None = None
    connection_type: ConnectionType | str = DEFAULT_CONNECTION_TYPE
    enabled: bool = True
    description: str = ""
    filter_list: str | None = None
    filter_action: str | None = None
    id: str | None = None
    odd: bool = False

    def __post_init__(self) -> None:
        make_odd(self, self.tunnel)
        if self.odd:
            object.__setattr__(self, "connection_type", known(ConnectionType, self.connection_type))
            return
        require(bool(self.filters), "the rule needs at least one filter")
        require(
            bool(self.authentication),
            "the rule needs at least one authentication method; leave authentication out to use kerberos",
        )
        object.__setattr__(self, "connection_type", connection_type(self.connection_type))
        if self.tunnel is not None:
            require(
                not any(f.mirrored for f in self.filters),
                "a tunnel cannot have mirrored filters: use one rule for each direction, each with its own endpoint",
            )
            require(
                self.action.action is Action.NEGOTIATE,
                f"a rule with a tunnel endpoint must have the action negotiate, not {self.action.action}",
            )
        check_text(self.name, "the rule's name", NAME_LIMIT)
        check_description(self.description, "the rule's description")
        for value, what in (
            (self.filter_list, "the filter list's name"),
            (self.filter_action, "the filter action's name"),
        ):
            if value is not None:
                check_text(value, what, NAME_LIMIT)

    @property
    def title(self) -> str:
        """What messages call the rule."""
        return f"rule '{self.name}'" if self.name else f"rule {self.id or 'without a name'}"

    def _key(self) -> tuple[object, ...]:
        return (
            self.name,
            frozenset(self.filters),
            self.action,
            self.authentication,
            self.tunnel,
            self.connection_type,
            self.enabled,
            self.description,
            self.filter_list,
            self.filter_action,
        )

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Rule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DefaultResponse:
    """The default response rule, which answers a peer's request for security where no other rule applies. Windows Vista
    and later ignore it.
    """

    enabled: bool
    methods: tuple[SecurityMethod, ...] = DEFAULT_SECURITY_METHODS
    authentication: tuple[AuthMethod, ...] = DEFAULT_AUTHENTICATION
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.odd:
            return
        require(bool(self.methods), "the default response rule needs at least one security method")
        require(bool(self.authentication), "the default response rule needs at least one authentication method")
