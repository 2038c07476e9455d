# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The simulated PolicyAgent's own reader of a policy store, written from MS-GPIPSEC 2.2.1 alone.

It reads what Windows would enforce: filters, actions, authentication, tunnels. A policy that cannot be read is a
`StoreError`; the simulated host then enforces nothing and logs an event (what Windows does is unknown).
"""

from __future__ import annotations

import dataclasses
import ipaddress
import struct
import typing as t
import uuid

from .tree import Tree, find_key, get

IPSEC: t.Final = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\IPSec"
LOCAL: t.Final = IPSEC + r"\Policy\Local"
CACHE: t.Final = IPSEC + r"\Policy\Cache"
ASSIGNMENT: t.Final = IPSEC + r"\GPTIPSECPolicy"

IP: t.TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_ACTIONS: t.Final = {
    "3f91a819-7647-11d1-864d-d46a00000000": ("block", False),
    "8a171dd2-77e3-11d1-8659-a04f00000000": ("permit", False),
    "8a171dd3-77e3-11d1-8659-a04f00000000": ("negotiate", False),
    "3f91a81a-7647-11d1-864d-d46a00000000": ("negotiate", True),
}
_DEFAULT_RESPONSE: t.Final = "62f49e13-6c37-11d1-864c-14a300000000"
_AUTHENTICATION: t.Final = {1: "preshared key", 3: "certificate", 5: "kerberos"}
_INTERFACES: t.Final = {0xFFFFFFFF: "dialup", 0xFFFFFFFE: "lan", 0xFFFFFFFD: "all"}
_FILTERS_V2: t.Final = uuid.UUID("35fecd3d-ae29-4373-8a6a-c5d8fab2fb08").bytes_le
_SPECIAL_V1: t.Final = {1: "dns", 2: "wins", 3: "dhcp", 4: "gateway"}
_SPECIAL_V2: t.Final = {0: "any", 8: "me", 0x10: "dns", 0x20: "wins", 0x40: "dhcp", 0x80: "gateway"}


class StoreError(Exception):
    """An object that cannot be read; the text names its key."""


@dataclasses.dataclass(frozen=True)
class Address:
    """`kind` is me, any, dns, wins, dhcp, gateway, or net with `value` under `mask`, or range from `value` to `last`.

    `versions` are the IP versions that it matches. `name` is the DNS name that it was made from.
    """

    kind: str
    versions: tuple[int, ...]
    value: int = 0
    mask: int = 0
    last: int = 0
    name: str = ""


@dataclasses.dataclass(frozen=True)
class Filter:
    """Ports are (first, last), (0, 65535) for any; protocol 0 is any."""

    source: Address
    destination: Address
    protocol: int
    source_ports: tuple[int, int]
    destination_ports: tuple[int, int]
    mirrored: bool
    description: str


@dataclasses.dataclass(frozen=True)
class Rule:
    """`authentication` has the kind and the text of each method; the text is never shown. `methods` are the quick-mode
    offers. `inbound` is the action for packets that the host receives, if it is another one.
    """

    key: str
    name: str
    description: str
    enabled: bool
    filters: tuple[Filter, ...]
    action: str
    inpass: bool
    soft: bool
    methods: tuple[tuple[t.Any, ...], ...]
    authentication: tuple[tuple[str, str], ...] = dataclasses.field(repr=False)
    tunnel: str = ""
    connection_type: str = "all"
    default_response: bool = False
    inbound: str | None = None


@dataclasses.dataclass(frozen=True)
class MainMode:
    """Methods are (cipher, hash, group, seconds, kilobytes, quick modes)."""

    methods: tuple[tuple[int, ...], ...]
    lifetime: int
    quick_modes: int
    pfs: bool


@dataclasses.dataclass(frozen=True)
class Policy:
    key: str
    name: str
    description: str
    poll_interval: int
    main_mode: MainMode
    rules: tuple[Rule, ...]


@dataclasses.dataclass(frozen=True)
class InForce:
    """The policy that the host enforces; `source` is `local` or `domain`."""

    source: str
    policy: Policy


def read(tree: Tree) -> InForce | None:
    """The policy in force: a domain policy wins over the local one. Raises `StoreError`."""
    path = get(tree, ASSIGNMENT, "DSIPSECPolicyPath")
    if isinstance(path, str) and path:
        name = path.lower().removeprefix("ldap://").removeprefix("cn=").partition(",")[0]
        return InForce("domain", read_policy(tree, f"{CACHE}\\{name}"))
    active = get(tree, LOCAL, "ActivePolicy")
    if not isinstance(active, str) or not active:
        return None
    return InForce("local", read_policy(tree, f"{LOCAL}\\{active.rpartition(chr(92))[2]}"))


def policies(tree: Tree) -> list[Policy]:
    """All local policies."""
    prefix = LOCAL.lower() + "\\ipsecpolicy{"
    return [read_policy(tree, key) for key in sorted(tree) if key.lower().startswith(prefix)]


def read_policy(tree: Tree, path: str) -> Policy:
    """The policy whose object has this path. Raises `StoreError`."""
    try:
        return _read_policy(tree, path)
    except (ValueError, struct.error) as error:
        raise StoreError(f"{path}: {error}") from None


def _read_policy(tree: Tree, path: str) -> Policy:
    key = _key(tree, path)
    data = _data(tree, key, "22202163-4f4c-11d1-863b-00a0248d3021")
    data.skip(4)
    interval = data.u32()
    isakmp = _follow(tree, key, "ipsecISAKMPReference")
    if len(isakmp) != 1:
        raise StoreError(f"{key}: a policy must refer to one ISAKMP policy, not to {len(isakmp)}")
    return Policy(
        key,
        _text(tree, key, "ipsecName"),
        _text(tree, key, "description"),
        interval or 10800,
        _read_main_mode(tree, isakmp[0]),
        tuple(_read_rule(tree, nfa) for nfa in _follow(tree, key, "ipsecNFAReference")),
    )


class _Data:
    """A cursor over an object's data."""

    def __init__(self, key: str, data: bytes) -> None:
        self.key = key
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise StoreError(
                f"{self.key}: the data ends at byte {len(self.data)}, but {size} bytes are expected from byte {self.at}"
            )
        self.at += size
        return self.data[self.at - size : self.at]

    def skip(self, size: int) -> None:
        self.take(size)

    def u32(self) -> int:
        return t.cast(int, struct.unpack("<I", self.take(4))[0])

    def u16(self) -> int:
        return t.cast(int, struct.unpack("<H", self.take(2))[0])

    def text(self) -> str:
        return self.take(self.u32()).decode("utf-16-le", "replace").partition("\0")[0]

    def rest(self) -> int:
        return len(self.data) - self.at


