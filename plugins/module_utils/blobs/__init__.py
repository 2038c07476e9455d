# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The five ipsecData formats of MS-GPIPSEC 2.2.1: bytes to values and back.

One class a format, each with ``unpack`` and ``pack``; ``X.unpack(b).pack() == b`` for every blob that is accepted.
Values are those of the wire, in its order: what a writer left in reserved fields is a field of its own, and two
generations of writer are told apart by ``trailing`` and ``length_excess``. The defaults are today's form. What values
mean is the business of `convert`.

All integers are little-endian; addresses are bytes, the most significant first. A text is kept with the NUL that ends
it; a missing text is one NUL. Bytes that are none of the format raise `BlobError`, which knows the offset; no count or
length is trusted before it fits.
"""

from __future__ import annotations

from .filter import (
    USE_RANGES,
    AddressRecord,
    AddressType,
    FilterBlob,
    FilterRecord,
    FilterRecordV2,
    FilterSectionV2,
    PortRecord,
    PortType,
)
from .isakmp import IsakmpBlob, MainModeRecord
from .negotiation_policy import AH, ESP, AlgorithmRecord, NegotiationPolicyBlob, OfferRecord
from .nfa import AlternateAuthentication, AuthRecord, NfaBlob
from .policy import PolicyBlob
from .reader import NO_TEXT, BlobError, stored_text, text

__all__ = [
    "AH",
    "ESP",
    "NO_TEXT",
    "USE_RANGES",
    "AddressRecord",
    "AddressType",
    "AlgorithmRecord",
    "AlternateAuthentication",
    "AuthRecord",
    "BlobError",
    "FilterBlob",
    "FilterRecord",
    "FilterRecordV2",
    "FilterSectionV2",
    "IsakmpBlob",
    "MainModeRecord",
    "NegotiationPolicyBlob",
    "NfaBlob",
    "OfferRecord",
    "PolicyBlob",
    "PortRecord",
    "PortType",
    "stored_text",
    "text",
]
