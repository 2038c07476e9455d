# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Findings in policies: what is weak, what stays open over IPv6, and what Windows ignores."""

from __future__ import annotations

import itertools
import pathlib
import re

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core.checks.lint import (
    SEVERITIES,
    Code,
    Finding,
    Severity,
    lint,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.model import Policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.wanted import RulesMode
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.parse import parse_policy
from ansible_collections.ipsec.windows.plugins.module_utils._core.target.merge import merge
from hypothesis import event, example, given
from hypothesis import strategies as st
from unit import work

DOCS = pathlib.Path(__file__).parents[4] / "docs"
OF_HOST = {Code.SERVICE_STOPPED, Code.SERVICE_NOT_AT_BOOT, Code.DOMAIN_POLICY_WINS}
"""Codes of findings about a host (test_host_findings.py)."""
OF_DOMAIN = {Code.NOT_READABLE_BY_MEMBERS, Code.GPO_PARTS_DISAGREE}
"""Codes of findings about a domain (results/test_domain_facts.py)."""
STRONG = {"methods": ["3des-sha-14"], "pfs": True}
IPV6_SMB = {
    "source": "any/ipv6",
    "destination": "me/ipv6",
    "protocol": "tcp",
    "destination_port": 445,
    "mirrored": True,
}
ALL_IPV6 = {"source": "any/ipv6", "destination": "me/ipv6", "mirrored": True}


def _lint(*rules, **options) -> list[Finding]:
    """The findings without WEAK_3DES: every strong method has it."""
    return [finding for finding in _all(*rules, **options) if finding.code is not Code.WEAK_3DES]


def _all(*rules, of_domain=False, **options) -> list[Finding]:
    named = [{"name": f"{n}", "filters": ["0+192.0.2.1"], **rule} for n, rule in enumerate(rules)]
    wanted = parse_policy({"name": "P", "main_mode": STRONG, "rules": named, **options})
    return lint(merge(wanted, None, RulesMode.EXACT).policy, of_domain)


def _secure(**options):
    return {"security_methods": ["esp[3des,sha]"], **options}


def _ipv6(**options):
    return {**IPV6_SMB, **options}


WEAK = [
    (Code.WEAK_DES, _secure(security_methods=["esp[des,sha]"]), {}, "security methods offer DES"),
    (Code.WEAK_DES, _secure(), {"main_mode": {**STRONG, "methods": ["des-sha-14"]}}, "main mode offers DES"),
    (Code.WEAK_3DES, _secure(), {}, "security methods and main mode offer 3DES"),
    (Code.WEAK_3DES, _secure(security_methods=["ah[sha]"]), {}, "main mode offers 3DES"),
    (Code.WEAK_MD5, _secure(security_methods=["ah[md5]"]), {}, "security methods offer MD5"),
    (Code.WEAK_MD5, _secure(), {"main_mode": {**STRONG, "methods": ["3des-md5-14"]}}, "main mode offers MD5"),
    (
        Code.WEAK_MD5,
        _secure(security_methods=["ah[md5]"]),
        {"main_mode": {**STRONG, "methods": ["3des-md5-14"]}},
        "security methods and main mode offer MD5",
    ),
    (Code.WEAK_GROUP, _secure(), {"main_mode": {**STRONG, "methods": ["3des-sha-1"]}}, "Diffie-Hellman group 1,"),
    (
        Code.PRESHARED_KEY,
        _secure(authentication=[{"preshared_key": "s3cret"}]),
        {},
        "can read the pre-shared key in the registry",
    ),
    (Code.NO_PFS, _secure(), {"main_mode": {**STRONG, "pfs": False}}, "no perfect forward secrecy"),
    (Code.ONE_WAY_NEGOTIATE, _secure(filters=["0=192.0.2.1"]), {}, "the answers are not secured"),
    # a filter for one direction, and one for the other with other ports
    (Code.ONE_WAY_NEGOTIATE, _secure(filters=["0=192.0.2.1:80:TCP", "192.0.2.1=0:80:TCP"]), {}, "one direction only"),
    (Code.ONE_WAY_NEGOTIATE, _secure(filters=["0=192.0.2.1", "0=192.0.2.2", "192.0.2.2=0"]), {}, "one direction only"),
    (Code.DEFAULT_RESPONSE_IGNORED, _secure(), {"default_response": True}, "Windows Vista and later ignore it"),
    (Code.NO_INTEGRITY, _secure(security_methods=["esp[3des,none]"]), {}, "a security method has no integrity"),
    (Code.OPEN_OVER_IPV6, {"action": "block", "filters": ["*+0"]}, {}, "all traffic is blocked over IPv4 only"),
    (Code.OPEN_OVER_IPV6, {"action": "block", "filters": ["*+0::TCP"]}, {}, "TCP is blocked over IPv4 only"),
    (
        Code.OPEN_OVER_IPV6,
        {"action": "block", "filters": ["*=0:445:TCP", _ipv6(source_port=445, mirrored=False)]},
        {},
        "TCP 445 is blocked over IPv4 only",
    ),
    (Code.OPEN_OVER_IPV6, {"action": "block", "filters": ["*+0:445:TCP"]}, {}, "TCP 445 is blocked over IPv4 only"),
    (Code.OPEN_OVER_IPV6, {"action": "block", "filters": ["0=*:53:UDP"]}, {}, "UDP 53 is blocked over IPv4 only"),
    (
        Code.OPEN_OVER_IPV6,
        {"action": "block", "filters": ["*+0:445:TCP", _ipv6(destination_port="446-500")]},
        {},
        "TCP 445 is blocked over IPv4 only",
    ),
    (
        Code.OPEN_OVER_IPV6,
        {"action": "block", "filters": ["*+0::TCP", _ipv6(destination_port="2-65535")]},
        {},
        "TCP is blocked over IPv4 only",
    ),
]


@pytest.mark.parametrize(("code", "rule", "options", "words"), WEAK)
def test_weakness_is_found_once(code, rule, options, words):
    (finding,) = (_all if code is Code.WEAK_3DES else _lint)(rule, **options)
    assert finding.code is code
    assert words in finding.text
    assert "s3cret" not in finding.warning()


@pytest.mark.parametrize("code", [code for code in Code if code not in OF_HOST | OF_DOMAIN])
def test_every_code_has_a_severity_a_text_and_a_remedy(code):
    rule, options = next((rule, options) for known, rule, options, _words in WEAK if known is code)
    (finding,) = (_all if code is Code.WEAK_3DES else _lint)(rule, **options)
    assert isinstance(finding.severity, Severity)
    assert finding.severity is SEVERITIES[code]
    assert finding.remedy
    about_policy = {
        Code.WEAK_DES,
        Code.WEAK_3DES,
        Code.WEAK_MD5,
        Code.WEAK_GROUP,
        Code.DEFAULT_RESPONSE_IGNORED,
    }
    assert finding.rules == (() if code in about_policy else ("'0'",))
    where = "" if code in about_policy else " (rule '0')"
    assert finding.warning() == f"{code}: {finding.text}{where}; {finding.remedy}"


def test_the_documentation_lists_every_code_with_its_severity():
    table = re.findall(r"(?m)^\| `([\w-]+)` \| (\w+) \|", (DOCS / "findings.md").read_text(encoding="utf-8"))
    assert dict(table) == {str(code): str(severity) for code, severity in SEVERITIES.items()}


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (_secure(), {}),
        (_secure(security_methods=["esp[3des,sha] PFS"]), {"main_mode": {**STRONG, "pfs": False}}),
        (_secure(security_methods=["esp[des,md5]"], enabled=False), {}),
        (_secure(filters=["0=192.0.2.1:80:TCP", "192.0.2.1:80=0::TCP"]), {}),
        (_secure(filters=["0=192.0.2.1", {"source": "me", "destination": "192.0.2.1", "description": "both"}]), {}),
        (_secure(filters=["*=*"]), {}),
        (_secure(filters=[{"source": "me", "destination": "192.0.2.1"}]), {}),
        (_secure(filters=["0=192.0.2.1"], tunnel="192.0.2.9"), {}),
        (_secure(filters=["0=192.0.2.1"], enabled=False), {}),
        ({"action": "permit", "filters": ["0=192.0.2.1"]}, {}),
        ({"action": "permit"}, {"main_mode": {"methods": ["des-md5-1"], "pfs": False}}),
        ({"action": "block", "filters": ["192.0.2.*+0:445:TCP"]}, {}),
        ({"action": "block", "filters": ["*+0:445:TCP", ALL_IPV6]}, {}),
        ({"action": "block", "filters": ["*+0::ICMP", {**ALL_IPV6, "protocol": "icmpv6"}]}, {}),
        ({"action": "permit", "filters": ["*+0:445:TCP"]}, {}),
        ({"action": "block", "filters": ["*+0:445:TCP", IPV6_SMB]}, {}),
        ({"action": "block", "filters": ["*+0:445:TCP"], "enabled": False}, {}),
        (_secure(), {"default_response": False}),
    ],
)
def test_no_finding(rule, options):
    assert _lint(rule, **options) == []


