# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A dictionary of the shape at its place: typed access to its keys, and the one kind of error."""

from __future__ import annotations

import datetime
import re
import typing as t

from ..hints import nearest
from ..model import GUID_PATTERN, ModelError

_T = t.TypeVar("_T")

_TRUE = ("true", "yes", "on", "1", "y", "t")
_FALSE = ("false", "no", "off", "0", "n", "f")


class ShapeError(ModelError):
    """A mistake at a place, which the text begins with, as in `rules[0].filters[2]`."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)


class Fields:
    """A dictionary at a place, with typed access to its keys. Keys it should not have are refused at once."""

    def __init__(self, value: object, path: str, allowed: t.Sequence[str]) -> None:
        if not isinstance(value, t.Mapping):
            raise ShapeError(
                path, f"this must be a dictionary with keys like {', '.join(allowed[:4])}, not {kind_of(value)}"
            )
        self.path = path
        self.value = {text_of(key, path) or "": item for key, item in value.items()}
        for key in self.value:
            if key not in allowed:
                raise ShapeError(path, no_such_option(key, allowed))

    def at(self, key: str, build: t.Callable[..., _T], *args: t.Any, **kwargs: t.Any) -> _T:
        """What `build` makes of the arguments; its errors get the place of `key`."""
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
            raise ShapeError(self.place(key), f"'{text}' is no id; an id is a GUID in braces, as facts show it")
        return None if text is None else text.lower()

    def flag(self, key: str) -> bool | None:
        value = self.get(key)
        if value is None or isinstance(value, bool):
            return value
        word = text_of(value, self.place(key)) if isinstance(value, int) else value
        if isinstance(word, str) and (word := word.strip().casefold()) in (*_TRUE, *_FALSE):
            return word in _TRUE
        raise ShapeError(self.place(key), f"this must be true or false, not {kind_of(value)}")

    def number(self, key: str) -> int | None:
        value = self.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and re.fullmatch("[0-9]{1,10}", value.strip()):
            return int(value)
        raise ShapeError(self.place(key), f"this must be a whole number, not {kind_of(value)}")

    def word(self, key: str, default: str) -> str:
        """A text whose case does not matter. An empty one, as a variable may be by mistake, is refused."""
        text = self.text(key)
        if text is not None and not text.strip():
            raise ShapeError(self.place(key), "this is empty; give a value, or leave it out")
        return default if text is None else text.strip().casefold()

    def required(self, key: str) -> str:
        """As `word`, and it must be there."""
        if self.get(key) is None:
            raise ShapeError(self.place(key), "this is missing")
        return self.word(key, "")

    def items(self, key: str) -> list[tuple[str, t.Any]] | None:
        """The items of a list with their places. A single text or dictionary stands for a list of one."""
        value = self.get(key)
        if value is None:
            return None
        if isinstance(value, str | t.Mapping):
            return [(self.place(key), value)]
        if not isinstance(value, list | tuple):
            raise ShapeError(self.place(key), f"this must be a list, not {kind_of(value)}")
        return [(f"{self.place(key)}[{i}]", item) for i, item in enumerate(value)]


def no_such_option(name: str, known: t.Sequence[str]) -> str:
    """The error for an option that does not exist."""
    near = nearest(name, known)
    hint = f"did you mean '{near}'?" if near else f"it has {', '.join(known) or 'none'}"
    return f"there is no option '{name}' here; {hint}"


def at(path: str, build: t.Callable[..., _T], *args: t.Any, **kwargs: t.Any) -> _T:
    """What `build` makes of the arguments; its errors get the place `path`."""
    try:
        return build(*args, **kwargs)
    except ShapeError:
        raise
    except ModelError as error:
        raise ShapeError(path, str(error)) from None


def noting(path: str, notes: list[str], build: t.Callable[..., _T], value: str) -> _T:
    """What `build` makes of a text; what it notes gets the place."""
    found: list[str] = []
    result = at(path, build, value, found)
    notes.extend(f"{path}: {note}" for note in found)
    return result


def kind_of(value: object) -> str:
    """What a value is, without showing it: it may be a secret in the wrong place."""
    if isinstance(value, bool):
        return "true or false"
    names = (
        (str, "a text"),
        (int, "a number"),
        (float, "a number with a fraction"),
        (datetime.date, "a date"),
        (t.Mapping, "a dictionary"),
        (list, "a list"),
    )
    return next(
        (name for type_, name in names if isinstance(value, type_)), "null" if value is None else "something else"
    )


def text_of(value: object, path: str) -> str | None:
    """A text as it is, and a number as its digits; None for nothing."""
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        # Python refuses to write numbers of thousands of digits
        if value.bit_length() > 64:
            raise ShapeError(path, "this number is too large")
        return str(value)
    quoting = isinstance(value, bool | float | datetime.date)
    hint = "; YAML takes some words for that unless they are quoted" if quoting else ""
    raise ShapeError(path, f"this must be a text, not {kind_of(value)}{hint}")
