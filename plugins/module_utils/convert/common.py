# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the conversions of all formats share."""

from __future__ import annotations

import ipaddress
import typing as t

from ..blobs import stored_text
from ..model import Address, AddressRange, DnsName, Family, Host, Interface, IPAddress, ModelError, Special, Subnet

_T = t.TypeVar("_T")

ENCRYPTION_IDS: t.Final = {"none": 0, "des": 1, "3des": 3}
INTEGRITY_IDS: t.Final = {"none": 0, "md5": 1, "sha": 2}


def lenient(build: t.Callable[..., _T], *args: t.Any) -> _T:
    """The value, or the odd one where a store breaks the rules for new ones."""
    try:
        return build(*args)
    except ModelError:
        return build(*args, odd=True)


def name_of(ids: t.Mapping[str, int], number: int) -> str:
    """The name of a number, or the number as text where it has none."""
    return next((name for name, known in ids.items() if known == number), str(number))


def number_of(ids: t.Mapping[str, int], name: str) -> int:
    return ids[name] if name in ids else int(name)


def read_ip(data: bytes, version: int) -> IPAddress:
    return ipaddress.IPv4Address(data[:4]) if version == Family.IPV4 else ipaddress.IPv6Address(data)


def located(address: Address) -> Special | Host | Subnet | AddressRange:
    """The address as it goes into a blob: that of a name. Raises `ModelError` for one without address."""
    found = address.address if isinstance(address, DnsName) else address
    if found is None or isinstance(found, Interface):
        raise ModelError(f"{address} has not been looked up on the host")
    return found


def stored_name(address: Address | None) -> str:
    """The DNS name of an address as a text of the store."""
    return stored_text(address.name if isinstance(address, DnsName) else "")
