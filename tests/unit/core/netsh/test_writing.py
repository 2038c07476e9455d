# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Writing policies as a script of netsh, and reading it back."""

from __future__ import annotations

import dataclasses

import pytest
import yaml
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import batch_file, netsh_file, read_script
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh import read_netsh, write_netsh
from ansible_collections.ipsec.windows.plugins.module_utils._core.netsh.grammar import parse_command
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.policies import read_policies
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.domains import DomainStore
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.render import render_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.casing import fold
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from hypothesis import given, settings
from hypothesis import strategies as st
from unit import stores, strategies
from unit.netsh_scripts import lines_of, wanted

SCRIPTS = sorted((stores.DATA / "scripts" / "netsh").glob("*.cmd"))
assert SCRIPTS
# policies take long to generate
few_examples = settings(max_examples=settings.default.max_examples // 4)


def read_batch(file):
    return read_netsh([parse_command(command.text) for command in read_script(file).commands], [])


def comparable(tree):
    """A policy without what a script of netsh does not keep: names of lists, and addresses of DNS names."""
    found = wanted(tree)
    rules = tuple(
        dataclasses.replace(
            rule, filter_list=None, filter_action=None, filters=tuple(map(_without_addresses, rule.filters))
        )
        for rule in found.rules or ()
    )
    return dataclasses.replace(found, rules=rules, description=found.description or None)


def _without_addresses(filter_):
    ends = {
        name: model.DnsName(end.name)
        for name in ("source", "destination")
        if isinstance(end := getattr(filter_, name), model.DnsName)
    }
    return dataclasses.replace(filter_, **ends)


def _with_keys(tree, methods):
    """Add the keys, which are hidden in facts."""
    for item, method in zip(tree, methods, strict=True):
        if isinstance(method, model.PresharedKey):
            item["preshared_key"] = method.key


def _tree(policy):
    tree = render_policy(policy)
    for rule_tree, rule in zip(tree["rules"], policy.rules, strict=True):
        _with_keys(rule_tree["authentication"], rule.authentication)
    if policy.default_response:
        _with_keys(tree["default_response"]["authentication"], policy.default_response.authentication)
    return tree


def _text(text):
    return text.replace('"', "'").replace("\n", " ")


def _methods(methods):
    return tuple(dataclasses.replace(method, pfs=methods[0].pfs) for method in methods)


def _authentication(methods):
    found = {
        type(m): dataclasses.replace(m, key=_text(m.key)) if isinstance(m, model.PresharedKey) else m for m in methods
    }
    return tuple(found.values())


def _filter(filter_):
    ends = (filter_.source, filter_.destination)
    if any(isinstance(end, model.Special | model.DnsName) and end.family is model.Family.IPV6 for end in ends):
        filter_ = model.Filter(source=model.ME, destination=model.ANY, mirrored=filter_.mirrored)
    return dataclasses.replace(filter_, description=_text(filter_.description))


def expressible(policy):
    """The policy without what netsh cannot express."""
    rules = {}
    for rule in policy.rules:
        name = _text(rule.name)
        rules[fold(name)] = dataclasses.replace(
            rule,
            name=name,
            # netsh does not compare the descriptions of filters and the addresses of DNS names
            filters=tuple(
                {
                    dataclasses.replace(_without_addresses(filter_), description=""): filter_
                    for filter_ in map(_filter, rule.filters)
                }.values()
            ),
            action=dataclasses.replace(rule.action, methods=_methods(rule.action.methods)),
            authentication=_authentication(rule.authentication),
            description=_text(rule.description),
            filter_list=_text(rule.filter_list),
            filter_action=_text(rule.filter_action),
        )
    response = policy.default_response and dataclasses.replace(
        policy.default_response,
        methods=_methods(policy.default_response.methods),
        authentication=_authentication(policy.default_response.authentication),
    )
    return dataclasses.replace(
        policy,
        name=_text(policy.name),
        description=_text(policy.description),
        poll_interval=policy.poll_interval // 60 * 60,
        rules=tuple(rules.values()),
        default_response=response,
    )


@few_examples
@given(st.lists(strategies.policies().map(expressible), max_size=2, unique_by=lambda p: fold(p.name)), st.booleans())
def test_a_script_is_read_as_the_policies_it_was_written_from(policies, assign):
    trees = [_tree(policy) for policy in policies]
    if trees and assign:
        trees[0]["assigned"] = True
    found = read_netsh(map(parse_command, lines_of("\n".join(write_netsh(trees)))), [])
    assert [comparable(tree) for tree in found] == [comparable(tree) for tree in trees]
    assert all("rules_mode" not in item for item in found)
    assert read_batch(batch_file(write_netsh(found))) == found


@few_examples
@given(
    strategies.policies().map(expressible),
    st.lists(strategies.names.map(_text), unique_by=fold, max_size=3),
    st.sampled_from(["add", "remove"]),
    st.sampled_from([None, "corp.example"]),
)
def test_a_script_for_a_domain_is_read_as_the_policy_it_was_written_from(policy, gpos, mode, domain):
    tree = {**_tree(policy), "assigned": False, "gpos": gpos, "gpos_mode": mode}
    file = netsh_file(write_netsh([tree], DomainStore(domain)))
    notes = []
    (found,) = read_netsh([parse_command(command.text) for command in read_script(file).commands], notes)
    assert comparable(found) == comparable({**tree, "assigned": None})
    assert (found.get("gpos", []), found.get("gpos_mode", mode)) == (gpos, mode)
    assert notes[0].startswith("the commands are for the policies of a domain")


def test_a_script_for_a_domain_assigns_last():
    tasks = [
        {"name": "P", "assigned": False, "gpos": ["Servers", "{31B2F340-016D-11D2-945F-00C04FB984F9}"], "rules": []},
        {"name": "Q", "rules": [], "gpos": ["All PCs"], "gpos_mode": "remove"},
    ]
    assert write_netsh(tasks, DomainStore("corp.example")) == [
        "ipsec static set store location=domain domain=corp.example",
        "ipsec static add policy name=P",
        "ipsec static add policy name=Q",
        "ipsec static set policy name=P gponame=Servers assign=yes",
        "ipsec static set policy name=P gponame={31B2F340-016D-11D2-945F-00C04FB984F9} assign=yes",
        'ipsec static set policy name=Q gponame="All PCs" assign=no',
    ]
    assert write_netsh([{"name": "P", "state": "absent", "gpos": ["G"]}], DomainStore()) == [
        "ipsec static set store location=domain",
        "ipsec static delete policy name=P",
    ]
    # in a registry, Group Policy objects have no meaning
    assert write_netsh(tasks[:1]) == ["netsh ipsec static add policy name=P assign=no"]


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        (
            [{"name": "P", "assigned": True}],
            "policies[0] (P).assigned: a policy of a domain is assigned to Group Policy",
        ),
        ([{"name": "P", "gpos": "G"}], "policies[0] (P).gpos: expected a list of names or GUIDs"),
        ([{"name": "P", "gpos": ["G"], "gpos_mode": "all"}], "gpos_mode: expected exact, add or remove"),
        ([{"name": "P", "gpos": ['a"b']}], "policies[0] (P).gpos: it contains a quotation mark"),
        (
            [{"name": "P", "gpos": ["G"]}, {"name": "Q", "gpos": ["g"]}],
            "policies[1] (Q).gpos: another policy has the same Group Policy object, which assigns only one",
        ),
    ],
)
def test_what_a_script_for_a_domain_cannot_say(policies, words):
    with pytest.raises(ModelError) as caught:
        write_netsh(policies, DomainStore())
    assert words in str(caught.value)


