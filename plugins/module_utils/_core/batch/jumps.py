# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The labels of a file, the jumps to them, and the variables that code elsewhere in the file may set."""

from __future__ import annotations

import bisect
import re
import typing as t

from ..store.casing import fold
from .lexer import UNKNOWN
from .programs import find_mention

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
_REST_OF_LINE: t.Final = re.compile(r"[^\r\n]*")
_SET: t.Final = re.compile(
    r"""(?<![A-Za-z0-9_])set(?![A-Za-z0-9_]) [ \t,;=\v\f\xa0]* (?P<option>/[ap])? [ \t,;=\v\f\xa0]* "?
        (?P<name>[^=%!^&|<>"\n]*) (?P<end>[=%!^]?)""",
    re.IGNORECASE | re.VERBOSE,
)
# with more variables than this, any may have changed
_MAX_NAMES: t.Final = 50
_ANYWHERE: t.Final = -1


class Jumps:
    """`lines` has the first line that jumps to a label, by the folded name of the label. `programs` has the folded
    names of variables that a line sets to ipseccmd or ``netsh ipsec``.
    """

    def __init__(self, file: str) -> None:
        self.lines: dict[str, int] = {}
        # the labels of jumps that count as not taken
        self.not_taken: set[str] = set()
        self.programs: set[str] = set()
        self._file = file
        # whether cmd.exe certainly finds the label is the second of each pair
        self._labels: dict[str, list[tuple[int, bool]]] = {}
        for match in _LABEL.finditer(file):
            certain = not {"@", "("} & {*match["before"]} and _PLAIN_LABEL.fullmatch(match["name"]) is not None
            self._labels.setdefault(fold(match["name"]), []).append((match.start(), certain))
        self._places_of_labels = {place for places in self._labels.values() for place, _certain in places}
        # the place of an exit that the code from a place on may reach
        self._exits: dict[int, int | None] = {}
        self._places: list[int] = []
        # None is a name that is computed at run time
        self._names: list[str | None] = []
        for match in _SET.finditer(file):
            odd = match["end"] not in ("", "=") or (match["option"] or "").lower() == "/a"
            if odd or match["end"]:
                self._places.append(match.start())
                self._names.append(None if odd else match["name"])
                value = _REST_OF_LINE.match(file, match.end())
                if value and find_mention(value[0]) is not None:
                    self.programs.add(fold(match["name"]))

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
        exits = [self._exit_from(place) for place in self._targets(label)]
        return next((found for found in exits if found is not None), None)

    def _targets(self, label: str) -> list[int]:
        """Where a jump to `label` may lead."""
        name = fold(label)
        # a name that is computed may be that of any label
        if any(sign in name for sign in (UNKNOWN, "%", "!")):
            return [_ANYWHERE]
        return [place for place, _certain in self._labels.get(name, ())]

    def _exit_from(self, start: int) -> int | None:
        """Like `exit_after`. What is found for other labels on the way is kept, so that each line is read once."""
        waiting = [] if start in self._exits else [start]
        self._exits.setdefault(start, None)
        before: dict[int, list[int]] = {}
        found: list[tuple[int, int]] = []
        while waiting:
            place = waiting.pop()
            end, following = self._follow(place)
            found += [] if end is None else [(place, end)]
            for target in following:
                before.setdefault(target, []).append(place)
                known = self._exits.get(target)
                if known is not None:
                    found.append((place, known))
                elif target not in self._exits:
                    self._exits[target] = None
                    waiting.append(target)
        while found:
            place, end = found.pop()
            if self._exits[place] is None:
                self._exits[place] = end
                found += [(caller, end) for caller in before.get(place, ())]
        return self._exits[start]

    def _follow(self, start: int) -> tuple[int | None, list[int]]:
        """The place of an ``exit`` between `start` and the next label or the end of the subroutine, and the labels to
        which the code before it goes on. `_ANYWHERE` is the whole file.
        """
        whole = start == _ANYWHERE
        following: list[int] = []
        depth = 0
        continued = False
        place = max(start, 0)
        while 0 <= place < len(self._file):
            inside = depth > 0 or continued or whole
            if place != start and not inside and place in self._places_of_labels:
                return None, [*following, place]
            end = self._file.find("\n", place)
            line = self._file[place : len(self._file) if end < 0 else end].rstrip("\r")
            if not _QUIET.match(line):
                if not inside and _RETURN.fullmatch(line):
                    break
                found = _EXIT.search(line)
                if found:
                    return place + found.start(), []
                following += [
                    target for match in _JUMP.finditer(line) if match[1] for target in self._targets(match[1])
                ]
                # a parenthesis that is not known to close a block does not end it
                closes = line.lstrip().startswith(")")
                depth += max(0, line.count("(") - line.count(")") + closes) - closes
            continued = line.endswith("^")
            place = end + 1 if end >= 0 else -1
        return None, following

    def sets(self, label: str) -> list[str] | None:
        """The variables that the code after `label` may set; None if it may set any."""
        start = self.first(label) or 0
        first = bisect.bisect_left(self._places, start)
        names = self._names[first : first + _MAX_NAMES + 1]
        known = [name for name in names if name is not None]
        return known if len(known) == len(names) <= _MAX_NAMES else None
