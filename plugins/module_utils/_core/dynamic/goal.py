# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The goal of a task about dynamic rules, and the rules that are to exist, decided once the record is read."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import AuthMethod, DnsName, Filter, HostAddress, ModelError, PresharedKey
from ..model.dynamic import (
    AddDynamic,
    DeleteDynamic,
    DynamicFilter,
    DynamicRule,
    FlushDynamic,
    Identity,
    SetConfig,
    find_twice,
)
from ..shape.fields import ShapeError
from ..shape.placed import PlacedChange
from ..target.goal import Names
from ..target.resolve import MultipleAddresses, Resolver, names_in
from .limits import check_dynamic
from .record import Entry, Record
from .record import Names as KnownNames

DEFAULT_REPLAY: t.Final = 5
"""How often the host looks whether its rules still exist, in minutes."""
LONGEST_REPLAY: t.Final = 24 * 60


def replay_of(persistent: bool | None, interval: int | None) -> int | None:
    """The value of `DynamicGoal.replay` for the two options. Raises `ShapeError`."""
    if interval is not None and not 1 <= interval <= LONGEST_REPLAY:
        raise ShapeError("replay_interval", f"expected 1 to {LONGEST_REPLAY} minutes")
    if persistent is False:
        if interval is not None:
            raise ShapeError("replay_interval", "this needs persistent: true")
        return 0
    return DEFAULT_REPLAY if persistent and interval is None else interval


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DynamicGoal:
    """Changes of dynamic rules, one after the other. With `exact`, the added rules are all there are of ours.

    `replay` is how often the host looks whether its rules still exist, in minutes; 0 for rules that Windows may lose;
    None leaves it as it is.
    """

    changes: tuple[PlacedChange, ...]
    exact: bool = False
    replay: int | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises `ModelError`, with its place, for a rule that netsh cannot express."""
        for placed in self.changes:
            if isinstance(placed.change, AddDynamic):
                placed.at(check_dynamic, placed.change.rule)

    def names(self) -> Names:
        """The DNS names and the interfaces to look up on the host."""
        return names_in(_Looked.of(rule) for rule in self.rules)

    @property
    def rules(self) -> t.Iterator[DynamicRule]:
        """The rules that the task adds."""
        return (placed.change.rule for placed in self.changes if isinstance(placed.change, AddDynamic))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WantedDynamic:
    """A rule that is to exist. `entry` is the rule of the same identity in the record, if there is one, and `resolved`
    the rule with addresses for all names, and these, `names`; None for a rule that the task does not mention.
    """

    rule: DynamicRule
    entry: Entry | None
    resolved: tuple[DynamicRule, KnownNames] | None = None
    placed: PlacedChange | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RulesAfterwards:
    """What is to exist after a task. `damaged` are rules in the record that cannot be read."""

    rules: tuple[WantedDynamic, ...]
    flush: bool
    settings: t.Mapping[str, str]
    damaged: tuple[Entry, ...]


class Lookup(t.NamedTuple):
    """The host's answers for DNS names and interfaces, and what to do with several addresses."""

    names: t.Mapping[str, t.Sequence[str]]
    interfaces: t.Mapping[str, t.Sequence[str]]
    mode: MultipleAddresses


def outcome(goal: DynamicGoal, record: Record, lookup: Lookup, notes: list[str]) -> RulesAfterwards:
    """What is to exist after the task. Raises `ModelError`, with its place in the task."""
    # of two rules that an interrupted replacement leaves, the newer one counts
    found = {entry.rule.identity: entry for entry in record.entries if entry.rule is not None}
    rules = {identity: WantedDynamic(rule=t.cast(DynamicRule, e.rule), entry=e) for identity, e in found.items()}
    flush = False
    settings: dict[str, str] = {}
    added: dict[Identity, None] = {}
    for placed in goal.changes:
        match placed.change:
            case AddDynamic(rule):
                wanted = placed.at(_wanted, rule, found.get(rule.identity), lookup, notes)
                rules[rule.identity] = dataclasses.replace(wanted, placed=placed)
                added[rule.identity] = None
            case DeleteDynamic(identity):
                rules.pop(identity, None)
                added.pop(identity, None)
            case FlushDynamic():
                flush = True
                rules.clear()
                added.clear()
            case SetConfig(given):
                settings.update(given)
    if goal.exact:
        rules = {identity: wanted for identity, wanted in rules.items() if identity in added}
    _refuse_twice(tuple(rules.values()))
    damaged = tuple(entry for entry in record.entries if entry.rule is None)
    return RulesAfterwards(rules=tuple(rules.values()), flush=flush, settings=settings, damaged=damaged)


