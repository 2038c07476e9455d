# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Servers that are mute, close connections or lie: each gives one clear error, in time, and costs little memory."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tracemalloc

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import (
    DirectoryError,
    LostConnection,
    ResultError,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    DeleteEntry,
    Scope,
    Search,
)
from ansible_collections.ipsec.windows.plugins.plugin_utils import _ldap
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap import connect
from directory import fakes
from directory.certificates import Certificate, make_certificates
from directory.fakes import FakeServer, entry, message, paged, reference, result

MUTE = "it does not answer within 1 seconds; check server and port, or set a larger connection_timeout"
SEARCH = Search(base="CN=x", scope=Scope.ONE_LEVEL)


def _ask(_server, search=SEARCH, /, **changes):
    with connect(ConnectionOptions.of(_server.options(**changes))) as directory:
        return directory.search(search)


def _told(server, search=SEARCH, /, **changes):
    """The error of a search, or of the login before it."""
    with pytest.raises(DirectoryError) as caught:
        _ask(server, search, **changes)
    told = str(caught.value)
    assert told.startswith("127.0.0.1")
    assert "\n" not in told
    assert len(told) < 700
    return told


def _after_login(talk):
    """A server that answers the login and does `talk` with the id of the request after it."""

    def serve(peer):
        peer.log_in()
        number, _kind = peer.request()
        talk(peer, number)

    return FakeServer(serve)


@pytest.fixture
def certified(tmp_path):
    """TLS for a server on 127.0.0.1, and the options that trust it."""
    make_certificates(tmp_path, "other.test", "127.0.0.1", Certificate.GOOD)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context, {"ca_cert": str(tmp_path / "ca.pem"), "encrypt": True}


def test_a_server_that_never_answers(certified):
    context, options = certified
    with FakeServer(lambda peer: peer.say_nothing()) as server:
        assert MUTE in _told(server, connection_timeout=1)
        assert MUTE in _told(server, auth_protocol="ntlm", encrypt=True, username="D\\u", connection_timeout=1)
        assert MUTE in _told(server, tls_mode="ldaps", encrypt=True, connection_timeout=1)
        assert MUTE in _told(server, tls_mode="start_tls", encrypt=True, connection_timeout=1)
    with FakeServer(lambda peer: peer.say_nothing(), tls=context) as server:
        assert MUTE in _told(server, tls_mode="ldaps", **options, connection_timeout=1)


def test_a_server_that_becomes_mute_in_the_tls_handshake():
    def talk(peer):
        peer.request()
        peer.send(result(1, fakes.EXTENDED))
        peer.say_nothing()

    with FakeServer(talk) as server:
        assert MUTE in _told(server, tls_mode="start_tls", encrypt=True, connection_timeout=1)


def test_a_server_that_becomes_mute_in_the_middle_of_a_message():
    def talk(peer, number):
        peer.send(entry(number, "CN=a", cn=[b"a"])[:-1])
        peer.say_nothing()

    with _after_login(talk) as server:
        assert MUTE in _told(server, connection_timeout=1)


def test_a_server_that_becomes_mute_between_entries():
    def talk(peer, number):
        peer.send(entry(number, "CN=a", cn=[b"a"]))
        peer.say_nothing()

    with _after_login(talk) as server:
        assert MUTE in _told(server, connection_timeout=1)


def test_a_server_that_sends_a_byte_now_and_then(certified):
    context, options = certified

    def drip(peer, data):
        for byte in data * 1000:
            peer.send(bytes([byte]))
            # waits, and ends with the test
            if peer.ended(0.2):
                return

    def talk(peer):
        peer.log_in()
        number, _kind = peer.request()
        drip(peer, entry(number, "CN=a", cn=[b"a" * 5000]))

    with FakeServer(talk) as server:
        assert MUTE in _told(server, connection_timeout=1)
    with FakeServer(talk, tls=context) as server:
        assert MUTE in _told(server, tls_mode="ldaps", **options, connection_timeout=1)


def test_a_server_that_does_not_listen():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = FakeServer(lambda peer: None)
    assert _told(server, port=port) == (
        f"127.0.0.1:{port}: it takes no connections on this port; check server and port"
    )
    with server:
        pass


def test_a_name_that_nobody_knows():
    options = ConnectionOptions.of({"server": "dc.invalid", "username": "u", "password": "p", "auth_protocol": "ntlm"})
    with pytest.raises(DirectoryError) as caught:
        connect(options)
    assert str(caught.value) == "dc.invalid:389: its name cannot be found; check server and domain"


