# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Parses logical lines of a batch file into commands, chains, blocks and loops."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..source.text import Text
from .conditions import COMPARISONS, QUESTIONS, Condition
from .lexer import DELIMITERS, HANDLES, OPERATORS, UNKNOWN, Cursor, SyntaxProblem
from .variables import Builder

_MAX_DEPTH: t.Final = 100
_REDIRECTIONS: t.Final = frozenset("<>")
_STOPS: t.Final = OPERATORS | _REDIRECTIONS | {"\n"}
_STOPS_IN_BLOCK: t.Final = _STOPS | {")"}
_BEFORE: t.Final = DELIMITERS | {"@"}
# most lines are one command, and all of their characters are literal
_PLAIN: t.Final = re.compile(r"""(?!rem|if|for)[a-z][^"&|<>^()\0]*+(?:"[^"\0]*+"[^"&|<>^()\0]*+)*+""", re.IGNORECASE)
# what makes `rem` a remark; behind other signs, as in rem/ and rem., operators work
_BLANKS_OR_UNKNOWN: t.Final = DELIMITERS | {UNKNOWN}
_REMARK_ENDS: t.Final = DELIMITERS | _STOPS
_REMARK_ENDS_IN_BLOCK: t.Final = DELIMITERS | _STOPS_IN_BLOCK


@dataclasses.dataclass(frozen=True, slots=True)
class Redirection:
    """A redirection to or from a file, other than NUL; `handle` is empty if none is written."""

    handle: str
    sign: str
    file: Text


