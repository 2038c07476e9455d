# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Certificates of a connection to a directory: those that are trusted, and the one that a user logs in with."""

from __future__ import annotations

import pathlib
import secrets
import ssl
import tempfile
import typing as t

from ..module_utils._core.directory.errors import DirectoryError
from ._directory_options import ConnectionOptions, Login, Validation

if t.TYPE_CHECKING:
    import spnego.channel_bindings

_PEM: t.Final = "-----BEGIN"


def tls_context(options: ConnectionOptions) -> ssl.SSLContext:
    """What TLS needs. Raises `DirectoryError` for certificates that cannot be read."""
    context = ssl.create_default_context()
    if options.cert_validation != Validation.ALWAYS:
        context.check_hostname = False
    if options.cert_validation == Validation.IGNORE:
        context.verify_mode = ssl.CERT_NONE
    if options.ca_cert:
        _trust(context, options.ca_cert)
    if options.login == Login.CERTIFICATE and options.certificate:
        _log_in_with(context, options.certificate, options.certificate_key, options.certificate_password)
    return context


def channel_bindings(certificate: bytes | None) -> spnego.channel_bindings.GssChannelBindings | None:
    """What ties a login to the TLS connection that it is made in (RFC 5929, 4.1), None without TLS."""
    if not certificate:
        return None
    import spnego.channel_bindings
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives import hashes

    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (ValueError, exceptions.UnsupportedAlgorithm):
        algorithm = None
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    return spnego.channel_bindings.GssChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())


def _trust(context: ssl.SSLContext, authority: str) -> None:
    """Trust the authorities in a PEM or DER file, a folder as OpenSSL knows it, or a PEM text."""
    try:
        if _PEM in authority:
            context.load_verify_locations(cadata=authority)
        elif (path := pathlib.Path(authority)).is_dir():
            context.load_verify_locations(capath=authority)
        else:
            data = path.read_bytes()
            context.load_verify_locations(cadata=data.decode() if _PEM.encode() in data else data)
    except (OSError, ValueError) as error:
        shown = "" if _PEM in authority else f" {authority}"
        raise DirectoryError(f"ca_cert{shown} cannot be read: {_reason(error)}") from error


def _log_in_with(context: ssl.SSLContext, certificate: str, key: str | None, password: str | None) -> None:
    """Log in with a certificate and its key, each a file or a PEM text."""
    try:
        cert_data, key_data = _content(certificate), _content(key) if key else b""
        pem, secret = _as_pem(cert_data, key_data, password.encode() if password else None)
        # the ssl module reads them from files only
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "certificate.pem")
            path.touch(0o600)
            path.write_bytes(pem)
            context.load_cert_chain(path, password=secret)
    except (OSError, ValueError, TypeError) as error:
        raise DirectoryError(
            f"certificate, certificate_key and certificate_password do not fit together: {_reason(error)}"
        ) from error


def _content(value: str) -> bytes:
    return value.encode() if _PEM in value else pathlib.Path(value).read_bytes()


def _as_pem(certificate: bytes, key: bytes, password: bytes | None) -> tuple[bytes, bytes]:
    """Certificates with the key of the first one as PEM, and a password for it. A key is never written without one."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    private: t.Any
    if _PEM.encode() in certificate:
        chain = x509.load_pem_x509_certificates(certificate)
        private = _private_key(key or certificate, password)
    else:
        try:
            chain = [x509.load_der_x509_certificate(certificate)]
        except ValueError:
            private, first, others = pkcs12.load_key_and_certificates(certificate, password)
            if private is None or first is None:
                raise ValueError("the PKCS12 file has no certificate with a key") from None
            chain = [first, *others]
        else:
            private = _private_key(key, password)
    secret = secrets.token_hex().encode()
    packed = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(secret),
    )
    return b"".join([*(one.public_bytes(serialization.Encoding.PEM) for one in chain), packed]), secret


def _private_key(data: bytes, password: bytes | None) -> t.Any:
    from cryptography.hazmat.primitives import serialization

    if _PEM.encode() not in data:
        return serialization.load_der_private_key(data, password)
    for line in data.splitlines():
        if line.startswith(_PEM.encode()) and b"PRIVATE KEY" in line:
            return serialization.load_pem_private_key(data[data.index(line) :], password)
    raise ValueError("there is no key")


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
