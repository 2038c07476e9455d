# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils.ipseccmd.convert import write_lines
from ..plugin_utils._scripts import a_filter, policies_of, warn


@a_filter
def to_ipseccmd(value: object) -> list[str]:
    notes: list[str] = []
    found = write_lines(policies_of(value), notes)
    warn(notes)
    return found


class FilterModule:
    """Policies as command lines of ipseccmd."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"to_ipseccmd": to_ipseccmd}
