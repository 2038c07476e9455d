# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The properties of ``netsh ipsec dynamic set config``: settings of IPsec on a host that belong to no rule."""

from __future__ import annotations

import re
import typing as t

from ..hints import did_you_mean, one_of
from .text import ModelError

_CHOICES: t.Final = {
    "ipsecexempt": ("0", "1", "2", "3"),
    "bootmode": ("stateful", "block", "permit"),
    "strongcrlcheck": ("0", "1", "2"),
}
_EXEMPTIONS: t.Final = "bootexemptions"
PROPERTIES: t.Final = (*_CHOICES, _EXEMPTIONS)
_DIAGNOSTICS: t.Final = ("ipsecdiagnostics", "ikelogging", "ipsecloginterval")

_DIRECTION: t.Final = r"(?:inbound|outbound)"
_PORT: t.Final = r"[0-9]{1,5}"
_EXEMPTION: t.Final = re.compile(
    rf"(?:(?:tcp|udp):{_PORT}:{_PORT}|(?:icmp|raw|any|[0-9]{{1,3}})):{_DIRECTION}", re.IGNORECASE
)


def config_property(name: str) -> str:
    """The property of that name, in lower case. Raises `ModelError`."""
    found = name.casefold()
    if found in PROPERTIES:
        return found
    if found in _DIAGNOSTICS:
        raise ModelError(
            f"{found} belongs to the search for faults, not to the settings of a host; set it with netsh on the host "
            "while you need it"
        )
    raise ModelError(f"this is not a property; use {one_of(PROPERTIES)}{did_you_mean(found, PROPERTIES)}")


def config_value(name: str, value: str) -> str:
    """The value of a property, as netsh takes it. Raises `ModelError`."""
    found = " ".join(value.split())
    if name == _EXEMPTIONS:
        if found.casefold() == "none":
            return "none"
        if not found or not all(map(_is_exemption, found.split(" "))):
            raise ModelError(
                "expected none, or exemptions with protocol, source port, destination port and direction, as in "
                "TCP:0:3389:inbound, without ports for other protocols than TCP and UDP, as in ICMP:inbound"
            )
        return found
    if found.casefold() not in _CHOICES[name]:
        raise ModelError(f"{name} is {one_of(_CHOICES[name])}")
    return found.casefold()


def _is_exemption(text: str) -> bool:
    numbers = [int(part) for part in text.split(":") if part.isdecimal()]
    return bool(_EXEMPTION.fullmatch(text)) and all(number <= 65535 for number in numbers)
