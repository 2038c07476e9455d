# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The data of an NFA: authentication, connection type, tunnel (MS-GPIPSEC 2.2.1.3.1)."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ...model import (
    AuthMethod,
    Certificate,
    ConnectionType,
    DnsName,
    Family,
    HostAddress,
    Kerberos,
    ModelError,
    OtherAuthentication,
    PresharedKey,
)
from .. import blobs
from .common import lenient, located, name_of, number_of, read_ip, stored_name

_INTERFACE_TYPES: t.Final[t.Mapping[str, int]] = {
    ConnectionType.ALL: blobs.InterfaceType.ALL,
    ConnectionType.LAN: blobs.InterfaceType.LAN,
    ConnectionType.DIALUP: blobs.InterfaceType.DIALUP,
}


def read_authentication(blob: blobs.NfaBlob) -> tuple[AuthMethod, ...]:
    """The methods that today's Windows uses: those of the alternate section where there is one."""
    if blob.alternate is None or not blob.alternate.methods:
        return tuple(_read_auth_method(record, 0) for record in blob.methods)
    flags = blob.alternate.flags or (0,) * len(blob.alternate.methods)
    return tuple(map(_read_auth_method, blob.alternate.methods, flags))


def _read_auth_method(record: blobs.AuthRecord, flags: int) -> AuthMethod:
    if record.type == blobs.AuthType.KERBEROS:
        return Kerberos()
    if record.type in (blobs.AuthType.PRESHARED_KEY, blobs.AuthType.CERTIFICATE) and len(record.data) % 2 == 0:
        text = blobs.text(record.data.decode("utf-16-le", "surrogatepass"))
        if record.type == blobs.AuthType.PRESHARED_KEY:
            return lenient(PresharedKey, text)
        mapping = bool(flags & blobs.AuthFlag.MAP_TO_ACCOUNT)
        exclude = bool(flags & blobs.AuthFlag.EXCLUDE_CA_NAME)
        return lenient(Certificate, ca=text, account_mapping=mapping, exclude_ca_name=exclude)
    return OtherAuthentication(record.type, record.data)


def write_auth_method(method: AuthMethod) -> blobs.AuthRecord:
    """The record of a method. Raises `ModelError` for a method with a stored value."""
    match method:
        case Kerberos():
            return blobs.AuthRecord(blobs.AuthType.KERBEROS, bytes(2))
        case PresharedKey(str() as key):
            return blobs.AuthRecord(
                blobs.AuthType.PRESHARED_KEY, blobs.stored_text(key).encode("utf-16-le", "surrogatepass")
            )
        case Certificate(ca=ca):
            return blobs.AuthRecord(
                blobs.AuthType.CERTIFICATE, blobs.stored_text(ca).encode("utf-16-le", "surrogatepass")
            )
        case OtherAuthentication(type_, bytes() as data):
            return blobs.AuthRecord(type_, data)
    raise ModelError(f"{method!r} needs a stored value, but none is stored")


def write_authentication(blob: blobs.NfaBlob, methods: tuple[AuthMethod, ...]) -> blobs.NfaBlob:
    """`blob` with these methods.

    When they change, the alternate section is removed: no sample of it with keys or certificates is known, and every
    Windows reads a blob without it.
    """
    if read_authentication(blob) == methods:
        return blob
    return dataclasses.replace(blob, methods=tuple(write_auth_method(m) for m in methods), alternate=None)


def read_connection_type(blob: blobs.NfaBlob) -> str:
    """A `ConnectionType`, or an unknown number as text."""
    return name_of(_INTERFACE_TYPES, blob.interface_type)


def write_connection_type(name: str) -> int:
    """The number of `read_connection_type`."""
    return number_of(_INTERFACE_TYPES, name)


def read_tunnel(blob: blobs.NfaBlob) -> HostAddress | DnsName | None:
    """The tunnel endpoint; None for a rule without a tunnel."""
    if not blob.is_tunnel:
        return None
    endpoint = lenient(
        HostAddress, read_ip(blob.ipv6_tunnel, Family.IPV6) if blob.ipv6_tunnel else ipaddress.IPv4Address(blob.tunnel)
    )
    name = blobs.text(blob.tunnel_name)
    return lenient(DnsName, name, endpoint) if name else endpoint


def write_tunnel(blob: blobs.NfaBlob, tunnel: HostAddress | DnsName | None) -> blobs.NfaBlob:
    """`blob` with this tunnel endpoint, or without a tunnel. Raises `ModelError` for a name without an address."""
    if read_tunnel(blob) == tunnel:
        return blob
    if tunnel is None:
        return dataclasses.replace(blob, is_tunnel=0, tunnel=bytes(4), ipv6_tunnel=None, tunnel_name=blobs.NO_TEXT)
    address = t.cast(HostAddress, located(tunnel)).address
    return dataclasses.replace(
        blob,
        is_tunnel=1,
        tunnel=address.packed if address.version == 4 else bytes(4),
        ipv6_tunnel=address.packed if address.version == 6 else None,
        tunnel_name=stored_name(tunnel),
    )
