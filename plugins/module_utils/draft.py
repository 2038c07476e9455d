# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Policies under the pen: what commands make of them one after the other, before anything is written.

A script that deletes a policy and makes it anew comes out as the policy it makes: where that is there already, nothing
changes.
"""

from __future__ import annotations

import dataclasses
import typing as t

from . import defaults
from .hints import some
from .merge import Target, find_policy, merge, refuse_unreadable
from .model import DEFAULT_MAIN_MODE_METHODS, ModelError, Rule, fold
from .objects import StoredPolicy, StoredRule
from .shape.edits import DeletePolicy, DeleteRule, Edit, EditPolicy
from .shape.wanted import Wanted, WantedDefaultResponse, WantedMainMode, WantedRule

_SHOWN: t.Final = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one policy: `target` is None where it shall not be; `assigned` None leaves that as it is."""

    stored: StoredPolicy | None
    target: Target | None
    assigned: bool | None


@dataclasses.dataclass
class Sheet:
    """One policy under the pen. `fresh` says that it was deleted on the way: nothing of what is stored stays; `unnamed`
    are the rules that went with it and that the command did not name.
    """

    name: str
    stored: StoredPolicy | None
    there: bool
    fresh: bool = False
    poll_interval: int | None = None
    main_mode: WantedMainMode | None = None
    default_response: WantedDefaultResponse | None = None
    assigned: bool | None = None
    rules: dict[str, Rule] = dataclasses.field(default_factory=dict)
    removed: set[str] = dataclasses.field(default_factory=set)
    unnamed: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self._by_name: dict[str, list[StoredRule]] = {}
        for rule in self.stored.rules if self.stored else ():
            self._by_name.setdefault(fold(rule.rule.name), []).append(rule)

    def rule_names(self) -> list[str]:
        stored = [] if self.fresh or self.stored is None else self.stored.rules
        names = [rule.rule.name for rule in stored if rule.key not in self.removed]
        known = {fold(name) for name in names}
        return names + [rule.name for rule in self.rules.values() if fold(rule.name) not in known]

    def find(self, name: str, id_: str | None) -> StoredRule | None:
        """The stored rule that is meant: that with the id, else that with the name, as an id may be one of another host
        or another time. Raises `ModelError` where the name means several.
        """
        if self.fresh or self.stored is None:
            return None
        found = [rule for rule in self.stored.rules if rule.rule.id == id_] if id_ is not None else []
        if not found:
            refuse_unreadable(self.stored, name, id_)
            found = self._by_name.get(fold(name), []) if name else []
        found = [rule for rule in found if rule.key not in self.removed]
        if len(found) > 1:
            ids = ", ".join(str(rule.rule.id) for rule in found)
            raise ModelError(
                f"{len(found)} rules of the policy are called '{name}'; say which with the id of ipsec_rule: {ids}"
            )
        return found[0] if found else None

    def edit_rule(self, wanted: WantedRule) -> None:
        stored = self.find(wanted.name, wanted.id)
        key = stored.key if stored else fold(wanted.name)
        base = self.rules.get(key) or (stored.rule if stored else None)
        try:
            self.rules[key] = wanted.on(base)
        except ModelError as error:
            raise ModelError(f"{wanted.title}: {error}" if base else str(error)) from None

    def delete_rule(self, name: str, id_: str | None) -> None:
        stored = self.find(name, id_)
        self.rules.pop(stored.key if stored else fold(name), None)
        if stored is not None:
            self.removed.add(stored.key)

    def delete(self) -> None:
        self.there, self.fresh, self.assigned = False, True, False
        self.poll_interval = self.main_mode = self.default_response = None
        self.rules.clear()
        self.removed.clear()

    def losses(self) -> t.Iterator[str]:
        """What to say of rules that are lost without having been named."""
        there = {fold(rule.name) for rule in self.rules.values()} if self.there else set()
        lost = [name or "one without a name" for name in self.unnamed if fold(name) not in there]
        if lost:
            names = some(list(dict.fromkeys(lost)), _SHOWN)
            yield f"the policy '{self.name}' is deleted with rules that the command does not name: {names}"

    def wanted(self) -> Wanted:
        """What was asked for on the way; of a fresh policy, everything."""
        name = self.stored.policy.name if self.stored and not self.fresh else self.name
        rules = tuple(self.rules.values())
        if not self.fresh:
            return Wanted(
                name,
                poll_interval=self.poll_interval,
                main_mode=self.main_mode,
                default_response=self.default_response,
                rules=rules or None,
            )
        return Wanted(
            name,
            None,
            "",
            None,
            self.poll_interval or defaults.POLL_INTERVAL,
            (self.main_mode or WantedMainMode()).over(_DEFAULT_MAIN_MODE),
            self.default_response or WantedDefaultResponse(enabled=False),
            rules,
        )

    def target(self) -> Target:
        """The policy as it shall be. Raises `ModelError`."""
        if self.fresh:
            return merge(self.wanted(), self.stored, "exact")
        return merge(self.wanted(), self.stored, "merge").without(self.removed)


