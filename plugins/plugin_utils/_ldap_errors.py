# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is told about a directory that cannot be used. All errors of sockets, TLS, logins and libraries end here."""

from __future__ import annotations

import contextlib
import socket
import ssl
import typing as t

from ..module_utils._core.directory.errors import DirectoryError, LostConnection, ResultCode, ResultError
from ..module_utils._core.hints import brief, printable
from ._directory_options import ConnectionOptions, Login, TlsMode
from ._ldap_answers import Malformed, Result, TooMuch
from ._ldap_connection import Disconnected

_INVALID_CREDENTIALS: t.Final = 49
_STRONG_AUTH_REQUIRED: t.Final = 8
_CONFIDENTIALITY_REQUIRED: t.Final = 13

_LOGIN_CODES: t.Final = {
    "525": "the user does not exist; check username",
    "52e": "the user name or the password is wrong; check username and password",
    "530": "the user may not log in at this time",
    "531": "the user may not log in from this computer",
    "532": "the password has expired; change it",
    "533": "the account is disabled; enable it, or use another one",
    "701": "the account has expired; extend it, or use another one",
    "773": "the password must be changed before the first login; change it",
    "775": "the account is locked; unlock it, or wait",
}
"""Codes of Windows in the answer to a login (MS-ERREF 2.2), as hexadecimal digits."""

_CERTIFICATE_CODES: t.Final = {
    9: "its certificate is not valid yet; check the clocks of the server and of the controller",
    10: "its certificate has expired; renew it on the server",
    18: "its certificate is signed by itself; set ca_cert to it, or give the server one of a known authority",
    19: "the authority of its certificate is not known; set ca_cert to the certificate of the authority",
    20: "the authority of its certificate is not known; set ca_cert to the certificate of the authority",
    21: "the authority of its certificate is not known; set ca_cert to the certificate of the authority",
    62: "its certificate is for another name; set server to a name in the certificate",
    64: "its certificate is not for this address; set server to a name in the certificate",
}
"""Reasons of OpenSSL not to trust a certificate (X509_V_ERR_…)."""

_KERBEROS_CODES: t.Final = {
    6: "the user does not exist; check username",
    7: "the KDC does not know this server; set server to the full DNS name of a domain controller",
    18: "the account is disabled, locked or expired; use another one",
    23: "the password has expired; change it",
    24: "the password is wrong; check username and password",
    25: "a password is required; set password, or get a ticket with kinit",
    31: "the ticket was made for another password of the server; get a new one with kinit",
    32: "the ticket has expired; get a new one with kinit, or set username and password",
    37: "the clocks of the server and of the controller differ too much; synchronize them",
    141: "there is no ticket; get one with kinit, or set username and password",
    154: "the realm is not known; add it to krb5.conf, or check username",
    156: "the KDC of the realm does not answer; check krb5.conf and the network",
    195: "there is no ticket; get one with kinit, or set username and password",
}
"""Errors of MIT Kerberos, counted from the first one (RFC 4120, 7.5.9, and krb5.h)."""
_KERBEROS_FIRST: t.Final = -1765328384


@contextlib.contextmanager
def told_of(server: str, options: ConnectionOptions, doing: str = "") -> t.Iterator[None]:
    """Turn all errors into `DirectoryError`, with the server and what was being done."""
    try:
        yield
    except (ResultError, LostConnection):
        raise
    except Exception as error:
        place = f"{server}: {doing}: " if doing else f"{server}: "
        raise DirectoryError(place + explain(error, options)) from error


