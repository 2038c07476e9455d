# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What older versions of ansible-core hand over."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.plugin_utils import _old_core
from ansible_collections.ipsec.windows.plugins.plugin_utils._old_core import decrypted, plain_types


class Vaulted:
    """A value in a vault, as versions before 2.19 have it."""

    __ENCRYPTED__ = True

    def __str__(self):
        return "secret"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Vaulted(), "secret"),
        ({"a": [Vaulted(), 1, {"b": Vaulted()}], "c": None}, {"a": ["secret", 1, {"b": "secret"}], "c": None}),
        ("text", "text"),
    ],
    ids=["value", "nested", "text"],
)
def test_values_in_a_vault_become_text(monkeypatch, value, expected):
    monkeypatch.setattr(_old_core, "_CORE", (2, 18))
    assert decrypted(value) == expected


def test_newer_versions_hand_over_text(monkeypatch):
    monkeypatch.setattr(_old_core, "_CORE", (2, 19))
    value = {"a": ["text"]}
    assert decrypted(value) is value


def test_names_of_types_are_plain():
    assert plain_types("argument 'x' is of type <class 'str'> and") == "argument 'x' is of type str and"
