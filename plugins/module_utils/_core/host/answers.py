# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The answers of the host module (docs/host-module.md), checked before they are used."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..model import U32, IPAddress, SpecialKind
from ..objects.graph import Graph
from ..store.packed import unpack
from ..store.store import Store
from ..store.values import StoreError
from .associations import Associations, parse_associations
from .checking import AnswerError, address_of, field
from .counters import Counters, parse_counters
from .domain import DomainPolicy
from .dynamic import DynamicApplied, DynamicRequest, Listing, ReplayTask, without_shown
from .policy_events import parse_events
from .requests import Part
from .rsop import Rsop, parse_rsop
from .running import PolicyEvents, RunningFilters
from .running_filters import parse_filters
from .service import Notification, Service, ServiceStatus, StartType

_LAST_PORT: t.Final = 65535
_RUNNING: t.Final[t.Mapping[Part, t.Callable[[object], t.Any]]] = {
    Part.FILTERS: parse_filters,
    Part.EVENTS: parse_events,
    Part.ASSOCIATIONS: parse_associations,
    Part.COUNTERS: parse_counters,
    Part.RSOP: parse_rsop,
}
"""How the parts about what is in force are read, which have the names of fields of `HostState`."""
_Member = t.TypeVar("_Member", bound=enum.Enum)


@dataclasses.dataclass(frozen=True, slots=True)
class Connection:
    """A TCP connection to the port that the controller uses. IPv4 addresses are not mapped into IPv6."""

    local: IPAddress
    remote: IPAddress
    remote_port: int