def _wanted(rule: DynamicRule, entry: Entry | None, lookup: Lookup, notes: list[str]) -> WantedDynamic:
    rule = _with_keys(rule, entry)
    return WantedDynamic(rule=rule, entry=entry, resolved=resolved(rule, entry, lookup, notes))


def _with_keys(rule: DynamicRule, entry: Entry | None) -> DynamicRule:
    """The rule with the recorded key in place of null, as facts show it."""
    if PresharedKey(None) not in rule.authentication:
        return rule
    recorded = entry.rule.authentication if entry is not None and entry.rule is not None else ()
    key = next((method for method in recorded if isinstance(method, PresharedKey)), None)
    if key is None:
        raise ModelError("the pre-shared key is null, and the host has no such rule with a key; put the key in")
    methods: tuple[AuthMethod, ...] = tuple(key if isinstance(m, PresharedKey) else m for m in rule.authentication)
    return dataclasses.replace(rule, authentication=methods)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """A dynamic rule as `resolve` sees it."""

    title: str
    filters: tuple[Filter, ...] | None
    tunnel: HostAddress | DnsName | None
    id: str | None = None
    name: str = ""

    @classmethod
    def of(cls, rule: DynamicRule) -> _Looked:
        filters = tuple(item.filter for item in rule.filters)
        return cls(title=rule.title, filters=filters, tunnel=rule.tunnel)


def resolved(
    rule: DynamicRule, entry: Entry | None, lookup: Lookup, notes: list[str]
) -> tuple[DynamicRule, KnownNames]:
    """The rule with addresses in place of names, and the addresses. A name that the host cannot resolve now keeps the
    recorded ones.
    """
    looked = _Looked.of(rule)
    names, interfaces = names_in((looked,))
    known = entry.names if entry is not None else {}
    answers: dict[str, tuple[str, ...]] = {}
    for name in names:
        answers[name] = tuple(lookup.names.get(name, ())) or known.get(name, ())
        if answers[name] and not lookup.names.get(name):
            kept = ", ".join(answers[name])
            notes.append(f"{rule.title}: the host cannot resolve the DNS name {name} now; the rule keeps {kept}")
    found = {guid: tuple(lookup.interfaces.get(guid, ())) for guid in interfaces}
    resolver = Resolver(answers, found, lookup.mode)
    filters = [
        DynamicFilter(_addressed(filter_), item.action)
        for item in rule.filters
        for filter_ in resolver.filters(looked, item.filter, None)
    ]
    notes += resolver.warnings
    if not filters:
        raise ModelError(
            "no filter is left, because each of them has a name with several addresses; use one of the addresses, or "
            "set multiple_addresses to all"
        )
    tunnel = resolver.tunnel(looked, None)
    if isinstance(tunnel, DnsName) and isinstance(tunnel.address, HostAddress):
        tunnel = tunnel.address
    return dataclasses.replace(rule, filters=tuple(filters), tunnel=tunnel), {**answers, **found}


def recorded(entry: Entry) -> DynamicRule | None:
    """The rule of an entry with the addresses that its names had; None if somebody has edited the record."""
    if entry.rule is None:
        return None
    try:
        return resolved(entry.rule, None, Lookup(entry.names, entry.names, MultipleAddresses.ALL), [])[0]
    except ModelError:
        return None


def _addressed(filter_: Filter) -> Filter:
    """The filter with the addresses of its names in their place."""
    ends: dict[str, t.Any] = {
        end: address.address
        for end in ("source", "destination")
        if isinstance(address := getattr(filter_, end), DnsName) and address.address is not None
    }
    return dataclasses.replace(filter_, **ends) if ends else filter_


def _refuse_twice(rules: t.Sequence[WantedDynamic]) -> None:
    twice = find_twice(wanted.rule for wanted in rules)
    if twice is None:
        return
    first, second, filter_ = twice
    # the error belongs to a rule of the task: the other one may only be recorded
    wanted = next((w for w in reversed(rules) if w.rule in (first, second) and w.placed is not None), None)
    other = first if wanted is not None and wanted.rule == second else second

    def refuse() -> None:
        raise ModelError(
            f"the filter {filter_} also belongs to {other.title}, and a host can have it once; use other filters, or "
            "delete that rule"
        )

    if wanted is None or wanted.placed is None:
        refuse()
    else:
        wanted.placed.at(refuse)
