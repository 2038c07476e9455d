# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Simulated hosts that are members of a domain for tests, and what somebody does in the domain by hand."""

from __future__ import annotations

import base64
import secrets

from directory.samba import Domain, GroupPolicy
from winhost.host import Host
from winhost.member import Member

EXTENSIONS = "[{E437BC1C-AA7D-11D2-A382-00C04F991E27}{DEA8AFA0-CC85-11D0-9CE2-0080C7221EBD}]"


def join(host: Host, domain: Domain, container: str | None = None) -> Member:
    """Make a host a member, with an account in a container of the domain; by default in CN=Computers."""
    name = host.setting("computer")
    account, password = f"CN={name},{container or f'CN=Computers,{domain.root}'}", secrets.token_urlsafe(24) + "aA1."
    own = host.folder / "member.password"
    own.touch(mode=0o600)
    own.write_text(password)
    secret = base64.b64encode(f'"{password}"'.encode("utf-16-le")).decode()
    domain.ldapadd(
        f"dn: {account}\nobjectClass: computer\nsAMAccountName: {name}$\nuserAccountControl: 4096\n"
        f"unicodePwd:: {secret}\n"
    )
    host.set(
        membership={
            "server": f"ldaps://{domain.address}",
            "account": account,
            "password": str(own),
            "ca": str(domain.ca),
        }
    )
    return Member(host)


def add_unit(domain: Domain, name: str, above: str | None = None) -> str:
    """Add an organizational unit, and return its DN."""
    dn = f"OU={name},{above or domain.root}"
    domain.ldapadd(f"dn: {dn}\nobjectClass: organizationalUnit\n")
    return dn


def assign(domain: Domain, gpo: GroupPolicy, policy: str | None, noticed: bool = True) -> None:
    """Let a Group Policy object assign the policy with this DN, as the console of Windows does; None unassigns it.

    It gets its next version unless the change is not to be `noticed`.
    """
    machine = f"CN=Machine,{gpo.dn}"
    place = f"CN=IPSEC,CN=Windows,CN=Microsoft,{machine}"
    if not domain.ldapsearch(machine, "(cn=IPSEC)", "1.1"):
        containers = f"CN=Microsoft,{machine}", f"CN=Windows,CN=Microsoft,{machine}"
        domain.ldapadd(
            "".join(f"dn: {dn}\nobjectClass: container\n\n" for dn in containers)
            + f"dn: {place}\nobjectClass: ipsecPolicy\n"
        )
    replace(domain, place, ipsecOwnersReference=policy)
    found = domain.ldapsearch(gpo.dn, "(objectClass=*)", "versionNumber", scope="base")[gpo.dn]
    version = int(found["versionNumber"][0]) + noticed
    replace(domain, gpo.dn, gPCMachineExtensionNames=EXTENSIONS if policy else None, versionNumber=str(version))


def replace(domain: Domain, dn: str, **values: str | None) -> None:
    """Replace values of an object; None removes one."""
    lines = [f"dn: {dn}", "changetype: modify"]
    for name, value in values.items():
        lines += [f"replace: {name}", *([f"{name}: {value}"] if value else []), "-"]
    domain.ldapmodify("\n".join(lines) + "\n")
