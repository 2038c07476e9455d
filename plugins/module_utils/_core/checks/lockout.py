# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a policy cuts the connection that tasks come over."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..host.answers import Connection, LocalAddresses
from ..model import TCP, Filter, IPAddress, Policy, Rule
from .verdict import Packet, cutting_filter


class LockoutCheck(enum.StrEnum):
    """What a task does if its change would cut the connection that it comes over."""

    ERROR = "error"
    WARN = "warn"
    IGNORE = "ignore"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A connection that would be cut: its peer, the port on the host, the rule and the filter that do it, and what they
    do to it. `policy` is None for a dynamic rule.
    """

    policy: str | None
    rule: str
    filter: Filter
    why: str
    peer: IPAddress
    port: int

    def _says(self, verb: str, host: str) -> str:
        who = "a dynamic rule" if self.policy is None else f"the policy '{self.policy}'"
        filter_ = f"its filter {self.filter}" if self.policy is None else f"the filter {self.filter} of the {self.rule}"
        return (
            f"{who} {verb} the connection from {self.peer} to port {self.port} of {host}, which tasks use: {filter_} "
            f"{self.why}"
        )

    def warning(self, host: str) -> str:
        """The warning of a task that is about to cut the connection."""
        return f"{self._says('cuts', host)}; the host will not be able to confirm that its service was notified"

    def prediction(self, host: str) -> str:
        """The warning of check mode."""
        return self._says("would cut", host)

    def later(self, host: str) -> str:
        """The warning of a task that leaves the service stopped."""
        return f"as soon as the service starts, {self._says('cuts', host)}"

    def error(self, host: str) -> str:
        permit = f"{{source: {self.peer}, destination: me, protocol: tcp, destination_port: {self.port}}}"
        return (
            f"{self._says('would cut', host)}. Permit the peer in a rule with a more specific filter, such as "
            f"{permit}. If the connection may be cut, set lockout_check to warn"
        )


def find_cut(
    policy: Policy | None,
    dynamic: tuple[Rule, ...],
    connections: t.Sequence[Connection],
    local: LocalAddresses,
    port: int,
) -> Cut | None:
    """The first connection to `port` that the policy and dynamic rules cut together if its peer has no IPsec."""
    together = Policy(name="", rules=((policy.rules if policy else ()) + dynamic), odd=True)
    local = local.with_own(connection.local for connection in connections)
    for connection in connections:
        packet = Packet(
            protocol=TCP,
            source=connection.remote,
            source_port=connection.remote_port,
            destination=connection.local,
            destination_port=port,
        )
        if (found := cutting_filter(together, packet, local)) is not None:
            rule, filter_, why = found
            name = None if policy is None or any(rule is one for one in dynamic) else policy.name
            return Cut(policy=name, rule=rule.title, filter=filter_, why=why, peer=connection.remote, port=port)
    return None
