# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Dictionaries of options to policies and back, and errors with their place."""

from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import State
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.arguments import policy_arguments
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.fields import ShapeError
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import (
    parse_policy,
    parse_rule_edit,
    parse_task,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.render import (
    render_policy,
    render_short_filter,
)
from hypothesis import given, settings
from unit import strategies
from unit.values import traffic


def _rule(**options):
    return {"name": "P", "rules": [{"name": "R", "filters": ["0+192.0.2.1"], **options}]}


def _filter(**options):
    return _rule(filters=[{"source": "me", "destination": "any", **options}])


METHOD = {"encryption": "3des", "integrity": "sha", "group": 2}
ERRORS = {
    "no name": ({}, "name: a policy needs a name or an id"),
    "empty name": ({"name": ""}, "name: the policy needs a name"),
    "id": ({"id": "12"}, "id: '12' is not an id; use a GUID in braces"),
    "misspelt option": ({"name": "P", "asigned": True}, "did you mean 'assigned'?"),
    "option in capital letters": ({"Name": "P"}, "did you mean 'name'?"),
    "unknown option of a rule": (
        _rule(colour="red"),
        "rules[0]: there is no option 'colour' here; the options here are name, id",
    ),
    "rules that are not a list": ({"name": "P", "rules": 5}, "rules: expected a list, not a number"),
    "rule that is not a dictionary": (
        {"name": "P", "rules": [5]},
        "rules[0]: expected a dictionary with keys such as name",
    ),
    "rule without name": ({"name": "P", "rules": [{"filters": ["0+*"]}]}, "rules[0]: a rule needs a name"),
    "rule with an empty name": (_rule(name=""), "rules[0]: a rule needs a name"),
    "name that is a date": ({"name": datetime.date(2026, 1, 2)}, "expected text, not a date; put it in quotes"),
    "port 0": (_filter(protocol="tcp", destination_port=0), "'0' is not a valid port"),
    "rule without filters": (
        {"name": "P", "rules": [{"name": "R"}]},
        "rules[0] (R): the rule needs at least one filter",
    ),
    "filter in the manual's notation": (_rule(filters=["0+1.2.3"]), "rules[0] (R).filters[0]: '0+1.2.3', column 3"),
    "filter without source": (
        _rule(filters=[{"destination": "me"}]),
        "rules[0] (R).filters[0].source: this is required",
    ),
    "address": (
        _filter(destination="192.0.2.300"),
        "rules[0] (R).filters[0].destination: '192.0.2.300' is not a valid address",
    ),
    "zero": (_filter(destination="0.0.0.0"), "would be stored as 'me'"),
    "mask": (_filter(destination="10.0.0.0/255.0.255.0"), "not contiguous"),
    "port without protocol": (_filter(destination_port=445), "needs the protocol tcp or udp"),
    "port": (
        _filter(protocol="tcp", destination_port="http"),
        "filters[0].destination_port: 'http' is not a valid port",
    ),
    "port range": (_filter(protocol="tcp", destination_port="9-5"), "a range that starts with the lower port"),
    "protocol": (_filter(protocol="tpc"), "did you mean tcp?"),
    "protocol number": (_filter(protocol=256), "0 to 255"),
    "two families": (_filter(source="192.0.2.1", destination="2001:db8::1"), "mix IPv4 and IPv6"),
    "mirrored": (_filter(mirrored="perhaps"), "filters[0].mirrored: expected true or false, not text"),
    "action": (_rule(action="drop"), "rules[0] (R).action: 'drop' is not an action"),
    "block with methods": (_rule(action="block", security_methods=["ah[md5]"]), "rules[0] (R).action: block takes no"),
    "permit with soft": (_rule(action="permit", soft=True), "rules[0] (R).action: permit takes no"),
    "method": (_rule(security_methods=["esp[aes,sha]"]), "rules[0] (R).security_methods[0]: 'esp[aes,sha]', column 1"),
    "method without algorithm": (_rule(security_methods=[{"pfs": True}]), "security_methods[0]: a security method is"),
    "esp in a dictionary": (
        _rule(security_methods=[{"esp": {"encryption": "aes", "integrity": "sha"}}]),
        "esp: 'aes' is not a valid cipher for esp",
    ),
    "esp without a cipher": (
        _rule(security_methods=[{"esp": {"integrity": "sha"}}]),
        "esp.encryption: this is required",
    ),
    "empty cipher": (
        _rule(security_methods=[{"esp": {"encryption": "", "integrity": "sha"}}]),
        "esp.encryption: this is empty",
    ),
    "empty action": (_rule(action=""), "rules[0] (R).action: this is empty"),
    "empty port": (_filter(protocol="tcp", destination_port=""), "filters[0].destination_port: this is empty"),
    "empty protocol": (_filter(protocol=" "), "filters[0].protocol: this is empty"),
    "empty tunnel": (_rule(filters=["0=*"], tunnel=""), "rules[0] (R).tunnel: this is empty"),
    "number of thousands of digits": (_rule(enabled=10**5000), "enabled: this number is too large"),
    "key of thousands of digits": (_rule(filters=[{10**5000: 1}]), "filters[0]: this number is too large"),
    "stored address without a DNS name": (
        _filter(destination="192.0.2.1", destination_address="192.0.2.1"),
        "destination_address: this needs a DNS name in destination",
    ),
    "stored address that is not an address": (
        _filter(destination="a.example", destination_address="no"),
        "'no' is not an address",
    ),
    "explicit IPv4 with IPv6": (_filter(source="me/ipv4", destination="2001:db8::1"), "mix IPv4 and IPv6"),
    "no methods": (_rule(security_methods=[]), "rules[0] (R).action: negotiate needs at least one"),
    "unknown text as authentication": (
        _rule(authentication=["s3cret-word"]),
        "rules[0] (R).authentication[0]: expected kerberos, {preshared_key: …}",
    ),
    "two authentication methods in one": (
        _rule(authentication=[{"kerberos": True, "preshared_key": "x"}]),
        "exactly one of kerberos",
    ),
    "kerberos that is false": (_rule(authentication=[{"kerberos": False}]), "leave the method out"),
    "key that is a number": (_rule(authentication=[{"preshared_key": 12345}]), "put it in quotes"),
    "empty key": (
        _rule(authentication=[{"preshared_key": ""}]),
        "authentication[0].preshared_key: the pre-shared key is empty",
    ),
    "no authentication": (_rule(authentication=[]), "rules[0] (R): the rule needs at least one authentication method"),
    "tunnel to a subnet": (
        _rule(filters=["0=*"], tunnel="192.0.2.0/24"),
        "rules[0] (R).tunnel: a tunnel endpoint is one address",
    ),
    "mirrored tunnel": (_rule(tunnel="192.0.2.9"), "rules[0] (R): a tunnel cannot have mirrored filters"),
    "connection type": (
        _rule(connection_type="wifi"),
        "rules[0] (R).connection_type: 'wifi' is not a connection type; use all, lan or dialup",
    ),
    "poll interval": ({"name": "P", "poll_interval": 0}, "poll_interval: expected 1 to 71582788 minutes"),
    "poll interval as a text": ({"name": "P", "poll_interval": "30m"}, "poll_interval: expected a whole number of"),
    "poll interval with a fraction": ({"name": "P", "poll_interval": 1.5}, "or of seconds, as in 90s"),
    "main mode method": (
        {"name": "P", "main_mode": {"methods": ["3des-sha"]}},
        "main_mode.methods[0]: '3des-sha', column 1",
    ),
    "lifetime of a main mode method": (
        {"name": "P", "main_mode": {"methods": [{**METHOD, "lifetime_seconds": 1 << 32}]}},
        "main_mode.methods[0]: the lifetime in seconds must be 0 to",
    ),
    "main mode group": (
        {"name": "P", "main_mode": {"methods": [{"encryption": "3des"}]}},
        "methods[0].group: a main-mode method needs its Diffie-Hellman group",
    ),
    "word that YAML reads as false": ({"name": "P", "rules": [{"name": False}]}, "put it in quotes, as YAML reads it"),
}


@pytest.mark.parametrize("what", ERRORS)
def test_error_names_its_place_and_what_is_allowed(what):
    given_, words = ERRORS[what]
    with pytest.raises(ShapeError) as caught:
        parse_policy(given_)
    assert words in str(caught.value)


def test_error_has_its_place_as_data():
    with pytest.raises(ShapeError) as caught:
        parse_policy(_rule(security_methods=["ah[md5]", "esp[rc4,sha]"]))
    error = caught.value
    assert error.path == "rules[0] (R).security_methods[1]"
    assert error.problem == "'esp[rc4,sha]', column 1: 'rc4' is not a valid cipher for esp; use none, des or 3des"
    assert str(error) == f"{error.path}: {error.problem}"


ELSEWHERE = "New-NetIPsecRule"
TRIED = {
    "allow": (_rule(action="allow"), "use permit, block or negotiate; did you mean permit?"),
    "deny": (_rule(action="deny"), "use permit, block or negotiate; did you mean block?"),
    "Reject": (_rule(action="Reject"), "use permit, block or negotiate; did you mean block?"),
    "require": (_rule(action="require"), "use permit, block or negotiate; did you mean negotiate?"),
    "misspelt action": (_rule(action="blok"), "use permit, block or negotiate; did you mean block?"),
    "psk": (_rule(authentication=["psk"]), "expected kerberos, {preshared_key: …} or {certificate: …}, not another"),
    "psk as a word": (_rule(authentication=["psk"]), "did you mean {preshared_key: …}?"),
    "psk as a key": (_rule(authentication=[{"psk": "x"}]), "did you mean 'preshared_key'?"),
    "cert as a word": (_rule(authentication="cert:CN=x"), "did you mean {certificate: CN=…}?"),
    "cert as a key": (_rule(authentication=[{"cert": "CN=x"}]), "did you mean 'certificate'?"),
    "port": (_filter(port=1), "did you mean 'destination_port', the port that the traffic goes to, or 'source_port'?"),
    "dport": (_filter(dport=1), "did you mean 'destination_port'?"),
    "sport": (_filter(sport=1), "did you mean 'source_port'?"),
    "src": (_filter(src=1), "did you mean 'source'?"),
    "Dst": (_filter(Dst=1), "did you mean 'destination'?"),
    "action of a filter": (_filter(action="block"), "it belongs elsewhere in the policy: rules: [{action: …}]; the"),
    "key of a rule": (_rule(preshared_key="x"), "write authentication: [{preshared_key: …}]; the options here are"),
    "psk of a rule": (_rule(psk="x"), "write authentication: [{preshared_key: …}]; the options here are name"),
    "certificate of a rule": (_rule(certificate="x"), "write authentication: [{certificate: …}]"),
    "port of a rule": (_rule(port=1), "write filters: [{destination_port: …}]"),
    "cipher of a rule": (_rule(encryption="3des"), "write security_methods: [{esp: {encryption: …}}]"),
    "group of a rule": (_rule(group=14), "main_mode: {methods: [{group: …}]}"),
    "assigned rule": (_rule(assigned=True), "assigned is an option of ipsec_policy, for the whole policy; the options"),
    "key of a policy": ({"name": "P", "psk": "x"}, "write rules: [{authentication: [{preshared_key: …}]}]"),
    "enabled policy": ({"name": "P", "enabled": True}, "did you mean 'assigned'?"),
    "cipher of main mode": ({"name": "P", "main_mode": {"encryption": "3des"}}, "write methods: [{encryption: …}]"),
    "AES in a text": (
        _rule(security_methods=["esp[aes256,sha256]"]),
        "use none, des or 3des; the policy store has only",
    ),
    "AES-GCM in a text": (_rule(security_methods=["esp[aes-gcm256]"]), ELSEWHERE),
    "AES without esp": (_rule(security_methods=["AES256-SHA256"]), ELSEWHERE),
    "SHA-256 in a text": (_rule(security_methods=["ah[sha256]"]), ELSEWHERE),
    "AES in a dictionary": (
        _rule(security_methods=[{"esp": {"encryption": "aes128", "integrity": "sha"}}]),
        ELSEWHERE,
    ),
    "SHA-2 in a dictionary": (
        _rule(security_methods=[{"esp": {"encryption": "3des", "integrity": "sha2"}}]),
        ELSEWHERE,
    ),
    "group of PFS": (
        _rule(security_methods=["esp[3des,sha] PFS14"]),
        "write PFS here and the group there, as in 3des-",
    ),
    "group in a method": (_rule(security_methods=["esp[3des,sha] dh14"]), "write PFS here and the group there"),
    "AES in main mode": ({"name": "P", "main_mode": {"methods": ["aes256-sha256-14"]}}, ELSEWHERE),
    "AES in four words": ({"name": "P", "main_mode": {"methods": ["aes-gcm-256-14"]}}, ELSEWHERE),
    "ecp256": ({"name": "P", "main_mode": {"methods": ["3des-sha-ecp256"]}}, ELSEWHERE),
    "dh14": (
        {"name": "P", "main_mode": {"methods": ["3des-sha-dh14"]}},
        "column 10: 'dh14' is not a Diffie-Hellman group of a stored policy; use 1, 2 or 14; did you mean 14, as in "
        "3des-sha-14?",
    ),
    "group14 in a dictionary": (
        {"name": "P", "main_mode": {"methods": [{**METHOD, "group": "group14"}]}},
        "methods[0].group: 'group14' is not a Diffie-Hellman group of a stored policy; use 1, 2 or 14; did you mean "
        "group: 14?",
    ),
    "dh19 in a dictionary": ({"name": "P", "main_mode": {"methods": [{**METHOD, "group": "dh19"}]}}, ELSEWHERE),
}


TRIED.update(
    {
        "misspelt strongest": (
            _rule(security_methods="strong"),
            "R).security_methods: this is not a method; did",
        ),
        "misspelt strongest in a list": (_rule(security_methods=["strongets"]), "did you mean strongest?"),
        "misspelt strongest of main mode": (
            {"name": "P", "main_mode": "stongest"},
            "main_mode: this is not a method",
        ),
        "text as main mode": (
            {"name": "P", "main_mode": "3des-sha-14"},
            "pfs, not another text; write methods: [3des-sha-14]",
        ),
        "group as main mode": ({"name": "P", "main_mode": "dh14"}, "not another text; write methods: [3des-sha-14]"),
        "cipher as main mode": ({"name": "P", "main_mode": "aes256"}, "not another text; the policy store has only"),
        "group as a method": ({"name": "P", "main_mode": {"methods": ["dh14"]}}, "for this group, write 3des-sha-14"),
        "all parts of a method": (
            {"name": "P", "main_mode": {"methods": ["aes256-sha256-dh14"]}},
            "and a group; the policy store has only",
        ),
        "pfs in esp": (
            _rule(security_methods=[{"esp": {"encryption": "3des", "integrity": "sha", "pfs": True}}]),
            "there is no option 'pfs' here; write pfs beside esp, not in it",
        ),
        "ports in a text": (_filter(protocol="tcp", destination_port="445,3389"), "write a list: [445, 3389]"),
        "addresses in a text": (_filter(destination="10.1.0.0/16,10.2.0.0/16"), "[10.1.0.0/16, 10.2.0.0/16]"),
        "protocols in a text": (_filter(protocol="tcp/udp"), "for several, write a list: [tcp, udp]"),
        "upper case": ({"Name": "P"}, "there is no option 'Name' here; did you mean 'name'?"),
        "upper case in a rule": (_rule(Enabled=True), "there is no option 'Enabled' here; did you mean 'enabled'?"),
    }
)


@pytest.mark.parametrize("what", TRIED)
def test_what_other_tools_call_it_gets_a_suggestion(what):
    given_, words = TRIED[what]
    with pytest.raises(ShapeError) as caught:
        parse_policy(given_)
    assert words in str(caught.value)


def test_option_of_the_whole_policy_in_a_task_for_one_rule_names_the_module():
    with pytest.raises(ShapeError) as caught:
        parse_rule_edit({"policy": "P", "name": "R", "rules": []}, State.PRESENT)
    assert "rules is an option of ipsec_policy, for the whole policy" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"state": "gone"}, "state: expected present or absent, not 'gone'"),
        ({"rules_mode": "replace"}, "rules_mode: expected exact or merge, not 'replace'"),
        ({"rules_mode": ["merge"]}, "rules_mode: expected exact or merge, not a list"),
    ],
    ids=["state", "rules_mode", "rules_mode in a list"],
)
def test_unknown_mode_is_an_error_that_names_the_allowed_ones(options, problem):
    with pytest.raises(ShapeError) as caught:
        parse_task({"name": "P", **options})
    assert str(caught.value) == problem


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
        _rule(authentication="psk=s3cret"),
        _rule(authentication=["preshared_key: s3cret"]),
        _rule(authentication=[{"psk=s3cret": None}]),
        _rule(authentication=[{"preshared_key:s3cret": None}]),
        _rule(preshared_key="s3cret"),
        _rule(**{"preshared_key=s3cret": None}),
        {"name": "P", "psk:s3cret": None},
    ],
)
def test_secret_in_the_wrong_place_is_not_shown(misplaced):
    with pytest.raises(ShapeError) as caught:
        parse_policy(misplaced)
    assert "s3cret" not in str(caught.value)