@pytest.mark.parametrize("cut", [1, 3, -1])
def test_a_server_that_closes_in_the_middle_of_a_message(cut):
    with _after_login(lambda peer, number: peer.send(entry(number, "CN=a", cn=[b"a"])[:cut])) as server:
        assert _told(server) == "127.0.0.1: search CN=x: the server closes the connection"


def test_a_server_that_closes_during_the_login(certified):
    _context, options = certified
    with FakeServer(lambda peer: peer.request()) as server:
        assert "the server closes the connection" in _told(server)
        assert "the server closes the connection" in _told(server, auth_protocol="ntlm", encrypt=True)
        assert "the server closes the connection" in _told(server, tls_mode="start_tls", encrypt=True)
    with FakeServer(lambda peer: peer.sock.recv(10)) as server:
        assert "the server closes the connection" in _told(server, tls_mode="ldaps", **options)


def test_a_server_that_says_why_it_ends_the_connection():
    def talk(peer, _number):
        def fill(writer):
            writer.write_enumerated(52)
            writer.write_octet_string(b"")
            writer.write_octet_string(b"too busy\0")

        peer.send(message(0, fakes.EXTENDED, fill))

    with _after_login(talk) as server:
        assert _told(server) == "127.0.0.1: search CN=x: the server ends the connection: too busy"


