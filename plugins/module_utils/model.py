# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What an IPsec policy means, whatever way it was written.

Every value is immutable and hashable, and two that mean the same are equal: a mirrored filter equals itself turned
round, a subnet of one address is a host, filters and rules have no order, methods have one. A value that breaks a rule
of the field cannot be built: the constructor raises `ModelError`, whose text says what is wrong and what would be
right. Stores hold values that break them all the same; those are built with ``odd=True``: kept and compared like any
other, never accepted from a user who did not find them in that store.
"""

from __future__ import annotations

import dataclasses
import enum
import ipaddress
import re
import typing as t
import unicodedata
from collections import Counter

from . import defaults
from .hints import same_letters

IPAddress: t.TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

NAME_LIMIT = 255
DESCRIPTION_LIMIT = 2048
U32: t.Final = (1 << 32) - 1
"""The largest number that a field of the store holds."""

PROTOCOLS: t.Final = {
    "any": 0,
    "icmp": 1,
    "igmp": 2,
    "tcp": 6,
    "egp": 8,
    "udp": 17,
    "hmp": 20,
    "xns-idp": 22,
    "rdp": 27,
    "gre": 47,
    "icmpv6": 58,
    "rvd": 66,
    "raw": 255,
}
PROTOCOL_NAMES: t.Final = {number: name for name, number in PROTOCOLS.items()}
TCP: t.Final = PROTOCOLS["tcp"]
UDP: t.Final = PROTOCOLS["udp"]

ENCRYPTION: t.Final = ("none", "des", "3des")
INTEGRITY: t.Final = ("none", "md5", "sha")
GROUPS: t.Final = (1, 2, 14)
_OTHER_NAMES: t.Final = {"sha1": "sha", "sha-1": "sha", "null": "none"}

GUID_PATTERN: t.Final = re.compile(r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", re.IGNORECASE)
# the last label is never a number: 192.0.2.300 is no name
_DNS_NAME = re.compile(r"(?=.{1,255}\Z)(?:[\w-]{1,63}\.)*(?!\d+\.?\Z)\w[\w-]{0,62}\.?\Z")


class ModelError(ValueError):
    """A value that no policy can have; the text says what is wrong and what would be right."""


def _require(condition: bool, message: str) -> None:
    """Not for what a list has ten thousand of: the message is made in any case."""
    if not condition:
        raise ModelError(message)


def _inherit_oddness(whole: object, *parts: object) -> None:
    """A value that holds an odd one is odd."""
    for part in parts:
        if getattr(part, "odd", False):
            object.__setattr__(whole, "odd", True)


def fold(name: str) -> str:
    """A name as Windows compares it: letter by letter without case, so that Straße is not Strasse."""
    return "".join(upper if len(upper := letter.upper()) == 1 else letter for letter in name)


def check_text(value: str, what: str, limit: int, allowed: str = "") -> None:
    """Raise `ModelError` for a text that the registry or the snap-in could not show as it was meant."""
    if len(value) > limit:
        raise ModelError(f"{what} is {len(value)} characters long; at most {limit} are allowed")
    # it is false for more characters than these, and a lot faster
    if value.isprintable():
        return
    bad = next(
        (c for c in value if c not in allowed and unicodedata.category(c) in ("Cc", "Cs", "Cf", "Zl", "Zp")), None
    )
    if bad is not None:
        raise ModelError(f"{what} contains the character U+{ord(bad):04X}; use printable characters only")


def check_description(value: str, what: str) -> None:
    """Raise `ModelError` for a text that cannot be a description."""
    check_text(value, what, DESCRIPTION_LIMIT, allowed="\t\r\n")


class Family(enum.IntEnum):
    """Which internet protocol an address speaks of (MS-GPIPSEC 2.2.1.5.1, IPsec-Address-Version)."""

    IPV4 = 1
    IPV6 = 2
    BOTH = 3


def _family(address: IPAddress) -> Family:
    return Family.IPV4 if address.version == 4 else Family.IPV6


@dataclasses.dataclass(frozen=True, slots=True)
class Special:
    """An address that the host itself fills in: its own, any, or that of a server it uses."""

    kind: str
    family: Family = Family.IPV4

    KINDS: t.ClassVar = ("me", "any", "dns", "wins", "dhcp", "gateway")

    def __post_init__(self) -> None:
        if self.kind not in self.KINDS:
            raise ModelError(f"'{self.kind}' is no special address; it is one of {', '.join(self.KINDS)}")

    def __str__(self) -> str:
        suffix = {Family.IPV4: "", Family.IPV6: "/ipv6", Family.BOTH: "/both"}[self.family]
        return self.kind + suffix


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """One address. 0.0.0.0 and :: exist in stores only (`odd`)."""

    address: IPAddress
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not self.odd and int(self.address) == 0:
            raise ModelError(
                f"{self.address} alone would be stored as 'me'; write me for the host itself, any for all addresses"
            )

    @property
    def family(self) -> Family:
        return _family(self.address)

    def __str__(self) -> str:
        return str(self.address)


@dataclasses.dataclass(frozen=True, slots=True)
class Subnet:
    """The addresses that agree with one address in the bits of a mask. Build it with `network`.

    `mask` has as many bits as the address. Non-contiguous IPv4 masks exist in stores only (`odd`).
    """

    address: IPAddress
    mask: int
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if int(self.address) & ~self.mask:
            raise ModelError(f"{self.address} has bits outside of its mask")
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
    """The addresses from `first` to `last`, both included, where no subnet holds just these. Build it with `span`."""

    first: IPAddress
    last: IPAddress
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.first.version != self.last.version:
            raise ModelError(f"the range {self} mixes IPv4 and IPv6")
        if self.odd:
            return
        if int(self.first) >= int(self.last):
            raise ModelError(f"the range {self} must go from a lower address to a higher one")
        if _is_subnet(self.first, self.last):
            raise ModelError(f"the range {self} is a subnet; write it as one")

    @property
    def family(self) -> Family:
        return _family(self.first)

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclasses.dataclass(frozen=True, slots=True)
class DnsName:
    """A DNS name and the address it had when the host was asked (None: not asked yet).

    The store keeps both; when the name means another address today, that is a change.
    """

    name: str
    address: Host | Subnet | Special | AddressRange | None = None
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        _require(
            self.odd or _DNS_NAME.match(self.name) is not None,
            f"'{self.name}' is neither an address nor a DNS name; an address is me, any, 192.0.2.1, 192.0.2.0/24, "
            "192.0.2.1-192.0.2.9, a DNS name or the {GUID} of an interface",
        )

    @property
    def family(self) -> Family | None:
        return None if self.address is None else self.address.family

    def _key(self) -> tuple[object, ...]:
        return (fold(self.name).rstrip("."), self.address)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, DnsName) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        # a final dot tells the name of a host called "dns" from the word for a server
        return f"{self.name}." if self.name.casefold() in Special.KINDS else self.name


@dataclasses.dataclass(frozen=True, slots=True)
class Interface:
    """A local interface by its GUID. The store has no place for it: the host is asked for its address before anything
    is written.
    """

    guid: str

    def __post_init__(self) -> None:
        _require(
            GUID_PATTERN.fullmatch(self.guid) is not None,
            f"'{self.guid}' is no interface GUID; one looks like {{12345678-1234-1234-1234-123456789ABC}}",
        )
        object.__setattr__(self, "guid", self.guid.lower())

    @property
    def family(self) -> None:
        return None

    def __str__(self) -> str:
        return self.guid


Address: t.TypeAlias = Special | Host | Subnet | AddressRange | DnsName | Interface
ME: t.Final = Special("me")
ANY: t.Final = Special("any")


def _full_mask(address: IPAddress) -> int:
    return (1 << address.max_prefixlen) - 1


def network(address: IPAddress, mask: int, odd: bool = False) -> Special | Host | Subnet:
    """The address under `mask` in its one canonical form: host bits cleared, all ones a host, all zeros any."""
    if mask == 0:
        return Special("any", _family(address))
    if mask == _full_mask(address):
        return Host(address, odd)
    cleared = int(address) & mask
    return Subnet(ipaddress.IPv4Address(cleared) if address.version == 4 else ipaddress.IPv6Address(cleared), mask, odd)


def span(first: IPAddress, last: IPAddress, odd: bool = False) -> Special | Host | Subnet | AddressRange:
    """The addresses from `first` to `last` in their one canonical form: a subnet or any where that says the same."""
    if first == last:
        return Host(first, odd)
    if _is_subnet(first, last):
        return network(first, _full_mask(first) - (int(last) - int(first)))
    return AddressRange(first, last, odd)


def _is_subnet(first: IPAddress, last: IPAddress) -> bool:
    size = int(last) - int(first) + 1
    return first.version == last.version and size > 0 and size & (size - 1) == 0 and int(first) % size == 0


@dataclasses.dataclass(frozen=True, slots=True)
class Ports:
    """The ports from `first` to `last`, both included; one port is a range of one. No ports at all is None, meaning
    any.
    """

    first: int
    last: int
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if not self.odd and not 1 <= self.first <= self.last <= 65535:
            raise ModelError(f"{self} is no port; ports go from 1 to 65535, a range from the lower to the higher")

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """A set of traffic: from `source` to `destination`, and back again when `mirrored`."""

    source: Address
    destination: Address
    protocol: int = defaults.PROTOCOL
    source_port: Ports | None = defaults.PORTS
    destination_port: Ports | None = defaults.PORTS
    mirrored: bool = False
    description: str = ""
    odd: bool = False
    # lists of thousands are compared as sets, and not once
    _hash: int | None = dataclasses.field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        _inherit_oddness(self, self.source, self.destination, self.source_port, self.destination_port)
        if self.odd:
            return
        if not 0 <= self.protocol <= 255:
            raise ModelError(
                f"{self.protocol} is no protocol; it is a number from 0 to 255 or a name like tcp, udp, icmp, raw"
            )
        if (self.source_port or self.destination_port) and self.protocol not in (TCP, UDP):
            raise ModelError(f"a port needs the protocol tcp or udp, not {protocol_name(self.protocol)}")
        one, other = self.source.family, self.destination.family
        if one is not other and {one, other} == {Family.IPV4, Family.IPV6}:
            raise ModelError(
                f"{self.source} and {self.destination} are not of one family: both are IPv4 or both are IPv6"
            )
        if Family.BOTH in (one, other) and Special("any", Family.BOTH) in (self.source, self.destination):
            raise ModelError("any/both does not exist in the store; write one filter with any and one with any/ipv6")
        check_description(self.description, "the filter's description")

    def as_written(self) -> tuple[object, ...]:
        """The filter with its direction, which means nothing where it is mirrored."""
        ends = (self.source, self.source_port, self.destination, self.destination_port)
        return (*ends, self.protocol, self.mirrored, self.description)

    def _turned(self) -> tuple[object, ...]:
        ends = (self.destination, self.destination_port, self.source, self.source_port)
        return (*ends, self.protocol, self.mirrored, self.description)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Filter):
            return NotImplemented
        this, that = self.as_written(), other.as_written()
        return this == that or (self.mirrored and self._turned() == that)

    def __hash__(self) -> int:
        if self._hash is None:
            ends = hash((self.source, self.source_port)), hash((self.destination, self.destination_port))
            found = hash((*(sorted(ends) if self.mirrored else ends), self.protocol, self.mirrored, self.description))
            object.__setattr__(self, "_hash", found)
        return t.cast(int, self._hash)

    def __str__(self) -> str:
        """In the manner of the manual, with words for 0 and *: ``me+192.0.2.0/24:445:TCP``."""
        source, destination = (
            f"{address}:{port}" if port else str(address)
            for address, port in ((self.source, self.source_port), (self.destination, self.destination_port))
        )
        protocol = (
            f"{'' if self.destination_port else ':'}:{protocol_name(self.protocol).upper()}" if self.protocol else ""
        )
        return f"{source}{'+' if self.mirrored else '='}{destination}{protocol}"


def protocol_name(number: int) -> str:
    return PROTOCOL_NAMES.get(number, str(number))


def _algorithm_hint(name: str, known: t.Collection[str]) -> str:
    """The algorithm that a misspelt one is. Another one that is merely near, as des is to aes, would be bad advice."""
    meant = _OTHER_NAMES.get(name)
    return f"; did you mean {meant}?" if meant in known else same_letters(name, known)


@dataclasses.dataclass(frozen=True, slots=True)
class Ah:
    """Authentication Header with a hash: integrity only."""

    integrity: str
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        _require(
            self.odd or self.integrity in INTEGRITY[1:],
            f"ah[{self.integrity}] does not exist; ah takes md5 or sha{_algorithm_hint(self.integrity, INTEGRITY[1:])}",
        )

    def __str__(self) -> str:
        return f"ah[{self.integrity}]"


@dataclasses.dataclass(frozen=True, slots=True)
class Esp:
    """Encapsulating Security Payload with a cipher and a hash, either of which may be none."""

    encryption: str
    integrity: str
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.odd:
            return
        _require(
            self.encryption in ENCRYPTION,
            f"'{self.encryption}' is no cipher of esp; it takes none, des or 3des"
            f"{_algorithm_hint(self.encryption, ENCRYPTION)}",
        )
        _require(
            self.integrity in INTEGRITY,
            f"'{self.integrity}' is no hash of esp; it takes none, md5 or sha"
            f"{_algorithm_hint(self.integrity, INTEGRITY)}",
        )
        _require(
            (self.encryption, self.integrity) != ("none", "none"),
            "esp[none,none] is not supported: it would protect nothing; name a cipher, a hash or both",
        )

    def __str__(self) -> str:
        return f"esp[{self.encryption},{self.integrity}]"


@dataclasses.dataclass(frozen=True, slots=True)
class SecurityMethod:
    """One quick-mode offer: AH, ESP or both, lifetimes of the key (0: Windows' own), and whether the session key has
    PFS.
    """

    algorithms: tuple[Ah | Esp, ...]
    lifetime_seconds: int = 0
    lifetime_kilobytes: int = 0
    pfs: bool = defaults.PFS
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        # AH and ESP are applied together: their order in the offer means nothing
        object.__setattr__(self, "algorithms", tuple(sorted(self.algorithms, key=lambda a: isinstance(a, Esp))))
        _inherit_oddness(self, *self.algorithms)
        if self.odd:
            return
        kinds = tuple(type(a) for a in self.algorithms)
        _require(kinds in ((Ah,), (Esp,), (Ah, Esp)), "a security method is ah[…], esp[…] or ah[…]+esp[…]")
        for value, unit in ((self.lifetime_seconds, "seconds"), (self.lifetime_kilobytes, "kilobytes")):
            _require(0 <= value <= U32, f"a lifetime of {value} {unit} cannot be stored; it is 0 to {U32}")

    def __str__(self) -> str:
        words = ["+".join(str(a) for a in self.algorithms)]
        rekey = [f"{n}{unit}" for n, unit in ((self.lifetime_seconds, "S"), (self.lifetime_kilobytes, "K")) if n]
        if rekey:
            words.append("/".join(rekey))
        if self.pfs:
            words.append("PFS")
        return " ".join(words)


DEFAULT_SECURITY_METHODS: t.Final = tuple(SecurityMethod((Esp(*names),)) for names in defaults.SECURITY_METHODS)
"""The manual's default negotiation policies (remarks on -n)."""


@dataclasses.dataclass(frozen=True, slots=True)
class NegotiationPolicy:
    """What happens to traffic that a filter matches: the filter action.

    `inpass` accepts inbound traffic in the clear and answers it secured; `soft` falls back to clear text with a peer
    that has no IPsec.
    """

    action: str
    methods: tuple[SecurityMethod, ...] = ()
    inpass: bool = False
    soft: bool = False
    odd: bool = dataclasses.field(default=False, compare=False)

    ACTIONS: t.ClassVar = ("permit", "block", "negotiate")

    def __post_init__(self) -> None:
        _inherit_oddness(self, *self.methods)
        _require(self.action in self.ACTIONS, f"'{self.action}' is no action; it is permit, block or negotiate")
        if self.action != "negotiate":
            _require(
                not (self.methods or self.inpass or self.soft),
                f"{self.action} takes no security methods, no inpass and no soft: they belong to negotiate",
            )
        else:
            _require(self.odd or bool(self.methods), "negotiate needs at least one security method")


@dataclasses.dataclass(frozen=True, slots=True)
class Kerberos:
    """Authenticate through the domain."""


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class PresharedKey:
    """Authenticate with a shared secret. The key is never shown; None means: the one that is stored."""

    key: str | None
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.key is not None and not self.odd:
            _require(self.key != "", "the pre-shared key is empty")
            _require("\0" not in self.key, "the pre-shared key contains a NUL character")
            _require(
                not any(0xD800 <= ord(c) < 0xE000 for c in self.key),
                "the pre-shared key contains a character that UTF-16 cannot hold",
            )

    def __repr__(self) -> str:
        return "PresharedKey(None)" if self.key is None else "PresharedKey(hidden)"


@dataclasses.dataclass(frozen=True, slots=True)
class Certificate:
    """Authenticate with a certificate that the named authority has issued.

    The two switches live in a part of the store whose form for certificates nobody has seen: they are read and kept,
    never written.
    """

    ca: str
    account_mapping: bool = False
    exclude_ca_name: bool = False
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.odd:
            return
        _require(
            self.ca.strip() != "", "a certificate needs the distinguished name of its authority, as in CN=Corp Root CA"
        )
        check_text(self.ca, "the name of a certificate authority", DESCRIPTION_LIMIT)
        _require(
            not (self.account_mapping or self.exclude_ca_name),
            "account_mapping and exclude_ca_name can be read but not written: the store's form for them is not known",
        )


@dataclasses.dataclass(frozen=True, slots=True)
class OtherAuthentication:
    """A method of a type that the specification does not name; its data is never shown (None: what is stored)."""

    type: int
    data: bytes | None = dataclasses.field(repr=False)
    odd: bool = dataclasses.field(default=True, compare=False)


AuthMethod: t.TypeAlias = Kerberos | PresharedKey | Certificate | OtherAuthentication
DEFAULT_AUTHENTICATION: t.Final = ({"kerberos": Kerberos()}[defaults.AUTHENTICATION],)
"""The manual's default authentication (remarks on -a)."""

CONNECTION_TYPES: t.Final = ("all", "lan", "dialup")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Filters, what to do with their traffic, and how the peers prove who they are.

    `name` is empty for rules made in the snap-in. `id` is the NFA's braced GUID where the rule was read from a store or
    is matched by it; it is no part of the meaning. `filter_list` and `filter_action` are the names the snap-in shows:
    None leaves them to us.
    """

    name: str
    filters: tuple[Filter, ...]
    action: NegotiationPolicy
    authentication: tuple[AuthMethod, ...] = DEFAULT_AUTHENTICATION
    tunnel: Host | DnsName | None = None
    connection_type: str = defaults.CONNECTION_TYPE
    enabled: bool = True
    description: str = ""
    filter_list: str | None = None
    filter_action: str | None = None
    id: str | None = None
    odd: bool = False

    def __post_init__(self) -> None:
        _inherit_oddness(self, self.tunnel)
        if self.odd:
            return
        _require(bool(self.filters), "the rule has no filters; give at least one")
        _require(bool(self.authentication), "the rule has no authentication methods; leave them out for kerberos")
        _require(
            self.connection_type in CONNECTION_TYPES,
            f"'{self.connection_type}' is no connection type; it is {', '.join(CONNECTION_TYPES)}",
        )
        if self.tunnel is not None:
            _require(
                not any(f.mirrored for f in self.filters),
                "a tunnel cannot have mirrored filters: write one rule for each direction, each with its own endpoint",
            )
            _require(
                self.action.action == "negotiate",
                f"a tunnel negotiates security; {self.action.action} takes no tunnel endpoint",
            )
        check_text(self.name, "the rule's name", NAME_LIMIT)
        check_description(self.description, "the rule's description")
        for value, what in (
            (self.filter_list, "the filter list's name"),
            (self.filter_action, "the filter action's name"),
        ):
            if value is not None:
                check_text(value, what, NAME_LIMIT)

    @property
    def title(self) -> str:
        """What a message calls it."""
        return f"rule '{self.name}'" if self.name else f"rule {self.id or 'without name'}"

    def _key(self) -> tuple[object, ...]:
        return (
            self.name,
            frozenset(self.filters),
            self.action,
            self.authentication,
            self.tunnel,
            self.connection_type,
            self.enabled,
            self.description,
            self.filter_list,
            self.filter_action,
        )

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Rule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


@dataclasses.dataclass(frozen=True, slots=True)
class DefaultResponse:
    """The rule that answers a peer's request for security where no other rule applies. Windows Vista and later ignore
    it.
    """

    enabled: bool
    methods: tuple[SecurityMethod, ...] = DEFAULT_SECURITY_METHODS
    authentication: tuple[AuthMethod, ...] = DEFAULT_AUTHENTICATION
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        if self.odd:
            return
        _require(bool(self.methods), "the default response rule needs at least one security method")
        _require(bool(self.authentication), "the default response rule needs at least one authentication method")


@dataclasses.dataclass(frozen=True, slots=True)
class MainModeMethod:
    """One main-mode offer: cipher, hash and Diffie-Hellman group, with lifetimes of its own where it has them (None:
    those of main mode; no limit of kilobytes).
    """

    encryption: str
    integrity: str
    group: int
    lifetime_seconds: int | None = None
    lifetime_kilobytes: int | None = None
    quick_mode_limit: int | None = None
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        # a stored 0 says nothing of its own
        for name in ("lifetime_seconds", "lifetime_kilobytes"):
            object.__setattr__(self, name, getattr(self, name) or None)
        if self.odd:
            return
        for value, what in (
            (self.lifetime_seconds, "lifetime in seconds"),
            (self.lifetime_kilobytes, "lifetime in kilobytes"),
            (self.quick_mode_limit, "limit of quick modes"),
        ):
            _require(value is None or 0 <= value <= U32, f"a {what} of {value} cannot be; it is 0 to {U32}")
        _require(
            self.encryption in ENCRYPTION[1:],
            f"'{self.encryption}' is no cipher of main mode; it takes des or 3des"
            f"{_algorithm_hint(self.encryption, ENCRYPTION[1:])}",
        )
        _require(
            self.integrity in INTEGRITY[1:],
            f"'{self.integrity}' is no hash of main mode; it takes md5 or sha"
            f"{_algorithm_hint(self.integrity, INTEGRITY[1:])}",
        )
        _require(self.group in GROUPS, f"{self.group} is no Diffie-Hellman group of a stored policy; it is 1, 2 or 14")

    def __str__(self) -> str:
        return f"{self.encryption}-{self.integrity}-{self.group}"


DEFAULT_MAIN_MODE_METHODS: t.Final = tuple(MainModeMethod(*names) for names in defaults.MAIN_MODE_METHODS)
"""The manual's default key exchange security methods (remarks on -1s)."""


@dataclasses.dataclass(frozen=True, slots=True)
class MainMode:
    """Key exchange: offers in order, when the main-mode key is made anew, and master PFS.

    `lifetime_seconds` is that of the first offer, which Windows goes by. `quick_mode_limit` is the number of quick
    modes one main mode may serve; 0 is unlimited.
    """

    methods: tuple[MainModeMethod, ...] = DEFAULT_MAIN_MODE_METHODS
    lifetime_seconds: int = defaults.MAIN_MODE_LIFETIME
    quick_mode_limit: int = defaults.QUICK_MODE_LIMIT
    pfs: bool = defaults.PFS
    odd: bool = dataclasses.field(default=False, compare=False)

    def __post_init__(self) -> None:
        _inherit_oddness(self, *self.methods)
        object.__setattr__(self, "methods", tuple(map(self._without_repetition, self.methods)))
        if self.odd:
            return
        _require(bool(self.methods), "main mode needs at least one method, as in 3des-sha-2")
        _require(
            1 <= self.lifetime_seconds <= U32,
            f"a main-mode lifetime of {self.lifetime_seconds} seconds cannot be; it is 1 to {U32}",
        )
        _require(
            0 <= self.quick_mode_limit <= U32,
            f"a limit of {self.quick_mode_limit} quick modes cannot be; it is 0, which is unlimited, to {U32}",
        )
        _require(
            self.methods[0].lifetime_seconds is None,
            f"the first method's lifetime of {self.methods[0].lifetime_seconds} seconds is main mode's, which says "
            f"{self.lifetime_seconds}; give it in one place",
        )

    def _without_repetition(self, method: MainModeMethod) -> MainModeMethod:
        """A method that has for its own only what differs from main mode."""
        return dataclasses.replace(
            method,
            lifetime_seconds=None if method.lifetime_seconds == self.lifetime_seconds else method.lifetime_seconds,
            quick_mode_limit=None if method.quick_mode_limit == self.quick_mode_limit else method.quick_mode_limit,
        )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A whole policy. `poll_interval` is in seconds. `id` is the braced GUID where it was read; it is no part of the
    meaning.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    description: str = ""
    poll_interval: int = defaults.POLL_INTERVAL
    main_mode: MainMode = MainMode()
    default_response: DefaultResponse | None = None
    id: str | None = None
    odd: bool = False

    def __post_init__(self) -> None:
        if self.odd:
            return
        check_policy_name(self.name)
        check_description(self.description, "the policy's description")
        _require(
            1 <= self.poll_interval <= U32,
            f"a poll interval of {self.poll_interval} seconds cannot be; it is 1 to {U32}",
        )

    def _key(self) -> tuple[object, ...]:
        return (
            self.name,
            frozenset(Counter(self.rules).items()),
            self.description,
            self.poll_interval,
            self.main_mode,
            self.default_response,
        )

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Policy) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


def check_policy_name(name: str) -> None:
    """Raise `ModelError` for what cannot be a policy's name."""
    _require(name.strip() != "", "the policy has no name")
    check_text(name, "the policy's name", NAME_LIMIT)
