# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Faults: what goes wrong on a host while it works for a client."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import random
import threading
import time
import typing as t

from . import policy
from .payload import Payload
from .shells import Command
from .tree import DWORD, Change

if t.TYPE_CHECKING:
    from .host import Host

KINDS: t.Final = {
    "denied": "the operation fails: access is denied",
    "refuse": "the service refuses to start or reload",
    "change": "another program writes to the policy store",
    "start": "another program starts the service",
    "restart": "another program restarts the service, which ends its dynamic rules",
    "cut": "the connection of the client is reset; the command goes on",
    "silent": "the host stops answering; the command goes on",
    "hang": "the command hangs; the host answers",
    "kill": "the command is killed",
}
"""The kinds of faults and their effects."""

PLACES: t.Final = ("any", "service", "read", "apply", "notify", "netsh", "task")
"""The places of faults besides the number of an operation of an apply request.

They are any operation, the start or reload of the service, a request as a whole, any command of `netsh ipsec dynamic`
(with a number: this one since the request began), and the registration of a scheduled task.
"""

SYNTAX: t.Final = (
    f"KIND [before|after] [N|{'|'.join(PLACES)}|netsh N] [RATE%] [on HOST] [for SECONDS], where KIND is one of "
    f"{', '.join(KINDS)} and N counts the operations of an apply request, or the commands of netsh, from 1"
)
_WAITING: t.Final = ("hang", "silent")
_PLACE_OF: t.Final = {"refuse": "service"}
_DENIED: t.Final = ("any", "netsh", "task")


class FaultError(ValueError):
    """A text that is not a fault; the message has the syntax."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault of a `kind` before or after (`when`) a `place`: an operation's number, one of `PLACES`, or `netsh N`.

    It happens once or, with a `rate`, each time with that probability. `host` is the name of the only host that has it.
    A `hang` or `silent` lasts for `seconds`; None is until the client or the host ends.
    """

    kind: str
    when: str = "before"
    place: str | int = "any"
    rate: float | None = None
    host: str | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise FaultError(f"'{self.kind}' is not a kind of fault")
        counted, _blank, number = str(self.place).rpartition(" ")
        what = counted or ("any" if number.isdecimal() else number)
        if self.kind == "denied" and what not in _DENIED:
            raise FaultError(f"'denied' needs an operation (N or any), netsh or task, not '{self.place}'")
        if self.kind == "refuse" and self.place != "service":
            raise FaultError(f"'refuse' needs the place 'service', not '{self.place}'")
        if number.isdecimal() and int(number) < 1:
            raise FaultError("the number of an operation must be 1 or more")
        if self.rate is not None and not 0 < self.rate <= 1:
            raise FaultError("a rate must be more than 0% and at most 100%")
        if self.seconds is not None and self.kind not in _WAITING:
            raise FaultError(f"only {' and '.join(_WAITING)} take 'for SECONDS', not '{self.kind}'")

    @classmethod
    def parse(cls, text: str) -> Fault:
        """A fault as `SYNTAX` writes it. Raises `FaultError`."""
        kind, *words = text.split() or [""]
        found: dict[str, t.Any] = {"place": _PLACE_OF[kind]} if kind in _PLACE_OF else {}
        given: set[str] = set()
        try:
            while words:
                name, value = _part(words)
                if name in given:
                    raise FaultError(f"'{value}' is a second {name}; a fault has one")
                given.add(name)
                found[name] = value
            return cls(kind, **found)
        except FaultError as error:
            raise FaultError(f"{error}. The syntax is {SYNTAX}") from None

    def __str__(self) -> str:
        rate = "" if self.rate is None else f" {self.rate * 100:g}%"
        host = "" if self.host is None else f" on {self.host}"
        seconds = "" if self.seconds is None else f" for {self.seconds:g}"
        return f"{self.kind} {self.when} {self.place}{rate}{host}{seconds}"

    def is_at(self, when: str, place: str, number: int) -> bool:
        """Whether it can happen at an "operation" or a command of "netsh" with this number, or at another place."""
        if self.when != when:
            return False
        if place == "operation":
            return self.place in ("any", number)
        return self.place == place or self.place == f"{place} {number}"


def _part(words: list[str]) -> tuple[str, t.Any]:
    """Remove the first part of a fault; returns its name and value."""
    word = words.pop(0)
    if word in ("before", "after"):
        return "when", word
    if word == "netsh" and words and words[0].isdecimal():
        return "place", f"netsh {words.pop(0)}"
    if word in PLACES:
        return "place", word
    if word.isdecimal():
        return "place", int(word)
    if word.endswith("%"):
        return "rate", _number(word[:-1]) / 100
    if word in ("on", "for"):
        if not words:
            raise FaultError(f"'{word}' needs a word after it")
        value = words.pop(0)
        return ("host", value) if word == "on" else ("seconds", _number(value))
    raise FaultError(f"'{word}' is not a part of a fault")


