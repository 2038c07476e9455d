# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the commands of a script, as netsh does, on a library."""

from __future__ import annotations

import typing as t

from ..source.text import Text
from ..store.casing import fold
from .commands import (
    ActionCommand,
    AddFilter,
    DeleteEverything,
    DeleteFilters,
    Deletion,
    FileCommand,
    ListCommand,
    NoChange,
    PolicyCommand,
    ResponseCommand,
    RuleCommand,
    ScriptCommand,
    ScriptVerb,
    StoreCommand,
    Thing,
)
from .library import Library, ScriptFilterAction, ScriptFilterList, ScriptPolicy, ScriptRule, Shelf
from .values import read_name

_ACTION_SETTINGS: t.Final = ("description", "action", "methods", "pfs", "inpass", "soft")
_RULE_SETTINGS: t.Final = ("description", "enabled", "connection_type", "authentication")


class ScriptRunner:
    """Changes `library`, and adds what differs from the text to `notes`.

    On a host, ``add`` changes what exists already, and ``delete`` of what does not exist does nothing, so that a second
    run changes nothing.
    """

    def __init__(self, library: Library, notes: list[str]) -> None:
        self._library = library
        self._notes = notes
        # lists and actions that the script deletes but does not create
        self.unmade: dict[tuple[Thing, str], str] = {}
        self.described = False
        self._executors: t.Final[t.Mapping[type, t.Callable[[t.Any], None]]] = {
            PolicyCommand: self._change_policy,
            ListCommand: self._change_list,
            AddFilter: self._add_filter,
            DeleteFilters: self._delete_filters,
            ActionCommand: self._change_action,
            RuleCommand: self._change_rule,
            ResponseCommand: self._change_response,
            Deletion: self._delete,
            DeleteEverything: self._delete_everything,
            StoreCommand: lambda command: None,
            NoChange: lambda command: None,
            FileCommand: self._leave_out,
        }

    def run(self, command: ScriptCommand) -> None:
        """Raises `SourceError`."""
        self._executors[type(command)](command)

    def _note(self, place: Text, problem: str) -> None:
        self._notes.append(f"line {place.line()}: {problem}")

    def _leave_out(self, command: FileCommand) -> None:
        if command.verb == "importpolicy":
            raise command.text.error(
                0,
                "the content of the file is not known here; import it on a host, read the policies with ipsec_facts, "
                "and use them in ipsec_policy",
            )
        self._note(command.text, f"'{command.verb}' changes nothing and is left out")

    def _find_policy(self, name: Text) -> ScriptPolicy | None:
        """The policy with that name, also if the script has deleted it. Raises `SourceError` if a host has several."""
        problem = self._library.ambiguous.get(fold(name.value))
        if problem is not None:
            raise name.error(0, problem)
        return self._library.policies.get(fold(name.value))

    def _policy(self, name: Text) -> ScriptPolicy:
        """The policy with that name, which a host may have if it is not known what it has. Raises `SourceError`."""
        library = self._library
        found = self._find_policy(name)
        deleted = found.deleted if found else library.emptied
        if deleted is not None:
            raise name.error(0, f"this policy is deleted in line {deleted.line()}")
        if found is None:
            if library.known:
                raise name.error(0, "neither the script nor the store has a policy with this name")
            found = library.policies[fold(name.value)] = ScriptPolicy(name=read_name(name), made=False, exact=False)
        found.changed = True
        return found

    def _change_policy(self, command: PolicyCommand) -> None:
        name, newname = self._names(command, self._has_policy)
        policy = self._add_policy(name) if command.verb is ScriptVerb.ADD else self._policy(name)
        if newname is not None:
            self._rename_policy(policy, newname)
        if command.description is not None:
            policy.description = command.description
        if command.assign is not None and command.gpo is None:
            self._assign(policy, command.assign)
        if command.poll_interval is not None:
            policy.poll_interval = command.poll_interval
        policy.main_mode = command.main_mode.over(policy.main_mode)
        # netsh's default is not known, so it is left out as well
        if command.default_rule is not None:
            policy.default_rule.enabled = command.default_rule

    def _has_policy(self, name: str) -> bool:
        found = self._library.policies.get(fold(name))
        return found is not None and found.deleted is None

    def _names(
        self, command: PolicyCommand | ListCommand | ActionCommand | RuleCommand, exists: t.Callable[[str], bool]
    ) -> tuple[Text, Text | None]:
        """The name and the new name of a command. On a host, a rename is done if only the new name exists."""
        name, newname = command.name, command.newname
        if self._library.known and newname is not None and not exists(name.value) and exists(newname.value):
            return newname, None
        return name, newname

    def _add_policy(self, name: Text) -> ScriptPolicy:
        old = self._find_policy(name)
        if old is not None and old.deleted is None:
            if old.made or old.stored is None:
                what = "the script has created" if old.made else "earlier commands use"
                raise name.error(0, f"{what} a policy with this name; adding it again fails")
            old.changed = old.made = True
            return old
        # 'add' fails if the policy exists, so the script has everything that belongs to it
        policy = self._library.policies[fold(name.value)] = ScriptPolicy(
            name=read_name(name),
            made=True,
            exact=True,
            replaced=old.deleted if old else None,
            stored=old.stored if old else None,
            changed=True,
        )
        return policy

    def _rename_policy(self, policy: ScriptPolicy, name: Text) -> None:
        policies = self._library.policies
        if not policy.known:
            raise name.error(
                0,
                "the script does not create this policy; ipsec_policy renames a stored one by its id and a new name",
            )
        del policies[fold(policy.name)]
        old = self._find_policy(name)
        if old is not None and old.deleted is None:
            raise name.error(0, "a policy with this name already exists")
        if policy.replaced is not None and policy.stored is None:
            policies[fold(policy.name)] = ScriptPolicy(
                name=policy.name, made=False, exact=False, deleted=policy.replaced
            )
        if policy.stored is None:
            policy.replaced, policy.stored = (old.deleted, old.stored) if old else (None, None)
        elif old is not None and old.stored is not None:
            self._library.gone.append(old)
        policy.name = read_name(name)
        policies[fold(policy.name)] = policy

    def _assign(self, policy: ScriptPolicy, assigned: bool) -> None:
        library = self._library
        if assigned:
            if library.assigned is not None:
                library.assigned.assigned = False
            library.assigned = policy
        elif library.assigned is policy:
            library.assigned = None
        policy.assigned = assigned

    def _delete(self, command: Deletion) -> None:
        if command.thing is Thing.RULE:
            self._delete_rule(command)
        elif command.thing is Thing.POLICY:
            self._delete_policy(command)
        else:
            self._delete_shared(command, self._library.lists if command.thing is Thing.LIST else self._library.actions)

    def _delete_policy(self, command: Deletion) -> None:
        name = command.name
        if name is None:
            self._delete_policies(command.text)
            return
        policy = self._find_policy(name)
        if policy is None:
            if self._library.known:
                return
            policy = ScriptPolicy(name=read_name(name), made=False, exact=False)
            self._library.policies[fold(name.value)] = policy
        self._forget(policy, command.text)

    def _delete_policies(self, place: Text) -> None:
        self._library.emptied = place
        self._library.ambiguous.clear()
        for policy in self._library.all_policies():
            self._forget(policy, place)

    def _forget(self, policy: ScriptPolicy, place: Text) -> None:
        policy.clear()
        policy.release()
        policy.deleted, policy.changed, policy.made = place, True, False
        if self._library.assigned is policy:
            self._library.assigned = None

    def _delete_everything(self, command: DeleteEverything) -> None:
        self._delete_policies(command.text)
        self._library.lists.clear()
        self._library.actions.clear()

    def _change_list(self, command: ListCommand) -> None:
        lists = self._library.lists
        name, newname = self._names(command, lists.__contains__)
        if command.verb is ScriptVerb.SET or name.value in lists:
            found = lists.find(name)
            # an interrupted run may have left it without data
            found.changed = found.changed or command.verb is ScriptVerb.ADD
        else:
            found = lists.add(name, ScriptFilterList(name=read_name(name)))
        if newname is not None:
            lists.rename(found, newname)
            found.changed = True
        self._describe(found, command.description)

    def _describe(self, thing: ScriptFilterList | ScriptFilterAction, description: str | None) -> None:
        if description is not None:
            thing.description, thing.changed = description, True
            self.described = self.described or bool(description)

    def _add_filter(self, command: AddFilter) -> None:
        name = command.filter_list
        lists = self._library.lists
        if name.value not in lists:
            lists.add(name, ScriptFilterList(name=read_name(name)))
            self._note(name, f"no command creates the filter list '{name.value}', so it is created here, as netsh does")
        for note in command.notes:
            self._note(name, note)
        found = lists.find(name)
        for filter_ in self._library.resolve(found, command.filter):
            found.add(filter_)
        found.changed = True

    def _delete_filters(self, command: DeleteFilters) -> None:
        name = command.filter_list
        if self._library.known and name.value not in self._library.lists:
            return
        found = self._library.lists.find(name)
        for note in command.notes:
            self._note(name, note)
        if found.delete(command.pattern):
            found.changed = True
        elif not self._library.known:
            raise name.error(0, "this filter list does not have this filter")

    def _delete_shared(self, command: Deletion, shelf: Shelf[t.Any]) -> None:
        name = command.name
        if name is None:
            left = shelf.clear()
            if not self._library.known:
                if left:
                    shelf.refuse_used(left[0], command.text)
                self._note(command.text, f"other {shelf.thing}s of a host are not deleted")
            elif left:
                self._note(command.text, f"rules use {len(left)} {shelf.thing}s, which stay")
        elif name.value in shelf:
            shelf.delete(shelf.find(name), name)
        elif not self._library.known:
            self.unmade[shelf.thing, fold(name.value)] = name.value

    def _change_action(self, command: ActionCommand) -> None:
        actions = self._library.actions
        name, newname = self._names(command, actions.__contains__)
        if command.verb is ScriptVerb.ADD and name.value not in actions:
            found = actions.add(name, ScriptFilterAction(name=read_name(name)))
        else:
            found = actions.find(name)
            if command.verb is ScriptVerb.ADD and found.added:
                # netsh fails and changes nothing
                self._note(command.name, f"the filter action '{found.name}' exists already, so nothing changes")
                return
        if command.verb is ScriptVerb.ADD:
            # an interrupted run may have left it without data
            found.added = found.changed = True
        if newname is not None:
            actions.rename(found, newname)
            found.changed = True
        self._describe(found, command.description)
        for setting in _ACTION_SETTINGS[1:]:
            if (value := getattr(command, setting)) is not None:
                setattr(found, setting, value)
                found.changed = True

    def _change_rule(self, command: RuleCommand) -> None:
        policy = self._policy(command.policy)
        name, newname = self._names(command, lambda name: fold(name) in policy.rules)
        rule = policy.find_rule(name)
        if command.verb is ScriptVerb.ADD and rule is None:
            # the grammar requires both
            lists, action = t.cast(Text, command.filter_list), t.cast(Text, command.filter_action)
            rule = ScriptRule(
                name=read_name(name),
                filter_lists=(self._library.lists.find(lists),),
                filter_action=self._library.actions.find(action),
                place=lists,
                made=True,
            )
            policy.add_rule(rule)
        elif rule is None:
            raise name.error(
                0,
                "the policy has no rule with this name"
                if policy.exact
                else "the script does not create this rule, and its other settings are not known here; write the "
                "change as a task of ipsec_rule",
            )
        elif command.verb is ScriptVerb.ADD and rule.made:
            raise name.error(0, "the policy already has a rule with this name")
        else:
            rule.count(-1)
            if command.filter_list is not None:
                rule.filter_lists, rule.place = (self._library.lists.find(command.filter_list),), command.filter_list
            if command.filter_action is not None:
                rule.filter_action = self._library.actions.find(command.filter_action)
            rule.count(1)
        rule.changed = True
        rule.made = rule.made or command.verb is ScriptVerb.ADD
        if newname is not None:
            policy.rename_rule(rule, newname)
        for setting in _RULE_SETTINGS:
            if (value := getattr(command, setting)) is not None:
                setattr(rule, setting, value)
        if command.tunnel is not None:
            rule.tunnel, rule.tunnel_place = command.tunnel, command.tunnel_place

    def _delete_rule(self, command: Deletion) -> None:
        name = command.name
        if self._library.known and self._find_policy(command.of_policy) is None:
            return
        policy = self._policy(command.of_policy)
        if name is None:
            policy.clear()
            # rules that are added from here on are all that it has
            policy.exact = True
            return
        if policy.find_rule(name) is not None:
            policy.remove_rule(fold(name.value))
        elif policy.exact and not self._library.known:
            raise name.error(0, "the policy has no rule with this name")
        elif not policy.exact:
            policy.dropped[fold(name.value)] = name

    def _change_response(self, command: ResponseCommand) -> None:
        policy = self._policy(command.policy)
        rule = policy.default_rule
        if command.enabled is not None:
            rule.enabled = command.enabled
        elif rule.enabled is None and not policy.known:
            raise command.policy.error(
                0, "for this policy, activate=yes or activate=no is required: the stored setting is not known here"
            )
        for setting in ("methods", "pfs", "authentication"):
            if (value := getattr(command, setting)) is not None:
                setattr(rule, setting, value)
