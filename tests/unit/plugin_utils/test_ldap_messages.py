# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Requests to a directory, read back with the ASN.1 reader and the server of sansldap."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    AddEntry,
    AttributeChange,
    ChangeKind,
    DeleteEntry,
    ModifyEntry,
    Scope,
    Search,
)
from ansible_collections.ipsec.windows.plugins.plugin_utils import _ldap_messages as messages
from hypothesis import given
from hypothesis import strategies as st

sansldap = pytest.importorskip("sansldap")
asn1 = sansldap.asn1

IDS = st.integers(1, (1 << 31) - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.lists(st.binary(max_size=300), max_size=4).map(tuple)
ATTRIBUTES = st.lists(st.tuples(TEXTS, VALUES), max_size=4).map(tuple)
CHANGES = st.lists(st.builds(AttributeChange, st.sampled_from(ChangeKind), TEXTS, VALUES), max_size=4).map(tuple)


def _request(data, number):
    """The id of a message and its request, which is all that the message has."""
    reader = asn1.ASN1Reader(data)
    message = reader.read_sequence()
    found = message.read_integer()
    tag = message.peek_header().tag
    assert tag == asn1.ASN1Tag(asn1.TagClass.APPLICATION, number, number != 10)
    request = message.read_octet_string(tag) if number == 10 else message.read_sequence(tag)
    assert not reader
    assert not message
    return found, request


def _attribute(reader):
    attribute = reader.read_sequence()
    name, inside, values = attribute.read_octet_string().decode(), attribute.read_set(), []
    while inside:
        values.append(inside.read_octet_string())
    assert not attribute
    return name, tuple(values)


@given(IDS, TEXTS, ATTRIBUTES)
def test_an_add_is_read_back(message_id, dn, attributes):
    found, request = _request(messages.pack_write(message_id, AddEntry(dn, attributes)), 8)
    assert (found, request.read_octet_string().decode()) == (message_id, dn)
    listed, read = request.read_sequence(), []
    while listed:
        read.append(_attribute(listed))
    assert tuple(read) == attributes
    assert not request


@given(IDS, TEXTS, CHANGES)
def test_a_modify_is_read_back(message_id, dn, changes):
    found, request = _request(messages.pack_write(message_id, ModifyEntry(dn, changes)), 6)
    assert (found, request.read_octet_string().decode()) == (message_id, dn)
    listed, read = request.read_sequence(), []
    while listed:
        change = listed.read_sequence()
        kind = change.read_enumerated(ChangeKind)
        read.append(AttributeChange(kind, *_attribute(change)))
        assert not change
    assert tuple(read) == changes
    assert not request


@given(IDS, TEXTS)
def test_a_delete_is_read_back(message_id, dn):
    assert _request(messages.pack_write(message_id, DeleteEntry(dn)), 10) == (message_id, dn.encode())


MATCHES = st.lists(st.tuples(TEXTS.filter(bool), st.none() | TEXTS), max_size=3).map(tuple)
SEARCHES = st.builds(
    Search,
    base=TEXTS,
    scope=st.sampled_from(Scope),
    match=MATCHES,
    attributes=st.lists(TEXTS, max_size=3).map(tuple),
    descriptors=st.booleans(),
)


@given(SEARCHES, st.none() | st.binary())
def test_a_search_is_read_by_a_server(search, cookie):
    (read,) = sansldap.LDAPServer().receive(messages.pack_search(5, search, cookie))
    assert (read.message_id, read.base_object, read.scope) == (5, search.base, search.scope)
    named = (*(search.attributes or ("*",)), "nTSecurityDescriptor") if search.descriptors else search.attributes
    assert tuple(read.attributes) == named
    assert (read.size_limit, read.time_limit, read.types_only) == (0, 0, False)
    if search.match:
        assert [
            (part.attribute, part.value.decode() if isinstance(part, sansldap.FilterEquality) else None)
            for part in read.filter.filters
        ] == list(search.match)
    else:
        assert read.filter == sansldap.FilterPresent("objectClass")
    controls = {control.control_type: control for control in read.controls}
    assert all(control.critical for control in read.controls)
    assert (messages.PAGING in controls) == (cookie is not None)
    if cookie is not None:
        assert (controls[messages.PAGING].size, controls[messages.PAGING].cookie) == (500, cookie)
    flags = controls["1.2.840.113556.1.4.801"].value if search.descriptors else None
    assert flags == (b"\x30\x03\x02\x01\x07" if search.descriptors else None)


@given(TEXTS, TEXTS)
def test_a_login_is_read_by_a_server(username, password):
    (read,) = sansldap.LDAPServer().receive(messages.pack_simple_bind(1, username, password))
    assert (read.version, read.name, read.authentication.password) == (3, username, password)


def test_a_token_is_read_by_a_server():
    (read,) = sansldap.LDAPServer().receive(messages.pack_sasl_bind(1, "GSS-SPNEGO", b"\0\xff"))
    assert (read.authentication.mechanism, read.authentication.credentials) == ("GSS-SPNEGO", b"\0\xff")


def test_the_other_requests_are_read_by_a_server():
    server = sansldap.LDAPServer()
    (read,) = server.receive(messages.pack_start_tls(1))
    assert (read.name, read.value) == (sansldap.ExtendedOperations.LDAP_START_TLS.value, None)
    with pytest.raises(sansldap.ProtocolError, match="unbind"):
        server.receive(messages.pack_unbind(2))