@given(strategies.policies())
@settings(max_examples=50)
def test_rendered_policy_can_be_parsed(policy):
    """Keys are rendered as null."""
    wanted = parse_policy(json.loads(json.dumps(render_policy(policy))))
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


# words that mean something elsewhere in the arguments
WORDS = ["any", "None", "*", "null", "false"]


@pytest.mark.parametrize("word", WORDS)
def test_arguments_keep_any_description(word):
    filter_ = {"source": "me", "destination": "any", "mirrored": True, "description": word}
    rule = {"name": "R", "filters": [filter_], "description": word, "action": "block"}
    given_ = {"name": "P", "description": word, "rules": [rule]}
    assert policy_arguments(parse_policy(given_), exact=True) == given_


@pytest.mark.parametrize("word", WORDS)
def test_short_filter_keeps_any_description(word):
    found = traffic(model.ME, model.ANY, description=word)
    assert render_short_filter(found) == {
        "source": "me",
        "destination": "any",
        "mirrored": False,
        "description": word,
    }


def test_read_only_keys_of_facts_are_ignored():
    wanted = parse_policy({"name": "P", "when_changed": "2026-05-04T08:30:00+00:00", "problems": ["x"], "rules": []})
    assert wanted == parse_policy({"name": "P", "rules": []})