def _key(tree: Tree, path: str) -> str:
    key = find_key(tree, path)
    if key is None:
        raise StoreError(f"{path} does not exist")
    return key


def _text(tree: Tree, key: str, name: str) -> str:
    found = get(tree, key, name)
    return found if isinstance(found, str) else ""


def _follow(tree: Tree, key: str, name: str) -> list[str]:
    """The objects that a value refers to, in the container of `key`."""
    found = get(tree, key, name)
    texts = found if isinstance(found, list) else [found] if isinstance(found, str) else []
    container = key.rpartition("\\")[0]
    return [_key(tree, container + "\\" + text.rpartition("\\")[2]) for text in texts]


def _data(tree: Tree, key: str, guid: str) -> _Data:
    found = get(tree, key, "ipsecData")
    if not isinstance(found, bytes):
        raise StoreError(f"{key} has no ipsecData")
    data = _Data(key, found)
    if data.take(16) != uuid.UUID(guid).bytes_le:
        raise StoreError(f"{key}: its ipsecData does not start with the GUID {guid}")
    return data


def _read_main_mode(tree: Tree, key: str) -> MainMode:
    data = _data(tree, key, "80dc20b8-2ec8-11d1-a89e-00a0248d3021")
    data.skip(4 + 16 + 4)
    pfs = data.u32()
    data.skip(4 + 4)
    quick_modes, lifetime = data.u32(), data.u32()
    data.skip(20)
    methods = []
    for _i in range(data.u32()):
        record = data.take(64)
        (cipher,) = struct.unpack_from("<I", record, 4)
        (hash_,) = struct.unpack_from("<I", record, 16)
        override = record[36]
        group, limit, kilobytes, seconds = struct.unpack_from("<4I", record, 44)
        if 1 <= override <= 4:
            cipher, hash_, group = (3 if override > 2 else 1), 2 - override % 2, 0x10000001
        methods.append((cipher, hash_, group, seconds, kilobytes, limit))
    return MainMode(tuple(methods), lifetime, quick_modes, pfs == 1)


