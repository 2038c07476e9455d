# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Every step of docs/domain.md, from an empty domain to a policy on every member and back."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import subprocess
import uuid

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap_libraries import has
from directory.members import add_group, add_unit, join
from integration.playbook import CHECKOUT, Player
from winhost.farm import Farm

PAGE = (CHECKOUT / "docs" / "domain.md").read_text()
README = (CHECKOUT / "README.md").read_text()
BLOCKS = [yaml.safe_load(text) for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", PAGE)]
PLAYS = {block[0]["name"]: block[0] for block in BLOCKS if isinstance(block, list)}
CONNECTION = next(block["directory"] for block in BLOCKS if "directory" in block)
STRANGER = ("198.51.100.9", 50000)
RIGHTS = {"GR": "RPLCLORC", "CCDC": "CCDC", "CC": "CC", "WP": "WP"}
"""The rights of dsacls, as SDDL writes them."""


class Site:
    """A domain, and plays of the page on it."""

    def __init__(self, domain, farm, folder):
        self.domain = domain
        self.farm = farm
        self.folder = folder
        self.player = Player(farm, folder)
        self.backup = folder / "before.json"

    def run(self, name, *options, user=None, connection=CONNECTION):
        """Run a play of the page, as the administrator or as another user with the same password."""
        connection = connection | ({"username": f"{user}@{self.domain.domain}"} if user else {})
        variables = {
            "directory": connection,
            "ad_ca": str(self.domain.ca),
            "vaulted_password": self.domain.password,
            "backup_file": str(self.backup),
        }
        path = self.folder / "variables.json"
        path.write_text(json.dumps(variables))
        found = self.player.run([PLAYS[name]], "--extra-vars", f"@{path}", *options, **self.domain.environment())
        assert self.domain.password not in found.output
        return found

    def change(self, name, *options, user=None):
        """Run a play that has to succeed; returns whether each of its tasks has changed something."""
        found = self.run(name, *options, user=user)
        assert found.code == 0, found.output
        return [result["changed"] for result in found.results]


@pytest.fixture
def farm():
    with Farm(count=2, engine="python") as found:
        yield found


def code(heading, language):
    """The first block in a language below a heading."""
    section = re.split(rf"(?m)^## {re.escape(heading)}\n", PAGE)[1]
    return re.search(rf"(?ms)^```{language}\n(.*?)^```", section)[1]


def set_access(domain, dn, sddl):
    """What `samba-tool dsacl set` does, with the files of the domain controller."""
    where = ["-H", str(domain.folder / "private/sam.ldb"), "-s", str(domain.folder / "etc/smb.conf")]
    words = ["samba-tool", "dsacl", "set", f"--objectdn={dn}", f"--sddl={sddl}", *where]
    subprocess.run(words, check=True, capture_output=True)


def add_gpos(domain):
    """Do what the commands for PowerShell do."""
    commands = code("5. Assign it to a few members", "powershell").splitlines()
    found = [re.fullmatch(r'New-GPO -Name "(.*)" \| New-GPLink -Target "(.*)"', line) for line in commands]
    return [domain.add_gpo(*match.groups()) for match in found]


def test_every_example_is_tested():
    source = pathlib.Path(__file__).read_text()
    assert [name for name in PLAYS if source.count(f'"{name}"') == 0] == []
    assert len(BLOCKS) == len(PLAYS) + 2


def test_from_an_empty_domain_to_every_member_and_back(smb_domain, farm, tmp_path):
    domain, site = smb_domain, Site(smb_domain, farm, tmp_path)
    servers = add_unit(domain, "Servers")
    pilot, other = farm.hosts.values()
    members = [join(pilot, domain, add_unit(domain, "Pilot", servers)), join(other, domain, servers)]
    new = domain.ldif(stamps=False)

    seen = site.run("Look at the domain")
    assert "Server (Request Security)" in str(seen[-1]["msg"])
    assert seen[-1]["msg"].endswith(f" from {domain.name}")

    command = code("3. Let members read the policies", "sh").strip()
    (finding,) = [
        found
        for found in seen[0]["ansible_facts"]["ansible_ipsec"]["findings"]
        if found["code"] == "not-readable-by-members"
    ]
    assert command in finding["remedy"]
    assert code("3. Let members read the policies", "powershell").strip() in finding["remedy"]
    words = dict(word.split("=", 1) for word in shlex.split(command) if word.startswith("--"))
    set_access(domain, words["--objectdn"], words["--sddl"])
    assert site.run("Look at the domain")[0]["ansible_facts"]["ansible_ipsec"]["findings"] == []
    new = domain.ldif(stamps=False)

    assert site.change("Write the policy", "--check", "--diff") == [True]
    assert domain.ldif(stamps=False) == new
    assert site.change("Write the policy") == [True]
    assert site.change("Write the policy") == [False]

    add_gpos(domain)
    assert site.change("Assign it to the pilot") == [True]
    assert site.change("Assign it to the pilot") == [False]
    for member in members:
        member.gpupdate()
    assert [bool(host.sync().in_force) for host in (pilot, other)] == [True, False]

    looked = site.run("Look at the members", "--limit", "win1")
    assert looked[-1]["msg"] == "Server isolation from the domain", looked.output
    assert [pilot.verdict(*STRANGER, 445), other.verdict(*STRANGER, 445)] == ["block", "permit"]
    assert pilot.verdict("10.20.0.1", 50000, 445) == "permit"

    assert site.change("Assign it to all servers") == [True]
    members[1].gpupdate()
    assert other.verdict(*STRANGER, 445) == "block"

    assert site.change("Change the policy")[-1]
    assert {host.verdict(*STRANGER, 3389) for host in (pilot, other)} == {"permit"}
    for member in members:
        assert member.poll() == "taken from the domain: Server isolation"
    assert {host.verdict(*STRANGER, 3389) for host in (pilot, other)} == {"block"}

    assert site.change("Go back") == [True]
    for member in members:
        member.poll()
    assert {host.verdict(*STRANGER, 3389) for host in (pilot, other)} == {"permit"}

    assert site.change("Unassign the policy") == [True]
    assert [member.gpupdate() for member in members] == ["no domain policy is assigned"] * 2
    assert {host.verdict(*STRANGER, 445) for host in (pilot, other)} == {"permit"}
    assert site.change("Delete the policy") == [True]
    assert site.change("Delete the policy") == [False]
    assert domain.ldif(stamps=False) == new


def connection(protocol):
    """The options in the table of connections."""
    return yaml.safe_load(re.search(rf"`({{.*auth_protocol: {protocol}.*?}})` ?(?:after|\|)", PAGE)[1])


def test_a_connection_sealed_by_ntlm(domain, farm, tmp_path):
    options = connection("ntlm")
    options["username"] = options["username"].replace("AD\\", f"{domain.netbios}\\")
    found = Site(domain, farm, tmp_path).run("Look at the domain", connection=options)
    assert found.code == 0, found.output


@pytest.mark.skipif(not has("pyspnego[kerberos]"), reason="gssapi and krb5, which are compiled, are not installed")
def test_a_connection_sealed_by_kerberos(domain, farm, tmp_path):
    domain.kinit()
    found = Site(domain, farm, tmp_path).run("Look at the domain", connection=connection("kerberos"))
    assert found.code == 0, found.output


def as_sddl(domain, sid, options):
    """The entry of an access list that the options of a command of dsacls mean."""
    inherited = {"/I:T": "CI", "/I:S": "CIIO"}.get(options[0], "")
    _who, _colon, given = options[-1].partition(":")
    rights, kind, inheriting = [*given.split(";"), "", ""][:3]
    guids = [schema_guid(domain, name) if name else "" for name in (kind, inheriting)]
    letter = "OA" if any(guids) else "A"
    return f"({letter};{inherited};{RIGHTS[rights]};{guids[0]};{guids[1]};{sid})"


def schema_guid(domain, name):
    base = f"CN=Schema,CN=Configuration,{domain.root}"
    (found,) = domain.ldapsearch(base, f"(lDAPDisplayName={name})", "schemaIDGUID").values()
    return str(uuid.UUID(bytes_le=found["schemaIDGUID"][0]))


def sid_text(data):
    parts = [int.from_bytes(data[at : at + 4], "little") for at in range(8, len(data), 4)]
    return "-".join(map(str, ("S", data[0], int.from_bytes(data[2:8], "big"), *parts)))


def delegate(domain, group, gpos):
    """Give a group the rights of the page."""
    (found,) = domain.ldapsearch(group, "(objectClass=*)", "objectSid", scope="base").values()
    sid = sid_text(found["objectSid"][0])
    blocks = re.findall(r"(?ms)^```powershell\n(.*?)^```", re.split(r"(?m)^## Rights to delegate\n", PAGE)[1])
    entries: dict[str, list[str]] = {}
    for line in "".join(blocks[:2]).splitlines():
        program, dn, *options = shlex.split(line.replace("\\", "\\\\"))
        if program == "dsacls":
            for target in [dn.replace("{GUID}", gpo.id) for gpo in gpos] if "{GUID}" in dn else [dn]:
                entries.setdefault(target, []).append(as_sddl(domain, sid, options))
    for dn, found in entries.items():
        for entry in dict.fromkeys(found):
            set_access(domain, dn, entry)


def test_the_rights_of_the_page_are_enough(domain, farm, tmp_path):
    site = Site(domain, farm, tmp_path)
    gpos = [domain.add_gpo(name) for name in ("IPsec pilot", "IPsec servers")]
    iris = domain.add_user("Iris", domain.password)
    before = domain.ldif()
    refused = site.run("Write the policy", user="Iris")
    assert "the user may not read" in refused[0]["msg"]
    assert domain.ldif() == before
    delegate(domain, add_group(domain, "IPsec Admins", iris), gpos)
    for name in (
        "Write the policy",
        "Assign it to the pilot",
        "Assign it to all servers",
        "Change the policy",
        "Go back",
        "Unassign the policy",
        "Delete the policy",
    ):
        assert any(site.change(name, user="Iris")), name


def test_the_messages_are_those_of_the_code():
    rows = re.findall(
        r"(?m)^\| `(.*?)` \|", re.split(r"(?m)^## Errors and what they mean\n", PAGE)[1].split("\n## ")[0]
    )
    text = "".join(path.read_text() for path in sorted((CHECKOUT / "plugins").rglob("*.py")))
    joined = re.sub(r'"\s*\n\s*f?"', "", text)
    assert [row for row in rows if row not in joined] == []
    assert len(rows) > 5


def test_the_packages_are_those_that_tasks_ask_for():
    named = set(re.search(r"pip install (.*)", PAGE)[1].split())
    named |= set(re.findall(r"(?m)^\| `([\w\[\]]+)` \|", PAGE.split("\n## 2.")[0]))
    text = "".join(path.read_text() for path in sorted((CHECKOUT / "plugins" / "plugin_utils").glob("*.py")))
    assert [package for package in named if package not in text] == []


def test_the_example_of_the_readme(domain, farm, tmp_path):
    blocks = [yaml.safe_load(text) for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", README)]
    ((play,),) = (block for block in blocks if isinstance(block, list) and block[0].get("hosts") == "localhost")
    play["tasks"][0]["ipsec.windows.ipsec_policy"]["directory"] = domain.options()
    domain.add_gpo("IPsec servers")
    player = Player(farm, tmp_path)
    runs = [player.run([play], **domain.environment()) for _time in range(2)]
    assert [run[0]["changed"] for run in runs] == [True, False]
