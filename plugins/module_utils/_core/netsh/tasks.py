# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A script as the arguments of tasks, for a host that is not known."""

from __future__ import annotations

import typing as t

from ..model import ModelError, Rule
from ..model.gpos import WantedGpos
from ..model.wanted import Wanted, WantedMainMode
from ..shape.arguments import absence_arguments, policy_arguments
from ..shape.placed import PlacedChange
from ..shape.render import Tree
from ..source.mistakes import Mistakes
from .commands import Thing
from .consequences import Attempts
from .dynamic import DynamicScript
from .grammar import NetshCommand
from .library import Library, ScriptPolicy
from .reading import read_command
from .script import ScriptRunner
from .stores import Assignments, Stores


def read_netsh(commands: t.Iterable[NetshCommand], notes: list[str], mistakes: Mistakes | None = None) -> list[Tree]:
    """The arguments of ipsec_policy for each policy that the commands create, change or delete. The policy to be
    assigned comes first.

    Raises `SourceError` with all mistakes, also with those in `mistakes`. What is left out, and differences between the
    meaning and the text, are added to `notes`.
    """
    library = Library()
    script = ScriptRunner(library, notes)
    stores = Stores(notes)
    mistakes = Mistakes() if mistakes is None else mistakes
    attempts = Attempts(mistakes)
    for command in commands:
        attempts.run(command, _run, script, stores, command)
    mistakes.raise_all()
    if library.emptied is not None:
        # only the assigned policy is in force, so the others may stay
        if library.assigned is None:
            raise library.emptied.error(
                0,
                "this deletes all policies of a host, which are not known here; run the script with netsh_ipsec, or "
                "remove the command and use a task with 'state: absent' for each policy to delete",
            )
        notes.append(
            f"line {library.emptied.line()}: other policies of a host are unassigned but not deleted; use a task with "
            "'state: absent' for each policy to delete"
        )
    if stores.domain is not None:
        notes.append(stores.domain.note())
    found = list(_tasks(library, stores.assignments, notes))
    _note_leftovers(library, script, notes)
    return found


def read_dynamic(
    commands: t.Iterable[NetshCommand], notes: list[str], mistakes: Mistakes | None = None
) -> tuple[PlacedChange, ...]:
    """What commands of `netsh ipsec dynamic` change. Raises `SourceError` with all mistakes, also with those in
    `mistakes`.
    """
    script = DynamicScript(notes)
    mistakes = Mistakes() if mistakes is None else mistakes
    attempts = Attempts(mistakes)
    for command in commands:
        attempts.run(command, script.run, command)
    mistakes.raise_all()
    return script.changes()


def _run(script: ScriptRunner, stores: Stores, command: NetshCommand) -> None:
    stores.begin(command)
    found = read_command(command)
    stores.check(found, command.text, "")
    script.run(found)


def _tasks(library: Library, assignments: Assignments, notes: list[str]) -> t.Iterator[Tree]:
    # as in a draft: the policy in force changes in one step
    for policy in sorted(library.policies.values(), key=lambda policy: not policy.assigned):
        arguments = {**_arguments(policy, notes), **_gpos(assignments.of(policy.name))}
        if arguments.keys() == {"name", "rules_mode"}:
            notes.append(f"the commands for the policy '{policy.name}' change nothing and are left out")
            continue
        if not policy.made and policy.deleted is None:
            notes.append(f"the task creates the policy '{policy.name}' if it is missing; the script would not")
        yield arguments


def _arguments(policy: ScriptPolicy, notes: list[str]) -> Tree:
    """The arguments of a task. Raises `SourceError`."""
    if policy.deleted is not None:
        return absence_arguments(policy.name)
    for name, place in policy.dropped.items():
        if name not in policy.rules:
            raise place.error(
                0,
                "the script does not create this rule; to delete a stored rule, run the script with netsh_ipsec, or "
                "use ipsec_rule with 'state: absent'",
            )
    rules = tuple(_rules(policy, notes))
    wanted = Wanted(
        name=policy.name,
        description=policy.description,
        assigned=policy.assigned,
        poll_interval=policy.poll_interval,
        main_mode=None if policy.main_mode == WantedMainMode() else policy.main_mode,
        default_response=policy.default_rule.wanted(None),
        rules=rules if policy.exact or rules else None,
    )
    return policy_arguments(wanted, policy.exact)


def _gpos(wanted: list[WantedGpos]) -> Tree:
    """The arguments about Group Policy objects. Raises `ModelError`."""
    if not wanted:
        return {}
    first = wanted[0]
    other = next((item for item in wanted if item.mode is not first.mode), None)
    if other is not None:
        raise ModelError(
            f"{other.place}: a task either adds Group Policy objects or removes them, and {first.place} does the "
            "other; run the script with netsh_ipsec, or convert two scripts"
        )
    return {"gpos": [gpo for item in wanted for gpo in item.gpos], "gpos_mode": str(first.mode)}


def _rules(policy: ScriptPolicy, notes: list[str]) -> t.Iterator[Rule]:
    for rule in policy.rules.values():
        if rule.filters():
            yield rule.whole()
        else:
            notes.append(
                f"the rule '{rule.name}' of the policy '{policy.name}' is left out, because its filter list "
                f"'{rule.filter_lists[0].name}' has no filters at the end of the script"
            )


def _note_leftovers(library: Library, script: ScriptRunner, notes: list[str]) -> None:
    for shelf in (library.lists, library.actions):
        notes += [
            f"the {shelf.thing} '{thing.name}' is not used by any rule and is left out"
            for thing in shelf
            if not thing.users
        ]
    for action in library.actions:
        if action.users and action.ignored:
            notes.append(
                f"the filter action '{action.name}' is {action.value().action}; arguments that only negotiate uses are "
                "left out"
            )
    if script.described:
        notes.append("the descriptions of filter lists and filter actions cannot be part of a task and are left out")
    for (what, _name), name in script.unmade.items():
        if name not in (library.lists if what is Thing.LIST else library.actions):
            notes.append(
                f"the {what} '{name}' is deleted but not created by the script; a task deletes it with the last "
                "policy that uses it"
            )
