# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Backups that cannot be written."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Set
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from ansible_collections.ipsec.windows.plugins.plugin_utils._backup import Backup

OPERATIONS = [Set("", "ActivePolicy", Value.string("x"))]


@pytest.mark.parametrize("options", [{}, {"filename": "store.reg"}], ids=["own name", "given name"])
def test_a_failed_write_leaves_no_file(options, tmp_path, monkeypatch):
    def fail(*_args):
        raise OSError("no space left")

    monkeypatch.setattr(pathlib.Path, "replace", fail)
    backup = Backup(options, "win1", str(tmp_path))
    with pytest.raises(OSError, match="no space left"):
        backup.write(OPERATIONS, Store())
    assert backup.path is None
    assert list((tmp_path / "backup").iterdir()) == []


def test_a_failed_write_keeps_the_file_of_an_earlier_round(tmp_path, monkeypatch):
    backup = Backup({}, "win1", str(tmp_path))
    backup.write(OPERATIONS, Store())
    path = pathlib.Path(backup.path)
    before = path.read_bytes()
    monkeypatch.setattr(pathlib.Path, "replace", lambda *_args: pathlib.Path("/dev/full").write_bytes(b"x"))
    with pytest.raises(OSError, match="No space left"):
        backup.write([*OPERATIONS, Set("", "other", Value.string("y"))], Store())
    assert [*path.parent.iterdir()] == [path]
    assert (backup.path, path.read_bytes()) == (str(path), before)
