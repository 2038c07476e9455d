# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Filters as policies of the Linux kernel (XFRM) and as rules of nftables, both of which decide about packets.

Neither weighs filters as Windows does, so each filter gets a priority: its place in the order of weight, then of
strictness. The rest is theirs: which filter matches, in which direction, and which of those that match comes first.
"""

from __future__ import annotations

import ipaddress
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.verdict import (
    Packet,
    applies,
    strictness,
    weight,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import LocalAddresses
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import (
    Action,
    Address,
    AddressRange,
    Family,
    Filter,
    HostAddress,
    Ports,
    Rule,
    Special,
    SpecialKind,
    Subnet,
)

_INSIDE: t.Final = pathlib.Path(__file__).parent / "inside.py"
_XFRM: t.Final = {
    Action.PERMIT: "action allow",
    Action.BLOCK: "action block",
    Action.NEGOTIATE: "action allow tmpl proto esp mode transport",
}
_HIGHEST: t.Final = 1000


class Loaded(t.TypedDict):
    """How filters get into the kernel: commands, and the standard input of the second."""

    flush: list[str]
    load: list[str]
    text: str


def ranked(rules: t.Iterable[Rule]) -> list[tuple[Rule, Filter]]:
    """The filters of rules that apply; the one that decides before others comes first."""
    found = [(rule, filter_) for rule in rules if applies(rule) for filter_ in rule.filters]
    return sorted(found, key=lambda pair: (weight(pair[1]), strictness(pair[0])), reverse=True)


def for_xfrm(rules: t.Iterable[Rule], local: LocalAddresses) -> Loaded:
    """XFRM takes one port, prefixes, and each selector once in a direction; the first one counts."""
    policies: dict[str, str] = {}
    for rank, (rule, filter_) in enumerate(ranked(rules)):
        rest = f"priority {_HIGHEST + rank} {_XFRM[rule.action.action]}"
        for source, source_port, destination, destination_port in _directions(filter_):
            protocol = f" proto {filter_.protocol}" if filter_.protocol else ""
            ports = "".join(
                f" {key} {port.first}" for key, port in (("sport", source_port), ("dport", destination_port)) if port
            )
            for one, other in _pairs(_prefixes(source, local), _prefixes(destination, local)):
                for direction in ("in", "out"):
                    policies.setdefault(f"src {one} dst {other}{protocol}{ports} dir {direction}", rest)
    text = "".join(f"xfrm policy add {selector} {rest}\n" for selector, rest in policies.items())
    flush = ["sh", "-c", "ip xfrm policy flush; ip xfrm state flush"]
    return {"flush": flush, "load": ["ip", "-batch", "-"], "text": text}


def for_nftables(rules: t.Iterable[Rule], local: LocalAddresses) -> Loaded:
    """nftables has ranges and all masks, but only two answers."""
    lines = []
    for rule, filter_ in ranked(rules):
        answer = "accept" if rule.action.action is Action.PERMIT else "drop"
        for source, source_port, destination, destination_port in _directions(filter_):
            protocol = f"meta l4proto {filter_.protocol} " if filter_.protocol else ""
            ports = "".join(
                f"th {key} {port.first}-{port.last} "
                for key, port in (("sport", source_port), ("dport", destination_port))
                if port
            )
            for one, other in _pairs(_matches("saddr", source, local), _matches("daddr", destination, local)):
                lines.append(f"{one} {other} {protocol}{ports}{answer}")
    chains = [
        "\n".join([f"chain {hook} {{", f"type filter hook {hook} priority 0; policy accept;", *lines, "}"])
        for hook in ("input", "output")
    ]
    text = "\n".join(["table inet judge {", *chains, "}", ""])
    return {"flush": ["nft", "flush", "ruleset"], "load": ["nft", "-f", "-"], "text": text}


def ask(lists: t.Iterable[tuple[Loaded, t.Sequence[Packet]]], local: LocalAddresses) -> list[list[str]]:
    """The answers of the kernel about the packets of each list, from a new network namespace."""
    asked = {
        "own": sorted(map(str, local.of(SpecialKind.ME))),
        "lists": [{**loaded, "packets": [_shown(packet) for packet in packets]} for loaded, packets in lists],
    }
    namespace = f"ipsecjudge-{os.getpid()}"
    added = subprocess.run(["ip", "netns", "add", namespace], capture_output=True, text=True, check=False)
    if added.returncode:
        refuse(f"a network namespace cannot be made here ({added.stderr.strip()})")
    try:
        done = subprocess.run(
            ["ip", "netns", "exec", namespace, sys.executable, str(_INSIDE)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
            timeout=250,
        )
    finally:
        subprocess.run(["ip", "netns", "delete", namespace], check=True)
    assert done.returncode == 0, done.stderr
    return t.cast("list[list[str]]", json.loads(done.stdout))


def refuse(missing: str) -> t.NoReturn:
    """Skip a test that cannot run here. In CI it fails."""
    if os.environ.get("CI"):
        pytest.fail(f"{missing}, and CI must compare with the kernel")
    pytest.skip(f"{missing}: nothing is compared with the kernel")


def _shown(packet: Packet) -> list[object]:
    ends = (packet.source, packet.source_port, packet.destination, packet.destination_port)
    return [packet.protocol, *(end if isinstance(end, int) else str(end) for end in ends)]


def _directions(filter_: Filter) -> t.Iterator[tuple[Address, Ports | None, Address, Ports | None]]:
    yield filter_.source, filter_.source_port, filter_.destination, filter_.destination_port
    if filter_.mirrored:
        yield filter_.destination, filter_.destination_port, filter_.source, filter_.source_port


def _known(address: Special, local: LocalAddresses) -> list[str]:
    """The addresses that a special address stands for."""
    version = 4 if address.family is Family.IPV4 else 6
    return [str(ip) for ip in local.of(address.kind) if ip.version == version]


def _prefixes(address: Address, local: LocalAddresses) -> list[str]:
    match address:
        case Special(SpecialKind.ANY, family):
            return ["0.0.0.0/0" if family is Family.IPV4 else "::/0"]
        case Special():
            return _known(address, local)
        case HostAddress(host):
            return [str(host)]
        case Subnet():
            return [str(address)]
    raise AssertionError(address)


def _matches(key: str, address: Address, local: LocalAddresses) -> list[str]:
    family = "ip" if address.family is Family.IPV4 else "ip6"
    match address:
        case Special(SpecialKind.ANY):
            return ["meta nfproto ipv4" if family == "ip" else "meta nfproto ipv6"]
        case Special():
            return [f"{family} {key} {known}" for known in _known(address, local)]
        case Subnet(base, mask) if not address.contiguous:
            return [f"{family} {key} & {ipaddress.ip_address(mask)} == {base}"]
        case HostAddress() | Subnet() | AddressRange():
            return [f"{family} {key} {address}"]
    raise AssertionError(address)


def _pairs(one: t.Iterable[str], other: t.Sequence[str]) -> t.Iterator[tuple[str, str]]:
    return ((first, second) for first in one for second in other)
