# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host has in force, as an answer of the host module has it."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.commands import commands_of, name_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.goal import Lookup, resolved
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.record import Entry, Record
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.counters import COUNTER_CLASSES, COUNTERS
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.dynamic import SHOWN, without_shown
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.graph import Graph
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import parse_dynamic_rule
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.operations import Create, Set, Unset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.values import Value
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.resolve import MultipleAddresses

from . import stores

LOCAL = "FWPM_CONDITION_IP_LOCAL_ADDRESS,FWP_MATCH_EQUAL"
REMOTE = "FWPM_CONDITION_IP_REMOTE_ADDRESS,FWP_MATCH_EQUAL"
LOCAL_PORT = "FWPM_CONDITION_IP_LOCAL_PORT,FWP_MATCH_EQUAL,FWP_UINT16"
REMOTE_PORT = "FWPM_CONDITION_IP_REMOTE_PORT,FWP_MATCH_EQUAL,FWP_UINT16"
PROTOCOL = "FWPM_CONDITION_IP_PROTOCOL,FWP_MATCH_EQUAL,FWP_UINT8"
LIPS = "{1b75c0ce-ff60-4711-a70f-b4958cc3b2d0}"
CHANGED = 1_740_000_000
"""When policies were changed last, before the events."""


def row(*conditions: str, **fields: t.Any) -> str:
    """A row of the part `filters`: a filter that blocks inbound traffic over IPv4, with other fields as given."""
    found = {
        "id": 70001,
        "key": "{8a0f7a4e-5d2b-4c7d-9a43-0d9c5d6a5b11}",
        "layer": "FWPM_LAYER_INBOUND_TRANSPORT_V4",
        "sublayer": LIPS,
        "action": "FWP_ACTION_BLOCK",
        "callout": "",
        "weight": 1234,
        "name": "Close SMB",
    }
    found.update(fields)
    found["name"] = base64.b64encode(found["name"].encode("utf-16-le", "surrogatepass")).decode()
    return ";".join([*map(str, found.values()), "|".join(conditions)])


def filters(*rows: str, **fields: t.Any) -> dict[str, t.Any]:
    """The part `filters` of an answer."""
    text = "".join(f"{line}\n" for line in rows)
    return {
        "rows": pack(text),
        "count": len(rows),
        "total": len(rows) + 900,
        "truncated": False,
        "error": None,
        **fields,
    }


def event(id_: int = 5460, **fields: t.Any) -> dict[str, t.Any]:
    return {"id": id_, "time": 1_750_000_000, "record": 12, "data": {"Policy": "Close SMB"}, **fields}


def events(*rows: dict[str, t.Any], **fields: t.Any) -> dict[str, t.Any]:
    """The part `events` of an answer."""
    return {"rows": list(rows), "audit": "Success and Failure", "error": None, **fields}


def missing(reason: str = "access_denied", detail: str = "Access is denied.") -> dict[str, str]:
    return {"reason": reason, "detail": detail}


SMB = row(f"{PROTOCOL},6", f"{LOCAL_PORT},445")
FILTERS = filters(SMB)
EVENTS = events(event())

MAIN_MODE = {
    "CipherAlgorithm": 6,
    "HashAlgorithm": 3,
    "GroupId": 2,
    "KeyModule": 1,
    "IkePolicyKey": "{25f5f5a5-6f3c-4e0c-9d33-5a3c9d8f0b11}",
    "LocalEndpoint": "192.0.2.2",
    "RemoteEndpoint": "192.0.2.9",
    "LocalFirstId": {"Identity": "WIN1$@EXAMPLE.TEST", "AuthenticationMethod": 2, "Flags": 0, "ImpersonationType": 0},
    "RemoteFirstId": {"Identity": "PEER$@EXAMPLE.TEST", "AuthenticationMethod": 2, "Flags": 0, "ImpersonationType": 0},
    "MaxQMSAs": 0,
}
QUICK_MODE = {
    "LocalEndpoint": "192.0.2.2",
    "RemoteEndpoint": "192.0.2.9",
    "LocalPort": 0,
    "RemotePort": 445,
    "IpProtocol": 6,
    "EncapsulationMode": 3,
    "InboundDirection": True,
    "FirstTransformType": 4,
    "FirstCipherAlgorithm": 6,
    "FirstIntegrityAlgorithm": 3,
    "SPI": 3221225473,
    "SecondTransformType": 0,
    "SecondCipherAlgorithm": 0,
    "SecondIntegrityAlgorithm": 0,
    "SecondSPI": 0,
    "PfsGroupId": 2,
    "LifetimeSeconds": 3600,
    "LifetimeKilobytes": 100000,
    "QuickModeFilterId": 70001,
    "MmSaId": 1,
}


