# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.results.facts import FACT
from ..module_utils._core.results.subsets import chosen
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._gather import gather
from ..plugin_utils._host import HostChannel
from ..plugin_utils._options import options_of, read_options

_OPTIONS: t.Final = options_of("ipsec_facts")


class ActionModule(IpsecAction):
    """Reads the policies of a host, and what it has in force."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        subsets = chosen(read_options(_OPTIONS, self._task.args)["gather_subset"])
        return {"ansible_facts": {FACT: gather(HostChannel(self, task_vars), subsets)}}
