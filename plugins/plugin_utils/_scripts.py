# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Scripts of the controller: where their text comes from, and what is said of what they hold."""

from __future__ import annotations

import contextlib
import itertools
import typing as t

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.batch import Program, Script, decode
from ..module_utils.hints import brief, message, printable
from ..module_utils.model import ModelError
from ..module_utils.scripts import commands_of
from ..module_utils.shape.fields import kind_of
from ._options import OptionError

_SHOWN: t.Final = 20
_LONGEST_PATH: t.Final = 300
_UNSUPPORTED: t.Final = ("error", "ignore")
_display = Display()


@contextlib.contextmanager
def filter_errors(name: str) -> t.Iterator[None]:
    """Mistakes as errors of the filter `name`."""
    try:
        yield
    except ModelError as error:
        raise AnsibleFilterError(f"{name}: {message(error)}") from None


def read_file(action: ActionBase, name: str, encoding: str | None) -> str:
    """The text of a batch file, looked for as Ansible looks for files; one in a vault is decrypted.

    Raises `OptionError`, `ModelError`.
    """
    try:
        # latin-1 takes every byte; a vault is decrypted in memory, where get_real_file would make a file of it
        data = action._loader.get_text_file_contents(action._find_needle("files", name), "latin-1").encode("latin-1")
    except AnsibleError as error:
        # what Ansible adds is about an option that is not here
        reason = str(error).partition("\nIf you are using a module")[0]
        raise OptionError(
            f"script: '{brief(name, _LONGEST_PATH)}' cannot be read: {brief(reason, _LONGEST_PATH)}"
        ) from None
    try:
        return decode(data, encoding)
    except ModelError as error:
        raise OptionError(f"script: '{name}': {error}") from None


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
    """The script with the commands of `program` only, of which there must be one at least. Raises `ModelError`."""
    if unsupported not in _UNSUPPORTED:
        raise ModelError(f"unsupported is {' or '.join(_UNSUPPORTED)}")
    script = commands_of(program, script_text(value, encoding), unsupported == "ignore")
    if not script.commands and not script.left_out:
        raise ModelError(f"there is no command of {program.value} in this text")
    return script


def warn_about(name: str, notes: t.Sequence[str], script: Script | None = None) -> None:
    """One warning for each kind of thing that did not come out as it was written."""
    if notes:
        _display.warning(f"{name}: {printable(_some(notes))}")
    if script and script.left_out:
        reasons = [f"line {item.line}: {item.reason}" for item in script.left_out]
        _display.warning(f"{name} leaves out: {printable(_some(reasons))}")
    if script and script.left_alone:
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


def policies_of(value: object) -> list[t.Mapping[str, t.Any]]:
    """One policy or a list of them. Raises `ModelError`."""
    if isinstance(value, t.Mapping):
        return [value]
    known = "this takes a policy as ipsec_facts returns it, or a list of them"
    if not isinstance(value, list | tuple):
        raise ModelError(f"{known}, not {kind_of(value)}")
    for index, item in enumerate(value):
        if not isinstance(item, t.Mapping):
            raise ModelError(f"{known}; item {index} of this list is {kind_of(item)}")
    return list(value)
