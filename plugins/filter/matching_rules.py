# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.checks import matching
from ..plugin_utils._old_core import decrypted
from ..plugin_utils._scripts import filter_errors


def matching_rules(value: object, protocol: object = "any", port: object = "any", direction: object = "in") -> t.Any:
    with filter_errors("matching_rules"):
        return matching.matching_rules(decrypted(value), protocol, port, direction)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"matching_rules": matching_rules}
