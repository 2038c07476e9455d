# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Backups: .reg files on the controller that undo exactly what a task has written."""

from __future__ import annotations

import datetime
import itertools
import os
import pathlib
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils._core.hints import printable
from ..module_utils._core.host.backup import BackupFile
from ..module_utils._core.store.operations import Operation
from ..module_utils._core.store.store import Store
from ..module_utils._core.store.values import StoreError
from ._options import OptionError


class Backup:
    """The file of one task. Only the user can read it, as it may hold pre-shared keys.

    A file without a requested name gets a name that no other file has. `base` is the folder for relative paths.
    """

    def __init__(self, options: t.Mapping[str, t.Any], host: str, base: str) -> None:
        """Raises `OptionError`."""
        try:
            self._folder = _path(base, options.get("dir_path") or "backup")
        except RuntimeError as error:
            raise OptionError(f"backup_options.dir_path: {error}") from None
        self._filename: str | None = options.get("filename")
        self._host = host
        self._path: pathlib.Path | None = None
        self._written: bytes | None = None
        self._replaced: bytes | None = None

    @property
    def path(self) -> str | None:
        """None until something is written."""
        return None if self._path is None else str(self._path)

    def replaces(self, path: pathlib.Path) -> bool:
        """Whether the file would replace that of `path`."""
        return self._filename is not None and (self._folder / self._filename).resolve() == path

    def write(self, operations: t.Sequence[Operation], left: Store) -> None:
        """Make the file undo with `operations` what has led to the store `left`; without operations, remove it. Raises
        `OSError`.
        """
        if operations:
            data = BackupFile.of(operations, self._host, left).pack()
            if data != self._written:
                path = self._path or self._reserve()
                try:
                    _write(path, data)
                except OSError:
                    if self._path is None and self._filename is None:
                        path.unlink()
                    raise
                self._path, self._written = path, data
        elif self._path is not None:
            if self._replaced is None:
                self._path.unlink()
            else:
                _write(self._path, self._replaced)
            self._path = self._written = None

    def _reserve(self) -> pathlib.Path:
        """The path of the file, where an empty file keeps the name from other tasks."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._filename is not None:
            path = self._folder / self._filename
            path.parent.mkdir(parents=True, exist_ok=True)
            self._replaced = path.read_bytes() if path.exists() else None
            return path
        stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        for count in itertools.count(1):
            suffix = f"_{count}" if count > 1 else ""
            path = self._folder / f"{self._host}_ipsec_{stamp}{suffix}.reg"
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                continue
            break
        return path


def _write(path: pathlib.Path, data: bytes) -> None:
    """Replace a file in one step, so that it is never seen half written."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(data)
        new.replace(path)
    except OSError:
        # it may hold a part of a key
        new.unlink()
        raise


def read_backup(action: ActionBase, name: str, host: str, base: str) -> tuple[BackupFile, pathlib.Path]:
    """The backup in a file, which must be that of `host`, and its path. `base` as in `Backup`. Ansible Vault may have
    encrypted it. Raises `OptionError`.
    """
    if not name:
        raise OptionError("restore: this is empty; give the path of a backup")
    try:
        path = _path(base, name).resolve()
        if not path.is_file():
            raise OptionError(f"restore: '{name}' is not a file; {path} was looked for")
        data: bytes = action._loader._get_file_contents(str(path))[0]
    except (OSError, ValueError, RuntimeError, AnsibleError) as error:
        raise OptionError(f"restore: '{name}' cannot be read: {error}") from None
    try:
        found = BackupFile.unpack(data)
    except StoreError as error:
        line = f", line {error.line}" if error.line else ""
        raise OptionError(f"restore: '{name}'{line}: {error}") from None
    if found.host is not None and found.host != printable(host):
        raise OptionError(f"restore: '{name}' is the backup of {found.host}, not of {host}")
    return found, path


def _path(base: str, name: str) -> pathlib.Path:
    """A path that may be relative to `base`. Raises `RuntimeError` for the home of an unknown user."""
    return pathlib.Path(base, pathlib.Path(name).expanduser())
