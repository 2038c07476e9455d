# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The requests to the host module (docs/host-module.md)."""

from __future__ import annotations

import enum
import json
import typing as t

from ..store.operations import Operation, operations_text
from ..store.packed import pack
from .dynamic import DynamicRequest
from .errors import HostError
from .service import ServiceRequest

PROTOCOL: t.Final = 2

JSON_LIMIT: t.Final = 2_097_152
"""The most characters of JSON that Windows PowerShell 5.1 parses."""
_RESERVE: t.Final = 256 * 1024
"""What Ansible adds to a request (its scripts, this module, variables and options): often about 70,000 characters."""
REQUEST_LIMIT: t.Final = JSON_LIMIT - _RESERVE


class RequestKind(enum.StrEnum):
    """What a request asks the host module to do."""

    READ = "read"
    APPLY = "apply"
    NOTIFY = "notify"
    WAIT = "wait"


class Part(enum.StrEnum):
    """The parts of a host that a read request may name."""

    STORE = "store"
    SERVICE = "service"
    DOMAIN = "domain"
    SYSTEM = "system"
    ADDRESSES = "addresses"
    CONNECTIONS = "connections"
    RECORD = "record"
    DYNAMIC = "dynamic"
    FILTERS = "filters"
    EVENTS = "events"
    ASSOCIATIONS = "associations"
    COUNTERS = "counters"
    RSOP = "rsop"


OF_CHANGES: t.Final = (
    Part.STORE,
    Part.SERVICE,
    Part.DOMAIN,
    Part.SYSTEM,
    Part.ADDRESSES,
    Part.CONNECTIONS,
    Part.RECORD,
)
"""What every task that changes policies or dynamic rules reads."""


class TooLargeError(HostError):
    """A request that Windows PowerShell 5.1 cannot parse. `size` and `limit` are in characters."""

    def __init__(self, what: str, size: int, advice: str) -> None:
        super().__init__(
            f"{what} {size:,} characters of JSON, but the host accepts at most {REQUEST_LIMIT:,} (Windows PowerShell "
            f"5.1 parses {JSON_LIMIT:,}, including what Ansible adds); {advice}"
        )
        self.size = size
        self.limit = REQUEST_LIMIT


def read_request(
    parts: t.Iterable[Part], *, names: t.Sequence[str] = (), interfaces: t.Sequence[str] = (), port: int = 0
) -> str:
    """Read the named parts of a host. `names` and `interfaces` are looked up; connections are those to `port`.

    Raises `TooLargeError`.
    """
    request = _request(
        RequestKind.READ, parts=[str(part) for part in parts], names=list(names), interfaces=list(interfaces), port=port
    )
    return _checked(request, "the DNS names and interfaces of the task need", "split the task into several tasks")


def apply_request(
    operations: t.Iterable[Operation],
    *,
    expect: str,
    result: str,
    mark_pending: bool,
    service: ServiceRequest,
    dynamic: DynamicRequest | None = None,
) -> str:
    """Apply `operations` if the digest of the store is still `expect`. `result` is the digest afterwards.

    `mark_pending` says that the service has to be notified, by this request or soon. `dynamic` is what happens to
    dynamic rules. Raises `TooLargeError`.
    """
    request = _request(
        RequestKind.APPLY,
        expect=expect,
        operations=pack(operations_text(operations)),
        result=result,
        mark_pending=mark_pending,
        service=service.render(),
        dynamic=None if dynamic is None else dynamic.render(),
    )
    advice = "split the change into several tasks, or a long filter list into several rules"
    return _checked(request, "the change needs", advice)


def notify_request(service: ServiceRequest, dynamic: bool = False) -> str:
    """Notify the service of a change that is already applied, and with `dynamic` bring the dynamic rules in line with
    the record.
    """
    return _request(RequestKind.NOTIFY, service=service.render(), dynamic=dynamic)


def wait_request(*, since: int, seconds: int, events: t.Sequence[int], expect: str | None) -> str:
    """Wait until the host says what became of a change: an event with one of the ids `events` at or after `since`, in
    seconds of the host's clock, or filters in force whose digest is `expect`. After `seconds` the host answers anyway.
    """
    return _request(RequestKind.WAIT, since=since, seconds=seconds, events=list(events), expect=expect)


def _checked(request: str, what: str, advice: str) -> str:
    # the request is a text in Ansible's own JSON, in which quotation marks are escaped
    size = len(json.dumps(request))
    if size > REQUEST_LIMIT:
        raise TooLargeError(what, size, advice)
    return request


def _request(do: RequestKind, **fields: t.Any) -> str:
    return json.dumps({"protocol": PROTOCOL, "do": do, **fields})
