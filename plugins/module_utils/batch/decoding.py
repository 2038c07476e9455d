# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The bytes of a batch file as text."""

from __future__ import annotations

import codecs
import re
import typing as t

from ..model import ModelError

_EXAMPLES: t.Final = "cp1252 (Western European), cp850 (the same in a console), cp1251, cp932, utf-16"
_BOM: t.Final = "\ufeff"
_MARKS: t.Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", codecs.BOM_UTF8: "utf-8"}
# code pages of Windows that Python does not call cp…
_PAGES: t.Final = {"1200": "utf-16-le", "1201": "utf-16-be", "20127": "ascii", "65001": "utf-8"}
# these make other text from text
_NO_ENCODINGS: t.Final = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "charmap"})


def decode(data: bytes, encoding: str | None = None) -> str:
    """The text of a file. A byte order mark decides; without one it is `encoding`, a codec's name or the number of a
    code page, and without that UTF-8, or UTF-16 where every second byte at the start is NUL.

    Raises `ModelError` for an unknown encoding, and for bytes that are not of it; what they are is not said.
    """
    named = None if encoding is None else _codec(encoding)
    codec = _marked(data) or named or _utf16(data) or "utf-8"
    if codec.startswith("utf-16"):
        data = data[: len(data) // 2 * 2]
    try:
        return data.decode(codec).replace(_BOM, "")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(codec, "replace")
        line = before.count("\n") + 1
        byte = error.start - len(before[: before.rfind("\n") + 1].encode(codec, "replace")) + 1
        where = f"byte {byte} of line {line}"
    except UnicodeError:
        where = "a byte"
    if named is None and codec == "utf-8":
        raise ModelError(f"{where} is not UTF-8; name the encoding of the file: {_EXAMPLES}")
    raise ModelError(f"{where} is not {codec}; the encoding of the file is another: {_EXAMPLES}")


def _codec(name: str) -> str:
    """Python's name for an encoding."""
    number = re.fullmatch("[0-9]{1,5}", name.strip())
    try:
        found = codecs.lookup(_PAGES.get(number[0], f"cp{number[0]}") if number else name.strip())
    except (LookupError, ValueError):
        raise ModelError(f"{name!r} is no encoding; examples are {_EXAMPLES}") from None
    # Python keeps codecs that are none of text, such as base64, in the same table
    if found.name in _NO_ENCODINGS or not getattr(found, "_is_text_encoding", True):
        raise ModelError(f"{name!r} is no encoding of text; examples are {_EXAMPLES}")
    return found.name


def _marked(data: bytes) -> str | None:
    return next((codec for mark, codec in _MARKS.items() if data.startswith(mark)), None)


def _utf16(data: bytes) -> str | None:
    """UTF-16 without a mark, seen by its first two letters."""
    head = data[:4] if len(data) >= 4 else data[:2]
    if len(head) < 2:
        return None
    even, odd = any(head[::2]), any(head[1::2])
    if even == odd:
        return None
    return "utf-16-le" if even else "utf-16-be"
