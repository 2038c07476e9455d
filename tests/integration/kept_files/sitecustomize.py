# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Copies each file that this process removes or overwrites to the folder IPSEC_KEPT_FILES."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
import uuid

FOLDER = pathlib.Path(os.environ["IPSEC_KEPT_FILES"])


def _keep(path: object, folder: int = -1) -> None:
    if isinstance(path, int):
        return
    whole = pathlib.Path(f"/proc/self/fd/{folder}" if folder >= 0 else "", os.fsdecode(path))
    if whole.is_file():
        shutil.copyfile(whole, FOLDER / f"{uuid.uuid4()}-{whole.name}")


def _watch(event: str, details: tuple) -> None:
    if event == "os.remove":
        _keep(*details)
    elif event == "os.rename":
        _keep(details[1], details[3])
    elif event == "open" and details[2] & os.O_TRUNC:
        _keep(details[0])


sys.addaudithook(_watch)
