# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The documentation of the modules has the options that tasks accept, the known choices, and the keys of facts."""

from __future__ import annotations

import dataclasses
import pathlib
import re

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.doc_fragments import group
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lint import Code
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lockout import LockoutCheck
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.goal import DEFAULT_REPLAY
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.domain import ReadFrom
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import ServiceStatus, StartType
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.dynamic import (
    CONFIG_PROPERTIES,
    DynamicFilter,
    DynamicRule,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.methods import HASHES
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import (
    FiltersMode,
    RulesMode,
    Sharing,
    State,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.facts import (
    FACT,
    OrphanKind,
    render_facts,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.in_force import Source
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape import keys
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import (
    DynamicState,
    parse_dynamic_rule,
    render_dynamic_rule,
    render_short_rule,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from hypothesis import given, settings
from unit import stores, strategies

MODULES = pathlib.Path(__file__).parent.parent.parent / "plugins" / "modules"
POLICY = yaml.safe_load((MODULES / "ipsec_policy.yml").read_text())
FACTS = yaml.safe_load((MODULES / "ipsec_facts.yml").read_text())
OPTIONS = POLICY["DOCUMENTATION"]["options"]
RULE = OPTIONS["rules"]["suboptions"]
TASK_OPTIONS = {"policy", "preshared_keys", *keys.MODES}
DYNAMIC = yaml.safe_load((MODULES / "ipsec_dynamic.yml").read_text())
DYNAMIC_OPTIONS = DYNAMIC["DOCUMENTATION"]["options"]
OF_TASK = {"persistent", "replay_interval", "confirm", "confirmed", "backup", "backup_options", "return_policy"}
"""The options of ipsec_dynamic that the action plugin reads itself."""
RULE_OPTIONS = yaml.safe_load((MODULES / "ipsec_rule.yml").read_text())["DOCUMENTATION"]["options"]
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
    ("documented", "accepted"),
    [
        (OPTIONS.keys() - TASK_OPTIONS, keys.POLICY),
        (OPTIONS["main_mode"]["suboptions"].keys(), keys.MAIN_MODE),
        (OPTIONS["main_mode"]["suboptions"]["methods"]["suboptions"].keys(), keys.MAIN_MODE_METHOD),
        (OPTIONS["default_response"]["suboptions"].keys(), keys.DEFAULT_RESPONSE),
        (RULE.keys(), keys.RULE),
        (RULE["filters"]["suboptions"].keys(), keys.FILTER),
        (RULE["security_methods"]["suboptions"].keys(), keys.SECURITY_METHOD),
        (RULE["security_methods"]["suboptions"]["esp"]["suboptions"].keys(), keys.ESP),
        (RULE["authentication"]["suboptions"].keys(), keys.AUTHENTICATION),
        (RULE_OPTIONS.keys() - {"state"}, {*keys.RULE_OF_POLICY, *keys.RULE, *keys.FILTERS}),
        (DYNAMIC_OPTIONS.keys() - OF_TASK, {*keys.DYNAMIC_RULE, *keys.DYNAMIC_MODES}),
        (DYNAMIC_OPTIONS["settings"]["suboptions"].keys(), CONFIG_PROPERTIES),
    ],
    ids=[
        "policy",
        "main mode",
        "main mode method",
        "default response",
        "rule",
        "filter",
        "security method",
        "esp",
        "authentication",
        "options of ipsec_rule",
        "options of ipsec_dynamic",
        "settings",
    ],
)
def test_documented_options_are_accepted(documented, accepted):
    assert set(documented) == set(accepted)


@pytest.mark.parametrize(
    ("documented", "known"),
    [
        (RULE["action"]["choices"], model.Action),
        (RULE["connection_type"]["choices"], model.ConnectionType),
        (RULE_OPTIONS["action"]["choices"], model.Action),
        (RULE_OPTIONS["connection_type"]["choices"], model.ConnectionType),
        (RULE["security_methods"]["suboptions"]["ah"]["choices"], HASHES),
        (RULE["security_methods"]["suboptions"]["esp"]["suboptions"]["encryption"]["choices"], model.Encryption),
        (RULE["security_methods"]["suboptions"]["esp"]["suboptions"]["integrity"]["choices"], model.Integrity),
        (OPTIONS["main_mode"]["suboptions"]["methods"]["suboptions"]["group"]["choices"], model.Group),
        (DYNAMIC_OPTIONS["action"]["choices"], model.Action),
        (DYNAMIC_OPTIONS["connection_type"]["choices"], model.ConnectionType),
        (DYNAMIC_OPTIONS["pfs_group"]["choices"], model.Group),
        (DYNAMIC_OPTIONS["state"]["choices"], DynamicState),
        (DYNAMIC_OPTIONS["rules_mode"]["choices"], RulesMode),
    ],
    ids=[
        "action",
        "connection type",
        "action of ipsec_rule",
        "connection type of ipsec_rule",
        "hash of ah",
        "cipher of esp",
        "hash of esp",
        "Diffie-Hellman group",
        "action of ipsec_dynamic",
        "connection type of ipsec_dynamic",
        "group for PFS",
        "state of ipsec_dynamic",
        "rules_mode of ipsec_dynamic",
    ],
)
def test_documented_choices_are_the_known_ones(documented, known):
    assert set(documented) == set(known)


def test_codes_that_can_be_accepted_are_those_of_the_findings():
    options = yaml.safe_load(group.ModuleDocFragment.DOCUMENTATION)["options"]
    assert options["accept"]["choices"] == list(Code)
    assert (options["lockout_check"]["choices"], options["lockout_check"]["default"]) == (list(LockoutCheck), "error")


def test_documented_modes_are_the_known_ones():
    modes = {"state": (State, State.PRESENT), "rules_mode": (RulesMode, RulesMode.EXACT)}
    assert modes.keys() == set(keys.MODES)
    for name, (known, default) in modes.items():
        assert OPTIONS[name]["choices"] == list(known)
        assert OPTIONS[name]["default"] == default


def test_options_of_one_rule_have_no_defaults():
    modes = {"state", *keys.FILTERS}
    assert not any("default" in option for name, option in RULE_OPTIONS.items() if name not in modes)


def test_documented_modes_of_filters_are_the_known_ones():
    modes = {"filters_mode": (FiltersMode, FiltersMode.EXACT), "shared": (Sharing, Sharing.COPY)}
    assert modes.keys() == set(keys.FILTERS)
    for name, (known, default) in modes.items():
        assert (RULE_OPTIONS[name]["choices"], RULE_OPTIONS[name]["default"]) == (list(known), default)


def test_documented_defaults_are_those_of_a_new_rule():
    (rule,) = parse_policy({"name": "P", "rules": [{"name": "R", "filters": ["0+*"]}]}).rules
    assert rule.action.action == RULE["action"]["default"]
    assert rule.enabled == RULE["enabled"]["default"]
    assert (rule.action.soft, rule.action.inpass) == (RULE["soft"]["default"], RULE["inpass"]["default"])
    assert rule.connection_type == RULE["connection_type"]["default"]
    text = " ".join(RULE["security_methods"]["description"])
    assert all(f"V({method})" in text for method in rule.action.methods)


def test_documented_defaults_are_those_of_a_dynamic_rule():
    rule = parse_dynamic_rule({"filters": ["0+*"]}, "", [])
    defaults = {
        "action": rule.filters[0].action,
        "authentication": "kerberos",
        "inpass": str(rule.inpass).lower(),
        "soft": str(rule.soft).lower(),
        "soft_lifetime": rule.soft_lifetime,
        "connection_type": rule.connection_type,
        "replay_interval": DEFAULT_REPLAY,
    }
    for name, value in defaults.items():
        assert f"The default is V({value})." in str(DYNAMIC_OPTIONS[name]["description"]), name
    text = str(DYNAMIC_OPTIONS["security_methods"]["description"])
    assert re.findall(r"V\((.*?)\)", text.partition("The default is ")[2]) == list(map(str, rule.methods))


def test_documented_rules_of_the_result_are_those_of_a_task():
    sample = DYNAMIC["RETURN"]["rules"]["sample"]
    rules = [parse_dynamic_rule(rule, "", []) for rule in sample]
    assert [render_short_rule(rule) for rule in rules] == sample
    # in the result, each filter has its action, and Windows makes the main mode filters itself
    assert {*render_dynamic_rule(rules[0])} == set(keys.DYNAMIC_RULE) - {"action", "main_mode_filters"}


@pytest.mark.parametrize(
    ("class_", "accepted", "names"),
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
        (DynamicRule, keys.DYNAMIC_RULE, {"methods": "security_methods"}),
        (DynamicFilter, keys.DYNAMIC_RULE, {"filter": "filters"}),
    ],
)
def test_every_field_of_a_value_has_an_option(class_, accepted, names):
    for field in dataclasses.fields(class_):
        key = names.get(field.name, field.name)
        assert not field.init or key is None or key in accepted, field.name


def test_facts_have_the_documented_keys():
    documented = FACTS["RETURN"]["ansible_facts"]["contains"][FACT]["contains"]
    store = stores.change(Store(), FULL, assigned=True).store
    facts = render_facts(stores.host_with(store))
    assert facts.keys() == documented.keys()
    for name in ("in_force", "service"):
        assert facts[name].keys() == documented[name]["contains"].keys()
    assert facts["assigned"].keys() == documented["assigned"]["sample"].keys()
    reason = documented["in_force"]["contains"]["reason"]["sample"]
    assert facts["in_force"]["reason"] == reason.replace(documented["policies"]["sample"][0]["name"], FULL["name"])
    check_keys(documented["policies"]["sample"][0])
    check_keys(facts["policies"][0])


def check_keys(policy):
    """A policy of facts has all keys of each of its parts. Only an authentication method has one key for its kind."""
    assert policy.keys() == {*keys.POLICY, *keys.READ_ONLY}
    assert policy["main_mode"].keys() == set(keys.MAIN_MODE)
    assert policy["default_response"].keys() == set(keys.DEFAULT_RESPONSE)
    parts = [(policy["main_mode"]["methods"], keys.MAIN_MODE_METHOD), (policy["rules"], keys.RULE)]
    for rule in policy["rules"]:
        parts += [(rule["filters"], keys.FILTER), (rule["security_methods"], keys.SECURITY_METHOD)]
    for method in [
        *policy["default_response"]["security_methods"],
        *(m for r in policy["rules"] for m in r["security_methods"]),
    ]:
        assert isinstance(method["ah"], list)
        parts += [([method], keys.SECURITY_METHOD), (method["esp"], keys.ESP)]
    for values, known in parts:
        assert all(value.keys() == set(known) for value in values)
    authentication = [
        policy["default_response"]["authentication"],
        *(rule["authentication"] for rule in policy["rules"]),
    ]
    for method in (method for methods in authentication for method in methods):
        assert len(method.keys() & {"kerberos", "preshared_key", "certificate", "type"}) == 1


@given(strategies.policies())
@settings(max_examples=30)
def test_all_facts_have_the_same_keys(policy):
    check_keys({**render_policy(policy), "assigned": False, "when_changed": None, "problems": []})


def test_documented_values_of_facts_are_the_known_ones():
    documented = FACTS["RETURN"]["ansible_facts"]["contains"][FACT]["contains"]
    descriptions = {
        ServiceStatus: documented["service"]["contains"]["status"]["description"],
        StartType: documented["service"]["contains"]["start_type"]["description"],
        Source: documented["in_force"]["contains"]["source"]["description"],
        ReadFrom: documented["in_force"]["contains"]["read_from"]["description"],
        OrphanKind: documented["orphans"]["description"],
    }
    for known, description in descriptions.items():
        assert set(re.findall(r"V\((?!null)(\w+)\)", str(description))) == set(known), known


def test_orphans_have_the_documented_keys():
    store = Store({"": {}, "foreign": {}})
    sample = FACTS["RETURN"]["ansible_facts"]["contains"][FACT]["contains"]["orphans"]["sample"][0]
    (orphan,) = render_facts(stores.host_with(store))["orphans"]
    assert orphan.keys() == sample.keys()
    assert orphan["key"] == "foreign"


def test_every_module_is_in_the_action_group():
    runtime = yaml.safe_load((MODULES.parent.parent / "meta" / "runtime.yml").read_text())
    assert runtime["action_groups"]["ipsec"] == sorted(path.stem for path in (MODULES.parent / "action").glob("*.py"))
