# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters that the simulated host would have in force, made by its own code and read as an answer has them."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import types
import typing as t

from ansible_collections.ipsec.windows.plugins.module_utils._core.host.running import RunningFilters
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.running_filters import parse_filters
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.packed import pack
from ansible_collections.ipsec.windows.plugins.module_utils._core.store.store import Store
from unit import stores
from winhost import policy, wfp

NO_ADDRESSES: t.Final[dict[str, list[str]]] = {kind: [] for kind in ("me", "dns", "wins", "dhcp", "gateway")}


def rows_of(
    store: Store, addresses: t.Mapping[str, list[str]] = types.MappingProxyType(NO_ADDRESSES), dynamic=()
) -> list[wfp.Row]:
    """The filters of the policy that a store assigns, and of dynamic rules, on a host with these addresses."""
    found = policy.read(stores.to_tree(store))
    rules = [*(found.policy.rules if found else ()), *dynamic]
    host = types.SimpleNamespace(local_addresses=lambda: {**NO_ADDRESSES, **addresses}, rules_in_force=lambda: rules)
    return wfp.in_force(t.cast(t.Any, host))


def _conditions(row: wfp.Row) -> list[str]:
    found = []
    for condition in row.conditions:
        kind = condition.values[0][0] if len(condition.values) == 1 else "FWP_RANGE_TYPE"
        value = "~".join(text for texts in condition.values for text in texts[1:])
        found.append(f"{condition.field},{condition.match},{kind},{value}")
    return found


def answer(rows: t.Sequence[wfp.Row], **changed: t.Any) -> dict[str, t.Any]:
    """The part `filters` of an answer with these filters."""
    text = ""
    for number, row in enumerate(rows, 70001):
        name = base64.b64encode(row.name.encode("utf-16-le", "surrogatepass")).decode()
        head = f"{number};{{{number}}};{row.layer};{row.sublayer};{row.action};{row.callout};{row.weight};{name}"
        text += f"{head};{'|'.join(_conditions(row))}\n"
    return {"rows": pack(text), "count": len(rows), "total": 900, "truncated": False, "error": None, **changed}


def read(rows: t.Sequence[wfp.Row]) -> RunningFilters:
    """The filters as the controller reads them."""
    return parse_filters(answer(rows))


def digest(rows: t.Sequence[wfp.Row]) -> str:
    """What a request to wait compares."""
    lines = {";".join((r.layer, r.action, r.callout, "|".join(sorted(_conditions(r))))) for r in rows}
    return hashlib.sha256("".join(f"{line}\n" for line in sorted(lines)).encode()).hexdigest()


def with_condition(row: wfp.Row, field: str, *values: wfp.Value) -> wfp.Row:
    """The filter with another condition for a field; without values, with none."""
    others = tuple(condition for condition in row.conditions if condition.field != field)
    match = "FWP_MATCH_RANGE" if len(values) > 1 else "FWP_MATCH_EQUAL"
    return dataclasses.replace(row, conditions=(*others, *([wfp.Condition(field, values, match)] if values else [])))