def _read_rule(tree: Tree, key: str) -> Rule:
    authentication, connection_type, tunnel, enabled = _read_nfa(tree, key)
    actions = _follow(tree, key, "ipsecNegotiationPolicyReference")
    if len(actions) != 1:
        raise StoreError(f"{key}: a rule must refer to one negotiation policy, not to {len(actions)}")
    guid = _text(tree, actions[0], "ipsecNegotiationPolicyAction").strip("{}").lower()
    if guid not in _ACTIONS:
        raise StoreError(f"{actions[0]}: '{guid}' is not an action")
    action, inpass = _ACTIONS[guid]
    methods, soft = _read_offers(tree, actions[0])
    kind = _text(tree, actions[0], "ipsecNegotiationPolicyType").strip("{}").lower()
    filters = [f for item in _follow(tree, key, "ipsecFilterReference") for f in _read_filters(tree, item)]
    return Rule(
        key,
        _text(tree, key, "ipsecName"),
        _text(tree, key, "description"),
        enabled,
        tuple(filters),
        action,
        inpass,
        soft if action == "negotiate" else False,
        methods if action == "negotiate" else (),
        authentication,
        tunnel,
        connection_type,
        kind == _DEFAULT_RESPONSE,
    )


def _read_methods(data: _Data) -> tuple[tuple[str, str], ...]:
    found = []
    for _i in range(data.u32()):
        kind = data.u32()
        raw = data.take(data.u32())
        found.append((_AUTHENTICATION.get(kind, f"type {kind}"), raw.decode("utf-16-le", "replace").partition("\0")[0]))
    return tuple(found)


def _read_nfa(tree: Tree, key: str) -> tuple[tuple[tuple[str, str], ...], str, str, bool]:
    """Authentication, connection type, tunnel endpoint, whether it is active."""
    data = _data(tree, key, "11bbac00-498d-11d1-8639-00a0248d3021")
    length = data.u32()
    start = data.at
    authentication = _read_methods(data)
    interfaces = data.u32()
    data.text()
    endpoint: IP = ipaddress.IPv4Address(data.take(4))
    is_tunnel, is_active = data.u32(), data.u32()
    data.text()
    if data.at - start != length:
        raise StoreError(f"{key}: the data length is {length}, but the data takes {data.at - start} bytes")
    while data.rest() > 16:
        section = data.take(16)
        if section == bytes([1] * 16):
            authentication = _read_methods(data) or authentication
        elif section == bytes([1] * 15 + [2]):
            data.skip(4 + 4 * len(authentication))
        elif section == bytes([1] * 15 + [3]):
            endpoint = ipaddress.IPv6Address(data.take(16))
        else:
            raise StoreError(f"{key}: an unknown section begins at byte {data.at - 16}")
    tunnel = str(endpoint) if is_tunnel else ""
    return authentication, _INTERFACES.get(interfaces, str(interfaces)), tunnel, is_active == 1


def _read_offers(tree: Tree, key: str) -> tuple[tuple[tuple[t.Any, ...], ...], bool]:
    """Offers as (algorithms, seconds, kilobytes, pfs), and whether one of them is the fallback to clear text."""
    data = _data(tree, key, "80dc20b9-2ec8-11d1-a89e-00a0248d3021")
    data.skip(4)
    offers: list[tuple[t.Any, ...]] = []
    soft = False
    for _i in range(data.u32()):
        seconds, kilobytes, _options, pfs, count = struct.unpack("<5I", data.take(20))
        slots = [struct.unpack("<5I", data.take(20)) for _slot in range(3)]
        if count > 3:
            raise StoreError(f"{key}: an offer has {count} algorithms, but at most 3 fit")
        if count == 0:
            soft = True
            continue
        algorithms = tuple((("ah", a) if kind == 1 else ("esp", a, b)) for a, b, kind, _l, _r in slots[:count])
        offers.append((algorithms, seconds, kilobytes, pfs == 1))
    return tuple(offers), soft