def _number(text: str) -> float:
    if not text.replace(".", "", 1).isdecimal():
        raise FaultError(f"'{text}' is not a number")
    return float(text)


class Refused(Exception):
    """The operation fails; the message is that of the system."""


class Killed(Exception):
    """The command is dead."""


def _write_other(count: int) -> list[Change]:
    """A key that belongs to no policy."""
    return [("set", rf"{policy.LOCAL}\Other", "n", DWORD, count)]


class Faults:
    """The pending faults of a host. It is false if there are none."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._condition = threading.Condition()
        self._left: list[tuple[Fault, random.Random]] = []
        self._cleared = 0
        self._silent_until = 0.0
        self._changes = 0
        self.writes: t.Callable[[int], list[Change]] = _write_other
        """The changes that another program makes; the argument counts them."""

    def __bool__(self) -> bool:
        return bool(self._left)

    def add(self, *faults: Fault | str) -> None:
        """Add faults. Those with a rate happen at the same places in each run."""
        for fault in faults:
            found = Fault.parse(fault) if isinstance(fault, str) else fault
            self._left.append((found, random.Random(f"{self._host.name} {found}")))

    def clear(self) -> None:
        """Remove all faults; a hanging command goes on, a silent host answers."""
        with self._condition:
            self._left.clear()
            self._cleared += 1
            self._silent_until = 0.0
            self._condition.notify_all()

    def meet(self, when: str, place: str, number: int, command: Command) -> None:
        """Let the faults of this place happen to `command`. Raises `Refused`, `Killed`."""
        found, cleared = self._take(when, place, number)
        for fault in found:
            self._host.event("fault", str(fault))
            self._happen(fault, command, cleared)

    def _take(self, when: str, place: str, number: int) -> tuple[list[Fault], int]:
        """The faults that happen now, and how often all were cleared so far. Faults without a rate are removed."""
        with self._condition:
            found: list[Fault] = []
            for entry in list(self._left):
                fault, chance = entry
                # the same fault twice happens at two places
                if fault in found or not fault.is_at(when, place, number):
                    continue
                if fault.rate is None or chance.random() < fault.rate:
                    found.append(fault)
                    if fault.rate is None:
                        self._left.remove(entry)
            return found, self._cleared

    def was_silent(self) -> bool:
        """Whether the host was silent; returns when it answers again."""
        with self._condition:
            silent = self._silent_until > time.monotonic()
            while (left := self._silent_until - time.monotonic()) > 0:
                self._condition.wait(min(left, 60))
            return silent

    def _happen(self, fault: Fault, command: Command, cleared: int) -> None:
        match fault.kind:
            case "denied":
                raise Refused("Access is denied." if fault.place == "task" else "Access to the registry key is denied.")
            case "refuse":
                raise Refused("Cannot control PolicyAgent service on computer '.'.")
            case "change":
                self._changes += 1
                self._host.registry.change(self.writes(self._changes))
            case "start":
                self._host.start_service()
            case "restart":
                self._host.stop_service()
                self._host.start_service()
            case "cut":
                command.cut()
            case "silent":
                self._silent_until = time.monotonic() + (float("inf") if fault.seconds is None else fault.seconds)
            case "hang":
                self._hang(command, fault.seconds, cleared)
            case "kill":
                command.kill()
                raise Killed

    def _hang(self, command: Command, seconds: float | None, cleared: int) -> None:
        command.on_kill(self._wake)
        with self._condition:
            self._condition.wait_for(lambda: command.killed or self._cleared > cleared, seconds)
        if command.killed:
            raise Killed

    def _wake(self) -> None:
        with self._condition:
            self._condition.notify_all()


class Course:
    """The faults that happen while a command runs."""

    def __init__(self, host: Host, command: Command) -> None:
        self._faults = host.faults
        self._command = command
        self._numbers: collections.Counter[str] = collections.Counter()
        self._request = ""

    def begin(self) -> None:
        """Call this when the input is complete. Raises `Killed`."""
        payload = Payload.parse(bytes(self._command.input)) if self._faults else None
        self._request = payload.details()[-1] if payload else ""
        self.meet("before", self._request)

    def end(self) -> None:
        """Call this when the command has ended, before its answer is sent. Raises `Killed`."""
        self.meet("after", self._request)

    @contextlib.contextmanager
    def step(self, place: str) -> t.Iterator[None]:
        """Surrounds an "operation", the notification of the "service", a command of "netsh", or the registration of a
        "task". Raises `Refused`, `Killed`.
        """
        self.meet("before", place)
        yield
        self.meet("after", place)

    def meet(self, when: str, place: str) -> None:
        """Raises `Refused`, `Killed`."""
        if self._command.killed:
            raise Killed
        if when == "before":
            self._numbers[place] += 1
        self._faults.meet(when, place, self._numbers[place], self._command)
