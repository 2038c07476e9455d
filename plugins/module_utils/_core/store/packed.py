# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Compresses texts for the transfer between controller and host: gzip, then base64."""

from __future__ import annotations

import base64
import gzip
import typing as t
import zlib

from .values import StoreError

SIZE_LIMIT: t.Final = 256 * 1024 * 1024
"""The longest text that a host may send, in bytes. A million filters fit."""
_LEVEL: t.Final = 6
"""The level of gzip. Level 9 takes more than twice as long and saves a few percent."""


def pack(text: str) -> str:
    """The packed text; equal texts give equal results. The empty text stays empty."""
    if not text:
        return ""
    return base64.b64encode(gzip.compress(text.encode(), _LEVEL, mtime=0)).decode()


def unpack(packed: str, what: str = "the store") -> str:
    """The text of `pack`. Raises `StoreError`, which calls the text `what`."""
    if not packed:
        return ""
    try:
        data = base64.b64decode(packed, validate=True)
    except ValueError:
        raise StoreError(f"{what} cannot be unpacked: it is not base64") from None
    try:
        engine = zlib.decompressobj(wbits=31)
        text = engine.decompress(data, SIZE_LIMIT)
        if not engine.eof:
            raise StoreError(f"{what} is cut off or larger than {SIZE_LIMIT} bytes")
        return text.decode("ascii")
    except zlib.error:
        raise StoreError(f"{what} cannot be unpacked: it is not gzip") from None
    except UnicodeDecodeError:
        raise StoreError(f"{what} cannot be unpacked: it is not ASCII") from None