def test_the_strongest_methods_are_only_found_to_be_3des():
    found = _all({"security_methods": "strongest"}, main_mode="strongest")
    assert [finding.code for finding in found] == [Code.WEAK_3DES]


def test_3des_counts_only_where_a_rule_negotiates():
    main_mode = {**STRONG, "methods": ["des-sha-14"]}
    found = _all(_secure(), main_mode=main_mode)
    assert [finding.text.partition(",")[0] for finding in found if finding.code is Code.WEAK_3DES] == [
        "security methods offer 3DES"
    ]
    assert _all({"action": "permit"}, _secure(enabled=False)) == []


def test_a_filter_with_one_end_of_ipv4_blocks_nothing_over_ipv6():
    both = {**IPV6_SMB, "source": "any", "destination": "me/both"}
    assert [finding.code for finding in _lint({"action": "block", "filters": [both]})] == [Code.OPEN_OVER_IPV6]
    (finding,) = _lint({"action": "block", "filters": ["*+0:445:TCP", both]})
    assert finding.text.startswith("TCP 445 is blocked over IPv4 only")


@pytest.mark.parametrize(
    ("blocked", "closed", "found"),
    [
        ("all", ["dialup"], True),
        ("all", ["lan"], True),
        ("all", ["lan", "dialup"], False),
        ("lan", ["dialup"], True),
        ("lan", ["lan"], False),
        ("dialup", ["all"], False),
    ],
)
def test_connection_types_count(blocked, closed, found):
    rules = [{"action": "block", "filters": [IPV6_SMB], "connection_type": kind} for kind in closed]
    findings = _lint({"action": "block", "filters": ["*+0:445:TCP"], "connection_type": blocked}, *rules)
    assert [finding.code for finding in findings] == [Code.OPEN_OVER_IPV6] * found


