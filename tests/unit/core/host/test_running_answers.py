# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Answers about what a host has in force: what is read, and what is refused with its place."""

from __future__ import annotations

import base64
import dataclasses

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.host import (
    associations,
    counters,
    policy_events,
    rsop,
    running_filters,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.checking import AnswerError
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.counters import CounterGroup
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.running import Missing, MissingReason
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import Action
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack
from unit import running, stores
from unit.running import LOCAL, LOCAL_PORT, PROTOCOL, REMOTE, REMOTE_PORT, event, filters, row

V6 = "FWPM_LAYER_OUTBOUND_TRANSPORT_V6"
RANGE = "FWP_MATCH_RANGE,FWP_RANGE_TYPE"


def one(*conditions, **fields):
    (found,) = running_filters.parse_filters(filters(row(*conditions, **fields))).filters
    return found


@pytest.mark.parametrize(
    ("condition", "part", "text"),
    [
        (f"{REMOTE},FWP_UINT32,192.0.2.9", "remote", "192.0.2.9"),
        (f"{REMOTE},FWP_UINT32,0.0.0.0", "remote", "0.0.0.0"),
        (f"{REMOTE},FWP_UINT32,3221225993", "remote", "192.0.2.9"),
        (f"{LOCAL},FWP_V4_ADDR_MASK,10.0.0.0~255.0.0.0", "local", "10.0.0.0/8"),
        (f"{LOCAL},FWP_V4_ADDR_MASK,10.0.0.0~255.0.255.0", "local", "10.0.0.0/255.0.255.0"),
        (f"{LOCAL},FWP_V4_ADDR_MASK,10.1.2.3~0.0.0.0", "local", "any"),
        (f"{REMOTE},FWP_BYTE_ARRAY16_TYPE,fe80::9%12", "remote", "fe80::9"),
        (f"{REMOTE},FWP_V6_ADDR_MASK,fe80::~10", "remote", "fe80::/10"),
        (f"{REMOTE},FWP_V6_ADDR_MASK,::~0", "remote", "any/ipv6"),
        (f"FWPM_CONDITION_IP_REMOTE_ADDRESS,{RANGE},192.0.2.1~192.0.2.9", "remote", "192.0.2.1-192.0.2.9"),
        (f"FWPM_CONDITION_IP_REMOTE_ADDRESS,{RANGE},fe80::1~fe80::9", "remote", "fe80::1-fe80::9"),
        (f"{LOCAL_PORT},445", "local_port", "445"),
        (f"FWPM_CONDITION_IP_REMOTE_PORT,{RANGE},1024~2000", "remote_port", "1024-2000"),
        (f"{PROTOCOL},17", "protocol", "17"),
    ],
)
def test_conditions_of_filters(condition, part, text):
    found = one(condition)
    assert str(getattr(found, part)) == text
    assert found.unread == ()
    others = {"local", "remote", "local_port", "remote_port", "protocol"} - {part}
    assert not any(getattr(found, other) for other in others)


@pytest.mark.parametrize(
    "condition",
    [
        "FWPM_CONDITION_INTERFACE_TYPE,FWP_MATCH_EQUAL,FWP_UINT32,6",
        "FWPM_CONDITION_IP_REMOTE_ADDRESS,FWP_MATCH_NOT_EQUAL,FWP_UINT32,192.0.2.9",
        "FWPM_CONDITION_IP_LOCAL_PORT,FWP_MATCH_GREATER,FWP_UINT16,1023",
        "FWPM_CONDITION_IP_REMOTE_ADDRESS,FWP_MATCH_EQUAL,FWP_BYTE_BLOB_TYPE,00",
        f"{PROTOCOL},0",
        f"{PROTOCOL},256",
        f"{PROTOCOL},",
        f"{PROTOCOL},6~7",
        f"{LOCAL_PORT},65536",
        f"{LOCAL_PORT},1~2",
        f"FWPM_CONDITION_IP_LOCAL_PORT,{RANGE},9~1",
        f"FWPM_CONDITION_IP_LOCAL_PORT,{RANGE},9",
        f"{REMOTE},FWP_UINT32,384.0.2.9",
        f"{REMOTE},FWP_UINT32,192.0.2.9~192.0.2.10",
        f"{REMOTE},FWP_V4_ADDR_MASK,192.0.2.9",
        f"{REMOTE},FWP_V4_ADDR_MASK,192.0.2.9~24",
        f"{REMOTE},FWP_BYTE_ARRAY16_TYPE,192.0.2.9",
        f"{REMOTE},FWP_V6_ADDR_MASK,fe80::~129",
        f"FWPM_CONDITION_IP_REMOTE_ADDRESS,{RANGE},192.0.2.1~fe80::",
        f"FWPM_CONDITION_IP_REMOTE_ADDRESS,{RANGE},192.0.2.9~192.0.2.1",
        f"FWPM_CONDITION_IP_REMOTE_ADDRESS,{RANGE},192.0.2.1~192.0.2.5~192.0.2.9",
        f"{REMOTE},FWP_BYTE_BLOB_TYPE,C?Windows?app.exe",
    ],
)
def test_a_condition_that_is_not_understood_is_unread(condition):
    found = one(condition, f"{REMOTE_PORT},80")
    assert found.unread == (condition,)
    assert found.remote_port is not None


def test_conditions_for_one_field_are_alternatives_and_unread():
    conditions = (f"{REMOTE},FWP_UINT32,192.0.2.1", f"{REMOTE},FWP_UINT32,192.0.2.9")
    found = one(*conditions)
    assert found.unread == conditions
    assert found.remote is None


@pytest.mark.parametrize(
    ("fields", "action", "tunnel"),
    [
        ({"action": "FWP_ACTION_PERMIT"}, Action.PERMIT, False),
        ({"action": "FWP_ACTION_BLOCK"}, Action.BLOCK, False),
        (
            {"action": "FWP_ACTION_CALLOUT_TERMINATING", "callout": "FWPM_CALLOUT_IPSEC_INBOUND_TRANSPORT_V4"},
            Action.NEGOTIATE,
            False,
        ),
        (
            {"action": "FWP_ACTION_CALLOUT_TERMINATING", "callout": "FWPM_CALLOUT_IPSEC_OUTBOUND_TUNNEL_V6"},
            Action.NEGOTIATE,
            True,
        ),
        ({"action": "FWP_ACTION_CALLOUT_TERMINATING", "callout": "FWPM_CALLOUT_OTHER"}, None, False),
        ({"action": "FWP_ACTION_CONTINUE"}, None, False),
        ({"action": "FWP_ACTION_BLOCK", "callout": "FWPM_CALLOUT_IPSEC_INBOUND_TUNNEL_V4"}, Action.BLOCK, False),
    ],
)
def test_actions_of_filters(fields, action, tunnel):
    found = one(**fields)
    assert (found.action, found.tunnel) == (action, tunnel)


@pytest.mark.parametrize(
    ("layer", "direction", "main_mode"),
    [
        ("FWPM_LAYER_INBOUND_TRANSPORT_V4", "in", False),
        (V6, "out", False),
        ("FWPM_LAYER_IKEEXT_V4", None, True),
        ("{5926dfc8-e3cf-4426-a283-dc393f5d0f9d}", None, False),
    ],
)
def test_layers_of_filters(layer, direction, main_mode):
    found = one(layer=layer)
    assert (found.direction, found.main_mode) == (direction, main_mode)


def test_other_fields_of_filters():
    found = one(name="Größe \ud800", weight="")
    assert (found.id, found.name, found.weight, found.sublayer) == (70001, "Größe \ud800", None, running.LIPS)
    assert one(weight=(1 << 64) - 1).weight == (1 << 64) - 1


def test_filters_that_are_left_out_are_counted():
    found = running_filters.parse_filters(filters(running.SMB, count=30_000, total=40_000, truncated=True))
    assert (found.count, found.total, found.truncated, len(found.filters)) == (30_000, 40_000, True, 1)


def test_a_host_without_filters():
    found = running_filters.parse_filters({"rows": "", "count": 0, "total": 0, "truncated": False, "error": None})
    assert (found.filters, found.missing) == ((), None)


@pytest.mark.parametrize("reason", MissingReason)
def test_every_reason_is_read(reason):
    error = running.missing(reason, "detail")
    missing = Missing(reason, "detail")
    assert running_filters.parse_filters({"error": error}).missing == missing
    assert policy_events.parse_events({"error": error, "audit": None}).missing == missing
    assert rsop.parse_rsop({"error": error}).missing == missing
    found = associations.parse_associations(running.associations(errors={"MSFT_NetMainModeSA": error, "Other": None}))
    assert found.missing == {"MSFT_NetMainModeSA": missing}
    assert counters.parse_counters(running.counters({}, **{running.DRIVER: error})).missing == {
        CounterGroup.IPSEC: missing
    }


def test_events_come_newest_first_and_the_audit_setting_is_kept():
    rows = [event(5460, time=5, record=1), event(5461, time=9, record=3), event(5462, time=9, record=2)]
    found = policy_events.parse_events(running.events(*rows))
    assert [one.id for one in found.events] == [5461, 5462, 5460]
    assert found.events[2].data == {"Policy": "Close SMB"}
    assert found.audit == "Success and Failure"
    assert policy_events.parse_events(running.events(audit=None)).audit is None


def test_associations():
    found = associations.parse_associations(running.ASSOCIATIONS)
    (main,), (quick,) = found.main_mode, found.quick_mode
    assert (main.cipher, main.hash, main.group, main.module) == (6, 3, 2, 1)
    assert (main.local_id, main.remote_id) == ("WIN1$@EXAMPLE.TEST", "PEER$@EXAMPLE.TEST")
    assert [dataclasses.astuple(one) for one in quick.transforms] == [(6, 3, 3221225473)]
    assert (quick.protocol, quick.remote_port, quick.inbound, quick.filter) == (6, 445, True, 70001)


def test_an_association_has_only_what_the_host_gives():
    found = associations.parse_associations(running.associations([{}], [{"LocalFirstId": None}], truncated=True))
    assert set(dataclasses.astuple(found.main_mode[0])) == {None}
    assert found.quick_mode[0].transforms == ()
    assert found.truncated


def test_counters_that_are_there_twice_are_read_once():
    classes = {
        running.DRIVER: {"IncorrectSPIPackets": 5, "IncorrectSPIPacketsPersec": 6, "SARekeys": None, "Name": "x"}
    }
    found = counters.parse_counters(running.counters(classes))
    assert found.values == {CounterGroup.IPSEC: {"packets_with_bad_spi": 5}}


def test_only_some_counters_have_64_bits():
    wide = {"TotalBytesInsincestart": 1 << 63}
    found = counters.parse_counters(running.counters({running.CONNECTIONS: wide}))
    assert found.values == {CounterGroup.CONNECTIONS: {"bytes_received": 1 << 63}}
    with pytest.raises(AnswerError):
        counters.parse_counters(running.counters({running.CONNECTIONS: {"Maxnumberofconnectionssinceboot": 1 << 32}}))


def test_every_counter_has_one_name():
    for names in counters.COUNTERS.values():
        assert len(set(names.values())) == len(names)
        for property_ in names:
            assert not (property_.endswith("Persec") and property_.removesuffix("Persec") in names)
    assert set(counters.COUNTERS[CounterGroup.CONNECTIONS].values()) >= counters.WIDE


def test_objects_of_group_policy_are_a_store():
    store = stores.windows_2022()
    found = rsop.parse_rsop(running.rsop(store))
    (policy,) = read_policies(Graph(found.store))
    (wanted,) = read_policies(Graph(store))
    assert policy.policy == wanted.policy
    assert policy.problems == ()
    assert found.origins[policy.key].name == "IPsec of servers"


@pytest.mark.parametrize(
    "item",
    [
        {"name": "", "id": f'RSOP_IPSECPolicySetting.id="{running.POLICY_KEY}"'},
        {"name": running.POLICY_KEY.upper()},
        {"ClassName": "ipsecPolicy", "ipsecID": running.POLICY_KEY.removeprefix("ipsecPolicy")},
    ],
)
def test_an_object_of_group_policy_is_named_by_its_class_and_guid(item):
    found = rsop.parse_rsop({"objects": [item], "gpos": {}, "error": None})
    assert list(found.origins) == [fold(running.POLICY_KEY)]
    assert list(found.store.paths()) == ["", found.store.spelling(running.POLICY_KEY)]


def test_objects_of_group_policy_that_cannot_be_named_are_left_out():
    objects = [{}, {"name": "ipsecPolicy"}, {"ClassName": "ipsecPolicy", "ipsecID": None}]
    assert rsop.parse_rsop({"objects": objects, "gpos": {}, "error": None}).store.paths() == []


def test_of_an_object_in_two_group_policy_objects_the_one_that_wins_counts():
    objects = [
        {"name": running.POLICY_KEY, "ipsecName": name, "GPOID": name, "precedence": precedence}
        for name, precedence in (("last", None), ("second", 2), ("first", 1))
    ]
    found = rsop.parse_rsop({"objects": objects, "gpos": {"FIRST": "Wins"}, "error": None})
    assert found.store.get(running.POLICY_KEY, "ipsecName").data == "first"
    assert [origin.name for origin in found.origins.values()] == ["Wins"]


GOOD = {
    "filters": running.FILTERS,
    "events": running.EVENTS,
    "associations": running.ASSOCIATIONS,
    "counters": running.COUNTER_PART,
    "rsop": running.RSOP,
}
PARSERS = {
    "filters": running_filters.parse_filters,
    "events": policy_events.parse_events,
    "associations": associations.parse_associations,
    "counters": counters.parse_counters,
    "rsop": rsop.parse_rsop,
}
MAIN = running.MAIN_MODE
QUICK = running.QUICK_MODE
OBJECT = {"name": running.POLICY_KEY}


def _driver(**values):
    return {"classes": {running.DRIVER: values}}


def _rows(*rows):
    return filters(*rows)


HOSTILE = [
    ("filters", {"rows": None}, "filters.rows"),
    ("filters", {"rows": 5}, "filters.rows"),
    ("filters", {"rows": "not packed"}, "filters.rows"),
    ("filters", {"rows": base64.b64encode(b"not gzip").decode()}, "filters.rows"),
    ("filters", {"rows": pack(running.SMB)[:-8]}, "filters.rows"),
    ("filters", {"count": -1}, "filters.count"),
    ("filters", {"count": True}, "filters.count"),
    ("filters", {"count": 1.5}, "filters.count"),
    ("filters", {"count": 1 << 64}, "filters.count"),
    ("filters", {"count": 0}, "filters"),
    ("filters", {"count": 2}, "filters"),
    ("filters", {"total": 0}, "filters"),
    ("filters", {"truncated": None}, "filters.truncated"),
    ("filters", {"truncated": True}, "filters"),
    ("filters", {"error": "denied"}, "filters.error"),
    ("filters", {"error": {"reason": "because", "detail": ""}}, "filters.error"),
    ("filters", {"error": {"detail": ""}}, "filters.error.reason"),
    ("filters", {"error": {"reason": "failed", "detail": 5}}, "filters.error.detail"),
    ("filters", _rows(running.SMB, ""), "filters.rows, line 2"),
    ("filters", _rows("a;b;c"), "filters.rows, line 1"),
    ("filters", _rows(running.SMB + ";more"), "filters.rows, line 1"),
    ("filters", _rows(row(id="")), "filters.rows, line 1"),
    ("filters", _rows(row(id="-1")), "filters.rows, line 1"),
    ("filters", _rows(row(id="0x10")), "filters.rows, line 1"),
    ("filters", _rows(row(id=1 << 64)), "filters.rows, line 1"),
    ("filters", _rows(row(id="9" * 5000)), "filters.rows, line 1"),
    ("filters", _rows(row(weight="much")), "filters.rows, line 1"),
    ("filters", _rows(row(layer="a b")), "filters.rows, line 1"),
    ("filters", _rows(row(action="<script>")), "filters.rows, line 1"),
    ("filters", _rows(running.SMB.replace(";1234;", ";1234;%%%")), "filters.rows, line 1"),
    ("filters", _rows(running.SMB.replace(";1234;", ";1234;AAAA")), "filters.rows, line 1"),
    ("filters", _rows(row("FWPM_CONDITION_IP_PROTOCOL")), "filters.rows, line 1"),
    ("filters", _rows(row(f"{PROTOCOL},6,7")), "filters.rows, line 1"),
    ("filters", _rows(row(f"{PROTOCOL},6", "")), "filters.rows, line 1"),
    ("filters", filters(*[running.SMB] * (running_filters.ROWS_LIMIT + 1)), "filters"),
    ("events", {"rows": None}, "events.rows"),
    ("events", {"rows": [5]}, "events.rows[0]"),
    ("events", {"rows": [event()] * 51}, "events.rows"),
    ("events", {"rows": [event("5460")]}, "events.rows[0].id"),
    ("events", {"rows": [event(), event(70_000)]}, "events.rows[1].id"),
    ("events", {"rows": [event(time=1 << 32)]}, "events.rows[0].time"),
    ("events", {"rows": [event(record=None)]}, "events.rows[0].record"),
    ("events", {"rows": [event(data=[])]}, "events.rows[0].data"),
    ("events", {"rows": [event(data={"Policy": None})]}, "events.rows[0].data.Policy"),
    ("events", {"audit": 5}, "events.audit"),
    ("associations", {"main_mode": None}, "associations.main_mode"),
    ("associations", {"main_mode": ["text"]}, "associations.main_mode[0]"),
    ("associations", {"quick_mode": [QUICK] * 5001}, "associations.quick_mode"),
    ("associations", {"truncated": "no"}, "associations.truncated"),
    ("associations", {"errors": None}, "associations.errors"),
    ("associations", {"errors": {"X": {"reason": "because"}}}, "associations.errors.X"),
    ("associations", {"main_mode": [{**MAIN, "GroupId": "2"}]}, "associations.main_mode[0].GroupId"),
    ("associations", {"main_mode": [MAIN, {**MAIN, "HashAlgorithm": -1}]}, "associations.main_mode[1].HashAlgorithm"),
    ("associations", {"main_mode": [{**MAIN, "KeyModule": 1 << 16}]}, "associations.main_mode[0].KeyModule"),
    ("associations", {"main_mode": [{**MAIN, "LocalFirstId": "me"}]}, "associations.main_mode[0].LocalFirstId"),
    (
        "associations",
        {"main_mode": [{**MAIN, "RemoteFirstId": {"Identity": 5}}]},
        "associations.main_mode[0].RemoteFirstId.Identity",
    ),
    ("associations", {"quick_mode": [{**QUICK, "SPI": 1 << 32}]}, "associations.quick_mode[0].SPI"),
    ("associations", {"quick_mode": [{**QUICK, "IpProtocol": 256}]}, "associations.quick_mode[0].IpProtocol"),
    (
        "associations",
        {"quick_mode": [{**QUICK, "InboundDirection": 1}]},
        "associations.quick_mode[0].InboundDirection",
    ),
    ("counters", {"classes": None}, "counters.classes"),
    ("counters", {"classes": {running.DRIVER: [5]}}, f"counters.classes.{running.DRIVER}"),
    ("counters", _driver(SARekeys="5"), f"counters.classes.{running.DRIVER}.SARekeys"),
    ("counters", _driver(SARekeys=-1), f"counters.classes.{running.DRIVER}.SARekeys"),
    ("counters", _driver(SARekeys=False), f"counters.classes.{running.DRIVER}.SARekeys"),
    ("counters", {"errors": []}, "counters.errors"),
    ("rsop", {"objects": None}, "rsop.objects"),
    ("rsop", {"objects": [[]]}, "rsop.objects[0]"),
    ("rsop", {"objects": [{**OBJECT, "ipsecData": "not base64"}]}, "rsop.objects[0]"),
    ("rsop", {"objects": [{**OBJECT, "ipsecData": [1, 2]}]}, "rsop.objects[0].ipsecData"),
    ("rsop", {"objects": [{**OBJECT, "ipsecNFAReference": "CN=x"}]}, "rsop.objects[0].ipsecNFAReference"),
    ("rsop", {"objects": [{**OBJECT, "ipsecNFAReference": [None]}]}, "rsop.objects[0].ipsecNFAReference"),
    ("rsop", {"objects": [{**OBJECT, "whenChanged": "today"}]}, "rsop.objects[0].whenChanged"),
    ("rsop", {"objects": [{**OBJECT, "precedence": -1}]}, "rsop.objects[0].precedence"),
    ("rsop", {"objects": [{**OBJECT, "ipsecName": 5}]}, "rsop.objects[0].ipsecName"),
    ("rsop", {"objects": [{"name": 5}]}, "rsop.objects[0].name"),
    ("rsop", {"gpos": []}, "rsop.gpos"),
    ("rsop", {"gpos": {"x": None}}, "rsop.gpos.x"),
]


@pytest.mark.parametrize(("part", "changes", "place"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_wrong_answer_is_an_error_with_its_place(part, changes, place):
    with pytest.raises(AnswerError) as caught:
        PARSERS[part]({**GOOD[part], **changes})
    assert caught.value.key == place
    assert place in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", PARSERS)
@pytest.mark.parametrize("value", [None, 5, "text", [], {}])
def test_a_part_that_is_something_else_is_an_error(part, value):
    with pytest.raises(AnswerError):
        PARSERS[part](value)


def test_the_data_of_objects_is_in_no_message():
    secret = "c2VjcmV0IGtleQ==!"
    with pytest.raises(AnswerError) as caught:
        rsop.parse_rsop({"objects": [{**OBJECT, "ipsecData": secret}], "gpos": {}, "error": None})
    assert secret not in str(caught.value)