def test_flags_accept_words_of_yaml_and_jinja():
    rules = [{"name": str(n), "filters": ["0+*"], "enabled": word} for n, word in enumerate(["yes", "False", 0, "on"])]
    assert [r.enabled for r in parse_policy({"name": "P", "rules": rules}).rules] == [True, False, False, True]


def test_single_item_is_a_list_of_one():
    wanted = parse_policy(_rule(filters="0+192.0.2.1", security_methods="ah[md5]", authentication="kerberos"))
    assert wanted == parse_policy(
        _rule(filters=["0+192.0.2.1"], security_methods=["ah[md5]"], authentication=["kerberos"])
    )


def test_strongest_stands_for_the_strongest_method():
    written = parse_policy(
        {
            "name": "P",
            "main_mode": {"methods": ["3des-sha-14"], "pfs": True},
            "default_response": {"security_methods": ["esp[3des,sha] PFS"]},
            "rules": [{"name": "R", "filters": ["0+*"], "security_methods": ["esp[3des,sha] PFS", "ah[sha]"]}],
        }
    )
    short = {
        "name": "P",
        "main_mode": "strongest",
        "default_response": {"security_methods": "strongest"},
        "rules": [{"name": "R", "filters": ["0+*"], "security_methods": ["Strongest", "ah[sha]"]}],
    }
    assert parse_policy(short) == written
    assert parse_policy({**short, "main_mode": {"methods": "strongest", "pfs": True}}) == written


