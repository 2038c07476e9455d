# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Keys for the rules of a policy that have null, as facts show it."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import Kerberos, PresharedKey
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.fields import ShapeError
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.preshared_keys import with_preshared_keys

ID = "{00000000-0000-0000-0000-00000000000a}"


def _rule(name, *authentication, **options):
    return {"name": name, "filters": ["0+192.0.2.1"], "authentication": list(authentication), **options}


NULL = {"preshared_key": None}
POLICY = {
    "name": "P",
    "default_response": {"enabled": True, "authentication": [NULL]},
    "rules": [
        _rule("Partners", "kerberos", NULL),
        _rule("Straße", NULL),
        _rule("", NULL, id=ID),
        _rule("Own", {"preshared_key": "own"}),
        _rule("Domain", "kerberos"),
    ],
}


def _filled(keys, policy=None):
    return with_preshared_keys(parse_policy(policy or POLICY), keys)


def _keys(wanted):
    return [[m.key for m in rule.authentication if isinstance(m, PresharedKey)] for rule in wanted.rules]


def test_a_named_key_is_for_its_rule_only():
    found = _filled({"partners": "a"})
    assert _keys(found) == [["a"], [None], [None], ["own"], []]
    assert found.rules[0].authentication[0] == Kerberos()
    assert found.default_response.authentication == (PresharedKey(None),)


def test_names_are_compared_as_windows_does():
    assert _keys(_filled({"STRAßE": "a"}))[1] == ["a"]
    with pytest.raises(ShapeError):
        _filled({"STRASSE": "a"})


def test_a_rule_without_a_name_has_its_id():
    assert _keys(_filled({ID.upper(): "a"}))[2] == ["a"]


def test_the_star_is_for_all_others():
    found = _filled({"*": "b", "Partners": "a"})
    assert _keys(found) == [["a"], ["b"], ["b"], ["own"], []]
    assert found.default_response.authentication == (PresharedKey("b"),)


def test_the_star_may_have_nothing_to_fill():
    assert _filled({"*": "b"}, {"name": "P"}) == parse_policy({"name": "P"})


def test_nothing_changes_without_keys():
    for keys in (None, {}):
        assert _filled(keys) == parse_policy(POLICY)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("s3cret", "preshared_keys: expected a dictionary from the names of rules to their keys, not text"),
        (["s3cret"], "preshared_keys: expected a dictionary from the names of rules to their keys, not a list"),
        (
            {"Partners": "s3cret", "Partner": "s3cret"},
            "preshared_keys: entry 2 is not for a rule of this task; did you mean 'Partners'?",
        ),
        (
            {"s3cret": "Partners"},
            "preshared_keys: entry 1 is not for a rule of this task; the rules are Partners, Straße, Own, Domain",
        ),
        ({"": "s3cret"}, "preshared_keys: entry 1 is not for a rule of this task; the rules are Partners"),
        ({"Domain": "s3cret"}, "preshared_keys.Domain: the rule has no pre-shared key; add {preshared_key: null} to"),
        ({"Own": "s3cret"}, "preshared_keys.Own: the rule has its own key; set it to null there, or leave it out here"),
        ({"Partners": "s3cret", "PARTNERS": "s3cret"}, "preshared_keys.PARTNERS: another entry is for the same rule"),
        ({"Partners": None}, "preshared_keys.Partners: this is null; put the key in"),
        ({"Partners": 53}, "preshared_keys.Partners: a key must be text, not a number; put it in quotes"),
        ({"*": ["s3cret"]}, "preshared_keys.*: a key must be text, not a list; put it in quotes"),
        ({"Partners": ""}, "preshared_keys.Partners: the pre-shared key is empty"),
        ({"*": "s3cret\0"}, "preshared_keys.*: the pre-shared key contains a NUL character"),
    ],
)
def test_mistake_is_an_error_without_the_key(keys, message):
    with pytest.raises(ShapeError) as caught:
        _filled(keys)
    assert str(caught.value).startswith(message)
    assert "s3cret" not in str(caught.value)


def test_a_task_without_rules_has_none_to_name():
    with pytest.raises(ShapeError) as caught:
        _filled({"Partners": "s3cret"}, {"name": "P"})
    assert str(caught.value) == (
        "preshared_keys: entry 1 is not for a rule of this task; the task has no rules, so give them in policy or rules"
    )
