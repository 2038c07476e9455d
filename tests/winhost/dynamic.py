# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The dynamic rules of a simulated host: what `netsh ipsec dynamic` has added to the running service.

They end with the service. The journal dynamic.jsonl in the folder of the host has each change, with the number of the
run of the service to which it belongs.
"""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

from . import policy
from .journal import Follower, append
from .policy import Address


@dataclasses.dataclass(frozen=True)
class MainModePolicy:
    """Methods are (cipher, hash, group). `lifetime` is in minutes, `soft_lifetime` in seconds; `quick_modes` 0 is no
    limit.
    """

    name: str
    methods: tuple[tuple[str, str, int], ...] = (("3DES", "SHA1", 3), ("3DES", "SHA1", 2), ("3DES", "MD5", 2))
    lifetime: int = 480
    quick_modes: int = 0
    soft_lifetime: int = 300


@dataclasses.dataclass(frozen=True)
class Offer:
    """A quick-mode method. Algorithms are ("ah", hash) or ("esp", cipher, hash); a lifetime of 0 is the default."""

    algorithms: tuple[tuple[str, ...], ...]
    kilobytes: int = 0
    seconds: int = 0


@dataclasses.dataclass(frozen=True)
class QuickModePolicy:
    """`pfs` is NOPFS, GRPMM (the group of main mode), GRP1, GRP2 or GRP3."""

    name: str
    offers: tuple[Offer, ...] = (Offer((("esp", "3DES", "SHA1"),)), Offer((("esp", "3DES", "MD5"),)))
    soft: bool = False
    pfs: str = "NOPFS"


@dataclasses.dataclass(frozen=True)
class Authentication:
    """`kind` is kerberos, preshared key or certificate; `text` is the key, or the name of the certificate authority."""

    kind: str
    text: str = dataclasses.field(default="", repr=False)
    map_certificates: bool = False
    exclude_ca_name: bool = False


@dataclasses.dataclass(frozen=True)
class Selector:
    """What tells dynamic rules apart. Protocol and ports are 0 for any; `tunnel` is empty without one."""

    source: Address
    destination: Address
    protocol: int
    source_port: int
    destination_port: int
    mirrored: bool
    connection_type: str
    tunnel: str = ""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A rule with the names of its policies; `quick_mode` is empty without one. Actions: permit, block, negotiate."""

    selector: Selector
    main_mode: str
    quick_mode: str
    inbound: str
    outbound: str
    authentication: tuple[Authentication, ...]


@dataclasses.dataclass(frozen=True)
class DynamicRule:
    """A rule with its policies."""

    selector: Selector
    inbound: str
    outbound: str
    authentication: tuple[Authentication, ...]
    main_mode: MainModePolicy
    quick_mode: QuickModePolicy | None

    def enforced(self) -> policy.Rule:
        """The rule as one of a policy."""
        selector = self.selector
        ports = [(port, port) if port else (0, 65535) for port in (selector.source_port, selector.destination_port)]
        inpass = (self.inbound, self.outbound) == ("permit", "negotiate")
        return policy.Rule(
            key="",
            name=self.main_mode.name,
            description="",
            enabled=True,
            filters=(
                policy.Filter(
                    selector.source, selector.destination, selector.protocol, *ports, selector.mirrored, description=""
                ),
            ),
            action=self.outbound,
            inpass=inpass,
            soft=self.quick_mode is not None and self.quick_mode.soft and self.outbound == "negotiate",
            methods=(),
            authentication=(),
            tunnel=selector.tunnel,
            connection_type=selector.connection_type,
            inbound=None if inpass else self.inbound,
        )


class Database:
    """The dynamic rules and policies of the current run of the service. `path` is their journal."""

    def __init__(self, path: pathlib.Path) -> None:
        self._follower = Follower(path)
        self.run = 0
        """The number of the run of the service."""
        self.changes = 0
        """How often something was changed since the host was opened."""
        self.main_modes: dict[str, MainModePolicy] = {}
        self.quick_modes: dict[str, QuickModePolicy] = {}
        self.entries: dict[Selector, Entry] = {}

    def begin(self, run: int) -> None:
        """Begin a run of the service, or continue one that the journal knows."""
        if run == self.run:
            return
        self.run = run
        self.main_modes, self.quick_modes, self.entries = {}, {}, {}
        self.changes += 1
        for number, *change in self._follower.read():
            if number == run:
                self._apply(*change)

    def rules(self) -> tuple[DynamicRule, ...]:
        """The rules in the order in which they were added."""
        return tuple(
            DynamicRule(
                entry.selector,
                entry.inbound,
                entry.outbound,
                entry.authentication,
                self.main_modes[entry.main_mode.lower()],
                self.quick_modes[entry.quick_mode.lower()] if entry.quick_mode else None,
            )
            for entry in self.entries.values()
        )

    def uses(self, kind: str, name: str) -> bool:
        """Whether a rule uses a policy, which is a `main_mode` or a `quick_mode`."""
        return any(getattr(entry, kind).lower() == name.lower() for entry in self.entries.values())

    def put(self, kind: str, value: MainModePolicy | QuickModePolicy | Entry) -> None:
        """Add or replace a `main_mode`, a `quick_mode` or a `rule`."""
        self._change(kind, dataclasses.asdict(value))

    def remove(self, kind: str, value: str | Selector) -> None:
        """Remove a policy by its name, or a rule by its selector."""
        self._change(f"no {kind}", value if isinstance(value, str) else dataclasses.asdict(value))

    def clear(self) -> None:
        self._change("clear", None)

    def _change(self, action: str, data: t.Any) -> None:
        append(self._follower.path, [[self.run, action, data]])
        self.changes += 1
        for number, *change in self._follower.read():
            if number == self.run:
                self._apply(*change)

    def _apply(self, action: str, data: t.Any) -> None:
        match action:
            case "main_mode":
                methods = tuple(map(tuple, data["methods"]))
                self.main_modes[data["name"].lower()] = MainModePolicy(**data | {"methods": methods})
            case "quick_mode":
                offers = tuple(
                    Offer(**offer | {"algorithms": tuple(map(tuple, offer["algorithms"]))}) for offer in data["offers"]
                )
                self.quick_modes[data["name"].lower()] = QuickModePolicy(**data | {"offers": offers})
            case "rule":
                methods = tuple(Authentication(**method) for method in data["authentication"])
                selector = _selector(data["selector"])
                self.entries[selector] = Entry(**data | {"selector": selector, "authentication": methods})
            case "no main_mode":
                del self.main_modes[data.lower()]
            case "no quick_mode":
                del self.quick_modes[data.lower()]
            case "no rule":
                del self.entries[_selector(data)]
            case "clear":
                self.main_modes, self.quick_modes, self.entries = {}, {}, {}


def _selector(data: dict[str, t.Any]) -> Selector:
    ends = {end: Address(**data[end] | {"versions": tuple(data[end]["versions"])}) for end in ("source", "destination")}
    return Selector(**data | ends)


def same_rules(first: t.Iterable[DynamicRule], second: t.Iterable[DynamicRule]) -> bool:
    """Whether rules are the same but for the names of their policies and their order."""
    return _nameless(first) == _nameless(second)


def _nameless(rules: t.Iterable[DynamicRule]) -> set[DynamicRule]:
    return {
        dataclasses.replace(
            rule,
            main_mode=dataclasses.replace(rule.main_mode, name=""),
            quick_mode=rule.quick_mode and dataclasses.replace(rule.quick_mode, name=""),
        )
        for rule in rules
    }
