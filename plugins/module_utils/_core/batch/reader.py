# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads a batch file line by line and collects its commands."""

from __future__ import annotations

import array
import bisect
import contextlib
import re
import typing as t

from ..source.mistakes import Mistakes, collecting
from ..source.redact import key_spans
from ..source.text import Text, lines_of
from ..source.words import LONGEST_LINE
from .files import Files
from .lexer import TOO_LONG, SyntaxProblem
from .netsh_files import NetshScript, is_netsh_script
from .outside import NOTHING_OUTSIDE, Outside
from .parser import Parser
from .powershell import refuse_powershell
from .programs import find_mention, is_harmless
from .results import Results
from .runner import MAX_RUNS, Jump, Runner
from .script import Script
from .variables import MAX_CHARACTERS, Environment, Origins, TooLongError, expand_line

# cmd.exe treats the end-of-file mark of DOS as the end of a line
_LINE_END: t.Final = re.compile("[\n\x1a]")
_COMMENT: t.Final = re.compile(
    r"[\s,;=@()]*(?:\Z|:|#(?![^&|]*[&|])|rem(?:[\s,;=]+(?:[^\s,;=&|%]|\Z)|\Z))", re.IGNORECASE
)
_OPERATOR: t.Final = re.compile("[&|]")
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
    origins = Origins(text)
    results = Results(text, origins)
    if is_netsh_script(text):
        NetshScript(results).run(lines_of(text))
    else:
        _follow(text, origins, results, outside, ignore_unsupported)
        # a jump back runs lines again, with other values of the variables
        while results.begin_again():
            _follow(text, origins, results, outside, ignore_unsupported)
    with collecting(mistakes) as found:
        return results.script(ignore_unsupported, found)


def _follow(text: str, origins: Origins, results: Results, outside: Outside, skips: bool) -> None:
    """Add what the file runs to `results`. With `skips`, the body of an unknown condition counts as not taken."""
    environment = Environment(outside)
    origins.begin()
    lines = _Lines(text, environment, origins)
    runner = Runner(results, environment, origins, Files(text, outside, origins), skips)
    parser = Parser(text, lines.next)
    try:
        _read(lines, parser, runner, results)
    except TooLongError:
        line = lines.line(lines.first)
        if key_spans(line.value):
            results.hide(line)
        raise results.error(
            line.offset(0),
            f"the variables and loops up to here expand the file beyond {MAX_CHARACTERS:,} characters or {MAX_RUNS:,} "
            "commands; split the file or shorten its loops",
        ) from None


def _read(lines: _Lines, parser: Parser, runner: Runner, results: Results) -> None:
    while True:
        lines.first = lines.number
        try:
            chain = parser.statement()
        except SyntaxProblem as problem:
            _skip_broken([lines.line(number) for number in range(lines.first, lines.number)], problem, results)
            continue
        if chain is None:
            return
        try:
            runner.run_line(chain, lines.place)
        except Jump as jump:
            with runner.skipping(), results.skipping(jump.reason, jump.target), lines.until(jump.target):
                _read(lines, parser, runner, results)


class _Lines:
    """The physical lines. `number` is the index of the next one, `first` that of the first one of a command."""

    def __init__(self, file: str, environment: Environment, origins: Origins) -> None:
        self.number = self.first = 0
        self._whole = Text.of(file)
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(file)), len(file) + 1]
        # the end of the last line does not begin another one
        self._last = len(self._starts) - (2 if _LINE_END.search(file[-1:] or "\n") else 1)
        self._environment = environment
        self._origins = origins

    @property
    def place(self) -> int:
        """The offset of the next line."""
        return self._starts[self.number]

    @contextlib.contextmanager
    def until(self, place: int) -> t.Iterator[None]:
        """Meanwhile, the file ends before the line at `place`."""
        last = self._last
        self._last = bisect.bisect_left(self._starts, place)
        yield
        self._last = last

    def line(self, number: int) -> Text:
        return self._whole[self._starts[number] : self._starts[number + 1] - 1]

    def next(self) -> Text | None:
        """The next line without carriage returns and with its variables replaced; None at the end of the file.

        Raises `SyntaxProblem` for a line that cmd.exe may cut or read in another way.
        """
        if self.number == self._last:
            return None
        line = self.line(self.number)
        line = line[: len(line.value.rstrip("\r"))]
        self.number += 1
        if "\r" in line.value:
            kept = [at for at, character in enumerate(line.value) if character != "\r"]
            offsets = array.array("q", [line.offsets[at] for at in kept])
            line = Text(value="".join(line.value[at] for at in kept), offsets=offsets, end=line.end, file=line.file)
        if len(line) > LONGEST_LINE:
            raise SyntaxProblem(line.offset(LONGEST_LINE), f"this line {TOO_LONG}", certain=False)
        expanded = expand_line(line, self._environment, self._origins)
        if len(expanded) > LONGEST_LINE:
            self._environment.forget(f"line {self.number} may set")
            raise SyntaxProblem(
                expanded.offset(LONGEST_LINE), f"with its variables, this line {TOO_LONG}", certain=False
            )
        return expanded


def _skip_broken(lines: list[Text], problem: SyntaxProblem, results: Results) -> None:
    """Report the commands in lines that cmd.exe cannot parse, and stop there as cmd.exe does."""
    where = results.position(problem.place)
    if problem.certain:
        reason, after = (
            f"cmd.exe cannot parse {where}: {problem.problem}",
            f"cmd.exe stops at {where}, which it cannot parse",
        )
    else:
        reason = after = f"it is not certain how cmd.exe reads {where}: {problem.problem}"
    for line in lines:
        if _COMMENT.match(line.value):
            continue
        harmless = is_harmless(line) and not _OPERATOR.search(line.value)
        mention = None if harmless else find_mention(line.value)
        if mention is None:
            results.leave_alone(line.offset(0))
            continue
        results.add_unknown(line[mention:], 0, reason)
        if key_spans(line.value):
            # the key may come from a variable or a list elsewhere in the line
            end = _COMMAND_END.search(line.value, mention)
            results.hide(line[:mention])
            results.hide(line[end.start() if end else len(line) :])
    results.stop(after)
