# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Follows the commands of a batch file in the order in which cmd.exe runs them, without running anything."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import typing as t

from ..source.redact import BLANKS
from ..source.text import Text
from ..source.words import LONGEST_LINE
from .conditions import Condition, holds
from .delayed import expand_delayed, mark
from .detours import Detours
from .file_commands import FileCommands
from .files import Content, Files
from .lexer import CMD_BLANKS, TOO_LONG, UNKNOWN
from .loops import LineOptions, count, counted, line_options, split_items
from .netsh_files import NetshScript, script_file
from .outcomes import has_label, succeeds
from .parser import Block, Chain, For, If, Label, Node, Redirection, Simple
from .programs import (
    built_in,
    find_mention,
    find_program,
    has_slash_path,
    is_harmless,
    program_name,
    program_word,
)
from .repeats import CONTROL, matters
from .results import Results
from .variable_commands import VariableCommands
from .variables import Environment, Origins, TooLongError, VariableValue, expand_loops

MAX_RUNS: t.Final = 100_000
"""The most commands that loops may run."""

# programs that read commands from their input
_SHELLS: t.Final = frozenset({"cmd", "netsh"})
_CALLS: t.Final = re.compile(r"[\s,;=]*(?:call[\s,;=]+)*", re.IGNORECASE)
_EXCLAMATION: t.Final = re.compile("(!)")
_LINE_FEED: t.Final = re.compile("(\n)")
# percent signs and carets anywhere, operators outside quotes
_SPECIAL_AGAIN: t.Final = re.compile(r'"[^"%^]*"|([%^&|<>])')
_OTHER_OPTIONS: t.Final = "netsh runs a script with options that are not supported; write netsh -f FILE"
_TWICE: t.Final = "cmd.exe parses this part twice, which may change it"
_DELAYED: t.Final = "it depends on delayed expansion in a pipe"
_CONTINUED: t.Final = "the '^' in the line before takes the end of this empty line into the command"
_LABEL_INSIDE: t.Final = "a jump to the label in these parentheses may run it"
_NOT_SUPPORTED: t.Final = (
    "this line runs ipseccmd or netsh in a way that is not supported; start the command with the name of the program"
)
_SLASH: t.Final = (
    "cmd.exe runs what is before the '/' and takes the rest as an option; write the path with '\\' or in quotes"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """How a command runs. `unsure` says why it may not run. `piped`: another cmd.exe runs it, as part of a pipe. `fed`:
    its output goes to cmd.exe or netsh. `called`: ``call`` runs it. `output` is the file that gets its output.
    """

    unsure: str = ""
    piped: bool = False
    fed: bool = False
    called: bool = False
    output: Content | None = None


class Jump(Exception):
    """A ``goto`` that certainly jumps forward to the label at the place `target`; `reason` is for what it skips."""

    def __init__(self, target: int, reason: str) -> None:
        super().__init__(reason)
        self.target = target
        self.reason = reason


class Runner:
    """Follows the commands and adds them to `results`. With `skips`, the body of an unknown condition counts as one
    that does not run.
    """

    def __init__(self, results: Results, environment: Environment, origins: Origins, files: Files, skips: bool) -> None:
        self._results = results
        self._environment = environment
        self._origins = origins
        self._files = files
        self._skips = skips
        self._file_commands = FileCommands(files, results, origins)
        self._detours = Detours(results, environment, files)
        self._loops: dict[str, VariableValue] = {}
        self._runs = 0
        self._variables = VariableCommands(environment, results, origins, self._detours)
        # the logical line, and the place after it
        self._line = Chain(())
        self._after = 0

    def run_line(self, line: Chain, after: int) -> None:
        """Run a logical line; `after` is the place of the line after it. Raises `Jump` for a jump to follow."""
        self._line, self._after = line, after
        self.run_chain(line, Context())

    @contextlib.contextmanager
    def skipping(self) -> t.Iterator[None]:
        """What runs meanwhile changes no variables and files."""
        scopes_unsure = self._variables.scopes_unsure
        with self._environment.kept(), self._files.kept():
            yield
        self._variables.scopes_unsure = scopes_unsure

    def run_chain(self, chain: Chain, context: Context) -> None:
        # why the next command may not run, whether the commands since the last & or || succeed, and whether the next
        # command never runs
        unsure, success, never = "", True, False
        for index, (operator, node) in enumerate(chain.parts):
            if operator == "&":
                unsure, success, never = "", True, False
            elif operator == "||" and success:
                never = True
            elif operator == "||" or (operator == "&&" and not success):
                unsure = unsure or f"whether it runs depends on the result of the command before '{operator}'"
                success = operator == "||"
            if never and not has_label(node):
                continue
            following, after = chain.parts[index + 1] if index + 1 < len(chain.parts) else ("", node)
            piped = "|" in (operator, following)
            fed = following == "|" and isinstance(after, Simple) and program_name(after.text) in _SHELLS
            inner = context
            if unsure or never or piped or fed or context.called:
                inner = dataclasses.replace(
                    context,
                    unsure=context.unsure or unsure or (_LABEL_INSIDE if never else ""),
                    piped=context.piped or piped,
                    fed=context.fed or fed,
                    called=False,
                )
            self._run(node, inner)
            success = success and not piped and succeeds(node)

    def _run(self, node: Node, context: Context) -> None:
        if self._loops:
            self._count()
        if isinstance(node, Simple | Block) and node.redirections and self._files.used:
            redirections = [self._expanded(redirection, context) for redirection in node.redirections]
            output = self._file_commands.output(redirections, context.output, self._unsure(context))
            context = dataclasses.replace(context, output=output)
        if isinstance(node, Simple):
            self._run_simple(node, context)
        elif isinstance(node, Block):
            for chain in node.chains:
                self.run_chain(chain, context)
        elif isinstance(node, For):
            self._run_for(node, context)
        elif isinstance(node, Label):
            self._pass_label(node.name)
        elif isinstance(node, If):
            self._run_if(node, context)

    def _pass_label(self, name: str) -> None:
        self._detours.arrive(name)
        if self._results.label(name):
            self._environment.forget("a jump back to the label before this line may change")
            self._environment.delay(None)
            self._environment.arguments.forget("it depends on an argument, which a jump to the label before may change")
            self._files.forget("a jump back to the label before this line may change it")

    def _run_if(self, node: If, context: Context) -> None:
        holds = None if node.condition is None or context.piped else self._holds(node.condition, context)
        reason = f"whether it runs depends on the 'if' in line {self._results.line(node.place)}"
        for branch, runs in zip(node.branches, (holds, None if holds is None else not holds), strict=False):
            if runs:
                self.run_chain(branch, context)
            elif runs is None:
                self.run_chain(branch, _unsure(context, reason))
            elif has_label(branch):
                self.run_chain(branch, _unsure(context, _LABEL_INSIDE))

    def _holds(self, condition: Condition, context: Context) -> bool | None:
        sides = [self._expand(side, context) for side in (condition.left, condition.right)]
        return holds(dataclasses.replace(condition, left=sides[0], right=sides[1]), self._environment)

    def _expand(self, text: Text, context: Context) -> Text:
        """`text` with the variables that cmd.exe replaces just before the command runs."""
        text = expand_loops(text, self._loops, self._origins)
        if "\n" in text.value:
            text = mark(text, _LINE_FEED, _CONTINUED, self._origins)
        if context.piped and self._environment.delayed is not False:
            return mark(text, _EXCLAMATION, _DELAYED, self._origins)
        return expand_delayed(text, self._environment, self._origins)

    def _unsure(self, context: Context) -> str:
        """Why a command may not run; empty if it certainly does."""
        return context.unsure or self._results.stopped

    def _expanded(self, redirection: Redirection, context: Context) -> Redirection:
        return dataclasses.replace(redirection, file=self._expand(redirection.file, context))

    def _run_for(self, node: For, context: Context) -> None:
        line = self._results.line(node.place)
        items = self._expand(node.items, context)
        reason = f"the list of the 'for' in line {line} is only known when the file runs"
        if node.kind == "l":
            self._run_numbers(node, items, context)
        elif node.kind == "f" and self._run_lines(node, items, context):
            pass
        elif node.kind:
            mention = find_mention(items.value)
            if node.kind == "f" and mention is not None:
                self._results.add_unknown(
                    items[mention:], 0, f"the 'for' in line {line} runs this command to read its output"
                )
            self._run_body(node, VariableValue.unknown(items, reason), _unsure(context, reason))
        elif self._matters(node, context):
            for item in split_items(items):
                unknown = self._origins.why_unknown(item)
                if unknown:
                    # there may be no item, or several
                    self._run_body(node, VariableValue.unknown(item, unknown), _unsure(context, unknown))
                elif "*" in item.value or "?" in item.value:
                    self._run_body(node, VariableValue.unknown(item, reason), _unsure(context, reason))
                else:
                    self._run_body(node, VariableValue(text=item), context)
        else:
            # one pass is enough to find the lines with other commands
            self._run_body(node, VariableValue.unknown(items, reason), context)

    def _matters(self, node: For, context: Context, numbers: bool = False) -> bool:
        return context.output is not None or matters(node.body, self._files.used, numbers)

    def _run_numbers(self, node: For, items: Text, context: Context) -> None:
        line = self._results.line(node.place)
        numbers = counted(split_items(items))
        if numbers is None:
            reason = self._origins.why_unknown(items) or f"the numbers of the 'for' in line {line} are unknown"
            self._run_body(node, VariableValue.unknown(items, reason), _unsure(context, reason))
            return
        first, step, last = numbers
        times = count(first, step, last)
        if not self._matters(node, context, numbers=not self._loops):
            self._run_body(node, VariableValue.unknown(items, ""), context)
            if times is None:
                self._results.stop(f"the 'for' in line {line} never ends")
        elif times is None or times > MAX_RUNS:
            raise TooLongError
        else:
            for number in range(first, first + times * step, step or 1):
                digits = str(number)
                text = Text(value=digits, offsets=(items.offset(0),) * len(digits), end=items.end, file=items.file)
                self._run_body(node, VariableValue(text=text), context)

    def _run_lines(self, node: For, items: Text, context: Context) -> bool:
        """Run a ``for /f`` over a text or over files. False if the options or the lines are unknown."""
        options = line_options(node.options)
        value = items.value.strip(CMD_BLANKS)
        names = split_items(items)
        if options is None or not names:
            return False
        text, command = ("'", "`") if options.usebackq else ('"', "'")
        if value[0] == command:
            return False
        if not self._matters(node, context):
            self._run_body(node, VariableValue.unknown(items, ""), context)
            return True
        if value[0] == text:
            start = items.value.index(text) + 1
            end = items.value.rfind(text)
            if end < start:
                return False
            self._run_pieces(node, options, [items[start:end]], context)
            return True
        for name in names:
            content = self._files.read(name)
            if content.unknown or any("*" in name.value or "?" in name.value for name in names):
                line = self._results.line(node.place)
                reason = f"the list of the 'for' in line {line} is only known when the file runs"
                reason = f"{reason}: {content.unknown}" if content.unknown else reason
                self._run_body(node, VariableValue.unknown(items, reason), _unsure(context, reason))
            else:
                self._run_pieces(node, options, content.lines[options.skip :], context)
        return True

    def _run_pieces(self, node: For, options: LineOptions, lines: t.Iterable[Text], context: Context) -> None:
        for line in lines:
            self._count()
            if UNKNOWN in line.value:
                reason = self._origins.why_unknown(line)
                self._run_body(node, VariableValue.unknown(line, reason), _unsure(context, reason))
            elif (pieces := options.pieces(line)) is not None:
                first, *others = [VariableValue(text=piece) for piece in pieces]
                self._run_body(node, first, context, others)

    def _run_body(
        self, node: For, value: VariableValue, context: Context, others: t.Sequence[VariableValue] = ()
    ) -> None:
        """Run the body with a value for the variable, and with `others` for the letters after it."""
        self._count()
        loop = node.items.offset(0)
        before = dict(self._loops)
        for index, found in enumerate((value, *others)):
            self._origins.add_source(loop, found)
            self._loops[chr(ord(node.variable) + index)] = dataclasses.replace(found, loop=loop)
        self.run_chain(node.body, context)
        self._loops = before

    def _count(self) -> None:
        """Count a command in a loop. Raises `TooLongError` above the limit."""
        self._runs += 1
        if self._runs > MAX_RUNS:
            raise TooLongError

    def _run_simple(self, node: Simple, context: Context) -> None:
        text = self._expand(node.text, context)
        name, rest = built_in(text)
        if name == "call":
            calls = _CALLS.match(rest.value)
            # call also replaces the percent signs that are left
            text = self._parsed_again(rest[calls.end() if calls else 0 :])
            if text.value[:1] == ":":
                self._call_label(text[1:], context)
                self._results.leave_alone(node.text.offset(0))
                return
            name, rest = built_in(text)
            if name not in CONTROL:
                self._call_program(text)
            context = dataclasses.replace(context, called=True)
        unsure = self._unsure(context)
        if context.output is not None:
            self._file_commands.write(context.output, "" if context.piped else name, rest, unsure)
        if self._files.used and self._file_commands.follow(name, rest, text, unsure, context.piped):
            self._detours.clear()
        runs = self._run_built_in(name, rest, context) or self._run_known(text, context)
        if not runs and not self._run_netsh(text, node, context):
            self._leave_alone(text, context)

    def _run_netsh(self, text: Text, node: Simple, context: Context) -> bool:
        """Run a script of netsh. False if the command runs none."""
        word, arguments = program_word(text)
        if word.value.lower().removesuffix(".exe") != "netsh":
            return False
        found = script_file(arguments)
        if found is None and not arguments.value.strip(CMD_BLANKS):
            inputs = [redirection for redirection in node.redirections if redirection.sign == "<"]
            if inputs:
                found = self._expanded(inputs[-1], context).file, ()
            elif context.piped:
                self._results.add_unknown(text, 0, "netsh may read its commands from a pipe")
                return True
        if found is None:
            return False
        name, start = found
        command = Text.join((word, arguments), text)
        command = command[: len(command.value.rstrip(BLANKS))]
        content = self._files.read(name) if name else Content(unknown=_OTHER_OPTIONS)
        line = self._results.line(text.offset(0))
        if reason := self._unsure(context) or (_TWICE if context.piped else "") or content.unknown:
            self._results.add_unknown(command, 0, reason)
        else:
            self._origins.count(sum(map(len, content.lines)) if self._loops else 0)
            NetshScript(self._results, start, line).run(content.lines)
        return True

    def _parsed_again(self, text: Text) -> Text:
        """`text` for a pipe or a call, for which cmd.exe parses the text again."""
        return mark(text, _SPECIAL_AGAIN, _TWICE, self._origins)

    def _call_label(self, arguments: Text, context: Context) -> None:
        """Called code may set the variables that it names, and end the script."""
        place = arguments.offset(0)
        label = _label(arguments.value)
        left_out = bool(context.unsure and self._skips)
        line = self._results.line(place)
        if left_out:
            self._results.not_taken(line, f"the 'call' counts as one that does not run: {context.unsure}", label)
        else:
            self._results.jumps.note(label, line)
        names = self._results.jumps.sets(label)
        reason = f"it depends on a variable that the call in line {self._results.line(place)} may set"
        if names is None:
            self._environment.forget(f"the call in line {self._results.line(place)} may set")
        for name in names or ():
            self._environment.set(name, VariableValue.unknown(arguments, reason))
        ends = None if context.piped or left_out else self._results.jumps.exit_after(label)
        if ends is not None:
            self._results.stop(
                f"the call in line {self._results.line(place)} may reach the 'exit' in line "
                f"{self._results.line(ends)}, which ends the script; 'exit /b' only ends the subroutine"
            )

    def _call_program(self, text: Text) -> None:
        """A called batch file may set any variable."""
        word = program_name(text, "")
        if find_program(text) is None and not is_harmless(text) and not word.endswith((".exe", ".com")):
            self._environment.forget(f"the call in line {self._results.line(text.offset(0))} may set")

    def _run_built_in(self, name: str, rest: Text, context: Context) -> bool:
        """Run a built-in command that changes the state here. False if the line counts as one with other commands."""
        if name == "echo":
            return rest.value.strip(CMD_BLANKS).lower() in ("on", "off")
        if name == "rem":
            return True
        if name == "set":
            return context.piped or self._variables.set(rest, self._unsure(context))
        if name == "shift":
            if not context.piped:
                self._variables.shift(rest, self._unsure(context))
            return True
        if name in ("goto", "exit"):
            self._jump(name, rest, context)
        elif name in ("setlocal", "endlocal") and not context.piped:
            self._variables.local(name, rest, self._unsure(context))
        return False

    def _jump(self, name: str, rest: Text, context: Context) -> None:
        line = self._results.line(rest.offset(0))
        if context.unsure and self._skips:
            if self._results.skips:
                return
            label = _label(rest.value) if name == "goto" else ""
            self._results.not_taken(line, f"the '{name}' counts as one that does not run: {context.unsure}", label)
            if name == "goto":
                self._detours.add(label, line)
            return
        if name == "goto":
            label = _label(rest.value)
            if not (label.lower() == "eof" and ":" in rest.value):
                self._follow(label, line, context)
                self._results.jumps.note(label, line)
        if context.unsure:
            self._results.stop(f"the '{name}' in line {line} may skip it")
        else:
            self._results.stop(f"it comes after the '{name}' in line {line}")

    def _follow(self, label: str, line: int, context: Context) -> None:
        """Raise `Jump` if a jump to `label` is certain and leads forward."""
        if context != Context() or self._results.stopped or self._loops or has_label(self._line):
            return
        target = self._results.jumps.next(label, self._after)
        if target is not None:
            raise Jump(target, f"it comes after the 'goto' in line {line}")

    def _run_known(self, text: Text, context: Context) -> bool:
        found = find_program(text)
        if found is None:
            return False
        program, command = found
        command = command[: len(command.value.rstrip(BLANKS))]
        unsure = self._unsure(context)
        if context.piped:
            command = self._parsed_again(command)
        if unsure:
            self._results.add_unknown(command, 0, unsure)
        elif UNKNOWN in command.value:
            at = command.value.find(UNKNOWN)
            self._results.add_unknown(command, at, self._origins.reason(command.offset(at)))
        elif len(text) > LONGEST_LINE:
            self._results.add_unknown(command, 0, f"with its variables, this command {TOO_LONG}")
        else:
            self._results.add(program, command)
        return True

    def _leave_alone(self, text: Text, context: Context) -> None:
        mention = find_mention(text.value)
        if mention is not None and (context.fed or not is_harmless(text)):
            self._results.add_unknown(text[mention:], 0, _SLASH if has_slash_path(text) else _NOT_SUPPORTED)
            return
        at = self._variable_program(text)
        if at is not None:
            self._results.add_unknown(text, at, self._origins.reason(text.offset(at)))
            return
        self._results.leave_alone(text.offset(0))
        if self._files.used and not is_harmless(text):
            self._files.mention(text, self._results.line(text.offset(0)))
        if program_name(text, "").endswith((".bat", ".cmd")) and not context.called and not context.piped:
            line = self._results.line(text.offset(0))
            if context.unsure and self._skips:
                self._results.not_taken(line, f"this batch file counts as one that is not started: {context.unsure}")
                return
            self._results.stop(f"line {line} starts another batch file without 'call', which does not return")

    def _variable_program(self, text: Text) -> int | None:
        """Where the name of the program is an unknown variable that the file sets to ipseccmd or netsh ipsec."""
        name, rest = program_word(text)
        at = text.value.rfind(UNKNOWN, 0, len(text) - len(rest))
        if at < 0 or name.value.lower() not in ("", ".exe"):
            return None
        variables = self._origins.references.get(text.offset(at), set())
        return None if variables.isdisjoint(self._results.jumps.programs) else at


def _unsure(context: Context, reason: str) -> Context:
    return dataclasses.replace(context, unsure=context.unsure or reason)


def _label(arguments: str) -> str:
    """The label in the arguments of goto or call."""
    found = re.match(r"[\s,;=:]*([^\s:+&|<>,;=]*)", arguments)
    name = found[1] if found else ""
    return UNKNOWN if UNKNOWN in name else name
