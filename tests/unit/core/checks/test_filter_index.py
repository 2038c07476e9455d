# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The index of filters gives the same answers as comparing a packet with each filter."""

from __future__ import annotations

import collections
import importlib.util
import inspect
import ipaddress
import sys

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks import blocks, filter_index
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.filter_index import FilterIndex, verdicts
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.verdict import Packet, VerdictOutcome, judge
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import LocalAddresses
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import (
    ANY,
    ME,
    TCP,
    Action,
    AddressRange,
    Family,
    Filter,
    HostAddress,
    NegotiationPolicy,
    Ports,
    Rule,
    Special,
    SpecialKind,
    Subnet,
)
from hypothesis import given
from hypothesis import strategies as st
from unit import strategies
from unit.packets import LOCAL, Drawer

FILTERS = 50
PACKETS = 100
BLOCK = NegotiationPolicy(action=Action.BLOCK)
PERMIT = NegotiationPolicy(action=Action.PERMIT)


def _same(index, rules, packet):
    ours, plain = index.judge(packet), judge(rules, packet, LOCAL)
    same_filters = all(
        one.filter is other.filter and one.rule is other.rule
        for one, other in zip(ours.deciding, plain.deciding, strict=False)
    )
    return ours == plain and same_filters


@pytest.mark.parametrize("part", range(10))
def test_same_answers_as_the_plain_loop(part):
    """All parts together have 100,000 packets, each part lists of its own."""
    outcomes = collections.Counter()
    for seed in range(part * 100, (part + 1) * 100):
        drawer = Drawer(seed)
        rules = drawer.rules(FILTERS)
        index = FilterIndex(rules, LOCAL)
        for _number in range(PACKETS):
            packet = drawer.packet()
            assert _same(index, rules, packet), (seed, packet)
            verdict = index.judge(packet)
            outcomes[verdict.outcome if verdict.deciding else "no filter"] += 1
    assert outcomes.total() == 10_000
    # the packets do not miss the filters
    assert all(outcomes[found] > 200 for found in VerdictOutcome), outcomes
    assert outcomes["no filter"] < 8000, outcomes


