# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Edits to the arguments of tasks, for a store that is not known."""

from __future__ import annotations

import dataclasses
import typing as t

from ..model import ModelError
from ..model.edits import Edit
from ..shape.arguments import absence_arguments, policy_arguments
from ..shape.placed import PlacedEdit
from .draft import Draft, PolicyDraft


def task_arguments(edits: t.Iterable[PlacedEdit], notes: list[str]) -> list[dict[str, t.Any]]:
    """The result of edits as arguments of ipsec_policy: one item for each policy, with the one to assign first.

    Differences to the edits are added to `notes`. Raises `ModelError`.
    """
    draft = Draft(None)
    for placed in edits:
        placed.at(_apply, draft, placed.edit)
    notes += draft.notes
    return [_arguments(policy, notes) for policy in draft.policies()]


def _apply(draft: Draft, edit: Edit) -> None:
    try:
        draft.apply(edit)
    except ModelError as error:
        raise ModelError(
            f"{error}; to change a rule that the host already has, use ipsec_rule, or run the command with the module "
            "ipseccmd"
        ) from None


def _arguments(policy: PolicyDraft, notes: list[str]) -> dict[str, t.Any]:
    if not policy.exists:
        return absence_arguments(policy.name)
    wanted = dataclasses.replace(policy.wanted(), assigned=policy.assigned)
    if wanted.rules is None and wanted.default_response is None:
        notes.append(f"the task creates the policy '{policy.name}' if it is missing; the script would not")
    return policy_arguments(wanted, exact=policy.recreated)
