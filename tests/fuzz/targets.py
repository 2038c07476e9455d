# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The targets by their names. Each is a module. `check` takes any bytes and raises an error for a fault, `seeds` are
the first inputs, `WORDS` are useful parts of inputs, and `SUBJECT` has patterns of the files that it tests.
"""

from __future__ import annotations

import typing as t

from . import answers, batch, blobs, directory, ipseccmd, ldap, netsh, regfiles, running, store


class Target(t.Protocol):
    SUBJECT: t.Sequence[str]
    WORDS: t.Sequence[str | bytes]

    def check(self, data: bytes) -> None: ...

    def seeds(self) -> t.Iterable[bytes]: ...


TARGETS: t.Final[dict[str, Target]] = {
    "ipseccmd": ipseccmd,
    "batch": batch,
    "netsh": netsh,
    "blobs": blobs,
    "store": store,
    "regfiles": regfiles,
    "answers": answers,
    "running": running,
    "ldap": ldap,
    "directory": directory,
}