@few_examples
@given(strategies.policies())
def test_any_policy_is_written_or_refused(policy):
    tree = _tree(policy)
    try:
        lines = write_netsh([tree])
    except ModelError as error:
        assert str(error).startswith("netsh cannot express all of this:\n  policies[0]")
    else:
        (found,) = read_netsh(map(parse_command, lines_of("\n".join(lines))), [])
        assert comparable(found) == comparable(tree)


REFUSED = {
    "name": ({"name": 'a"b'}, 'policies[0] (a"b).name: it contains a quotation mark, which netsh cannot express'),
    "no name": (
        {"name": None, "id": "{00000000-0000-0000-0000-000000000001}"},
        "policies[0]: netsh identifies a policy by its name; add the name",
    ),
    "interval": (
        {"poll_interval": "90s"},
        "poll_interval: the poll interval of 90 seconds is not a whole number of minutes",
    ),
    "lifetime": (
        {"main_mode": {"lifetime_seconds": 90}},
        "main_mode.lifetime_seconds: the lifetime of 90 seconds is not a whole number of minutes",
    ),
    "own lifetimes": (
        {"main_mode": {"methods": [{"encryption": "des", "integrity": "md5", "group": 1, "quick_mode_limit": 1}]}},
        "main_mode.methods: the main-mode method des-md5-1 has its own lifetimes",
    ),
    "mistake": ({"colour": "red"}, "there is no option 'colour' here"),
    "PFS of some": (
        {"default_response": {"security_methods": ["ah[md5]", "ah[sha] PFS"]}},
        "default_response.security_methods: only some of the security methods have PFS",
    ),
    "nameless rule": (
        {"rules": [{"id": "{00000000-0000-0000-0000-000000000001}", "filters": ["0+*"]}]},
        "rules[0]: netsh identifies a rule by its name; add the name",
    ),
    "rules of one name": (
        {"rules": [{"name": "R", "filters": ["0+*"]}, {"name": "r", "filters": ["0+*"]}]},
        "rules[1] (r): another rule of the policy has the same name",
    ),
    "null key": (
        {"rules": [{"name": "R", "filters": ["0+*"], "authentication": [{"preshared_key": None}]}]},
        "rules[0] (R).authentication: a pre-shared key is null",
    ),
    "two keys": (
        {"rules": [{"name": "R", "filters": ["0+*"], "authentication": [{"preshared_key": "s3cret"}] * 2}]},
        "netsh accepts psk= only once",
    ),
    "key with a quotation mark": (
        {"rules": [{"name": "R", "filters": ["0+*"], "authentication": [{"preshared_key": 's3cret"'}]}]},
        "a pre-shared key: it contains a quotation mark",
    ),
    "authority with an option": (
        {"rules": [{"name": "R", "filters": ["0+*"], "authentication": [{"certificate": "CN=x certmap:no"}]}]},
        "netsh cannot express the certificate authority CN=x certmap:no",
    ),
    "description with a line break": ({"description": "a\nb"}, "description: it contains a line break"),
    "IPv6": (
        {"rules": [{"name": "R", "filters": [{"source": "any/ipv6", "destination": "me/ipv6"}]}]},
        "rules[0] (R).filters[0]: the filter any/ipv6+me/ipv6: in netsh, any means IPv4",
    ),
    "interface": (
        {"rules": [{"name": "R", "filters": ["{00000000-0000-0000-0000-000000000001}+*"]}]},
        "netsh cannot express the interface",
    ),
    "odd": ({"odd": True}, "the policy has values that only a store can hold"),
    "state": ({"state": "query"}, "policies[0]: state: expected present or absent"),
    "long command": (
        {"rules": [{"name": "R", "filters": ["0+*"], "authentication": [{"certificate": "x" * 2000}] * 5}]},
        "rules[0] (R): 'add rule' has 10",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_netsh_cannot_express_is_refused_with_its_place(case):
    options, words = REFUSED[case]
    with pytest.raises(ModelError) as caught:
        write_netsh([{"name": "P", **options}])
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_one_error_lists_all_problems():
    with pytest.raises(ModelError) as caught:
        write_netsh([{"name": "P", "poll_interval": "1s"}, {"name": "p", "rules": 5}, {"name": "p"}])
    assert str(caught.value).count("\n  policies[") == 3


def test_the_commands_for_several_policies():
    rules = [
        {"name": "A b", "filters": ["0+192.0.2.1"], "action": "block"},
        {"name": "C", "filters": ["192.0.2.1+0"], "action": "block", "filter_list": "a B", "filter_action": "X"},
        {"name": "D", "filters": ["0=*:80:TCP"], "filter_list": "A b", "filter_action": "x", "enabled": False},
    ]
    tasks = [
        {"name": "Old", "state": "absent"},
        {"name": "P", "assigned": True, "default_response": True, "rules": rules},
        {"name": "Q", "rules_mode": "merge", "rules": [{"name": "A b", "filters": ["192.0.2.1+0"], "action": "block"}]},
    ]
    assert [line.removeprefix("netsh ipsec static ") for line in write_netsh(tasks)] == [
        "delete policy name=Old",
        "add policy name=P activatedefaultrule=yes",
        'add filterlist name="A b"',
        'add filter filterlist="A b" srcaddr=me dstaddr=192.0.2.1 protocol=ANY mirrored=yes',
        'add filteraction name="A b" action=block',
        'add rule name="A b" policy=P filterlist="A b" filteraction="A b"',
        "add filteraction name=X action=block",
        'add rule name=C policy=P filterlist="A b" filteraction=X',
        'add filterlist name="A b (2)"',
        'add filter filterlist="A b (2)" srcaddr=me dstaddr=any protocol=TCP dstport=80 mirrored=no',
        'add filteraction name="x (2)" action=negotiate qmpfs=no '
        'qmsecmethods="ESP[3DES,SHA1] ESP[3DES,MD5] ESP[DES,SHA1] ESP[DES,MD5]"',
        'add rule name=D policy=P filterlist="A b (2)" filteraction="x (2)" activate=no',
        'add rule name="A b" policy=Q filterlist="A b" filteraction="A b"',
        "set policy name=P assign=yes",
    ]


def stored(policies):
    """The policies that tasks store, and whether they are assigned."""
    store = Store()
    for policy in policies:
        options = {key: value for key, value in policy.items() if key not in ("state", "rules_mode")}
        if policy.get("state") == "absent":
            store = stores.remove(store, policy["name"]).store
        else:
            store = stores.change(
                store, options, policy.get("assigned"), rules_mode=policy.get("rules_mode", "exact")
            ).store
    graph = Graph(store)
    return {p.policy.name: (p.policy, p.key == graph.active) for p in read_policies(graph)}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_give_the_policies_written_next_to_them(script):
    found = read_batch(script.read_text())
    expected = stored(yaml.safe_load(script.with_suffix(".yml").read_text()))
    assert stored(found) == expected
    assert stored(read_batch(batch_file(write_netsh(found)))) == expected
