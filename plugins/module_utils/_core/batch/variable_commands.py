# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Commands that set variables, keep them, or shift the arguments."""

from __future__ import annotations

import re

from ..source.text import Text
from ..source.words import LONGEST_LINE
from ..store.casing import fold
from .detours import Detours
from .lexer import CMD_BLANKS, UNKNOWN
from .results import Results
from .variables import MAX_SCOPES, Environment, Origins, VariableValue


class VariableCommands:
    """Follows what commands do to `environment`. `unsure` says why a command may not run."""

    def __init__(self, environment: Environment, results: Results, origins: Origins, detours: Detours) -> None:
        self._environment = environment
        self._results = results
        self._origins = origins
        self._detours = detours
        # whether it is unknown how many setlocal are open
        self.scopes_unsure = False

    def local(self, name: str, rest: Text, unsure: str) -> None:
        """Run `setlocal` or `endlocal` with its options."""
        environment = self._environment
        line = self._results.line(rest.offset(0))
        if not unsure:
            self._detours.clear()
        if name == "endlocal":
            self.scopes_unsure = self.scopes_unsure or bool(unsure)
            if self.scopes_unsure:
                environment.forget(f"the endlocal in line {line} may change")
            else:
                environment.leave()
            return
        if unsure:
            self.scopes_unsure = True
        elif not environment.enter():
            self._results.stop(f"cmd.exe stops at the setlocal in line {line}: more than {MAX_SCOPES} are open")
        options = rest.value.lower()
        if "disableextensions" in options or UNKNOWN in options:
            self._results.stop(f"the setlocal in line {line} may turn off the command extensions of cmd.exe")
        for option, on in (("enabledelayedexpansion", True), ("disabledelayedexpansion", False)):
            if option in options:
                environment.delay(on if not unsure or environment.delayed is on else None)

    def shift(self, rest: Text, unsure: str) -> None:
        """Run `shift` with its arguments."""
        first = re.fullmatch(r"(?:[\s,;=]*/([0-8]))?[\s,;=]*", rest.value)
        if first is None or unsure:
            self._environment.arguments.forget(
                f"it depends on an argument, which the 'shift' in line {self._results.line(rest.offset(0))} may change"
            )
        else:
            self._detours.clear()
            self._environment.arguments.shift(int(first[1] or 0))

    def set(self, rest: Text, unsure: str) -> bool:
        """Run `set` with its arguments. False if it shows variables, computes or asks."""
        rest = rest[len(rest) - len(rest.value.lstrip(CMD_BLANKS)) :]
        place = rest.offset(0)
        option = rest.value[:2].lower()
        line = self._results.line(place)
        if option in ("/a", "/p"):
            reason = f"it depends on a variable that line {line} sets at run time"
            expression = rest.value[2:] if option == "/a" else rest.value[2:].partition("=")[0].lstrip(CMD_BLANKS + '"')
            for name in re.split(r'[\s()!~*/%+\-<>&^|=,"\']+', expression) if option == "/a" else [expression]:
                self._assign(name, VariableValue.unknown(rest, reason))
            return False
        start, end = 0, len(rest)
        if rest.value[:1] == '"':
            start, last = 1, rest.value.rfind('"')
            end = last if last else end
        equals = rest.value.find("=", start, end)
        if equals <= start:
            return False
        text = rest[equals + 1 : end]
        if unsure:
            value = VariableValue.unknown(text, f"it depends on a variable that line {line} may set")
        elif len(text) > LONGEST_LINE:
            value = VariableValue.unknown(
                text, f"it depends on a variable that line {line} makes longer than cmd.exe allows"
            )
        else:
            value = VariableValue(text=text, reason=self._origins.why_unknown(text))
        self._assign(rest.value[start:equals], value)
        return True

    def _assign(self, name: str, value: VariableValue) -> None:
        self._origins.add_source(fold(name), value)
        self._detours.note(name)
        if UNKNOWN in name:
            line = self._results.line(value.text.offset(0))
            self._environment.forget(f"line {line} may set")
        else:
            self._environment.set(name, value)
