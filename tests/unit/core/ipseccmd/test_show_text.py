# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Facts as text for people: the original's headings, all that the facts have, and why something is missing."""

from __future__ import annotations

import re

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.hints import printable
from ansible_collections.ipsec.windows.plugins.module_utils._core.host.running import MissingReason
from ansible_collections.ipsec.windows.plugins.module_utils._core.ipseccmd.show_text import show_text
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import render_dynamic_rule
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.render import (
    render_auth_method,
    render_main_mode,
    render_policy,
    render_security_method,
)
from hypothesis import given
from hypothesis import strategies as st
from unit import strategies

FILTER = {
    "id": 70001,
    "name": "Close SMB",
    "direction": "in",
    "source": "any",
    "destination": "me",
    "source_port": "any",
    "destination_port": 445,
    "protocol": "tcp",
    "action": "block",
    "tunnel": False,
    "layer": "FWPM_LAYER_INBOUND_TRANSPORT_V4",
    "weight": 1234,
    "unread": [],
    "rule": {"policy": "Isolation", "dynamic": None, "name": "Close SMB", "id": "{0b}"},
}
PROPOSAL = {"ah": [], "esp": [{"encryption": "3des", "integrity": "sha"}], "lifetime_seconds": 3600, "pfs": True}
RUNNING = {
    "addresses": {"me": ["192.0.2.2", "2001:db8::2"], "dns": [], "wins": [], "dhcp": [], "gateway": ["192.0.2.1"]},
    "filters": {"source": "netsh wfp show filters", "count": 1, "total": 900, "truncated": False,
                "quick_mode": [FILTER], "main_mode": [], "audit": None, "events": []},
    "policies": {"source": "registry", "main_mode": [],
                 "quick_mode": [{"policy": "Isolation", "rule": "SQL", "security_methods": [PROPOSAL, PROPOSAL]}]},
    "auth": {"source": "registry", "methods": [
        {"rule": "SQL", "authentication": [{"kerberos": True}, {"preshared_key": None, "present": True}]}]},
    "missing": [{"part": "sas", "what": "MSFT_NetQuickModeSA", "reason": "access_denied", "detail": "Verboten"},
                {"part": "stats", "what": "ipsec", "reason": "no_class", "detail": ""}],
    "sas": {"source": "CIM", "main_mode": [], "truncated": False},
}  # fmt: skip


def shown(**running):
    return show_text({"in_force": {"source": "none"}, "service": {}, "findings": [], "running": running})


def test_a_filter_has_its_fields_below_a_heading_with_the_count():
    text = shown(**RUNNING)
    assert text.index("Main Mode Filters: 0\n--------------------\n\n") < text.index(
        "Quick Mode Filters: 1\n"
        "---------------------\n"
        "  ID               : 70001\n"
        "  Name             : Close SMB\n"
        "  Direction        : in\n"
        "  Source           : any\n"
        "  Destination      : me\n"
        "  Source port      : any\n"
        "  Destination port : 445\n"
        "  Protocol         : tcp\n"
        "  Action           : block\n"
        "  Tunnel           : no\n"
        "  Layer            : FWPM_LAYER_INBOUND_TRANSPORT_V4\n"
        "  Weight           : 1234\n"
        "  Unread           : none\n"
        "  Rule             : policy Isolation, name Close SMB, ID {0b}\n"
    )


def test_methods_are_in_lines_below_each_other():
    method = "ESP (encryption 3des, integrity sha), lifetime seconds 3600, PFS"
    assert f"  Security methods : {method}\n                     {method}\n" in shown(**RUNNING)
    assert "  Authentication : kerberos\n                   preshared key, present\n" in shown(**RUNNING)


def test_only_what_is_asked_for_has_a_section():
    text = shown(addresses=RUNNING["addresses"], auth=RUNNING["auth"], missing=[])
    assert re.findall(r"(?m)^(.+)\n-+$", text) == [
        *("In Force", "Findings: 0", "Addresses", "Authentication", "Main Mode Authentication Methods: 1")
    ]


def test_what_is_missing_is_in_its_section_with_the_reason():
    text = shown(**RUNNING)
    assert "Main Mode SAs: 0\n" in text
    assert "Quick Mode SAs\n--------------\n  Not available: access is denied: Verboten\n" in text
    assert "IPSec Statistics\n----------------\n  Not available: Windows does not have its class\n" in text


@pytest.mark.parametrize("reason", MissingReason)
def test_every_reason_has_words(reason):
    text = shown(missing=[{"part": "filters", "what": "filters", "reason": str(reason), "detail": ""}])
    words = text.split("Not available: ")[1].split("\n")[0]
    assert words
    assert "_" not in words


