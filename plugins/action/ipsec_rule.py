# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils.goal import Edits, Placed
from ..module_utils.shape import keys
from ..module_utils.shape.parse import parse_rule_edit
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._host import Host
from ..plugin_utils._options import options_of, read_options
from ..plugin_utils._task import PolicyTask, Settings

_OPTIONS: t.Final = options_of("ipsec_rule")


class ActionModule(IpsecAction):
    """Makes one rule of a policy what it shall be, and leaves the others alone."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        own = [key for key in (*keys.RULE_OF_POLICY, *keys.RULE) if key != "odd"]
        options = read_options(_OPTIONS, self._task.args, untouched=own)
        settings = Settings.of(options, self._task.check_mode, self._task.diff)
        given = {name: options[name] for name in own if options.get(name) is not None}
        edit, notes = parse_rule_edit(given, options["state"] == "absent")
        result = PolicyTask(Host(self, task_vars), Edits((Placed(edit),), notes), settings, task_vars).run()
        return {"policy": next(iter(result.pop("policies")), None), **result}