@pytest.mark.parametrize("mirrored", [True, False])
def test_the_work_grows_with_the_number_of_port_ranges(mirrored):
    def calls(count):
        rules = [
            {
                "action": "block",
                "filters": [f"*+0:{n}:TCP", _ipv6(destination_port=f"{n}-{n + 1}", mirrored=mirrored)],
            }
            for n in range(1, count + 1)
        ]
        return work.calls(lambda: _lint(*rules))

    assert calls(400) < 5 * calls(100)


def test_another_rule_may_block_the_traffic_over_ipv6():
    assert _lint({"action": "block", "filters": ["*+0:445:TCP"]}, {"action": "block", "filters": [IPV6_SMB]}) == []
    swapped = _ipv6(source="me/ipv6", destination="any/ipv6", destination_port="any", source_port=445)
    assert _lint({"action": "block", "filters": ["*+0:445:TCP"]}, {"action": "block", "filters": [swapped]}) == []


@pytest.mark.parametrize(
    ("ipv4", "ipv6"),
    [
        (445, ["1-1000"]),
        (445, ["445-500"]),
        ("440-450", ["440-450"]),
        ("440-450", ["1-445", "446-1000"]),
        ("440-450", ["446-450", "430-446"]),
        ("440-441", [440, 441]),
        ("any", ["1-32767", "32768-65535"]),
        ("any", ["1-65535"]),
        ("440-450", ["any"]),
    ],
)
@pytest.mark.parametrize("in_one_rule", [True, False])
def test_port_ranges_over_ipv6_are_counted(ipv4, ipv6, in_one_rule):
    one = {**IPV6_SMB, "source": "any", "destination": "me", "destination_port": ipv4}
    others = [_ipv6(destination_port=ports) for ports in ipv6]
    lists = [[one, *others]] if in_one_rule else [[one], *([other] for other in others)]
    assert _lint(*({"action": "block", "filters": filters} for filters in lists)) == []


@pytest.mark.parametrize(
    ("ipv4", "ipv6"),
    [
        (445, ["446-500"]),
        ("440-450", ["440-449"]),
        ("440-450", ["441-450"]),
        ("440-450", ["440-444", "446-450"]),
        ("any", ["2-65535"]),
        ("any", ["1-65534"]),
    ],
)
def test_one_open_port_of_a_range_is_found(ipv4, ipv6):
    one = {**IPV6_SMB, "source": "any", "destination": "me", "destination_port": ipv4}
    (finding,) = _lint({"action": "block", "filters": [one, *(_ipv6(destination_port=ports) for ports in ipv6)]})
    assert finding.code is Code.OPEN_OVER_IPV6


LAST = 6
"""The last port of ranges. A higher port is like all higher ports."""
ends = st.sampled_from(["me", "any"])
spans = st.just("any") | st.tuples(*[st.integers(1, LAST)] * 2).map(lambda two: f"{min(two)}-{max(two)}")


