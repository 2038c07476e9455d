# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Filters and addresses in netsh's notation: ``srcaddr=me dstaddr=192.0.2.0 dstmask=24 protocol=TCP dstport=445``."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Hashable

from ..model import (
    PROTOCOLS,
    TCP,
    UDP,
    Address,
    DnsName,
    Family,
    Filter,
    HostAddress,
    Interface,
    ModelError,
    Ports,
    Special,
    Subnet,
)
from ..notation.addresses import parse_address
from ..source.text import Text
from .grammar import NetshCommand
from .values import read_description, read_flag, write_flag, write_text

_PROTOCOLS: t.Final = {name: PROTOCOLS[name] for name in ("any", "icmp", "tcp", "udp", "raw")}
_PROTOCOL_NAMES: t.Final = {number: name.upper() for name, number in _PROTOCOLS.items()}
# masks of one address
_FULL_MASKS: t.Final = ("32", "255.255.255.255", "128")


def read_filter(command: NetshCommand, notes: list[str]) -> Filter:
    """The filter that the arguments describe. Raises `SourceError`. Differences between the meaning and the text are
    added to `notes`.
    """
    source, destination = _same_family(
        _read_address(command, "src", notes),
        _read_address(command, "dst", notes),
    )
    protocol = 0 if (value := command.get("protocol")) is None else _read_protocol(value)
    source_port, destination_port = (_read_ports(command.get(name), protocol) for name in ("srcport", "dstport"))
    mirrored = (value := command.get("mirrored")) is None or read_flag(value)
    description = "" if (value := command.get("description")) is None else read_description(value)
    return command["srcaddr"].at(
        Filter,
        source=source,
        destination=destination,
        protocol=protocol,
        source_port=source_port,
        destination_port=destination_port,
        mirrored=mirrored,
        description=description,
    )


class FilterPattern(t.NamedTuple):
    """What ``delete filter`` is given of filters. `filter` has no address, port or protocol that is not given; masks
    and `mirrored` only decide where they are given.
    """

    filter: Filter
    masks: tuple[bool, bool]
    protocol: bool
    source_port: bool
    destination_port: bool
    mirrored: bool

    @property
    def ends(self) -> tuple[Hashable, Hashable]:
        """As `ends_of` of the filters that match."""
        return ends_of(self.filter)

    def matches(self, other: Filter) -> bool:
        """Whether a filter with the same ends matches the rest."""
        given = self.filter
        return (
            (not self.masks[0] or given.source == other.source)
            and (not self.masks[1] or given.destination == other.destination)
            and (not self.protocol or given.protocol == other.protocol)
            and (not self.source_port or given.source_port == other.source_port)
            and (not self.destination_port or given.destination_port == other.destination_port)
            and (not self.mirrored or given.mirrored == other.mirrored)
        )

    def turned(self) -> FilterPattern:
        """The same for a mirrored filter that is stored the other way round."""
        return self._replace(
            filter=self.filter.turned(),
            masks=(self.masks[1], self.masks[0]),
            source_port=self.destination_port,
            destination_port=self.source_port,
        )


def ends_of(filter_: Filter) -> tuple[Hashable, Hashable]:
    """The addresses of a filter without masks, and the DNS names without addresses."""
    return _without_mask(filter_.source), _without_mask(filter_.destination)


def _without_mask(address: Address) -> Hashable:
    if isinstance(address, DnsName):
        return address.folded
    return address.address if isinstance(address, HostAddress | Subnet) else address


def read_pattern(command: NetshCommand, notes: list[str]) -> FilterPattern:
    """The filters that ``delete filter`` is about. Raises `SourceError`."""
    given = {argument.name for argument in command.arguments}
    return FilterPattern(
        filter=read_filter(command, notes),
        masks=("srcmask" in given, "dstmask" in given),
        protocol="protocol" in given,
        source_port="srcport" in given,
        destination_port="dstport" in given,
        mirrored="mirrored" in given,
    )


def _same_family(source: Address, destination: Address) -> tuple[Address, Address]:
    """Both ends; a special address becomes IPv6 if the other end is an IPv6 address."""

    def fitting(end: Address, other: Address) -> Address:
        of_ipv6 = not isinstance(other, Special | DnsName) and other.family is Family.IPV6
        return Special(end.kind, Family.IPV6) if isinstance(end, Special) and of_ipv6 else end

    return fitting(source, destination), fitting(destination, source)


