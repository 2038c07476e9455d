# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The CIM classes of a simulated host: security associations, performance counters, the resultant set of policy.

cim_classes.txt has the classes as a Windows Server 2022 (23H2) has them, and RSOP_GPO as Microsoft documents it.
"""

from __future__ import annotations

import functools
import ipaddress
import pathlib
import typing as t

from . import policy, query_faults
from .tree import Tree, get

if t.TYPE_CHECKING:
    from .host import Host

Instance: t.TypeAlias = dict[str, t.Any]

_STANDARD: t.Final = r"root\StandardCimv2"
_COUNTERS: t.Final = "Win32_PerfRawData_Counters_"
_WINDOWS_8: t.Final = (6, 2)
_KEY_MODULES: t.Final = {"ikev1": 1, "authip": 2, "ikev2": 3}
_GPO: t.Final = "CN={7b849a69-220f-451e-b3fe-2cb811af94ae},CN=Policies,CN=System,DC=example,DC=test"
_CREATED: t.Final = "20260101120000.000000+000"


class CimError(Exception):
    """A query that fails; `reason` is no_class, access_denied or failed."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def classes() -> dict[str, dict[str, str]]:
    """The types of the properties of each class, with those that it inherits."""
    return {name: _with_inherited(name) for name in _definitions()}


@functools.cache
def _definitions() -> dict[str, tuple[str, str, dict[str, str]]]:
    """The base, the namespace and the own properties of each class."""
    found: dict[str, tuple[str, str, dict[str, str]]] = {}
    own: dict[str, str] = {}
    for line in pathlib.Path(__file__).with_name("cim_classes.txt").read_text().splitlines():
        words = line.split()
        if words[0] == "class":
            own = {}
            found[words[1]] = (words[4], words[7].replace(".", "\\"), own)
        else:
            own[words[0]] = words[1]
    return found


def _with_inherited(name: str) -> dict[str, str]:
    if name not in _definitions():
        return {}
    base, _namespace, own = _definitions()[name]
    return _with_inherited(base) | own


def instances(host: Host, namespace: str, name: str, patience: float | None = None) -> list[Instance]:
    """The instances of a class. Raises `CimError`, and `TimeoutError` after so many seconds without an answer."""
    known = next((known for known in _definitions() if known.lower() == name.lower()), "")
    place = namespace.replace("/", "\\").lower()
    missing = CimError("no_class", "Invalid class" if known else "Invalid namespace")
    if not known or _definitions()[known][1].lower() != place:
        raise missing
    if place == _STANDARD.lower() and host.version() < _WINDOWS_8:
        raise missing
    query, make = _query(known)
    fault = query_faults.meet(host, query, patience)
    if fault.kind == "missing":
        raise missing
    if fault.kind == "failed":
        raise CimError("failed", "Generic failure")
    if fault.kind == "denied" or not host.setting("administrator"):
        raise CimError("access_denied", "Access denied")
    if fault.kind == "empty":
        return []
    properties = dict.fromkeys(_with_inherited(known))
    found = [properties | instance for instance in make(host)]
    if fault.kind == "huge":
        found += [properties | instance for instance in _many(host, known, int(fault.detail))]
    if fault.kind == "malformed":
        found[:1] = [_malformed(known, fault.detail, found[0] if found else properties)]
    return found


def _query(name: str) -> tuple[str, t.Callable[[Host], list[Instance]]]:
    """The name of a query, and what makes the instances of its class."""
    match name:
        case "MSFT_NetMainModeSA":
            return "sas", _main_mode
        case "MSFT_NetQuickModeSA":
            return "sas", _quick_mode
        case "RSOP_IPSECPolicySetting":
            return "rsop", _policy_objects
        case "RSOP_GPO":
            return "rsop", _gpos
        case _ if name.startswith(_COUNTERS):
            return "counters", lambda host: [_counters(host, name)]
    return "sas", lambda _host: []


def _many(host: Host, name: str, count: int) -> t.Iterator[Instance]:
    for number in range(count):
        peer = str(ipaddress.IPv4Address(0x0A000000 + number))
        if name == "MSFT_NetMainModeSA":
            yield _main_mode_of(host, number, {"remote": peer})
        elif name == "MSFT_NetQuickModeSA":
            yield _quick_mode_of(host, number, {"remote": peer}, {})
        elif name == "RSOP_IPSECPolicySetting":
            yield _policy_object({}, "", f"ipsecFilter{{00000000-0000-4000-8000-{number:012x}}}")


