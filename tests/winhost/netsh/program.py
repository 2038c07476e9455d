# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The program netsh.exe: its arguments, files and interactive mode, and the contexts of commands."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

from ..dynamic import Database
from ..faults import Refused
from . import show
from .commands import VERBS, Commands
from .texts import NetshError, translate
from .words import match, split

if t.TYPE_CHECKING:
    from ..faults import Course
    from ..host import Host

LONGEST_LINE: t.Final = 8191
"""Characters. The limit of netsh is not documented; cmd.exe has this one."""
_CONTEXTS: t.Final = {(): ("ipsec",), ("ipsec",): ("dynamic", "static")}
_ENDS: t.Final = ("exit", "bye", "quit")


class Netsh:
    """One run of netsh.exe. `course` has the faults of the command that started it."""

    def __init__(self, host: Host, database: Database, course: Course | None) -> None:
        self._host = host
        self._database = database
        self._course = course
        self._language: str = host.setting("language")
        self._output: list[str] = []
        self._context: tuple[str, ...] = ()
        self._pushed: list[tuple[str, ...]] = []
        self._ended = False

    def run(self, arguments: t.Sequence[str], stdin: str) -> tuple[int, str]:
        """The exit code and the output. Raises `Killed`."""
        if not arguments:
            # a user reads errors, so they do not count
            self._run_lines(stdin, prompt=True)
            return 0, self._text()
        if match(arguments[0], ["-f"]):
            try:
                text = pathlib.Path(arguments[1]).read_bytes().decode(errors="surrogateescape")
            except (OSError, IndexError):
                self._print(NetshError("file", arguments[-1]).text(self._language))
                return 1, self._text()
            return int(not self._run_lines(text, prompt=False)), self._text()
        return int(not self._run(list(arguments))), self._text()

    def _text(self) -> str:
        return "".join(line + "\r\n" for line in self._output)

    def _print(self, *lines: str) -> None:
        self._output += lines

    def _run_lines(self, text: str, prompt: bool) -> bool:
        """Whether all lines succeed."""
        passed = True
        for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            if self._ended:
                break
            if prompt:
                self._print(" ".join(("netsh", *self._context)) + ">")
            try:
                if len(line) > LONGEST_LINE:
                    raise NetshError("long", LONGEST_LINE)
                words = [] if line.lstrip().startswith("#") else split(line)
            except NetshError as error:
                self._fail("", error)
                passed = False
                continue
            passed = self._run(words) and passed
        return passed

    def _run(self, words: list[str]) -> bool:
        """Run a command, or change the context. Whether it succeeds."""
        try:
            return self._enter(words) if words else True
        except NetshError as error:
            self._fail("", error)
            return False

    def _fail(self, command: str, error: NetshError) -> None:
        self._print(error.text(self._language))
        self._host.event("netsh", command, error.code)

    def _enter(self, words: list[str]) -> bool:
        first = words[0].lower()
        if first in _ENDS:
            self._ended = True
        elif first == "..":
            self._context = self._context[:-1]
        elif first == "popd":
            self._context = self._pushed.pop() if self._pushed else self._context
        elif first == "pushd":
            self._pushed.append(self._context)
            self._context = self._follow(words[1:])[0]
        else:
            context, rest = self._follow(words)
            if context == ("ipsec", "dynamic") and rest:
                return self._run_dynamic(rest)
            if rest:
                raise NetshError("unknown", words[0])
            self._context = context
        return True

    def _follow(self, words: list[str]) -> tuple[tuple[str, ...], list[str]]:
        """The context that words name from here or from a context above, and the words that are left."""
        if self._context == ("ipsec", "dynamic") and words and match(words[0], VERBS):
            return self._context, words
        for depth in range(len(self._context), -1, -1):
            context, rest = self._context[:depth], list(words)
            while rest and (name := match(rest[0], _CONTEXTS.get(context, ()))) is not None:
                context, rest = (*context, name), rest[1:]
            if len(rest) < len(words) or not words:
                return context, rest
        raise NetshError("unknown", words[0])

    def _run_dynamic(self, words: list[str]) -> bool:
        """Whether a command below `ipsec dynamic` succeeds."""
        page = show.Page(self._language)
        name = ""
        try:
            name, do = Commands(self._host, self._database, page).find(words)
            with self._course.step("netsh") if self._course else contextlib.nullcontext():
                if not self._host.setting("administrator"):
                    raise NetshError("denied")
                with self._host.lock:
                    if not self._host.sync_running():
                        raise NetshError("service")
                    do()
        except NetshError as error:
            self._fail(name, error)
            return False
        except Refused:
            self._fail(name, NetshError("denied"))
            return False
        self._host.event("netsh", name, None)
        self._print(*page.lines, translate("Ok.", self._language), "")
        return True
