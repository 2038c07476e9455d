# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The lines of a batch file, one after the other."""

from __future__ import annotations

import array
import re
import typing as t

from ..redact import key_spans
from ..source import Text
from .lexer import SyntaxProblem
from .parser import Parser
from .programs import find_mention, is_harmless
from .results import Results
from .runner import Around, Runner
from .script import Script
from .variables import Environment, Origins, TooMuchError, expand_line

# cmd.exe takes the end mark of old files for the end of a line
_ROW_END: t.Final = re.compile("[\n\x1a]")
_COMMENT: t.Final = re.compile(r"[\s,;=@()]*(?:\Z|[:#]|rem(?:[\s,;=/.:]|\Z))", re.IGNORECASE)
_COMMAND_END: t.Final = re.compile(r"[&|\r]|\Z")


def read_script(text: str, ignore_unsupported: bool = False) -> Script:
    """The commands of ours that a batch file runs.

    Raises `SourceError` at the first of them that cannot be known, unless `ignore_unsupported` puts those into
    `left_out`; and always for loops and variables that make more of the file than anybody wrote.
    """
    origins, environment = Origins(), Environment()
    results = Results(text, origins)
    rows = _Rows(text, environment, origins)
    runner = Runner(results, environment, origins)
    parser = Parser(text, rows.next)
    try:
        while True:
            first = rows.number
            try:
                chain = parser.statement()
            except SyntaxProblem as problem:
                _skip_broken([rows.row(number) for number in range(first, rows.number)], problem, results)
                continue
            if chain is None:
                break
            runner.run_chain(chain, Around())
    except TooMuchError:
        row = rows.row(first)
        if key_spans(row.value):
            results.hide(row)
        raise results.error(row.offset(0), "the variables and loops up to here make too much of the file") from None
    return results.script(ignore_unsupported)


class _Rows:
    """The physical lines. `number` is that of the next, from 0."""

    def __init__(self, file: str, environment: Environment, origins: Origins) -> None:
        self.number = 0
        self._whole = Text.of(file)
        self._starts = [0, *(match.end() for match in _ROW_END.finditer(file)), len(file) + 1]
        self._environment = environment
        self._origins = origins

    def row(self, number: int) -> Text:
        return self._whole[self._starts[number] : self._starts[number + 1] - 1]

    def next(self) -> Text | None:
        """The next line, without carriage returns and with its variables replaced."""
        if self.number == len(self._starts) - 1:
            return None
        line = self.row(self.number)
        line = line[: len(line.value.rstrip("\r"))]
        self.number += 1
        if "\r" in line.value:
            kept = [at for at, character in enumerate(line.value) if character != "\r"]
            offsets = array.array("q", [line.offsets[at] for at in kept])
            line = Text("".join(line.value[at] for at in kept), offsets, line.end, line.file)
        return expand_line(line, self._environment, self._origins)


def _skip_broken(rows: list[Text], problem: SyntaxProblem, results: Results) -> None:
    """Lines that cmd.exe reads as one make no sense to it, and end the file."""
    where = results.position(problem.place)
    for row in rows:
        if _COMMENT.match(row.value):
            continue
        mention = None if is_harmless(row) else find_mention(row.value)
        if mention is None:
            results.leave_alone(row.offset(0))
            continue
        results.doubt(row[mention:], 0, f"cmd.exe cannot read {where}: {problem.problem}")
        if key_spans(row.value):
            # the key may come from a list or a variable beside the command
            end = _COMMAND_END.search(row.value, mention)
            results.hide(row[:mention])
            results.hide(row[end.start() if end else len(row) :])
    results.stop(f"cmd.exe stops at {where}, which it cannot read")
