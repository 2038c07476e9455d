# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Connections to a real domain controller: each way to log in, what is asked and written, and what can be wrong."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
import threading
import time

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import (
    DirectoryError,
    LostConnection,
    ResultError,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import (
    AddEntry,
    AttributeChange,
    ChangeKind,
    DeleteEntry,
    ModifyEntry,
    Scope,
    Search,
)
from ansible_collections.ipsec.windows.plugins.plugin_utils import _ldap_messages
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap import connect
from directory.certificates import Certificate

LOGINS = {
    "simple in LDAPS": {},
    "simple in StartTLS": {"tls_mode": "start_tls"},
    "NTLM, sealed": {"tls_mode": None, "auth_protocol": "ntlm", "username": "ADX\\Administrator"},
    "negotiated NTLM, sealed": {"tls_mode": None, "auth_protocol": None, "username": "ADX\\Administrator"},
}
KERBEROS = {
    "Kerberos with a password": {"tls_mode": None, "auth_protocol": "kerberos"},
    "negotiated Kerberos": {"tls_mode": None, "auth_protocol": None},
    "Kerberos with a ticket": {"tls_mode": None, "auth_protocol": "kerberos", "username": None, "password": None},
    "negotiated ticket": {"tls_mode": None, "auth_protocol": None, "username": None, "password": None},
}
NTLM = LOGINS["NTLM, sealed"]
TICKET = KERBEROS["Kerberos with a ticket"]


def _connect(_domain, /, **changes):
    return connect(ConnectionOptions.of(_domain.options(**changes)))


def _refused(domain, /, **changes):
    """The message of a connection that cannot be made."""
    with pytest.raises(DirectoryError) as caught:
        _connect(domain, **changes).close()
    assert "Traceback" not in str(caught.value)
    assert domain.password not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("login", LOGINS.values(), ids=LOGINS)
def test_all_logins_read_the_policies(login, shared_domain):
    _reads_the_policies(shared_domain, login)


@pytest.mark.usefixtures("kerberos")
@pytest.mark.parametrize("login", KERBEROS.values(), ids=KERBEROS)
def test_all_logins_by_kerberos_read_the_policies(login, shared_domain):
    shared_domain.kinit()
    _reads_the_policies(shared_domain, login)


def _reads_the_policies(domain, login):
    with _connect(domain, **login) as directory:
        assert directory.server == domain.name
        found = directory.search(Search(base=domain.container, scope=Scope.ONE_LEVEL, attributes=("ipsecData", "cn")))
    assert {entry.dn: dict(entry.attributes) for entry in found} == {
        dn: {name.lower(): tuple(values) for name, values in attributes.items()}
        for dn, attributes in domain.ldapsearch(
            domain.container, "(objectClass=*)", "ipsecData", "cn", scope="one"
        ).items()
    }


@contextlib.contextmanager
def _recorded(domain, port):
    """A relay to the server, and what goes through it."""
    seen = []

    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                seen.append(data)
                target.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def relay():
            client, _address = listener.accept()
            server = socket.create_connection((domain.address, port))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=copy, args=(one, other), daemon=True).start()

        threading.Thread(target=relay, daemon=True).start()
        yield listener.getsockname()[1], seen


@pytest.mark.parametrize("login", [{**NTLM, "tls_mode": None}, {"tls_mode": "start_tls", "cert_validation": "ignore"}])
def test_nothing_that_is_read_goes_over_the_network_in_plain_text(login, shared_domain):
    with _recorded(shared_domain, 389) as (port, seen):
        with _connect(shared_domain, server="127.0.0.1", port=port, **login) as directory:
            found = directory.search(Search(base=shared_domain.container, scope=Scope.ONE_LEVEL))
        assert len(found) == 22
    sent = b"".join(seen)
    assert len(sent) > 10_000
    assert b"IP Security" not in sent
    assert shared_domain.password.encode() not in sent


