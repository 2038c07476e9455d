# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The domain controller for tests does what tests rely on."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import Scope, Search
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap import connect
from directory import conftest, samba
from directory.certificates import Certificate
from directory.samba import ToolError
from winhost import ldif

POLICY = "CN=ipsecPolicy{72385230-70FA-11D1-864C-14A300000000}"


def _greet(domain, **changes):
    """A TLS connection to the server, as clients make it."""
    context = ssl.create_default_context(cafile=changes.get("ca", domain.ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_connection((domain.name, 636)) as plain, context.wrap_socket(plain, server_hostname=domain.name):
        pass


def test_a_new_domain_has_the_policies_of_microsoft(shared_domain):
    found = shared_domain.ldapsearch(shared_domain.container, "(objectClass=ipsecBase)")
    assert len(found) == 22
    assert found[f"{POLICY},{shared_domain.container}"]["ipsecName"] == [b"Server (Request Security)"]


def test_its_certificate_passes_strict_checks(shared_domain):
    _greet(shared_domain)


def test_its_certificate_can_be_wrong(domain):
    for kind, reason in (
        (Certificate.EXPIRED, "expired"),
        (Certificate.WRONG_NAME, "Hostname mismatch"),
        (Certificate.UNKNOWN_AUTHORITY, "unable to get local issuer|signature failure"),
    ):
        domain.stop()
        domain.use_certificate(kind)
        domain.start()
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            _greet(domain)


def test_programs_find_it_by_its_name_and_use_its_tickets(domain):
    domain.add_user("alice", "Secret-of-1")
    domain.kinit("alice")
    tickets = subprocess.run(
        ["klist"], env=os.environ | domain.environment(), capture_output=True, text=True, check=True
    )
    assert "alice@AD.EXAMPLE.TEST" in tickets.stdout
    address = subprocess.run(
        ["getent", "ahostsv4", domain.name],
        env=os.environ | domain.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert address.stdout.split()[0] == domain.address


def test_what_was_written_survives_the_end_of_the_server(domain):
    domain.ldapadd(f"dn: CN=ipsecFilter{{1}},{domain.container}\nobjectClass: ipsecFilter\nipsecName: new\n")
    before = domain.ldif()
    domain.kill()
    with pytest.raises(ToolError):
        domain.ldif()
    domain.start()
    assert domain.ldif() == before
    assert "ipsecName: b'new'" in before


def test_domains_have_nothing_in_common(shared_domain, domain):
    before = shared_domain.ldif()
    assert domain.address != shared_domain.address
    domain.ldapadd(f"dn: CN=ipsecFilter{{1}},{domain.container}\nobjectClass: ipsecFilter\n")
    assert shared_domain.ldif() == before != domain.ldif()


def test_members_may_read_once_they_are_permitted_to(domain):
    domain.add_user("alice", "Secret-of-1")
    policies = (domain.container, "(ipsecID=*)", "ipsecName")
    assert domain.ldapsearch(*policies, user="alice") == {}
    domain.members_may_read()
    assert domain.ldapsearch(*policies, user="alice") == domain.ldapsearch(*policies)


def test_a_new_group_policy_object_is_linked_beside_others(domain):
    before = domain.ldapsearch(domain.root, "(objectClass=*)", "gPLink", scope="base")[domain.root]["gPLink"]
    gpo = domain.add_gpo("Sites (näw)", link=domain.root)
    assert domain.ldapsearch(gpo.dn, "(displayName=*)", "displayName")[gpo.dn] == {
        "displayName": ["Sites (näw)".encode()]
    }
    links = domain.ldapsearch(domain.root, "(objectClass=*)", "gPLink", scope="base")[domain.root]["gPLink"]
    assert links == [f"[LDAP://{gpo.dn};0]".encode() + before[0]]


def test_sysvol_has_the_folder_of_a_new_group_policy_object(smb_domain):
    gpo = smb_domain.add_gpo("Sites")
    (path,) = smb_domain.ldapsearch(gpo.dn, "(gPCFileSysPath=*)", "gPCFileSysPath")[gpo.dn]["gPCFileSysPath"]
    share, _sep, folder = path.decode().removeprefix(f"\\\\{smb_domain.domain}\\").partition("\\")
    login = f"{smb_domain.netbios}/{smb_domain.user}%{smb_domain.password}"
    listing = subprocess.run(
        ["smbclient", f"//{smb_domain.address}/{share}", "-U", login, "-c", f'cd "{folder}"; get GPT.INI -'],
        capture_output=True,
        check=True,
    )
    assert b"[General]\r\nVersion=0" in listing.stdout


def test_tests_are_skipped_without_samba_but_fail_in_ci(monkeypatch):
    monkeypatch.setattr(conftest, "missing", lambda: "Samba is missing")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Samba is missing: nothing is tested"):
        conftest.need_samba()
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="Samba is missing, and CI must"):
        conftest.need_samba()


def test_a_missing_program_is_reported_with_the_packages(shared_domain, monkeypatch):
    assert samba.missing() is None
    monkeypatch.setattr(samba, "PROGRAMS", (*samba.PROGRAMS, "no-such-program"))
    assert samba.missing() == f"Samba's domain controller is missing (Debian: apt install {samba.PACKAGES})"


def test_an_ldif_with_encoded_values_is_read():
    assert ldif.parse("dn: CN=a\nname: b\nname:: /w==\n\ndn:: Q049w6Q=\nname:\n") == {
        "CN=a": {"name": [b"b", b"\xff"]},
        "CN=ä": {"name": [b""]},
    }


def test_serve_runs_a_domain_until_it_is_ended(tmp_path):
    conftest.need_samba()
    path = tmp_path / "domain.json"
    serve = pathlib.Path(samba.__file__).parent / "serve"
    arguments = [serve, "--vars", path, "--gpo", "IPsec pilot"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert str(path) in process.stdout.readline()
        options = json.loads(path.read_text())["directory"]
        with connect(ConnectionOptions.of(options)) as directory:
            (found,) = directory.search(
                Search(base=samba.Domain.root, scope=Scope.SUBTREE, match=(("displayName", "IPsec pilot"),))
            )
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert found.attributes["flags"] == (b"0",)
    assert not pathlib.Path(options["ca_cert"]).exists()
