# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The values of arguments: numbers, choices, addresses, methods. All functions raise `NetshError`."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ..dynamic import Authentication, Offer, Selector
from ..policy import IP, Address
from .texts import NetshError
from .words import match

Resolve: t.TypeAlias = t.Callable[[str], list[str]]
"""Returns the addresses of a DNS name."""

_PROTOCOLS: t.Final = {"ANY": 0, "ICMP": 1, "TCP": 6, "UDP": 17, "RAW": 255}
_SPECIAL: t.Final = ("me", "any", "wins", "dns", "dhcp", "gateway")
_NAME: t.Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_LIFETIME: t.Final = re.compile(r"(?:([0-9]{1,10})k(?:/(?=[0-9])|$))?(?:([0-9]{1,10})s)?", re.IGNORECASE)
_OPTION: t.Final = re.compile(r"\s+(certmap|excludecaname):(\S+)$", re.IGNORECASE)


def number(name: str, value: str, lowest: int, highest: int) -> int:
    if re.fullmatch("[0-9]{1,10}", value) is None or not lowest <= int(value) <= highest:
        raise NetshError("value", name)
    return int(value)


def choice(name: str, value: str, choices: t.Iterable[str]) -> str:
    found = match(value, choices)
    if found is None:
        raise NetshError("value", name)
    return found


def flag(name: str, value: str) -> bool:
    return choice(name, value, ("yes", "no")) == "yes"


def protocol(value: str) -> int:
    if value.isdecimal():
        return number("protocol", value, 0, 255)
    return _PROTOCOLS[choice("protocol", value, _PROTOCOLS)]


def selectors(given: t.Mapping[str, str], resolve: Resolve) -> list[Selector]:
    """The selectors that the arguments of a rule describe: one for each pair of addresses that names have."""
    found_protocol = protocol(given.get("protocol", "any"))
    ports = [number(name, given.get(name, "0"), 0, 65535) for name in ("srcport", "dstport")]
    if any(ports) and found_protocol not in (6, 17):
        raise NetshError("port")
    mirrored = flag("mirrored", given.get("mirrored", "yes"))
    connection = choice("conntype", given.get("conntype", "all"), ("lan", "dialup", "all"))
    tunnel = ""
    if "tunneldstaddress" in given:
        tunnel = str(_single("tunneldstaddress", given["tunneldstaddress"], resolve)[0])
        if mirrored:
            raise NetshError("tunnel mirrored")
    sources, destinations = (
        _addresses(f"{end}addr", given[f"{end}addr"], f"{end}mask", given.get(f"{end}mask"), resolve)
        for end in ("src", "dst")
    )
    pairs = [fitting(source, destination) for source in sources for destination in destinations]
    found = [pair for pair in pairs if pair[0].versions == pair[1].versions]
    if not found:
        raise NetshError("families")
    return [Selector(*pair, found_protocol, *ports, mirrored, connection, tunnel) for pair in found]


def fitting(source: Address, destination: Address) -> tuple[Address, Address]:
    """Both ends. A special address is IPv6 if the other end is an IPv6 address, and IPv4 otherwise."""

    def fit(end: Address, other: Address) -> Address:
        if end.kind in _SPECIAL and other.kind not in _SPECIAL:
            return Address(end.kind, other.versions)
        return end

    return fit(source, destination), fit(destination, source)


def _ip(text: str) -> IP | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _single(name: str, value: str, resolve: Resolve) -> list[IP]:
    """The address, or the addresses of a name."""
    if (found := _ip(value)) is not None:
        return [found]
    if _NAME.fullmatch(value) is None or re.fullmatch(r"[0-9.]+", value):
        raise NetshError("value", name)
    resolved = [ipaddress.ip_address(text) for text in resolve(value)]
    if not resolved:
        raise NetshError("name", value)
    return resolved


def _addresses(name: str, value: str, mask_name: str, mask: str | None, resolve: Resolve) -> list[Address]:
    special = value.lower() if value.lower() in _SPECIAL else None
    first, dash, last = value.partition("-")
    ends = (_ip(first), _ip(last)) if dash else (None, None)
    if special or None not in ends:
        if mask is not None:
            raise NetshError("mask", mask_name)
        return [Address(special, (4,))] if special else [_range(name, *t.cast(tuple[IP, IP], ends))]
    found = _single(name, value, resolve)
    if mask is not None and _ip(value) is None:
        raise NetshError("mask", mask_name)
    text = "" if _ip(value) is not None else value
    return [_net(ip, mask_name, mask, text) for ip in found]