def _filters(suffix, protocols):
    found = st.fixed_dictionaries(
        {
            "source": ends.map(lambda end: end + suffix),
            "destination": ends.map(lambda end: end + suffix),
            "protocol": st.sampled_from(protocols),
            "source_port": st.just("any") | spans,
            "destination_port": spans,
            "mirrored": st.booleans(),
        }
    )
    return found.map(lambda item: item if item["protocol"] in ("tcp", "udp") else _without_ports(item))


def _without_ports(item):
    return {**item, "source_port": "any", "destination_port": "any"}


def _packets(item) -> set[tuple]:
    """Every packet that a filter matches: its protocol, its ends with their ports."""

    def hosts(end):
        return ("me",) if end.partition("/")[0] == "me" else ("me", "other")

    def ports(text):
        first, _dash, last = (f"1-{LAST + 1}" if text == "any" else text).partition("-")
        return range(int(first), int(last) + 1)

    names = {"any": ("tcp", "udp", "icmp", "gre"), "icmpv6": ("icmp",)}
    protocols = names.get(item["protocol"], (item["protocol"],))
    one = [*itertools.product(hosts(item["source"]), ports(item["source_port"]))]
    other = [*itertools.product(hosts(item["destination"]), ports(item["destination_port"]))]
    both = [*itertools.product(one, other)]
    if item["mirrored"]:
        both += [(there, here) for here, there in both]
    return {*itertools.product(protocols, both)}


IPV4_TCP = {"source": "any", "destination": "me", "protocol": "tcp", "mirrored": True}
EXAMPLES = {
    "the ports of several filters together": (
        {**IPV4_TCP, "source_port": "1-4", "destination_port": "1-4"},
        [
            _ipv6(source_port="1-2", destination_port="1-3"),
            _ipv6(source_port="3-4", destination_port="2-4"),
            _ipv6(source_port="1-2", destination_port="4-4"),
            _ipv6(source_port="2-6", destination_port="1-1"),
        ],
    ),
    "some source ports are open": (
        {**IPV4_TCP, "source_port": "1-4", "destination_port": "1-4", "mirrored": False},
        [_ipv6(source_port="1-2", destination_port="1-4", mirrored=False)],
    ),
    "a range in a range": (
        {**IPV4_TCP, "source_port": "any", "destination_port": "1-5"},
        [_ipv6(source_port="any", destination_port=ports) for ports in ("1-6", "2-3")],
    ),
    "from any to any": (
        {**IPV4_TCP, "source_port": "any", "destination_port": "1-5"},
        [{**ALL_IPV6, "destination": "any/ipv6", "protocol": "any", "source_port": "any", "destination_port": "any"}],
    ),
    "one direction is open": (
        {**IPV4_TCP, "source_port": "any", "destination_port": "1-5"},
        [_ipv6(source_port="any", destination_port="1-5", mirrored=False)],
    ),
}


@given(
    _filters("", ("any", "icmp", "tcp", "tcp", "udp")),
    st.lists(_filters("/ipv6", ("any", "icmpv6", "tcp", "tcp", "tcp", "udp")), max_size=5),
)
@example(*EXAMPLES["the ports of several filters together"])
@example(*EXAMPLES["some source ports are open"])
@example(*EXAMPLES["a range in a range"])
@example(*EXAMPLES["from any to any"])
@example(*EXAMPLES["one direction is open"])
def test_traffic_is_open_if_one_packet_is(ipv4, ipv6):
    closed = set().union(*map(_packets, ipv6))
    is_open = not _packets(ipv4) <= closed
    event(f"open: {is_open}")
    rules = [{"name": f"{n}", "filters": [item], "action": "block"} for n, item in enumerate([ipv4, *ipv6])]
    found = lint(Policy(name="P", rules=parse_policy({"name": "P", "rules": rules}).rules))
    assert [finding.code for finding in found] == ([Code.OPEN_OVER_IPV6] if is_open else [])


def test_many_rules_give_one_finding():
    (finding,) = _lint(*[_secure(authentication=[{"preshared_key": "x"}])] * 8)
    assert len(finding.rules) == 8
    assert "(rules '0', '1', '2', '3', '4' and 3 more)" in finding.warning()


def test_many_ports_give_one_finding_for_each_rule():
    (finding,) = _lint({"action": "block", "filters": [f"*+0:{port}:TCP" for port in range(1, 10)]})
    assert "TCP 5 and 4 more are blocked over IPv4 only" in finding.text


def test_a_key_in_a_domain_is_open_to_more_people():
    (found,), (in_domain,) = (_lint(_secure(authentication=[{"preshared_key": "x"}]), of_domain=one) for one in (0, 1))
    assert (found.code, in_domain.code) == (Code.PRESHARED_KEY, Code.PRESHARED_KEY)
    assert "administrator" in found.text
    assert "who can read the policy in the directory" in in_domain.text
