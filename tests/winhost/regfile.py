# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads and writes the .reg format of regedit, version 5.00, and reads REGEDIT4."""

from __future__ import annotations

import codecs
import re
import struct
import typing as t

from .tree import BINARY, DWORD, EXPAND_STRING, MULTI_STRING, QWORD, STRING, Change, Tree, Value, below, fold

_HIVES: t.Final = {
    "HKEY_LOCAL_MACHINE": "HKLM",
    "HKEY_CURRENT_USER": "HKCU",
    "HKEY_USERS": "HKU",
    "HKEY_CLASSES_ROOT": "HKCR",
    "HKEY_CURRENT_CONFIG": "HKCC",
}
_HEADERS: t.Final = ("Windows Registry Editor Version 5.00", "REGEDIT4")
_WIDTH: t.Final = 77
"""The length at which regedit breaks a line of hex; the backslash after it is within 80 columns."""
_ANSI: t.Final = "".join(bytes([i]).decode("cp1252", "ignore") or chr(i) for i in range(256))
"""The Western code page of Windows, which maps undefined bytes to control characters."""

_VALUE = re.compile(r'(?:"(?P<name>(?:[^"\\]|\\.)*)"|(?P<default>@))\s*=\s*(?P<data>.*)', re.DOTALL)
_OPEN_TEXT = re.compile(r'\s*(?:"(?:[^"\\]|\\.)*"|@)\s*=\s*"(?:[^"\\]|\\.)*', re.DOTALL)
_TEXT_GOES_ON = re.compile(r'(?:[^"\\]|\\.)*')
_UNENDED: t.Final = 'expected a closing quotation mark; write quotation marks and backslashes in a text as \\" and \\\\'
_HEX = re.compile(r"hex(?:\((?P<kind>[0-9a-f]+)\))?:(?P<bytes>.*)", re.IGNORECASE)


class RegFileError(ValueError):
    """A file that regedit cannot import. The message has the line, the problem and what would be right."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")


def export(tree: Tree, root: str) -> bytes:
    """Export `root` and everything below, as regedit does: UTF-16 with a mark, CRLF, hex wrapped at 80 columns."""
    lines = [_HEADERS[0], ""]
    for key in sorted(below(tree, root), key=lambda k: fold(k).split("\\")):
        hive, _sep, rest = key.partition("\\")
        long = next((name for name, short in _HIVES.items() if short == hive.upper()), hive)
        lines.append(f"[{long}\\{rest}]")
        for name, (kind, data) in tree[key].items():
            lines += _export_value(f"{_quoted(name)}=" if name else "@=", kind, data)
        lines.append("")
    return b"\xff\xfe" + "".join(f"{line}\r\n" for line in lines).encode("utf-16-le", "surrogatepass")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _export_value(head: str, kind: int, data: Value) -> list[str]:
    if kind == STRING and isinstance(data, str) and not re.search(r"[\r\n\0]", data):
        return [head + _quoted(data)]
    if kind == DWORD and isinstance(data, int):
        return [f"{head}dword:{data:08x}"]
    raw = _raw(kind, data)
    line = head + ("hex:" if kind == BINARY else f"hex({max(kind, 0):x}):")
    lines = []
    for position, byte in enumerate(raw, 1):
        line += f"{byte:02x}"
        if position < len(raw):
            line += ","
            if len(line) >= _WIDTH:
                lines.append(line + "\\")
                line = "  "
    return [*lines, line]


def _raw(kind: int, data: Value) -> bytes:
    """The data as the registry stores it."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, int):
        return struct.pack("<Q" if kind == QWORD else "<I", data)
    text = "".join(item + "\0" for item in data) + "\0" if isinstance(data, list) else data + "\0"
    return text.encode("utf-16-le", "surrogatepass")


def parse(data: bytes) -> list[Change]:
    """The changes that an import of a file makes. Raises `RegFileError`, before any change."""
    lines = _logical_lines(_decode(data))
    number, header = next(lines, (1, ""))
    if header.strip() not in _HEADERS:
        raise RegFileError(number, f"expected '{_HEADERS[0]}' in the first line")
    unicode = header.strip() == _HEADERS[0]
    changes: list[Change] = []
    key: str | None = None
    deleted = False
    for number, line in lines:
        text = line.strip()
        if not text or text.startswith(";"):
            continue
        if text.startswith("["):
            key, change = _parse_key(number, text)
            changes.append(change)
            deleted = change[0] == "delete"
        elif deleted:
            continue
        elif key is None:
            raise RegFileError(number, "expected a key before the first value, such as [HKEY_LOCAL_MACHINE\\SOFTWARE]")
        else:
            changes.append(_parse_value(number, text, key, unicode))
    return changes


