# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The definition of a scheduled task: what Task Scheduler reads in its XML, and what it refuses."""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t
import xml.etree.ElementTree as ET

from .event_query import Event, QueryError, matches, parse_query_list

_SPACE: t.Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_DURATION: t.Final = re.compile(r"P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_TRIGGER: t.Final = ("Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit")
_BOOL: t.Final = ("true", "false", "1", "0")
_KNOWN: t.Final[dict[str, tuple[str, ...]]] = {
    "Task": ("RegistrationInfo", "Triggers", "Principals", "Settings", "Data", "Actions"),
    "RegistrationInfo": (
        *("Author", "Date", "Description", "Documentation", "SecurityDescriptor", "Source", "URI", "Version"),
    ),
    "Triggers": ("BootTrigger", "TimeTrigger", "EventTrigger"),
    "BootTrigger": (*_TRIGGER, "Delay"),
    "TimeTrigger": (*_TRIGGER, "RandomDelay"),
    "EventTrigger": (*_TRIGGER, "Subscription", "Delay", "PeriodOfOccurrence", "NumberOfOccurrences"),
    "Repetition": ("Interval", "Duration", "StopAtDurationEnd"),
    "Principals": ("Principal",),
    "Principal": ("UserId", "LogonType", "GroupId", "DisplayName", "RunLevel"),
    "Settings": (
        *("AllowStartOnDemand", "RestartOnFailure", "MultipleInstancesPolicy", "DisallowStartIfOnBatteries"),
        *("StopIfGoingOnBatteries", "AllowHardTerminate", "StartWhenAvailable", "NetworkProfileName"),
        *("RunOnlyIfNetworkAvailable", "WakeToRun", "Enabled", "Hidden", "DeleteExpiredTaskAfter", "IdleSettings"),
        *("ExecutionTimeLimit", "Priority", "RunOnlyIfIdle", "UseUnifiedSchedulingEngine"),
    ),
    "Actions": ("Exec",),
    "Exec": ("Command", "Arguments", "WorkingDirectory"),
}
"""The elements that are known here, and those below them."""
_CHOICES: t.Final = {
    "MultipleInstancesPolicy": ("Parallel", "Queue", "IgnoreNew", "StopExisting"),
    "RunLevel": ("LeastPrivilege", "HighestAvailable"),
    "LogonType": ("S4U", "Password", "InteractiveToken"),
    **dict.fromkeys(
        (
            *("Enabled", "DisallowStartIfOnBatteries", "StopIfGoingOnBatteries", "AllowHardTerminate"),
            *("StartWhenAvailable", "RunOnlyIfNetworkAvailable", "WakeToRun", "Hidden", "RunOnlyIfIdle"),
            *("StopAtDurationEnd", "AllowStartOnDemand", "UseUnifiedSchedulingEngine"),
        ),
        _BOOL,
    ),
}


class TaskError(Exception):
    """A task that Task Scheduler refuses."""


@dataclasses.dataclass(frozen=True)
class TimeTrigger:
    """Seconds since 1970; `interval` 0 is once, `duration` 0 is without an end."""

    start: int
    interval: int = 0
    duration: int = 0

    def due(self, after: int, until: int) -> t.Iterator[int]:
        """When it starts the task, later than `after` and not later than `until`."""
        if not self.interval:
            if after < self.start <= until:
                yield self.start
            return
        if self.duration:
            until = min(until, self.start + self.duration)
        passed = max(0, (after - self.start) // self.interval + 1)
        yield from range(self.start + passed * self.interval, until + 1, self.interval)


@dataclasses.dataclass(frozen=True)
class Definition:
    """`queries` are logs and XPath expressions. Triggers that are not enabled are left out."""

    enabled: bool
    boot: bool
    times: tuple[TimeTrigger, ...]
    queries: tuple[tuple[str, str], ...]
    instances: str
    user: str
    command: str
    arguments: str

    def is_started_by(self, event: Event) -> bool:
        return any(channel == event.channel and matches(query, event) for channel, query in self.queries)


def parse(xml: str) -> Definition:
    """Raises `TaskError`."""
    root = _root(xml)
    _check(root)
    triggers = [trigger for trigger in _all(root, "Triggers/*") if _flag(trigger, "Enabled")]
    queries: list[tuple[str, str]] = []
    times: list[TimeTrigger] = []
    for trigger in triggers:
        if _tag(trigger) == "EventTrigger":
            try:
                queries += parse_query_list(_needed(trigger, "Subscription"))
            except QueryError as error:
                raise TaskError(f"the task XML has a wrong value: {error}") from None
        if _tag(trigger) == "TimeTrigger":
            times.append(_time_trigger(trigger))
    settings = root.find(f"{{{_SPACE}}}Settings")
    return Definition(
        enabled=settings is None or _flag(settings, "Enabled"),
        boot=any(_tag(trigger) == "BootTrigger" for trigger in triggers),
        times=tuple(times),
        queries=tuple(queries),
        instances=_text(root, "Settings/MultipleInstancesPolicy") or "IgnoreNew",
        user=_text(root, "Principals/Principal/UserId"),
        command=_text(root, "Actions/Exec/Command"),
        arguments=_text(root, "Actions/Exec/Arguments"),
    )


def exported(name: str, xml: str) -> str:
    """The definition as Task Scheduler gives it back: with the path of the task, and written anew."""
    root = _root(xml)
    information = root.find(f"{{{_SPACE}}}RegistrationInfo")
    if information is None:
        information = ET.Element(f"{{{_SPACE}}}RegistrationInfo")
        root.insert(0, information)
    uri = information.find(f"{{{_SPACE}}}URI")
    if uri is None:
        uri = ET.SubElement(information, f"{{{_SPACE}}}URI")
    uri.text = f"\\{name}"
    ET.register_namespace("", _SPACE)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-16"?>\n{text}\n'.replace("\n", "\r\n")


def _root(xml: str) -> ET.Element:
    declared = re.match(r"\s*<\?xml[^>]*encoding=[\"']([^\"']*)", xml)
    if declared and declared[1].lower() != "utf-16":
        raise TaskError("the task XML is malformed: unable to switch the encoding")
    try:
        root = ET.fromstring(xml)
    except (ET.ParseError, ValueError) as error:
        raise TaskError(f"the task XML is malformed: {error}") from None
    if root.tag != f"{{{_SPACE}}}Task":
        raise TaskError(f"the task XML has an unexpected node: {root.tag}")
    return root


def _check(root: ET.Element) -> None:
    """Refuse what Task Scheduler does not know, and what it misses."""
    if root.get("version") not in ("1.1", "1.2", "1.3", "1.4"):
        raise TaskError("the task XML has a wrong value: version")
    for element in root.iter():
        name = _tag(element)
        children = [_tag(child) for child in element]
        if name in _KNOWN:
            unknown = [child for child in children if child not in _KNOWN[name]]
            if unknown:
                raise TaskError(f"the task XML has an unexpected node: {unknown[0]}")
        elif children and name != "IdleSettings":
            raise TaskError(f"the task XML has an unexpected node: {children[0]}")
        if len(set(children)) < len(children) and name != "Triggers":
            raise TaskError(f"the task XML has a node twice below {name}")
        if name in _CHOICES and (element.text or "") not in _CHOICES[name]:
            raise TaskError(f"the task XML has a wrong value: {name}")
        if name in ("Delay", "ExecutionTimeLimit", "Interval", "Duration", "RandomDelay"):
            _seconds(name, element.text or "")
    if not _text(root, "Actions/Exec/Command"):
        raise TaskError("the task XML misses a node: Command")
    context = root.find(f"{{{_SPACE}}}Actions")
    principals = {principal.get("id") for principal in _all(root, "Principals/Principal")}
    if context is not None and context.get("Context") is not None and context.get("Context") not in principals:
        raise TaskError("the task XML has a wrong value: Context")


def _time_trigger(trigger: ET.Element) -> TimeTrigger:
    start = _needed(trigger, "StartBoundary")
    try:
        moment = datetime.datetime.fromisoformat(start)
    except ValueError:
        raise TaskError("the task XML has a wrong value: StartBoundary") from None
    if not start[10:11] == "T":
        raise TaskError("the task XML has a wrong value: StartBoundary")
    # the time zone of a simulated host is UTC
    seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp())
    if trigger.find(f"{{{_SPACE}}}Repetition") is None:
        return TimeTrigger(seconds)
    interval = _seconds("Interval", _needed(trigger, "Repetition/Interval"))
    if not 60 <= interval <= 31 * 86400:
        raise TaskError("the task XML has a value that is out of range: Interval")
    duration = _text(trigger, "Repetition/Duration")
    length = _seconds("Duration", duration) if duration else 0
    if duration and length < interval:
        raise TaskError("the task XML has a value that is out of range: Duration")
    return TimeTrigger(seconds, interval, length)


def _seconds(name: str, text: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None or text in ("P", "PT"):
        raise TaskError(f"the task XML has a wrong value: {name}")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _tag(element: ET.Element) -> str:
    return element.tag.removeprefix(f"{{{_SPACE}}}")


def _all(element: ET.Element, path: str) -> list[ET.Element]:
    return element.findall("/".join(part if part == "*" else f"{{{_SPACE}}}{part}" for part in path.split("/")))


def _text(element: ET.Element, path: str) -> str:
    return next((found.text or "" for found in _all(element, path)), "")


def _needed(element: ET.Element, path: str) -> str:
    text = _text(element, path)
    if not text:
        raise TaskError(f"the task XML misses a node: {path.rpartition('/')[2]}")
    return text


def _flag(element: ET.Element, name: str) -> bool:
    return _text(element, name) not in ("false", "0")
