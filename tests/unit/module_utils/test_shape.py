# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import datetime

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils import model
from ansible_collections.ipsec.windows.plugins.module_utils.shape.fields import ShapeError
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils.shape.render import render_policy
from hypothesis import given
from unit import strategies


def _rule(**options):
    return {"name": "P", "rules": [{"name": "R", "filters": ["0+192.0.2.1"], **options}]}


def _filter(**options):
    return _rule(filters=[{"source": "me", "destination": "any", **options}])


METHOD = {"encryption": "3des", "integrity": "sha", "group": 2}
MISTAKES = {
    "no name": ({}, "name: a policy is known by its name, or by its id"),
    "empty name": ({"name": ""}, "name: "),
    "id": ({"id": "12"}, "id: '12' is no id"),
    "misspelt option": ({"name": "P", "asigned": True}, "did you mean 'assigned'?"),
    "unknown option of a rule": (_rule(colour="red"), "rules[0]: there is no option 'colour' here; it has name, id"),
    "rules is no list": ({"name": "P", "rules": 5}, "rules: this must be a list, not a number"),
    "rule is no dictionary": ({"name": "P", "rules": [5]}, "rules[0]: this must be a dictionary"),
    "rule without name": ({"name": "P", "rules": [{"filters": ["0+*"]}]}, "rules[0]: a rule is known by its name"),
    "rule with an empty name": (_rule(name=""), "rules[0]: a rule is known by its name"),
    "name that is a date": ({"name": datetime.date(2026, 1, 2)}, "not a date; YAML takes some words for that"),
    "port 0": (_filter(protocol="tcp", destination_port=0), "0 is no port"),
    "rule without filters": ({"name": "P", "rules": [{"name": "R"}]}, "rules[0] (R): "),
    "filter in the manual's notation": (_rule(filters=["0+1.2.3"]), "rules[0] (R).filters[0]: '0+1.2.3', column 3"),
    "filter without source": (_rule(filters=[{"destination": "me"}]), "rules[0] (R).filters[0].source: "),
    "address": (_filter(destination="192.0.2.300"), "rules[0] (R).filters[0].destination: "),
    "zero": (_filter(destination="0.0.0.0"), "would be stored as 'me'"),
    "mask": (_filter(destination="10.0.0.0/255.0.255.0"), "not contiguous"),
    "port without protocol": (_filter(destination_port=445), "needs the protocol tcp or udp"),
    "port": (_filter(protocol="tcp", destination_port="http"), "filters[0].destination_port: 'http' is no port"),
    "port range": (_filter(protocol="tcp", destination_port="9-5"), "from the lower to the higher"),
    "protocol": (_filter(protocol="tpc"), "did you mean tcp?"),
    "protocol number": (_filter(protocol=256), "0 to 255"),
    "two families": (_filter(source="192.0.2.1", destination="2001:db8::1"), "not of one family"),
    "mirrored": (_filter(mirrored="perhaps"), "filters[0].mirrored: this must be true or false, not a text"),
    "action": (_rule(action="drop"), "rules[0] (R).action: 'drop'"),
    "block with methods": (_rule(action="block", security_methods=["ah[md5]"]), "rules[0] (R).action: "),
    "permit with soft": (_rule(action="permit", soft=True), "rules[0] (R).action: "),
    "method": (_rule(security_methods=["esp[aes,sha]"]), "rules[0] (R).security_methods[0]: 'esp[aes,sha]', column 1"),
    "method without algorithm": (_rule(security_methods=[{"pfs": True}]), "security_methods[0]: "),
    "esp in a dictionary": (
        _rule(security_methods=[{"esp": {"encryption": "aes", "integrity": "sha"}}]),
        "no cipher of esp",
    ),
    "esp without a cipher": (_rule(security_methods=[{"esp": {"integrity": "sha"}}]), "encryption: this is missing"),
    "cipher that is empty": (
        _rule(security_methods=[{"esp": {"encryption": "", "integrity": "sha"}}]),
        "esp.encryption: this is empty",
    ),
    "action that is empty": (_rule(action=""), "rules[0] (R).action: this is empty"),
    "port that is empty": (_filter(protocol="tcp", destination_port=""), "filters[0].destination_port: this is empty"),
    "protocol that is empty": (_filter(protocol=" "), "filters[0].protocol: this is empty"),
    "tunnel that is empty": (_rule(filters=["0=*"], tunnel=""), "rules[0] (R).tunnel: this is empty"),
    "number of thousands of digits": (_rule(enabled=10**5000), "enabled: this number is too large"),
    "key of thousands of digits": (_rule(filters=[{10**5000: 1}]), "filters[0]: this number is too large"),
    "known address of no name": (
        _filter(destination="192.0.2.1", destination_address="192.0.2.1"),
        "destination_address: this goes with a DNS name",
    ),
    "known address that is none": (_filter(destination="a.example", destination_address="no"), "'no' is no address"),
    "IPv4 beside IPv6": (_filter(source="me/ipv4", destination="2001:db8::1"), "not of one family"),
    "no methods": (_rule(security_methods=[]), "rules[0] (R).action: "),
    "authentication word": (_rule(authentication=["s3cret-word"]), "rules[0] (R).authentication[0]: this text is no"),
    "two in one": (_rule(authentication=[{"kerberos": True, "preshared_key": "x"}]), "exactly one of kerberos"),
    "kerberos false": (_rule(authentication=[{"kerberos": False}]), "leave the method out"),
    "key that is a number": (_rule(authentication=[{"preshared_key": 12345}]), "put it into quotes"),
    "empty key": (_rule(authentication=[{"preshared_key": ""}]), "authentication[0].preshared_key: "),
    "no authentication": (_rule(authentication=[]), "rules[0] (R): "),
    "tunnel to a subnet": (_rule(filters=["0=*"], tunnel="192.0.2.0/24"), "rules[0] (R).tunnel: a tunnel ends at one"),
    "mirrored tunnel": (_rule(tunnel="192.0.2.9"), "rules[0] (R): "),
    "connection type": (_rule(connection_type="wifi"), "rules[0] (R): 'wifi'"),
    "poll interval": ({"name": "P", "poll_interval": 0}, "poll_interval: "),
    "poll interval as a text": ({"name": "P", "poll_interval": "30m"}, "poll_interval: this must be a whole number of"),
    "poll interval with a fraction": ({"name": "P", "poll_interval": 1.5}, "or of seconds as in 90s"),
    "main mode method": ({"name": "P", "main_mode": {"methods": ["3des-sha"]}}, "main_mode.methods[0]: "),
    "lifetime of a main mode method": (
        {"name": "P", "main_mode": {"methods": [{**METHOD, "lifetime_seconds": 1 << 32}]}},
        "main_mode.methods[0]: a lifetime in seconds of 4294967296 cannot be",
    ),
    "main mode group": ({"name": "P", "main_mode": {"methods": [{"encryption": "3des"}]}}, "methods[0].group: "),
    "word that YAML takes for false": ({"name": "P", "rules": [{"name": False}]}, "unless they are quoted"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_names_its_place_and_what_would_be_right(what):
    given_, words = MISTAKES[what]
    with pytest.raises(ShapeError) as caught:
        parse_policy(given_)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "misplaced",
    [
        _rule(authentication=["s3cret"]),
        _rule(authentication=[{"kerberos": "s3cret"}]),
        _rule(authentication=[{"preshared_key": ["s3cret"]}]),
        _rule(authentication={"preshared_key": {"value": "s3cret"}}),
        _rule(authentication=[{"preshared_key": "s3cret\0"}]),
        _rule(authentication=[{"preshared_key": "s3cret", "certificate": "CN=x"}]),
        _rule(authentication=[["s3cret"]]),
        _rule(enabled="s3cret"),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown(misplaced):
    with pytest.raises(ShapeError) as caught:
        parse_policy(misplaced)
    assert "s3cret" not in str(caught.value)


@given(strategies.policies())
def test_what_is_rendered_is_taken_back(policy):
    """Keys apart, which come out as null, and names, of which the address is asked for again."""
    wanted = parse_policy(render_policy(policy))
    keyless = tuple(
        model.PresharedKey(None) if isinstance(m, model.PresharedKey) else m
        for rule in policy.rules
        for m in rule.authentication
    )
    assert tuple(m for rule in wanted.rules for m in rule.authentication) == keyless
    assert [r.filters for r in wanted.rules] == [r.filters for r in policy.rules]
    assert [r.action for r in wanted.rules] == [r.action for r in policy.rules]
    assert [(r.tunnel, r.connection_type, r.enabled, r.description) for r in wanted.rules] == [
        (r.tunnel, r.connection_type, r.enabled, r.description) for r in policy.rules
    ]
    assert (wanted.name, wanted.description, wanted.poll_interval) == (
        policy.name,
        policy.description,
        policy.poll_interval,
    )
    assert wanted.main_mode.methods == policy.main_mode.methods
    assert wanted.notes == ()


def test_what_is_only_read_is_accepted_and_ignored():
    wanted = parse_policy({"name": "P", "when_changed": "2026-05-04T08:30:00+00:00", "problems": ["x"], "rules": []})
    assert wanted == parse_policy({"name": "P", "rules": []})


def test_words_of_yaml_and_of_jinja_are_flags():
    rules = [{"name": str(n), "filters": ["0+*"], "enabled": word} for n, word in enumerate(["yes", "False", 0, "on"])]
    assert [r.enabled for r in parse_policy({"name": "P", "rules": rules}).rules] == [True, False, False, True]


def test_a_single_item_stands_for_a_list_of_one():
    wanted = parse_policy(_rule(filters="0+192.0.2.1", security_methods="ah[md5]", authentication="kerberos"))
    assert wanted == parse_policy(
        _rule(filters=["0+192.0.2.1"], security_methods=["ah[md5]"], authentication=["kerberos"])
    )


def test_words_beside_ipv6_mean_ipv6():
    (rule,) = parse_policy(_filter(destination="2001:db8::1")).rules
    assert rule.filters[0].source == model.Special("me", model.Family.IPV6)


def test_what_was_understood_otherwise_is_noted_with_its_place():
    wanted = parse_policy(_rule(filters=["0+192.0.2.1/24"], security_methods=["ah[md5] PFS1"]))
    assert [note.partition(": ")[0] for note in wanted.notes] == [
        "rules[0] (R).filters[0]",
        "rules[0] (R).security_methods[0]",
    ]


def test_poll_intervals():
    for given_, seconds in ((30, 1800), ("30", 1800), ("90s", 90)):
        assert parse_policy({"name": "P", "poll_interval": given_}).poll_interval == seconds
