# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Carries out an attempt: rights first, then one write after the other, then a look at what became of them."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ..objects.graph import ObjectClass, class_in
from ..store.casing import fold
from ..store.names import ACTION, CHANGED, FILTERS, ISAKMP, NAME, NFAS, OWNERS
from .attempt import DomainAttempt
from .dn import comparable, dn_of, key_below, name_above, parse_dn
from .entries import CLASSES, parse_time, single_text, texts
from .errors import DirectoryError, LostConnection, ResultCode, ResultError
from .gpt import GptFiles, GptUnreachable, not_written
from .ldap import AddEntry, DeleteEntry, Directory, DirectoryEntry, ModifyEntry, Scope, Search, Write
from .reading import MAY_CREATE
from .writes import Stamp

MAY_WRITE: t.Final = "allowedAttributesEffective"
_CONFLICTS: t.Final = frozenset(
    {
        ResultCode.NO_SUCH_ATTRIBUTE,
        ResultCode.VALUE_EXISTS,
        ResultCode.NO_SUCH_OBJECT,
        ResultCode.ENTRY_EXISTS,
    }
)
_NOT_FOUND: t.Final = "000020B5"
"""In the server's words for a reference to an object that does not exist."""
_CREATED: t.Final = "uSNCreated"
_TOUCHES: t.Final = 3
_SECOND: t.Final = 1.05
"""Times of a directory have whole seconds."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DomainApplied:
    """What became of an attempt: `done` of its writes are done. `conflict` says that somebody else has written, so that
    the domain must be read again. `error` says why the attempt stopped otherwise, and `lost` that the connection broke,
    so that it is not known whether the next write is done as well.
    """

    done: int
    conflict: bool = False
    error: str | None = None
    lost: bool = False
    warnings: tuple[str, ...] = ()


def apply(
    directory: Directory, attempt: DomainAttempt, files: GptFiles, sleep: t.Callable[[float], None] = time.sleep
) -> DomainApplied:
    """Carry out an attempt. Raises `DirectoryError` before the first write if a right is missing."""
    try:
        _check_rights(directory, attempt.writes)
    except ResultError as error:
        if not _is_conflict(error):
            raise
        return DomainApplied(done=0, conflict=True, error=str(error))
    return _Run(directory, attempt, files, sleep).run()


class _Conflict(Exception):
    """Somebody else has written."""


class _Run:
    def __init__(
        self, directory: Directory, attempt: DomainAttempt, files: GptFiles, sleep: t.Callable[[float], None]
    ) -> None:
        self._directory = directory
        self._attempt = attempt
        self._container = attempt.state.place.container
        self._files = files
        self._sleep = sleep
        self._done = 0
        self._warnings: list[str] = []

    def run(self) -> DomainApplied:
        policies, gpos = self._attempt.policies, self._attempt.gpos
        # they come first
        created = [
            one for one in policies.changes if isinstance(one, AddEntry) and _class_of(one) == ObjectClass.POLICY
        ]
        try:
            self._write(*gpos.before, *created)
            self._check_names(created)
            self._write(*policies.changes[len(created) :])
            if policies.deletions:
                self._check_unused(policies.deletions)
            self._write(*policies.deletions, *gpos.after)
            for stamp in policies.stamps:
                self._move(stamp)
        except _Conflict as error:
            return self._ended(conflict=True, error=str(error))
        except ResultError as error:
            return self._ended(conflict=_is_conflict(error), error=str(error))
        except DirectoryError as error:
            return self._ended(error=str(error), lost=isinstance(error, LostConnection))
        for change in gpos.gpt:
            try:
                self._files.write(change.gpo, change.old, change.new)
            except GptUnreachable as error:
                self._warnings.append(not_written(change, self._directory.server, error.reason))
        return self._ended()

    def _ended(self, conflict: bool = False, error: str | None = None, lost: bool = False) -> DomainApplied:
        return DomainApplied(done=self._done, conflict=conflict, error=error, lost=lost, warnings=tuple(self._warnings))

    def _write(self, *writes: Write) -> None:
        for write in writes:
            try:
                self._directory.write(write)
            except ResultError as error:
                if not isinstance(write, DeleteEntry) or error.code != ResultCode.NO_SUCH_OBJECT:
                    raise
            self._done += 1

    def _check_names(self, created: t.Sequence[AddEntry]) -> None:
        """Find out whether somebody else has created a policy with the name of a new one. The first one stays."""
        if not created:
            return
        match = ((CLASSES, ObjectClass.POLICY),)
        search = Search(base=self._container, scope=Scope.ONE_LEVEL, match=match, attributes=(NAME, _CREATED))
        found = {comparable(entry.dn): entry for entry in self._directory.search(search)}
        graph = self._attempt.state.graph
        known = {comparable(dn_of(graph.path(key), self._container)) for key in graph.policies}
        for own in [found[dn] for dn in map(comparable, (write.dn for write in created)) if dn in found]:
            for dn, other in found.items():
                if dn not in known and _name(other) == _name(own) and _number(other) < _number(own):
                    for begun in created:
                        self._directory.write(DeleteEntry(begun.dn))
                        self._done -= 1
                    raise _Conflict(f"somebody else created {other.dn}, which has the same name, at the same time")

    def _read(self, dn: str, *attributes: str) -> DirectoryEntry:
        found = self._directory.search(Search(base=dn, attributes=attributes))
        if len(found) != 1:
            raise DirectoryError(f"{self._directory.server} has {len(found)} answers for {dn}; one is possible")
        return found[0]

    def _check_unused(self, deletions: t.Sequence[DeleteEntry]) -> None:
        """Find out whether somebody else has started to use what is to be deleted (MS-GPIPSEC 3.1.5.7)."""
        gone = {comparable(deletion.dn) for deletion in deletions}
        keys = {fold(parse_dn(deletion.dn)[0][1]) for deletion in deletions}
        for class_, names in ((ObjectClass.POLICY, (ISAKMP, NFAS)), (ObjectClass.NFA, (FILTERS, ACTION))):
            search = Search(base=self._container, scope=Scope.ONE_LEVEL, match=((CLASSES, class_),), attributes=names)
            for entry in self._directory.search(search):
                used = {key for name in names for key in self._references(entry, name)} & keys
                if used and comparable(entry.dn) not in gone:
                    raise _Conflict(f"somebody else made {entry.dn} refer to {min(used)}, which was to be deleted")
        for deletion in deletions:
            if class_in(parse_dn(deletion.dn)[0][1]) is ObjectClass.POLICY:
                self._check_unassigned(deletion.dn)

    def _check_unassigned(self, policy: str) -> None:
        """Find out whether somebody else has assigned a policy that is to be deleted."""
        base = self._attempt.state.place.group_policies
        for entry in self._directory.search(Search(base=base, scope=Scope.SUBTREE, match=((OWNERS, policy),))):
            raise _Conflict(f"somebody else made {entry.dn} assign {policy}, which was to be deleted")

    def _references(self, entry: DirectoryEntry, name: str) -> frozenset[str]:
        """The keys that an attribute refers to, without what was deleted."""
        found = (key_below(dn, self._container) for dn in texts(entry, name))
        return frozenset(fold(key) for key in found if key is not None)

    def _move(self, stamp: Stamp) -> None:
        """Touch a policy again until its time is another one than before."""
        for _try in range(_TOUCHES):
            if self._time(stamp.dn) != stamp.before:
                return
            self._sleep(_SECOND)
            self._directory.write(stamp.touch)
        if self._time(stamp.dn) == stamp.before:
            self._warnings.append(
                f"{CHANGED} of {stamp.dn} on {self._directory.server} does not move, so hosts may not notice the "
                "change until they start again: check the clock of the domain controller"
            )

    def _time(self, dn: str) -> int:
        entry = self._read(dn, CHANGED)
        return parse_time(single_text(entry, CHANGED) or "", entry, CHANGED)


def _name(policy: DirectoryEntry) -> str:
    return fold(single_text(policy, NAME) or "")


def _number(entry: DirectoryEntry) -> int:
    """Of two objects, the one that the server got first has the lower number."""
    return int(single_text(entry, _CREATED) or 0)


def _is_conflict(error: ResultError) -> bool:
    if error.code == ResultCode.CONSTRAINT_VIOLATION:
        return _NOT_FOUND in error.detail.upper()
    return error.code in _CONFLICTS


def _check_rights(directory: Directory, writes: t.Sequence[Write]) -> None:
    """Raise `DirectoryError` if the user may not do one of the writes. New objects belong to the user."""
    created = {comparable(write.dn) for write in writes if isinstance(write, AddEntry)}
    classes: dict[str, set[str]] = {}
    attributes: dict[str, set[str]] = {}
    for write in writes:
        if isinstance(write, AddEntry):
            parent = name_above(write.dn)
            if comparable(parent) not in created:
                classes.setdefault(parent, set()).add(_class_of(write))
        elif isinstance(write, ModifyEntry) and comparable(write.dn) not in created:
            attributes.setdefault(write.dn, set()).update(change.name for change in write.changes)
    for dn, needed in classes.items():
        for missing in sorted(needed - _allowed(directory, dn, MAY_CREATE, needed)):
            raise DirectoryError(
                f"the user may not create objects of the class {missing} in {dn} on {directory.server}: the right to "
                "create these child objects is missing. Nothing was changed"
            )
    for dn, needed in attributes.items():
        for missing in sorted(needed - _allowed(directory, dn, MAY_WRITE, needed)):
            raise DirectoryError(
                f"the user may not write {missing} of {dn} on {directory.server}: the right to write this property is "
                "missing. Nothing was changed"
            )


def _allowed(directory: Directory, dn: str, what: str, needed: t.Iterable[str]) -> set[str]:
    """Those of the needed classes or attributes that the server allows."""
    allowed: set[str] = set()
    for entry in directory.search(Search(base=dn, attributes=(what,))):
        allowed.update(value.decode(errors="replace").lower() for value in entry.attributes.get(what.lower(), ()))
    return {name for name in needed if name.lower() in allowed}


def _class_of(write: AddEntry) -> str:
    values = next((values for name, values in write.attributes if fold(name) == fold(CLASSES)), ())
    return values[-1].decode() if values else "top"
