# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Answers of a directory: any bytes as what a server sends. The first byte selects what was asked for."""

from __future__ import annotations

import typing as t

import sansldap
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import DeleteEntry, Scope, Search
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions, Login
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap import LdapDirectory
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap_answers import Malformed, message_length, parse_answer
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap_bind import log_in
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap_connection import LdapConnection
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap_errors import told_of
from directory import fakes

from .inputs import TOKEN, check_hidden

_CLIENT: t.Final = "plugins/plugin_utils/_ldap"
SUBJECT: t.Final = (f"{_CLIENT}_answers.py", f"{_CLIENT}_connection.py", f"{_CLIENT}.py")
WORDS: t.Final = (
    *(b"\x30\x84\xff\xff\xff\xff", b"\x30\x80", b"\x02\x01\x01", b"\x02\x01\x02", b"\x0a\x01\x0a", b"\x31\x00"),
    *(b"\x64", b"\x65", b"\x73", b"\x78", b"\x61", b"\xa0", b"\xa3", b"\x87", b"\x8a"),
    *(b";range=0-0", b";range=1-*", b";range=0-9999999999", b"1.2.840.113556.1.4.319", b"data 52e,"),
)
_OPTIONS: t.Final = ConnectionOptions(
    server="dc1", username="u", password=TOKEN, auth_protocol=Login.SIMPLE, encrypt=False
)


class _Socket:
    """A socket from which a server's bytes come, and then its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def settimeout(self, _seconds: float) -> None: ...

    def sendall(self, _data: bytes) -> None: ...

    def close(self) -> None: ...

    def recv(self, most: int) -> bytes:
        found, self._data = self._data[:most], self._data[most:]
        return found


def check(data: bytes) -> None:
    """Bytes are refused with a `DirectoryError` of one line, or are entries that have no more than was sent. Entries
    are those that sansldap reads, if it reads the bytes too.
    """
    kind, data = data[:1], data[1:]
    connection = LdapConnection(_Socket(data), "dc1", 5)  # type: ignore[arg-type]
    directory = LdapDirectory(connection, _OPTIONS)
    try:
        if kind == b"w":
            directory.write(DeleteEntry("CN=a"))
        elif kind == b"l":
            with told_of("dc1", _OPTIONS):
                log_in(connection, _OPTIONS)
        else:
            scope = Scope.SUBTREE if kind == b"t" else Scope.BASE
            found = directory.search(Search(base="CN=a", scope=scope))
            values = [value for entry in found for values in entry.attributes.values() for value in values]
            assert sum(map(len, values)) <= len(data), "values that were not sent"
    except DirectoryError as error:
        assert "\n" not in str(error), "an error of several lines"
        assert len(str(error)) < 1000, "a long error"
        check_hidden(error, [TOKEN], "an error")
    _compare(data)


def _compare(data: bytes) -> None:
    """The first message is read as the library reads it, if both accept it."""
    client = sansldap.LDAPClient()
    client.search_request()
    try:
        length = message_length(data)
        if length is None or length > len(data):
            return
        entry = parse_answer(data[:length]).entry(1 << 20)
        (read,) = client.receive(data[:length])
    except (Malformed, sansldap.LDAPError, IndexError, ValueError):
        # the library has no error of its own for some numbers
        return
    if isinstance(read, sansldap.SearchResultEntry):
        assert entry == (read.object_name, [(part.name, part.values) for part in read.attributes])


def seeds() -> t.Iterator[bytes]:
    done = fakes.result(1, fakes.DONE)
    yield b"s" + fakes.entry(1, "CN=a", cn=[b"a"], member=[b"b", b"c"]) + done
    more = fakes.result(2, fakes.DONE)
    yield (
        b"s"
        + fakes.entry(1, "CN=a", **{"m;range=0-0": [b"b"]})
        + done
        + fakes.entry(2, "CN=a", **{"m;range=1-*": [b"c"]})
        + more
    )
    yield b"t" + fakes.paged(1, b"c") + fakes.entry(2, "CN=b", cn=[b"b"]) + fakes.paged(2, b"")
    yield b"t" + fakes.reference(1, "ldap://dc2/DC=b") + done
    yield b"s" + fakes.result(1, fakes.DONE, 10, referrals=["ldap://dc2/DC=b"])
    yield b"w" + fakes.result(1, fakes.MODIFY_DONE, 16, "no such value")
    yield b"w" + fakes.result(0, fakes.EXTENDED, 52, "bye")
    yield b"l" + fakes.result(1, fakes.LOGIN, 49, "AcceptSecurityContext error, data 52e, v1db1")
    yield b"l" + fakes.result(1, fakes.LOGIN)
