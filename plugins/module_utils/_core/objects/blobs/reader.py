# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reading a blob from its start, and the pieces that all five formats share."""

from __future__ import annotations

import struct
import typing as t
import uuid

NO_TEXT: t.Final = "\0"
"""A missing text as it is stored."""

_U32: t.Final = struct.Struct("<I")


class BlobError(ValueError):
    """Bytes that do not have the form of their blob. `blob` names the format, `offset` counts bytes from the start of
    the blob, and `problem` is the message without the place. The text has none of the bytes.
    """

    def __init__(self, blob: str, offset: int, problem: str) -> None:
        super().__init__(f"{blob}, at byte {offset}: {problem}")
        self.blob = blob
        self.offset = offset
        self.problem = problem


class Reader:
    """A position in a blob. Every read is checked against the end first and raises `BlobError`.

    `blob` names the format for errors.
    """

    def __init__(self, data: bytes, blob: str) -> None:
        self.data = data
        self.blob = blob
        self.offset = 0

    @property
    def left(self) -> int:
        """The number of bytes from the position to the end."""
        return len(self.data) - self.offset

    def fail(self, problem: str, offset: int | None = None) -> t.NoReturn:
        """Raise `BlobError` for `offset`, or for the position."""
        raise BlobError(self.blob, self.offset if offset is None else offset, problem)

    def take(self, size: int, what: str) -> bytes:
        """The next `size` bytes. `what` names them in an error."""
        if size > self.left:
            self.fail(f"{what} needs {size} bytes, but {self.left} remain")
        start, self.offset = self.offset, self.offset + size
        return self.data[start : self.offset]

    def skip(self, expected: bytes) -> bool:
        """Go past `expected` if it comes next; False if it does not."""
        found = self.data.startswith(expected, self.offset)
        if found:
            self.offset += len(expected)
        return found

    def unpack(self, form: struct.Struct, what: str) -> tuple[t.Any, ...]:
        """The fields of a fixed structure. `what` names it in an error."""
        start = self.offset
        end = start + form.size
        if end > len(self.data):
            self.fail(f"{what} needs {form.size} bytes, but {self.left} remain")
        self.offset = end
        return form.unpack_from(self.data, start)

    def number(self, what: str) -> int:
        """The next 32-bit number. `what` names it in an error."""
        return t.cast(int, self.unpack(_U32, what)[0])

    def guid(self, expected: bytes, what: str) -> None:
        """Go past a GUID that must come next. `what` names what it identifies."""
        start = self.offset
        if self.take(16, f"the GUID of {what}") != expected:
            self.fail(f"this is not {what}: expected the GUID {{{uuid.UUID(bytes_le=expected)}}}", start)

    def text(self, what: str) -> str:
        """A length in bytes, then UTF-16LE characters, with their terminator. `what` names the text in an error."""
        size = self.number(f"the length of {what}")
        if size % 2:
            self.fail(f"{what} has {size} bytes, which is not a whole number of UTF-16 characters", self.offset - 4)
        return self.take(size, what).decode("utf-16-le", "surrogatepass")

    def trailing(self) -> bytes:
        """What follows a blob: nothing, or the one byte without meaning that Windows writes."""
        if self.left > 1:
            self.fail(f"{self.left} bytes follow the end; at most one is allowed")
        return self.take(self.left, "the last byte")


def pack_number(value: int) -> bytes:
    """Four bytes, the least significant first."""
    return _U32.pack(value)


def pack_text(value: str) -> bytes:
    """The length in bytes, then UTF-16LE. `value` has its terminator."""
    data = value.encode("utf-16-le", "surrogatepass")
    return _U32.pack(len(data)) + data


def guid(value: str) -> bytes:
    """The 16 bytes of a GUID in wire order. `value` is its text, with or without braces."""
    return uuid.UUID(value).bytes_le


def text(value: str) -> str:
    """The meaning of a stored text: everything before its first NUL."""
    return value.partition("\0")[0]


def stored_text(value: str) -> str:
    """A text as it is stored, with its terminator."""
    return value + "\0"
