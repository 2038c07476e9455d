# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The Security log of a simulated host, and auditpol.exe."""

from __future__ import annotations

import csv

import pytest
from unit import stores
from winhost import policy, query_faults
from winhost.host import Host
from winhost.security_log import LogError

GET = ["/get", "/subcategory:{0CCE9233-69AE-11D9-BED3-505054503030}", "/r"]


@pytest.fixture
def host(tmp_path):
    """A host whose service is audited and has loaded a policy."""
    found = Host(tmp_path, "win1", "192.0.2.2")
    rule = {"name": "Close SMB", "action": "block", "filters": ["*+0:445:TCP", "*+0:139:TCP"]}
    stores.put(found, stores.change(stores.Store(), {"name": "P", "rules": [rule]}, assigned=True).store)
    found.set(audited=True)
    found.start_service()
    return found


def _new(host, old):
    """The events since `old`, the oldest first: their ids and data."""
    return [(event["id"], event["data"]) for event in host.security_events()[::-1][len(old) :]]


def test_a_service_that_starts_and_stops(host):
    assert _new(host, []) == [(5478, {}), (5460, {"Policy": "P"})]
    host.stop_service()
    assert [event["id"] for event in host.security_events()] == [5479, 5460, 5478]


def test_an_event_has_its_place_and_time(host):
    host.set(clock_offset=1000)
    host.reload_service()
    events = host.security_events()
    assert [event["record"] for event in events] == [1004, 1003, 1002, 1001]
    assert {event["provider"] for event in events} == {"Microsoft-Windows-Security-Auditing"}
    assert 900 < events[0]["time"] - events[-1]["time"] < 1100


def test_a_reload(host):
    old = host.security_events()
    host.reload_service()
    assert _new(host, old) == [(5460, {"Policy": "P"}), (5465, {})]
    old = host.security_events()
    host.set(ignores_reload=True)
    host.reload_service()
    assert _new(host, old) == []


def test_no_policy(host):
    host.registry.change([("unset", policy.LOCAL, "ActivePolicy")])
    old = host.security_events()
    host.reload_service()
    assert _new(host, old) == [(5465, {})]


def test_a_policy_that_cannot_be_read(host):
    key = next(key for key in host.store() if "ipsecFilter" in key)
    host.registry.change([("set", key, "ipsecData", 3, b"\1")])
    old = host.security_events()
    host.reload_service()
    ((number, data), _reloaded) = _new(host, old)
    assert (number, data["Error"]) == (5461, "13")
    assert "ipsecPolicy{" in data["Policy"]


def test_a_policy_that_cannot_be_loaded(host):
    host.set(load_error="1460")
    old = host.security_events()
    host.reload_service()
    ((number, data), _reloaded) = _new(host, old)
    assert (number, data["Error"]) == (5461, "1460")
    assert host.verdict("192.0.2.9", 50000, 445) == "permit"


def test_a_filter_that_cannot_be_added(host):
    host.set(failed_filters={"Close SMB": [2], "other": [1]}, lost_filters={"Close SMB": [1, 9]})
    old = host.security_events()
    host.reload_service()
    assert _new(host, old) == [
        (5477, {"QuickModeFilter": "Close SMB", "Error": "13825"}),
        (5462, {"Policy": "P", "Error": "13825"}),
        (5465, {}),
    ]


@pytest.mark.parametrize(("load_error", "number"), [(None, 5456), ("5", 5457)])
def test_a_domain_policy(host, load_error, number):
    name = host.get(policy.LOCAL, "ActivePolicy").rpartition("\\")[2]
    host.assign_domain_policy(f"LDAP://CN={name},DC=example,DC=test", "Corp", host.store())
    host.set(load_error=load_error)
    old = host.security_events()
    host.reload_service()
    assert _new(host, old)[0] == (number, {"Policy": "P"} if load_error is None else {"Policy": "Corp", "Error": "5"})


def test_a_poll(host):
    old = host.security_events()
    epoch = host.sync().epoch
    host.poll()
    assert (_new(host, old), host.sync().epoch) == ([(5463, {})], epoch)
    host.registry.change([("unset", policy.LOCAL, "ActivePolicy")])
    old = host.security_events()
    host.poll()
    assert (_new(host, old), host.sync().in_force) == ([(5464, {})], None)


def test_a_stopped_service_does_not_poll(host):
    host.stop_service()
    old = host.security_events()
    host.poll()
    assert _new(host, old) == []


