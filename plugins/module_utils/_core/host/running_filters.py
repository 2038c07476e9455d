# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads the filters of the PolicyAgent in the filtering platform, as the host module lists them."""

from __future__ import annotations

import collections
import functools
import ipaddress
import re
import typing as t

from ..model import Action, Address, HostAddress, IPAddress, Ports, network, span
from ..objects.convert.common import lenient
from ..store.values import decode_text
from .checking import U64, AnswerError, AnswerPart
from .running import Direction, RunningFilter, RunningFilters

ROWS_LIMIT: t.Final = 20_000
"""The most filters that the host module returns."""
_FIELDS: t.Final = 9
_WORD: t.Final = re.compile(r"[A-Za-z0-9_.:{}/~%-]*\Z", re.ASCII)
_VALUE: t.Final = re.compile(r"[A-Za-z0-9_.:{}/~%?-]*\Z", re.ASCII)
_NUMBER: t.Final = re.compile(r"[0-9]{1,20}\Z", re.ASCII)
_DIRECTIONS: t.Final = {"FWPM_LAYER_INBOUND_": Direction.IN, "FWPM_LAYER_OUTBOUND_": Direction.OUT}
_NEGOTIATES: t.Final = re.compile(r"FWPM_CALLOUT_IPSEC_(?:INBOUND|OUTBOUND|FORWARD)_(TRANSPORT|TUNNEL)_V[46]\Z")
_ACTIONS: t.Final = {"FWP_ACTION_PERMIT": Action.PERMIT, "FWP_ACTION_BLOCK": Action.BLOCK}
_EQUAL: t.Final = "FWP_MATCH_EQUAL"
_RANGE: t.Final = ("FWP_MATCH_RANGE", "FWP_RANGE_TYPE")
_PARTS: t.Final = {
    "FWPM_CONDITION_IP_LOCAL_ADDRESS": "local",
    "FWPM_CONDITION_IP_REMOTE_ADDRESS": "remote",
    "FWPM_CONDITION_IP_LOCAL_PORT": "local_port",
    "FWPM_CONDITION_IP_REMOTE_PORT": "remote_port",
    "FWPM_CONDITION_IP_PROTOCOL": "protocol",
}
_LAST_PORT: t.Final = 65535


def parse_filters(answer: object) -> RunningFilters:
    """The part `filters` of an answer. Raises `AnswerError`."""
    part = AnswerPart(answer, "filters")
    if (missing := part.missing()) is not None:
        return RunningFilters(missing=missing)
    text = part.unpacked("rows")
    if text.count("\n") > ROWS_LIMIT:
        raise part.error(f"it has more than {ROWS_LIMIT} rows")
    lines = text.removesuffix("\n").split("\n") if text else []
    count, total, truncated = part.number("count"), part.number("total"), part.get("truncated", bool)
    if not len(lines) <= count <= total or (len(lines) == count) is truncated:
        shown = "some are left out" if truncated else "none is left out"
        raise part.error(f"it has {len(lines)} rows, counts {count} of {total} filters, and says that {shown}")
    filters = tuple(_row(line, f"filters.rows, line {number}") for number, line in enumerate(lines, 1))
    return RunningFilters(filters=filters, count=count, total=total, truncated=truncated)


def _error(place: str, problem: str) -> AnswerError:
    return AnswerError(place, f"the host's answer is wrong in '{place}': {problem}")


def _row(line: str, place: str) -> RunningFilter:
    fields = line.split(";")
    if len(fields) != _FIELDS:
        raise _error(place, f"the row has {len(fields)} fields instead of {_FIELDS}")
    id_, key, layer, sublayer, action, callout, weight, name, conditions = fields
    for word in (key, layer, sublayer, action, callout):
        if not _WORD.match(word):
            raise _error(place, "a field has a character that it cannot have")
    negotiates = _NEGOTIATES.match(callout) if action.startswith("FWP_ACTION_CALLOUT_") else None
    return RunningFilter(
        id=_number(id_, place, "the id"),
        key=key,
        name=_name(name, place),
        layer=layer,
        sublayer=sublayer,
        direction=next((found for start, found in _DIRECTIONS.items() if layer.startswith(start)), None),
        action=Action.NEGOTIATE if negotiates else _ACTIONS.get(action),
        tunnel=negotiates is not None and negotiates[1] == "TUNNEL",
        weight=_number(weight, place, "the weight") if weight else None,
        **_conditions(conditions.split("|") if conditions else [], place),
    )