MISTAKES = {
    "specificity reversed": ("if rank < best:\n                break", "if rank > best >= 0:\n                break"),
    "a less specific filter of the same block": ("-entry.rank, entry.place", "entry.rank, entry.place"),
    "the last of equal filters": ("-entry.rank, entry.place", "-entry.rank, -entry.place"),
    "mirror ignored": ("in directions(filter_):", "in directions(filter_)[:1]:"),
    "protocol ignored": ("(1 << _PROTOCOL_BITS) - 1 if filter_.protocol else 0)", "0)"),
    "ports ignored": ("port_blocks(source_port), port_blocks(", "port_blocks(None), port_blocks("),
    "special addresses ignored": ("flag = _FLAGS.get(kind, 0)", "flag = 0"),
    "the other family": ("Family.IPV4 if self._version == 4", "Family.IPV4 if self._version == 6"),
    "tunnels like others": ("match.rule.tunnel is None]", "match.rule.tunnel is match.rule.tunnel]"),
    "tunnels left out": ("match.rule.tunnel is not None]", "match.rule.tunnel is False]"),
    "rules that do not apply": ("for rule in rules if applies(rule)", "for rule in rules"),
    "blocks that are too wide": ("entry.check is None or matches(", "True or matches("),
    "key exchange": ("if packet.exchanges_keys:", "if False:"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_index_is_found(mistake):
    right, wrong = MISTAKES[mistake]
    source = inspect.getsource(filter_index)
    assert right in source
    spec = importlib.util.spec_from_loader(f"{filter_index.__package__}.wrong_index", loader=None)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        exec(source.replace(right, wrong).replace("_BLOCKS_LIMIT: t.Final = 1000", "_BLOCKS_LIMIT = 20"), vars(module))
    finally:
        del sys.modules[spec.name]
    for seed in range(100):
        drawer = Drawer(seed)
        rules = drawer.rules(FILTERS)
        index = module.FilterIndex(rules, LOCAL)
        if not all(_same(index, rules, drawer.packet()) for _number in range(PACKETS)):
            return
    pytest.fail("no packet shows the mistake")


def _packet(source="198.51.100.9", port=443, destination="192.0.2.1"):
    return Packet(
        protocol=TCP,
        source=ipaddress.ip_address(source),
        source_port=50000,
        destination=ipaddress.ip_address(destination),
        destination_port=port,
    )


def _range(first, last):
    return AddressRange(ipaddress.ip_address(first), ipaddress.ip_address(last))


def test_a_filter_that_would_have_millions_of_blocks_takes_few():
    filter_ = Filter(
        source=_range("2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe"),
        destination=_range("2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe"),
        source_port=Ports(2, 65534),
        destination_port=Ports(1, 65534),
        protocol=TCP,
        mirrored=True,
    )
    rules = [Rule(name="R", filters=(filter_,), action=BLOCK)]
    index = FilterIndex(rules, LocalAddresses())
    count = sum(
        len(values)
        for family in index._families.values()
        for tables in family._spaces
        for _rank, _mask, table in tables
        for services in table.values()
        for _service_rank, _service_mask, values in services
    )
    assert count <= 2 * filter_index._BLOCKS_LIMIT
    for source, destination, port in [
        ("2001:db8::1", "2001:db8::2", 443),
        ("2001:db8::", "2001:db8::2", 443),
        ("2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 443),
        ("2001:db8::1", "2001:db8::2", 65535),
    ]:
        packet = _packet(source, port, destination)
        assert index.judge(packet) == judge(rules, packet, LocalAddresses())
    assert index.judge(_packet("2001:db8::1", 443, "2001:db8::2")).outcome is VerdictOutcome.BLOCK
    assert index.judge(_packet("2001:db8::", 443, "2001:db8::2")).outcome is VerdictOutcome.PERMIT


def test_thousands_of_equal_filters_do_not_make_a_packet_slow():
    filter_ = Filter(source=ANY, destination=ME, mirrored=True)
    rules = [
        Rule(name=f"{number}", filters=(filter_,), action=BLOCK if number % 2 else PERMIT) for number in range(3000)
    ]
    index = FilterIndex(rules, LOCAL)
    ((_rank, _mask, table), *_others) = index._families[4]._spaces[0]
    assert [
        len(entries)
        for services in table.values()
        for *_first, of_services in services
        for entries in of_services.values()
    ] == [2]
    verdict = index.judge(_packet())
    assert (verdict.outcome, [match.rule.name for match in verdict.deciding]) == (VerdictOutcome.AMBIGUOUS, ["1", "0"])


@pytest.mark.parametrize(
    "filter_",
    [
        Filter(
            source=Special(SpecialKind.ANY, Family.BOTH), destination=Special(SpecialKind.ME, Family.BOTH), odd=True
        ),
        Filter(source=ANY, destination=Special(SpecialKind.ME, Family.IPV6), odd=True),
        Filter(source=ANY, destination=ME, protocol=TCP + 256, odd=True),
        Filter(source=ANY, destination=ME, protocol=TCP, destination_port=Ports(99999, 1, odd=True)),
        Filter(source=ANY, destination=ME, protocol=TCP, destination_port=Ports(0, 99999, odd=True)),
        Filter(source=AddressRange(*map(ipaddress.ip_address, ("198.51.100.9", "10.0.0.1")), odd=True), destination=ME),
        Filter(source=HostAddress(ipaddress.ip_address("0.0.0.0"), odd=True), destination=ME),
        Filter(source=Subnet(ipaddress.ip_address("198.0.0.9"), 0xFF0000FF, odd=True), destination=ME),
    ],
    ids=str,
)
def test_filters_that_only_stores_hold(filter_):
    rules = [Rule(name="R", filters=(filter_,), action=BLOCK, odd=True)]
    index = FilterIndex(rules, LOCAL)
    for source in ("198.51.100.9", "0.0.0.0", "10.0.0.1", "255.255.255.255", "192.0.2.1"):
        for port in (0, 443, 65535):
            assert _same(index, rules, _packet(source, port))
    assert _same(index, rules, _packet("2001:db8::9", 443, "2001:db8::1"))


@pytest.mark.parametrize("count", [1, filter_index._FEW, filter_index._FEW + 1, 50])
def test_verdicts_about_few_and_many_packets(count):
    drawer = Drawer(7)
    rules = drawer.rules(FILTERS)
    packets = [drawer.packet() for _number in range(count)]
    assert verdicts(rules, packets, LOCAL) == [judge(rules, packet, LOCAL) for packet in packets]


@given(st.lists(strategies.filters(), min_size=1, max_size=6), st.data())
def test_any_filters(filters, data):
    """Filters with addresses from everywhere, and packets from and to the borders of their addresses."""
    rules = [
        Rule(name=f"{number}", filters=(filter_,), action=(BLOCK, PERMIT)[number % 2])
        for number, filter_ in enumerate(filters)
    ]
    index = FilterIndex(rules, LOCAL)
    ends = {4: [ipaddress.ip_address("192.0.2.1")], 6: [ipaddress.ip_address("2001:db8::1")]}
    for filter_ in filters:
        for end in (filter_.source, filter_.destination):
            for version in (4, 6):
                for block in _blocks_of(end, version):
                    full = (1 << blocks.ADDRESS_BITS[version]) - 1
                    build = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
                    for number in (block.value - 1, block.value, block.value | full & ~block.mask):
                        ends[version].append(build(number & full))
    ports = sorted(
        {
            number
            for filter_ in filters
            for span in (filter_.source_port, filter_.destination_port)
            if span
            for number in (span.first - 1, span.first, span.last, min(span.last + 1, 65535))
        }
        | {80}
    )
    for _number in range(10):
        version = data.draw(st.sampled_from([4, 6]))
        packet = Packet(
            protocol=data.draw(st.sampled_from([filter_.protocol for filter_ in filters])),
            source=data.draw(st.sampled_from(ends[version])),
            source_port=data.draw(st.sampled_from(ports)),
            destination=data.draw(st.sampled_from(ends[version])),
            destination_port=data.draw(st.sampled_from(ports)),
        )
        assert _same(index, rules, packet), packet


def _blocks_of(end, version):
    known = getattr(end, "address", None) if type(end).__name__ == "DnsName" else end
    return [] if known is None or isinstance(known, Special) else blocks.address_blocks(known, version)


@given(st.integers(0, 70), st.integers(0, 70))
def test_aligned_blocks_are_the_numbers_of_the_range(first, last):
    found = blocks.aligned(first, last, 8)
    assert [number for number in range(256) if first <= number <= last] == sorted(
        number for block in found for number in range(256) if number & block.mask == block.value
    )
    assert len(found) <= 14
    if found:
        wide = blocks.cover(found)
        assert all(number & wide.mask == wide.value for number in range(first, last + 1))


def test_aligned_blocks_of_everything():
    assert blocks.aligned(0, 255, 8) == [blocks.NumberBlock(0, 0)]
    assert blocks.aligned(5, 5, 8) == [blocks.NumberBlock(5, 255)]


@given(*[st.builds(lambda value, mask: blocks.NumberBlock(value & mask, mask), *[st.integers(0, 31)] * 2)] * 2)
def test_blocks_overlap_if_they_have_a_number_in_common(one, other):
    common = [n for n in range(32) if n & one.mask == one.value and n & other.mask == other.value]
    assert blocks.overlap(one, other) is bool(common)
