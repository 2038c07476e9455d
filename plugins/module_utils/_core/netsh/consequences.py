# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs commands one after the other and collects their mistakes, without those that follow from earlier ones."""

from __future__ import annotations

import typing as t

from ..model import ModelError
from ..shape.fields import ShapeError
from ..source.mistakes import Mistakes
from ..source.text import SourceError, Text
from ..source.words import split_words
from ..store.casing import fold
from .grammar import NetshCommand

_NAMES: t.Final = ("name", "newname", "policy", "filterlist", "filteraction", "mmpolicy", "qmpolicy")


class Attempts:
    """Once a command has failed, nothing is certain about what it names. An error about such a name is not a mistake of
    the command that has it.
    """

    def __init__(self, mistakes: Mistakes) -> None:
        self._mistakes = mistakes
        self._unsure: set[str] = set()
        # whether a failed command may have been about anything
        self._all_unsure = False
        for text in mistakes.failed:
            self._note_words(text)

    def run(self, command: NetshCommand, call: t.Callable[..., None], *args: t.Any, place: str = "") -> None:
        """Call for `command`, which may be the item `place` of a list, and collect its error."""
        try:
            call(*args)
        except SourceError as error:
            if not self._follows(error, command):
                self._mistakes.add(ShapeError(place, str(error), error) if place else error, command.text)
            self._unsure.update(_names_of(command))
            self._all_unsure = self._all_unsure or command.everything

    def _note_words(self, text: Text) -> None:
        """Note all words of a command that could not be parsed."""
        try:
            words = [word.value for word in split_words(text)]
        except ModelError:
            self._all_unsure = True
            return
        self._unsure.update(fold(word.rpartition("=")[2]) for word in words)
        self._all_unsure = self._all_unsure or "\0" in text.value or any(word.casefold() == "all" for word in words)

    def _follows(self, error: SourceError, command: NetshCommand) -> bool:
        """Whether the error may be a consequence of an earlier one."""
        at = next((found for found in command.arguments if _has(found.value, error.offset)), None)
        names = _names_of(command) if at is None else {fold(at.value.value)} if at.name in _NAMES else set()
        if at is None and command.everything:
            return bool(self._mistakes)
        return bool(names) and (self._all_unsure or not names.isdisjoint(self._unsure))


def _names_of(command: NetshCommand) -> set[str]:
    return {fold(argument.value.value) for argument in command.arguments if argument.name in _NAMES}


def _has(value: Text, offset: int) -> bool:
    return value.offset(0) <= offset <= value.end
