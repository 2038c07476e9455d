# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the commands of a script on a library that is empty at first, as the content of a host is not known."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import MINUTES_LIMIT, U32, Action, ConnectionType, DnsName, Filter, HostAddress
from ..model.wanted import WantedMainMode
from ..shape.render import Tree
from ..source.mistakes import Mistakes
from ..source.text import Text
from ..store.casing import fold
from .consequences import Attempts
from .filters import read_address, read_filter
from .grammar import NO_DOMAIN, NetshCommand
from .library import ScriptFilterAction, ScriptFilterList, ScriptPolicy, ScriptRule, Shelf
from .methods import read_authentication, read_main_mode_methods, read_security_methods
from .values import read_description, read_flag, read_name, read_number, read_word


def read_netsh(commands: t.Iterable[NetshCommand], notes: list[str], mistakes: Mistakes | None = None) -> list[Tree]:
    """The arguments of ipsec_policy for each policy that the commands create, change or delete. The policy to be
    assigned comes first.

    Raises `SourceError` with all mistakes, also with those in `mistakes`. What is left out, and differences between the
    meaning and the text, are added to `notes`.
    """
    script = _ScriptRunner(notes)
    found = Mistakes() if mistakes is None else mistakes
    attempts = Attempts(found)
    for command in commands:
        attempts.run(script.run, command)
    found.raise_all()
    return script.finish()


