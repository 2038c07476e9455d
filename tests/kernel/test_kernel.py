# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The Linux kernel decides about packets as the verdicts do: which filter matches, in which direction, and which of
several filters comes first.
"""

from __future__ import annotations

import collections
import os
import shutil

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks import verdict as verdict_module
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.filter_index import verdicts
from kernel import judge
from unit.mistakes import with_mistake
from unit.packets import LOCAL, Drawer

pytestmark = pytest.mark.judge

PREFIXES = ("me", "me", "any", "any", "special", "host", "host", "subnet")
RANGES = (*PREFIXES, "range", "range", "odd", "odd")
FILTERS = 30
PACKETS = 800


@pytest.fixture(scope="module", autouse=True)
def _programs():
    if os.name != "posix" or os.geteuid() != 0:
        judge.refuse("network namespaces need root")
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program) is None:
            judge.refuse(f"the program {program} is missing (Debian: apt install {package})")


def _case(seed, **kinds):
    """Rules without tunnels, and packets that come in or go out."""
    drawer = Drawer(seed, tunnels=False, **kinds)
    rules = drawer.rules(FILTERS)
    return rules, [drawer.crossing_packet() for _number in range(PACKETS)]


def _asked(load, cases):
    answers = judge.ask([(load(rules, LOCAL), packets) for rules, packets in cases], LOCAL)
    return [(rules, packets, found) for (rules, packets), found in zip(cases, answers, strict=True)]


def _says(found):
    """What a verdict says to the kernel, which takes the stricter filter where the order does not tell."""
    action = found.deciding[0].rule.action.action if found.deciding else "permit"
    return "pass" if action == "permit" else str(action)


def _differences(asked, decide, only_whether_it_passes=False):
    for number, (rules, packets, answers) in enumerate(asked):
        for packet, answer, found in zip(packets, answers, decide(rules, packets), strict=True):
            ours = _says(found)
            if (ours == "pass") is not (answer == "pass") if only_whether_it_passes else ours != answer:
                yield number, packet, ours, answer


def _by_index(rules, packets):
    return verdicts(rules, packets, LOCAL)


MISTAKES = {
    "specificity reversed": ("if own == max(weights)", "if own == min(weights)"),
    "mirror ignored": ("if filter_.mirrored else (one,)", "if False else (one,)"),
    "ties by the laxer action": ("first = max(contenders", "first = min(contenders"),
    "number of ports ignored": ("ports = sum(", "ports = 0 * sum("),
    "protocol ignored": ("int(filter_.protocol != 0), ports", "0, ports"),
    "ports before addresses": ("return addresses, int(", "return ports, addresses, int("),
    "source and destination mixed up": ("_covers(source, packet.source,", "_covers(source, packet.destination,"),
}
OF_RANGES = {
    "the last address of a range": ("int(first) <= int(ip) <= int(last)", "int(first) <= int(ip) < int(last)"),
    "the first port of a range": ("ports.first <= port", "ports.first < port"),
    "a mask that is a prefix": ("int(ip) & mask == int(base)", "int(ip) & mask & -4 == int(base) & -4"),
}


def _not_found(asked, mistakes, **options):
    """The mistakes that the answers of the kernel do not show."""

    def shows(change):
        wrong = with_mistake(verdict_module, change)

        def decide(rules, packets):
            return [wrong.judge(rules, packet, LOCAL) for packet in packets]

        return any(_differences(asked, decide, **options))

    return [name for name, change in mistakes.items() if not shows(change)]


def test_xfrm_decides_the_same():
    asked = _asked(judge.for_xfrm, [_case(seed, kinds=PREFIXES, port_ranges=False) for seed in range(40)])
    answers = collections.Counter(answer for _rules, _packets, found in asked for answer in found)
    assert answers.total() >= 30_000
    assert answers.keys() == {"pass", "block", "negotiate"}, answers
    assert min(answers.values()) > 1000, answers
    assert list(_differences(asked, _by_index)) == []
    assert _not_found(asked, MISTAKES) == []
    # a copy itself makes no difference
    assert _not_found(asked[:5], {"none": ("int(ip) & mask == int(base)", "int(ip) & mask == int(base) ")}) == ["none"]


def test_nftables_decides_the_same_about_ranges_and_odd_masks():
    asked = _asked(judge.for_nftables, [_case(seed, kinds=RANGES) for seed in range(100, 120)])
    answers = collections.Counter(answer == "pass" for _rules, _packets, found in asked for answer in found)
    assert min(answers[True], answers[False]) > 1000, answers
    assert list(_differences(asked, _by_index, only_whether_it_passes=True)) == []
    assert _not_found(asked, OF_RANGES, only_whether_it_passes=True) == []
