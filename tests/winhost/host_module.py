# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The host module of the collection (docs/host-module.md), for hosts without PowerShell."""

from __future__ import annotations

import contextlib
import functools
import json
import threading
import typing as t

from . import policy, store_text
from .dynamic_module import DynamicModule
from .faults import Course, Refused
from .host import PENDING, Host
from .query_module import Malformed, QueryModule
from .store_text import Failed
from .tree import find_key


class _Refused(Exception):
    """A request that is refused, with the reason for the answer."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


MUTEX_SECURITY: t.Final = "D:(A;;0x1f0001;;;SY)(A;;0x1f0001;;;BA)"
_PROTOCOL: t.Final = 2
_POWERSHELL: t.Final = "5.1.20348.1"


class HostModule:
    """Answers requests about one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._mutex = threading.Lock()
        self._dynamic = DynamicModule(host)
        self._query = QueryModule(host)

    def run(self, arguments: dict[str, t.Any], course: Course) -> dict[str, t.Any]:
        request = json.loads(arguments["request"])
        actions: dict[str, t.Callable[[dict[str, t.Any]], dict[str, t.Any]]] = {
            "read": self._read,
            "apply": functools.partial(self._apply, course),
            "wait": self._wait,
            "notify": functools.partial(self._notify, course),
        }
        try:
            do = actions.get(request["do"])
            if request["protocol"] != _PROTOCOL or do is None:
                raise _Refused("unknown_request", f"there is no request '{request['protocol']} {request['do']}'")
            answer = do(request)
        except _Refused as refused:
            answer = {"failed": True, "msg": str(refused), "reason": refused.reason}
        except Malformed as malformed:
            answer = {"failed": True, "msg": str(malformed), "reason": "malformed"}
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
                text = store_text.store_text(host.tree, policy.LOCAL)
                return {"store": store_text.pack(text), "digest": store_text.digest(text)}
            case "record":
                return self._dynamic.record()
            case "dynamic":
                return {"dynamic": self._dynamic.state()}
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
            case "filters" | "events" | "associations" | "counters" | "rsop":
                return self._query.read(part)
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
        return {
            "path": path,
            "name": name or "",
            "store": store_text.pack(store_text.store_text(self._host.tree, policy.CACHE)),
        }

    def _service(self) -> dict[str, t.Any]:
        start_type = self._host.start_type
        if start_type is None:
            return {"status": "missing", "start_type": "unknown"}
        return {"status": "running" if self._host.sync_running() else "stopped", "start_type": start_type}

    def _wait(self, request: dict[str, t.Any]) -> dict[str, t.Any]:
        return {**self._query.wait(request), "service": self._service()}

    def _apply(self, course: Course, request: dict[str, t.Any]) -> dict[str, t.Any]:
        if not self._host.setting("administrator"):
            raise _Refused("not_administrator", "the user is not an administrator of this host")
        dynamic = request.get("dynamic")
        answer: dict[str, t.Any] = {"applied": 0, "store": None, "error": None, "conflict": False}
        answer |= {"now": self._host.now(), "service": None, "dynamic": None}
        with self._use_mutex():
            self._write(course, request, dynamic, answer)
            if answer["conflict"] or answer["error"] is not None:
                return answer
            if dynamic is not None:
                # the replay task, which starts with the service, waits for the end of this request
                answer["now"] = self._host.now()
                answer["service"] = self._change_service(course, request["service"])
                if answer["dynamic"]["error"] is None:
                    self._dynamic.update(course, dynamic, answer["dynamic"])
                return answer
        answer["now"] = self._host.now()
        answer["service"] = self._change_service(course, request["service"])
        return answer

    @contextlib.contextmanager
    def _use_mutex(self) -> t.Iterator[None]:
        """Raises `_Refused`."""
        if self._host.setting("mutex") == "denied":
            raise _Refused("mutex_denied", "access to the mutex Global\\ipsec.windows is denied")
        self._host.event("mutex", MUTEX_SECURITY if self._host.setting("mutex") == "free" else "Synchronize")
        if not self._mutex.acquire(timeout=30):
            raise _Refused("busy", "another task has been using the policy store for 30 seconds")
        try:
            yield
        finally:
            self._mutex.release()

    def _write(
        self, course: Course, request: dict[str, t.Any], dynamic: dict[str, t.Any] | None, answer: dict[str, t.Any]
    ) -> None:
        """Compare and write; completes the answer."""
        host, root = self._host, store_text.POLICIES
        text = store_text.store_text(host.tree, root.path)
        answer["digest"] = store_text.digest(text)
        expected = answer["digest"] == request["expect"]
        if dynamic is not None:
            answer["dynamic"] = self._dynamic.begin()
            expected = expected and answer["dynamic"]["record_digest"] == dynamic["expect"]
        if not expected:
            answer |= {"conflict": True, "store": store_text.pack(text), "now": host.now()}
            if dynamic is not None:
                answer["dynamic"] |= self._dynamic.record()
            return
        if dynamic is not None and dynamic["task"] is not None:
            try:
                self._dynamic.register(dynamic["task"]["xml"], course)
            except Failed as error:
                raise _Refused("task_failed", str(error)) from None
        if request["mark_pending"]:
            host.registry.change([("create", PENDING)])
        answer["applied"], answer["error"] = store_text.write(host, root, course, request["operations"])
        text = store_text.store_text(host.tree, root.path)
        answer["digest"] = store_text.digest(text)
        if answer["digest"] != request["result"]:
            answer["store"] = store_text.pack(text)
        if dynamic is not None and answer["error"] is None:
            self._write_record(course, dynamic, answer["dynamic"])

    def _write_record(self, course: Course, dynamic: dict[str, t.Any], answer: dict[str, t.Any]) -> None:
        done = store_text.write(self._host, store_text.DYNAMIC, course, dynamic["operations"])
        answer["applied"], answer["error"] = done
        found = self._dynamic.record()
        answer["record_digest"] = found["record_digest"]
        if found["record_digest"] != dynamic["result"]:
            answer["record"] = found["record"]
        if dynamic["flush"] and answer["error"] is None:
            try:
                self._dynamic.flush(course)
            except (Failed, Refused) as error:
                answer["error"] = str(error)

    def replay(self, course: Course | None = None) -> int:
        """What the scheduled task does; returns its exit code. Raises `Killed`."""
        try:
            with self._use_mutex():
                self._dynamic.synchronize(course)
        except (_Refused, Refused, Failed):
            return 1
        return 0

    def _notify(self, course: Course, request: dict[str, t.Any]) -> dict[str, t.Any]:
        if not request.get("dynamic"):
            return {"service": self._change_service(course, request["service"])}
        only_run = {"unregister": False, "settings": {}, "run": True, "flush": False}
        with self._use_mutex():
            dynamic = self._dynamic.begin()
            service = self._change_service(course, request["service"])
            self._dynamic.update(course, only_run, dynamic)
        return {"service": service, "dynamic": dynamic}

    def _change_service(self, course: Course, wanted: dict[str, t.Any]) -> dict[str, t.Any]:
        notification, problem = "none", None
        try:
            notification = self._set_service(course, wanted)
        except (Failed, Refused) as error:
            notification, problem = "failed", str(error)
        if notification not in ("none", "failed"):
            self._host.registry.change([("delete", PENDING)])
        return {**self._service(), "notification": notification, "error": problem}

    def _set_service(self, course: Course, wanted: dict[str, t.Any]) -> str:
        """Returns how the service was notified."""
        host, notify = self._host, wanted["notify"]
        if (wanted["start_type"] or notify) and not host.setting("administrator"):
            raise Failed("Service 'PolicyAgent' cannot be controlled: Access is denied")
        if wanted["start_type"]:
            if host.start_type is None:
                raise Failed("Cannot find any service with service name 'PolicyAgent'.")
            host.set_start_type(wanted["start_type"])
        if notify is None or host.start_type is None:
            return "none"
        if not host.sync_running():
            if host.start_type == "disabled":
                raise Failed("Service 'IPsec Policy Agent (PolicyAgent)' cannot be started because it is disabled.")
            with course.step("service"):
                host.start_service()
            return "started"
        if notify == "restart":
            if host.start_type == "disabled":
                raise Failed("the service is disabled")
            host.stop_service()
            with course.step("service"):
                host.start_service()
            return "restarted"
        with course.step("service"):
            host.reload_service()
        return "asked"