def _decode(data: bytes) -> str:
    """The text of a file: UTF-16 or UTF-8 with a mark, the Western code page without one."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        codec = "utf-16-le" if data[:1] == b"\xff" else "utf-16-be"
        if len(data) % 2:
            raise RegFileError(1, "the file is cut off in the middle of a character")
        return data[2:].decode(codec, "surrogatepass")
    if data.startswith(codecs.BOM_UTF8):
        return data.decode("utf-8-sig", "replace")
    return _ansi(data)


def _ansi(data: bytes) -> str:
    return codecs.charmap_decode(data, "strict", _ANSI)[0]


def _logical_lines(text: str) -> t.Iterator[tuple[int, str]]:
    """Lines with their numbers. Continued lines of hex are joined, and the lines of a text with line breaks."""
    pieces: list[str] = []
    start = 0
    in_text = False
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if in_text:
            pieces += ["\r\n", line]
            in_text = _TEXT_GOES_ON.fullmatch(line) is not None
        elif pieces:
            pieces.append(line.strip())
        else:
            start, pieces = number, [line]
            in_text = _OPEN_TEXT.fullmatch(line) is not None
        if in_text:
            continue
        if pieces[-1].rstrip().endswith(",\\") and not pieces[0].lstrip().startswith(";"):
            pieces[-1] = pieces[-1].rstrip()[:-1]
            continue
        yield start, "".join(pieces)
        pieces = []
    if pieces:
        raise RegFileError(start, _UNENDED if in_text else "the file ends within a value; expected more bytes")


def _parse_key(number: int, text: str) -> tuple[str, Change]:
    if not text.endswith("]"):
        raise RegFileError(number, "expected ']' at the end of a key")
    path = text[1:-1]
    action = "delete" if path.startswith("-") else "create"
    hive, _sep, rest = path.removeprefix("-").partition("\\")
    if hive.upper() not in _HIVES:
        raise RegFileError(number, f"'{hive}' is not a hive; expected {', '.join(_HIVES)}")
    key = f"{_HIVES[hive.upper()]}\\{rest}" if rest else _HIVES[hive.upper()]
    return key, (action, key)


def _parse_value(number: int, text: str, key: str, unicode: bool) -> Change:
    found = _VALUE.fullmatch(text)
    if not found:
        raise RegFileError(number, 'expected "name"=data or @=data')
    name = "" if found["default"] else re.sub(r"\\(.)", r"\1", found["name"])
    data = found["data"]
    if data == "-":
        return ("unset", key, name)
    if data.startswith('"'):
        quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', data, re.DOTALL)
        if not quoted:
            raise RegFileError(number, _UNENDED)
        return ("set", key, name, STRING, re.sub(r"\\(.)", r"\1", quoted[1]))
    if data.lower().startswith("dword:"):
        if not re.fullmatch("[0-9a-fA-F]{1,8}", data[6:].strip()):
            raise RegFileError(number, "a dword must have one to eight hexadecimal digits")
        return ("set", key, name, DWORD, int(data[6:], 16))
    hexed = _HEX.fullmatch(data)
    if not hexed:
        raise RegFileError(number, "expected a text in quotation marks, dword:, hex:, hex(kind): or -")
    kind = int(hexed["kind"], 16) if hexed["kind"] else BINARY
    try:
        raw = bytes.fromhex(hexed["bytes"].replace(",", " ").replace("\\", " "))
    except ValueError:
        raise RegFileError(number, "bytes must have two hexadecimal digits and be separated by commas") from None
    return ("set", key, name, *_typed(number, kind, raw, unicode))


def _typed(number: int, kind: int, raw: bytes, unicode: bool) -> tuple[int, Value]:
    """Kind and data of a value with the registry type `kind`. Numbers of a wrong size stay bytes, as in regedit."""
    if kind in (STRING, EXPAND_STRING, MULTI_STRING):
        if unicode and len(raw) % 2:
            raise RegFileError(number, "a text in UTF-16 must have an even number of bytes")
        text = raw.decode("utf-16-le", "surrogatepass") if unicode else _ansi(raw)
        if kind == MULTI_STRING:
            # a NUL ends each text and the list
            return kind, text.removesuffix("\0").removesuffix("\0").split("\0") if len(text) > 1 else []
        # .NET keeps the characters after a NUL
        return kind, text.removesuffix("\0")
    if kind in (DWORD, QWORD):
        has_size = len(raw) == (4 if kind == DWORD else 8)
        return kind, int.from_bytes(raw, "little") if has_size else raw
    return (BINARY, raw) if kind == BINARY else (-1 if kind == 0 else 0, raw)