def _number(text: str, place: str, what: str) -> int:
    try:
        return _decimal(text, most=U64)
    except ValueError:
        raise _error(place, f"{what} is not a number from 0 to {U64}") from None


def _name(data: str, place: str) -> str:
    try:
        return decode_text(data)
    except ValueError:
        raise _error(place, "the name is not base64 of UTF-16") from None


def _conditions(items: list[str], place: str) -> dict[str, t.Any]:
    """The conditions of a filter as parts of a `RunningFilter`."""
    found: dict[str, t.Any] = dict.fromkeys(_PARTS.values(), None) | {"protocol": 0}
    unread = []
    # several conditions for one field are alternatives, which no part can say
    number = collections.Counter(item.partition(",")[0] for item in items)
    for item in items:
        words = item.split(",")
        if len(words) != 4 or not all(map(_WORD.match, words[:3])) or not _VALUE.match(words[3]):
            raise _error(place, "a condition is not four fields of valid characters")
        part = _PARTS.get(words[0]) if number[words[0]] == 1 else None
        try:
            value = None if part is None else _value(part, *words[1:])
        except ValueError:
            # how Windows prints values is not documented
            value = None
        if part is None or value is None:
            unread.append(item)
        else:
            found[part] = value
    return {**found, "unread": tuple(unread)}


@functools.lru_cache(maxsize=4096)
def _value(part: str, match: str, type_: str, value: str) -> Address | Ports | int | None:
    """The value of a condition; None for a match or a type that is not understood. Raises `ValueError`."""
    leaves = value.split("~")
    if part == "protocol":
        # 0 stands for all protocols in a filter of ours
        return _decimal(value, most=255) or None if (match, type_) == (_EQUAL, "FWP_UINT8") else None
    if part in ("local_port", "remote_port"):
        if (match, type_) == _RANGE:
            first, last = leaves
            return _ports(first, last)
        return _ports(value, value) if (match, type_) == (_EQUAL, "FWP_UINT16") else None
    if (match, type_) == _RANGE:
        low, high = map(_ip, leaves)
        if low.version != high.version or int(low) > int(high):
            raise ValueError("not a range")
        return lenient(span, low, high)
    return _address(type_, leaves) if match == _EQUAL else None


def _ip(text: str) -> IPAddress:
    """An address. One of IPv4 may be printed as a number."""
    return ipaddress.IPv4Address(int(text)) if _NUMBER.match(text) else ipaddress.ip_address(text.partition("%")[0])


def _address(type_: str, leaves: list[str]) -> Address | None:
    address, *rest = leaves
    match type_, rest:
        case "FWP_UINT32", []:
            return lenient(HostAddress, _ip(address))
        case "FWP_BYTE_ARRAY16_TYPE", []:
            return lenient(HostAddress, ipaddress.IPv6Address(address.partition("%")[0]))
        case "FWP_V4_ADDR_MASK", [mask]:
            return lenient(network, ipaddress.IPv4Address(address), int(ipaddress.IPv4Address(mask)))
        case "FWP_V6_ADDR_MASK", [bits]:
            length = _decimal(bits, most=128)
            mask_ = ((1 << length) - 1) << (128 - length)
            return lenient(network, ipaddress.IPv6Address(address.partition("%")[0]), mask_)
        case "FWP_UINT32" | "FWP_BYTE_ARRAY16_TYPE" | "FWP_V4_ADDR_MASK" | "FWP_V6_ADDR_MASK", _:
            raise ValueError("not an address")
    return None


def _ports(first: str, last: str) -> Ports:
    low, high = _decimal(first, most=_LAST_PORT), _decimal(last, most=_LAST_PORT)
    if low > high:
        raise ValueError("not a range")
    return lenient(Ports, low, high)


def _decimal(text: str, *, most: int) -> int:
    if not _NUMBER.match(text) or int(text) > most:
        raise ValueError("not a number of this type")
    return int(text)
