# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A task on a domain: the channel to a domain controller, and the loop of the task."""

from __future__ import annotations

import types
import typing as t

from ..module_utils._core.directory.applying import DomainApplied, apply
from ..module_utils._core.directory.attempt import DomainAttempt, decide_domain, with_versions
from ..module_utils._core.directory.errors import LostConnection
from ..module_utils._core.directory.goal import DomainGoal
from ..module_utils._core.directory.gpos import assigned_key
from ..module_utils._core.directory.gpt import read_versions
from ..module_utils._core.directory.reading import read_place, read_state
from ..module_utils._core.directory.state import DirectoryState
from ..module_utils._core.model.gpos import WantedGpos
from ..module_utils._core.results.domain import domain_warnings, render_domain_outcome
from ..module_utils._core.results.domain_facts import render_domain_facts
from ..module_utils._core.shape.render import Tree
from ._action import REFUSALS, TaskFailure
from ._directory_options import ConnectionOptions
from ._gpt_ini import SmbGptFiles
from ._ldap import LdapDirectory, connect
from ._names import look_up
from ._rounds import OLD_OR_NEW, CommonOptions, Rounds, is_task_timeout


class DomainChannel:
    """One connection to one domain controller, for reading and writing. It is opened when it is first needed."""

    def __init__(self, options: ConnectionOptions) -> None:
        self._options = options
        self._directory: LdapDirectory | None = None
        self._files: SmbGptFiles | None = None
        self._written = False

    def __enter__(self) -> DomainChannel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        for connection in (self._files, self._directory):
            if connection is not None:
                connection.close()
        self._files = self._directory = None

    def read(self, names: t.Sequence[str] = (), *, links: bool = False) -> DirectoryState:
        """The policies and the Group Policy objects of the domain, and the addresses of DNS names. Raises
        `DirectoryError`.
        """
        try:
            return self._read(names, links)
        except LostConnection:
            if self._written:
                # numbers of changes are those of one server, and another one may answer now
                raise
            self.close()
            return self._read(names, links)

    def gather(self) -> Tree:
        """The facts about the domain. Raises `DirectoryError`."""
        return render_domain_facts(self.with_versions(self.read(links=True)))

    def apply(self, attempt: DomainAttempt) -> DomainApplied:
        """Write what an attempt has decided. Raises `DirectoryError` where nothing can be written."""
        self._written = True
        return apply(self._opened(), attempt, self._opened_files())

    def with_versions(self, state: DirectoryState, wanted: t.Iterable[WantedGpos] = ()) -> DirectoryState:
        """The state with the versions in GPT.INI, also of wanted Group Policy objects, where that file can be read."""
        return read_versions(state, self._opened_files(), wanted)

    def _read(self, names: t.Sequence[str], links: bool) -> DirectoryState:
        directory = self._opened()
        place = read_place(directory, self._options.domain)
        return read_state(directory, place, gpos=True, links=links, names=look_up(names, place.domain))

    def _opened(self) -> LdapDirectory:
        if self._directory is None:
            self._directory = connect(self._options)
        return self._directory

    def _opened_files(self) -> SmbGptFiles:
        if self._files is None:
            self._files = SmbGptFiles(self._options, self._opened().server)
        return self._files


class DomainTask(Rounds[DirectoryState, DomainAttempt]):
    """A run of a task that changes policies of a domain, or which Group Policy objects assign them."""

    def __init__(self, channel: DomainChannel, goal: DomainGoal, options: CommonOptions) -> None:
        super().__init__("the policy store of the domain", options, goal.notes)
        self._channel = channel
        self._goal = goal
        self._options = options

    def _read(self) -> DirectoryState:
        """Raises `DirectoryError`."""
        return self._channel.read(self._goal.names()[0])

    def _decide(self, state: DirectoryState) -> DomainAttempt:
        attempt = decide_domain(self._goal, state, self._options.multiple_addresses)
        if not self._needs_versions(attempt):
            return attempt
        # SMB takes time, so GPT.INI is read only where it matters
        return with_versions(attempt, self._goal, self._channel.with_versions(state, self._goal.gpos))

    def _needs_versions(self, attempt: DomainAttempt) -> bool:
        """Whether the task is about a policy that Group Policy objects assign, or may still assign in part."""
        policies = attempt.plan.policies
        if self._goal.gpos or any(policy.change.target is None for policy in policies):
            return True
        stored = {policy.change.stored.key for policy in policies if policy.change.stored is not None}
        return any(assigned_key(gpo, attempt.state) in stored for gpo in attempt.state.gpos)

    def _foresee(self, attempt: DomainAttempt) -> None:
        self._written += [step.render(None) for step in attempt.operations]

    def _apply(self, attempt: DomainAttempt) -> DirectoryState | None:
        try:
            applied = self._channel.apply(attempt)
        except REFUSALS as error:
            # it was refused before the first write
            if not self._changed:
                raise
            raise self._failure(f"{error} ({self._known})") from error
        except BaseException as error:
            if not is_task_timeout(error):
                raise
            # the result that Ansible makes of it says that nothing was changed
            message = f"the task took longer than its timeout while it wrote to {attempt.state.place.server}"
            raise self._failure(f"{message}. {OLD_OR_NEW}", changed=True) from error
        self._warnings += applied.warnings
        self._written += [step.render(applied.done) for step in attempt.operations]
        self._changed = self._changed or applied.done > 0
        if not applied.conflict:
            if applied.error is not None:
                raise self._stopped(attempt, applied)
            return None
        if applied.done == len(attempt.writes):
            self._earlier.append(attempt)
        self._warnings.append(
            "somebody else changed the policies of the domain while this task was about to write them, so the change "
            f"was planned again: {applied.error}"
        )
        try:
            return self._read()
        except REFUSALS as error:
            raise self._failure(f"{error} ({self._known})") from error

    def _stopped(self, attempt: DomainAttempt, applied: DomainApplied) -> TaskFailure:
        error = str(applied.error).rstrip(".")
        if not (applied.lost or self._changed):
            return self._failure(f"{error}. Nothing was changed")
        count = f"after {applied.done} of {len(attempt.writes)} writes"
        return self._failure(f"{attempt.state.place.server} stopped {count}: {error}. {OLD_OR_NEW}", changed=True)

    def _result(self, attempt: DomainAttempt) -> dict[str, t.Any]:
        self._warnings += domain_warnings(attempt, self._options.accept)
        outcome = render_domain_outcome(
            attempt,
            title=self._goal.title,
            diff=self._options.diff,
            return_policy=self._options.return_policy,
            written=self._changed,
            earlier=self._earlier,
        )
        return {**outcome, **self._operations(), **self._always()}
