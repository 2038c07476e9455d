# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Facts to policies: what was stored, without pre-shared keys."""

from __future__ import annotations

import dataclasses
import json

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ANY, ME
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import State
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan.planner import Planner
from ansible_collections.ipsec.windows.plugins.module_utils._core.plan.traits import REGISTRY
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.facts import policy_of_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.fields import ShapeError
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_rule_edit
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.placed import PlacedEdit
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.goal import Edits
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.merge import Changes, PolicyChange, Target
from hypothesis import given, settings
from unit import stores, strategies
from unit.values import IP, address, main_mode_method, method, traffic


def store_with(policy):
    """A store in which a new policy was created."""
    planner = Planner(Store(), REGISTRY, now=2_000_000_000, new_guid=stores.counting_guids())
    target = Target(policy=policy, origins=(None,) * len(policy.rules), removed=())
    planner.change(Changes(policies=[PolicyChange(None, target, None)]))
    return planner.plan().store


def facts_of(store):
    """The policies of the facts, as Ansible passes them on."""
    return json.loads(json.dumps(render_facts(stores.host_with(store))["policies"]))


def stored_policies(store):
    return [stored.policy for stored in read_policies(Graph(store))]


def without_secrets(policy):
    """The policy with None for every key and for the data of unknown authentication methods."""

    def hidden(method_):
        match method_:
            case model.PresharedKey():
                return dataclasses.replace(method_, key=None)
            case model.OtherAuthentication():
                return dataclasses.replace(method_, data=None)
        return method_

    def replaced(part):
        return part and dataclasses.replace(part, authentication=tuple(map(hidden, part.authentication)))

    return dataclasses.replace(
        policy, rules=tuple(map(replaced, policy.rules)), default_response=replaced(policy.default_response)
    )


@given(strategies.policies())
@settings(max_examples=50)
def test_policy_survives_store_and_facts(policy):
    (facts,) = facts_of(store_with(policy))
    assert policy_of_facts(facts) == without_secrets(policy)


@pytest.mark.parametrize("read_store", [stores.windows_2022, stores.microsoft_defaults])
def test_policies_of_windows_survive_facts(read_store):
    store = read_store()
    found = [policy_of_facts(facts) for facts in facts_of(store)]
    stored = stored_policies(store)
    assert found == list(map(without_secrets, stored))
    assert [policy.id for policy in found] == [policy.id for policy in stored]
    assert [[r.id for r in policy.rules] for policy in found] == [[r.id for r in policy.rules] for policy in stored]


BLOCK = model.NegotiationPolicy(action=model.Action.BLOCK)


def rule(**parts):
    named = {"filter_list": "L", "filter_action": "A"}
    return model.Rule(**{"name": "R", "filters": (traffic(ME, ANY),), "action": BLOCK, **named, **parts})


def negotiate(*methods, **parts):
    return model.NegotiationPolicy(action=model.Action.NEGOTIATE, methods=methods, **parts)


# words that mean something elsewhere in facts
@pytest.mark.parametrize("word", ["any", "None", "null", "*"])
def test_facts_keep_any_description(word):
    filters = (traffic(ME, ANY, description=word), traffic(ANY, ME))
    policy = model.Policy(name="P", rules=(rule(filters=filters, description=word),), description=word)
    (facts,) = facts_of(store_with(policy))
    assert facts["description"] == word
    assert facts["rules"][0]["description"] == word
    assert [filter_["description"] for filter_ in facts["rules"][0]["filters"]] == [word, ""]
    assert policy_of_facts(facts) == policy


