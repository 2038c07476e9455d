# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Random batch files of the kind that people write around ipseccmd and netsh. The same seed makes the same file.

Each command has a number, such as ``c7``, right after its program. So a command that runs can be found in the file.
"""

from __future__ import annotations

import random
import typing as t

_PROGRAMS: t.Final = (
    *("ipseccmd", "ipseccmd", "IPSECCMD", "ipseccmd.exe", "ipsecpol", '"ipseccmd"', ".\\ipseccmd", "./ipseccmd"),
    *("netsh ipsec static", "netsh ipsec static", "NetSh IPSec Static", "tools\\ipseccmd.exe"),
)
_ARGUMENTS: t.Final = (
    *("-w reg", '-p "My policy"', "-r rule", "-n BLOCK", "-f *+0:445:TCP", "-f 0=10.0.0.1:80:TCP", "-x", "/x"),
    *('p:"k&y|"', '"a > b < c"', "a^&b", "a^|b", "x^^y", "^(1^)", '"(1)"', '"^"', "100%%", '"%%A%%"', "!", '"!a!"'),
    *("a;b,c=d", "[3des,sha]", "name=x", 'description="a; b"', "#1", "@", "-1s", "2", "5", 'a"b c"d', "\t", "~", "'a'"),
)
_REDIRECTIONS: t.Final = (
    ">nul",
    "> nul",
    "1>nul",
    "2>nul",
    ">nul 2>&1",
    ">>out.txt",
    "2>>out.txt",
    "<nul",
    ">out.txt 2>&1",
)
_REMARKS: t.Final = (
    *("rem", "REM {}", "rem {} & {}", "@rem {}", "rem,{}", "rem >x {}", ":: {}", "::", ":::{}", "  :: {} & {}"),
    *(
        "echo {}",
        "echo.",
        "echo:{}",
        "echo.{}",
        "echo/{}",
        "@echo {}",
        "echo",
        "@echo off",
        "title {}",
        "rem.{}",
        "Rem\t{}",
    ),
)
_WORDS: t.Final = ("x", "abc", "y z", "10.0.0.1", "Policy", "a-b")
_NAMES: t.Final = ("A", "B", "a_1", "Name")
_TRUE: t.Final = (
    *("a==a", "not a==b", "/i A==a", '"a b"=="a b"', "1 EQU 1", "not 1 neq 1", "abc neq x", "1 LSS 2", "/i not a==b"),
    *("a == a", 'exist "."', "not exist nothing.txt", "2 geq 1", "errorlevel 0", "not defined NOTHING"),
)


class Maker:
    """Makes the statements of one file. `leave_out` has the names of methods that are not used."""

    def __init__(self, seed: int, leave_out: t.Collection[str] = ()) -> None:
        self._random = random.Random(seed)
        self._commands = 0
        self._labels = 0
        self._letters: list[str] = []
        self._subroutines: list[list[str]] = []
        self._delayed = False
        kinds = (*self.SIMPLE, *self.COMPOUND)
        assert not set(leave_out) - set(kinds), "there is no such kind of statement"
        self._simple = [name for name in self.SIMPLE if name not in leave_out]
        self._compound = [name for name in self.COMPOUND if name not in leave_out]

    SIMPLE: t.Final = (
        *(
            "plain",
            "plain",
            "plain",
            "redirected",
            "redirected_first",
            "errors_redirected_first",
            "remark",
            "empty_remark",
            "variable",
            "quoted_variable",
            "used_variable",
        ),
        *(
            "part_of_variable",
            "replaced_in_variable",
            "delayed_variable",
            "continued",
            "program_in_variable",
            "at_sign",
            "delimiter_first",
        ),
    )
    COMPOUND: t.Final = (
        *(
            "in_a_row",
            "if_it_works",
            "if_it_fails",
            "piped",
            "block",
            "block_in_block",
            "condition",
            "condition_and_else",
            "if_defined",
        ),
        *(
            "condition_with_blocks",
            "compared_variable",
            "loop",
            "loop_over_a_row",
            "loop_over_numbers",
            "loop_over_text",
            "loop_over_text_inside",
            "scope",
            "delayed_scope",
            "skipped",
        ),
        *("label", "call", "call_in_block", "leave", "bare_label", "called_program", "variable_in_block"),
    )

    # statements that are made outside and inside blocks and loops only
    ONLY_OUTSIDE: t.Final = frozenset(
        {"skipped", "label", "bare_label", "leave", "call", "block", "variable_in_block", "loop_over_text"}
    )
    ONLY_INSIDE: t.Final = frozenset({"call_in_block", "block_in_block", "loop_over_text_inside"})

    def script(self) -> str:
        lines = ["@echo off"] if self.chance(0.7) else []
        lines += [f"set {name}={self.word()}" for name in _NAMES if self.chance(0.7)]
        for _number in range(self._random.randint(2, 4)):
            lines += self.statement(0)
        if self._subroutines:
            lines.append(self.choose("goto :eof", "exit /b", "GOTO:EOF", "exit /b 0"))
            for subroutine in self._subroutines:
                lines += subroutine
        return "".join(f"{line}\r\n" for line in lines)

    def choose(self, *items: str) -> str:
        return self._random.choice(items)

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def statement(self, depth: int) -> list[str]:
        """The lines of a statement; `depth` is the number of blocks and loops around it."""
        names = self._simple if depth > 2 or self.chance(0.45) else self._compound
        wrong = self.ONLY_OUTSIDE if depth else self.ONLY_INSIDE
        names = [name for name in names if name not in wrong]
        found = getattr(self, self._random.choice(names))(depth)
        return [found] if isinstance(found, str) else found

    def statements(self, depth: int) -> list[str]:
        return [line for _number in range(self._random.randint(1, 2)) for line in self.statement(depth)]

    def command(self, program: str = "", *more: str) -> str:
        """A command in one line."""
        self._commands += 1
        words = [program or self.choose(*_PROGRAMS), f"c{self._commands}", *more]
        words += [self._argument(loops=True) for _number in range(self._random.randint(0, 3))]
        return " ".join(words)

    def _argument(self, loops: bool = False) -> str:
        if loops and self._letters and self.chance(0.5):
            return f"%%{self.choose('', '~')}{self._letters[-1]}"
        found = self.choose(*_ARGUMENTS)
        # with delayed expansion, these signs have another meaning
        return "x" if self._delayed and ("!" in found or "^" in found) else found

    def name(self) -> str:
        return self.choose(*_NAMES)

    def word(self) -> str:
        return self.choose(*_WORDS)

    # statements in one line

    def plain(self, depth: int) -> str:
        return self.choose("", "", "", " ", "\t") + self.command()

    def delimiter_first(self, depth: int) -> str:
        return self.choose(";", ",", "= ", " , ; ") + self.command()

    def at_sign(self, depth: int) -> str:
        return self.choose("@", "@ ", " @") + self.command()

    def redirected(self, depth: int) -> str:
        more = f" {self._argument()}" if self.chance(0.3) else ""
        return f"{self.command()} {self.choose(*_REDIRECTIONS)}{more}"

    def redirected_first(self, depth: int) -> str:
        return f"{self.choose('>nul', '>>out.txt')} {self.command()}"

    def errors_redirected_first(self, depth: int) -> str:
        return f"2>nul {self.command()}"

    def remark(self, depth: int) -> str:
        text = self.choose("ipseccmd c0 a", "netsh ipsec static c0", "text", "a b")
        return self.choose(*_REMARKS).replace("{}", text)

    def empty_remark(self, depth: int) -> str:
        """A remark that ends at the sign."""
        return f"rem {self.choose('&', '|', '&&', '||')} {self.command()}"

    def variable(self, depth: int) -> str:
        value = self.choose(self.word(), self.word(), "", f"%{self.name()}%{self.word()}", "a^&b", '"x y"', "x ", "1=2")
        return f"{self.choose('set', 'SET', '@set')} {self.name()}={value}"

    def quoted_variable(self, depth: int) -> str:
        value = self.choose(self.word(), "a & b", "", f"{self.word()} %{self.name()}%", "(1)", "a^b")
        return f'set "{self.name()}={value}"{self.choose("", "", " x")}'

    def used_variable(self, depth: int) -> str:
        name = self.name()
        return self.command("", self.choose(f"%{name}%", f'"%{name}%"', f"x%{name.lower()}%y"))

    def part_of_variable(self, depth: int) -> str:
        part = self.choose("~0,3", "~1", "~-2", "~0,-1", "~2,1", "~-3,2")
        return self.command("", f'"%{self.name()}:{part}%"')

    def replaced_in_variable(self, depth: int) -> str:
        change = self.choose("x=y", "a=", " =_", "B=cc", "*a=b")
        return self.command("", f'"%{self.name()}:{change}%"')

    def delayed_variable(self, depth: int) -> str:
        return self.command("", self.choose(f"!{self.name()}!", f'"!{self.name()}!"'))

    def continued(self, depth: int) -> list[str]:
        first = self.command()
        more = [f"{self.choose(*_WORDS)} ^"] if self.chance(0.3) else []
        return [f"{first} ^", *more, self.choose(*_WORDS)]

    def program_in_variable(self, depth: int) -> list[str]:
        name = self.name()
        program = self.choose("ipseccmd", "netsh ipsec static", "tools\\ipseccmd.exe")
        return [f"set {name}={program}", self.command(f"%{name}%")]

    # statements with others in them

    def inside(self, depth: int) -> str:
        """One statement in one line, for places that allow no second one."""
        if self.chance(0.15):
            return f"( {self.command()} )"
        return self.choose(self.command(), self.command(), self.redirected(depth), f"set {self.name()}={self.word()}")

    def in_a_row(self, depth: int) -> str:
        sign = self.choose(" & ", "&", " &")
        return sign.join(self.inside(depth) for _number in range(self._random.randint(2, 3)))

    def if_it_works(self, depth: int) -> str:
        return f"{self.inside(depth)} && {self.inside(depth)}"

    def if_it_fails(self, depth: int) -> str:
        return f"{self.inside(depth)} || {self.inside(depth)}"

    def piped(self, depth: int) -> str:
        return self.choose(f"echo y| {self.command()}", f"{self.command()} | findstr x", f"echo y | {self.command()}")

    def block(self, depth: int) -> list[str]:
        return ["(", *self.statements(depth + 1), self.choose(")", ") >nul", " )")]

    def block_in_block(self, depth: int) -> list[str]:
        return self.block(depth)

    def condition(self, depth: int) -> list[str]:
        test = f"{self.choose('if', 'IF')} {self.choose('', 'not ')}{self.choose('a==b', '1==1')}"
        test = self.choose(test, f"if {self.choose(*_TRUE)}")
        if self.chance(0.5):
            return [f"{test} {self.inside(depth)}"]
        return [f"{test} (", *self.statements(depth + 1), ")"]

    def condition_and_else(self, depth: int) -> list[str]:
        test = f"if {self.choose('a==b', *_TRUE)}"
        if self.chance(0.4):
            return [f"{test} ({self.command()}) else {self.command()}"]
        return [f"{test} (", self.redirected(depth), self.plain(depth), ") else (", self.plain(depth), ")"]

    def condition_with_blocks(self, depth: int) -> list[str]:
        test = f"if {self.choose('a==b', *_TRUE)}"
        return [f"{test} (", *self.statements(depth + 1), ") else (", *self.statements(depth + 1), ")"]

    def if_defined(self, depth: int) -> str:
        return f"if {self.choose('', 'not ')}defined {self.name()} {self.inside(depth)}"

    def compared_variable(self, depth: int) -> str:
        name = self.name()
        test = f'{self.choose("", "not ", "/i ")}"%{name}%"=="{self.choose(self.word(), "")}"'
        return f"if {test} {self.inside(depth)}"

    def _loop(self, head: str, letter: str, depth: int) -> list[str]:
        self._letters.append(letter)
        body = [f"{head} {self.inside(depth)}"] if self.chance(0.5) else [f"{head} (", *self.statements(depth + 1), ")"]
        self._letters.pop()
        return body

    def _letter(self, depth: int) -> str:
        return "ijkl"[depth]

    def loop(self, depth: int) -> list[str]:
        letter = self._letter(depth)
        items = self.choose("a b", "a,b;c", '"a b" c', "10.0.0.1 10.0.0.2", "a", "445 139", '"a"', "a=b", "tcp  udp")
        return self._loop(f"for %%{letter} in ({items}) do", letter, depth)

    def loop_over_a_row(self, depth: int) -> str:
        letter = self._letter(depth)
        return f"for %%{letter} in (a b) do {self.command('', f'%%{letter}')} & {self.command()}"

    def loop_over_numbers(self, depth: int) -> list[str]:
        letter = self._letter(depth)
        numbers = self.choose("1,1,3", "3,-1,1", "5 5 10", "0,2,3", "2,1,1", "-1,1,1")
        return self._loop(f"for /{self.choose('l', 'L')} %%{letter} in ({numbers}) do", letter, depth)

    def loop_over_text(self, depth: int) -> list[str]:
        letter = self._letter(depth)
        options = self.choose("", "", '"tokens=2" ', '"delims=," ', '"tokens=1,2" ', '"tokens=*" ')
        return self._loop(f'for /f {options}%%{letter} in ("{self.choose("a b c", "x,y z", "one")}") do', letter, depth)

    def loop_over_text_inside(self, depth: int) -> list[str]:
        return self.loop_over_text(depth)

    def scope(self, depth: int) -> list[str]:
        return ["setlocal", *self.statements(depth), self.used_variable(depth), "endlocal", self.used_variable(depth)]

    def delayed_scope(self, depth: int) -> list[str]:
        before, self._delayed = self._delayed, True
        body = [*self.statements(depth), self.delayed_variable(depth)]
        self._delayed = before
        return [self.choose("setlocal enabledelayedexpansion", "SetLocal EnableDelayedExpansion"), *body, "endlocal"]

    def variable_in_block(self, depth: int) -> list[str]:
        name = self.name()
        return ["(", f"set {name}={self.word()}", self.command("", f"%{name}%"), ")", self.command("", f'"%{name}%"')]

    def _label(self) -> str:
        self._labels += 1
        return f"label{self._labels}"

    def skipped(self, depth: int) -> list[str]:
        label = self._label()
        jump = self.choose(f"goto {label}", f"goto :{label}", f"GOTO {label.upper()}", f"if a==a goto {label}")
        return [jump, *self.statements(depth), f":{label}", self.command()]

    def label(self, depth: int) -> list[str]:
        """A loop by a jump back, which ends."""
        label, name = self._label(), self.name()
        return [f"set {name}=", f":{label}", self.command("", f"%{name}%"), f"set {name}=%{name}%x",
                f"if not \"%{name}%\"==\"xx\" goto {label}"]  # fmt: skip

    def bare_label(self, depth: int) -> list[str]:
        return [self.choose(f":{self._label()}", f" :{self._label()} text", f":{self._label()}"), self.command()]

    def call(self, depth: int) -> str:
        label = self._label()
        argument = self.choose("", "", " one", ' "a b"')
        body = self.statements(depth + 1)
        used = self.command("", self.choose("%1", "%~1", "%*", "x"))
        self._subroutines.append([f":{label}", *body, used, self.choose("exit /b", "goto :eof", "exit /b 1")])
        return f"call :{label}{argument}"

    def call_in_block(self, depth: int) -> str:
        return self.call(depth)

    def called_program(self, depth: int) -> str:
        return f"call {self.command('ipseccmd')}"

    def leave(self, depth: int) -> list[str]:
        if self.chance(0.7):
            return [f"if {self.choose('a==b', 'a==a')} {self.choose('exit /b', 'goto :eof', 'exit /b 1')}"]
        return [self.choose("exit /b", "goto :eof", "exit")]


def make(seed: int, leave_out: t.Collection[str] = ()) -> str:
    return Maker(seed, leave_out).script()
