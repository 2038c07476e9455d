# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The labels of a file, the jumps to them, and the variables that called code may set."""

from __future__ import annotations

import bisect
import re
import typing as t

from ..store.casing import fold

_LABEL: t.Final = re.compile(r"^[ \t,;=@(]*:[ \t]*(?P<name>[^\s:+&|<>,;=]+)", re.MULTILINE)
_SET: t.Final = re.compile(
    r"""(?<![A-Za-z0-9_])set(?![A-Za-z0-9_]) [ \t,;=\v\f\xa0]* (?P<option>/[ap])? [ \t,;=\v\f\xa0]* "?
        (?P<name>[^=%!^&|<>"\n]*) (?P<end>[=%!^]?)""",
    re.IGNORECASE | re.VERBOSE,
)
# with more variables than this, any may have changed
_MAX_NAMES: t.Final = 50


class Jumps:
    """`lines` has the first line that jumps to a label, by the folded name of the label."""

    def __init__(self, file: str) -> None:
        self.lines: dict[str, int] = {}
        self._labels: dict[str, int] = {}
        for match in _LABEL.finditer(file):
            self._labels.setdefault(fold(match["name"]), match.start())
        self._places: list[int] = []
        # None is a name that is computed at run time
        self._names: list[str | None] = []
        for match in _SET.finditer(file):
            odd = match["end"] not in ("", "=") or (match["option"] or "").lower() == "/a"
            if odd or match["end"]:
                self._places.append(match.start())
                self._names.append(None if odd else match["name"])

    def note(self, label: str, line: int) -> None:
        """Remember that `line` jumps to `label`."""
        self.lines.setdefault(fold(label), line)

    def sets(self, label: str) -> list[str] | None:
        """The variables that the code after `label` may set; None if it may set any."""
        start = self._labels.get(fold(label), 0)
        first = bisect.bisect_left(self._places, start)
        names = self._names[first : first + _MAX_NAMES + 1]
        known = [name for name in names if name is not None]
        return known if len(known) == len(names) <= _MAX_NAMES else None
