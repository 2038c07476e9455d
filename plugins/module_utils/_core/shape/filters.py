# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Parses filters in dictionary form, whose lists stand for every combination of their values."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import typing as t

from ..hints import did_you_mean
from ..model import (
    ANY,
    ME,
    PROTOCOLS,
    Address,
    AddressRange,
    DnsName,
    Family,
    Filter,
    HostAddress,
    Interface,
    Ports,
    Special,
    Subnet,
    defaults,
)
from ..model.wanted import WantedFilter
from ..notation.addresses import parse_address
from ..notation.filters import parse_filter
from . import keys
from .fields import Fields, ShapeError, at, filled_text_of, noting, word_of

COMBINATIONS_LIMIT: t.Final = 100_000
"""The most filters that the lists of one dictionary may make. A host may refuse even fewer in one change."""


def parse_addresses(fields: Fields, key: str, odd: bool, notes: list[str]) -> list[tuple[str, Address]]:
    """The addresses of a key with their texts. A single DNS name may have the address that facts gave with it, which
    decides where the name has several.
    """
    values = fields.values(key)
    known_key = f"{key}_address"
    known: Special | HostAddress | Subnet | AddressRange | None = None
    if fields.get(known_key) is not None:
        if len(values) > 1:
            raise ShapeError(fields.place(known_key), f"this needs a single DNS name in {key}, not several values")
        found = fields.at(known_key, parse_address, fields.text(known_key) or "", [], True)
        if isinstance(found, DnsName | Interface):
            raise ShapeError(fields.place(known_key), f"'{found}' is not an address")
        known = found
    addresses: list[tuple[str, Address]] = []
    for path, value in values:
        text = filled_text_of(value, path)
        if "," in text and not odd:
            parts = ", ".join(part.strip() for part in text.split(","))
            raise ShapeError(path, f"'{text}' is not an address; for several, write a list: [{parts}]")
        if odd and known is not None:
            addresses.append((text, DnsName(text, known, odd=True)))
            continue
        address = noting(path, notes, lambda text, found: parse_address(text, found, odd), text)
        if known is not None:
            if not isinstance(address, DnsName):
                raise ShapeError(fields.place(known_key), f"this needs a DNS name in {key}, not {address}")
            address = dataclasses.replace(address, address=known)
        addresses.append((text, address))
    return addresses


def parse_filters(items: t.Iterable[tuple[str, t.Any]], notes: list[str]) -> tuple[Filter, ...]:
    """The filters of items with their places, each a text or a dictionary. Raises `ShapeError`."""
    filters: list[Filter] = []
    for path, value in items:
        if isinstance(value, str):
            filters.append(noting(path, notes, parse_filter, value))
        else:
            filters += _parse_product(value, path, notes)
    return tuple(filters)


def _parse_product(value: object, path: str, notes: list[str]) -> t.Collection[Filter]:
    """The filters of one dictionary: one for each combination of the values in its lists, each once."""
    fields = Fields(value, path, keys.FILTER)
    odd = fields.flag("odd") or False
    sources, destinations = (_parse_ends(fields, key, odd, notes) for key in ("source", "destination"))
    protocols = [parse_protocol(item, place, odd) for place, item in fields.values("protocol")] or [defaults.PROTOCOL]
    source_ports, destination_ports = (
        [parse_ports(item, place, odd) for place, item in fields.values(key)] or [defaults.PORTS]
        for key in ("source_port", "destination_port")
    )
    mirrored = fields.flag("mirrored")
    description = fields.text("description") or ""
    count = len(sources) * len(destinations) * len(protocols) * len(source_ports) * len(destination_ports)
    if count > COMBINATIONS_LIMIT:
        raise ShapeError(
            path,
            f"the lists have {count:,} combinations, and each becomes a filter; at most {COMBINATIONS_LIMIT:,} are "
            "allowed. Use subnets, ranges of addresses or ranges of ports",
        )
    build = WantedFilter if mirrored is None else functools.partial(Filter, mirrored=mirrored)
    filters: dict[Filter, None] = {}
    for source, destination, protocol, source_port, destination_port in itertools.product(
        sources, destinations, protocols, source_ports, destination_ports
    ):
        of_ipv6 = Family.IPV6 in (source.address.family, destination.address.family)
        filter_ = at(
            path,
            build,
            source=source.in_ipv6 if of_ipv6 else source.address,
            destination=destination.in_ipv6 if of_ipv6 else destination.address,
            protocol=protocol,
            source_port=source_port,
            destination_port=destination_port,
            description=description,
            odd=odd,
        )
        filters[filter_] = None
    return filters


class _End(t.NamedTuple):
    """An address, and what it means in a filter with an IPv6 address."""

    address: Address
    in_ipv6: Address


def _parse_ends(fields: Fields, key: str, odd: bool, notes: list[str]) -> list[_End]:
    if fields.get(key) is None:
        raise ShapeError(fields.place(key), "this is required: me, any, an address, a subnet or a DNS name")
    ends: list[_End] = []
    for text, address in parse_addresses(fields, key, odd, notes):
        in_ipv6 = address
        # a plain 'me' or 'any' does not say which family it means
        if not odd and isinstance(address, Special) and address.family is Family.IPV4 and "/" not in text:
            in_ipv6 = Special(address.kind, Family.IPV6)
        ends.append(_End(address, in_ipv6))
    return ends


def parse_protocol(value: object, path: str, odd: bool = False) -> int:
    """The number of a protocol that is given by name or number; 0 for any. Raises `ShapeError`."""
    text = word_of(value, path)
    if text in PROTOCOLS:
        return PROTOCOLS[text]
    if re.fullmatch("[0-9]{1,10}", text) and (odd or int(text) <= 255):
        return int(text)
    hint = _list_hint(text) or did_you_mean(text, PROTOCOLS)
    raise ShapeError(
        path, f"'{text}' is not a valid protocol; use any, tcp, udp, icmp, raw or a number from 0 to 255{hint}"
    )


def _list_hint(text: str) -> str:
    """The end of a message about a text that seems to have several values."""
    parts = [part.strip() for part in re.split("[,;/ ]", text) if part.strip()]
    return f"; for several, write a list: [{', '.join(parts)}]" if len(parts) > 1 else ""


def parse_ports(value: object, path: str, odd: bool = False) -> Ports | None:
    """A port or a range; None for any port. Raises `ShapeError`."""
    text = word_of(value, path)
    if text in ("any", "*"):
        return None
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if not found:
        raise ShapeError(
            path,
            f"'{text}' is not a valid port; use a number from 1 to 65535, a range, as in 5000-5010, or any"
            + _list_hint(text),
        )
    return at(path, Ports, int(found[1]), int(found[2] or found[1]), odd)


def parse_service(protocol: object, port: object) -> tuple[int, Ports | None]:
    """A protocol and a port, as in a filter; None for any port. Raises `ShapeError`."""
    number, ports = parse_protocol(protocol, "protocol"), parse_ports(port, "port")
    at("port", Filter, source=ANY, destination=ME, protocol=number, destination_port=ports)
    return number, ports
