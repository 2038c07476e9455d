# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the targets share: reading texts and numbers from bytes, and looking for a key in messages."""

from __future__ import annotations

import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.model import PresharedKey

CORE: t.Final = "plugins/module_utils/_core"
"""The folder of the core, for `SUBJECT`."""
TOKEN: t.Final = "S3cretToken"
"""A text in the keys of the seeds. The fuzzer moves and cuts it, but is unlikely to generate another one."""


def text_of(data: bytes) -> str:
    """Bytes as a text that may contain every character, including half of a surrogate pair."""
    return data.decode("utf-8", "surrogateescape")


def check_hidden(message: object, keys: t.Iterable[object], where: str) -> None:
    """Check that the message does not contain the token of any of the keys: texts, or authentication methods."""
    for key in keys:
        text = key.key if isinstance(key, PresharedKey) else key
        assert not (isinstance(text, str) and TOKEN in text and TOKEN in str(message)), f"{where} contains a key"


class Source:
    """Reads numbers and bytes from the start of an input; after its end, all bytes are zero."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def bytes(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        self._at += size
        return found.ljust(size, b"\0")

    def number(self, size: int = 1) -> int:
        return int.from_bytes(self.bytes(size), "little")

    def pick(self, choices: t.Sequence[t.Any]) -> t.Any:
        return choices[self.number() % len(choices)]
