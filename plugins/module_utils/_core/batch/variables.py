# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Variables of the environment and of loops, and their replacement in text."""

from __future__ import annotations

import array
import contextlib
import dataclasses
import re
import typing as t

from ..source.text import Text
from ..store.casing import fold
from .edits import edit_value
from .lexer import UNKNOWN, SyntaxProblem
from .outside import Arguments, Outside
from .programs import find_mention

MAX_CHARACTERS: t.Final = 4 << 20
"""The most characters that variables and loops may add to a file."""

MAX_SCOPES: t.Final = 32
"""The most ``setlocal`` that cmd.exe allows to be open."""

_REFERENCE: t.Final = re.compile(
    r"""%(?: (?P<percent>%)
           | (?P<argument> \* | (?:~(?:[fdpnxsatz]|\$[^:%]*:)*)?[0-9] )
           | (?P<name>[^%:]*) (?P<edit>:[^%]*)? % )""",
    re.IGNORECASE | re.VERBOSE,
)
_NOT_SET: t.Final = "the file does not set before this line; the option variables gives it"
_FOLDER: t.Final = "it depends on the folder of the batch file"
THE_FOLDER: t.Final = "\0%~DP0\0"
"""The `identity` of the folder of the batch file."""

THE_CURRENT_FOLDER: t.Final = "\0%CD%\0"
"""The `identity` of the current folder."""

# what a percent sign without a partner may take out of a line
_TO_COLON: t.Final = re.compile("%[^:]*:")
_STRUCTURE: t.Final = re.compile('[&|<>()^"]')
_LONE: t.Final = "cmd.exe may take the text from this '%' to the ':' as a name; write '%%' for a percent sign"
_REMARK: t.Final = re.compile(r"[\s,;=@(]*(?:rem[\s,;=]|:)", re.IGNORECASE)
# variables that always have a value
_COMPUTED: t.Final = frozenset(map(fold, ("cd", "cmdcmdline", "date", "errorlevel", "random", "time")))
_PLAIN_NAME: t.Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LETTERS: t.Final = re.compile(r"(?:[fdpnxsatz]|\$[^:%]*:)*", re.IGNORECASE)


