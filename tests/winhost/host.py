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

from . import cim, enforcement, policy, query_faults, regfile, security_log, wfp
from .dynamic import Database, DynamicRule
from .faults import Course, Faults
from .journal import Follower, Registry, append
from .netsh.program import Netsh
from .scheduler import Tasks
from .tree import DWORD, STRING, Change, Tree, Value, below, find_key, fold, get

PENDING: t.Final = r"HKLM\SOFTWARE\ipsec.windows"
"""The mark of the collection's host module for a pending notification: a volatile key, which a boot removes."""
RECORD: t.Final = r"HKLM\SOFTWARE\ipsec.windows.dynamic"
"""The record of dynamic rules of the collection's host module."""
SERVICE_KEY: t.Final = r"HKLM\SYSTEM\CurrentControlSet\Services\PolicyAgent"
_VERSION_KEY: t.Final = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_POLICY_ERROR: t.Final = "13"
_FILTER_ERROR: t.Final = "13825"
"""The codes in events. Those of Windows are unknown."""
_DOMAIN: t.Final = "domain"
"""The key of the objects in domain.jsonl."""
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
    "ignores_reload": False,
    "load_error": None,
    "failed_filters": {},
    "lost_filters": {},
    "associations": [],
    "counters": {},
    "gpo": "IPsec of the domain",
    "queries": {},
    "membership": {},
}
"""The settings of a host and their defaults.

`names` and `interfaces` list addresses, `servers` those of dns, wins, dhcp and gateway. `mutex` says who has created
the mutex of the collection: nobody (`free`), or another account, which lets administrators wait for it (`shared`) or
not (`denied`). `vanishing` lists keys of the policy store that somebody deletes while they are read. With `event_log`,
the PowerShell engine logs script blocks and the parameters of commands. `language` is that of netsh: en or de. With
`service_events`, the System log has an event for each start of the service.

If the service is `audited`, the Security log has events about its starts, its policy and filters: all with true, or
only those of `success` or `failure`.

What the service has in force can differ from what is stored. With `ignores_reload`, it does nothing when it is asked to
reload. With a `load_error`, a text for the event, it cannot load any policy. `failed_filters` are those that it cannot
add, which events report; `lost_filters` are missing without an event. Both are numbers of filters, from 1, by the names
of their rules: {"Close SMB": [1]}. They count from the next change of what is in force.

`associations` are the security associations: {"remote": "192.0.2.9"}, which may also have `local`, `module` (ikev1,
authip or ikev2), `main` (properties of its CIM instance), and `quick` (a list with such properties for each quick-mode
association; without it, there is one). `counters` has values of performance counters: {"IPsecDriver": {"SARekeys": 3}}.
`gpo` is the name of the Group Policy object that assigns the domain policy. `queries` are faults of queries:
{"filters": "slow 5"}; `query_faults` lists the queries and the faults. `membership` says how the host reads the domain
that it is a member of: `server` (a URI of LDAP), `account` (the DN that it logs on with), `password` (the path of a
file) and `ca` (the path of the certificate to trust).
"""


