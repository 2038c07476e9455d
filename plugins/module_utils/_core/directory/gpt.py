# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""GPT.INI, the file in SYSVOL that has the version of a Group Policy object a second time (MS-GPOL 2.2.4)."""

from __future__ import annotations

import dataclasses
import typing as t

from .errors import DirectoryError
from .state import Gpo


class GptUnreachable(DirectoryError):
    """GPT.INI cannot be read or written. `reason` says why, as the end of a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GptChange:
    """A version that GPT.INI is to have, and the one that it has before."""

    gpo: Gpo
    old: int
    new: int


class GptFiles(t.Protocol):
    """The files GPT.INI of a domain controller."""

    def read(self, gpo: Gpo) -> int:
        """The version in the file, 0 without one. Raises `GptUnreachable`."""

    def write(self, gpo: Gpo, old: int, new: int) -> None:
        """Change the version from `old` to `new`. Raises `GptUnreachable`, also for a file with another version."""
