# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A real domain controller takes the writes for Group Policy objects, and its own tools still read these."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.extensions import EXTENSION, TOOL
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.gpos import gpo_problems, plan_gpos
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.gpt import read_versions
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import DeleteEntry
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.reading import read_place, read_state
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.gpos import WantedGpos
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan import Plan
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._gpt_ini import SmbGptFiles
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap import connect

SERVER, CLIENT = "Server (Request Security)", "Client (Respond Only)"
SERVER_KEY = "CN=ipsecPolicy{72385230-70FA-11D1-864C-14A300000000}"
CLIENT_KEY = "CN=ipsecPolicy{72385236-70FA-11D1-864C-14A300000000}"
PAIR = f"[{EXTENSION}{TOOL}]".encode()


class Task:
    """Assigns policies as a task does."""

    def __init__(self, directory, files):
        self.directory = directory
        self.files = files

    def state(self, *wanted):
        return read_versions(
            read_state(self.directory, read_place(self.directory, None), gpos=True), self.files, wanted
        )

    def run(self, policy, *gpos):
        """Assign a policy to these Group Policy objects only."""
        wanted = WantedGpos(gpos=gpos, policy=policy)
        state = self.state(wanted)
        plan = plan_gpos([wanted], Plan(operations=(), graph=state.graph, policies=()), state)
        for write in (*plan.before, *plan.after):
            self.directory.write(write)
        for change in plan.gpt:
            self.files.write(change.gpo, change.old, change.new)
        return plan

    def problems(self):
        state = self.state()
        return [problem for gpo in state.gpos for problem in gpo_problems(gpo, state)]


@pytest.fixture
def task(smb_domain):
    options = ConnectionOptions.of(smb_domain.options())
    with connect(options) as directory, SmbGptFiles(options, directory.server) as files:
        yield Task(directory, files)


def samba_tool(domain, *arguments):
    """What Samba's own tool reads of the domain's database."""
    database = ("-H", str(domain.folder / "private/sam.ldb"), "-s", str(domain.folder / "etc/smb.conf"))
    done = subprocess.run(
        ["samba-tool", *arguments, *database],
        env=os.environ | domain.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split(" : ", 1) for line in map(normal, done.stdout.splitlines()) if " : " in line)


def normal(line):
    name, _colon, value = line.partition(":")
    return f"{name.strip()} : {value.strip()}"


def test_a_policy_comes_moves_and_goes(smb_domain, task):
    domain = smb_domain
    first, second = domain.add_gpo("Servers (näw)", link=domain.root), domain.add_gpo("Clients")

    def held(gpo):
        """The assignment, the list of extensions and both versions, as ldapsearch and the file system have them."""
        below = domain.ldapsearch(gpo.dn, "(cn=IPSEC)", "ipsecOwnersReference", "ipsecName", "description")
        above = domain.ldapsearch(gpo.dn, "(objectClass=*)", "gPCMachineExtensionNames", "versionNumber", scope="base")
        policy = next(iter(below.values()), {})
        references = [dn.decode() for dn in policy.get("ipsecOwnersReference", [])]
        file = (gpo.folder / "GPT.INI").read_text()
        return references, above[gpo.dn].get("gPCMachineExtensionNames"), above[gpo.dn]["versionNumber"], file[-1:]

    server, client = (f"{key},{domain.container}" for key in (SERVER_KEY, CLIENT_KEY))
    task.run(SERVER, "servers (NÄW)")
    assert held(first) == ([server], [PAIR], [b"1"], "1")
    assert held(second) == ([], None, [b"0"], "0")
    assert not task.run(SERVER, first.id).changed

    task.run(SERVER, "Clients")
    assert held(first) == ([], None, [b"2"], "2")
    assert held(second) == ([server], [PAIR], [b"1"], "1")

    assert task.run(CLIENT, "Clients", "Servers (näw)").notes
    assert held(first) == ([client], [PAIR], [b"3"], "3")
    assert held(second) == ([client], [PAIR], [b"2"], "2")
    assert task.problems() == []

    assert samba_tool(domain, "gpo", "show", first.id)["version"] == "3"
    assert samba_tool(domain, "gpo", "show", second.id)["display name"] == "Clients"

    # a reference to a deleted policy
    task.directory.write(DeleteEntry(client))
    assert "DEL:" in held(second)[0][0]
    task.run(SERVER, "Clients")
    assert held(second) == ([server], [PAIR], [b"3"], "3")
    task.run(SERVER)
    assert held(second) == ([], None, [b"4"], "4")
    (problem,) = task.problems()
    assert "which is not a policy of this domain" in problem
