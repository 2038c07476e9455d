# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Filters and addresses as netsh writes them: ``srcaddr=me dstaddr=192.0.2.0 dstmask=24 protocol=TCP dstport=445``."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..addresses import parse_address
from ..model import (
    PROTOCOLS,
    TCP,
    UDP,
    Address,
    DnsName,
    Family,
    Filter,
    Host,
    Interface,
    ModelError,
    Ports,
    Special,
    Subnet,
)
from ..source import Text
from .grammar import Command
from .values import read_description, read_flag, write_flag, write_text

_PROTOCOLS: t.Final = {name: PROTOCOLS[name] for name in ("any", "icmp", "tcp", "udp", "raw")}
_PROTOCOL_NAMES: t.Final = {number: name.upper() for name, number in _PROTOCOLS.items()}
# the whole of an address: of 32 or 128 bits
_FULL_MASKS: t.Final = ("32", "255.255.255.255", "128")


def read_filter(command: Command, notes: list[str]) -> Filter:
    """The filter that the arguments describe. Raises `SourceError`; what was understood otherwise than written is added
    to `notes`.
    """
    source, destination = _beside(
        _read_address(command["srcaddr"], command.get("srcmask"), notes),
        _read_address(command["dstaddr"], command.get("dstmask"), notes),
    )
    protocol = 0 if (value := command.get("protocol")) is None else _read_protocol(value)
    source_port, destination_port = (_read_ports(command.get(name), protocol) for name in ("srcport", "dstport"))
    mirrored = (value := command.get("mirrored")) is None or read_flag(value)
    description = "" if (value := command.get("description")) is None else read_description(value)
    return command["srcaddr"].at(
        Filter,
        source,
        destination,
        protocol,
        source_port,
        destination_port,
        mirrored,
        description,
    )


def _beside(source: Address, destination: Address) -> tuple[Address, Address]:
    """Both ends, of which ``me`` and the other words are of IPv6 where the other end is."""

    def fitting(end: Address, other: Address) -> Address:
        of_ipv6 = not isinstance(other, Special | DnsName) and other.family is Family.IPV6
        return Special(end.kind, Family.IPV6) if isinstance(end, Special) and of_ipv6 else end

    return fitting(source, destination), fitting(destination, source)


def read_address(value: Text) -> Address:
    """An address without a mask. Raises `SourceError`."""
    text = value.value
    if "/" in text:
        raise value.error(
            text.index("/"), "netsh takes no mask here; it is an argument of its own, srcmask= or dstmask="
        )
    if "*" in text or text.strip() == "0" or text.lstrip().startswith("{"):
        raise value.error(
            0, "this is no address of netsh: me, any, an address, a range a-b, a DNS name, WINS, DNS, DHCP or GATEWAY"
        )
    return value.at(parse_address, text, [])


def _read_address(value: Text, mask: Text | None, notes: list[str]) -> Address:
    if mask is None:
        return read_address(value)
    if _is_ip(value.value):
        return mask.at(parse_address, f"{value.value}/{mask.value}", notes)
    address = read_address(value)
    if not isinstance(address, Special) and mask.value not in _FULL_MASKS:
        raise mask.error(0, "a mask goes with one address, not with a name or a range")
    return address


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
    number = f"; netsh writes this one as {PROTOCOLS[word]}" if word in PROTOCOLS else ""
    raise value.error(0, f"the protocol is ANY, ICMP, TCP, UDP, RAW or a number from 0 to 255{number}")


def _read_ports(value: Text | None, protocol: int) -> Ports | None:
    if value is None or value.value == "0":
        return None
    found = re.fullmatch("([0-9]{1,5})(?:-([0-9]{1,5}))?", value.value)
    if not found:
        raise value.error(0, "a port is a number from 1 to 65535, a range as in 5000-5010, or 0 for any")
    if protocol not in (TCP, UDP):
        raise value.error(0, "a port needs protocol=TCP or protocol=UDP")
    return value.at(Ports, int(found[1]), int(found[2] or found[1]))


def write_filter(filter_: Filter) -> list[str]:
    """The arguments that describe the filter. Raises `ModelError` for what netsh cannot say."""
    if filter_.odd:
        raise ModelError(f"the filter {filter_} is odd: only the store that has it can hold it")
    read_back = _beside(*map(_plain, (filter_.source, filter_.destination)))
    words: list[str] = []
    for prefix, end, again in zip(("src", "dst"), (filter_.source, filter_.destination), read_back, strict=True):
        if isinstance(end, Special) and end != again:
            raise ModelError(
                f"the filter {filter_}: netsh means IPv4 by {end.kind}, and IPv6 only beside an IPv6 address"
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
    """The address as it is before its neighbour is looked at."""
    return Special(address.kind) if isinstance(address, Special) else address


def write_address(address: Address) -> str:
    """The address without its mask. Raises `ModelError`."""
    if isinstance(address, Interface):
        raise ModelError(f"netsh has no way to name the interface {address}")
    if isinstance(address, Special):
        return address.kind
    if isinstance(address, DnsName) and address.odd:
        raise ModelError(f"the name {address} is odd: only the store that has it can hold it")
    return write_text(str(address.address if isinstance(address, Host | Subnet) else address))
