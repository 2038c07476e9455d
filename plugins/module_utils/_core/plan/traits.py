# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How one kind of store differs from another, as far as plans depend on it."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..objects.graph import Graph


class Atom(enum.Enum):
    """What changes in one step: a single value, or all values of an object that are written in a row."""

    VALUE = "value"
    OBJECT = "object"


def _nobody(_graph: Graph, _key: str, _owners: t.Collection[str]) -> bool:
    return False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoreTraits:
    """`in_force` says whether a policy, by its key, is in force on hosts, so that its changes take effect at once.
    `swings` says that a reference names the policy in force and can change to another policy object. `atom` is what
    changes in one step. `stamps_time` says that the store sets whenChanged itself.

    `unfinished` says whether somebody may be working on an unused object, so that it is no leftover. It gets the store
    so far, the key, and those of the object's owners that exist.
    """

    in_force: t.Callable[[Graph, str], bool]
    swings: bool
    atom: Atom
    stamps_time: bool
    unfinished: t.Callable[[Graph, str, t.Collection[str]], bool] = _nobody

    @property
    def live_limit(self) -> int:
        """How many live writes of objects in place a policy in force may take: one value is one step."""
        return 1 if self.atom is Atom.VALUE else 0


REGISTRY: t.Final = StoreTraits(
    in_force=lambda graph, policy: graph.active == policy, swings=True, atom=Atom.VALUE, stamps_time=False
)
"""The local store of a host, whose ActivePolicy names the assigned policy."""