_DEFAULT_MAIN_MODE: t.Final = WantedMainMode(
    DEFAULT_MAIN_MODE_METHODS, defaults.MAIN_MODE_LIFETIME, defaults.QUICK_MODE_LIMIT, defaults.PFS
)


class Draft:
    """All policies of a store under the pen.

    Where nobody knows the store, `policies` is None: then a policy that is not made here may be there all the same.
    """

    def __init__(self, policies: t.Sequence[StoredPolicy] | None, active: str | None) -> None:
        self._known = policies is not None
        self._policies = policies or ()
        self._sheets: dict[str, Sheet] = {}
        self._active = next((p for p in self._policies if p.key == active), None)
        self._taken = False
        self._notes: list[str] = []

    @property
    def notes(self) -> list[str]:
        """What somebody should know."""
        return [*self._notes, *(note for sheet in self._sheets.values() for note in sheet.losses())]

    def apply(self, edit: Edit) -> None:
        """Raises `ModelError`."""
        sheet = self._sheet(edit.policy)
        match edit:
            case EditPolicy():
                self._edit(sheet, edit)
            case DeletePolicy(_, rules):
                self._delete(sheet, rules)
            case DeleteRule(_, name, id_):
                sheet.delete_rule(name, id_)

    def _sheet(self, name: str) -> Sheet:
        sheet = self._sheets.get(fold(name))
        if sheet is None:
            stored = find_policy(self._policies, name, None, "rename one by its id with ipsec_policy")
            sheet = self._sheets[fold(name)] = Sheet(name, stored, stored is not None or not self._known)
        return sheet

    def _edit(self, sheet: Sheet, edit: EditPolicy) -> None:
        if not sheet.there and not edit.creates:
            if edit.assigned:
                raise ModelError(f"there is no policy '{edit.policy}' that could be assigned")
            return
        if not sheet.there:
            sheet.name, sheet.there = edit.policy, True
        if edit.poll_interval is not None:
            sheet.poll_interval = edit.poll_interval
        if edit.main_mode is not None:
            sheet.main_mode = edit.main_mode.over(sheet.main_mode)
        if edit.default_response is not None:
            sheet.default_response = edit.default_response.over(sheet.default_response)
        if edit.rule is not None:
            sheet.edit_rule(edit.rule)
        if edit.assigned:
            self._taken = True
            for other in self._sheets.values():
                other.assigned = None if other.assigned else other.assigned
        sheet.assigned = sheet.assigned if edit.assigned is None else edit.assigned

    def _delete(self, sheet: Sheet, rules: t.Sequence[str]) -> None:
        if sheet.there:
            named = set(map(fold, rules))
            sheet.unnamed += [name for name in sheet.rule_names() if fold(name) not in named]
        sheet.delete()

    def sheets(self) -> list[Sheet]:
        """The policies that commands were about, in their order, but one that shall be assigned first: what is in force
        changes in one step, and the others are idle then.
        """
        return sorted(self._sheets.values(), key=lambda sheet: not sheet.assigned)

    def changes(self) -> list[Change]:
        """Raises `ModelError`."""
        changes = []
        sheets = self.sheets()
        # another policy took the place of the assigned one, and was unassigned itself
        displaced = self._active if self._taken and not any(sheet.assigned for sheet in sheets) else None
        for sheet in sheets:
            if sheet.there:
                target = sheet.target()
                self._note_main_mode(sheet, target)
                assigned = False if displaced is not None and sheet.stored is displaced else sheet.assigned
                changes.append(Change(sheet.stored, target, assigned))
            elif sheet.stored is not None:
                changes.append(Change(sheet.stored, None, None))
        if displaced is not None and all(sheet.stored is not displaced for sheet in sheets):
            changes.append(Change(displaced, merge(Wanted(displaced.policy.name), displaced, "merge"), False))
        return changes

    def _note_main_mode(self, sheet: Sheet, target: Target) -> None:
        """Say what a command about one rule does to the others."""
        stored = None if sheet.fresh else sheet.stored
        others = stored is not None and any(origin.key not in sheet.rules for origin in stored.rules)
        if stored is not None and others and stored.policy.main_mode != target.policy.main_mode:
            self._notes.append(f"main mode belongs to the policy: it changes for all rules of '{stored.policy.name}'")
