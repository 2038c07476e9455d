# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The protocol of docs/host-module.md, kept by the PowerShell module and by the emulation that stands in for it, over
winrm and over psrp.
"""

from __future__ import annotations

import json
import random

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.answers import Applied, Reading, parse_told
from ansible_collections.ipsec.windows.plugins.module_utils.store import (
    Create,
    Delete,
    Kind,
    Set,
    Store,
    StoreError,
    Unset,
    Value,
    operations_text,
    pack,
)
from integration.playbook import Player, policy_task
from unit import stores
from winhost import policy as reader
from winhost.farm import Farm
from winhost.host import SERVICE_KEY

pytestmark = pytest.mark.psrp("python")

NO_SERVICE = {"start_type": None, "tell": None}
READ = {"protocol": 1, "do": "read", "names": [], "interfaces": [], "port": 5985}
EVERY_KIND = {
    "": Value.string("the default value"),
    "string": Value.string('a "b" \\c\r\n;é\U0001f511'),
    "no string": Value.string(""),
    "expand": Value(Kind.EXPAND_STRING, "%SystemRoot%\\x"),
    "strings": Value.strings(["a", "bc", "\u4e2d"]),
    "no strings": Value.strings([]),
    "one empty string": Value.strings([""]),
    "number": Value.number(0xFFFFFFFF),
    "big number": Value(Kind.QWORD, 0xFFFFFFFFFFFFFFFF),
    "bytes": Value.binary(bytes(range(256))),
    "no bytes": Value.binary(b""),
    "none": Value(Kind.NONE, b"\1\2"),
    "unpaired \ud800": Value.string("\udfff unpaired"),
    "\uffff after \U00010000": Value.number(0),
}


def _apply(before: Store, operations, service=None, result=None, announce=False):
    after = before.copy()
    for operation in operations:
        after.change(operation)
    return {
        "protocol": 1,
        "do": "apply",
        "expect": before.digest(),
        "operations": pack(operations_text(operations)),
        "result": result or after.digest(),
        "announce": announce,
        "service": service or NO_SERVICE,
    }


def _ask(player, host, *requests):
    """The answers to some requests, in one play."""
    tasks = [
        {"ipsec.windows.ipsec_host": {"request": json.dumps(request)}, "ignore_errors": True} for request in requests
    ]
    return [{**result.result, "failed": result.status == "failed"} for result in player.play(host, *tasks).results]


def test_reading_a_fresh_host(host, player):
    (answer,) = _ask(player, host, READ)
    reading = Reading.parse(answer)
    assert answer["store"] == ""
    assert answer["protocol"] == 1
    assert answer["changed"] is False
    assert reading.digest == Store().digest()
    assert abs(reading.now - host.now()) < 30
    assert (reading.product, reading.version) == ("Windows Server 2022 Standard", "10.0.20348")
    assert (reading.service.status, reading.service.start_type) == ("stopped", "manual")
    assert (reading.writable, reading.domain) == (True, None)


def test_reading_what_a_host_knows(host, player):
    guid = "{12345678-1234-1234-1234-123456789abc}"
    host.set(names={"a.example": ["192.0.2.1", "2001:db8::1"]}, interfaces={guid: ["192.0.2.2"]}, clock_offset=-86400)
    host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
    host.assign_domain_policy("LDAP://CN=x", "Corp", host.store())
    host.set_version("Windows 7", 6, 1, 7601)
    request = {**READ, "names": ["a.example", "A.EXAMPLE.", "b.example"], "interfaces": [guid]}
    reading = Reading.parse(_ask(player, host, request)[0])
    assert {name: sorted(found) for name, found in reading.names.items()} == {
        "a.example": ["192.0.2.1", "2001:db8::1"],
        "A.EXAMPLE.": ["192.0.2.1", "2001:db8::1"],
        "b.example": [],
    }
    assert reading.interfaces == {guid: ["192.0.2.2"]}
    assert abs(reading.now - host.now()) < 30
    assert reading.version == "6.1.7601"
    assert reading.graph.store.digest() == reading.digest == stores.windows_2022().digest()
    assert (reading.domain.path, reading.domain.name) == ("LDAP://CN=x", "Corp")
    assert reading.domain.store.text() == stores.windows_2022().text()
    assert {connection.local for connection in reading.connections} == {host.address}


@pytest.mark.psrp("python", "powershell")
def test_every_operation_and_every_kind_of_value(host, player):
    first = [Create("key"), *(Set("key", name, value) for name, value in EVERY_KIND.items())]
    start = Store()
    whole = start.copy()
    for operation in first:
        whole.change(operation)
    second = [
        Set("KEY", "STRING", Value.string("other case")),
        Unset("key", "number"),
        Unset("key", "never there"),
        Create("key"),
        Create("key\\below"),
        Create("keys"),
        Set("", "ActivePolicy", Value.string("x")),
        Delete("Key"),
        Delete("never there"),
    ]
    then = whole.copy()
    for operation in second:
        then.change(operation)
    answers = _ask(player, host, _apply(start, first), _apply(whole, second), READ)
    one, two = (Applied.parse(answer) for answer in answers[:2])
    assert (one.applied, one.digest, one.store, one.error, one.conflict) == (
        len(first),
        whole.digest(),
        None,
        None,
        False,
    )
    assert (two.applied, two.digest, two.store) == (len(second), then.digest(), None)
    assert Reading.parse(answers[2]).graph.store.text() == then.text()
    assert stores.from_tree(host.store()).text() == then.text()


def test_a_value_of_a_size_that_its_kind_has_not_hides_no_other(host, player):
    host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
    host.registry.change([("set", reader.LOCAL, "odd", 4, b"\0" * 8), ("set", reader.LOCAL, "odder", 11, b"\0" * 9)])
    reading = Reading.parse(_ask(player, host, READ)[0])
    assert {name: int(value.kind) for name, value in reading.graph.store.values("").items()} == {
        "ActivePolicy": 1,
        "odd": 0,
        "odder": 0,
    }
    assert reading.graph.store.digest() == reading.digest
    run = player.play(host, policy_task(name="GSecurity IP Policy", description="x", backup=True))
    assert run[0]["changed"]
    assert b"o\0d\0d\0" not in (player.folder / "backup" / run[0]["backup_file"]).read_bytes()


def test_a_host_that_has_seen_much_is_what_it_came_to(host, player):
    _ask(player, host, _apply(Store(), [Create("key"), *(Set("key", n, v) for n, v in EVERY_KIND.items())]))
    host.registry.change([("set", reader.LOCAL, "odd", 4, b"\0" * 8)])
    host.registry.change([("set", reader.LOCAL, "again", 4, number) for number in range(3000)])
    before = [Reading.parse(answer) for answer in _ask(player, host, READ, READ)]
    host.registry.change([("set", reader.LOCAL, "again", 4, 5000), ("delete", f"{reader.LOCAL}\\key")])
    after = Reading.parse(_ask(player, host, READ)[0])
    assert [reading.graph.store.values("key") for reading in before] == [EVERY_KIND] * 2
    assert [reading.graph.store.get("", "again") for reading in (*before, after)] == [
        Value.number(2999),
        Value.number(2999),
        Value.number(5000),
    ]
    assert {reading.graph.store.get("", "odd").kind for reading in (*before, after)} == {Kind.UNKNOWN}
    assert "key" not in after.graph.store


def test_another_store_than_was_read_is_a_conflict(host, player):
    host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
    applied = Applied.parse(_ask(player, host, _apply(Store(), [Create("key")]))[0])
    assert (applied.conflict, applied.applied, applied.service) == (True, 0, None)
    assert applied.store.text() == stores.windows_2022().text()
    assert applied.digest == stores.windows_2022().digest()
    assert abs(applied.now - host.now()) < 30
    assert stores.from_tree(host.store()).text() == stores.windows_2022().text()


def test_the_first_operation_that_fails_ends_the_run(host, player):
    request = _apply(Store(), [Create("key")], {"start_type": "automatic", "tell": "start"})
    request["operations"] = pack(
        operations_text([Create("key"), Set("missing", "n", Value.number(1)), Create("never made")])
    )
    applied = Applied.parse(_ask(player, host, request)[0])
    assert (applied.applied, applied.conflict, applied.service) == (1, False, None)
    assert "missing is not there" in applied.error
    assert host.events("service") == []
    assert sorted(stores.from_tree(host.store()).paths()) == ["", "key"]


def test_what_is_not_as_it_was_meant_comes_back(host, player):
    applied = Applied.parse(_ask(player, host, _apply(Store(), [Create("key")], result="0" * 64))[0])
    assert applied.store.paths() == ["", "key"]


def test_what_cannot_be_done_on_a_fresh_host(host, player):
    """The container is made by the first key and never deleted; a value of an unknown kind is never written."""
    refused = (
        [Set("", "n", Value.number(1))],
        [Unset("", "n")],
        [Create("key"), Delete("")],
        [Set("key", "n", Value(Kind.UNKNOWN, b""))],
    )
    for operations in refused:
        request = _apply(stores.from_tree(host.store()), [])
        answer = _ask(player, host, {**request, "operations": pack(operations_text(operations))})[0]
        assert Applied.parse(answer).error
    assert stores.from_tree(host.store()).text() == Store({"": {}, "key": {}}).text()


def test_a_service_that_is_disabled_is_not_restarted(host, player):
    host.start_service()
    host.set_start_type("disabled")
    request = {"protocol": 1, "do": "tell", "service": {"start_type": None, "tell": "restart"}}
    told = parse_told(_ask(player, host, request)[0])
    assert (told.told, told.status, told.error) == ("failed", "running", "the service is disabled")


@pytest.mark.parametrize("start", [0, 1, 7])
def test_start_types_beyond_the_ordinary(host, player, start):
    host.registry.change([("set", SERVICE_KEY, "Start", 4, start)])
    service = Reading.parse(_ask(player, host, READ)[0]).service
    assert service.start_type == {0: "boot", 1: "system"}.get(start, "unknown")


def test_who_is_no_administrator_changes_nothing(host, player):
    host.set(administrator=False)
    read, apply = _ask(player, host, READ, _apply(Store(), [Create("key")]))
    assert Reading.parse(read).writable is False
    assert (apply["failed"], apply["reason"]) == (True, "not_administrator")
    assert host.store() == {}
    request = {"protocol": 1, "do": "tell", "service": {"start_type": "automatic", "tell": "start"}}
    assert parse_told(_ask(player, host, request)[0]).told == "failed"
    assert (host.start_type, host.events("service")) == ("manual", [])


@pytest.mark.parametrize("request_", [{"protocol": 2, "do": "read"}, {"protocol": 1, "do": "format"}])
def test_what_the_module_does_not_know_it_refuses(host, player, request_):
    (answer,) = _ask(player, host, request_)
    assert (answer["failed"], answer["reason"]) == (True, "unknown_request")


@pytest.mark.psrp("python", "powershell")
def test_what_the_service_is_told(host, player):
    def tell(what, start_type=None):
        return {"protocol": 1, "do": "tell", "service": {"start_type": start_type, "tell": what}}

    answers = _ask(player, host, tell("start", "automatic"), tell("start"), tell("reload"), tell("restart"), tell(None))
    found = [parse_told(answer) for answer in answers]
    assert [service.told for service in found] == ["started", "nothing", "asked", "restarted", "nothing"]
    assert {(service.status, service.start_type) for service in found} == {("running", "automatic")}
    assert [event[2:] for event in host.events("service")] == [["start"], ["control", 129], ["stop"], ["start"]]
    host.stop_service()
    host.set_start_type("disabled")
    failed, reloaded = (parse_told(answer) for answer in _ask(player, host, tell("start"), tell("reload")))
    assert (failed.told, failed.status, failed.start_type) == ("failed", "stopped", "disabled")
    assert "disabled" in failed.error
    assert reloaded.told == "failed"


def test_a_run_that_was_cut_off_before_the_service_knew_is_finished_by_the_next(host, player):
    rule = {"name": "r", "filters": ["192.0.2.1+0"], "action": "block"}
    player.play(host, policy_task(name="P", assigned=True, rules=[rule]))
    before = stores.from_tree(host.store())
    plan = stores.change(before, {"name": "P", "rules": [{**rule, "filters": ["192.0.2.2+0"]}]})
    # the last thing such a run does is one of its writes
    assert Applied.parse(_ask(player, host, _apply(before, plan.operations, announce=True))[0]).error is None
    assert Reading.parse(_ask(player, host, READ)[0]).untold is True
    assert host.verdict("192.0.2.2", 50000, 443) == "permit"
    task = policy_task(name="P", rules=[{**rule, "filters": ["192.0.2.2+0"]}])
    run = player.play(host, task, task)
    assert [(r["changed"], r["service"]["told"]) for r in run.results] == [(True, "asked"), (False, "nothing")]
    assert [(o["object"], o["values"]) for o in run[0]["operations"]] == [("policy", ["whenChanged"])]
    assert host.verdict("192.0.2.2", 50000, 443) == "block"
    assert Reading.parse(_ask(player, host, READ)[0]).untold is False


def test_a_mark_beside_a_stopped_service_is_no_change(host, player):
    rule = {"name": "r", "filters": ["192.0.2.1+0"], "action": "block"}
    player.play(host, policy_task(name="P", assigned=True, rules=[rule]))
    _ask(player, host, _apply(stores.from_tree(host.store()), [], announce=True))
    host.stop_service()
    run = player.play(host, policy_task(name="Q"), policy_task(name="Q"), policy_task(name="P", service="ignore"))
    assert [result["changed"] for result in run.results] == [True, False, False]


def test_a_boot_tells_the_service_as_well(host, player):
    _ask(player, host, _apply(Store(), [Create("key")], announce=True))
    host.boot()
    assert Reading.parse(_ask(player, host, READ)[0]).untold is False


def test_a_host_without_the_service(host, player):
    host.set_start_type(None)
    reading = Reading.parse(_ask(player, host, READ)[0])
    assert (reading.service.status, reading.service.start_type) == ("missing", "unknown")


def test_the_service_is_told_after_the_write(host, player):
    service = {"start_type": "automatic", "tell": "start"}
    applied = Applied.parse(_ask(player, host, _apply(Store(), [Create("key")], service))[0])
    assert (applied.service.status, applied.service.start_type, applied.service.told) == (
        "running",
        "automatic",
        "started",
    )


def _some_operations(source: random.Random, count: int):
    """Operations that can all be done, on few keys so that they meet."""
    store = stores.windows_2022()
    operations = []
    keys = ["", "a", "A\\b", "é", "unpaired \ud800", *store.paths()[1:4]]
    while len(operations) < count:
        key = source.choice(keys)
        name = source.choice([*EVERY_KIND, "ipsecData", "WHENCHANGED"])
        operation = source.choice(
            [
                Create(key or "a"),
                Delete(key or "A"),
                Unset(key, name),
                Set(key, name, source.choice([*EVERY_KIND.values()])),
                Set(key, name, Value.binary(source.randbytes(source.randrange(300)))),
            ]
        )
        try:
            store.change(operation)
        except StoreError:
            continue
        operations.append(operation)
    return operations


@pytest.mark.parametrize("seed", range(3))
def test_both_engines_make_the_same_store_of_any_operations(tmp_path, seed, both_engines):
    operations = _some_operations(random.Random(seed), 150)
    seen = []
    for engine in both_engines:
        (tmp_path / engine).mkdir()
        with Farm(engine=engine) as farm:
            host = farm.hosts["win1"]
            host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
            answer = _ask(Player(farm, tmp_path / engine), host, _apply(stores.windows_2022(), operations))[0]
            applied = Applied.parse(answer)
            assert applied.error is None
            assert applied.store is None
            seen.append((host.store(), applied.digest, applied.applied))
    assert seen[0] == seen[1]
