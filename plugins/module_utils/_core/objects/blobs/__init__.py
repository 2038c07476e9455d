# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The five ipsecData formats of MS-GPIPSEC 2.2.1: bytes to values and back.

One class for each format, with ``unpack`` and ``pack``; ``X.unpack(b).pack() == b`` for every blob that is accepted.
Values are those of the bytes, in the same order; reserved fields are kept as well. `convert` gives the values their
meaning.

All integers are unsigned, little-endian and 32 bits wide unless stated otherwise. Addresses are bytes, the most
significant first. GUIDs are 16 bytes in wire order. A text is a length in bytes and UTF-16LE characters,
which end with a NUL; a missing text is one NUL.

Two generations of writers, and writers that follow the specification to the letter, differ in lengths and in the byte
that follows a blob. Fields called `trailing` (empty or one byte) and `length_excess` keep the difference; their
defaults are the form that Windows Vista and later write.

Other bytes raise `BlobError`, which has the offset. No count and no length is used before it is checked.
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
from .negotiation_policy import AlgorithmRecord, AlgorithmType, NegotiationPolicyBlob, OfferRecord
from .nfa import AlternateAuthentication, AuthFlag, AuthRecord, AuthType, InterfaceType, NfaBlob
from .policy import PolicyBlob
from .reader import NO_TEXT, BlobError, stored_text, text

__all__ = [
    "NO_TEXT",
    "USE_RANGES",
    "AddressRecord",
    "AddressType",
    "AlgorithmRecord",
    "AlgorithmType",
    "AlternateAuthentication",
    "AuthFlag",
    "AuthRecord",
    "AuthType",
    "BlobError",
    "FilterBlob",
    "FilterRecord",
    "FilterRecordV2",
    "FilterSectionV2",
    "InterfaceType",
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
