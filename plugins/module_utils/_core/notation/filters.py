# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One filter in the manual's notation: ``SourceAddress/Mask:Port=DestAddress/Mask:Port:Protocol`` (remarks on -f)."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..hints import did_you_mean
from ..model import (
    ANY,
    ME,
    PROTOCOLS,
    Address,
    DnsName,
    Family,
    Filter,
    HostAddress,
    Interface,
    ModelError,
    Ports,
    Special,
    SpecialKind,
    Subnet,
    defaults,
    protocol_name,
)
from ..model.dynamic import SIGNS
from .addresses import parse_address
from .errors import GrammarError

BRACKETS: t.Final = {opening: (closing, action) for action, (opening, closing) in SIGNS.items()}
"""What closes a filter of a dynamic rule that begins with a sign, and its action."""
_SYMBOLS: t.Final = ("icmp", "udp", "raw", "tcp")
"""The protocols that have a name in the manual."""

_SIGN: t.Final = re.compile("[=+]")


def parse_filter(text: str, notes: list[str]) -> Filter:
    """The filter that `text` describes. Raises `GrammarError`.

    Differences between its meaning and the text are added to `notes`.
    """
    closing, action = BRACKETS.get(text[:1], (None, None))
    if closing is not None and text[1:].endswith(closing):
        raise GrammarError(
            text, 1, f"a filter in '{text[0]}{text[-1]}' is for dynamic rules; set action: {action} in the rule instead"
        )
    if text.strip().casefold() == "default":
        raise GrammarError(
            text, 1, "'default' means the default response rule and is not a filter; use the option default_response"
        )
    sign = _SIGN.search(text)
    if sign is None:
        raise GrammarError(
            text,
            len(text) + 1,
            f"expected '=' (one way) or '+' (mirrored) between source and destination{_instead_of_address(text)}",
        )
    at = sign.start()
    again = _SIGN.search(text, at + 1)
    if again is not None:
        raise GrammarError(text, again.end(), f"unexpected '{again[0]}'; a filter has one source and one destination")
    source, source_port, protocol = _parse_end(text, 0, at, notes)
    if protocol is not None:
        raise GrammarError(text, at, "the protocol must be at the end of the filter, after the destination")
    destination, destination_port, protocol = _parse_end(text, at + 1, len(text), notes)
    try:
        return Filter(
            source=source,
            destination=destination,
            protocol=defaults.PROTOCOL if protocol is None else protocol,
            source_port=source_port,
            destination_port=destination_port,
            mirrored=sign[0] == "+",
        )
    except ModelError as error:
        raise GrammarError(text, 1, str(error)) from None


def _instead_of_address(text: str) -> str:
    """The end of a message that offers a filter for an address alone; empty for any other text."""
    try:
        address = parse_address(text, [])
    except ModelError:
        return ""
    if isinstance(address, Special) and (address.kind is SpecialKind.ME or address.family is Family.BOTH):
        return ""
    try:
        offered = f"0+{text.strip()}"
        parse_filter(offered, [])
    except ModelError:
        offered = f'{{source: me, destination: "{address}"}}'
    return f"; for traffic between this host and {address}, write {offered}"


def _parse_end(text: str, start: int, end: int, notes: list[str]) -> tuple[Address, Ports | None, int | None]:
    """Address, port and protocol between two positions of a filter. An empty port or protocol, or '*', is any."""
    parts = text[start:end].split(":", 3)
    if len(parts) > 3:
        raise GrammarError(
            text,
            start + 1,
            "too many colons; write Address/Mask:Port:Protocol. IPv6 addresses need the dictionary form of a filter in "
            "a task",
        )
    port: Ports | None = defaults.PORTS
    protocol: int | None = None
    column = start + 1
    address = _parse_address(text, parts[0], column, notes)
    if len(parts) > 1:
        column += len(parts[0]) + 1
        port = _parse_port(text, parts[1], column)
    if len(parts) > 2:
        column += len(parts[1]) + 1
        protocol = _parse_protocol(text, parts[2], column)
    return address, port, protocol


