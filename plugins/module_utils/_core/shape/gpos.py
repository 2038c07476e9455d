# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The options gpos and gpos_mode: which Group Policy objects assign a policy."""

from __future__ import annotations

from ..model.gpos import GposMode, WantedGpos
from .fields import ShapeError, choice, filled_text_of, kind_of


def parse_gpos(value: object, mode: object = None, place: str = "gpos") -> WantedGpos:
    """The wanted Group Policy objects: `value` is a list of names and GUIDs, `mode` the mode, None for exact. Raises
    `ShapeError`.
    """
    if not isinstance(value, list | tuple):
        raise ShapeError(place, f"expected a list of names or GUIDs of Group Policy objects, not {kind_of(value)}")
    gpos = tuple(filled_text_of(item, f"{place}[{index}]") for index, item in enumerate(value))
    return WantedGpos(gpos=gpos, mode=choice({"gpos_mode": mode}, "gpos_mode", GposMode.EXACT), place=place)
