# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Dynamic rules in requests to the host module and in its answers (docs/host-module.md)."""

from __future__ import annotations

import dataclasses
import typing as t

from ..store.operations import Delete, Operation, operations_text
from ..store.packed import pack
from ..store.store import Store

SHOWN: t.Final = "Shown"
"""The key of the record that only the host writes: how often netsh names each rule that is complete."""


def without_shown(record: Store) -> Store:
    """The record without what only the host writes: its digest is the one that a task compares."""
    found = record.copy()
    found.change(Delete(SHOWN))
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class ReplayTask:
    """The scheduled task that adds lost rules again. `current` says that it runs the code of this version; `interval`
    is in the form of the task, as in ``PT5M``.
    """

    current: bool
    interval: str
    enabled: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What netsh shows of dynamic rules. `rules` has how often each of our names is in the list of rules, `policies`
    our names among the policies. `empty` says that there are no dynamic rules and policies at all, and `clean` that
    nothing has changed since all were deleted but ours. `config` is the digest of what netsh shows as settings.
    """

    rules: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    policies: frozenset[str] = frozenset()
    empty: bool = True
    clean: bool = False
    config: str | None = None
    task: ReplayTask | None = None


NOTHING: t.Final = Listing()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DynamicRequest:
    """The part of an apply request about dynamic rules. `expect` is the digest of the record, `result` that after the
    operations. `task_xml` registers the replay task, `unregister` removes it. `flush` deletes all dynamic rules,
    `settings` are properties to set, and `run` brings the rules of the host in line with the record.
    """

    expect: str
    operations: tuple[Operation, ...] = dataclasses.field(repr=False)
    result: str
    task_xml: str | None = None
    unregister: bool = False
    flush: bool = False
    settings: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    run: bool = True

    def render(self) -> dict[str, t.Any]:
        """The part in a request to the host module."""
        return {
            "expect": self.expect,
            "operations": pack(operations_text(self.operations)),
            "result": self.result,
            "task": None if self.task_xml is None else {"xml": self.task_xml},
            "unregister": self.unregister,
            "flush": self.flush,
            "settings": dict(self.settings),
            "run": self.run,
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DynamicApplied:
    """What the host did about dynamic rules.

    `applied` is the number of operations that were done, and `record` is set if the record is not the expected one
    then. `ran` says that the host has compared its rules with the record, which needs a running service. `missing` are
    the names of rules that netsh did not add, `left` those of rules that it did not delete, and `errors` the numbers
    of its errors. `error` is the system's message for anything else.
    """

    applied: int = 0
    record_digest: str = ""
    record: Store | None = None
    ran: bool = False
    missing: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    error: str | None = None
