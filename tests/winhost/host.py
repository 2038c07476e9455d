# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A simulated host: a folder with its registry, settings, service and events."""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
import json
import pathlib
import threading
import time
import typing as t

from . import enforcement, policy, regfile
from .dynamic import Database, DynamicRule
from .faults import Course, Faults
from .journal import Follower, Registry, append
from .netsh.program import Netsh
from .scheduler import Tasks
from .tree import DWORD, STRING, Change, Tree, Value, below, find_key, get

PENDING: t.Final = r"HKLM\SOFTWARE\ipsec.windows"
"""The mark of the collection's host module for a pending notification: a volatile key, which a boot removes."""
RECORD: t.Final = r"HKLM\SOFTWARE\ipsec.windows.dynamic"
"""The record of dynamic rules of the collection's host module."""
SERVICE_KEY: t.Final = r"HKLM\SYSTEM\CurrentControlSet\Services\PolicyAgent"
_VERSION_KEY: t.Final = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
START_TYPES: t.Final = {"boot": 0, "system": 1, "automatic": 2, "manual": 3, "disabled": 4}

SETTINGS: t.Final[dict[str, t.Any]] = {
    "computer": "WIN1",
    "administrator": True,
    "clock_offset": 0,
    "names": {},
    "interfaces": {},
    "servers": {},
    "mutex": "free",
    "vanishing": [],
    "event_log": False,
    "language": "en",
    "service_events": True,
    "audited": False,
}
"""The settings of a host and their defaults.

`names` and `interfaces` list addresses, `servers` those of dns, wins, dhcp and gateway. `mutex` says who has created
the mutex of the collection: nobody (`free`), or another account, which lets administrators wait for it (`shared`) or
not (`denied`). `vanishing` lists keys of the policy store that somebody deletes while they are read. With `event_log`,
the PowerShell engine logs script blocks and the parameters of commands. `language` is that of netsh: en or de. With
`service_events`, the System log has an event for each start of the service; if the service is `audited`, so does the
Security log.
"""


@dataclasses.dataclass(frozen=True)
class Enforced:
    """The policy that the service has loaded. `epoch` counts how often it, or a dynamic rule, has changed."""

    epoch: int
    in_force: policy.InForce | None


