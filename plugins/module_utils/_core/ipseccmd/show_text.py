# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Facts as text for people, with the headings of the original ipseccmd: a heading with a count for each kind of thing,
and its fields below.
"""

from __future__ import annotations

import typing as t

from ..hints import printable
from ..host.associations import MAIN_MODE_CLASS, QUICK_MODE_CLASS
from ..host.running import MissingReason
from ..shape.render import Tree

_HEADINGS: t.Final[t.Mapping[str, tuple[str, t.Mapping[str, str]]]] = {
    "policies": ("Policies", {"main_mode": "Main Mode Policies", "quick_mode": "Quick Mode Policies"}),
    "filters": ("Filters", {"main_mode": "Main Mode Filters", "quick_mode": "Quick Mode Filters", "events": "Events"}),
    "auth": ("Authentication", {"methods": "Main Mode Authentication Methods"}),
    "stats": (
        "Statistics",
        {
            "ike": "IKE Statistics",
            "ike_ipv4": "IKE Statistics (IPv4)",
            "ike_ipv6": "IKE Statistics (IPv6)",
            "ipsec": "IPSec Statistics",
            "connections": "IPSec Connection Statistics",
        },
    ),
    "sas": ("Security Associations", {"main_mode": "Main Mode SAs", "quick_mode": "Quick Mode SAs"}),
    "dynamic": ("Dynamic Rules", {"rules": "Rules", "settings": "Settings"}),
}
"""The headings of the parts in their order, and those of what each has."""
_KEYS: t.Final = {MAIN_MODE_CLASS: "main_mode", QUICK_MODE_CLASS: "quick_mode"}
"""The keys of what is missing under another name."""
_WHY: t.Final[t.Mapping[str, str]] = {
    MissingReason.NO_CLASS: "Windows does not have its class",
    MissingReason.NO_PROGRAM: "the program that shows it does not exist",
    MissingReason.ACCESS_DENIED: "access is denied",
    MissingReason.SERVICE_STOPPED: "the service is stopped",
    MissingReason.TOO_OLD: "this Windows is too old",
    MissingReason.TIMED_OUT: "the host did not answer in time",
    MissingReason.FAILED: "reading it failed",
}
_SPELLED: t.Final = {
    **{"id": "ID", "ids": "IDs", "sas": "SAs", "pfs": "PFS", "ah": "AH", "esp": "ESP", "ike": "IKE", "gpo": "GPO"},
    **{"ipsec": "IPsec", "ipv4": "IPv4", "ipv6": "IPv6", "dns": "DNS", "wins": "WINS", "dhcp": "DHCP", "spi": "SPI"},
}
_NOT_BELOW: t.Final = ("missing", "addresses")
_INDENT: t.Final = "  "


def show_text(facts: t.Mapping[str, t.Any]) -> str:
    """The text for the value of `ansible_facts.ipsec`."""
    running: t.Mapping[str, t.Any] = facts.get("running") or {}
    sections = [
        _section("In Force", facts.get("in_force")),
        _section("Service", facts.get("service")),
        _section("Findings", facts.get("findings")),
        _section("Addresses", running.get("addresses")),
    ]
    missing = running.get("missing") or []
    parts = dict.fromkeys([*_HEADINGS, *running, *(item["part"] for item in missing)])
    for part in parts:
        if part not in _NOT_BELOW:
            sections += _part(part, running.get(part), [item for item in missing if item["part"] == part])
    return "\n".join(line for section in sections if section for line in [*section, ""])


def _part(part: str, found: Tree | None, missing: t.Sequence[Tree]) -> t.Iterator[list[str]]:
    """The sections of a part: one for its single values, and one for each thing that it has or that is missing."""
    title, headings = _HEADINGS.get(part, (_label(part), {}))
    rest = {key: value for key, value in (found or {}).items() if key not in headings}
    reasons: dict[str, list[str]] = {key: [] for key in ("", *headings)}
    for item in missing:
        key = _KEYS.get(item["what"]) or item["what"]
        detail = f": {printable(item['detail'])}" if item["detail"] else ""
        name = "" if key in (part, *headings) else f"{_label(key)}: "
        reasons[key if key in headings else ""].append(f"Not available: {name}{_WHY[item['reason']]}{detail}")
    yield _section(title, rest, reasons[""])
    for key, heading in headings.items():
        yield _section(heading, (found or {}).get(key), reasons[key])


def _section(heading: str, value: t.Any, missing: t.Sequence[str] = ()) -> list[str]:
    """A heading, what is below it, and the lines about what is missing there. A list has its count in the heading.
    Nothing for a value that is not known and not missing.
    """
    lines = []
    if isinstance(value, list):
        heading = f"{heading}: {len(value)}"
        lines = [line for item in value for line in [*_block(item), ""]][:-1]
    elif value:
        lines = _block(value)
    elif not missing:
        return []
    lines += missing
    return [heading, "-" * len(heading), *(f"{_INDENT}{line}" if line else "" for line in lines)]


def _block(value: t.Any) -> list[str]:
    """The fields of a dictionary, one below the other; anything else is a single line."""
    if not isinstance(value, dict):
        return [_inline(value)]
    width = max(map(len, map(_label, value)), default=0)
    return [line for key, item in value.items() for line in _field(_label(key).ljust(width), item)]


def _field(label: str, value: t.Any) -> t.Iterator[str]:
    """A field. What has dictionaries in dictionaries gets lines of its own."""
    if _depth(value) > 2:
        yield f"{label} :"
        for item in value if isinstance(value, list) else [value]:
            yield from (f"{_INDENT}{line}" for line in _block(item))
        return
    several = isinstance(value, list) and any(isinstance(item, dict) for item in value)
    texts = [_inline(item) for item in value] if several else [_inline(value)]
    for index, text in enumerate(texts):
        yield f"{label} : {text}" if index == 0 else f"{'':{len(label)}}   {text}"


def _depth(value: t.Any) -> int:
    """How many dictionaries are inside one another."""
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _inline(value: t.Any) -> str:
    """A value in one line, without those of its parts that say nothing."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case list():
            return ("; " if _depth(value) else ", ").join(map(_inline, value)) or "none"
        case dict():
            return ", ".join(_pair(key, item) for key, item in value.items() if _says_something(key, item)) or "none"
    return printable(str(value)) or "none"


def _says_something(key: str, value: t.Any) -> bool:
    """False for defaults. Authentication with a pre-shared key is null in facts."""
    return key == "preshared_key" or not (value is None or value is False or value in ("", [], {}))


def _pair(key: str, value: t.Any) -> str:
    label = _label(key)
    label = label if label.startswith(tuple(_SPELLED.values())) else label[:1].lower() + label[1:]
    if value is True or value is None:
        return label
    return f"{label} ({_inline(value)})" if _depth(value) else f"{label} {_inline(value)}"


def _label(key: str) -> str:
    """A key as people write it: ``quick_mode_limit`` is Quick mode limit."""
    words = " ".join(_SPELLED.get(word, word) for word in key.split("_"))
    return words[:1].upper() + words[1:]
