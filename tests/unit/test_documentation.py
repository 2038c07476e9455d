# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The modules' documentation, the keys that tasks take, and the keys that facts have, held against each other."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils import model
from ansible_collections.ipsec.windows.plugins.module_utils.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils.shape import keys
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils.store import Store
from unit import stores
from unit.module_utils.test_facts import READING

MODULES = pathlib.Path(__file__).parent.parent.parent / "plugins" / "modules"
POLICY = yaml.safe_load((MODULES / "ipsec_policy.yml").read_text())
FACTS = yaml.safe_load((MODULES / "ipsec_facts.yml").read_text())
OPTIONS = POLICY["DOCUMENTATION"]["options"]
RULE = OPTIONS["rules"]["suboptions"]
OF_THE_TASK = {"policy", *keys.MODES}
ONE_RULE = yaml.safe_load((MODULES / "ipsec_rule.yml").read_text())["DOCUMENTATION"]["options"]
FULL = {
    "name": "P",
    "description": "d",
    "assigned": True,
    "main_mode": {"methods": [{"encryption": "3des", "integrity": "sha", "group": 14, "quick_mode_limit": 1}]},
    "default_response": {"enabled": True},
    "rules": [
        {
            "name": "R",
            "filters": [
                {"source": "me", "destination": "any", "protocol": "tcp", "destination_port": 1, "description": "d"}
            ],
            "security_methods": ["ah[md5]+esp[3des,sha] 300S/50000K PFS"],
            "authentication": ["kerberos", {"preshared_key": "x"}, {"certificate": "CN=CA"}],
            "tunnel": "192.0.2.1",
        }
    ],
}


@pytest.mark.parametrize(
    ("documented", "taken"),
    [
        (OPTIONS.keys() - OF_THE_TASK, keys.POLICY),
        (OPTIONS["main_mode"]["suboptions"].keys(), keys.MAIN_MODE),
        (OPTIONS["main_mode"]["suboptions"]["methods"]["suboptions"].keys(), keys.MAIN_MODE_METHOD),
        (OPTIONS["default_response"]["suboptions"].keys(), keys.DEFAULT_RESPONSE),
        (RULE.keys(), keys.RULE),
        (RULE["filters"]["suboptions"].keys(), keys.FILTER),
        (RULE["security_methods"]["suboptions"].keys(), keys.SECURITY_METHOD),
        (RULE["security_methods"]["suboptions"]["esp"]["suboptions"].keys(), keys.ESP),
        (RULE["authentication"]["suboptions"].keys(), keys.AUTHENTICATION),
        (ONE_RULE.keys() - {"state"}, {*keys.RULE_OF_POLICY, *keys.RULE} - {"odd"}),
    ],
)
def test_what_is_documented_is_taken(documented, taken):
    assert set(documented) == set(taken)


@pytest.mark.parametrize(
    ("documented", "known"),
    [
        (RULE["action"]["choices"], model.NegotiationPolicy.ACTIONS),
        (RULE["connection_type"]["choices"], model.CONNECTION_TYPES),
        (ONE_RULE["action"]["choices"], model.NegotiationPolicy.ACTIONS),
        (ONE_RULE["connection_type"]["choices"], model.CONNECTION_TYPES),
        (RULE["security_methods"]["suboptions"]["ah"]["choices"], model.INTEGRITY[1:]),
        (RULE["security_methods"]["suboptions"]["esp"]["suboptions"]["encryption"]["choices"], model.ENCRYPTION),
        (RULE["security_methods"]["suboptions"]["esp"]["suboptions"]["integrity"]["choices"], model.INTEGRITY),
        (OPTIONS["main_mode"]["suboptions"]["methods"]["suboptions"]["group"]["choices"], model.GROUPS),
    ],
)
def test_documented_choices_are_the_known_ones(documented, known):
    assert set(documented) == set(known)


def test_documented_modes_are_the_known_ones():
    documented = {name: OPTIONS[name] for name in keys.MODES}
    assert {name: tuple(option["choices"]) for name, option in documented.items()} == keys.MODES
    assert all(option["default"] == keys.MODES[name][0] for name, option in documented.items())


