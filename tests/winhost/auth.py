# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Authentication at the endpoint: Basic, and NTLM with message encryption by pyspnego."""

from __future__ import annotations

import atexit
import base64
import dataclasses
import functools
import hmac
import os
import re
import secrets
import struct
import tempfile
import typing as t

import spnego

_BOUNDARY: t.Final = b"--Encrypted Boundary"
_SEALED: t.Final = "application/HTTP-SPNEGO-session-encrypted"


@dataclasses.dataclass(frozen=True)
class Credentials:
    """A user and a password."""

    user: str
    password: str


@functools.cache
def process_credentials() -> Credentials:
    """The only user of all simulated hosts of this process.

    pyspnego reads the users from a file that an environment variable names, so a process has only one list of users.
    """
    credentials = Credentials("vagrant", secrets.token_urlsafe(12))
    descriptor, path = tempfile.mkstemp(prefix="winhost-users-")
    with os.fdopen(descriptor, "w") as file:
        file.write(f":{credentials.user}:{credentials.password}\n")
    atexit.register(os.unlink, path)
    os.environ["NTLM_USER_FILE"] = path
    return credentials


class Denied(Exception):
    """The client must authenticate, or failed to do so. `challenge` goes into the headers of the 401."""

    def __init__(self, challenge: str | None = None, failed: bool = False) -> None:
        super().__init__("not authenticated")
        self.challenge = challenge
        self.failed = failed


class SealError(Exception):
    """A sealed message that cannot be unsealed."""


class Session:
    """The authentication of one TCP connection."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._context: t.Any = None
        self._scheme = ""
        self.authenticated = False

    def authorize(self, header: str | None) -> str | None:
        """Check an Authorization header. Returns a token for the header of the answer; raises `Denied`."""
        if header is None:
            if self.authenticated:
                return None
            raise Denied
        scheme, _sep, token = header.partition(" ")
        if scheme.lower() == "basic":
            return self._basic(token)
        if scheme.lower() in ("negotiate", "ntlm"):
            return self._step(scheme, token)
        raise Denied(failed=True)

    def _basic(self, token: str) -> None:
        try:
            user, _sep, password = base64.b64decode(token, validate=True).decode().partition(":")
        except ValueError:
            raise Denied(failed=True) from None
        known = f"{self._credentials.user.lower()}:{self._credentials.password}".encode()
        # Basic comes with each request, so each is checked
        if not hmac.compare_digest(f"{user.lower()}:{password}".encode(), known):
            raise Denied(failed=True)

    def _step(self, scheme: str, token: str) -> str | None:
        try:
            data = base64.b64decode(token, validate=True)
            if self._context is None or self.authenticated:
                raw = data.startswith(b"NTLMSSP")
                options = spnego.NegotiateOptions.use_ntlm if raw else spnego.NegotiateOptions.use_negotiate
                self._context = spnego.server(protocol="ntlm" if raw else "negotiate", options=options)
                self._scheme = scheme
                self.authenticated = False
            answer = self._context.step(data)
        except (ValueError, spnego.exceptions.SpnegoError):
            self._context = None
            raise Denied(failed=True) from None
        encoded = f"{self._scheme} {base64.b64encode(answer).decode()}" if answer else None
        if not self._context.complete:
            raise Denied(encoded)
        self.authenticated = True
        return encoded

    def unseal(self, content_type: str, body: bytes) -> tuple[bool, bytes]:
        """Whether the body is sealed, and the message in it. Raises `SealError`, for example for a bad signature."""
        if "multipart/encrypted" not in content_type:
            return False, body
        if not self.authenticated or self._context is None:
            raise SealError("this connection has no session keys")
        parts = body.split(_BOUNDARY)
        data = parts[2].partition(b"application/octet-stream\r\n")[2] if len(parts) > 2 else b""
        if len(data) < 4 or not re.search(rb"OriginalContent:\s*type=[^;]+;charset=[^;]+;Length=(\d+)", parts[1]):
            raise SealError("the sealed message lacks some of its parts")
        size = struct.unpack("<i", data[:4])[0]
        try:
            message = self._context.unwrap_winrm(data[4 : 4 + size], data[4 + size :])
        except (spnego.exceptions.SpnegoError, ValueError, struct.error) as error:
            raise SealError(str(error)) from None
        return True, t.cast(bytes, message)

    def seal(self, message: bytes) -> tuple[str, bytes]:
        """Content type and body of an answer."""
        header, data, _padding = self._context.wrap_winrm(message)
        body = (
            _BOUNDARY
            + f"\r\n\tContent-Type: {_SEALED}\r\n".encode()
            + f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={len(message)}\r\n".encode()
            + _BOUNDARY
            + b"\r\n\tContent-Type: application/octet-stream\r\n"
            + struct.pack("<i", len(header))
            + header
            + data
            + _BOUNDARY
            + b"--\r\n"
        )
        return f'multipart/encrypted;protocol="{_SEALED}";boundary="Encrypted Boundary"', body
