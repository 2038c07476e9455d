# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the conversions of all formats share."""

from __future__ import annotations

import ipaddress
import typing as t

from ...model import (
    Address,
    AddressRange,
    DnsName,
    Encryption,
    Family,
    HostAddress,
    Integrity,
    Interface,
    IPAddress,
    ModelError,
    Special,
    Subnet,
)
from ..blobs import stored_text

_T = t.TypeVar("_T")

ENCRYPTION_IDS: t.Final[t.Mapping[str, int]] = {Encryption.NONE: 0, Encryption.DES: 1, Encryption.TRIPLE_DES: 3}
"""The numbers of ciphers. For ESP, the specification has them wrong (2.2.1.4.1)."""
INTEGRITY_IDS: t.Final[t.Mapping[str, int]] = {Integrity.NONE: 0, Integrity.MD5: 1, Integrity.SHA: 2}
"""The numbers of hashes."""


def lenient(build: t.Callable[..., _T], *args: t.Any, **kwargs: t.Any) -> _T:
    """The value, or an odd one where a store breaks the rules for new values."""
    try:
        return build(*args, **kwargs)
    except ModelError:
        return build(*args, **kwargs, odd=True)


def name_of(ids: t.Mapping[str, int], number: int) -> str:
    """The name of a number; the number as text where it has none."""
    return next((name for name, known in ids.items() if known == number), str(number))


def number_of(ids: t.Mapping[str, int], name: str) -> int:
    """The number of `name_of`."""
    return ids[name] if name in ids else int(name)


def read_ip(data: bytes, version: int) -> IPAddress:
    """The address in 4 or 16 bytes, the most significant first. `version` is a `Family`."""
    return ipaddress.IPv4Address(data[:4]) if version == Family.IPV4 else ipaddress.IPv6Address(data)


def located(address: Address) -> Special | HostAddress | Subnet | AddressRange:
    """The address as a blob has it: for a name, its stored address. Raises `ModelError` for a name without one."""
    found = address.address if isinstance(address, DnsName) else address
    if found is None or isinstance(found, Interface):
        raise ModelError(f"{address} has not been looked up on the host")
    return found


def stored_name(address: Address | None) -> str:
    """The DNS name of an address as a text of the store."""
    return stored_text(address.name if isinstance(address, DnsName) else "")
