# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The commands of a script, parsed, and those that are left out."""

from __future__ import annotations

import dataclasses
import typing as t

from ..batch import BatchCommand, LeftOut, Script
from ..shape.fields import at
from ..source.mistakes import Mistakes, collecting
from ..source.text import SourceError, Text
from ..source.words import without_redirections
from .commands import DeleteEverything, Deletion, FileCommand, ScriptCommand, Thing
from .grammar import DynamicCommandError, NetshCommand, parse_command
from .reading import read_command


def read_lines(
    script: Script, ignore_unsupported: bool, mistakes: Mistakes | None = None
) -> tuple[list[NetshCommand], Script]:
    """The commands of a script, and the script. Mistakes are added to `mistakes`, or raise `SourceError` without it.

    Commands of ``netsh ipsec dynamic`` are mistakes. With `ignore_unsupported`, they are moved to the part that is left
    out.
    """
    commands: list[NetshCommand] = []
    kept: list[BatchCommand] = []
    left_out: list[LeftOut] = []
    with collecting(mistakes) as found:
        for command in script.commands:
            try:
                commands.append(parse_command(command.text))
                kept.append(command)
            except DynamicCommandError as error:
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
    "exportpolicy": "'exportpolicy' changes nothing; the option backup of the modules saves what a task changes",
    "importpolicy": (
        "the content of the file is not known here; import it on one host, read the policies with ipsec_facts, and use "
        "them in ipsec_policy or ipsec_store"
    ),
}


def read_list(texts: t.Iterable[str], place: str, allow_delete_all: bool) -> tuple[PlacedCommand, ...]:
    """The commands of the list at `place`, or of the only text if `place` is empty. Raises `ModelError` with all
    mistakes.
    """
    with collecting(None) as mistakes:
        found = [
            mistakes.collect(None, _read_one, text, f"{place}[{index}]" if place else "", allow_delete_all)
            for index, text in enumerate(texts)
        ]
    return tuple(command for command in found if command is not None)


def _read_one(text: str, place: str, allow_delete_all: bool) -> PlacedCommand:
    words = at(place, parse_command, Text.of(without_redirections(text).replace("\n", " ")))
    return PlacedCommand(at(place, _read_change, words, allow_delete_all), words, place)


def read_changes(
    script: Script, ignore_unsupported: bool, allow_delete_all: bool, mistakes: Mistakes
) -> tuple[tuple[PlacedCommand, ...], Script]:
    """The commands of a script that change a store, and the script. Mistakes are added to `mistakes`.

    Commands that change nothing or are not supported are mistakes. With `ignore_unsupported`, they are moved to the
    part that is left out.
    """
    parsed, script = read_lines(script, ignore_unsupported, mistakes)
    found: list[PlacedCommand] = []
    kept: list[BatchCommand] = []
    left_out: list[LeftOut] = []
    for command, words in zip(script.commands, parsed, strict=True):
        if ignore_unsupported and words.verb in _NOT_RUN:
            left_out.append(LeftOut(command.line, _NOT_RUN[words.verb]))
        elif (change := mistakes.collect(words.text, _read_change, words, allow_delete_all)) is not None:
            found.append(PlacedCommand(change, words))
            kept.append(command)
    return tuple(found), script.keeping(kept, left_out)


def _read_change(words: NetshCommand, allow_delete_all: bool) -> ScriptCommand:
    """Raises `SourceError` for a command that changes nothing, and for one that deletes everything unless it may."""
    command = read_command(words)
    if isinstance(command, FileCommand):
        raise words.text.error(0, _NOT_RUN[command.verb])
    everything = isinstance(command, DeleteEverything) or (
        isinstance(command, Deletion) and command.name is None and command.thing is not Thing.RULE
    )
    if everything and not allow_delete_all:
        raise words.text.error(
            0, "this deletes what the script does not name, too; set allow_delete_all=true if that is intended"
        )
    return command
