# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Drafts of policies: the results of edits, one after the other, before anything is planned.

A script that deletes a policy and creates it again becomes the policy that it creates: if that exists already, nothing
changes.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..hints import some
from ..model import ModelError, Rule
from ..model.edits import DeletePolicy, DeleteRule, Edit, EditPolicy
from ..model.wanted import FiltersMode, RulesMode, Sharing, Wanted, WantedDefaultResponse, WantedMainMode, WantedRule
from ..objects.policies import StoredPolicy, StoredRule
from ..objects.shared import SharedObjects
from ..store.casing import fold
from .merge import Changes, PolicyChange, Target, as_new, merge
from .shared import RuleParts, SharedList, change_lists, parts_by_name, rules_using, with_parts
from .stored import StoredPolicies, refuse_unreadable

_SHOWN: t.Final = 20


@dataclasses.dataclass(kw_only=True)
class PolicyDraft:
    """The draft of one policy. `recreated` says that it was deleted on the way, so nothing of what is stored stays;
    `unnamed` are the rules that were deleted with it and that the command did not name. `assigned_early` says that it
    was assigned before it existed.
    """

    name: str
    stored: StoredPolicy | None
    exists: bool
    recreated: bool = False
    poll_interval: int | None = None
    main_mode: WantedMainMode | None = None
    default_response: WantedDefaultResponse | None = None
    assigned: bool | None = None
    assigned_early: bool = False
    rules: dict[str, Rule] = dataclasses.field(default_factory=dict)
    # the shared objects that these rules use
    parts: dict[str, RuleParts] = dataclasses.field(default_factory=dict)
    removed: set[str] = dataclasses.field(default_factory=set)
    unnamed: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self._by_name: dict[str, list[StoredRule]] = {}
        for rule in self.stored.rules if self.stored else ():
            self._by_name.setdefault(fold(rule.rule.name), []).append(rule)

    def rule_names(self) -> list[str]:
        stored = [] if self.recreated or self.stored is None else self.stored.rules
        names = [rule.rule.name for rule in stored if rule.key not in self.removed]
        known = {fold(name) for name in names}
        return names + [rule.name for rule in self.rules.values() if fold(rule.name) not in known]

    def find(self, name: str, id_: str | None) -> StoredRule | None:
        """The stored rule with that id, else with that name, as an id may come from another host or another time.
        Raises `ModelError` if several rules have the name.
        """
        if self.recreated or self.stored is None:
            return None
        found = [rule for rule in self.stored.rules if rule.rule.id == id_] if id_ is not None else []
        if not found:
            refuse_unreadable(self.stored, name, id_)
            found = self._by_name.get(fold(name), []) if name else []
        found = [rule for rule in found if rule.key not in self.removed]
        if len(found) > 1:
            ids = ", ".join(str(rule.rule.id) for rule in found)
            raise ModelError(
                f"{len(found)} rules of the policy have the name '{name}'; identify one of them with the id of "
                f"ipsec_rule: {ids}"
            )
        return found[0] if found else None

    def edit_rule(self, wanted: WantedRule, shared: SharedObjects | None) -> tuple[SharedList, ...]:
        """Change a rule or add one. Returns the filter lists of other rules that change with it."""
        stored = self.find(wanted.name, wanted.id)
        key = stored.key if stored else fold(wanted.name)
        base = self.rules.get(key) or (stored.rule if stored else None)
        if base is None and wanted.filters_mode is FiltersMode.REMOVE:
            return ()
        try:
            parts = RuleParts() if shared is None else parts_by_name(wanted, stored, base, shared)
            if parts.lists is not None:
                wanted = dataclasses.replace(wanted, filters=parts.lists[0].filters)
            rule = wanted.on(base)
            changed: tuple[SharedList, ...] = ()
            if shared is not None and stored is not None and wanted.sharing is Sharing.CHANGE:
                changed = change_lists(stored, rule, shared)
                parts = parts._replace(lists=changed or parts.lists)
            self.parts[key] = parts
            self.rules[key] = with_parts(rule, parts)
        except ModelError as error:
            raise ModelError(f"{wanted.title}: {error}" if base else str(error)) from None
        return changed

    def delete_rule(self, name: str, id_: str | None) -> None:
        stored = self.find(name, id_)
        key = stored.key if stored else fold(name)
        self.rules.pop(key, None)
        self.parts.pop(key, None)
        if stored is not None:
            self.removed.add(stored.key)

    def delete(self) -> None:
        self.exists, self.recreated, self.assigned, self.assigned_early = False, True, False, False
        self.poll_interval = self.main_mode = self.default_response = None
        self.rules.clear()
        self.parts.clear()
        self.removed.clear()

    def losses(self) -> t.Iterator[str]:
        """Notes about rules that are lost although no command names them."""
        there = {fold(rule.name) for rule in self.rules.values()} if self.exists else set()
        lost = [name or "a rule without a name" for name in self.unnamed if fold(name) not in there]
        if lost:
            names = some(list(dict.fromkeys(lost)), _SHOWN)
            yield f"the policy '{self.name}' is deleted with rules that the command does not name: {names}"

    def wanted(self) -> Wanted:
        """What the edits ask for; for a recreated policy, everything."""
        name = self.stored.policy.name if self.stored and not self.recreated else self.name
        rules = tuple(self.rules.values())
        wanted = Wanted(
            name=name,
            poll_interval=self.poll_interval,
            main_mode=self.main_mode,
            default_response=self.default_response,
            rules=rules if rules or self.recreated else None,
        )
        return as_new(wanted) if self.recreated else wanted

    def target(self) -> Target:
        """The policy that is to exist. Raises `ModelError`."""
        parts = {index: self.parts[key] for index, key in enumerate(self.rules) if key in self.parts}
        if self.recreated:
            return merge(self.wanted(), self.stored, RulesMode.EXACT, parts)
        return merge(self.wanted(), self.stored, RulesMode.MERGE, parts, self.removed)


