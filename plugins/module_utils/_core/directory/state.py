# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A domain as it was read: the policy store and the Group Policy objects."""

from __future__ import annotations

import dataclasses
import typing as t

from ..objects.graph import Graph
from ..store.casing import fold

_COMPUTER_DISABLED: t.Final = 2
"""The flag that disables the computer's part of a Group Policy object."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the policies are. `domain` is the DNS name of the domain and `root` its DN; `server` is the DNS name of the
    domain controller, and `read_only` says that it takes no writes.
    """

    domain: str
    root: str
    server: str
    read_only: bool = False

    @property
    def container(self) -> str:
        """The DN of the policy store."""
        return f"CN=IP Security,CN=System,{self.root}"

    @property
    def group_policies(self) -> str:
        """The DN of the container of Group Policy objects."""
        return f"CN=Policies,CN=System,{self.root}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The IPSEC object of a Group Policy object (MS-GPIPSEC 2.2.2). `policy` is the DN that it refers to, "" for none;
    `usn` is its uSNChanged.
    """

    policy: str
    name: str = ""
    description: str = ""
    usn: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A domain, organizational unit or site that a Group Policy object is linked to."""

    dn: str
    enabled: bool = True
    enforced: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gpo:
    """A Group Policy object. `id` is the braced GUID as the directory spells it and `name` the display name.

    `version` is versionNumber, whose low 16 bits are the version of the computer's part; `extensions` is
    gPCMachineExtensionNames, "" without one; `path` is gPCFileSysPath; `flags` & 2 disables the computer's part.
    `assignment` is None without an IPSEC object. `containers` are those above that object which exist: Machine, Machine
    and Microsoft, or these and Windows. `links` and `gpt_version`, the Version in GPT.INI, are None if they
    were not read; `gpt_problem` says why GPT.INI could not be.
    """

    dn: str
    id: str
    name: str
    version: int | None = None
    extensions: str = ""
    path: str = ""
    flags: int = 0
    usn: int = 0
    assignment: Assignment | None = None
    containers: tuple[str, ...] = ("Machine",)
    links: tuple[Link, ...] | None = None
    gpt_version: int | None = None
    gpt_problem: str | None = None

    @property
    def enabled(self) -> bool:
        """Whether hosts apply the computer's part."""
        return not self.flags & _COMPUTER_DISABLED


@dataclasses.dataclass(frozen=True, kw_only=True)
class DirectoryState:
    """A domain as one connection to one server has read it.

    `graph` has the objects of the container with the values of a policy store: the names of keys are the objects' CNs,
    references within the container have the form of `store.names.reference`, and others are DNs. `usns` has the
    uSNChanged of each object, by key. `references` has the same number for the references of objects that own unused
    ones: that of the last change, by key and name. `now` is the server's clock in seconds since 1970. `names` has the
    addresses of DNS names that the controller looked up.

    `may_create` says that the user may create objects of policies. `closed` are the keys of objects that members of the
    domain may not read, with "" if they may not read new ones; None if that is not known.
    """

    place: Place
    graph: Graph
    usns: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    references: t.Mapping[str, t.Mapping[str, int]] = dataclasses.field(default_factory=dict)
    gpos: tuple[Gpo, ...] = ()
    now: int = 0
    names: t.Mapping[str, t.Sequence[str]] = dataclasses.field(default_factory=dict)
    may_create: bool = True
    closed: frozenset[str] | None = None

    def gpos_named(self, name: str) -> list[Gpo]:
        """The Group Policy objects with a GUID, with or without braces, or else those with a name, in any case."""
        guid = name.strip() if name.strip().startswith("{") else f"{{{name.strip()}}}"
        found = [gpo for gpo in self.gpos if gpo.id.upper() == guid.upper()]
        return found or [gpo for gpo in self.gpos if fold(gpo.name) == fold(name)]
