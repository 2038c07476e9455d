# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The parts of the facts that a task can ask for, and what of the host each of them needs."""

from __future__ import annotations

import enum
import typing as t

from ..host.requests import Part


class Subset(enum.StrEnum):
    """A part of the facts."""

    STORE = "store"
    FILTERS = "filters"
    POLICIES = "policies"
    AUTH = "auth"
    STATS = "stats"
    SAS = "sas"
    DYNAMIC = "dynamic"
    DOMAIN = "domain"
    ALL = "all"


DEFAULT_SUBSETS: t.Final = (Subset.STORE,)
_ALWAYS: t.Final = (Part.STORE, Part.SERVICE, Part.DOMAIN)
_POLICIES: t.Final = (Part.ADDRESSES, Part.RSOP, Part.RECORD, Part.DYNAMIC)
_PARTS: t.Final[t.Mapping[Subset, tuple[Part, ...]]] = {
    Subset.STORE: (),
    Subset.FILTERS: (Part.ADDRESSES, Part.FILTERS, Part.EVENTS, Part.RSOP, Part.RECORD),
    Subset.POLICIES: _POLICIES,
    Subset.AUTH: _POLICIES,
    Subset.STATS: (Part.ADDRESSES, Part.COUNTERS),
    Subset.SAS: (Part.ADDRESSES, Part.ASSOCIATIONS),
    Subset.DYNAMIC: (Part.ADDRESSES, Part.RECORD, Part.DYNAMIC),
    Subset.DOMAIN: (Part.ADDRESSES, Part.RSOP),
}


def chosen(names: t.Iterable[str]) -> frozenset[Subset]:
    """The subsets of those names, without `ALL`, which stands for every other one."""
    found = frozenset(map(Subset, names))
    return frozenset(Subset) - {Subset.ALL} if Subset.ALL in found else found


def parts_of(subsets: t.Collection[Subset]) -> tuple[Part, ...]:
    """What of the host has to be read for the subsets."""
    needed = {part for subset in chosen(subsets) for part in _PARTS[subset]}
    return tuple(part for part in Part if part in needed or part in _ALWAYS)