@dataclasses.dataclass(frozen=True, slots=True)
class LocalAddresses:
    """The addresses that a host fills in for the special addresses of filters."""

    known: t.Mapping[SpecialKind, frozenset[IPAddress]] = dataclasses.field(default_factory=dict)

    def of(self, kind: SpecialKind) -> frozenset[IPAddress]:
        return self.known.get(kind, frozenset())

    def with_own(self, addresses: t.Iterable[IPAddress]) -> LocalAddresses:
        """The same with more addresses of the host itself."""
        return LocalAddresses({**self.known, SpecialKind.ME: self.of(SpecialKind.ME).union(addresses)})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """A host as it was read; parts that were not asked for have their defaults.

    `now` is its clock in seconds since 1970, `writable` whether the user may change policies, `pending` whether a task
    was interrupted before the service was notified of its change, `domain` None without a domain policy. `record` is
    that of dynamic rules. `names` and `interfaces` have the addresses of what was looked up. What is in
    force (`filters` to `rsop`) is None if it was not asked for.
    """

    graph: Graph
    digest: str
    service: Service
    pending: bool = False
    domain: DomainPolicy | None = None
    now: int = 0
    product: str = ""
    version: str = ""
    powershell: str = ""
    writable: bool = True
    addresses: LocalAddresses = LocalAddresses()
    connections: tuple[Connection, ...] = ()
    record: Store = dataclasses.field(default_factory=Store)
    record_digest: str = ""
    dynamic: Listing | None = None
    filters: RunningFilters | None = None
    events: PolicyEvents | None = None
    associations: Associations | None = None
    counters: Counters | None = None
    rsop: Rsop | None = None
    names: t.Mapping[str, t.Sequence[str]] = dataclasses.field(default_factory=dict)
    interfaces: t.Mapping[str, t.Sequence[str]] = dataclasses.field(default_factory=dict)

    @classmethod
    def parse(cls, answer: t.Mapping[str, t.Any], parts: t.Collection[Part]) -> HostState:
        """The answer to a read request for `parts`, which must include store and service. Raises `AnswerError`."""
        store, digest = _store_with_digest(answer)
        domain = answer.get("domain")
        optional: dict[str, t.Any] = {}
        if Part.SYSTEM in parts:
            optional["now"] = _now(answer)
            optional.update({key: field(answer, key, str) for key in ("product", "version", "powershell")})
            optional["writable"] = field(answer, "writable", bool)
        if Part.ADDRESSES in parts:
            optional["addresses"] = _local_addresses(field(answer, "addresses", dict))
        if Part.CONNECTIONS in parts:
            optional["connections"] = tuple(map(_connection, field(answer, "connections", list)))
        if Part.RECORD in parts:
            optional["record"], optional["record_digest"] = _record_with_digest(answer)
        if Part.DYNAMIC in parts:
            optional["dynamic"] = _listing(field(answer, "dynamic", dict))
        for part, parse in _RUNNING.items():
            if part in parts:
                optional[part] = parse(field(answer, part, dict))
        return cls(
            graph=Graph(store),
            digest=digest,
            service=_service(field(answer, "service", dict)),
            pending=field(answer, "pending", bool),
            domain=None if domain is None else _domain(domain, optional.get("rsop")),
            names=_found(field(answer, "names", dict)),
            interfaces=_found(field(answer, "interfaces", dict)),
            **optional,
        )

    def read_again(self, applied: Applied) -> HostState:
        """The same host after somebody else has changed the store or the record."""
        found = self if applied.now is None else dataclasses.replace(self, now=applied.now)
        if applied.store is not None:
            found = dataclasses.replace(found, graph=Graph(applied.store), digest=applied.digest)
        dynamic = applied.dynamic
        if dynamic is not None and dynamic.record is not None:
            found = dataclasses.replace(found, record=dynamic.record, record_digest=dynamic.record_digest)
        return found

    def after(self, service: Service | None, notified: bool) -> HostState:
        """The same host after a request. `notified` says that the request was to notify the service."""
        pending = (self.pending or notified) and not (service is not None and service.notified)
        return dataclasses.replace(self, service=service or self.service, pending=pending)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The outcome of a list of operations.

    `applied` is the number of operations that were done, and `error` the system's message for the one that failed.
    `conflict` says that the store was not what was read, so nothing was done. `store` is set if the store is not the
    expected one.
    """

    applied: int
    digest: str
    store: Store | None
    error: str | None
    conflict: bool
    now: int | None
    service: Service | None
    dynamic: DynamicApplied | None = None

    @property
    def written(self) -> int:
        """The number of all operations that were done."""
        return self.applied + (self.dynamic.applied if self.dynamic is not None else 0)

    @property
    def disturbed(self) -> bool:
        """Whether somebody else has changed the store or the record, so that the task plans again."""
        return self.store is not None or (self.dynamic is not None and self.dynamic.record is not None)

    @classmethod
    def parse(cls, answer: t.Mapping[str, t.Any]) -> Applied:
        """The answer to an apply request. Raises `AnswerError`."""
        conflict = field(answer, "conflict", bool)
        error = None if answer.get("error") is None else field(answer, "error", str)
        store, digest = None, field(answer, "digest", str)
        if conflict or answer.get("store") is not None:
            store, digest = _store_with_digest(answer)
        untouched = answer.get("service") is None and (conflict or error is not None)
        return cls(
            applied=field(answer, "applied", int),
            digest=digest,
            store=store,
            error=error,
            conflict=conflict,
            now=None if answer.get("now") is None else _now(answer),
            service=None if untouched else _service(field(answer, "service", dict)),
            dynamic=_dynamic(answer),
        )

    def check(self, count: int, result: str, dynamic: DynamicRequest | None = None) -> None:
        """Raise `AnswerError` if this cannot be the answer to `count` operations that lead to the digest `result`, and
        to the part `dynamic` of the request.
        """
        stopped = self.conflict or self.error is not None
        _check_count(self.applied, 0 if self.conflict else count, stopped)
        if self.error is None and self.store is None and self.digest != result:
            raise AnswerError("digest", "the host's answer reports success, but its digest is not the expected one")
        if dynamic is None:
            return
        if self.dynamic is None:
            raise AnswerError("dynamic", "the host's answer says nothing about dynamic rules")
        found = self.dynamic
        _check_count(found.applied, 0 if stopped else len(dynamic.operations), stopped or found.error is not None)
        if not stopped and found.error is None and found.record is None and found.record_digest != dynamic.result:
            raise AnswerError(
                "record_digest",
                "the host's answer reports success, but the digest of its record is not the expected one",
            )


def _check_count(applied: int, count: int, stopped: bool) -> None:
    if not (0 if stopped else count) <= applied <= count:
        raise AnswerError("applied", f"the host's answer counts {applied} of {count} writes, which is impossible")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """What a host has in force after a request to wait. `waited` is in seconds."""

    filters: RunningFilters
    events: PolicyEvents
    service: Service
    waited: int

    @classmethod
    def parse(cls, answer: t.Mapping[str, t.Any]) -> Waited:
        """The answer to a wait request. Raises `AnswerError`."""
        return cls(
            filters=parse_filters(field(answer, "filters", dict)),
            events=parse_events(field(answer, "events", dict)),
            service=_service(field(answer, "service", dict)),
            waited=field(answer, "waited", int),
        )


def parse_notified(answer: t.Mapping[str, t.Any]) -> tuple[Service, DynamicApplied | None]:
    """The answer to a notify request. Raises `AnswerError`."""
    return _service(field(answer, "service", dict)), _dynamic(answer)


def _choice(answer: dict[str, t.Any], key: str, kind: type[_Member]) -> _Member:
    text = field(answer, key, str)
    try:
        return kind(text)
    except ValueError:
        raise AnswerError(key, f"the host's answer has a service with the unknown {key} '{text}'") from None


def _now(answer: t.Mapping[str, t.Any]) -> int:
    """The host's clock, which a value of the store must be able to hold."""
    now = field(answer, "now", int)
    if not 0 <= now <= U32:
        raise AnswerError("now", f"the host's clock is {now}; it must be 0 to {U32} seconds since 1970")
    return now


