# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Running the commands of a batch file without running anything."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..model import fold
from ..redact import BLANKS
from ..source import Text
from ..words import LONGEST_LINE
from .lexer import DELIMITERS
from .loops import count, counted, split_items
from .parser import Block, Chain, For, If, Label, Node, Simple
from .programs import built_in, find_mention, find_program, is_harmless, program_name, program_word
from .results import Results
from .variables import UNKNOWN, Builder, Environment, Origins, TooMuchError, Value, expand_loops

_MOST: t.Final = 100_000
_BLANKS: t.Final = "".join(sorted(DELIMITERS))
_CONTROL: t.Final = frozenset({"set", "call", "setlocal", "endlocal", "goto", "exit"})
# these read commands from their input
_SHELLS: t.Final = frozenset({"cmd", "netsh"})
_CALLS: t.Final = re.compile(r"[\s,;=]*(?:call[\s,;=]+)*", re.IGNORECASE)
_EXCLAMATION: t.Final = re.compile("(!)")
# carets and percent signs anywhere, operators outside of quotes
_SPECIAL_AGAIN: t.Final = re.compile(r'"[^"%^]*"|([%^&|<>])')
_TWICE: t.Final = "cmd.exe reads it a second time, which may change it here"
_DELAYED: t.Final = "it depends on delayed expansion of !NAME!"


@dataclasses.dataclass(frozen=True, slots=True)
class Around:
    """What a command stands in: `unsure` says why it may not run, `piped` that another cmd.exe runs it, `fed` that its
    output goes to cmd.exe or netsh, `called` that it stands behind a call.
    """

    unsure: str = ""
    piped: bool = False
    fed: bool = False
    called: bool = False


