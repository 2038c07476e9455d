# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.batch import batch_file
from ..module_utils._core.ipseccmd.render import write_lines
from ..plugin_utils._scripts import REGISTRY, domain_store, filter_errors, policies_of, warn_about


def to_ipseccmd(policies: object, store: object = REGISTRY, domain: object = None) -> str:
    notes: list[str] = []
    with filter_errors("to_ipseccmd"):
        text = batch_file(write_lines(policies_of(policies), notes, domain_store(store, domain)))
    warn_about("to_ipseccmd", notes)
    return text


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"to_ipseccmd": to_ipseccmd}
