# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Existing commands for the policies of a domain, with the real ansible-playbook and a real domain controller."""

from __future__ import annotations

import ipaddress
import pathlib

import pytest
from directory.player import HOSTS, DomainPlayer
from integration.playbook import facts_task, policy_task
from winhost import ldif
from winhost import policy as windows

CONTAINER = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local"
MANUAL = (
    'ipseccmd -f 0+SecuredServer1 0+SecuredServer2 -a k p:"corpauth" -w ds -p "Default Domain Policy":30 '
    '-r "Secured Servers"'
)
ISOLATION = """\
pushd ipsec static
set store location=domain domain=ad.example.test
add policy name="Server isolation" description="from a script"
add filterlist name=SMB
add filter filterlist=SMB srcaddr=any dstaddr=me protocol=TCP dstport=445
add filteraction name=Deny action=block
add rule name="Close SMB" policy="Server isolation" filterlist=SMB filteraction=Deny
set policy name="Server isolation" gponame=Servers assign=yes
popd
"""


@pytest.fixture
def player(domain, tmp_path):
    return DomainPlayer(domain, tmp_path)


def ipseccmd(**options):
    return {"name": "ipseccmd", "ipsec.windows.ipseccmd": options}


def netsh(**options):
    return {"name": "netsh", "ipsec.windows.netsh_ipsec": options}


def policies(domain):
    """The policies of the domain as the simulated host's own reader sees them, by name."""
    text = domain._ldap("ldapsearch", "-LLL", "-b", domain.container, "(objectClass=*)")
    return {policy.name: policy for policy in windows.policies(ldif.to_tree(text, CONTAINER))}


def assigning(domain):
    """The names of the policies that Group Policy objects assign, by the name of the object."""
    found = {}
    gpos = domain.ldapsearch(f"CN=Policies,CN=System,{domain.root}", "(objectClass=groupPolicyContainer)")
    for dn, attributes in gpos.items():
        ipsec = domain.ldapsearch(dn, "(&(objectClass=ipsecPolicy)(cn=IPSEC))", "ipsecName").values()
        names = [values["ipsecName"][0].decode() for values in ipsec if "ipsecName" in values]
        found[attributes["displayName"][0].decode()] = next(iter(names), "")
    return found


def know(domain, **addresses):
    """Let the controller find names."""
    with pathlib.Path(domain.folder, "hosts").open("a", encoding="ascii") as hosts:
        hosts.writelines(f"{address} {name}.{domain.domain}\n" for name, address in addresses.items())


def test_the_example_of_the_manual_runs_as_it_is_written(domain, player):
    know(domain, SecuredServer1="192.0.2.11", SecuredServer2="192.0.2.12")
    run = player.play(
        ipseccmd(command=MANUAL),
        ipseccmd(command=MANUAL),
        ipseccmd(command=MANUAL.replace("-w ds", "-w DS:AD.example.test")),
        ipseccmd(command=f"{MANUAL} -soft"),
    )
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, False, False, True]
    assert (run[0]["domain"], run[0]["server"]) == (domain.domain, domain.name)
    assert run[0]["names"] == {"added": ["Default Domain Policy"], "changed": [], "removed": []}
    assert {"host", "service"}.isdisjoint(run[0].result)
    assert "corpauth" not in "".join(line for line in run.output.splitlines() if "0+SecuredServer1" not in line)
    policy = policies(domain)["Default Domain Policy"]
    (rule,) = policy.rules
    assert (policy.poll_interval, rule.name, rule.soft) == (1800, "Secured Servers", True)
    assert [kind for kind, _value in rule.authentication] == ["kerberos", "preshared key"]
    ends = [filter_.destination for filter_ in rule.filters]
    assert {end.name: str(ipaddress.ip_address(end.value)) for end in ends} == {
        "SecuredServer1": "192.0.2.11",
        "SecuredServer2": "192.0.2.12",
    }
    assert len(policies(domain)) == 4


