# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Journals of the registry, the service and events: files with one JSON array a line.

Several processes append to them; a killed process leaves the lines that it has written. A text that JSON cannot hold
(unpaired surrogates) is `{"u16": base64}`, bytes are `{"b64": base64}`.
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import threading
import typing as t

from .tree import EXPAND_STRING, MULTI_STRING, STRING, Change, Tree, Value, apply_changes


def append(path: pathlib.Path, lines: t.Iterable[t.Sequence[t.Any]]) -> None:
    """Append lines in one write."""
    data = "".join(json.dumps(line) + "\n" for line in lines).encode("ascii")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)


class Follower:
    """Reads a file from where the last read ended; whole lines only."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self._position = 0

    def read(self) -> list[list[t.Any]]:
        try:
            if self.path.stat().st_size == self._position:
                return []
            with self.path.open("rb") as file:
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data.rfind(b"\n") + 1
        self._position += whole
        return [json.loads(line) for line in data[:whole].splitlines()]


class Registry:
    """The registry of a host: its journal, and the resulting tree."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self._follower = Follower(path)
        self._tree: Tree = {}
        self._spelling: dict[str, str] = {}
        self._lock = threading.RLock()

    @property
    def tree(self) -> Tree:
        """The current registry. Callers must not change it."""
        with self._lock:
            new = self._follower.read()
            if new:
                apply_changes(self._tree, map(_decoded, new), self._spelling)
            return self._tree

    def change(self, changes: t.Iterable[Change]) -> None:
        with self._lock:
            append(self.path, map(_encoded, changes))


def replay(path: pathlib.Path) -> t.Iterator[Tree]:
    """A registry after each of its changes, oldest first. It is one tree, which each step changes."""
    tree: Tree = {}
    spelling: dict[str, str] = {}
    for line in Follower(path).read():
        apply_changes(tree, [_decoded(line)], spelling)
        yield tree


def _encoded(change: Change) -> list[t.Any]:
    if change[0] != "set":
        return [_text_out(part) for part in change]
    action, key, name, kind, data = change
    return [action, _text_out(key), _text_out(name), kind, _data_out(data)]


def _decoded(line: list[t.Any]) -> Change:
    if line[0] != "set":
        return tuple(_text_in(part) for part in line)
    action, key, name, kind, data = line
    return (action, _text_in(key), _text_in(name), kind, _data_in(kind, data))


def _text_out(text: str) -> t.Any:
    if any(0xD800 <= ord(c) < 0xE000 for c in text):
        return {"u16": base64.b64encode(text.encode("utf-16-le", "surrogatepass")).decode()}
    return text


def _text_in(text: t.Any) -> str:
    if isinstance(text, str):
        return text
    return base64.b64decode(text["u16"]).decode("utf-16-le", "surrogatepass")


def _data_out(data: Value) -> t.Any:
    if isinstance(data, bytes):
        return {"b64": base64.b64encode(data).decode()}
    if isinstance(data, list):
        return [_text_out(item) for item in data]
    return _text_out(data) if isinstance(data, str) else data


def _data_in(kind: int, data: t.Any) -> Value:
    if kind in (STRING, EXPAND_STRING):
        return _text_in(data)
    if kind == MULTI_STRING:
        return [_text_in(item) for item in data]
    return base64.b64decode(data["b64"]) if isinstance(data, dict) else t.cast(int, data)
