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
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ..module_utils._core.batch import Outside, Program, Script, decode, file_key
from ..module_utils._core.batch.scripts import commands_of
from ..module_utils._core.hints import brief, message, one_of, printable, some
from ..module_utils._core.model import ModelError
from ..module_utils._core.shape.domains import DomainStore, read_domain
from ..module_utils._core.shape.fields import at, kind_of
from ..module_utils._core.shape.tried import no_such_option
from ..module_utils._core.source.mistakes import Mistakes
from ..module_utils._core.source.text import Text
from ..module_utils._core.store.casing import fold
from ._old_core import decrypted
from ._options import OptionError

_SHOWN: t.Final = 20
_LONGEST_PATH: t.Final = 300
_UNSUPPORTED: t.Final = ("error", "ignore")
_display = Display()

REGISTRY: t.Final = "registry"
_DOMAIN: t.Final = "domain"
"""The values of the option `store` of filters."""

COMMAND_OPTIONS: t.Final = ("command", "commands")
"""Options of a module for commands that `command_texts` reads as they are."""
SCRIPT_VALUES: t.Final = ("arguments", "variables")
"""Options of a script that `script_of` reads as they are."""


@contextlib.contextmanager
def filter_errors(name: str) -> t.Iterator[None]:
    """Turn mistakes into errors of the filter `name`."""
    try:
        yield
    except ModelError as error:
        raise AnsibleFilterError(f"{name}: {message(error)}") from None


def look_up(lookup: LookupBase, name: object, variables: t.Any, encoding: object = None, **others: object) -> str:
    """The text of a file for a lookup, found and decrypted like the script of a module. Raises `OptionError`."""
    if others:
        raise OptionError(f"script: {no_such_option(next(iter(others)), ('encoding',))}")
    if not isinstance(name, str):
        raise OptionError(f"script: expected the name of a file, not {kind_of(name)}")
    try:
        codec = _codec(encoding)
    except ModelError as error:
        raise OptionError(f"script: {error}") from None
    path = _find(lambda: lookup.find_file_in_search_path(variables, "files", name, True), name)
    return _read(lookup._loader, path, name, codec)


def script_of(action: ActionBase, options: t.Mapping[str, t.Any], program: Program, mistakes: Mistakes) -> Script:
    """The script that the options of the fragment `script` describe, with only the commands of `program`. Mistakes in
    commands are added to `mistakes`.

    Raises `OptionError` and `ModelError`.
    """
    name, encoding = options["script"], options["encoding"]
    path = _find(lambda: action._find_needle("files", name), name)
    text = _read(action._loader, path, name, encoding)

    def read(name: str) -> str | None:
        return _read_beside(action, pathlib.Path(path).parent, name, encoding)

    outside = _outside(options["arguments"], options["variables"], read)
    script = commands_of(program, text, options["unsupported"] == "ignore", mistakes, outside)
    refuse_empty(script, program, mistakes)
    return script


def command_texts(options: t.Mapping[str, t.Any]) -> list[str] | None:
    """The texts of `command` or `commands`; None if the commands are in a script. Raises `OptionError`."""
    given = [name for name in (*COMMAND_OPTIONS, "script") if options[name] is not None]
    if len(given) != 1:
        raise OptionError("give exactly one of command, commands and script")
    if given == ["script"]:
        return None
    for name in SCRIPT_VALUES:
        if options[name] is not None:
            raise OptionError(f"{name} is for a script; write its values into the command line")
    if given == ["command"]:
        return [_command("command", options["command"])]
    texts = options["commands"] if isinstance(options["commands"], list) else [options["commands"]]
    return [_command(f"commands[{i}]", text) for i, text in enumerate(texts)]


def _command(place: str, value: object) -> str:
    if not isinstance(value, str):
        raise OptionError(f"{place}: expected a command line, not {kind_of(value)}")
    return value


def rest_of(script: Script) -> dict[str, t.Any]:
    """What the result of a module has of the rest of a script."""
    left_out = [{"line": left.line, "reason": left.reason} for left in script.left_out]
    return {"left_alone": list(script.left_alone), "left_out": left_out}


def _find(find: t.Callable[[], str | None], name: str) -> str:
    try:
        path = find()
        if path is None:
            raise AnsibleError("there is no such file in the search path")
        return path
    except AnsibleError as error:
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: Exception) -> OptionError:
    # Ansible adds advice about an option that this module does not have
    reason = str(error).partition("\nIf you are using a module")[0]
    return OptionError(f"script: '{brief(name, _LONGEST_PATH)}' cannot be read: {brief(reason, _LONGEST_PATH)}")


