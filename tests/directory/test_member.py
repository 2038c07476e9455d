# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A member takes the IPsec policy that a Group Policy object assigns, as MS-GPIPSEC 3.2 says."""

from __future__ import annotations

import socket
import time

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.applying import apply
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.attempt import (
    DomainGoal,
    decide_domain,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.reading import read_place, read_state
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import OnePolicy
from ansible_collections.ipsec.windows.plugins.plugin_utils._directory_options import ConnectionOptions
from ansible_collections.ipsec.windows.plugins.plugin_utils._ldap import connect
from directory.members import add_group, add_unit, assign, filter_by, join, replace
from integration.playbook import Player
from winhost.farm import Farm
from winhost.programs import ask


def _default(domain, start):
    """The DN of one of the policies that each new domain has."""
    return f"CN=ipsecPolicy{{{start}-70FA-11D1-864C-14A300000000}},{domain.container}"


@pytest.fixture
def require(domain):
    """The policy Secure Server (Require Security), which cuts off peers without IPsec."""
    return _default(domain, "7238523C")


@pytest.fixture
def respond(domain):
    """The policy Client (Respond Only), which cuts off nobody."""
    return _default(domain, "72385236")


@pytest.fixture
def farm():
    with Farm(count=1, engine="python") as found:
        yield found


@pytest.fixture
def host(farm):
    return farm.hosts["win1"]


@pytest.fixture
def member(host, domain):
    """A member in a domain whose policies members may read."""
    domain.members_may_read()
    return join(host, domain)


def answers(host):
    """Whether the host answers a peer without IPsec."""
    with socket.socket() as client:
        client.settimeout(5)
        try:
            client.connect((host.address, 5985))
            client.sendall(b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            return client.recv(100).startswith(b"HTTP/1.1 401")
        except ConnectionError:
            return False


@pytest.fixture
def run(domain, farm, tmp_path):
    """Runs tasks on the domain with ansible-playbook, each of which has to change something."""
    player = Player(farm, tmp_path)

    def play(*tasks):
        options = {"store": "domain", "directory": domain.options()}
        listed = [{name: given | options for name, given in task.items()} for task in tasks]
        playbook = [{"hosts": "localhost", "gather_facts": False, "tasks": listed}]
        found = player.run(playbook, **domain.environment())
        assert found.code == 0, found.output
        assert [result["changed"] for result in found.results] == [True] * len(tasks)

    return play


def close(port, **options):
    """The task that closes a port."""
    rule = {"name": "Close", "filters": [f"*+0:{port}:TCP"], "action": "block"}
    return {"ipsec.windows.ipsec_policy": {"name": "Ports", "rules": [rule], **options}}


def in_force(host):
    found = host.sync().in_force
    return found and (found.source, found.policy.name)


def test_a_member_enforces_the_policy_of_its_group_policy_object(domain, host, member, require):
    assert (member.gpupdate(), answers(host)) == ("no domain policy is assigned", True)
    gpo = domain.add_gpo("Servers", domain.root)
    assign(domain, gpo, require)
    assert in_force(host) is None
    member.gpupdate()
    assert (in_force(host), answers(host)) == (("domain", "Secure Server (Require Security)"), False)
    assert host.setting("gpo") == "Servers"
    assign(domain, gpo, None)
    assert not answers(host)
    assert (member.gpupdate(), answers(host)) == ("no domain policy is assigned", True)


def test_a_member_enforces_what_a_task_writes(domain, host, member, run):
    domain.add_gpo("Servers", domain.root)
    run(close(5985))
    member.gpupdate()
    assert answers(host)
    run(close(5985, gpos=["Servers"]))
    member.gpupdate()
    assert (in_force(host), answers(host)) == (("domain", "Ports"), False)
    run({"ipsec.windows.ipsec_policy": {"name": "Ports", "gpos": []}})
    member.gpupdate()
    assert (in_force(host), answers(host)) == (None, True)


def test_deleting_a_policy_takes_it_from_members(domain, host, member, run):
    domain.add_gpo("Servers", domain.root)
    run(close(5985, gpos=["Servers"]))
    member.gpupdate()
    assert not answers(host)
    run({"ipsec.windows.ipsec_policy": {"name": "Ports", "state": "absent"}})
    member.gpupdate()
    assert answers(host)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"filters": ["*+0:5985:TCP"]}, id="a filter list in place"),
        pytest.param({"filters": ["*+0:5985:TCP"], "filters_mode": "add"}, id="one filter more"),
        pytest.param({"name": "Another", "filters": ["*+0:5985:TCP"], "action": "block"}, id="a new rule"),
    ],
)
def test_a_poll_notices_what_a_task_changes(domain, host, member, run, change):
    domain.add_gpo("Servers", domain.root)
    run(close(445, gpos=["Servers"]))
    member.gpupdate()
    assert answers(host)
    run({"ipsec.windows.ipsec_rule": {"policy": "Ports", "name": "Close", **change}})
    member.poll()
    assert not answers(host)


