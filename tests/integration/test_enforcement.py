# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The effect of a policy in force on other hosts and on the controller."""

from __future__ import annotations

import contextlib
import json
import socket

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Set
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from integration.playbook import Player, facts_task, policy_task
from unit import stores
from winhost.farm import Farm

pytestmark = pytest.mark.judge_with("powershell")
BOTH = pytest.mark.judge_with


def _named(rules):
    return [{"name": f"rule {n}", **rule} for n, rule in enumerate(rules)]


def _task(*rules, **options):
    return policy_task(name="P", assigned=True, rules=_named(rules), **options)


def _rule(action, *filters, **options):
    return {"action": action, "filters": list(filters), **options}


OWN_NETWORK = _rule("permit", "127.*.*.*+0")


def _answers(host, port=5985):
    """Whether the host answers a peer without IPsec."""
    with socket.socket() as client:
        client.settimeout(5)
        try:
            client.connect((host.address, port))
            client.sendall(b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            return client.recv(100).startswith(b"HTTP/1.1 401")
        except ConnectionError:
            return False


def _play_on_each(farm, player, policies):
    """Assign each list of rules on its own host and read the facts; returns the hosts with results, and the run."""
    hosts = [next(farm.fresh) for _rules in policies]
    rules = {host.name: _named(rules) for host, rules in zip(hosts, policies, strict=True)}
    task = policy_task(name="P", assigned=True, rules="{{ rules[inventory_hostname] }}", lockout_check="warn")
    run = player.play(hosts, task, facts_task(), vars={"rules": rules}, ignore_unreachable=True)
    return [(host, [result for result in run.results if result.host == host.name]) for host in hosts], run


CUTTING = [
    (_rule("block", "*+0:5985:TCP"), "blocks it"),
    (_rule("block", "0=*"), "blocks it"),
    (_rule("negotiate", "*+0"), "requires IPsec"),
]


@BOTH
@pytest.mark.psrp("python")
def test_a_policy_that_cuts_off_the_controller(farm, player):
    cases = CUTTING if farm.engine == "python" else CUTTING[:1]
    found, run = _play_on_each(farm, player, [[rule] for rule, _why in cases])
    for (host, (cut, after)), (_rule, why) in zip(found, cases, strict=True):
        assert cut.status == "ok", run.output
        assert cut["changed"]
        assert cut["service"] == {"status": "running", "start_type": "automatic", "notification": "started"}
        (warning,) = [w for w in cut["warnings"] if "cuts the connection" in w]
        assert f"the rule 'rule 0' {why};" in warning
        assert warning in " ".join(run.output.split())
        assert [event[3] for event in host.events("executed")] == ["read", "apply", "notify"]
        assert after.status == "unreachable"
        assert host.events("cut")
        assert not _answers(host)
        host.stop_service()
        assert _answers(host)


@pytest.mark.parametrize("connection", ["winrm", "psrp"])
def test_the_default_port_of_a_connection_is_known(tmp_path, connection):
    """The inventory often has no port for HTTPS."""
    with Farm(engine="python", https=True, connection=connection) as farm:
        player = Player(farm, tmp_path)
        inventory = json.loads(player.inventory.read_text())
        for name in ("ansible_port", "ansible_winrm_scheme", "ansible_psrp_protocol"):
            inventory["windows"]["vars"].pop(name, None)
        player.inventory.write_text(json.dumps(inventory))
        run = player.play(farm.hosts["win1"], _task(_rule("block", "*+0:5986:TCP"), lockout_check="warn"))
        assert run[0].status == "ok", run.output
        assert any("cuts the connection from 127.0.0.1 to port 5986" in warning for warning in run[0]["warnings"])


@pytest.mark.parametrize("connection", ["winrm", "psrp"])
def test_a_computer_of_a_command_line_is_cut_off(tmp_path, connection):
    with Farm(2, engine="python", connection=connection) as farm:
        host, other = farm.hosts["win1"], farm.hosts["win2"]
        line = r"ipseccmd \\win2 -w reg -p P -r R -f *+0 -n block -x"
        cut = {"ipsec.windows.ipseccmd": {"command": line, "lockout_check": "warn"}}
        run = Player(farm, tmp_path).play(host, cut, facts_task())
        assert [(task.status, task["changed"]) for task in run.results] == [("ok", True), ("ok", False)], run.output
        assert any("to port 5985 of win2" in warning for warning in run[0]["warnings"])
        assert other.policies()[0].name == "P"
        assert not _answers(other)


def test_policies_that_let_the_controller_in(farm, player):
    policies = [
        [_rule("negotiate", "*+0", soft=True)],
        [_rule("negotiate", "*=0", inpass=True)],
        [_rule("block", "*+0:445:TCP")],
        [_rule("block", "*+0"), OWN_NETWORK],
        [_rule("block", "*+0", enabled=False)],
        [_rule("block", "*+0", connection_type="dialup")],
        [_rule("block", {"source": "any/ipv6", "destination": "me/ipv6"})],
    ]
    found, run = _play_on_each(farm, player, policies)
    for host, results in found:
        assert [result.status for result in results] == ["ok", "ok"], run.output
        assert not any("cuts the connection" in warning for warning in results[0].result.get("warnings", []))
        assert [event[3] for event in host.events("executed")] == ["read", "apply", "read"]
        assert host.events("cut") == []


def test_an_open_connection_is_cut(host):
    request = b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    rule = {"name": "r", "filters": ["*+0"], "action": "block"}
    store = stores.change(Store(), {"name": "P", "rules": [rule]}, assigned=True).store
    with socket.create_connection((host.address, 5985), timeout=5) as client:
        client.sendall(request)
        assert client.recv(65536).startswith(b"HTTP/1.1 401")
        stores.put(host, store)
        host.boot()
        client.sendall(request)
        with contextlib.suppress(ConnectionError):
            assert client.recv(65536) == b""
    assert host.events("cut")


def test_an_unreadable_policy_is_not_enforced(host):
    rule = {"name": "r", "filters": [{"source": "2001:db8::/64", "destination": "me"}], "action": "block"}
    store = stores.change(Store(), {"name": "P", "rules": [rule]}, assigned=True).store
    path = next(path for path in store.paths() if path.startswith("ipsecFilter"))
    data = store.get(path, "ipsecData").data
    for broken in (data.replace(b"\x40" + bytes(15), b"\xff" + bytes(15)), data[:50]):
        assert broken != data
        store.change(Set(path, "ipsecData", Value.binary(broken)))
        stores.put(host, store)
        host.boot()
        assert host.enforced.in_force is None
    assert len(host.events("policy_unreadable")) == 2


def test_starting_the_service_can_cut_the_connection(host, player):
    task = policy_task(name="P", lockout_check="warn")
    prepare = _task(_rule("block", "*+0"), service="ignore")
    _prepared, predicted, done, after = player.play(
        host, prepare, {**task, "check_mode": True}, task, facts_task()
    ).results
    assert any("the policy 'P' would cut the connection" in warning for warning in predicted["warnings"])
    assert any("the policy 'P' cuts the connection" in warning for warning in done["warnings"])
    assert (done.status, done["service"]["notification"]) == ("ok", "started")
    assert after.status == "unreachable"


def test_check_mode_only_warns_of_a_cut(host, player):
    cutting = _task(_rule("block", "*+0"), lockout_check="warn")
    run = player.play(host, cutting, facts_task(), options=("--check",))
    assert any("would cut the connection" in warning for warning in run[0]["warnings"])
    assert run[1].status == "ok"


SUBNET_ONLY = [_rule("permit", "10.20.*.*+0"), _rule("block", "*+0")]


@BOTH
def test_a_task_that_would_cut_off_the_controller_fails_before_it_writes(host, player):
    """A policy that permits a subnet in which the controller is not, and blocks the rest, in each module."""
    line = "ipseccmd -w REG -p P -r R -f *+0 -n BLOCK -x"
    tasks = [
        _task(*SUBNET_ONLY),
        {"ipsec.windows.ipsec_store": {"policies": [{"name": "P", "assigned": True, "rules": _named(SUBNET_ONLY)}]}},
        {
            "ipsec.windows.ipsec_rule": {
                "policy": "P",
                "name": "R",
                "filters": ["*+0"],
                "action": "block",
                "assigned": True,
            }
        },
        {"ipsec.windows.ipseccmd": {"command": line}},
    ]
    tasks += [{**task, "check_mode": True} for task in tasks]
    run = player.play(host, *tasks, facts_task(), ignore_errors=True)
    for result in run.results[:-1]:
        assert (result.status, result["changed"]) == ("failed", False)
        assert result["msg"].startswith("the policy 'P' would cut the connection from 127.0.0.1 to port 5985 of ")
        assert "the filter any+me of the rule '" in result["msg"]
        assert "set lockout_check to warn" in result["msg"]
    assert run.results[-1].status == "ok"
    assert host.store() == {}
    assert {event[3] for event in host.events("executed")} == {"read"}


def test_a_cut_can_be_ignored(host, player):
    run = player.play(host, _task(_rule("block", "*+0"), lockout_check="ignore"), facts_task(), ignore_unreachable=True)
    assert (run[0].status, run[0]["service"]["notification"]) == ("ok", "started")
    assert not any("cuts the connection" in warning for warning in run[0]["warnings"])
    assert run[1].status == "unreachable"


def test_a_policy_that_is_already_in_force_is_not_checked_again(host, player):
    """A run that changes nothing does not fail, although the check does not know how the controller comes in."""
    cutting = _rule("negotiate", "*+0")
    host.import_reg(
        stores.reg_file(stores.change(Store(), {"name": "P", "rules": _named([cutting])}, assigned=True).store)
    )
    run = player.play(host, _task(cutting, service="ignore"))
    assert (run[0].status, run[0]["changed"]) == ("ok", False), run.output


def test_a_policy_that_is_not_in_force_cuts_nothing(host, player):
    not_assigned = policy_task(name="Not assigned", rules=[{"name": "r", **_rule("block", "*+0")}])
    run = player.play(host, not_assigned, facts_task(), _task(_rule("block", "*+0"), service="ignore"), facts_task())
    assert [result.status for result in run.results] == ["ok"] * 4, run.output
    assert host.events("cut") == []


def test_an_unassigned_policy_no_longer_blocks(host, player):
    player.play(host, _task(_rule("block", "192.0.2.*+0"), OWN_NETWORK))
    assert host.verdict("192.0.2.9", 50000, 443) == "block"
    run = player.play(host, policy_task(name="P", assigned=False))
    assert run[0]["service"]["notification"] == "asked"
    assert host.verdict("192.0.2.9", 50000, 443) == "permit"


def test_a_change_is_enforced_at_once(host, player):
    player.play(host, _task(_rule("block", "192.0.2.*+0:443:TCP")))
    assert [host.verdict("192.0.2.9", 50000, port) for port in (443, 80)] == ["block", "permit"]
    player.play(host, _task(_rule("block", "192.0.2.*+0:80:TCP")))
    assert [host.verdict("192.0.2.9", 50000, port) for port in (443, 80)] == ["permit", "block"]
