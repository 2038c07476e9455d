# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The file that undoes a task: a .reg file whose comments say what the task has left.

`reg import` carries it out. A task that restores it can also say what others have changed since.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ..hints import printable
from ..objects.graph import ObjectClass, class_in
from ..store.casing import fold
from ..store.names import DATA
from ..store.operations import Operation
from ..store.regfile import parse_regedit_file, regedit_file
from ..store.store import Store

_WITHOUT_KEYS: t.Final = (ObjectClass.POLICY, ObjectClass.ISAKMP, ObjectClass.FILTER, ObjectClass.ACTION)
"""The classes of objects whose data holds no pre-shared key."""
_HOST: t.Final = "host "
_LEFT: t.Final = "left "


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BackupFile:
    """`operations` undo what a task wrote on `host`; `left` has the digest of each object, by its key, as the task left
    it. Both are None in a file that another program has written.
    """

    operations: tuple[Operation, ...]
    host: str | None = None
    left: t.Mapping[str, str] | None = None

    @classmethod
    def of(cls, operations: t.Iterable[Operation], host: str, left: Store) -> BackupFile:
        """The backup of a task that has left the store `left`."""
        return cls(operations=tuple(operations), host=printable(host), left=digests(left))

    def pack(self) -> bytes:
        comments = ["The task ipsec_store with the option restore undoes with this file what a task wrote."]
        if self.host is not None:
            comments.append(f"{_HOST}{self.host}")
        comments += [f"{_LEFT}{digest} {key}" for key, digest in (self.left or {}).items()]
        return regedit_file(self.operations, comments)

    @classmethod
    def unpack(cls, data: bytes) -> BackupFile:
        """Raises `StoreError`."""
        operations, comments = parse_regedit_file(data)
        host = next((comment[len(_HOST) :] for comment in comments if comment.startswith(_HOST)), None)
        left = [comment[len(_LEFT) :].partition(" ") for comment in comments if comment.startswith(_LEFT)]
        # the container has an empty path
        known = {key: digest for digest, _space, key in left}
        return cls(operations=tuple(operations), host=host, left=None if host is None else known)


def digests(store: Store) -> dict[str, str]:
    """A digest for each key, by its folded path. Data that may hold a pre-shared key is left out: whenChanged tells of
    its changes.
    """
    found = {}
    for path in store.paths():
        key = fold(path)
        known = class_in(path) in _WITHOUT_KEYS
        shown = {name: value for name, value in store.values(path).items() if known or fold(name) != fold(DATA)}
        if key.isprintable():
            found[key] = hashlib.sha256(Store({path: shown}).text().encode()).hexdigest()[:16]
    return found
