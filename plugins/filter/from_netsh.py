# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.batch import Program
from ..module_utils._core.dynamic.arguments import rule_arguments
from ..module_utils._core.netsh import read_dynamic, read_lines, read_netsh
from ..module_utils._core.netsh.grammar import Language
from ..module_utils._core.source.mistakes import collecting
from ..plugin_utils._scripts import (
    filter_errors,
    flag_of,
    read_commands,
    refuse_empty,
    refuse_no_rules,
    refuse_no_tasks,
    warn_about,
)


def from_netsh(
    text: object,
    encoding: object = None,
    unsupported: object = "error",
    arguments: object = None,
    variables: object = None,
    files: object = None,
    dynamic: object = False,
) -> list[dict[str, t.Any]]:
    notes: list[str] = []
    with filter_errors("from_netsh"), collecting(None) as mistakes:
        languages = (Language.DYNAMIC if flag_of("dynamic", dynamic) else Language.STATIC,)
        found = read_commands(
            text,
            Program.NETSH,
            mistakes,
            encoding=encoding,
            unsupported=unsupported,
            arguments=arguments,
            variables=variables,
            files=files,
        )
        commands, script = read_lines(found, unsupported == "ignore", mistakes, languages)
        if Language.DYNAMIC in languages:
            changes = read_dynamic(commands, notes, mistakes)
            refuse_empty(script, Program.NETSH)
            result = rule_arguments(changes, notes)
            refuse_no_rules(result, Program.NETSH)
        else:
            result = read_netsh(commands, notes, mistakes)
            refuse_empty(script, Program.NETSH)
            refuse_no_tasks(result, Program.NETSH)
    warn_about("from_netsh", notes, script)
    return result


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"from_netsh": from_netsh}
