# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.results.verdicts import packet_verdicts
from ..plugin_utils._old_core import decrypted
from ..plugin_utils._scripts import filter_errors


def ipsec_verdict(packets: object, facts: object = None) -> t.Any:
    with filter_errors("ipsec_verdict"):
        return packet_verdicts(decrypted(packets), decrypted(facts))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ipsec_verdict": ipsec_verdict}
