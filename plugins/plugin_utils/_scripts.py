# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Texts of files on the controller, most of them scripts: reads them, and warns about what is left out."""

from __future__ import annotations

import contextlib
import itertools
import typing as t

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.plugins.action import ActionBase
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ..module_utils._core.batch import Program, Script, decode
from ..module_utils._core.batch.scripts import commands_of
from ..module_utils._core.hints import brief, message, one_of, printable, some
from ..module_utils._core.model import ModelError
from ..module_utils._core.shape.fields import kind_of
from ..module_utils._core.shape.tried import no_such_option
from ..module_utils._core.source.mistakes import Mistakes
from ._old_core import decrypted
from ._options import OptionError

_SHOWN: t.Final = 20
_LONGEST_PATH: t.Final = 300
_UNSUPPORTED: t.Final = ("error", "ignore")
_display = Display()


@contextlib.contextmanager
def filter_errors(name: str) -> t.Iterator[None]:
    """Turn mistakes into errors of the filter `name`."""
    try:
        yield
    except ModelError as error:
        raise AnsibleFilterError(f"{name}: {message(error)}") from None


def read_file(action: ActionBase, name: str, encoding: str | None) -> str:
    """The text of a batch file, which is found like other files and decrypted if it is encrypted with Ansible Vault.

    Raises `OptionError`.
    """
    return _read(action._loader, lambda: action._find_needle("files", name), name, encoding)


def look_up(lookup: LookupBase, name: object, variables: t.Any, encoding: object = None, **others: object) -> str:
    """The text of a file for a lookup, found and decrypted like that of `read_file`. Raises `OptionError`."""
    if others:
        raise OptionError(f"script: {no_such_option(next(iter(others)), ('encoding',))}")
    if not isinstance(name, str):
        raise OptionError(f"script: expected the name of a file, not {kind_of(name)}")
    try:
        codec = _codec(encoding)
    except ModelError as error:
        raise OptionError(f"script: {error}") from None
    return _read(lookup._loader, lambda: lookup.find_file_in_search_path(variables, "files", name, True), name, codec)


def _read(loader: t.Any, find: t.Callable[[], t.Any], name: str, encoding: str | None) -> str:
    try:
        path = find()
        if path is None:
            raise AnsibleError("there is no such file in the search path")
        # a vault is decrypted in memory, while get_real_file would write a file
        data: bytes = loader._get_file_contents(path)[0]
    except AnsibleError as error:
        # Ansible adds advice about an option that this module does not have
        reason = str(error).partition("\nIf you are using a module")[0]
        raise OptionError(
            f"script: '{brief(name, _LONGEST_PATH)}' cannot be read: {brief(reason, _LONGEST_PATH)}"
        ) from None
    try:
        return decode(data, encoding)
    except ModelError as error:
        raise OptionError(f"script: '{name}': {error}") from None


def _codec(encoding: object) -> str | None:
    if encoding is not None and not isinstance(encoding, str | int):
        raise ModelError("encoding must be the name of an encoding or the number of a code page")
    return None if encoding is None else str(encoding)


def file_text(value: object, encoding: object, what: str) -> str:
    """The text of a file. Bytes that are not UTF-8, which the lookup `file` passes on until ansible-core 2.22, are
    decoded with `encoding`. `what` names the file in messages. Raises `ModelError`.
    """
    value = decrypted(value)
    if not isinstance(value, str):
        raise ModelError(f"expected the text of {what}, as the lookup 'file' returns it, not {kind_of(value)}")
    codec = _codec(encoding)
    try:
        data = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ModelError("the text has characters that cannot be encoded") from None
    return decode(data, codec)


def read_commands(value: object, encoding: object, unsupported: object, program: Program, mistakes: Mistakes) -> Script:
    """The script with only the commands of `program`. Raises `ModelError` if it has none; mistakes in commands are
    added to `mistakes`.
    """
    if unsupported not in _UNSUPPORTED:
        raise ModelError(f"unsupported must be {one_of(_UNSUPPORTED)}")
    script = commands_of(program, file_text(value, encoding, "a script"), unsupported == "ignore", mistakes)
    if not script.commands and not script.left_out and not mistakes:
        raise ModelError(f"the text has no {program} commands")
    return script


def warn_about(name: str, notes: t.Sequence[str], script: Script | None = None) -> None:
    """One warning for each kind of difference between a script and the result."""
    if notes:
        _display.warning(f"{name}: {printable(some(notes, _SHOWN, '; '))}")
    if script and script.left_out:
        reasons = [f"line {item.line}: {item.reason}" for item in script.left_out]
        _display.warning(f"{name} leaves out: {printable(some(reasons, _SHOWN, '; '))}")
    if script and script.left_alone:
        _display.warning(
            f"{name} ignores the commands of other programs in lines {some(_spans(script.left_alone), _SHOWN)}"
        )


def _spans(numbers: t.Iterable[int]) -> list[str]:
    """Numbers as ``3`` and ``5-7``."""
    found = []
    for _key, group in itertools.groupby(enumerate(sorted(set(numbers))), key=lambda pair: pair[1] - pair[0]):
        span = [number for _index, number in group]
        found.append(str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}")
    return found


def policies_of(value: object) -> list[t.Mapping[str, t.Any]]:
    """One policy or a list of them. Raises `ModelError`."""
    value = decrypted(value)
    if isinstance(value, t.Mapping):
        return [value]
    known = "expected a policy as ipsec_facts returns it, or a list of policies"
    if not isinstance(value, list | tuple):
        raise ModelError(f"{known}, not {kind_of(value)}")
    for index, item in enumerate(value):
        if not isinstance(item, t.Mapping):
            raise ModelError(f"{known}; item {index} of this list is {kind_of(item)}")
    return list(value)
