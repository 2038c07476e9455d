# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The part of the collection's host module about dynamic rules (docs/host-module.md), for hosts without PowerShell."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import re
import typing as t
import xml.etree.ElementTree as ET

from .faults import Course, Refused
from .host import Host
from .store_text import DYNAMIC, Failed, change, digest, pack, record_digest, store_text
from .task_xml import TaskError
from .tree import DWORD, STRING, below, find_key, get

TASK: t.Final = "ipsec.windows dynamic rules"
ARGUMENTS: t.Final = (
    "-NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand "
    + base64.b64encode("# emulated".encode("utf-16-le")).decode()
)
"""What the task of this engine runs: it is known by this text."""
_NAME: t.Final = re.compile(r"ipsec\.windows-[0-9a-f]{12}")
_ERROR: t.Final = re.compile(r"ERR IPsec\[(\d{5})\]")
_LISTS: t.Final = (["rule"], ["mmpolicy", "all"], ["qmpolicy", "all"])


@dataclasses.dataclass(frozen=True)
class _Listing:
    rules: dict[str, int] = dataclasses.field(default_factory=dict)
    main: frozenset[str] = frozenset()
    quick: frozenset[str] = frozenset()
    empty: bool = True
    text: str = ""

    @property
    def policies(self) -> list[str]:
        return sorted(self.main | self.quick)


@dataclasses.dataclass(frozen=True)
class _Rule:
    order: int
    policies: list[str]
    lines: list[tuple[str, str]]

    @property
    def selectors(self) -> list[str]:
        return [selector for selector, _settings in self.lines]


