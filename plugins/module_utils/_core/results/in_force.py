# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which policy a host enforces, and whether it is seen in what the host has in force."""

from __future__ import annotations

import dataclasses
import enum

from ..host.answers import HostState
from ..host.domain import ReadFrom
from ..model import Policy
from ..objects.graph import object_id
from ..objects.policies import StoredPolicy
from ..shape.render import Tree, render_policy


class Source(enum.StrEnum):
    """Where the policy in force comes from."""

    NONE = "none"
    LOCAL = "local"
    DOMAIN = "domain"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInForce:
    """The policy that a host enforces, and why. `policy` is None if there is none, or no copy of it on the host."""

    reason: str
    source: Source = Source.NONE
    name: str | None = None
    id: str | None = None
    policy: Policy | None = None
    read_from: ReadFrom | None = None

    @classmethod
    def of(cls, state: HostState, active: StoredPolicy | None) -> PolicyInForce:
        """`active` is the local policy that is assigned. A domain policy wins; a stopped service enforces nothing."""
        assigned = f"the local policy '{active.policy.name}' is assigned" if active else "no local policy is assigned"
        service = state.service
        if not service.running:
            return cls(reason=f"the PolicyAgent service {service.status_text}; {assigned}")
        if state.domain is not None:
            stored, read_from = state.domain.found()
            return cls(
                reason=f"Group Policy assigns a domain policy, which wins; {assigned}",
                source=Source.DOMAIN,
                name=state.domain.name or (stored.policy.name if stored else None),
                id=object_id(stored.key) if stored else None,
                policy=stored.policy if stored else None,
                read_from=read_from,
            )
        if active is None:
            return cls(reason=assigned)
        return cls(
            reason=f"{assigned}, and there is no domain policy",
            source=Source.LOCAL,
            name=active.policy.name,
            id=active.policy.id,
            policy=active.policy,
            read_from=ReadFrom.REGISTRY,
        )

    def render(self) -> Tree:
        """Of a local policy, `policies` has the whole."""
        domain = self.source is Source.DOMAIN and self.policy is not None
        return {
            "source": str(self.source),
            "name": self.name,
            "id": self.id,
            "policy": render_policy(self.policy) if domain and self.policy else None,
            "read_from": None if self.read_from is None else str(self.read_from),
            "reason": self.reason,
        }
