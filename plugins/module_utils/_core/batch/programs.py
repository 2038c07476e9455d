# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which program a command runs, and whether it mentions ipseccmd or ``netsh ipsec`` in another way."""

from __future__ import annotations

import re
import typing as t

from ..source.text import Text
from .lexer import DELIMITERS, UNKNOWN
from .script import Program

IPSECCMD: t.Final = ("ipseccmd", "ipsecpol")
"""The name of the program, and its name before Windows XP."""

_NAMES: t.Final = frozenset({*IPSECCMD, "netsh"})

# a mention in the arguments of these commands runs nothing
_HARMLESS_BUILT_INS: t.Final = frozenset(
    {"cd", "chdir", "copy", "del", "dir", "echo", "erase", "md", "mkdir", "move", "path", "prompt", "rd", "rem", "ren"}
    | {"rename", "rmdir", "set", "title", "type"}
)
_HARMLESS: t.Final = _HARMLESS_BUILT_INS | {
    *("attrib", "cacls", "expand", "find", "findstr", "icacls", "more", "robocopy", "setx", "takeown", "taskkill"),
    *("tasklist", "where", "xcopy"),
}
_BUILT_INS: t.Final = _HARMLESS_BUILT_INS | {
    *("assoc", "break", "call", "cls", "color", "date", "dpath", "endlocal", "exit", "for", "ftype", "goto", "if"),
    *("keys", "mklink", "pause", "popd", "pushd", "setlocal", "shift", "start", "time", "ver", "verify", "vol"),
}

_BEFORE: t.Final = r"""(?<![^\s\0\\/"'`(,;=&|@:])"""
_AFTER: t.Final = r"""(?![^\s\0"'`),;=&|<>/])"""
_MENTION: t.Final = re.compile(
    rf"{_BEFORE}(?:ipsec(?:cmd|pol)(?:\.exe)?{_AFTER}|ipsec[\s,;=]+(?:static|dynamic){_AFTER})", re.IGNORECASE
)
_NETSH: t.Final = re.compile(rf"{_BEFORE}netsh(?:\.exe)?{_AFTER}", re.IGNORECASE)
# also in a file that it runs
_IPSEC: t.Final = re.compile(rf"{_BEFORE}(?:ipsec{_AFTER}|-f{_AFTER}|exec(?=\s))", re.IGNORECASE)
_BUILT_IN: t.Final = re.compile(r"([A-Za-z]+)(?=[\s,;=/:.(+\[\]\\\"]|\Z)")
# a word, which quotes keep together, up to an option such as /w, and its parts without the quotes
_PROGRAM: t.Final = re.compile(rf'(?:[^"/{re.escape("".join(sorted(DELIMITERS)))}]|"[^"]*"?)*')
_UNQUOTED: t.Final = re.compile('[^"]+')
_SLASH_PATH: t.Final = re.compile(r"/(?:[^\s,;=]*[/\\])?([^\s,;=/\\]+?)(?:\.exe)?(?![^\s,;=/])", re.IGNORECASE)


def built_in(text: Text) -> tuple[str, Text]:
    """The letters at the start, in lower case, as in ``goto:end`` and ``set/p``, and the rest."""
    match = _BUILT_IN.match(text.value)
    return (match[1].lower(), text[match.end() :]) if match else ("", text)


def program_word(text: Text) -> tuple[Text, Text]:
    """The name of the program that a command runs, without path and quotes, and the rest."""
    value = text.value
    word = _PROGRAM.match(value)
    end = word.end() if word else 0
    start = max(value.rfind(sign, 0, end) + 1 for sign in ("\\", "/", ":", UNKNOWN))
    pieces = [match.span() for match in _UNQUOTED.finditer(value, start, end)]
    return text.pick(pieces, text.offset(end)), text[end:]


def program_name(text: Text, extension: str = ".exe") -> str:
    """The name of the program in lower case, without the extension."""
    return program_word(text)[0].value.lower().removesuffix(extension)


def find_program(text: Text) -> tuple[Program, Text] | None:
    """The program and the command from its name on; None if it is neither ipseccmd nor ``netsh ipsec``."""
    name, rest = program_word(text)
    base = name.value.lower().removesuffix(".exe")
    if base not in _NAMES:
        return None
    # a built-in command ends at a sign such as ':', which can also be part of a path
    if not text.value.startswith(name.value) and built_in(text)[0] in _BUILT_INS:
        return None
    if base in IPSECCMD:
        return Program.IPSECCMD, _command(text, name, rest)
    first = _first_argument(rest.value)
    if base == "netsh" and (UNKNOWN in first or (len(first) > 2 and "ipsec".startswith(first))):
        return Program.NETSH, _command(text, name, rest)
    return None


def _command(text: Text, name: Text, rest: Text) -> Text:
    """The command from the name of the program on."""
    start = len(text) - len(rest) - len(name)
    if rest.value[:1] == "/":
        blank = Text(value=" ", offsets=(rest.offset(0),), end=rest.offset(0), file=rest.file)
        return Text.join((name, blank, rest), text)
    # mostly, there are no quotes around the name
    return text[start:] if text.value.startswith(name.value, start) else Text.join((name, rest), text)


def _first_argument(rest: str) -> str:
    """The first argument in lower case."""
    found = re.match(r'[\s,;=]*"?([^\s,;="]*)', rest)
    return found[1].lower() if found else ""


def is_harmless(text: Text) -> bool:
    """Whether the command certainly runs neither ipseccmd nor netsh, even if it mentions them."""
    return built_in(text)[0] in _HARMLESS_BUILT_INS or program_name(text) in _HARMLESS or text.value[:1] == "#"


def has_slash_path(text: Text) -> bool:
    """Whether the command seems to name ipseccmd or netsh by a path with '/', where cmd.exe begins an option."""
    word = _PROGRAM.match(text.value)
    path = _SLASH_PATH.match(text.value, word.end() if word else 0)
    return path is not None and path[1].lower() in _NAMES


def find_mention(value: str) -> int | None:
    """Where `value` mentions ipseccmd, ``netsh ipsec`` or ``netsh -f`` as words."""
    found = [match.start() for match in [_MENTION.search(value)] if match]
    netsh = _NETSH.search(value)
    if netsh and _IPSEC.search(value, netsh.end()):
        found.append(netsh.start())
    return min(found, default=None)
