# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The registry in regedit's own format, version 5.00 (and REGEDIT4 for reading)."""

from __future__ import annotations

import re
import struct
import typing as t

from .tree import BINARY, DWORD, EXPAND_STRING, MULTI_STRING, QWORD, STRING, Change, Tree, Value, below

_HIVES: t.Final = {
    "HKEY_LOCAL_MACHINE": "HKLM",
    "HKEY_CURRENT_USER": "HKCU",
    "HKEY_USERS": "HKU",
    "HKEY_CLASSES_ROOT": "HKCR",
    "HKEY_CURRENT_CONFIG": "HKCC",
}
_HEADERS: t.Final = ("Windows Registry Editor Version 5.00", "REGEDIT4")
_WIDTH: t.Final = 77
"""regedit breaks a line of hex once it is this long, comma and backslash included in the 80 columns."""

_VALUE = re.compile(r'(?:"(?P<name>(?:[^"\\]|\\.)*)"|(?P<default>@))\s*=\s*(?P<data>.*)', re.DOTALL)
_OPEN_TEXT = re.compile(r'\s*(?:"(?:[^"\\]|\\.)*"|@)\s*=\s*"(?:[^"\\]|\\.)*', re.DOTALL)
_TEXT_GOES_ON = re.compile(r'(?:[^"\\]|\\.)*')
_UNENDED: t.Final = "a text ends with a quotation mark; quotation marks and backslashes in it follow a backslash"
_HEX = re.compile(r"hex(?:\((?P<kind>[0-9a-f]+)\))?:(?P<bytes>.*)", re.IGNORECASE)


class RegFileError(ValueError):
    """A file that is none of regedit's; the text says the line, what is wrong and what would be right."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")


def export(tree: Tree, root: str) -> bytes:
    """`root` and all below it, as regedit writes it: UTF-16 with a mark, CRLF, hex wrapped at 80 columns."""
    lines = [_HEADERS[0], ""]
    for key in sorted(below(tree, root), key=lambda k: k.lower().split("\\")):
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
    """The bytes that the registry holds."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, int):
        return struct.pack("<Q" if kind == QWORD else "<I", data)
    text = "".join(item + "\0" for item in data) + "\0" if isinstance(data, list) else data + "\0"
    return text.encode("utf-16-le", "surrogatepass")


def parse(data: bytes) -> list[Change]:
    """The changes that an import of the file makes. Raises `RegFileError`; a file is taken whole or not at all."""
    lines = _logical_lines(_decode(data))
    number, header = next(lines, (1, ""))
    if header.strip() not in _HEADERS:
        raise RegFileError(number, f"a registry file begins with '{_HEADERS[0]}'")
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
            raise RegFileError(number, "a value needs a key above it, as in [HKEY_LOCAL_MACHINE\\SOFTWARE]")
        else:
            changes.append(_parse_value(number, text, key, unicode))
    return changes


def _decode(data: bytes) -> str:
    """UTF-16 with a mark, UTF-8 with or without one, else the Western code page."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        codec = "utf-16-le" if data[:1] == b"\xff" else "utf-16-be"
        if len(data) % 2:
            raise RegFileError(1, "the file is cut off in the middle of a character")
        return data[2:].decode(codec, "surrogatepass")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _logical_lines(text: str) -> t.Iterator[tuple[int, str]]:
    """Lines with their numbers. Lines of hex that end with a backslash are joined, and those of a text with breaks."""
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
        raise RegFileError(start, _UNENDED if in_text else "the file ends in the middle of a value")


def _parse_key(number: int, text: str) -> tuple[str, Change]:
    if not text.endswith("]"):
        raise RegFileError(number, "a key ends with ']'")
    path = text[1:-1]
    action = "delete" if path.startswith("-") else "create"
    hive, _sep, rest = path.removeprefix("-").partition("\\")
    if hive.upper() not in _HIVES:
        raise RegFileError(number, f"'{hive}' is no hive; a key begins with HKEY_LOCAL_MACHINE or another one")
    key = f"{_HIVES[hive.upper()]}\\{rest}" if rest else _HIVES[hive.upper()]
    return key, (action, key)


def _parse_value(number: int, text: str, key: str, unicode: bool) -> Change:
    found = _VALUE.fullmatch(text)
    if not found:
        raise RegFileError(number, 'a value is "name"=data or @=data')
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
            raise RegFileError(number, "a dword is one to eight hexadecimal digits")
        return ("set", key, name, DWORD, int(data[6:], 16))
    hexed = _HEX.fullmatch(data)
    if not hexed:
        raise RegFileError(number, "this is none of: a text in quotation marks, dword:, hex:, hex(kind):, -")
    kind = int(hexed["kind"], 16) if hexed["kind"] else BINARY
    try:
        raw = bytes.fromhex(hexed["bytes"].replace(",", " ").replace("\\", " "))
    except ValueError:
        raise RegFileError(number, "bytes are two hexadecimal digits each, with commas between them") from None
    return ("set", key, name, *_typed(number, kind, raw, unicode))


def _typed(number: int, kind: int, raw: bytes, unicode: bool) -> tuple[int, Value]:
    """Kind and data of a value of the registry's type `kind`."""
    if kind in (STRING, EXPAND_STRING, MULTI_STRING):
        if unicode and len(raw) % 2:
            raise RegFileError(number, "a text in UTF-16 has an even number of bytes")
        text = raw.decode("utf-16-le", "surrogatepass") if unicode else raw.decode("cp1252", "replace")
        if kind == MULTI_STRING:
            # each text has its NUL, and so has the list
            return kind, text.removesuffix("\0").removesuffix("\0").split("\0") if len(text) > 1 else []
        # .NET keeps what stands behind a NUL in it
        return kind, text.removesuffix("\0")
    if kind in (DWORD, QWORD):
        size = 4 if kind == DWORD else 8
        if len(raw) != size:
            raise RegFileError(number, f"a number of type {kind:x} has {size} bytes, not {len(raw)}")
        return kind, int.from_bytes(raw, "little")
    return (BINARY, raw) if kind == BINARY else (-1 if kind == 0 else 0, raw)
