# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Variables of the environment and of loops, and text in which they are replaced."""

from __future__ import annotations

import array
import dataclasses
import re
import typing as t

from ..model import fold
from ..source import Text

# stands in a text for what cannot be known; a NUL in the file itself is no less odd
UNKNOWN: t.Final = "\0"
_MOST: t.Final = 4 << 20
_DEEPEST: t.Final = 32

_REFERENCE: t.Final = re.compile(
    r"""%(?: (?P<percent>%)
           | (?P<argument> \* | (?:~(?:[fdpnxsatz]|\$[^:%]*:)*)?[0-9] )
           | (?P<name>[^%:]*) (?P<edit>:[^%]*)? % )""",
    re.IGNORECASE | re.VERBOSE,
)
_PLAIN_NAME: t.Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LETTERS: t.Final = re.compile(r"(?:[fdpnxsatz]|\$[^:%]*:)*", re.IGNORECASE)


class TooMuchError(Exception):
    """The expanded file is longer than any that a person wrote."""


@dataclasses.dataclass(frozen=True, slots=True)
class Value:
    """What a variable holds, and for what is unknown in it, why. `source` is text of the file that it comes from."""

    text: Text
    reason: str = ""
    source: Text | None = None

    # for the variable of a loop, where the loop's list stands
    loop: int = -1

    @classmethod
    def unknown(cls, source: Text, reason: str) -> Value:
        return cls(Text(UNKNOWN, (source.offset(0),), source.end, source.file), reason, source)


@dataclasses.dataclass(slots=True)
class _Layer:
    """Variables since a setlocal. `opaque` says that others may have changed since."""

    values: dict[str, Value] = dataclasses.field(default_factory=dict)
    delayed: bool = False
    opaque: str = ""


class Environment:
    """The variables that a file sets, as far as they can be known."""

    def __init__(self) -> None:
        self._layers = [_Layer()]

    @property
    def delayed(self) -> bool:
        """Whether `!NAME!` means a variable."""
        return self._layers[-1].delayed

    def get(self, name: str) -> Value | str:
        """The value, or why there is none."""
        folded = fold(name)
        for layer in reversed(self._layers):
            if folded in layer.values:
                return layer.values[folded]
            if layer.opaque:
                return layer.opaque
        return "the file does not set before"

    def set(self, name: str, value: Value) -> None:
        self._layers[-1].values[fold(name)] = value

    def forget(self, reason: str) -> None:
        """From here on nothing is known of any variable."""
        self._layers[-1] = _Layer(delayed=self.delayed, opaque=reason)

    def enter(self) -> bool:
        """`setlocal`; False where cmd.exe gives up."""
        if len(self._layers) > _DEEPEST:
            return False
        self._layers.append(_Layer(delayed=self.delayed))
        return True

    def leave(self) -> None:
        """`endlocal`."""
        if len(self._layers) > 1:
            self._layers.pop()

    def delay(self, on: bool) -> None:
        self._layers[-1].delayed = on


class Origins:
    """Where replaced text comes from. `references` has for each place of one its variable: the name, or where the
    loop's list stands; `sources` has for each variable all that it holds anywhere.
    """

    def __init__(self) -> None:
        self.references: dict[int, str | int] = {}
        self.sources: dict[str | int, list[Text]] = {}
        self._reasons: dict[int, str] = {}
        self._characters = 0

    def reason(self, place: int) -> str:
        return self._reasons.get(place, "it contains a NUL character")

    def why_unknown(self, text: Text) -> str:
        """Why a part of `text` is unknown; nothing if none is."""
        at = text.value.find(UNKNOWN)
        return "" if at < 0 else self.reason(text.offset(at))

    def count(self, characters: int) -> None:
        """Raises `TooMuchError` if it is no more an honest file."""
        self._characters += characters
        if self._characters > _MOST:
            raise TooMuchError

    def unknown(self, place: int, reason: str) -> str:
        self._reasons[place] = reason
        return UNKNOWN

    def add_source(self, variable: str | int, value: Value) -> None:
        self.sources.setdefault(variable, []).append(value.source or value.text)

    def put(self, place: int, value: Value) -> str:
        """The characters of a value that is used at `place`."""
        if value.reason:
            self._reasons[place] = value.reason
        self.count(len(value.text))
        return value.text.value


