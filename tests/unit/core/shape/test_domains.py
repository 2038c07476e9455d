# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The domain that commands and options name."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.domains import (
    DomainStore,
    read_domain,
    store_problem,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import Text


@pytest.mark.parametrize(
    ("name", "option", "agreed"),
    [
        (None, None, None),
        (None, "corp.example", "corp.example"),
        ("corp.example", None, "corp.example"),
        ("CORP.example.", "corp.example", "corp.example"),
    ],
)
def test_commands_and_options_agree_on_a_domain(name, option, agreed):
    assert DomainStore(name).agreed(option) == agreed


def test_another_domain_than_that_of_the_options_is_an_error_with_its_place():
    store = DomainStore("a.example", command=Text.of("x a.example")[2:], place="commands[3]")
    with pytest.raises(ModelError) as caught:
        store.agreed("b.example")
    assert str(caught.value).startswith(
        "commands[3]: line 1, column 3: this is another domain than that of the option directory.domain, 'b.example'"
    )


@pytest.mark.parametrize(
    ("first", "other", "words"),
    [
        (None, None, None),
        (DomainStore(), DomainStore(), None),
        (DomainStore("a.example"), DomainStore("A.example.", place="x"), None),
        (None, DomainStore(), "this changes the policies of a domain, and an earlier command changes a host"),
        (DomainStore(), None, "this changes a host, and an earlier command changes the policies of a domain"),
        (
            DomainStore(),
            DomainStore("a.example"),
            "an earlier command is for the domain of the server, and this is for",
        ),
        (DomainStore("a.example"), DomainStore("b.example"), "for the domain a.example, and this is for the domain b"),
    ],
)
def test_commands_are_for_one_store(first, other, words):
    problem = store_problem(first, other)
    if words is None:
        assert problem is None
    else:
        assert words in problem
        assert problem.endswith("one task writes to one store, so use two tasks")


@pytest.mark.parametrize("name", ["", "two words", "a/b", "a\0b", "{12345678-1234-1234-1234-123456789abc}", r"\\dc1"])
def test_a_domain_has_a_dns_name(name):
    with pytest.raises(ModelError, match="expected the DNS name of a domain"):
        read_domain(Text.of(name))
    assert read_domain(Text.of("Corp.example")) == "Corp.example"
