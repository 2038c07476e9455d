# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.shape.parse import parse_policies
from ..module_utils._core.target.goal import ExactPolicies, Restoration
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._backup import Backup, read_backup
from ..plugin_utils._host import host_name
from ..plugin_utils._options import OptionError, options_of, read_options
from ..plugin_utils._task import Goals, playbook_folder, run_task

_OPTIONS: t.Final = options_of("ipsec_store")


class ActionModule(IpsecAction):
    """Makes the policies of a host exactly those of a list, or restores a backup."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        options = read_options(_OPTIONS, self._task.args, untouched=("policies",))
        policies, restore = options["policies"], options["restore"]
        if (policies is None) == (restore is None):
            raise OptionError("give exactly one of policies and restore; policies: [] deletes all policies")
        if restore is None:
            goal = ExactPolicies(parse_policies(policies))
            return run_task(self, Goals(policies=goal), options, task_vars)
        host, folder = host_name(self, task_vars), playbook_folder(task_vars)
        found, path = read_backup(self, restore, host, folder)
        if options["backup"] and Backup(options["backup_options"] or {}, host, folder).replaces(path):
            raise OptionError("backup_options.filename: this is the file that the task restores; use another name")
        return run_task(self, Goals(policies=Restoration(found, restore)), options, task_vars)
