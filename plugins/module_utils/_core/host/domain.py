# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The policy that Group Policy assigns to a host."""

from __future__ import annotations

import dataclasses
import enum

from ..objects.graph import Graph, object_id
from ..objects.policies import StoredPolicy, read_policies
from ..store.store import Store
from .rsop import GroupPolicyObject, Rsop


class ReadFrom(enum.StrEnum):
    """Where a policy was read: the registry (of a domain policy, only its assignment), the cache of domain policies, or
    what Group Policy reports.
    """

    REGISTRY = "registry"
    CACHE = "cache"
    RSOP = "rsop"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DomainPolicy:
    """The policy that Group Policy assigns to the host: where it comes from, its name, and the host's copies of its
    objects: `store` from the registry key `Policy\\Cache`, and `rsop`, if that was asked for.
    """

    path: str
    name: str
    store: Store
    rsop: Rsop | None = None

    def stored(self) -> StoredPolicy | None:
        """The policy as far as a copy on the host has it."""
        return self.found()[0]

    def found(self) -> tuple[StoredPolicy | None, ReadFrom]:
        """The policy, and which copy has it. What Group Policy reports is newer than the cache."""
        copies = [(ReadFrom.CACHE, self.store)]
        if self.rsop is not None:
            copies.insert(0, (ReadFrom.RSOP, self.rsop.store))
        for source, store in copies:
            for policy in read_policies(Graph(store)):
                if object_id(policy.key) in self.path.lower():
                    return policy, source
        return None, ReadFrom.REGISTRY

    def gpo(self, policy: StoredPolicy) -> GroupPolicyObject | None:
        """The Group Policy object that a policy comes from; None if it is not known."""
        return None if self.rsop is None else self.rsop.origins.get(policy.key)
