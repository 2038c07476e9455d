# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""GUIDs of new objects."""

from __future__ import annotations

import hashlib
import itertools
import typing as t
import uuid

NewGuid: t.TypeAlias = t.Callable[[], str]
"""Returns the text of a new GUID in lower case, without braces."""


def guids(digest: str, title: str) -> NewGuid:
    """New GUIDs that are the same for the same store and task, so that check mode shows what a run does.

    They are numbered, as thousands of random ones in a filter list would not compress on the way to the host.
    """
    seed = hashlib.sha256(f"{digest} {title}".encode("utf-8", "surrogatepass")).digest()[:12]
    count = itertools.count()
    return lambda: str(uuid.UUID(bytes=seed + next(count).to_bytes(4, "big"), version=4))
