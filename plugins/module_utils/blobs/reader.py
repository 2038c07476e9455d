# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Taking a blob apart from the front, and the pieces that all five formats share."""

from __future__ import annotations

import struct
import typing as t
import uuid

NO_TEXT: t.Final = "\0"

_U32 = struct.Struct("<I")


class BlobError(ValueError):
    """Bytes that do not have the form they should. `offset` counts from the start of the blob. The text holds none of
    the bytes.
    """

    def __init__(self, blob: str, offset: int, problem: str) -> None:
        super().__init__(f"{blob}, at byte {offset}: {problem}")
        self.blob = blob
        self.offset = offset


class Reader:
    """A position in a blob; every read is checked against the end first."""

    def __init__(self, data: bytes, blob: str) -> None:
        self.data = data
        self.blob = blob
        self.offset = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.offset

    def fail(self, problem: str, offset: int | None = None) -> t.NoReturn:
        raise BlobError(self.blob, self.offset if offset is None else offset, problem)

    def take(self, size: int, what: str) -> bytes:
        if size > self.left:
            self.fail(f"{what} needs {size} bytes, {self.left} are left")
        start, self.offset = self.offset, self.offset + size
        return self.data[start : self.offset]

    def skip(self, expected: bytes) -> bool:
        """Go over `expected` if it stands here."""
        found = self.data.startswith(expected, self.offset)
        if found:
            self.offset += len(expected)
        return found

    def unpack(self, form: struct.Struct, what: str) -> tuple[t.Any, ...]:
        start = self.offset
        end = start + form.size
        if end > len(self.data):
            self.fail(f"{what} needs {form.size} bytes, {self.left} are left")
        self.offset = end
        return form.unpack_from(self.data, start)

    def number(self, what: str) -> int:
        return t.cast(int, self.unpack(_U32, what)[0])

    def guid(self, expected: bytes, what: str) -> None:
        start = self.offset
        if self.take(16, f"the GUID of {what}") != expected:
            self.fail(f"this is not {what}: its GUID should be {{{uuid.UUID(bytes_le=expected)}}}", start)

    def text(self, what: str) -> str:
        """A length in bytes, then UTF-16LE. The terminator is kept."""
        size = self.number(f"the length of {what}")
        if size % 2:
            self.fail(f"{what} is {size} bytes long, which is no whole number of UTF-16 characters", self.offset - 4)
        return self.take(size, what).decode("utf-16-le", "surrogatepass")

    def last_byte(self) -> int:
        """The byte that ends most blobs and means nothing."""
        value = self.take(1, "the last byte")[0]
        if self.left:
            self.fail(f"{self.left} bytes follow after the end")
        return value


def pack_number(value: int) -> bytes:
    return _U32.pack(value)


def pack_text(value: str) -> bytes:
    data = value.encode("utf-16-le", "surrogatepass")
    return _U32.pack(len(data)) + data


def guid(value: str) -> bytes:
    return uuid.UUID(value).bytes_le


def text(value: str) -> str:
    """What a stored text says: all before its first NUL."""
    return value.partition("\0")[0]


def stored_text(value: str) -> str:
    """A text as it is stored: with the NUL that ends it."""
    return value + "\0"