@dataclasses.dataclass(frozen=True, slots=True)
class Simple:
    """A command without its redirections, and these."""

    text: Text
    redirections: tuple[Redirection, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Remark:
    """A remark, which always succeeds."""


@dataclasses.dataclass(frozen=True, slots=True)
class Label:
    """A label, which jumps name."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Chain:
    """Commands in a row, each with the operator before it."""

    parts: tuple[tuple[str, Node], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """Commands in parentheses; empty for a comment."""

    chains: tuple[Chain, ...] = ()
    redirections: tuple[Redirection, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class For:
    """A loop over `items`; `kind` is the letter of its option, such as l for /l, or empty. `options` are those after
    /f.
    """

    place: int
    kind: str
    options: str
    variable: str
    items: Text
    body: Chain


@dataclasses.dataclass(frozen=True, slots=True)
class If:
    """The command and, if there is an else, the command after it. `condition` is None if it depends on the
    host.
    """

    place: int
    branches: tuple[Chain, ...]
    condition: Condition | None


Node: t.TypeAlias = Simple | Remark | Label | Block | For | If
_NOTHING: t.Final = Block()
# a comment that cmd.exe reads as a label
_COMMENT: t.Final = Block()
# output that goes to no file
_NOWHERE: t.Final = (Redirection("", ">", Text.of("")),)


class Parser:
    """Parses one logical line after the other."""

    def __init__(self, file: str, next_line: t.Callable[[], Text | None]) -> None:
        self._file = file
        self._next_line = next_line
        self._cursor = Cursor(file, next_line)
        self._level = 0
        self._open = 0
        self._commands = 0
        # whether the last command read is a label
        self._labelled = False

    def statement(self) -> Chain | None:
        """The next logical line; None at the end of the file.

        Raises `SyntaxProblem`; the next call continues with the physical line after the error.
        """
        line = self._next_line()
        if line is None:
            return None
        if _PLAIN.fullmatch(line.value) and line.end == line.offsets[-1] + 1:
            return Chain((("", Simple(line)),))
        self._cursor.begin(line)
        self._level = self._open = 0
        if self._cursor.peek() == "#":
            self._comment()
        chain = self._chain()
        if self._cursor.peek() != "\n":
            raise self._problem("unexpected text")
        return chain

    def _problem(self, problem: str) -> SyntaxProblem:
        return SyntaxProblem(self._cursor.place, problem)

    def _comment(self) -> None:
        """A comment in a script for netsh -f. With an operator, it is a command of a batch file."""
        if self._cursor.continues():
            raise SyntaxProblem(
                self._cursor.place,
                "this line continues in a batch file, but not in a script for netsh -f",
                certain=False,
            )
        if not self._cursor.has_operator():
            self._cursor.skip_line()

    def _chain(self, keyword: str = "") -> Chain:
        """Commands up to the end of the line or block; a `keyword` before them requires at least one."""
        if self._level == _MAX_DEPTH:
            raise self._problem(f"commands are nested more than {_MAX_DEPTH} levels deep")
        self._level += 1
        parts: list[tuple[str, Node]] = []
        operator = ""
        while True:
            node = self._command()
            if node is None and keyword:
                raise self._problem(f"expected a command after '{keyword}'")
            keyword = ""
            following = self._operator()
            if node is None and (following or operator not in ("", "&")):
                raise self._problem("expected a command")
            if node is not None and node is not _NOTHING and node is not _COMMENT:
                parts.append((operator, node))
            if not following:
                break
            operator = following
        self._level -= 1
        return Chain(tuple(parts))

    def _operator(self) -> str:
        character = self._cursor.peek()
        if not character or character not in OPERATORS:
            return ""
        self._cursor.take()
        if self._cursor.peek() != character:
            return character
        self._cursor.take()
        return character * 2

    def _command(self) -> Node | None:
        """The command that begins here; None if the next operator or the end of the line comes first."""
        node = self._node()
        if node is not None:
            self._commands += 1
            self._labelled = node is _COMMENT or isinstance(node, Label)
        return node

    def _node(self) -> Node | None:
        redirections = self._skip_before()
        cursor = self._cursor
        character = cursor.peek()
        if character == "(":
            return self._block(redirections)
        if character == ":":
            return self._label()
        if character == ")" and not self._open:
            # cmd.exe treats the line as a remark
            cursor.skip_line()
            return _NOTHING
        if character and (character in OPERATORS or character in "\n)"):
            return None if redirections is None else Block((), tuple(redirections))
        place = cursor.place
        if cursor.accept("rem", _REMARK_ENDS_IN_BLOCK if self._open else _REMARK_ENDS):
            cursor.skip()
            if cursor.peek() == UNKNOWN:
                cursor.skip(_BLANKS_OR_UNKNOWN)
                if cursor.peek() in OPERATORS:
                    problem = "without the value before this sign, which is not known, the remark ends there"
                    raise SyntaxProblem(cursor.place, problem, certain=False)
            if cursor.peek() not in OPERATORS:
                cursor.skip_remark()
            return Remark()
        if cursor.accept("if"):
            return self._if(place)
        if cursor.accept("for"):
            return self._for(place)
        return self._simple(redirections)

    def _skip_before(self) -> list[Redirection] | None:
        """Skip what may come before a command or after a block. Returns the redirections; None if there are none."""
        found: list[Redirection] | None = None
        while True:
            self._cursor.skip(_BEFORE)
            if not self._redirects():
                return found
            found = [*(found or ()), *self._redirection()]

    def _redirects(self) -> bool:
        """Whether a redirection begins here, such as ``>`` or ``2>``."""
        character = self._cursor.peek()
        if character in HANDLES:
            character = self._cursor.peek_next()
        return character in _REDIRECTIONS

    def _redirection(self, handle: str = "") -> tuple[Redirection, ...]:
        """Read a redirection, whose `handle` may have been read before. The file is empty for NUL and other handles.
        The result is empty if it does not matter.
        """
        cursor = self._cursor
        place = cursor.place
        sign = cursor.take()[0]
        if sign in HANDLES:
            handle, sign = sign, cursor.take()[0]
        if cursor.peek() == sign:
            sign += cursor.take()[0]
        copies = cursor.peek() == "&"
        if copies:
            cursor.take()
        cursor.skip()
        characters, places = self._characters("\n&|<>")
        word = "".join(characters)
        if not word:
            raise SyntaxProblem(place, "this redirection has no file")
        if not copies and word.lower() != "nul":
            file = Text(value=word, offsets=places, end=cursor.place, file=self._file)
            return (Redirection(handle, sign, file),)
        # the output no longer goes to a file that an earlier redirection names
        return _NOWHERE if handle in ("", "1") and sign != "<" else ()

    def _word(self, stop: str = "\n&|<>(") -> str:
        return "".join(self._characters(stop)[0])

    def _characters(self, stop: str) -> tuple[list[str], list[int]]:
        """The characters up to a delimiter, a character of `stop`, or a parenthesis that closes a block, and their
        offsets.
        """
        cursor = self._cursor
        found: list[str] = []
        places: list[int] = []
        inner = 0
        while True:
            character = cursor.peek()
            if character and (character in DELIMITERS or character in stop):
                break
            if character == ")" and self._open and not inner:
                break
            inner += (character == "(") - (character == ")")
            taken, place = cursor.take()
            found.append(taken)
            places.append(place)
        return found, places

    def _simple(self, redirections: list[Redirection] | None) -> Simple:
        cursor = self._cursor
        built = Builder(self._file)
        end = cursor.place
        handle = ""
        stops = _STOPS_IN_BLOCK if self._open else _STOPS
        while (character := cursor.peek()) not in stops or character in _REDIRECTIONS:
            if character in _REDIRECTIONS:
                redirections = [*(redirections or ()), *self._redirection(handle)]
                handle = ""
                continue
            run, places = cursor.take_run(stops)
            end = places[-1] + 1
            if cursor.peek() in _REDIRECTIONS and cursor.behind_handle():
                run, places, handle = run[:-1], places[:-1], run[-1]
            built.extend(run, places)
        return Simple(built.text(end), tuple(redirections or ()))

    def _label(self) -> Node:
        cursor = self._cursor
        cursor.take()
        if cursor.peek() == ":":
            cursor.skip_label()
            return _COMMENT
        cursor.skip()
        name = self._word("\n&|<>(:+")
        cursor.skip_label()
        return Label(name)

    def _block(self, redirections: list[Redirection] | None) -> Block:
        cursor = self._cursor
        place = cursor.take()[1]
        self._open += 1
        chains: list[Chain] = []
        commands = self._commands
        while True:
            chain = self._chain()
            if chain.parts:
                chains.append(chain)
            if cursor.peek() == ")":
                if self._commands == commands:
                    raise self._problem("these parentheses contain no command")
                if self._labelled:
                    raise self._problem("a label or a comment with '::' is the last line before this parenthesis")
                break
            if cursor.peek() != "\n":
                raise self._problem("unexpected text")
            if not cursor.next_row():
                raise SyntaxProblem(place, "this parenthesis is not closed")
        cursor.take()
        self._open -= 1
        return Block(tuple(chains), (*(redirections or ()), *(self._skip_before() or ())))

    def _if(self, place: int) -> If:
        cursor = self._cursor
        cursor.skip(" \t,;")
        left = self._operand()
        options: list[str] = []
        while (word := left.value.lower()) in ("/i", "not"):
            options.append(word)
            cursor.skip(" \t,;")
            left = self._operand()
        operator = word
        if operator not in QUESTIONS:
            cursor.skip(" \t,;")
            if cursor.peek() == "=":
                operator = "==" if cursor.peek_next() == "=" else ""
            else:
                operator = self._operand().value.lower()
            if operator not in COMPARISONS:
                raise self._problem("'if' needs a comparison, such as ==")
        cursor.skip()
        right = self._operand()
        condition = Condition(
            operator=operator, left=left, right=right, negated="not" in options, ignores_case="/i" in options
        )
        known = len(options) == len(set(options)) and operator in (*COMPARISONS, "defined")
        branches = [self._chain("if")]
        cursor.skip()
        if cursor.accept("else"):
            branches.append(self._chain("else"))
        return If(place, tuple(branches), condition if known else None)

    def _operand(self) -> Text:
        characters, places = self._characters("\n&|<>")
        if not characters:
            raise self._problem("'if' has nothing to compare")
        return Text(value="".join(characters), offsets=places, end=self._cursor.place, file=self._file)

    def _for(self, place: int) -> For:
        cursor = self._cursor
        kind = variable = options = ""
        while not variable:
            cursor.skip()
            word = self._word()
            if word[:1] == "%":
                variable = word[1:]
            elif word[:1] == "/" and not kind:
                kind = word[1:].lower()
            elif not word or not kind:
                break
            else:
                options = word
        if len(variable) != 1:
            raise self._problem("'for' needs a variable, such as %%i")
        cursor.skip()
        if not cursor.accept("in"):
            raise self._problem("expected 'in' after the variable of 'for'")
        cursor.skip()
        items = self._items()
        cursor.skip()
        if not cursor.accept("do"):
            raise self._problem("expected 'do' after the list of 'for'")
        return For(place=place, kind=kind, options=options, variable=variable, items=items, body=self._chain("do"))

    def _items(self) -> Text:
        """The list of a loop in parentheses, which may span several lines."""
        cursor = self._cursor
        place = cursor.place
        if cursor.peek() != "(":
            raise self._problem("expected a list in parentheses after 'in'")
        cursor.take()
        built = Builder(self._file)
        while True:
            character = cursor.peek()
            if character == ")":
                return built.text(cursor.take()[1])
            if character == "\n":
                built.add(" ", cursor.place)
                if not cursor.next_row():
                    raise SyntaxProblem(place, "this parenthesis is not closed")
                continue
            if character and character in "&|<>":
                raise self._problem(f"unexpected '{character}' in the list of 'for'")
            built.add(*cursor.take())
