# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Batch files of the controller, and what the filters that read them have in common."""

from __future__ import annotations

import functools
import pathlib
import typing as t

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.batch import decode
from ..module_utils.model import ModelError
from ..module_utils.scripts import ProgramScript
from ..module_utils.shape.fields import kind_of
from ._options import OptionError

_display = Display()


def read_file(action: ActionBase, name: str, encoding: str | None) -> str:
    """The text of a batch file, looked for as Ansible looks for files; one in a vault is decrypted.

    Raises `OptionError`, `ModelError`.
    """
    try:
        path = action._loader.get_real_file(action._find_needle("files", name))
        try:
            data = pathlib.Path(path).read_bytes()
        finally:
            action._loader.cleanup_tmp_file(path)
    except (AnsibleError, OSError) as error:
        raise OptionError(f"script: '{name}' cannot be read: {error}") from None
    try:
        return decode(data, encoding)
    except ModelError as error:
        raise OptionError(f"script: '{name}': {error}") from None


def script_text(value: object, encoding: str | None) -> str:
    """A batch file as a variable or a lookup of a file has it: what is no UTF-8 came through as surrogates.

    Raises `ModelError`.
    """
    if isinstance(value, bytes):
        return decode(value, encoding)
    if not isinstance(value, str):
        raise ModelError(f"this takes the text of a command or of a batch file, not {kind_of(value)}")
    return decode(value.encode("utf-8", "surrogateescape"), encoding)


def warn(notes: t.Iterable[str], script: ProgramScript | None = None) -> None:
    """Say what a filter has not converted."""
    if script and script.left_alone:
        lines = ", ".join(map(str, script.left_alone))
        _display.warning(f"lines with other commands are left alone: {lines}")
    for left in script.left_out if script else ():
        _display.warning(f"line {left.line} is left out: {left.reason}")
    for note in notes:
        _display.warning(note)


def policies_of(value: object) -> list[t.Mapping[str, t.Any]]:
    """One policy or a list of them. Raises `ModelError`."""
    if isinstance(value, t.Mapping):
        return [value]
    if isinstance(value, list | tuple) and all(isinstance(item, t.Mapping) for item in value):
        return list(value)
    raise ModelError(f"this takes a policy as ipsec_facts returns it, or a list of them, not {kind_of(value)}")


_P = t.ParamSpec("_P")
_R = t.TypeVar("_R")


def a_filter(convert: t.Callable[_P, _R]) -> t.Callable[_P, _R]:
    """`convert` as a filter of Ansible: its errors are those of a template."""

    @functools.wraps(convert)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return convert(*args, **kwargs)
        except ModelError as error:
            raise AnsibleFilterError(str(error)) from None

    return wrapped


def chosen(option: str, value: object, choices: t.Sequence[str]) -> str:
    """`value`, which must be one of `choices`. Raises `ModelError`."""
    if value not in choices:
        raise ModelError(f"{option} is one of {', '.join(choices)}")
    return str(value)