def test_facts_of_the_store_alone_have_a_text():
    text = show_text({"in_force": {"source": "local", "name": "P"}, "service": {"status": "running"}, "findings": []})
    assert text.startswith("In Force\n--------\n  Source : local\n  Name   : P\n\nService\n")


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_numbers = st.integers(0, 2**64 - 1)
_rule = st.none() | st.fixed_dictionaries(
    {"policy": st.none() | _texts, "dynamic": st.none() | _numbers, "name": _texts, "id": st.none() | _texts}
)
_addresses = strategies.addresses(4).map(str) | strategies.addresses(6).map(str)
_owner = {"policy": st.none() | _texts, "dynamic": st.none() | _numbers, "source": _texts}
_filter = st.fixed_dictionaries(
    {**dict.fromkeys(("name", "action", "layer"), _texts), "id": _numbers, "weight": st.none() | _numbers,
     "source": _addresses, "destination": _addresses, "unread": st.lists(_texts, max_size=2), "rule": _rule,
     "destination_port": _numbers | _texts}
)  # fmt: skip
_sa = st.dictionaries(st.sampled_from(["local", "remote", "group", "local_id"]), _texts | _numbers | st.booleans())
_counters = st.dictionaries(st.sampled_from(["active_main_mode_sas", "ipsec_errors", "x"]), _numbers)


def _lists(item):
    return st.lists(item, max_size=2)


def _dictionary(**items):
    return st.fixed_dictionaries({}, optional=items)


_policies = st.builds(lambda owner, found: {**owner, **found}, st.fixed_dictionaries(_owner),
                      strategies.main_modes.map(render_main_mode))  # fmt: skip
_quick = st.fixed_dictionaries(
    {**_owner, "rule": _texts, "security_methods": _lists(strategies.security_methods.map(render_security_method))}
)
_auth = st.fixed_dictionaries(
    {**_owner, "authentication": _lists(strategies.auth_methods.map(render_auth_method))}
)  # fmt: skip
_event = st.fixed_dictionaries({"id": _numbers, "time": _texts, "policy": st.none() | _texts})
_missing = st.fixed_dictionaries(
    {"part": st.sampled_from(["stats", "sas", "filters", "domain"]),
     "what": st.sampled_from(["ike", "MSFT_NetMainModeSA", "domain policy", "filters"]),
     "reason": st.sampled_from(list(map(str, MissingReason))), "detail": _texts}
)  # fmt: skip
_running = _dictionary(
    addresses=st.dictionaries(st.sampled_from(["me", "dns", "gateway"]), _lists(_addresses)),
    filters=_dictionary(source=_texts, count=_numbers, truncated=st.booleans(), quick_mode=_lists(_filter),
                        main_mode=_lists(_filter), audit=st.none() | _texts, events=_lists(_event)),
    policies=_dictionary(source=_texts, main_mode=_lists(_policies), quick_mode=_lists(_quick)),
    auth=_dictionary(source=_texts, methods=_lists(_auth)),
    stats=_dictionary(source=_texts, ike=_counters, ike_ipv4=_counters, ike_ipv6=_counters, ipsec=_counters,
                      connections=_counters),
    sas=_dictionary(source=_texts, main_mode=_lists(_sa), quick_mode=_lists(_sa), truncated=st.booleans()),
    dynamic=_dictionary(rules=_lists(strategies.dynamic_rules().map(render_dynamic_rule)),
                        settings=st.dictionaries(st.just("bootmode"), _texts)),
    domain=_dictionary(assigned=st.booleans(), name=_texts, gpo=st.none() | _dictionary(id=_texts, name=_texts),
                       policy=st.none() | strategies.policies().map(render_policy)),
    missing=_lists(_missing),
)  # fmt: skip
_evidence = _dictionary(reason=_texts, missing=_lists(_filter), missing_count=_numbers, event=st.none() | _event)
_facts = st.fixed_dictionaries(
    {"in_force": _dictionary(source=_texts, name=_texts, policy=st.none() | strategies.policies().map(render_policy),
                             applied=_texts, evidence=_evidence),
     "service": st.fixed_dictionaries({"status": _texts}), "findings": _lists(_dictionary(code=_texts, text=_texts))},
    optional={"running": _running},
)  # fmt: skip


def _leaves(value):
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield str(value)


@given(_facts)
def test_the_text_has_every_name_address_and_number(facts):
    text = show_text(facts)
    # the words of reasons are others, see above
    missing = facts.get("running", {}).pop("missing", [])
    facts["details"] = [item["detail"] for item in missing]
    assert [leaf for leaf in _leaves(facts) if printable(leaf) not in text] == []
    assert all(line.isprintable() for line in text.split("\n"))
