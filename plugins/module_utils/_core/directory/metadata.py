# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""When each attribute of an object was changed: replPropertyMetaData (MS-ADTS 3.1.1.1.9, MS-DRDM 2.4.3)."""

from __future__ import annotations

import struct
import typing as t

from ..store.names import ACTION, FILTERS, ISAKMP, NFAS
from .errors import DirectoryError

METADATA: t.Final = "replPropertyMetaData"
ATTRIBUTE_IDS: t.Final = {ISAKMP: 0x90272, NFAS: 0x90273, ACTION: 0x90274, FILTERS: 0x90275}
"""The numbers of attributes: 1.2.840.113556.1.4 is 9, and the last part of the object identifier follows."""

_HEADER: t.Final = struct.Struct("<IIII")
_ENTRY: t.Final = struct.Struct("<IIQ16sQQ")
_VERSION: t.Final = 1


def parse_metadata(data: bytes) -> dict[str, int]:
    """The update sequence number of the last change of each reference, by its name, on the server that answered.

    Raises `DirectoryError`.
    """
    if len(data) < _HEADER.size:
        raise DirectoryError(f"{METADATA} is too short")
    version, _reserved, count, _reserved = _HEADER.unpack_from(data)
    if version != _VERSION or len(data) != _HEADER.size + count * _ENTRY.size:
        raise DirectoryError(f"{METADATA} has an unknown form")
    usns = {entry[0]: entry[-1] for entry in _ENTRY.iter_unpack(data[_HEADER.size :])}
    return {name: usns[number] for name, number in ATTRIBUTE_IDS.items() if number in usns}
