# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""GPT.INI in the SYSVOL of a real domain controller, and what can keep it from being written."""

from __future__ import annotations

import contextlib
import socket

import pytest
import smbclient
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.gpt import GptUnreachable, gpt_path
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.state import Gpo
from ansible_collections.ipsec.windows.plugins.plugin_utils import _gpt_ini, _ldap_libraries
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._gpt_ini import SmbGptFiles

MUTE = "127.0.35.1"
NTLM = {"auth_protocol": "ntlm", "username": "ADX\\Administrator", "tls_mode": None}


def files_of(domain, server=None, **changes):
    return SmbGptFiles(ConnectionOptions.of(domain.options(**changes)), server or domain.name)


def gpo_of(domain, found):
    return Gpo(
        dn=found.dn, id=found.id, name=found.name, path=rf"\\{domain.domain}\sysvol\{domain.domain}\Policies\{found.id}"
    )


def refused(domain, gpo, /, server=None, **changes):
    """Why GPT.INI cannot be read, with these options. No reason shows a password."""
    with files_of(domain, server, **changes) as files:
        reasons = set()
        for _again in range(2):
            with pytest.raises(GptUnreachable) as error:
                files.read(gpo)
            reasons.add(error.value.reason)
        with pytest.raises(GptUnreachable) as error:
            files.write(gpo, 0, 1)
        (reason,) = reasons | {error.value.reason}
    assert domain.password not in reason
    return reason


@pytest.mark.parametrize("login", [{}, NTLM], ids=["as simple", "as NTLM"])
def test_the_version_is_written_in_place(smb_domain, login):
    found = smb_domain.add_gpo("Servers")
    file = found.folder / "GPT.INI"
    file.write_bytes(b"[General]\r\nVersion=99\r\ndisplayName=New Group Policy Object\r\n")
    number = file.stat().st_ino
    gpo = gpo_of(smb_domain, found)
    with files_of(smb_domain, **login) as files:
        assert files.read(gpo) == 99
        files.write(gpo, 99, 100)
        assert files.read(gpo) == 100
        assert file.read_bytes() == b"[General]\r\nVersion=100\r\ndisplayName=New Group Policy Object\r\n"
        files.write(gpo, 100, 7)
    assert file.read_bytes() == b"[General]\r\nVersion=7\r\ndisplayName=New Group Policy Object\r\n"
    assert file.stat().st_ino == number


def test_kerberos_logs_in_with_a_ticket(smb_domain, kerberos):
    gpo = gpo_of(smb_domain, smb_domain.add_gpo("Servers"))
    smb_domain.kinit()
    ticket = {"auth_protocol": "kerberos", "username": None, "password": None, "tls_mode": None}
    with files_of(smb_domain, **ticket) as files:
        files.write(gpo, 0, 1)
        assert files.read(gpo) == 1


def test_a_server_that_asks_for_encryption_gets_it(smb_domain):
    found = smb_domain.add_gpo("Servers")
    smb_domain.stop()
    with (smb_domain.folder / "etc/smb.conf").open("a") as config:
        config.write("[global]\nserver smb encrypt = required\n")
    smb_domain.start()
    with files_of(smb_domain) as files:
        files.write(gpo_of(smb_domain, found), 0, 1)
    assert b"Version=1" in (found.folder / "GPT.INI").read_bytes()


def test_what_keeps_a_file_from_being_written(smb_domain, monkeypatch):
    monkeypatch.setattr(_gpt_ini, "_PAUSES", (0, 0))
    found = smb_domain.add_gpo("Servers")
    file = found.folder / "GPT.INI"
    gpo = gpo_of(smb_domain, found)
    before = file.read_bytes()

    assert refused(smb_domain, gpo, password="wrong-password") == "login refused; check username and password"
    assert refused(smb_domain, gpo, **NTLM | {"password": "wrong-password"}) == (
        "login refused; check username and password"
    )

    smb_domain.add_user("alice", "Secret-of-1")
    with files_of(smb_domain, username=f"alice@{smb_domain.domain}", password="Secret-of-1") as files:
        assert files.read(gpo) == 0
        with pytest.raises(GptUnreachable, match="the user may not open the file"):
            files.write(gpo, 0, 1)

    with files_of(smb_domain) as files:
        with pytest.raises(GptUnreachable, match="the file has version 0 instead of 3"):
            files.write(gpo, 3, 4)
        files.write(gpo, 3, 0)

        # as a program that reads the file and lets nobody write
        user = {"username": smb_domain.user, "password": smb_domain.password, "connection_cache": {}}
        with smbclient.open_file(gpt_path(gpo, smb_domain.name), mode="rb", share_access="r", **user):
            assert files.read(gpo) == 0
            with pytest.raises(GptUnreachable, match="another program has the file open"):
                files.write(gpo, 0, 1)
        assert file.read_bytes() == before

        file.unlink()
        with pytest.raises(GptUnreachable, match="the file does not exist"):
            files.read(gpo)
        other = Gpo(dn="CN=x", id="{1}", name="x", path="C:\\x")
        with pytest.raises(GptUnreachable, match="gPCFileSysPath is"):
            files.read(other)
        folder = "{00000000-0000-0000-0000-000000000000}"
        nowhere = Gpo(dn="CN=x", id=folder, name="x", path=gpo.path.replace(found.id, folder))
        with pytest.raises(GptUnreachable, match="the folder of the Group Policy object does not exist in SYSVOL"):
            files.read(nowhere)

        smb_domain.kill()
        reason = "the file does not exist"
        while reason == "the file does not exist":
            # the process that has the connection ends a moment later
            with pytest.raises(GptUnreachable) as refusal:
                files.read(gpo)
            reason = str(refusal.value)
        assert "dc1.ad.example.test" in reason


def test_a_server_without_smb(shared_domain):
    gpo = gpo_of(shared_domain, shared_domain.add_gpo("Servers"))
    assert refused(shared_domain, gpo) == "dc1.ad.example.test takes no connections for SMB on port 445"
    assert refused(shared_domain, gpo, server="dc9.ad.example.test") == "the name dc9.ad.example.test cannot be found"


def test_a_server_that_does_not_answer(shared_domain):
    gpo = gpo_of(shared_domain, shared_domain.add_gpo("Servers"))
    with contextlib.closing(socket.create_server((MUTE, 445))):
        reason = refused(shared_domain, gpo, server=MUTE, connection_timeout=1)
    assert reason == f"{MUTE} does not answer on port 445 within 1 seconds"


def test_a_missing_library(shared_domain, monkeypatch):
    gpo = gpo_of(shared_domain, shared_domain.add_gpo("Servers"))
    monkeypatch.setattr(_ldap_libraries, "has", lambda package: package != "smbprotocol")
    assert refused(shared_domain, gpo) == (
        "for GPT.INI, the Python of Ansible on the controller needs smbprotocol; install with: pip install smbprotocol"
    )
