# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The error for a host that cannot do what a task needs."""

from __future__ import annotations

import enum


class Reason(enum.StrEnum):
    """Why the host module refuses a request (docs/host-module.md)."""

    NOT_ADMINISTRATOR = "not_administrator"
    BUSY = "busy"
    MUTEX_DENIED = "mutex_denied"
    TASK_FAILED = "task_failed"
    MALFORMED = "malformed"
    UNKNOWN_REQUEST = "unknown_request"


class HostError(Exception):
    """Something on the host, or about the way to it, that prevents the task."""