def test_a_stale_write_changes_nothing(domain):
    dn = f"CN=ipsecFilter{{1}},{domain.container}"
    old, new = b"\0old", b"\xffnew"

    def swap(before, after):
        return ModifyEntry(
            dn,
            (
                AttributeChange(ChangeKind.DELETE, "ipsecData", (before,)),
                AttributeChange(ChangeKind.ADD, "ipsecData", (after,)),
                AttributeChange(ChangeKind.ADD, "description", (b"d",)),
            ),
        )

    with _connect(domain, **NTLM) as directory:
        directory.write(AddEntry(dn, (("objectClass", (b"ipsecFilter",)), ("ipsecData", (old,)))))
        with pytest.raises(ResultError, match=f"{domain.name}: modify CN=ipsecFilter.*result 16") as caught:
            directory.write(swap(new, old))
        assert caught.value.code == 16
        assert domain.ldapsearch(dn, "(objectClass=*)", "ipsecData", "description") == {dn: {"ipsecData": [old]}}
        directory.write(swap(old, new))
        assert domain.ldapsearch(dn, "(objectClass=*)", "ipsecData", "description") == {
            dn: {"ipsecData": [new], "description": [b"d"]}
        }
        directory.write(DeleteEntry(dn))
        with pytest.raises(ResultError) as caught:
            directory.search(Search(base=dn))
        assert caught.value.code == 32


def test_the_detail_of_a_refused_write_tells_a_missing_reference(domain):
    dn = f"CN=ipsecFilter{{1}},{domain.container}"
    owner = f"CN=gone,{domain.container}".encode()
    with _connect(domain) as directory, pytest.raises(ResultError, match="000020B5") as caught:
        directory.write(AddEntry(dn, (("objectClass", (b"ipsecFilter",)), ("ipsecOwnersReference", (owner,)))))
    assert caught.value.code == 19
    assert caught.value.detail.startswith("000020B5")


def test_a_large_value_is_written_and_read(domain):
    dn, data = f"CN=ipsecFilter{{1}},{domain.container}", os.urandom(3 << 20)
    with _connect(domain, **NTLM) as directory:
        directory.write(AddEntry(dn, (("objectClass", (b"ipsecFilter",)), ("ipsecData", (data,)))))
        (found,) = directory.search(Search(base=dn, attributes=("ipsecData",)))
    assert found.attributes["ipsecdata"] == (data,)


def test_any_name_is_only_a_name_in_a_search(domain):
    names = ["a,b)(cn=*", "*", "Client (Respond Only)*", "ä\\00", "(|(cn=*))", "\\2a"]
    with _connect(domain) as directory:
        for number, name in enumerate(names):
            dn = f"CN=ipsecFilter{{{number}}},{domain.container}"
            directory.write(AddEntry(dn, (("objectClass", (b"ipsecFilter",)), ("ipsecName", (name.encode(),)))))
        for number, name in enumerate(names):
            match = (("ipsecName", name), ("objectClass", "ipsecFilter"), ("cn", None))
            search = Search(base=domain.container, scope=Scope.ONE_LEVEL, match=match, attributes=("ipsecName",))
            assert [(entry.dn, entry.attributes["ipsecname"]) for entry in directory.search(search)] == [
                (f"CN=ipsecFilter{{{number}}},{domain.container}", (name.encode(),))
            ]


def test_a_search_reads_all_pages(shared_domain, monkeypatch):
    monkeypatch.setattr(_ldap_messages, "PAGE", 5)
    with _connect(shared_domain) as directory:
        found = directory.search(Search(base=shared_domain.container, scope=Scope.ONE_LEVEL, attributes=("cn",)))
    assert len({entry.dn for entry in found}) == len(found) == 22


def test_the_root_is_read_without_pages(shared_domain):
    with _connect(shared_domain) as directory:
        (root,) = directory.search(Search(base="", attributes=("defaultNamingContext", "dnsHostName")))
    assert root.attributes == {
        "defaultnamingcontext": (shared_domain.root.encode(),),
        "dnshostname": (shared_domain.name.encode(),),
    }


def test_descriptors_are_read_only_when_asked_for(shared_domain):
    with _connect(shared_domain) as directory:
        search = Search(base=shared_domain.container, attributes=("cn",))
        (without,) = directory.search(search)
        (with_,) = directory.search(
            Search(base=shared_domain.container, attributes=("cn", "nTSecurityDescriptor"), descriptors=True)
        )
    assert set(without.attributes) == {"cn"}
    # revision 1, and no system access list, which only some may read
    descriptor = with_.attributes["ntsecuritydescriptor"][0]
    assert (descriptor[0], int.from_bytes(descriptor[12:16], "little")) == (1, 0)


