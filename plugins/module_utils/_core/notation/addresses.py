# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Addresses as people write them: ``me``, ``192.0.2.0/24``, ``10.*.*.*``, ``2001:db8::1-2001:db8::9``, a DNS name, an
interface.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..model import (
    ANY,
    ME,
    Address,
    DnsName,
    Family,
    HostAddress,
    Interface,
    IPAddress,
    ModelError,
    Special,
    SpecialKind,
    defaults,
    network,
    span,
)

_ME_WORDS: t.Final = ("0", f"0/{defaults.MASK}")
_SPECIALS: t.Final = {str(kind): kind for kind in SpecialKind}
_FAMILIES: t.Final = {"ipv6": Family.IPV6, "both": Family.BOTH, "ipv4": Family.IPV4}
_LOOKS_NUMERIC: t.Final = re.compile(r"[\d.*]+\Z")
_LOOKS_LIKE_IPV6: t.Final = re.compile(r"(?=[^:]*:)[\dA-Fa-f.:\[\]]+\Z")


def parse_address(text: str, notes: list[str], odd: bool = False) -> Address:
    """The address that `text` names. Differences between its meaning and the text are added to `notes`.

    `odd` accepts what only stores hold, such as masks that are not contiguous. Raises `ModelError`.
    """
    text = text.strip()
    if text in _ME_WORDS:
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
            raise ModelError(f"'{text}' is not a valid range; write two addresses, as in 192.0.2.1-192.0.2.9")
        if ":" in text or _LOOKS_NUMERIC.match(text):
            raise _invalid_address(text)
        return DnsName(text, odd=odd)
    return HostAddress(address, odd=odd and int(address) == 0)


def _parse_special(text: str) -> Special | None:
    name, slash, family = text.casefold().partition("/")
    kind = _SPECIALS.get(name)
    if kind is None or (slash and family not in _FAMILIES):
        return None
    return Special(kind, _FAMILIES[family] if slash else Family.IPV4)


def _ip(text: str) -> IPAddress | None:
    """None for a text that is not an address. Raises `ModelError` for an address that a filter cannot hold."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise ModelError(f"'{text}' has a zone (%{address.scope_id}), which a filter cannot hold; remove it")
    return address


def _invalid_address(text: str) -> ModelError:
    if ":" in text:
        return ModelError(f"'{text}' is not a valid IPv6 address; use one such as 2001:db8::1")
    return ModelError(
        f"'{text}' is not a valid address; an IPv4 address is four numbers from 0 to 255, as in 192.0.2.1"
    )


def _parse_wildcard(text: str) -> Address:
    octets = text.split(".")
    stars = octets.count("*")
    if len(octets) != 4 or octets[4 - stars :] != ["*"] * stars:
        raise ModelError(
            f"'{text}' is not a valid wildcard; write four octets, the last ones stars, without a mask, as in 10.92.*.*"
        )
    if stars == 4:
        return ANY
    base = _ip(".".join(octets[: 4 - stars] + ["0"] * stars))
    if base is None:
        raise ModelError(f"'{text}' has an invalid octet; an octet is a number from 0 to 255")
    return network(base, 0xFFFFFFFF << 8 * stars & 0xFFFFFFFF)


def _parse_subnet(text: str, notes: list[str], odd: bool) -> Address:
    name, _slash, mask_text = text.partition("/")
    base = _ip(name)
    if base is None:
        if _LOOKS_NUMERIC.match(name) or _LOOKS_LIKE_IPV6.match(name):
            raise _invalid_address(name)
        if name.casefold() in _SPECIALS:
            raise ModelError(f"'{text}' is not valid; after '{name}/', use ipv4, ipv6 or both")
        raise ModelError(f"'{text}': a mask needs an address, not '{name}'")
    mask = _parse_mask(mask_text, base)
    result = network(base, mask, odd)
    if int(base) & ~mask:
        notes.append(f"{text} has bits outside its mask; {result} is used instead")
    return result


def _parse_mask(text: str, address: IPAddress) -> int:
    """A mask for `address` as a number, from a prefix length or (IPv4) the dotted form."""
    bits = address.max_prefixlen
    if re.fullmatch("[0-9]{1,3}", text) and int(text) <= bits:
        return ((1 << int(text)) - 1) << (bits - int(text))
    dotted = _ip(text)
    if isinstance(dotted, ipaddress.IPv4Address) and address.version == 4:
        return int(dotted)
    forms = "0 to 128" if address.version == 6 else "0 to 32, or the dotted form, as in 255.255.255.0"
    raise ModelError(f"'{text}' is not a valid mask for {address}; use a number of bits from {forms}")
