# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A directory that is reached by LDAP."""

from __future__ import annotations

import contextlib
import re
import time
import types
import typing as t

from ..module_utils._core.directory.errors import DirectoryError, LostConnection, ResultCode, ResultError
from ..module_utils._core.directory.ldap import (
    AddEntry,
    DirectoryEntry,
    ModifyEntry,
    Scope,
    Search,
    Write,
)
from ..module_utils._core.hints import some
from ._directory_options import ConnectionOptions, Login, TlsMode
from ._ldap_answers import AnswerKind, Malformed, Result, TooMuch
from ._ldap_bind import log_in
from ._ldap_connection import LdapConnection
from ._ldap_errors import explain, no_start_tls, referred, short, told_of
from ._ldap_libraries import require
from ._ldap_messages import PAGING, pack_search, pack_start_tls, pack_unbind, pack_write
from ._ldap_server import find_servers, open_socket
from ._ldap_tls import tls_context

MOST_VALUES: t.Final = 2_000_000
"""How many entries, attributes and values one search may return."""
MOST_BYTES: t.Final = 256 << 20
"""How many bytes they may have."""
LONGEST_SEARCH: t.Final = 60
"""How many times the timeout of one answer a search may take."""
_EMPTY_PAGES: t.Final = 100
_RANGE: t.Final = re.compile(r"(?P<name>[^;]+);range=(?P<first>\d{1,10})-(?P<last>\d{1,10}|\*)")

_Part: t.TypeAlias = tuple[str, list[bytes]]
"""An attribute and the values that came in one answer. Its name may say which part of them this is."""


class LdapDirectory:
    """A connection to one domain controller. It is a context manager, and closes the connection at its end."""

    def __init__(self, connection: LdapConnection, options: ConnectionOptions) -> None:
        self._connection = connection
        self._options = options

    @property
    def server(self) -> str:
        return self._connection.server

    def __enter__(self) -> LdapDirectory:
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
        if self._connection.is_open:
            with contextlib.suppress(Exception):
                self._connection.send(self._connection.prepare(pack_unbind))
        self._connection.close()

    def search(self, search: Search) -> list[DirectoryEntry]:
        what = f"search {search.base}" if search.base else "read the root"
        with told_of(self.server, self._options, what):
            budget = _Budget(self._options.connection_timeout)
            found = []
            try:
                for dn, attributes in self._pages(search, budget):
                    found.append((dn, _Values(attributes)))
                return [DirectoryEntry(dn, self._whole(dn, values, search, budget)) for dn, values in found]
            except _Refused as error:
                raise ResultError(error.code, error.detail, f"{self.server}: {what}") from None
            except BaseException:
                # more answers may follow
                self._connection.close()
                raise

    def write(self, write: Write) -> None:
        verb = "add" if isinstance(write, AddEntry) else "modify" if isinstance(write, ModifyEntry) else "delete"
        what = f"{verb} {write.dn}"
        with told_of(self.server, self._options, what):
            request = self._connection.prepare(lambda message_id: pack_write(message_id, write))
            try:
                self._connection.send(request)
                result = self._connection.receive(request.id).result()
            except Exception as error:
                self._connection.close()
                reason = explain(error, self._options)
                raise LostConnection(f"{self.server}: {what}: {reason}. Whether it was done is not known") from error
            try:
                _check(result)
            except _Refused as error:
                raise ResultError(error.code, error.detail, f"{self.server}: {what}") from None

    def _pages(self, search: Search, budget: _Budget) -> t.Iterator[tuple[str, list[_Part]]]:
        """The entries of all pages."""
        cookie: bytes | None = None if search.scope == Scope.BASE else b""
        empty = 0
        while True:
            request = self._connection.prepare(_search_with(search, cookie))
            self._connection.send(request)
            empty += 1
            while (answer := self._connection.receive(request.id)).tag in (AnswerKind.ENTRY, AnswerKind.REFERENCE):
                if answer.tag == AnswerKind.ENTRY:
                    budget.take(1, len(answer.body))
                    dn, attributes = answer.entry(budget.values)
                    budget.take(sum(1 + len(values) for _name, values in attributes))
                    empty = 0
                    yield dn, attributes
                    continue
                budget.take(1, len(answer.body))
                if search.scope != Scope.SUBTREE:
                    raise DirectoryError(referred(answer.references()))
                # below the root of a domain begin other parts of its forest, which nobody asks for
            _check(answer.result())
            cookie = answer.cookie(PAGING)
            if not cookie:
                return
            if empty > _EMPTY_PAGES:
                raise Malformed("it sends pages without entries, and no end")

    def _whole(self, dn: str, values: _Values, search: Search, budget: _Budget) -> dict[str, tuple[bytes, ...]]:
        """All values of an entry. A server may give a part of them, and say which (MS-ADTS 3.1.1.3.1.3.3)."""
        while values.partial:
            name = min(values.partial)
            start = len(values.found[name])
            more = Search(base=dn, attributes=(f"{name};range={start}-*",), descriptors=search.descriptors)
            for _dn, attributes in self._pages(more, budget):
                values.add(part for part in attributes if part[0].lower().startswith(f"{name};"))
            if name in values.partial and len(values.found[name]) == start:
                raise Malformed(f"it does not go on with the values of {name}")
        return {name: tuple(found) for name, found in values.found.items()}