def test_lines_change_and_delete_rules_and_policies(domain, player):
    run = player.play(
        ipseccmd(
            commands=[
                "ipseccmd -w ds -p P -r R -f *+0:445:TCP -n block",
                "ipseccmd -w ds -p P -r S -f *+0:139:TCP -n block",
                "ipseccmd -w ds -p P -r R -f *+0:3389:TCP",
                "ipseccmd -w ds -p Q -r R -f 0+192.0.2.1",
            ]
        ),
        ipseccmd(commands=["ipseccmd -w ds -p Q -o", "ipseccmd -w ds -p P -o", "ipseccmd -w ds -p P -r R -f 0+*"]),
        ipseccmd(commands=["ipseccmd -w ds -p P -o", "ipseccmd -w ds -p P -r R -f 0+*"]),
        ipseccmd(command="ipseccmd -w ds -p P -o"),
        ipseccmd(command="ipseccmd -w ds -p P -o"),
    )
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, True, False, True, False]
    assert len(policies(domain)) == 3


MISTAKES = {
    "another domain": (
        ipseccmd(command="ipseccmd -w ds:corp.example -p P -r R -f 0+*"),
        "line 1, column 16: this is another domain than that of the option directory.domain, 'ad.example.test'",
    ),
    "another domain of netsh": (
        netsh(commands=["netsh ipsec static set store domain domain=corp.example", "netsh ipsec static add policy P"]),
        "commands[0]: line 1, column 44: this is another domain than that of the option directory.domain",
    ),
    "both stores": (
        ipseccmd(commands=["ipseccmd -w ds -p P -r R -f 0+*", "ipseccmd -w reg -p P -r R -f 0+*"]),
        "commands[1]: line 1, column 1: this changes a host, and an earlier command changes the policies of a domain; "
        "one task writes to one store, so use two tasks",
    ),
    "dynamic mode": (
        ipseccmd(commands=["ipseccmd -f 0+192.0.2.1", "ipseccmd -w ds -p P -r R -f 0+*"]),
        "commands[1]: line 1, column 1: this changes the policies of a domain, and an earlier command changes a host",
    ),
    "two domains": (
        ipseccmd(commands=["ipseccmd -w ds:a.example -p P -r R -f 0+*", "ipseccmd -w ds:b.example -p P -o"]),
        "commands[1]: line 1, column 1: an earlier command is for the domain a.example, and this is for the domain b",
    ),
    "assigned": (
        ipseccmd(command="ipseccmd -w ds -p P -r R -f 0+* -x"),
        "-x is for policies in the registry; a policy of a domain is assigned to Group Policy objects: use gpos of",
    ),
    "computer": (
        ipseccmd(command=r"ipseccmd \\srv -w ds -p P -r R -f 0+*"),
        r"this writes to a domain, not to a computer: remove \\srv from the line",
    ),
    "interface": (
        ipseccmd(command="ipseccmd -w ds -p P -r R -f {12345678-1234-1234-1234-123456789abc}+*"),
        "the GUID of an interface is valid on one computer only",
    ),
    "an option of a host": (ipseccmd(command="ipseccmd -w ds -p P -o", backup=True), "backup cannot be used"),
    "no such option": (ipseccmd(command="ipseccmd -w ds -p P -o", store="domain"), "store"),
    "dynamic rule": (
        netsh(
            commands=[
                "netsh ipsec static set store domain",
                "netsh ipsec static add policy P",
                "netsh ipsec dynamic add mmpolicy M",
            ]
        ),
        "commands[2]: line 1, column 1: this changes a host",
    ),
    "assigned without a Group Policy object": (
        netsh(commands=["netsh ipsec static set store domain", "netsh ipsec static set policy P assign=y"]),
        "in a domain, a Group Policy object assigns a policy: use 'set policy' with gponame= and assign=yes",
    ),
    "Group Policy object of a host": (
        netsh(command="netsh ipsec static set policy P gponame=G assign=y"),
        "gponame= is for policies of a domain: 'set store location=domain' comes before it",
    ),
    "delete all": (
        netsh(commands=["netsh ipsec static set store domain", "netsh ipsec static delete all"]),
        "set allow_delete_all=true if that is intended",
    ),
    "no such policy": (
        netsh(commands=["netsh ipsec static set store domain", "netsh ipsec static set policy P desc=x"]),
        "commands[1]: line 1, column 31: neither the script nor the store has a policy with this name",
    ),
}


def test_commands_run_once_for_several_hosts(domain, player):
    command = ipseccmd(command="ipseccmd -w ds -p P -r R -f 0+*")
    run = player.play({**command, "ignore_errors": True}, {**command, "run_once": True}, hosts=",".join(HOSTS))
    assert [result.status for result in run.results] == ["failed", "failed", "ok"], run.output
    assert "run_once: true" in run[0]["msg"]
    assert run[2]["changed"] is True


