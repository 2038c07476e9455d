# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Logging in with a certificate. Samba does not support that, so a small server in Python asks for the certificate."""

from __future__ import annotations

import datetime
import ssl

import pytest
import sansldap
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import Search
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap import connect
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from directory import fakes
from directory.certificates import Certificate, make_certificates
from directory.fakes import FakeServer, result

SECRET = "Secret-of-1"
LOCK = serialization.BestAvailableEncryption(SECRET.encode())
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


@pytest.fixture(scope="module")
def user():
    """The certificate of a user, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alice")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


@pytest.fixture
def server(user, tmp_path):
    """A function that makes a server. It notes whose certificates it gets, and the mechanisms of logins."""
    certificate, _key = user
    make_certificates(tmp_path, "other.test", "127.0.0.1", Certificate.GOOD)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    context.load_verify_locations(cadata=certificate.public_bytes(PEM).decode())
    context.verify_mode = ssl.CERT_REQUIRED

    def make(seen, mode):
        def talk(peer):
            if mode == "start_tls":
                peer.send(result(peer.request()[0], fakes.EXTENDED))
                peer.sock = context.wrap_socket(peer.sock, server_side=True)
            seen.append(peer.sock.getpeercert()["subject"][0][0][1])
            while True:
                data = peer.sock.recv(65536)
                if not data:
                    return
                (request,) = sansldap.LDAPServer().receive(data)
                login = isinstance(request, sansldap.BindRequest)
                if login:
                    seen.append(request.authentication.mechanism)
                peer.send(result(request.message_id, fakes.LOGIN if login else fakes.DONE))

        found = FakeServer(talk, tls=context if mode == "ldaps" else None)
        found.trusted = str(tmp_path / "ca.pem")
        return found

    return make


def _log_in(server, mode, **options):
    login = {"auth_protocol": None, "encrypt": True, "username": None, "password": None, "tls_mode": mode}
    given = server.options(ca_cert=server.trusted, **login, **options)
    with connect(ConnectionOptions.of(given)) as directory:
        assert directory.search(Search(base="CN=x")) == []


def _key(user, encoding, lock=None):
    return user[1].private_bytes(encoding, serialization.PrivateFormat.PKCS8, lock or serialization.NoEncryption())


def _forms(user, folder):
    """The same certificate and key in all forms that are accepted."""
    certificate, key = user
    pem, der = certificate.public_bytes(PEM), certificate.public_bytes(DER)
    files = {
        "both.pem": pem + _key(user, PEM),
        "locked.pem": _key(user, PEM, LOCK) + pem,
        "cert.pem": pem,
        "cert.der": der,
        "key.der": _key(user, DER),
        "user.p12": pkcs12.serialize_key_and_certificates(b"alice", key, certificate, None, LOCK),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    locked = {"certificate_password": SECRET}
    return {
        "one file": {"certificate": str(folder / "both.pem")},
        "one locked file": {"certificate": str(folder / "locked.pem"), **locked},
        "two files": {"certificate": str(folder / "cert.pem"), "certificate_key": str(folder / "key.der")},
        "DER": {"certificate": str(folder / "cert.der"), "certificate_key": str(folder / "key.der")},
        "PKCS12": {"certificate": str(folder / "user.p12"), **locked},
        "text": {"certificate": files["both.pem"].decode()},
        "two texts": {"certificate": pem.decode(), "certificate_key": _key(user, PEM, LOCK).decode(), **locked},
    }


def test_a_certificate_logs_in_within_ldaps(server, user, tmp_path):
    for form, options in _forms(user, tmp_path).items():
        seen = []
        with server(seen, "ldaps") as found:
            _log_in(found, "ldaps", **options)
        assert seen == ["alice"], form


def test_a_certificate_logs_in_after_start_tls(server, user, tmp_path):
    seen = []
    with server(seen, "start_tls") as found:
        _log_in(found, "start_tls", **_forms(user, tmp_path)["one file"])
    assert seen == ["alice", "EXTERNAL"]


WRONG = {
    "the wrong password": {"certificate": "locked.pem", "certificate_password": "other"},
    "no password": {"certificate": "locked.pem"},
    "no key": {"certificate": "cert.pem"},
    "no file": {"certificate": "none.pem"},
    "the wrong password of PKCS12": {"certificate": "user.p12", "certificate_password": "other"},
    "a key as certificate": {"certificate": "key.der"},
}


@pytest.mark.parametrize("options", WRONG.values(), ids=WRONG)
def test_a_certificate_that_cannot_be_used_is_told(options, server, user, tmp_path):
    _forms(user, tmp_path)
    with server([], "ldaps") as found, pytest.raises(DirectoryError) as caught:
        _log_in(found, "ldaps", **{**options, "certificate": str(tmp_path / options["certificate"])})
    told = str(caught.value)
    assert told.startswith("directory: certificate, certificate_key and certificate_password do not fit together: ")
    assert "other" not in told.removeprefix("directory: certificate, certificate_key and certificate_password")


def test_a_key_that_belongs_to_another_certificate_is_told(server, user, tmp_path):
    other = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "other.pem"
    path.write_bytes(other.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    _forms(user, tmp_path)
    with server([], "ldaps") as found, pytest.raises(DirectoryError, match="do not fit together"):
        _log_in(found, "ldaps", certificate=str(tmp_path / "cert.pem"), certificate_key=str(path))
