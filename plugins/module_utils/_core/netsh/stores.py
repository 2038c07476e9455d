# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""To which store the commands of a script go, and which Group Policy objects they make assign a policy."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model.gpos import GposMode, WantedGpos
from ..shape.domains import DomainStore, store_problem
from ..source.text import Text
from ..store.casing import fold
from .commands import (
    DeleteEverything,
    Deletion,
    FileCommand,
    NoChange,
    PolicyCommand,
    ScriptCommand,
    StoreCommand,
    Thing,
)
from .grammar import NetshCommand

_NO_ASSIGN: t.Final = (
    "in a domain, a Group Policy object assigns a policy: use 'set policy' with gponame= and assign=yes or assign=no"
)
_ONE_SESSION: t.Final = (
    "'set store' counts for all commands after it; netsh itself forgets it at the end of its session, which in a batch "
    "file is this line only, and would change the local store"
)


class Stores:
    """Follows ``set store``, and checks each command against the store that it goes to. All commands must go to the
    same one. What netsh does otherwise is added to `notes`.
    """

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self.assignments = Assignments()
        self._now: DomainStore | None = None
        self._first: DomainStore | None = None
        self._begun = False
        # whether the store is not certain after a mistake, so that commands after it are not judged
        self._unsure = False

    @property
    def domain(self) -> DomainStore | None:
        """The domain that has the store; None for the store of a host."""
        return self._first if self._begun else self._now

    def begin(self, words: NetshCommand) -> None:
        """Begin with a command. If it is a ``set store`` that cannot be read, the store after it is not certain."""
        self._unsure = self._unsure or words.object == "store"

    def check(self, command: ScriptCommand | None, text: Text, place: str) -> None:
        """Check a command; None is one of ``netsh ipsec dynamic``. `place` is the item of a list that has it.

        Raises `SourceError`.
        """
        if isinstance(command, StoreCommand):
            self._now, self._unsure = command.store(place), False
            if self._now is not None and not place and text.value.casefold().startswith("netsh"):
                self._notes.append(f"line {text.line()}: {_ONE_SESSION}")
        if isinstance(command, StoreCommand | NoChange | FileCommand) or self._unsure:
            return
        domain = None if command is None else self._now
        if not self._begun:
            self._begun, self._first = True, domain
        if (problem := store_problem(self._first, domain)) is not None:
            self._unsure = True
            raise text.error(0, problem)
        if isinstance(command, PolicyCommand):
            _check_assignment(command, domain)
        if command is not None:
            self.assignments.note(command, place)


def _check_assignment(command: PolicyCommand, domain: DomainStore | None) -> None:
    gpo, assign = command.gpo, command.assign_place
    if domain is None and gpo is not None:
        raise gpo.error(0, "gponame= is for policies of a domain: 'set store location=domain' comes before it")
    if domain is not None and gpo is None and assign is not None:
        raise assign.error(0, _NO_ASSIGN)
    if gpo is not None and assign is None:
        raise gpo.error(0, "gponame= needs assign=yes or assign=no")


class Assignments:
    """What ``set policy`` with ``gponame=`` asks for at the end of a script, in the order of its commands."""

    def __init__(self) -> None:
        self._found: list[WantedGpos] = []

    def note(self, command: ScriptCommand, place: str) -> None:
        """Note what a command says about assignments. `place` is its item of a list."""
        match command:
            case PolicyCommand():
                self._rename(command)
                if command.gpo is not None:
                    self._assign(command, command.gpo.value, place or f"line {command.name.line()}")
            case Deletion(thing=Thing.POLICY, name=name):
                self._found = [] if name is None else [item for item in self._found if not _of(item, name.value)]
            case DeleteEverything():
                self._found = []

    def of(self, policy: str) -> list[WantedGpos]:
        """Those of a policy."""
        return [item for item in self._found if _of(item, policy)]

    def wanted(self) -> tuple[WantedGpos, ...]:
        """All of them."""
        return tuple(self._found)

    def _rename(self, command: PolicyCommand) -> None:
        if command.newname is not None:
            name, newname = command.name.value, command.newname.value
            self._found = [
                dataclasses.replace(item, policy=newname) if _of(item, name) else item for item in self._found
            ]

    def _assign(self, command: PolicyCommand, gpo: str, place: str) -> None:
        """The last command about a policy and a Group Policy object counts; the object assigns one policy only."""
        policy = (command.newname or command.name).value
        replaced = [item for item in self.of(policy) if fold(item.gpos[0]) == fold(gpo)]
        if command.assign:
            replaced = [item for item in self._found if fold(item.gpos[0]) == fold(gpo)]
        self._found = [item for item in self._found if item not in replaced]
        mode = GposMode.ADD if command.assign else GposMode.REMOVE
        self._found.append(WantedGpos(gpos=(gpo,), mode=mode, policy=policy, place=place))


def _of(item: WantedGpos, policy: str) -> bool:
    return fold(item.policy or "") == fold(policy)
