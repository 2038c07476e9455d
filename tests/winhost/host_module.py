# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The host module of the collection (docs/host-module.md), for hosts without PowerShell."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import json
import threading
import typing as t

from . import policy
from .faults import Course, Refused
from .host import PENDING, Host
from .tree import DWORD, QWORD, Change, Tree, Value, below, find_key


class _Refused(Exception):
    """A request that is refused, with the reason for the answer."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _Failed(Exception):
    """A failure of the registry or the service."""


CONTAINER_SECURITY: t.Final = "D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;NS)"
MUTEX_SECURITY: t.Final = "D:(A;;0x1f0001;;;SY)(A;;0x1f0001;;;BA)"
_PROTOCOL: t.Final = 2
_POWERSHELL: t.Final = "5.1.20348.1"


class HostModule:
    """Answers requests about one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._mutex = threading.Lock()

    def run(self, arguments: dict[str, t.Any], course: Course) -> dict[str, t.Any]:
        request = json.loads(arguments["request"])
        actions: dict[str, t.Callable[[dict[str, t.Any]], dict[str, t.Any]]] = {
            "read": self._read,
            "apply": functools.partial(self._apply, course),
            "notify": functools.partial(self._notify, course),
        }
        try:
            do = actions.get(request["do"])
            if request["protocol"] != _PROTOCOL or do is None:
                raise _Refused("unknown_request", f"there is no request '{request['protocol']} {request['do']}'")
            answer = do(request)
        except _Refused as refused:
            answer = {"failed": True, "msg": str(refused), "reason": refused.reason}
        return {**answer, "protocol": _PROTOCOL, "changed": False}

    def _read(self, request: dict[str, t.Any]) -> dict[str, t.Any]:
        answer = {
            "names": {name: self._addresses("names", name.rstrip(".")) for name in request["names"]},
            "interfaces": {guid: self._addresses("interfaces", guid) for guid in request["interfaces"]},
        }
        for part in request["parts"]:
            answer |= self._read_part(part, request)
        return answer

    def _read_part(self, part: str, request: dict[str, t.Any]) -> dict[str, t.Any]:
        host = self._host
        match part:
            case "store":
                self._let_keys_vanish()
                text = store_text(host.tree, policy.LOCAL)
                return {"store": _pack(text), "digest": _digest(text)}
            case "service":
                return {"service": self._service(), "pending": find_key(host.tree, PENDING) is not None}
            case "domain":
                return {"domain": self._domain()}
            case "system":
                return self._system()
            case "addresses":
                return {"addresses": host.local_addresses()}
            case "connections":
                return {"connections": host.connections(request["port"])}
        raise _Refused("unknown_request", f"there is no part '{part}'")

    def _system(self) -> dict[str, t.Any]:
        host = self._host
        version = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
        major, minor = (host.get(version, f"Current{part}VersionNumber") for part in ("Major", "Minor"))
        shown = str(host.get(version, "CurrentVersion") or "") if major is None else f"{major}.{minor}"
        return {
            "now": host.now(),
            "product": str(host.get(version, "ProductName") or ""),
            "version": f"{shown}.{host.get(version, 'CurrentBuildNumber') or ''}",
            "powershell": _POWERSHELL,
            "writable": host.setting("administrator"),
        }

    def _let_keys_vanish(self) -> None:
        """Delete the keys that vanish while they are read."""
        for path in self._host.setting("vanishing"):
            self._host.registry.change([("delete", f"{policy.LOCAL}\\{path}")])

    def _addresses(self, setting: str, name: str) -> list[str]:
        return self._host.named(setting, name)

    def _domain(self) -> dict[str, t.Any] | None:
        path = self._host.get(policy.ASSIGNMENT, "DSIPSECPolicyPath")
        if not path:
            return None
        name = self._host.get(policy.ASSIGNMENT, "DSIPSECPolicyName")
        return {"path": path, "name": name or "", "store": _pack(store_text(self._host.tree, policy.CACHE))}

    def _service(self) -> dict[str, t.Any]:
        start_type = self._host.start_type
        if start_type is None:
            return {"status": "missing", "start_type": "unknown"}
        return {"status": "running" if self._host.sync_running() else "stopped", "start_type": start_type}

    def _apply(self, course: Course, request: dict[str, t.Any]) -> dict[str, t.Any]:
        if not self._host.setting("administrator"):
            raise _Refused("not_administrator", "the user is not an administrator of this host")
        answer: dict[str, t.Any] = {"applied": 0, "store": None, "error": None, "conflict": False, "now": None}
        answer["service"] = None
        if self._host.setting("mutex") == "denied":
            raise _Refused("mutex_denied", "access to the mutex Global\\ipsec.windows is denied")
        self._host.event("mutex", MUTEX_SECURITY if self._host.setting("mutex") == "free" else "Synchronize")
        if not self._mutex.acquire(timeout=30):
            raise _Refused("busy", "another task has been using the policy store for 30 seconds")
        try:
            text = store_text(self._host.tree, policy.LOCAL)
            if _digest(text) != request["expect"]:
                answer.update(conflict=True, store=_pack(text), digest=_digest(text), now=self._host.now())
                return answer
            if request["mark_pending"]:
                self._host.registry.change([("create", PENDING)])
            for line in _unpack(request["operations"]).splitlines():
                try:
                    self._operate(course, line)
                except (_Failed, Refused) as error:
                    answer["error"] = str(error)
                    break
                answer["applied"] += 1
            text = store_text(self._host.tree, policy.LOCAL)
        finally:
            self._mutex.release()
        answer["digest"] = _digest(text)
        if answer["digest"] != request["result"]:
            answer["store"] = _pack(text)
        if answer["error"] is None:
            answer["service"] = self._change_service(course, request["service"])
        return answer

    def _operate(self, course: Course, line: str) -> None:
        kind, *fields = line.split(";")
        path = _decode(fields[0])
        key = f"{policy.LOCAL}\\{path}" if path else policy.LOCAL
        changes: list[Change] = []
        if kind == "c":
            if find_key(self._host.tree, policy.LOCAL) is None:
                self._host.event("registry_security", policy.LOCAL, CONTAINER_SECURITY)
            changes.append(("create", key))
        elif kind == "d":
            if not path:
                raise _Failed("the container cannot be deleted")
            changes.append(("delete", key))
        elif find_key(self._host.tree, key) is None:
            raise _Failed(f"the key {path} does not exist")
        elif kind == "u":
            changes.append(("unset", key, _decode(fields[1])))
        elif fields[2] == "0":
            raise _Failed("a value of an unknown kind cannot be written")
        else:
            changes.append(("set", key, _decode(fields[1]), int(fields[2]), _data(int(fields[2]), fields[3])))
        with course.step("operation"):
            self._host.registry.change(changes)

    def _notify(self, course: Course, request: dict[str, t.Any]) -> dict[str, t.Any]:
        return {"service": self._change_service(course, request["service"])}

    def _change_service(self, course: Course, wanted: dict[str, t.Any]) -> dict[str, t.Any]:
        notification, problem = "none", None
        try:
            notification = self._set_service(course, wanted)
        except (_Failed, Refused) as error:
            notification, problem = "failed", str(error)
        if notification not in ("none", "failed"):
            self._host.registry.change([("delete", PENDING)])
        return {**self._service(), "notification": notification, "error": problem}

    def _set_service(self, course: Course, wanted: dict[str, t.Any]) -> str:
        """Returns how the service was notified."""
        host, notify = self._host, wanted["notify"]
        if (wanted["start_type"] or notify) and not host.setting("administrator"):
            raise _Failed("Service 'PolicyAgent' cannot be controlled: Access is denied")
        if wanted["start_type"]:
            if host.start_type is None:
                raise _Failed("Cannot find any service with service name 'PolicyAgent'.")
            host.set_start_type(wanted["start_type"])
        if notify is None or host.start_type is None:
            return "none"
        if not host.sync_running():
            if host.start_type == "disabled":
                raise _Failed("Service 'IPsec Policy Agent (PolicyAgent)' cannot be started because it is disabled.")
            with course.step("service"):
                host.start_service()
            return "started"
        if notify == "restart":
            if host.start_type == "disabled":
                raise _Failed("the service is disabled")
            host.stop_service()
            with course.step("service"):
                host.start_service()
            return "restarted"
        with course.step("service"):
            host.reload_service()
        return "asked"


