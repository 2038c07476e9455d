# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a task asks for, independent of what is stored."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from . import defaults
from .addresses import ANY, ME, DnsName, HostAddress
from .authentication import DEFAULT_AUTHENTICATION, AuthMethod
from .filters import Filter
from .main_mode import MainModeMethod
from .methods import DEFAULT_SECURITY_METHODS, SecurityMethod
from .rules import Action, NegotiationPolicy, Rule
from .text import ModelError, require


class State(enum.StrEnum):
    """Whether a policy or a rule is to exist."""

    PRESENT = "present"
    ABSENT = "absent"


class RulesMode(enum.StrEnum):
    """What happens to stored rules that a task does not list."""

    EXACT = "exact"
    MERGE = "merge"


class FiltersMode(enum.StrEnum):
    """What the filters of a task are: all filters of the rule, or some to add or to remove."""

    EXACT = "exact"
    ADD = "add"
    REMOVE = "remove"


class Sharing(enum.StrEnum):
    """What happens to a filter list that other rules use, too: the rule gets its own copy, or all of them change."""

    COPY = "copy"
    CHANGE = "change"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WantedMainMode:
    """The parts of main mode that were given; None leaves a part as it is."""

    methods: tuple[MainModeMethod, ...] | None = None
    lifetime_seconds: int | None = None
    quick_mode_limit: int | None = None
    pfs: bool | None = None
    odd: bool = False

    def over(self, other: WantedMainMode | None) -> WantedMainMode:
        """These parts, and those of `other` that are not given here."""
        return _over(self, other)


