# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils.ipseccmd.convert import read_arguments
from ..module_utils.ipseccmd.lines import read_script
from ..module_utils.model import ModelError
from ..plugin_utils._scripts import a_filter, chosen, script_text, warn


@a_filter
def from_ipseccmd(value: object, encoding: str | None = None, unsupported: str = "error") -> list[dict[str, t.Any]]:
    ignore = chosen("unsupported", unsupported, ("error", "ignore")) == "ignore"
    lines, script = read_script(script_text(value, encoding), ignore)
    if not lines and not script.left_out:
        raise ModelError("there is no command of ipseccmd in this text")
    notes: list[str] = []
    found = read_arguments(lines, notes)
    warn(notes, script)
    return found


class FilterModule:
    """Command lines of ipseccmd as arguments of tasks."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"from_ipseccmd": from_ipseccmd}
