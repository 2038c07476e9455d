# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils.goal import OnePolicy
from ..module_utils.shape import keys
from ..module_utils.shape.fields import ShapeError
from ..module_utils.shape.parse import parse_task
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._host import Host
from ..plugin_utils._options import options_of, read_options
from ..plugin_utils._task import PolicyTask, Settings

_OPTIONS: t.Final = options_of("ipsec_policy")


class ActionModule(IpsecAction):
    """Makes one policy of the registry what it shall be."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        options = read_options(_OPTIONS, self._task.args, untouched=(*keys.POLICY, "policy"))
        settings = Settings.of(options, self._task.check_mode, self._task.diff)
        goal = OnePolicy(*parse_task(_given(self._task.args, options)))
        result = PolicyTask(Host(self, task_vars), goal, settings, task_vars).run()
        return {"policy": next(iter(result.pop("policies")), None), **result}


def _given(args: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The keys of a task; an option beside `policy` wins over the same key in it, a default does not."""
    policy = {} if options.get("policy") is None else options["policy"]
    if not isinstance(policy, t.Mapping):
        raise ShapeError("policy", "this must be a whole policy as ipsec_facts returns it: a dictionary")
    given = (*keys.POLICY, *keys.MODES)
    return {**policy, **{name: options[name] for name in given if args.get(name) is not None}}