class Draft:
    """Drafts of all policies that edits are about.

    `stored` is None if the store is not known: a policy that was not created here may exist nevertheless.
    """

    def __init__(self, stored: StoredPolicies | None) -> None:
        self._stored = stored
        self._policies: dict[str, PolicyDraft] = {}
        # filter lists that change for all rules that use them, by key
        self._lists: dict[str, SharedList] = {}
        self._taken = False
        self._notes: list[str] = []

    @property
    def notes(self) -> list[str]:
        """Side effects of the edits."""
        return [*self._notes, *(note for policy in self._policies.values() for note in policy.losses())]

    def stored(self, name: str) -> StoredPolicy | None:
        """The stored policy that an edit of that name changes. Raises `ModelError`."""
        return self._policy(name).stored

    def apply(self, edit: Edit) -> None:
        """Raises `ModelError`."""
        policy = self._policy(edit.policy)
        match edit:
            case EditPolicy():
                self._edit(policy, edit)
            case DeletePolicy(_, rules):
                self._delete(policy, rules)
            case DeleteRule(_, name, id_):
                policy.delete_rule(name, id_)

    def _policy(self, name: str) -> PolicyDraft:
        policy = self._policies.get(fold(name))
        if policy is None:
            stored = self._stored.find(name, None, "rename one by its id with ipsec_policy") if self._stored else None
            exists = stored is not None or self._stored is None
            policy = self._policies[fold(name)] = PolicyDraft(name=name, stored=stored, exists=exists)
        return policy

    def _edit(self, policy: PolicyDraft, edit: EditPolicy) -> None:
        if not policy.exists and not edit.creates:
            if edit.assigned and not edit.created_later:
                raise ModelError(f"the policy '{edit.policy}' does not exist, so it cannot be assigned")
            if edit.assigned is not None:
                policy.assigned_early = edit.assigned
            return
        if not policy.exists:
            policy.name, policy.exists = edit.policy, True
        if edit.poll_interval is not None:
            policy.poll_interval = edit.poll_interval
        if edit.main_mode is not None:
            policy.main_mode = edit.main_mode.over(policy.main_mode)
        if edit.default_response is not None:
            policy.default_response = edit.default_response.over(policy.default_response)
        if edit.rule is not None:
            changed = policy.edit_rule(edit.rule, self._stored.shared if self._stored else None)
            self._lists.update((found.stored.key, found) for found in changed if found.stored)
        if policy.assigned_early:
            edit = dataclasses.replace(edit, assigned=True if edit.assigned is None else edit.assigned)
            policy.assigned_early = False
        if edit.assigned:
            self._taken = True
            for other in self._policies.values():
                other.assigned = None if other.assigned else other.assigned
                other.assigned_early = False
        policy.assigned = policy.assigned if edit.assigned is None else edit.assigned

    def _delete(self, policy: PolicyDraft, rules: t.Sequence[str]) -> None:
        if policy.exists:
            named = set(map(fold, rules))
            policy.unnamed += [name for name in policy.rule_names() if fold(name) not in named]
        policy.delete()

    def policies(self) -> list[PolicyDraft]:
        """The policies in the order of their edits, but the one to assign first, so that the policy in force changes
        in one step.
        """
        return sorted(self._policies.values(), key=lambda policy: not policy.assigned)

    def _edit_rules_with_shared_lists(self, shared: SharedObjects) -> None:
        """Change all rules that use a changed list."""
        drafts = {policy.stored.key: policy for policy in self._policies.values() if policy.stored}
        for stored, origin, parts in rules_using(shared, self._lists):
            policy = drafts.get(stored.key)
            if policy is None:
                policy = drafts[stored.key] = PolicyDraft(name=stored.policy.name, stored=stored, exists=True)
                self._policies[stored.key] = policy
            if policy.exists and not policy.recreated and origin.key not in {*policy.removed, *policy.rules}:
                policy.rules[origin.key] = with_parts(origin.rule, parts)
                policy.parts[origin.key] = parts
                self._notes.append(
                    f"the filter list '{origin.rule.filter_list}' is shared, so the {origin.rule.title} of the policy "
                    f"'{stored.policy.name}' changes as well"
                )

    def changes(self) -> Changes:
        """Raises `ModelError`."""
        if self._stored is not None:
            self._edit_rules_with_shared_lists(self._stored.shared)
        changes = []
        policies = self.policies()
        active = self._stored.active if self._stored else None
        # another policy took the place of the assigned one, and was unassigned itself
        displaced = active if self._taken and not any(policy.assigned for policy in policies) else None
        if displaced is not None and not any(
            policy.stored is displaced and (policy.assigned is False or not policy.exists) for policy in policies
        ):
            name = displaced.policy.name
            self._notes.append(f"another policy is assigned and unassigned again, which unassigns '{name}', too")
        for policy in policies:
            if policy.exists:
                target = policy.target()
                self._note_main_mode(policy, target)
                # only the assigned policy can be unassigned, and a store without one knows no assignment
                is_active = active is not None and policy.stored is active
                unassigned = is_active and (policy.stored is displaced or policy.assigned is False)
                changes.append(PolicyChange(policy.stored, target, False if unassigned else policy.assigned or None))
            elif policy.stored is not None:
                changes.append(PolicyChange(policy.stored, None, None))
        if displaced is not None and all(policy.stored is not displaced for policy in policies):
            target = merge(Wanted(name=displaced.policy.name), displaced, RulesMode.MERGE)
            changes.append(PolicyChange(displaced, target, False))
        return Changes(policies=changes, shared=tuple(self._lists.values()))

    def _note_main_mode(self, policy: PolicyDraft, target: Target) -> None:
        """Note what an edit of one rule does to the others."""
        stored = None if policy.recreated else policy.stored
        others = stored is not None and any(origin.key not in policy.rules for origin in stored.rules)
        if stored is not None and others and stored.policy.main_mode != target.policy.main_mode:
            self._notes.append(f"main mode belongs to the policy: it changes for all rules of '{stored.policy.name}'")
