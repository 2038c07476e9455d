# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.results.verdicts import blocking_filters
from ..plugin_utils._old_core import decrypted
from ..plugin_utils._scripts import filter_errors


def ipsec_blocked_by(facts: object, address: object = None, port: object = "any", protocol: object = "any") -> t.Any:
    with filter_errors("ipsec_blocked_by"):
        return blocking_filters(decrypted(facts), decrypted(address), decrypted(port), decrypted(protocol))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ipsec_blocked_by": ipsec_blocked_by}
