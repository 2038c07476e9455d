# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Closed sets of the model: unknown members are refused, and texts become members."""

from __future__ import annotations

import dataclasses
import enum

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ANY, ME, Action, ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.methods import STRONGER
from hypothesis import given, settings
from hypothesis import strategies as st
from unit import strategies
from unit.values import main_mode_method, traffic

BLOCK = model.NegotiationPolicy(action=Action.BLOCK)

UNKNOWN = {
    "action": (
        lambda: model.NegotiationPolicy(action="drop"),
        "'drop' is not an action; use permit, block or negotiate; did you mean block?",
    ),
    "connection type": (
        lambda: model.Rule(name="R", filters=(traffic(ME, ANY),), action=BLOCK, connection_type="vpn"),
        "'vpn' is not a connection type; use all, lan or dialup",
    ),
    "special address": (
        lambda: model.Special("everything"),
        "'everything' is not a special address; use me, any, dns, wins, dhcp or gateway",
    ),
    "address family": (
        lambda: model.Special("me", 4),
        "'4' is not an address family; use 1 (IPv4), 2 (IPv6) or 3 (both)",
    ),
    "cipher of esp": (lambda: model.Esp("rc4", "sha"), "'rc4' is not a valid cipher for esp; use none, des or 3des"),
    "cipher that Windows has elsewhere": (
        lambda: model.Esp("aes", "sha"),
        f"'aes' is not a valid cipher for esp; use none, des or 3des; {STRONGER}",
    ),
    "hash that Windows has elsewhere": (
        lambda: model.Esp("3des", "sha256"),
        f"'sha256' is not a valid hash for esp; use none, md5 or sha; {STRONGER}",
    ),
    "hash of ah": (lambda: model.Ah("none"), "'none' is not a valid hash for ah; use md5 or sha"),
    "cipher of main mode": (
        lambda: main_mode_method("none", "sha", 2),
        "'none' is not a valid cipher for main mode; use des or 3des",
    ),
    "hash of main mode": (
        lambda: main_mode_method("3des", "none", 2),
        "'none' is not a valid hash for main mode; use md5 or sha",
    ),
    "Diffie-Hellman group": (
        lambda: main_mode_method("3des", "sha", 5),
        f"'5' is not a Diffie-Hellman group of a stored policy; use 1, 2 or 14; {STRONGER}",
    ),
    "Diffie-Hellman group by its bits": (
        lambda: main_mode_method("3des", "sha", 2048),
        "'2048' is not a Diffie-Hellman group of a stored policy; use 1, 2 or 14; did you mean 14?",
    ),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_unknown_member_is_an_error_that_names_the_allowed_ones(what):
    build, message = UNKNOWN[what]
    with pytest.raises(ModelError) as caught:
        build()
    assert str(caught.value) == message


def leaves(value):
    """The types and values of everything inside a value, in order."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.init:
                yield from leaves(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield type(value), value


def rebuilt(value, odd=False):
    """The value, built again with texts and numbers in place of members."""
    if dataclasses.is_dataclass(value):
        fields = {f.name: rebuilt(getattr(value, f.name), odd) for f in dataclasses.fields(value) if f.init}
        return type(value)(**{**fields, "odd": True} if odd and "odd" in fields else fields)
    if isinstance(value, tuple):
        return tuple(rebuilt(item, odd) for item in value)
    return value.value if isinstance(value, enum.Enum) else value


@given(strategies.policies())
@settings(max_examples=50)
def test_texts_and_numbers_become_members(policy):
    again = rebuilt(policy)
    assert again == policy
    assert list(leaves(again)) == list(leaves(policy))
    odd = rebuilt(policy, odd=True)
    assert [kind for kind, _value in leaves(odd)] == [kind for kind, _value in leaves(policy)]


@given(st.sampled_from(list(model.SpecialKind)), st.sampled_from(list(model.Family)))
def test_special_address_of_texts_and_numbers_has_members(kind, family):
    found = model.Special(str(kind), int(family))
    assert (found.kind, found.family) == (kind, family)
    assert isinstance(found.kind, model.SpecialKind)
    assert isinstance(found.family, model.Family)


def test_unknown_values_of_a_store_stay_as_they_are():
    found = main_mode_method("9", "sha", 21, odd=True)
    assert (found.encryption, found.integrity, found.group) == ("9", model.Integrity.SHA, 21)
    assert isinstance(found.integrity, model.Integrity)
