# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Files that a batch file reads: those in its folder, and those that it writes itself."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import typing as t

from ..hints import brief
from ..source.text import FileText, Text, lines_of
from ..store.casing import fold
from .lexer import UNKNOWN
from .loops import split_items
from .outside import Outside
from .variables import THE_CURRENT_FOLDER, THE_FOLDER, Origins

_READS: t.Final = re.compile(r"netsh[^\n]*(?:[-/]f|exec|<)|for[\s,;=]+/f", re.IGNORECASE)
UNREADABLE: t.Final = re.compile("[\0\x1a]")
_ABSOLUTE: t.Final = re.compile(r"[A-Z]:|\\|\0")
_ALONE: t.Final = re.compile("\0[^\0]+\0")
_WORD: t.Final = re.compile("[^\\s\"',;=<>|&()]+")
# signs of a name that may be that of any file
_SIGNS: t.Final = frozenset({UNKNOWN, "*", "?"})
# files whose last component is unknown
_VAGUE: t.Final = ""
_SHOWN: t.Final = 100


@dataclasses.dataclass(slots=True)
class Content:
    """The lines of a file, and why they are unknown."""

    lines: list[Text] = dataclasses.field(default_factory=list)
    unknown: str = ""


class Files:
    """The files as the commands so far leave them. The key of a file is equal for equal names."""

    def __init__(self, file: str, outside: Outside, origins: Origins) -> None:
        self.used = bool(_READS.search(file))
        """Whether the batch file may read files, so that it matters what it writes."""
        self._outside = outside
        self._origins = origins
        self._found: dict[str, Content] = {}
        self._by_base: dict[str, set[str]] = {}
        # the last components of names to which something unknown was written, and why
        self._spoiled: dict[str, str] = {}
        # what the batch file wrote, in order
        self.written: list[Content] = []
        # why any file may have changed
        self._lost = ""
        # empty is the folder of the batch file; others end with a backslash
        self._folder = ""
        self._folders: list[str] = []
        self._moves = 0

    @contextlib.contextmanager
    def kept(self) -> t.Iterator[None]:
        """What changes meanwhile is undone afterwards."""
        found = {key: Content(list(content.lines), content.unknown) for key, content in self._found.items()}
        by_base = {base: set(keys) for base, keys in self._by_base.items()}
        spoiled, written, lost = dict(self._spoiled), list(self.written), self._lost
        folder, folders = self._folder, list(self._folders)
        yield
        self._found, self._by_base, self._spoiled, self.written, self._lost = found, by_base, spoiled, written, lost
        self._folder, self._folders = folder, folders

    def forget(self, reason: str) -> None:
        """From here on, all files are unknown."""
        self._lost = reason
        for content in self._found.values():
            content.unknown = reason
        self._found, self._by_base = {}, {}

    def read(self, name: Text) -> Content:
        key, problem = self._key(name)
        if problem:
            return Content(unknown=problem)
        if key not in self._found:
            self._keep(key, self._given(name, key))
        return self._found[key]

    def _keep(self, key: str, content: Content) -> None:
        self._found[key] = content
        base = _base(key)
        self._by_base.setdefault(_VAGUE if UNKNOWN in base else base, set()).add(key)

    def _given(self, name: Text, key: str) -> Content:
        """A file that the batch file does not write."""
        if reason := self._lost or self._spoiled.get(_base(key), ""):
            return Content(unknown=reason)
        text = None if UNKNOWN in key else self._outside.read(key)
        plain = name.value.replace('"', "").strip()
        shown = "the file" if UNKNOWN in plain else f"the file '{brief(plain, _SHOWN)}'"
        if text is None:
            return Content(
                unknown=f"the content of {shown} is not known; the module reads a file beside the script, and the "
                "filters have the option files"
            )
        if UNREADABLE.search(text):
            return Content(unknown=f"{shown} has characters that do not belong into a text file")
        return Content(lines_of(FileText(text, plain)))

    def write(self, name: Text, line: int, unsure: str = "", append: bool = False) -> Content:
        """The content of a file that a command in `line` begins to write, or deletes."""
        content = self.read(name) if append else Content()
        content.unknown = unsure or content.unknown
        key, problem = self._key(name)
        self._spoil(key or _plain(name.value), line, key)
        if not problem:
            self._keep(key, content)
        self.written.append(content)
        return content

    def mention(self, command: Text, line: int) -> None:
        """A command of another program, which may write to the files that it names."""
        for word in _WORD.findall(_plain(command.value)):
            if not set(_base(word)) & _SIGNS:
                self._spoil(word, line)

    def change(self, arguments: Text, line: int) -> None:
        """A command that copies or renames the files that `arguments` name, or writes to them."""
        for word in split_items(arguments):
            key = self._key(word)[0] or _plain(word.value)
            # a variable that is not set here is the name of a folder
            if not _ALONE.fullmatch(key):
                self._spoil(key, line)

    def _spoil(self, key: str, line: int, kept: str = "") -> None:
        """Forget the files that may be the file `key`, except `kept`: those with the same last component."""
        base = _base(key)
        reason = f"line {line} may write to the same file"
        self._spoiled[base] = reason
        others = {*self._by_base.get(base, ()), *self._by_base.get(_VAGUE, ())}
        if set(base) & _SIGNS:
            self._lost = reason
            others = set(self._found)
        for other in others - {kept}:
            self._found.pop(other).unknown = reason
            self._by_base[_VAGUE if UNKNOWN in _base(other) else _base(other)].discard(other)

    def _key(self, name: Text) -> tuple[str, str]:
        """The key of a file, and why it is not known."""
        pieces: list[str] = []
        for character, place in zip(name.value, name.offsets, strict=True):
            if character == UNKNOWN:
                identity = self._origins.identity(place)
                if not identity:
                    return "", self._origins.reason(place)
                pieces.append(identity)
            else:
                pieces.append(character)
        path = _plain("".join(pieces))
        folder = "" if _ABSOLUTE.match(path) else self._folder
        for known, meaning in ((THE_FOLDER, ""), (THE_CURRENT_FOLDER, self._folder)):
            if path.startswith(known):
                path, folder = path.removeprefix(known).lstrip("\\"), meaning
        parts = [part for part in path.split("\\") if part not in ("", ".")]
        if ".." in parts or any(known in path for known in (THE_FOLDER, THE_CURRENT_FOLDER)):
            return "", "it is not known which file this is"
        root = path[: min(2, len(path) - len(path.lstrip("\\")))]
        return folder + root + "\\".join(parts), ""

    def enter(self, name: Text, unsure: str, keep: bool = False) -> None:
        """``cd``, or ``pushd`` with `keep`."""
        if keep:
            self._folders.append(self._folder)
        key, problem = self._key(name)
        if unsure or problem:
            self._moves += 1
            key = f"\0{self._moves}\0"
        self._folder = f"{key}\\" if key else ""

    def leave(self, unsure: str) -> None:
        """``popd``."""
        if self._folders:
            self._folder = self._folders.pop()
        if unsure:
            self._moves += 1
            self._folder = f"\0{self._moves}\0\\"


def file_key(name: str) -> str:
    """The key of a file beside the batch file, as `Outside.read` gets it."""
    path = _plain(name)
    return path if _ABSOLUTE.match(path) else "\\".join(part for part in path.split("\\") if part not in ("", "."))


def _plain(name: str) -> str:
    return fold(name.replace('"', "").strip().replace("/", "\\"))


def _base(key: str) -> str:
    return key.rpartition("\\")[2]
