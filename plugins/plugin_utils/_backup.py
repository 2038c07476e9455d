# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A copy of a host's policy store on the controller."""

from __future__ import annotations

import datetime
import itertools
import os
import pathlib
import typing as t

from ..module_utils.regfile import export
from ..module_utils.store import Store


def write_backup(store: Store, coming: t.Iterable[str], options: t.Mapping[str, t.Any], host: str, base: str) -> str:
    """Write `store` as a .reg file that only the user can read, as pre-shared keys are in it; returns its path.

    `coming` are the keys that the change will add, which the file takes back. `base` is the folder that relative paths
    start from. A name that was not asked for is one that no file has yet. Raises `OSError`.
    """
    folder = pathlib.Path(base, pathlib.Path(options.get("dir_path") or "backup").expanduser())
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    wanted = options.get("filename")
    path = folder / (wanted or f"{host}_ipsec_{stamp}.reg")
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if wanted else os.O_EXCL)
    for count in itertools.count(2):
        try:
            descriptor = os.open(path, flags, 0o600)
            break
        except FileExistsError:
            path = folder / f"{host}_ipsec_{stamp}_{count}.reg"
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(export(store, coming))
    return str(path)
