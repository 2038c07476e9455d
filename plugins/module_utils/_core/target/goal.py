# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The goal of a task: which policies are to exist, decided once the store is read."""

from __future__ import annotations

import dataclasses
import typing as t

from ..host.backup import BackupFile
from ..model import Filter, ModelError, Rule
from ..model.edits import DeletePolicy, DeleteRule, Edit, EditPolicy
from ..model.wanted import FiltersMode, RuleByName, RulesMode, State, Wanted, WantedRule
from ..objects.graph import object_id
from ..objects.policies import StoredPolicy, StoredRule
from ..shape.fields import ShapeError, at
from ..shape.placed import PlacedEdit
from ..store.casing import fold
from .draft import Draft
from .merge import Changes, PolicyChange, Target, merge
from .resolve import Resolver, names_in
from .shared import RuleParts, complete_by_name
from .stored import StoredPolicies

Names: t.TypeAlias = tuple[list[str], list[str]]
"""DNS names, and GUIDs of interfaces."""


class Goal(t.Protocol):
    """`title` names what the task is about; `notes` say where the meaning differs from what was written."""

    @property
    def title(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def names(self) -> Names:
        """The DNS names and the interfaces to look up on the host."""


class PolicyGoal(Goal, t.Protocol):
    """A goal about policies, whatever objects they consist of."""

    def changes(self, stored: StoredPolicies, resolver: Resolver, notes: list[str]) -> Changes:
        """What happens to the store. Side effects are added to `notes`. Raises `ModelError`."""


@dataclasses.dataclass(frozen=True, slots=True)
class OnePolicy:
    """One policy as a whole."""

    wanted: Wanted
    state: State = State.PRESENT
    rules_mode: RulesMode = RulesMode.EXACT

    @property
    def title(self) -> str:
        return self.wanted.name or str(self.wanted.id)

    @property
    def notes(self) -> tuple[str, ...]:
        return self.wanted.notes

    def names(self) -> Names:
        return names_in(() if self.state is State.ABSENT else self.wanted.rules or ())

    def changes(self, stored: StoredPolicies, resolver: Resolver, notes: list[str]) -> Changes:
        found = stored.find(self.wanted.name, self.wanted.id)
        if self.state is State.ABSENT:
            if found is None and self.wanted.name in _ALL:
                notes.append(
                    f"no policy has the name '{self.wanted.name}'; to delete all policies, use ipsec_store with "
                    "policies: []"
                )
            return Changes(policies=[PolicyChange(found, None, None)])
        target = _target(self.wanted, found, stored, resolver, self.rules_mode)
        _refuse_taken_name(stored, found, target.policy.name)
        return Changes(policies=[PolicyChange(found, target, self.wanted.assigned)])


_ALL: t.Final = ("all", "*")
"""Names by which other tools mean all policies."""


def _target(
    wanted: Wanted, found: StoredPolicy | None, stored: StoredPolicies, resolver: Resolver, rules_mode: RulesMode
) -> Target:
    parts: dict[int, RuleParts] = {}
    rules: list[Rule] = []
    for index, rule in enumerate(wanted.rules or ()):
        complete, of_rule = complete_by_name(resolver.rule(rule, found), _counterpart(rule, found), stored.shared)
        rules.append(complete)
        if of_rule is not None:
            parts[index] = of_rule
    return merge(dataclasses.replace(wanted, rules=wanted.rules and tuple(rules)), found, rules_mode, parts)


def _counterpart(rule: Rule, found: StoredPolicy | None) -> StoredRule | None:
    """The stored rule that has the id or the name of a rule, if it is the only one."""
    if found is None or not isinstance(rule, RuleByName):
        return None
    named = [origin for origin in found.rules if fold(origin.rule.name) == fold(rule.name)]
    with_id = [origin for origin in found.rules if rule.id is not None and origin.rule.id == rule.id]
    return (with_id or named)[0] if len(with_id or named) == 1 else None


@dataclasses.dataclass(frozen=True, slots=True)
class ExactPolicies:
    """All policies of a host: others are deleted. The places of the policies are for messages."""

    wanted: tuple[tuple[str, Wanted], ...]

    @property
    def title(self) -> str:
        return "all policies"

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(note for _place, wanted in self.wanted for note in wanted.notes)

    def names(self) -> Names:
        return names_in(rule for _place, wanted in self.wanted for rule in wanted.rules or ())

    def changes(self, stored: StoredPolicies, resolver: Resolver, notes: list[str]) -> Changes:
        by_id = {policy.key for _place, wanted in self.wanted if (policy := stored.with_id(wanted.id)) is not None}
        kept: dict[str, str] = {}
        names: dict[str, str] = {}
        changes: list[PolicyChange] = []
        for place, wanted in self.wanted:
            found = at(place, _find, wanted, stored, by_id)
            target = at(place, _target, wanted, found, stored, resolver, RulesMode.EXACT)
            name = target.policy.name
            if found is not None and (other := kept.setdefault(found.key, place)) != place:
                raise ShapeError(place, f"{other} is the same policy; list each policy once")
            # a store may have two policies with one name already
            has_name = found is not None and fold(found.policy.name) == fold(name) and len(stored.named(name)) > 1
            if (other := names.setdefault(fold(name), place)) != place and not has_name:
                raise ShapeError(place, f"{other} has the name '{name}' as well; use different names")
            changes.append(PolicyChange(found, target, wanted.assigned))
        changes += [PolicyChange(policy, None, None) for policy in stored.all if policy.key not in kept]
        # the assigned policy first, so that the policy in force changes in one step; deletions last
        return Changes(policies=sorted(changes, key=lambda change: (not change.assigned, change.target is None)))


def _find(wanted: Wanted, stored: StoredPolicies, by_id: t.Collection[str]) -> StoredPolicy | None:
    """The stored policy with the id, else with the name; by name, none of those that other entries have by id."""
    if wanted.name is None or stored.with_id(wanted.id) is not None:
        return stored.find(wanted.name, wanted.id)
    free = [policy for policy in stored.named(wanted.name) if policy.key not in by_id]
    return stored.find(wanted.name, wanted.id) if len(free) > 1 else next(iter(free), None)


@dataclasses.dataclass(frozen=True, slots=True)
class Restoration:
    """The store as a backup has it. `title` is the path of the backup."""

    backup: BackupFile
    title: str
    notes: tuple[str, ...] = ()

    def names(self) -> Names:
        return [], []


def _refuse_taken_name(stored: StoredPolicies, found: StoredPolicy | None, name: str) -> None:
    if found is not None and fold(found.policy.name) == fold(name):
        return
    for other in stored.named(name):
        raise ModelError(f"another policy already has the name '{name}': {object_id(other.key)}")


@dataclasses.dataclass(frozen=True, slots=True)
class Edits:
    """Changes one after the other."""

    edits: tuple[PlacedEdit, ...]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return ", ".join(dict.fromkeys(placed.edit.policy for placed in self.edits))

    def names(self) -> Names:
        edits = [placed.edit for placed in self.edits]
        return names_in(_looked_up(edit.rule) for edit in edits if isinstance(edit, EditPolicy) and edit.rule)

    def changes(self, stored: StoredPolicies, resolver: Resolver, notes: list[str]) -> Changes:
        draft = Draft(stored)

        def apply(edit: Edit) -> None:
            draft.apply(_resolved(edit, resolver, draft))

        for placed in self.edits:
            placed.at(apply, placed.edit)
        changes = draft.changes()
        notes += draft.notes
        return changes


def _resolved(edit: DeletePolicy | DeleteRule | EditPolicy, resolver: Resolver, draft: Draft) -> Edit:
    if not isinstance(edit, EditPolicy) or edit.rule is None:
        return edit
    rule = resolver.rule(_looked_up(edit.rule), draft.stored(edit.policy))
    if rule.filters_mode is FiltersMode.REMOVE:
        rule = dataclasses.replace(rule, filters=(*(rule.filters or ()), *_found_by_name(edit.rule)))
    return dataclasses.replace(edit, rule=rule)


def _looked_up(rule: WantedRule) -> WantedRule:
    """The rule with the filters whose names the host looks up: one to be removed is found by its name."""
    if rule.filters_mode is not FiltersMode.REMOVE:
        return rule
    return dataclasses.replace(rule, filters=tuple(f for f in rule.filters or () if not f.has_names))


def _found_by_name(rule: WantedRule) -> t.Iterator[Filter]:
    return (filter_ for filter_ in rule.filters or () if filter_.has_names)
