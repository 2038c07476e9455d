# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of diffs: what they show, what they count, and that they never show a key."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import RulesMode
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.diff import Side, render_diff
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.merge import merge
from hypothesis import given, settings
from unit import stores, strategies

SIDE = Side(("assigned_policy: P",))


def _store(**options):
    return stores.change(Store(), {"name": "P", **options}).store


def _target(options, stored):
    return merge(parse_policy({"name": "P", **options}), stored, RulesMode.EXACT)


def _diff(store, **options):
    found = stores.stored(store, "P")
    return render_diff(found, SIDE, _target(options, found), SIDE)


def _rule(**options):
    return {"name": "R", "filters": ["0+192.0.2.1"], **options}


def _changes(diff):
    before, after = (diff[side].splitlines() for side in ("before", "after"))
    return [f"-{line.strip()}" for line in before if line not in after] + [
        f"+{line.strip()}" for line in after if line not in before
    ]


def test_the_diff_of_no_change_is_empty():
    store = _store(rules=[_rule()])
    diff = _diff(store, rules=[_rule()])
    assert diff["before"] == diff["after"]
    assert "# 1 unchanged rules" in diff["before"]


def test_a_changed_port():
    def rule(port):
        return _rule(filters=[f"*+0:{port}:TCP"], action="block")

    assert _changes(_diff(_store(rules=[rule(445)]), rules=[rule(139)])) == [
        "-- {source: any, destination: me, protocol: tcp, destination_port: 445, mirrored: true}",
        "+- {source: any, destination: me, protocol: tcp, destination_port: 139, mirrored: true}",
    ]


def test_a_changed_key_is_marked_and_not_shown():
    def rule(key):
        return _rule(authentication=[{"preshared_key": key}])

    diff = _diff(_store(rules=[rule("s3cret")]), rules=[rule("other s3cret")])
    assert _changes(diff) == ["-- preshared key", "+- preshared key (changed)"]
    assert "s3cret" not in str(diff)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("description", "new", "+description: new"),
        ("poll_interval", "90s", "+poll_interval: 90s"),
        ("main_mode", {"pfs": True}, "pfs: true}"),
        ("default_response", True, "+default_response: {enabled: true"),
        ("default_response", True, "authentication: [{kerberos: true}]}"),
    ],
    ids=["description", "poll interval", "main mode", "default response", "its authentication"],
)
def test_changes_of_a_policy(option, value, words):
    store = _store(rules=[_rule()])
    assert words in "\n".join(_changes(_diff(store, **{option: value})))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"enabled": False}, "+enabled: false"),
        ({"description": "why: because"}, '+description: "why: because"'),
        ({"soft": True}, "+soft: true"),
        ({"action": "permit"}, "+action: permit"),
        ({"connection_type": "lan"}, "+connection_type: lan"),
        ({"filter_list": "no"}, '+filter_list: "no"'),
        ({"filters": ["0=192.0.2.1"], "tunnel": "192.0.2.9"}, "+tunnel: 192.0.2.9"),
        ({"security_methods": ["ah[md5]"]}, "+- ah[md5]"),
        ({"authentication": [{"certificate": "CN=CA, O=x"}]}, '+- {certificate: "CN=CA, O=x"}'),
    ],
    ids=lambda value: next(reversed(value)) if isinstance(value, dict) else "",
)
def test_changes_of_a_rule(options, words):
    assert words in _changes(_diff(_store(rules=[_rule()]), rules=[_rule(**options)]))


@pytest.mark.parametrize(
    "description",
    [
        "any",
        "None",
        "0",
        "me",
        "null",
        "~",
        "true",
        "*a",
        "/",
        "0x10",
        "0o7",
        "1.5",
        "1e3",
        "1_000",
        "2024-01-01",
        "12:30",
        "3des",
        "& b",
    ],
)
def test_every_filter_description_is_shown(description):
    """Descriptions that mean something elsewhere are texts like any other."""

    def rule(**options):
        return _rule(filters=[{"source": "me", "destination": "192.0.2.1", "mirrored": True, **options}])

    def filters(text):
        return [filter_ for rule in yaml.safe_load(text)["rules"] for filter_ in rule["filters"]]

    plain, described = rule(), rule(description=description)
    added = _diff(_store(rules=[plain]), rules=[described])
    assert "description" not in filters(added["before"])[0]
    assert [f["description"] for f in filters(added["after"])] == [description]
    removed = _diff(_store(rules=[described]), rules=[plain])
    assert [f["description"] for f in filters(removed["before"])] == [description]
    assert "description" not in filters(removed["after"])[0]


