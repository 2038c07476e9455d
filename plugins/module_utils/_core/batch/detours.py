# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Where a file goes on whose conditions are unknown: at the label of a jump that counts as not taken.

Many scripts check for an administrator at their start, and jump over the lines that would start them again::

    net session >nul 2>&1
    if %errorlevel% == 0 goto admin
    powershell Start-Process '%~f0' -Verb RunAs
    exit /b
    :admin

The ``goto`` counts as not taken, so the file stops at the ``exit``. Only the jump reaches the label, so the file goes
on there with what was known at the jump.
"""

from __future__ import annotations

import dataclasses

from ..source.text import Text
from ..store.casing import fold
from .files import Files
from .results import Results
from .variables import Environment, VariableValue


@dataclasses.dataclass(slots=True, kw_only=True)
class _Detour:
    """A jump. `known` is the number of commands before it, `written` that of files; `names` are the variables set
    since.
    """

    line: int
    known: int
    written: int
    names: list[str] = dataclasses.field(default_factory=list)


class Detours:
    """The jumps to labels that come later."""

    def __init__(self, results: Results, environment: Environment, files: Files) -> None:
        self._results = results
        self._environment = environment
        self._files = files
        self._found: dict[str, _Detour] = {}

    def add(self, label: str, line: int) -> None:
        """A jump that counts as not taken."""
        made = _Detour(line=line, known=self._results.known, written=len(self._files.written))
        self._found.setdefault(fold(label), made)

    def clear(self) -> None:
        """Something else than a variable changes after the jumps."""
        self._found.clear()

    def note(self, name: str) -> None:
        """A variable is set after the jumps."""
        for detour in self._found.values():
            detour.names.append(name)

    def arrive(self, label: str) -> None:
        """At a label, go on if the file stops before it, and no command is known since the jump."""
        detour = self._found.pop(fold(label), None)
        if detour is None or not self._results.stopped or self._results.skips:
            return
        if detour.known != self._results.known:
            return
        self._results.stopped = ""
        reason = f"it depends on what the lines after the 'goto' in line {detour.line} change"
        for content in self._files.written[detour.written :]:
            content.unknown = reason
        nowhere = Text.of(self._results.file)[:0]
        for name in detour.names:
            self._environment.set(name, VariableValue.unknown(nowhere, reason))
