# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils.lint import lint
from ansible_collections.ipsec.windows.plugins.module_utils.merge import merge
from ansible_collections.ipsec.windows.plugins.module_utils.shape.parse import parse_policy

STRONG = {"methods": ["3des-sha-14"], "pfs": True}
IPV6_SMB = {
    "source": "any/ipv6",
    "destination": "me/ipv6",
    "protocol": "tcp",
    "destination_port": 445,
    "mirrored": True,
}


ALL_IPV6 = {"source": "any/ipv6", "destination": "me/ipv6", "mirrored": True}


def _lint(*rules, **options):
    named = [{"name": f"{n}", "filters": ["0+192.0.2.1"], **rule} for n, rule in enumerate(rules)]
    policy = merge(parse_policy({"name": "P", "main_mode": STRONG, "rules": named, **options}), None, "exact").policy
    return lint(policy)


def _secure(**options):
    return {"security_methods": ["esp[3des,sha]"], **options}


@pytest.mark.parametrize(
    ("rule", "options", "words"),
    [
        (_secure(security_methods=["esp[des,sha]"]), {}, "DES is offered by security methods"),
        (_secure(), {"main_mode": {**STRONG, "methods": ["des-sha-14"]}}, "DES is offered by main mode"),
        (_secure(security_methods=["ah[md5]"]), {}, "MD5 is offered by security methods"),
        (_secure(), {"main_mode": {**STRONG, "methods": ["3des-md5-14"]}}, "MD5 is offered by main mode"),
        (_secure(), {"main_mode": {**STRONG, "methods": ["3des-sha-1"]}}, "Diffie-Hellman group 1 is offered"),
        (_secure(authentication=[{"preshared_key": "s3cret"}]), {}, "by a pre-shared key"),
        (_secure(), {"main_mode": {**STRONG, "pfs": False}}, "no perfect forward secrecy"),
        (_secure(), {"default_response": True}, "default response rule is ignored"),
        (_secure(security_methods=["esp[3des,none]"]), {}, "a security method without integrity"),
        ({"action": "block", "filters": ["*+0"]}, {}, "blocks all traffic over IPv4 only"),
        ({"action": "block", "filters": ["*+0::TCP"]}, {}, "blocks TCP over IPv4 only"),
        (
            {"action": "block", "filters": ["*=0:445:TCP", {**IPV6_SMB, "source_port": 445, "mirrored": False}]},
            {},
            "blocks TCP 445 over IPv4 only",
        ),
        ({"action": "block", "filters": ["*+0:445:TCP"]}, {}, "blocks TCP 445 over IPv4 only"),
        ({"action": "block", "filters": ["0=*:53:UDP"]}, {}, "blocks UDP 53 over IPv4 only"),
    ],
)
def test_what_is_weak_is_said_once(rule, options, words):
    (warning,) = _lint(rule, **options)
    assert words in warning
    assert "s3cret" not in warning


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (_secure(), {}),
        (_secure(security_methods=["esp[3des,sha] PFS"]), {"main_mode": {**STRONG, "pfs": False}}),
        (_secure(security_methods=["esp[des,md5]"], enabled=False), {}),
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
def test_what_is_no_weakness(rule, options):
    assert _lint(rule, **options) == []


def test_the_other_family_may_be_closed_by_another_rule():
    assert _lint({"action": "block", "filters": ["*+0:445:TCP"]}, {"action": "block", "filters": [IPV6_SMB]}) == []
    swapped = {
        **IPV6_SMB,
        "source": "me/ipv6",
        "destination": "any/ipv6",
        "destination_port": "any",
        "source_port": 445,
    }
    assert _lint({"action": "block", "filters": ["*+0:445:TCP"]}, {"action": "block", "filters": [swapped]}) == []


def test_many_rules_are_one_warning():
    (warning,) = _lint(*[_secure(authentication=[{"preshared_key": "x"}])] * 8)
    assert warning.endswith("the rules '0', '1', '2', '3', '4' and 3 more")


def test_many_ports_are_one_warning_a_rule():
    (warning,) = _lint({"action": "block", "filters": [f"*+0:{port}:TCP" for port in range(1, 10)]})
    assert "TCP 5 and 4 more over IPv4 only" in warning
