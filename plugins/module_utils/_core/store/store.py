# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A policy store in memory."""

from __future__ import annotations

import functools
import hashlib
import typing as t

from .casing import fold
from .operations import Create, Delete, Operation, Set, Unset
from .values import Kind, StoreError, Value, decode_text, encode_name, encode_text

LINE_LIMIT: t.Final = 2_000_000
"""The most keys and values that a host may send: each takes much more memory than its text."""

_Named: t.TypeAlias = dict[str, tuple[str, Value]]
"""Values by their folded names, each with the name as it is spelled."""


def _order(text: str) -> bytes:
    """Sorts texts by their UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")


class Store:
    """The container and its keys, by their paths below the container ('' is the container itself), with their values.

    Paths and names are compared as Windows compares them (`fold`) and keep their spelling.
    """

    def __init__(self, keys: t.Mapping[str, t.Mapping[str, Value]] | None = None) -> None:
        """Raises `StoreError` for two keys, or two values of a key, with one name."""
        self._keys: dict[str, tuple[str, _Named]] = {}
        # the longer paths by their first level, so that deleting an object does not search all keys
        self._below: dict[str, dict[str, None]] = {}
        for path, values in (keys or {}).items():
            named = {fold(name): (name, value) for name, value in values.items()}
            if fold(path) in self._keys or len(named) != len(values):
                raise StoreError(f"Windows considers two names in the store equal: see the key '{path}'", key=path)
            self._add(path, named)

    def _add(self, path: str, values: _Named) -> None:
        key = fold(path)
        top, deeper, _rest = key.partition("\\")
        if deeper:
            self._below.setdefault(top, {})[key] = None
        self._keys[key] = (path, values)

    def __contains__(self, path: str) -> bool:
        return fold(path) in self._keys

    def paths(self) -> list[str]:
        return [path for path, _values in self._keys.values()]

    def spelling(self, path: str) -> str:
        """The path as the store spells it; a missing key keeps the given spelling."""
        found = self._keys.get(fold(path))
        return found[0] if found else path

    def below(self, path: str) -> list[str]:
        """The folded paths of a key and of all keys below it."""
        key = fold(path)
        deeper = self._below.get(key.partition("\\")[0], {})
        found = [below for below in deeper if below.startswith(key + "\\")]
        return [key, *found] if key in self._keys else found

    def values(self, path: str) -> dict[str, Value]:
        """The values of a key; none for a missing key."""
        found = self._keys.get(fold(path))
        return dict(found[1].values()) if found else {}

    def get(self, path: str, name: str) -> Value | None:
        key = self._keys.get(fold(path))
        found = key and key[1].get(fold(name))
        return found[1] if found else None

    def text(self) -> str:
        """The form in which a store travels (docs/host-module.md)."""
        # all objects have values with the same few names
        order = functools.cache(_order)
        lines = []
        for path, values in sorted(self._keys.values(), key=lambda item: _order(item[0])):
            lines.append(f"k;{encode_text(path)}\n")
            lines.extend(
                f"v;{encode_name(n)};{v.text()}\n" for n, v in sorted(values.values(), key=lambda item: order(item[0]))
            )
        return "".join(lines)

    def digest(self) -> str:
        """The SHA-256 of the text, in lower-case hexadecimal."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    @classmethod
    def parse(cls, text: str) -> Store:
        """The store of `text`. Raises `StoreError`."""
        keys: dict[str, dict[str, Value]] = {}
        values: dict[str, Value] | None = None
        if text.count("\n") > LINE_LIMIT:
            raise StoreError(f"the store has more than {LINE_LIMIT} keys and values")
        # all objects have values with the same few names
        decode = functools.cache(decode_text)
        for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
            try:
                match line.split(";"):
                    case ["k", path]:
                        if (key := decode_text(path)) in keys:
                            raise StoreError(f"line {number} of the store repeats a key", number)
                        values = keys[key] = {}
                    case ["v", name, kind, data] if values is not None:
                        if (known := decode(name)) in values:
                            raise StoreError(f"line {number} of the store repeats a value of its key", number)
                        values[known] = Value.parse(kind, data)
                    case _:
                        raise StoreError(f"line {number} of the store is neither a key nor a value of a key", number)
            except StoreError:
                raise
            except ValueError:
                problem = f"line {number} of the store has invalid base64, an invalid kind or an invalid number"
                raise StoreError(problem, number) from None
        return cls(keys)

    def copy(self) -> Store:
        result = Store()
        result._keys = {key: (path, dict(values)) for key, (path, values) in self._keys.items()}
        result._below = {top: dict(below) for top, below in self._below.items()}
        return result

    def change(self, operation: Operation) -> None:
        """Do what the host module does. Raises `StoreError` for what it refuses."""
        key = fold(operation.path)
        match operation:
            case Create(path):
                spelled = self._keys.setdefault("", ("", {}))[0]
                for part in path.split("\\"):
                    child = f"{spelled}\\{part}" if spelled else part
                    if fold(child) not in self._keys:
                        self._add(child, {})
                    spelled = self._keys[fold(child)][0]
            case Delete(""):
                raise StoreError("the container cannot be deleted")
            case Set(_, _, Value(Kind.UNKNOWN)):
                raise StoreError("a value of an unknown kind cannot be written")
            case Delete():
                for gone in self.below(key):
                    del self._keys[gone]
                    self._below.get(key.partition("\\")[0], {}).pop(gone, None)
            case _ if key not in self._keys:
                raise StoreError(f"the key '{operation.path}' does not exist", key=operation.path)
            case Set(_, name, value):
                values, folded = self._keys[key][1], fold(name)
                values[folded] = (values.get(folded, (name,))[0], value)
            case Unset(_, name):
                self._keys[key][1].pop(fold(name), None)
