# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Dynamic rules as dictionaries."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import Action
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.dynamic import (
    AddDynamic,
    DeleteDynamic,
    FlushDynamic,
    SetConfig,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import (
    dynamic_arguments,
    parse_dynamic_rule,
    parse_dynamic_task,
    render_dynamic_rule,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.fields import ShapeError

RULES = [
    {"filters": ["0+192.0.2.1"]},
    {"filters": ["(0+192.0.2.1)", "[0+192.0.2.2]", "0+192.0.2.3"]},
    {"filters": [{"source": "me", "destination": ["192.0.2.1", "192.0.2.2"], "action": "block"}]},
    {"filters": ["0=192.0.2.1"], "tunnel": "192.0.2.9", "security_methods": ["ah[sha]PFS1"]},
    {
        "filters": ["0+srv.example::TCP"],
        "security_methods": ["esp[3des,sha]3600S/50000K PFS", "ah[md5]+esp[des,none] PFS"],
        "pfs_group": 14,
        "inpass": True,
        "soft": True,
        "soft_lifetime": 60,
        "authentication": ["kerberos", {"preshared_key": "secret"}, {"certificate": "CN=Root"}],
        "connection_type": "dialup",
        "main_mode": {"methods": ["3des-sha-14"], "lifetime_seconds": 3600, "pfs": True},
    },
]


@pytest.mark.parametrize("value", RULES)
def test_rendered_rule_is_read_back(value):
    rule = parse_dynamic_rule(value, "", [])
    assert parse_dynamic_rule(render_dynamic_rule(rule, with_keys=True), "", []) == rule
    assert parse_dynamic_rule(dynamic_arguments(rule), "", []) == rule


def test_keys_are_null_unless_asked_for():
    rule = parse_dynamic_rule(RULES[-1], "", [])
    assert "secret" not in repr(render_dynamic_rule(rule))
    assert {"preshared_key": None} in render_dynamic_rule(rule)["authentication"]


def test_signs_around_a_filter_are_its_action():
    rule = parse_dynamic_rule(RULES[1], "", [])
    assert [item.action for item in rule.filters] == [Action.PERMIT, Action.BLOCK, Action.NEGOTIATE]


def test_action_of_the_rule_is_that_of_filters_without_one():
    value = {"filters": ["0+192.0.2.1", "(0+192.0.2.2)"], "action": "block"}
    rule = parse_dynamic_rule(value, "", [])
    assert [item.action for item in rule.filters] == [Action.BLOCK, Action.PERMIT]


def test_filters_of_a_tunnel_are_one_way_by_default():
    value = {"filters": [{"source": "192.0.2.1", "destination": "192.0.2.2"}], "tunnel": "192.0.2.2"}
    assert not parse_dynamic_rule(value, "", []).filters[0].filter.mirrored


def test_main_mode_filters_that_the_filters_have():
    value = {"filters": ["0+192.0.2.1:80:TCP"], "main_mode_filters": ["0+192.0.2.1"]}
    assert parse_dynamic_rule(value, "", []) == parse_dynamic_rule({"filters": value["filters"]}, "", [])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "rules[0].filters: this is required"),
        ({"filters": []}, "rules[0].filters: this is required"),
        ({"filters": ["(0+192.0.2.1"]}, "rules[0].filters[0]: expected ')' at the end of this filter"),
        ({"filters": ["([0+192.0.2.1])"]}, "rules[0].filters[0]: this filter has two signs for its action"),
        ({"filters": ["0+192.0.2.1"], "name": "x"}, "rules[0]"),
        ({"filters": ["0+192.0.2.1", "192.0.2.1+0"]}, "rules[0]: the rule has the filter"),
        ({"filters": ["0+192.0.2.1"], "tunnel": "192.0.2.1"}, "rules[0]: a tunnel cannot have mirrored filters"),
        (
            {"filters": ["(0=192.0.2.1)"], "tunnel": "192.0.2.1"},
            "rules[0]: a rule with a tunnel endpoint must negotiate",
        ),
        ({"filters": ["0+192.0.2.1"], "pfs_group": 2}, "rules[0]: pfs_group needs security methods with PFS"),
        (
            {"filters": ["0+192.0.2.1"], "security_methods": ["ah[sha]P1", "ah[md5]P2"]},
            "rules[0].security_methods: the security methods have PFS of different groups",
        ),
        (
            {"filters": ["0+192.0.2.1"], "security_methods": ["ah[sha]P1"], "pfs_group": 2},
            "rules[0].pfs_group: the security methods have PFS1",
        ),
        ({"filters": ["0+192.0.2.1"], "main_mode_filters": ["0+192.0.2.2"]}, "write me+192.0.2.1"),
    ],
)
def test_mistake_has_its_place(value, message):
    with pytest.raises(ShapeError) as caught:
        parse_dynamic_task({"rules": [value]})
    assert message in str(caught.value)


def test_task_with_one_rule():
    changes, exact, _notes = parse_dynamic_task({"filters": ["0+192.0.2.1"]})
    assert [type(placed.change) for placed in changes] == [AddDynamic]
    assert not exact


def test_task_that_deletes_and_sets():
    rules = [{"filters": ["0+192.0.2.1"]}, {"filters": ["0+192.0.2.2"]}]
    changes, _exact, _notes = parse_dynamic_task({"rules": rules, "state": "absent", "settings": {"ipsecexempt": 3}})
    assert [type(placed.change) for placed in changes] == [DeleteDynamic, DeleteDynamic, SetConfig]


def test_task_that_flushes():
    changes, _exact, _notes = parse_dynamic_task({"state": "flushed"})
    assert [placed.change for placed in changes] == [FlushDynamic()]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({}, "give filters or rules, or settings, or state: flushed"),
        ({"state": "flushed", "rules": []}, "state: flushed deletes all dynamic rules"),
        ({"rules_mode": "exact", "settings": {"ipsecexempt": 1}}, "rules_mode: exact needs the rules"),
        (
            {"rules": [{"filters": ["0+192.0.2.1"]}], "soft": True},
            "rules: this option has the rules, so put soft into one of them",
        ),
        ({"rules": "0+192.0.2.1"}, "rules: expected a list of dynamic rules, not text"),
        ({"settings": {"ipsecexempt": 4}}, "settings.ipsecexempt: expected 0, 1, 2 or 3"),
        ({"settings": {"bootmode": "open"}}, "settings.bootmode: expected stateful, block or permit"),
        ({"settings": {"bootexemptions": "TCP:80"}}, "settings.bootexemptions: expected none, or PROTOCOL"),
        ({"settings": {"ikelogging": 1}}, "settings"),
    ],
)
def test_task_that_cannot_be(task, message):
    with pytest.raises(ShapeError) as caught:
        parse_dynamic_task(task)
    assert message in str(caught.value)
