# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Extracts the collection ansible.windows from the wheel of the package ansible, which contains many more."""

from __future__ import annotations

import pathlib
import sys
import zipfile


def main(wheels: str, target: str) -> None:
    newest = max(pathlib.Path(wheels).glob("ansible-*.whl"), key=lambda path: path.stat().st_mtime)
    with zipfile.ZipFile(newest) as wheel:
        members = [name for name in wheel.namelist() if name.startswith("ansible_collections/ansible/windows/")]
        wheel.extractall(target, members)
    newest.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