class DynamicModule:
    """What the host module does about dynamic rules on one host. Callers hold the mutex."""

    def __init__(self, host: Host) -> None:
        self._host = host

    # reading

    def record(self) -> dict[str, t.Any]:
        text = store_text(self._host.tree, DYNAMIC.path)
        return {"record": pack(text), "record_digest": record_digest(text)}

    def state(self) -> dict[str, t.Any]:
        """The part `dynamic` of a read."""
        listing, config, clean = _Listing(), None, False
        if self._host.sync_running():
            listing = self._listing(None)
            clean = self._value("Shown", ".clean") == digest(listing.text)
            if self._value("Settings", ".config"):
                config = self._config(None)
        return {
            "rules": listing.rules,
            "policies": listing.policies,
            "empty": listing.empty,
            "clean": clean,
            "config": config,
            "task": _task(self._host.tasks.query(TASK)),
        }

    def _netsh(self, course: Course | None, *words: str) -> tuple[int, str]:
        return self._host.netsh(["ipsec", "dynamic", *words], "", course)

    def _config(self, course: Course | None) -> str | None:
        code, text = self._netsh(course, "show", "config")
        return digest(text) if code == 0 else None

    def _listing(self, course: Course | None) -> _Listing:
        shown = [self._netsh(course, "show", *words) for words in _LISTS]
        named, main, quick = (_NAME.findall(text) for _code, text in shown)
        failed = all(code != 0 or "ERR IPsec[" in text for code, text in shown)
        return _Listing(
            rules={name: named.count(name) for name in named},
            main=frozenset(main),
            quick=frozenset(quick),
            empty=failed and not (named or main or quick),
            text="".join(text for _code, text in shown),
        )

    def _value(self, key: str, name: str) -> t.Any:
        return get(self._host.tree, f"{DYNAMIC.path}\\{key}", name)

    def _values(self, key: str) -> list[str]:
        found = find_key(self._host.tree, f"{DYNAMIC.path}\\{key}")
        return [] if found is None else list(self._host.tree[found])

    # writing

    def begin(self) -> dict[str, t.Any]:
        """The answer before anything is done."""
        nothing: dict[str, t.Any] = dict.fromkeys(("rules", "policies", "config", "error"))
        return nothing | self.record() | {"applied": 0, "record": None, "missing": [], "left": [], "errors": []}

    def register(self, xml: str, course: Course) -> None:
        """Raises `Failed`."""
        try:
            self._host.tasks.register(TASK, xml.replace("{arguments}", ARGUMENTS), course)
        except (TaskError, Refused) as error:
            raise Failed(str(error)) from None

    def _unregister(self) -> None:
        """The program that deletes tasks only says why it cannot."""
        with contextlib.suppress(TaskError):
            self._host.tasks.delete(TASK)

    def flush(self, course: Course) -> None:
        """Delete all dynamic rules, and forget what was complete or left. Raises `Failed`."""
        if self._host.sync_running():
            code, text = self._netsh(course, "delete", "all")
            if code != 0 and not self._listing(course).empty:
                raise Failed(f"netsh ipsec dynamic delete all has failed ({_problems(code, text)})")
        for key in ("Removed", "Shown"):
            change(self._host, course, [("delete", f"{DYNAMIC.path}\\{key}")])

    def update(self, course: Course, request: dict[str, t.Any], answer: dict[str, t.Any]) -> None:
        """Do what netsh does for a request."""
        try:
            if request["unregister"]:
                self._unregister()
            if request["settings"]:
                answer["config"] = self._set(course, request["settings"])
            if request["run"]:
                answer |= self.synchronize(course)
            if request["flush"]:
                self._note_clean(course)
        except (Failed, Refused) as error:
            answer["error"] = str(error)

    def _set(self, course: Course, settings: dict[str, str]) -> str | None:
        if not self._host.sync_running():
            raise Failed("settings need the PolicyAgent service, which does not run")
        for name, value in settings.items():
            code, text = self._netsh(course, "set", "config", f"property={name}", f"value={value}")
            if code != 0:
                raise Failed(f"the setting {name} cannot be {value} ({_problems(code, text)})")
        key, config = f"{DYNAMIC.path}\\Settings", digest(self._netsh(course, "show", "config")[1])
        if find_key(self._host.tree, key) is not None:
            change(self._host, course, [("set", key, ".config", STRING, config)])
        return config

    def _note_clean(self, course: Course) -> None:
        if not self._host.sync_running() or (listing := self._listing(course)).empty:
            return
        if find_key(self._host.tree, DYNAMIC.path) is None:
            self._host.event("registry_security", DYNAMIC.path, DYNAMIC.access)
        change(self._host, course, [("set", f"{DYNAMIC.path}\\Shown", ".clean", STRING, digest(listing.text))])

    # synchronizing

    def synchronize(self, course: Course | None) -> dict[str, t.Any]:
        """Bring the dynamic rules in line with the record; returns what an answer says about it."""
        running = self._host.sync_running()
        listing = self._listing(course) if running else _Listing()
        wanted, removed = self._rules("Rules"), self._rules("Removed")
        for name in self._values("Shown"):
            if name not in wanted and not name.startswith("."):
                change(self._host, course, [("unset", f"{DYNAMIC.path}\\Shown", name)])
        missing = self._missing(wanted, listing)
        left = _left(wanted, removed, listing)
        errors: list[str] = []
        deletions = _deletions(wanted, removed, left, listing)
        if running and (missing or deletions):
            replaced = {selector for name in left if name in listing.rules for selector in removed[name].selectors}
            errors = self._run(course, _additions(wanted, missing, replaced) + deletions)
            listing = self._listing(course)
            added = [name for name in missing if name in listing.rules]
            if added and errors:
                # what exists already is an error, too
                added = list(self._complete(course, wanted, added))
                listing = self._listing(course)
            for name in added:
                shown = ("set", f"{DYNAMIC.path}\\Shown", name, DWORD, listing.rules.get(name, 0))
                change(self._host, course, [shown])
        left = _left(wanted, removed, listing)
        for name in removed:
            if name not in left:
                change(self._host, course, [("delete", f"{DYNAMIC.path}\\Removed\\{name}")])
        if not (wanted or left or any(not name.startswith(".") for name in self._values("Settings"))):
            self._host.registry.change([("delete", DYNAMIC.path)])
            self._unregister()
        if not running:
            return {}
        return {
            "rules": listing.rules,
            "policies": listing.policies,
            "missing": self._missing(wanted, listing),
            "left": left,
            "errors": errors,
        }

    def _run(self, course: Course | None, commands: list[str]) -> list[str]:
        """The numbers of the errors."""
        script = "\n".join(["", "pushd ipsec dynamic", *commands, "exit", ""])
        return _ERROR.findall(self._host.netsh([], script, course)[1])

    def _complete(self, course: Course | None, wanted: dict[str, _Rule], names: list[str]) -> t.Iterator[str]:
        """Those of the rules of which netsh has all filters: when they are added again, it refuses each one for the
        same reason.
        """
        commands = [f"add rule {selector} {settings}" for name in names for selector, settings in wanted[name].lines]
        errors = self._run(course, commands)
        if not errors or (len(errors) == len(commands) and len(set(errors)) == 1):
            yield from names
        elif len(names) > 1:
            half = len(names) // 2
            yield from self._complete(course, wanted, names[:half])
            yield from self._complete(course, wanted, names[half:])

    def _rules(self, folder: str) -> dict[str, _Rule]:
        tree, root = self._host.tree, f"{DYNAMIC.path}\\{folder}"
        found = {}
        for key in below(tree, root)[1:]:
            values = tree[key]
            lines = [line.partition("\t") for line in t.cast("list[str]", values.get("Rules", (0, []))[1])]
            found[key.rpartition("\\")[2]] = _Rule(
                order=t.cast(int, values.get("Order", (0, 0))[1]),
                policies=t.cast("list[str]", values.get("Policies", (0, []))[1]),
                lines=[(selector, settings) for selector, _tab, settings in lines],
            )
        return found

    def _missing(self, wanted: dict[str, _Rule], listing: _Listing) -> list[str]:
        def is_missing(name: str) -> bool:
            complete = self._value("Shown", name)
            return complete is None or listing.rules.get(name, 0) < complete

        return sorted(filter(is_missing, wanted), key=lambda name: (wanted[name].order, name))


