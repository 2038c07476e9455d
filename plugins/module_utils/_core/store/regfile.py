# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Operations in the format of regedit, version 5.00, which `reg import` carries out."""

from __future__ import annotations

import codecs
import itertools
import re
import struct
import typing as t

from .casing import fold
from .operations import Create, Delete, Operation, Set, Unset
from .values import Kind, StoreError, Value

ROOT: t.Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local"
"""The container as regedit spells it."""
_HEADER: t.Final = "Windows Registry Editor Version 5.00"
_LINE: t.Final = 80
_KEY: t.Final = re.compile(r"\[(-?)(.*)\]")
_VALUE: t.Final = re.compile(r'(?:@|"((?:[^"\\]|\\.)*)")\s*=\s*(.*)')
_TEXT: t.Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_DWORD: t.Final = re.compile(r"dword:([0-9a-f]{1,8})", re.IGNORECASE)
_HEX: t.Final = re.compile(r"hex(?:\(([0-9a-f]{1,8})\))?:([0-9a-f,]*)", re.IGNORECASE)


def regedit_file(operations: t.Iterable[Operation], comments: t.Iterable[str] = ()) -> bytes:
    """A file that carries out the operations, in order. What `can_be_written` refuses is left out."""
    lines = [_HEADER, ""]
    if notes := [f"; {comment}" for comment in comments]:
        lines += [*notes, ""]
    written = filter(can_be_written, operations)
    for _key, found in itertools.groupby(written, key=lambda o: (fold(o.path), isinstance(o, Delete))):
        group = list(found)
        path = f"{ROOT}\\{group[0].path}" if group[0].path else ROOT
        if isinstance(group[0], Delete):
            lines += [f"[-{path}]", ""]
            continue
        lines.append(f"[{path}]")
        for operation in group:
            if isinstance(operation, Unset):
                lines.append(f"{_name(operation.name)}=-")
            elif isinstance(operation, Set):
                lines += _value_lines(f"{_name(operation.name)}=", operation.value)
        lines.append("")
    return b"\xff\xfe" + ("\r\n".join(lines) + "\r\n").encode("utf-16-le", "surrogatepass")


def can_be_written(operation: Operation) -> bool:
    """Whether the format can express an operation: no value of an unknown kind, and no name with a line break, which
    could inject other lines.
    """
    if isinstance(operation, Set) and operation.value.kind is Kind.UNKNOWN:
        return False
    names = (operation.path,) if isinstance(operation, Create | Delete) else (operation.path, operation.name)
    return not any(c in name for name in names for c in "\r\n\0")


def _name(name: str) -> str:
    return _quote(name) if name else "@"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _value_lines(name: str, value: Value) -> list[str]:
    data = value.data
    if value.kind is Kind.STRING and isinstance(data, str) and not any(c in data for c in "\r\n\0"):
        return [name + _quote(data)]
    if value.kind is Kind.DWORD and isinstance(data, int):
        return [f"{name}dword:{data:08x}"]
    kind = "hex" if value.kind is Kind.BINARY else f"hex({max(value.kind, 0):x})"
    return _wrap(f"{name}{kind}:", _bytes(value))


def _bytes(value: Value) -> bytes:
    """The data as the registry holds it."""
    data = value.data
    if isinstance(data, bytes):
        return data
    if isinstance(data, int):
        return struct.pack("<Q" if value.kind is Kind.QWORD else "<I", data)
    texts = (data,) if isinstance(data, str) else (*data, "")
    return "".join(text + "\0" for text in texts).encode("utf-16-le", "surrogatepass")


