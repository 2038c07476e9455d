# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Requests to a directory as bytes (RFC 4511, 4), made of the ASN.1 values, filters and controls of sansldap. The
library itself has no requests that write.
"""

from __future__ import annotations

import typing as t

from ..module_utils._core.directory.ldap import AddEntry, Attribute, DeleteEntry, ModifyEntry, Search, Write

if t.TYPE_CHECKING:
    import sansldap
    from sansldap.asn1 import ASN1Tag, ASN1Writer

PAGING: t.Final = "1.2.840.113556.1.4.319"
PAGE: t.Final = 500
"""How many entries the server sends at once."""

START_TLS: t.Final = "1.3.6.1.4.1.1466.20037"

_DESCRIPTOR: t.Final = "nTSecurityDescriptor"
_DESCRIPTORS: t.Final = "1.2.840.113556.1.4.801"
_OWNER_GROUP_AND_ACCESS_LIST: t.Final = 7
_VERSION: t.Final = 3
_BIND, _UNBIND, _SEARCH, _MODIFY, _ADD, _DELETE, _EXTENDED = 0, 2, 3, 6, 8, 10, 23


def pack_simple_bind(message_id: int, username: str, password: str) -> bytes:
    """Log in with a name and a password."""
    import sansldap

    return _bind(message_id, username, sansldap.SimpleCredential(password))


def pack_sasl_bind(message_id: int, mechanism: str, token: bytes) -> bytes:
    """One step of a login with a SASL mechanism."""
    import sansldap

    return _bind(message_id, "", sansldap.SaslCredential(mechanism, token))


def pack_start_tls(message_id: int) -> bytes:
    """Ask for TLS on this connection (RFC 4511, 4.14)."""

    def fill(message: ASN1Writer) -> None:
        with message.push_sequence(_request(_EXTENDED)) as request:
            request.write_octet_string(START_TLS.encode(), _choice(0))

    return _message(message_id, fill)


def pack_unbind(message_id: int) -> bytes:
    """Say that the connection ends. There is no answer."""
    return _message(message_id, lambda message: message.write_octet_string(b"", _request(_UNBIND, constructed=False)))


def pack_search(message_id: int, search: Search, cookie: bytes | None) -> bytes:
    """A search. `cookie` is that of the page before, b"" for the first page, and None for a search without pages."""
    import sansldap

    controls: list[sansldap.LDAPControl] = []
    if cookie is not None:
        controls.append(sansldap.PagedResultControl(critical=True, size=PAGE, cookie=cookie))
    if search.descriptors:
        controls.append(sansldap.LDAPControl(_DESCRIPTORS, True, _flags(_OWNER_GROUP_AND_ACCESS_LIST)))

    def fill(message: ASN1Writer) -> None:
        with message.push_sequence(_request(_SEARCH)) as request:
            request.write_octet_string(search.base.encode())
            request.write_enumerated(search.scope)
            request.write_enumerated(sansldap.DereferencingPolicy.NEVER)
            # no limit to entries and seconds, and values as well as names
            request.write_integer(0)
            request.write_integer(0)
            request.write_boolean(False)
            _filter(search.match).pack(request, sansldap.FilterOptions())
            with request.push_sequence() as listed:
                for name in (*(search.attributes or ("*",)), _DESCRIPTOR) if search.descriptors else search.attributes:
                    listed.write_octet_string(name.encode())
        if controls:
            with message.push_sequence(_choice(0, constructed=True)) as listed:
                for control in controls:
                    control.pack(listed, sansldap.ControlOptions())

    return _message(message_id, fill)


def pack_write(message_id: int, write: Write) -> bytes:
    """A write. It carries no controls: neither assertions nor permissive modifies."""

    def fill(message: ASN1Writer) -> None:
        match write:
            case AddEntry(dn, attributes):
                with message.push_sequence(_request(_ADD)) as request:
                    request.write_octet_string(dn.encode())
                    with request.push_sequence() as listed:
                        for attribute in attributes:
                            _write_attribute(listed, attribute)
            case ModifyEntry(dn, changes):
                with message.push_sequence(_request(_MODIFY)) as request:
                    request.write_octet_string(dn.encode())
                    with request.push_sequence() as listed:
                        for change in changes:
                            with listed.push_sequence() as one:
                                one.write_enumerated(change.kind)
                                _write_attribute(one, (change.name, change.values))
            case DeleteEntry(dn):
                message.write_octet_string(dn.encode(), _request(_DELETE, constructed=False))
            case _:
                t.assert_never(write)

    return _message(message_id, fill)


def _message(message_id: int, fill: t.Callable[[ASN1Writer], None]) -> bytes:
    """A whole message. `fill` writes what follows its id."""
    from sansldap.asn1 import ASN1Writer

    writer = ASN1Writer()
    with writer.push_sequence() as message:
        message.write_integer(message_id)
        fill(message)
    return bytes(writer.get_data())


def _bind(message_id: int, name: str, credential: sansldap.AuthenticationCredential) -> bytes:
    import sansldap

    def fill(message: ASN1Writer) -> None:
        with message.push_sequence(_request(_BIND)) as request:
            request.write_integer(_VERSION)
            request.write_octet_string(name.encode())
            credential.pack(request, sansldap.AuthenticationOptions())

    return _message(message_id, fill)


def _filter(match: tuple[tuple[str, str | None], ...]) -> sansldap.LDAPFilter:
    """A filter as an object, not as text, so no value needs escapes."""
    import sansldap

    parts: list[sansldap.LDAPFilter] = [
        sansldap.FilterPresent(name) if value is None else sansldap.FilterEquality(name, value.encode())
        for name, value in match
    ]
    return sansldap.FilterAnd(parts) if parts else sansldap.FilterPresent("objectClass")


def _flags(value: int) -> bytes:
    from sansldap.asn1 import ASN1Writer

    writer = ASN1Writer()
    with writer.push_sequence() as sequence:
        sequence.write_integer(value)
    return bytes(writer.get_data())


def _request(number: int, constructed: bool = True) -> ASN1Tag:
    from sansldap.asn1 import ASN1Tag, TagClass

    return ASN1Tag(TagClass.APPLICATION, number, constructed)


def _choice(number: int, constructed: bool = False) -> ASN1Tag:
    from sansldap.asn1 import ASN1Tag, TagClass

    return ASN1Tag(TagClass.CONTEXT_SPECIFIC, number, constructed)


def _write_attribute(writer: ASN1Writer, attribute: Attribute) -> None:
    name, values = attribute
    with writer.push_sequence() as sequence:
        sequence.write_octet_string(name.encode())
        with sequence.push_set() as listed:
            for value in values:
                listed.write_octet_string(value)
