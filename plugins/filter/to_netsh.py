# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils.model import ModelError
from ..module_utils.netsh import batch_file, write_netsh
from ..plugin_utils._scripts import filter_errors


def to_netsh(policies: object) -> str:
    with filter_errors("to_netsh"):
        if isinstance(policies, t.Mapping):
            policies = [policies]
        if not isinstance(policies, list | tuple):
            raise ModelError("this takes a list of policies, as ipsec_facts returns them")
        return batch_file(write_netsh(policies))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"to_netsh": to_netsh}
