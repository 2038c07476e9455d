# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A policy that is in force is felt: by others, and by the controller that put it there."""

from __future__ import annotations

import contextlib
import json
import socket

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.regfile import export
from ansible_collections.ipsec.windows.plugins.module_utils.store import Set, Store, Value
from integration.playbook import Player, facts_task, policy_task
from unit import stores
from winhost.farm import Farm


def _task(*rules, **options):
    named = [{"name": f"rule {n}", **rule} for n, rule in enumerate(rules)]
    return policy_task(name="P", assigned=True, rules=named, **options)


def _rule(action, *filters, **options):
    return {"action": action, "filters": list(filters), **options}


OWN_NETWORK = _rule("permit", "127.*.*.*+0")


def _answers(host, port=5985):
    """Whether the host answers a peer that has no IPsec."""
    with socket.socket() as client:
        client.settimeout(5)
        try:
            client.connect((host.address, port))
            client.sendall(b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            return client.recv(100).startswith(b"HTTP/1.1 401")
        except ConnectionError:
            return False


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (_rule("block", "*+0:5985:TCP"), "blocks it"),
        (_rule("block", "0=*"), "blocks it"),
        (_rule("negotiate", "*+0"), "wants it secured by IPsec"),
    ],
)
@pytest.mark.psrp("python")
def test_a_policy_that_cuts_the_controller_off(host, player, rule, why):
    run = player.play(host, _task(rule), facts_task())
    cut, after = run.results
    assert cut.status == "ok", run.output
    assert cut["changed"]
    assert cut["service"] == {"status": "running", "start_type": "automatic", "told": "started"}
    (warning,) = [w for w in cut["warnings"] if "cuts the connection" in w]
    assert f"the rule 'rule 0' {why}" in warning
    assert warning in " ".join(run.output.split())
    assert [event[3] for event in host.events("executed")] == ["read", "apply", "tell"]
    assert after.status == "unreachable"
    assert host.events("cut")
    assert not _answers(host)
    host.stop_service()
    assert _answers(host)


@pytest.mark.parametrize("connection", ["winrm", "psrp"])
def test_a_port_that_the_connection_chooses_is_known(tmp_path, connection):
    """Where the inventory names none, which is usual over HTTPS."""
    with Farm(engine="python", https=True, connection=connection) as farm:
        player = Player(farm, tmp_path)
        inventory = json.loads(player.inventory.read_text())
        for name in ("ansible_port", "ansible_winrm_scheme", "ansible_psrp_protocol"):
            inventory["windows"]["vars"].pop(name, None)
        player.inventory.write_text(json.dumps(inventory))
        run = player.play(farm.hosts["win1"], _task(_rule("block", "*+0:5986:TCP")))
        assert run[0].status == "ok", run.output
        assert any("cuts the connection of 127.0.0.1 to port 5986" in warning for warning in run[0]["warnings"])


@pytest.mark.parametrize("connection", ["winrm", "psrp"])
def test_a_computer_of_a_command_line_that_is_cut_off(tmp_path, connection):
    with Farm(2, engine="python", connection=connection) as farm:
        host, other = farm.hosts["win1"], farm.hosts["win2"]
        line = r"ipseccmd \\win2 -w reg -p P -r R -f *+0 -n block -x"
        run = Player(farm, tmp_path).play(host, {"ipsec.windows.ipseccmd": {"command": line}}, facts_task())
        assert [(task.status, task["changed"]) for task in run.results] == [("ok", True), ("ok", False)], run.output
        assert any("to port 5985 of win2" in warning for warning in run[0]["warnings"])
        assert other.policies()[0].name == "P"
        assert not _answers(other)


