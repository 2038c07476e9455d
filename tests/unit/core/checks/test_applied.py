# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a policy is enforced, judged by filters in force and by events."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.applied import SHOWN, Enforced, judge_host
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import (
    DomainPolicy,
    HostState,
    LocalAddresses,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.running import (
    Missing,
    MissingReason,
    PolicyEvent,
    PolicyEvents,
    RunningFilters,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import Service, ServiceStatus, StartType
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import parse_dynamic_rule
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from unit import filters_in_force, stores, strategies
from winhost import wfp

ADDRESSES = {"me": ["192.0.2.2"], "dns": ["192.0.2.53", "2001:db8::53"], "gateway": ["192.0.2.1", "fe80::1"]}
LOCAL = LocalAddresses(
    {model.SpecialKind(kind): frozenset(map(ipaddress.ip_address, found)) for kind, found in ADDRESSES.items()}
)
SMB = {"name": "SMB", "filters": ["*=0:445:TCP"], "action": "block"}
SECURE = {"name": "S", "filters": ["0+192.0.2.9"]}
POLICY = {"name": "P", "rules": [SMB, SECURE]}
CHANGED = 90
STOPPED = Service(status=ServiceStatus.STOPPED, start_type=StartType.MANUAL)
DOMAIN = DomainPolicy(path="LDAP://CN=ipsecPolicy{1}", name="Corp", store=Store())
DENIED = Missing(MissingReason.ACCESS_DENIED)


def _stored(wanted=None) -> Store:
    return stores.change(Store(), POLICY if wanted is None else wanted, assigned=True, now=CHANGED).store


STORE = _stored()
ROWS = filters_in_force.rows_of(STORE, ADDRESSES)
BLOCKING = next(row for row in ROWS if row.action == "FWP_ACTION_BLOCK")
OTHER = dataclasses.replace(BLOCKING, layer="FWPM_LAYER_OUTBOUND_TRANSPORT_V4")
NOT_UNDERSTOOD = dataclasses.replace(BLOCKING, action="FWP_ACTION_NONE")
OLD_STORE = _stored({**POLICY, "rules": [SMB, {"name": "Old", "filters": ["*=0:139:TCP"], "action": "block"}]})
OLD = stores.stored(OLD_STORE, "P").policy
OF_OLD = next(row for row in filters_in_force.rows_of(OLD_STORE, ADDRESSES) if row.name == "Old")
MAIN_MODE = [row for row in ROWS if "IKEEXT" in row.layer]


def _event(number: int, time: int = 100, record: int = 0) -> PolicyEvent:
    return PolicyEvent(id=number, time=time, record=record, data={"Policy": "P"})


def _judge(rows=ROWS, *, events=None, since=None, before=None, store=STORE, dynamic=(), policy="P", **parts):
    """`rows` are filters in force, or what is known of them."""
    filters = filters_in_force.read(rows) if isinstance(rows, list) else rows
    found = events if isinstance(events, PolicyEvents | None) else PolicyEvents(events=tuple(events))
    state: HostState = stores.host_with(store, filters=filters, events=found, addresses=LOCAL, **parts)
    return judge_host(state, None if policy is None else stores.stored(store, policy).policy, dynamic, since, before)


def test_a_policy_whose_filters_are_all_in_force_is_applied():
    found = _judge()
    assert (found.applied, found.reason) == (Enforced.YES, "all 4 filters are in force")
    assert (found.missing, found.surplus, found.missing_count, found.surplus_count) == ((), (), 0, 0)


def test_a_missing_filter_is_evidence():
    found = _judge([row for row in ROWS if row != BLOCKING])
    assert (found.applied, found.reason) == (Enforced.NO, "1 of 4 filters are not in force")
    (missing,) = found.missing
    assert (missing.origin.rule, missing.layer) == ("SMB", BLOCKING.layer)


@pytest.mark.parametrize(
    ("given", "applied", "reason"),
    [
        ({"rows": None}, "unknown", "the filters in force were not gathered"),
        ({"rows": None, "events": []}, "unknown", "the filters in force were not gathered"),
        ({"rows": RunningFilters(missing=DENIED)}, "unknown", "the filters in force are not known (access_denied)"),
        ({"policy": None, "domain": DOMAIN}, "unknown", "the host has no copy of the domain policy"),
        ({"service": STOPPED}, "no", "the PolicyAgent service is stopped, so nothing is enforced"),
        ({"service": STOPPED, "policy": None}, "no", "the PolicyAgent service is stopped, so nothing is enforced"),
        (
            {"service": STOPPED, "policy": None, "store": Store()},
            "yes",
            "no policy and no dynamic rules are to be enforced",
        ),
        ({"rows": [], "policy": None, "store": Store()}, "yes", "no filter is to be in force"),
        (
            {"rows": [BLOCKING], "policy": None, "store": Store()},
            "unknown",
            "no filter is to be in force, and 1 more that neither the policy nor the record has",
        ),
        (
            {"rows": [*ROWS, OTHER]},
            "unknown",
            "all 4 filters are in force, and 1 more that neither the policy nor the record has",
        ),
        (
            {"rows": [*ROWS, OTHER], "events": [_event(5460)]},
            "unknown",
            "all 4 filters are in force, and 1 more that neither the policy nor the record has",
        ),
        (
            {"rows": [*ROWS, OTHER], "events": [_event(5460)], "since": 100},
            "yes",
            "all 4 filters are in force, and 1 more that neither the policy nor the record has",
        ),
        (
            {"rows": [*ROWS[1:], NOT_UNDERSTOOD]},
            "unknown",
            "1 of 4 filters are not in force, but 1 of 4 filters in force are not understood",
        ),
        (
            {"rows": [row for row in ROWS if row not in MAIN_MODE]},
            "unknown",
            "1 of 4 filters are not in force, all of main mode, which Windows may not list",
        ),
        (
            {"rows": RunningFilters(filters=filters_in_force.read(ROWS).filters, count=9, truncated=True)},
            "unknown",
            "only 4 of 9 filters are listed",
        ),
        (
            {"rows": ROWS[1:], "events": [_event(5460)]},
            "unknown",
            "1 of 4 filters are not in force, but event 5460 says that it was applied",
        ),
        ({"rows": ROWS[1:], "events": [_event(5463)]}, "no", "1 of 4 filters are not in force"),
        ({"rows": ROWS[1:], "events": [_event(5460, 99)], "since": 100}, "no", "1 of 4 filters are not in force"),
        # without a time of the change, the policy has one
        ({"rows": ROWS[1:], "events": [_event(5460, CHANGED - 1)]}, "no", "1 of 4 filters are not in force"),
        (
            {"rows": ROWS[1:], "events": [_event(5460, CHANGED)]},
            "unknown",
            "1 of 4 filters are not in force, but event 5460 says that it was applied",
        ),
        ({"rows": None, "events": [_event(5461, CHANGED - 1)]}, "unknown", "the filters in force were not gathered"),
        ({"rows": [], "events": [_event(5461)]}, "no", "event 5461 says that it was not applied"),
        ({"rows": None, "events": [_event(5461)]}, "no", "event 5461 says that it was not applied"),
        ({"rows": [*ROWS, OTHER], "events": [_event(5461)]}, "no", "event 5461 says that it was not applied"),
        (
            {"events": [_event(5461)]},
            "unknown",
            "event 5461 says that it was not applied, but all 4 filters are in force",
        ),
        ({"rows": None, "events": [_event(5460)], "since": 100}, "yes", "event 5460 says that it was applied"),
        ({"rows": None, "events": [_event(5460)]}, "unknown", "the filters in force were not gathered"),
        (
            {"rows": RunningFilters(missing=DENIED), "events": [_event(5464)], "since": 1},
            "yes",
            "event 5464 says that it was applied",
        ),
        (
            {"rows": [], "events": [_event(5460), _event(5461, 99)]},
            "unknown",
            "4 of 4 filters are not in force, but event 5460 says that it was applied",
        ),
        ({"rows": [], "events": [_event(5461), _event(5460, 99)]}, "no", "event 5461 says that it was not applied"),
        # a filter that fails does not keep the policy from being applied
        ({"rows": ROWS[1:], "events": [_event(5460), _event(5477)]}, "no", "event 5477 says that it was not applied"),
        (
            {"rows": ROWS[1:], "events": [_event(5460, 101), _event(5477)]},
            "unknown",
            "1 of 4 filters are not in force, but event 5460 says that it was applied",
        ),
        (
            {"rows": [*ROWS, OF_OLD], "before": OLD, "since": 100},
            "no",
            "all 4 filters are in force, and 1 of the policy as it was before",
        ),
        (
            {"rows": [*ROWS, OF_OLD], "before": OLD, "events": [_event(5460)], "since": 100},
            "unknown",
            "all 4 filters are in force, and 1 of the policy as it was before, but event 5460 says that it was applied",
        ),
        ({"before": OLD, "since": 100}, "yes", "all 4 filters are in force"),
        # events about a domain policy do not matter for a local one
        ({"rows": ROWS[1:], "events": [_event(5456)]}, "no", "1 of 4 filters are not in force"),
        ({"events": [_event(5457)]}, "yes", "all 4 filters are in force"),
        ({"rows": [], "events": [_event(5457)], "domain": DOMAIN}, "no", "event 5457 says that it was not applied"),
    ],
)
def test_what_filters_and_events_say_together(given, applied, reason):
    found = _judge(**given)
    assert (str(found.applied), found.reason) == (applied, reason)


def test_the_event_that_counts_is_part_of_the_judgement():
    events = [_event(5463), _event(5460, 99), _event(5461, 98)]
    assert _judge(events=events).event == events[1]
    assert _judge(events=events[2:]).event == events[2]
    assert _judge(events=events[:1]).event is None


@pytest.mark.parametrize("success", [[], [_event(5460, 99)], [_event(5460)]])
def test_the_event_about_a_filter_counts_more_than_the_one_about_rules(success):
    rules, filter_ = _event(5462), _event(5477)
    assert _judge(ROWS[1:], events=[rules, filter_, *success]).event == filter_
    assert _judge(ROWS[1:], events=[rules, *success]).event == rules
    assert _judge(ROWS[1:], events=[_event(5461), filter_, *success]).event.id == 5461


def test_dynamic_rules_that_windows_may_not_list_are_no_evidence():
    rules = [parse_dynamic_rule({"filters": [f"[0=203.0.113.{number}]"]}, "", []) for number in (1, 2)]
    found = _judge(dynamic=rules)
    assert found.applied is Enforced.UNKNOWN
    assert found.reason == "2 of 6 filters are not in force, all of dynamic rules, which Windows may not list"
    other = filters_in_force.rows_of(_stored({"name": "D", "rules": [{**SMB, "filters": ["0=203.0.113.1"]}]}))
    found = _judge([*ROWS, *other], dynamic=rules)
    assert (found.applied, found.reason) == (Enforced.NO, "1 of 6 filters are not in force")
    assert found.missing[0].origin.dynamic == 1


def test_a_dynamic_rule_with_a_name_without_an_address_is_not_certain():
    rule = parse_dynamic_rule({"filters": ["[0=server.example]"]}, "", [])
    found = _judge(dynamic=[rule])
    assert (found.applied, found.reason) == (Enforced.UNKNOWN, "the addresses of 1 filters are not known")


def test_lists_of_filters_are_bounded():
    filters = [f"*=0:{port}:TCP" for port in range(1, 31)]
    store = _stored({"name": "P", "rules": [{**SMB, "filters": filters}]})
    found = _judge(store=store, rows=ROWS[:1] + ROWS[:1])
    assert (len(found.missing), found.missing_count, len(found.surplus), found.surplus_count) == (SHOWN, 30, 2, 2)
    others = [dataclasses.replace(OTHER, name=str(n)) for n in range(30)]
    found = _judge(rows=[*ROWS, *others])
    assert (len(found.surplus), found.surplus_count) == (SHOWN, 30)


def test_the_most_specific_filters_come_first():
    filters = ["*=0", "*=0:80:TCP", "198.51.100.9=0", "198.51.100.*=0", "*=0::TCP"]
    store = _stored({"name": "P", "rules": [{**SMB, "filters": filters}]})
    found = _judge(store=store, rows=[])
    shown = ["198.51.100.9=me", "198.51.100.0/24=me", "any=me:80:TCP", "any=me::TCP", "any=me"]
    assert [str(one.origin.filter) for one in found.missing] == shown
    rows = [dataclasses.replace(OTHER, name=str(weight), weight=weight) for weight in (5, 7, 6)]
    assert [one.name for one in _judge(rows=[*ROWS, *rows]).surplus] == ["7", "6", "5"]


def _plain(policy: model.Policy, of_me: bool) -> model.Policy:
    """The policy with addresses in place of names, and without what a task cannot repeat. With `of_me`, the host itself
    is at one end of all filters: others may be in force in one direction only.
    """

    def addressed(filter_: model.Filter) -> model.Filter:
        ends = {end: getattr(filter_, end) for end in ("source", "destination")}
        known = {end: a.address for end, a in ends.items() if isinstance(a, model.DnsName)}
        if of_me and model.SpecialKind.ME not in (getattr(a, "kind", None) for a in ends.values()):
            known["destination"] = model.Special(model.SpecialKind.ME, filter_.source.family)
        return dataclasses.replace(filter_, **known)

    rules = tuple(
        dataclasses.replace(
            rule, authentication=(model.Kerberos(),), filters=tuple(dict.fromkeys(map(addressed, rule.filters)))
        )
        for rule in policy.rules
    )
    return dataclasses.replace(policy, rules=rules, default_response=None)


@st.composite
def stored_policies(draw, of_me=False) -> tuple[Store, list[wfp.Row]]:
    """A store with a policy, and the filters that the simulated host has of it."""
    policy = _plain(draw(strategies.policies(name=st.just("P"))), of_me)
    store = _stored(render_policy(policy))
    rows = filters_in_force.rows_of(store, ADDRESSES)
    assume(rows)
    return store, rows


FIELDS = st.sampled_from(["layer", "action", "callout", "IP_LOCAL_ADDRESS", "IP_REMOTE_ADDRESS", "IP_PROTOCOL"])


def _changed(row: wfp.Row, field: str) -> wfp.Row:
    match field:
        case "layer":
            swapped = {"INBOUND": "OUTBOUND", "OUTBOUND": "INBOUND", "_V4": "_V6", "_V6": "_V4"}
            word = next(word for word in swapped if word in row.layer)
            return dataclasses.replace(row, layer=row.layer.replace(word, swapped[word]))
        case "action":
            return dataclasses.replace(
                row, action="FWP_ACTION_PERMIT" if "PERMIT" not in row.action else "FWP_ACTION_BLOCK"
            )
        case "callout":
            return dataclasses.replace(row, action="FWP_ACTION_CALLOUT_TERMINATING", callout="FWPM_CALLOUT_OTHER")
        case "IP_PROTOCOL":
            return filters_in_force.with_condition(row, f"FWPM_CONDITION_{field}", ("FWP_UINT8", "132"))
    return filters_in_force.with_condition(row, f"FWPM_CONDITION_{field}", ("FWP_UINT32", "198.18.19.20"))


def _twins(row: wfp.Row, rows: list[wfp.Row]) -> bool:
    """Whether another row may stand for this one: the same traffic without the type of connections."""

    def traffic(one: wfp.Row):
        found = filters_in_force.read([one]).filters[0]
        return dataclasses.replace(found, id=0, key="", name="", weight=0, unread=())

    return sum(traffic(one) == traffic(row) for one in rows) > 1


@given(stored_policies())
@settings(max_examples=100)
def test_a_policy_as_the_simulated_host_enforces_it_is_applied(found):
    store, rows = found
    judgement = _judge(rows, store=store)
    assert (judgement.applied, judgement.missing, judgement.surplus) == (Enforced.YES, (), ())


@given(stored_policies(of_me=True), st.data())
@settings(max_examples=100)
def test_every_single_difference_is_found(found, data):
    store, rows = found
    index = data.draw(st.integers(0, len(rows) - 1))
    row = rows[index]
    changed = _changed(row, data.draw(FIELDS))
    added = _judge([*rows, changed], store=store)
    if not _twins(changed, [*rows, changed]):
        assert (added.missing_count, added.surplus_count) == (0, 1)
        assert added.applied is not Enforced.YES
    removed = _judge([*rows[:index], *rows[index + 1 :]], store=store)
    assert removed.surplus_count == 0
    if not _twins(row, rows):
        assert removed.missing_count == 1
        assert removed.applied is not Enforced.YES
        replaced = _judge([*rows[:index], changed, *rows[index + 1 :]], store=store)
        assert replaced.applied is not Enforced.YES
        assert replaced.missing_count == 1 or _twins(changed, [*rows, changed])
