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
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.applied import Enforced
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lint import Code, Severity
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lockout import LockoutCheck
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.dn import dn_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.state import (
    Assignment,
    DirectoryState,
    Gpo,
    Link,
    Place,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.goal import DEFAULT_REPLAY
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import HostState
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.counters import WIDE, CounterGroup
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.domain import ReadFrom
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.running import Direction, MissingReason
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.service import ServiceStatus, StartType
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.dynamic import (
    CONFIG_PROPERTIES,
    DynamicFilter,
    DynamicRule,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.gpos import GposMode
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.methods import HASHES
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import (
    FiltersMode,
    RulesMode,
    Sharing,
    State,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.domain_facts import render_domain_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.facts import (
    FACT,
    OrphanKind,
    render_facts,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.in_force import Source
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.subsets import DEFAULT_SUBSETS, Subset
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
from unit import running, stores, strategies
from unit.running import row

MODULES = pathlib.Path(__file__).parent.parent.parent / "plugins" / "modules"
POLICY = yaml.safe_load((MODULES / "ipsec_policy.yml").read_text())
FACTS = yaml.safe_load((MODULES / "ipsec_facts.yml").read_text())
OPTIONS = POLICY["DOCUMENTATION"]["options"]
RULE = OPTIONS["rules"]["suboptions"]
TASK_OPTIONS = {"policy", "preshared_keys", keys.GPOS, "gpos_mode", *keys.MODES}
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
        (OPTIONS["gpos_mode"]["choices"], GposMode),
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
        "gpos_mode",
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


DOCUMENTED = FACTS["RETURN"]["ansible_facts"]["contains"][FACT]["contains"]


def all_facts():
    """The facts of hosts that together have every key: with a local and a domain policy, with and without filters in
    force that are expected, and one that does not answer everything.
    """
    secured = {**running.POLICY, "rules": [*running.POLICY["rules"], running.SECURED]}
    main_mode = row(f"{running.REMOTE},FWP_UINT32,192.0.2.9", layer="FWPM_LAYER_IKEEXT_V4", action="FWP_ACTION_PERMIT")
    answers = [
        running.answer(),
        running.answer(
            **running.store(secured), filters=running.filters(running.SMB, row(layer="FWPM_LAYER_IKEEXT_V4"))
        ),
        running.answer(**running.store(secured), filters=running.filters(main_mode)),
        running.answer(**running.domain(cache=True)),
        running.answer(counters=running.counters({}, **{running.DRIVER: running.missing()})),
    ]
    return [render_facts(HostState.parse(answer, tuple(Part)), [Subset.ALL]) for answer in answers]


def documented_keys(documented, path=()):
    """The paths of all documented keys. What is below a key without `contains` is in its sample."""
    for name, key in documented.items():
        yield (*path, name)
        if "contains" in key:
            yield from documented_keys(key["contains"], (*path, name))
        elif path[:1] == ("running",):
            yield from keys_of(key["sample"], (*path, name))


def keys_of(value, path=()):
    """The paths of all keys in a value. Lists are left out of the paths."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            for name, below in item.items():
                yield (*path, name)
                yield from keys_of(below, (*path, name))


OPEN = [
    ("running", "domain", "policy"),
    ("running", "dynamic", "settings"),
    ("running", "dynamic", "rules", "filters"),
    ("running", "dynamic", "rules", "authentication"),
    ("running", "auth", "methods", "authentication"),
]
"""Below these, the keys are those of a policy or depend on its values; other tests check them."""


def _without_open(paths):
    return {path for path in paths if not any(path[: len(start)] == start and path != start for start in OPEN)}


OF_A_DOMAIN = {"store", "domain", "server", "gpos"}
OF_A_HOST = {"assigned", "in_force", "service", "running"}


def test_facts_of_a_domain_have_the_documented_keys():
    place = Place(domain="corp.example", root="DC=corp,DC=example", server="dc1.corp.example")
    store = stores.change(Store(), FULL).store
    key = Graph(store).policies[0]
    policy = dn_of(store.spelling(key), place.container)
    gpo = Gpo(
        dn="CN=G", id="{1}", name="Workstations", assignment=Assignment(policy=policy), links=(Link(dn="DC=corp"),)
    )
    facts = render_domain_facts(DirectoryState(place=place, graph=Graph(store), gpos=(gpo,)))
    assert facts.keys() == DOCUMENTED.keys() - OF_A_HOST
    (found,) = facts["gpos"]
    (sample,) = DOCUMENTED["gpos"]["sample"]
    assert set(keys_of(found)) == set(keys_of(sample))
    (policy,) = facts["policies"]
    assert policy["gpos"] == ["Workstations"]
    check_keys({"assigned": False, **{name: value for name, value in policy.items() if name != keys.GPOS}})
    assert all(one.keys() == DOCUMENTED["findings"]["sample"][0].keys() for one in facts["findings"])


def test_facts_have_the_documented_keys():
    found = all_facts()
    running_keys = {path for facts in found for path in keys_of({"running": facts["running"]})}
    documented = {path for path in documented_keys(DOCUMENTED) if path[0] == "running"}
    assert _without_open(running_keys) == _without_open(documented)
    for facts in found:
        assert facts.keys() == DOCUMENTED.keys() - OF_A_DOMAIN
        for name in ("in_force", "service"):
            assert facts[name].keys() == DOCUMENTED[name]["contains"].keys()
        evidence = DOCUMENTED["in_force"]["contains"]["evidence"]["contains"]
        assert facts["in_force"]["evidence"].keys() == evidence.keys()
        assert all(one.keys() == DOCUMENTED["findings"]["sample"][0].keys() for one in facts["findings"])
        for policy in facts["policies"]:
            check_keys(policy)
    check_keys(DOCUMENTED["policies"]["sample"][0])
    assert found[0]["assigned"].keys() == DOCUMENTED["assigned"]["sample"].keys()
    assert found[0]["in_force"]["reason"] == DOCUMENTED["in_force"]["contains"]["reason"]["sample"]


def test_filters_in_the_evidence_have_the_documented_keys():
    _first, found, *_others = (facts["in_force"]["evidence"] for facts in all_facts())
    rows = DOCUMENTED["running"]["contains"]["filters"]["contains"]
    kinds = {name: rows[name]["contains"].keys() for name in ("quick_mode", "main_mode")}
    assert any(one.keys() == kinds["main_mode"] for one in found["surplus"])
    without = {"id", "name", "weight", "unread"}
    assert any(one.keys() == kinds["quick_mode"] - without for one in found["missing"])
    assert any(one.keys() == kinds["main_mode"] - without for one in found["missing"])


def test_documented_events_are_those_of_filters():
    sample = DOCUMENTED["in_force"]["contains"]["evidence"]["contains"]["event"]["sample"]
    events = DOCUMENTED["running"]["contains"]["filters"]["contains"]["events"]["contains"]
    assert sample.keys() == events.keys()


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
    documented = DOCUMENTED
    filters = documented["running"]["contains"]["filters"]["contains"]["quick_mode"]["contains"]
    descriptions = {
        ServiceStatus: documented["service"]["contains"]["status"]["description"],
        StartType: documented["service"]["contains"]["start_type"]["description"],
        Source: documented["in_force"]["contains"]["source"]["description"],
        ReadFrom: documented["in_force"]["contains"]["read_from"]["description"][0],
        OrphanKind: documented["orphans"]["description"],
        Enforced: documented["in_force"]["contains"]["applied"]["description"][0],
        Severity: documented["findings"]["description"][1].partition("C(text)")[0],
        Direction: filters["direction"]["description"],
        model.Action: filters["action"]["description"],
        MissingReason: documented["running"]["contains"]["missing"]["description"][2],
    }
    for known, description in descriptions.items():
        assert set(re.findall(r"V\((?!null)(\w+)\)", str(description))) == set(known), known


def test_orphans_have_the_documented_keys():
    store = Store({"": {}, "foreign": {}})
    sample = DOCUMENTED["orphans"]["sample"][0]
    (orphan,) = render_facts(stores.host_with(store))["orphans"]
    assert orphan.keys() == sample.keys()
    assert orphan["key"] == "foreign"


def test_documented_parts_of_facts_are_the_known_ones():
    option = FACTS["DOCUMENTATION"]["options"]["gather_subset"]
    assert option["choices"] == list(Subset)
    assert option["default"] == list(DEFAULT_SUBSETS)
    assert set(re.findall(r"V\((\w+)\)", str(option["description"]))) == set(Subset)


def test_documentation_names_the_counters_with_64_bits():
    description = DOCUMENTED["running"]["contains"]["stats"]["description"][1]
    assert set(re.findall(r"C\((\w+)\)", description)) == {*WIDE, str(CounterGroup.CONNECTIONS)}


def test_every_module_is_in_the_action_group():
    runtime = yaml.safe_load((MODULES.parent.parent / "meta" / "runtime.yml").read_text())
    assert runtime["action_groups"]["ipsec"] == sorted(path.stem for path in (MODULES.parent / "action").glob("*.py"))