class TooLongError(Exception):
    """Variables and loops expand the file beyond the limit."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VariableValue:
    """The value of a variable, and why a part of it is unknown. `source` is the text of the file that it comes from."""

    text: Text
    reason: str = ""
    source: Text | None = None

    # the place of the list, for the variable of a loop
    loop: int = -1

    @classmethod
    def unknown(cls, source: Text, reason: str) -> VariableValue:
        text = Text(value=UNKNOWN, offsets=(source.offset(0),), end=source.end, file=source.file)
        return cls(text=text, reason=reason, source=source)


@dataclasses.dataclass(slots=True)
class _Layer:
    """The variables set since a setlocal. `opaque` says why other variables may have changed."""

    values: dict[str, VariableValue] = dataclasses.field(default_factory=dict)
    delayed: bool | None = False
    opaque: str = ""


class Environment:
    """The variables that a file sets, as far as they are known."""

    def __init__(self, outside: Outside) -> None:
        given = {
            name: VariableValue(text=Text(value=value, offsets=range(len(value)), end=len(value), file=value))
            for name, value in outside.variables.items()
        }
        self._layers = [_Layer(values=given)]
        self.arguments = Arguments(outside.arguments)

    @property
    def delayed(self) -> bool | None:
        """Whether delayed expansion is on: `!NAME!` is a variable. None if that is unknown."""
        return self._layers[-1].delayed

    def get(self, name: str) -> VariableValue | str:
        """The value, or why it is unknown, as the end of a sentence."""
        folded = fold(name)
        for layer in reversed(self._layers):
            if folded in layer.values:
                return layer.values[folded]
            if layer.opaque:
                return layer.opaque
        return "the file computes when it runs" if folded in _COMPUTED else _NOT_SET

    def set(self, name: str, value: VariableValue) -> None:
        self._layers[-1].values[fold(name)] = value

    def forget(self, reason: str) -> None:
        """From here on, all variables are unknown."""
        self._layers[-1] = _Layer(delayed=self.delayed, opaque=reason)

    def enter(self) -> bool:
        """`setlocal`; False if too many are open, where cmd.exe stops."""
        if len(self._layers) > MAX_SCOPES:
            return False
        self._layers.append(_Layer(delayed=self.delayed))
        return True

    def leave(self) -> None:
        """`endlocal`."""
        if len(self._layers) > 1:
            self._layers.pop()

    def delay(self, on: bool | None) -> None:
        self._layers[-1].delayed = on

    @contextlib.contextmanager
    def kept(self) -> t.Iterator[None]:
        """What changes meanwhile is undone afterwards."""
        layers = [dataclasses.replace(layer, values=dict(layer.values)) for layer in self._layers]
        arguments = self.arguments.copy()
        yield
        self._layers, self.arguments = layers, arguments


class Origins:
    """Where replaced text comes from. A variable is a folded name, or the place of the list of a loop. `references` has
    the variables that are used at a place, `sources` all values of a variable that are text of the file.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self.references: dict[int, set[str | int]] = {}
        self.sources: dict[str | int, list[Text]] = {}
        self._reasons: dict[int, str] = {}
        self._identities: dict[int, str] = {}
        self._values: dict[int, VariableValue] = {}
        self._characters = 0

    def begin(self) -> None:
        """Count from zero."""
        self._characters = 0

    def reason(self, place: int) -> str:
        """Why the text at `place` is unknown."""
        return self._reasons.get(place, "it contains a NUL character")

    def why_unknown(self, text: Text) -> str:
        """Why a part of `text` is unknown; empty if all of it is known."""
        at = text.value.find(UNKNOWN)
        return "" if at < 0 else self.reason(text.offset(at))

    def count(self, characters: int) -> None:
        """Count characters of expanded text. Raises `TooLongError` above the limit."""
        self._characters += characters
        if self._characters > MAX_CHARACTERS:
            raise TooLongError

    def unknown(self, place: int, reason: str, identity: str = "") -> str:
        """The character that stands for unknown text at `place`."""
        self._reasons[place] = reason
        self._identities[place] = identity
        return UNKNOWN

    def identity(self, place: int) -> str:
        """A text for the unknown text at `place`, which is the same where the unknown text is certainly the same. Empty
        if that is not known.
        """
        return self._identities.get(place, "")

    def refer(self, place: int, variable: str | int) -> None:
        """Note that `variable` is used at `place`."""
        self.references.setdefault(place, set()).add(variable)

    def add_source(self, variable: str | int, value: VariableValue) -> None:
        source = value.source or value.text
        if source.file is self._file:
            self.sources.setdefault(variable, []).append(source)

    def put(self, place: int, value: VariableValue) -> str:
        """The text of a value that is used at `place`."""
        if value.reason:
            self._reasons[place] = value.reason
            self._identities[place] = self._identity_of(value)
        self.count(len(value.text))
        return value.text.value

    def _identity_of(self, value: VariableValue) -> str:
        if value.source is None:
            at = value.text.value.find(UNKNOWN)
            found = self.identity(value.text.offset(at))
            if found in (THE_FOLDER, THE_CURRENT_FOLDER) and value.text.value.count(UNKNOWN) == 1:
                return found
        # keeps the value, so that no other value gets its id
        self._values[id(value)] = value
        return f"\0{id(value)}\0"


class Builder:
    """Builds a text from pieces."""

    def __init__(self, file: str) -> None:
        self._pieces: list[str] = []
        self._offsets: array.array[int] = array.array("q")
        self._file = file

    def add(self, piece: str, place: int) -> None:
        """Add a piece whose characters all have the same place."""
        self._pieces.append(piece)
        self._offsets.extend([place] * len(piece))

    def extend(self, piece: str, places: t.Iterable[int]) -> None:
        self._pieces.append(piece)
        self._offsets.extend(places)

    def copy(self, text: Text, start: int, end: int) -> None:
        self._pieces.append(text.value[start:end])
        self._offsets.extend(text.offsets[start:end])

    def text(self, end: int) -> Text:
        return Text(value="".join(self._pieces), offsets=self._offsets, end=end, file=self._file)


def expand_line(line: Text, environment: Environment, origins: Origins) -> Text:
    """`line` with `%NAME%` replaced.

    Raises `SyntaxProblem` if it is not certain which parts of the line cmd.exe takes as names of variables.
    """
    value = line.value
    if "%" not in value:
        return line
    built = Builder(line.file)
    done = 0
    while (at := value.find("%", done)) >= 0:
        built.copy(line, done, at)
        match = _REFERENCE.match(value, at)
        if value.startswith("%~", at) and (match is None or not match["argument"]):
            raise SyntaxProblem(line.offset(at), "no argument, such as %~1, begins with this '%~'", certain=False)
        if match:
            done = match.end()
            built.add(_replacement(match, line, environment, origins), line.offset(at))
            continue
        # cmd.exe removes a percent sign without a partner
        done = at + 1
        colon = _TO_COLON.match(value, at)
        if colon:
            if _STRUCTURE.search(colon[0]) and not _REMARK.match(value):
                raise SyntaxProblem(line.offset(at), _LONE, certain=False)
            built.add(origins.unknown(line.offset(at), _LONE), line.offset(at))
            done = colon.end()
    built.copy(line, done, len(value))
    return built.text(line.end)


