# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Parses logical lines of a batch file into commands, chains, blocks and loops."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..source.text import Text
from .lexer import DELIMITERS, HANDLES, OPERATORS, Cursor, SyntaxProblem
from .variables import Builder

_MAX_DEPTH: t.Final = 100
_COMPARISONS: t.Final = frozenset({"equ", "neq", "lss", "leq", "gtr", "geq"})
_QUESTIONS: t.Final = frozenset({"exist", "defined", "errorlevel", "cmdextversion"})
_REDIRECTIONS: t.Final = frozenset("<>")
_STOPS: t.Final = OPERATORS | _REDIRECTIONS | {"\n"}
_STOPS_IN_BLOCK: t.Final = _STOPS | {")"}
_BEFORE: t.Final = DELIMITERS | {"@"}
# most lines are one command, and all of their characters are literal
_PLAIN: t.Final = re.compile(r"""(?!rem|if|for)[a-z][^"&|<>^()\0]*+(?:"[^"\0]*+"[^"&|<>^()\0]*+)*+""", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Simple:
    """A command without its redirections."""

    text: Text


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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class For:
    """A loop over `items`; `kind` is the letter of its option, such as l for /l, or empty."""

    place: int
    kind: str
    variable: str
    items: Text
    body: Chain


@dataclasses.dataclass(frozen=True, slots=True)
class If:
    """The command and, if there is an else, the command after it."""

    place: int
    branches: tuple[Chain, ...]


Node: t.TypeAlias = Simple | Label | Block | For | If
_NOTHING: t.Final = Block()


class Parser:
    """Parses one logical line after the other."""

    def __init__(self, file: str, next_line: t.Callable[[], Text | None]) -> None:
        self._file = file
        self._next_line = next_line
        self._cursor = Cursor(file, next_line)
        self._level = 0
        self._open = 0

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
            # a comment in a script for netsh -f
            self._cursor.skip_line()
        chain = self._chain()
        if self._cursor.peek() != "\n":
            raise self._problem("unexpected text")
        return chain

    def _problem(self, problem: str) -> SyntaxProblem:
        return SyntaxProblem(self._cursor.place, problem)

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
            if node is not None and node is not _NOTHING:
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
        redirected = self._skip_before()
        cursor = self._cursor
        character = cursor.peek()
        if character == "(":
            return self._block()
        if character == ":":
            return self._label()
        if character == ")" and not self._open:
            # cmd.exe treats the line as a remark
            cursor.skip_line()
            return _NOTHING
        if character and (character in OPERATORS or character in "\n)"):
            return _NOTHING if redirected else None
        place = cursor.place
        if cursor.accept("rem"):
            cursor.skip()
            if cursor.peek() not in ("&", "|"):
                cursor.skip_remark()
            return _NOTHING
        if cursor.accept("if"):
            return self._if(place)
        if cursor.accept("for"):
            return self._for(place)
        return self._simple()

    def _skip_before(self) -> bool:
        """Skip what may come before a command or after a block. Returns whether there was a redirection."""
        redirected = False
        while True:
            self._cursor.skip(_BEFORE)
            if not self._redirects():
                return redirected
            self._redirection()
            redirected = True

    def _redirects(self) -> bool:
        """Whether a redirection begins here, such as ``>`` or ``2>``."""
        character = self._cursor.peek()
        if character in HANDLES:
            character = self._cursor.peek_next()
        return character in _REDIRECTIONS

    def _redirection(self) -> None:
        cursor = self._cursor
        place = cursor.place
        sign = cursor.take()[0]
        if sign in HANDLES:
            sign = cursor.take()[0]
        if cursor.peek() == sign:
            cursor.take()
        if cursor.peek() == "&":
            cursor.take()
        cursor.skip()
        if not self._word("\n&|<>"):
            raise SyntaxProblem(place, "this redirection has no file")

    def _word(self, stop: str = "\n&|<>(") -> str:
        """The characters up to a delimiter, a character of `stop`, or a parenthesis that closes a block."""
        cursor = self._cursor
        found: list[str] = []
        inner = 0
        while True:
            character = cursor.peek()
            if character and (character in DELIMITERS or character in stop):
                break
            if character == ")" and self._open and not inner:
                break
            inner += (character == "(") - (character == ")")
            found.append(cursor.take()[0])
        return "".join(found)

    def _simple(self) -> Simple:
        cursor = self._cursor
        built = Builder(self._file)
        end = cursor.place
        stops = _STOPS_IN_BLOCK if self._open else _STOPS
        while (character := cursor.peek()) not in stops or character in _REDIRECTIONS:
            if character in _REDIRECTIONS:
                self._redirection()
                continue
            run, places = cursor.take_run(stops)
            end = places[-1] + 1
            if cursor.peek() in _REDIRECTIONS and cursor.behind_handle():
                run, places = run[:-1], places[:-1]
            built.extend(run, places)
        return Simple(built.text(end))

    def _label(self) -> Node:
        cursor = self._cursor
        cursor.take()
        if cursor.peek() == ":":
            cursor.skip_label()
            return _NOTHING
        cursor.skip()
        name = self._word("\n&|<>(:+")
        cursor.skip_label()
        return Label(name)

    def _block(self) -> Block:
        cursor = self._cursor
        place = cursor.take()[1]
        self._open += 1
        chains: list[Chain] = []
        while True:
            chain = self._chain()
            if chain.parts:
                chains.append(chain)
            if cursor.peek() == ")":
                break
            if cursor.peek() != "\n":
                raise self._problem("unexpected text")
            if not cursor.next_row():
                raise SyntaxProblem(place, "this parenthesis is not closed")
        cursor.take()
        self._open -= 1
        self._skip_before()
        return Block(tuple(chains))

    def _if(self, place: int) -> If:
        cursor = self._cursor
        cursor.skip(" \t,;")
        word = self._operand()
        while word.lower() in ("/i", "not"):
            cursor.skip(" \t,;")
            word = self._operand()
        if word.lower() in _QUESTIONS:
            cursor.skip()
            self._operand()
        else:
            cursor.skip(" \t,;")
            compares = cursor.peek_next() == "=" if cursor.peek() == "=" else self._operand().lower() in _COMPARISONS
            if not compares:
                raise self._problem("'if' needs a comparison, such as ==")
            cursor.skip()
            self._operand()
        branches = [self._chain("if")]
        cursor.skip()
        if cursor.accept("else"):
            branches.append(self._chain("else"))
        return If(place, tuple(branches))

    def _operand(self) -> str:
        word = self._word("\n&|<>")
        if not word:
            raise self._problem("'if' has nothing to compare")
        return word

    def _for(self, place: int) -> For:
        cursor = self._cursor
        kind = variable = ""
        while not variable:
            cursor.skip()
            word = self._word()
            if word[:1] == "%":
                variable = word[1:]
            elif word[:1] == "/" and not kind:
                kind = word[1:].lower()
            elif not word or not kind:
                break
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
        return For(place=place, kind=kind, variable=variable, items=items, body=self._chain("do"))

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
