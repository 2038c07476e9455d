# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The ends of a filter: addresses, subnets, ranges, names and interfaces."""

from __future__ import annotations

import dataclasses
import enum
import ipaddress
import re
import typing as t

from ..hints import one_of
from ..store.casing import fold
from .text import GUID_PATTERN, ModelError, choose

IPAddress: t.TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# the last label is never a number: 192.0.2.300 is not a name
_DNS_NAME: t.Final = re.compile(r"(?=.{1,255}\Z)(?:[\w-]{1,63}\.)*(?!\d+\.?\Z)\w[\w-]{0,62}\.?\Z")


class Family(enum.IntEnum):
    """The address family (MS-GPIPSEC 2.2.1.5.1, IPsec-Address-Version)."""

    IPV4 = 1
    IPV6 = 2
    BOTH = 3


def _family(address: IPAddress) -> Family:
    return Family.IPV4 if address.version == 4 else Family.IPV6


class SpecialKind(enum.StrEnum):
    """The addresses that a host fills in itself: its own, any, and those of the servers it uses."""

    ME = "me"
    ANY = "any"
    DNS = "dns"
    WINS = "wins"
    DHCP = "dhcp"
    GATEWAY = "gateway"


@dataclasses.dataclass(frozen=True, slots=True)
class Special:
    """An address that the host fills in itself."""

    kind: SpecialKind
    family: Family = Family.IPV4

    def __post_init__(self) -> None:
        if not isinstance(self.kind, SpecialKind):
            problem = f"'{self.kind}' is not a special address; use {one_of(SpecialKind)}"
            object.__setattr__(self, "kind", choose(SpecialKind, self.kind, problem))
        if not isinstance(self.family, Family):
            problem = f"'{self.family}' is not an address family; use 1 (IPv4), 2 (IPv6) or 3 (both)"
            object.__setattr__(self, "family", choose(Family, self.family, problem))

    def __str__(self) -> str:
        suffix = {Family.IPV4: "", Family.IPV6: "/ipv6", Family.BOTH: "/both"}[self.family]
        return f"{self.kind}{suffix}"


@dataclasses.dataclass(frozen=True, slots=True)
class HostAddress:
    """One address. 0.0.0.0 and :: exist in stores only (`odd`)."""

    address: IPAddress
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not self.odd and int(self.address) == 0:
            raise ModelError(
                f"{self.address} alone would be stored as 'me'; use me for the host itself, any for all addresses"
            )

    @property
    def family(self) -> Family:
        return _family(self.address)

    def __str__(self) -> str:
        return str(self.address)


@dataclasses.dataclass(frozen=True, slots=True)
class Subnet:
    """The addresses that agree with one address in the bits of a mask. Build it with `network`.

    `mask` has as many bits as the address. IPv4 masks that are not contiguous exist in stores only (`odd`).
    """

    address: IPAddress
    mask: int
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if int(self.address) & ~self.mask:
            raise ModelError(f"{self.address} has bits outside its mask")
        if not self.odd and not self.contiguous:
            raise ModelError(
                f"the mask {ipaddress.ip_address(self.mask)} is not contiguous: its ones must come before its zeros, "
                "as in 255.255.255.0"
            )

    @property
    def contiguous(self) -> bool:
        inverted = ~self.mask & _full_mask(self.address)
        return inverted & (inverted + 1) == 0

    @property
    def family(self) -> Family:
        return _family(self.address)

    def __str__(self) -> str:
        if self.contiguous:
            return f"{self.address}/{self.mask.bit_count()}"
        return f"{self.address}/{ipaddress.IPv4Address(self.mask)}"


@dataclasses.dataclass(frozen=True, slots=True)
class AddressRange:
    """The addresses from `first` to `last`, both included, where no subnet has exactly these. Build it with `span`."""

    first: IPAddress
    last: IPAddress
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.first.version != self.last.version:
            raise ModelError(f"the range {self} mixes IPv4 and IPv6")
        if self.odd:
            return
        if int(self.first) >= int(self.last):
            raise ModelError(f"the range {self} must start with the lower address")
        if _is_subnet(self.first, self.last):
            raise ModelError(f"the range {self} is a subnet; write it as a subnet")

    @property
    def family(self) -> Family:
        return _family(self.first)

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclasses.dataclass(frozen=True, slots=True)
class DnsName:
    """A DNS name and the address it had when the host looked it up (None: not looked up yet).

    The store keeps both; a name that has another address today is a change.
    """

    name: str
    address: HostAddress | Subnet | Special | AddressRange | None = None
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not self.odd and not _DNS_NAME.match(self.name):
            raise ModelError(
                f"'{self.name}' is neither an address nor a DNS name; use me, any, 192.0.2.1, 192.0.2.0/24, "
                "192.0.2.1-192.0.2.9, a DNS name or the {GUID} of an interface"
            )

    @property
    def family(self) -> Family | None:
        return None if self.address is None else self.address.family

    @property
    def folded(self) -> str:
        """The name in a form that is equal for all of its spellings."""
        return fold(self.name).rstrip(".")

    def _key(self) -> tuple[object, ...]:
        return (self.folded, self.address)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, DnsName) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        # a final dot distinguishes a host called "dns" from the special address
        return f"{self.name}." if self.name.casefold() in tuple(SpecialKind) else self.name


@dataclasses.dataclass(frozen=True, slots=True)
class Interface:
    """A local interface by its GUID. The store has no place for it: the host is asked for its address before anything
    is written.
    """

    guid: str

    def __post_init__(self) -> None:
        if not GUID_PATTERN.fullmatch(self.guid):
            raise ModelError(
                f"'{self.guid}' is not an interface GUID; use the form {{12345678-1234-1234-1234-123456789ABC}}"
            )
        object.__setattr__(self, "guid", self.guid.lower())

    @property
    def family(self) -> None:
        return None

    def __str__(self) -> str:
        return self.guid


Address: t.TypeAlias = Special | HostAddress | Subnet | AddressRange | DnsName | Interface
ME: t.Final = Special(SpecialKind.ME)
ANY: t.Final = Special(SpecialKind.ANY)


def _full_mask(address: IPAddress) -> int:
    return (1 << address.max_prefixlen) - 1


def network(address: IPAddress, mask: int, odd: bool = False) -> Special | HostAddress | Subnet:
    """The address under `mask` in its one canonical form: host bits cleared, all ones a host, all zeros any."""
    if mask == 0:
        return Special(SpecialKind.ANY, _family(address))
    if mask == _full_mask(address):
        return HostAddress(address, odd)
    cleared = int(address) & mask
    return Subnet(ipaddress.IPv4Address(cleared) if address.version == 4 else ipaddress.IPv6Address(cleared), mask, odd)


def span(first: IPAddress, last: IPAddress, odd: bool = False) -> Special | HostAddress | Subnet | AddressRange:
    """The addresses from `first` to `last` in their one canonical form: a host, a subnet or any where possible."""
    if first == last:
        return HostAddress(first, odd)
    if _is_subnet(first, last):
        return network(first, _full_mask(first) - (int(last) - int(first)))
    return AddressRange(first, last, odd)


def _is_subnet(first: IPAddress, last: IPAddress) -> bool:
    size = int(last) - int(first) + 1
    return first.version == last.version and size > 0 and size & (size - 1) == 0 and int(first) % size == 0