class SettingError(ValueError):
    """A setting that a host cannot have."""


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
        self.domain = Registry(folder / "domain.jsonl")
        """The objects of the domain policy that was assigned last, in keys below `_DOMAIN`."""
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
        self._loaded: tuple[policy.InForce | None, str | None] = (None, None)
        """What the service has read when it loaded its policy last: the policy, or an error."""
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
        """Change settings; the keys are those of `SETTINGS`. Raises `SettingError`."""
        for name, value in settings.items():
            try:
                _check(name, value)
            except ValueError as error:
                raise SettingError(str(error)) from None
        changed = json.loads(self._settings.read_text()) | settings
        new = self._settings.with_suffix(".new")
        new.write_text(json.dumps(changed, indent=2))
        new.replace(self._settings)

    def set_text(self, text: str) -> None:
        """Change a setting by NAME=VALUE, where VALUE is JSON. Raises `SettingError`."""
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingError(f"a setting is NAME=VALUE, not '{text}'")
        try:
            data = json.loads(value)
        except json.JSONDecodeError as error:
            raise SettingError(f"the value of {name} is not JSON: {error}") from None
        self.set(**{name: data})

    def set_version(self, product: str, major: int, minor: int, build: int) -> None:
        """Set the version of Windows that the host reports."""
        self.registry.change(_version(product, major, minor, build))

    def version(self) -> tuple[int, int]:
        """The major and minor version of Windows."""
        major, minor = (self.get(_VERSION_KEY, f"Current{part}VersionNumber") for part in ("Major", "Minor"))
        if major is None:
            major, minor = str(self.get(_VERSION_KEY, "CurrentVersion")).split(".")
        return int(t.cast(int, major)), int(t.cast(int, minor))

    def build(self) -> int:
        """The build of Windows."""
        return int(t.cast(str, self.get(_VERSION_KEY, "CurrentBuildNumber")))

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

    def assign_domain_policy(self, path: str, name: str, objects: Tree, cached: bool = True) -> None:
        """Assign a domain policy and put its objects into the resultant set of policy, as Group Policy does.

        If it is `cached`, they are in the cache as well.
        """
        self.domain.change([("delete", _DOMAIN)])
        for key, values in objects.items():
            where = _DOMAIN + key[len(policy.LOCAL) :]
            self.domain.change([("set", where, value, kind, data) for value, (kind, data) in values.items()])
        changes: list[Change] = [
            ("set", policy.ASSIGNMENT, "DSIPSECPolicyPath", STRING, path),
            ("set", policy.ASSIGNMENT, "DSIPSECPolicyName", STRING, name),
            ("set", policy.ASSIGNMENT, "DSIPSECPolicyFlags", DWORD, 0),
            ("delete", policy.CACHE),
            ("create", policy.CACHE),
        ]
        for key, values in objects.items() if cached else ():
            where = policy.CACHE + key[len(policy.LOCAL) :]
            changes += [("set", where, value, kind, data) for value, (kind, data) in values.items()]
        self.registry.change(changes)

    def unassign_domain_policy(self) -> None:
        """Remove the domain policy and its cache, as Group Policy does."""
        self.domain.change([("delete", _DOMAIN)])
        self.registry.change([("delete", policy.ASSIGNMENT), ("delete", policy.CACHE)])

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

    def poll(self) -> None:
        """The service looks for changes of its policy, as it does after each interval of the policy."""
        self._act("poll")

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
                if self.running != was_running:
                    self._audit(security_log.STARTED if self.running else security_log.STOPPED)
                if action[0] == "start":
                    self._enforce(self._take_policy())
                elif not self.running:
                    self._enforce(None)
                elif action == ["control", 129] and not self.setting("ignores_reload"):
                    self._enforce(self._take_policy())
                    self._audit(security_log.RELOADED)
                elif action == ["poll"]:
                    self._poll()
                if self.running != was_running:
                    self._runs += 1
                    if self.running and self._opened:
                        self.tasks.service_started()
            self._dynamic.begin(self._runs)
            if self._dynamic.changes != self._dynamic_changes:
                self._dynamic_changes = self._dynamic.changes
                self._dynamic_rules = None
                self._enforce(self.enforced.in_force)
            return self.enforced

    def _enforce(self, in_force: policy.InForce | None) -> None:
        self.enforced = Enforced(self.enforced.epoch + 1, in_force)

    def _take_policy(self) -> policy.InForce | None:
        """Load the policy, and write the events about that."""
        found, error = self._loaded = self._read_policy()
        if error is not None:
            self.event("policy_unreadable", error)
            source, key, name = "local", policy.LOCAL, "ActivePolicy"
            if self.get(policy.ASSIGNMENT, "DSIPSECPolicyPath"):
                source, key, name = "domain", policy.ASSIGNMENT, "DSIPSECPolicyName"
            code = self.setting("load_error") or _POLICY_ERROR
            self._audit(security_log.NOT_APPLIED[source], Policy=str(self.get(key, name)), Error=code)
            return None
        self.event("policy_taken", None if found is None else found.policy.name)
        if found is None:
            return None
        name, failed = found.policy.name, self._chosen("failed_filters", found.policy.rules)
        for rule, number in failed:
            text = rule.filters[number - 1].description or rule.name
            self._audit(security_log.FILTER_FAILED, QuickModeFilter=text, Error=_FILTER_ERROR)
        if failed:
            self._audit(security_log.SOME_RULES_FAILED, Policy=name, Error=_FILTER_ERROR)
        else:
            self._audit(security_log.APPLIED[found.source], Policy=name)
        missing = [*failed, *self._chosen("lost_filters", found.policy.rules)]
        rules = tuple(_without(rule, missing) for rule in found.policy.rules)
        return dataclasses.replace(found, policy=dataclasses.replace(found.policy, rules=rules))

    def _chosen(self, setting: str, rules: t.Iterable[policy.Rule]) -> list[tuple[policy.Rule, int]]:
        """The filters that a setting names: the rule and the number in it."""
        chosen = self.setting(setting)
        return [(rule, n) for rule in rules for n in chosen.get(rule.name, ()) if n <= len(rule.filters)]

    def _read_policy(self) -> tuple[policy.InForce | None, str | None]:
        """The policy that is to be in force, or the error of reading it."""
        tree = self.tree
        if not [key for key in below(tree, policy.CACHE) if fold(key) != fold(policy.CACHE)]:
            # without a cache, the service asks the directory
            tree = tree | {policy.CACHE + key[len(_DOMAIN) :]: values for key, values in self.domain.tree.items()}
        try:
            found = policy.read(tree)
        except policy.StoreError as error:
            return None, str(error)
        if found is not None and self.setting("load_error"):
            return None, f"error {self.setting('load_error')}"
        return found, None

    def _poll(self) -> None:
        if self._read_policy() == self._loaded:
            self._audit(security_log.POLLED_NO_CHANGE)
        else:
            self._enforce(self._take_policy())
            self._audit(security_log.POLLED)

    def _audit(self, number: int, **data: str) -> None:
        """Write an event of the Security log."""
        if self._opened:
            security_log.write(self, number, **data)

    # programs

    def netsh(
        self, arguments: list[str], stdin: str = "", course: Course | None = None, patience: float | None = None
    ) -> tuple[int, str]:
        """What netsh.exe does: its exit code and its output. `arguments` are those behind the name of the program.

        Without any, it reads commands from standard input. Raises `faults.Killed`, and `TimeoutError` after `patience`
        seconds without an answer.
        """
        code, output = self.netsh_output(arguments, stdin, course, patience)
        return code, "".join(output)

    def netsh_output(
        self, arguments: list[str], stdin: str = "", course: Course | None = None, patience: float | None = None
    ) -> tuple[int, t.Iterable[str]]:
        """As `netsh`, with the output in parts."""
        if arguments and arguments[0].lower() == "wfp":
            return wfp.show(self, arguments[1:], patience)
        code, output = Netsh(self, self._dynamic, course).run(arguments, stdin)
        return code, [output]

    def auditpol(self, arguments: list[str], patience: float | None = None) -> tuple[int, str]:
        """What auditpol.exe does: its exit code and its output. Raises `TimeoutError` as `netsh` does."""
        return security_log.auditpol(self, arguments, patience)

    def cim(self, namespace: str, name: str, patience: float | None = None) -> list[dict[str, t.Any]]:
        """The instances of a CIM class. Raises `cim.CimError`, and `TimeoutError` as `netsh` does."""
        return cim.instances(self, namespace, name, patience)

    def security_events(self, patience: float | None = None) -> list[dict[str, t.Any]]:
        """The events of the Security log, the newest first: id, time, record, provider and data.

        Raises `security_log.LogError`, and `TimeoutError` as `netsh` does.
        """
        return security_log.events(self, patience)

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
            dynamic = self._enforced_dynamic_rules()
        if in_force is None and not dynamic:
            return "permit"
        addresses = enforcement.HostAddresses(
            **{kind: frozenset(map(ipaddress.ip_address, found)) for kind, found in self.local_addresses().items()}
        )
        inbound = enforcement.tcp(peer, peer_port, self.address, port, inbound=True)
        outbound = enforcement.tcp(self.address, port, peer, peer_port, inbound=False)
        verdicts = [enforcement.verdict(in_force, packet, addresses, dynamic) for packet in (inbound, outbound)]
        return next((v for v in ("block", "negotiate") if v in verdicts), "permit")

    def rules_in_force(self) -> list[policy.Rule]:
        """The rules of the policy and the dynamic ones, which the service enforces."""
        with self.lock:
            in_force = self.sync().in_force
            return [*(in_force.policy.rules if in_force else ()), *self._enforced_dynamic_rules()]

    def _enforced_dynamic_rules(self) -> list[policy.Rule]:
        if self._dynamic_rules is None:
            rules = [rule.enforced() for rule in self._dynamic.rules()]
            missing = self._chosen("lost_filters", rules)
            self._dynamic_rules = [_without(rule, missing) for rule in rules]
        return self._dynamic_rules

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


def _check(name: str, value: t.Any) -> None:
    """Raises `ValueError` for a value that a setting cannot have."""
    if name not in SETTINGS:
        raise ValueError(f"a host has no setting {name}; it has {', '.join(SETTINGS)}")
    if name == "audited":
        security_log.check_audited(value)
    elif name == "load_error":
        if value is not None and not isinstance(value, str):
            raise ValueError("load_error is a text or null")
    elif not isinstance(value, type(SETTINGS[name])):
        raise ValueError(f"the setting {name} is a {type(SETTINGS[name]).__name__}, not a {type(value).__name__}")
    if name == "queries":
        for query, fault in value.items():
            query_faults.parse(query, str(fault))


def _without(rule: policy.Rule, missing: t.Sequence[tuple[policy.Rule, int]]) -> policy.Rule:
    numbers = {number for of_rule, number in missing if of_rule is rule}
    filters = tuple(item for number, item in enumerate(rule.filters, 1) if number not in numbers)
    return dataclasses.replace(rule, filters=filters)


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
