# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Writing commands as a batch file."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import batch_file
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import ModelError


def test_percent_signs_are_doubled() -> None:
    assert batch_file(["a 100%"]) == "a 100%%\r\n"


def test_text_beyond_ascii_needs_the_code_page_of_utf_8() -> None:
    assert batch_file(["ä"]) == "@chcp 65001 >nul\r\nä\r\n"


@pytest.mark.parametrize("character", ["\0", "\r", "\n", "\x1a"])
def test_characters_that_a_line_cannot_contain_are_refused(character: str) -> None:
    with pytest.raises(ModelError, match=f"cannot contain the character U\\+{ord(character):04X}") as caught:
        batch_file([f'ipseccmd -f 0+* -a "p:s3cret{character}"'])
    assert "s3cret" not in str(caught.value)
