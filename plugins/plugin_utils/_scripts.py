# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the filters that convert scripts share: from a text to the commands of one program, and what is said of it."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import typing as t

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ..module_utils.batch import LeftOut, Program, Script, decode, read_script
from ..module_utils.model import ModelError

_SHOWN: t.Final = 20
_UNSUPPORTED: t.Final = ("error", "ignore")
_display = Display()


@contextlib.contextmanager
def filter_errors(name: str) -> t.Iterator[None]:
    """Mistakes as errors of the filter `name`."""
    try:
        yield
    except ModelError as error:
        raise AnsibleFilterError(f"{name}: {error}") from None


def script_text(value: object, encoding: object = None) -> str:
    """The text of a script. What came as bytes of another encoding than UTF-8, as the lookup `file` passes them on, is
    decoded anew. Raises `ModelError`.
    """
    if not isinstance(value, str):
        raise ModelError("this takes the text of a script, as from the lookup 'file'")
    if encoding is not None and not isinstance(encoding, str | int):
        raise ModelError("encoding is the name of an encoding, or the number of a code page")
    try:
        data = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ModelError("this text has characters that no file has") from None
    return decode(data, None if encoding is None else str(encoding))


def read_commands(value: object, encoding: object, unsupported: object, program: Program) -> Script:
    """The script with the commands of `program` only. Those of the other are an error, or left out. Raises
    `ModelError`.
    """
    if unsupported not in _UNSUPPORTED:
        raise ModelError(f"unsupported is {' or '.join(_UNSUPPORTED)}")
    ignore = unsupported == "ignore"
    script = read_script(script_text(value, encoding), ignore)
    others = [command for command in script.commands if command.program is not program]
    reason = "a command of {0}, which the filter from_{0} converts"
    if others and not ignore:
        raise others[0].text.error(
            0, f"this is {reason.format(others[0].program.value)}; unsupported=ignore leaves it out"
        )
    left_out = [LeftOut(other.text.line(), reason.format(other.program.value)) for other in others]
    return dataclasses.replace(
        script,
        commands=tuple(command for command in script.commands if command.program is program),
        left_out=tuple(sorted((*script.left_out, *left_out), key=lambda item: item.line)),
    )


def warn_about(name: str, script: Script, notes: t.Sequence[str]) -> None:
    """One warning for each kind of thing that did not come out as it was written."""
    if notes:
        _display.warning(f"{name}: {_some(notes)}")
    if script.left_out:
        reasons = [f"line {item.line}: {item.reason}" for item in script.left_out]
        _display.warning(f"{name} leaves out: {_some(reasons)}")
    if script.left_alone:
        _display.warning(
            f"{name}: other programs run in lines {_some(_spans(script.left_alone))}, which nothing is made of"
        )


def _some(items: t.Sequence[str]) -> str:
    more = f"; and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return "; ".join(items[:_SHOWN]) + more


def _spans(numbers: t.Iterable[int]) -> list[str]:
    """Numbers as ``3`` and ``5-7``."""
    found = []
    for _key, group in itertools.groupby(enumerate(sorted(set(numbers))), key=lambda pair: pair[1] - pair[0]):
        span = [number for _index, number in group]
        found.append(str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}")
    return found