ODD = {
    "subnet with a non-contiguous mask": rule(
        filters=(traffic(model.Subnet(IP("10.0.0.0"), 0xFF00FF00, odd=True), ME),)
    ),
    "host 0.0.0.0": rule(filters=(traffic(model.HostAddress(IP("0.0.0.0"), odd=True), ME),)),
    "backward address range": rule(
        filters=(traffic(model.AddressRange(IP("192.0.2.9"), IP("192.0.2.1"), odd=True), ME),)
    ),
    "DNS name with a comma": rule(filters=(traffic(model.DnsName("a,b", address("192.0.2.1"), odd=True), ME),)),
    "DNS name with a blank": rule(filters=(traffic(model.DnsName("a b", address("192.0.2.1"), odd=True), ME),)),
    "ports without tcp or udp": rule(filters=(traffic(ME, ANY, destination_port=model.Ports(0, 9, odd=True)),)),
    "protocol 300": rule(filters=(traffic(ME, ANY, protocol=300, odd=True),)),
    "unknown hash": rule(action=negotiate(method(model.Ah("9", odd=True)))),
    "unknown cipher": rule(action=negotiate(method(model.Esp("9", "sha", odd=True), pfs=True))),
    "method without algorithms": rule(action=negotiate(method(odd=True))),
    "no methods": rule(action=negotiate(odd=True), odd=True),
    "no filters": rule(filters=(), odd=True),
    "no authentication": rule(authentication=(), odd=True),
    "empty key": rule(authentication=(model.PresharedKey("", odd=True),)),
    "certificate with account mapping": rule(
        authentication=(model.Certificate(ca="CN=x", account_mapping=True, odd=True),)
    ),
    "unknown authentication": rule(authentication=(model.OtherAuthentication(9, b"data"),)),
    "unknown connection type": rule(connection_type="9", odd=True),
    "mirrored tunnel": rule(filters=(traffic(ME, ANY, mirrored=True),), tunnel=address("192.0.2.1"), odd=True),
    "name with a line break": rule(name="a\nb", odd=True),
    "rule without a name": rule(name="", id="{00000000-0000-0000-0000-000000000001}"),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_rule_survives_facts(what):
    policy = model.Policy(name="P", rules=(ODD[what],))
    facts = json.loads(json.dumps(render_policy(policy)))
    assert policy_of_facts(facts) == without_secrets(policy)


ODD_POLICIES = {
    "main mode without methods": {"main_mode": model.MainMode(methods=(), odd=True)},
    "unknown main mode method": {"main_mode": model.MainMode(methods=(main_mode_method("9", "sha", 21, odd=True),))},
    "main mode lifetime 0": {"main_mode": model.MainMode(lifetime_seconds=0, odd=True)},
    "main mode method with its own limits": {
        "main_mode": model.MainMode(
            methods=(
                main_mode_method("3des", "sha", 2),
                main_mode_method("des", "md5", 1, lifetime_seconds=60, lifetime_kilobytes=9, quick_mode_limit=3),
            )
        )
    },
    "default response without methods": {"default_response": model.DefaultResponse(enabled=True, methods=(), odd=True)},
    "disabled default response": {"default_response": model.DefaultResponse(enabled=False)},
    "empty name": {"name": "", "id": "{00000000-0000-0000-0000-000000000001}", "odd": True},
    "description with a control character": {"description": "a\x07b", "odd": True},
}


@pytest.mark.parametrize("what", ODD_POLICIES)
def test_odd_policy_survives_facts(what):
    policy = model.Policy(**{"name": "P", **ODD_POLICIES[what]})
    facts = json.loads(json.dumps(render_policy(policy)))
    assert policy_of_facts(facts) == policy


def test_one_rule_of_facts_is_accepted_by_a_task_for_one_rule():
    policy = model.Policy(name="P", rules=(rule(), rule(name="S", action=negotiate(method(model.Ah("sha"))))))
    store = store_with(policy)
    (facts,) = facts_of(store)
    for found in facts["rules"]:
        edit, notes = parse_rule_edit({"policy": "P", **found}, State.PRESENT)
        assert notes == ()
        assert not stores.run_goal(store, Edits((PlacedEdit(edit),))).operations


def test_left_out_parts_have_the_default_of_the_manual():
    assert policy_of_facts({"name": "P"}) == model.Policy(name="P")


def test_error_in_facts_has_its_place():
    facts = json.loads(json.dumps(render_policy(model.Policy(name="P", rules=(rule(),)))))
    facts["rules"][0]["filters"][0]["protocol"] = "tpc"
    with pytest.raises(ShapeError) as caught:
        policy_of_facts(facts)
    assert caught.value.path == "rules[0] (R).filters[0].protocol"