GARBAGE = {
    "another protocol": b"220 mail.example.test ESMTP\r\n",
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": b"\0" * 100,
    "an empty message": b"\x30\x00",
    "an indefinite length": b"\x30\x80\x02\x01\x02\x65\x00\x00\x00",
    "a length of 127 bytes": b"\x30\xff" + b"\xff" * 127,
    "a number of many bytes": b"\x30\x84\x00\x10\x00\x04\x02\x84\x00\x0f\xff\xfe" + b"\x7f" * 0xFFFFE,
    "a value longer than its message": b"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x7f\x04\x00",
    "a long tag": b"\x30\x84\x00\x10\x00\x00\x1f" + b"\xff" * 0xFFFFF,
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_a_server_that_sends_garbage(data):
    with _after_login(lambda peer, _number: peer.send(data)) as server:
        assert "it sends what cannot be read: it" in _told(server) or "a value" in _told(server)


def test_a_server_that_does_not_speak_tls():
    with FakeServer(lambda peer: peer.send(GARBAGE["another protocol"])) as server:
        assert "it does not speak TLS here; check port and tls_mode" in _told(server, tls_mode="ldaps", encrypt=True)


def test_a_server_that_answers_another_request():
    with _after_login(lambda peer, number: peer.send(result(number + 7, fakes.DONE))) as server:
        assert "it answers request 9 instead of 2" in _told(server)


def test_a_message_that_says_it_is_endless_is_not_waited_for():
    with _after_login(lambda peer, _number: peer.send(b"\x30\x84\xff\xff\xff\xff") or peer.say_nothing()) as server:
        assert "a message says that it has 4294967301 bytes, and 67108864 are accepted" in _told(server)


def test_a_sealed_message_that_says_it_is_endless_is_not_waited_for(monkeypatch):
    """The length before a sealed message comes before the seal is checked."""

    class Seal:
        def wrap(self, data, encrypt):
            return type("Wrapped", (), {"data": data})

    def talk(peer):
        peer.log_in()
        peer.sock.recv(100)
        peer.send(b"\xff\xff\xff\xff")
        peer.say_nothing()

    with FakeServer(talk) as server:
        directory = connect(ConnectionOptions.of(server.options()))
        directory._connection.seal(Seal())
        with pytest.raises(DirectoryError, match="a sealed message says that it has 4294967295 bytes"):
            directory.search(SEARCH)


def test_a_hundred_thousand_values_are_read_in_little_memory():
    values = [b"%06d" % number for number in range(100_000)]

    def talk(peer, number):
        peer.send(entry(number, "CN=a", member=values))
        peer.send(result(number, fakes.DONE))

    with _after_login(talk) as server:
        tracemalloc.start()
        try:
            (found,) = _ask(server)
            _size, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert found.attributes["member"] == tuple(values)
    assert peak < 64 << 20


def test_a_search_has_a_limit_of_values(monkeypatch):
    monkeypatch.setattr(_ldap, "MOST_VALUES", 1000)

    def talk(peer, number):
        with contextlib.suppress(OSError):
            while True:
                peer.send(entry(number, "CN=a", cn=[b"a"] * 10))

    with _after_login(talk) as server:
        assert "more values than are accepted" in _told(server)
    with _after_login(lambda peer, number: peer.send(entry(number, "CN=a", cn=[b""] * 1000))) as server:
        assert "more values than are accepted" in _told(server)


def test_a_search_has_a_limit_of_bytes(monkeypatch):
    monkeypatch.setattr(_ldap, "MOST_BYTES", 1 << 20)

    def talk(peer, number):
        with contextlib.suppress(OSError):
            while True:
                peer.send(entry(number, "CN=a", cn=[b"a" * 10_000]))

    with _after_login(talk) as server:
        assert "a search has more than 1 MiB" in _told(server)


def test_a_search_has_a_limit_of_time(monkeypatch):
    monkeypatch.setattr(_ldap, "LONGEST_SEARCH", 0)
    with _after_login(lambda peer, number: peer.send(entry(number, "CN=a"))) as server:
        assert "a search takes longer than 0 seconds" in _told(server)


def test_pages_without_entries_have_an_end():
    def talk(peer, number):
        while True:
            peer.send(paged(number, b"more"))
            number, _kind = peer.request()

    with _after_login(talk) as server:
        assert "pages without entries, and no end" in _told(server)


def test_an_empty_page_is_not_the_last_one():
    def talk(peer, number):
        peer.send(paged(number, b"more"))
        number, _kind = peer.request()
        peer.send(entry(number, "CN=a", CN=[b"a"]) + paged(number, b""))

    with _after_login(talk) as server:
        assert [(found.dn, found.attributes) for found in _ask(server)] == [("CN=a", {"cn": (b"a",)})]


def _ranges(peer, number, ranges):
    """Values in parts: each request gets the next one."""
    for answer in ranges:
        peer.send(entry(number, "CN=a", **answer) + result(number, fakes.DONE))
        number, _kind = peer.request()


def test_values_that_come_in_parts_are_put_together():
    ranges = [
        {"cn": [b"a"], "member": [], "Member;range=0-1": [b"0", b"1"], "owner;range=0-0": [b"o"]},
        {"member;range=2-3": [b"2", b"3"]},
        {"member": [], "member;range=4-*": [b"4"]},
        {"owner;range=1-*": [b"p"]},
    ]
    with _after_login(lambda peer, number: _ranges(peer, number, ranges)) as server:
        (found,) = _ask(server)
    assert found.attributes == {"cn": (b"a",), "member": (b"0", b"1", b"2", b"3", b"4"), "owner": (b"o", b"p")}


@pytest.mark.parametrize("second", [{"member;range=0-1": [b"0", b"1"]}, {"cn": [b"a"]}, {"member;range=2-1": []}])
def test_parts_of_values_that_do_not_go_on(second):
    first = {"member;range=0-1": [b"0", b"1"]}
    with _after_login(lambda peer, number: _ranges(peer, number, [first, second, second])) as server:
        assert "it does not go on with the values of member" in _told(server)


REFERRAL = "refers to ldap://dc9.other.test/DC=other,DC=test; set server to a domain controller of the domain"


def test_a_referral_is_told():
    sent = ["ldap://dc9.other.test/DC=other,DC=test"]
    with _after_login(lambda peer, number: peer.send(result(number, fakes.DONE, 10, referrals=sent))) as server:
        assert REFERRAL in _told(server)
    with FakeServer(lambda peer: peer.send(result(peer.request()[0], fakes.LOGIN, 10, referrals=sent))) as server:
        assert REFERRAL in _told(server)


def test_a_reference_instead_of_entries_is_told():
    def talk(peer, number):
        peer.send(reference(number, "ldap://dc9.other.test/DC=other,DC=test") + result(number, fakes.DONE))

    with _after_login(talk) as server:
        assert REFERRAL in _told(server)
    with _after_login(talk) as server:
        assert _ask(server, Search(base="DC=x", scope=Scope.SUBTREE)) == []


def test_refused_start_tls_is_told():
    def talk(peer):
        peer.send(result(peer.request()[0], fakes.EXTENDED, 52, "no certificate"))

    with FakeServer(talk) as server:
        told = _told(server, tls_mode="start_tls", encrypt=True)
    assert "refuses StartTLS with result 52: no certificate; set tls_mode to ldaps" in told


def test_what_is_sent_before_tls_is_not_taken_for_an_answer_within_it(certified):
    _context, options = certified

    def talk(peer):
        peer.send(result(peer.request()[0], fakes.EXTENDED) + result(2, fakes.LOGIN))

    with FakeServer(talk) as server:
        assert "more than one answer to StartTLS" in _told(server, tls_mode="start_tls", **options)


def test_a_refused_login_is_told():
    detail = "80090308: LdapErr: DSID-0C09, comment: AcceptSecurityContext error, data 775, v4f7c\0"
    with FakeServer(lambda peer: peer.send(result(peer.request()[0], fakes.LOGIN, 49, detail))) as server:
        assert "login refused: the account is locked; unlock it, or wait" in _told(server)
    with FakeServer(lambda peer: peer.send(result(peer.request()[0], fakes.LOGIN, 49, "who?"))) as server:
        assert "login refused: check username and password (who?)" in _told(server)
    with FakeServer(lambda peer: peer.send(result(peer.request()[0], fakes.LOGIN, 51, ""))) as server:
        assert "login refused with result 51: it gives no reason" in _told(server)


def test_a_server_that_answers_a_login_with_nonsense():
    def talk(peer):
        peer.send(result(peer.request()[0], fakes.LOGIN, 14))

    with FakeServer(talk) as server:
        assert "login" in _told(server, auth_protocol="ntlm", encrypt=True, username="D\\u")
    with FakeServer(lambda peer: peer.log_in()) as server:
        assert "login" in _told(server, auth_protocol="ntlm", encrypt=True, username="D\\u")


def _written(talk, write=None, **changes):
    with _after_login(talk) as server, connect(ConnectionOptions.of(server.options(**changes))) as directory:
        directory.write(write or DeleteEntry("CN=x"))


LOST = {
    "closed": lambda _peer, _number: None,
    "mute": lambda peer, _number: peer.say_nothing(),
    "garbage": lambda peer, _number: peer.send(GARBAGE["zeros"]),
    "the answer to another request": lambda peer, number: peer.send(result(number + 1, fakes.MODIFY_DONE)),
    "half an answer": lambda peer, number: peer.send(result(number, fakes.MODIFY_DONE)[:-1]),
}


@pytest.mark.parametrize("talk", LOST.values(), ids=LOST)
def test_a_write_without_an_answer_may_have_been_done(talk):
    seconds = 1 if talk is LOST["mute"] else 60
    with pytest.raises(LostConnection, match=r"127\.0\.0\.1: delete CN=x: .*Whether it was done is not known"):
        _written(talk, connection_timeout=seconds)


def test_a_write_is_answered_by_its_id_whatever_the_kind_of_the_answer():
    _written(lambda peer, number: peer.send(result(number, fakes.EXTENDED)))
    with pytest.raises(ResultError, match="result 12: no such control") as caught:
        _written(lambda peer, number: peer.send(result(number, fakes.EXTENDED, 12, "no such control")))
    assert (caught.value.code, caught.value.detail) == (12, "no such control")


def test_a_write_that_is_referred_was_not_done():
    with pytest.raises(DirectoryError, match="refers to another server") as caught:
        _written(lambda peer, number: peer.send(result(number, fakes.MODIFY_DONE, 10)))
    assert not isinstance(caught.value, LostConnection)


def test_a_text_that_cannot_be_sent_leaves_the_connection_open():
    with (
        _after_login(lambda peer, number: peer.send(result(number, fakes.MODIFY_DONE))) as server,
        connect(ConnectionOptions.of(server.options())) as directory,
    ):
        with pytest.raises(DirectoryError, match="characters that UTF-8 does not have") as caught:
            directory.write(DeleteEntry("CN=\ud800"))
        assert not isinstance(caught.value, LostConnection)
        directory.write(DeleteEntry("CN=x"))


def test_the_reason_of_a_server_is_one_short_line():
    detail = "a\n\x1b[31m" + "b" * 100_000
    with pytest.raises(ResultError) as caught:
        _written(lambda peer, number: peer.send(result(number, fakes.MODIFY_DONE, 50, detail)))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_the_next_server_takes_the_place_of_one_that_does_not_listen(monkeypatch):
    """The domain has two servers: the first one does not listen."""
    import dns.resolver

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    def talk(peer):
        peer.log_in()
        peer.send(result(peer.request()[0], fakes.DONE))

    with FakeServer(talk) as server:
        records = [
            type("Record", (), {"target": "127.0.0.1.", "port": number, "priority": place, "weight": 0})
            for place, number in enumerate((port, server.port))
        ]
        monkeypatch.setattr(dns.resolver, "resolve", lambda *_args, **_more: records)
        assert _ask(server, server=None, port=None, domain="ad.example.test") == []