def _range(name: str, first: IP, last: IP) -> Address:
    if first.version != last.version or int(first) > int(last):
        raise NetshError("value", name)
    return Address("range", (first.version,), int(first), last=int(last))


def _net(ip: IP, mask_name: str, mask: str | None, name: str) -> Address:
    size = ip.max_prefixlen
    full = (1 << size) - 1
    bits = full
    if mask is not None:
        if mask.isdecimal():
            bits = full ^ full >> number(mask_name, mask, 1, size)
        else:
            dotted = _ip(mask)
            if dotted is None or dotted.version != 4 or size != 32 or (full ^ int(dotted)) + 1 & (full ^ int(dotted)):
                raise NetshError("value", mask_name)
            bits = int(dotted)
    return Address("net", (ip.version,), int(ip) & bits, bits, name=name)


def main_mode_methods(value: str) -> tuple[tuple[str, str, int], ...]:
    """``3DES-SHA1-3 DES-MD5-1``."""
    found = []
    for method in value.split():
        parts = re.fullmatch("(3DES|DES)-(SHA1|MD5)-([123])", method, re.IGNORECASE)
        if parts is None:
            raise NetshError("value", "mmsecmethods")
        found.append((parts[1].upper(), parts[2].upper(), int(parts[3])))
    if not found:
        raise NetshError("value", "mmsecmethods")
    return tuple(found)


def offers(value: str) -> tuple[Offer, ...]:
    """``ESP[3DES,SHA1]:100000k/3600s AH[SHA1]+ESP[DES,None]``."""
    found = []
    for method in value.split():
        algorithms, _colon, lifetimes = method.partition(":")
        times = _LIFETIME.fullmatch(lifetimes)
        if times is None or (_colon and not lifetimes):
            raise NetshError("value", "qmsecmethods")
        kilobytes = number("qmsecmethods", times[1], 20480, 2147483647) if times[1] else 0
        seconds = number("qmsecmethods", times[2], 300, 172799) if times[2] else 0
        parts = tuple(_algorithm(part) for part in algorithms.split("+"))
        if len({part[0] for part in parts}) != len(parts):
            raise NetshError("value", "qmsecmethods")
        found.append(Offer(parts, kilobytes, seconds))
    if not found:
        raise NetshError("value", "qmsecmethods")
    return tuple(found)


def _algorithm(text: str) -> tuple[str, ...]:
    ah = re.fullmatch(r"AH\[(SHA1|MD5)\]", text, re.IGNORECASE)
    if ah:
        return ("ah", ah[1].upper())
    esp = re.fullmatch(r"ESP\[(3DES|DES|NONE),(SHA1|MD5|NONE)\]", text, re.IGNORECASE)
    if esp is None or esp[1].upper() == esp[2].upper() == "NONE":
        raise NetshError("value", "qmsecmethods")
    return ("esp", esp[1].upper(), esp[2].upper())


def authentication(given: t.Mapping[str, list[str]]) -> tuple[Authentication, ...]:
    """Kerberos unless other methods are given. The order is that of netsh: Kerberos, the key, certificates."""
    methods = [Authentication("preshared key", key) for key in given.get("psk", [])]
    methods += map(_certificate, given.get("rootca", []))
    default = "no" if methods else "yes"
    if "kerberos" in given:
        default = given["kerberos"][0]
    if flag("kerberos", default):
        methods.insert(0, Authentication("kerberos"))
    if not methods:
        raise NetshError("no authentication")
    return tuple(methods)


def _certificate(value: str) -> Authentication:
    """``CN=Root certmap:no excludecaname:no``; quotation marks inside are written ``\\'``."""
    options = {}
    while (found := _OPTION.search(value)) is not None:
        if found[1].lower() in options:
            raise NetshError("value", "rootca")
        options[found[1].lower()] = flag("rootca", found[2])
        value = value[: found.start()]
    name = value.strip().replace("\\'", '"')
    if not name:
        raise NetshError("value", "rootca")
    return Authentication("certificate", name, options.get("certmap", False), options.get("excludecaname", False))
