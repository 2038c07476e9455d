# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a task changes about the dynamic rules of a host: operations on the record, from which the host adds and deletes
rules.

The record changes first, so that a task that is cut off is finished by the replay task or by the next run. A rule that
replaces another is recorded before the other one is marked to go.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..host.dynamic import DynamicRequest, Listing, without_shown
from ..host.task import interval_of, task_xml
from ..model import ModelError
from ..model.dynamic import DynamicRule
from ..shape.placed import PlacedChange
from ..store.operations import Operation
from .commands import Commands, commands_of, name_of
from .goal import DEFAULT_REPLAY, DynamicGoal, RulesAfterwards, WantedDynamic
from .record import Entry, Record


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DynamicPlan:
    """What happens to the dynamic rules of a host.

    `entries` are the rules of ours that exist afterwards, `added` those of them that are new or different, `of_task`
    those that the task lists, and `gone` the rules that are deleted or replaced. `lost` are rules that Windows has
    lost, which the host adds again. `left` says that an interrupted run has left something to delete. `replay` is the
    interval of the replay task in minutes, 0 without one.
    """

    record: Record
    entries: tuple[Entry, ...]
    added: tuple[Entry, ...]
    of_task: tuple[Entry, ...]
    gone: tuple[Entry, ...]
    lost: tuple[Entry, ...]
    left: bool
    flush: bool
    settings: t.Mapping[str, str]
    replay: int
    request: DynamicRequest | None
    notes: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return self.request is not None

    @property
    def needs_service(self) -> bool:
        """Whether there is something that only a running service can have."""
        return bool(self.entries or self.settings)

    @property
    def rules(self) -> tuple[DynamicRule, ...]:
        """The rules of ours that exist afterwards."""
        return tuple(entry.rule for entry in self.entries if entry.rule is not None)


def plan_dynamic(
    goal: DynamicGoal, outcome: RulesAfterwards, record: Record, listing: Listing, *, digest: str, salt: str, runs: bool
) -> DynamicPlan:
    """The plan that leads to `outcome`. `digest` is that of the record, `salt` that for its names, and `runs` says
    whether the service runs or is started. Raises `ModelError` for what netsh cannot say.
    """
    entries, added = _entries(outcome, record, salt)
    _refuse_equal_selectors(entries, outcome)
    kept_damaged = () if goal.exact or outcome.flush else outcome.damaged
    kept = {entry.name for entry in (*entries, *kept_damaged)}
    new = {entry.name for entry in added}
    gone = tuple(entry for entry in record.entries if entry.name not in kept)
    lost = tuple(entry for entry in entries if entry.name not in new and is_lost(entry, listing)) if runs else ()
    left = runs and bool(record.removed or _unused(listing, record))
    known = _knows_settings(record, listing)
    settings = {k: v for k, v in outcome.settings.items() if not known or record.settings.get(k) != v}
    replay = _replay(goal, record, bool(entries))
    flush = outcome.flush and not (listing.empty or (listing.clean and not gone))
    operations: list[Operation] = []
    if added or (entries and replay != record.replay):
        operations += record.head(salt, record.revision + len(added), replay)
    operations += (operation for entry in added for operation in entry.operations())
    operations += (operation for entry in gone for operation in entry.removal())
    operations += record.setting(settings, known)
    registers = bool(entries) and replay > 0 and not _is_current(listing, replay)
    unregisters = listing.task is not None and not (entries and replay)
    request = None
    # the host notes what it shows after a flush, so that the next run can tell that others have added nothing
    if operations or lost or left or flush or registers or unregisters:
        store = record.store.copy()
        for operation in operations:
            store.change(operation)
        request = DynamicRequest(
            expect=digest,
            operations=tuple(operations),
            result=without_shown(store).digest(),
            task_xml=task_xml(replay) if registers else None,
            unregister=unregisters,
            flush=flush or (outcome.flush and bool(added)),
            settings=settings,
            run=runs,
        )
    return DynamicPlan(
        record=record,
        entries=entries,
        added=added,
        of_task=tuple(
            entry for entry, wanted in zip(entries, outcome.rules, strict=True) if wanted.resolved is not None
        ),
        gone=gone,
        lost=lost,
        left=left,
        flush=flush,
        settings=settings,
        replay=replay,
        request=request,
        notes=tuple(_notes(goal, outcome, record, listing, replay)),
    )


