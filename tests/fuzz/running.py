# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host has in force: any JSON in place of parts of an answer, any text as the rows of filters.

The first byte selects one of these. The rows in an answer are not packed, so that the fuzzer can change them.
"""

from __future__ import annotations

import contextlib
import json
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.hints import message
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.answers import HostState
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.associations import (
    MAIN_MODE_CLASS,
    QUICK_MODE_CLASS,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.checking import AnswerError
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.counters import COUNTER_CLASSES
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.requests import Part
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.running import MissingReason
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.facts import render_facts
from ansible_collections.ipsec.windows.plugins.module_utils._core.results.subsets import Subset
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack, unpack
from unit import running

from .inputs import CORE, TOKEN, text_of

SUBJECT: t.Final = tuple(
    f"{CORE}/{path}.py"
    for path in (
        "host/checking",
        "host/running_filters",
        "host/policy_events",
        "host/associations",
        "host/counters",
        "host/rsop",
        "host/domain",
        "results/running*",
        "results/evidence",
    )
)
_PARTS: t.Final = (Part.FILTERS, Part.EVENTS, Part.ASSOCIATIONS, Part.COUNTERS, Part.RSOP)
WORDS: t.Final = (
    *(f'"{part}": ' for part in (*_PARTS, "domain", "service", "addresses")),
    *(f'"{reason}"' for reason in MissingReason),
    *(f'"{name}": ' for name in (*running.MAIN_MODE, *running.QUICK_MODE, *COUNTER_CLASSES.values())),
    *(f'"{name}": ' for name in ("rows", "count", "total", "truncated", "error", "reason", "detail", "data", "time")),
    *(f'"{name}": ' for name in ("objects", "gpos", "GPOID", "precedence", "ipsecNFAReference", "ipsecData", "errors")),
    *("null", "true", "false", "[]", "{}", "-1", "1e400", "4294967296", "99999999999999999999", "NaN", "\\ud800"),
    *(running.LOCAL, running.REMOTE, running.LOCAL_PORT, running.REMOTE_PORT, running.PROTOCOL),
    *("FWP_MATCH_RANGE,FWP_RANGE_TYPE,", "FWP_V4_ADDR_MASK,", "FWP_V6_ADDR_MASK,", "FWP_BYTE_ARRAY16_TYPE,", "fe80::1"),
    *(
        "FWPM_LAYER_OUTBOUND_TRANSPORT_V6",
        "FWPM_LAYER_IKEEXT_V4",
        "FWP_ACTION_CALLOUT_TERMINATING",
        "|",
        "~",
        ";",
        "%12",
    ),
    *("FWPM_CALLOUT_IPSEC_INBOUND_TUNNEL_V4", MAIN_MODE_CLASS, QUICK_MODE_CLASS, running.POLICY_KEY),
)
_SECURED: t.Final = {**running.SECURED, "authentication": [{"preshared_key": TOKEN}]}
_STORE: t.Final = running.store({**running.POLICY, "rules": [_SECURED]})
_DOMAIN: t.Final = running.domain(cache=False)


def check(data: bytes) -> None:
    """An answer is refused with an `AnswerError`, or the facts can be sent as JSON and contain no key."""
    kind, text = data[:1], text_of(data[1:])
    changes: t.Any
    if kind == b"r":
        rows = [line for line in text.split("\n") if line]
        with contextlib.suppress(UnicodeEncodeError):
            _check_answer({"filters": running.filters(*rows)})
        return
    try:
        changes = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(changes, dict):
        _check_answer(_packed(changes))


def _check_answer(changes: dict[str, t.Any]) -> None:
    try:
        state = HostState.parse(running.answer(**{**_STORE, **_keyed(changes)}), tuple(Part))
    except AnswerError as error:
        assert TOKEN not in message(error)
        return
    facts = json.dumps(render_facts(state, [Subset.ALL]))
    assert TOKEN not in facts, "the facts contain a key"


def _keyed(changes: dict[str, t.Any]) -> dict[str, t.Any]:
    """The changes of parts that these readers read."""
    return {key: value for key, value in changes.items() if key in (*_PARTS, "domain", "service", "addresses")}


def _packed(changes: dict[str, t.Any]) -> dict[str, t.Any]:
    """The changes with the rows packed."""
    filters = changes.get("filters")
    if isinstance(filters, dict) and isinstance(filters.get("rows"), str):
        with contextlib.suppress(UnicodeEncodeError):
            return {**changes, "filters": {**filters, "rows": pack(filters["rows"])}}
    return changes


def seeds() -> t.Iterator[bytes]:
    full = running.answer(**_DOMAIN)
    for changes in (
        {part: full[part] for part in (Part.FILTERS, Part.EVENTS)},
        {part: full[part] for part in (Part.ASSOCIATIONS, Part.COUNTERS)},
        _DOMAIN,
        {"filters": {"error": running.missing()}, "events": {"error": running.missing(), "audit": None}},
    ):
        found = dict(changes)
        if "rows" in found.get("filters", {}):
            found["filters"] = {**found["filters"], "rows": unpack(found["filters"]["rows"])}
        yield b"j" + json.dumps(found).encode()
    yield b"r" + unpack(running.IN_FORCE["rows"]).encode()
    ranges = "FWPM_CONDITION_IP_REMOTE_ADDRESS,FWP_MATCH_RANGE,FWP_RANGE_TYPE,192.0.2.1~192.0.2.9"
    callout = {"action": "FWP_ACTION_CALLOUT_TERMINATING", "callout": "FWPM_CALLOUT_IPSEC_OUTBOUND_TUNNEL_V6"}
    yield b"r" + running.row(ranges, f"{running.LOCAL},FWP_V6_ADDR_MASK,fe80::~10", **callout).encode()
