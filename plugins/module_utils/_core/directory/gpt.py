# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""GPT.INI, the file in SYSVOL that has the version of a Group Policy object a second time (MS-GPOL 2.2.4)."""

from __future__ import annotations

import codecs
import dataclasses
import re
import typing as t

from ..hints import printable
from ..model.gpos import WantedGpos
from .errors import DirectoryError
from .state import DirectoryState, Gpo

SIZE_LIMIT: t.Final = 1 << 16
"""The largest file that is read, in bytes. Windows writes less than a hundred."""
_U32: t.Final = 1 << 32
# UTF-8 before ASCII, as a file with a byte order mark is never the latter; ASCII may be any code page of Windows
_ENCODINGS: t.Final = (
    (codecs.BOM_UTF8, "utf-8", "surrogateescape"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "surrogatepass"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "surrogatepass"),
    (b"", "latin-1", "strict"),
)
_LINE: t.Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)?")
_SECTION: t.Final = re.compile(r"\s*\[\s*([^\]\r\n]*?)\s*\]")
_VERSION: t.Final = re.compile(r"(\s*version\s*=\s*)([^\r\n]*?)\s*\Z", re.IGNORECASE)
_PATH: t.Final = re.compile(
    r"""\\\\[^\\/]+\\(?P<below>sysvol\\(?!\.+\\)[^\\/:*?"<>|\x00-\x1f]+\\Policies\\(?P<guid>\{[0-9a-f-]+\}))\\?""",
    re.IGNORECASE | re.ASCII,
)
_NUMBER: t.Final = re.compile(r"-?[0-9]{1,10}", re.ASCII)