class _Values:
    """The values of an entry by the lower-case name of the attribute, and which of these go on."""

    def __init__(self, attributes: t.Iterable[_Part]) -> None:
        self.found: dict[str, list[bytes]] = {}
        self.partial: set[str] = set()
        self.add(attributes)

    def add(self, attributes: t.Iterable[_Part]) -> None:
        for full, values in attributes:
            name = full.lower()
            if part := _RANGE.fullmatch(name):
                name = part["name"]
                if int(part["first"]) != len(self.found.get(name, [])):
                    raise Malformed(f"it does not go on with the values of {name}")
                if part["last"] == "*":
                    self.partial.discard(name)
                else:
                    self.partial.add(name)
            self.found.setdefault(name, []).extend(values)


class _Budget:
    """What a search may still cost. It ends a search that has no end."""

    def __init__(self, timeout: int) -> None:
        self.values = MOST_VALUES
        self._bytes = MOST_BYTES
        self._seconds = LONGEST_SEARCH * timeout
        self._end = time.monotonic() + self._seconds

    def take(self, values: int, size: int = 0) -> None:
        self.values -= values
        self._bytes -= size
        if self.values < 0:
            raise TooMuch("a search has more values than are accepted")
        if self._bytes < 0:
            raise TooMuch(f"a search has more than {MOST_BYTES >> 20} MiB")
        if time.monotonic() > self._end:
            raise TooMuch(f"a search takes longer than {self._seconds} seconds")


class _Refused(Exception):
    """A result that is not success."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.code = result.code
        self.detail = short(result.detail)


def _check(result: Result) -> None:
    if result.code == ResultCode.REFERRAL:
        raise DirectoryError(referred(result.referrals))
    if result.code != ResultCode.SUCCESS:
        raise _Refused(result)


def _search_with(search: Search, cookie: bytes | None) -> t.Callable[[int], bytes]:
    return lambda message_id: pack_search(message_id, search, cookie)


def _packages(options: ConnectionOptions) -> list[str]:
    """The Python packages that a connection needs."""
    kerberos = options.login == Login.KERBEROS or (options.login == Login.NEGOTIATE and options.username is None)
    packages = ["sansldap", "pyspnego[kerberos]" if kerberos else "pyspnego"]
    return packages if options.server else [*packages, "dnspython"]


def connect(options: ConnectionOptions) -> LdapDirectory:
    """Find a domain controller, connect and log in. Raises `DirectoryError`."""
    with told_of("directory", options):
        require(_packages(options), "to reach a domain")
        context = tls_context(options) if options.tls else None
        places = find_servers(options)
    with told_of(some([f"{place.name}:{place.port}" for place in places], 3), options):
        sock, place = open_socket(places, options.connection_timeout)
    connection = LdapConnection(sock, place.name, options.connection_timeout)
    try:
        with told_of(f"{place.name}:{place.port}", options):
            if context:
                if options.tls == TlsMode.START_TLS:
                    result = connection.ask(pack_start_tls).result()
                    if result.code != ResultCode.SUCCESS:
                        raise DirectoryError(no_start_tls(result))
                connection.start_tls(context)
            log_in(connection, options)
    except BaseException:
        connection.close()
        raise
    return LdapDirectory(connection, options)
