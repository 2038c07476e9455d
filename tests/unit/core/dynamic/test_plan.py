# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a task changes about dynamic rules, with a simulated host that does it."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from unit.dynamic_hosts import DirectHost
from winhost.tree import STRING

RECORD = r"HKLM\SOFTWARE\ipsec.windows.dynamic"
ONE = {"filters": ["[0+192.0.2.1]"]}
TWO = {"filters": ["0+192.0.2.2", "(0+192.0.2.2:80:TCP)"], "authentication": [{"preshared_key": "key"}]}


@pytest.fixture
def host(tmp_path):
    found = DirectHost(tmp_path / "host")
    found.host.start_service()
    return found


def counts(attempt):
    plan = attempt.dynamic
    return len(plan.added), len(plan.gone), len(plan.lost)


def entries(host):
    return sorted(key for key in host.host.tree if key.startswith(rf"{RECORD}\Rules\ipsec"))


def test_spelling_does_not_matter(host):
    host.run({"rules": [TWO]})
    filters = ["192.0.2.2+0", {"source": "192.0.2.2", "source_port": 80, "destination": "me", "protocol": "tcp"}]
    filters[1]["action"] = "permit"
    again, _steps = host.run({"rules": [{**TWO, "filters": filters[::-1]}]})
    assert not again.changed


def test_key_of_null_is_the_recorded_one(host):
    host.run({"rules": [TWO]})
    unknown = {**TWO, "authentication": [{"preshared_key": None}]}
    assert not host.run({"rules": [unknown]})[0].changed
    changed, _steps = host.run({"rules": [{**unknown, "soft": True}]})
    assert counts(changed) == (1, 1, 0)
    assert {method.text for rule in host.rules for method in rule.authentication} == {"", "key"}
    with pytest.raises(ModelError, match="the host has no such rule with a key"):
        host.run({"rules": [{**ONE, "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": None}]}]})


@pytest.mark.parametrize(
    "rule",
    [
        {"filters": ["[0+192.0.2.1]", "0+192.0.2.9"]},
        {"filters": ["192.0.2.1+0"]},
    ],
)
def test_filter_belongs_to_one_rule(host, rule):
    host.run({"rules": [{"filters": ["[0+192.0.2.1]", "0+192.0.2.3"]}]})
    with pytest.raises(ModelError, match=r"the filter me\+192.0.2.1|the filter 192.0.2.1\+me"):
        host.run({"rules": [rule]})
    # another connection type or tunnel makes it another filter
    assert host.run({"rules": [{**rule, "connection_type": "lan"}]})[0].changed


def test_name_and_its_address_cannot_both_be_filters(host):
    host.host.set(names={"srv.example": ["192.0.2.1"]})
    with pytest.raises(ModelError, match="have a filter with the same addresses and ports"):
        host.run({"rules": [ONE, {"filters": ["[0+srv.example]"]}]})


def test_rule_that_somebody_has_edited_in_the_record(host):
    host.run({"rules": [ONE, TWO]})
    (first, _second) = entries(host)
    host.host.registry.change([("set", first, "Rule", STRING, "{}")])
    attempt, _steps = host.run({"rules": []})
    assert not attempt.changed
    assert any("1 rules that cannot be read" in note for note in attempt.notes)
    attempt, _steps = host.run({"rules": [ONE, TWO], "rules_mode": "exact"})
    assert attempt.changed
    assert len(host.rules) == 3
    assert not host.run({"rules": [ONE, TWO], "rules_mode": "exact"})[0].changed


def test_rules_without_a_record_are_reported(host):
    host.run({"rules": [ONE]})
    host.host.registry.change([("delete", RECORD)])
    attempt, _steps = host.run({"rules": []})
    assert any("1 dynamic rules with names of this collection" in note for note in attempt.notes)
    attempt, _steps = host.run({"state": "flushed"})
    assert attempt.dynamic.flush
    assert host.rules == ()


def test_policies_that_an_interrupted_run_has_left(host):
    host.host.netsh(["ipsec", "dynamic", "add", "mmpolicy", "name=ipsec.windows-0123456789ab"])
    attempt, _steps = host.run({"rules": []})
    assert attempt.dynamic.left
    assert host.host.netsh(["ipsec", "dynamic", "show", "mmpolicy", "all"])[0] == 1


def test_setting_that_somebody_has_changed_is_not_trusted(host):
    host.run({"settings": {"ipsecexempt": 1, "strongcrlcheck": 2}})
    assert not host.run({"settings": {"ipsecexempt": 1}})[0].changed
    host.host.netsh(["ipsec", "dynamic", "set", "config", "property=ipsecexempt", "value=0"])
    # another setting is set, after which the host shows what is recorded again
    assert host.run({"settings": {"strongcrlcheck": 2}})[0].changed
    assert host.run({"settings": {"ipsecexempt": 1}})[0].dynamic.settings == {"ipsecexempt": "1"}


def test_stopped_service_is_started_for_rules_only(host):
    host.run({"rules": [ONE]})
    host.host.stop_service()
    attempt, _steps = host.run({"rules": []})
    assert attempt.service.notify is not None
    assert counts(attempt) == (0, 0, 1)
    assert len(host.rules) == 1
    host.run({"rules": [], "rules_mode": "exact"})
    host.host.stop_service()
    assert not host.run({"rules": []})[0].changed
    assert not host.run({"state": "flushed"})[0].changed


def test_names_of_rules_are_never_used_again(host):
    names = set()
    for number in range(5):
        host.run({"rules": [{**TWO, "authentication": [{"preshared_key": f"key{number}"}]}]})
        (name,) = {rule.main_mode.name for rule in host.rules}
        names.add(name)
    assert len(names) == 5


def test_large_set(host):
    rules = [{"filters": [f"[0+10.{i // 250}.{i % 250}.1]"]} for i in range(1000)]
    attempt, _steps = host.run({"rules": rules, "rules_mode": "exact"})
    assert counts(attempt) == (1000, 0, 0)
    assert len(host.rules) == 1000
    assert not host.run({"rules": rules[::-1], "rules_mode": "exact"})[0].changed
