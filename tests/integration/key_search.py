# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Searches the output and the files of a run for pre-shared keys, in every readable form."""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import pathlib
import re
import threading
import typing as t
import urllib.parse
import zlib

MARK: t.Final = "Tr0ub4dor"
"""The beginning of all keys of the tests. Only escapes that `shows` undoes change it."""
KEY: t.Final = f"{MARK}&3-'correct'-hörse"
NEW_KEY: t.Final = f'{MARK}\\3 "battery"-$(staple)'
PLAIN_KEY: t.Final = f"{MARK}&3-'correct'-$(horse)"
NEW_PLAIN_KEY: t.Final = f"{MARK}\\3 <battery> %staple% ^`!"
"""Keys that netsh can express."""

_DEPTH: t.Final = 6
_CODECS: t.Final = ("utf-8", "utf-16-le", "utf-16-be")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}(?:\r?\n[A-Za-z0-9+/_-]{12,})*")
_ESCAPED = re.compile(r"\\u([0-9A-Fa-f]{4})|&#x([0-9A-Fa-f]{1,4});|&#([0-9]{1,5});|\\(/)")
_COMPRESSED = {b"\x1f\x8b": zlib.MAX_WBITS | 16, b"\x78\x01": zlib.MAX_WBITS, b"\x78\x9c": zlib.MAX_WBITS}
# the digits of two bytes may be separated: by \x, 0x, a comma and the end of a line in a .reg file …
_HEX = re.compile(
    "|".join("(?:[^0-9A-Fa-f]|0x){0,6}".join(f"{b:02x}" for b in MARK.encode(codec)) for codec in _CODECS),
    re.IGNORECASE,
)


def shows(text: str | bytes) -> bool:
    """Whether a text has a key: plain, in UTF-16, in hex, escaped, in base64, compressed, or in several of these."""
    return _shows(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text, _DEPTH)


def _shows(data: bytes, depth: int) -> bool:
    if any(MARK.encode(codec) in data for codec in _CODECS):
        return True
    text = data.decode("latin-1")
    if _HEX.search(text):
        return True
    narrow = data.replace(b"\0", b"")
    if narrow != data and depth and _shows(narrow, depth - 1):
        return True
    plain = urllib.parse.unquote(_ESCAPED.sub(_unescape, text), "latin-1")
    if plain != text and depth and _shows(plain.encode("utf-8", "surrogatepass"), depth - 1):
        return True
    return any(_hides(found, depth) for found in set(_BASE64.findall(text)))


def _unescape(match: re.Match[str]) -> str:
    wide, hexadecimal, decimal, slash = match.groups()
    return slash or chr(int(wide or hexadecimal, 16) if wide or hexadecimal else min(int(decimal), 0xFFFF))


@functools.lru_cache(maxsize=20_000)
def _hides(encoded: str, depth: int) -> bool:
    """Whether `encoded` has a key in base64, which may begin anywhere."""
    if not depth:
        return False
    digits = "".join(encoded.split()).replace("-", "+").replace("_", "/")
    for start in range(4):
        piece = digits[start : start + (len(digits) - start) // 4 * 4]
        data = base64.b64decode(piece)
        rest = digits[start + len(piece) :]
        data += base64.b64decode(rest + "=" * (-len(rest) % 4)) if len(rest) > 1 else b""
        format_ = _COMPRESSED.get(data[:2])
        if format_ is not None:
            try:
                data = zlib.decompressobj(format_).decompress(data)
            except zlib.error:
                continue
        if _shows(data, depth - 1):
            return True
    return False


def where(folder: pathlib.Path, *known: pathlib.Path) -> list[str]:
    """The files below a folder that have a key in their content or name, except `known` files and folders."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    other = [path for path in paths if not any(path.is_relative_to(one) for one in known)]
    return [str(path.relative_to(folder)) for path in other if shows(path.read_bytes()) or shows(str(path))]


def _processes() -> list[int]:
    return [int(path.name) for path in pathlib.Path("/proc").iterdir() if path.name.isdigit()]


class Processes:
    """A context manager that collects the arguments and environment of all processes that this one starts."""

    def __enter__(self) -> Processes:
        self.seen: set[bytes] = set()
        # whether this process has started a process
        self._ours = dict.fromkeys(_processes(), False) | {os.getpid(): True}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            for process in _processes():
                if process != os.getpid() and self._is_ours(process):
                    for file in ("cmdline", "environ"):
                        with contextlib.suppress(OSError):
                            self.seen.add(pathlib.Path("/proc", str(process), file).read_bytes())

    def _is_ours(self, process: int) -> bool:
        if process not in self._ours:
            try:
                parent = pathlib.Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                return False
            self._ours[process] = self._is_ours(int(parent))
        return self._ours[process]

    def show(self) -> bool:
        """Whether a key was found."""
        return any(map(shows, self.seen))


def everything_kept(folder: pathlib.Path, kept: pathlib.Path) -> dict[str, str]:
    """Variables with which Ansible keeps its log, cache and files in `folder`, and all that it removes in `kept`."""
    return {
        "ANSIBLE_LOG_PATH": str(folder / "log"),
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "cache"),
        "ANSIBLE_RETRY_FILES_ENABLED": "1",
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
        "PYTHONPATH": str(pathlib.Path(__file__).parent / "kept_files"),
        "IPSEC_KEPT_FILES": str(kept),
    }
