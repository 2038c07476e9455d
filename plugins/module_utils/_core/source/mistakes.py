# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Collects the mistakes of a script, so that one message has all of them."""

from __future__ import annotations

import contextlib
import typing as t

from ..model import ModelError
from .text import SourceError, Text

_T = t.TypeVar("_T")
_SHOWN: t.Final = 20


class SourceErrors(SourceError):
    """Several mistakes in a file. The place and the problem are those of the first one."""

    def __init__(self, first: SourceError, text: str) -> None:
        super().__init__(first.file, first.offset, first.problem)
        self._text = text

    def __str__(self) -> str:
        return self._text


class Mistakes:
    """Errors and the commands that have them. `failed` are these commands."""

    def __init__(self) -> None:
        self.failed: list[Text] = []
        self._errors: list[ModelError] = []

    def __bool__(self) -> bool:
        return bool(self._errors)

    def add(self, error: ModelError, command: Text | None = None) -> None:
        """Add an error of `command`."""
        self._errors.append(error)
        if command is not None:
            self.failed.append(command)

    def collect(self, command: Text | None, call: t.Callable[..., _T], *args: t.Any) -> _T | None:
        """The result of `call` for `command`; None if it raises an error, which is added."""
        try:
            return call(*args)
        except ModelError as error:
            self.add(error, command)
            return None

    def raise_all(self) -> None:
        """Raise the only error, or one with the first errors in the order of the file. Without errors, do nothing."""
        unique = dict(map(_keyed, self._errors)).values()
        files = {file: index for index, file in enumerate(dict.fromkeys(map(_file, unique)))}
        errors = sorted(unique, key=lambda error: (files[_file(error)], getattr(error, "offset", 0) or 0))
        if not errors:
            return
        first = errors[0]
        if len(errors) == 1:
            raise first
        more = len(errors) - _SHOWN
        shown = [f"{len(errors)} mistakes:", *map(str, errors[:_SHOWN])]
        text = "\n".join([*shown, f"and {more} more"] if more > 0 else shown)
        raise SourceErrors(first, text) if isinstance(first, SourceError) else ModelError(text)


def _keyed(error: ModelError) -> tuple[object, ModelError]:
    """The error with a key, which is the same for each run of a command in a loop."""
    return ((error.file, error.offset, error.problem) if isinstance(error, SourceError) else str(error)), error


def _file(error: ModelError) -> str:
    """The file; for a command in a list, the whole error, as each is a text of its own."""
    return error.file if isinstance(error, SourceError) else str(error)


@contextlib.contextmanager
def collecting(mistakes: Mistakes | None) -> t.Iterator[Mistakes]:
    """`mistakes`, which the caller raises; without them, new ones, which are raised at the end."""
    if mistakes is not None:
        yield mistakes
        return
    found = Mistakes()
    yield found
    found.raise_all()
