# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A simulated host as a member of a domain, which takes its IPsec policy from there (MS-GPIPSEC 3.2).

It reads the directory with ldapsearch and its own account. Group Policy objects of sites are not read, and neither is
SYSVOL: the version of a Group Policy object is that in the directory.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import typing as t

from . import access, ldif, policy
from .host import Host
from .tree import STRING

_EXTENSION: t.Final = "[{E437BC1C-AA7D-11D2-A382-00C04F991E27}"
"""The start of the entry in gPCMachineExtensionNames that makes members look for an IPsec policy."""
_COMPUTER_DISABLED: t.Final = 2
_LINK_DISABLED: t.Final = 1
_LINK_ENFORCED: t.Final = 2
_INHERITANCE_BLOCKED: t.Final = 1
_NO_SUCH_OBJECT: t.Final = 32
_WITHOUT_AUDITING: t.Final = "!1.2.840.113556.1.4.801=::MAMCAQc="
"""The control that asks for a security descriptor without the part that needs more rights."""
_COMMON: t.Final = ("ipsecName", "description", "whenChanged", "ipsecID", "ipsecDataType", "ipsecData")
_ATTRIBUTES: t.Final = {
    "ipsecPolicy": (*_COMMON, "ipsecISAKMPReference", "ipsecNFAReference"),
    "ipsecISAKMPPolicy": (*_COMMON, "ipsecOwnersReference"),
    "ipsecNFA": (*_COMMON, "ipsecOwnersReference", "ipsecFilterReference", "ipsecNegotiationPolicyReference"),
    "ipsecNegotiationPolicy": (
        *_COMMON,
        "ipsecOwnersReference",
        "ipsecNegotiationPolicyAction",
        "ipsecNegotiationPolicyType",
    ),
    "ipsecFilter": (*_COMMON, "ipsecOwnersReference"),
}
"""What a member asks of each class (MS-GPIPSEC 2.3)."""


class PullError(Exception):
    """A directory that the member cannot read. It then keeps the policy that it has."""


class MissingError(PullError):
    """An object that the domain does not have, or that the account of the host may not read."""


@dataclasses.dataclass(frozen=True)
class GroupPolicy:
    """A Group Policy object that applies to the member and has the extension of IPsec."""

    dn: str
    name: str
    version: int


