# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads the performance counters of IKE and IPsec, instances of CIM classes.

A counter that the class has as a total and for each second is read once; the raw value of both is the total.
"""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from ..model import U32
from .checking import U64, AnswerPart
from .running import Missing

_IKE: t.Final = {
    "ActiveMainModeSAs": "active_main_mode_sas",
    "ActiveQuickModeSAs": "active_quick_mode_sas",
    "PendingMainModeNegotiations": "pending_main_modes",
    "PendingQuickModeNegotiations": "pending_quick_modes",
    "MainModeNegotiations": "main_modes",
    "SuccessfulMainModeNegotiations": "successful_main_modes",
    "FailedMainModeNegotiations": "main_mode_failures",
    "MainModeNegotiationRequestsReceived": "main_mode_requests_received",
    "QuickModeNegotiations": "quick_modes",
    "SuccessfulQuickModeNegotiations": "successful_quick_modes",
    "FailedQuickModeNegotiations": "quick_mode_failures",
}


class CounterGroup(enum.StrEnum):
    """The groups of counters, one for each class."""

    IKE_IPV4 = "ike_ipv4"
    IKE_IPV6 = "ike_ipv6"
    IKE = "ike"
    IPSEC = "ipsec"
    CONNECTIONS = "connections"


_PREFIX: t.Final = "Win32_PerfRawData_Counters_"
COUNTER_CLASSES: t.Final[t.Mapping[CounterGroup, str]] = {
    CounterGroup.IKE_IPV4: f"{_PREFIX}IPsecIKEv1IPv4",
    CounterGroup.IKE_IPV6: f"{_PREFIX}IPsecIKEv1IPv6",
    CounterGroup.IKE: f"{_PREFIX}GenericIKEv1AuthIPandIKEv2",
    CounterGroup.IPSEC: f"{_PREFIX}IPsecDriver",
    CounterGroup.CONNECTIONS: f"{_PREFIX}IPsecConnections",
}
_IPSEC: t.Final = {
    "ActiveSecurityAssociations": "active_associations",
    "PendingSecurityAssociations": "pending_associations",
    "OffloadedSecurityAssociations": "offloaded_associations",
    "SecurityAssociationsAdded": "key_adds",
    "SARekeys": "rekeys",
    "BytesSentinTransportModePersec": "transport_bytes_sent",
    "BytesReceivedinTransportModePersec": "transport_bytes_received",
    "BytesSentinTunnelModePersec": "tunnel_bytes_sent",
    "BytesReceivedinTunnelModePersec": "tunnel_bytes_received",
    "OffloadedBytesSentPersec": "offloaded_bytes_sent",
    "OffloadedBytesReceivedPersec": "offloaded_bytes_received",
    "TotalInboundPacketsReceived": "inbound_packets_received",
    "TotalInboundPacketsDropped": "inbound_packets_dropped",
    "PlaintextPacketsReceived": "plaintext_packets_received",
    "IncorrectSPIPackets": "packets_with_bad_spi",
    "PacketsReceivedOverWrongSA": "packets_over_wrong_association",
    "PacketsNotDecrypted": "packets_not_decrypted",
    "PacketsNotAuthenticated": "packets_not_authenticated",
    "PacketsThatFailedReplayDetection": "packets_with_replay_detection",
    "PacketsThatFailedESPValidation": "packets_with_invalid_esp",
    "PacketsThatFailedUDPESPValidation": "packets_with_invalid_udp_esp",
}
_GENERIC: t.Final = {
    "SuccessfulNegotiations": "successful_negotiations",
    "FailedNegotiations": "negotiation_failures",
    "PacketsReceivedPersec": "packets_received",
    "InvalidPacketsReceivedPersec": "invalid_packets_received",
    "IKEv1MainModeNegotiationTime": "ikev1_main_mode_time",
    "IKEv1QuickModeNegotiationTime": "ikev1_quick_mode_time",
    "AuthIPMainModeNegotiationTime": "authip_main_mode_time",
    "AuthIPQuickModeNegotiationTime": "authip_quick_mode_time",
    "ExtendedModeNegotiationTime": "authip_extended_mode_time",
    "IKEv2MainModeNegotiationTime": "ikev2_main_mode_time",
    "IKEv2QuickModeNegotiationTime": "ikev2_quick_mode_time",
}
_CONNECTIONS: t.Final = {
    "TotalNumbercurrentConnections": "connections",
    "Maxnumberofconnectionssinceboot": "most_connections",
    "Totalnumberofcumulativeconnectionssinceboot": "all_connections",
    "Numberoffailedauthentications": "failed_authentications",
    "TotalBytesInsincestart": "bytes_received",
    "TotalBytesOutsincestart": "bytes_sent",
}
COUNTERS: t.Final[t.Mapping[CounterGroup, t.Mapping[str, str]]] = {
    CounterGroup.IKE_IPV4: _IKE,
    CounterGroup.IKE_IPV6: _IKE,
    CounterGroup.IKE: _GENERIC,
    CounterGroup.IPSEC: _IPSEC,
    CounterGroup.CONNECTIONS: _CONNECTIONS,
}
"""The names of the counters of a group, by the properties of its class."""
WIDE: t.Final = frozenset({"all_connections", "failed_authentications", "bytes_received", "bytes_sent"})
"""The counters that have 64 bits. All others have 32, and start at 0 again after 4,294,967,295."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """The counters of each group that the host has. `missing` has a reason for each of the others."""

    values: t.Mapping[CounterGroup, t.Mapping[str, int]] = dataclasses.field(default_factory=dict)
    missing: t.Mapping[CounterGroup, Missing] = dataclasses.field(default_factory=dict)


def parse_counters(answer: object) -> Counters:
    """The part `counters` of an answer. Raises `AnswerError`."""
    part = AnswerPart(answer, "counters")
    classes, errors = part.part("classes"), part.errors()
    found = {
        group: _values(classes.part(name), COUNTERS[group])
        for group, name in COUNTER_CLASSES.items()
        if classes.optional(name, dict) is not None
    }
    missing = {group: errors[name] for group, name in COUNTER_CLASSES.items() if name in errors}
    return Counters(values=found, missing=missing)


def _values(class_: AnswerPart, names: t.Mapping[str, str]) -> dict[str, int]:
    """The counters of a class by their names here; those that the host does not have are left out."""
    found = {name: class_.optional_number(property_, U64 if name in WIDE else U32) for property_, name in names.items()}
    return {name: number for name, number in found.items() if number is not None}
