# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host has in force, as an answer of the host module has it."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack

LOCAL = "FWPM_CONDITION_IP_LOCAL_ADDRESS,FWP_MATCH_EQUAL"
REMOTE = "FWPM_CONDITION_IP_REMOTE_ADDRESS,FWP_MATCH_EQUAL"
LOCAL_PORT = "FWPM_CONDITION_IP_LOCAL_PORT,FWP_MATCH_EQUAL,FWP_UINT16"
REMOTE_PORT = "FWPM_CONDITION_IP_REMOTE_PORT,FWP_MATCH_EQUAL,FWP_UINT16"
PROTOCOL = "FWPM_CONDITION_IP_PROTOCOL,FWP_MATCH_EQUAL,FWP_UINT8"
LIPS = "{1b75c0ce-ff60-4711-a70f-b4958cc3b2d0}"


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
