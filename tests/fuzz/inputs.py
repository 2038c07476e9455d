# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the targets share: bytes taken apart as texts and numbers, and a key to look for in messages."""

from __future__ import annotations

import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils.model import PresharedKey

TOKEN: t.Final = "S3cretToken"
"""Stands in the keys of the seeds; the fuzzer moves it, and cuts it, but hardly makes another one."""


def text_of(data: bytes) -> str:
    """Bytes as a text in which every character may be met, also half of a surrogate pair."""
    return data.decode("utf-8", "surrogateescape")


def check_hidden(message: object, keys: t.Iterable[object], where: str) -> None:
    """No key with the token in it, of methods of authentication or as a text, is in the message, nor its token."""
    for key in keys:
        text = key.key if isinstance(key, PresharedKey) else key
        assert not (isinstance(text, str) and TOKEN in text and TOKEN in str(message)), f"a key is shown in {where}"


class Source:
    """Takes numbers and bytes off the front of an input; behind its end there are zeros."""

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

    def rest(self) -> bytes:
        found, self._at = self._data[self._at :], len(self._data)
        return found
