# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the directory in memory does for tests, beside the rules of a directory."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import (
    DirectoryError,
    LostConnection,
    ResultError,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.ldap import AddEntry, DeleteEntry, Search
from directory.memory import MemoryDirectory

CLASS = ("objectClass", (b"ipsecFilter",))


def _add(directory, name):
    directory.write(AddEntry(f"CN={name},{directory.container}", (CLASS,)))


def _has(directory, name):
    return f"dn: CN={name}," in directory.ldif()


@pytest.mark.parametrize("done", [False, True])
def test_a_connection_breaks_at_a_write(done):
    directory = MemoryDirectory()
    _add(directory, "one")
    directory.cut(after=2, done=done)
    _add(directory, "two")
    with pytest.raises(LostConnection):
        _add(directory, "three")
    for use in (lambda: _add(directory, "four"), directory.ldif, lambda: directory.search(Search(base=""))):
        with pytest.raises(LostConnection):
            use()
    directory.mend()
    assert [_has(directory, name) for name in ("one", "two", "three", "four")] == [True, True, done, False]
    assert len(directory.writes) == 2 + done
    _add(directory, "four")


def test_a_write_that_would_be_refused_breaks_the_connection_as_well():
    directory = MemoryDirectory()
    directory.cut(after=1, done=True)
    with pytest.raises(LostConnection):
        directory.write(DeleteEntry(f"CN=missing,{directory.container}"))


def test_a_copy_and_its_original_do_not_change_each_other():
    directory = MemoryDirectory()
    _add(directory, "old")
    directory.cut(after=1, done=False)
    copy = directory.copy()
    assert copy.writes == []
    directory.mend()
    assert copy.ldif() == directory.ldif()
    _add(copy, "new")
    copy.write(DeleteEntry(f"CN=old,{copy.container}"))
    copy.hide(copy.container)
    copy.forbid_children(copy.container)
    copy.members_may_read()
    assert (_has(directory, "old"), _has(directory, "new")) == (True, False)
    _add(directory, "newer")
    assert not _has(copy, "newer")
    assert len(directory.writes) == 2


def test_only_writes_that_were_done_are_listed():
    directory = MemoryDirectory()
    write = AddEntry(f"CN=x,{directory.container}", (CLASS,))
    directory.write(write)
    with pytest.raises(ResultError):
        directory.write(write)
    assert directory.writes == [write]


def test_somebody_else_writes_before_a_write():
    directory = MemoryDirectory()
    other = directory.copy()

    def interfere(write):
        directory.before_write = None
        directory.write(write)

    directory.before_write = interfere
    with pytest.raises(ResultError) as caught:
        _add(directory, "x")
    assert caught.value.code == 68
    _add(other, "x")


def test_a_read_only_directory_says_so_and_takes_no_writes():
    directory = MemoryDirectory()
    directory.read_only = True
    (about,) = directory.search(Search(base="", attributes=("supportedCapabilities",)))
    assert b"1.2.840.113556.1.4.1920" in about.attributes["supportedcapabilities"]
    with pytest.raises(DirectoryError, match="refers to another"):
        _add(directory, "x")
    assert not _has(directory, "x")


def test_the_clock_is_that_of_the_test():
    directory = MemoryDirectory()
    directory.now = 1_600_000_000.9
    _add(directory, "x")
    (entry,) = directory.search(Search(base=f"CN=x,{directory.container}", attributes=("whenChanged",)))
    assert entry.attributes == {"whenchanged": (b"20200913122640.0Z",)}
    directory.advance(0.1)
    (about,) = directory.search(Search(base="", attributes=("currentTime",)))
    assert about.attributes == {"currenttime": (b"20200913122641.0Z",)}
