# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The options gpos and gpos_mode."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.gpos import GposMode, WantedGpos
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.fields import ShapeError
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.gpos import parse_gpos


@pytest.mark.parametrize(
    ("value", "mode", "wanted"),
    [
        (["Servers"], None, WantedGpos(gpos=("Servers",))),
        ([], None, WantedGpos(gpos=())),
        (("A", "{31B2F340-016D-11D2-945F-00C04FB984F9}"), "add", None),
        (["A"], "remove", WantedGpos(gpos=("A",), mode=GposMode.REMOVE)),
        ([2024], "exact", WantedGpos(gpos=("2024",))),
    ],
)
def test_names_and_guids_are_taken(value, mode, wanted):
    guid = WantedGpos(gpos=("A", "{31B2F340-016D-11D2-945F-00C04FB984F9}"), mode=GposMode.ADD)
    assert parse_gpos(value, mode) == (wanted or guid)


@pytest.mark.parametrize(
    ("value", "mode", "message"),
    [
        ("Servers", None, "gpos: expected a list of names or GUIDs of Group Policy objects, not text"),
        (None, None, "gpos: expected a list of names or GUIDs of Group Policy objects, not null"),
        ({"name": "x"}, None, "gpos: expected a list of names or GUIDs of Group Policy objects, not a dictionary"),
        ([None], None, "gpos[0]: expected text, not null"),
        (["A", " "], None, "gpos[1]: this is empty; give a value or leave it out"),
        (["A", {"name": "B"}], None, "gpos[1]: expected text, not a dictionary"),
        (["A"], "replace", "gpos_mode: expected exact, add or remove, not 'replace'"),
        (["A"], True, "gpos_mode: expected exact, add or remove, not true or false"),
    ],
)
def test_mistakes_are_told_with_their_place(value, mode, message):
    with pytest.raises(ShapeError) as error:
        parse_gpos(value, mode)
    assert str(error.value) == message


def test_the_place_is_that_of_the_list():
    assert parse_gpos(["A"], place="policy.gpos").place == "policy.gpos"
    with pytest.raises(ShapeError, match=r"policy\.gpos\[0\]: this is empty"):
        parse_gpos([""], place="policy.gpos")
