# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The data of an ipsecNegotiationPolicy object: the offers of quick mode (MS-GPIPSEC 2.2.1.4.1)."""

from __future__ import annotations

import dataclasses
import struct
import typing as t

from .reader import Reader, guid, pack_number

_OFFER = struct.Struct("<5I15I")
_SLOTS = 3


class AlgorithmRecord(t.NamedTuple):
    """One algorithm of an offer: for ESP (type 2) a cipher and a hash, for AH (type 1) a hash and 0."""

    algorithm: int = 0
    integrity: int = 0
    type: int = 0
    key_length: int = 0
    rounds: int = 0


AH: t.Final = 1
ESP: t.Final = 2


class OfferRecord(t.NamedTuple):
    """One security offer, 80 bytes. `pfs` is 1 when used; the specification has it the wrong way round.

    Only the first `algorithm_count` of the three slots mean something; a count of 0 is "allow fallback to unsecured".
    """

    lifetime_seconds: int
    lifetime_kilobytes: int
    options: int
    pfs: int
    algorithm_count: int
    slots: tuple[AlgorithmRecord, ...]

    @classmethod
    def of(
        cls, algorithms: t.Sequence[AlgorithmRecord], seconds: int = 0, kilobytes: int = 0, pfs: int = 0
    ) -> OfferRecord:
        """An offer in today's form: unused slots are zero."""
        slots = (*algorithms, *[AlgorithmRecord()] * (_SLOTS - len(algorithms)))
        return cls(seconds, kilobytes, 0, pfs, len(algorithms), slots)

    @property
    def algorithms(self) -> tuple[AlgorithmRecord, ...]:
        return self.slots[: self.algorithm_count]

    @classmethod
    def unpack(cls, reader: Reader) -> OfferRecord:
        start = reader.offset
        seconds, kilobytes, options, pfs, count, *words = reader.unpack(_OFFER, "a security offer")
        if count > _SLOTS:
            reader.fail(f"an offer of {count} algorithms; at most {_SLOTS} fit", start + 16)
        return cls(
            seconds, kilobytes, options, pfs, count, tuple(AlgorithmRecord(*words[i : i + 5]) for i in range(0, 15, 5))
        )

    def pack(self) -> bytes:
        *head, slots = self
        return _OFFER.pack(*head, *(word for slot in slots for word in slot))


@dataclasses.dataclass(frozen=True, slots=True)
class NegotiationPolicyBlob:
    """The offers in order. Block and permit have none."""

    ID: t.ClassVar[bytes] = guid("80dc20b9-2ec8-11d1-a89e-00a0248d3021")

    offers: tuple[OfferRecord, ...] = ()
    trailing: int = 0

    @classmethod
    def unpack(cls, data: bytes) -> NegotiationPolicyBlob:
        reader = Reader(data, "ipsecNegotiationPolicy data")
        reader.guid(cls.ID, "a negotiation policy")
        length = reader.number("the data length")
        count = reader.number("the number of offers")
        size = count * _OFFER.size
        if length != 4 + size:
            reader.fail(f"the data length is {length}, for {count} offers it must be {4 + size}", 16)
        if reader.left != size + 1:
            reader.fail(f"{count} offers and one byte must follow, {reader.left} bytes do")
        offers = tuple(OfferRecord.unpack(reader) for _i in range(count))
        return cls(offers, reader.last_byte())

    def pack(self) -> bytes:
        offers = b"".join(offer.pack() for offer in self.offers)
        return self.ID + pack_number(4 + len(offers)) + pack_number(len(self.offers)) + offers + bytes([self.trailing])
