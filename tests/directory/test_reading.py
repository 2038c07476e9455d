# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reading a real domain. What ldapsearch and the simulated host's own reader say about it is the judge."""

from __future__ import annotations

import base64
import contextlib
import shlex
import subprocess

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.reading import read_place, read_state
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.state import Link
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.domain_facts import render_domain_facts
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap import connect
from unit import stores
from winhost import ldif, policy

PASSWORD = "Secret-of-1"


@contextlib.contextmanager
def reading(domain, user=None, **parts):
    """The state of a domain as the administrator reads it, or another user."""
    login = {} if user is None else {"username": f"{user}@{domain.domain}", "password": PASSWORD}
    with connect(ConnectionOptions.of(domain.options(**login))) as directory:
        yield read_state(directory, read_place(directory, domain.domain), **{"gpos": True, "links": True, **parts})


def as_ldif(entries):
    """What ldapsearch reads of policies, as the reader of the simulated host takes it."""
    blocks = []
    for dn, attributes in entries.items():
        lines = [f"dn: {dn}"]
        for name, values in attributes.items():
            if name.lower() == "ipsecdata":
                lines.append(f"{name}:: {base64.b64encode(values[0]).decode()}")
            elif name.lower().startswith(("ipsec", "description")):
                lines += [f"{name}: {value.decode()}" for value in values]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def test_a_place_is_that_of_the_server(shared_domain):
    with connect(ConnectionOptions.of(shared_domain.options())) as directory:
        place = read_place(directory, shared_domain.domain.upper())
        assert (place.domain, place.root, place.server) == (
            shared_domain.domain,
            shared_domain.root,
            shared_domain.name,
        )
        assert place.container == shared_domain.container
        assert not place.read_only
        with pytest.raises(DirectoryError, match=r"not of other\.test"):
            read_place(directory, "other.test")


def test_microsofts_policies_mean_what_the_simulated_host_makes_of_them(shared_domain):
    entries = shared_domain.ldapsearch(shared_domain.container, "(objectClass=ipsecBase)", "*")
    expected = policy.policies(ldif.to_tree(as_ldif(entries), policy.LOCAL))
    with reading(shared_domain) as state:
        found = policy.policies(stores.to_tree(state.graph.store))
        assert len(found) == len(expected) == 3
        assert [stores.enforced(one) for one in found] == [stores.enforced(one) for one in expected]
        assert [one.name for one in found] == [one.name for one in expected]
        assert [one.problems for one in read_policies(state.graph)] == [()] * 3
        usns = {name.partition(",")[0].removeprefix("CN="): int(one["uSNChanged"][0]) for name, one in entries.items()}
        assert {state.graph.path(key): usn for key, usn in state.usns.items()} == usns


def test_links_and_names_of_group_policy_objects_are_read(domain):
    gpo = domain.add_gpo("Büro, (Süd)", domain.root)
    with reading(domain) as state:
        (found,) = (one for one in state.gpos if one.id == gpo.id)
        assert (found.dn, found.name, found.containers) == (gpo.dn, gpo.name, ("Machine",))
        assert found.links == (Link(dn=domain.root),)
        assert len(state.gpos) == 3


def test_links_at_sites_are_read(domain):
    gpo = domain.add_gpo("Berlin")
    (site,) = domain.ldapsearch(f"CN=Sites,CN=Configuration,{domain.root}", "(objectClass=site)", "cn")
    domain.ldapmodify(f"dn: {site}\nchangetype: modify\nadd: gPLink\ngPLink: [LDAP://{gpo.dn};2]\n")
    with reading(domain) as state:
        (found,) = (one for one in state.gpos if one.id == gpo.id)
        assert found.links == (Link(dn=site, enforced=True),)


def test_a_user_who_may_not_read_the_store_gets_an_error(domain):
    domain.add_user("alice", PASSWORD)
    problem = "may not read 22 of the 22 objects in CN=IP Security,.*: the right to read all properties of these"
    with pytest.raises(DirectoryError, match=problem), reading(domain, "alice"):
        pass
    domain.members_may_read()
    with reading(domain, "alice") as state:
        assert len(read_policies(state.graph)) == 3
        assert not state.may_create


def test_policies_that_members_cannot_read_are_a_finding(domain):
    def codes():
        with reading(domain) as state:
            assert state.may_create
            return [finding["code"] for finding in render_domain_facts(state)["findings"]]

    assert codes() == ["not-readable-by-members"]
    domain.members_may_read()
    assert codes() == []


def test_the_command_in_the_finding_lets_members_read(domain):
    """On the domain controller itself, samba-tool needs no login."""
    with reading(domain) as state:
        (finding,) = render_domain_facts(state)["findings"]
    command = shlex.split(finding["remedy"].partition(" or ")[2])
    assert command[0] == "samba-tool"
    subprocess.run([*command, "-s", str(domain.folder / "etc/smb.conf")], check=True, capture_output=True)
    with reading(domain) as state:
        assert state.closed == frozenset()