class _ScriptRunner:
    """`_emptied` is where the script deletes all policies; `_unmade` are lists and actions that it deletes but does not
    create.
    """

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._lists: Shelf[ScriptFilterList] = Shelf("filter list")
        self._actions: Shelf[ScriptFilterAction] = Shelf("filter action")
        self._policies: dict[str, ScriptPolicy] = {}
        self._assigned: ScriptPolicy | None = None
        self._emptied: Text | None = None
        self._unmade: dict[tuple[str, str], str] = {}
        self._described = False
        self._line = 0
        self._executors: t.Final[t.Mapping[tuple[str, str], t.Callable[[NetshCommand], None]]] = {
            ("show", ""): self._leave_out,
            ("exportpolicy", ""): self._leave_out,
            ("importpolicy", ""): self._import,
            ("set", "store"): self._set_store,
            # how netsh runs its own scripts; nothing is stored
            ("set", "batch"): lambda _command: None,
            ("add", "policy"): self._add_policy,
            ("set", "policy"): self._set_policy,
            ("delete", "policy"): self._delete_policy,
            ("add", "filterlist"): self._add_list,
            ("set", "filterlist"): self._set_list,
            ("delete", "filterlist"): lambda command: self._delete_shared(command, self._lists),
            ("add", "filter"): self._add_filter,
            ("delete", "filter"): self._delete_filter,
            ("add", "filteraction"): self._add_action,
            ("set", "filteraction"): self._set_action,
            ("delete", "filteraction"): lambda command: self._delete_shared(command, self._actions),
            ("add", "rule"): self._add_rule,
            ("set", "rule"): self._set_rule,
            ("delete", "rule"): self._delete_rule,
            ("set", "defaultrule"): self._set_default_rule,
            ("delete", "all"): self._delete_all,
        }

    def run(self, command: NetshCommand) -> None:
        self._line = command.text.line()
        self._executors[command.verb, command.object](command)

    def finish(self) -> list[Tree]:
        if self._emptied is not None:
            # an assigned policy only the assigned policy is in force, so the others may stay
            if self._assigned is None:
                raise self._emptied.error(
                    0,
                    "this deletes all policies of a host, which are not known here; remove the command, and use a task "
                    "with 'state: absent' for each policy to delete",
                )
            self._notes.append(
                f"line {self._emptied.line()}: other policies of a host are unassigned but not deleted; use a task "
                "with 'state: absent' for each policy to delete"
            )
        found = list(self._tasks())
        self._note_leftovers()
        return found

    def _tasks(self) -> t.Iterator[Tree]:
        # as in a draft: the policy in force changes in one step
        for policy in sorted(self._policies.values(), key=lambda p: not p.assigned):
            arguments = policy.arguments()
            if arguments.keys() == {"name", "rules_mode"}:
                self._notes.append(f"the commands for the policy '{policy.name}' change nothing and are left out")
                continue
            if not policy.made and policy.deleted is None:
                self._notes.append(
                    f"the task creates the policy '{policy.name}' if it is missing; the script would not"
                )
            yield arguments

    def _note_leftovers(self) -> None:
        for shelf in (self._lists, self._actions):
            for thing in shelf:
                if not thing.users:
                    self._notes.append(f"the {shelf.what} '{thing.name}' is not used by any rule and is left out")
        for action in self._actions:
            if action.users and action.ignored:
                self._notes.append(
                    f"the filter action '{action.name}' is {action.action}; arguments that only negotiate uses are "
                    "left out"
                )
        if self._described:
            self._notes.append(
                "the descriptions of filter lists and filter actions cannot be part of a task and are left out"
            )
        for (what, _name), name in self._unmade.items():
            if name not in (self._lists if what == self._lists.what else self._actions):
                self._notes.append(
                    f"the {what} '{name}' is deleted but not created by the script; a task deletes it with the last "
                    "policy that uses it"
                )

    def _note(self, problem: str) -> None:
        self._notes.append(f"line {self._line}: {problem}")

    def _leave_out(self, command: NetshCommand) -> None:
        self._note(f"'{command.verb}' changes nothing and is left out")

    def _import(self, command: NetshCommand) -> None:
        raise command.text.error(
            0,
            "the content of the file is not known here; import it on a host, read the policies with ipsec_facts, and "
            "use them in ipsec_policy",
        )

    def _set_store(self, command: NetshCommand) -> None:
        location = read_word(command["location"], ("local", "domain"), "expected local or domain")
        if location == "domain":
            raise command["location"].error(0, NO_DOMAIN)
        if (domain := command.get("domain")) is not None:
            raise domain.error(0, "domain= needs location=domain, which this version does not support")

    def _policy(self, name: Text) -> ScriptPolicy:
        """The policy with that name, which the script may not create."""
        found = self._policies.get(fold(name.value))
        deleted = found.deleted if found else self._emptied
        if deleted is not None:
            raise name.error(0, f"this policy is deleted in line {deleted.line()}")
        if found is None:
            found = self._policies[fold(name.value)] = ScriptPolicy(name=read_name(name), made=False, exact=False)
        return found

    def _add_policy(self, command: NetshCommand) -> None:
        name = command["name"]
        old = self._policies.get(fold(name.value))
        if old is not None and old.deleted is None:
            what = "the script has created" if old.made else "earlier commands use"
            raise name.error(0, f"{what} a policy with this name; adding it again fails")
        # 'add' fails if the policy exists, so the script has everything that belongs to it
        policy = self._policies[fold(name.value)] = ScriptPolicy(
            name=read_name(name), made=True, exact=True, replaced=old.deleted if old else None
        )
        self._change_policy(policy, command)

    def _set_policy(self, command: NetshCommand) -> None:
        policy = self._policy(command["name"])
        if (name := command.get("newname")) is not None:
            if not policy.made:
                raise name.error(
                    0,
                    "the script does not create this policy; ipsec_policy renames a stored one by its id and a new "
                    "name",
                )
            del self._policies[fold(policy.name)]
            old = self._policies.get(fold(name.value))
            if old is not None and old.deleted is None:
                raise name.error(0, "a policy with this name already exists")
            if policy.replaced is not None:
                self._policies[fold(policy.name)] = ScriptPolicy(
                    name=policy.name, made=False, exact=False, deleted=policy.replaced
                )
            policy.replaced = old.deleted if old else None
            policy.name = read_name(name)
            self._policies[fold(policy.name)] = policy
        self._change_policy(policy, command)

    def _change_policy(self, policy: ScriptPolicy, command: NetshCommand) -> None:
        if (value := command.get("description")) is not None:
            policy.description = read_description(value)
        if (value := command.get("assign")) is not None:
            self._assign(policy, read_flag(value))
        if (value := command.get("pollinginterval")) is not None:
            policy.poll_interval = read_number(value, 1, MINUTES_LIMIT) * 60
        policy.main_mode = _main_mode(command).over(policy.main_mode)
        # netsh's default is not known, so it is left out as well
        if (value := command.get("activatedefaultrule")) is not None:
            policy.default_rule.enabled = read_flag(value)

    def _assign(self, policy: ScriptPolicy, assigned: bool) -> None:
        if assigned:
            if self._assigned is not None:
                self._assigned.assigned = False
            self._assigned = policy
        elif self._assigned is policy:
            self._assigned = None
        policy.assigned = assigned

    def _delete_policy(self, command: NetshCommand) -> None:
        if command.everything:
            self._delete_policies(command)
            return
        name = command["name"]
        policy = self._policies.get(fold(name.value))
        if policy is None:
            policy = self._policies[fold(name.value)] = ScriptPolicy(name=read_name(name), made=False, exact=False)
        self._forget(policy, command.text)

    def _delete_policies(self, command: NetshCommand) -> None:
        self._emptied = command.text
        for policy in self._policies.values():
            self._forget(policy, command.text)

    def _forget(self, policy: ScriptPolicy, place: Text) -> None:
        policy.clear()
        policy.deleted = place
        if self._assigned is policy:
            self._assigned = None

    def _delete_all(self, command: NetshCommand) -> None:
        self._delete_policies(command)
        self._lists.clear()
        self._actions.clear()

    def _add_list(self, command: NetshCommand) -> None:
        self._lists.add(command["name"], ScriptFilterList(read_name(command["name"])))
        self._check_description(command)

    def _set_list(self, command: NetshCommand) -> None:
        found = self._lists.find(command["name"])
        if (name := command.get("newname")) is not None:
            self._lists.rename(found, name)
        self._check_description(command)

    def _check_description(self, command: NetshCommand) -> None:
        if (value := command.get("description")) is not None and read_description(value):
            self._described = True

    def _add_filter(self, command: NetshCommand) -> None:
        name = command["filterlist"]
        if name.value not in self._lists:
            self._lists.add(name, ScriptFilterList(read_name(name)))
            self._note(f"no command creates the filter list '{name.value}', so it is created here, as netsh does")
        filter_ = self._read_filter(command)
        # for an existing filter, netsh fails and changes nothing
        self._lists.find(name).filters.setdefault(_anonymous(filter_), filter_)

    def _delete_filter(self, command: NetshCommand) -> None:
        filters = self._lists.find(command["filterlist"]).filters
        if filters.pop(_anonymous(self._read_filter(command)), None) is None:
            raise command["filterlist"].error(0, "this filter list does not have this filter")

    def _read_filter(self, command: NetshCommand) -> Filter:
        found: list[str] = []
        filter_ = read_filter(command, found)
        for note in found:
            self._note(note)
        return filter_

    def _delete_shared(self, command: NetshCommand, shelf: Shelf[t.Any]) -> None:
        if command.everything:
            for thing in tuple(shelf):
                shelf.delete(thing, command.text)
            self._note(f"other {shelf.what}s of a host are not deleted")
            return
        name = command["name"]
        if name.value in shelf:
            shelf.delete(shelf.find(name), name)
        else:
            self._unmade[shelf.what, fold(name.value)] = name.value

    def _add_action(self, command: NetshCommand) -> None:
        self._change_action(
            self._actions.add(command["name"], ScriptFilterAction(name=read_name(command["name"]))), command
        )

    def _set_action(self, command: NetshCommand) -> None:
        found = self._actions.find(command["name"])
        if (name := command.get("newname")) is not None:
            self._actions.rename(found, name)
        self._change_action(found, command)

    def _change_action(self, action: ScriptFilterAction, command: NetshCommand) -> None:
        self._check_description(command)
        if (value := command.get("action")) is not None:
            action.action = Action(read_word(value, tuple(Action), "expected permit, block or negotiate"))
        if (value := command.get("qmsecmethods")) is not None:
            action.methods = read_security_methods(value)
        if (value := command.get("qmpfs")) is not None:
            action.pfs = read_flag(value)
        if (value := command.get("inpass")) is not None:
            action.inpass = read_flag(value)
        if (value := command.get("soft")) is not None:
            action.soft = read_flag(value)

    def _add_rule(self, command: NetshCommand) -> None:
        policy = self._policy(command["policy"])
        name = command["name"]
        if fold(name.value) in policy.rules:
            raise name.error(0, "the policy already has a rule with this name")
        place = command["filterlist"]
        rule = ScriptRule(
            name=read_name(name),
            place=place,
            filter_list=self._lists.find(place),
            filter_action=self._actions.find(command["filteraction"]),
        )
        rule.count(1)
        policy.rules[fold(name.value)] = rule
        self._change_rule(rule, command)

    def _set_rule(self, command: NetshCommand) -> None:
        policy = self._policy(command["policy"])
        rule = policy.rules.get(fold(command["name"].value))
        if rule is None:
            raise command["name"].error(
                0,
                "the policy has no rule with this name"
                if policy.exact
                else "the script does not create this rule, and its other settings are not known here; write the "
                "change as a task of ipsec_rule",
            )
        rule.count(-1)
        if (name := command.get("filterlist")) is not None:
            rule.filter_list, rule.place = self._lists.find(name), name
        if (name := command.get("filteraction")) is not None:
            rule.filter_action = self._actions.find(name)
        rule.count(1)
        if (name := command.get("newname")) is not None:
            del policy.rules[fold(rule.name)]
            if fold(name.value) in policy.rules:
                raise name.error(0, "the policy already has a rule with this name")
            rule.name = read_name(name)
            policy.rules[fold(rule.name)] = rule
        self._change_rule(rule, command)

    def _change_rule(self, rule: ScriptRule, command: NetshCommand) -> None:
        if (value := command.get("description")) is not None:
            rule.description = read_description(value)
        if (value := command.get("activate")) is not None:
            rule.enabled = read_flag(value)
        if (value := command.get("conntype")) is not None:
            rule.connection_type = read_word(value, tuple(ConnectionType), "expected all, lan or dialup")
        if (value := command.get("tunnel")) is not None:
            address = read_address(value)
            if not isinstance(address, HostAddress | DnsName):
                raise value.error(0, "a tunnel endpoint is one address or DNS name")
            rule.tunnel, rule.tunnel_place = address, value
        if (methods := read_authentication(command)) is not None:
            rule.authentication = methods

    def _delete_rule(self, command: NetshCommand) -> None:
        policy = self._policy(command["policy"])
        if command.everything:
            policy.clear()
            # rules that are added from here on are all that it has
            policy.exact = True
            return
        name = command["name"]
        rule = policy.rules.pop(fold(name.value), None)
        if rule is not None:
            rule.count(-1)
        elif policy.exact:
            raise name.error(0, "the policy has no rule with this name")
        else:
            policy.dropped[fold(name.value)] = name

    def _set_default_rule(self, command: NetshCommand) -> None:
        policy = self._policy(command["policy"])
        rule = policy.default_rule
        if (value := command.get("activate")) is not None:
            rule.enabled = read_flag(value)
        elif rule.enabled is None and not policy.made:
            raise command.text.error(
                len(command.text), "activate=yes or activate=no is required: the stored setting is not known here"
            )
        if (value := command.get("qmsecmethods")) is not None:
            rule.methods = read_security_methods(value)
        if (value := command.get("qmpfs")) is not None:
            rule.pfs = read_flag(value)
        if (methods := read_authentication(command)) is not None:
            rule.authentication = methods


def _main_mode(command: NetshCommand) -> WantedMainMode:
    methods, lifetime, limit, pfs = map(command.get, ("mmsecmethods", "mmlifetime", "qmpermm", "mmpfs"))
    return WantedMainMode(
        methods=None if methods is None else read_main_mode_methods(methods),
        lifetime_seconds=None if lifetime is None else read_number(lifetime, 1, MINUTES_LIMIT) * 60,
        quick_mode_limit=None if limit is None else read_number(limit, 0, U32),
        pfs=None if pfs is None else read_flag(pfs),
    )


def _anonymous(filter_: Filter) -> Filter:
    """The filter without its description, which netsh ignores when it compares filters."""
    return dataclasses.replace(filter_, description="")