def _malformed(name: str, kind: str, instance: Instance) -> Instance:
    """An instance that does not fit its class."""
    types = _with_inherited(name)
    number = next((known for known in ("CipherAlgorithm", "SPI", "whenChanged") if known in types), next(iter(types)))
    text = next((known for known in ("RemoteEndpoint", "ipsecName", "name") if known in types), "Other")
    broken: dict[str, Instance] = {
        "types": {"name": 6} if name == "RSOP_GPO" else {number: "six"},
        "text": {text: "a\0b\x1b[31m" + "x" * 100_000},
        "guid": {"IkePolicyKey": "{not a GUID}"},
        "identity": {"LocalFirstId": "WIN1", "RemoteFirstId": {"Identity": 5}},
    }
    return instance | {key: value for key, value in broken[kind].items() if key in types or kind == "text"}


# security associations


def _associations(host: Host) -> list[dict[str, t.Any]]:
    return t.cast(list[dict[str, t.Any]], host.setting("associations")) if host.sync_running() else []


def _main_mode(host: Host) -> list[Instance]:
    return [_main_mode_of(host, number, found) for number, found in enumerate(_associations(host), 1)]


def _main_mode_of(host: Host, number: int, association: dict[str, t.Any]) -> Instance:
    found: Instance = {
        # documented as ignored
        "AuthenticationMethod": 2,
        "InitiatorCookie": 0xF000000000000000 + number,
        "ResponderCookie": 0xE000000000000000 + number,
        "LifetimeSeconds": 28800,
        "LifetimeKilobytes": 0,
        "IdleDurationSeconds": 0,
        "CipherAlgorithm": 6,
        "HashAlgorithm": 3,
        "GroupId": 2,
        "ExtendedFilterId": 0,
        "IkePolicyKey": "{25f5f5a5-6f3c-4e0c-9d33-5a3c9d8f0b11}",
        "KeyModule": _KEY_MODULES[association.get("module", "ikev1")],
        "LocalEndpoint": association.get("local", host.address),
        "RemoteEndpoint": association["remote"],
        "LocalFirstId": _identity(f"{host.setting('computer')}$@EXAMPLE.TEST"),
        "RemoteFirstId": _identity("PEER$@EXAMPLE.TEST"),
        "LocalUdpEncapsulationPort": 0,
        "RemoteUdpEncapsulationPort": 0,
        "MaxQMSAs": 0,
        "PacketLoggingActive": False,
        "RefreshThresholdKbytesPercentage": 0,
        "RefreshThresholdSecondsPercentage": 0,
        "VirtualIfTunnelId": 0,
    }
    return found | t.cast(Instance, association.get("main", {}))


def _identity(name: str) -> Instance:
    return {"AuthenticationMethod": 2, "Flags": 0, "Identity": name, "ImpersonationType": 0}


def _quick_mode(host: Host) -> list[Instance]:
    return [
        _quick_mode_of(host, number, found, quick)
        for number, found in enumerate(_associations(host), 1)
        for quick in found.get("quick", [{}])
    ]


def _quick_mode_of(host: Host, number: int, association: dict[str, t.Any], quick: Instance) -> Instance:
    found: Instance = {
        "DFHandling": 2,
        "EncapsulationMode": 3,
        "InboundDirection": True,
        "PFSInUse": False,
        "SPI": 0xC0000000 + number,
        "LifetimeSeconds": 3600,
        "LifetimeKilobytes": 100000,
        "LifetimePackets": 0x7FFFFFFF,
        "IdleDurationSeconds": 300,
        "PacketLoggingActive": False,
        "RefreshThresholdKbytesPercentage": 0,
        "RefreshThresholdSecondsPercentage": 0,
        "ExplicitCredentials": 0,
        "FirstTransformType": 4,
        "FirstCipherAlgorithm": 6,
        "FirstIntegrityAlgorithm": 3,
        "SecondTransformType": 0,
        "Flags": 0,
        "IpProtocol": 0,
        "LocalEndpoint": association.get("local", host.address),
        "RemoteEndpoint": association["remote"],
        "LocalPort": 0,
        "RemotePort": 0,
        "LocalUdpEncapsulationPort": 0,
        "RemoteUdpEncapsulationPort": 0,
        "MmSaId": number,
        "QmSaId": number,
        "NapContext": 0,
        "NdAllowClearTimeoutSeconds": 0,
        "PfsGroupId": 0,
        "QuickModeFilterId": 70000 + number,
        "RealIfProfileId": 0,
        "TrafficLuid": 0x0006008000000000,
        "TrafficSelectorId": number,
        "TransportLayerFilterName": "",
        "VirtualIfTunnelId": 0,
    }
    return found | quick


