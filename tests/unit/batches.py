# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What batch files run, for tests."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.batch import Script, read_script
from ansible_collections.ipsec.windows.plugins.module_utils._core.source.text import SourceError


def run(*lines: str) -> list[str]:
    """The commands of a file in which nothing is left out."""
    return [command.text.value for command in read_script("\r\n".join(lines)).commands]


def refuse(*lines: str) -> SourceError:
    """The error about the first command that is not certain."""
    with pytest.raises(SourceError) as caught:
        read_script("\r\n".join(lines))
    return caught.value


def leave_out(*lines: str) -> Script:
    """The commands of a file without those that are not certain."""
    return read_script("\n".join(lines), ignore_unsupported=True)
