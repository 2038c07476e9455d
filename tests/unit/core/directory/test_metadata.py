# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""When references were changed, as a directory records it."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.errors import DirectoryError
from ansible_collections.ipsec.windows.plugins.module_utils._core.directory.metadata import parse_metadata


def packed(*changes, version=1):
    """The changes, each as the number of an attribute, the number of its change elsewhere, and the one here."""
    rows = [struct.pack("<IIQ16sQQ", attribute, 3, 0, bytes(16), there, here) for attribute, there, here in changes]
    return struct.pack("<IIII", version, 0, len(rows), 0) + b"".join(rows)


def test_the_last_change_of_each_reference_on_this_server_is_read():
    data = packed((0x90272, 5, 70), (0x90273, 9, 71), (0x90274, 1, 72), (0x90275, 1, 73), (3, 1, 99))
    assert parse_metadata(data) == {
        "ipsecISAKMPReference": 70,
        "ipsecNFAReference": 71,
        "ipsecNegotiationPolicyReference": 72,
        "ipsecFilterReference": 73,
    }


def test_nothing_is_known_without_data():
    assert parse_metadata(b"") == {}


@pytest.mark.parametrize(
    "data",
    [b"\1", packed((3, 1, 1), version=2), packed((3, 1, 1))[:-1], packed()[:8] + b"\xff\xff\xff\xff" + bytes(4)],
)
def test_other_data_is_an_error(data):
    with pytest.raises(DirectoryError, match="replPropertyMetaData"):
        parse_metadata(data)
