# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The verdicts of a simulated host on packets."""

from __future__ import annotations

import itertools
import pathlib

import pytest
from unit import stores
from winhost import enforcement, policy
from winhost.host import Host

DATA = pathlib.Path(__file__).parent.parent.parent / "data"


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path, "win1", "192.0.2.2")


def _assign(host, *rules):
    store = stores.change(
        stores.Store(), {"name": "P", "rules": [{"name": str(n), **r} for n, r in enumerate(rules)]}, assigned=True
    ).store
    stores.put(host, store)
    host.start_service()


def _rule(action, *filters, **options):
    return {"action": action, "filters": list(filters), **options}


def test_a_real_policy(host):
    host.import_reg((DATA / "windows-2022.reg").read_bytes())
    (found,) = host.policies()
    assert (found.name, len(found.rules), {rule.action for rule in found.rules}) == (
        "GSecurity IP Policy",
        3,
        {"block", "negotiate"},
    )
    assert [rule.default_response for rule in found.rules].count(True) == 1
    assert host.verdict("192.0.2.9", 50000, 445) == "permit"
    host.boot()
    assert "block" in {host.verdict("192.0.2.9", 50000, port) for port in range(1, 1024)}


def test_a_policy_is_enforced_once_the_service_loads_it(host):
    _assign(host, _rule("block", "*+0:445:TCP"))
    assert host.verdict("192.0.2.9", 50000, 445) == "block"
    host.registry.change([("unset", policy.LOCAL, "ActivePolicy")])
    assert host.verdict("192.0.2.9", 50000, 445) == "block"
    host.reload_service()
    assert host.verdict("192.0.2.9", 50000, 445) == "permit"
    host.stop_service()
    assert host.enforced.in_force is None


def test_a_stopped_service_ignores_a_control(host):
    _assign(host, _rule("block", "*+0"))
    host.stop_service()
    host.reload_service()
    assert host.verdict("192.0.2.9", 50000, 445) == "permit"


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (_rule("block", "0=*"), "block"),
        (_rule("negotiate", "*+0"), "negotiate"),
        (_rule("negotiate", "*+0", soft=True), "permit"),
        (_rule("negotiate", "*=0", inpass=True), "permit"),
        (_rule("negotiate", "*+0", inpass=True), "negotiate"),
        (_rule("block", "*+0", enabled=False), "permit"),
        (_rule("block", "*+0", connection_type="dialup"), "permit"),
        (_rule("block", "*+0", connection_type="lan"), "block"),
        (_rule("block", {"source": "dns", "destination": "me"}), "block"),
        (_rule("block", {"source": "wins", "destination": "me"}), "permit"),
        (_rule("block", {"source": "192.0.2.8-192.0.2.10", "destination": "me"}), "block"),
        (_rule("block", {"source": "192.0.2.1-192.0.2.8", "destination": "me"}), "permit"),
        (_rule("block", {"source": "any/ipv6", "destination": "me/ipv6"}), "permit"),
        (_rule("block", {"source": "any", "destination": "198.51.100.3"}), "permit"),
    ],
)
def test_the_stricter_direction_decides(host, rule, verdict):
    host.set(servers={"dns": ["192.0.2.9"]}, interfaces={"{1}": ["198.51.100.3"]})
    _assign(host, rule)
    assert host.verdict("192.0.2.9", 50000, 445) == verdict


def test_the_more_specific_filter_wins(host):
    _assign(host, _rule("block", "*+0"), _rule("permit", "192.0.2.*+0"))
    assert [host.verdict(peer, 50000, 445) for peer in ("192.0.2.9", "198.51.100.9")] == ["permit", "block"]


def test_key_exchange_is_never_blocked(host):
    _assign(host, _rule("block", "*+0"))
    me, peer = (enforcement.ipaddress.ip_address(address) for address in (host.address, "192.0.2.1"))
    own = enforcement.HostAddresses(me=frozenset({me}))
    for port, verdict in ((500, "permit"), (4500, "permit"), (501, "block")):
        packet = enforcement.Packet(17, peer, port, me, port, inbound=True)
        assert enforcement.verdict(host.enforced.in_force, packet, own) == verdict


def test_an_unreadable_policy_is_logged_and_not_enforced(host):
    _assign(host, _rule("block", "*+0"))
    key = next(key for key in host.store() if "ipsecFilter" in key)
    host.registry.change([("set", key, "ipsecData", 3, b"\1")])
    host.reload_service()
    assert host.verdict("192.0.2.9", 50000, 445) == "permit"
    assert host.events("policy_unreadable")


def test_an_unknown_setting_is_an_error(host):
    with pytest.raises(ValueError, match="a host has no setting colour; it has computer"):
        host.set(colour="red")


