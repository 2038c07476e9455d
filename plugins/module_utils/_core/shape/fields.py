# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Typed access to the keys of a dictionary, and the error for mistakes in it."""

from __future__ import annotations

import datetime
import enum
import re
import typing as t

from ..hints import one_of
from ..model import GUID_PATTERN, ModelError
from .tried import no_such_option

_T = t.TypeVar("_T")
_Choice = t.TypeVar("_Choice", bound=enum.StrEnum)

_TRUE: t.Final = ("true", "yes", "on", "1", "y", "t")
_FALSE: t.Final = ("false", "no", "off", "0", "n", "f")


class ShapeError(ModelError):
    """A mistake in a dictionary. `path` is its place, as in `rules[0].filters[2]`; `problem` is the message without the
    place.

    `line`, `column` and `offset` are the place in a text that has the mistake, as in `SourceError`; None without one.
    """

    def __init__(self, path: str, problem: str, cause: ModelError | None = None) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem
        self.line: int | None = getattr(cause, "line", None)
        self.column: int | None = getattr(cause, "column", None)
        self.offset: int | None = getattr(cause, "offset", None)


class Fields:
    """A dictionary at a place, with typed access to its keys. Unknown keys raise `ShapeError` at once."""

    def __init__(self, value: object, path: str, allowed: t.Sequence[str]) -> None:
        if not isinstance(value, t.Mapping):
            raise ShapeError(
                path, f"expected a dictionary with keys such as {', '.join(allowed[:4])}, not {kind_of(value)}"
            )
        self.path = path
        self.value = {text_of(key, path) or "": item for key, item in value.items()}
        for key in self.value:
            if key not in allowed:
                raise ShapeError(path, no_such_option(key, allowed))

    def at(self, key: str, build: t.Callable[..., _T], *args: t.Any, **kwargs: t.Any) -> _T:
        """The result of `build`, whose errors get the place of `key`."""
        return at(self.place(key), build, *args, **kwargs)

    def place(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def get(self, key: str) -> t.Any:
        return self.value.get(key)

    def text(self, key: str) -> str | None:
        return text_of(self.get(key), self.place(key))

    def guid(self, key: str) -> str | None:
        text = self.text(key)
        if text is not None and not GUID_PATTERN.fullmatch(text):
            raise ShapeError(self.place(key), f"'{text}' is not an id; use a GUID in braces, as facts show it")
        return None if text is None else text.lower()

    def flag(self, key: str) -> bool | None:
        value = self.get(key)
        if value is None or isinstance(value, bool):
            return value
        word = text_of(value, self.place(key)) if isinstance(value, int) else value
        if isinstance(word, str) and (word := word.strip().casefold()) in (*_TRUE, *_FALSE):
            return word in _TRUE
        raise ShapeError(self.place(key), f"expected true or false, not {kind_of(value)}")

    def number(self, key: str) -> int | None:
        value = self.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and re.fullmatch("[0-9]{1,10}", value.strip()):
            return int(value)
        raise ShapeError(self.place(key), f"expected a whole number, not {kind_of(value)}")

    def word(self, key: str, default: str) -> str:
        """A text in lower case. An empty text, which a variable may be by mistake, raises `ShapeError`."""
        value = self.get(key)
        return default if value is None else word_of(value, self.place(key))

    def required(self, key: str) -> str:
        """As `word`, for a key that must be present."""
        if self.get(key) is None:
            raise ShapeError(self.place(key), "this is required")
        return self.word(key, "")

    def items(self, key: str) -> list[tuple[str, t.Any]] | None:
        """The items of a list with their places. A single text or dictionary is a list of one."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, str | t.Mapping):
            return [(self.place(key), value)]
        if not isinstance(value, list | tuple):
            raise ShapeError(self.place(key), f"expected a list, not {kind_of(value)}")
        return self._placed(key, value)

    def values(self, key: str) -> list[tuple[str, t.Any]]:
        """The values of a key that has one value or a list of them, with their places; none if the key is missing.
        An empty list, which a variable may be by mistake, raises `ShapeError`.
        """
        value = self.get(key)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            return [(self.place(key), value)]
        if not value:
            raise ShapeError(self.place(key), "this list is empty; give at least one value")
        return self._placed(key, value)

    def _placed(self, key: str, items: t.Sequence[t.Any]) -> list[tuple[str, t.Any]]:
        place = self.place(key)
        return [(f"{place}[{i}]", item) for i, item in enumerate(items)]


def at(path: str, build: t.Callable[..., _T], *args: t.Any, **kwargs: t.Any) -> _T:
    """The result of `build`, whose errors get the place `path`, if there is one, unless they have one."""
    try:
        return build(*args, **kwargs)
    except ShapeError:
        raise
    except ModelError as error:
        if not path:
            raise
        raise ShapeError(path, str(error), error) from None


def noting(path: str, notes: list[str], build: t.Callable[..., _T], value: str) -> _T:
    """The result of `build` for a text. Its notes get the place."""
    found: list[str] = []
    result = at(path, build, value, found)
    notes.extend(f"{path}: {note}" for note in found)
    return result


def choice(value: t.Mapping[str, t.Any], key: str, default: _Choice) -> _Choice:
    """The member of the enumeration of `default` that a key names."""
    given = value.get(key)
    if given is None:
        return default
    kind = type(default)
    if not isinstance(given, str) or given not in tuple(kind):
        found = f"'{given}'" if isinstance(given, str) else kind_of(given)
        raise ShapeError(key, f"expected {one_of(kind)}, not {found}")
    return kind(given)


def kind_of(value: object) -> str:
    """The type of a value for a message. The value itself may be a secret in the wrong place."""
    if isinstance(value, bool):
        return "true or false"
    names = (
        (str, "text"),
        (int, "a number"),
        (float, "a number with a fraction"),
        (datetime.date, "a date"),
        (t.Mapping, "a dictionary"),
        (list, "a list"),
    )
    return next(
        (name for type_, name in names if isinstance(value, type_)), "null" if value is None else "something else"
    )


def word_of(value: object, path: str) -> str:
    """A text in lower case."""
    return filled_text_of(value, path).strip().casefold()


def filled_text_of(value: object, path: str) -> str:
    """As `text_of`. None and an empty text raise `ShapeError`."""
    text = text_of(value, path)
    if text is None:
        raise ShapeError(path, "expected text, not null")
    if not text.strip():
        raise ShapeError(path, "this is empty; give a value or leave it out")
    return text


def text_of(value: object, path: str) -> str | None:
    """A text as it is, a number as its digits; None for None."""
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        # Python refuses to write numbers with thousands of digits
        if value.bit_length() > 64:
            raise ShapeError(path, "this number is too large")
        return str(value)
    quoting = isinstance(value, bool | float | datetime.date)
    hint = "; put it in quotes, as YAML reads it as another type" if quoting else ""
    raise ShapeError(path, f"expected text, not {kind_of(value)}{hint}")
