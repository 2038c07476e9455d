# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Command lines of ipseccmd with their places, and what they ask for."""

from __future__ import annotations

import dataclasses
import enum
import re
import typing as t

from ..batch import BatchCommand, LeftOut, Script
from ..batch.programs import IPSECCMD
from ..model import ModelError
from ..model.edits import EditPolicy
from ..shape.domains import DomainStore, store_problem
from ..shape.fields import at
from ..shape.placed import PlacedChange, PlacedEdit
from ..source.mistakes import Mistakes, collecting
from ..source.text import Text
from ..source.words import is_program, without_redirections
from ..store.casing import fold
from .commands import AddRule, Command, DeleteRules, Help, Show, StoreKind, WritePolicy
from .dynamic import change_of
from .edits import edit_of
from .parse import parse_command, values_of

_CONTINUATION: t.Final = re.compile(r"(?<=\s)\^(?=[ \t]*+\r?\n)")
_VARIABLE: t.Final = re.compile(r"%[A-Za-z_]\w*+%")
_WORD: t.Final = re.compile(r"\S++")
_WORD_OF_NEXT_LINE: t.Final = re.compile(r"(?<=\n)\S++")


class Mode(enum.StrEnum):
    """The modes of ipseccmd."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    QUERY = "query"


_CHANGING: t.Final = (Mode.STATIC, Mode.DYNAMIC)
_OTHER_MODE: t.Final = {
    Mode.DYNAMIC: (
        "this is a command of dynamic mode (without -w and -p), which makes no policy; dynamic=true converts such "
        "commands for the module ipsec_dynamic, and the module ipseccmd runs them"
    ),
    Mode.STATIC: (
        "this is a command of static mode, which makes no dynamic rule; without dynamic=true, such commands are "
        "converted for the module ipsec_policy"
    ),
    Mode.QUERY: (
        "query mode (show) changes nothing: run it with the module ipseccmd, in a task without commands that change "
        "something"
    ),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """A command and its `text`: a piece of a batch file, a whole text with its `place` in a list, or the only text.

    `notes` say what is ignored, and where the meaning differs from the text.
    """

    command: Command
    text: Text
    place: str = ""
    notes: tuple[str, ...] = ()

    @property
    def computer(self) -> str | None:
        """The computer that the command is about; None is the host of the task."""
        command = self.command
        if isinstance(command, WritePolicy) and command.store is StoreKind.REGISTRY and command.location is not None:
            return command.location
        return getattr(command, "computer", None)

    @property
    def domain(self) -> DomainStore | None:
        """The domain whose policies the command changes; None for a command about a host."""
        command = self.command
        if not isinstance(command, WritePolicy) or command.store is not StoreKind.DIRECTORY:
            return None
        (value,) = values_of(self.text)["w"]
        named = 0 if command.location is None else value.value.index(":") + 1
        return DomainStore(command.location, command=value[named:], place=self.place)


def read_line(text: str | Text, place: str = "") -> CommandLine:
    """One command: a piece of a batch file, or a text, which may have redirections and carets as in a batch file.

    Raises `ModelError`.
    """
    notes: list[str] = []
    if isinstance(text, str):
        text = Text.of(_CONTINUATION.sub(" ", without_redirections(text)))
        at(place, _refuse_other_than_one, text)
        if _VARIABLE.search(text.value):
            notes.append("%NAME% is not replaced, because only a batch file can set variables; use the option script")
    command = at(place, parse_command, text, notes)
    return CommandLine(command=command, text=text, place=place, notes=tuple(dict.fromkeys(notes)))


def _refuse_other_than_one(line: Text) -> None:
    """Raise `SourceError` if `line` is not exactly one command."""
    first = _WORD.search(line.value)
    if first is None:
        raise line.error(0, "expected a command here; /? shows the syntax")
    if is_program(first[0], ("netsh",)):
        raise line.error(first.start(), "this is a netsh command, which the filter from_netsh converts")
    for word in _WORD_OF_NEXT_LINE.finditer(line.value, first.end()):
        if is_program(word[0], IPSECCMD):
            problem = "a second command begins here; use the option commands for several, or script for a batch file"
            raise line.error(word.start(), problem)


def read_lines(
    script: Script,
    ignore_unsupported: bool,
    mistakes: Mistakes | None = None,
    modes: t.Collection[Mode] = tuple(Mode),
) -> tuple[list[CommandLine], Script]:
    """The commands of a script, and the script. Mistakes are added to `mistakes`, or raise `SourceError` without it.

    Commands of other modes than `modes` are mistakes, and so is query mode beside commands that change something. With
    `ignore_unsupported`, they are moved to the part that is left out.
    """
    lines: list[CommandLine] = []
    kept: list[BatchCommand] = []
    left_out: list[LeftOut] = []
    with collecting(mistakes) as found:
        read = [(command, found.collect(command.text, read_line, command.text)) for command in script.commands]
        modes = _modes_beside((line for _command, line in read if line), modes)
        for command, line in read:
            if line is None:
                continue
            problem = _problem(line.command, modes)
            if problem is None:
                lines.append(line)
                kept.append(command)
            elif ignore_unsupported:
                left_out.append(LeftOut(command.line, problem))
            else:
                found.add(line.text.error(0, problem), command.text)
        found.collect(None, _check_stores, lines)
    return lines, script.keeping(kept, left_out)


def read_list(texts: t.Iterable[str], place: str) -> list[CommandLine]:
    """The commands of the list at `place`. Raises `ModelError` with all mistakes."""
    read = [_line_or_error(text, f"{place}[{i}]") for i, text in enumerate(texts)]
    lines = [line for line in read if isinstance(line, CommandLine)]
    modes = _modes_beside(lines, tuple(Mode))
    mistakes = Mistakes()
    for line in read:
        if isinstance(line, CommandLine):
            mistakes.collect(None, _check_mode, line, modes)
        else:
            mistakes.add(line)
    mistakes.collect(None, _check_stores, lines)
    mistakes.raise_all()
    return lines


def _line_or_error(text: str, place: str) -> CommandLine | ModelError:
    try:
        return read_line(text, place)
    except ModelError as error:
        return error


def _modes_beside(lines: t.Iterable[CommandLine], modes: t.Collection[Mode]) -> t.Collection[Mode]:
    """`modes`, without query mode if some of the lines change something: it has a task of its own."""
    if all(isinstance(line.command, Show | Help) for line in lines):
        return modes
    return [mode for mode in modes if mode is not Mode.QUERY]


def _check_mode(line: CommandLine, modes: t.Collection[Mode]) -> None:
    """Raise `ModelError` for a line of another mode."""
    if (problem := _problem(line.command, modes)) is not None:
        at(line.place, _refuse, line.text, problem)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What command lines ask for: edits of stored policies and changes of dynamic rules, each in the order of the
    lines. `confirms` says that a line asks for a confirmation before anything is changed. `domain` is the domain whose
    policies the edits are about, None for those of a host.
    """

    edits: tuple[PlacedEdit, ...]
    changes: tuple[PlacedChange, ...]
    confirms: bool
    notes: tuple[str, ...]
    domain: DomainStore | None = None