def _left(wanted: t.Container[str], removed: t.Iterable[str], listing: _Listing) -> list[str]:
    named = listing.rules.keys() | listing.main | listing.quick
    return sorted(name for name in removed if name in named and name not in wanted)


def _additions(wanted: dict[str, _Rule], names: list[str], replaced: set[str]) -> list[str]:
    commands: list[str] = []
    for name in names:
        commands += wanted[name].policies
        for selector, settings in wanted[name].lines:
            commands += [f"delete rule {selector}"] if selector in replaced else []
            commands.append(f"add rule {selector} {settings}")
    return commands


def _deletions(wanted: dict[str, _Rule], removed: dict[str, _Rule], left: list[str], listing: _Listing) -> list[str]:
    """The commands that delete what is left of removed rules, and policies that an interrupted run has left."""
    kept = {selector for rule in wanted.values() for selector in rule.selectors}
    known = wanted.keys() | removed.keys() | listing.rules.keys()
    commands: list[str] = []
    for name in left + [name for name in listing.policies if name not in known]:
        if name in listing.rules:
            commands += [f"delete rule {selector}" for selector in removed[name].selectors if selector not in kept]
        kinds = (("qmpolicy", listing.quick), ("mmpolicy", listing.main))
        commands += [f'delete {kind} name="{name}"' for kind, names in kinds if name in names]
    return commands


def _problems(code: int, text: str) -> str:
    return ", ".join([f"exit code {code}", *(found[0] for found in re.finditer(_ERROR, text))])


def _task(xml: str | None) -> dict[str, t.Any] | None:
    if xml is None:
        return None
    try:
        # the declaration names an encoding that a text does not have
        task = ET.fromstring(xml[xml.index("<Task") :])
    except (ET.ParseError, ValueError):
        return {"current": False, "interval": "", "enabled": False}
    texts = [
        (task.findtext(path) or "").strip()
        for path in (
            "{*}Actions/{*}Exec/{*}Arguments",
            "{*}Triggers/{*}TimeTrigger//{*}Interval",
            "{*}Settings/{*}Enabled",
        )
    ]
    return {"current": texts[0] == ARGUMENTS, "interval": texts[1], "enabled": texts[2] != "false"}
