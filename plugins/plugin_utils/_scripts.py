# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Texts of files on the controller, most of them scripts: reads them, and warns about what is left out."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import typing as t

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._core.batch import Outside, Program, Script, decode, file_key
from ..module_utils._core.batch.scripts import commands_of
from ..module_utils._core.hints import brief, message, one_of, printable, some
from ..module_utils._core.model import ModelError
from ..module_utils._core.shape.fields import at, kind_of
from ..module_utils._core.store.casing import fold
from ._old_core import decrypted
from ._options import OptionError

_SHOWN: t.Final = 20
_LONGEST_PATH: t.Final = 300
_UNSUPPORTED: t.Final = ("error", "ignore")
_display = Display()

SCRIPT_VALUES: t.Final = ("arguments", "variables")
"""Options of a script that `script_of` reads as they are."""


@contextlib.contextmanager
def filter_errors(name: str) -> t.Iterator[None]:
    """Turn mistakes into errors of the filter `name`."""
    try:
        yield
    except ModelError as error:
        raise AnsibleFilterError(f"{name}: {message(error)}") from None


def script_of(action: ActionBase, options: t.Mapping[str, t.Any], program: Program) -> Script:
    """The script that the options of the fragment `script` describe, with only the commands of `program`.

    Raises `OptionError` and `ModelError`.
    """
    try:
        path = action._find_needle("files", options["script"])
    except AnsibleError as error:
        raise _unreadable(options["script"], error) from None
    text = _read(action, path, options["script"], options["encoding"])

    def read(name: str) -> str | None:
        return _read_beside(action, pathlib.Path(path).parent, name, options["encoding"])

    outside = _outside(options["arguments"], options["variables"], read)
    script = commands_of(program, text, options["unsupported"] == "ignore", outside)
    refuse_empty(script, program)
    return script


def _unreadable(name: str, error: Exception) -> OptionError:
    # Ansible adds advice about an option that this module does not have
    reason = str(error).partition("\nIf you are using a module")[0]
    return OptionError(f"script: '{brief(name, _LONGEST_PATH)}' cannot be read: {brief(reason, _LONGEST_PATH)}")


def _read(action: ActionBase, path: str, name: str, encoding: str | None) -> str:
    """The text of a file, which is decrypted if it is encrypted with Ansible Vault."""
    try:
        # a vault is decrypted in memory, while get_real_file would write a file
        data: bytes = action._loader._get_file_contents(path)[0]
        return decode(data, encoding)
    except AnsibleError as error:
        raise _unreadable(name, error) from None
    except ModelError as error:
        raise OptionError(f"script: '{name}': {error}") from None


def _read_beside(action: ActionBase, folder: pathlib.Path, name: str, encoding: str | None) -> str | None:
    """The text of a file beside a script, by its name on Windows; None if there is none."""
    if ":" in name or name.startswith("\\"):
        return None
    path = folder
    for part in name.split("\\"):
        found = [entry for entry in path.iterdir() if fold(entry.name) == fold(part)] if path.is_dir() else []
        if len(found) > 1:
            raise OptionError(f"script: several files beside it have the name '{brief(part, _LONGEST_PATH)}'")
        if not found:
            return None
        (path,) = found
    return _read(action, str(path), path.name, encoding) if path.is_file() else None


def _outside(arguments: object, variables: object, read: t.Callable[[str], str | None]) -> Outside:
    """Raises `ModelError`."""
    if arguments is not None and not isinstance(arguments, list | tuple):
        raise ModelError(f"arguments: expected a list of texts, not {kind_of(arguments)}")
    if variables is not None and not isinstance(variables, t.Mapping):
        raise ModelError(f"variables: expected a dictionary, not {kind_of(variables)}")
    given = None if arguments is None else [_value(f"arguments[{i}]", item) for i, item in enumerate(arguments)]
    values = {str(name): _value(f"variables.{name}", value) for name, value in (variables or {}).items()}
    return Outside.of(given, values, read)


def _value(place: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ModelError(f"{place}: expected a text or a number, not {kind_of(value)}")
    return str(value)


def refuse_empty(script: Script, program: Program) -> None:
    """Raise `ModelError` for a script of which no command is left."""
    if script.commands:
        return
    if not script.left_out:
        raise ModelError(f"the text has no {program} commands")
    raise ModelError(f"no {program} command of the script is left; left out: {_reasons(script)}")


def file_text(value: object, encoding: object, what: str) -> str:
    """The text of a file. Bytes that are not UTF-8, which the lookup `file` passes on, are decoded with `encoding`.
    `what` names the file in messages. Raises `ModelError`.
    """
    value = decrypted(value)
    if not isinstance(value, str):
        raise ModelError(f"expected the text of {what}, as the lookup 'file' returns it, not {kind_of(value)}")
    if encoding is not None and not isinstance(encoding, str | int):
        raise ModelError("encoding must be the name of an encoding or the number of a code page")
    try:
        data = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ModelError("the text has characters that cannot be encoded") from None
    return decode(data, None if encoding is None else str(encoding))


def read_commands(
    value: object,
    program: Program,
    *,
    encoding: object,
    unsupported: object,
    arguments: object,
    variables: object,
    files: object,
) -> Script:
    """The script in a text with only the commands of `program`, of which it must have at least one. The options are
    those of the filters. Raises `ModelError`.
    """
    if unsupported not in _UNSUPPORTED:
        raise ModelError(f"unsupported must be {one_of(_UNSUPPORTED)}")
    outside = _outside(decrypted(arguments), decrypted(variables), _texts(files, encoding).get)
    text = file_text(value, encoding, "a script")
    script = commands_of(program, text, unsupported == "ignore", outside)
    refuse_empty(script, program)
    return script


def _texts(files: object, encoding: object) -> dict[str, str]:
    """The option files of a filter, by the names that scripts use for them."""
    if files is None:
        return {}
    if not isinstance(files, t.Mapping):
        raise ModelError(f"files: expected a dictionary, not {kind_of(files)}")
    return {
        file_key(str(name)): at(f"files.{brief(str(name), _LONGEST_PATH)}", file_text, text, encoding, "a file")
        for name, text in files.items()
    }


def warn_about(name: str, notes: t.Sequence[str], script: Script | None = None) -> None:
    """One warning for each kind of difference between a script and the result."""
    if notes:
        _display.warning(f"{name}: {printable(some(notes, _SHOWN, '; '))}")
    if script and script.left_out:
        _display.warning(f"{name} leaves out: {_reasons(script)}")
    if script and script.left_alone:
        _display.warning(
            f"{name} ignores the commands of other programs in lines {some(_spans(script.left_alone), _SHOWN)}"
        )


def _reasons(script: Script) -> str:
    reasons = [f"line {item.line}: {item.reason}" for item in script.left_out]
    return printable(some(reasons, _SHOWN, "; "))


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
