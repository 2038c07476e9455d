# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Command lines of ipseccmd to the arguments of tasks."""

from __future__ import annotations

import dataclasses
import typing as t

from ..draft import Draft, Sheet
from ..model import ModelError
from ..shape.arguments import absence_arguments, policy_arguments
from ..shape.edits import Edit
from .commands import Help
from .lines import Line, edits_of


def read_arguments(lines: t.Sequence[Line], notes: list[str]) -> list[dict[str, t.Any]]:
    """What the lines make of policies, one after the other, as arguments of ipsec_policy: one item for each policy.

    Raises `ModelError`.
    """
    lines = [line for line in lines if not isinstance(line.command, Help)]
    computers = list(dict.fromkeys(line.computer for line in lines))
    if len(computers) > 1:
        names = ", ".join(computer or "the local one" for computer in computers)
        raise ModelError(
            f"the commands are about several computers ({names}): convert those of each on their own, or run all of "
            "them with the module ipseccmd"
        )
    if computers and computers[0] is not None:
        notes.append(f"the commands are about the computer {computers[0]}: run the task there")
    draft = Draft(None, None)
    edits = edits_of(lines)
    for placed in edits.edits:
        placed.at(_apply, draft, placed.edit)
    notes += [*edits.notes, *draft.notes]
    return [_arguments(sheet, notes) for sheet in draft.sheets()]


def _apply(draft: Draft, edit: Edit) -> None:
    try:
        draft.apply(edit)
    except ModelError as error:
        raise ModelError(
            f"{error}; a rule that the host has already is changed by ipsec_rule, or by the command itself with the "
            "module ipseccmd"
        ) from None


def _arguments(sheet: Sheet, notes: list[str]) -> dict[str, t.Any]:
    if not sheet.there:
        return absence_arguments(sheet.name)
    wanted = dataclasses.replace(sheet.wanted(), assigned=sheet.assigned)
    if wanted.rules is None and wanted.default_response is None:
        notes.append(f"the task makes the policy '{sheet.name}' where it is missing; the script would not")
    return policy_arguments(wanted, exact=sheet.fresh)
