# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The bytes of a batch file as text."""

from __future__ import annotations

import codecs
import re
import typing as t

from ..model import ModelError

_EXAMPLES: t.Final = (
    "cp1252 (Western European), cp850 (Western European, console), cp1251 (Cyrillic), cp936 (Simplified Chinese), "
    "cp950 (Traditional Chinese), cp932 (Japanese), cp949 (Korean) or utf-16"
)
_BOM: t.Final = "\ufeff"
_MARKS: t.Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be", codecs.BOM_UTF8: "utf-8"}
# code pages whose codec in Python has another name than cp…
_PAGES: t.Final = {"1200": "utf-16-le", "1201": "utf-16-be", "20127": "ascii", "65001": "utf-8"}
# codecs that Python lists as encodings, but no file is written in
_NO_ENCODINGS: t.Final = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "charmap"})


def decode(data: bytes, encoding: str | None = None) -> str:
    """The text of a file. A byte order mark takes precedence. Without one, `encoding` applies, which is the name of a
    codec or the number of a code page. Without both, it is UTF-8, or UTF-16 if every second byte at the start is NUL.

    Raises `ModelError` for an unknown encoding, and for bytes that are not valid in it. The message does not show them.
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
    raise ModelError(f"{where} is not valid {codec}; set encoding to the encoding of the file, such as {_EXAMPLES}")


def _codec(name: str) -> str:
    """Python's name for an encoding."""
    number = re.fullmatch("[0-9]{1,5}", name.strip())
    try:
        found = codecs.lookup(_PAGES.get(number[0], f"cp{number[0]}") if number else name.strip())
    except (LookupError, ValueError):
        raise ModelError(f"{name!r} is not a known encoding; use one such as {_EXAMPLES}") from None
    # Python lists codecs such as base64 in the same table
    if found.name in _NO_ENCODINGS or not getattr(found, "_is_text_encoding", True):
        raise ModelError(f"{name!r} is not a text encoding; use one such as {_EXAMPLES}")
    return found.name


def _marked(data: bytes) -> str | None:
    return next((codec for mark, codec in _MARKS.items() if data.startswith(mark)), None)


def _utf16(data: bytes) -> str | None:
    """The codec if the first two letters show that the bytes are UTF-16 without a mark."""
    head = data[:4] if len(data) >= 4 else data[:2]
    if len(head) < 2:
        return None
    even, odd = any(head[::2]), any(head[1::2])
    if even == odd:
        return None
    return "utf-16-le" if even else "utf-16-be"
