# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.host.requests import Part
from ..module_utils._core.results.facts import FACT, render_facts
from ..plugin_utils._action import IpsecAction
from ..plugin_utils._host import HostChannel
from ..plugin_utils._options import options_of, read_options

_OPTIONS: t.Final = options_of("ipsec_facts")


class ActionModule(IpsecAction):
    """Reads the policy store of a host."""

    def work(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        read_options(_OPTIONS, self._task.args)
        state = HostChannel(self, task_vars).read((Part.STORE, Part.SERVICE, Part.DOMAIN))
        return {"ansible_facts": {FACT: render_facts(state)}}
