# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils.goal import OnePolicy
from ..module_utils.shape import keys
from ..module_utils.shape.fields import ShapeError
from ..module_utils.shape.parse import parse_policy
from ..module_utils.shape.wanted import Wanted
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._host import Host
from ..plugin_utils._options import read_options
from ..plugin_utils._task import PolicyTask, Settings

_MODES: t.Final = {"state": ("present", "absent"), "rules_mode": ("exact", "merge")}


class ActionModule(IpsecAction):
    """Makes one policy of the registry what it shall be."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        options = read_options("ipsec_policy", self._task.args, untouched=(*keys.POLICY, "policy"))
        settings = Settings.of(options, self._task.check_mode, self._task.diff)
        state, rules_mode = (_mode(self._task.args, options, name) for name in _MODES)
        goal = OnePolicy(_wanted(options), state == "absent", rules_mode)
        result = PolicyTask(Host(self, task_vars), goal, settings, task_vars).run()
        return {"policy": next(iter(result.pop("policies")), None), **result}


def _mode(args: t.Mapping[str, t.Any], options: dict[str, t.Any], name: str) -> str:
    """An option that `policy` may hold as well."""
    policy = options.get("policy")
    found = policy.get(name) if isinstance(policy, t.Mapping) and args.get(name) is None else options[name]
    if found is None:
        return str(options[name])
    if found not in _MODES[name]:
        raise ShapeError(f"policy.{name}", f"this is one of {', '.join(_MODES[name])}")
    return str(found)


def _wanted(options: dict[str, t.Any]) -> Wanted:
    """What the options ask for; an option beside `policy` wins over the same key in it."""
    policy = options.get("policy")
    given = {name: options[name] for name in keys.POLICY if options.get(name) is not None}
    if policy is None:
        return parse_policy(given)
    if not isinstance(policy, t.Mapping):
        raise ShapeError("policy", "this must be a whole policy as ipsec_facts returns it: a dictionary")
    return parse_policy({**{key: value for key, value in policy.items() if key not in _MODES}, **given})