def store_text(tree: Tree, root: str) -> str:
    """A subtree as the text of docs/host-module.md."""
    lines = []
    keys = [(key[len(root) + 1 :], key) for key in below(tree, root)]
    for path, key in sorted(keys, key=lambda item: _units(item[0])):
        lines.append(f"k;{_encode(path)}\n")
        for name, (kind, data) in sorted(tree[key].items(), key=lambda item: _units(item[0])):
            # the size does not fit the kind
            known = 0 if kind in (DWORD, QWORD) and isinstance(data, bytes) else kind
            lines.append(f"v;{_encode(name)};{known};{_value(known, data)}\n")
    return "".join(lines)


def _units(text: str) -> list[int]:
    data = text.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)]


def _encode(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le", "surrogatepass")).decode()


def _decode(text: str) -> str:
    return base64.b64decode(text).decode("utf-16-le", "surrogatepass")


def _value(kind: int, data: Value) -> str:
    if isinstance(data, list):
        return ",".join(map(_encode, data)) if data else "-"
    if isinstance(data, bytes):
        return "" if kind == 0 else base64.b64encode(data).decode()
    return _encode(data) if isinstance(data, str) else str(data)


def _data(kind: int, text: str) -> Value:
    if kind in (1, 2):
        return _decode(text)
    if kind == 7:
        return [] if text == "-" else [_decode(item) for item in text.split(",")]
    return int(text) if kind in (4, 11) else base64.b64decode(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _pack(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode("ascii"))).decode() if text else ""


def _unpack(packed: str) -> str:
    return gzip.decompress(base64.b64decode(packed)).decode("ascii") if packed else ""
