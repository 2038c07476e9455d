# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Answers of a directory, read from bytes that may be hostile (RFC 4511, 4 and 5.1).

The cost of reading is linear in the bytes, and what is made of them is limited. An answer belongs to a request by its
id alone: a server may answer a write with another kind of answer.
"""

from __future__ import annotations

import dataclasses
import enum
import typing as t

LONGEST_MESSAGE: t.Final = 64 << 20
"""How many bytes one message may have. A domain controller closes the connection at much less."""

_INTEGER, _OCTETS, _ENUMERATED, _SEQUENCE, _SET = 0x02, 0x04, 0x0A, 0x30, 0x31
_CONTROLS, _REFERRAL, _CREDENTIALS, _RESPONSE_NAME = 0xA0, 0xA3, 0x87, 0x8A
_LONGEST_LENGTH: t.Final = 4
_LONGEST_INTEGER: t.Final = 8


class AnswerKind(enum.IntEnum):
    """The tags of answers that differ in their form. All others are results."""

    ENTRY = 0x64
    DONE = 0x65
    REFERENCE = 0x73


class Malformed(ValueError):
    """Bytes that are not LDAP, or an answer that is due to no request."""


class TooMuch(Malformed):
    """More than is accepted, so that an answer without end cannot exhaust the controller."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a request. `credentials` are those of a SASL mechanism, `name` that of an extended response."""

    code: int
    detail: str
    referrals: tuple[str, ...] = ()
    credentials: bytes | None = dataclasses.field(default=None, repr=False)
    name: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One message of the server. `controls` are their values by object identifier."""

    id: int
    tag: int
    body: bytes = dataclasses.field(repr=False)
    controls: t.Mapping[str, bytes]
    name: str = ""

    def result(self) -> Result:
        """Raises `Malformed`."""
        reader = _BerReader(self.body)
        code = reader.integer(_ENUMERATED)
        reader.take(_OCTETS)  # the DN of the last entry that was found
        detail = _text(reader.take(_OCTETS), strict=False)
        referrals: tuple[str, ...] = ()
        credentials = None
        name = self.name
        while reader:
            tag, value = reader.next()
            if tag == _REFERRAL:
                referrals = tuple(_texts(value))
            elif tag == _CREDENTIALS:
                credentials = value
            elif tag == _RESPONSE_NAME:
                name = _text(value, strict=False)
        return Result(code=code, detail=detail, referrals=referrals, credentials=credentials, name=name)

    def entry(self, most: int) -> tuple[str, list[tuple[str, list[bytes]]]]:
        """The DN of an entry, and its attributes with their values. Raises `Malformed`, and `TooMuch` for more than
        `most` attributes and values.
        """
        reader = _BerReader(self.body)
        dn = _text(reader.take(_OCTETS))
        attributes: list[tuple[str, list[bytes]]] = []
        listed = _BerReader(reader.take(_SEQUENCE))
        while listed:
            attribute = _BerReader(listed.take(_SEQUENCE))
            name = _text(attribute.take(_OCTETS))
            inside = _BerReader(attribute.take(_SET))
            values: list[bytes] = []
            attributes.append((name, values))
            while inside:
                values.append(inside.take(_OCTETS))
                if len(values) > most:
                    break
            most -= 1 + len(values)
            if most < 0:
                raise TooMuch("a search has more values than are accepted")
        return dn, attributes

    def references(self) -> list[str]:
        """Where a search goes on. Raises `Malformed`."""
        return _texts(self.body)

    def cookie(self, control: str) -> bytes:
        """The cookie for the next page, b"" without one (RFC 2696). Raises `Malformed`."""
        value = self.controls.get(control)
        if value is None:
            return b""
        reader = _BerReader(_BerReader(value).take(_SEQUENCE))
        reader.integer(_INTEGER)
        return reader.take(_OCTETS)


def message_length(data: bytes | bytearray) -> int | None:
    """How many bytes the message at the start of `data` has, None if more bytes are needed to tell. Raises `Malformed`
    for what does not begin as a message, and for one that is too long.
    """
    if data and data[0] != _SEQUENCE:
        raise Malformed("it is not LDAP")
    header = _header(data, 0)
    if header is None:
        return None
    start, length = header
    if start + length > LONGEST_MESSAGE:
        raise TooMuch(f"a message says that it has {start + length} bytes, and {LONGEST_MESSAGE} are accepted")
    return start + length


def parse_answer(data: bytes) -> Answer:
    """One whole message. Raises `Malformed`."""
    message = _BerReader(_BerReader(data).take(_SEQUENCE))
    number = message.integer(_INTEGER)
    tag, body = message.next()
    controls: dict[str, bytes] = {}
    name = ""
    while message:
        kind, value = message.next()
        if kind == _CONTROLS:
            controls.update(_controls(value))
        elif kind == _RESPONSE_NAME:
            # MS-ADTS 3.1.1.3.1: Active Directory puts the name of a notice of disconnection here
            name = _text(value, strict=False)
    return Answer(id=number, tag=tag, body=body, controls=controls, name=name)


class _BerReader:
    """Values one after the other. A value ends within the bytes that it is read from."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def next(self) -> tuple[int, bytes]:
        """The tag and the content of the next value."""
        header = _header(self._data, self._at)
        if header is None:
            raise Malformed("a value is cut off")
        start, length = header
        if length > len(self._data) - start:
            raise Malformed(f"a value says that it has {length} bytes, and {len(self._data) - start} follow")
        tag = self._data[self._at]
        self._at = start + length
        return tag, self._data[start : self._at]

    def take(self, tag: int) -> bytes:
        """The content of the next value, which must have this tag."""
        found, content = self.next()
        if found != tag:
            raise Malformed(f"it has a value with tag {found:#04x} where {tag:#04x} is due")
        return content

    def integer(self, tag: int) -> int:
        content = self.take(tag)
        if not 0 < len(content) <= _LONGEST_INTEGER:
            raise Malformed(f"it has a number of {len(content)} bytes")
        return int.from_bytes(content, "big", signed=True)


def _header(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """Where the content of a value begins and its length, None if its header is cut off. All tags of LDAP have one
    byte, and lengths are never indefinite.
    """
    if len(data) < at + 2:
        return None
    length = data[at + 1]
    if length < 0x80:
        return at + 2, length
    size = length & 0x7F
    if not 0 < size <= _LONGEST_LENGTH:
        raise Malformed(f"it has a length of {size} bytes" if size else "it has a value of indefinite length")
    if len(data) < at + 2 + size:
        return None
    return at + 2 + size, int.from_bytes(data[at + 2 : at + 2 + size], "big")


def _controls(data: bytes) -> t.Iterator[tuple[str, bytes]]:
    reader = _BerReader(data)
    while reader:
        control = _BerReader(reader.take(_SEQUENCE))
        name = _text(control.take(_OCTETS), strict=False)
        while control:
            tag, value = control.next()
            if tag == _OCTETS:
                yield name, value


def _texts(data: bytes) -> list[str]:
    reader = _BerReader(data)
    found = []
    while reader:
        found.append(_text(reader.take(_OCTETS), strict=False))
    return found


def _text(data: bytes, strict: bool = True) -> str:
    try:
        return data.decode("utf-8", "strict" if strict else "replace")
    except UnicodeDecodeError:
        raise Malformed("it has a name that is not UTF-8") from None
