# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Asks the person at the terminal before a change (the manual's -confirm)."""

from __future__ import annotations

import difflib
import typing as t

from ansible.errors import AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.utils.display import Display

from ..module_utils._core.host.errors import HostError

_YES: t.Final = ("y", "yes")
_NOTHING: t.Final = "so nothing was changed"


def confirm(host: str, diff: t.Mapping[str, str]) -> None:
    """Show a change and ask whether to make it. Raises `HostError` unless the answer is yes."""
    before, after = (diff[side].splitlines() for side in ("before", "after"))
    shown = "\n".join(difflib.unified_diff(before, after, diff["before_header"], diff["after_header"], lineterm=""))
    question = f"{shown}\nChange the dynamic rules of {host}? [yes/no]"
    try:
        answer = Display().prompt_until(question, private=False)
    except AnsiblePromptInterrupt:
        answer = b""
    except AnsiblePromptNoninteractive:
        raise HostError(
            f"the dynamic rules of {host} would change, and confirm asks before that, but nobody can answer here, "
            f"{_NOTHING}; set confirmed: true to answer beforehand, or run the playbook at a terminal"
        ) from None
    if answer.decode(errors="replace").strip().casefold() not in _YES:
        raise HostError(f"the change of the dynamic rules of {host} was not confirmed, {_NOTHING}")