def test_a_search_of_the_whole_domain_leaves_out_other_parts_of_the_forest(shared_domain):
    with _connect(shared_domain) as directory:
        found = directory.search(Search(base=shared_domain.root, scope=Scope.SUBTREE, match=(("gPLink", None),)))
    assert shared_domain.root in [entry.dn for entry in found]


@pytest.mark.parametrize("login", [{}, NTLM, {**NTLM, "auth_protocol": None}], ids=["simple", "ntlm", "negotiate"])
def test_a_wrong_password_is_told(login, shared_domain):
    told = _refused(shared_domain, password="not-it", **login)
    assert "the user name or the password is wrong; check username and password" in told
    assert told.startswith(f"{shared_domain.name}:")
    assert "not-it" not in told


@pytest.mark.usefixtures("kerberos")
def test_a_wrong_password_for_kerberos_is_told(shared_domain):
    told = _refused(shared_domain, password="not-it", **KERBEROS["Kerberos with a password"])
    assert "login by Kerberos: the password is wrong" in told
    told = _refused(shared_domain, **{**KERBEROS["Kerberos with a password"], "username": "nobody@ad.example.test"})
    assert "login by Kerberos: the user does not exist; check username" in told


ACCOUNTS = {
    "disabled": ("replace: userAccountControl\nuserAccountControl: 514\n", "the account is disabled"),
    "expired": ("replace: accountExpires\naccountExpires: 1\n", "the account has expired"),
    "new password": ("replace: pwdLastSet\npwdLastSet: 0\n", "the password must be changed"),
}


def test_an_account_that_may_not_log_in_is_told(domain):
    for number, (change, words) in enumerate(ACCOUNTS.values()):
        user = f"user{number}"
        dn = domain.add_user(user, "Secret-of-1")
        domain.ldapmodify(f"dn: {dn}\nchangetype: modify\n{change}")
        for login in ({}, NTLM):
            told = _refused(domain, **{**login, "username": f"{user}@ad.example.test", "password": "Secret-of-1"})
            assert words in told


def test_a_locked_account_is_told(domain):
    domain.ldapmodify(f"dn: {domain.root}\nchangetype: modify\nreplace: lockoutThreshold\nlockoutThreshold: 1\n")
    domain.add_user("alice", "Secret-of-1")
    _refused(domain, username="alice@ad.example.test", password="wrong")
    assert "the account is locked" in _refused(domain, username="alice@ad.example.test", password="Secret-of-1")


CERTIFICATES = {
    Certificate.EXPIRED: "its certificate has expired; renew it",
    Certificate.WRONG_NAME: "its certificate is for another name; set server to a name in the certificate",
    Certificate.UNKNOWN_AUTHORITY: "set ca_cert to the certificate of the authority",
}


def test_a_wrong_certificate_is_told(domain):
    for kind, words in CERTIFICATES.items():
        domain.stop()
        domain.use_certificate(kind)
        domain.start()
        for mode in ("ldaps", "start_tls"):
            assert words in _refused(domain, tls_mode=mode)
        with _connect(domain, cert_validation="ignore") as directory:
            directory.search(Search(base=domain.container))
        if kind is Certificate.WRONG_NAME:
            with _connect(domain, cert_validation="ignore_hostname"):
                pass
        else:
            assert words in _refused(domain, cert_validation="ignore_hostname")


def test_an_authority_that_nobody_named_is_told(shared_domain):
    assert "set ca_cert to the certificate of the authority" in _refused(shared_domain, ca_cert=None)


@pytest.mark.parametrize("form", ["text", "DER"])
def test_authorities_are_read_in_other_forms(form, shared_domain, tmp_path):
    authority = shared_domain.ca.read_text()
    if form == "DER":
        path = tmp_path / "ca.der"
        path.write_bytes(ssl.PEM_cert_to_DER_cert(authority))
        authority = str(path)
    with _connect(shared_domain, ca_cert=authority):
        pass


def test_a_missing_file_of_authorities_is_told(shared_domain, tmp_path):
    path = tmp_path / "none.pem"
    assert (
        _refused(shared_domain, ca_cert=str(path))
        == f"directory: ca_cert {path} cannot be read: No such file or directory"
    )


