# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The loop of a task with a fake host: conflicts, partial writes, lost answers and backups in every combination."""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
import json
import pathlib

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.ipsec.windows.plugins.doc_fragments import group
from ansible_collections.ipsec.windows.plugins.module_utils._core.attempt import Attempt
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lint import Code
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lockout import LockoutCheck
from ansible_collections.ipsec.windows.plugins.module_utils._core.host import requests
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import (
    Applied,
    Connection,
    Waited,
    parse_notified,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.domain import DomainPolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.errors import HostError
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import TooLargeError
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import (
    Service,
    ServiceOption,
    ServiceStatus,
    StartType,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.outcome import render_steps
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.fields import ShapeError
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_task
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import (
    Create,
    Operation,
    Set,
    operations_text,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack, unpack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import OnePolicy
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.resolve import MultipleAddresses
from ansible_collections.ipsec.windows.plugins.plugin_utils._action import TaskFailure
from ansible_collections.ipsec.windows.plugins.plugin_utils._host import NoAnswer
from ansible_collections.ipsec.windows.plugins.plugin_utils._task import Goals, LostAnswer, Options, PolicyTask
from unit import filters_in_force, stores
from winhost import regfile, tree

BLOCK = {"name": "R", "filters": ["*+0:445:TCP"], "action": "block"}
SECURE = {"name": "S", "filters": ["0+192.0.2.1"], "authentication": [{"preshared_key": "s3cret"}]}
WANTED = {"name": "P", "assigned": True, "description": "wanted", "poll_interval": 7, "rules": [BLOCK, SECURE]}
CUTTING = {**WANTED, "rules": [{"name": "R", "filters": ["*+0"], "action": "block"}]}
OLD = {"poll_interval": 3, "rules": [{**BLOCK, "filters": ["*+0:139:TCP"]}, {**BLOCK, "name": "T"}]}
CONTROLLER = Connection(ipaddress.ip_address("192.0.2.2"), ipaddress.ip_address("198.51.100.9"), 50000)


def used() -> Store:
    """A store in which the policy P is assigned, and another policy exists."""
    store = stores.change(Store(), {"name": "P", **OLD}, assigned=True).store
    return stores.change(store, {"name": "Q", "rules": [BLOCK]}).store


USED = used()
STARTS = {"fresh host": Store(), "used host": USED}


class FakeHost:
    """A host in memory. `events` say what happens at each request to apply, `notifications` at each one to notify.

    `others` is what another administrator writes when an event says so.
    """

    name = "win1"
    port = 5985

    def __init__(self, store: Store, events=(), others="", notifications=()) -> None:
        self.store = store.copy()
        self.pending = False
        self.service = {"status": "running", "start_type": "automatic"}
        self.events = list(events)
        self.notifications = list(notifications)
        self.others = others
        self.other_writes: list[Operation] = []
        self.used: list[str] = []
        # the attempts that were written, with the number of operations, and whether that was answered
        self.rounds: list[tuple[Attempt, int, bool]] = []
        self.log: list[str] = []
        # the requests to wait, and what these answer: the filters that are shown, if these are not all, and events
        self.waits: list[tuple[int, int, str | None, list[int]]] = []
        self.shown = None
        self.logged: list[dict] = []
        self.waited = 3
        self.domain = None

    def read(self, parts, names=(), interfaces=()):
        self.log.append("read")
        service = Service(
            status=ServiceStatus(self.service["status"]), start_type=StartType(self.service["start_type"])
        )
        return stores.host_with(
            self.store.copy(),
            pending=self.pending,
            service=service,
            connections=(CONTROLLER,),
            now=1000,
            domain=self.domain,
        )

    def apply(self, attempt: Attempt) -> Applied:
        request = json.loads(attempt.request)
        event = self.events.pop(0) if self.events else "ok"
        self.used.append(event)
        what, _space, part = event.partition(" ")
        if what == "busy":
            raise HostError("another task has been using the policy store")
        if what == "conflict":
            self._write_as_another()
        if self.store.digest() != request["expect"]:
            return self._answer(attempt, applied=0, conflict=True, now=2000, store=pack(self.store.text()))
        operations = attempt.plan.operations
        assert unpack(request["operations"]) == operations_text(operations)
        self.pending = self.pending or request["mark_pending"]
        done = {"nothing": 0, "half": len(operations) // 2}.get(part, len(operations))
        for operation in operations[:done]:
            self.store.change(operation)
        self.log.append("write" if done else "nothing")
        self.rounds.append((attempt, done, what not in ("lost", "unreachable")))
        if what == "interleaved":
            self._write_as_another()
        if what == "lost":
            raise NoAnswer("win1 gave no answer")
        if what == "unreachable":
            raise AnsibleConnectionFailure("win1 is silent")
        error = "access denied" if what == "stopped" else None
        store = None if self.store.digest() == request["result"] else pack(self.store.text())
        service = None if error else self._change_service(request["service"])
        return self._answer(attempt, applied=done, error=error, store=store, service=service)

    def _answer(self, attempt: Attempt, **fields) -> Applied:
        answer = {"error": None, "conflict": False, "now": None, "service": None, **fields}
        applied = Applied.parse({**answer, "digest": self.store.digest()})
        applied.check(len(attempt.plan.operations), attempt.digest)
        return applied

    def notify(self, service, dynamic=False):
        event = self.notifications.pop(0) if self.notifications else "ok"
        if event == "unreachable":
            # the policy cuts the connection; the service was notified
            self._change_service(service.render())
            raise AnsibleConnectionFailure("win1 is silent")
        if event == "lost":
            raise NoAnswer("win1 gave no answer")
        if event == "refused":
            raise HostError("win1 refuses")
        return parse_notified({"service": self._change_service(service.render())})

    def wait(self, expected, since, seconds):
        self.log.append("wait")
        self.waits.append((since, seconds, expected.digest, expected.events))
        event = self.notifications.pop(0) if self.notifications else "ok"
        if event == "unreachable":
            raise AnsibleConnectionFailure("win1 is silent")
        if event == "lost":
            raise NoAnswer("win1 gave no answer")
        rows = filters_in_force.rows_of(self.store)
        found = {
            "filters": filters_in_force.answer(rows if self.shown is None else self.shown(rows)),
            "events": {"rows": self.logged, "audit": None, "error": None},
            "service": self.service,
            "waited": self.waited,
        }
        return Waited.parse(found)

    def _change_service(self, wanted):
        self.service["start_type"] = wanted["start_type"] or self.service["start_type"]
        if wanted["notify"]:
            self.log.append("notify")
            self.pending = False
        return {**self.service, "notification": "asked" if wanted["notify"] else "none"}

    def _write_as_another(self) -> None:
        number = len(self.other_writes)
        found = stores.stored(self.store, "P") if self.others == "the policy" else None
        if self.others == "two policies":
            keys = [f"ipsecPolicy{{ffffffff-0000-0000-0000-{number:011}{i}}}" for i in range(2)]
            writes = [write for key in keys for write in (Create(key), Set(key, "ipsecName", Value.string("P")))]
        elif found is not None:
            writes = [Set(self.store.spelling(found.key), "description", Value.string(f"theirs {number}"))]
        else:
            writes = [Create("Other"), Set("Other", "n", Value.number(number))]
        for write in writes:
            self.store.change(write)
        self.other_writes += writes


@dataclasses.dataclass
class Ended:
    """How a task ended: with a result, a failure with a result, or without one (`error`)."""

    result: dict
    message: str = ""
    failed: bool = False
    error: Exception | None = None


def run(host: FakeHost, folder, wanted=None, **changed) -> Ended:
    """Run a task; `changed` are options that differ from those that most tests use."""
    options = Options(
        **{
            "multiple_addresses": MultipleAddresses.ERROR,
            "lockout_check": LockoutCheck.WARN,
            "accept": frozenset(),
            "service": None,
            "restart_service": False,
            "backup": None,
            "return_policy": True,
            "wait": None,
            "check_mode": False,
            "diff": False,
            **changed,
        }
    )
    task = PolicyTask(host, Goals(policies=OnePolicy(*parse_task(wanted or WANTED))), options, str(folder))
    try:
        return Ended(task.run())
    except TaskFailure as error:
        return Ended(error.result, str(error), failed=True)
    except (ModelError, HostError, AnsibleConnectionFailure) as error:
        return Ended({"changed": False, "operations": []}, str(error), failed=True, error=error)


BACKUPS = {"no backup": None, "backup": {}, "named backup": {"filename": "store.reg"}}
OLD_BACKUP = b"the backup of an earlier task"
TERMINAL = [
    "ok",
    "busy",
    "stopped nothing",
    "stopped half",
    "lost nothing",
    "lost half",
    "lost all",
    "unreachable nothing",
    "unreachable half",
    "unreachable all",
]
RETRIED = ["conflict", "interleaved"]
EVENTS = [
    *([first] for first in TERMINAL),
    *map(list, itertools.product(RETRIED, TERMINAL)),
    *map(list, itertools.product(RETRIED, RETRIED, [*RETRIED, "ok", "stopped half", "lost half"])),
]
OTHERS = ["another key", "the policy", "two policies"]


def _combinations():
    for events, others, start, backup in itertools.product(EVENTS, OTHERS, STARTS, BACKUPS):
        # without a conflict, nobody else writes; a third round does the same with the name of a file as a second one
        if (len(events) > 1 or others == OTHERS[0]) and (len(events) < 3 or backup != "named backup"):
            yield pytest.param(events, others, start, backup, id=f"{', '.join(events)}-{others}-{start}-{backup}")


@pytest.mark.parametrize(("events", "others", "start", "backup"), [*_combinations()])
def test_every_combination_of_faults(events, others, start, backup, tmp_path):
    host = FakeHost(STARTS[start], events, others)
    folder = tmp_path / "backup"
    named = folder / "store.reg"
    folder.mkdir()
    named.write_bytes(OLD_BACKUP)
    ended = run(host, tmp_path, backup=BACKUPS[backup])
    assert "s3cret" not in f"{ended.result}{ended.message}"

    _check_end(host, ended, others)
    _check_changed_and_operations(host, ended)
    _check_backup(host, ended, STARTS[start], BACKUPS[backup], folder)
    if BACKUPS[backup] is None and (others != "two policies" or not host.other_writes):
        _check_next_run(host, ended, tmp_path)


def _check_end(host: FakeHost, ended: Ended, others: str) -> None:
    """The message says what happened last, and what was done before."""
    assert len(host.used) <= 3
    assert host.log.count("read") == 1
    what = host.used[-1].partition(" ")[0]
    written_before = any(event == "interleaved" for event in host.used[:-1])
    earlier = "earlier attempt of this task wrote some of the changes" in ended.message
    if what in RETRIED and others == "two policies":
        assert "policies have the name 'P'" in ended.message
        assert earlier == ("interleaved" in host.used)
    elif what == "conflict" or (what == "interleaved" and others == "the policy"):
        assert len(host.used) == 3
        assert "the policy store of win1 was changed by others 3 times" in ended.message
    elif what in ("ok", "interleaved"):
        # after another key, nothing is left to do
        assert not ended.failed
        assert not host.pending
    else:
        messages = {
            "busy": "another task has been using the policy store",
            "stopped": "win1 stopped after {done} of {count} writes to the policy store: access denied. Either the old",
            "lost": "win1 gave no answer",
            "unreachable": "win1 is silent",
        }
        attempt, done, _answered = host.rounds[-1] if host.rounds else (None, 0, False)
        count = len(attempt.plan.operations) if attempt else 0
        assert messages[what].format(done=done, count=count) in ended.message
        if what in ("busy", "unreachable"):
            assert earlier == written_before
        if what == "busy":
            assert ("nothing was changed" in ended.message) == (not written_before)
        assert isinstance(ended.error, LostAnswer) == (what == "unreachable")


def _check_changed_and_operations(host: FakeHost, ended: Ended) -> None:
    answered = [(attempt, done) for attempt, done, answered in host.rounds if answered]
    lost = any(event.startswith("lost") for event in host.used)
    if ended.error is not None:
        # the error itself becomes the result, and nothing was written before it
        assert isinstance(ended.error, AnsibleConnectionFailure) or not answered
        return
    assert ended.result["changed"] == (lost or any(done for _attempt, done in answered))
    expected = [step for attempt, done in answered for step in render_steps(attempt, done)]
    assert ended.result["operations"] == expected
    statuses = [step["status"] for step in expected]
    assert set(statuses) <= {"done"} or host.used[-1].startswith("stopped")


def _check_backup(host: FakeHost, ended: Ended, start: Store, backup, folder: pathlib.Path) -> None:
    named = folder / "store.reg"
    files = [path for path in folder.iterdir() if path != named]
    unknown = not all(answered for _attempt, _done, answered in host.rounds)
    written = unknown or any(done for _attempt, done, _answered in host.rounds)
    expected = backup is not None and written
    if ended.error is None:
        assert ("backup_file" in ended.result) == expected
    if not expected:
        assert (files, named.read_bytes()) == ([], OLD_BACKUP)
        return
    (file,) = [named] if backup else files
    assert bool(backup) == (not files) == (named.read_bytes() != OLD_BACKUP)
    if ended.error is None:
        assert ended.result["backup_file"] == str(file)
    else:
        assert f"The backup is {file}" in ended.message
    assert file.stat().st_mode & 0o777 == 0o600
    data = file.read_bytes()
    assert "\\]" not in data.decode("utf-16")
    # ours is undone, and what others have written stays
    without_us = start.copy()
    for operation in host.other_writes:
        if operation.path not in without_us:
            without_us.change(Create(operation.path))
        without_us.change(operation)
    found = stores.to_tree(host.store)
    tree.apply_changes(found, regfile.parse(data))
    assert stores.content(stores.from_tree(found)) == stores.content(without_us)


def _check_next_run(host: FakeHost, ended: Ended, folder: pathlib.Path) -> None:
    """The next run finishes the change and notifies the service, the one after it has nothing to do."""
    host.events.clear()
    again = run(host, folder)
    assert not again.failed
    assert again.result["changed"] == ended.failed
    assert not host.pending
    assert "notify" in host.log[len(host.log) - host.log[::-1].index("write") :]
    assert stores.facts(host.store)["P"]["description"] == "wanted"
    assert {rule["name"] for rule in stores.facts(host.store)["P"]["rules"]} == {"R", "S"}
    assert Graph(host.store).leftovers() == []
    assert not run(host, folder).result["changed"]


@pytest.mark.parametrize("wanted", [WANTED, CUTTING], ids=["safe", "cutting"])
@pytest.mark.parametrize("backup", BACKUPS)
@pytest.mark.parametrize("start", STARTS)
def test_check_mode_predicts_the_run(start, backup, wanted, tmp_path):
    host = FakeHost(STARTS[start])
    ended = run(host, tmp_path, wanted, backup=BACKUPS[backup], check_mode=True, diff=True)
    assert (ended.failed, ended.result["changed"]) == (False, True)
    assert "backup_file" not in ended.result
    assert not (tmp_path / "backup").exists()
    assert host.log == ["read"]
    assert host.store.digest() == STARTS[start].digest()
    done = run(host, tmp_path, wanted, diff=True)
    for step in done.result["operations"]:
        assert step.pop("status") == "done"
    # only this warning has another tense
    would, cuts = (
        [warning for warning in result["warnings"] if verb in warning]
        for result, verb in ((ended.result, "would cut the connection"), (done.result, "cuts the connection"))
    )
    assert len(would) == len(cuts) == (wanted is CUTTING)
    for result, found in ((ended.result, would), (done.result, cuts)):
        result["warnings"] = [warning for warning in result["warnings"] if warning not in found]
    assert done.result == ended.result


@pytest.mark.parametrize("notification", ["ok", "unreachable", "lost", "refused"])
@pytest.mark.parametrize("events", [["ok"], ["conflict"], ["interleaved"], ["interleaved", "conflict"]], ids=str)
@pytest.mark.parametrize("others", OTHERS[:2])
@pytest.mark.parametrize("start", STARTS)
def test_a_policy_that_cuts_the_connection_is_written_before_the_service_is_notified(
    start, others, events, notification, tmp_path
):
    host = FakeHost(STARTS[start], events, others, [notification])
    ended = run(host, tmp_path, CUTTING)
    assert not ended.failed
    assert ended.result["changed"]
    assert any(warning.startswith("the policy 'P' cuts the connection") for warning in ended.result["warnings"])
    notified = notification in ("ok", "unreachable")
    assert host.log.count("notify") == int(notified)
    assert host.pending != notified
    assert ended.result["service"]["notification"] == ("asked" if notified else "failed")
    failed = [warning for warning in ended.result["warnings"] if "could not be notified" in warning]
    assert len(failed) == int(not notified)
    again = run(host, tmp_path, CUTTING)
    assert (again.result["changed"], host.pending) == (not notified, False)


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("backup", BACKUPS)
@pytest.mark.parametrize("start", STARTS)
def test_a_request_that_is_too_large_is_refused_before_the_first_write(
    start, backup, check_mode, tmp_path, monkeypatch
):
    # tests/unit/core/host/test_requests.py has the real limit
    monkeypatch.setattr(requests, "REQUEST_LIMIT", 1000)
    host = FakeHost(STARTS[start])
    ended = run(host, tmp_path, backup=BACKUPS[backup], check_mode=check_mode)
    assert isinstance(ended.error, TooLargeError)
    assert f"{ended.error.size:,} characters" in ended.message
    assert not (tmp_path / "backup").exists()
    assert host.log == ["read"]


def test_a_change_of_the_service_alone_is_kept_if_others_write(tmp_path):
    host = FakeHost(Store())
    assert run(host, tmp_path).result["changed"]
    host.service["start_type"] = "manual"
    host.events, host.others = ["interleaved"], "another key"
    result = run(host, tmp_path, service=ServiceOption.AUTOMATIC, diff=True).result
    assert (result["changed"], result["operations"]) == (True, [])
    assert result["service"]["start_type"] == "automatic"
    assert "start_type: manual" in result["diff"]["before"]


def test_a_result_after_two_rounds_has_what_the_first_one_did(tmp_path):
    host = FakeHost(stores.change(Store(), {"name": "Q", "rules": [BLOCK]}, assigned=True).store, ["interleaved"])
    ended = run(host, tmp_path, diff=True)
    assert ended.result["unassigned"] == "Q"
    assert "assigned: false" not in ended.result["diff"]["after"]
    assert ended.result["diff"]["before"] != ended.result["diff"]["after"]
    assert any("another program changed the store" in warning for warning in ended.result["warnings"])


def test_a_backup_that_cannot_be_written_stops_the_task_before_the_first_write(tmp_path):
    (tmp_path / "backup").write_bytes(b"a file")
    host = FakeHost(USED)
    ended = run(host, tmp_path, backup={})
    assert ended.message.startswith("the backup cannot be written, so nothing was changed: ")
    assert (ended.result["changed"], ended.result["operations"], host.log) == (False, [], ["read"])


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (["interleaved"], "the backup cannot be written, although the policy store was changed: "),
        (["stopped half"], "access denied. Either the old policy or the new one is in force"),
    ],
)
def test_a_backup_that_cannot_be_corrected_is_a_failure_with_all_operations(events, words, tmp_path, monkeypatch):
    host = FakeHost(USED, events, "another key")
    original = FakeHost.apply

    def apply(self, attempt):
        applied = original(self, attempt)
        (tmp_path / "backup").rename(tmp_path / "elsewhere")
        (tmp_path / "backup").write_bytes(b"a file")
        return applied

    monkeypatch.setattr(FakeHost, "apply", apply)
    ended = run(host, tmp_path, backup={})
    assert words in ended.message
    assert "the backup cannot be written" in ended.message
    assert ended.result["changed"]
    ((attempt, done, _answered),) = host.rounds
    assert ended.result["operations"] == render_steps(attempt, done)


def test_a_task_that_cuts_the_connection_stops_before_it_writes(tmp_path):
    for check_mode in (True, False):
        host = FakeHost(Store())
        ended = run(host, tmp_path, CUTTING, lockout_check=LockoutCheck.ERROR, check_mode=check_mode, backup={})
        assert isinstance(ended.error, HostError)
        assert ended.message.startswith(
            "the policy 'P' would cut the connection from 198.51.100.9 to port 5985 of win1"
        )
        assert (host.log, host.store.paths(), list(tmp_path.iterdir())) == (["read"], [], [])


@pytest.mark.parametrize("check", LockoutCheck)
def test_a_change_by_others_can_turn_the_task_into_one_that_cuts_the_connection(check, tmp_path):
    """The task leaves the rules unchanged; somebody else has written one that blocks the controller meanwhile."""
    store = stores.change(Store(), {"name": "P", "rules": [BLOCK]}, assigned=True).store
    host = FakeHost(store, ["conflict"])
    theirs = stores.change(store, {"name": "P", "rules": CUTTING["rules"]}).operations
    host._write_as_another = lambda: [host.store.change(operation) for operation in theirs]
    ended = run(host, tmp_path, {"name": "P", "poll_interval": 7}, lockout_check=check)
    assert ended.failed == (check is LockoutCheck.ERROR)
    assert host.log.count("write") == (check is not LockoutCheck.ERROR)
    warned = any("cuts the connection" in warning for warning in ended.result.get("warnings", []))
    assert warned == (check is LockoutCheck.WARN)


def test_accepted_findings_give_no_warnings(tmp_path):
    def codes(accept):
        warnings = run(FakeHost(USED), tmp_path, accept=frozenset(accept)).result["warnings"]
        return {warning.partition(":")[0] for warning in warnings}

    found = codes([])
    assert {Code.PRESHARED_KEY, Code.OPEN_OVER_IPV6} <= found
    assert codes([Code.PRESHARED_KEY]) == found - {Code.PRESHARED_KEY}
    assert codes(Code) == set()


def test_results_are_short_unless_the_policy_is_asked_for(tmp_path):
    host = FakeHost(Store())
    long = [f"0+198.51.{number // 250}.{number % 250}" for number in range(10_000)]
    wanted = {"name": "P", "rules": [{"name": "R", "filters": long, "action": "block"}, SECURE]}
    for attempt, added in enumerate((10_001, 0)):
        ended = run(host, tmp_path, wanted, return_policy=False)
        assert not ended.failed
        assert ended.result["filters"] == {"added": added, "removed": 0}
        assert ended.result["rules"] == {"added": 0 if attempt else 2, "changed": 0, "removed": 0}
        assert not {"policies", "operations"} & ended.result.keys()
        assert len(json.dumps(ended.result)) < 3000
    assert {"policies", "operations"} <= run(host, tmp_path, wanted).result.keys()


def test_a_failed_write_shows_the_first_operations_and_their_number(tmp_path):
    rules = [{"name": f"R{number}", "filters": ["*+0:445:TCP"], "action": "block"} for number in range(100)]
    shown = {}
    for complete in (True, False):
        host = FakeHost(Store(), ["stopped half"])
        ended = run(host, tmp_path, {"name": "P", "rules": rules}, return_policy=complete)
        assert ended.failed
        assert ended.result["operations_count"] > 100
        shown[complete] = ended.result["operations"]
    assert len(shown[True]) == ended.result["operations_count"]
    assert shown[False] == shown[True][:10]


EMPTY = {
    "error": None,
    "filter": None,
    "event": None,
    "missing": [],
    "missing_count": 0,
    "surplus": [],
    "surplus_count": 0,
}
DOMAIN = DomainPolicy(path="LDAP://CN=ipsecPolicy{1}", name="Corp", store=Store())


def test_a_task_that_waits_says_that_its_change_is_in_force(tmp_path):
    host = FakeHost(USED)
    ended = run(host, tmp_path, wait=30)
    assert not ended.failed
    assert ended.result["applied"] == {
        **EMPTY,
        "outcome": "applied",
        "reason": "all 5 filters are in force",
        "waited": 3,
    }
    digest = filters_in_force.digest(filters_in_force.rows_of(host.store))
    assert host.waits == [(1000, 30, digest, [5460, 5461, 5462, 5464, 5472, 5477])]
    assert host.log == ["read", "write", "notify", "wait"]
    assert not [warning for warning in ended.result["warnings"] if "known" in warning]


def test_events_since_the_change_went_live_count(tmp_path):
    host = FakeHost(USED)
    apply = host.apply
    host.apply = lambda attempt: dataclasses.replace(apply(attempt), now=1007)
    host.logged = [{"id": 5460, "time": 1006, "record": 1, "data": {}}]
    assert run(host, tmp_path, wait=30).result["applied"]["event"] is None
    assert host.waits[0][0] == 1007


def test_nothing_is_waited_for_without_the_option(tmp_path):
    host = FakeHost(USED)
    assert "applied" not in run(host, tmp_path).result
    assert host.waits == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_nothing_is_waited_for_without_a_change(check_mode, tmp_path):
    host = FakeHost(USED)
    if not check_mode:
        run(host, tmp_path)
    ended = run(host, tmp_path, wait=30, check_mode=check_mode)
    assert ended.result["changed"] is check_mode
    assert "applied" not in ended.result
    assert host.waits == []


@pytest.mark.parametrize(
    ("wanted", "host_parts", "service", "reason"),
    [
        ({**WANTED, "name": "Q", "assigned": None}, {}, None, "nothing that is in force was changed"),
        (
            WANTED,
            {"service": {"status": "stopped", "start_type": "manual"}},
            ServiceOption.IGNORE,
            "the PolicyAgent service is stopped",
        ),
        (WANTED, {"domain": DOMAIN}, None, "Group Policy assigns a domain policy, which hides the local one"),
    ],
)
def test_nothing_is_waited_for_if_the_policy_is_not_in_force(wanted, host_parts, service, reason, tmp_path):
    host = FakeHost(USED)
    vars(host).update(host_parts)
    ended = run(host, tmp_path, wanted, wait=30, service=service)
    assert ended.result["changed"]
    assert ended.result["applied"] == {**EMPTY, "outcome": "unknown", "reason": reason, "waited": 0}
    assert host.waits == []


def test_a_change_that_is_not_in_force_fails_the_task(tmp_path):
    host = FakeHost(USED)
    host.shown = lambda rows: rows[1:]
    host.waited = 30
    ended = run(host, tmp_path, wait=30, backup={})
    assert ended.failed
    assert ended.message == ("the change is written, but not in force on win1: 1 of 5 filters are not in force")
    assert ended.result["changed"]
    assert ended.result["operations_count"] == len(ended.result["operations"]) > 0
    assert pathlib.Path(ended.result["backup_file"]).exists()
    applied = ended.result["applied"]
    assert (applied["outcome"], applied["missing_count"], applied["waited"]) == ("failed", 1, 30)
    (missing,) = applied["missing"]
    assert missing["rule"]["policy"] == "P"
    assert missing["destination_port"] == 445
    assert "s3cret" not in str(ended)


def test_an_event_of_failure_is_part_of_the_message(tmp_path):
    host = FakeHost(USED)
    host.shown = lambda rows: rows[1:]
    data = {"Policy": "P", "Error": "0x80320009", "QuickModeFilter": "{1}"}
    host.logged = [{"id": 5477, "time": 1000, "record": 7, "data": data}]
    ended = run(host, tmp_path, wait=30)
    assert ended.failed
    assert ended.message.endswith("event 5477 says that it was not applied (error 0x80320009, filter {1})")
    applied = ended.result["applied"]
    assert (applied["error"], applied["filter"], applied["event"]["id"]) == ("0x80320009", "{1}", 5477)


def test_missing_filters_are_no_failure_if_an_event_says_success(tmp_path):
    host = FakeHost(USED)
    host.shown = lambda rows: rows[1:]
    host.logged = [{"id": 5460, "time": 1000, "record": 7, "data": {"Policy": "P"}}]
    ended = run(host, tmp_path, wait=30)
    assert not ended.failed
    reason = "1 of 5 filters are not in force, but event 5460 says that it was applied"
    assert (ended.result["applied"]["outcome"], ended.result["applied"]["reason"]) == ("unknown", reason)
    assert f"it is not known whether the change is in force on win1: {reason}" in ended.result["warnings"]


def test_a_service_that_stops_while_the_task_waits_fails_it(tmp_path):
    host = FakeHost(USED)
    host.shown = lambda rows: host.service.update(status="stopped") or []
    ended = run(host, tmp_path, wait=30)
    assert ended.failed
    assert "the PolicyAgent service is stopped, so nothing is enforced" in ended.message


@pytest.mark.parametrize(("event", "words"), [("unreachable", "win1 is silent"), ("lost", "win1 gave no answer")])
def test_a_wait_without_an_answer_is_unknown(event, words, tmp_path):
    host = FakeHost(USED, notifications=[event])
    ended = run(host, tmp_path, wait=30)
    assert not ended.failed
    assert ended.result["applied"] == {**EMPTY, "outcome": "unknown", "reason": words, "waited": 0}
    assert f"it is not known whether the change is in force on win1: {words}" in ended.result["warnings"]


def test_nothing_is_waited_for_after_the_policy_has_cut_the_connection(tmp_path):
    host = FakeHost(USED, notifications=["unreachable"])
    ended = run(host, tmp_path, CUTTING, wait=30)
    assert not ended.failed
    reason = "the connection was lost when the service was notified"
    assert (ended.result["applied"]["outcome"], ended.result["applied"]["reason"]) == ("unknown", reason)
    assert host.waits == []


def test_a_policy_that_cuts_the_connection_after_its_service_was_notified_is_unknown(tmp_path):
    host = FakeHost(USED, notifications=["ok", "unreachable"])
    ended = run(host, tmp_path, CUTTING, wait=30)
    assert (ended.failed, ended.result["applied"]["reason"]) == (False, "win1 is silent")
    assert len(host.waits) == 1


def test_a_change_in_two_attempts_is_waited_for_once(tmp_path):
    host = FakeHost(USED, ["interleaved", "ok"], "another key")
    ended = run(host, tmp_path, wait=30)
    assert ended.result["applied"]["outcome"] == "applied"
    assert len(host.waits) == 1


def test_removing_the_policy_in_force_is_waited_for(tmp_path):
    host = FakeHost(USED)
    ended = run(host, tmp_path, {"name": "P", "state": "absent"}, wait=30)
    assert (ended.result["applied"]["outcome"], ended.result["applied"]["reason"]) == (
        "applied",
        "no filter is to be in force",
    )
    host = FakeHost(USED)
    host.shown = lambda rows: filters_in_force.rows_of(USED)
    ended = run(host, tmp_path, {"name": "P", "state": "absent"}, wait=30)
    assert ended.failed
    assert (ended.result["applied"]["outcome"], ended.result["applied"]["surplus_count"]) == ("failed", 4)


@pytest.mark.parametrize("seconds", [0, 301, -1])
def test_the_time_to_wait_has_bounds(seconds):
    documented = yaml.safe_load(group.ModuleDocFragment.DOCUMENTATION)["options"]
    options = {name: option.get("default") for name, option in documented.items()}
    with pytest.raises(ShapeError, match="wait_timeout: expected 1 to 300 seconds"):
        Options.of({**options, "wait_timeout": seconds}, check_mode=False, diff=False)
    assert Options.of({**options, "wait_applied": True}, check_mode=False, diff=False).wait == 30
    assert Options.of(options, check_mode=False, diff=False).wait is None
