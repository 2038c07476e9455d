# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Simulated hosts that are members of a domain for tests, and what somebody does in the domain by hand."""

from __future__ import annotations

import base64
import secrets

from directory.samba import Domain, GroupPolicy
from winhost.access import APPLY
from winhost.host import Host
from winhost.member import Member

_ONLY_ACCESS_LIST = "control: 1.2.840.113556.1.4.801 true:: MAMCAQQ="
"""The control that leaves the owner and the group as they are."""
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


def add_group(domain: Domain, name: str, *members: str) -> str:
    """Add a group of the accounts with these DNs, and return its DN."""
    dn = f"CN={name},CN=Users,{domain.root}"
    lines = "".join(f"member: {member}\n" for member in members)
    domain.ldapadd(f"dn: {dn}\nobjectClass: group\nsAMAccountName: {name}\n{lines}")
    return dn


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


def filter_by(domain: Domain, gpo: GroupPolicy, group: str) -> None:
    """Let only the members of the group with this DN apply a Group Policy object."""
    found = domain.ldapsearch(gpo.dn, "(objectClass=*)", "nTSecurityDescriptor", scope="base")
    (descriptor,) = found[gpo.dn]["nTSecurityDescriptor"]
    start = int.from_bytes(descriptor[16:20], "little")
    count, at = int.from_bytes(descriptor[start + 4 : start + 6], "little"), start + 8
    entries = []
    for _i in range(count):
        size = int.from_bytes(descriptor[at + 2 : at + 4], "little")
        entries.append(descriptor[at : at + size])
        at += size
    (sid,) = domain.ldapsearch(group, "(objectClass=*)", "objectSid", scope="base")[group]["objectSid"]
    # an entry that allows the extended right, and concerns this object only
    body = _number(0x100, 4) + _number(1, 4) + APPLY + sid
    entries = [entry for entry in entries if APPLY not in entry] + [b"\5\0" + _number(4 + len(body), 2) + body]
    size = 8 + sum(map(len, entries))
    head = descriptor[start : start + 2] + _number(size, 2) + _number(len(entries), 2) + b"\0\0"
    # the new list goes to the end, and the old bytes stay as a gap
    new = descriptor[:16] + _number(len(descriptor), 4) + descriptor[20:] + head + b"".join(entries)
    domain.ldapmodify(
        f"dn: {gpo.dn}\n{_ONLY_ACCESS_LIST}\nchangetype: modify\nreplace: nTSecurityDescriptor\n"
        f"nTSecurityDescriptor:: {base64.b64encode(new).decode()}\n"
    )


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def replace(domain: Domain, dn: str, **values: str | None) -> None:
    """Replace values of an object; None removes one."""
    lines = [f"dn: {dn}", "changetype: modify"]
    for name, value in values.items():
        lines += [f"replace: {name}", *([f"{name}: {value}"] if value else []), "-"]
    domain.ldapmodify("\n".join(lines) + "\n")
