# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import os
import pathlib
import sys

import pytest

# the folder cannot be a package: the standard library has a module `cmd`
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from cmdexe.windows import VARIABLE, Windows, find_command


@pytest.fixture(scope="session")
def windows(tmp_path_factory):
    """A real Windows, or a new Wine."""
    command = find_command()
    if command is None:
        missing = f"there is neither Wine (Debian: apt install wine64) nor a command in {VARIABLE}"
        if os.environ.get("CI"):
            pytest.fail(f"{missing}, and CI must compare with a real cmd.exe")
        pytest.skip(f"{missing}: nothing is compared with a real cmd.exe")
    found = Windows(command, tmp_path_factory.mktemp("windows"))
    yield found
    found.close()
