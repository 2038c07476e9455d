# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The names of keys and values in a policy store (MS-GPIPSEC 2.2.1)."""

from __future__ import annotations

import typing as t

CONTAINER: t.Final = r"SOFTWARE\Policies\Microsoft\Windows\IPSEC\Policy\Local"
"""The container as references spell it: below HKEY_LOCAL_MACHINE, without the hive."""
ACTIVE_POLICY: t.Final = "ActivePolicy"
"""The container's reference to the assigned policy."""

CLASS: t.Final = "className"
KEY_NAME: t.Final = "name"
ID: t.Final = "ipsecID"
NAME: t.Final = "ipsecName"
DESCRIPTION: t.Final = "description"
DATA: t.Final = "ipsecData"
DATA_TYPE: t.Final = "ipsecDataType"
CHANGED: t.Final = "whenChanged"
OWNERS: t.Final = "ipsecOwnersReference"
NFAS: t.Final = "ipsecNFAReference"
ISAKMP: t.Final = "ipsecISAKMPReference"
FILTERS: t.Final = "ipsecFilterReference"
ACTION: t.Final = "ipsecNegotiationPolicyReference"
ACTION_GUID: t.Final = "ipsecNegotiationPolicyAction"
ACTION_TYPE: t.Final = "ipsecNegotiationPolicyType"
REPLACES: t.Final = "ipsecWindowsReplaces"
"""This collection sets it on a policy object that replaces the assigned one. It names the replaced policy and is
removed with it.
"""


def reference(key: str) -> str:
    """The text by which other objects refer to a key."""
    return f"{CONTAINER}\\{key}"