def test_a_poll_notices_two_changes_within_a_second(domain, host, member, run):
    domain.add_gpo("Servers", domain.root)
    run(close(445, gpos=["Servers"]))
    member.gpupdate()
    with connect(ConnectionOptions.of(domain.options())) as directory:
        for port in (446, 447, 448):
            # a little after a second began
            time.sleep(1.02 - time.time() % 1)
            for wanted in (port, 5985, 445):
                set_port(directory, wanted)
                member.poll()
                assert in_force(host)
                assert host.verdict("192.0.2.9", 50000, wanted) == "block", wanted


def set_port(directory, port):
    """Close another port, as a task does that runs within a few milliseconds."""
    wanted, state, mode = parse_task(close(port)["ipsec.windows.ipsec_policy"])
    goal = DomainGoal(policies=OnePolicy(wanted, state, mode))
    found = read_state(directory, read_place(directory, None), gpos=True)
    done = apply(directory, decide_domain(goal, found), NoFiles())
    assert done.error is None


class NoFiles:
    """GPT.INI of no Group Policy object."""


def test_the_objects_in_the_cache_are_those_of_the_domain(domain, host, member, require):
    gpo = domain.add_gpo("Servers", domain.root)
    assign(domain, gpo, require)
    member.gpupdate()
    cached = {name: data for name, (_kind, data) in host.tree[_cached(host, require)].items()}
    stored = domain.ldapsearch(require, "(objectClass=*)", scope="base")[require]
    assert cached["ipsecData"] == stored["ipsecData"][0]
    assert cached["description"] == stored["description"][0].decode()
    changed = time.strftime("%Y%m%d%H%M%S.0Z", time.gmtime(cached["whenChanged"]))
    assert changed == stored["whenChanged"][0].decode()


def _cached(host, dn):
    name = dn.partition(",")[0].removeprefix("CN=")
    return next(key for key in host.tree if key.endswith(rf"\Cache\{name}"))


def test_which_group_policy_object_wins(domain, host, require, respond):
    domain.members_may_read()
    upper = add_unit(domain, "Upper")
    lower = add_unit(domain, "Lower", upper)
    member = join(host, domain, lower)
    at_top, first, last, below = (domain.add_gpo(name) for name in ("top", "first", "last", "below"))
    for gpo in (at_top, first, last, below):
        assign(domain, gpo, respond)
    link = {gpo: f"[LDAP://{gpo.dn};0]" for gpo in (at_top, first, last, below)}

    def winner(**links):
        for name, dn in (("top", domain.root), ("upper", upper), ("lower", lower)):
            replace(domain, dn, gPLink=links.get(name))
        member.gpupdate(force=True)
        return host.setting("gpo") if in_force(host) else None

    assert winner() is None
    assert winner(top=link[at_top]) == "top"
    assert winner(upper=link[last] + link[first]) == "first"
    assert winner(upper=link[first] + link[last], top=link[at_top]) == "last"
    assert winner(upper=link[last], lower=link[below]) == "below"
    enforced = link[at_top].replace(";0", ";2")
    assert winner(upper=link[last], top=enforced) == "top"
    assert winner(upper=link[last].replace(";0", ";2"), top=enforced) == "top"
    assert winner(upper=link[last].replace(";0", ";1"), top=link[at_top]) == "top"
    replace(domain, lower, gPOptions="1")
    assert winner(upper=link[last], top=link[at_top]) is None
    assert winner(upper=link[last], top=enforced) == "top"
    replace(domain, below.dn, flags="2")
    assert winner(upper=link[last], lower=link[below]) is None
    replace(domain, below.dn, flags="0", gPCMachineExtensionNames="[{827D319E-6EAC-11D2-A4EA-00C04F79F83A}]")
    assert winner(lower=link[below]) is None


