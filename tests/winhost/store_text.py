# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Registry keys as text and operations on them, as docs/host-module.md describes them, for the Python engine."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import gzip
import hashlib
import typing as t

from . import policy
from .faults import Course, Refused
from .host import RECORD, Host
from .tree import DWORD, QWORD, Change, Tree, Value, below, find_key


class Failed(Exception):
    """A failure of the registry, the service or a program."""


@dataclasses.dataclass(frozen=True)
class Store:
    """A key that is read and written as a whole, and its permissions."""

    path: str
    access: str


POLICIES: t.Final = Store(policy.LOCAL, "D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;NS)")
DYNAMIC: t.Final = Store(RECORD, "D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)")


def store_text(tree: Tree, root: str) -> str:
    """A subtree as text."""
    lines = []
    keys = [(key[len(root) + 1 :], key) for key in below(tree, root)]
    for path, key in sorted(keys, key=lambda item: _units(item[0])):
        lines.append(f"k;{_encode(path)}\n")
        for name, (kind, data) in sorted(tree[key].items(), key=lambda item: _units(item[0])):
            # the size does not fit the kind
            known = 0 if kind in (DWORD, QWORD) and isinstance(data, bytes) else kind
            lines.append(f"v;{_encode(name)};{known};{_value(known, data)}\n")
    return "".join(lines)


def write(host: Host, store: Store, course: Course, packed: str) -> tuple[int, str | None]:
    """Apply operations to a store. Returns the number of those that were done, and the error of the one that failed."""
    applied = 0
    for line in unpack(packed).splitlines():
        try:
            change(host, course, _changes(host, store, line))
        except (Failed, Refused) as error:
            return applied, str(error)
        applied += 1
    return applied, None


def change(host: Host, course: Course | None, changes: t.Iterable[Change]) -> None:
    """Change the registry in one operation. Raises `Refused`, `Killed`."""
    with contextlib.nullcontext() if course is None else course.step("operation"):
        host.registry.change(changes)


def _changes(host: Host, store: Store, line: str) -> list[Change]:
    """The changes of an operation. Raises `Failed`."""
    kind, *fields = line.split(";")
    path = _decode(fields[0])
    key = f"{store.path}\\{path}" if path else store.path
    if kind == "c":
        if find_key(host.tree, store.path) is None:
            host.event("registry_security", store.path, store.access)
        return [("create", key)]
    if kind == "d":
        if not path:
            raise Failed("the container cannot be deleted")
        return [("delete", key)]
    if find_key(host.tree, key) is None:
        raise Failed(f"the key {path} does not exist")
    if kind == "u":
        return [("unset", key, _decode(fields[1]))]
    if fields[2] == "0":
        raise Failed("a value of an unknown kind cannot be written")
    return [("set", key, _decode(fields[1]), int(fields[2]), _data(int(fields[2]), fields[3]))]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii", "replace")).hexdigest()


def record_digest(text: str) -> str:
    """The digest of a record without the key Shown, which the replay task changes at any time."""
    left, skip = [], False
    for line in text.splitlines(keepends=True):
        if line.startswith("k;"):
            skip = _decode(line[2:].rstrip()).partition("\\")[0].lower() == "shown"
        left += [] if skip else [line]
    return digest("".join(left))


def pack(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode("ascii"))).decode() if text else ""


def unpack(packed: str) -> str:
    return gzip.decompress(base64.b64decode(packed)).decode("ascii") if packed else ""


def _units(text: str) -> list[int]:
    data = text.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)]


def _encode(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le", "surrogatepass")).decode()


def _decode(text: str) -> str:
    return base64.b64decode(text).decode("utf-16-le", "surrogatepass")


def _value(kind: int, data: Value) -> str:
    if isinstance(data, list):
        return ",".join(map(_encode, data)) if data else "-"
    if isinstance(data, bytes):
        return "" if kind == 0 else base64.b64encode(data).decode()
    return _encode(data) if isinstance(data, str) else str(data)


def _data(kind: int, text: str) -> Value:
    if kind in (1, 2):
        return _decode(text)
    if kind == 7:
        return [] if text == "-" else [_decode(item) for item in text.split(",")]
    return int(text) if kind in (4, 11) else base64.b64decode(text)