def read_address(value: Text) -> Address:
    """An address without a mask. Raises `SourceError`."""
    text = value.value
    if "/" in text:
        raise value.error(text.index("/"), "netsh does not accept a mask in an address")
    if "*" in text or text.strip() == "0" or text.lstrip().startswith("{"):
        raise value.error(
            0,
            "netsh does not accept this address; use me, any, an address, a range a-b, a DNS name, WINS, DNS, DHCP or "
            "GATEWAY",
        )
    return value.at(parse_address, text, [])


def _read_address(command: NetshCommand, end: str, notes: list[str]) -> Address:
    """The address of the `end` src or dst."""
    value, mask = command[f"{end}addr"], command.get(f"{end}mask")
    if "/" in value.value:
        raise value.error(value.value.index("/"), _no_prefix(value.value, end, mask))
    if mask is None:
        return read_address(value)
    if _is_ip(value.value):
        return mask.at(parse_address, f"{value.value}/{mask.value}", notes)
    address = read_address(value)
    if not isinstance(address, Special) and mask.value not in _FULL_MASKS:
        raise mask.error(0, "a mask needs a single address, not a name or a range")
    return address


def _no_prefix(value: str, end: str, mask: Text | None) -> str:
    """Why an address cannot have a mask, and what to write."""
    problem = f"netsh does not accept a mask in an address, only as {end}mask="
    address, _slash, prefix = value.partition("/")
    if mask is not None or not _is_subnet(value):
        return problem
    return f"{problem}; write {end}addr={address} {end}mask={prefix}"


def _is_subnet(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _read_protocol(value: Text) -> int:
    word = value.value.casefold()
    if word in _PROTOCOLS:
        return _PROTOCOLS[word]
    if re.fullmatch("[0-9]{1,3}", word) and int(word) <= 255:
        return int(word)
    number = f"; for this protocol, use {PROTOCOLS[word]}" if word in PROTOCOLS else ""
    raise value.error(0, f"the protocol must be ANY, ICMP, TCP, UDP, RAW or a number from 0 to 255{number}")


def _read_ports(value: Text | None, protocol: int) -> Ports | None:
    if value is None or value.value == "0":
        return None
    found = re.fullmatch("([0-9]{1,5})(?:-([0-9]{1,5}))?", value.value)
    if not found:
        raise value.error(0, "the port must be a number from 1 to 65535, a range, as in 5000-5010, or 0 for any")
    if protocol not in (TCP, UDP):
        raise value.error(0, "a port needs protocol=TCP or protocol=UDP")
    return value.at(Ports, int(found[1]), int(found[2] or found[1]))


def write_filter(filter_: Filter) -> list[str]:
    """The arguments that describe the filter. Raises `ModelError` for what netsh cannot express."""
    if filter_.odd:
        raise ModelError(f"only a stored policy can have the filter {filter_}")
    read_back = _same_family(*map(_plain, (filter_.source, filter_.destination)))
    words: list[str] = []
    for prefix, end, again in zip(("src", "dst"), (filter_.source, filter_.destination), read_back, strict=True):
        if isinstance(end, Special) and end != again:
            raise ModelError(
                f"the filter {filter_}: in netsh, {end.kind} means IPv4 unless the other end is an IPv6 address"
            )
        words.append(f"{prefix}addr={write_address(end)}")
        if isinstance(end, Subnet):
            mask = ipaddress.IPv4Address(end.mask) if end.family is Family.IPV4 else end.mask.bit_count()
            words.append(f"{prefix}mask={mask}")
    words.append(f"protocol={_PROTOCOL_NAMES.get(filter_.protocol, filter_.protocol)}")
    ports = (("srcport", filter_.source_port), ("dstport", filter_.destination_port))
    words += [f"{name}={port}" for name, port in ports if port]
    words.append(f"mirrored={write_flag(filter_.mirrored)}")
    if filter_.description:
        words.append(f"description={write_text(filter_.description)}")
    return words


def _plain(address: Address) -> Address:
    """The address without what the other end implies."""
    return Special(address.kind) if isinstance(address, Special) else address


def write_address(address: Address) -> str:
    """The address without its mask. Raises `ModelError`."""
    if isinstance(address, Interface):
        raise ModelError(f"netsh cannot express the interface {address}")
    if isinstance(address, Special):
        return str(address.kind)
    if isinstance(address, DnsName) and address.odd:
        raise ModelError(f"only a stored policy can have the name {address}")
    return write_text(str(address.address if isinstance(address, HostAddress | Subnet) else address))