def test_mistakes_change_nothing_and_contact_no_host(domain, player):
    before = domain.ldif()
    tasks = [{**task, "name": name, "ignore_errors": True} for name, (task, _words) in MISTAKES.items()]
    run = player.play(*tasks, directory={**domain.options(), "domain": domain.domain})
    assert run.code == 0, run.output
    assert [result.task for result in run.results] == list(MISTAKES)
    for result in run.results:
        assert (result.status, result["changed"]) == ("failed", False), result
        assert MISTAKES[result.task][1] in result["msg"]
    assert domain.ldif() == before


def test_a_script_of_netsh_assigns_its_policy(domain, player):
    for name in ("Servers", "Desktops"):
        domain.add_gpo(name)
    (player.folder / "files").mkdir()
    (player.folder / "files" / "isolation.txt").write_text(ISOLATION)
    unassign = [
        "netsh ipsec static set store location=domain",
        'netsh ipsec static set policy "Server isolation" gponame=Servers assign=no',
        'netsh ipsec static set policy "Server isolation" gponame=Desktops assign=yes',
    ]
    run = player.play(
        netsh(script="isolation.txt"), netsh(script="isolation.txt"), netsh(commands=unassign), netsh(commands=unassign)
    )
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, False, True, False]
    gpos = [
        tuple([gpo["name"] for gpo in result["gpos"][key]] for key in ("assigned", "unassigned"))
        for result in run.results
    ]
    assert gpos == [(["Servers"], []), ([], []), (["Desktops"], ["Servers"]), ([], [])]
    assert run[0]["filter_lists"] == {"added": ["SMB"], "changed": [], "removed": []}
    found = assigning(domain)
    assert (found["Servers"], found["Desktops"]) == ("", "Server isolation")
    (rule,) = policies(domain)["Server isolation"].rules
    assert (rule.name, rule.action) == ("Close SMB", "block")


def test_filters_make_tasks_of_commands_and_commands_of_facts(domain, player):
    domain.add_gpo("Servers")
    (player.folder / "isolation.txt").write_text(ISOLATION)
    read = "lookup('file', 'isolation.txt') | ipsec.windows.from_netsh"
    written = "ansible_facts.ipsec.policies | selectattr('name', 'equalto', 'Server isolation')"
    for_ipseccmd = f"{written} | ipsec.windows.to_ipseccmd(store='domain', domain='{domain.domain}')"
    run = player.play(
        policy_task(policy=f"{{{{ ({read})[0] }}}}"),
        netsh(script="isolation.txt"),
        facts_task(),
        netsh(commands=f"{{{{ ({written} | ipsec.windows.to_netsh(store='domain')).splitlines() }}}}"),
        ipseccmd(commands=f"{{{{ ({for_ipseccmd}).splitlines() }}}}"),
        policy_task(policy=f"{{{{ ({for_ipseccmd} | ipsec.windows.from_ipseccmd)[0] }}}}"),
    )
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results if result.task != "facts"] == [True, *[False] * 4]
    assert assigning(domain)["Servers"] == "Server isolation"
    # older versions of Ansible break the lines of warnings
    output = " ".join(run.output.split())
    assert "the commands are for the policies of a domain: give the tasks 'store: domain' and 'directory:" in output


def test_netsh_works_on_the_lists_of_the_domain(domain, player):
    set_store = "netsh ipsec static set store location=domain"
    add = [
        set_store,
        "netsh ipsec static add filterlist name=Bad",
        "netsh ipsec static add filter Bad 192.0.2.1 me",
    ]
    rule = [
        set_store,
        "netsh ipsec static add policy P",
        "netsh ipsec static add filteraction A action=block",
        "netsh ipsec static add rule R P Bad A",
        "netsh ipsec static add filter Bad 192.0.2.2 me",
    ]
    run = player.play(
        netsh(commands=add),
        netsh(commands=rule),
        netsh(commands=rule),
        netsh(commands=[set_store, "netsh ipsec static delete all"], allow_delete_all=True),
        options=("--diff",),
    )
    assert run.code == 0, run.output
    assert [result["changed"] for result in run.results] == [True, True, False, True]
    assert run[1]["filter_lists"]["changed"] == ["Bad"]
    # as with netsh, Microsoft's default policies go as well, and the diff shows them
    assert "Server (Request Security)" in run[3]["names"]["removed"]
    assert any("Server (Request Security)" in part["before"] for part in run[3]["diff"])
    assert policies(domain) == {}
