# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Findings about a host: what keeps a policy or dynamic rules from being in force, now or after the next boot."""

from __future__ import annotations

import typing as t

from ..host.answers import HostState
from ..host.service import ServiceStatus, StartType
from ..store.names import NAME
from .lint import Code, Finding

_NOT_AT_BOOT: t.Final = (StartType.MANUAL, StartType.DISABLED)


def host_findings(state: HostState, *, dynamic: bool) -> list[Finding]:
    """The findings about a host. `dynamic` says whether its record has dynamic rules."""
    return [*_service(state, dynamic), *hidden_by_domain(state)]


def hidden_by_domain(state: HostState) -> list[Finding]:
    """The finding that a domain policy hides the local one."""
    local = _local(state)
    if local is None or state.domain is None:
        return []
    domain = state.domain.name or state.domain.path
    return [
        Finding(
            code=Code.DOMAIN_POLICY_WINS,
            text=f"Group Policy assigns the domain policy '{domain}', which wins: the policy '{local}' is stored and "
            "assigned, but has no effect",
            remedy="unassign the domain policy, or put the rules into it",
            policy=local,
        )
    ]


def _service(state: HostState, dynamic: bool) -> t.Iterator[Finding]:
    if state.domain is not None:
        policy = state.domain.name or state.domain.path
        assigned = f"the domain policy '{policy}'"
    elif (local := _local(state)) is not None:
        policy, assigned = local, f"the policy '{local}'"
    else:
        policy, assigned = None, ""
    service = state.service
    if assigned and not service.running:
        status, remedy = service.status_text, "start it"
        if service.status is ServiceStatus.MISSING:
            remedy = "find out who has removed it"
        elif service.start_type is StartType.DISABLED:
            status, remedy = f"{status} and disabled", "enable and start it"
        yield Finding(
            code=Code.SERVICE_STOPPED,
            text=f"the PolicyAgent service {status}, so {assigned} is assigned, but not enforced",
            remedy=remedy,
            policy=policy,
        )
    needs = " and ".join([assigned] * bool(assigned) + ["the dynamic rules"] * dynamic)
    if needs and service.status is not ServiceStatus.MISSING and service.start_type in _NOT_AT_BOOT:
        verb = "are" if dynamic else "is"
        yield Finding(
            code=Code.SERVICE_NOT_AT_BOOT,
            text=f"the start type of the PolicyAgent service is {service.start_type}, so {needs} {verb} not enforced "
            "after the next boot",
            remedy="set the start type to automatic",
            policy=policy,
        )


def _local(state: HostState) -> str | None:
    """The name of the local policy that is assigned."""
    active = state.graph.active
    return None if active is None else state.graph.text(active, NAME)
