# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The goal of a task that runs commands of netsh: the store as they leave it."""

from __future__ import annotations

import dataclasses
import typing as t

from ..hints import some
from ..model import Filter, Rule
from ..model.wanted import RulesMode, Wanted, WantedMainMode, WantedRule
from ..netsh.commands import AddFilter, PolicyCommand, RuleCommand
from ..netsh.consequences import Attempts
from ..netsh.library import Library, ScriptFilterAction, ScriptFilterList, ScriptPolicy, ScriptRule
from ..netsh.lines import PlacedCommand
from ..netsh.script import ScriptRunner
from ..objects.graph import ObjectClass
from ..objects.policies import StoredPolicy
from ..objects.shared import StoredAction, StoredList
from ..shape.fields import at
from ..source.mistakes import Mistakes
from .goal import Names
from .merge import Changes, PolicyChange, as_new, merge
from .resolve import Resolver, names_in
from .shared import RuleParts, SharedAction, SharedList, namesakes_of
from .stored import StoredPolicies

_SHOWN: t.Final = 5


@dataclasses.dataclass(frozen=True, slots=True)
class ScriptGoal:
    """The commands of a script, one after the other."""

    commands: tuple[PlacedCommand, ...]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        found = [placed.command for placed in self.commands]
        names = dict.fromkeys(command.name.value for command in found if isinstance(command, PolicyCommand))
        return some(list(names), _SHOWN) or "policy store"

    def names(self) -> Names:
        found = [placed.command for placed in self.commands]
        return names_in(_as_rule(command) for command in found if isinstance(command, AddFilter | RuleCommand))

    def changes(self, stored: StoredPolicies, resolver: Resolver, notes: list[str]) -> Changes:
        library = _Host(stored, resolver).library()
        runner = ScriptRunner(library, notes)
        mistakes = Mistakes()
        attempts = Attempts(mistakes)
        for placed in self.commands:
            if placed.place:
                before = len(notes)
                at(placed.place, runner.run, placed.command)
                notes[before:] = [f"{placed.place}: {note.partition(': ')[2]}" for note in notes[before:]]
            else:
                attempts.run(placed.words, runner.run, placed.command)
        mistakes.raise_all()
        return _Outcome(library, stored, resolver).changes(notes)


def _as_rule(command: AddFilter | RuleCommand) -> WantedRule:
    """The addresses of a command as those of a rule."""
    if isinstance(command, AddFilter):
        return WantedRule(name=command.filter_list.value, filters=(command.filter,))
    return WantedRule(name=command.name.value, tunnel=command.tunnel)


class _Host:
    """What a host has, as a library."""

    def __init__(self, stored: StoredPolicies, resolver: Resolver) -> None:
        self._stored = stored
        self._shared = stored.shared
        self._resolver = resolver
        self._library = Library(known=True, resolve=self._resolve)
        # also those without a name
        self._lists: dict[str, ScriptFilterList] = {}
        self._actions: dict[str, ScriptFilterAction] = {}

    def library(self) -> Library:
        for key in self._shared.keys(ObjectClass.FILTER):
            self._library.lists.put(self._list(key), self._several(ObjectClass.FILTER, key))
        for key in self._shared.keys(ObjectClass.ACTION):
            self._library.actions.put(self._action(key), self._several(ObjectClass.ACTION, key))
        for stored in self._stored.all:
            policy = self._policy(stored)
            namesakes = self._stored.named(policy.name)
            ids = ", ".join(str(namesake.policy.id) for namesake in namesakes)
            self._library.put(policy, f"{len(namesakes)} policies have this name; rename one by its id: {ids}")
            if stored is self._stored.active:
                self._library.assigned = policy
        return self._library

    def _several(self, class_: ObjectClass, key: str) -> str:
        found = self._shared.namesakes(class_, key)
        if len(found) < 2:
            return ""
        return f"the store has {len(found)} of this name: {namesakes_of(self._shared, found)}"

    def _list(self, key: str) -> ScriptFilterList:
        if key not in self._lists:
            self._lists[key] = ScriptFilterList(
                name=self._shared.name(key),
                key=key,
                load=lambda: self._shared.list_of(key).filters,
            )
        return self._lists[key]

    def _action(self, key: str) -> ScriptFilterAction:
        if key not in self._actions:
            self._actions[key] = ScriptFilterAction(
                name=self._shared.name(key),
                key=key,
                load=lambda: self._shared.action_of(key).value,
            )
        return self._actions[key]

    def _policy(self, stored: StoredPolicy) -> ScriptPolicy:
        policy = ScriptPolicy(name=stored.policy.name, made=False, exact=True, stored=stored)
        for origin in stored.rules:
            rule = ScriptRule(
                name=origin.rule.name,
                filter_lists=tuple(map(self._list, origin.filters)),
                filter_action=self._action(origin.action_key),
                origin=origin,
            )
            policy.add_stored_rule(rule)
        used = self._shared.used_otherwise(stored)
        policy.hold([thing for key in used for thing in (self._lists.get(key), self._actions.get(key)) if thing])
        return policy

    def _resolve(self, filter_list: ScriptFilterList, filter_: Filter) -> t.Iterator[Filter]:
        rules = self._shared.rules(filter_list.key) if filter_list.key else []
        stored = rules[0][0] if rules else None
        wanted = WantedRule(name=filter_list.name, filters=(filter_,))
        return self._resolver.filters(wanted, filter_, stored)


