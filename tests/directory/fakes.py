# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Servers that do not do what a directory does: mute ones, those that close connections, and those that lie."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import typing as t

import sansldap
from sansldap.asn1 import ASN1Reader, ASN1Tag, ASN1Writer, NotEnougData, TagClass

LOGIN, SEARCH, ENTRY, DONE, EXTENDED, MODIFY_DONE = 1, 3, 4, 5, 24, 7


class Peer:
    """A client of the server. It says what it wants, and gets what a test has for it."""

    def __init__(self, sock: socket.socket, ended: threading.Event) -> None:
        self.sock = sock
        self._ended = ended
        self._buffer = b""

    def request(self) -> tuple[int, int]:
        """The id of the next request, and the number of its kind."""
        while True:
            with contextlib.suppress(NotEnougData):
                reader = ASN1Reader(self._buffer)
                message = reader.read_sequence()
                self._buffer = reader.get_remaining_data()
                return message.read_integer(), message.peek_header().tag.tag_number
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError
            self._buffer += data

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def log_in(self) -> None:
        """Let the client log in."""
        number, _kind = self.request()
        self.send(result(number, LOGIN))

    def ended(self, seconds: float) -> bool:
        """Wait so long, or until the test ends."""
        return self._ended.wait(seconds)

    def say_nothing(self) -> None:
        """Be mute until the test ends."""
        self._ended.wait()


class FakeServer:
    """A server on a port of its own that does `talk` with each client; a context manager."""

    def __init__(self, talk: t.Callable[[Peer], None], tls: ssl.SSLContext | None = None) -> None:
        self._talk = talk
        self._tls = tls
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._peers: list[socket.socket] = []

    def __enter__(self) -> FakeServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for sock in (self._listener, *self._peers):
            # what waits for it is woken up
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def options(self, **changes: t.Any) -> dict[str, t.Any]:
        """A dictionary for the option `directory`."""
        login = {"auth_protocol": "simple", "encrypt": False, "username": "u", "password": "p"}
        return {"server": "127.0.0.1", "port": self.port, "connection_timeout": 60, **login, **changes}

    def _accept(self) -> None:
        while True:
            try:
                sock, _address = self._listener.accept()
            except OSError:
                return
            self._peers.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError, sansldap.LDAPError):
            talking = self._tls.wrap_socket(sock, server_side=True) if self._tls else sock
            self._peers.append(talking)
            with talking:
                self._talk(Peer(talking, self._ended))


def result(number: int, kind: int, code: int = 0, detail: str = "", referrals: t.Sequence[str] = ()) -> bytes:
    """An answer that is only a result."""

    def fill(writer: ASN1Writer) -> None:
        writer.write_enumerated(code)
        writer.write_octet_string(b"")
        writer.write_octet_string(detail.encode())
        if referrals:
            with writer.push_sequence(ASN1Tag(TagClass.CONTEXT_SPECIFIC, 3, True)) as listed:
                for referral in referrals:
                    listed.write_octet_string(referral.encode())

    return message(number, kind, fill)


def entry(number: int, dn: str, **attributes: t.Sequence[bytes]) -> bytes:
    """An entry that a search finds."""

    def fill(writer: ASN1Writer) -> None:
        writer.write_octet_string(dn.encode())
        with writer.push_sequence() as listed:
            for name, values in attributes.items():
                with listed.push_sequence() as one:
                    one.write_octet_string(name.encode())
                    with one.push_set() as inside:
                        for value in values:
                            inside.write_octet_string(value)

    return message(number, ENTRY, fill)


def reference(number: int, *servers: str) -> bytes:
    """Where a search goes on."""

    def fill(writer: ASN1Writer) -> None:
        for server in servers:
            writer.write_octet_string(server.encode())

    return message(number, 19, fill)


def paged(number: int, cookie: bytes) -> bytes:
    """The end of a page, with a cookie for the next one."""

    def fill(writer: ASN1Writer) -> None:
        writer.write_enumerated(0)
        writer.write_octet_string(b"")
        writer.write_octet_string(b"")

    return message(number, DONE, fill, [sansldap.PagedResultControl(critical=False, size=0, cookie=cookie)])


def message(
    number: int,
    kind: int,
    fill: t.Callable[[ASN1Writer], None],
    controls: t.Sequence[sansldap.LDAPControl] = (),
) -> bytes:
    writer = ASN1Writer()
    with writer.push_sequence() as whole:
        whole.write_integer(number)
        with whole.push_sequence(ASN1Tag(TagClass.APPLICATION, kind, True)) as body:
            fill(body)
        if controls:
            with whole.push_sequence(ASN1Tag(TagClass.CONTEXT_SPECIFIC, 0, True)) as listed:
                for control in controls:
                    control.pack(listed, sansldap.ControlOptions())
    return bytes(writer.get_data())
