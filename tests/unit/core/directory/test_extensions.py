# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The list of extensions of a Group Policy object."""

from __future__ import annotations

import re

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.extensions import (
    EXTENSION,
    TOOL,
    ExtensionsError,
    has_pair,
    parse_extensions,
    with_pair,
    without_pair,
)
from hypothesis import given
from hypothesis import strategies as st

PAIR = f"[{EXTENSION}{TOOL}]"
SECURITY = "[{827D319E-6EAC-11D2-A4EA-00C04F79F83A}{803E14A0-B4FB-11D0-A0D0-00A0C90F574B}]"
REGISTRY = (
    "[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{53D6AB1B-2488-11D1-A28C-00C04FB94F17}"
    "{D02B1F72-3407-48AE-BA88-E8213C6761F1}]"
)
WIRELESS = "[{F3CCC681-B74C-4060-9F26-CD84525DCA2A}{0F3F3735-573D-9804-99E4-AB2A69BA5FD4}]"
OTHER_TOOL = "{0F6B957D-509E-11D1-A7CC-0000F87571E3}"

guids = st.uuids().map(lambda guid: f"{{{guid}}}") | st.sampled_from([EXTENSION, EXTENSION.lower(), TOOL, TOOL.lower()])
blocks = st.lists(st.tuples(guids, st.lists(guids, max_size=3)), max_size=6)
texts = blocks.map(lambda found: "".join(f"[{extension}{''.join(tools)}]" for extension, tools in found))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", PAIR),
        (" ", PAIR),
        (REGISTRY + SECURITY, REGISTRY + SECURITY + PAIR),
        (WIRELESS, PAIR + WIRELESS),
        (SECURITY + WIRELESS, SECURITY + PAIR + WIRELESS),
        (SECURITY + REGISTRY, REGISTRY + SECURITY + PAIR),
        (f"[{EXTENSION.lower()}{OTHER_TOOL}]", f"[{EXTENSION.lower()}{OTHER_TOOL}{TOOL}]"),
        (f"[{EXTENSION}]", PAIR),
    ],
)
def test_the_pair_gets_its_place(before, after):
    assert not has_pair(before)
    assert with_pair(before) == after
    assert has_pair(after)


@pytest.mark.parametrize("text", [PAIR, PAIR.lower(), WIRELESS + PAIR, f"[{EXTENSION}{TOOL}{OTHER_TOOL}]{SECURITY}"])
def test_a_text_with_the_pair_stays_as_it_is(text):
    assert with_pair(text) == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PAIR, ""),
        (PAIR.lower(), ""),
        (SECURITY + PAIR + WIRELESS, SECURITY + WIRELESS),
        (f"[{EXTENSION}{OTHER_TOOL}{TOOL}]", f"[{EXTENSION}{OTHER_TOOL}]"),
    ],
)
def test_the_pair_goes_and_others_stay(before, after):
    assert without_pair(before) == after


@pytest.mark.parametrize("text", ["", " ", WIRELESS + SECURITY, f"[{TOOL}{EXTENSION}]", f"[{EXTENSION}]"])
def test_a_text_without_the_pair_stays_as_it_is(text):
    assert without_pair(text) == text


@pytest.mark.parametrize(
    "text", ["[", "[]", PAIR + ",", PAIR[:-1], "x" + PAIR, f"[{EXTENSION} {TOOL}]", PAIR.replace("{", "("), "[{E437}]"]
)
@pytest.mark.parametrize("change", [with_pair, without_pair, has_pair, parse_extensions])
def test_a_malformed_text_is_never_changed(text, change):
    with pytest.raises(ExtensionsError, match=re.escape(text.replace("[", "[")[:20])):
        change(text)


def test_the_message_about_a_malformed_text_is_short_and_printable():
    with pytest.raises(ExtensionsError) as error:
        parse_extensions("\x1b[2J" + "x" * 100_000)
    assert "\x1b" not in str(error.value)
    assert len(str(error.value)) < 400


def members(text):
    """Each extension with each of its tools, in any case."""
    return {(extension.upper(), tool.upper()) for extension, tools in parse_extensions(text) for tool in tools}


@given(texts)
def test_only_the_pair_comes_and_goes(text):
    pair = (EXTENSION, TOOL)
    assert members(with_pair(text)) == members(text) | {pair}
    assert members(without_pair(text)) == members(text) - {pair}
    assert with_pair(with_pair(text)) == with_pair(text)
    assert without_pair(with_pair(text)) == without_pair(without_pair(with_pair(text)))


@given(texts)
def test_a_changed_text_is_sorted(text):
    for change in (with_pair, without_pair):
        if (changed := change(text)) != text:
            extensions = [extension.upper() for extension, _tools in parse_extensions(changed)]
            assert extensions == sorted(extensions)


@given(st.text(alphabet="[]{}-0aF x", max_size=60) | st.text(max_size=20))
def test_any_text_is_a_list_or_an_error(text):
    try:
        pair = has_pair(text)
    except ExtensionsError:
        return
    assert not pair
    assert without_pair(text) == text