def test_security_filtering(domain, host, member, require):
    """Only members of a group may apply the Group Policy object."""
    gpo = domain.add_gpo("Servers", domain.root)
    assign(domain, gpo, require)
    group = add_group(domain, "Pilots")
    filter_by(domain, gpo, group)
    member.gpupdate()
    assert in_force(host) is None
    account = host.setting("membership")["account"]
    replace(domain, group, member=account)
    member.gpupdate()
    assert in_force(host)


def test_a_change_without_a_new_version_is_not_noticed(domain, host, member, require, respond):
    gpo = domain.add_gpo("Servers", domain.root)
    assign(domain, gpo, respond)
    member.gpupdate()
    assign(domain, gpo, require, noticed=False)
    assert member.gpupdate() == "unchanged: no Group Policy object has changed"
    assert answers(host)
    member.gpupdate(force=True)
    assert not answers(host)


def test_a_new_version_of_another_group_policy_object_does_not_win(domain, host, member, require, respond):
    lower = domain.add_gpo("lower")
    assign(domain, lower, respond)
    higher = domain.add_gpo("higher")
    assign(domain, higher, require)
    replace(domain, domain.root, gPLink=f"[LDAP://{lower.dn};0][LDAP://{higher.dn};0]")
    member.gpupdate()
    assign(domain, lower, respond)
    member.gpupdate()
    assert host.setting("gpo") == "higher"


def test_a_poll_compares_the_time_of_the_policy_object_only(domain, host, member, require):
    assign(domain, domain.add_gpo("Servers", domain.root), require)
    member.gpupdate()
    rule = domain.ldapsearch(require, "(objectClass=*)", "ipsecNFAReference", scope="base")[require]
    replace(domain, rule["ipsecNFAReference"][0].decode(), ipsecName="Renamed")
    assert member.poll() == "unchanged: whenChanged of the policy is the same"
    replace(domain, require, ipsecDataType="256")
    member.poll()
    assert "Renamed" in {found.name for found in host.sync().in_force.policy.rules}


def test_what_cannot_be_read_keeps_the_policy(domain, host, member, require, respond):
    gpo = domain.add_gpo("Servers", domain.root)
    assign(domain, gpo, require)
    member.gpupdate()
    found = domain.ldapsearch(respond, "(objectClass=*)", "ipsecISAKMPReference", scope="base")[respond]
    main_mode = found["ipsecISAKMPReference"][0].decode()
    domain.ldapmodify(f"dn: {main_mode}\nchangetype: delete\n")
    assign(domain, gpo, respond)
    assert member.gpupdate().startswith("kept: the domain has no ipsecISAKMPPolicy")
    domain.stop()
    for outcome in (member.gpupdate(), member.poll()):
        assert outcome.startswith("kept: ldapsearch of ")
    assert not answers(host)


def test_members_cannot_read_the_policies_of_a_new_domain(domain, host, require):
    member = join(host, domain)
    assign(domain, domain.add_gpo("Servers", domain.root), require)
    assert member.gpupdate().startswith("kept: the domain has no ipsecPolicy")
    assert in_force(host) is None
    domain.members_may_read()
    member.gpupdate()
    assert in_force(host)


def test_the_console_of_a_member(domain, host, member, require):
    gpo = domain.add_gpo("Servers", domain.root)
    assign(domain, gpo, require)
    assert ask(host.folder, "control", ["poll"]) == (0, "no domain policy is assigned\n")
    assert ask(host.folder, "control", ["gpupdate"]) == (0, "taken from the domain: Secure Server (Require Security)\n")
    assert ask(host.folder, "control", ["gpupdate", "/force"])[1].startswith("taken from the domain")
    assert ask(host.folder, "control", ["poll"])[1].startswith("unchanged")


def test_a_host_without_a_domain(host):
    code, output = ask(host.folder, "control", ["gpupdate"])
    assert (code, output) == (0, "kept: the host is not a member of a domain\n")
