# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A store in the format of regedit, version 5.00: a backup that `reg import` puts back."""

from __future__ import annotations

import struct
import typing as t

from .graph import ACTIVE_POLICY
from .store import Kind, Store, Value

ROOT: t.Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local"
_LINE: t.Final = 80


def export(store: Store, coming: t.Iterable[str] = ()) -> bytes:
    """The file. An import makes all objects and the assignment what they are in `store`, and removes the keys `coming`,
    which a change is about to add. A container stays, with its permissions, unless there was none.
    """
    lines = ["Windows Registry Editor Version 5.00", ""]
    paths = sorted(store.paths(), key=str.lower)
    # an object with something that cannot be written here is not made anew: that would be lost
    unknown = {path.partition("\\")[0] for path in paths if not _can_be_written(store, path)}
    objects = [path for path in paths if path and "\\" not in path and path not in unknown]
    for path in (*objects, *sorted(coming)):
        lines += [f"[-{ROOT}\\{path}]", ""]
    if not paths:
        lines += [f"[-{ROOT}]", ""]
    for path in filter(_in_one_line, paths):
        lines.append(f"[{ROOT}\\{path}]" if path else f"[{ROOT}]")
        for name, value in store.values(path).items():
            if value.kind is not Kind.UNKNOWN and _in_one_line(name):
                lines += _value_lines(f"{_quote(name)}=" if name else "@=", value)
        if not path and store.get("", ACTIVE_POLICY) is None:
            lines.append(f"{_quote(ACTIVE_POLICY)}=-")
        lines.append("")
    return b"\xff\xfe" + ("\r\n".join(lines) + "\r\n").encode("utf-16-le", "surrogatepass")


def _can_be_written(store: Store, path: str) -> bool:
    values = store.values(path)
    readable = all(value.kind is not Kind.UNKNOWN for value in values.values())
    return readable and all(map(_in_one_line, (path, *values)))


def _in_one_line(name: str) -> bool:
    """Whether a name of a key or a value would not go on in the next line, where it could say anything."""
    return not any(c in name for c in "\r\n\0")


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
    """Bytes in hex, lines broken where regedit breaks them."""
    lines = []
    line = head
    for index, byte in enumerate(data):
        last = index == len(data) - 1
        line += f"{byte:02x}" + ("" if last else ",")
        if not last and len(line) > _LINE - 4:
            lines.append(line + "\\")
            line = "  "
    return [*lines, line]
