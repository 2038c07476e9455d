# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The rounds of a task that changes a store: read, decide, apply, and again if somebody else has written."""

from __future__ import annotations

import dataclasses
import typing as t

from ..module_utils._core.checks.lint import Code
from ..module_utils._core.hints import printable
from ..module_utils._core.results.counts import SHARED
from ..module_utils._core.results.policies import render_operations
from ..module_utils._core.target.resolve import MultipleAddresses
from ._action import REFUSALS, TaskFailure

ATTEMPTS: t.Final = 3
OLD_OR_NEW: t.Final = (
    "Either the old policy or the new one is in force, never a mixture; run the task again to finish the change"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """The options of a task that do not depend on where its policies are."""

    multiple_addresses: MultipleAddresses
    accept: frozenset[Code]
    return_policy: bool
    check_mode: bool
    diff: bool

    @classmethod
    def common(cls, options: t.Mapping[str, t.Any], check_mode: bool, diff: bool) -> dict[str, t.Any]:
        """The fields of this class, from the options of a module."""
        return {
            "multiple_addresses": MultipleAddresses(options["multiple_addresses"]),
            "accept": frozenset(map(Code, options["accept"])),
            "return_policy": options["return_policy"],
            "check_mode": check_mode,
            "diff": diff,
        }


class Decided(t.Protocol):
    """An attempt of a task, as far as a round needs it."""

    @property
    def changed(self) -> bool: ...

    @property
    def notes(self) -> tuple[str, ...]: ...


_State = t.TypeVar("_State")
_Attempt = t.TypeVar("_Attempt", bound=Decided)


class Rounds(t.Generic[_State, _Attempt]):
    """A run of a task. `_store` is what messages call the store that it writes to."""

    def __init__(self, store: str, options: CommonOptions, notes: tuple[str, ...]) -> None:
        self._store = store
        self._common = options
        self._notes = notes
        self._warnings: list[str] = []
        # what was written so far: the attempts that were written as a whole, and all operations as a result has them
        self._earlier: list[_Attempt] = []
        self._written: list[dict[str, t.Any]] = []
        self._changed = False

    def run(self) -> dict[str, t.Any]:
        """The result of the task; `policies` are those that it was about and that exist afterwards.

        Raises the refusals of `_action`, `TaskFailure` where the failure has a result, and errors of `_read`.
        """
        state = self._read()
        for number in range(ATTEMPTS + 1):
            attempt = self._try(state)
            if self._common.check_mode or not attempt.changed:
                self._foresee(attempt)
                return self._result(attempt)
            if number == ATTEMPTS:
                break
            # somebody else may have written, too: what is stored now is the new start
            again = self._apply(attempt)
            if again is None:
                return self._result(attempt)
            state = again
        raise self._failure(
            f"{self._store} was changed by others {ATTEMPTS} times while this task was about to write to it; run the "
            "task again when they have finished"
        )

    def _read(self) -> _State:
        """The store as it is."""
        raise NotImplementedError

    def _decide(self, state: _State) -> _Attempt:
        """An attempt on that state. Raises the refusals of `_action`."""
        raise NotImplementedError

    def _foresee(self, attempt: _Attempt) -> None:
        """Note what an attempt would do, which is not applied."""
        raise NotImplementedError

    def _apply(self, attempt: _Attempt) -> _State | None:
        """Write; the state to start again from if somebody else has written as well. Raises `TaskFailure`."""
        raise NotImplementedError

    def _result(self, attempt: _Attempt) -> dict[str, t.Any]:
        """The result of a task that ends with this attempt."""
        raise NotImplementedError

    def _try(self, state: _State) -> _Attempt:
        try:
            attempt = self._decide(state)
        except REFUSALS as error:
            if not self._changed:
                raise
            raise self._failure(f"{error} ({self._known})") from error
        self._notes = attempt.notes
        return attempt

    @property
    def _known(self) -> str:
        """What is known about the store when an attempt is refused."""
        if self._changed:
            return "an earlier attempt of this task wrote some of the changes: see operations"
        return "nothing was changed"

    def _failure(self, message: str, changed: bool = False, **found: t.Any) -> TaskFailure:
        """A failure with everything that was done before it."""
        changed = changed or self._changed
        operations = render_operations(self._written, complete=self._common.return_policy)
        return TaskFailure(message, changed=changed, **operations, **found, **self._always())

    def _operations(self) -> dict[str, t.Any]:
        """The operations in a result that is no failure."""
        return {"operations": self._written} if self._common.return_policy else {}

    def _always(self) -> dict[str, t.Any]:
        """What every result has."""
        return {"warnings": list(map(printable, dict.fromkeys([*self._notes, *self._warnings])))}


def is_task_timeout(error: BaseException) -> bool:
    """Whether the task has run into its keyword `timeout`."""
    # the name is all that the errors of all versions have in common
    return type(error).__name__ == "TaskTimeoutError"


def without_shared(result: dict[str, t.Any], about_shared: t.Collection[str]) -> dict[str, t.Any]:
    """A result with those keys about shared filter lists and filter actions that a module returns."""
    return {key: value for key, value in result.items() if key not in SHARED or key in about_shared}


def of_one_policy(result: dict[str, t.Any]) -> dict[str, t.Any]:
    """The result of a task about one policy: `policy` instead of `policies` and `names`."""
    del result["names"]
    if "policies" in result:
        result["policy"] = next(iter(result.pop("policies")), None)
    return result
