# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.directory.goal import DomainGoal
from ..module_utils._core.model.wanted import State
from ..module_utils._core.shape import keys
from ..module_utils._core.shape.parse import parse_rule_edit
from ..module_utils._core.shape.placed import PlacedEdit
from ..module_utils._core.target.goal import Edits
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._domain import is_domain, run_domain_task
from ..plugin_utils._options import options_of, read_options
from ..plugin_utils._rounds import of_one_policy
from ..plugin_utils._task import Goals, run_task

_OPTIONS: t.Final = options_of("ipsec_rule")
_SHARED: t.Final = ("shared_rules",)


class ActionModule(IpsecAction):
    """Creates, changes or deletes one rule of a policy, and leaves the others alone."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        own = (*keys.RULE_OF_POLICY, *keys.RULE, *keys.FILTERS)
        options = read_options(_OPTIONS, self._task.args, untouched=own)
        given = {name: options[name] for name in own if options.get(name) is not None}
        edit, notes = parse_rule_edit(given, State(options["state"]))
        goal = Edits((PlacedEdit(edit),), notes)
        if is_domain(options):
            result = run_domain_task(self, DomainGoal(policies=goal), options, task_vars, _SHARED)
        else:
            result = run_task(self, Goals(policies=goal), options, task_vars, _SHARED)
        return of_one_policy(result)