def _wrap(head: str, data: bytes) -> list[str]:
    """Bytes in hexadecimal, with line breaks where regedit has them."""
    lines: list[str] = []
    line, position = head, 0
    while True:
        count = max(1, (_LINE - 4 - len(line)) // 3 + 1)
        line += data[position : position + count].hex(",")
        position += count
        if position >= len(data):
            return [*lines, line]
        lines.append(f"{line},\\")
        line = "  "


def parse_regedit_file(data: bytes) -> tuple[list[Operation], list[str]]:
    """The operations of a file, and its comments. Raises `StoreError` for keys outside of the container, too."""
    lines = _joined(_decoded(data).replace("\r\n", "\n").split("\n"))
    operations: list[Operation] = []
    comments: list[str] = []
    if next(lines, (0, ""))[1] != _HEADER:
        raise StoreError(f"this is not a .reg file: its first line must be '{_HEADER}'", 1)
    path: str | None = None
    for number, line in lines:
        if line.startswith(";"):
            comments.append(line[1:].strip())
        elif found := _KEY.fullmatch(line):
            path = _below_root(found[2], number)
            if not found[1]:
                operations.append(Create(path))
            elif path:
                operations.append(Delete(path))
                path = None
            else:
                raise StoreError("the whole policy store cannot be deleted", number)
        elif line:
            operations.append(_parse_value(line, path, number))
    return operations, comments


def _decoded(data: bytes) -> str:
    try:
        if data.startswith(codecs.BOM_UTF16_LE):
            return data[2:].decode("utf-16-le", "surrogatepass")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StoreError("this is not a .reg file: it is neither UTF-16 with a mark nor UTF-8", 1) from None


def _joined(lines: t.Sequence[str]) -> t.Iterator[tuple[int, str]]:
    """The lines with their numbers. A line of bytes that ends with a backslash goes on in the next line."""
    start, parts = 1, [""]
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if len(parts) == 1:
            start = number
        if text.endswith("\\") and not text.startswith(";"):
            parts.append(text[:-1])
            continue
        yield start, "".join([*parts, text])
        parts = [""]
    if len(parts) > 1:
        raise StoreError("the file ends within a value", start)


def _below_root(key: str, line: int) -> str:
    """The path of a key below the container."""
    if fold(f"{key}\\").startswith(fold(f"{ROOT}\\")):
        return key[len(ROOT) + 1 :]
    raise StoreError(f"the key '{key}' does not belong to the policy store, which is {ROOT}", line)


def _parse_value(line: str, path: str | None, number: int) -> Operation:
    found = _VALUE.fullmatch(line)
    if path is None or found is None:
        raise StoreError("this line is neither a key, nor a value of a key, nor a comment", number)
    name, data = _unquoted(found[1] or ""), found[2]
    if data == "-":
        return Unset(path, name)
    return Set(path, name, _parse_data(data, number))


def _parse_data(data: str, line: int) -> Value:
    if text := _TEXT.fullmatch(data):
        return Value.string(_unquoted(text[1]))
    try:
        if found := _DWORD.fullmatch(data):
            return Value.number(int(found[1], 16))
        if found := _HEX.fullmatch(data):
            kind = Kind.BINARY if found[1] is None else Kind.NONE if found[1] == "0" else Kind(int(found[1], 16))
            return _from_bytes(kind, _unwrapped(found[2]))
    except (ValueError, struct.error):
        pass
    # the data is not shown, as it may hold a pre-shared key
    raise StoreError("the data of this value cannot be read", line)


def _unwrapped(text: str) -> bytes:
    """The bytes of ``61,62``. Raises `ValueError`."""
    if text and (len(text) % 3 != 2 or text[2::3].strip(",")):
        raise ValueError("not bytes with commas between them")
    return bytes.fromhex(text.replace(",", ""))


def _from_bytes(kind: Kind, data: bytes) -> Value:
    """The value that the registry holds as `data`. Raises `ValueError` and `struct.error`."""
    if kind in (Kind.BINARY, Kind.NONE):
        return Value(kind, data)
    if kind in (Kind.DWORD, Kind.QWORD):
        return Value(kind, t.cast(int, struct.unpack("<Q" if kind is Kind.QWORD else "<I", data)[0]))
    text = data.decode("utf-16-le", "surrogatepass")
    if kind is Kind.MULTI_STRING:
        # Windows also accepts a list that does not end with an empty text
        texts = text.removesuffix("\0")
        return Value.strings(texts.removesuffix("\0").split("\0") if texts else ())
    return Value(kind, text.removesuffix("\0"))


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
