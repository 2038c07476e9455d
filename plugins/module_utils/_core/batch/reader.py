# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads a batch file line by line and collects its commands."""

from __future__ import annotations

import array
import re
import typing as t

from ..source.mistakes import Mistakes, collecting
from ..source.redact import key_spans
from ..source.text import Text, lines_of
from .files import Files
from .lexer import SyntaxProblem
from .netsh_files import NetshScript, is_netsh_script
from .outside import NOTHING_OUTSIDE, Outside
from .parser import Parser
from .powershell import refuse_powershell
from .programs import find_mention, is_harmless
from .results import Results
from .runner import MAX_RUNS, Context, Runner
from .script import Script
from .variables import MAX_CHARACTERS, Environment, Origins, TooLongError, expand_line

# cmd.exe treats the end-of-file mark of DOS as the end of a line
_LINE_END: t.Final = re.compile("[\n\x1a]")
_COMMENT: t.Final = re.compile(r"[\s,;=@()]*(?:\Z|[:#]|rem(?:[\s,;=/.:]|\Z))", re.IGNORECASE)
_COMMAND_END: t.Final = re.compile(r"[&|\r]|\Z")


def read_script(
    text: str,
    ignore_unsupported: bool = False,
    mistakes: Mistakes | None = None,
    outside: Outside = NOTHING_OUTSIDE,
) -> Script:
    """The ipseccmd and ``netsh ipsec`` commands that a batch file runs, or a script for ``netsh -f``.

    Commands that are not known before the file runs are added to `mistakes`, or raise `SourceError` without it; with
    `ignore_unsupported`, they go into `left_out`. Always raises it for PowerShell, and for loops and variables that
    expand the file beyond a limit.
    """
    refuse_powershell(text)
    origins, environment = Origins(text), Environment(outside)
    results = Results(text, origins)
    if is_netsh_script(text):
        NetshScript(results).run(lines_of(text))
    else:
        _follow(text, results, environment, origins, Files(text, outside, origins), ignore_unsupported)
    with collecting(mistakes) as found:
        return results.script(ignore_unsupported, found)


def _follow(
    text: str, results: Results, environment: Environment, origins: Origins, files: Files, ignore_unsupported: bool
) -> None:
    """Follow the commands of a batch file."""
    lines = _Lines(text, environment, origins)
    runner = Runner(results, environment, origins, files, ignore_unsupported)
    parser = Parser(text, lines.next)
    try:
        while True:
            first = lines.number
            try:
                chain = parser.statement()
            except SyntaxProblem as problem:
                _skip_broken([lines.line(number) for number in range(first, lines.number)], problem, results)
                continue
            if chain is None:
                break
            runner.run_chain(chain, Context())
    except TooLongError:
        line = lines.line(first)
        if key_spans(line.value):
            results.hide(line)
        raise results.error(
            line.offset(0),
            f"the variables and loops up to here expand the file beyond {MAX_CHARACTERS:,} characters or {MAX_RUNS:,} "
            "commands; split the file or shorten its loops",
        ) from None


class _Lines:
    """The physical lines. `number` is the index of the next one."""

    def __init__(self, file: str, environment: Environment, origins: Origins) -> None:
        self.number = 0
        self._whole = Text.of(file)
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(file)), len(file) + 1]
        self._environment = environment
        self._origins = origins

    def line(self, number: int) -> Text:
        return self._whole[self._starts[number] : self._starts[number + 1] - 1]

    def next(self) -> Text | None:
        """The next line without carriage returns and with its variables replaced; None at the end of the file."""
        if self.number == len(self._starts) - 1:
            return None
        line = self.line(self.number)
        line = line[: len(line.value.rstrip("\r"))]
        self.number += 1
        if "\r" in line.value:
            kept = [at for at, character in enumerate(line.value) if character != "\r"]
            offsets = array.array("q", [line.offsets[at] for at in kept])
            line = Text(value="".join(line.value[at] for at in kept), offsets=offsets, end=line.end, file=line.file)
        return expand_line(line, self._environment, self._origins)


def _skip_broken(lines: list[Text], problem: SyntaxProblem, results: Results) -> None:
    """Report the commands in lines that cmd.exe cannot parse, and stop there as cmd.exe does."""
    where = results.position(problem.place)
    for line in lines:
        if _COMMENT.match(line.value):
            continue
        mention = None if is_harmless(line) else find_mention(line.value)
        if mention is None:
            results.leave_alone(line.offset(0))
            continue
        results.add_unknown(line[mention:], 0, f"cmd.exe cannot parse {where}: {problem.problem}")
        if key_spans(line.value):
            # the key may come from a variable or a list elsewhere in the line
            end = _COMMAND_END.search(line.value, mention)
            results.hide(line[:mention])
            results.hide(line[end.start() if end else len(line) :])
    results.stop(f"cmd.exe stops at {where}, which it cannot parse")
