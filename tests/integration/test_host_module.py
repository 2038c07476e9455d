# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Both implementations of the host module follow the protocol of docs/host-module.md."""

from __future__ import annotations

import base64
import gzip
import ipaddress
import json
import random

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import (
    Applied,
    HostState,
    parse_notified,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import SpecialKind
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import (
    Create,
    Delete,
    Set,
    Unset,
    operations_text,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Kind, StoreError, Value
from integration.module import Module
from integration.playbook import policy_task
from unit import stores
from winhost import policy as reader
from winhost.host import SERVICE_KEY, Host

NO_SERVICE = {"start_type": None, "notify": None}
READ = {
    "protocol": 2,
    "do": "read",
    "parts": ["store", "service", "domain", "system", "addresses", "connections", "record"],
    "names": [],
    "interfaces": [],
    "port": 5985,
}
PARTS = {
    "store": {"store", "digest"},
    "service": {"service", "pending"},
    "domain": {"domain"},
    "system": {"now", "product", "version", "powershell", "writable"},
    "addresses": {"addresses"},
    "connections": {"connections"},
    "record": {"record", "record_digest"},
    **{part: {part} for part in ("filters", "events", "associations", "counters", "rsop")},
}
"""The keys of the answer for each part."""
ALWAYS = {"protocol", "changed", "names", "interfaces"}
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


def _apply(before: Store, operations, service=None, result=None, mark_pending=False):
    after = before.copy()
    for operation in operations:
        after.change(operation)
    return {
        "protocol": 2,
        "do": "apply",
        "expect": before.digest(),
        "operations": pack(operations_text(operations)),
        "result": result or after.digest(),
        "mark_pending": mark_pending,
        "service": service or NO_SERVICE,
    }


def _notify(how, start_type=None):
    return {"protocol": 2, "do": "notify", "service": {"start_type": start_type, "notify": how}}


def _state(answer):
    return HostState.parse(answer, [Part(part) for part in READ["parts"]])


@pytest.fixture
def module(tmp_path, engine):
    """The host module of a fresh host, without Ansible."""
    return Module(Host(tmp_path / "win1", "win1", "127.0.0.1"), engine)


def test_read_on_a_fresh_host(module):
    (answer,) = module.ask(READ)
    state = _state(answer)
    assert answer["store"] == ""
    assert answer["protocol"] == 2
    assert answer["changed"] is False
    assert state.digest == Store().digest()
    assert abs(state.now - module.host.now()) < 30
    assert (state.product, state.version) == ("Windows Server 2022 Standard", "10.0.20348")
    assert int(state.powershell.partition(".")[0]) >= 5
    assert (state.service.status, state.service.start_type) == ("stopped", "manual")
    assert (state.writable, state.pending, state.domain) == (True, False, None)
    assert {str(kind): set(map(str, found)) for kind, found in state.addresses.known.items()} == {
        "me": {"127.0.0.1"},
        "dns": set(),
        "wins": set(),
        "dhcp": set(),
        "gateway": set(),
    }


def test_read_on_a_host_with_everything(module):
    host, guid = module.host, "{12345678-1234-1234-1234-123456789abc}"
    host.set(
        names={"a.example": ["192.0.2.1", "2001:db8::1"]},
        interfaces={guid: ["192.0.2.2", "fe80::1"]},
        servers={"dns": ["192.0.2.53", "2001:db8::53"], "wins": ["192.0.2.42"], "dhcp": ["192.0.2.67"]},
        clock_offset=-86400,
    )
    host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
    host.assign_domain_policy("LDAP://CN=x", "Corp", host.store())
    host.set_version("Windows 7", 6, 1, 7601)
    request = {**READ, "names": ["a.example", "A.EXAMPLE.", "b.example"], "interfaces": [guid, "{none}"]}
    state = _state(module.ask(request)[0])
    assert {name: sorted(found) for name, found in state.names.items()} == {
        "a.example": ["192.0.2.1", "2001:db8::1"],
        "A.EXAMPLE.": ["192.0.2.1", "2001:db8::1"],
        "b.example": [],
    }
    assert state.interfaces == {guid: ["192.0.2.2", "fe80::1"], "{none}": []}
    assert abs(state.now - host.now()) < 30
    assert state.version == "6.1.7601"
    assert state.graph.store.digest() == state.digest == stores.windows_2022().digest()
    assert (state.domain.path, state.domain.name) == ("LDAP://CN=x", "Corp")
    assert state.domain.store.text() == stores.windows_2022().text()
    addresses = state.addresses
    assert set(map(str, addresses.of(SpecialKind.ME))) == {"127.0.0.1", "192.0.2.2", "fe80::1"}
    assert set(map(str, addresses.of(SpecialKind.DNS))) == {"192.0.2.53", "2001:db8::53"}
    assert addresses.of(SpecialKind.WINS) == {ipaddress.ip_address("192.0.2.42")}
    assert addresses.of(SpecialKind.DHCP) == {ipaddress.ip_address("192.0.2.67")}
    host.set(servers={"gateway": ["192.0.2.254"]})
    addresses = _state(module.ask(READ)[0]).addresses
    assert addresses.of(SpecialKind.GATEWAY) == {ipaddress.ip_address("192.0.2.254")}
    assert addresses.of(SpecialKind.DNS) == set()


def test_read_only_the_named_parts(module):
    requests = [{**READ, "parts": parts} for parts in ([], *([part] for part in PARTS), ["system", "store"])]
    answers = module.ask(*requests)
    for request, answer in zip(requests, answers, strict=True):
        assert answer.keys() == ALWAYS.union(*(PARTS[part] for part in request["parts"]))
    assert module.ask({**READ, "parts": ["store", "secrets"]})[0]["reason"] == "unknown_request"


@pytest.mark.psrp("python", "powershell")
def test_operations_and_connections_over_ansible(host, player):
    first = [Create("key"), *(Set("key", name, value) for name, value in EVERY_KIND.items())]
    whole = Store()
    for operation in first:
        whole.change(operation)
    requests = [_apply(Store(), first), READ]
    tasks = [{"ipsec.windows.__private.ipsec_host": {"request": json.dumps(request)}} for request in requests]
    run = player.play(host, *tasks)
    applied, state = Applied.parse(run[0].result), _state(run[1].result)
    assert (applied.applied, applied.digest) == (len(first), whole.digest())
    assert state.graph.store.text() == whole.text()
    assert {str(connection.local) for connection in state.connections} == {host.address}


def test_every_operation_and_every_kind_of_value(module):
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
    answers = module.ask(_apply(start, first), _apply(whole, second), READ)
    one, two = (Applied.parse(answer) for answer in answers[:2])
    assert (one.applied, one.digest, one.store, one.error, one.conflict) == (
        len(first),
        whole.digest(),
        None,
        None,
        False,
    )
    assert (two.applied, two.digest, two.store) == (len(second), then.digest(), None)
    assert _state(answers[2]).graph.store.text() == then.text()
    assert stores.from_tree(module.host.store()).text() == then.text()


def test_only_administrators_and_the_service_can_read_a_new_store(module):
    module.ask(_apply(Store(), [Create("key"), Create("another")]))
    ((_time, _name, key, sddl),) = module.host.events("registry_security")
    assert key.endswith(r"\IPSec\Policy\Local")
    assert sddl == "D:P(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;NS)"


def test_names_are_compared_by_code_units(module):
    names = ["k", "\u212a", "\xe5", "\u212b", "\xdf", "\u1e9e"]
    keys = [operation for name in names for operation in (Create(name), Set("k", name, Value.string(name)))]
    (answer,) = module.ask(_apply(Store(), keys))
    found = stores.from_tree(module.host.store())
    assert (answer["applied"], answer["digest"]) == (len(keys), found.digest())
    assert sorted(found.paths()) == sorted(["", *names])
    assert sorted(found.values("k")) == sorted(names)


def test_a_value_whose_size_does_not_fit_its_kind_does_not_hide_others(module):
    module.host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
    odd = [("set", reader.LOCAL, "odd", 4, b"\0" * 8), ("set", reader.LOCAL, "odder", 11, b"\0" * 9)]
    module.host.registry.change(odd)
    state = _state(module.ask(READ)[0])
    assert {name: int(value.kind) for name, value in state.graph.store.values("").items()} == {
        "ActivePolicy": 1,
        "odd": 0,
        "odder": 0,
    }
    assert state.graph.store.digest() == state.digest


@pytest.mark.judge_with("powershell")
def test_a_backup_leaves_out_values_that_cannot_be_read(host, player):
    host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
    host.registry.change([("set", reader.LOCAL, "odd", 4, b"\0" * 8)])
    run = player.play(host, policy_task(name="GSecurity IP Policy", description="x", backup=True))
    assert run[0]["changed"]
    assert b"o\0d\0d\0" not in (player.folder / "backup" / run[0]["backup_file"]).read_bytes()


def test_a_key_that_is_deleted_while_it_is_read_is_left_out(module):
    host, store = module.host, stores.windows_2022()
    host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
    gone = [path for path in store.paths() if path.startswith("ipsecFilter")]
    assert gone
    host.set(vanishing=gone)
    state = _state(module.ask(READ)[0])
    for path in gone:
        store.change(Delete(path))
    assert state.graph.store.text() == store.text()
    assert state.digest == store.digest()


def test_a_long_journal_is_read_like_a_short_one(module):
    host = module.host
    module.ask(_apply(Store(), [Create("key"), *(Set("key", n, v) for n, v in EVERY_KIND.items())]))
    host.registry.change([("set", reader.LOCAL, "odd", 4, b"\0" * 8)])
    host.registry.change([("set", reader.LOCAL, "again", 4, number) for number in range(3000)])
    before = [_state(module.ask(READ)[0]) for _time in range(2)]
    host.registry.change([("set", reader.LOCAL, "again", 4, 5000), ("delete", f"{reader.LOCAL}\\key")])
    after = _state(module.ask(READ)[0])
    assert [state.graph.store.values("key") for state in before] == [EVERY_KIND] * 2
    assert [state.graph.store.get("", "again") for state in (*before, after)] == [
        Value.number(2999),
        Value.number(2999),
        Value.number(5000),
    ]
    assert {state.graph.store.get("", "odd").kind for state in (*before, after)} == {Kind.UNKNOWN}
    assert "key" not in after.graph.store


def test_another_store_than_expected_is_a_conflict(module):
    host = module.host
    host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
    applied = Applied.parse(module.ask(_apply(Store(), [Create("key")]))[0])
    assert (applied.conflict, applied.applied, applied.service) == (True, 0, None)
    assert applied.store.text() == stores.windows_2022().text()
    assert applied.digest == stores.windows_2022().digest()
    assert abs(applied.now - host.now()) < 30
    assert stores.from_tree(host.store()).text() == stores.windows_2022().text()


def test_the_first_failing_operation_ends_the_request(module):
    request = _apply(Store(), [Create("key")], {"start_type": "automatic", "notify": "start"})
    request["operations"] = pack(
        operations_text([Create("key"), Set("missing", "n", Value.number(1)), Create("never made")])
    )
    applied = Applied.parse(module.ask(request)[0])
    assert (applied.applied, applied.conflict, applied.service) == (1, False, None)
    assert applied.error == "the key missing does not exist"
    assert module.host.events("service") == []
    assert sorted(stores.from_tree(module.host.store()).paths()) == ["", "key"]


def test_another_result_than_expected_is_sent_back(module):
    applied = Applied.parse(module.ask(_apply(Store(), [Create("key")], result="0" * 64))[0])
    assert applied.store.paths() == ["", "key"]


def test_operations_that_fail_on_a_fresh_host(module):
    """The first key creates the container, which cannot be deleted; values of an unknown kind cannot be written."""
    refused = (
        [Set("", "n", Value.number(1))],
        [Unset("", "n")],
        [Create("key"), Delete("")],
        [Set("key", "n", Value(Kind.UNKNOWN, b""))],
    )
    for operations in refused:
        request = _apply(stores.from_tree(module.host.store()), [])
        answer = module.ask({**request, "operations": pack(operations_text(operations))})[0]
        assert Applied.parse(answer).error
    assert stores.from_tree(module.host.store()).text() == Store({"": {}, "key": {}}).text()


def test_a_disabled_service_is_not_restarted(module):
    module.host.start_service()
    module.host.set_start_type("disabled")
    service, _dynamic = parse_notified(module.ask(_notify("restart"))[0])
    assert (service.notification, service.status, service.error) == ("failed", "running", "the service is disabled")


@pytest.mark.parametrize("start", [0, 1, 7])
def test_unusual_start_types(module, start):
    module.host.registry.change([("set", SERVICE_KEY, "Start", 4, start)])
    service = _state(module.ask(READ)[0]).service
    assert service.start_type == {0: "boot", 1: "system"}.get(start, "unknown")


def test_a_user_who_is_not_an_administrator_changes_nothing(module):
    host = module.host
    host.set(administrator=False)
    read, apply, notify = module.ask(READ, _apply(Store(), [Create("key")]), _notify("start", "automatic"))
    assert _state(read).writable is False
    assert (apply["failed"], apply["reason"]) == (True, "not_administrator")
    assert host.store() == {}
    assert parse_notified(notify)[0].notification == "failed"
    assert (host.start_type, host.events("service")) == ("manual", [])


@pytest.mark.parametrize(
    "request_",
    [{"protocol": 1, "do": "read"}, {"protocol": 2, "do": "format"}, {"protocol": 2, "do": "Read"}],
    ids=["old protocol", "unknown", "wrong case"],
)
def test_unknown_requests_are_refused(module, request_):
    (answer,) = module.ask({**READ, **request_})
    assert (answer["failed"], answer["reason"]) == (True, "unknown_request")


def test_notifications_of_the_service(module):
    host = module.host
    requests = [_notify("start", "automatic"), *map(_notify, ("start", "reload", "restart", None))]
    found = [parse_notified(answer)[0] for answer in module.ask(*requests)]
    assert [service.notification for service in found] == ["started", "asked", "asked", "restarted", "none"]
    assert {(service.status, service.start_type) for service in found} == {("running", "automatic")}
    assert [event[2:] for event in host.events("service")] == [
        ["start"],
        ["control", 129],
        ["control", 129],
        ["stop"],
        ["start"],
    ]
    host.stop_service()
    host.set_start_type("disabled")
    failed, reloaded = (parse_notified(answer)[0] for answer in module.ask(_notify("start"), _notify("reload")))
    assert (failed.notification, failed.status, failed.start_type) == ("failed", "stopped", "disabled")
    assert "disabled" in failed.error
    assert reloaded.notification == "failed"


@pytest.mark.parametrize("how", ["start", "reload", "restart"])
def test_a_notified_service_has_nothing_pending(module, how):
    """This includes a service that was started after the request was planned."""
    module.ask(_apply(Store(), [Create("key")], mark_pending=True))
    module.host.start_service()
    before, notified, after = module.ask(READ, _notify(how), READ)
    assert _state(before).pending is True
    assert parse_notified(notified)[0].notified
    assert _state(after).pending is False


def test_a_failed_notification_stays_pending(module):
    module.host.set_start_type("disabled")
    _applied, notified, after = module.ask(_apply(Store(), [Create("key")], mark_pending=True), _notify("start"), READ)
    assert parse_notified(notified)[0].notification == "failed"
    assert _state(after).pending is True


@pytest.mark.judge_with("powershell")
def test_an_interrupted_task_is_finished_by_the_next(farm, host, player):
    module = Module(host, farm.engine)
    rule = {"name": "r", "filters": ["192.0.2.1+0"], "action": "block"}
    player.play(host, policy_task(name="P", assigned=True, rules=[rule]))
    before = stores.from_tree(host.store())
    done = stores.change(before, {"name": "P", "rules": [{**rule, "filters": ["192.0.2.2+0"]}]})
    # the interrupted task has written everything and not notified the service
    applied, read = module.ask(_apply(before, done.operations, mark_pending=True), READ)
    assert Applied.parse(applied).error is None
    assert _state(read).pending is True
    assert host.verdict("192.0.2.2", 50000, 443) == "permit"
    task = policy_task(name="P", rules=[{**rule, "filters": ["192.0.2.2+0"]}])
    run = player.play(host, task, task, options=("--diff",))
    assert [(r["changed"], r["service"]["notification"]) for r in run.results] == [(True, "asked"), (False, "none")]
    assert "notification: pending" in run[0]["diff"]["before"]
    assert "notification: pending" not in run[0]["diff"]["after"]
    assert [(o["object"], o["values"]) for o in run[0]["operations"]] == [("policy", ["whenChanged"])]
    assert host.verdict("192.0.2.2", 50000, 443) == "block"
    assert _state(module.ask(READ)[0]).pending is False


@pytest.mark.judge_with("powershell")
def test_a_pending_notification_of_a_stopped_service_is_not_a_change(farm, host, player):
    rule = {"name": "r", "filters": ["192.0.2.1+0"], "action": "block"}
    player.play(host, policy_task(name="P", assigned=True, rules=[rule]))
    Module(host, farm.engine).ask(_apply(stores.from_tree(host.store()), [], mark_pending=True))
    host.stop_service()
    run = player.play(host, policy_task(name="Q"), policy_task(name="Q"), policy_task(name="P", service="ignore"))
    assert [result["changed"] for result in run.results] == [True, False, False]


def test_after_a_boot_nothing_is_pending(module):
    module.ask(_apply(Store(), [Create("key")], mark_pending=True))
    module.host.boot()
    assert _state(module.ask(READ)[0]).pending is False


def test_a_host_without_the_service(module):
    module.host.set_start_type(None)
    state = _state(module.ask(READ)[0])
    assert (state.service.status, state.service.start_type) == ("missing", "unknown")


def test_the_service_is_notified_after_the_write(module):
    service = {"start_type": "automatic", "notify": "start"}
    applied = Applied.parse(module.ask(_apply(Store(), [Create("key")], service))[0])
    assert (applied.service.status, applied.service.start_type, applied.service.notification) == (
        "running",
        "automatic",
        "started",
    )


@pytest.mark.parametrize(("mutex", "access"), [("free", "D:(A;;0x1f0001;;;SY)(A;;0x1f0001;;;BA)"), ("shared", None)])
def test_the_mutex_is_shared_among_administrators(module, mutex, access):
    """This includes a mutex that another account, such as SYSTEM, has created with other permissions."""
    module.host.set(mutex=mutex)
    applied = Applied.parse(module.ask(_apply(Store(), [Create("key")]))[0])
    assert (applied.applied, applied.error) == (1, None)
    ((_time, _name, used),) = module.host.events("mutex")
    assert used == (access or "Synchronize")


def test_a_denied_mutex_is_not_reported_as_a_missing_right(module):
    module.host.set(mutex="denied")
    read, apply = module.ask(READ, _apply(Store(), [Create("key")]))
    assert _state(read).writable is True
    assert (apply["failed"], apply["reason"]) == (True, "mutex_denied")
    assert apply["msg"] == "access to the mutex Global\\ipsec.windows is denied"
    assert module.host.store() == {}


def _some_operations(source: random.Random, count: int):
    """Operations that can all be done, on few keys, so that they affect each other."""
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
def test_both_engines_make_the_same_store_of_random_operations(tmp_path, seed, both_engines):
    operations = _some_operations(random.Random(seed), 150)
    seen = []
    for engine in both_engines:
        host = Host(tmp_path / engine, "win1", "127.0.0.1")
        host.import_reg((stores.DATA / "windows-2022.reg").read_bytes())
        answer, read = Module(host, engine).ask(_apply(stores.windows_2022(), operations), READ)
        applied = Applied.parse(answer)
        assert applied.error is None
        assert applied.store is None
        text = gzip.decompress(base64.b64decode(read["store"]))
        seen.append((host.store(), applied.digest, applied.applied, text))
    assert seen[0] == seen[1]
