# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the host module answers (docs/host-module.md), checked before anything believes it."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import typing as t

from .graph import Graph
from .model import U32
from .store import Store, StoreError, unpack

PROTOCOL: t.Final = 1

SERVICE_STATES: t.Final = ("running", "stopped", "start_pending", "stop_pending", "paused", "missing")
START_TYPES: t.Final = ("automatic", "manual", "disabled", "boot", "system", "unknown")
TOLD: t.Final = ("nothing", "asked", "started", "restarted", "failed")
_LAST_PORT: t.Final = 65535
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
        store, digest = _store_with_digest(answer)
        return cls(
            graph=Graph(store),
            digest=digest,
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
        conflict = _get(answer, "conflict", bool)
        error = None if answer.get("error") is None else _get(answer, "error", str)
        store, digest = None, _get(answer, "digest", str)
        if conflict or answer.get("store") is not None:
            store, digest = _store_with_digest(answer)
        untouched = answer.get("service") is None and (conflict or error is not None)
        return cls(
            _get(answer, "applied", int),
            digest,
            store,
            error,
            conflict,
            None if answer.get("now") is None else _now(answer),
            None if untouched else _service(_get(answer, "service", dict)),
        )

    def check(self, count: int, result: str) -> None:
        """Raise `AnswerError` where this cannot answer `count` operations that lead to the digest `result`."""
        most, least = (0 if self.conflict else count), (0 if self.conflict or self.error is not None else count)
        if not least <= self.applied <= most:
            raise AnswerError(f"the host's answer counts {self.applied} writes of {count}, which cannot be")
        if self.error is None and self.store is None and self.digest != result:
            raise AnswerError("the host's answer says that all was written, and has the digest of another store")


def parse_told(answer: t.Mapping[str, t.Any]) -> Service:
    """The answer to `tell`."""
    return _service(_get(answer, "service", dict))


def _get(answer: object, key: str, kind: type[_T]) -> _T:
    value = answer.get(key) if isinstance(answer, t.Mapping) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise AnswerError(f"the host's answer has no proper '{key}'")
    return value


def _now(answer: t.Mapping[str, t.Any]) -> int:
    """The host's clock, which a value of the store holds."""
    now = _get(answer, "now", int)
    if not 0 <= now <= U32:
        raise AnswerError(f"the host's clock cannot be {now}; it counts the seconds since 1970, up to {U32}")
    return now


def _store_with_digest(answer: t.Mapping[str, t.Any]) -> tuple[Store, str]:
    digest = _get(answer, "digest", str)
    text = _unpacked(_get(answer, "store", str))
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        raise AnswerError("the host's answer has a store and the digest of another one")
    return _parsed(text), digest


def _unpacked(packed: str) -> str:
    try:
        return unpack(packed)
    except StoreError as error:
        raise AnswerError(f"the host's answer cannot be read: {error}") from None


def _parsed(text: str) -> Store:
    try:
        return Store.parse(text)
    except StoreError as error:
        raise AnswerError(f"the host's answer cannot be read: {error}") from None


def _service(answer: dict[str, t.Any]) -> Service:
    told = "nothing" if answer.get("told") is None else _get(answer, "told", str)
    error = None if answer.get("error") is None else _get(answer, "error", str)
    found = {"status": _get(answer, "status", str), "start_type": _get(answer, "start_type", str), "told": told}
    for key, known in (("status", SERVICE_STATES), ("start_type", START_TYPES), ("told", TOLD)):
        if found[key] not in known:
            raise AnswerError(f"the host's answer has a service with the {key} '{found[key]}', which does not exist")
    return Service(**found, error=error)


def _domain(answer: object) -> DomainPolicy:
    store = _parsed(_unpacked(_get(answer, "store", str)))
    return DomainPolicy(_get(answer, "path", str), _get(answer, "name", str), store)


def _connection(answer: object) -> Connection:
    found = Connection(_get(answer, "local", str), _get(answer, "remote", str), _get(answer, "remote_port", int))
    for address in (found.local, found.remote):
        try:
            ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            raise AnswerError(f"the host's answer has a connection of '{address}', which is no address") from None
    if not 0 <= found.remote_port <= _LAST_PORT:
        raise AnswerError(f"the host's answer has a connection from port {found.remote_port}, which is none")
    return found


def _addresses(answer: dict[str, t.Any]) -> dict[str, list[str]]:
    return {name: [str(address) for address in _get(answer, name, list)] for name in answer}