def test_the_address_of_the_server_is_enough_if_the_certificate_has_it(shared_domain):
    with _connect(shared_domain, server=shared_domain.address) as directory:
        assert directory.server == shared_domain.address


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (
            {"tls_mode": None, "encrypt": False},
            "asks for more protection of the login (result 8); set tls_mode to ldaps",
        ),
        ({**NTLM, "tls_mode": "ldaps"}, "does not take NTLM that does not seal the connection"),
        ({**NTLM, "encrypt": False}, "set encrypt to true"),
    ],
    ids=["simple in plain text", "NTLM in TLS", "NTLM in plain text"],
)
def test_a_login_with_too_little_protection_is_told(login, words, shared_domain):
    assert words in _refused(shared_domain, **login)


@pytest.mark.usefixtures("kerberos")
def test_kerberos_inside_tls_is_told(shared_domain):
    told = _refused(shared_domain, auth_protocol="kerberos")
    assert "(result 8); leave out tls_mode, so that the login seals the connection" in told


@pytest.mark.usefixtures("kerberos")
def test_a_missing_ticket_is_told(shared_domain, monkeypatch, tmp_path):
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'none'}")
    assert "there is no ticket; get one with kinit, or set username and password" in _refused(shared_domain, **TICKET)


@pytest.mark.usefixtures("kerberos")
def test_an_expired_ticket_is_told(shared_domain, monkeypatch, tmp_path):
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'short'}")
    monkeypatch.setattr(type(shared_domain), "environment", _with_cache(shared_domain, tmp_path / "short"))
    shared_domain.kinit(lifetime="1s")
    # MIT Kerberos renounces a ticket a moment before its end
    time.sleep(2)
    assert "the ticket has expired; get a new one with kinit" in _refused(shared_domain, **TICKET)


def _with_cache(domain, path):
    found = {**domain.environment(), "KRB5CCNAME": f"FILE:{path}"}
    return lambda _self: found


@pytest.mark.usefixtures("kerberos")
def test_an_address_instead_of_a_name_is_told_for_kerberos(shared_domain):
    told = _refused(shared_domain, server=shared_domain.address, **KERBEROS["Kerberos with a password"])
    assert "set server to the full DNS name of a domain controller" in told


@pytest.mark.usefixtures("kerberos")
def test_a_kdc_that_does_not_answer_is_told(shared_domain, monkeypatch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        config = (shared_domain.folder / "krb5.conf").read_text()
        path = tmp_path / "krb5.conf"
        path.write_text(config.replace(f"kdc = {shared_domain.address}", f"kdc = 127.0.0.1:{mute.getsockname()[1]}"))
        monkeypatch.setenv("KRB5_CONFIG", str(path))
        told = _refused(shared_domain, connection_timeout=1, **KERBEROS["Kerberos with a password"])
    assert "the KDC does not answer within 1 seconds" in told


def test_a_server_that_dies_is_told_and_the_connection_stays_closed(domain):
    dn = f"CN=ipsecFilter{{1}},{domain.container}"
    directory = _connect(domain)
    domain.kill()
    with pytest.raises(LostConnection, match=re.escape(f"{domain.name}: delete {dn}") + ".*Whether it was done"):
        directory.write(DeleteEntry(dn))
    with pytest.raises(DirectoryError, match="nothing was sent") as caught:
        directory.write(DeleteEntry(dn))
    assert not isinstance(caught.value, LostConnection)
    with pytest.raises(DirectoryError, match="closed after an earlier error"):
        directory.search(Search(base=""))
    directory.close()
    assert "takes no connections on this port; check server and port" in _refused(domain)


def test_the_domain_is_enough_to_find_the_server(shared_domain, monkeypatch):
    """Without records in DNS, the name of the domain is the name of the server."""
    import dns.resolver

    def resolve(*_args, **_more):
        raise dns.resolver.NXDOMAIN

    known = socket.getaddrinfo

    def getaddrinfo(host, *args, **more):
        return known(shared_domain.address if host == shared_domain.domain else host, *args, **more)

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with _connect(shared_domain, **NTLM, server=None, domain=shared_domain.domain) as directory:
        assert directory.server == shared_domain.domain