@pytest.mark.parametrize(
    "rules",
    [
        [_rule("negotiate", "*+0", soft=True)],
        [_rule("negotiate", "*=0", inpass=True)],
        [_rule("block", "*+0:445:TCP")],
        [_rule("block", "*+0"), OWN_NETWORK],
        [_rule("block", "*+0", enabled=False)],
        [_rule("block", "*+0", connection_type="dialup")],
        [_rule("block", {"source": "any/ipv6", "destination": "me/ipv6"})],
    ],
)
def test_a_policy_that_lets_the_controller_in(host, player, rules):
    run = player.play(host, _task(*rules), facts_task())
    assert [result.status for result in run.results] == ["ok", "ok"]
    assert not any("cuts the connection" in warning for warning in run[0].result.get("warnings", []))
    assert [event[3] for event in host.events("executed")] == ["read", "apply", "read"]
    assert host.events("cut") == []


def test_a_connection_that_was_open_before_is_cut(host):
    request = b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    rule = {"name": "r", "filters": ["*+0"], "action": "block"}
    store = stores.change(Store(), {"name": "P", "rules": [rule]}, assigned=True).store
    with socket.create_connection((host.address, 5985), timeout=5) as client:
        client.sendall(request)
        assert client.recv(65536).startswith(b"HTTP/1.1 401")
        host.import_reg(export(store))
        host.boot()
        client.sendall(request)
        with contextlib.suppress(ConnectionError):
            assert client.recv(65536) == b""
    assert host.events("cut")


def test_a_policy_that_cannot_be_read_is_not_enforced(host):
    rule = {"name": "r", "filters": [{"source": "2001:db8::/64", "destination": "me"}], "action": "block"}
    store = stores.change(Store(), {"name": "P", "rules": [rule]}, assigned=True).store
    path = next(path for path in store.paths() if path.startswith("ipsecFilter"))
    data = store.get(path, "ipsecData").data
    for broken in (data.replace(b"\x40" + bytes(15), b"\xff" + bytes(15)), data[:50]):
        assert broken != data
        store.change(Set(path, "ipsecData", Value.binary(broken)))
        host.import_reg(export(store))
        host.boot()
        assert host.enforced.in_force is None
    assert len(host.events("policy_unreadable")) == 2


def test_starting_the_service_may_cut_as_well(host, player):
    player.play(host, _task(_rule("block", "*+0"), service="ignore"))
    task = policy_task(name="P")
    predicted = player.play(host, task, options=("--check",))[0]
    run = player.play(host, task, facts_task())
    assert any("the policy 'P' cuts the connection" in warning for warning in predicted["warnings"])
    assert run[0]["warnings"] == predicted["warnings"]
    assert (run[0].status, run[0]["service"]["told"]) == ("ok", "started")
    assert run[1].status == "unreachable"


def test_check_mode_warns_and_cuts_nothing(host, player):
    run = player.play(host, _task(_rule("block", "*+0")), facts_task(), options=("--check",))
    assert any("cuts the connection" in warning for warning in run[0]["warnings"])
    assert run[1].status == "ok"


def test_a_policy_that_is_idle_cuts_nothing(host, player):
    for task in (
        policy_task(name="Not assigned", rules=[{"name": "r", **_rule("block", "*+0")}]),
        _task(_rule("block", "*+0"), service="ignore"),
    ):
        run = player.play(host, task, facts_task())
        assert run[1].status == "ok"
        assert host.events("cut") == []


def test_unassigning_lets_others_in_again(host, player):
    player.play(host, _task(_rule("block", "192.0.2.*+0"), OWN_NETWORK))
    assert host.verdict("192.0.2.9", 50000, 443) == "block"
    run = player.play(host, policy_task(name="P", assigned=False))
    assert run[0]["service"]["told"] == "asked"
    assert host.verdict("192.0.2.9", 50000, 443) == "permit"


def test_a_change_is_enforced_at_once(host, player):
    player.play(host, _task(_rule("block", "192.0.2.*+0:443:TCP")))
    assert [host.verdict("192.0.2.9", 50000, port) for port in (443, 80)] == ["block", "permit"]
    player.play(host, _task(_rule("block", "192.0.2.*+0:80:TCP")))
    assert [host.verdict("192.0.2.9", 50000, port) for port in (443, 80)] == ["permit", "block"]
