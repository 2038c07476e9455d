# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t

from ..module_utils._core.model import ModelError
from ..module_utils._core.notation.address_list import parse_address_list
from ..module_utils._core.shape.fields import kind_of
from ..plugin_utils._old_core import decrypted
from ..plugin_utils._scripts import file_text, filter_errors, warn_about


def ipsec_addresses(text: object, encoding: object = None) -> list[str]:
    notes: list[str] = []
    with filter_errors("ipsec_addresses"):
        if isinstance(text, list | tuple):
            text = _joined(decrypted(text))
        addresses = parse_address_list(file_text(text, encoding, "a file"), notes)
    warn_about("ipsec_addresses", notes)
    return addresses


def _joined(lines: t.Sequence[object]) -> str:
    for number, line in enumerate(lines, 1):
        if not isinstance(line, str):
            raise ModelError(f"line {number}: expected text, not {kind_of(line)}")
    return "\n".join(map(str, lines))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ipsec_addresses": ipsec_addresses}
