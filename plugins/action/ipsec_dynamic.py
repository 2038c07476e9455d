# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.dynamic.goal import DynamicGoal, replay_of
from ..module_utils._core.results.policies import OF_POLICIES
from ..module_utils._core.shape import keys
from ..module_utils._core.shape.dynamic import parse_dynamic_task
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._options import options_of, read_options
from ..plugin_utils._task import Goals, run_task

_OPTIONS: t.Final = options_of("ipsec_dynamic")
_UNTOUCHED: t.Final = ("rules", "settings", *keys.DYNAMIC_RULE)


class ActionModule(IpsecAction):
    """Adds, changes and deletes dynamic rules of a host, beside the policy in force."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        options = read_options(_OPTIONS, self._task.args, untouched=_UNTOUCHED)
        changes, exact, notes = parse_dynamic_task(
            {key: options.get(key) for key in (*_UNTOUCHED, *keys.DYNAMIC_MODES)}
        )
        goal = DynamicGoal(
            changes=changes,
            exact=exact,
            replay=replay_of(options["persistent"], options["replay_interval"]),
            notes=notes,
        )
        goals = Goals(dynamic=goal, confirm=options["confirm"] and not options["confirmed"])
        result = run_task(self, goals, options, task_vars)
        dynamic = result.pop("dynamic", {})
        return {**{key: value for key, value in result.items() if key not in OF_POLICIES}, **dynamic}
