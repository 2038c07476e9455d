# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The Security log of a simulated host, as far as the service PolicyAgent writes to it, and auditpol.exe.

The journal security.jsonl in the folder of the host has [time, id, data]. The service writes an event only if it is
audited at that time. When Windows writes which event is not proved.
"""

from __future__ import annotations

import typing as t

from . import query_faults
from .journal import Follower, append

if t.TYPE_CHECKING:
    from .host import Host

PROVIDER: t.Final = "Microsoft-Windows-Security-Auditing"
_SUBCATEGORY: t.Final = "{0CCE9233-69AE-11D9-BED3-505054503030}"
_FAILURES: t.Final = (5457, 5459, 5461, 5462, 5477)
STARTED: t.Final = 5478
STOPPED: t.Final = 5479
FILTER_FAILED: t.Final = 5477
SOME_RULES_FAILED: t.Final = 5462
POLLED_NO_CHANGE: t.Final = 5463
POLLED: t.Final = 5464
RELOADED: t.Final = 5465
APPLIED: t.Final = {"domain": 5456, "local": 5460}
NOT_APPLIED: t.Final = {"domain": 5457, "local": 5461}
_AUDITED: t.Final = {
    False: ("", "No Auditing", "Keine Überwachung"),
    True: ("success failure", "Success and Failure", "Erfolg und Fehler"),
    "success": ("success", "Success", "Erfolg"),
    "failure": ("failure", "Failure", "Fehler"),
}
"""What is written, and what auditpol prints, by the setting `audited`."""


class LogError(Exception):
    """The log cannot be read; `reason` is access_denied or failed."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def check_audited(value: t.Any) -> None:
    """Raises `ValueError` if the setting `audited` cannot have a value."""
    if value not in list(_AUDITED):
        raise ValueError(f"audited is true, false, success or failure, not '{value}'")


def is_audited(host: Host, kind: str) -> bool:
    """Whether the events of a `success` or a `failure` are written."""
    return kind in _AUDITED[host.setting("audited")][0].split()


def write(host: Host, number: int, **data: str) -> None:
    """Write an event, if it is audited."""
    if is_audited(host, "failure" if number in _FAILURES else "success"):
        append(host.folder / "security.jsonl", [[host.now(), number, data]])


def events(host: Host, patience: float | None = None) -> list[dict[str, t.Any]]:
    """The events, the newest first. Raises `LogError`, and `TimeoutError` after so many seconds without an answer."""
    host.sync()
    fault = query_faults.meet(host, "events", patience)
    if fault.kind == "missing":
        raise LogError("failed", "There is not an event log on the computer that matches 'Security'.")
    if fault.kind == "failed":
        raise LogError("failed", "The event log file is corrupted.")
    if fault.kind == "denied" or not host.setting("administrator"):
        raise LogError("access_denied", "Attempted to perform an unauthorized operation.")
    if fault.kind == "empty":
        return []
    found = list(Follower(host.folder / "security.jsonl").read())
    if fault.kind == "huge":
        found += [[host.now(), POLLED_NO_CHANGE, {}]] * int(fault.detail)
    records = [
        {"id": number, "time": when, "record": record, "provider": PROVIDER, "data": data}
        for record, (when, number, data) in enumerate(found, 1001)
    ]
    if fault.kind == "malformed":
        broken = {"types": {"Policy": "a\0b\x1b[31m", "Error": "x" * 100_000}, "names": {"": "1", "Errör": "<Data>"}}
        data = broken[fault.detail]
        records.append({"id": 5461, "time": host.now(), "record": 2**63, "provider": PROVIDER, "data": data})
    return records[::-1]


def auditpol(host: Host, arguments: t.Sequence[str], patience: float | None = None) -> tuple[int, str]:
    """The exit code and the output of `auditpol /get /subcategory:{GUID} /r`.

    Raises `TimeoutError` after so many seconds without an answer.
    """
    fault = query_faults.meet(host, "auditpol", patience)
    if fault.kind == "missing":
        return 1, "'auditpol.exe' is not recognized as an internal or external command.\r\n"
    if fault.kind == "failed":
        return 1, "Error 0x00000057 occurred:\r\nThe parameter is incorrect.\r\n"
    if fault.kind == "denied" or not host.setting("administrator"):
        return 1, "Error 0x00000522 occurred:\r\nA required privilege is not held by the client.\r\n"
    if [word.lower() for word in arguments] != ["/get", f"/subcategory:{_SUBCATEGORY.lower()}", "/r"]:
        return 1, "Error 0x00000057 occurred:\r\nThe parameter is incorrect.\r\n"
    german = host.setting("language") == "de"
    setting = _AUDITED[host.setting("audited")][2 if german else 1]
    name = "Filterplattform-Richtlinienänderung" if german else "Filtering Platform Policy Change"
    output = (
        "Machine Name,Policy Target,Subcategory,Subcategory GUID,Inclusion Setting,Exclusion Setting\r\n\r\n"
        f"{host.setting('computer')},System,{name},{_SUBCATEGORY},{setting},\r\n"
    )
    if fault.kind in ("empty", "huge"):
        return 0, output * int(fault.detail or "0")
    broken = {
        "truncated": output[: output.index(_SUBCATEGORY) + 9],
        "guid": output.replace(_SUBCATEGORY, "{0CCE9234-69AE-11D9-BED3-505054503030}"),
        "text": "The audit policy is not available.\r\n",
    }
    return 0, broken.get(fault.detail, output)
