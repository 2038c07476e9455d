# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of a simulated host in the filtering platform, and `netsh wfp show`, which prints them as XML.

The service has a filter there for each direction of a filter of a rule. Each negotiating one also has a filter that
chooses the main-mode policy. That Windows has exactly these is not proved.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import ipaddress
import itertools
import re
import typing as t
import uuid
from xml.sax.saxutils import escape

from . import query_faults
from .enforcement import RANKS, fixed_bits, turned
from .netsh.texts import NetshError
from .netsh.words import match
from .policy import Address, Filter, Rule

if t.TYPE_CHECKING:
    from .host import Host

POLICY_AGENT: t.Final = "{aa6a7d87-7f8f-4d2a-be53-fda555cd5fe3}"
"""The provider of the filters of the service PolicyAgent."""
FIREWALL: t.Final = "{decc16ca-3f33-4346-be1e-8fb4ae0f3d62}"
"""The provider of the filters of Windows Defender Firewall."""
_SUBLAYER: t.Final = "{1b75c0ce-ff60-4711-a70f-b4958cc3b2d0}"
_FIREWALL_SUBLAYER: t.Final = "{b3cdd441-af90-41ba-a745-7c6008ff2301}"
_FIRST_ID: t.Final = 70001
_WINDOWS_7: t.Final = (6, 1)
"""The first version of Windows with `netsh wfp`."""
_TWO_ROOTS: t.Final = 22000
"""The first build of Windows whose state has two root elements."""
_ANY_PORT: t.Final = (0, 65535)
_INTERFACE_TYPES: t.Final = {"lan": "6", "dialup": "23"}
_UNPRINTABLE: t.Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold. What Windows does with it is unknown."""

Value: t.TypeAlias = tuple[str, str] | tuple[str, str, str]
"""The type of a value and its texts."""
_ELEMENTS: t.Final[dict[str, tuple[str, ...]]] = {
    "FWP_UINT8": ("uint8",),
    "FWP_UINT16": ("uint16",),
    "FWP_UINT32": ("uint32",),
    "FWP_BYTE_ARRAY16_TYPE": ("byteArray16",),
    "FWP_V4_ADDR_MASK": ("v4AddrMask", "addr", "mask"),
    "FWP_V6_ADDR_MASK": ("v6AddrMask", "addr", "prefixLength"),
    "FWP_SECURITY_DESCRIPTOR_TYPE": ("sd",),
    "FWP_BYTE_BLOB_TYPE": ("byteBlob", "data", "asString"),
}
"""The element of a value by its type, and the elements in it for values with two texts."""


@dataclasses.dataclass(frozen=True)
class Condition:
    """Two values are the ends of a range."""

    field: str
    values: tuple[Value, ...]
    match: str


@dataclasses.dataclass(frozen=True)
class Row:
    """A filter of the filtering platform, without its id and its key."""

    name: str
    layer: str
    conditions: tuple[Condition, ...]
    action: str
    weight: int
    callout: str = ""
    provider: str = POLICY_AGENT
    sublayer: str = _SUBLAYER


# what the service has


def in_force(host: Host) -> list[Row]:
    """The filters of the service."""
    quick_mode: list[Row] = []
    main_mode: dict[tuple[str, tuple[Condition, ...]], Row] = {}
    addresses = host.local_addresses()
    for rule in host.rules_in_force():
        if not rule.enabled or rule.default_response:
            continue
        for item in rule.filters:
            sides = [item, turned(item)] if item.mirrored else [item]
            for side, inbound, version in itertools.product(sides, (False, True), (4, 6)):
                if (side.destination if inbound else side.source).kind != "me" and _has_me(side):
                    continue
                for ends in _ends(side, inbound, version, addresses):
                    quick_mode.append(_quick_mode(rule, side, inbound, version, ends))
                    if quick_mode[-1].callout and (row := _main_mode(rule, version, ends)):
                        main_mode.setdefault((row.layer, row.conditions), row)
    # a filter that is its own mirror image has each row once
    return [*dict.fromkeys(quick_mode), *main_mode.values()]


def _has_me(item: Filter) -> bool:
    return "me" in (item.source.kind, item.destination.kind)


def _ends(
    item: Filter, inbound: bool, version: int, addresses: dict[str, list[str]]
) -> t.Iterator[tuple[Address, Address]]:
    """The pairs of a local and a remote address of one IP version, with an address for each server."""
    local, remote = (item.destination, item.source) if inbound else (item.source, item.destination)
    yield from itertools.product(_expanded(local, version, addresses), _expanded(remote, version, addresses))


def _expanded(address: Address, version: int, addresses: dict[str, list[str]]) -> list[Address]:
    if version not in address.versions:
        return []
    if address.kind in ("dns", "wins", "dhcp", "gateway"):
        found = map(ipaddress.ip_address, addresses[address.kind])
        return [_host(ip) for ip in found if ip.version == version]
    return [address]


def _host(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Address:
    return Address("net", (ip.version,), int(ip), (1 << ip.max_prefixlen) - 1)


def _quick_mode(rule: Rule, item: Filter, inbound: bool, version: int, ends: tuple[Address, Address]) -> Row:
    ports = [("LOCAL", item.source_ports), ("REMOTE", item.destination_ports)]
    if inbound:
        ports = [("LOCAL", item.destination_ports), ("REMOTE", item.source_ports)]
    conditions = _address_conditions(version, ends)
    if item.protocol:
        conditions.append(_condition("IP_PROTOCOL", ("FWP_UINT8", str(item.protocol))))
    for end, (first, last) in ports:
        if (first, last) != _ANY_PORT:
            found = [first] if first == last else [first, last]
            conditions.append(_condition(f"IP_{end}_PORT", *(("FWP_UINT16", str(port)) for port in found)))
    if rule.connection_type in _INTERFACE_TYPES:
        conditions.append(_condition("INTERFACE_TYPE", ("FWP_UINT32", _INTERFACE_TYPES[rule.connection_type])))
    action = rule.inbound if inbound and rule.inbound else rule.action
    narrow = sum(found != _ANY_PORT for _end, found in ports)
    direction = "INBOUND" if inbound else "OUTBOUND"
    negotiates = action == "negotiate"
    return Row(
        rule.name,
        f"FWPM_LAYER_{direction}_TRANSPORT_V{version}",
        tuple(conditions),
        "FWP_ACTION_CALLOUT_TERMINATING" if negotiates else f"FWP_ACTION_{action.upper()}",
        ((_bits(ends) * 2 + (item.protocol != 0)) * 4 + narrow) * 4 + RANKS[action],
        f"FWPM_CALLOUT_IPSEC_{direction}_{'TUNNEL' if rule.tunnel else 'TRANSPORT'}_V{version}" if negotiates else "",
    )


def _main_mode(rule: Rule, version: int, ends: tuple[Address, Address]) -> Row | None:
    """None for a tunnel whose endpoint has the other IP version."""
    local, remote = ends
    if rule.tunnel:
        endpoint = ipaddress.ip_address(rule.tunnel)
        if endpoint.version != version:
            return None
        remote = _host(endpoint)
    conditions = tuple(_address_conditions(version, (local, remote)))
    return Row(rule.name, f"FWPM_LAYER_IKEEXT_V{version}", conditions, "FWP_ACTION_PERMIT", _bits((local, remote)))


def _bits(ends: tuple[Address, Address]) -> int:
    return sum(map(fixed_bits, ends))


def _address_conditions(version: int, ends: tuple[Address, Address]) -> list[Condition]:
    return [
        _condition(f"IP_{end}_ADDRESS", *values)
        for end, address in zip(("LOCAL", "REMOTE"), ends, strict=True)
        if (values := _address_values(version, address))
    ]


def _condition(field: str, *values: Value) -> Condition:
    return Condition(f"FWPM_CONDITION_{field}", values, "FWP_MATCH_RANGE" if len(values) > 1 else "FWP_MATCH_EQUAL")


@functools.lru_cache(65536)
def _address_values(version: int, address: Address) -> tuple[Value, ...]:
    """The values of a condition for an address; none without a condition."""
    single = {4: "FWP_UINT32", 6: "FWP_BYTE_ARRAY16_TYPE"}[version]
    of_version = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}[version]
    if address.kind == "range":
        return (single, str(of_version(address.value))), (single, str(of_version(address.last)))
    if address.kind != "net" or not address.mask:
        return ()
    text, bits = str(of_version(address.value)), address.mask.bit_count()
    if bits == (32 if version == 4 else 128):
        return ((single, text),)
    if version == 4:
        return (("FWP_V4_ADDR_MASK", text, str(ipaddress.IPv4Address(address.mask))),)
    return (("FWP_V6_ADDR_MASK", text, str(bits)),)


# what other programs have


def others(host: Host) -> list[Row]:
    """Filters that do not belong to the service."""
    name = {"en": "Core Networking - DNS (UDP-Out)", "de": "Kernnetzwerk - DNS (UDP ausgehend)"}
    program = r"\device\harddiskvolume3\windows\system32\svchost.exe"
    blob = (program + "\0").encode("utf-16-le").hex()
    rows = [
        Row(
            name[host.setting("language")],
            "FWPM_LAYER_ALE_AUTH_CONNECT_V4",
            (
                _condition("ALE_APP_ID", ("FWP_BYTE_BLOB_TYPE", blob, ".".join(program) + "...")),
                _condition("ALE_USER_ID", ("FWP_SECURITY_DESCRIPTOR_TYPE", "O:LSD:(A;;CC;;;S-1-5-80-30445428)")),
                _condition("IP_PROTOCOL", ("FWP_UINT8", "17")),
                _condition("IP_REMOTE_PORT", ("FWP_UINT16", "53")),
            ),
            "FWP_ACTION_PERMIT",
            9223372036854783041,
            provider=FIREWALL,
            sublayer=_FIREWALL_SUBLAYER,
        ),
        Row("Port Scanning Prevention Filter", "FWPM_LAYER_INBOUND_TRANSPORT_V4_DISCARD", (), "FWP_ACTION_BLOCK", 0),
        Row(
            "Boot Time Filter",
            "FWPM_LAYER_INBOUND_IPPACKET_V6",
            (Condition("FWPM_CONDITION_FLAGS", (("FWP_UINT32", "1"),), "FWP_MATCH_FLAGS_ALL_SET"),),
            "FWP_ACTION_PERMIT",
            17,
        ),
        Row(
            "Teredo socket option opt out block filter",
            "FWPM_LAYER_ALE_AUTH_RECV_ACCEPT_V6",
            (_condition("IP_LOCAL_ADDRESS", ("FWP_V6_ADDR_MASK", "2001::", "32")),),
            "FWP_ACTION_BLOCK",
            4611686018427387904,
            provider=FIREWALL,
        ),
    ]
    return [row if row.provider == FIREWALL else dataclasses.replace(row, provider="", sublayer="") for row in rows]


# netsh wfp show


def show(host: Host, words: t.Sequence[str], patience: float | None = None) -> tuple[int, t.Iterable[str]]:
    """The exit code and the output of `netsh wfp`. Raises `TimeoutError` after so many seconds without an answer."""
    fault = query_faults.meet(host, "filters", patience)
    what = match(words[1], ("filters", "state")) if len(words) > 1 and match(words[0], ("show",)) else None
    if what is None or fault.kind == "missing" or host.version() < _WINDOWS_7:
        return 1, [NetshError("unknown", " ".join(["wfp", *words])).text(host.setting("language")) + "\r\n"]
    if [word.lower().replace(" ", "") for word in words[2:]] != ["file=-"]:
        return 1, [NetshError("usage", " ".join(words[2:])).text(host.setting("language")) + "\r\n"]
    if fault.kind == "failed":
        return 1, ["The Base Filtering Engine service has not been started.\r\n"]
    if fault.kind == "denied" or not host.setting("administrator"):
        return 1, [NetshError("denied").text(host.setting("language")) + "\r\n"]
    rows = [] if fault.kind == "empty" else [*others(host), *in_force(host)]
    page = _filters if what == "filters" else _state
    if fault.kind == "malformed":
        return 0, _malformed(host, fault.detail, page, rows)
    more = int(fault.detail) if fault.kind in ("huge", "many") else 0
    provider = POLICY_AGENT if fault.kind == "huge" else FIREWALL
    items = itertools.chain(_items(host, rows), _many(more, provider, _FIRST_ID + len(rows)))
    return 0, page(host, len(rows) + more, items)


_Page: t.TypeAlias = "t.Callable[[Host, int, t.Iterable[str]], t.Iterator[str]]"


def _filters(host: Host, count: int, items: t.Iterable[str]) -> t.Iterator[str]:
    yield f'<?xml version="1.0"?>\r\n<wfpdiag>{_time(host)}<filters numItems="{count}">\r\n'
    yield from items
    yield "</filters></wfpdiag>\r\n"


def _state(host: Host, count: int, items: t.Iterable[str]) -> t.Iterator[str]:
    """All filters are below one layer here. Windows has an element for each layer."""
    providers = "".join(f"<item><providerKey>{key}</providerKey></item>" for key in (POLICY_AGENT, FIREWALL))
    yield f'<?xml version="1.0"?>\r\n<wfpstate>{_time(host)}<providers numItems="2">{providers}</providers>\r\n'
    if host.build() >= _TWO_ROOTS:
        yield "</wfpstate>\r\n<wfpstate>\r\n"
    yield f'<layers numItems="1"><item><callouts numItems="0"/><filters numItems="{count}">\r\n'
    yield from items
    yield "</filters></item></layers></wfpstate>\r\n"


def _time(host: Host) -> str:
    moment = datetime.datetime.fromtimestamp(host.now(), datetime.UTC)
    return f"<timeStamp>{moment:%Y-%m-%dT%H:%M:%S.000Z}</timeStamp>"


def _items(host: Host, rows: t.Iterable[Row]) -> t.Iterator[str]:
    # as on Windows, the keys are others after a reload
    start = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{host.name} {host.enforced.epoch}"))[:24]
    for number, row in enumerate(rows, _FIRST_ID):
        yield _item(row, f"{{{start}{number:012x}}}", number)


def _many(count: int, provider: str, first: int) -> t.Iterator[str]:
    for number in range(first, first + count):
        yield _item(_sample(number, provider), f"{{00000000-0000-4000-8000-{number:012x}}}", number)


def _sample(number: int, provider: str) -> Row:
    address = str(ipaddress.IPv4Address(0x0A000000 + number))
    conditions = (
        _condition("IP_REMOTE_ADDRESS", ("FWP_UINT32", address)),
        _condition("IP_PROTOCOL", ("FWP_UINT8", "6")),
        _condition("IP_LOCAL_PORT", ("FWP_UINT16", "445")),
    )
    return Row(f"Filter {number}", "FWPM_LAYER_INBOUND_TRANSPORT_V4", conditions, "FWP_ACTION_BLOCK", 1, "", provider)


def _item(row: Row, key: str, number: int) -> str:
    conditions = "".join(map(_condition_xml, row.conditions))
    count = len(row.conditions)
    return (
        f"<item><filterKey>{key}</filterKey><displayData>{_element('name', row.name)}<description/></displayData>"
        f"<flags/>{_element('providerKey', row.provider)}<providerData/><layerKey>{row.layer}</layerKey>"
        f"{_element('subLayerKey', row.sublayer)}<weight><type>FWP_EMPTY</type></weight>"
        + (f'<filterCondition numItems="{count}">{conditions}</filterCondition>' if count else "<filterCondition/>")
        + f"<action><type>{row.action}</type>{_element('filterType', row.callout)}</action><rawContext>0</rawContext>"
        f"<reserved/><filterId>{number}</filterId><effectiveWeight><type>FWP_UINT64</type><uint64>{row.weight}</uint64>"
        "</effectiveWeight></item>\r\n"
    )


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(_UNPRINTABLE.sub(chr(0xFFFD), text))}</{name}>" if text else f"<{name}/>"


def _condition_xml(condition: Condition) -> str:
    value = _value_xml(condition.values[0])
    if len(condition.values) > 1:
        ends = zip(("valueLow", "valueHigh"), condition.values, strict=True)
        inner = "".join(f"<{end}>{_value_xml(found)}</{end}>" for end, found in ends)
        value = f"<type>FWP_RANGE_TYPE</type><rangeValue>{inner}</rangeValue>"
    return (
        f"<item><fieldKey>{condition.field}</fieldKey><matchType>{condition.match}</matchType>"
        f"<conditionValue>{value}</conditionValue></item>"
    )


def _value_xml(value: Value) -> str:
    kind, *texts = value
    name, *parts = _ELEMENTS[kind]
    inner = texts[0]
    if parts:
        inner = "".join(f"<{part}>{text}</{part}>" for part, text in zip(parts, texts, strict=True))
    return f"<type>{kind}</type><{name}>{inner}</{name}>"


# malformed answers

_BROKEN: t.Final = 69999
"""The id of the filter that is malformed."""
_NAME: t.Final = f"Filter {_BROKEN}"
_DECLARATION: t.Final = '<!DOCTYPE wfpdiag [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'

MALFORMED: t.Final[dict[str, tuple[str, str]]] = {
    "truncated": ("", ""),
    "nothing": ("", ""),
    "text": ("", ""),
    "entity": (_NAME, "&b;"),
    "undeclared": (_NAME, "&other;"),
    "deep": ("<providerData/>", "<a>" * 10_000 + "</a>" * 10_000),
    "long": (_NAME, "x" * 1_000_000),
    "guid": ("<filterKey>{", "<filterKey>{not a GUID"),
    "layer": ("TRANSPORT_V4</layerKey>", "TRANSPORT;V4</layerKey>"),
    "encoding": (_NAME, "Pr\udcfcfung \udcff\udcfe"),
    "characters": (_NAME, "a\x01b\x0cc"),
    "types": ("FWP_UINT32", "FWP UINT32|"),
    "number": (f"<filterId>{_BROKEN}", "<filterId>seventy"),
    "tags": ("</displayData>", "</displaydata>"),
}
"""What is wrong, and a text of a filter with the one that replaces it."""


def _malformed(host: Host, kind: str, page: _Page, rows: list[Row]) -> t.Iterator[str]:
    """An output with one filter that is malformed, or without an end, or something else."""
    if kind in ("nothing", "text"):
        yield "" if kind == "nothing" else "Data collection failed.\r\n"
        return
    item = _item(_sample(_BROKEN, POLICY_AGENT), "{9fd8f3ee-5f7c-4a63-8a2a-3d5f0a4c1b0e}", _BROKEN)
    good = itertools.chain([item.replace(*MALFORMED[kind])], _items(host, rows))
    for part in page(host, 1 + len(rows), good):
        if kind == "truncated" and part == item:
            yield part[: len(part) // 2]
            return
        yield part.replace("?>", "?>" + _DECLARATION) if kind == "entity" else part
