# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The meaning of a command of `netsh ipsec static`. None means that an argument is omitted."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..model import Action, AuthMethod, DnsName, Filter, HostAddress, SecurityMethod
from ..model.wanted import WantedMainMode
from ..shape.domains import DomainStore
from ..source.text import Text
from .filters import FilterPattern


class ScriptVerb(enum.StrEnum):
    """What a command does to an object by its name."""

    ADD = "add"
    SET = "set"


class Thing(enum.StrEnum):
    """What `delete` takes by name, in the words of messages."""

    POLICY = "policy"
    LIST = "filter list"
    ACTION = "filter action"
    RULE = "rule"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PolicyCommand:
    """``add policy`` and ``set policy``. `poll_interval` is in seconds. `assign` is about the Group Policy object
    `gpo`, None for the host; `assign_place` is where it is given.
    """

    verb: ScriptVerb
    name: Text
    newname: Text | None = None
    description: str | None = None
    assign: bool | None = None
    assign_place: Text | None = None
    gpo: Text | None = None
    poll_interval: int | None = None
    main_mode: WantedMainMode = dataclasses.field(default_factory=WantedMainMode)
    default_rule: bool | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListCommand:
    """``add filterlist`` and ``set filterlist``."""

    verb: ScriptVerb
    name: Text
    newname: Text | None = None
    description: str | None = None


class AddFilter(t.NamedTuple):
    """``add filter``. `notes` say where the meaning differs from the text."""

    filter_list: Text
    filter: Filter
    notes: tuple[str, ...] = ()


class DeleteFilters(t.NamedTuple):
    """``delete filter``, which deletes all filters that match."""

    filter_list: Text
    pattern: FilterPattern
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ActionCommand:
    """``add filteraction`` and ``set filteraction``."""

    verb: ScriptVerb
    name: Text
    newname: Text | None = None
    description: str | None = None
    action: Action | None = None
    methods: tuple[SecurityMethod, ...] | None = None
    pfs: bool | None = None
    inpass: bool | None = None
    soft: bool | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RuleCommand:
    """``add rule`` and ``set rule``. `tunnel_place` is where the tunnel is given."""

    verb: ScriptVerb
    name: Text
    policy: Text
    newname: Text | None = None
    filter_list: Text | None = None
    filter_action: Text | None = None
    description: str | None = None
    enabled: bool | None = None
    connection_type: str | None = None
    tunnel: HostAddress | DnsName | None = None
    tunnel_place: Text | None = None
    authentication: tuple[AuthMethod, ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ResponseCommand:
    """``set defaultrule``."""

    policy: Text
    enabled: bool | None = None
    methods: tuple[SecurityMethod, ...] | None = None
    pfs: bool | None = None
    authentication: tuple[AuthMethod, ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """``delete`` with a name, or with ``all`` (`name` is None). `policy` is that of a rule."""

    text: Text
    thing: Thing
    name: Text | None
    policy: Text | None = None

    @property
    def of_policy(self) -> Text:
        """The policy of a rule, which the grammar requires."""
        return t.cast(Text, self.policy)


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteEverything:
    """``delete all``: all policies, filter lists and filter actions."""

    text: Text


@dataclasses.dataclass(frozen=True, slots=True)
class StoreCommand:
    """``set store``. `location` is where the command asks for the store of a domain, None for the local one; `domain`
    is its name.
    """

    location: Text | None = None
    domain: str | None = None

    def store(self, place: str) -> DomainStore | None:
        """The store for the commands that follow. `place` is the item of a list that has the command."""
        return None if self.location is None else DomainStore(self.domain, command=self.location, place=place)


@dataclasses.dataclass(frozen=True, slots=True)
class NoChange:
    """``set batch``."""


@dataclasses.dataclass(frozen=True, slots=True)
class FileCommand:
    """``show``, ``exportpolicy`` and ``importpolicy``."""

    text: Text
    verb: str


ScriptCommand: t.TypeAlias = (
    PolicyCommand
    | ListCommand
    | AddFilter
    | DeleteFilters
    | ActionCommand
    | RuleCommand
    | ResponseCommand
    | Deletion
    | DeleteEverything
    | StoreCommand
    | NoChange
    | FileCommand
)
