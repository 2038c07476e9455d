# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Commands that write, delete or copy files, or change the current folder."""

from __future__ import annotations

import re
import typing as t

from ..source.text import Text
from .files import Content, Files
from .lexer import CMD_BLANKS
from .loops import split_items
from .parser import Redirection
from .programs import program_name
from .results import Results
from .variables import Origins

# commands that write nothing to their output
_SILENT: t.Final = frozenset({"break", "cd", "chdir", "goto", "popd", "pushd", "set", "setlocal", "endlocal", "shift"})
# commands that change the files in their arguments
_CHANGES: t.Final = frozenset(
    {"copy", "del", "erase", "expand", "move", "ren", "rename", "replace", "robocopy", "xcopy"}
)
_MOVES: t.Final = frozenset({"cd", "chdir", "pushd", "popd"})
FILE_COMMANDS: t.Final = _CHANGES | _MOVES
_FOLDER_OPTION: t.Final = re.compile(r"[\s,;=]*/d(?![^\s,;=\"])", re.IGNORECASE)
_DRIVE: t.Final = re.compile(r"[A-Za-z]:[\s,;=]*")
_OTHER_DRIVE: t.Final = "the folder may be on another drive"


class FileCommands:
    """Follows what commands do to `files`. `unsure` says why a command may not run."""

    def __init__(self, files: Files, results: Results, origins: Origins) -> None:
        self._files = files
        self._results = results
        self._origins = origins

    def output(self, redirections: t.Iterable[Redirection], found: Content | None, unsure: str) -> Content | None:
        """The file that gets the output of a command, which went to `found` before its redirections."""
        for redirection in redirections:
            if redirection.sign == "<":
                continue
            content = None
            if redirection.file:
                line = self._results.line(redirection.file.offset(0))
                content = self._files.write(redirection.file, line, unsure, redirection.sign == ">>")
                if redirection.handle not in ("", "1"):
                    content.unknown = content.unknown or f"line {line} writes messages of a program to it"
            if redirection.handle in ("", "1"):
                found = content
        return found

    def write(self, output: Content, name: str, rest: Text, unsure: str) -> None:
        """What the built-in command `name` with its arguments, or another program, writes to its output."""
        arguments = rest.value.strip(CMD_BLANKS).lower()
        if name in _SILENT or (name == "type" and arguments == "nul"):
            return
        text = rest[1:]
        shows_text = arguments not in ("", "on", "off", "/?") or rest.value[:1] in (".", ":", "(")
        if unsure:
            output.unknown = output.unknown or unsure
        elif name == "echo" and shows_text:
            output.lines.append(text)
            output.unknown = output.unknown or self._origins.why_unknown(text)
        else:
            line = self._results.line(rest.offset(0))
            output.unknown = output.unknown or f"line {line} writes the output of a program to it"

    def follow(self, name: str, rest: Text, text: Text, unsure: str, piped: bool) -> bool:
        """What the command `text` changes. Returns whether it certainly changes the current folder."""
        files, line = self._files, self._results.line(text.offset(0))
        if name in ("del", "erase") and not piped:
            for word in split_items(rest):
                if word.value[0] != "/":
                    files.write(word, line, unsure)
        elif name in _CHANGES or program_name(text) in _CHANGES:
            files.change(rest, line)
        elif (name in _MOVES or _DRIVE.fullmatch(text.value)) and not piped:
            self._move(name, rest, unsure)
            return not unsure
        return False

    def _move(self, name: str, rest: Text, unsure: str) -> None:
        option = _FOLDER_OPTION.match(rest.value)
        folder = rest[option.end() if option else 0 :]
        folder = folder[len(folder) - len(folder.value.lstrip(CMD_BLANKS)) : len(folder.value.rstrip(CMD_BLANKS))]
        if name == "popd":
            self._files.leave(unsure)
        elif name not in _MOVES:
            self._files.enter(folder, _OTHER_DRIVE)
        elif folder:
            stays = name != "pushd" and not option and ":" in folder.value
            self._files.enter(folder, unsure or (_OTHER_DRIVE if stays else ""), name == "pushd")
