# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The PolicyAgent service: its state, and what a task asks of it."""

from __future__ import annotations

import dataclasses
import enum
import typing as t


class ServiceStatus(enum.StrEnum):
    """The state of the service; the host module reports similar states as one."""

    RUNNING = "running"
    STOPPED = "stopped"
    START_PENDING = "start_pending"
    STOP_PENDING = "stop_pending"
    PAUSED = "paused"
    MISSING = "missing"


class StartType(enum.StrEnum):
    """When the service starts."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    DISABLED = "disabled"
    BOOT = "boot"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class Notify(enum.StrEnum):
    """How to notify the service of a change."""

    RELOAD = "reload"
    RESTART = "restart"
    START = "start"


class Notification(enum.StrEnum):
    """How the service was notified. `ASKED`: it accepted a request to reload, which does not prove that it reloaded."""

    NONE = "none"
    ASKED = "asked"
    STARTED = "started"
    RESTARTED = "restarted"
    FAILED = "failed"


class ServiceOption(enum.StrEnum):
    """The values of the option `service`."""

    AUTOMATIC = "automatic"
    STARTED = "started"
    IGNORE = "ignore"


_OUTCOMES: t.Final = {
    Notify.RELOAD: Notification.ASKED,
    Notify.RESTART: Notification.RESTARTED,
    Notify.START: Notification.STARTED,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service, and the outcome of the last notification; `error` says why it failed."""

    status: ServiceStatus
    start_type: StartType
    notification: Notification = Notification.NONE
    error: str | None = None

    @property
    def running(self) -> bool:
        return self.status in (ServiceStatus.RUNNING, ServiceStatus.START_PENDING)

    @property
    def status_text(self) -> str:
        """The state in a sentence that has the service as its subject."""
        return "does not exist" if self.status is ServiceStatus.MISSING else f"is {self.status.replace('_', ' ')}"

    @property
    def notified(self) -> bool:
        """Whether the service was notified of the last change."""
        return self.notification in (Notification.ASKED, Notification.STARTED, Notification.RESTARTED)


@dataclasses.dataclass(frozen=True, slots=True)
class ServiceRequest:
    """The start type to set, and how to notify the service; None leaves it alone."""

    start_type: StartType | None = None
    notify: Notify | None = None

    def __bool__(self) -> bool:
        return self.start_type is not None or self.notify is not None

    def render(self) -> dict[str, str | None]:
        """The service in a request to the host module."""
        return {
            "start_type": None if self.start_type is None else str(self.start_type),
            "notify": None if self.notify is None else str(self.notify),
        }

    def outcome(self, service: Service) -> Service:
        """The service as it is after the request, if nothing fails."""
        return Service(
            status=ServiceStatus.RUNNING if self.notify and not service.running else service.status,
            start_type=self.start_type or service.start_type,
            notification=_OUTCOMES[self.notify] if self.notify else Notification.NONE,
        )


def request_service(
    service: Service, *, option: ServiceOption | None, restart: bool, assigned: bool, assigns: bool, stale: bool
) -> ServiceRequest:
    """What a task asks of the service.

    `assigned` says that a policy of the task is the assigned one afterwards, `assigns` that it was not before, and
    `stale` that the service must be notified of a change, of this task or of an interrupted one.
    """
    # a disabled service would not start again
    reload = Notify.RESTART if restart and service.start_type is not StartType.DISABLED else Notify.RELOAD
    if not assigned or option is ServiceOption.IGNORE:
        return ServiceRequest(notify=reload if stale and service.running else None)
    notify = Notify.START if not service.running else reload if stale else None
    automatic = option is ServiceOption.AUTOMATIC or (option is None and (assigns or not service.running))
    changes = automatic and service.start_type is not StartType.AUTOMATIC
    return ServiceRequest(StartType.AUTOMATIC if changes else None, notify)