class Runner:
    """Goes through the commands as they would run, and tells `results`."""

    def __init__(self, results: Results, environment: Environment, origins: Origins) -> None:
        self._results = results
        self._environment = environment
        self._origins = origins
        self._loops: dict[str, Value] = {}
        self._runs = 0
        # whether there may be a setlocal that ran or not
        self._loose = False

    def run_chain(self, chain: Chain, around: Around) -> None:
        unsure = ""
        for index, (operator, node) in enumerate(chain.parts):
            if operator in ("&&", "||"):
                unsure = f"whether it runs depends on the command before '{operator}'"
            elif operator == "&":
                unsure = ""
            following, after = chain.parts[index + 1] if index + 1 < len(chain.parts) else ("", node)
            piped = "|" in (operator, following)
            fed = following == "|" and isinstance(after, Simple) and program_name(after.text) in _SHELLS
            self._run(node, Around(around.unsure or unsure, around.piped or piped, around.fed or fed))

    def _run(self, node: Node, around: Around) -> None:
        if self._loops:
            self._count()
        if isinstance(node, Simple):
            self._run_simple(node, around)
        elif isinstance(node, Block):
            for chain in node.chains:
                self.run_chain(chain, around)
        elif isinstance(node, Chain):
            self.run_chain(node, around)
        elif isinstance(node, For):
            self._run_for(node, around)
        elif isinstance(node, Label):
            self._results.label(node.name)
        else:
            reason = f"whether it runs depends on the 'if' in line {self._results.line(node.place)}"
            for branch in node.branches:
                self.run_chain(branch, _unsure(around, reason))

    def _run_for(self, node: For, around: Around) -> None:
        line = self._results.line(node.place)
        items = expand_loops(node.items, self._loops, self._origins)
        reason = f"the list of the 'for' in line {line} is known only where it runs"
        if node.kind == "l":
            self._run_numbers(node, items, around)
        elif node.kind:
            mention = find_mention(items.value)
            if node.kind == "f" and mention is not None:
                self._results.doubt(items[mention:], 0, f"the 'for' in line {line} runs it for its output")
            self._run_body(node, Value.unknown(items, reason), _unsure(around, reason))
        elif _matters(node.body):
            for item in split_items(items):
                if "*" in item.value or "?" in item.value:
                    self._run_body(node, Value.unknown(item, reason), _unsure(around, reason))
                else:
                    self._run_body(node, Value(item, self._origins.why_unknown(item)), around)
        else:
            # once is enough to see which lines have other commands
            self._run_body(node, Value.unknown(items, reason), around)

    def _run_numbers(self, node: For, items: Text, around: Around) -> None:
        line = self._results.line(node.place)
        numbers = counted(split_items(items))
        if numbers is None:
            reason = self._origins.why_unknown(items) or f"the numbers of the 'for' in line {line} are not known"
            self._run_body(node, Value.unknown(items, reason), _unsure(around, reason))
            return
        first, step, last = numbers
        times = count(first, step, last)
        if not _matters(node.body, numbers=not self._loops):
            self._run_body(node, Value.unknown(items, ""), around)
            if times is None:
                self._results.stop(f"the 'for' in line {line} has no end")
        elif times is None or times > _MOST:
            raise TooMuchError
        else:
            for number in range(first, first + times * step, step or 1):
                digits = str(number)
                text = Text(digits, (items.offset(0),) * len(digits), items.end, items.file)
                self._run_body(node, Value(text), around)

    def _run_body(self, node: For, value: Value, around: Around) -> None:
        self._count()
        loop = node.items.offset(0)
        self._origins.add_source(loop, value)
        before = dict(self._loops)
        self._loops[node.variable] = dataclasses.replace(value, loop=loop)
        self.run_chain(node.body, around)
        self._loops = before

    def _count(self) -> None:
        """Raises `TooMuchError` if a loop is more work than a file should make."""
        self._runs += 1
        if self._runs > _MOST:
            raise TooMuchError

    def _run_simple(self, node: Simple, around: Around) -> None:
        text = expand_loops(node.text, self._loops, self._origins)
        if self._environment.delayed:
            text = self._mark(text, _EXCLAMATION, _DELAYED)
        name, rest = built_in(text)
        if name == "call":
            calls = _CALLS.match(rest.value)
            # also the percent signs that are left are replaced now
            text = self._read_twice(rest[calls.end() if calls else 0 :])
            if text.value[:1] == ":":
                self._call_label(text[1:])
                self._results.leave_alone(node.text.offset(0))
                return
            name, rest = built_in(text)
            if name not in _CONTROL:
                self._call_program(text)
            around = dataclasses.replace(around, called=True)
        if not self._run_built_in(name, rest, around) and not self._run_ours(text, around):
            self._leave_alone(text, around)

    def _read_twice(self, text: Text) -> Text:
        """`text` for a pipe or a call, where what was no more special becomes so again."""
        return self._mark(text, _SPECIAL_AGAIN, _TWICE)

    def _mark(self, text: Text, pattern: re.Pattern[str], reason: str) -> Text:
        """`text` with the characters that are the group of `pattern` as what is unknown."""
        built = Builder(text.file)
        done = 0
        for match in pattern.finditer(text.value):
            at = match.start(1)
            if at >= 0:
                built.copy(text, done, at)
                built.add(self._origins.unknown(text.offset(at), reason), text.offset(at))
                done = at + 1
        if not done:
            return text
        built.copy(text, done, len(text))
        return built.text(text.end)

    def _call_label(self, arguments: Text) -> None:
        """A label that is called may set what stands behind it."""
        place = arguments.offset(0)
        label = _label(arguments.value)
        self._results.jumps.note(label, self._results.line(place))
        names = self._results.jumps.sets(label)
        reason = f"it depends on a variable that the call in line {self._results.line(place)} may set"
        if names is None:
            self._environment.forget(f"the call in line {self._results.line(place)} may set")
        for name in names or ():
            self._environment.set(name, Value.unknown(arguments, reason))

    def _call_program(self, text: Text) -> None:
        """Another batch file that is called may set any variable."""
        word = program_name(text, "")
        if find_program(text) is None and not is_harmless(text) and not word.endswith((".exe", ".com")):
            self._environment.forget(f"the call in line {self._results.line(text.offset(0))} may set")

    def _run_built_in(self, name: str, rest: Text, around: Around) -> bool:
        """Run what changes this reader's own state; False if it is none of that, or is to be left alone too."""
        if name == "echo":
            return rest.value.strip(_BLANKS).lower() in ("on", "off")
        if name == "set":
            return around.piped or self._set(rest, around)
        if name in ("goto", "exit"):
            self._jump(name, rest, around)
        elif name in ("setlocal", "endlocal") and not around.piped:
            self._local(name, rest, around)
        return False

    def _jump(self, name: str, rest: Text, around: Around) -> None:
        line = self._results.line(rest.offset(0))
        if name == "goto":
            label = _label(rest.value)
            if not (label.lower() == "eof" and ":" in rest.value):
                self._results.jumps.note(label, line)
        if around.unsure:
            self._results.stop(f"the '{name}' in line {line} may lead past it")
        else:
            self._results.stop(f"it stands behind the '{name}' in line {line}")

    def _local(self, name: str, rest: Text, around: Around) -> None:
        environment = self._environment
        unsure = bool(around.unsure or self._results.stopped)
        if name == "endlocal":
            if unsure or self._loose:
                environment.forget(f"the endlocal in line {self._results.line(rest.offset(0))} may change")
            else:
                environment.leave()
            return
        if unsure:
            self._loose = True
        elif not environment.enter():
            self._results.stop("cmd.exe stops where too many setlocal are open")
        options = rest.value.lower()
        if "enabledelayedexpansion" in options:
            environment.delay(True)
        elif "disabledelayedexpansion" in options and not unsure:
            environment.delay(False)

    def _set(self, rest: Text, around: Around) -> bool:
        """`set` with what follows; False if it shows variables, computes or asks."""
        rest = _strip(rest)
        place = rest.offset(0)
        option = rest.value[:2].lower()
        line = self._results.line(place)
        if option in ("/a", "/p"):
            reason = f"it depends on a variable that line {line} sets where it runs"
            expression = rest.value[2:] if option == "/a" else rest.value[2:].partition("=")[0].lstrip(_BLANKS + '"')
            for name in re.split(r'[\s()!~*/%+\-<>&^|=,"\']+', expression) if option == "/a" else [expression]:
                self._assign(name, Value.unknown(rest, reason))
            return False
        start, end = 0, len(rest)
        if rest.value[:1] == '"':
            start, last = 1, rest.value.rfind('"')
            end = last if last else end
        equals = rest.value.find("=", start, end)
        if equals <= start:
            return False
        text = rest[equals + 1 : end]
        unsure = around.unsure or self._results.stopped
        if unsure:
            value = Value.unknown(text, f"it depends on a variable that line {line} may set")
        elif len(text) > LONGEST_LINE:
            value = Value.unknown(text, f"it depends on a variable that line {line} makes longer than cmd.exe allows")
        else:
            value = Value(text, self._origins.why_unknown(text))
        self._assign(rest.value[start:equals], value)
        return True

    def _assign(self, name: str, value: Value) -> None:
        self._origins.add_source(fold(name), value)
        if UNKNOWN in name:
            line = self._results.line(value.text.offset(0))
            self._environment.forget(f"line {line} may set")
        else:
            self._environment.set(name, value)

    def _run_ours(self, text: Text, around: Around) -> bool:
        found = find_program(text)
        if found is None:
            return False
        program, command = found
        command = command[: len(command.value.rstrip(BLANKS))]
        unsure = around.unsure or self._results.stopped
        if around.piped:
            command = self._read_twice(command)
        if unsure:
            self._results.doubt(command, 0, unsure)
        elif UNKNOWN in command.value:
            at = command.value.find(UNKNOWN)
            self._results.doubt(command, at, self._origins.reason(command.offset(at)))
        else:
            self._results.add(program, command)
        return True

    def _leave_alone(self, text: Text, around: Around) -> None:
        mention = find_mention(text.value)
        if mention is not None and (around.fed or not is_harmless(text)):
            self._results.doubt(text[mention:], 0, "it is run in a way that is not understood")
            return
        self._results.leave_alone(text.offset(0))
        if program_name(text, "").endswith((".bat", ".cmd")) and not around.called and not around.piped:
            line = self._results.line(text.offset(0))
            self._results.stop(f"the batch file that line {line} starts does not return")