class Member:
    """A host with the setting `membership`. What it knows of the domain is in its folder, in member.json."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._file = host.folder / "member.json"
        self._membership: dict[str, str] = host.setting("membership")

    def gpupdate(self, force: bool = False) -> str:
        """Apply Group Policy (3.2.4.1), and return what came of it.

        Without `force`, nothing is done while the list of Group Policy objects and their versions stay the same. If
        one differs, the whole list counts, so that a new version of a lower one does not win.
        """
        try:
            found = self._group_policies()
            seen = [[gpo.dn, gpo.version] for gpo in found]
            known = self._known()
            if seen == known.get("applied") and not force:
                return self._report("unchanged: no Group Policy object has changed")
            assigned = self._assigned(found[-1]) if found else None
            if assigned is None:
                self._remember(applied=seen, policy=None, changed=None)
                self._host.unassign_domain_policy()
                self._host.poll()
                return self._report("no domain policy is assigned")
            dn, name, description = assigned
            taken = self._take(dn, name, description, found[-1].name)
        except PullError as error:
            return self._report(f"kept: {error}")
        self._remember(applied=seen, policy=dn)
        return self._report(f"taken from the domain: {taken}")

    def poll(self) -> str:
        """Look for a changed policy, as the service does after each polling interval (3.2.6.1)."""
        known = self._known()
        dn = known.get("policy")
        if not dn:
            self._host.poll()
            return self._report("no domain policy is assigned")
        try:
            _dn, found = self._object("ipsecPolicy", dn)
            if _text(found, "whenchanged") == known["changed"]:
                self._host.poll()
                return self._report("unchanged: whenChanged of the policy is the same")
            name = self._host.get(policy.ASSIGNMENT, "DSIPSECPolicyName")
            description = self._host.get(policy.ASSIGNMENT, "DSIPSECPolicyDescription")
            taken = self._take(dn, str(name or ""), str(description or ""), self._host.setting("gpo"))
        except PullError as error:
            return self._report(f"kept: {error}")
        return self._report(f"taken from the domain: {taken}")

    def _report(self, outcome: str) -> str:
        self._host.event("group_policy", outcome)
        return outcome

    def _known(self) -> dict[str, t.Any]:
        """`applied`: the DNs and versions of Group Policy objects that were applied last; `policy`: the DN of the
        domain policy; `changed`: its whenChanged (LocalWhenChanged).
        """
        return json.loads(self._file.read_text()) if self._file.exists() else {}

    def _remember(self, **values: t.Any) -> None:
        self._file.write_text(json.dumps(self._known() | values))

    # Group Policy objects (MS-GPOL)

    def _group_policies(self) -> list[GroupPolicy]:
        """The Group Policy objects for the IPsec extension, the one with the highest precedence last."""
        usual: list[str] = []
        enforced: list[str] = []
        for container in self._containers():
            attributes = self._entry(container, "gPLink", "gPOptions")
            if int(_text(attributes, "gpoptions") or 0) & _INHERITANCE_BLOCKED:
                usual = []
            own: list[str] = []
            for dn, options in re.findall(r"(?i)\[LDAP://(.*?);(\d+)\]", _text(attributes, "gplink")):
                if not int(options) & _LINK_DISABLED:
                    (own if int(options) & _LINK_ENFORCED else usual).append(dn)
            # an enforced link wins over those of containers below
            enforced = own + enforced
        return [gpo for dn in usual + enforced if (gpo := self._group_policy(dn)) is not None]

    def _containers(self) -> list[str]:
        """The domain and the organizational units above the account of the host, from the top."""
        if not self._membership:
            raise PullError("the host is not a member of a domain")
        parts = re.split(r"(?<!\\),", self._membership["account"])
        root = next(index for index, part in enumerate(parts) if part.upper().startswith("DC="))
        starts = [index for index in range(1, root) if parts[index].upper().startswith("OU=")] + [root]
        return [",".join(parts[start:]) for start in reversed(starts)]

    def _group_policy(self, dn: str) -> GroupPolicy | None:
        """None for a Group Policy object that the host may not read, or that has nothing for it."""
        names = ("displayName", "versionNumber", "gPCMachineExtensionNames", "flags", "nTSecurityDescriptor")
        try:
            attributes = self._entry(dn, *names)
        except MissingError:
            return None
        version = int(_text(attributes, "versionnumber") or 0) & 0xFFFF
        off = int(_text(attributes, "flags") or 0) & _COMPUTER_DISABLED
        if off or not version or _EXTENSION not in _text(attributes, "gpcmachineextensionnames").upper():
            return None
        if not access.may_apply(attributes.get("ntsecuritydescriptor", [b""])[0], self._sids()):
            return None
        return GroupPolicy(dn, _text(attributes, "displayname"), version)

    def _sids(self) -> list[bytes]:
        """The SIDs of the account and of its groups."""
        found = self._entry(self._membership["account"], "objectSid", "tokenGroups")
        return [*found.get("objectsid", ()), *found.get("tokengroups", ())]

    def _assigned(self, gpo: GroupPolicy) -> tuple[str, str, str] | None:
        """The DN, the name and the description of the policy that a Group Policy object assigns (3.2.5.3)."""
        dn = f"CN=IPSEC,CN=Windows,CN=Microsoft,CN=Machine,{gpo.dn}"
        self._entry(dn, "1.1")
        attributes = self._entry(dn, "ipsecOwnersReference", "ipsecName", "description")
        owner = _text(attributes, "ipsecownersreference")
        return (owner, _text(attributes, "ipsecname"), _text(attributes, "description")) if owner else None

    # the policy

    def _take(self, dn: str, name: str, description: str, gpo: str) -> str:
        """Read all objects of a policy (3.2.5.4) and let the service load them. Returns the name of the policy."""
        objects = dict([self._object("ipsecPolicy", dn)])
        (found,) = objects.values()
        changed = _text(found, "whenchanged")
        objects |= self._objects("ipsecISAKMPPolicy", found, "ipsecisakmpreference")
        rules = self._objects("ipsecNFA", found, "ipsecnfareference")
        objects |= rules
        for rule in rules.values():
            objects |= self._objects("ipsecNegotiationPolicy", rule, "ipsecnegotiationpolicyreference")
            objects |= self._objects("ipsecFilter", rule, "ipsecfilterreference")
        self._host.assign_domain_policy(f"LDAP://{dn}", name, ldif.tree_of(objects, policy.LOCAL))
        self._host.registry.change([("set", policy.ASSIGNMENT, "DSIPSECPolicyDescription", STRING, description)])
        self._host.set(gpo=gpo)
        self._remember(changed=changed)
        if self._host.sync_running():
            self._host.poll()
        elif self._host.start_type != "disabled":
            self._host.start_service()
        return _text(found, "ipsecname")

    def _objects(self, kind: str, user: ldif.Attributes, name: str) -> dict[str, ldif.Attributes]:
        """The objects that an attribute refers to."""
        return dict(self._object(kind, value.decode()) for value in user.get(name, ()))

    def _object(self, kind: str, dn: str) -> tuple[str, ldif.Attributes]:
        """An object of a policy, by the search of 2.2.3.2."""
        name = dn.partition(",")[0].partition("=")[2]
        escaped = re.sub(r"[\\*()\0]", lambda match: f"\\{ord(match[0]):02x}", name)
        base = f"CN=IP Security,CN=System,{self._containers()[0]}"
        found = self._search(base, "one", f"(&(objectClass={kind})(cn={escaped}))", *_ATTRIBUTES[kind])
        if len(found) != 1:
            raise MissingError(f"the domain has no {kind} {name} that the host may read")
        return next(iter(found.items()))

    # the directory

    def _entry(self, dn: str, *attributes: str) -> ldif.Attributes:
        found = self._search(dn, "base", "(objectClass=*)", *attributes)
        if len(found) != 1:
            raise MissingError(f"the domain has no {dn} that the host may read")
        return next(iter(found.values()))

    def _search(self, base: str, scope: str, match: str, *attributes: str) -> dict[str, ldif.Attributes]:
        of = self._membership
        logon = ["-x", "-H", of["server"], "-D", of["account"], "-y", of["password"]]
        descriptors = ["-E", _WITHOUT_AUDITING] if "nTSecurityDescriptor" in attributes else []
        where = [*descriptors, "-b", base, "-s", scope, match, *attributes]
        try:
            done = subprocess.run(
                ["ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-o", "nettimeout=10", *logon, *where],
                capture_output=True,
                check=False,
                env={**os.environ, "LDAPTLS_CACERT": of["ca"]},
            )
        except FileNotFoundError:
            raise PullError("there is no ldapsearch (Debian: apt install ldap-utils)") from None
        if done.returncode == _NO_SUCH_OBJECT:
            return {}
        if done.returncode:
            raise PullError(f"ldapsearch of {base}: {done.stderr.decode(errors='replace').strip()}")
        return ldif.read(done.stdout.decode())


def _text(attributes: ldif.Attributes, name: str) -> str:
    """The first value of an attribute, "" without one."""
    return attributes.get(name, [b""])[0].decode()
