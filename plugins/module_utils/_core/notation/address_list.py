# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Lists of addresses as files have them: one in each line, with comments."""

from __future__ import annotations

import re
import typing as t

from ..model import AddressRange, HostAddress, ModelError, Special, Subnet
from ..source.text import SourceError
from .addresses import parse_address

_COMMENT: t.Final = re.compile("[#;].*")
# what cannot be a mistyped address gets another message
_LOOKS_LIKE_ADDRESS: t.Final = re.compile(r"(?=.*[\d:])[\dA-Fa-f.:*/-]+(?:%\S*)?\Z")


def parse_address_list(text: str, notes: list[str]) -> list[str]:
    """The addresses, subnets and ranges in the lines of `text`, each once, as filters accept them.

    Differences between their meaning and the text are added to `notes`. Raises `SourceError`.
    """
    found: dict[str, None] = {}
    offset = 0
    for number, line in enumerate(text.split("\n"), 1):
        content = _COMMENT.sub("", line).strip()
        if content:
            of_line: list[str] = []
            try:
                found[_address(content, of_line)] = None
            except ModelError as error:
                raise SourceError(text, offset + line.index(content), str(error)) from None
            notes += [f"line {number}: {note}" for note in of_line]
        offset += len(line) + 1
    return list(found)


def _address(content: str, notes: list[str]) -> str:
    text = "-".join(part.strip() for part in content.split("-"))
    try:
        address = parse_address(text, notes)
    except ModelError:
        if _LOOKS_LIKE_ADDRESS.match(text):
            raise
        raise _not_an_address(text) from None
    if isinstance(address, Special):
        raise ModelError(
            f"'{text}' means {address}, which is not allowed in a list of addresses; write {address} in the filter "
            "itself"
        )
    if not isinstance(address, HostAddress | Subnet | AddressRange):
        raise _not_an_address(text)
    return str(address)


def _not_an_address(text: str) -> ModelError:
    return ModelError(
        f"'{text}' is not an address, a subnet or a range; write one in each line, as in 192.0.2.1, 192.0.2.0/24, "
        "192.0.2.1-192.0.2.9 or 2001:db8::/32. DNS names are not allowed, as each host would look them up in each run; "
        "write them in the filter itself"
    )
