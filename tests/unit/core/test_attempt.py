# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What one attempt of a task decides: plan, request to the service, lockout, notes, and the result that follows."""

from __future__ import annotations

import dataclasses
import ipaddress
import json

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core import attempt as attempt_module
from ansible_collections.ipsec.windows.plugins.module_utils._core.attempt import Attempt, Settings, decide
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lint import Code
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lockout import LockoutCheck
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import (
    Connection,
    LocalAddresses,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.domain import DomainPolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.errors import HostError
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import REQUEST_LIMIT, TooLargeError
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import (
    Notification,
    Notify,
    Service,
    ServiceOption,
    ServiceRequest,
    ServiceStatus,
    StartType,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.lines import edits_of, read_line
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError, SpecialKind
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan import changes
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.outcome import (
    render_outcome,
    render_steps,
    warnings,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import operations_text
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import unpack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits, OnePolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.resolve import MultipleAddresses
from unit import stores

BLOCK = {"name": "R", "filters": ["*+0:445:TCP"], "action": "block"}
SECURE = {"name": "S", "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": "s3cret"}]}
EVERYTHING = {"name": "R", "filters": ["*+0"], "action": "block"}
PEER = Connection(ipaddress.ip_address("192.0.2.2"), ipaddress.ip_address("198.51.100.9"), 50000)
DOMAIN = DomainPolicy(path="LDAP://CN=ipsecPolicy{1}", name="Corp", store=Store())


def _store(*, assigned=True, **wanted) -> Store:
    """A store with the policy P, and Q, which is not assigned."""
    store = stores.change(Store(), {"name": "P", "rules": [BLOCK], **wanted}, assigned=assigned).store
    return stores.change(store, {"name": "Q", "rules": [BLOCK]}).store


def _service(status="running", start_type="automatic") -> Service:
    return Service(status=ServiceStatus(status), start_type=StartType(start_type))


def _decide(store=None, settings=None, *, host=None, **wanted) -> Attempt:
    """What a task decides; `host` are fields of the host's state, `settings` those of the settings."""
    found = Settings(**{"host": "win1", "port": 5985, "lockout_check": LockoutCheck.WARN, **(settings or {})})
    state = stores.host_with(_store() if store is None else store, **(host or {}))
    return decide(OnePolicy(*parse_task({"name": "P", **wanted})), state, found)


def _outcome(attempt, diff=True):
    return render_outcome(attempt, host="win1", title="P", service=None, diff=diff, return_policy=True)


def _commands(*lines):
    return Edits(*edits_of([read_line(line) for line in lines]))


def _warnings(attempt, service=None, accept=(), earlier=()):
    return warnings(attempt, service=service, accept=accept, earlier=earlier)


def test_a_change_of_the_policy_in_force_is_notified():
    attempt = _decide(poll_interval=7)
    assert attempt.changed
    assert attempt.plan.in_force
    assert attempt.service == ServiceRequest(notify=Notify.RELOAD)
    request = json.loads(attempt.request)
    assert (request["mark_pending"], request["service"]["notify"]) == (True, "reload")
    assert request["expect"] == attempt.state.digest
    assert request["result"] == attempt.digest == attempt.plan.store.digest()
    assert unpack(request["operations"]) == operations_text(attempt.plan.operations)


def test_a_change_of_another_policy_is_not_notified():
    attempt = _decide(name="Q", poll_interval=7)
    assert attempt.changed
    assert not attempt.plan.in_force
    assert not attempt.service
    request = json.loads(attempt.request)
    assert (request["mark_pending"], request["service"]) == (False, {"start_type": None, "notify": None})


def test_a_task_without_a_difference_changes_nothing():
    attempt = _decide(assigned=True, rules=[BLOCK])
    assert (attempt.changed, attempt.plan.operations, bool(attempt.service), attempt.cut) == (False, (), False, None)
    outcome = _outcome(attempt)
    assert (outcome["changed"], "diff" in outcome) == (False, False)
    assert outcome["service"] == {"status": "running", "start_type": "automatic", "notification": "none"}


@pytest.mark.parametrize("wanted", [{"assigned": False}, {"state": "absent"}], ids=str)
def test_a_policy_that_is_no_longer_in_force_is_notified(wanted):
    attempt = _decide(**wanted)
    assert attempt.plan.in_force
    assert attempt.service == ServiceRequest(notify=Notify.RELOAD)
    assert _decide(host={"service": _service("stopped")}, **wanted).service == ServiceRequest()


RUNNING, STOPPED = ("running", "automatic"), ("stopped", "manual")
SERVICES = {
    "running": (RUNNING, {}, ServiceRequest(notify=Notify.RELOAD)),
    "running, manual": (("running", "manual"), {}, ServiceRequest(StartType.AUTOMATIC, Notify.RELOAD)),
    "stopped, manual": (STOPPED, {}, ServiceRequest(StartType.AUTOMATIC, Notify.START)),
    "stopped, automatic": (("stopped", "automatic"), {}, ServiceRequest(notify=Notify.START)),
    "starting": (("start_pending", "automatic"), {}, ServiceRequest(notify=Notify.RELOAD)),
    "started": (STOPPED, {"service": ServiceOption.STARTED}, ServiceRequest(notify=Notify.START)),
    "automatic": (STOPPED, {"service": ServiceOption.AUTOMATIC}, ServiceRequest(StartType.AUTOMATIC, Notify.START)),
    "ignore, stopped": (STOPPED, {"service": ServiceOption.IGNORE}, ServiceRequest()),
    "ignore, running": (
        ("running", "manual"),
        {"service": ServiceOption.IGNORE},
        ServiceRequest(notify=Notify.RELOAD),
    ),
    "restart": (RUNNING, {"restart_service": True}, ServiceRequest(notify=Notify.RESTART)),
    "restart, stopped": (STOPPED, {"restart_service": True}, ServiceRequest(StartType.AUTOMATIC, Notify.START)),
    "restart, disabled": (
        ("running", "disabled"),
        {"restart_service": True, "service": ServiceOption.IGNORE},
        ServiceRequest(notify=Notify.RELOAD),
    ),
}


@pytest.mark.parametrize("case", SERVICES)
def test_the_request_to_the_service_if_a_policy_is_assigned(case):
    service, settings, expected = SERVICES[case]
    attempt = _decide(Store(), settings, host={"service": _service(*service)}, assigned=True, rules=[BLOCK])
    assert attempt.service == expected
    assert attempt.plan.assigns
    assert attempt.plan.assigned.change.target.policy.name == "P"


@pytest.mark.parametrize("case", ["running, manual", "stopped, manual", "ignore, stopped"])
def test_the_request_to_the_service_if_the_policy_was_assigned_before(case):
    service, settings, expected = SERVICES[case]
    attempt = _decide(settings=settings, host={"service": _service(*service)}, rules=[BLOCK])
    # a stopped service is a difference, its start type alone is not
    assert attempt.service == (ServiceRequest() if service[0] == "running" else expected)
    assert attempt.plan.operations == ()
    assert attempt.changed == bool(attempt.service)


def test_a_pending_notification_is_sent():
    attempt = _decide(host={"pending": True}, rules=[BLOCK])
    assert attempt.service.notify is Notify.RELOAD
    # polls may have missed the change as well
    assert [operation.name for operation in attempt.plan.operations] == ["whenChanged"]
    assert attempt.changed
    diff = _outcome(attempt)["diff"]
    assert "notification: pending" in diff["before"]
    assert "notification: pending" not in diff["after"]
    other = _decide(host={"pending": True}, name="Q", rules=[BLOCK])
    assert other.service.notify is Notify.RELOAD


STATES = {
    "no administrator": ({"writable": False}, "is not an administrator of win1"),
    "old Windows": (
        {"product": "Windows 7", "version": "6.1.7601", "powershell": "5.1.1"},
        "win1 runs Windows 7 (6.1.7601) with PowerShell 5.1.1; this collection needs Windows 8.1",
    ),
    "no service": ({"service": _service("missing", "unknown")}, "win1 has no PolicyAgent service"),
    "disabled service": ({"service": _service("stopped", "disabled")}, "so an assigned policy has no effect"),
    "disabled, running service": (
        {"service": _service("running", "disabled")},
        "has no effect after the next restart of the host",
    ),
}


@pytest.mark.parametrize("case", STATES)
def test_a_host_on_which_the_change_is_not_possible(case):
    host, words = STATES[case]
    with pytest.raises(HostError) as caught:
        _decide(host=host, poll_interval=7)
    assert words in str(caught.value)
    # a task that changes nothing is not refused
    if host.get("service") is None or host["service"].running:
        assert not _decide(host=host, rules=[BLOCK]).changed
    # the service does not matter for a policy that is not in force, or if the task ignores it
    if "service" in host:
        assert _decide(host=host, name="Q", poll_interval=7).changed
        assert _decide(settings={"service": ServiceOption.IGNORE}, host=host, poll_interval=7).changed


def _cut(**host):
    return _decide(host={"connections": (PEER,), **host}, rules=[EVERYTHING])


def test_a_change_that_cuts_the_connection_is_written_without_a_notification():
    attempt = _cut()
    assert (str(attempt.cut.peer), attempt.cut.port, attempt.cut.rule) == ("198.51.100.9", 5985, "rule 'R'")
    assert attempt.service.notify is Notify.RELOAD
    request = json.loads(attempt.request)
    assert (request["mark_pending"], request["service"]["notify"]) == (True, None)


def test_a_cut_is_found_only_if_the_policy_comes_into_force():
    assert _cut(connections=()).cut is None
    assert _cut(domain=DOMAIN).cut is None
    assert _decide(host={"connections": (PEER,)}, name="Q", rules=[EVERYTHING]).cut is None
    assert _decide(host={"connections": (PEER,)}, rules=[BLOCK], poll_interval=7).cut is None
    stopped = _decide(
        settings={"service": ServiceOption.IGNORE},
        host={"connections": (PEER,), "service": _service("stopped")},
        rules=[EVERYTHING],
    )
    assert (stopped.changed, stopped.cut) == (True, None)
    # the service may start later
    assert stopped.notes[0].startswith("as soon as the service starts, the policy 'P' cuts the connection from ")
    ignored = _decide(
        settings={"service": ServiceOption.IGNORE, "lockout_check": LockoutCheck.IGNORE},
        host={"connections": (PEER,), "service": _service("stopped")},
        rules=[EVERYTHING],
    )
    assert ignored.notes == ()


def test_a_change_that_cuts_the_connection_is_an_error_by_default():
    assert Settings(host="win1", port=5985).lockout_check is LockoutCheck.ERROR
    for service in ("running", "stopped"):
        host = {"connections": (PEER,), "service": _service(service)}
        with pytest.raises(HostError, match=r"the filter any\+me of the rule 'R' blocks it"):
            _decide(settings={"lockout_check": LockoutCheck.ERROR}, host=host, rules=[EVERYTHING])


def test_a_run_that_changes_nothing_does_not_look_for_a_cut(monkeypatch):
    """It would search all filters of the policy in force."""
    store = _store()
    monkeypatch.setattr(attempt_module, "find_cut", lambda *_args: pytest.fail("this searches all filters"))
    for status in ("running", "stopped"):
        host = {"connections": (PEER,), "service": _service(status)}
        assert not _decide(store, {"service": ServiceOption.IGNORE}, host=host, rules=[BLOCK]).changed


def test_the_port_of_the_connection_decides():
    smb = {"name": "R", "filters": ["*+0:445:TCP"], "action": "block"}
    host = {"connections": (PEER,)}
    assert _decide(Store(), {"port": 5986}, host=host, assigned=True, rules=[smb]).cut is None
    assert _decide(Store(), {"port": 445}, host=host, assigned=True, rules=[smb]).cut is not None


@pytest.mark.parametrize("kind", ["dns", "wins", "dhcp", "gateway"])
def test_a_controller_that_is_a_server_of_the_host_is_cut_off(kind):
    rule = {"name": "R", "filters": [{"source": kind, "destination": "me", "mirrored": True}], "action": "block"}
    addresses = LocalAddresses({SpecialKind(kind): frozenset({PEER.remote})})
    host = {"connections": (PEER,), "addresses": addresses}
    assert _decide(Store(), host=host, assigned=True, rules=[rule]).cut is not None
    assert _decide(Store(), host={"connections": (PEER,)}, assigned=True, rules=[rule]).cut is None


def test_a_stored_policy_that_comes_into_force_can_cut_the_connection():
    store = stores.change(_store(), {"name": "Q", "rules": [EVERYTHING]}).store
    attempt = _decide(store, host={"connections": (PEER,)}, name="Q", assigned=True)
    assert attempt.cut.policy == "Q"
    assert (attempt.plan.unassigned, attempt.plan.displaced) == ("P", ("P", "Q"))
    # a pending notification makes the assigned policy live, whatever the task is about
    store = stores.change(_store(), {"name": "P", "rules": [EVERYTHING]}).store
    attempt = _decide(store, host={"connections": (PEER,), "pending": True}, name="Q", poll_interval=7)
    assert attempt.cut.policy == "P"


def test_ids_of_new_objects_are_the_same_for_the_same_store_and_task():
    store = _store()
    one, again, other = (_decide(store, rules=rules) for rules in ([BLOCK, SECURE], [BLOCK, SECURE], [SECURE]))
    assert one.plan.operations == again.plan.operations != other.plan.operations
    assert _outcome(one) == _outcome(again)


def test_notes_of_the_goal_the_resolver_and_the_plan():
    rule = {"name": "R", "filters": ["0+a.example"], "security_methods": ["esp[3des,sha] PFS2"]}
    store = stores.change(Store(), {"name": "P", "rules": [rule]}, names={"a.example": ["192.0.2.1"]}).store
    attempt = _decide(store, rules=[rule])
    assert not attempt.changed
    first, second = attempt.notes
    assert "PFS2" in first
    assert second.startswith("the host cannot resolve the DNS name a.example now; the stored address 192.0.2.1 stays")


def test_mistakes_in_the_goal_are_errors():
    with pytest.raises(ModelError, match=r"rule 'R': this host finds no IPv4 address for the DNS name new\.example"):
        _decide(rules=[{**BLOCK, "filters": ["0+new.example"]}])
    with pytest.raises(ModelError, match=r"two\.example has several addresses"):
        _decide(
            settings={"multiple_addresses": MultipleAddresses.ERROR},
            host={"names": {"two.example": ["192.0.2.1", "192.0.2.2"]}},
            rules=[{**BLOCK, "filters": ["0+two.example"]}],
        )


def test_a_policy_that_would_be_stored_in_another_way_is_an_error(monkeypatch):
    written = changes.write_filters
    monkeypatch.setattr(changes, "write_filters", lambda filters, *args: written(filters[:1], *args))
    with pytest.raises(ModelError, match=r"the policy 'P' would not be stored as requested\. This is a bug"):
        _decide(rules=[{**BLOCK, "filters": ["*+0:445:TCP", "*+0:139:TCP"]}])


def test_a_change_that_does_not_fit_into_a_request_is_refused():
    # noise cannot be compressed
    key = "".join(chr(0x4E00 + (number * number * 7919) % 20011) for number in range(700_000))
    with pytest.raises(TooLargeError) as caught:
        _decide(Store(), rules=[{**SECURE, "authentication": [{"preshared_key": key}]}])
    assert caught.value.size > caught.value.limit == REQUEST_LIMIT


def test_any_task_finishes_an_interrupted_change():
    store = _store()
    done = stores.change(store, {"name": "P", "poll_interval": 7, "rules": [SECURE]})
    cut = store.copy()
    for operation in done.operations[:-2]:
        cut.change(operation)
    attempt = _decide(cut, name="Q", rules=[BLOCK])
    assert attempt.plan.operations
    assert Graph(attempt.plan.store).leftovers() == []


def test_findings_are_those_of_all_policies_of_the_task():
    attempt = _decide(Store(), rules=[BLOCK, SECURE])
    codes = {finding.code for finding in attempt.findings}
    assert {Code.OPEN_OVER_IPV6, Code.PRESHARED_KEY, Code.WEAK_DES} <= codes
    found = _warnings(attempt)
    assert found == [finding.warning() for finding in attempt.findings]
    assert "s3cret" not in f"{found}{_outcome(attempt)}{attempt}"
    assert _decide(state="absent").findings == []


def test_warnings_about_a_domain_policy_and_a_failed_notification():
    attempt = _decide(host={"domain": DOMAIN}, poll_interval=7)
    hidden, *_findings = [w for w in _warnings(attempt) if "Group Policy" in w]
    assert hidden.startswith("domain-policy-wins: Group Policy assigns the domain policy 'Corp'")
    assert not [w for w in _warnings(attempt, accept=[Code.DOMAIN_POLICY_WINS]) if "Group Policy" in w]
    service = dataclasses.replace(_service(), notification=Notification.FAILED, error="no rights.")
    (failed,) = (w for w in _warnings(attempt, service) if "could not be notified" in w)
    assert failed.startswith("the PolicyAgent service could not be notified: no rights. It reads")
    other = _decide(host={"domain": DOMAIN}, name="Q", poll_interval=7)
    assert not [w for w in _warnings(other) if "Group Policy" in w]


@pytest.mark.parametrize(
    ("goal", "warned"),
    [
        (OnePolicy(*parse_task({"name": "Q", "assigned": True})), True),
        (OnePolicy(*parse_task({"name": "New", "assigned": True, "rules": [BLOCK]})), True),
        (OnePolicy(*parse_task({"name": "P", "assigned": True})), False),
        (OnePolicy(*parse_task({"name": "P", "assigned": False})), False),
        (_commands("-w REG -p Q -x"), True),
        (_commands("-w REG -p P -y", "-w REG -p Q -x"), False),
        (_commands("-w REG -p Q -x", "-w REG -p P -o"), False),
    ],
)
def test_a_policy_that_loses_its_assignment_is_named(goal, warned):
    attempt = decide(goal, stores.host_with(_store()), Settings(host="win1", port=5985))
    found = [w for w in _warnings(attempt) if "only one policy" in w]
    assert [w.endswith("unassigns the policy 'P'") for w in found] == ([True] if warned else [])
    # also if it was written by an earlier attempt
    again = decide(goal, stores.host_with(attempt.plan.store), Settings(host="win1", port=5985))
    assert [w for w in _warnings(again, earlier=[attempt]) if "only one policy" in w] == found
    assert [w for w in _warnings(again) if "only one policy" in w] == []


def test_a_policy_that_loses_its_assignment_to_one_that_is_unassigned_again_is_named():
    goal = _commands("-w REG -p Q -x", "-w REG -p Q -y")
    attempt = decide(goal, stores.host_with(_store()), Settings(host="win1", port=5985))
    assert attempt.plan.graph.active is None
    assert attempt.notes == ("another policy is assigned and unassigned again, which unassigns 'P', too",)
    goal = _commands("-w REG -p Q -x", "-w REG -p Q -y", "-w REG -p P -y")
    assert decide(goal, stores.host_with(_store()), Settings(host="win1", port=5985)).notes == ()


def test_counts_of_rules_and_filters():
    store = _store(rules=[BLOCK, SECURE])
    other = {**SECURE, "filters": ["0+192.0.2.1", "0+192.0.2.2"]}
    assert _counts(_decide(store, rules=[BLOCK, SECURE])) == ((0, 0, 0), (0, 0))
    assert _counts(_decide(store, rules=[BLOCK, other])) == ((0, 1, 0), (1, 0))
    assert _counts(_decide(store, rules=[other])) == ((0, 1, 1), (1, 1))
    assert _counts(_decide(store, rules=[EVERYTHING, {**BLOCK, "name": "T"}])) == ((1, 1, 1), (2, 2))
    assert _counts(_decide(store, state="absent")) == ((0, 0, 2), (0, 2))
    assert _counts(_decide(store, name="New", rules=[BLOCK, SECURE])) == ((2, 0, 0), (2, 0))
    # a filter whose port changes is another filter; a new action is no new filter
    assert _counts(_decide(store, rules=[{**BLOCK, "action": "permit"}, SECURE])) == ((0, 1, 0), (0, 0))


def _counts(attempt):
    outcome = _outcome(attempt)
    return tuple(outcome["rules"].values()), tuple(outcome["filters"].values())


def test_the_outcome_of_a_change():
    attempt = _decide(
        Store(), host={"service": _service("stopped", "manual")}, assigned=True, rules=[SECURE], description="d"
    )
    outcome = _outcome(attempt)
    assert outcome["changed"]
    (policy,) = outcome["policies"]
    assert (policy["name"], policy["assigned"], policy["description"]) == ("P", True, "d")
    assert outcome["service"] == {"status": "running", "start_type": "automatic", "notification": "started"}
    assert outcome["names"] == {"added": ["P"], "changed": [], "removed": []}
    assert {step["operation"] for step in render_steps(attempt, None)} == {"create", "change"}
    assert outcome["diff"]["before_header"] == "win1 IPsec policy P"
    assert "stopped" in outcome["diff"]["before"]
    assert "preshared key" in outcome["diff"]["after"]
    assert "diff" not in _outcome(attempt, diff=False)
    assert "s3cret" not in str(outcome)


def test_the_outcome_of_a_deletion():
    outcome = _outcome(_decide(stores.microsoft_defaults(), name="Server (Request Security)", state="absent"))
    assert outcome["policies"] == []
    assert {item["object"] for item in outcome["remaining"]} == {"filter list", "filter action"}
    assert all(item["reason"].startswith("used by rule ") for item in outcome["remaining"])


def test_the_outcome_of_several_attempts():
    """The first one was written, then others changed the store."""
    first = _decide(name="Q", assigned=True, poll_interval=7)
    store = stores.change(first.plan.store, {"name": "Q", "description": "theirs"}).store
    last = _decide(store, name="Q", assigned=True, description="ours")
    options = {"host": "win1", "title": "Q", "service": None, "diff": True, "return_policy": False}
    outcome = render_outcome(last, earlier=[first], **options)
    assert (outcome["changed"], outcome["unassigned"]) == (True, "P")
    assert [("poll_interval: 7" in d["before"], "poll_interval: 7" in d["after"]) for d in outcome["diff"]] == [
        (False, True),
        (True, True),
    ]
    unchanged = _decide(last.plan.store, name="Q", description="ours")
    outcome = render_outcome(unchanged, earlier=[first, last], **options)
    assert (outcome["changed"], len(outcome["diff"])) == (True, 2)


def test_objects_that_remain_after_an_earlier_attempt_are_listed():
    first = _decide(stores.microsoft_defaults(), name="Server (Request Security)", state="absent")
    last = _decide(first.plan.store, name="Server (Request Security)", state="absent")
    options = {"host": "win1", "title": "P", "service": None, "diff": False, "return_policy": False}
    assert render_outcome(last, earlier=[first], **options)["remaining"] == _outcome(first)["remaining"] != []