class Builder:
    """A text in the making."""

    def __init__(self, file: str) -> None:
        self._pieces: list[str] = []
        self._offsets: array.array[int] = array.array("q")
        self._file = file

    def add(self, piece: str, place: int) -> None:
        """Add a piece all of which stands at `place`."""
        self._pieces.append(piece)
        self._offsets.extend([place] * len(piece))

    def extend(self, piece: str, places: t.Iterable[int]) -> None:
        self._pieces.append(piece)
        self._offsets.extend(places)

    def copy(self, text: Text, start: int, end: int) -> None:
        self._pieces.append(text.value[start:end])
        self._offsets.extend(text.offsets[start:end])

    def text(self, end: int) -> Text:
        return Text("".join(self._pieces), self._offsets, end, self._file)


def expand_line(line: Text, environment: Environment, origins: Origins) -> Text:
    """`line` with its `%NAME%` replaced."""
    value = line.value
    if "%" not in value:
        return line
    built = Builder(line.file)
    done = 0
    while (at := value.find("%", done)) >= 0:
        built.copy(line, done, at)
        match = _REFERENCE.match(value, at)
        # cmd.exe drops a percent sign that has no partner
        done = match.end() if match else at + 1
        if match:
            built.add(_replacement(match, line.offset(at), environment, origins), line.offset(at))
    built.copy(line, done, len(value))
    return built.text(line.end)


def _replacement(match: re.Match[str], place: int, environment: Environment, origins: Origins) -> str:
    if match["percent"]:
        return "%"
    if match["argument"]:
        return origins.unknown(place, "it depends on an argument of the batch file")
    shown = _shown(match)
    origins.references[place] = fold(match["name"])
    if match["edit"]:
        return origins.unknown(place, f"it depends on a part of {shown}")
    value = environment.get(match["name"])
    if isinstance(value, str):
        return origins.unknown(place, f"it depends on {shown}, which {value}")
    return origins.put(place, value)


def _shown(match: re.Match[str]) -> str:
    """The name of a variable, unless it may be a piece of a key that has percent signs in it."""
    before = match.string[match.start() - 1 : match.start()] if match.start() else ""
    after = match.string[match.end() : match.end() + 1]
    alone = before in ("", *" \t\"'=:,;(\\/") and after in ("", *" \t\"'=:,;)\\/.\r")
    return f"%{match['name']}%" if alone and _PLAIN_NAME.fullmatch(match["name"]) else "a variable"


def expand_loops(text: Text, loops: t.Mapping[str, Value], origins: Origins) -> Text:
    """`text` with its `%i` and `%~i` replaced, which a file has as `%%i` and `%%~i`."""
    value = text.value
    if loops:
        origins.count(len(value))
    if not loops or "%" not in value:
        return text
    built = Builder(text.file)
    done = 0
    while (at := value.find("%", done)) >= 0:
        name, changed, end = _loop_reference(value, at, loops)
        if not name:
            built.copy(text, done, at + 1)
            done = at + 1
            continue
        built.copy(text, done, at)
        place = text.offset(at)
        origins.references[place] = loops[name].loop
        if changed:
            piece = origins.unknown(place, "it depends on a part of a name of a file")
        else:
            piece = origins.put(place, loops[name])
            if value[at + 1] == "~":
                piece = piece.removeprefix('"').removesuffix('"')
        built.add(piece, place)
        done = end
    built.copy(text, done, len(value))
    return built.text(text.end)


def _loop_reference(value: str, at: int, loops: t.Mapping[str, Value]) -> tuple[str, bool, int]:
    """The name behind the '%' at `at`, whether only a part of its value is meant, and where the reference ends."""
    if value[at + 1 : at + 2] != "~":
        name = value[at + 1 : at + 2]
        return (name if name in loops else ""), False, at + 2
    letters = _LETTERS.match(value, at + 2)
    end = letters.end() if letters else at + 2
    if value[end : end + 1] in loops:
        return value[end], end > at + 2, end + 1
    # the last letter may be the name
    if end > at + 2 and value[end - 1] in loops:
        return value[end - 1], end > at + 3, end
    return "", False, at + 1