@dataclasses.dataclass(frozen=True, slots=True)
class WantedDefaultResponse:
    """The parts of the default response rule that were given; None leaves a part as it is."""

    enabled: bool
    methods: tuple[SecurityMethod, ...] | None = None
    authentication: tuple[AuthMethod, ...] | None = None

    def over(self, other: WantedDefaultResponse | None) -> WantedDefaultResponse:
        """These parts, and those of `other` that are not given here."""
        return _over(self, other)


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WantedFilter(Filter):
    """A filter for which `mirrored` was not given: it is mirrored, unless its rule has a tunnel."""

    mirrored: bool = True


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WantedRule:
    """The parts of a rule that were given; None leaves a part as it is, or means the manual's default in a new rule.

    The rule is identified by `id` where it is given, else by its name.
    """

    name: str
    id: str | None = None
    filters: tuple[Filter, ...] | None = None
    action: Action | None = None
    methods: tuple[SecurityMethod, ...] | None = None
    inpass: bool | None = None
    soft: bool | None = None
    authentication: tuple[AuthMethod, ...] | None = None
    tunnel: HostAddress | DnsName | None = None
    connection_type: str | None = None
    enabled: bool | None = None
    description: str | None = None
    filter_list: str | None = None
    filter_action: str | None = None
    filters_mode: FiltersMode = FiltersMode.EXACT
    sharing: Sharing = Sharing.COPY

    @property
    def title(self) -> str:
        """What messages call the rule."""
        return f"rule '{self.name}'" if self.name else f"rule with the id {self.id}"

    @property
    def takes_filters(self) -> bool:
        """Whether it names a filter list and gives no filters: a stored list of that name is meant if there is one."""
        return self.filters is None and self.filter_list is not None

    @property
    def takes_action(self) -> bool:
        """Whether it names a filter action and says nothing else about it: a stored one of that name is meant if there
        is one.
        """
        given = (self.action, self.methods, self.inpass, self.soft)
        return self.filter_action is not None and given == (None, None, None, None)

    def by_name(self, odd: bool = False) -> Rule:
        """The whole rule of `whole`, but its filters and action may be those of the store. Raises `ModelError`."""
        if not (self.takes_filters or self.takes_action):
            return self.whole(odd)
        filters = (Filter(source=ME, destination=ANY),) if self.takes_filters else self.filters
        rule = dataclasses.replace(self, filters=filters).whole(odd)
        given = {field.name: getattr(rule, field.name) for field in dataclasses.fields(Rule)}
        return RuleByName(**given, takes_filters=self.takes_filters, takes_action=self.takes_action)

    def whole(self, odd: bool = False) -> Rule:
        """The rule with the manual's defaults for what was not given. Raises `ModelError`."""
        return Rule(
            name=self.name,
            filters=directed(self.filters or (), self.tunnel),
            action=self.negotiation(None, odd),
            authentication=DEFAULT_AUTHENTICATION if self.authentication is None else self.authentication,
            tunnel=self.tunnel,
            connection_type=self.connection_type or defaults.CONNECTION_TYPE,
            enabled=self.enabled is not False,
            description=self.description or "",
            filter_list=self.filter_list,
            filter_action=self.filter_action,
            id=self.id,
            odd=odd,
        )

    def on(self, base: Rule | None) -> Rule:
        """The whole rule, with `base` for what was not given. Raises `ModelError`."""
        if base is None:
            if self.filters is None or not self.name.strip():
                raise ModelError(f"the policy has no {self.title} yet; a new rule needs a name and filters")
            return dataclasses.replace(self.whole(), id=None)
        given: dict[str, t.Any] = {
            name: value
            for name in ("authentication", "tunnel", "connection_type", "enabled", "description")
            if (value := getattr(self, name)) is not None
        }
        if self.filters is not None:
            given["filters"] = self._combined(base.filters, directed(self.filters, self.tunnel or base.tunnel))
        return dataclasses.replace(
            base,
            name=self.name if self.id is not None and self.name else base.name,
            action=self.negotiation(base.action),
            # None lets the merge decide whether the stored name still fits
            filter_list=self.filter_list,
            filter_action=self.filter_action,
            **given,
        )

    def _combined(self, stored: tuple[Filter, ...], given: tuple[Filter, ...]) -> tuple[Filter, ...]:
        """The filters of the rule, by `filters_mode`. Descriptions do not distinguish filters here, and the addresses
        of DNS names only where they are added.
        """
        if self.filters_mode is FiltersMode.EXACT:
            return given
        of_names = {filter_.unresolved() for filter_ in given if filter_.has_names}
        if self.filters_mode is FiltersMode.REMOVE:
            gone = {*of_names, *(filter_.undescribed() for filter_ in given)}
            left = tuple(f for f in stored if f.undescribed() not in gone and f.unresolved() not in gone)
            require(bool(left), "no filter would be left, and a rule needs at least one; delete the rule instead")
            return left
        wanted = {filter_.undescribed(): filter_ for filter_ in given}
        held = {filter_.undescribed() for filter_ in stored}
        # a name that has another address now
        moved = {f for f in stored if f.has_names and f.unresolved() in of_names and f.undescribed() not in wanted}
        kept = tuple(f for f in stored if f not in moved) if moved else stored
        return (*kept, *(filter_ for key, filter_ in wanted.items() if key not in held))

    def negotiation(self, base: NegotiationPolicy | None, odd: bool = False) -> NegotiationPolicy:
        """What the rule does with traffic, with `base` for what was not given. Raises `ModelError`."""
        if base is not None and (self.action, self.methods, self.inpass, self.soft) == (None, None, None, None):
            return base
        action = self.action or (base.action if base else Action.NEGOTIATE)
        # an interrupted change leaves negotiate without methods
        if base is None or {base.action, action} != {Action.NEGOTIATE} or not base.methods:
            methods = DEFAULT_SECURITY_METHODS if action == Action.NEGOTIATE else ()
            base = NegotiationPolicy(action=action, methods=methods)
        return NegotiationPolicy(
            action=action,
            methods=base.methods if self.methods is None else self.methods,
            inpass=base.inpass if self.inpass is None else self.inpass,
            soft=base.soft if self.soft is None else self.soft,
            odd=odd or (base.odd and self.methods is None),
        )


@dataclasses.dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RuleByName(Rule):
    """A rule that takes the filters of the stored filter list of that name, the action of the stored filter action of
    that name, or both. Its own ones have no meaning then.
    """

    takes_filters: bool
    takes_action: bool


def directed(filters: tuple[Filter, ...], tunnel: HostAddress | DnsName | None) -> tuple[Filter, ...]:
    """The filters of a whole rule. In a tunnel, filters are one-way by default, as each direction has its own rule."""
    if tunnel is None:
        return filters
    return tuple(dataclasses.replace(f, mirrored=False) if isinstance(f, WantedFilter) else f for f in filters)


_T = t.TypeVar("_T", WantedMainMode, WantedDefaultResponse)


def _over(first: _T, second: _T | None) -> _T:
    if second is None:
        return first
    given = {f.name: v for f in dataclasses.fields(first) if (v := getattr(first, f.name)) is not None}
    return dataclasses.replace(second, **given)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was given of a policy; None leaves a part as it is, or means the manual's default in a new policy.

    Rules are complete. `notes` say where the meaning differs from what was written.
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
