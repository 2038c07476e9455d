# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.batch import Program
from ..module_utils._core.directory.goal import DomainGoal
from ..module_utils._core.dynamic.goal import DynamicGoal
from ..module_utils._core.netsh.lines import NetshChanges, read_changes, read_list
from ..module_utils._core.source.mistakes import collecting
from ..module_utils._core.target.script import ScriptGoal
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._domain_commands import run_in_domain
from ..plugin_utils._options import options_of, read_options
from ..plugin_utils._scripts import (
    COMMAND_OPTIONS,
    SCRIPT_VALUES,
    command_texts,
    refuse_empty,
    rest_of,
    script_of,
)
from ..plugin_utils._task import Goals, run_task

_OPTIONS: t.Final = options_of("netsh_ipsec")
_ABOUT_SHARED: t.Final = ("filter_lists", "filter_actions")


class ActionModule(IpsecAction):
    """Runs commands of netsh ipsec on the policies and the dynamic rules of a host, or on the policies of a domain, as
    one plan.
    """

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        # a conversion would split a single command at its commas
        options = read_options(_OPTIONS, self._task.args, untouched=(*COMMAND_OPTIONS, *SCRIPT_VALUES))
        changes, rest = self._changes(options)
        if changes.domain is not None:
            goal = DomainGoal(policies=ScriptGoal(changes.static, changes.notes), gpos=changes.gpos)
            return {**run_in_domain(self, changes.domain, goal, options, task_vars, _ABOUT_SHARED), **rest}
        goals = Goals(
            policies=ScriptGoal(changes.static) if changes.static else None,
            dynamic=DynamicGoal(changes=changes.dynamic, notes=changes.notes) if changes.dynamic else None,
        )
        result = run_task(self, goals, options, task_vars, _ABOUT_SHARED)
        return {**result, **rest}

    def _changes(self, options: dict[str, t.Any]) -> tuple[NetshChanges, dict[str, t.Any]]:
        """What the commands change, and what the result has of the rest of a script."""
        allowed = options["allow_delete_all"]
        texts = command_texts(options)
        if texts is not None:
            return read_list(texts, "" if options["commands"] is None else "commands", allowed), {}
        with collecting(None) as mistakes:
            found = script_of(self, options, Program.NETSH, mistakes)
            changes, script = read_changes(found, options["unsupported"] == "ignore", allowed, mistakes)
        refuse_empty(script, Program.NETSH)
        return changes, rest_of(script)
