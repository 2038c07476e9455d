# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A policy store as keys and values, and the operations that change one: what travels between controller and host.

The form is described in docs/host-module.md. Nothing here knows what a value means.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
import functools
import gzip
import hashlib
import typing as t
import zlib

SIZE_LIMIT: t.Final = 256 * 1024 * 1024
"""The largest text that is taken from a host, in bytes: a million filters fit."""
LINE_LIMIT: t.Final = 2_000_000
"""The most keys and values that are taken from a host: each takes much more memory than it is long."""
_LEVEL: t.Final = 6
"""Of gzip: 9 takes more than twice as long, for a few bytes in a hundred."""


class StoreError(ValueError):
    """A store or a list of operations that does not have the form it should."""


class Kind(enum.IntEnum):
    """Microsoft.Win32.RegistryValueKind."""

    NONE = -1
    UNKNOWN = 0
    STRING = 1
    EXPAND_STRING = 2
    BINARY = 3
    DWORD = 4
    MULTI_STRING = 7
    QWORD = 11


@dataclasses.dataclass(frozen=True, slots=True)
class Value:
    """A registry value. `data` is str, int (unsigned), bytes or a tuple of str, as `kind` says. It may hold a key: it
    is not shown.
    """

    kind: Kind
    data: str | int | bytes | tuple[str, ...] = dataclasses.field(repr=False)

    @classmethod
    def string(cls, data: str) -> Value:
        return cls(Kind.STRING, data)

    @classmethod
    def strings(cls, data: t.Iterable[str]) -> Value:
        return cls(Kind.MULTI_STRING, tuple(data))

    @classmethod
    def number(cls, data: int) -> Value:
        return cls(Kind.DWORD, data)

    @classmethod
    def binary(cls, data: bytes) -> Value:
        return cls(Kind.BINARY, data)

    def text(self) -> str:
        """KIND;DATA."""
        data = self.data
        if isinstance(data, str):
            body = _encode(data)
        elif isinstance(data, bytes):
            body = base64.b64encode(data).decode()
        elif isinstance(data, tuple):
            body = ",".join(map(_encode, data)) if data else "-"
        else:
            body = str(data)
        return f"{int(self.kind)};{body}"

    @classmethod
    def parse(cls, kind: str, data: str) -> Value:
        known = Kind(int(kind))
        if known in (Kind.STRING, Kind.EXPAND_STRING):
            return cls(known, _decode(data))
        if known is Kind.MULTI_STRING:
            return cls(known, () if data == "-" else tuple(map(_decode, data.split(","))))
        if known in (Kind.DWORD, Kind.QWORD):
            number = int(data)
            if str(number) != data or not 0 <= number < 1 << (32 if known is Kind.DWORD else 64):
                raise ValueError("this is no number of that kind")
            return cls(known, number)
        return cls(known, binascii.a2b_base64(data, strict_mode=True))