def _parse_address(text: str, part: str, column: int, notes: list[str]) -> Address:
    if not part.strip():
        raise GrammarError(
            text, column, "expected an address: 0 (me), * (any), 192.0.2.1, 192.0.2.0/255.255.255.0 or a DNS name"
        )
    try:
        address = parse_address(part, notes)
    except ModelError as error:
        raise GrammarError(text, column, str(error)) from None
    if isinstance(address, Special) and part.strip()[0].isalpha():
        raise GrammarError(text, column, f"in this notation '{part}' is a DNS name; use 0 for me and * for any")
    return address


def _parse_port(text: str, part: str, column: int) -> Ports | None:
    if part in ("", "*", "0"):
        return defaults.PORTS
    if not re.fullmatch("[0-9]{1,5}", part):
        known = part.casefold() in PROTOCOLS
        hint = f"a protocol without a port follows two colons: ::{part}" if known else "use 1 to 65535, or * for any"
        raise GrammarError(text, column, f"'{part}' is not a valid port; {hint}")
    try:
        return Ports(int(part), int(part))
    except ModelError as error:
        raise GrammarError(text, column, str(error)) from None


def _parse_protocol(text: str, part: str, column: int) -> int:
    if part in ("", "*"):
        return defaults.PROTOCOL
    if re.fullmatch("[0-9]{1,3}", part) and int(part) <= 255:
        return int(part)
    number = PROTOCOLS.get(part.casefold())
    if number is None:
        hint = did_you_mean(part, _SYMBOLS)
        raise GrammarError(
            text,
            column,
            f"'{part}' is not a valid protocol; use ICMP, UDP, RAW, TCP or a number from 0 to 255{hint}",
        )
    return number


def format_filter(filter_: Filter) -> str:
    """The shortest text for a filter. Raises `ModelError` for what this notation cannot express."""
    if filter_.odd:
        raise ModelError(f"only a stored policy can have the filter {filter_}")
    if filter_.description:
        raise ModelError(f"the filter {filter_} has a description, which this notation cannot express")
    source, destination = map(format_address, (filter_.source, filter_.destination))
    if filter_.source_port:
        source += f":{_format_ports(filter_.source_port)}"
    if filter_.destination_port or filter_.protocol:
        destination += f":{_format_ports(filter_.destination_port)}"
    if filter_.protocol:
        destination += f":{_format_protocol(filter_.protocol)}"
    return f"{source}{'+' if filter_.mirrored else '='}{destination}"


def format_address(address: Address) -> str:
    """The shortest text for an address. Raises `ModelError` for what this notation cannot express."""
    if address == ME:
        return "0"
    if address == ANY:
        return "*"
    match address:
        case HostAddress(ipaddress.IPv4Address()) | Interface():
            return str(address)
        case DnsName() if not address.odd:
            return str(address)
        case Subnet(ipaddress.IPv4Address(), mask) if address.contiguous:
            octets, rest = divmod(mask.bit_count(), 8)
            if rest == 0:
                return ".".join([*str(address.address).split(".")[:octets], *["*"] * (4 - octets)])
            return f"{address.address}/{ipaddress.IPv4Address(mask)}"
    raise ModelError(
        f"this notation cannot express the address {address}; it has IPv4 addresses and subnets, DNS names, "
        "interfaces, 0 and *"
    )


def _format_ports(ports: Ports | None) -> str:
    if ports is not None and ports.first != ports.last:
        raise ModelError(f"this notation cannot express the ports {ports}; it has single ports only")
    return "" if ports is None else str(ports.first)


def _format_protocol(number: int) -> str:
    """The manual's name for a protocol, or its number."""
    name = protocol_name(number)
    return name.upper() if name in _SYMBOLS else str(number)
