# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Addresses as people write them: ``me``, ``192.0.2.0/24``, ``10.*.*.*``, ``2001:db8::1-2001:db8::9``, a DNS name, an
interface.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from . import defaults
from .model import (
    ANY,
    ME,
    Address,
    DnsName,
    Family,
    Host,
    Interface,
    IPAddress,
    ModelError,
    Special,
    network,
    span,
)

_FAMILIES: t.Final = {"ipv6": Family.IPV6, "both": Family.BOTH, "ipv4": Family.IPV4}
_LOOKS_NUMERIC = re.compile(r"[\d.*]+\Z")


def parse_address(text: str, notes: list[str], odd: bool = False) -> Address:
    """The address that `text` names. What was understood otherwise than written is added to `notes`.

    `odd` takes what only stores hold, such as masks that are not contiguous. Raises `ModelError`.
    """
    text = text.strip()
    if text in ("0", f"0/{defaults.MASK}"):
        return ME
    if text == "*":
        return ANY
    if text.startswith("{"):
        return Interface(text)
    special = _parse_special(text)
    if special is not None:
        return special
    if "*" in text:
        return _parse_wildcard(text)
    if "/" in text:
        return _parse_subnet(text, notes, odd)
    first, dash, last = text.partition("-")
    if dash and (low := _ip(first)) is not None and (high := _ip(last)) is not None:
        return span(low, high, odd)
    address = _ip(text)
    if address is None:
        if dash and _ip(first) is not None and (not last or _LOOKS_NUMERIC.match(last)):
            raise ModelError(f"'{text}' is no range; one goes from address to address, as in 192.0.2.1-192.0.2.9")
        if ":" in text or _LOOKS_NUMERIC.match(text):
            raise _no_address(text)
        return DnsName(text, odd=odd)
    return Host(address, odd=odd and int(address) == 0)


def _parse_special(text: str) -> Special | None:
    kind, slash, family = text.casefold().partition("/")
    if kind not in Special.KINDS or (slash and family not in _FAMILIES):
        return None
    return Special(kind, _FAMILIES[family] if slash else Family.IPV4)


def _ip(text: str) -> IPAddress | None:
    """None for a text that is no address. Raises `ModelError` for one that a filter cannot hold."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise ModelError(f"'{text}' names a zone (%{address.scope_id}); a filter cannot hold one: leave it out")
    return address


def _no_address(text: str) -> ModelError:
    return ModelError(f"'{text}' is no address; an IPv4 address is four numbers from 0 to 255, as in 192.0.2.1")


def _parse_wildcard(text: str) -> Address:
    octets = text.split(".")
    stars = octets.count("*")
    if len(octets) != 4 or octets[4 - stars :] != ["*"] * stars:
        raise ModelError(
            f"'{text}' is no wildcard; it is four octets with stars at the end and no mask, as in 10.92.*.*"
        )
    if stars == 4:
        return ANY
    base = _ip(".".join(octets[: 4 - stars] + ["0"] * stars))
    if base is None:
        raise ModelError(f"'{text}' has an octet that is no number from 0 to 255")
    return network(base, 0xFFFFFFFF << 8 * stars & 0xFFFFFFFF)


def _parse_subnet(text: str, notes: list[str], odd: bool) -> Address:
    name, _slash, mask_text = text.partition("/")
    base = _ip(name)
    if base is None:
        if _LOOKS_NUMERIC.match(name) or ":" in name:
            raise _no_address(name)
        raise ModelError(f"'{text}': a mask goes with an address, not with '{name}'")
    mask = _parse_mask(mask_text, base)
    result = network(base, mask, odd)
    if int(base) & ~mask:
        notes.append(f"{text} has bits outside of its mask; it is taken as {result}")
    return result


def _parse_mask(text: str, address: IPAddress) -> int:
    """A mask for `address`, written as a prefix length or (IPv4) dotted, as a number."""
    bits = address.max_prefixlen
    if re.fullmatch("[0-9]{1,3}", text) and int(text) <= bits:
        return ((1 << int(text)) - 1) << (bits - int(text))
    dotted = _ip(text)
    if isinstance(dotted, ipaddress.IPv4Address) and address.version == 4:
        return int(dotted)
    forms = "0 to 128" if address.version == 6 else "0 to 32, or dotted as in 255.255.255.0"
    raise ModelError(f"'{text}' is no mask for {address}; it is a number of bits from {forms}")
