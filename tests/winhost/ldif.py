# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Converts policy objects that Active Directory has exported to a policy store in the registry."""

from __future__ import annotations

import base64
import typing as t

from .tree import BINARY, DWORD, MULTI_STRING, STRING, Tree, Value

_REFERENCE_ROOT = r"SOFTWARE\Policies\Microsoft\Windows\IPSEC\Policy\Local"
_TEXTS = {"ipsecname": "ipsecName", "description": "description", "ipsecid": "ipsecID"}
_GUIDS = {
    "ipsecnegotiationpolicytype": "ipsecNegotiationPolicyType",
    "ipsecnegotiationpolicyaction": "ipsecNegotiationPolicyAction",
}
_SINGLE = {
    "ipsecisakmpreference": "ipsecISAKMPReference",
    "ipsecnegotiationpolicyreference": "ipsecNegotiationPolicyReference",
}
_MULTI = {
    "ipsecnfareference": "ipsecNFAReference",
    "ipsecfilterreference": "ipsecFilterReference",
    "ipsecownersreference": "ipsecOwnersReference",
}
WHEN_CHANGED = 0x386D4380
"""The first second of 2000."""


def to_tree(text: str, container: str) -> Tree:
    """The objects of an LDIF as keys below `container`; all have the time `WHEN_CHANGED`."""
    return entries_to_tree([_attributes(entry) for entry in text.strip().split("\n\n")], container)


def entries_to_tree(entries: t.Iterable[dict[str, list[str]]], container: str) -> Tree:
    """The same of objects as their attributes in small letters, with `dn`; ipsecData in base64."""
    tree: Tree = {container: {}}
    for attributes in entries:
        name = _cn(attributes["dn"][0])
        values: dict[str, tuple[int, Value]] = {
            "ClassName": (STRING, name.partition("{")[0]),
            "name": (STRING, name),
        }
        for attribute, found in attributes.items():
            if attribute in _TEXTS or attribute in _GUIDS:
                values[(_TEXTS | _GUIDS)[attribute]] = (STRING, found[0])
            elif attribute in _SINGLE:
                values[_SINGLE[attribute]] = (STRING, _reference(found[0]))
            elif attribute in _MULTI:
                values[_MULTI[attribute]] = (MULTI_STRING, [_reference(item) for item in found])
        values["ipsecDataType"] = (DWORD, 0x100)
        if "ipsecdata" in attributes:
            values["ipsecData"] = (BINARY, base64.b64decode(attributes["ipsecdata"][0]))
        values["whenChanged"] = (DWORD, WHEN_CHANGED)
        tree[f"{container}\\{name}"] = values
    return tree


def _attributes(entry: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in entry.replace("\n ", "").splitlines():
        name, _sep, value = line.partition(":")
        found.setdefault(name.lower(), []).append(value.removeprefix(":").strip())
    return found


def _cn(dn: str) -> str:
    return dn.partition(",")[0].removeprefix("CN=")


def _reference(dn: str) -> str:
    return f"{_REFERENCE_ROOT}\\{_cn(dn)}"