def _replacement(match: re.Match[str], line: Text, environment: Environment, origins: Origins) -> str:
    place = line.offset(match.start())
    if match["percent"]:
        return "%"
    if match["argument"]:
        return _argument(match["argument"], place, environment, origins)
    piece = named_value(match, line, environment, origins)
    certain = UNKNOWN not in piece or fold(match["name"]) in _COMPUTED
    if match["edit"] and not certain and "%" in match.string[match.end() :]:
        # without a value, the second percent sign begins a name
        rest = match.string[match.end() :]
        if _STRUCTURE.search(rest) and find_mention(rest) is not None:
            raise SyntaxProblem(
                place, f"the names in this line depend on whether {_shown(match)} has a value", certain=False
            )
    return piece


def named_value(match: re.Match[str], text: Text, environment: Environment, origins: Origins) -> str:
    """The value of the variable with the `name` and the `edit` of `match`, which is in `text`."""
    place = text.offset(match.start())
    shown = _shown(match)
    origins.refer(place, fold(match["name"]))
    value = environment.get(match["name"])
    edit = match["edit"]
    if edit:
        # what it adds may be a part of a key, too
        origins.refer(place, place)
        if place not in origins.sources:
            origins.add_source(place, VariableValue(text=text[match.start() : match.end()]))
    if isinstance(value, str):
        name = fold(match["name"])
        plain = value == _NOT_SET and not edit and not set(name) & set("\\/")
        identity = f"\0{name}\0" if plain else THE_CURRENT_FOLDER if name == "CD" and not edit else ""
        reason = f"it depends on {f'a part of {shown}' if edit else shown}, which {value}"
        return origins.unknown(place, reason, identity)
    if not edit:
        return origins.put(place, value)
    known = bool(value.text.value) and UNKNOWN not in value.text.value and UNKNOWN not in edit
    edited = edit_value(value.text.value, edit) if known else None
    if edited is None:
        return origins.unknown(place, f"it depends on a part of {shown}")
    origins.count(len(edited))
    return edited


def _argument(reference: str, place: int, environment: Environment, origins: Origins) -> str:
    # a name that no variable has
    origins.refer(place, "%")
    if reference.lower() == "~dp0":
        return origins.unknown(place, _FOLDER, THE_FOLDER)
    if len(reference.removeprefix("~")) > 1:
        return origins.unknown(place, "it depends on a part of a file name")
    text, reason = environment.arguments.get(reference)
    if reason:
        return origins.unknown(place, reason)
    origins.count(len(text))
    return text


def _shown(match: re.Match[str]) -> str:
    """The name of a variable for a message, unless it may be part of a key that contains percent signs."""
    before = match.string[match.start() - 1 : match.start()] if match.start() else ""
    after = match.string[match.end() : match.end() + 1]
    alone = before in ("", *" \t\"'=:,;(\\/") and after in ("", *" \t\"'=:,;)\\/.\r")
    mark = match[0][0]
    return f"{mark}{match['name']}{mark}" if alone and _PLAIN_NAME.fullmatch(match["name"]) else "a variable"


def expand_loops(text: Text, loops: t.Mapping[str, VariableValue], origins: Origins) -> Text:
    """`text` with `%i` and `%~i` replaced. In a file these are `%%i` and `%%~i`."""
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
        origins.refer(place, loops[name].loop)
        if changed:
            piece = origins.unknown(place, "it depends on a part of a file name")
        else:
            piece = origins.put(place, loops[name])
            if value[at + 1] == "~":
                piece = piece.removeprefix('"').removesuffix('"')
        built.add(piece, place)
        done = end
    built.copy(text, done, len(value))
    return built.text(text.end)


def _loop_reference(value: str, at: int, loops: t.Mapping[str, VariableValue]) -> tuple[str, bool, int]:
    """The variable after the '%' at `at`, whether only a part of its value is used, and where the reference ends. The
    variable is empty if there is none.
    """
    if value[at + 1 : at + 2] != "~":
        name = value[at + 1 : at + 2]
        return (name if name in loops else ""), False, at + 2
    letters = _LETTERS.match(value, at + 2)
    end = letters.end() if letters else at + 2
    if value[end : end + 1] in loops:
        return value[end], end > at + 2, end + 1
    # the last letter may be the variable
    if end > at + 2 and value[end - 1] in loops:
        return value[end - 1], end > at + 3, end
    return "", False, at + 1
