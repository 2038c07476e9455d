# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the host module answers (docs/host-module.md), checked before anything believes it."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from .graph import Graph
from .store import Store, StoreError, unpack

PROTOCOL: t.Final = 1

SERVICE_STATES: t.Final = ("running", "stopped", "start_pending", "stop_pending", "paused", "missing")
START_TYPES: t.Final = ("automatic", "manual", "disabled", "boot", "system", "unknown")
_T = t.TypeVar("_T")


class AnswerError(ValueError):
    """An answer that the host module cannot have given."""


@dataclasses.dataclass(frozen=True, slots=True)
class Service:
    """The PolicyAgent. `told` is what was done after a change: nothing, asked, started, restarted, failed (see
    `error`).
    """

    status: str
    start_type: str
    told: str = "nothing"
    error: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class DomainPolicy:
    """The policy that Group Policy has given the host: where it comes from, and the host's copy of its objects."""

    path: str
    name: str
    store: Store


@dataclasses.dataclass(frozen=True, slots=True)
class Connection:
    """A TCP connection that arrives at the port the controller uses."""

    local: str
    remote: str
    remote_port: int


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """A host as it was read. `now` is its clock in seconds since 1970. `untold`: a run of ours was cut off before the
    service had learned of its change.
    """

    graph: Graph
    digest: str
    now: int
    product: str
    version: str
    writable: bool
    service: Service
    untold: bool
    domain: DomainPolicy | None
    names: t.Mapping[str, t.Sequence[str]]
    interfaces: t.Mapping[str, t.Sequence[str]]
    connections: tuple[Connection, ...]

    @classmethod
    def parse(cls, answer: t.Mapping[str, t.Any]) -> Reading:
        domain = answer.get("domain")
        return cls(
            graph=Graph(_store(_get(answer, "store", str))),
            digest=_get(answer, "digest", str),
            now=_now(answer),
            product=_get(answer, "product", str),
            version=_get(answer, "version", str),
            writable=_get(answer, "writable", bool),
            service=_service(_get(answer, "service", dict)),
            untold=_get(answer, "untold", bool),
            domain=None if domain is None else _domain(domain),
            names=_addresses(_get(answer, "names", dict)),
            interfaces=_addresses(_get(answer, "interfaces", dict)),
            connections=tuple(map(_connection, _get(answer, "connections", list))),
        )

    def read_again(self, store: Store, digest: str, now: int) -> Reading:
        """The same host with the store as another run has left it."""
        return dataclasses.replace(self, graph=Graph(store), digest=digest, now=now)


@dataclasses.dataclass(frozen=True, slots=True)
class Applied:
    """What became of a list of operations.

    `applied` of them were done; `error` is the system's text for the one that failed. `conflict` says that the store
    was not what was read, so that nothing was done. `store` is filled in when it is not what was meant (None: it is).
    """

    applied: int
    digest: str
    store: Store | None
    error: str | None
    conflict: bool
    now: int | None
    service: Service | None

    @classmethod
    def parse(cls, answer: t.Mapping[str, t.Any]) -> Applied:
        store, service = answer.get("store"), answer.get("service")
        return cls(
            _get(answer, "applied", int),
            _get(answer, "digest", str),
            None if store is None else _store(_get(answer, "store", str)),
            None if answer.get("error") is None else _get(answer, "error", str),
            _get(answer, "conflict", bool),
            None if answer.get("now") is None else _now(answer),
            None if service is None else _service(_get(answer, "service", dict)),
        )


def parse_told(answer: t.Mapping[str, t.Any]) -> Service:
    """The answer to `tell`."""
    return _service(_get(answer, "service", dict))


def _get(answer: object, key: str, kind: type[_T]) -> _T:
    value = answer.get(key) if isinstance(answer, t.Mapping) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise AnswerError(f"the host's answer has no proper '{key}'")
    return value


def _now(answer: object) -> int:
    now = _get(answer, "now", int)
    if not 0 <= now < 1 << 32:
        raise AnswerError("the host's clock is at a time that its registry cannot hold")
    return now


def _store(packed: str) -> Store:
    try:
        return Store.parse(unpack(packed))
    except StoreError as error:
        raise AnswerError(f"the host's answer cannot be read: {error}") from None


def _service(answer: dict[str, t.Any]) -> Service:
    status, start_type = _get(answer, "status", str), _get(answer, "start_type", str)
    if status not in SERVICE_STATES or start_type not in START_TYPES:
        raise AnswerError("the host's answer has a service in a state that does not exist")
    error = answer.get("error")
    return Service(status, start_type, str(answer.get("told") or "nothing"), None if error is None else str(error))


def _domain(answer: object) -> DomainPolicy:
    return DomainPolicy(_get(answer, "path", str), _get(answer, "name", str), _store(_get(answer, "store", str)))


def _connection(answer: object) -> Connection:
    return Connection(_address(answer, "local"), _address(answer, "remote"), _get(answer, "remote_port", int))


def _address(answer: object, key: str) -> str:
    text = _get(answer, key, str)
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise AnswerError(f"the host's answer has a connection whose '{key}' is no address") from None
    return text


def _addresses(answer: dict[str, t.Any]) -> dict[str, list[str]]:
    return {str(name): [str(a) for a in found] for name, found in answer.items() if isinstance(found, list)}
