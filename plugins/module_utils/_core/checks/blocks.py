# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Addresses and ports as blocks: a block has the numbers that agree with its value in the bits of its mask."""

from __future__ import annotations

import typing as t

from ..model import AddressRange, HostAddress, Ports, Subnet

PORT_BITS: t.Final = 16
ADDRESS_BITS: t.Final = {4: 32, 6: 128}


class NumberBlock(t.NamedTuple):
    """The numbers whose bits under `mask` are `value`."""

    value: int
    mask: int


def address_blocks(address: HostAddress | Subnet | AddressRange, version: int) -> list[NumberBlock]:
    """The addresses of one IP version as blocks."""
    bits = ADDRESS_BITS[version]
    full = (1 << bits) - 1
    match address:
        case HostAddress(host):
            return [NumberBlock(int(host), full)] if host.version == version else []
        case Subnet(base, mask):
            return [NumberBlock(int(base), mask)] if base.version == version else []
        case AddressRange(first, last):
            return aligned(int(first), int(last), bits) if first.version == version else []


def port_blocks(ports: Ports | None) -> list[NumberBlock]:
    if ports is None:
        return [NumberBlock(0, 0)]
    # a store may hold ports that no packet has
    return aligned(ports.first, min(ports.last, (1 << PORT_BITS) - 1), PORT_BITS)


def aligned(first: int, last: int, bits: int) -> list[NumberBlock]:
    """The numbers from `first` to `last`, of so many bits, as the fewest blocks whose masks are prefixes."""
    full = (1 << bits) - 1
    found = []
    while first <= last:
        # the largest block that starts here and does not go beyond the end
        size = min(first & -first or full + 1, 1 << ((last - first + 1).bit_length() - 1))
        found.append(NumberBlock(first, full & ~(size - 1)))
        first += size
    return found


def overlap(one: NumberBlock, other: NumberBlock) -> bool:
    """Whether some number is in both blocks."""
    return not (one.value ^ other.value) & one.mask & other.mask


def cover(blocks: t.Sequence[NumberBlock]) -> NumberBlock:
    """A block with all numbers of these blocks, and perhaps others."""
    first = blocks[0]
    mask = first.mask
    for block in blocks:
        mask &= block.mask & ~(first.value ^ block.value)
    return NumberBlock(first.value & mask, mask)
