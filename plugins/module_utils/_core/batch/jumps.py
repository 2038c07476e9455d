# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The labels of a file, the jumps to them, and the variables that called code may set."""

from __future__ import annotations

import bisect
import re
import typing as t

from ..store.casing import fold
from .lexer import UNKNOWN

_LABEL: t.Final = re.compile(r"^(?P<before>[ \t,;=@(]*):[ \t]*(?P<name>[^\s:+&|<>,;=]+)", re.MULTILINE)
_PLAIN_LABEL: t.Final = re.compile(r"[A-Za-z0-9_.-]+")
# a line that ends a subroutine, if it is not in a block
_RETURN: t.Final = re.compile(
    r"[\s@,;=]*(?:exit[\s,;=]*/b(?![A-Za-z0-9])|goto[\s,;=]*:eof(?![^\s,;=]))[^&|()%^]*", re.IGNORECASE
)
_EXIT: t.Final = re.compile(
    r"(?<![A-Za-z0-9_.$%-])(?<!/c )exit(?![A-Za-z0-9_.-])(?![\s,;=]*/b(?![A-Za-z0-9]))", re.IGNORECASE
)
_JUMP: t.Final = re.compile(
    r"(?<![A-Za-z0-9_])(?:goto[\s,;=]*:?|call[\s,;=]*:)[\s,;=]*([^\s:+&|<>,;=)]*)", re.IGNORECASE
)
_QUIET: t.Final = re.compile(r"[\s@,;=(]*(?::|rem[\s,;=]|echo[^&|]*\Z)", re.IGNORECASE)
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
        # the labels of jumps that count as not taken
        self.not_taken: set[str] = set()
        self._file = file
        # whether cmd.exe certainly finds the label is the second of each pair
        self._labels: dict[str, list[tuple[int, bool]]] = {}
        for match in _LABEL.finditer(file):
            certain = not {"@", "("} & {*match["before"]} and _PLAIN_LABEL.fullmatch(match["name"]) is not None
            self._labels.setdefault(fold(match["name"]), []).append((match.start(), certain))
        self._exits: dict[str, int | None] = {}
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

    def first(self, label: str) -> int | None:
        """The place of the first label with this name; None if there is none."""
        places = self._labels.get(fold(label))
        return places[0][0] if places else None

    def next(self, label: str, after: int) -> int | None:
        """The place of the label to which a ``goto`` before `after` jumps forward; None if that is not certain."""
        for place, certain in self._labels.get(fold(label), ()):
            if place >= after:
                return place if certain and "\x1a" not in self._file[after:place] else None
        return None

    def exit_after(self, label: str) -> int | None:
        """The place of an ``exit`` without /b that the code after `label` may reach; None if there is none."""
        if label not in self._exits:
            self._exits[label] = self._find_exit(label)
        return self._exits[label]

    def _find_exit(self, label: str) -> int | None:
        waiting = [label]
        seen: set[str] = set()
        while waiting:
            name = fold(waiting.pop())
            if name in seen:
                continue
            seen.add(name)
            # a name that is computed may be that of any label
            unknown = any(sign in name for sign in (UNKNOWN, "%", "!"))
            for start in [0] if unknown else [place for place, _certain in self._labels.get(name, ())]:
                found = self._exit_from(start, waiting, whole=unknown)
                if found is not None:
                    return found
        return None

    def _exit_from(self, start: int, waiting: list[str], whole: bool) -> int | None:
        """Like `exit_after`, from `start` to the end of the subroutine, or the `whole` file. Adds labels to which the
        code jumps to `waiting`.
        """
        depth = 0
        continued = False
        while 0 <= start < len(self._file):
            end = self._file.find("\n", start)
            line = self._file[start : len(self._file) if end < 0 else end].rstrip("\r")
            if not _QUIET.match(line):
                if _RETURN.fullmatch(line) and depth <= 0 and not continued and not whole:
                    return None
                found = _EXIT.search(line)
                if found:
                    return start + found.start()
                waiting += [match[1] for match in _JUMP.finditer(line) if match[1]]
                # a parenthesis that is not known to close a block does not end it
                closes = line.lstrip().startswith(")")
                depth += max(0, line.count("(") - line.count(")") + closes) - closes
            continued = line.endswith("^")
            start = end + 1 if end >= 0 else -1
        return None

    def sets(self, label: str) -> list[str] | None:
        """The variables that the code after `label` may set; None if it may set any."""
        start = self.first(label) or 0
        first = bisect.bisect_left(self._places, start)
        names = self._names[first : first + _MAX_NAMES + 1]
        known = [name for name in names if name is not None]
        return known if len(known) == len(names) <= _MAX_NAMES else None
