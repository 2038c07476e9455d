# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who may read an object, by its security descriptor."""

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.descriptors import (
    PROPERTIES,
    members_may_read,
    members_may_read_below,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from hypothesis import given
from hypothesis import strategies as st
from unit.descriptors import (
    ADMINISTRATORS,
    ALLOW,
    ALLOW_OBJECT,
    AUTHENTICATED_USERS,
    BELOW,
    CLOSED,
    DENY,
    DENY_OBJECT,
    DOMAIN_COMPUTERS,
    EVERYONE,
    ONLY_BELOW,
    READABLE,
    ace,
    descriptor,
)

DATA = "b40ff81f-427a-11d1-a9c2-0000f80367c1"
UNRELATED = "bf967950-0de6-11d0-a285-00aa003049e2"
ALLOWED = ace(ALLOW, AUTHENTICATED_USERS)


@pytest.mark.parametrize("who", [AUTHENTICATED_USERS, EVERYONE, DOMAIN_COMPUTERS])
def test_members_may_read_what_one_of_their_groups_may_read(who):
    assert members_may_read(descriptor(ace(ALLOW, ADMINISTRATORS), ace(ALLOW, who)))


@pytest.mark.parametrize("who", [ADMINISTRATORS, "S-1-5-21-1-2-3-513", "S-1-5-21-1-515", "S-1-5-32-515", "S-1-5-110"])
def test_other_groups_do_not_count(who):
    assert not members_may_read(descriptor(ace(ALLOW, who)))


@pytest.mark.parametrize(
    ("aces", "expected"),
    [
        ([], False),
        ([ace(ALLOW, EVERYONE, 0x4)], False),
        ([ace(ALLOW, EVERYONE, 0x10)], True),
        ([ace(ALLOW, EVERYONE, 0x80000000)], True),
        ([ace(ALLOW, EVERYONE, 0x10000000)], True),
        ([ace(DENY, EVERYONE), ALLOWED], False),
        ([ALLOWED, ace(DENY, EVERYONE)], True),
        ([ace(DENY, ADMINISTRATORS), ALLOWED], True),
        ([ace(DENY, EVERYONE, 0x20), ALLOWED], True),
        ([ace(ALLOW, EVERYONE, flags=ONLY_BELOW)], False),
        ([ace(DENY, EVERYONE, flags=ONLY_BELOW), ALLOWED], True),
        ([ace(ALLOW_OBJECT, EVERYONE)], True),
        ([ace(ALLOW_OBJECT, EVERYONE, of_class=UNRELATED)], True),
        ([ace(ALLOW_OBJECT, EVERYONE, about=DATA)], False),
        ([ace(ALLOW_OBJECT, EVERYONE, about=str(guid)) for guid in sorted(PROPERTIES)], True),
        ([ace(ALLOW_OBJECT, EVERYONE, about=str(guid)) for guid in sorted(PROPERTIES)[1:]], False),
        ([ace(DENY_OBJECT, EVERYONE, about=DATA), ALLOWED], False),
        ([ace(DENY_OBJECT, EVERYONE, about=UNRELATED), ALLOWED], True),
        # an entry with a condition, an audit entry, and one that is too short for anything
        ([ace(9, EVERYONE)], False),
        ([ace(2, EVERYONE), ALLOWED], True),
        ([b"\x11\0\4\0", ALLOWED], True),
    ],
)
def test_the_first_entry_about_an_attribute_decides(aces, expected):
    assert members_may_read(descriptor(*aces)) is expected


def test_without_an_access_list_everybody_may_read():
    assert members_may_read(descriptor(present=False))


@pytest.mark.parametrize(
    ("aces", "expected"),
    [
        ([ALLOWED], False),
        ([ace(ALLOW, EVERYONE, flags=BELOW)], True),
        ([ace(ALLOW, EVERYONE, flags=ONLY_BELOW)], True),
        ([ace(DENY, EVERYONE, flags=BELOW), ace(ALLOW, EVERYONE, flags=BELOW)], False),
        ([ace(ALLOW_OBJECT, EVERYONE, flags=BELOW, of_class=UNRELATED)], False),
    ],
)
def test_new_objects_get_what_they_inherit(aces, expected):
    assert members_may_read_below(descriptor(*aces)) is expected
    assert not members_may_read_below(descriptor(present=False))


@given(st.sampled_from([READABLE, CLOSED]), st.data())
def test_a_descriptor_that_is_cut_off_or_changed_is_read_or_an_error(whole, data):
    size = data.draw(st.integers(0, len(whole)))
    changed = bytearray(whole[:size])
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        if at < size:
            changed[at] = data.draw(st.integers(0, 255))
    try:
        members_may_read(bytes(changed))
        members_may_read_below(bytes(changed))
    except DirectoryError as error:
        assert "security descriptor cannot be read" in str(error)


@pytest.mark.parametrize(
    ("damaged", "problem"),
    [
        (b"", "it ends at byte 0, but 2 bytes are expected from byte 2"),
        (READABLE[:-1], "it ends at byte"),
        (READABLE[:16] + b"\xff\xff\xff\xff" + READABLE[20:], "bytes are expected from byte 42949"),
        (descriptor(ace(ALLOW, EVERYONE).replace(b"\1\1\0\0", b"\2\1\0\0")), "unknown form"),
        (descriptor(ace(ALLOW, EVERYONE).replace(b"\1\1\0\0", b"\1\x10\0\0")), "unknown form"),
        (descriptor(ace(ALLOW, EVERYONE).replace(b"\1\1\0\0", b"\1\x0f\0\0")), "it ends at byte"),
        (descriptor(b"\0\0\0\0"), "it ends at byte"),
    ],
)
def test_a_damaged_descriptor_is_an_error(damaged, problem):
    with pytest.raises(DirectoryError, match=problem):
        members_may_read(damaged)