def associations(main: t.Sequence[t.Any] = (), quick: t.Sequence[t.Any] = (), **fields: t.Any) -> dict[str, t.Any]:
    """The part `associations` of an answer."""
    return {"main_mode": list(main), "quick_mode": list(quick), "truncated": False, "errors": {}, **fields}


ASSOCIATIONS = associations([MAIN_MODE], [QUICK_MODE])
DRIVER = "Win32_PerfRawData_Counters_IPsecDriver"
CONNECTIONS = "Win32_PerfRawData_Counters_IPsecConnections"


def counters(classes: dict[str, t.Any], **errors: t.Any) -> dict[str, t.Any]:
    """The part `counters` of an answer."""
    return {"classes": classes, "errors": errors}


def all_counters() -> dict[str, t.Any]:
    """Every counter that is read, with different numbers, and what an instance has beside them."""
    found = {
        class_: {property_: index for index, property_ in enumerate(COUNTERS[group], 1)}
        for group, class_ in COUNTER_CLASSES.items()
    }
    return {
        class_: {**values, "InboundPacketsDroppedPersec": 7, "Timestamp_PerfTime": 1}
        for class_, values in found.items()
    }


POLICY_KEY = "ipsecPolicy{8a0f7a4e-5d2b-4c7d-9a43-0d9c5d6a5b11}"
GPO = "cn={7b849a69-220f-451e-b3fe-2cb811af94ae},cn=policies,cn=system,DC=example,DC=test"
_RSOP_NAMES = {"className": "ClassName"}


def rsop(store: Store, gpo: str = GPO, **fields: t.Any) -> dict[str, t.Any]:
    """The part `rsop` of an answer, with the objects of a store, which refer to each other as a directory does."""
    objects = [_rsop_object(store, path, gpo) for path in store.paths() if path]
    return {"objects": objects, "gpos": {gpo: "IPsec of servers"}, "error": None, **fields}


