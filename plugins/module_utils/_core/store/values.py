# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Registry values, and the text form in which they are transferred (docs/host-module.md)."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
import functools
import typing as t


class StoreError(ValueError):
    """A store or an operation with an invalid form.

    `line` is where in the text of the store, from 1; 0 without one. `key` is the path of the key; None without one.
    """

    def __init__(self, problem: str, line: int = 0, key: str | None = None) -> None:
        super().__init__(problem)
        self.line = line
        self.key = key


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
    """A registry value. `data` is str, int (unsigned), bytes or a tuple of str, as `kind` says. It may contain a
    pre-shared key, so `repr` leaves it out.
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
            body = encode_text(data)
        elif isinstance(data, bytes):
            body = base64.b64encode(data).decode()
        elif isinstance(data, tuple):
            body = ",".join(map(encode_text, data)) if data else "-"
        else:
            body = str(data)
        return f"{int(self.kind)};{body}"

    @classmethod
    def parse(cls, kind: str, data: str) -> Value:
        """The value of the two fields of `text`. Raises `ValueError`."""
        known = Kind(int(kind))
        if known in (Kind.STRING, Kind.EXPAND_STRING):
            return cls(known, decode_text(data))
        if known is Kind.MULTI_STRING:
            return cls(known, () if data == "-" else tuple(map(decode_text, data.split(","))))
        if known in (Kind.DWORD, Kind.QWORD):
            number = int(data)
            if str(number) != data or not 0 <= number < 1 << (32 if known is Kind.DWORD else 64):
                raise ValueError("not a number of this kind")
            return cls(known, number)
        return cls(known, binascii.a2b_base64(data, strict_mode=True))


def encode_text(text: str) -> str:
    """Base64 of the UTF-16LE code units; unpaired surrogates survive."""
    return base64.b64encode(text.encode("utf-16-le", "surrogatepass")).decode()


encode_name: t.Final = functools.lru_cache(maxsize=1024)(encode_text)
"""The same for paths and names, which repeat; values may contain pre-shared keys and are not cached."""


def decode_text(data: str) -> str:
    """The text of `encode_text`. Raises `ValueError`."""
    return binascii.a2b_base64(data, strict_mode=True).decode("utf-16-le", "surrogatepass")