def _check_stores(lines: t.Iterable[CommandLine]) -> DomainStore | None:
    """The domain whose policies the lines change; None if they change hosts. Raises `ModelError` at the first line that
    changes another store than the lines before it.
    """
    changing = [line for line in lines if not isinstance(line.command, Show | Help)]
    first = changing[0].domain if changing else None
    for line in changing:
        if (problem := store_problem(first, line.domain)) is not None:
            at(line.place, _refuse, line.text, problem)
    return first


def asked_by(lines: t.Iterable[CommandLine], modes: t.Collection[Mode] = _CHANGING) -> Asked:
    """What lines ask for. Raises `ModelError` for a line of another mode than `modes`, or for another store."""
    lines = list(lines)
    domain = _check_stores(lines)
    edits: list[PlacedEdit] = []
    changes: list[PlacedChange] = []
    notes: list[str] = []
    confirms = False
    for line in lines:
        found = list(line.notes)
        _check_mode(line, modes)
        command = line.command
        if isinstance(command, WritePolicy):
            edits.append(PlacedEdit(edit_of(command, found), command=line.text, place=line.place))
        elif isinstance(command, AddRule | DeleteRules):
            change = at(line.place, change_of, command, line.text, found)
            changes.append(PlacedChange(change, command=line.text, place=line.place))
            confirms = confirms or (isinstance(command, AddRule) and command.parameters.confirm)
        of_file = line.text.file != line.text.value
        place = f"line {line.text.line()}" if of_file else line.place
        notes += [f"{place}: {note}" if place else note for note in found]
    return Asked(
        edits=tuple(_looking_ahead(edits)),
        changes=tuple(changes),
        confirms=confirms,
        notes=tuple(notes),
        domain=domain,
    )


def edits_of(lines: t.Iterable[CommandLine]) -> tuple[tuple[PlacedEdit, ...], tuple[str, ...]]:
    """What lines of static mode do, in order, and their notes. Raises `ModelError` for a line of another mode."""
    asked = asked_by(lines, (Mode.STATIC,))
    return asked.edits, asked.notes


def _looking_ahead(edits: t.Sequence[PlacedEdit]) -> t.Iterator[PlacedEdit]:
    """The edits; those that assign a policy before a later one creates it say so."""
    last = {fold(p.edit.policy): i for i, p in enumerate(edits) if isinstance(p.edit, EditPolicy) and p.edit.creates}
    for index, placed in enumerate(edits):
        edit = placed.edit
        if isinstance(edit, EditPolicy) and edit.assigned and last.get(fold(edit.policy), -1) > index:
            yield dataclasses.replace(placed, edit=dataclasses.replace(edit, created_later=True))
        else:
            yield placed


def of_one_computer(lines: t.Iterable[CommandLine], notes: list[str]) -> list[CommandLine]:
    """The lines without those that ask for help. A computer that they are for is added to `notes`.

    Raises `ModelError` for lines for several computers.
    """
    found = [line for line in lines if not isinstance(line.command, Help)]
    computers = list({line.computer and fold(line.computer): line.computer for line in found}.values())
    if len(computers) > 1:
        names = ", ".join(computer or "the local one" for computer in computers)
        raise ModelError(
            f"the commands are for several computers ({names}): convert the commands for each separately, or run all "
            "of them with the module ipseccmd"
        )
    if computers and computers[0] is not None:
        notes.append(f"the commands are for the computer {computers[0]}: run the task on that host")
    return found


def _refuse(text: Text, problem: str) -> None:
    raise text.error(0, problem)


def _problem(command: Command, modes: t.Collection[Mode]) -> str | None:
    """Why a command does not belong to `modes`; None if it does."""
    match command:
        case Show() if Mode.QUERY not in modes:
            return _OTHER_MODE[Mode.QUERY]
        case WritePolicy() if Mode.STATIC not in modes:
            return _OTHER_MODE[Mode.STATIC]
        case AddRule() | DeleteRules() if Mode.DYNAMIC not in modes:
            return _OTHER_MODE[Mode.DYNAMIC]
    return None