class _Outcome:
    """What becomes of a host's objects after a script."""

    def __init__(self, library: Library, stored: StoredPolicies, resolver: Resolver) -> None:
        self._library = library
        self._stored = stored
        self._resolver = resolver
        self._parts: dict[ScriptFilterList | ScriptFilterAction, SharedList | SharedAction] = {}

    def changes(self, notes: list[str]) -> Changes:
        """Raises `ModelError`."""
        changes = [change for policy in self._library.all_policies() if (change := self._change(policy, notes))]
        things = [*self._library.lists, *self._library.actions]
        shared = self._stored.shared
        return Changes(
            # the assigned policy first, so that the policy in force changes in one step; deletions last
            policies=sorted(changes, key=lambda change: (not change.assigned, change.target is None)),
            shared=tuple(
                self._part(thing)
                for thing in things
                if thing.changed or self._is_begun(thing) or self._is_abandoned(thing)
            ),
            deleted=(
                *map(shared.list_of, self._library.lists.deleted_keys()),
                *map(shared.action_of, self._library.actions.deleted_keys()),
            ),
        )

    def _is_begun(self, thing: ScriptFilterList | ScriptFilterAction) -> bool:
        """Whether changed rules use a thing that has no data yet, because a change was interrupted."""
        part = self._parts.get(thing)
        return part is not None and part.stored is not None and part.stored.begun

    def _is_abandoned(self, thing: ScriptFilterList | ScriptFilterAction) -> bool:
        """Whether rules stop using it. To netsh it belongs to none of them, so it stays."""
        return thing.key is not None and not thing.users and bool(self._stored.shared.users(thing.key))

    def _part(self, thing: t.Any) -> t.Any:
        """The list or the action as it is after the script; the same object for all rules."""
        if thing not in self._parts:
            shared = self._stored.shared
            if isinstance(thing, ScriptFilterList):
                held = shared.list_of(thing.key) if thing.key else None
                self._parts[thing] = SharedList(
                    stored=held,
                    name=thing.name,
                    description=_description(thing, held),
                    filters=thing.all(),
                    unused=not thing.users,
                )
            else:
                action = shared.action_of(thing.key) if thing.key else None
                self._parts[thing] = SharedAction(
                    stored=action,
                    name=thing.name,
                    description=_description(thing, action),
                    value=thing.value(),
                    unused=not thing.users,
                )
        return self._parts[thing]

    def _change(self, policy: ScriptPolicy, notes: list[str]) -> PolicyChange | None:
        """What happens to a policy; None if nothing does."""
        stored = policy.stored
        if policy.deleted is not None:
            return PolicyChange(stored, None, None) if stored else None
        assigned = self._assigned(policy)
        rules = {name: rule for name, rule in policy.rules.items() if rule.origin is None or rule.differs}
        if not (policy.changed or rules or assigned is not None):
            return None
        recreated = stored is None or policy.replaced is not None
        wanted = Wanted(
            name=policy.name,
            description=policy.description,
            poll_interval=policy.poll_interval,
            main_mode=None if policy.main_mode == WantedMainMode() else policy.main_mode,
            default_response=policy.default_rule.wanted(None if recreated else stored),
            rules=tuple(self._rule(rule, policy, notes) for rule in rules.values()),
        )
        parts = {
            index: RuleParts(tuple(map(self._part, rule.filter_lists)), self._part(rule.filter_action))
            for index, rule in enumerate(rules.values())
        }
        if recreated:
            return PolicyChange(stored, merge(as_new(wanted), stored, RulesMode.EXACT, parts), assigned)
        return PolicyChange(stored, merge(wanted, stored, RulesMode.MERGE, parts, policy.removed), assigned)

    def _rule(self, rule: ScriptRule, policy: ScriptPolicy, notes: list[str]) -> Rule:
        whole = rule.whole()
        if not whole.filters:
            notes.append(
                f"the {whole.title} of the policy '{policy.name}' has no effect, because its filter list "
                f"'{whole.filter_list}' has no filters"
            )
        if rule.tunnel is None:
            return whole
        return dataclasses.replace(whole, tunnel=self._resolver.tunnel(whole, policy.stored))

    def _assigned(self, policy: ScriptPolicy) -> bool | None:
        """Whether a policy is to be assigned; None leaves it as it is."""
        final, before = self._library.assigned, self._stored.active
        if policy is final:
            return True if before is None or policy.stored is not before or policy.assigned else None
        return False if final is None and before is not None and policy.stored is before else None


def _description(thing: ScriptFilterList | ScriptFilterAction, held: StoredList | StoredAction | None) -> str:
    if thing.description is not None:
        return thing.description
    return held.description if held and not thing.new else ""