def explain(error: Exception, options: ConnectionOptions) -> str:
    """What happened, and what would be right. It never contains passwords."""
    match error:
        case DirectoryError():
            return str(error)
        case ssl.SSLCertVerificationError():
            return _CERTIFICATE_CODES.get(
                error.verify_code, f"its certificate cannot be trusted: {short(error.verify_message)}"
            )
        case ssl.SSLError():
            return _explain_tls(error, options)
        case TimeoutError():
            return (
                f"it does not answer within {options.connection_timeout} seconds; check server and port, or set a "
                "larger connection_timeout"
            )
        case ConnectionRefusedError():
            return "it takes no connections on this port; check server and port"
        case socket.gaierror():
            return "its name cannot be found; check server and domain"
        case ConnectionResetError() | BrokenPipeError():
            return "the server closes the connection"
        case Disconnected():
            return f"the server ends the connection: {short(error)}"
        case TooMuch():
            return f"{short(error)}. Check that server is a domain controller"
        case Malformed():
            return f"it sends what cannot be read: {short(error)}. Check that server and port are those of LDAP"
        case UnicodeEncodeError():
            return "a text has characters that UTF-8 does not have"
        case OSError():
            return short(error.strerror or error)
    return _explain_login(error, options)


def refused_login(result: Result, options: ConnectionOptions) -> str:
    """Why the server refuses a login, and what would be right."""
    detail = result.detail
    if result.code == ResultCode.REFERRAL:
        return referred(result.referrals)
    if result.code in (_STRONG_AUTH_REQUIRED, _CONFIDENTIALITY_REQUIRED):
        if options.tls and options.login != Login.SIMPLE:
            advice = "leave out tls_mode, so that the login seals the connection, or use auth_protocol simple"
        elif options.login == Login.SIMPLE:
            advice = "set tls_mode to ldaps"
        else:
            advice = "set encrypt to true"
        return f"the server asks for more protection of the login (result {result.code}); {advice}"
    if result.code == _INVALID_CREDENTIALS:
        for code, meaning in _LOGIN_CODES.items():
            if f"data {code}," in detail or detail.endswith(f"data {code}"):
                return f"login refused: {meaning}"
        if options.login in (Login.NTLM, Login.NEGOTIATE) and not options.seals:
            return (
                f"login refused: the server does not take NTLM that does not seal the connection ({short(detail)}); "
                + ("leave out tls_mode, or use auth_protocol simple" if options.tls else "set encrypt to true")
            )
        return f"login refused: check username and password ({short(detail)})"
    return f"login refused with result {result.code}: {short(detail) or 'it gives no reason'}"


def no_start_tls(result: Result) -> str:
    """That the server does not begin TLS on request."""
    return (
        f"the server refuses StartTLS with result {result.code}: {short(result.detail) or 'it gives no reason'}; set "
        "tls_mode to ldaps, or leave it out, so that the login seals the connection"
    )


def referred(servers: t.Sequence[str]) -> str:
    """That the server is not responsible."""
    return (
        f"the server does not have this and refers to {short(', '.join(servers)) or 'another server'}; set server to "
        "a domain controller of the domain"
    )


def _explain_tls(error: ssl.SSLError, options: ConnectionOptions) -> str:
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "the server closes the connection during TLS"
    if error.reason in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"):
        where = "port 636 is the one of LDAPS" if options.tls == TlsMode.LDAPS else "StartTLS"
        return f"it does not speak TLS here; check port and tls_mode ({where})"
    return f"TLS fails: {short(error.reason or error)}"


def _explain_login(error: Exception, options: ConnectionOptions) -> str:
    """The errors of spnego, gssapi and krb5, which may be missing, so they are told apart by their attributes."""
    cause: BaseException | None = error
    while cause is not None:
        for name in ("err_code", "min_code"):
            code = getattr(cause, name, None)
            if isinstance(code, int):
                # unsigned in some versions
                number = ((code + (1 << 31)) % (1 << 32)) - (1 << 31) - _KERBEROS_FIRST
                if number in _KERBEROS_CODES:
                    return f"login by Kerberos: {_KERBEROS_CODES[number]}"
        cause = getattr(cause, "base_error", None) or cause.__cause__ or cause.__context__
    return f"login by {options.login} fails: {short(error)}"


def short(text: object) -> str:
    """Words of others: one short and printable line."""
    return brief(printable(" ".join(str(text).replace("\0", " ").split())), 300)
