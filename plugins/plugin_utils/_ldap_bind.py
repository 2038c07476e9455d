# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Logging in to a directory: by name and password, by certificate, by Kerberos or NTLM (RFC 4513, MS-ADTS 5.1.1)."""

from __future__ import annotations

import queue
import threading
import typing as t

from ..module_utils._core.directory.errors import DirectoryError, ResultCode
from ._directory_options import ConnectionOptions, Login, TlsMode
from ._ldap_answers import Result
from ._ldap_connection import LdapConnection
from ._ldap_errors import refused_login
from ._ldap_messages import pack_sasl_bind, pack_simple_bind
from ._ldap_tls import channel_bindings

_MECHANISM: t.Final = "GSS-SPNEGO"
_IN_PROGRESS: t.Final = 14
_T = t.TypeVar("_T")


def log_in(connection: LdapConnection, options: ConnectionOptions) -> None:
    """Log in, and seal the connection if it has no TLS. Raises `DirectoryError`, and the errors of libraries."""
    match options.login:
        case Login.SIMPLE:
            username, password = options.username or "", options.password or ""
            if not password:
                raise DirectoryError("an empty password is no login")
            answer = connection.ask(lambda number: pack_simple_bind(number, username, password))
            _check(answer.result(), options)
        case Login.CERTIFICATE:
            # with LDAPS the certificate is the login, and another one is an error (MS-ADTS 5.1.1.1.3)
            if options.tls == TlsMode.START_TLS:
                answer = connection.ask(lambda number: pack_sasl_bind(number, "EXTERNAL", b""))
                _check(answer.result(), options)
        case _:
            _negotiate(connection, options)


def _negotiate(connection: LdapConnection, options: ConnectionOptions) -> None:
    """Exchange tokens until both sides are content."""
    import spnego

    wanted = spnego.ContextReq.mutual_auth
    if options.seals:
        wanted |= spnego.ContextReq.sequence_detect | spnego.ContextReq.integrity | spnego.ContextReq.confidentiality
    else:
        wanted |= spnego.ContextReq.no_integrity
    context = _in_time(
        options,
        lambda: spnego.client(
            username=_with_realm(options),
            password=options.password,
            hostname=connection.server,
            service="ldap",
            context_req=wanted,
            protocol=options.login.value,
        ),
    )
    bindings = channel_bindings(connection.certificate)
    token: bytes | None = None
    result: Result | None = None
    while not context.complete:
        step = _in_time(options, lambda token=token: context.step(token, channel_bindings=bindings))  # type: ignore[misc]
        if not step:
            break
        result = connection.ask(lambda number, step=step: pack_sasl_bind(number, _MECHANISM, step)).result()  # type: ignore[misc]
        if result.code != _IN_PROGRESS:
            _check(result, options)
        token = result.credentials
    if not context.complete or result is None or result.code != ResultCode.SUCCESS:
        raise DirectoryError("the server does not finish the login")
    if options.seals:
        if not context.context_attr & spnego.ContextReq.confidentiality:
            raise DirectoryError("the server does not agree to encrypt the connection; set tls_mode to ldaps")
        connection.seal(context)


def _in_time(options: ConnectionOptions, work: t.Callable[[], _T]) -> _T:
    """The result of what may ask the KDC. The library waits long for one that does not answer, and cannot be stopped,
    so it is left behind.
    """
    done: queue.SimpleQueue[tuple[_T | None, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except Exception as error:
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = done.get(timeout=options.connection_timeout)
    except queue.Empty:
        raise DirectoryError(
            f"the KDC does not answer within {options.connection_timeout} seconds; check krb5.conf and the network"
        ) from None
    if error:
        raise error
    return t.cast("_T", result)


def _with_realm(options: ConnectionOptions) -> str | None:
    """The user name. The realms of Active Directory have capital letters only, and Kerberos tells these apart."""
    user, at, realm = (options.username or "").partition("@")
    if options.login == Login.NTLM or not at:
        return options.username
    return f"{user}@{realm.upper()}"


def _check(result: Result, options: ConnectionOptions) -> None:
    if result.code != ResultCode.SUCCESS:
        raise DirectoryError(refused_login(result, options))
