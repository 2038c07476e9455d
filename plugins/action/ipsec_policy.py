# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.shape import keys
from ..module_utils._core.shape.fields import ShapeError
from ..module_utils._core.shape.parse import parse_task
from ..module_utils._core.shape.preshared_keys import OPTION, with_preshared_keys
from ..module_utils._core.target.goal import OnePolicy
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._options import options_of, read_options
from ..plugin_utils._task import Goals, of_one_policy, run_task

_OPTIONS: t.Final = options_of("ipsec_policy")


class ActionModule(IpsecAction):
    """Creates, changes, assigns or deletes one policy of the registry."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        options = read_options(_OPTIONS, self._task.args, untouched=(*keys.POLICY, "policy", OPTION))
        wanted, state, rules_mode = parse_task(_given(self._task.args, options), by_name=True)
        goal = OnePolicy(with_preshared_keys(wanted, options[OPTION]), state, rules_mode)
        return of_one_policy(run_task(self, Goals(policies=goal), options, task_vars))


def _given(args: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The keys of a task. An option wins over the same key in `policy`; the default of an option does not."""
    policy = {} if options.get("policy") is None else options["policy"]
    if not isinstance(policy, t.Mapping):
        raise ShapeError("policy", "expected a whole policy as ipsec_facts returns it: a dictionary")
    given = (*keys.POLICY, *keys.MODES)
    return {**policy, **{name: options[name] for name in given if args.get(name) is not None}}
