# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host must have for a change."""

from __future__ import annotations

import re
import typing as t

from .answers import HostState
from .errors import HostError
from .service import ServiceStatus, StartType

_OLDEST: t.Final = (6, 2)


def check_host(state: HostState, name: str, needs_service: bool) -> None:
    """Raise `HostError` if a change on the host is not possible.

    `needs_service` says that a policy is to be in force.
    """
    version = re.match("([0-9]{1,5})[.]([0-9]{1,5})", state.version)
    if version and (int(version[1]), int(version[2])) < _OLDEST:
        raise HostError(
            f"{name} runs {state.product} ({state.version}) with PowerShell {state.powershell}; this collection needs "
            "Windows 8.1 or Windows Server 2012, or later, with Windows PowerShell 5.1"
        )
    if not state.writable:
        raise HostError(not_administrator(name))
    if needs_service and state.service.status is ServiceStatus.MISSING:
        raise HostError(f"{name} has no PolicyAgent service (IPsec Policy Agent), which enforces policies")
    if needs_service and state.service.start_type is StartType.DISABLED:
        effect = "has no effect after the next restart of the host" if state.service.running else "has no effect"
        raise HostError(
            f"the PolicyAgent service is disabled on {name}, so an assigned policy {effect}: enable it "
            "(ansible.windows.win_service with start_mode), or set service to ignore"
        )


def not_administrator(name: str) -> str:
    """The message for a user without the necessary rights."""
    return f"the user of this connection is not an administrator of {name}; set ansible_user to an administrator"
