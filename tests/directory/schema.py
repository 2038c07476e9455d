# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The classes and attributes that policies and Group Policy objects have in a directory (MS-ADSC, MS-ADA1 to 3)."""

from __future__ import annotations

import dataclasses
import enum
import re


class Syntax(enum.Enum):
    """What the values of an attribute are. Texts are compared without case, and with runs of blanks as one."""

    TEXT = enum.auto()
    BYTES = enum.auto()
    INTEGER = enum.auto()
    REFERENCE = enum.auto()


@dataclasses.dataclass(frozen=True)
class AttributeType:
    """An attribute. Only the directory itself writes those that are `stamped`."""

    name: str
    syntax: Syntax = Syntax.TEXT
    single: bool = True
    stamped: bool = False


@dataclasses.dataclass(frozen=True)
class ObjectClass:
    """A class. `chain` are its own name and those of the classes that it derives from, the most general first.
    Objects have children if the class is a `container`.
    """

    name: str
    category: str
    chain: tuple[str, ...]
    attributes: frozenset[str]
    container: bool
    rdn: str

    @property
    def abstract(self) -> bool:
        """No object is of this class alone."""
        return self.name in ("top", "ipsecBase")


_TEXTS = ("displayName", "ipsecName", "ipsecID", "gPCFileSysPath", "gPCMachineExtensionNames", "gPCUserExtensionNames")
_KINDS = ("iPSECNegotiationPolicyType", "iPSECNegotiationPolicyAction")
_INTEGERS = ("flags", "versionNumber", "gPCFunctionalityVersion")
_MANY_REFERENCES = ("ipsecNFAReference", "ipsecFilterReference", "ipsecOwnersReference")
_REFERENCES = ("ipsecISAKMPReference", "ipsecNegotiationPolicyReference")
STAMPED = (
    "whenChanged",
    "whenCreated",
    "uSNChanged",
    "uSNCreated",
    "objectGUID",
    "distinguishedName",
    "objectCategory",
    "replPropertyMetaData",
)
NAMES = ("cn", "name", "ou", "dc")
"""Attributes that only a rename changes."""

ATTRIBUTES = {
    attribute.name.lower(): attribute
    for attribute in (
        *(AttributeType(name) for name in (*_TEXTS, *_KINDS, *NAMES, "gPLink")),
        *(AttributeType(name, stamped=True) for name in STAMPED),
        *(AttributeType(name, Syntax.INTEGER) for name in (*_INTEGERS, "ipsecDataType")),
        *(AttributeType(name, Syntax.REFERENCE, single=False) for name in _MANY_REFERENCES),
        *(AttributeType(name, Syntax.REFERENCE) for name in _REFERENCES),
        AttributeType("description", single=False),
        AttributeType("objectClass", single=False),
        AttributeType("isCriticalSystemObject", stamped=True),
        AttributeType("ipsecData", Syntax.BYTES),
    )
}

IDENTIFIERS = {
    "ipsecisakmpreference": 0x90272,
    "ipsecnfareference": 0x90273,
    "ipsecnegotiationpolicyreference": 0x90274,
    "ipsecfilterreference": 0x90275,
}
"""The numbers of attributes in replPropertyMetaData: 9 stands for 1.2.840.113556.1.4."""

_TOP = ("description", "displayName", "flags", "isCriticalSystemObject", "objectClass", *NAMES, *STAMPED)
_BASE = (*_TOP, "ipsecName", "ipsecID", "ipsecData", "ipsecDataType", "ipsecOwnersReference")
_GROUP_POLICY = (*_INTEGERS, "gPCFileSysPath", "gPCMachineExtensionNames", "gPCUserExtensionNames")


def _class(
    name: str,
    category: str,
    chain: tuple[str, ...],
    attributes: tuple[str, ...],
    container: bool = False,
    rdn: str = "cn",
) -> ObjectClass:
    return ObjectClass(name, category, ("top", *chain, name), frozenset(map(str.lower, attributes)), container, rdn)


def _policy_object(name: str, category: str, *attributes: str) -> ObjectClass:
    return _class(name, category, ("ipsecBase",), (*_BASE, *attributes))


CLASSES = {
    found.name.lower(): found
    for found in (
        _policy_object("ipsecPolicy", "Ipsec-Policy", "ipsecISAKMPReference", "ipsecNFAReference"),
        _policy_object("ipsecISAKMPPolicy", "Ipsec-ISAKMP-Policy"),
        _policy_object("ipsecNFA", "Ipsec-NFA", "ipsecFilterReference", "ipsecNegotiationPolicyReference"),
        _policy_object("ipsecNegotiationPolicy", "Ipsec-Negotiation-Policy", *_KINDS),
        _policy_object("ipsecFilter", "Ipsec-Filter"),
        _class("container", "Container", (), _TOP, container=True),
        _class(
            "groupPolicyContainer", "Group-Policy-Container", ("container",), (*_TOP, *_GROUP_POLICY), container=True
        ),
        _class("domainDNS", "Domain-DNS", ("domain",), (*_TOP, "gPLink"), container=True, rdn="dc"),
        _class("organizationalUnit", "Organizational-Unit", (), (*_TOP, "gPLink"), container=True, rdn="ou"),
        _class("site", "Site", (), (*_TOP, "gPLink"), container=True),
        _class("ipsecBase", "Ipsec-Base", (), _BASE),
        _class("top", "Top", (), _TOP),
    )
}


class Invalid(ValueError):
    """A value that its attribute cannot have."""


def store(attribute: AttributeType, value: bytes) -> bytes | int:
    """A value as it is kept; no reference. Raises `Invalid`."""
    if attribute.syntax is Syntax.BYTES:
        found: bytes | int = value
    elif attribute.syntax is Syntax.INTEGER:
        found = _integer(value)
    else:
        found = value
        _text(value)
    if not value:
        raise Invalid
    return found


def same(attribute: AttributeType, stored: bytes | int, value: bytes) -> bool:
    """Whether a value is the stored one; no reference. Raises `Invalid`."""
    if attribute.syntax is Syntax.TEXT:
        return isinstance(stored, bytes) and _folded(stored) == _folded(value)
    return store(attribute, value) == stored


def _folded(value: bytes) -> str:
    return " ".join(part for part in _text(value).split(" ") if part).lower()


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Invalid from None


def _integer(value: bytes) -> int:
    """A number of 32 bits with a sign, which larger numbers overflow."""
    if not re.fullmatch(rb"[+-]?(0|[1-9][0-9]*)", value):
        raise Invalid
    return (int(value) + (1 << 31)) % (1 << 32) - (1 << 31)