# performance counters


def _counters(host: Host, name: str) -> Instance:
    """Zero, but for what the associations say and what the setting `counters` has."""
    short = name.removeprefix(_COUNTERS)
    found: Instance = dict.fromkeys(_with_inherited(name), 0)
    associations = _associations(host)
    version = {"IPsecIKEv1IPv4": 4, "IPsecIKEv1IPv6": 6}.get(short)
    if version:
        associations = [a for a in associations if ipaddress.ip_address(a["remote"]).version == version]
        associations = [a for a in associations if a.get("module", "ikev1") == "ikev1"]
    main, quick = len(associations), sum(len(found.get("quick", [{}])) for found in associations)
    if version:
        for mode, count in (("MainMode", main), ("QuickMode", quick)):
            names = (f"Active{mode}SAs", f"{mode}Negotiations", f"Successful{mode}Negotiations")
            found |= dict.fromkeys(names, count)
    elif short == "IPsecDriver":
        found |= {"ActiveSecurityAssociations": quick, "SecurityAssociationsAdded": quick}
    elif short == "IPsecConnections":
        found |= {"TotalNumbercurrentConnections": main, "Totalnumberofcumulativeconnectionssinceboot": main}
        found["Maxnumberofconnectionssinceboot"] = main
    elif short == "GenericIKEv1AuthIPandIKEv2":
        found["SuccessfulNegotiations"] = main + quick
    return found | t.cast(Instance, host.setting("counters").get(short, {}))


# the resultant set of policy


def _policy_objects(host: Host) -> list[Instance]:
    """The objects of the domain policy, as its references have them."""
    if not host.get(policy.ASSIGNMENT, "DSIPSECPolicyPath"):
        return []
    tree = host.domain.tree
    return [_policy_object(tree, key, key.rpartition("\\")[2]) for key in tree if key.count("\\") == 1]


def _policy_object(tree: Tree, key: str, name: str) -> Instance:
    found: Instance = {
        "GPOID": _GPO,
        "SOMID": "DC=example,DC=test",
        "creationTime": _CREATED,
        "id": f"CN={name},CN=IP Security,CN=System,DC=example,DC=test",
        "precedence": 1,
    }
    for known, kind in _with_inherited("RSOP_IPSECPolicySetting").items():
        data = get(tree, key, known)
        if known in found or data is None:
            continue
        if kind == "[]string":
            found[known] = data if isinstance(data, list) else [data]
        elif kind == "string":
            found[known] = data[0] if isinstance(data, list) else str(data)
        else:
            found[known] = list(data) if isinstance(data, bytes) else data
    return found


def _gpos(host: Host) -> list[Instance]:
    local: Instance = {
        "accessDenied": False,
        "enabled": True,
        "extensionIds": ["{e437bc1c-aa7d-11d2-a382-00c04f991e27}"],
        "fileSystemPath": r"C:\Windows\System32\GroupPolicy\Machine",
        "filterAllowed": True,
        "guidName": "Local Group Policy",
        "id": "LocalGPO",
        "name": "Local Group Policy",
        "version": 1,
    }
    domain = {
        "fileSystemPath": r"\\example.test\SysVol\example.test\Policies\{7b849a69-220f-451e-b3fe-2cb811af94ae}\Machine",
        "guidName": "{7b849a69-220f-451e-b3fe-2cb811af94ae}",
        "id": _GPO,
        "name": host.setting("gpo"),
    }
    return [local, *([local | domain] if host.get(policy.ASSIGNMENT, "DSIPSECPolicyPath") else [])]
