# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Answers of the host module: what is read, and what is refused."""

from __future__ import annotations

import ipaddress

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import (
    AnswerError,
    Applied,
    HostState,
    LocalAddresses,
    parse_notified,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.dynamic import DynamicRequest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import Notification
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import SpecialKind
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from unit import running, stores

SERVICE = {"status": "running", "start_type": "manual"}
ADDRESSES = {
    "me": ["192.0.2.2", "fe80::2%12", "::ffff:192.0.2.3"],
    "dns": ["192.0.2.53"],
    "wins": [],
    "dhcp": ["192.0.2.67"],
    "gateway": ["192.0.2.1"],
}
REPLAY = {"current": True, "interval": "PT5M", "enabled": True}
RECORD = pack(Store({"": {}, "Rules": {}, "Shown": {"a": Value.number(1)}, "Shown\\below": {}}).text())
RECORD_DIGEST = Store({"": {}, "Rules": {}}).digest()
"""Without what only the host writes."""
LISTING = {
    "rules": {"ipsec.windows-0123456789ab": 2},
    "policies": ["ipsec.windows-0123456789ab"],
    "empty": False,
    "clean": True,
    "config": "c" * 64,
    "task": REPLAY,
}
READ = {
    "store": pack(stores.windows_2022().text()),
    "digest": stores.windows_2022().digest(),
    "now": 1750000000,
    "product": "Windows",
    "version": "10.0.20348",
    "powershell": "5.1.20348.1",
    "writable": True,
    "service": SERVICE,
    "pending": False,
    "domain": None,
    "names": {"server.example": ["192.0.2.1"]},
    "interfaces": {},
    "addresses": ADDRESSES,
    "connections": [{"local": "192.0.2.2", "remote": "192.0.2.9", "remote_port": 50123}],
    "record": RECORD,
    "record_digest": RECORD_DIGEST,
    "dynamic": LISTING,
    "filters": running.FILTERS,
    "events": running.EVENTS,
    "associations": running.ASSOCIATIONS,
    "counters": running.COUNTER_PART,
    "rsop": running.RSOP,
}
OTHER_STORE = pack(Store({"": {}, "ipsecOther": {}}).text())
EXPECTED = "d" * 64
APPLIED = {
    "applied": 1,
    "digest": EXPECTED,
    "store": None,
    "error": None,
    "conflict": False,
    "now": None,
    "service": SERVICE,
}


DYNAMIC = {
    "applied": 5,
    "record_digest": "e" * 64,
    "record": None,
    "missing": ["ipsec.windows-0123456789ab"],
    "left": [],
    "errors": ["05011"],
    "error": None,
}


def _read(parts=tuple(Part), **changes):
    return HostState.parse({**READ, **changes}, parts)


def test_valid_answer():
    state = _read()
    assert state.graph.store.digest() == state.digest
    assert state.connections[0].remote_port == 50123
    assert (state.powershell, state.pending) == ("5.1.20348.1", False)


def test_addresses_have_no_zone_and_ipv4_is_not_mapped_into_ipv6():
    addresses = _read().addresses
    me = {ipaddress.ip_address(text) for text in ("192.0.2.2", "fe80::2", "192.0.2.3")}
    assert addresses.of(SpecialKind.ME) == me
    assert addresses.of(SpecialKind.DNS) == {ipaddress.ip_address("192.0.2.53")}
    assert addresses.of(SpecialKind.WINS) == frozenset()


@pytest.mark.parametrize("text", ["::ffff:192.0.2.9", "::FFFF:c000:209", "192.0.2.9"])
def test_a_mapped_peer_is_an_ipv4_address(text):
    connection = {"local": "::ffff:192.0.2.2", "remote": text, "remote_port": 50123}
    (found,) = _read(connections=[connection]).connections
    assert (str(found.local), str(found.remote)) == ("192.0.2.2", "192.0.2.9")


OPTIONAL = {
    Part.SYSTEM: ("now", "product", "version", "powershell", "writable"),
    Part.ADDRESSES: ("addresses",),
    Part.CONNECTIONS: ("connections",),
    Part.RECORD: ("record", "record_digest"),
    Part.DYNAMIC: ("dynamic",),
    Part.FILTERS: ("filters",),
    Part.EVENTS: ("events",),
    Part.ASSOCIATIONS: ("associations",),
    Part.COUNTERS: ("counters",),
    Part.RSOP: ("rsop",),
}


@pytest.mark.parametrize("part", OPTIONAL)
def test_only_requested_parts_are_required(part):
    answer = {key: value for key, value in READ.items() if key not in OPTIONAL[part]}
    state = HostState.parse(answer, [other for other in Part if other is not part])
    assert (state.addresses == LocalAddresses()) == (part is Part.ADDRESSES)
    assert (state.connections == ()) == (part is Part.CONNECTIONS)
    assert (state.product == "") == (part is Part.SYSTEM)
    with pytest.raises(AnswerError) as caught:
        HostState.parse(answer, tuple(Part))
    assert caught.value.key == OPTIONAL[part][0]


INVALID = {
    "filters": [None, [], "rows"],
    "events": [None, [], "rows"],
    "associations": [None, [], {}],
    "counters": [None, [], {}],
    "rsop": [None, [], {}],
    "record": [None, 5, "not packed", "", pack(Store({"": {}, "Other": {}}).text())],
    "record_digest": [None, 5, "e" * 64],
    "dynamic": [
        None,
        [],
        {**LISTING, "rules": []},
        {**LISTING, "rules": {"ipsec.windows-0123456789ab": "2"}},
        {**LISTING, "policies": "ipsec.windows-0123456789ab"},
        {**LISTING, "policies": [5]},
        {**LISTING, "empty": None},
        {**LISTING, "clean": 1},
        {**LISTING, "config": 5},
        {**LISTING, "task": "PT5M"},
        {**LISTING, "task": {**REPLAY, "interval": 5}},
        {**LISTING, "task": {**REPLAY, "enabled": None}},
    ],
    "store": [None, 5, "not packed", [5], OTHER_STORE, ""],
    "digest": [None, 5, EXPECTED],
    "now": [None, "5", True, -1, 1 << 32],
    "product": [None, 5],
    "version": [None, 5],
    "powershell": [None, 5],
    "writable": [None, "yes", 1],
    "pending": [None, 0, "no"],
    "service": [
        None,
        {},
        {**SERVICE, "status": "unknown"},
        {**SERVICE, "start_type": "never"},
        {**SERVICE, "notification": "unknown"},
        {**SERVICE, "error": 5},
    ],
    "domain": ["text", {"path": 5, "name": "", "store": ""}, {"path": "x", "name": "", "store": "not packed"}],
    "names": [None, ["server.example"]],
    "interfaces": [None, 5],
    "addresses": [
        None,
        [],
        {},
        {**ADDRESSES, "dns": None},
        {**ADDRESSES, "gateway": "192.0.2.1"},
        {**ADDRESSES, "wins": ["384.0.2.9"]},
    ],
    "connections": [
        None,
        [5],
        [{"local": "192.0.2.2"}],
        {},
        [{**READ["connections"][0], "remote": "384.0.2.9"}],
        [{**READ["connections"][0], "remote_port": 65536}],
    ],
}


@pytest.mark.parametrize("key", READ)
def test_an_invalid_answer_to_read_is_an_error(key):
    for value in INVALID[key]:
        with pytest.raises(AnswerError):
            _read(**{key: value})


@pytest.mark.parametrize("key", APPLIED)
def test_an_invalid_answer_to_apply_is_an_error(key):
    for value in ([], {"status": "unknown", "start_type": "manual"}):
        with pytest.raises(AnswerError):
            Applied.parse(APPLIED | {key: value})


def test_a_missing_key_is_named():
    answer = dict(READ)
    del answer["writable"]
    with pytest.raises(AnswerError, match="the host's answer has no valid 'writable'") as caught:
        HostState.parse(answer, tuple(Part))
    assert caught.value.key == "writable"
    with pytest.raises(AnswerError, match="the host's answer has no valid 'service'"):
        parse_notified({})


def test_notification_of_the_service():
    service, dynamic = parse_notified({"service": {**SERVICE, "notification": "failed", "error": "no"}})
    assert (service.notification, service.error) == (Notification.FAILED, "no")
    assert dynamic is None
    service, dynamic = parse_notified({"service": SERVICE, "dynamic": DYNAMIC})
    assert service.notification is Notification.NONE
    assert (dynamic.missing, dynamic.errors) == (("ipsec.windows-0123456789ab",), ("05011",))


INVALID_DYNAMIC = {
    "applied": [None, "1", True],
    "record_digest": [None, 5],
    "record": [5, "not packed"],
    "missing": [None, "ipsec.windows-0123456789ab", [5]],
    "left": [None, {}],
    "errors": [None, [5011]],
    "error": [5, []],
}


@pytest.mark.parametrize("key", INVALID_DYNAMIC)
def test_an_invalid_answer_about_dynamic_rules_is_an_error(key):
    for value in INVALID_DYNAMIC[key]:
        with pytest.raises(AnswerError) as caught:
            Applied.parse(APPLIED | {"dynamic": {**DYNAMIC, key: value}})
        assert caught.value.key == key


def test_a_store_without_the_digest_of_the_host_is_an_error():
    changed = stores.windows_2022()
    for store, digest in ((READ["store"], changed.digest()[:-1] + "x"), (OTHER_STORE, READ["digest"])):
        with pytest.raises(AnswerError, match="does not match its digest") as caught:
            _read(store=store, digest=digest)
        assert caught.value.key == "digest"


@pytest.mark.parametrize("conflict", [True, False])
def test_a_store_after_writes_without_the_digest_of_the_host_is_an_error(conflict):
    answer = APPLIED | {"conflict": conflict, "store": READ["store"], "applied": 0 if conflict else 1}
    with pytest.raises(AnswerError, match="does not match its digest"):
        Applied.parse(answer)
    assert Applied.parse(answer | {"digest": READ["digest"]}).store.digest() == READ["digest"]


def test_two_keys_with_one_name_are_an_error():
    # a dictionary of folded names would lose one of them
    names = ("ipsecOther", "IPSECother")
    twice = "".join(Store({"": {}, name: {}}).text().splitlines(keepends=True)[-1] for name in names)
    with pytest.raises(AnswerError, match="Windows considers two names in the store equal"):
        _read(store=pack(twice))


def _check(count=1, **changes):
    Applied.parse(APPLIED | changes).check(count, EXPECTED)


def test_possible_answers_to_apply():
    _check()
    _check(5, applied=3, error="access denied")
    _check(5, applied=0, error="access denied")
    _check(5, applied=0, conflict=True, store=READ["store"], digest=READ["digest"])
    _check(1, store=READ["store"], digest=READ["digest"])


@pytest.mark.parametrize(
    ("count", "changes", "key"),
    [
        (2, {}, "applied"),
        (0, {}, "applied"),
        (5, {"applied": 6, "error": "access denied"}, "applied"),
        (5, {"applied": -1, "error": "access denied"}, "applied"),
        (5, {"applied": 1, "conflict": True, "store": READ["store"], "digest": READ["digest"]}, "applied"),
        (1, {"digest": "e" * 64}, "digest"),
    ],
)
def test_impossible_answers_to_apply(count, changes, key):
    with pytest.raises(AnswerError) as caught:
        _check(count, **changes)
    assert caught.value.key == key


REQUEST = DynamicRequest(expect="", operations=(Create("a"), Create("b")), result="e" * 64)


def _check_dynamic(answer=None, **changes):
    dynamic = None if "dynamic" in changes else {**DYNAMIC, "applied": 2, **changes}
    Applied.parse(APPLIED | (answer or {}) | {"dynamic": dynamic}).check(1, EXPECTED, REQUEST)


CONFLICT = {"applied": 0, "conflict": True, "store": READ["store"], "digest": READ["digest"]}


def test_possible_answers_about_dynamic_rules():
    _check_dynamic()
    _check_dynamic(None, applied=1, error="access denied")
    _check_dynamic(record=RECORD, record_digest=RECORD_DIGEST)
    _check_dynamic(CONFLICT, applied=0, record=RECORD, record_digest=RECORD_DIGEST)
    _check_dynamic({"applied": 0, "error": "access denied"}, applied=0)


@pytest.mark.parametrize(
    ("answer", "changes", "key"),
    [
        ({}, {"dynamic": None}, "dynamic"),
        ({}, {"applied": 1}, "applied"),
        ({}, {"applied": 3, "error": "access denied"}, "applied"),
        (CONFLICT, {"applied": 1}, "applied"),
        ({"applied": 0, "error": "access denied"}, {"applied": 2}, "applied"),
        ({}, {"record_digest": "f" * 64}, "record_digest"),
        ({}, {"record": RECORD}, "record_digest"),
    ],
)
def test_impossible_answers_about_dynamic_rules(answer, changes, key):
    with pytest.raises(AnswerError) as caught:
        _check_dynamic(answer, **changes)
    assert caught.value.key == key