def _rsop_object(store: Store, path: str, gpo: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {"id": "{1}", "name": path, "GPOID": gpo, "precedence": 1}
    for name, value in store.values(path).items():
        data: t.Any = value.data
        if isinstance(data, bytes):
            data = base64.b64encode(data).decode()
        elif name.endswith("Reference"):
            data = [_dn(text) for text in data] if isinstance(data, tuple) else _dn(data)
        found[_RSOP_NAMES.get(name, name)] = data
    return found


def _dn(reference: str) -> str:
    key = reference.rpartition("\\")[2]
    return f"CN={key},CN=IP Security,CN=System,DC=example,DC=test"


COUNTER_PART = counters(all_counters())
RSOP = rsop(Store())
POLICY = {
    "name": "Close SMB",
    "rules": [
        {
            "name": "SMB",
            "filters": [{"source": "any", "destination": "me", "protocol": "tcp", "destination_port": 445}],
            "action": "block",
        }
    ],
}
SECURED = {
    "name": "Secured servers",
    "filters": [{"source": "me", "destination": "192.0.2.9"}],
    "security_methods": ["esp[3des,sha] 3600S/50000K"],
}
DYNAMIC = {
    "filters": [{"source": "any", "destination": "me", "protocol": "tcp", "destination_port": 3389, "mirrored": False}],
    "action": "block",
}
SECURED_DYNAMIC = {"filters": [{"source": "me", "destination": "192.0.2.10"}]}
IN_FORCE = filters(
    SMB,
    row(f"{PROTOCOL},6", f"{LOCAL_PORT},445", id=70002, layer="FWPM_LAYER_OUTBOUND_TRANSPORT_V4"),
    row(f"{PROTOCOL},6", f"{LOCAL_PORT},3389", id=70003, name="dynamic"),
)
"""The filters of `POLICY` and `DYNAMIC`."""


def store(policy: dict[str, t.Any]) -> dict[str, t.Any]:
    """The store with a policy that is assigned, as a part of an answer."""
    return _packed(stores.change(Store(), policy, True, now=CHANGED).store)


def _packed(found: Store) -> dict[str, t.Any]:
    return {"store": pack(found.text()), "digest": found.digest()}


def record(
    rules: t.Iterable[dict[str, t.Any]], names: t.Mapping[str, tuple[str, ...]] | None = None, damaged: bool = False
) -> dict[str, t.Any]:
    """The record with dynamic rules that are all in force, and what netsh shows of them, as parts of an answer.

    `names` are the addresses of the DNS names in the rules. Somebody has edited a damaged record.
    """
    found = Store()
    operations = [*Record().head("salt", 1, 5), *Record().setting({"ipsecexempt": "3"}, False), Create(SHOWN)]
    shown: dict[str, int] = {}
    for order, value in enumerate(rules, 1):
        rule = parse_dynamic_rule(value, "", [])
        known, used = resolved(rule, None, Lookup(names or {}, {}, MultipleAddresses.ALL), [])
        name = name_of(known, "salt", order)
        shown[name] = len(known.filters)
        entry = Entry(name=name, order=order, rule=rule, names=used, commands=commands_of(known, name))
        operations += [*entry.operations(), Set(SHOWN, name, Value.number(shown[name]))]
        if damaged:
            operations.append(Set(f"Rules\\{name}", "Rule", Value.string("{}")))
    for operation in operations:
        found.change(operation)
    return {
        "record": pack(found.text()),
        "record_digest": without_shown(found).digest(),
        "dynamic": listing(shown),
    }


def listing(rules: dict[str, int]) -> dict[str, t.Any]:
    """The part `dynamic` of an answer: how often netsh shows each rule."""
    return {"rules": rules, "policies": list(rules), "empty": not rules, "clean": False, "config": None, "task": None}


def domain(cache: bool) -> dict[str, t.Any]:
    """A domain policy that hides a local one, as parts of an answer. Group Policy reports it, and with `cache` the host
    has a copy.
    """
    found = stores.change(Store(), POLICY, True, now=CHANGED).store
    (key,) = Graph(found).policies
    path = f"LDAP://{_dn(Graph(found).path(key))}"
    copy = found.copy()
    copy.change(Unset("", "ActivePolicy"))
    return {
        "domain": {"path": path, "name": "Corp", "store": pack(copy.text()) if cache else ""},
        "rsop": rsop(found),
    }


LOCAL_STORE = store(POLICY)
RECORD = record([DYNAMIC])


def answer(**changes: t.Any) -> dict[str, t.Any]:
    """The answer to a request for every part, from a host with a policy and a dynamic rule that are both in force."""
    return {
        **LOCAL_STORE,
        "now": 1_750_000_100,
        "product": "Windows Server 2022 Standard",
        "version": "10.0.20348",
        "powershell": "5.1.20348.1",
        "writable": True,
        "service": {"status": "running", "start_type": "manual"},
        "pending": False,
        "domain": None,
        "names": {},
        "interfaces": {},
        "addresses": {"me": ["192.0.2.2"], "dns": ["192.0.2.53"], "wins": [], "dhcp": [], "gateway": ["192.0.2.1"]},
        "connections": [],
        **RECORD,
        "filters": IN_FORCE,
        "events": EVENTS,
        "associations": ASSOCIATIONS,
        "counters": COUNTER_PART,
        "rsop": RSOP,
        **changes,
    }
