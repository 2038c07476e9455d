# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The meaning of an IPsec policy, independent of how it is written.

Every value is immutable and hashable, and two values with the same meaning are equal: a mirrored filter equals its own
reversal, a subnet of one address is a host, filters and rules have no order, methods have one. A value that no policy
can have cannot be built: its constructor raises `ModelError`, which says what is wrong and what would be right.

Stores hold such values nevertheless. They are built with ``odd=True``: kept and compared like any other, but accepted
from a user only if the same store holds them already.
"""

from __future__ import annotations

from .addresses import (
    ANY,
    ME,
    Address,
    AddressRange,
    DnsName,
    Family,
    HostAddress,
    Interface,
    IPAddress,
    Special,
    SpecialKind,
    Subnet,
    network,
    span,
)
from .authentication import (
    DEFAULT_AUTHENTICATION,
    AuthMethod,
    Certificate,
    Kerberos,
    OtherAuthentication,
    PresharedKey,
)
from .filters import PROTOCOLS, TCP, UDP, Filter, Ports, protocol_name
from .main_mode import (
    DEFAULT_MAIN_MODE_METHODS,
    STRONGEST_MAIN_MODE_METHOD,
    Group,
    MainMode,
    MainModeMethod,
    group_error,
    group_number,
)
from .methods import (
    DEFAULT_SECURITY_METHODS,
    STRONGEST_SECURITY_METHOD,
    Ah,
    Encryption,
    Esp,
    Integrity,
    SecurityMethod,
    stronger_hint,
)
from .policy import Policy
from .rules import (
    Action,
    ConnectionType,
    DefaultResponse,
    NegotiationPolicy,
    Rule,
    RuleError,
    action_of,
    connection_type,
    meant_action,
)
from .text import (
    DESCRIPTION_LIMIT,
    GUID_PATTERN,
    MINUTES_LIMIT,
    NAME_LIMIT,
    U32,
    ModelError,
    check_description,
    check_policy_name,
    check_text,
)

__all__ = [
    "ANY",
    "DEFAULT_AUTHENTICATION",
    "DEFAULT_MAIN_MODE_METHODS",
    "DEFAULT_SECURITY_METHODS",
    "DESCRIPTION_LIMIT",
    "GUID_PATTERN",
    "ME",
    "MINUTES_LIMIT",
    "NAME_LIMIT",
    "PROTOCOLS",
    "STRONGEST_MAIN_MODE_METHOD",
    "STRONGEST_SECURITY_METHOD",
    "TCP",
    "U32",
    "UDP",
    "Action",
    "Address",
    "AddressRange",
    "Ah",
    "AuthMethod",
    "Certificate",
    "ConnectionType",
    "DefaultResponse",
    "DnsName",
    "Encryption",
    "Esp",
    "Family",
    "Filter",
    "Group",
    "HostAddress",
    "IPAddress",
    "Integrity",
    "Interface",
    "Kerberos",
    "MainMode",
    "MainModeMethod",
    "ModelError",
    "NegotiationPolicy",
    "OtherAuthentication",
    "Policy",
    "Ports",
    "PresharedKey",
    "Rule",
    "RuleError",
    "SecurityMethod",
    "Special",
    "SpecialKind",
    "Subnet",
    "action_of",
    "check_description",
    "check_policy_name",
    "check_text",
    "connection_type",
    "group_error",
    "group_number",
    "meant_action",
    "network",
    "protocol_name",
    "span",
    "stronger_hint",
]