def _entries(outcome: RulesAfterwards, record: Record, salt: str) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """The entries that are to exist, and the new ones among them."""
    entries: list[Entry] = []
    added: list[Entry] = []
    order = max((entry.order for entry in record.entries), default=0)
    for wanted in outcome.rules:
        entry = wanted.entry
        if wanted.resolved is not None and not _is_same(wanted, entry):
            rule, names = wanted.resolved
            name = name_of(rule, salt, record.revision + len(added) + 1)
            entry = Entry(
                name=name,
                order=order + len(added) + 1,
                rule=wanted.rule,
                names=names,
                commands=_commands(wanted, rule, name),
            )
            added.append(entry)
        if entry is not None:
            entries.append(entry)
    return tuple(entries), tuple(added)


def _commands(wanted: WantedDynamic, rule: DynamicRule, name: str) -> Commands:
    if wanted.placed is None:
        return commands_of(rule, name)
    return wanted.placed.at(commands_of, rule, name)


def _is_same(wanted: WantedDynamic, entry: Entry | None) -> bool:
    """Whether the recorded rule is what the task wants: netsh would be given the same commands."""
    if entry is None or wanted.resolved is None:
        return False
    commands = _commands(wanted, wanted.resolved[0], entry.name)
    recorded = entry.commands
    return commands.policies == recorded.policies and sorted(commands.rules) == sorted(recorded.rules)


def is_lost(entry: Entry, listing: Listing) -> bool:
    """Whether Windows does not have the rule, or not the whole of it."""
    return entry.shown is None or listing.rules.get(entry.name, 0) < entry.shown


def _unused(listing: Listing, record: Record) -> list[str]:
    """Policies with our names that belong to no rule: an interrupted run has left them."""
    known = {entry.name for entry in (*record.entries, *record.removed)}
    return sorted(name for name in listing.policies if name not in known and name not in listing.rules)


def _unknown(listing: Listing, record: Record) -> list[str]:
    """Rules with our names that the record does not have."""
    known = {entry.name for entry in (*record.entries, *record.removed)}
    return sorted(name for name in listing.rules if name not in known)


def _knows_settings(record: Record, listing: Listing) -> bool:
    """Whether the settings of the host are as recorded: netsh, which shows them in the host's language only, still
    shows the same.
    """
    return record.config is not None and record.config == listing.config


def _replay(goal: DynamicGoal, record: Record, any_rules: bool) -> int:
    """The interval of the replay task in minutes; 0 for none."""
    if goal.replay is not None:
        return goal.replay
    return DEFAULT_REPLAY if record.replay is None or not any_rules else record.replay


def _is_current(listing: Listing, replay: int) -> bool:
    task = listing.task
    return task is not None and task.current and task.enabled and task.interval == interval_of(replay)


def _refuse_equal_selectors(entries: t.Sequence[Entry], outcome: RulesAfterwards) -> None:
    """Raise `ModelError` if netsh could not tell the rules of two filters apart, such as a name and its address."""
    placed = {wanted.rule: wanted.placed for wanted in outcome.rules}
    seen: dict[str, Entry] = {}
    for entry in entries:
        for selector in entry.commands.selectors:
            other = seen.setdefault(selector, entry)
            if other is entry or entry.rule is None or other.rule is None:
                continue
            message = f"{entry.rule.title} and {other.rule.title} have a filter with the same addresses and ports"
            _raise_at(placed.get(entry.rule) or placed.get(other.rule), message)


def _raise_at(placed: PlacedChange | None, message: str) -> None:
    def refuse() -> None:
        raise ModelError(f"{message}; a host can have it once")

    if placed is None:
        refuse()
    else:
        placed.at(refuse)


def _notes(
    goal: DynamicGoal, outcome: RulesAfterwards, record: Record, listing: Listing, replay: int
) -> t.Iterator[str]:
    if outcome.damaged and not goal.exact and not outcome.flush:
        yield (
            f"the record of dynamic rules has {len(outcome.damaged)} rules that cannot be read; rules_mode: exact or "
            "state: flushed removes them"
        )
    if (unknown := _unknown(listing, record)) and not outcome.flush:
        yield (
            f"the host has {len(unknown)} dynamic rules with names of this collection that its record does not have; "
            "state: flushed deletes them, with all other dynamic rules"
        )
    if outcome.rules and not replay:
        yield "the dynamic rules are not persistent: a restart of the PolicyAgent service or of the host deletes them"
