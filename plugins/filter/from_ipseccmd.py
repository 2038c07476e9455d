# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.batch import Program
from ..module_utils._core.ipseccmd.lines import edits_of, of_one_computer, read_lines
from ..module_utils._core.source.mistakes import collecting
from ..module_utils._core.target.arguments import task_arguments
from ..plugin_utils._scripts import filter_errors, read_commands, refuse_empty, refuse_no_tasks, warn_about


def from_ipseccmd(
    text: object,
    encoding: object = None,
    unsupported: object = "error",
    arguments: object = None,
    variables: object = None,
    files: object = None,
) -> list[dict[str, t.Any]]:
    notes: list[str] = []
    with filter_errors("from_ipseccmd"):
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
            lines, script = read_lines(found, unsupported == "ignore", mistakes)
        refuse_empty(script, Program.IPSECCMD)
        edits, of_commands = edits_of(of_one_computer(lines, notes))
        notes += of_commands
        tasks = task_arguments(edits, notes)
        refuse_no_tasks(tasks, Program.IPSECCMD)
    warn_about("from_ipseccmd", notes, script)
    return tasks


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"from_ipseccmd": from_ipseccmd}
