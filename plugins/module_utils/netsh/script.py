# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the commands of a script one after the other on a library that begins empty: nobody knows what a host holds."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import CONNECTION_TYPES, U32, DnsName, Filter, Host, NegotiationPolicy, fold
from ..shape.render import Tree
from ..shape.wanted import WantedMainMode
from ..source import Text
from .filters import read_address, read_filter
from .grammar import Command, parse_command
from .library import FilterAction, FilterList, Policy, Rule, Shelf
from .methods import read_authentication, read_main_mode_methods, read_security_methods
from .values import read_description, read_flag, read_name, read_number, read_word

_MINUTES: t.Final = U32 // 60


def read_netsh(commands: t.Iterable[Text], notes: list[str]) -> list[Tree]:
    """The arguments of ipsec_policy for each policy that the commands make, change or delete: first for that which
    shall be assigned.

    Raises `SourceError`; what was left out or taken otherwise than written is added to `notes`.
    """
    script = _Script(notes)
    for text in commands:
        script.run(parse_command(text))
    return script.finish()


class _Script:
    """`_emptied` is where the script deletes all policies; `_unmade` are the lists and actions that it deletes without
    having made them.
    """

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._lists: Shelf[FilterList] = Shelf("filter list")
        self._actions: Shelf[FilterAction] = Shelf("filter action")
        self._policies: dict[str, Policy] = {}
        self._assigned: Policy | None = None
        self._emptied: Text | None = None
        self._unmade: dict[tuple[str, str], str] = {}
        self._described = False
        self._line = 0
        self._executors: t.Final[t.Mapping[tuple[str, str], t.Callable[[Command], None]]] = {
            ("show", ""): self._leave_out,
            ("exportpolicy", ""): self._leave_out,
            ("importpolicy", ""): self._import,
            ("set", "store"): self._set_store,
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

    def run(self, command: Command) -> None:
        self._line = command.text.line()
        self._executors[command.verb, command.object](command)

    def finish(self) -> list[Tree]:
        if self._emptied is not None:
            # an assigned policy puts all others out of force, so that they may stay
            if self._assigned is None:
                raise self._emptied.error(
                    0,
                    "this deletes all policies that a host has, and nobody can know here which these are; take it out, "
                    "and name those that are to go in tasks with 'state: absent'",
                )
            self._notes.append(
                f"line {self._emptied.line()}: other policies that a host has stay there, but not assigned; a task "
                "with 'state: absent' deletes one"
            )
        # as in a draft: what is in force changes in one step
        found = [policy.arguments() for policy in sorted(self._policies.values(), key=lambda p: not p.assigned)]
        self._note_leftovers()
        return found

    def _note_leftovers(self) -> None:
        for policy in self._policies.values():
            if not policy.made and policy.deleted is None:
                self._notes.append(
                    f"the task makes the policy '{policy.name}' where it is missing; the script would not"
                )
        for shelf in (self._lists, self._actions):
            for thing in shelf:
                if not thing.users:
                    self._notes.append(f"the {shelf.what} '{thing.name}' is used by no rule and left out")
        for action in self._actions:
            if action.users and action.ignored:
                self._notes.append(
                    f"the filter action '{action.name}' is {action.action}; what only negotiate takes is left out"
                )
        if self._described:
            self._notes.append(
                "the descriptions of filter lists and filter actions have no place in a task and are left out"
            )
        for (what, _name), name in self._unmade.items():
            if name not in (self._lists if what == self._lists.what else self._actions):
                self._notes.append(
                    f"the {what} '{name}' is deleted but not made by the script; one goes with the last policy that "
                    "uses it"
                )

    def _note(self, problem: str) -> None:
        self._notes.append(f"line {self._line}: {problem}")

    def _leave_out(self, command: Command) -> None:
        self._note(f"'{command.verb}' changes nothing and is left out")

    def _import(self, command: Command) -> None:
        raise command.text.error(
            0,
            "what is in the file cannot be known here; import it on a host, read the policies with ipsec_facts, and "
            "give these to ipsec_policy",
        )

    def _set_store(self, command: Command) -> None:
        location = read_word(command["location"], ("local", "domain"), "the store is local or domain")
        if location == "domain":
            raise command["location"].error(
                0, "policies of the domain are not supported by this version; only those of the local store are"
            )
        if (domain := command.get("domain")) is not None:
            raise domain.error(0, "domain= goes with location=domain, which is not supported by this version")

    def _policy(self, name: Text) -> Policy:
        """The policy of that name, which may be one that the script does not make."""
        found = self._policies.get(fold(name.value))
        deleted = found.deleted if found else self._emptied
        if deleted is not None:
            raise name.error(0, f"this policy is deleted in line {deleted.line()}")
        if found is None:
            found = self._policies[fold(name.value)] = Policy(read_name(name), made=False, exact=False)
        return found

    def _add_policy(self, command: Command) -> None:
        name = command["name"]
        old = self._policies.get(fold(name.value))
        if old is not None and old.deleted is None:
            what = "the script has made" if old.made else "the commands before this take for given"
            raise name.error(0, f"{what} a policy of this name; adding it again fails")
        # 'add' fails where there is such a policy: the script says all that belongs to it
        policy = self._policies[fold(name.value)] = Policy(read_name(name), made=True, exact=True)
        self._change_policy(policy, command)

    def _set_policy(self, command: Command) -> None:
        policy = self._policy(command["name"])
        if (name := command.get("newname")) is not None:
            if not policy.made:
                raise name.error(
                    0,
                    "this policy is not made by the script; ipsec_policy renames a stored one by its id and a new name",
                )
            del self._policies[fold(policy.name)]
            old = self._policies.get(fold(name.value))
            if old is not None and old.deleted is None:
                raise name.error(0, "there is a policy of this name already")
            policy.name = read_name(name)
            self._policies[fold(policy.name)] = policy
        self._change_policy(policy, command)

    def _change_policy(self, policy: Policy, command: Command) -> None:
        if (value := command.get("description")) is not None:
            policy.description = read_description(value)
        if (value := command.get("assign")) is not None:
            self._assign(policy, read_flag(value))
        if (value := command.get("pollinginterval")) is not None:
            policy.poll_interval = read_number(value, 1, _MINUTES) * 60
        policy.main_mode = _main_mode(command).over(policy.main_mode)
        # what netsh takes where this is left out is not known: it is left out as well
        if (value := command.get("activatedefaultrule")) is not None:
            policy.default_rule.enabled = read_flag(value)

    def _assign(self, policy: Policy, assigned: bool) -> None:
        if assigned:
            if self._assigned is not None:
                self._assigned.assigned = False
            self._assigned = policy
        elif self._assigned is policy:
            self._assigned = None
        policy.assigned = assigned

    def _delete_policy(self, command: Command) -> None:
        if command.everything:
            self._delete_policies(command)
            return
        name = command["name"]
        policy = self._policies.get(fold(name.value))
        if policy is None:
            policy = self._policies[fold(name.value)] = Policy(read_name(name), made=False, exact=False)
        self._forget(policy, command.text)

    def _delete_policies(self, command: Command) -> None:
        self._emptied = command.text
        for policy in self._policies.values():
            self._forget(policy, command.text)

    def _forget(self, policy: Policy, place: Text) -> None:
        policy.clear()
        policy.deleted = place
        if self._assigned is policy:
            self._assigned = None

    def _delete_all(self, command: Command) -> None:
        self._delete_policies(command)
        self._lists.clear()
        self._actions.clear()

    def _add_list(self, command: Command) -> None:
        self._lists.add(command["name"], FilterList(read_name(command["name"])))
        self._check_description(command)

    def _set_list(self, command: Command) -> None:
        found = self._lists.find(command["name"])
        if (name := command.get("newname")) is not None:
            self._lists.rename(found, name)
        self._check_description(command)

    def _check_description(self, command: Command) -> None:
        if (value := command.get("description")) is not None and read_description(value):
            self._described = True

    def _add_filter(self, command: Command) -> None:
        name = command["filterlist"]
        if name.value not in self._lists:
            self._lists.add(name, FilterList(read_name(name)))
            self._note(f"no command makes the filter list '{name.value}'; it is taken for a new one, as netsh makes it")
        filter_ = self._read_filter(command)
        # one that is there already makes netsh fail, which changes nothing
        self._lists.find(name).filters.setdefault(_anonymous(filter_), filter_)

    def _delete_filter(self, command: Command) -> None:
        filters = self._lists.find(command["filterlist"]).filters
        if filters.pop(_anonymous(self._read_filter(command)), None) is None:
            raise command["filterlist"].error(0, "this filter list has no such filter")

    def _read_filter(self, command: Command) -> Filter:
        found: list[str] = []
        filter_ = read_filter(command, found)
        for note in found:
            self._note(note)
        return filter_

    def _delete_shared(self, command: Command, shelf: Shelf[t.Any]) -> None:
        if command.everything:
            for thing in tuple(shelf):
                shelf.delete(thing, command.text)
            self._note(f"what a host has of {shelf.what}s beside those of the script stays as it is")
            return
        name = command["name"]
        if name.value in shelf:
            shelf.delete(shelf.find(name), name)
        else:
            self._unmade[shelf.what, fold(name.value)] = name.value

    def _add_action(self, command: Command) -> None:
        self._change_action(self._actions.add(command["name"], FilterAction(read_name(command["name"]))), command)

    def _set_action(self, command: Command) -> None:
        found = self._actions.find(command["name"])
        if (name := command.get("newname")) is not None:
            self._actions.rename(found, name)
        self._change_action(found, command)

    def _change_action(self, action: FilterAction, command: Command) -> None:
        self._check_description(command)
        if (value := command.get("action")) is not None:
            action.action = read_word(value, NegotiationPolicy.ACTIONS, "the action is permit, block or negotiate")
        if (value := command.get("qmsecmethods")) is not None:
            action.methods = read_security_methods(value)
        if (value := command.get("qmpfs")) is not None:
            action.pfs = read_flag(value)
        if (value := command.get("inpass")) is not None:
            action.inpass = read_flag(value)
        if (value := command.get("soft")) is not None:
            action.soft = read_flag(value)

    def _add_rule(self, command: Command) -> None:
        policy = self._policy(command["policy"])
        name = command["name"]
        if fold(name.value) in policy.rules:
            raise name.error(0, "the policy has a rule of this name already")
        place = command["filterlist"]
        rule = Rule(read_name(name), place, self._lists.find(place), self._actions.find(command["filteraction"]))
        rule.count(1)
        policy.rules[fold(name.value)] = rule
        self._change_rule(rule, command)

    def _set_rule(self, command: Command) -> None:
        policy = self._policy(command["policy"])
        rule = policy.rules.get(fold(command["name"].value))
        if rule is None:
            raise command["name"].error(
                0,
                "the policy has no such rule"
                if policy.exact
                else "the script does not make this rule, and what else it says cannot be known here; write the whole "
                "rule as a task of ipsec_rule",
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
                raise name.error(0, "the policy has a rule of this name already")
            rule.name = read_name(name)
            policy.rules[fold(rule.name)] = rule
        self._change_rule(rule, command)

    def _change_rule(self, rule: Rule, command: Command) -> None:
        if (value := command.get("description")) is not None:
            rule.description = read_description(value)
        if (value := command.get("activate")) is not None:
            rule.enabled = read_flag(value)
        if (value := command.get("conntype")) is not None:
            rule.connection_type = read_word(
                value, CONNECTION_TYPES, f"the connection type is {', '.join(CONNECTION_TYPES)}"
            )
        if (value := command.get("tunnel")) is not None:
            address = read_address(value)
            if not isinstance(address, Host | DnsName):
                raise value.error(0, "a tunnel ends at one address or DNS name")
            rule.tunnel, rule.tunnel_place = address, value
        if (methods := read_authentication(command)) is not None:
            rule.authentication = methods

    def _delete_rule(self, command: Command) -> None:
        policy = self._policy(command["policy"])
        if command.everything:
            policy.clear()
            # what is added after this is all there is
            policy.exact = True
            return
        name = command["name"]
        rule = policy.rules.pop(fold(name.value), None)
        if rule is not None:
            rule.count(-1)
        elif policy.exact:
            raise name.error(0, "the policy has no such rule")
        else:
            policy.dropped[fold(name.value)] = name

    def _set_default_rule(self, command: Command) -> None:
        policy = self._policy(command["policy"])
        rule = policy.default_rule
        if (value := command.get("activate")) is not None:
            rule.enabled = read_flag(value)
        elif rule.enabled is None and not policy.made:
            raise command.text.error(
                len(command.text), "say activate=yes or activate=no: what a stored policy has cannot be known here"
            )
        if (value := command.get("qmsecmethods")) is not None:
            rule.methods = read_security_methods(value)
        if (value := command.get("qmpfs")) is not None:
            rule.pfs = read_flag(value)
        if (methods := read_authentication(command)) is not None:
            rule.authentication = methods


def _main_mode(command: Command) -> WantedMainMode:
    methods, lifetime, limit, pfs = map(command.get, ("mmsecmethods", "mmlifetime", "qmpermm", "mmpfs"))
    return WantedMainMode(
        None if methods is None else read_main_mode_methods(methods),
        None if lifetime is None else read_number(lifetime, 1, _MINUTES) * 60,
        None if limit is None else read_number(limit, 0, U32),
        None if pfs is None else read_flag(pfs),
    )


def _anonymous(filter_: Filter) -> Filter:
    """The filter without its description, by which netsh tells filters apart."""
    return dataclasses.replace(filter_, description="")
