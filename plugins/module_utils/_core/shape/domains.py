# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The domain whose policy store commands write to, and the rule that all commands of a task write to one store."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import DnsName, ModelError
from ..source.text import Text
from ..store.casing import fold
from .placed import Placed

_TWO_TASKS: t.Final = "one task writes to one store, so use two tasks"


@dataclasses.dataclass(frozen=True, slots=True)
class DomainStore(Placed):
    """The policy store of the domain `name`; None for the domain of the server. The place is where that is written."""

    name: str | None = None

    @property
    def _key(self) -> str | None:
        return None if self.name is None else _folded(self.name)

    def agreed(self, option: str | None) -> str | None:
        """The domain, if `option` is what `directory` has. Raises `ModelError` if both name different ones."""
        if self.name is None or option is None:
            return self.name or option
        self.at(self._refuse_other, option)
        return option

    def _refuse_other(self, option: str) -> None:
        if _folded(option) != self._key:
            raise ModelError(
                f"this is another domain than that of the option directory.domain, '{option}'; leave one of the two out"
            )

    def note(self) -> str:
        """What to do with task arguments that are made of the commands."""
        domain = "" if self.name is None else f" and 'directory: {{domain: {self.name}}}'"
        return f"the commands are for the policies of a domain: give the tasks 'store: domain'{domain}"


def read_domain(value: Text) -> str:
    """The name of a domain. Raises `SourceError`."""
    try:
        return DnsName(value.value).name
    except ModelError:
        raise value.error(0, "expected the DNS name of a domain, as in corp.example") from None


def store_problem(first: DomainStore | None, other: DomainStore | None) -> str | None:
    """Why a command cannot be in the task of an earlier one that writes to the store `first`; None if it can. A store
    that is None is that of a host.
    """
    if first is None and other is None:
        return None
    if other is None:
        return f"this changes a host, and an earlier command changes the policies of a domain; {_TWO_TASKS}"
    if first is None:
        return f"this changes the policies of a domain, and an earlier command changes a host; {_TWO_TASKS}"
    if first._key != other._key:
        return f"an earlier command is for {_named(first)}, and this is for {_named(other)}; {_TWO_TASKS}"
    return None


def _named(store: DomainStore) -> str:
    return "the domain of the server" if store.name is None else f"the domain {store.name}"


def _folded(name: str) -> str:
    return fold(name).rstrip(".")
