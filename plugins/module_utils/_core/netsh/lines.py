# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The commands of a script, parsed, and those that are left out."""

from __future__ import annotations

import dataclasses
import typing as t

from ..batch import BatchCommand, LeftOut, Script
from ..model.gpos import WantedGpos
from ..shape.domains import DomainStore
from ..shape.fields import at
from ..shape.placed import PlacedChange
from ..source.mistakes import Mistakes, collecting
from ..source.text import SourceError, Text
from ..source.words import without_redirections
from .commands import ScriptCommand
from .consequences import Attempts
from .dynamic import DynamicScript
from .grammar import Language, NetshCommand, OtherLanguageError, parse_command
from .reading import read_command
from .stores import Stores


def read_lines(
    script: Script,
    ignore_unsupported: bool,
    mistakes: Mistakes | None = None,
    languages: t.Collection[Language] = tuple(Language),
) -> tuple[list[NetshCommand], Script]:
    """The commands of a script, and the script. Mistakes are added to `mistakes`, or raise `SourceError` without it.

    Commands of other languages than `languages` are mistakes. With `ignore_unsupported`, they are moved to the part
    that is left out.
    """
    commands: list[NetshCommand] = []
    kept: list[BatchCommand] = []
    left_out: list[LeftOut] = []
    with collecting(mistakes) as found:
        for command in script.commands:
            try:
                commands.append(parse_command(command.text, languages))
                kept.append(command)
            except OtherLanguageError as error:
                if ignore_unsupported:
                    left_out.append(LeftOut(command.line, error.problem))
                else:
                    found.add(command.text.error(0, f"{error.problem}; unsupported=ignore leaves this command out"))
            except SourceError as error:
                found.add(error, command.text)
    return commands, script.keeping(kept, left_out)


@dataclasses.dataclass(frozen=True, slots=True)
class PlacedCommand:
    """A command and its words. `place` names the item of a list that has it."""

    command: ScriptCommand
    words: NetshCommand
    place: str = ""


_NOT_RUN: t.Final = {
    "show": "'show' changes nothing; ipsec_facts reads what a host has",
    "exportpolicy": (
        "'exportpolicy' changes nothing; the option backup of the modules saves what a task changes on a host, and "
        "ipsec_facts reads the policies of a domain"
    ),
    "importpolicy": (
        "the content of the file is not known here; import it on one host, read the policies with ipsec_facts, and use "
        "them in ipsec_policy or ipsec_store"
    ),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NetshChanges:
    """What commands change: those of `netsh ipsec static`, and the changes of dynamic rules, each in order. `notes` say
    where the meaning differs from the text. `domain` is the domain whose policies they change, with the
    Group Policy objects that are to assign them or not; None for those of a host.
    """

    static: tuple[PlacedCommand, ...]
    dynamic: tuple[PlacedChange, ...]
    notes: tuple[str, ...]
    domain: DomainStore | None = None
    gpos: tuple[WantedGpos, ...] = ()


class _ChangeReader:
    """Reads commands one after the other. Mistakes are added to `mistakes`, which has those of commands that could not
    be parsed.
    """

    def __init__(self, allow_delete_all: bool, mistakes: Mistakes) -> None:
        self._allow_delete_all = allow_delete_all
        self._attempts = Attempts(mistakes)
        self._static: list[PlacedCommand] = []
        self._notes: list[str] = []
        self._dynamic = DynamicScript(self._notes)
        self._stores = Stores(self._notes)

    def read(self, words: NetshCommand, place: str = "") -> None:
        self._attempts.run(words, self._read, words, place, place=place)

    def _read(self, words: NetshCommand, place: str) -> None:
        self._stores.begin(words)
        command = _read_change(words, self._allow_delete_all)
        self._stores.check(command, words.text, place)
        if command is None:
            self._dynamic.run(words, place)
        else:
            self._static.append(PlacedCommand(command, words, place))

    def changes(self) -> NetshChanges:
        return NetshChanges(
            static=tuple(self._static),
            dynamic=self._dynamic.changes(),
            notes=tuple(self._notes),
            domain=self._stores.domain,
            gpos=self._stores.assignments.wanted(),
        )


def read_list(texts: t.Iterable[str], place: str, allow_delete_all: bool) -> NetshChanges:
    """What the commands of the list at `place` change, or of the only text if `place` is empty. Raises `ModelError`
    with all mistakes.
    """
    with collecting(None) as mistakes:
        parsed: list[tuple[NetshCommand, str]] = []
        for index, text in enumerate(texts):
            line = Text.of(without_redirections(text).replace("\n", " "))
            of_item = f"{place}[{index}]" if place else ""
            words = mistakes.collect(line, at, of_item, parse_command, line)
            if words is not None:
                parsed.append((words, of_item))
        reader = _ChangeReader(allow_delete_all, mistakes)
        for words, of_item in parsed:
            reader.read(words, of_item)
    return reader.changes()


def read_changes(
    script: Script, ignore_unsupported: bool, allow_delete_all: bool, mistakes: Mistakes
) -> tuple[NetshChanges, Script]:
    """What the commands of a script change, and the script. Mistakes are added to `mistakes`.

    Commands that change nothing or are not supported are mistakes. With `ignore_unsupported`, they are moved to the
    part that is left out.
    """
    parsed, script = read_lines(script, ignore_unsupported, mistakes)
    reader = _ChangeReader(allow_delete_all, mistakes)
    kept: list[BatchCommand] = []
    left_out: list[LeftOut] = []
    for command, words in zip(script.commands, parsed, strict=True):
        if ignore_unsupported and words.verb in _NOT_RUN:
            left_out.append(LeftOut(command.line, _NOT_RUN[words.verb]))
        else:
            reader.read(words)
            kept.append(command)
    return reader.changes(), script.keeping(kept, left_out)


def _read_change(words: NetshCommand, allow_delete_all: bool) -> ScriptCommand | None:
    """What a command of `netsh ipsec static` means; None for one of `netsh ipsec dynamic`.

    Raises `SourceError` for a command that changes nothing, and for one that deletes everything unless it may.
    """
    if words.verb in _NOT_RUN:
        raise words.text.error(0, _NOT_RUN[words.verb])
    command = read_command(words) if words.language is Language.STATIC else None
    if _deletes_everything(words) and not allow_delete_all:
        raise words.text.error(
            0, "this deletes what the script does not name, too; set allow_delete_all=true if that is intended"
        )
    return command


def _deletes_everything(words: NetshCommand) -> bool:
    """Whether a command deletes what the script does not name, neither itself nor what it belongs to."""
    if words.verb != "delete":
        return False
    # the names of main-mode and quick-mode policies are those of the script
    of_host = words.language is Language.STATIC and words.object != "rule"
    return words.object == "all" or (words.everything and of_host)
