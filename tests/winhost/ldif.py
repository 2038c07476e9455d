# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads LDIF, and converts policy objects of Active Directory to a policy store in the registry."""

from __future__ import annotations

import base64
import datetime
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

Attributes: t.TypeAlias = t.Mapping[str, t.Sequence[bytes]]
"""The values of an entry by the names of their attributes in small letters."""


def to_tree(text: str, container: str) -> Tree:
    """The objects of an LDIF as keys below `container`."""
    return tree_of(read(text), container)


def tree_of(entries: t.Mapping[str, Attributes], container: str) -> Tree:
    """Objects as keys below `container`. Those without a time have `WHEN_CHANGED`."""
    tree: Tree = {container: {}}
    for dn, attributes in entries.items():
        name = _cn(dn)
        values: dict[str, tuple[int, Value]] = {
            "ClassName": (STRING, name.partition("{")[0]),
            "name": (STRING, name),
        }
        for attribute, data in attributes.items():
            found = [item.decode(errors="replace") for item in data]
            if attribute in _TEXTS or attribute in _GUIDS:
                values[(_TEXTS | _GUIDS)[attribute]] = (STRING, found[0])
            elif attribute in _SINGLE:
                values[_SINGLE[attribute]] = (STRING, _reference(found[0]))
            elif attribute in _MULTI:
                values[_MULTI[attribute]] = (MULTI_STRING, [_reference(item) for item in found])
        values["ipsecDataType"] = (DWORD, 0x100)
        if "ipsecdata" in attributes:
            values["ipsecData"] = (BINARY, attributes["ipsecdata"][0])
        changed = attributes.get("whenchanged")
        values["whenChanged"] = (DWORD, seconds(changed[0].decode()) if changed else WHEN_CHANGED)
        tree[f"{container}\\{name}"] = values
    return tree


def seconds(time: str) -> int:
    """A time such as 20260102030405.0Z in seconds since 1970."""
    return int(datetime.datetime.strptime(time, "%Y%m%d%H%M%S.0Z").replace(tzinfo=datetime.UTC).timestamp())


def read(text: str) -> dict[str, Attributes]:
    """The entries of an LDIF by their DNs."""
    return {dn: {name.lower(): values for name, values in attributes.items()} for dn, attributes in parse(text).items()}


def parse(text: str) -> dict[str, dict[str, list[bytes]]]:
    """The same, with the names of attributes as they are spelled."""
    entries: dict[str, dict[str, list[bytes]]] = {}
    for entry in text.replace("\n ", "").split("\n\n"):
        found: dict[str, list[bytes]] = {}
        for line in entry.splitlines():
            if line and not line.startswith("#"):
                name, _sep, value = line.partition(":")
                data = base64.b64decode(value[1:]) if value.startswith(":") else value.strip().encode()
                found.setdefault(name, []).append(data)
        if "dn" in found:
            entries[found.pop("dn")[0].decode()] = found
    return entries


def _cn(dn: str) -> str:
    return dn.partition(",")[0].removeprefix("CN=")


def _reference(dn: str) -> str:
    return f"{_REFERENCE_ROOT}\\{_cn(dn)}"