class GptUnreachable(DirectoryError):
    """GPT.INI cannot be read or written. `reason` says why, as the end of a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GptChange:
    """A version that GPT.INI is to have, and the one that it has before."""

    gpo: Gpo
    old: int
    new: int


class GptFiles(t.Protocol):
    """The files GPT.INI of a domain controller."""

    def read(self, gpo: Gpo) -> int:
        """The version in the file. Raises `GptUnreachable`."""

    def write(self, gpo: Gpo, old: int, new: int) -> None:
        """Change the version from `old` to `new`. Raises `GptUnreachable`, also for a file with another version."""


def read_versions(state: DirectoryState, files: GptFiles, wanted: t.Iterable[WantedGpos] = ()) -> DirectoryState:
    """The state with the versions in GPT.INI of the Group Policy objects that a task may write: those with an IPSEC
    object, and those that are wanted. A file that cannot be read is no error.
    """
    listed = {gpo.dn for one in wanted for name in one.gpos for gpo in state.gpos_named(name)}
    return dataclasses.replace(
        state,
        gpos=tuple(
            _with_version(gpo, files) if gpo.assignment is not None or gpo.dn in listed else gpo for gpo in state.gpos
        ),
    )


def _with_version(gpo: Gpo, files: GptFiles) -> Gpo:
    try:
        return dataclasses.replace(gpo, gpt_version=files.read(gpo), gpt_problem=None)
    except GptUnreachable as problem:
        return dataclasses.replace(gpo, gpt_version=None, gpt_problem=problem.reason)


def parse_gpt_ini(data: bytes) -> int:
    """The version in a GPT.INI, from 0 to 2³²-1; 0 without one, as Windows reads it. Raises `GptUnreachable`."""
    lines, place = _lines(data)
    return 0 if place is None else _number(lines[place])


def write_gpt_ini(old: bytes, version: int) -> bytes:
    """The GPT.INI `old` with this version. Other lines, the encoding and the ends of lines stay. Raises
    `GptUnreachable`.
    """
    lines, place = _lines(old)
    mark, encoding, errors = _encoding(old)
    line = f"Version={version}"
    if place is not None:
        found = t.cast(re.Match[str], _VERSION.match(lines[place]))
        lines[place] = f"{found[1]}{version}{lines[place][found.end(2) :]}"
    else:
        end = next((one[len(one.rstrip("\r\n")) :] for one in lines if one.endswith(("\r", "\n"))), "\r\n")
        header = next((i for i, one in enumerate(lines) if _section(one) == "general"), None)
        if header is None:
            header = len(lines)
            lines.append("[General]")
        for index in range(max(header - 1, 0), header + 1):
            if lines[index] and not lines[index].endswith(("\r", "\n")):
                lines[index] += end
        lines.insert(header + 1, line + end)
    return mark + "".join(lines).encode(encoding, errors)


def _encoding(data: bytes) -> tuple[bytes, str, str]:
    return next(found for found in _ENCODINGS if data.startswith(found[0]))


def _lines(data: bytes) -> tuple[list[str], int | None]:
    """The lines of a file with their ends, and the index of the line with the version. Raises `GptUnreachable`."""
    if len(data) > SIZE_LIMIT:
        raise GptUnreachable(f"the file has {len(data)} bytes, more than {SIZE_LIMIT}")
    mark, encoding, errors = _encoding(data)
    try:
        text = data[len(mark) :].decode(encoding, errors)
    except UnicodeDecodeError:
        raise GptUnreachable("the file is not text in UTF-16, although it starts like that") from None
    lines = [line for line in _LINE.findall(text) if line]
    section = ""
    for index, line in enumerate(lines):
        found = _section(line)
        if found is not None:
            section = found
        elif section == "general" and _VERSION.match(line):
            return lines, index
    return lines, None


def _section(line: str) -> str | None:
    """The section that a line begins, in small letters; None for any other line."""
    found = _SECTION.match(line)
    return None if found is None else found[1].lower()


def _number(line: str) -> int:
    text = t.cast(re.Match[str], _VERSION.match(line))[2]
    if not _NUMBER.fullmatch(text):
        raise GptUnreachable(f"the file has the version '{printable(text[:40])}', which is not a number")
    return int(text) % _U32


def unsigned(version: int) -> int:
    """A version as GPT.INI has it. The directory has it as a number with a sign."""
    return version % _U32


def gpt_path(gpo: Gpo, server: str) -> str:
    r"""The path of GPT.INI on a server: ``\\SERVER\sysvol\DOMAIN\Policies\{GUID}\GPT.INI``. gPCFileSysPath names the
    domain instead of a server. Raises `GptUnreachable` for a gPCFileSysPath of another form.
    """
    found = _PATH.fullmatch(gpo.path)
    if found is None or found["guid"].upper() != gpo.id.upper():
        right = rf"\\DOMAIN\sysvol\DOMAIN\Policies\{gpo.id}"
        raise GptUnreachable(f"gPCFileSysPath is '{printable(gpo.path[:200])}', not a path such as {right}")
    return rf"\\{server}\{found['below']}\GPT.INI"


def gpt_command(change: GptChange, server: str) -> str:
    """The PowerShell command that does the change, for people. Raises `GptUnreachable` as `gpt_path` does."""
    # PowerShell takes typographic marks as quotation marks, too
    path = "'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", gpt_path(change.gpo, server)) + "'"
    return (
        f"(Get-Content -LiteralPath {path}) -replace '^\\s*Version\\s*=.*', 'Version={change.new}' | "
        f"Set-Content -LiteralPath {path}"
    )


def not_written(change: GptChange, server: str, reason: str) -> str:
    """The warning about a GPT.INI that could not be changed, with the command that changes it."""
    try:
        what = f"run this command in PowerShell as a domain administrator: {gpt_command(change, server)}"
    except GptUnreachable:
        what = f"set Version={change.new} in the file GPT.INI of this Group Policy object"
    return (
        f"GPT.INI of the Group Policy object '{change.gpo.name}' could not be changed: {reason}. Hosts may not notice "
        f"the change before the file has the new version; {what}"
    )
