# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What goes wrong when somebody asks a host what it has in force."""

from __future__ import annotations

import dataclasses
import time
import typing as t

if t.TYPE_CHECKING:
    from .host import Host

QUERIES: t.Final = {
    "filters": "netsh wfp show",
    "sas": "the CIM classes of security associations",
    "counters": "the CIM classes of performance counters",
    "rsop": "the CIM classes of the resultant set of policy",
    "events": "the Security log",
    "auditpol": "auditpol.exe",
}
"""What can be asked, and how."""

KINDS: t.Final = {
    "missing": "the class, the log or the command does not exist",
    "denied": "access is denied",
    "failed": "the query fails",
    "empty": "the answer has no instances, events or lines",
    "slow": "the answer comes after so many seconds (slow 5), or never",
    "huge": "the answer has so many more filters of the service, instances or events (huge 500; without it 100000)",
    "many": "the answer has so many more filters of other programs; only for filters",
    "malformed": "the answer is not well-formed; what is wrong in it can be named (malformed deep)",
}
"""The kinds of faults and their effects. A number or a word may follow the kind."""

MALFORMED: t.Final = {
    "filters": (
        "truncated",
        "nothing",
        "text",
        "entity",
        "undeclared",
        "deep",
        "long",
        "guid",
        "layer",
        "encoding",
        "characters",
        "types",
        "number",
        "tags",
    ),
    "sas": ("types", "guid", "identity", "text"),
    "counters": ("types", "text"),
    "rsop": ("types", "text"),
    "events": ("types", "names"),
    "auditpol": ("truncated", "guid", "text"),
}
"""What can be wrong in an answer; the first is the default."""


@dataclasses.dataclass(frozen=True)
class QueryFault:
    """`kind` is one of `KINDS`, or nothing. `detail` is what follows it, or its default."""

    kind: str = ""
    detail: str = ""


def parse(query: str, text: str) -> QueryFault:
    """Raises `ValueError`."""
    if query not in QUERIES:
        raise ValueError(f"there is no query '{query}'; there are {', '.join(QUERIES)}")
    kind, _blank, detail = text.partition(" ")
    if kind not in KINDS or (kind == "many" and query != "filters") or (kind == "huge" and query == "counters"):
        raise ValueError(f"'{text}' is not a fault of the query {query}; use one of {', '.join(KINDS)}")
    if kind == "malformed":
        detail = detail or MALFORMED[query][0]
        if detail not in MALFORMED[query]:
            raise ValueError(f"{query} cannot be malformed as '{detail}'; use one of {', '.join(MALFORMED[query])}")
    elif kind in ("huge", "many"):
        detail = detail or "100000"
    if (kind in ("huge", "many") and not detail.isdecimal()) or (detail and kind in ("missing", "denied", "empty")):
        raise ValueError(f"'{detail}' cannot follow '{kind}'")
    if kind == "slow" and detail and not detail.replace(".", "", 1).isdecimal():
        raise ValueError(f"'{detail}' is not a number of seconds")
    return QueryFault(kind, detail)


def meet(host: Host, query: str, patience: float | None = None) -> QueryFault:
    """The fault of a query. Returns after the delay of a slow one, or once it is not slow any more.

    Raises `TimeoutError` if that takes more than `patience` seconds.
    """
    host.event("query", query)
    text = host.setting("queries").get(query, "")
    fault = parse(query, text) if text else QueryFault()
    if fault.kind != "slow":
        return fault
    start = time.monotonic()
    delay = float(fault.detail) if fault.detail else float("inf")
    while (passed := time.monotonic() - start) < delay and host.setting("queries").get(query) == text:
        if patience is not None and passed >= patience:
            raise TimeoutError(f"{QUERIES[query]} did not answer within {patience:g} seconds")
        time.sleep(min(0.1, delay - passed))
    return QueryFault()