def _store_with_digest(answer: t.Mapping[str, t.Any]) -> tuple[Store, str]:
    """The store. Its digest must match, which shows that nothing was lost."""
    digest = field(answer, "digest", str)
    store = _store(answer)
    if store.digest() != digest:
        raise AnswerError("digest", "the store in the host's answer does not match its digest")
    return store, digest


def _store(answer: object) -> Store:
    packed = field(answer, "store", str)
    try:
        return Store.parse(unpack(packed))
    except StoreError as error:
        raise AnswerError("store", f"the host's answer cannot be read: {error}") from None


def _record_with_digest(answer: object) -> tuple[Store, str]:
    """The record of dynamic rules. Its digest leaves out what only the host writes."""
    packed, digest = field(answer, "record", str), field(answer, "record_digest", str)
    try:
        record = Store.parse(unpack(packed))
    except StoreError as error:
        raise AnswerError("record", f"the host's answer cannot be read: {error}") from None
    if without_shown(record).digest() != digest:
        raise AnswerError("record_digest", "the record in the host's answer does not match its digest")
    return record, digest


def _listing(answer: dict[str, t.Any]) -> Listing:
    rules = field(answer, "rules", dict)
    task = answer.get("task")
    return Listing(
        rules={name: field(rules, name, int) for name in rules},
        policies=frozenset(_texts(answer, "policies")),
        empty=field(answer, "empty", bool),
        clean=field(answer, "clean", bool),
        config=None if answer.get("config") is None else field(answer, "config", str),
        task=None
        if task is None
        else ReplayTask(field(task, "current", bool), field(task, "interval", str), field(task, "enabled", bool)),
    )


def _dynamic(answer: t.Mapping[str, t.Any]) -> DynamicApplied | None:
    if answer.get("dynamic") is None:
        return None
    found = field(answer, "dynamic", dict)
    record, digest = None, field(found, "record_digest", str)
    if found.get("record") is not None:
        record, digest = _record_with_digest(found)
    return DynamicApplied(
        applied=field(found, "applied", int),
        record_digest=digest,
        record=record,
        ran=found.get("rules") is not None,
        missing=_texts(found, "missing"),
        left=_texts(found, "left"),
        errors=_texts(found, "errors"),
        error=None if found.get("error") is None else field(found, "error", str),
    )


def _texts(answer: dict[str, t.Any], key: str) -> tuple[str, ...]:
    found = field(answer, key, list)
    if not all(isinstance(item, str) for item in found):
        raise AnswerError(key, f"the host's answer has no valid '{key}'")
    return tuple(found)


def _service(answer: dict[str, t.Any]) -> Service:
    error = None if answer.get("error") is None else field(answer, "error", str)
    notification = Notification.NONE
    if answer.get("notification") is not None:
        notification = _choice(answer, "notification", Notification)
    return Service(
        status=_choice(answer, "status", ServiceStatus),
        start_type=_choice(answer, "start_type", StartType),
        notification=notification,
        error=error,
    )


def _domain(answer: object, rsop: Rsop | None) -> DomainPolicy:
    path, name = field(answer, "path", str), field(answer, "name", str)
    return DomainPolicy(path=path, name=name, store=_store(answer), rsop=rsop)


def _address(key: str, text: object) -> IPAddress:
    try:
        return address_of(str(text))
    except ValueError:
        raise AnswerError(key, f"the host's answer has '{text}' in '{key}', which is not an address") from None


def _connection(answer: object) -> Connection:
    local, remote = (_address("connections", field(answer, key, str)) for key in ("local", "remote"))
    port = field(answer, "remote_port", int)
    if not 0 <= port <= _LAST_PORT:
        raise AnswerError(
            "connections", f"the host's answer has a connection from port {port}, which is not a valid port"
        )
    return Connection(local, remote, port)


def _local_addresses(answer: dict[str, t.Any]) -> LocalAddresses:
    kinds = [kind for kind in SpecialKind if kind is not SpecialKind.ANY]
    return LocalAddresses(
        {kind: frozenset(_address("addresses", text) for text in field(answer, str(kind), list)) for kind in kinds}
    )


def _found(answer: dict[str, t.Any]) -> dict[str, list[str]]:
    return {name: [str(address) for address in field(answer, name, list)] for name in answer}