def test_me_and_any_with_an_ipv6_address_mean_ipv6():
    (rule,) = parse_policy(_filter(destination="2001:db8::1")).rules
    assert rule.filters[0].source == model.Special(model.SpecialKind.ME, model.Family.IPV6)


def test_changed_input_gives_a_note_with_its_place():
    wanted = parse_policy(_rule(filters=["0+192.0.2.1/24"], security_methods=["ah[md5] PFS1"]))
    assert [note.partition(": ")[0] for note in wanted.notes] == [
        "rules[0] (R).filters[0]",
        "rules[0] (R).security_methods[0]",
    ]


def test_poll_interval_in_minutes_or_seconds():
    for given_, seconds in ((30, 1800), ("30", 1800), ("90s", 90)):
        assert parse_policy({"name": "P", "poll_interval": given_}).poll_interval == seconds


@pytest.mark.parametrize(
    "key", ["secret:hunter2", "key:hunter2", "shared_key:hunter2", "password=hunter2", "psk=hunter2"]
)
def test_a_key_of_a_dictionary_that_may_hold_a_secret_is_not_shown(key):
    for value in (_rule(authentication=[{key: None}]), _rule(**{key: None}), {"name": "P", key: None}):
        with pytest.raises(ShapeError) as caught:
            parse_policy(value)
        assert "hunter2" not in str(caught.value)
        assert "put a blank after the colon" in str(caught.value)
