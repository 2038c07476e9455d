# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.results.facts import FACT
from ..module_utils._core.results.subsets import Subset, chosen
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._domain import gather_domain, is_domain
from ..plugin_utils._gather import gather
from ..plugin_utils._host import HostChannel
from ..plugin_utils._options import OptionError, options_of, read_options

_OPTIONS: t.Final = options_of("ipsec_facts")


class ActionModule(IpsecAction):
    """Reads the policies of a host, and what it has in force, or the policies of a domain."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        options = read_options(_OPTIONS, self._task.args)
        subsets = chosen(options["gather_subset"])
        if is_domain(options):
            if subsets != {Subset.STORE}:
                raise OptionError(
                    "gather_subset: with store: domain, only store can be read; the other parts are of a host"
                )
            return {"ansible_facts": {FACT: gather_domain(self, options, task_vars)}}
        return {"ansible_facts": {FACT: gather(HostChannel(self, task_vars), subsets)}}