class Host:
    """A host whose state is in `folder`; a new folder becomes a fresh Windows Server 2022."""

    def __init__(self, folder: pathlib.Path, name: str, address: str) -> None:
        self.folder = folder
        self.name = name
        self.address = address
        folder.mkdir(parents=True, exist_ok=True)
        self.registry = Registry(folder / "registry.jsonl")
        self._settings = folder / "host.json"
        self._service = Follower(folder / "service.jsonl")
        self._events = folder / "events.jsonl"
        self.event_log = folder / "powershell.log"
        self.lock = threading.RLock()
        """Held while the service or its dynamic rules change."""
        self.faults = Faults(self)
        self.courses: dict[str, Course] = {}
        """The faults of the commands that run in other processes, by the ids of the commands."""
        self.tasks = Tasks(self)
        self.dynamic_journal = folder / "dynamic.jsonl"
        self._dynamic = Database(self.dynamic_journal)
        self._dynamic_changes = 0
        self._dynamic_rules: list[policy.Rule] | None = None
        """The dynamic rules in the form in which they are enforced; None before the first look at them."""
        self._opened = False
        self._runs = 0
        """How often the service has started or stopped."""
        self.running = False
        self.open_connections: set[tuple[str, int, int]] = set()
        """(peer, its port, own port), maintained by the endpoint."""
        self.traffic = 0
        """Bytes of all messages, without HTTP headers."""
        self.enforced = Enforced(0, None)
        self.forge: t.Callable[[dict[str, t.Any]], t.Any] | None = None
        """Returns a forged answer of the Python engine to a request, a value or raw text; None for the correct one."""
        if not self._settings.exists():
            self._settings.write_text(json.dumps(SETTINGS | {"computer": name.upper()}, indent=2))
            self.registry.change(_fresh_registry())
            append(self._service.path, [["stop"]])
        self.sync()
        self._opened = True

    # settings

    def setting(self, name: str) -> t.Any:
        return json.loads(self._settings.read_text())[name]

    def set(self, **settings: t.Any) -> None:
        """Change settings; the keys are those of `SETTINGS`."""
        unknown = settings.keys() - SETTINGS.keys()
        if unknown:
            raise ValueError(f"a host has no setting {', '.join(sorted(unknown))}; it has {', '.join(SETTINGS)}")
        changed = json.loads(self._settings.read_text()) | settings
        new = self._settings.with_suffix(".new")
        new.write_text(json.dumps(changed, indent=2))
        new.replace(self._settings)

    def set_version(self, product: str, major: int, minor: int, build: int) -> None:
        """Set the version of Windows that the host reports."""
        self.registry.change(_version(product, major, minor, build))

    def now(self) -> int:
        """The host's clock: seconds since 1970."""
        return int(time.time()) + t.cast(int, self.setting("clock_offset"))

    # registry

    @property
    def tree(self) -> Tree:
        return self.registry.tree

    def get(self, key: str, name: str) -> Value | None:
        return get(self.tree, key, name)

    def import_reg(self, data: bytes) -> None:
        """Import a .reg file as a whole. Raises `regfile.RegFileError`."""
        self.registry.change(regfile.parse(data))

    def assign_domain_policy(self, path: str, name: str, objects: Tree) -> None:
        """Assign a domain policy and put its objects into the cache, as Group Policy does."""
        changes: list[Change] = [
            ("set", policy.ASSIGNMENT, "DSIPSECPolicyPath", STRING, path),
            ("set", policy.ASSIGNMENT, "DSIPSECPolicyName", STRING, name),
            ("set", policy.ASSIGNMENT, "DSIPSECPolicyFlags", DWORD, 0),
            ("create", policy.CACHE),
        ]
        for key, values in objects.items():
            where = policy.CACHE + key[len(policy.LOCAL) :]
            changes += [("set", where, value, kind, data) for value, (kind, data) in values.items()]
        self.registry.change(changes)

    # the service

    @property
    def start_type(self) -> str | None:
        """None if the host has no such service."""
        if find_key(self.tree, SERVICE_KEY) is None:
            return None
        number = self.get(SERVICE_KEY, "Start")
        return next((name for name, known in START_TYPES.items() if known == number), "unknown")

    def set_start_type(self, name: str | None) -> None:
        """None removes the service."""
        if name is None:
            self.registry.change([("delete", SERVICE_KEY)])
        else:
            self.registry.change([("set", SERVICE_KEY, "Start", DWORD, START_TYPES[name])])

    def start_service(self) -> None:
        self._act("start")

    def boot(self) -> None:
        """Boot: the service ends with its dynamic rules, and the mark for a pending notification is removed.

        The service starts if its start type is automatic or a policy is assigned. Returns when the tasks that start at
        a boot have ended.
        """
        self.registry.change([("delete", PENDING)])
        if self.sync_running():
            append(self._service.path, [["stop"]])
        assigned = self.get(policy.LOCAL, "ActivePolicy") or self.get(policy.ASSIGNMENT, "DSIPSECPolicyPath")
        if self.start_type == "automatic" or (assigned and self.start_type not in (None, "disabled")):
            self.start_service()
        self.sync()
        self.tasks.boot()
        self.tasks.wait()

    def restart_service(self) -> None:
        """Returns when the tasks that start with the service have ended."""
        self.stop_service()
        self.start_service()
        self.tasks.wait()

    def stop_service(self) -> None:
        self._act("stop")

    def reload_service(self) -> None:
        """User-defined control 129."""
        self._act("control", 129)

    def sync_running(self) -> bool:
        """Whether the service runs."""
        self.sync()
        return self.running

    def _act(self, *action: t.Any) -> None:
        append(self._service.path, [action])
        self.event("service", *action)
        self.sync()

    def sync(self) -> Enforced:
        """Follow what was done to the service: a start or a control 129 makes it load the policy of that moment."""
        with self.lock:
            for action in self._service.read():
                was_running = self.running
                if action[0] in ("start", "stop"):
                    self.running = action[0] == "start"
                if action[0] == "start" or (self.running and action == ["control", 129]):
                    self.enforced = Enforced(self.enforced.epoch + 1, self._take_policy())
                elif not self.running:
                    self.enforced = Enforced(self.enforced.epoch + 1, None)
                if self.running != was_running:
                    self._runs += 1
                    if self.running and self._opened:
                        self.tasks.service_started()
            self._dynamic.begin(self._runs)
            if self._dynamic.changes != self._dynamic_changes:
                self._dynamic_changes = self._dynamic.changes
                self._dynamic_rules = None
                self.enforced = Enforced(self.enforced.epoch + 1, self.enforced.in_force)
            return self.enforced

    def _take_policy(self) -> policy.InForce | None:
        try:
            found = policy.read(self.tree)
        except policy.StoreError as error:
            self.event("policy_unreadable", str(error))
            return None
        self.event("policy_taken", None if found is None else found.policy.name)
        return found

    # programs

    def netsh(self, arguments: list[str], stdin: str = "", course: Course | None = None) -> tuple[int, str]:
        """What netsh.exe does: its exit code and its output. `arguments` are those behind the name of the program.

        Without any, it reads commands from standard input. Raises `faults.Killed`.
        """
        return Netsh(self, self._dynamic, course).run(arguments, stdin)

    def dynamic_rules(self) -> tuple[DynamicRule, ...]:
        """The dynamic rules, in the order in which they were added."""
        with self.lock:
            self.sync()
            return self._dynamic.rules()

    def advance(self, seconds: int) -> None:
        """Advance the clock. Returns when the tasks that are due have ended."""
        self.tasks.advance(seconds)

    # the network

    def resolve(self, name: str) -> list[str]:
        """The addresses of a DNS name."""
        return self.named("names", name)

    def named(self, setting: str, name: str) -> list[str]:
        """The addresses of a DNS name or an interface, in the setting for these."""
        known = self.setting(setting)
        return next((found for key, found in known.items() if key.lower().rstrip(".") == name.lower().rstrip(".")), [])

    def verdict(self, peer: str, peer_port: int, port: int) -> str:
        """The verdict on a connection (permit, block or negotiate): the stricter one of its two directions."""
        with self.lock:
            in_force = self.sync().in_force
            if self._dynamic_rules is None:
                self._dynamic_rules = [rule.enforced() for rule in self._dynamic.rules()]
            dynamic = self._dynamic_rules
        if in_force is None and not dynamic:
            return "permit"
        addresses = enforcement.HostAddresses(
            **{kind: frozenset(map(ipaddress.ip_address, found)) for kind, found in self.local_addresses().items()}
        )
        inbound = enforcement.tcp(peer, peer_port, self.address, port, inbound=True)
        outbound = enforcement.tcp(self.address, port, peer, peer_port, inbound=False)
        verdicts = [enforcement.verdict(in_force, packet, addresses, dynamic) for packet in (inbound, outbound)]
        return next((v for v in ("block", "negotiate") if v in verdicts), "permit")

    def local_addresses(self) -> dict[str, list[str]]:
        """The addresses of the host itself (`me`) and of the servers that it uses."""
        own = [self.address, *itertools.chain(*self.setting("interfaces").values())]
        servers = self.setting("servers")
        return {"me": own, **{kind: servers.get(kind, []) for kind in ("dns", "wins", "dhcp", "gateway")}}

    def connections(self, port: int) -> list[dict[str, t.Any]]:
        """The connections to a port, in the form of the answer to a read request."""
        return [
            {"local": self.address, "remote": peer, "remote_port": peer_port}
            for peer, peer_port, at in sorted(self.open_connections)
            if at == port
        ]

    # events

    def event(self, name: str, *details: t.Any) -> None:
        append(self._events, [(self.now(), name, *details)])

    def events(self, name: str | None = None) -> list[list[t.Any]]:
        """The events of the host, oldest first: [time, name, …].

        Names are executed, logon_failed, service, policy_taken, cut, registry_security, mutex, fault, netsh (a command
        and the number of its error), task (its name, what started it, its exit code) and others.
        """
        return [event for event in Follower(self._events).read() if name is None or event[1] == name]

    def policies(self) -> list[policy.Policy]:
        """The local policies, as the reader of the simulated host sees them."""
        return policy.policies(self.tree)

    def store(self) -> Tree:
        """A copy of the keys of the local policy store."""
        tree = self.tree
        return {key: dict(tree[key]) for key in below(tree, policy.LOCAL)}


def _version(product: str, major: int, minor: int, build: int) -> list[Change]:
    values = [
        ("ProductName", STRING, product),
        ("CurrentVersion", STRING, "6.3" if major == 10 else f"{major}.{minor}"),
        ("CurrentBuildNumber", STRING, str(build)),
    ]
    changes: list[Change] = [("set", _VERSION_KEY, name, kind, data) for name, kind, data in values]
    for name, number in (("CurrentMajorVersionNumber", major), ("CurrentMinorVersionNumber", minor)):
        known = ("set", _VERSION_KEY, name, DWORD, number)
        changes.append(known if major == 10 else ("unset", _VERSION_KEY, name))
    return changes


def _fresh_registry() -> list[Change]:
    return [
        ("create", r"HKLM\SOFTWARE\Policies\Microsoft\Windows"),
        *_version("Windows Server 2022 Standard", 10, 0, 20348),
        ("set", SERVICE_KEY, "Start", DWORD, START_TYPES["manual"]),
        ("set", SERVICE_KEY, "DisplayName", STRING, "IPsec Policy Agent"),
    ]