def test_changes_in_other_parts_are_shown():
    def response(key):
        return {"enabled": True, "authentication": [{"preshared_key": key}]}

    own = {"encryption": "des", "integrity": "sha", "group": 1, "lifetime_kilobytes": 5}
    store = _store(rules=[_rule(action="block")], default_response=response("s3cret"))
    diff = _diff(store, rules=[_rule(action="block", authentication=[{"preshared_key": "s3cret"}])])
    assert _changes(diff) == ["-- {kerberos: true}", "+- preshared key (changed)"]
    assert "preshared key (changed)" in _diff(store, default_response=response("other s3cret"))["after"]

    def tunnel(address):
        return _rule(filters=["0=*"], tunnel="a.example", tunnel_address=address)

    stored = stores.change(
        Store(), {"name": "P", "rules": [tunnel("192.0.2.1")]}, names={"a.example": ["192.0.2.1"]}
    ).store
    moved = _diff(stored, rules=[tunnel("192.0.2.2")])
    assert _changes(moved) == ["-tunnel: a.example (192.0.2.1)", "+tunnel: a.example (192.0.2.2)"]
    assert "des-sha-1 5K" in _diff(store, main_mode={"methods": ["3des-sha-2", own]})["after"]


def test_a_new_policy_and_a_deleted_one():
    store = _store(rules=[_rule()])
    found = stores.stored(store, "P")
    deleted = render_diff(found, SIDE, None, Side(("assigned_policy: null",)))
    assert deleted["after"] == "assigned_policy: null\n"
    assert "- name: R" in deleted["before"]
    created = render_diff(None, Side(("assigned_policy: null",), ("rule {x}",)), _target({}, None), SIDE)
    assert created["before"].splitlines() == [
        "assigned_policy: null",
        "leftovers: # 1 objects of an interrupted change",
        '  - "rule {x}"',
    ]


def test_ten_thousand_filters_become_a_count_and_the_changed_ones():
    filters = [f"0+10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1, 10_001)]
    store = _store(rules=[_rule(filters=filters)])
    diff = _diff(store, rules=[_rule(filters=[*filters[1:], "0+192.0.2.9"])])
    assert len(diff["after"].splitlines()) < 30
    assert "# 9999 unchanged filters" in diff["after"]
    assert _changes(diff) == [
        "-- {source: me, destination: 10.0.0.1, mirrored: true}",
        "+- {source: me, destination: 192.0.2.9, mirrored: true}",
    ]
    whole = render_diff(None, SIDE, _target({"rules": [_rule(filters=filters)]}, None), SIDE)
    assert "# 9960 more changed filters" in whole["after"]


@settings(max_examples=30)
@given(strategies.policies(), strategies.policies())
def test_any_diff_is_yaml_without_keys(old, new):
    before = _with_keys(old)
    store = stores.change(Store(), before, names=_names(before)).store
    found = stores.stored(store, old.name)
    diff = render_diff(found, SIDE, _target({**_with_keys(new), "name": old.name}, found), SIDE)
    for text in diff.values():
        assert yaml.safe_load(text)["poll_interval"]
        assert "s3cret" not in text


def _with_keys(policy):
    tree = render_policy(policy)
    for rule in (*tree["rules"], tree["default_response"]):
        rule["authentication"] = [
            {"preshared_key": "s3cret"} if "preshared_key" in method else method
            for method in rule.get("authentication", [{"kerberos": True}])
        ]
    return tree


def _names(tree):
    """The addresses of all DNS names in a policy, as a host finds them."""
    names = {}
    for rule in parse_policy(tree).rules:
        for end in (end for filter_ in rule.filters for end in (filter_.source, filter_.destination)):
            if isinstance(end, model.DnsName):
                names.setdefault(end.name.lower(), []).append(str(end.address))
    return names
