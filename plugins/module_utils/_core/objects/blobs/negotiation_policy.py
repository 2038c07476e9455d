# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The data of an ipsecNegotiationPolicy object: the offers of quick mode (MS-GPIPSEC 2.2.1.4.1)."""

from __future__ import annotations

import dataclasses
import enum
import struct
import typing as t

from .reader import Reader, guid, pack_number

_OFFER: t.Final = struct.Struct("<5I15I")
_SLOTS: t.Final = 3


class AlgorithmType(enum.IntEnum):
    """The types of algorithms (2.2.1.4.1, Algorithm-Offer-Data)."""

    AH = 1
    ESP = 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmRecord:
    """One algorithm of an offer, 20 bytes (2.2.1.4.1, Algorithm-Offer-Data): for ESP a cipher and a hash, for AH a hash
    and 0.
    """

    algorithm: int = 0
    integrity: int = 0
    type: int = 0
    key_length: int = 0
    rounds: int = 0

    def words(self) -> tuple[int, int, int, int, int]:
        """The five numbers in wire order (2.2.1.4.1, Algorithm-Offer-Data)."""
        return self.algorithm, self.integrity, self.type, self.key_length, self.rounds


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OfferRecord:
    """One security offer, 80 bytes (2.2.1.4.1, Security-Offer-Data). Lifetimes are in seconds and kilobytes; 0 is
    Windows' own default.

    `pfs` is 1 when used: the specification has it the wrong way round. Only the first `algorithm_count` of the three
    slots have a meaning; a count of 0 is "allow fallback to unsecured communication".
    """

    lifetime_seconds: int
    lifetime_kilobytes: int
    options: int = 0
    pfs: int
    algorithm_count: int
    slots: tuple[AlgorithmRecord, ...]

    @classmethod
    def of(
        cls, algorithms: t.Sequence[AlgorithmRecord], *, seconds: int = 0, kilobytes: int = 0, pfs: int = 0
    ) -> OfferRecord:
        """An offer of up to three algorithms (2.2.1.4.1) in today's form, in which unused slots are zero."""
        return cls(
            lifetime_seconds=seconds,
            lifetime_kilobytes=kilobytes,
            pfs=pfs,
            algorithm_count=len(algorithms),
            slots=(*algorithms, *[AlgorithmRecord()] * (_SLOTS - len(algorithms))),
        )

    @property
    def algorithms(self) -> tuple[AlgorithmRecord, ...]:
        """The algorithms that have a meaning (2.2.1.4.1, Algorithm-Offer-Count)."""
        return self.slots[: self.algorithm_count]

    @classmethod
    def unpack(cls, reader: Reader) -> OfferRecord:
        """The offer at the reader's position (2.2.1.4.1, Security-Offer-Data). Raises `BlobError`."""
        start = reader.offset
        seconds, kilobytes, options, pfs, count, *words = reader.unpack(_OFFER, "a security offer")
        if count > _SLOTS:
            reader.fail(f"an offer has {count} algorithms, but at most {_SLOTS} fit", start + 16)
        names = ("algorithm", "integrity", "type", "key_length", "rounds")
        slots = [dict(zip(names, words[i : i + 5], strict=True)) for i in range(0, 15, 5)]
        return cls(
            lifetime_seconds=seconds,
            lifetime_kilobytes=kilobytes,
            options=options,
            pfs=pfs,
            algorithm_count=count,
            slots=tuple(AlgorithmRecord(**slot) for slot in slots),
        )

    def pack(self) -> bytes:
        """The 80 bytes of the offer (2.2.1.4.1). Raises `struct.error` for a number above 32 bits."""
        head = (self.lifetime_seconds, self.lifetime_kilobytes, self.options, self.pfs, self.algorithm_count)
        return _OFFER.pack(*head, *(word for slot in self.slots for word in slot.words()))


@dataclasses.dataclass(frozen=True, slots=True)
class NegotiationPolicyBlob:
    """The offers in order (2.2.1.4.1). Block and permit have none.

    Layout: GUID, length, number of offers, offers of 80 bytes, trailing byte.
    """

    ID: t.ClassVar[bytes] = guid("80dc20b9-2ec8-11d1-a89e-00a0248d3021")

    offers: tuple[OfferRecord, ...] = ()
    trailing: bytes = b"\0"

    @classmethod
    def unpack(cls, data: bytes) -> NegotiationPolicyBlob:
        """The value of the bytes of ipsecData (2.2.1.4.1). Raises `BlobError`."""
        reader = Reader(data, "ipsecNegotiationPolicy data")
        reader.guid(cls.ID, "a negotiation policy")
        length = reader.number("the data length")
        count = reader.number("the number of offers")
        size = count * _OFFER.size
        if length != 4 + size:
            reader.fail(f"the data length is {length}, but must be {4 + size} for {count} offers", 16)
        if reader.left not in (size, size + 1):
            reader.fail(f"{reader.left} bytes follow, but the offer count {count} needs {size}")
        return cls(tuple(OfferRecord.unpack(reader) for _i in range(count)), reader.trailing())

    def pack(self) -> bytes:
        """The bytes of ipsecData (2.2.1.4.1). Raises `struct.error` for a number above 32 bits."""
        offers = b"".join(offer.pack() for offer in self.offers)
        return self.ID + pack_number(4 + len(offers)) + pack_number(len(self.offers)) + offers + self.trailing