def _read(loader: t.Any, path: str, name: str, encoding: str | None) -> str:
    """The text of a file, which is decrypted if it is encrypted with Ansible Vault."""
    try:
        # a vault is decrypted in memory, while get_real_file would write a file
        data: bytes = loader._get_file_contents(path)[0]
        return decode(data, encoding)
    except AnsibleError as error:
        raise _unreadable(name, error) from None
    except ModelError as error:
        raise OptionError(f"script: '{name}': {error}") from None


def _codec(encoding: object) -> str | None:
    if encoding is not None and not isinstance(encoding, str | int):
        raise ModelError("encoding must be the name of an encoding or the number of a code page")
    return None if encoding is None else str(encoding)


def _read_beside(action: ActionBase, folder: pathlib.Path, name: str, encoding: str | None) -> str | None:
    """The text of a file beside a script, by its name on Windows; None if there is none."""
    if ":" in name or name.startswith("\\"):
        return None
    path = folder
    for part in name.split("\\"):
        try:
            found = [entry for entry in path.iterdir() if fold(entry.name) == fold(part)] if path.is_dir() else []
        except OSError as error:
            raise OptionError(f"script: the folder of '{brief(name, _LONGEST_PATH)}' cannot be read: {error}") from None
        if len(found) > 1:
            raise OptionError(f"script: several files in its folder have the name '{brief(part, _LONGEST_PATH)}'")
        if not found:
            return None
        (path,) = found
    return _read(action._loader, str(path), path.name, encoding) if path.is_file() else None


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


def refuse_empty(script: Script, program: Program, mistakes: Mistakes | None = None) -> None:
    """Raise `ModelError` for a script of which no command is left, unless it has mistakes."""
    if script.commands or mistakes:
        return
    if not script.left_out:
        raise ModelError(f"the text has no {program} commands")
    raise ModelError(f"no {program} command of the script is left; left out: {_reasons(script)}")


def refuse_no_tasks(tasks: t.Sequence[object], program: Program) -> None:
    """Raise `ModelError` for commands that change no policy, of which no task can be made."""
    if not tasks:
        module = "netsh_ipsec" if program is Program.NETSH else "ipseccmd"
        raise ModelError(
            f"the {program} commands of the script change no policy, so there is no task to make of them; the module "
            f"{module} runs commands on what a host has stored"
        )


def refuse_no_rules(rules: t.Sequence[object], program: Program) -> None:
    """Raise `ModelError` for commands that leave no dynamic rule."""
    if not rules:
        raise ModelError(
            f"the {program} commands of the script leave no dynamic rule; ipsec_dynamic deletes rules with "
            "'state: absent' and 'state: flushed'"
        )


def flag_of(name: str, value: object) -> bool:
    """An option of a filter that is true or false. Raises `ModelError`."""
    if not isinstance(value, bool):
        raise ModelError(f"{name} must be true or false")
    return value


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


def read_commands(
    value: object,
    program: Program,
    mistakes: Mistakes,
    *,
    encoding: object,
    unsupported: object,
    arguments: object,
    variables: object,
    files: object,
) -> Script:
    """The script in a text with only the commands of `program`, of which it must have at least one. The options are
    those of the filters. Mistakes in commands are added to `mistakes`; raises `ModelError` for others.
    """
    if unsupported not in _UNSUPPORTED:
        raise ModelError(f"unsupported must be {one_of(_UNSUPPORTED)}")
    outside = _outside(decrypted(arguments), decrypted(variables), _texts(files, encoding).get)
    text = file_text(value, encoding, "a script")
    script = commands_of(program, text, unsupported == "ignore", mistakes, outside)
    refuse_empty(script, program, mistakes)
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


def domain_store(store: object, domain: object) -> DomainStore | None:
    """The domain for whose policies a filter writes commands; None for the registry. The arguments are its options.
    Raises `ModelError`.
    """
    if store not in (REGISTRY, _DOMAIN):
        raise ModelError(f"store must be {one_of((REGISTRY, _DOMAIN))}")
    if domain is None:
        return None if store == REGISTRY else DomainStore()
    if store == REGISTRY:
        raise ModelError("domain needs store='domain'")
    if not isinstance(domain, str):
        raise ModelError(f"domain: expected a text, not {kind_of(domain)}")
    return DomainStore(read_domain(Text.of(domain)))


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
