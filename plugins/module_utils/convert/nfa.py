# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What an NFA says beside its references: authentication, connection type, tunnel."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from .. import blobs
from ..model import (
    CONNECTION_TYPES,
    AuthMethod,
    Certificate,
    DnsName,
    Host,
    Kerberos,
    ModelError,
    OtherAuthentication,
    PresharedKey,
)
from .common import lenient, located, name_of, number_of, read_ip, stored_name

_INTERFACE_TYPES: t.Final = dict(
    zip(CONNECTION_TYPES, (blobs.NfaBlob.ALL, blobs.NfaBlob.LAN, blobs.NfaBlob.DIALUP), strict=True)
)


def read_authentication(blob: blobs.NfaBlob) -> tuple[AuthMethod, ...]:
    """The methods that today's Windows goes by: those of the alternate section, where there is one."""
    if blob.alternate is None or not blob.alternate.methods:
        return tuple(_read_auth_method(record, 0) for record in blob.methods)
    flags = blob.alternate.flags or (0,) * len(blob.alternate.methods)
    return tuple(map(_read_auth_method, blob.alternate.methods, flags))


def _read_auth_method(record: blobs.AuthRecord, flags: int) -> AuthMethod:
    if record.type == blobs.AuthRecord.KERBEROS:
        return Kerberos()
    if record.type in (blobs.AuthRecord.PRESHARED_KEY, blobs.AuthRecord.CERTIFICATE) and len(record.data) % 2 == 0:
        text = blobs.text(record.data.decode("utf-16-le", "surrogatepass"))
        if record.type == blobs.AuthRecord.PRESHARED_KEY:
            return lenient(PresharedKey, text)
        mapping = bool(flags & blobs.AlternateAuthentication.MAP_TO_ACCOUNT)
        exclude = bool(flags & blobs.AlternateAuthentication.EXCLUDE_CA_NAME)
        return lenient(Certificate, text, mapping, exclude)
    return OtherAuthentication(record.type, record.data)


def write_auth_method(method: AuthMethod) -> blobs.AuthRecord:
    match method:
        case Kerberos():
            return blobs.AuthRecord(blobs.AuthRecord.KERBEROS, bytes(2))
        case PresharedKey(str() as key):
            return blobs.AuthRecord(
                blobs.AuthRecord.PRESHARED_KEY, blobs.stored_text(key).encode("utf-16-le", "surrogatepass")
            )
        case Certificate(ca):
            return blobs.AuthRecord(
                blobs.AuthRecord.CERTIFICATE, blobs.stored_text(ca).encode("utf-16-le", "surrogatepass")
            )
        case OtherAuthentication(type_, bytes() as data):
            return blobs.AuthRecord(type_, data)
    raise ModelError(f"{method!r} stands for a stored value and none was found")


def write_authentication(blob: blobs.NfaBlob, methods: tuple[AuthMethod, ...]) -> blobs.NfaBlob:
    """`blob` with these methods. The alternate section goes when they change: nobody has seen a key or a certificate in
    one.
    """
    if read_authentication(blob) == methods:
        return blob
    return dataclasses.replace(blob, methods=tuple(write_auth_method(m) for m in methods), alternate=None)


def read_connection_type(blob: blobs.NfaBlob) -> str:
    return name_of(_INTERFACE_TYPES, blob.interface_type)


def write_connection_type(name: str) -> int:
    return number_of(_INTERFACE_TYPES, name)


def read_tunnel(blob: blobs.NfaBlob) -> Host | DnsName | None:
    if not blob.is_tunnel:
        return None
    endpoint = lenient(Host, read_ip(blob.ipv6_tunnel, 2) if blob.ipv6_tunnel else ipaddress.IPv4Address(blob.tunnel))
    name = blobs.text(blob.tunnel_name)
    return lenient(DnsName, name, endpoint) if name else endpoint


def write_tunnel(blob: blobs.NfaBlob, tunnel: Host | DnsName | None) -> blobs.NfaBlob:
    """`blob` with this tunnel endpoint, or without one."""
    if read_tunnel(blob) == tunnel:
        return blob
    if tunnel is None:
        return dataclasses.replace(blob, is_tunnel=0, tunnel=bytes(4), ipv6_tunnel=None, tunnel_name=blobs.NO_TEXT)
    address = t.cast(Host, located(tunnel)).address
    return dataclasses.replace(
        blob,
        is_tunnel=1,
        tunnel=address.packed if address.version == 4 else bytes(4),
        ipv6_tunnel=address.packed if address.version == 6 else None,
        tunnel_name=stored_name(tunnel),
    )
