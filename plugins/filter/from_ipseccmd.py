# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.batch import Program
from ..module_utils._core.dynamic.arguments import rule_arguments
from ..module_utils._core.ipseccmd.lines import Mode, asked_by, of_one_computer, read_lines
from ..module_utils._core.source.mistakes import collecting
from ..module_utils._core.target.arguments import task_arguments
from ..plugin_utils._scripts import (
    filter_errors,
    flag_of,
    read_commands,
    refuse_empty,
    refuse_no_rules,
    refuse_no_tasks,
    warn_about,
)

_CONFIRMATION: t.Final = "-confirm is left out; 'confirm: true' of ipsec_dynamic asks before a task changes anything"


def from_ipseccmd(
    text: object,
    encoding: object = None,
    unsupported: object = "error",
    arguments: object = None,
    variables: object = None,
    files: object = None,
    dynamic: object = False,
) -> list[dict[str, t.Any]]:
    notes: list[str] = []
    with filter_errors("from_ipseccmd"):
        modes = (Mode.DYNAMIC if flag_of("dynamic", dynamic) else Mode.STATIC,)
        with collecting(None) as mistakes:
            found = read_commands(
                text,
                Program.IPSECCMD,
                mistakes,
                encoding=encoding,
                unsupported=unsupported,
                arguments=arguments,
                variables=variables,
                files=files,
            )
            lines, script = read_lines(found, unsupported == "ignore", mistakes, modes)
        refuse_empty(script, Program.IPSECCMD)
        asked = asked_by(of_one_computer(lines, notes), modes)
        notes += asked.notes
        if asked.domain is not None:
            notes.append(asked.domain.note())
        if asked.confirms:
            notes.append(_CONFIRMATION)
        if Mode.DYNAMIC in modes:
            result = rule_arguments(asked.changes, notes)
            refuse_no_rules(result, Program.IPSECCMD)
        else:
            result = task_arguments(asked.edits, notes)
            refuse_no_tasks(result, Program.IPSECCMD)
    warn_about("from_ipseccmd", notes, script)
    return result


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"from_ipseccmd": from_ipseccmd}
