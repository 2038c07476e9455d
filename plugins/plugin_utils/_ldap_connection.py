# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One connection to a directory server: messages over a socket, TLS, and messages sealed by a login (RFC 4513)."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
import time
import typing as t

from ._ldap_answers import LONGEST_MESSAGE, Answer, Malformed, TooMuch, message_length, parse_answer

if t.TYPE_CHECKING:
    import spnego

_CHUNK: t.Final = 1 << 16
_SEALED_HEADER: t.Final = 4
# what RFC 4752 adds to a message is much less
_SEAL: t.Final = 1 << 16


class ConnectionClosed(OSError):
    """The server has closed the connection, or it was closed after an earlier error."""


class Disconnected(OSError):
    """The server says that it ends the connection, and why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """A message to the server, and its id."""

    id: int
    data: bytes = dataclasses.field(repr=False)


class LdapConnection:
    """A connection that has one request at a time. After an error it is closed, as what follows cannot be trusted.

    A message must be complete within `timeout` seconds; a long one gets as much again for each 64 KiB. So a server that
    stops answering is noticed in time, also in the middle of a message.
    """

    def __init__(self, sock: socket.socket, server: str, timeout: float) -> None:
        self.server = server
        self._socket = sock
        self._timeout = timeout
        self._buffer = bytearray()
        self._sealed: spnego.ContextProxy | None = None
        self._last_id = 0
        self._open = True

    @property
    def is_open(self) -> bool:
        """Whether it was neither closed nor failed."""
        return self._open

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate (DER), None without TLS."""
        return self._socket.getpeercert(True) if isinstance(self._socket, ssl.SSLSocket) else None

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Protect the connection by TLS. Raises `OSError`."""
        with self._closed_on_error():
            if self._buffer:
                # whoever sent it did so before the server proved who it is
                raise Malformed("it has more than one answer to StartTLS")
            self._socket.settimeout(self._timeout)
            self._socket = context.wrap_socket(self._socket, server_hostname=self.server)

    def seal(self, context: spnego.ContextProxy) -> None:
        """Seal what is sent from now on, and expect sealed answers."""
        if self._buffer:
            raise Malformed("it has more than one answer to the login")
        self._sealed = context

    def ask(self, pack: t.Callable[[int], bytes]) -> Answer:
        """The only answer to a request. Raises as `prepare` and `receive`."""
        request = self.prepare(pack)
        self.send(request)
        return self.receive(request.id)

    def prepare(self, pack: t.Callable[[int], bytes]) -> Request:
        """A request that `pack` makes of its message id. Raises what `pack` raises, and `ConnectionClosed`. The
        connection stays open.
        """
        if not self._open:
            raise ConnectionClosed("nothing was sent, as the connection was closed after an earlier error")
        self._last_id += 1
        return Request(self._last_id, pack(self._last_id))

    def send(self, request: Request) -> None:
        """Send a request. Raises `OSError` and the errors of the library that seals."""
        with self._closed_on_error():
            data = request.data
            if self._sealed:
                wrapped = self._sealed.wrap(data, encrypt=True).data
                data = len(wrapped).to_bytes(_SEALED_HEADER, "big") + wrapped
            self._socket.settimeout(self._timeout)
            for start in range(0, len(data), _CHUNK):
                self._socket.sendall(data[start : start + _CHUNK])

    def receive(self, message_id: int) -> Answer:
        """The next answer to a request. Raises `OSError`, `Malformed` and the errors of the library that unseals."""
        with self._closed_on_error():
            answer = parse_answer(self._message())
            if answer.id == 0:
                raise Disconnected(answer.result().detail or "it gives no reason")
            if answer.id != message_id:
                raise Malformed(f"it answers request {answer.id} instead of {message_id}")
            return answer

    def close(self) -> None:
        """Close the connection, also one that is closed."""
        self._open = False
        with contextlib.suppress(OSError):
            self._socket.close()

    @contextlib.contextmanager
    def _closed_on_error(self) -> t.Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _message(self) -> bytes:
        patience = _Patience(self._timeout)
        while (length := message_length(self._buffer)) is None or len(self._buffer) < length:
            self._buffer += self._unsealed(self._sealed, patience) if self._sealed else self._some(patience)
        message = bytes(self._buffer[:length])
        del self._buffer[:length]
        return message

    def _unsealed(self, context: spnego.ContextProxy, patience: _Patience) -> bytes:
        length = int.from_bytes(self._exactly(_SEALED_HEADER, patience), "big")
        if length > LONGEST_MESSAGE + _SEAL:
            raise TooMuch(f"a sealed message says that it has {length} bytes, and {LONGEST_MESSAGE} are accepted")
        return context.unwrap(self._exactly(length, patience)).data

    def _exactly(self, count: int, patience: _Patience) -> bytes:
        data = bytearray()
        while len(data) < count:
            data += self._some(patience, count - len(data))
        return bytes(data)

    def _some(self, patience: _Patience, most: int = _CHUNK) -> bytes:
        """At least one byte."""
        self._socket.settimeout(patience.left())
        data = self._socket.recv(min(most, _CHUNK))
        if not data:
            raise ConnectionClosed("the server closes the connection")
        patience.came(len(data))
        return data


class _Patience:
    """How long is waited for a message."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._bytes = 0
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def came(self, count: int) -> None:
        self._bytes += count
        if self._bytes >= _CHUNK:
            self._bytes = 0
            self._end = time.monotonic() + self._seconds
