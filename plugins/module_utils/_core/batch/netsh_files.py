# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Scripts for ``netsh -f``: commands without the word netsh, in a context that other lines change."""

from __future__ import annotations

import re
import typing as t

from ..source.text import FileText, Text
from ..source.words import HELP
from .files import UNREADABLE
from .results import Results
from .script import Program

_IPSEC: t.Final = ("ipsec", "static")
_CONTEXTS: t.Final = (_IPSEC, ("ipsec", "dynamic"))
# other contexts of netsh
_OTHERS: t.Final = frozenset(
    {"advfirewall", "branchcache", "bridge", "dhcp", "dhcpclient", "dnsclient", "firewall", "http", "interface", "lan"}
    | {"mbn", "namespace", "nap", "netio", "ras", "routing", "rpc", "trace", "wcn", "wfp", "winhttp", "winsock", "wlan"}
)
_NO_COMMAND: t.Final = re.compile(r"[ \t]*(?:#.*|(?:@?rem(?![^\s]).*)|:.*)?", re.IGNORECASE)
_CHANGES: t.Final = frozenset({"alias", "exec", "offline"})
_LEAVES: t.Final = frozenset({"bye", "exit", "quit"})
_SHOWS: t.Final = HELP | {"commit", "flush", "online"}
_VERBS: t.Final = ("add", "delete", "dump", "set", "show")
_OPTIONS: t.Final = re.compile(
    r"""(?:[ \t]+-c[ \t]+(?P<context>"[^"]*"|[^\s"]+))?
        [ \t]+(?:-f|exec)[ \t]+(?P<file>"[^"]*"|[^\s"]+)[ \t]*""",
    re.IGNORECASE | re.VERBOSE,
)
_SCRIPT_OPTION: t.Final = re.compile(r"""[ \t](?:[-/]f|exec)(?![^\s"])""", re.IGNORECASE)


def is_netsh_script(text: str) -> bool:
    """Whether the first command shows that `text` is a script of netsh, not a batch file."""
    lines = (match[0].rstrip("\r\x1a") for match in re.finditer("[^\n]+", text))
    command = next((line for line in lines if not _NO_COMMAND.fullmatch(line)), "")
    first, second, *_more = [*command.lower().split(), "", ""]
    return _is_context(second if first == "pushd" else first)


def _is_context(word: str) -> bool:
    return word in _OTHERS or _is_ipsec(word)


def _is_ipsec(word: str) -> bool:
    return len(word) > 2 and "ipsec".startswith(word)


def script_file(arguments: Text) -> tuple[Text, tuple[str, ...]] | None:
    """The file that netsh runs, and the context in which it begins; None if the arguments name no file. The file is
    empty for arguments that are not known here.
    """
    if not _SCRIPT_OPTION.search(arguments.value):
        return None
    match = _OPTIONS.fullmatch(arguments.value)
    context = _context((match["context"] or "").strip('"').lower().split()) if match else None
    if match is None or context is None:
        return arguments[:0], ()
    return arguments[match.start("file") : match.end("file")], context


def _context(words: t.Sequence[str]) -> tuple[str, ...] | None:
    """The full names of a context; None if it is none of ``ipsec``."""
    if not words:
        return ()
    if not _is_ipsec(words[0]):
        return None
    if len(words) == 1:
        return ("ipsec",)
    return next((found for found in _CONTEXTS if len(words) == 2 and found[1].startswith(words[1])), None)


class NetshScript:
    """Follows the lines of a script and adds their commands to `results`. `line` is that of the batch file that runs
    it; 0 for a script of its own.
    """

    def __init__(self, results: Results, context: tuple[str, ...] = (), line: int = 0) -> None:
        self._results = results
        self._line = line
        # another context than those of ipsec is None
        self._context: tuple[str, ...] | None = context
        self._kept: list[tuple[str, ...] | None] = []
        # why commands from here on are unknown
        self._unsure = ""

    def run(self, lines: t.Iterable[Text]) -> None:
        for line in lines:
            if _NO_COMMAND.fullmatch(line.value):
                continue
            words = line.value.lower().split()
            if words and words[0] in _LEAVES:
                break
            if words:
                self._run(line, words)

    def _run(self, line: Text, words: list[str]) -> None:
        first = words[0]
        if first == "popd":
            self._context = self._kept.pop() if self._kept else self._context
        elif first == "..":
            # it is not known how far another context reaches
            self._context = self._context and self._context[:-1]
        elif first == "pushd":
            self._kept.append(self._context)
            if words[1:]:
                self._enter(line, words[1:])
        elif first in _CHANGES or words[:2] in (["set", "machine"], ["set", "mode"]):
            self._stop(line, "it changes what netsh does with the lines after it")
        elif first in ("netsh", "netsh.exe"):
            self._refuse(line, "a script of netsh has its commands without the word netsh")
        elif _is_ipsec(first) and self._context != ():
            self._stop(line, "it is not known whether netsh finds this from a context other than the first one")
        elif self._context is not None and (len(self._context) == 2 or (self._context and first in _VERBS)):
            self._add(line)
        elif first not in _SHOWS:
            self._enter(line, words)

    def _enter(self, line: Text, words: list[str]) -> None:
        """A line that names a context, with or without a command of that context."""
        here = self._context
        if _is_ipsec(words[0]) and here != ():
            # after pushd
            self._stop(line, "it is not known whether netsh finds this from a context other than the first one")
        elif here or _is_ipsec(words[0]):
            context = _context([*(here or ()), *words])
            if context is None:
                self._add(line)
            self._context = context or here
        else:
            if not self._line:
                self._results.leave_alone(line.offset(0))
            if words[0] in _OTHERS and not any("=" in word or word in _VERBS for word in words):
                self._context = None

    def _add(self, line: Text) -> None:
        command = self._command(line)
        unreadable = UNREADABLE.search(command.value)
        if self._unsure:
            self._results.add_unknown(command, 0, self._unsure, self._caller(line))
        elif unreadable:
            reason = "it has a character that does not belong into a text file"
            self._results.add_unknown(command, unreadable.start(), reason, self._caller(line))
        else:
            self._results.add(Program.NETSH, command, self._caller(line))

    def _caller(self, line: Text) -> int:
        """The line that runs the script, for a line of another file."""
        return self._line if isinstance(line.file, FileText) else 0

    def _command(self, line: Text) -> Text:
        """The command with its context, whose characters have the place of the first word."""
        start = len(line) - len(line.value.lstrip())
        command = line[start : len(line.value.rstrip())]
        prefix = "".join(f"{word} " for word in self._context or ())
        before = Text(value=prefix, offsets=[command.offset(0)] * len(prefix), end=command.offset(0), file=line.file)
        return Text.join((before, command), line)

    def _refuse(self, line: Text, reason: str) -> None:
        self._results.add_unknown(self._command(line), 0, reason, self._caller(line))

    def _stop(self, line: Text, reason: str) -> None:
        self._refuse(line, reason)
        self._unsure = self._unsure or f"it comes after {line.where()}, which netsh may understand differently"
        self._context = _IPSEC
