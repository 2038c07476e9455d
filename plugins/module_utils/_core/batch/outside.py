# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a batch file takes from outside: its arguments, variables of the host or the caller, and other files."""

from __future__ import annotations

import copy
import dataclasses
import re
import typing as t

from ..model import ModelError
from ..store.casing import fold

_LINE_ENDS: t.Final = re.compile("[\0\r\n]")
# outside quotes, cmd.exe would end the argument or the command there
_NEEDS_QUOTES: t.Final = re.compile(r"[\s,;=&|<>^()\xa0]")
_NOT_GIVEN: t.Final = "it depends on an argument of the batch file; the option arguments gives it"


def _no_file(_name: str) -> str | None:
    return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """`arguments` are as typed, with quotes where they are needed; None if they are not known. `variables` have folded
    names. `read` returns the text of a file by its name relative to the folder of the script; None if there is none.
    """

    arguments: tuple[str, ...] | None = None
    variables: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    read: t.Callable[[str], str | None] = _no_file

    @classmethod
    def of(
        cls,
        arguments: t.Sequence[str] | None,
        variables: t.Mapping[str, str] | None,
        read: t.Callable[[str], str | None] = _no_file,
    ) -> Outside:
        """Raises `ModelError` for what no caller can pass."""
        for index, argument in enumerate(arguments or ()):
            if _LINE_ENDS.search(argument):
                raise ModelError(f"arguments[{index}]: an argument has a single line")
        found: dict[str, str] = {}
        for name, value in (variables or {}).items():
            if not name or "=" in name or "%" in name or _LINE_ENDS.search(name):
                raise ModelError("variables: the name of a variable has one line, without '=' and '%'")
            if _LINE_ENDS.search(value):
                raise ModelError(f"variables.{name}: the value of a variable has a single line")
            if fold(name) in found:
                raise ModelError(f"variables: '{name}' is given twice; Windows ignores the case of names")
            found[fold(name)] = value
        typed = None if arguments is None else tuple(map(_typed, arguments))
        return cls(arguments=typed, variables=found, read=read)


def _typed(argument: str) -> str:
    """The argument as it is typed on a command line."""
    quoted = len(argument) > 1 and argument[0] == argument[-1] == '"'
    return f'"{argument}"' if not quoted and (not argument or _NEEDS_QUOTES.search(argument)) else argument


NOTHING_OUTSIDE: t.Final = Outside()


class Arguments:
    """`%1` and the like, and what ``shift`` makes of them."""

    def __init__(self, given: tuple[str, ...] | None) -> None:
        self._all = "" if given is None else " ".join(given)
        # the first is the name of the script, which is not known
        self._shifted: list[str | None] = [None, *(given or ())]
        self._unknown = _NOT_GIVEN if given is None else ""

    def copy(self) -> Arguments:
        copied = copy.copy(self)
        copied._shifted = list(self._shifted)
        return copied

    def get(self, reference: str) -> tuple[str, str]:
        """The text of `1`, `~1` or `*`, and why it is unknown."""
        if self._unknown:
            return "", self._unknown
        if reference == "*":
            return self._all, ""
        number = int(reference[-1])
        found = self._shifted[number] if number < len(self._shifted) else ""
        if found is None:
            return "", "it depends on the name of the batch file"
        return (found.removeprefix('"').removesuffix('"') if reference[0] == "~" else found), ""

    def shift(self, first: int) -> None:
        """``shift``, from the argument with the number `first` on."""
        del self._shifted[first : first + 1]

    def forget(self, reason: str) -> None:
        """From here on, the arguments are unknown."""
        self._unknown = self._unknown or reason