def _unsure(around: Around, reason: str) -> Around:
    return dataclasses.replace(around, unsure=around.unsure or reason)


def _strip(text: Text) -> Text:
    return text[len(text) - len(text.value.lstrip(_BLANKS)) :]


def _label(arguments: str) -> str:
    """The name in the arguments of goto or call."""
    found = re.match(r"[\s,;=:]*([^\s:+&|<>,;=]*)", arguments)
    name = found[1] if found else ""
    return UNKNOWN if UNKNOWN in name else name


def _matters(node: Node, numbers: bool = False) -> bool:
    """Whether it makes a difference how often `node` runs, in a loop over names or over `numbers`."""
    if isinstance(node, Simple):
        text = node.text
        if built_in(text)[0] in _CONTROL or find_program(text) is not None:
            return True
        # a name may turn out to be that of a program of ours
        if not numbers and "%" in program_word(text)[0].value:
            return True
        return not is_harmless(text) and ((not numbers and "%" in text.value) or find_mention(text.value) is not None)
    if isinstance(node, Chain):
        return any(_matters(part, numbers) for _operator, part in node.parts)
    if isinstance(node, Block):
        return any(_matters(chain, numbers) for chain in node.chains)
    if isinstance(node, If):
        return any(_matters(branch, numbers) for branch in node.branches)
    return isinstance(node, Label) or _matters(node.body, numbers and node.kind == "l")