def _read_filters(tree: Tree, key: str) -> list[Filter]:
    """Filters of both versions. A flagged range of version 2 may have the same meaning as subnets of version 1."""
    data = _data(tree, key, "80dc20b5-2ec8-11d1-a89e-00a0248d3021")
    length, count = data.u32(), data.u32()
    # the length of older writers counts the number of filters; an extra byte may follow
    ends = [end for end in (24 + length, 20 + length) if 24 <= end <= len(data.data)]
    section = next((end for end in ends if data.data.startswith(_FILTERS_V2, end)), None)
    if section is not None:
        # its own number of version-1 filters wins unless it is zero
        count = struct.unpack_from("<I", data.data, section + 20)[0] or count
    elif not any(len(data.data) - end <= 1 for end in ends):
        raise StoreError(f"{key}: the data length is {length}, but the data has {len(data.data)} bytes")
    found = [_read_filter(data) for _i in range(count)]
    if section is not None:
        if data.at != section:
            raise StoreError(f"{key}: the filters end at byte {data.at}, but by the data length at byte {section}")
        data.skip(16 + 4 + 4)
        found += [_read_filter_v2(data) for _i in range(data.u32())]
    return found


def _ports(first: int, last: int | None = None) -> tuple[int, int]:
    return (0, 65535) if first == 0 else (first, first if last is None else last)


def _read_filter(data: _Data) -> Filter:
    names = (data.text(), data.text())
    description = data.text()
    data.skip(16)
    mirrored = data.u32()
    raw = [int.from_bytes(data.take(4), "big") for _i in range(4)]
    data.skip(4)
    protocol = data.u32()
    source_port, destination_port = data.u16(), data.u16()
    _is_tunnel, special = data.take(2)
    data.skip(2)
    ends = []
    for side, (value, mask, name) in enumerate(((raw[0], raw[1], names[0]), (raw[2], raw[3], names[1]))):
        server = _SPECIAL_V1.get(special - 0x80 * side)
        if server:
            ends.append(Address(server, (4,)))
        elif mask == 0xFFFFFFFF and value == 0:
            ends.append(Address("me", (4,), name=name))
        elif mask == 0:
            ends.append(Address("any", (4,), name=name))
        else:
            ends.append(Address("net", (4,), value & mask, mask, name=name))
    return Filter(*ends, protocol, _ports(source_port), _ports(destination_port), mirrored == 1, description)


def _read_filter_v2(data: _Data) -> Filter:
    names = (data.text(), data.text())
    description = data.text()
    data.skip(16)
    mirrored = data.u32()
    ends = [_read_address_v2(data, name) for name in names]
    ports = []
    for _i in range(2):
        kind, first, last = data.u32(), data.u16(), data.u16()
        ports.append((0, 65535) if kind == 0 else (first, last if kind == 2 else first))
    protocol = data.u32()
    data.skip(4)
    return Filter(*ends, protocol, *ports, mirrored == 1, description)


def _read_address_v2(data: _Data, name: str) -> Address:
    kind, version = data.u32(), data.u32()
    first, second = data.take(16), data.take(16)
    versions = {1: (4,), 2: (6,), 3: (4, 6)}.get(version)
    if versions is None:
        raise StoreError(f"{data.key}: an address has the version {version}, which must be 1, 2 or 3")
    if kind in _SPECIAL_V2:
        return Address(_SPECIAL_V2[kind], versions, name=name)
    size = 4 if versions == (4,) else 16
    value = int.from_bytes(first[:size], "big")
    if kind == 1:
        return Address("net", versions, value, (1 << 8 * size) - 1, name=name)
    if kind == 2:
        return Address("range", versions, value, last=int.from_bytes(second[:size], "big"), name=name)
    if kind == 4:
        bits = second[0]
        mask = int.from_bytes(second[:4], "big") if size == 4 else ((1 << bits) - 1) << (128 - bits)
        return Address("net", versions, value & mask, mask, name=name)
    raise StoreError(f"{data.key}: an address has the unknown type {kind}")