@pytest.mark.parametrize(
    ("audited", "numbers"),
    [(False, []), (True, [5477, 5462, 5465]), ("success", [5465]), ("failure", [5477, 5462])],
)
def test_only_what_is_audited_is_written(host, audited, numbers):
    old = host.security_events()
    host.set(audited=audited, failed_filters={"Close SMB": [1]})
    host.reload_service()
    assert [number for number, _data in _new(host, old)] == numbers


def test_a_host_that_is_opened_again_has_the_same_log(host):
    host.reload_service()
    assert Host(host.folder, "win1", "192.0.2.2").security_events() == host.security_events()


# auditpol


@pytest.mark.parametrize(
    ("audited", "language", "setting"),
    [
        (False, "en", "No Auditing"),
        (True, "en", "Success and Failure"),
        ("success", "en", "Success"),
        ("failure", "en", "Failure"),
        (True, "de", "Erfolg und Fehler"),
        (False, "de", "Keine Überwachung"),
    ],
)
def test_auditpol(host, audited, language, setting):
    host.set(audited=audited, language=language)
    code, output = host.auditpol(GET)
    (row,) = csv.DictReader(line for line in output.splitlines() if line)
    assert (code, row["Machine Name"], row["Inclusion Setting"]) == (0, "WIN1", setting)
    assert row["Subcategory GUID"] == "{0CCE9233-69AE-11D9-BED3-505054503030}"


@pytest.mark.parametrize("arguments", [[], ["/get"], ["/get", "/category:*", "/r"], [*GET, "/x"]])
def test_other_arguments_of_auditpol_are_errors(host, arguments):
    assert host.auditpol(arguments)[0] == 1


# faults


@pytest.mark.parametrize(
    ("fault", "reason"), [("missing", "failed"), ("denied", "access_denied"), ("failed", "failed")]
)
def test_a_log_that_cannot_be_read(host, fault, reason):
    host.set(queries={"events": fault})
    with pytest.raises(LogError) as caught:
        host.security_events()
    assert caught.value.reason == reason


def test_only_administrators_may_ask(host):
    host.set(administrator=False)
    with pytest.raises(LogError) as caught:
        host.security_events()
    assert caught.value.reason == "access_denied"
    assert host.auditpol(GET)[0] == 1


@pytest.mark.parametrize("fault", ["missing", "denied", "failed"])
def test_an_auditpol_that_fails(host, fault):
    host.set(queries={"auditpol": fault})
    assert host.auditpol(GET)[0] == 1


def test_empty_and_huge_answers(host):
    few, line = host.security_events(), host.auditpol(GET)[1]
    host.set(queries={"events": "empty", "auditpol": "empty"})
    assert (host.security_events(), host.auditpol(GET)) == ([], (0, ""))
    host.set(queries={"events": "huge 500", "auditpol": "huge 500"})
    events = host.security_events()
    assert len(events) == len(few) + 500
    assert len({event["record"] for event in events}) == len(events)
    assert host.auditpol(GET) == (0, line * 500)


@pytest.mark.parametrize("kind", query_faults.MALFORMED["events"])
def test_a_malformed_event(host, kind):
    good = host.security_events()
    host.set(queries={"events": f"malformed {kind}"})
    odd, *others = host.security_events()
    assert others == good
    assert not {"Policy", "Error"} & odd["data"].keys() or "\0" in odd["data"]["Policy"]


@pytest.mark.parametrize("kind", query_faults.MALFORMED["auditpol"])
def test_a_malformed_answer_of_auditpol(host, kind):
    good = host.auditpol(GET)[1]
    host.set(queries={"auditpol": f"malformed {kind}"})
    code, output = host.auditpol(GET)
    assert (code, output == good) == (0, False)
    assert GET[1].removeprefix("/subcategory:") not in output


@pytest.mark.parametrize(("query", "ask"), [("events", "security_events"), ("auditpol", "auditpol")])
def test_an_answer_that_never_comes(host, query, ask):
    host.set(queries={query: "slow"})
    with pytest.raises(TimeoutError, match="did not answer within 0"):
        getattr(host, ask)(*([GET] if query == "auditpol" else []), patience=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"audited": "often"}, "audited is true, false, success or failure, not 'often'"),
        ({"load_error": 5}, "load_error is a text or null"),
        ({"associations": {}}, "the setting associations is a list, not a dict"),
    ],
)
def test_a_setting_that_a_host_cannot_have(host, settings, message):
    with pytest.raises(ValueError, match=message):
        host.set(**settings)
