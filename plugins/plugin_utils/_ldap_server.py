# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Finding a domain controller: by its name, by DNS, by the name of the domain or the realm of Kerberos."""

from __future__ import annotations

import dataclasses
import socket
import time
import typing as t

from ..module_utils._core.directory.errors import DirectoryError
from ._directory_options import ConnectionOptions, TlsMode

_MOST_SERVERS: t.Final = 8


@dataclasses.dataclass(frozen=True, slots=True)
class ServerPlace:
    """The name of a server, and its port."""

    name: str
    port: int


def find_servers(options: ConnectionOptions) -> list[ServerPlace]:
    """The servers to try, the best one first. Raises `DirectoryError`."""
    if options.server:
        return [ServerPlace(options.server, options.default_port)]
    domain = (options.domain or _realm()).rstrip(".")
    return _records(domain, options) or [ServerPlace(domain, options.default_port)]


def open_socket(places: t.Sequence[ServerPlace], timeout: float) -> tuple[socket.socket, ServerPlace]:
    """A socket to the first server that takes the connection. All of them and their addresses share the timeout.
    Raises `OSError` of the last one.
    """
    end = time.monotonic() + timeout
    targets: list[tuple[ServerPlace, t.Any]] = []
    failure: OSError | None = None
    for place in places:
        try:
            found = socket.getaddrinfo(place.name, place.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            failure = error if isinstance(error, OSError) else socket.gaierror(str(error))
            continue
        targets += [(place, address) for address in found]
    for tried, (place, (family, kind, protocol, _name, address)) in enumerate(targets):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.1, (end - time.monotonic()) / (len(targets) - tried)))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock, place
    raise failure or socket.gaierror("no address")


def _records(domain: str, options: ConnectionOptions) -> list[ServerPlace]:
    """The domain controllers that DNS names, none if it has no such records."""
    import dns.exception
    import dns.resolver

    name = f"_ldap._tcp.dc._msdcs.{domain}"
    try:
        answers = dns.resolver.resolve(name, "SRV", lifetime=options.connection_timeout)
    except (dns.exception.DNSException, OSError, ValueError):
        # the name of the domain itself has the addresses of its domain controllers
        return []
    found = sorted(answers, key=lambda record: (record.priority, -record.weight))[:_MOST_SERVERS]
    # the records have the port without TLS
    ldaps = options.tls == TlsMode.LDAPS
    return [
        ServerPlace(
            str(record.target).rstrip("."), options.port or (options.default_port if ldaps else int(record.port))
        )
        for record in found
    ]


def _realm() -> str:
    """The default realm of Kerberos, as microsoft.ad finds a server."""
    try:
        import krb5

        return str(krb5.get_default_realm(krb5.init_context()).decode())
    except Exception as error:
        raise DirectoryError("set server or domain, as Kerberos on the controller has no default realm") from error