# dynamic rules


def _add(host, rule, inbound="block", outbound="block", soft="no"):
    """Add a dynamic rule below the policies m and q."""
    host.netsh(["ipsec", "dynamic", "add", "mmpolicy", "m"])
    host.netsh(f"ipsec dynamic add qmpolicy q soft={soft}".split())
    words = f"ipsec dynamic add rule {rule} mmpolicy=m qmpolicy=q actioninbound={inbound} actionoutbound={outbound}"
    assert host.netsh(words.split())[0] == 0


def test_a_dynamic_rule_is_enforced_at_once_and_while_it_exists(host):
    host.start_service()
    epoch = host.sync().epoch
    _add(host, "srcaddr=any dstaddr=me protocol=TCP dstport=445")
    assert [host.verdict("192.0.2.9", 50000, port) for port in (445, 443)] == ["block", "permit"]
    assert host.sync().epoch > epoch
    assert host.netsh(["ipsec", "dynamic", "delete", "rule", "any", "me", "TCP", "0", "445", "yes", "all"])[0] == 0
    assert host.verdict("192.0.2.9", 50000, 445) == "permit"


@pytest.mark.parametrize("end", [Host.stop_service, Host.restart_service, Host.boot])
def test_a_dynamic_rule_is_not_enforced_after_the_service_has_ended(host, end):
    host.start_service()
    _add(host, "srcaddr=any dstaddr=me")
    end(host)
    assert host.verdict("192.0.2.9", 50000, 445) == "permit"


def test_the_more_specific_filter_wins_over_policy_and_dynamic_rules_together(host):
    _assign(host, _rule("block", "*+0:445:TCP"), _rule("permit", "192.0.2.9+0"))
    _add(host, "srcaddr=192.0.2.0 srcmask=24 dstaddr=me", "permit", "permit")
    _add(host, "srcaddr=192.0.2.9 dstaddr=me protocol=TCP dstport=80")
    packets = itertools.product(("192.0.2.8", "192.0.2.9", "198.51.100.1"), (80, 445))
    blocked = [(peer, port) for peer, port in packets if host.verdict(peer, 50000, port) == "block"]
    assert blocked == [("192.0.2.9", 80), ("198.51.100.1", 445)]


def test_a_dynamic_rule_is_enforced_beside_a_domain_policy(host):
    store = stores.change(
        stores.Store(), {"name": "D", "rules": [{"name": "r", "filters": ["*+0:445:TCP"], "action": "block"}]}
    ).store
    objects = stores.to_tree(store)
    name = next(key for key in objects if "ipsecPolicy" in key).rpartition("\\")[2]
    host.assign_domain_policy(f"LDAP://CN={name},DC=example", "D", objects)
    host.start_service()
    assert host.enforced.in_force.source == "domain"
    assert [host.verdict("192.0.2.9", 50000, port) for port in (139, 445)] == ["permit", "block"]
    _add(host, "srcaddr=any dstaddr=me protocol=TCP dstport=139")
    assert [host.verdict("192.0.2.9", 50000, port) for port in (139, 445)] == ["block", "block"]
    _add(host, "srcaddr=192.0.2.9 dstaddr=me protocol=TCP dstport=445", "permit", "permit")
    assert host.verdict("192.0.2.9", 50000, 445) == "permit"


@pytest.mark.parametrize(
    ("rule", "inbound", "outbound", "soft", "verdict"),
    [
        ("srcaddr=any dstaddr=me", "negotiate", "negotiate", "no", "negotiate"),
        ("srcaddr=any dstaddr=me", "negotiate", "negotiate", "yes", "permit"),
        ("srcaddr=any dstaddr=me", "permit", "negotiate", "no", "negotiate"),
        ("srcaddr=any dstaddr=me mirrored=no", "permit", "negotiate", "no", "permit"),
        ("srcaddr=any dstaddr=me mirrored=no", "permit", "block", "no", "permit"),
        ("srcaddr=any dstaddr=me mirrored=no", "block", "permit", "no", "block"),
        ("srcaddr=me dstaddr=any mirrored=no", "block", "permit", "no", "permit"),
        ("srcaddr=any dstaddr=me conntype=dialup", "block", "block", "no", "permit"),
        ("srcaddr=any dstaddr=me conntype=lan", "block", "block", "no", "block"),
        ("srcaddr=2001:db8::1 dstaddr=me", "block", "block", "no", "permit"),
    ],
)
def test_the_actions_of_a_dynamic_rule(host, rule, inbound, outbound, soft, verdict):
    host.start_service()
    _add(host, rule, inbound, outbound, soft)
    assert host.verdict("192.0.2.9", 50000, 445) == verdict
