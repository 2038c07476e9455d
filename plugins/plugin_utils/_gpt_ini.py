# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""GPT.INI in the SYSVOL of a domain controller, read and written by SMB."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import socket
import time
import types
import typing as t
import uuid

from ..module_utils._core.directory.errors import DirectoryError
from ..module_utils._core.directory.gpt import SIZE_LIMIT, GptUnreachable, gpt_path, parse_gpt_ini, write_gpt_ini
from ..module_utils._core.directory.state import Gpo
from ..module_utils._core.hints import brief, printable
from ._directory_options import ConnectionOptions, Login
from ._ldap_libraries import require

_PORT: t.Final = 445
_PAUSES: t.Final = (0.8, 0.4, 0.2, 0.1)
"""Seconds until a file that another program has open is tried again, the last one first. Hosts open it to read it."""
_SHARING_VIOLATION: t.Final = 0xC0000043
_REASONS: t.Final = {
    0xC0000022: "the user may not open the file; it takes a user who may edit the Group Policy object",
    0xC0000034: "the file does not exist",
    0xC000003A: "the folder of the Group Policy object does not exist in SYSVOL",
    _SHARING_VIOLATION: "another program has the file open",
    0xC000006D: "login refused; check username and password",
    0xC000006E: "login refused: the account is restricted",
    0xC0000071: "login refused: the password has expired",
    0xC0000072: "login refused: the account is disabled",
    0xC000007F: "the disk of the server is full",
    0xC00000CC: "the server has no share SYSVOL",
    # Samba says this to a user name with @ and a wrong password
    0xC0000225: "login refused; check username and password",
    0xC0000234: "login refused: the account is locked",
}
"""Errors of Windows (MS-ERREF 2.3)."""


class SmbGptFiles:
    """The files GPT.INI of the domain controller that LDAP uses. The connection is made once it is needed. This is a
    context manager, and closes the connection at its end.
    """

    def __init__(self, options: ConnectionOptions, server: str) -> None:
        self._options = options
        self._server = server
        self._connections: dict[str, t.Any] = {}
        self._problem: GptUnreachable | None = None

    def __enter__(self) -> SmbGptFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        connections, self._connections = self._connections, {}
        for connection in connections.values():
            with contextlib.suppress(Exception):
                connection.disconnect(close=self._problem is None, timeout=self._options.connection_timeout)

    def read(self, gpo: Gpo) -> int:
        """The version in the file. Raises `GptUnreachable`."""
        with self._told(), self._open(gpo, "rb", "rwd") as file:
            return parse_gpt_ini(_content(file))

    def write(self, gpo: Gpo, old: int, new: int) -> None:
        """Change the version from `old` to `new`. Raises `GptUnreachable`, also for a file with another version."""
        with self._told(), self._open(gpo, "r+b", "r") as file:
            data = _content(file)
            found = parse_gpt_ini(data)
            if found not in (old, new):
                raise GptUnreachable(f"the file has version {found} instead of {old}, so somebody else has changed it")
            if found != new:
                self._replace(file, data, write_gpt_ini(data, new))

    def _replace(self, file: io.RawIOBase, old: bytes, new: bytes) -> None:
        """Write the whole file with one request. (A buffered file of smbclient is empty after write and truncate.)"""
        file.seek(0)
        if file.write(new) != len(new):
            raise GptUnreachable("the server has written only a part of the file")
        if len(new) < len(old):
            file.truncate(len(new))

    def _open(self, gpo: Gpo, mode: t.Any, share: str) -> t.ContextManager[io.RawIOBase]:
        """Open the file; `share` is what other programs may do meanwhile."""
        path = gpt_path(gpo, self._server)
        self._connect()
        smbclient = importlib.import_module("smbclient")
        pauses = list(_PAUSES)
        while True:
            try:
                file: io.RawIOBase = smbclient.open_file(
                    path,
                    mode=mode,
                    buffering=0,
                    share_access=share,
                    connection_cache=self._connections,
                    connection_timeout=self._options.connection_timeout,
                    **self._login(),
                )
                return file
            except OSError as error:
                if getattr(error, "ntstatus", None) != _SHARING_VIOLATION or not pauses:
                    raise
                time.sleep(pauses.pop())

    def _connect(self) -> None:
        """Connect and log in, unless this has been tried."""
        if self._problem is not None:
            raise self._problem
        if self._connections:
            return
        try:
            with self._told():
                require(["smbprotocol", *self._kerberos()], "for GPT.INI")
                smbclient = importlib.import_module("smbclient")
                timeout = self._options.connection_timeout
                module = importlib.import_module("smbprotocol.connection")
                connection = module.Connection(uuid.uuid4(), self._server, _PORT)
                # by default it waits for answers without end
                connection.receive = functools.partial(connection.receive, timeout=timeout)
                self._connections[f"{self._server.lower()}:{_PORT}"] = connection
                connection.connect(timeout=timeout)
                smbclient.register_session(self._server, connection_cache=self._connections, **self._login())
        except GptUnreachable as problem:
            self._problem = problem
            raise

    def _kerberos(self) -> list[str]:
        """The package that only Kerberos needs, if a ticket is the only way to log in."""
        needed = self._options.login == Login.KERBEROS or self._options.username is None
        return ["pyspnego[kerberos]"] if needed else []

    def _login(self) -> dict[str, t.Any]:
        protocol = self._options.login if self._options.login in (Login.KERBEROS, Login.NTLM) else Login.NEGOTIATE
        return {
            "username": self._options.username,
            "password": self._options.password,
            "auth_protocol": str(protocol),
        }

    @contextlib.contextmanager
    def _told(self) -> t.Iterator[None]:
        """Turn all errors into `GptUnreachable`."""
        try:
            yield
        except GptUnreachable:
            raise
        except Exception as error:
            raise GptUnreachable(self._reason(error)) from error

    def _reason(self, error: Exception) -> str:
        """What happened, in plain words."""
        if isinstance(error, DirectoryError):
            return str(error)
        for cause in _causes(error):
            status = getattr(cause, "ntstatus", getattr(cause, "status", None))
            if status in _REASONS:
                return _REASONS[status]
            match cause:
                case ConnectionRefusedError():
                    return f"{self._server} takes no connections for SMB on port {_PORT}"
                case socket.gaierror():
                    return f"the name {self._server} cannot be found"
                case TimeoutError():
                    return self._silence()
        if "timeout of" in str(error):
            return self._silence()
        return f"SMB with {self._server} fails: {brief(printable(' '.join(str(error).split())), 300)}"

    def _silence(self) -> str:
        return f"{self._server} does not answer on port {_PORT} within {self._options.connection_timeout} seconds"


def _content(file: io.RawIOBase) -> bytes:
    """The file as far as it is not too long."""
    return file.read(SIZE_LIMIT + 1) or b""


def _causes(error: BaseException | None) -> t.Iterator[BaseException]:
    """An error, and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