def _encode(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le", "surrogatepass")).decode()


_encode_name: t.Final = functools.lru_cache(maxsize=1024)(_encode)
"""For paths and names, which come again and again; what a value holds is not kept."""


def _decode(text: str) -> str:
    return binascii.a2b_base64(text, strict_mode=True).decode("utf-16-le", "surrogatepass")


def _order(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


@dataclasses.dataclass(frozen=True, slots=True)
class Create:
    """Make a key, and those above it that are missing."""

    path: str

    def line(self) -> str:
        return f"c;{_encode_name(self.path)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Set:
    """Set a value of a key that is there."""

    path: str
    name: str
    value: Value

    def line(self) -> str:
        return f"s;{_encode_name(self.path)};{_encode_name(self.name)};{self.value.text()}"


@dataclasses.dataclass(frozen=True, slots=True)
class Unset:
    """Remove a value."""

    path: str
    name: str

    def line(self) -> str:
        return f"u;{_encode_name(self.path)};{_encode_name(self.name)}"


@dataclasses.dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key and all below it."""

    path: str

    def line(self) -> str:
        return f"d;{_encode_name(self.path)}"


Operation: t.TypeAlias = Create | Set | Unset | Delete


class Store:
    """The container and its keys: path below the container ('' is the container itself) to value name to value.

    Look-ups ignore case, as the registry does; names keep the case they were made with.
    """

    def __init__(self, keys: t.Mapping[str, t.Mapping[str, Value]] | None = None) -> None:
        self._keys: dict[str, tuple[str, dict[str, tuple[str, Value]]]] = {}
        # for the first part of a path, all longer paths: deleting an object shall not look through all keys
        self._below: dict[str, dict[str, None]] = {}
        for path, values in (keys or {}).items():
            self._add(path, {n.lower(): (n, v) for n, v in values.items()})

    def _add(self, path: str, values: dict[str, tuple[str, Value]]) -> None:
        key = path.lower()
        top, deeper, _rest = key.partition("\\")
        if deeper:
            self._below.setdefault(top, {})[key] = None
        self._keys[key] = (path, values)

    def __contains__(self, path: str) -> bool:
        return path.lower() in self._keys

    def paths(self) -> list[str]:
        return [path for path, _values in self._keys.values()]

    def spelling(self, path: str) -> str:
        """The path as the store spells it; as it is given for a key that is missing."""
        return self._keys[path.lower()][0] if path in self else path

    def values(self, path: str) -> dict[str, Value]:
        """The values of a key; none for a key that is missing."""
        return dict(self._keys[path.lower()][1].values()) if path in self else {}

    def get(self, path: str, name: str) -> Value | None:
        key = self._keys.get(path.lower())
        found = key and key[1].get(name.lower())
        return found[1] if found else None

    def text(self) -> str:
        # all objects have values of the same few names
        order = functools.cache(_order)
        lines = []
        for path, values in sorted(self._keys.values(), key=lambda item: _order(item[0])):
            lines.append(f"k;{_encode(path)}\n")
            lines.extend(
                f"v;{_encode_name(n)};{v.text()}\n" for n, v in sorted(values.values(), key=lambda item: order(item[0]))
            )
        return "".join(lines)

    def digest(self) -> str:
        return hashlib.sha256(self.text().encode()).hexdigest()

    @classmethod
    def parse(cls, text: str) -> Store:
        keys: dict[str, dict[str, Value]] = {}
        values: dict[str, Value] | None = None
        if text.count("\n") > LINE_LIMIT:
            raise StoreError(f"the store has more than {LINE_LIMIT} keys and values")
        # all objects have values of the same few names
        decode = functools.cache(_decode)
        for number, line in enumerate(text.splitlines(), 1):
            try:
                match line.split(";"):
                    case ["k", path]:
                        values = keys.setdefault(_decode(path), {})
                    case ["v", name, kind, data] if values is not None:
                        values[decode(name)] = Value.parse(kind, data)
                    case _:
                        raise StoreError(f"line {number} of the store is neither a key nor a value of one")
            except StoreError:
                raise
            except ValueError:
                raise StoreError(f"line {number} of the store has no proper base64, UTF-16, kind or number") from None
        return cls(keys)

    def copy(self) -> Store:
        result = Store()
        result._keys = {key: (path, dict(values)) for key, (path, values) in self._keys.items()}
        result._below = {top: dict(below) for top, below in self._below.items()}
        return result

    def change(self, operation: Operation) -> None:
        """Do what the host module does for `operation`; what it refuses is a `StoreError`."""
        key = operation.path.lower()
        match operation:
            case Create(path):
                spelled = self._keys.setdefault("", ("", {}))[0]
                for part in path.split("\\"):
                    child = f"{spelled}\\{part}" if spelled else part
                    if child.lower() not in self._keys:
                        self._add(child, {})
                    spelled = self._keys[child.lower()][0]
            case Delete(""):
                raise StoreError("the container is never deleted")
            case Set(_, _, Value(Kind.UNKNOWN)):
                raise StoreError("a value of an unknown kind cannot be written")
            case Delete():
                self._keys.pop(key, None)
                below = self._below.get(key.partition("\\")[0], {})
                for gone in [deeper for deeper in below if deeper == key or deeper.startswith(key + "\\")]:
                    del below[gone]
                    self._keys.pop(gone, None)
            case _ if key not in self._keys:
                raise StoreError(f"{operation.path} is not there")
            case Set(_, name, value):
                values = self._keys[key][1]
                values[name.lower()] = (values.get(name.lower(), (name,))[0], value)
            case Unset(_, name):
                self._keys[key][1].pop(name.lower(), None)


def pack(text: str) -> str:
    """gzip, then base64; the same text always gives the same, the empty text the empty one."""
    if not text:
        return ""
    return base64.b64encode(gzip.compress(text.encode(), _LEVEL, mtime=0)).decode()


def unpack(packed: str) -> str:
    """The text of `pack`. Raises `StoreError`."""
    if not packed:
        return ""
    try:
        data = base64.b64decode(packed, validate=True)
    except ValueError:
        raise StoreError("the store cannot be unpacked: it is no base64") from None
    try:
        engine = zlib.decompressobj(wbits=31)
        text = engine.decompress(data, SIZE_LIMIT)
        if not engine.eof:
            raise StoreError(f"the store is cut off or larger than {SIZE_LIMIT} bytes")
        return text.decode("ascii")
    except zlib.error:
        raise StoreError("the store cannot be unpacked: it is no gzip") from None
    except UnicodeDecodeError:
        raise StoreError("the store cannot be unpacked: it is no ASCII") from None


def operations_text(operations: t.Iterable[Operation]) -> str:
    return "".join(operation.line() + "\n" for operation in operations)