def test_what_a_rule_leaves_out_has_no_default():
    assert not any("default" in option for name, option in ONE_RULE.items() if name != "state")


def test_documented_defaults_are_those_of_a_rule():
    (rule,) = parse_policy({"name": "P", "rules": [{"name": "R", "filters": ["0+*"]}]}).rules
    assert rule.action.action == RULE["action"]["default"]
    assert rule.enabled == RULE["enabled"]["default"]
    assert (rule.action.soft, rule.action.inpass) == (RULE["soft"]["default"], RULE["inpass"]["default"])
    assert rule.connection_type == RULE["connection_type"]["default"]
    text = " ".join(RULE["security_methods"]["description"])
    assert all(f"V({method})" in text for method in rule.action.methods)


@pytest.mark.parametrize(
    ("class_", "taken", "otherwise"),
    [
        (model.Policy, keys.POLICY, {}),
        (model.MainMode, keys.MAIN_MODE, {}),
        (model.MainModeMethod, keys.MAIN_MODE_METHOD, {}),
        (model.DefaultResponse, keys.DEFAULT_RESPONSE, {"methods": "security_methods", "odd": None}),
        (model.Rule, keys.RULE, {}),
        (model.NegotiationPolicy, keys.RULE, {"methods": "security_methods"}),
        (model.Filter, keys.FILTER, {}),
        (model.SecurityMethod, keys.SECURITY_METHOD, {"algorithms": "esp"}),
        (model.Esp, (*keys.ESP, "odd"), {}),
        (model.Certificate, keys.AUTHENTICATION, {"ca": "certificate"}),
    ],
)
def test_what_a_value_has_can_be_said(class_, taken, otherwise):
    for field in dataclasses.fields(class_):
        key = otherwise.get(field.name, field.name)
        assert not field.init or key is None or key in taken, field.name


def test_facts_have_the_keys_that_are_documented():
    documented = FACTS["RETURN"]["ansible_facts"]["contains"]["ipsec"]["contains"]
    store = stores.change(Store(), FULL, assigned=True).store
    facts = render_facts(READING.read_again(store, "", 0))
    assert facts.keys() == documented.keys()
    for name in ("in_force", "service"):
        assert facts[name].keys() == documented[name]["contains"].keys()
    assert facts["assigned"].keys() == documented["assigned"]["sample"].keys()
    sample = documented["policies"]["sample"][0]
    policy = facts["policies"][0]
    assert policy.keys() == sample.keys()
    assert policy["main_mode"].keys() == sample["main_mode"].keys()
    assert sample["rules"][0].keys() == policy["rules"][0].keys() - {"inpass", "soft", "security_methods"}
    assert sample["rules"][0]["filters"][0].keys() == policy["rules"][0]["filters"][0].keys() - {"description"}


def test_what_facts_have_is_taken():
    (policy,) = render_facts(READING.read_again(stores.change(Store(), FULL).store, "", 0))["policies"]
    assert policy.keys() <= {*keys.POLICY, *keys.READ_ONLY}
    (rule,) = policy["rules"]
    assert rule.keys() <= set(keys.RULE)
    assert rule["filters"][0].keys() <= set(keys.FILTER)
    assert rule["security_methods"][0].keys() <= set(keys.SECURITY_METHOD)
    assert {key for method in rule["authentication"] for key in method} <= set(keys.AUTHENTICATION)


def test_orphans_have_the_documented_keys():
    store = Store({"": {}, "foreign": {}})
    sample = FACTS["RETURN"]["ansible_facts"]["contains"]["ipsec"]["contains"]["orphans"]["sample"][0]
    (orphan,) = render_facts(READING.read_again(store, "", 0))["orphans"]
    assert orphan.keys() == sample.keys()
    assert Graph(store).foreign() == ["foreign"]


def test_every_module_is_in_the_action_group():
    runtime = yaml.safe_load((MODULES.parent.parent / "meta" / "runtime.yml").read_text())
    assert runtime["action_groups"]["ipsec"] == sorted(path.stem for path in (MODULES.parent / "action").glob("*.py"))
