# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Answers of a directory: those that sansldap packs are read, and any bytes are read or refused."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.plugin_utils import _ldap_answers as answers
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap_answers import (
    AnswerKind,
    Malformed,
    TooMuch,
    message_length,
    parse_answer,
)
from hypothesis import given
from hypothesis import strategies as st

sansldap = pytest.importorskip("sansldap")

PAGING = "1.2.840.113556.1.4.319"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
VALUES = st.lists(st.binary(max_size=300), max_size=4)
PARTS = st.builds(sansldap.PartialAttribute, TEXTS, VALUES)


def _server():
    """A server that has got a login as request 1 and a search as request 2."""
    server, client = sansldap.LDAPServer(), sansldap.LDAPClient()
    client.bind_simple("u", "p")
    server.receive(client.data_to_send())
    server.bind_response(1)
    client.receive(server.data_to_send())
    client.search_request("CN=x")
    server.receive(client.data_to_send())
    return server


def _sent(server):
    """The one message of a server, which says its own length."""
    data = server.data_to_send()
    assert message_length(data) == message_length(data + b"more") == len(data)
    assert [message_length(data[:count]) for count in (0, 1)] == [None, None]
    return parse_answer(data)


@given(TEXTS, st.lists(PARTS, max_size=4))
def test_an_entry_is_read(dn, attributes):
    server = _server()
    server.search_result_entry(2, dn, attributes)
    answer = _sent(server)
    assert (answer.id, answer.tag) == (2, AnswerKind.ENTRY)
    assert answer.entry(1000) == (dn, [(part.name, part.values) for part in attributes])


@given(st.sampled_from(sansldap.LDAPResultCode), TEXTS, st.binary())
def test_a_result_with_a_cookie_is_read(code, detail, cookie):
    server = _server()
    control = sansldap.PagedResultControl(critical=False, size=7, cookie=cookie)
    server.search_result_done(2, code, "CN=y", detail, controls=[control])
    answer = _sent(server)
    assert (answer.id, answer.tag, answer.cookie(PAGING)) == (2, AnswerKind.DONE, cookie)
    assert (answer.result().code, answer.result().detail) == (code, detail)


def test_a_result_without_a_cookie_has_an_empty_one():
    server = _server()
    server.search_result_done(2)
    assert _sent(server).cookie(PAGING) == b""


@given(st.lists(TEXTS, max_size=3))
def test_a_reference_is_read(servers):
    server = _server()
    server.search_result_reference(2, servers)
    answer = _sent(server)
    assert (answer.tag, answer.references()) == (AnswerKind.REFERENCE, servers)


def test_the_token_of_a_login_is_read():
    server, client = sansldap.LDAPServer(), sansldap.LDAPClient()
    client.bind_sasl("GSS-SPNEGO", cred=b"x")
    server.receive(client.data_to_send())
    server.bind_response(1, b"\0token", sansldap.LDAPResultCode.SASL_BIND_IN_PROGRESS)
    result = _sent(server).result()
    assert (result.code, result.credentials) == (14, b"\0token")
    assert "token" not in repr(result)


@pytest.mark.parametrize("most", [0, 3, 4])
def test_more_values_than_permitted_are_refused(most):
    server = _server()
    server.search_result_entry(2, "CN=a", [sansldap.PartialAttribute(name, [b"v"] * 2) for name in ("a", "b")])
    with pytest.raises(TooMuch):
        _sent(server).entry(most)


def test_a_name_that_is_not_utf8_is_refused():
    data = b"\x30\x0c\x02\x01\x02\x64\x07\x04\x03CN\xff\x30\x00"
    with pytest.raises(Malformed, match="a name that is not UTF-8"):
        parse_answer(data).entry(10)


def test_a_message_that_is_too_long_is_refused_by_its_length():
    assert message_length(b"\x30\x84\x03\xff\xff\xfa") == answers.LONGEST_MESSAGE
    with pytest.raises(TooMuch, match="a message says that it has 67108865 bytes, and 67108864 are accepted"):
        message_length(b"\x30\x84\x03\xff\xff\xfb")


BROKEN = {
    "no message": (b"", "cut off"),
    "no content": (b"\x30\x00", "cut off"),
    "a cut length": (b"\x30\x03\x02\x82\x01", "cut off"),
    "another kind": (b"\x31\x00", "tag 0x31 where 0x30 is due"),
    "no id": (b"\x30\x02\x04\x00", "tag 0x04 where 0x02 is due"),
    "an empty id": (b"\x30\x02\x02\x00", "a number of 0 bytes"),
    "a long id": (b"\x30\x0b\x02\x09" + bytes(9), "a number of 9 bytes"),
    "no request": (b"\x30\x03\x02\x01\x01", "cut off"),
    "a lying length": (b"\x30\x05\x02\x01\x01\x65\x7f", "a value says that it has 127 bytes, and 0 follow"),
    "an indefinite length": (b"\x30\x80\x00\x00", "indefinite length"),
    "a length of five bytes": (b"\x30\x85\x00\x00\x00\x00\x00", "a length of 5 bytes"),
}


@pytest.mark.parametrize(("data", "words"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_a_message_is_refused(data, words):
    with pytest.raises(Malformed, match=words):
        parse_answer(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    read_all(data)


@given(st.data())
def test_damaged_answers_are_read_or_refused(data):
    server = _server()
    server.search_result_entry(2, "CN=a", [sansldap.PartialAttribute("cn", [b"a", b"b"])])
    server.search_result_done(2, controls=[sansldap.PagedResultControl(critical=False, size=7, cookie=b"c")])
    sent = bytearray(server.data_to_send())
    for _count in range(data.draw(st.integers(1, 4))):
        sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    read_all(bytes(sent))


def read_all(data):
    """Read everything that messages have. Only `Malformed` is raised, and nothing comes from outside the bytes."""
    try:
        while (length := message_length(data)) is not None and length <= len(data):
            answer = parse_answer(data[:length])
            data = data[length:]
            for read in (answer.result, answer.references, lambda found=answer: found.cookie(PAGING)):
                try:
                    read()
                except Malformed:
                    continue
            _dn, attributes = answer.entry(1000)
            assert sum(len(value) for _name, values in attributes for value in values) <= length
    except Malformed as error:
        assert len(str(error)) < 200
