# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.batch import batch_file, netsh_file
from ..module_utils._core.netsh import write_netsh
from ..plugin_utils._scripts import REGISTRY, domain_store, filter_errors, policies_of


def to_netsh(policies: object, store: object = REGISTRY, domain: object = None) -> str:
    with filter_errors("to_netsh"):
        of_domain = domain_store(store, domain)
        commands = write_netsh(policies_of(policies), of_domain)
        return batch_file(commands) if of_domain is None else netsh_file(commands)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"to_netsh": to_netsh}
