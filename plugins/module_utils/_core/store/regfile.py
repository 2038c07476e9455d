# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Operations in the format of regedit, version 5.00, which `reg import` carries out."""

from __future__ import annotations

import itertools
import struct
import typing as t

from .casing import fold
from .operations import Create, Delete, Operation, Set, Unset
from .values import Kind, Value

ROOT: t.Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local"
"""The container as regedit spells it."""
_LINE: t.Final = 80


def regedit_file(operations: t.Iterable[Operation]) -> bytes:
    """A file that carries out the operations, in order. What `can_be_written` refuses is left out."""
    lines = ["Windows Registry Editor Version 5.00", ""]
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
    lines = []
    line = head
    for index, byte in enumerate(data):
        last = index == len(data) - 1
        line += f"{byte:02x}" + ("" if last else ",")
        if not last and len(line) > _LINE - 4:
            lines.append(line + "\\")
            line = "  "
    return [*lines, line]
