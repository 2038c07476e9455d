# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What netsh cannot say of a dynamic rule."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.commands import commands_of
from ansible_collections.ipsec.windows.plugins.module_utils._core.dynamic.limits import DynamicLimitError, check_dynamic
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.dynamic import DynamicFilter
from ansible_collections.ipsec.windows.plugins.module_utils._core.shape.dynamic import parse_dynamic_rule
from hypothesis import assume, given
from unit import strategies
from unit.values import GUID


def rule(**tree):
    return parse_dynamic_rule({"filters": ["0+192.0.2.1"], **tree}, "", [])


REFUSED = {
    "range-of-ports": (
        rule(filters=["0+*", {"source": "me", "destination": "any", "protocol": "tcp", "destination_port": "80-90"}]),
        ("filters[1].destination_port", "such as 80-90"),
    ),
    "range-of-source-ports": (
        rule(filters=[{"source": "me", "destination": "any", "protocol": "udp", "source_port": "1-2"}]),
        ("filters[0].source_port", "such as 1-2"),
    ),
    "description": (
        rule(filters=[{"source": "me", "destination": "any", "description": "x"}]),
        ("filters[0].description", "have no descriptions"),
    ),
    "me-and-any-of-ipv6": (
        rule(filters=[{"source": "me/ipv6", "destination": "any/ipv6"}]),
        ("filters[0]", "means IPv4 unless the other end is an IPv6 address"),
    ),
    "both-families": (
        rule(filters=[{"source": "me/both", "destination": "192.0.2.1"}]),
        ("filters[0]", "means IPv4 unless"),
    ),
    "mixed-pfs": (
        rule(security_methods=["ah[md5]", "ah[sha] PFS"]),
        ("security_methods", "only some of the security methods have PFS"),
    ),
    "order-of-authentication": (
        rule(authentication=[{"certificate": "CN=A"}, {"preshared_key": "s3cret"}]),
        ("authentication[1]", "another order"),
    ),
    "two-keys": (
        rule(authentication=[{"preshared_key": "s3cret"}, {"preshared_key": "s3cret"}]),
        ("authentication[1]", "a second pre-shared key"),
    ),
    "kerberos-twice": (rule(authentication=["kerberos", "kerberos"]), ("authentication[1]", "kerberos twice")),
    "key-with-a-line-break": (
        rule(authentication=["kerberos", {"preshared_key": "s3cret\n"}]),
        ("authentication[1]", "characters that netsh may read differently"),
    ),
    "key-with-a-quotation-mark": (
        rule(authentication=[{"preshared_key": 's3cret"'}]),
        ("authentication[0]", "contains a quotation mark"),
    ),
    "key-that-ends-with-a-backslash": (
        rule(authentication=[{"preshared_key": "s3cret\\"}]),
        ("authentication[0]", "ends with a backslash"),
    ),
    "authority-that-is-not-ascii": (
        rule(authentication=[{"certificate": "CN=Müller"}]),
        ("authentication[0]", "characters that netsh may read differently"),
    ),
    "authority-with-an-option": (
        rule(authentication=[{"certificate": "CN=A certmap:yes"}]),
        ("authentication[0]", "cannot express the name of the certificate authority"),
    ),
    "authority-that-ends-with-a-blank": (
        rule(authentication=[{"certificate": "CN=A "}]),
        ("authentication[0]", "has a blank at an end"),
    ),
    "seconds-that-are-no-minutes": (
        rule(main_mode={"lifetime_seconds": 3601}),
        ("main_mode.lifetime_seconds", "use 3600 or 3660 seconds"),
    ),
    "less-than-a-minute": (rule(main_mode={"lifetime_seconds": 59}), ("main_mode.lifetime_seconds", "use 60 seconds")),
    "master-key-pfs-beside-quick-modes": (
        rule(main_mode={"pfs": True, "quick_mode_limit": 2}),
        ("main_mode.quick_mode_limit", "cannot be 2"),
    ),
    "own-lifetime-of-a-method": (
        rule(main_mode={"methods": [{"encryption": "3des", "integrity": "sha", "group": 2, "lifetime_kilobytes": 5}]}),
        ("main_mode.methods", "its own lifetimes"),
    ),
    "soft-lifetime-of-nothing": (rule(soft_lifetime=0), ("soft_lifetime", "must be 1 to 4294967295 seconds, not 0")),
    "soft-lifetime-of-too-much": (rule(soft_lifetime=1 << 32), ("soft_lifetime", "not 4294967296")),
    "soft-lifetime-below-zero": (rule(soft_lifetime=-1), ("soft_lifetime", "not -1")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    refused, (part, words) = REFUSED[name]
    with pytest.raises(DynamicLimitError) as caught:
        check_dynamic(refused)
    assert caught.value.part == part
    assert words in caught.value.problem
    assert str(caught.value) == f"{part}: {caught.value.problem}"
    assert "s3cret" not in str(caught.value)


def _with(**parts):
    return dataclasses.replace(rule(), **parts)


ODD = {
    "mask-with-gaps": (
        _with(
            filters=(
                DynamicFilter(
                    model.Filter(
                        source=model.network(ipaddress.IPv4Address("10.0.0.1"), 0xFF00FF00, odd=True),
                        destination=model.ANY,
                        odd=True,
                    )
                ),
            )
        ),
        "filters[0]",
    ),
    "unknown-authentication": (_with(authentication=(model.OtherAuthentication(9, b"x"),)), "authentication[0]"),
    "unknown-method": (
        _with(methods=(model.SecurityMethod(algorithms=(model.Ah("9", odd=True),), odd=True),)),
        "security_methods",
    ),
    "unknown-main-mode-method": (
        _with(
            main_mode=model.MainMode(
                methods=(model.MainModeMethod(encryption="9", integrity="sha", group=2, odd=True),), odd=True
            )
        ),
        "main_mode.methods",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_what_only_a_store_has_is_refused(name):
    refused, part = ODD[name]
    with pytest.raises(DynamicLimitError) as caught:
        check_dynamic(refused)
    assert caught.value.part == part


ACCEPTED = {
    "names-and-interfaces": rule(filters=["0+srv.example", f"{GUID}=*", f"{GUID}=srv.example"]),
    "name-with-me-of-ipv6": rule(filters=[{"source": "me/ipv6", "destination": "srv.example"}]),
    "name-of-a-tunnel": rule(filters=["0=*"], tunnel="gw.example"),
    "all-authentication": rule(
        authentication=["kerberos", {"preshared_key": "x"}, {"certificate": 'CN="A", O=B'}, {"certificate": "CN=B"}]
    ),
    "key-that-is-null": rule(authentication=[{"preshared_key": None}]),
    "master-key-pfs": rule(main_mode={"pfs": True}),
    "master-key-pfs-with-one-quick-mode": rule(main_mode={"pfs": True, "quick_mode_limit": 1}),
    "range-of-addresses": rule(filters=[{"source": "me", "destination": "10.0.0.1-10.0.0.9"}]),
    "ipv6": rule(filters=[{"source": "me/ipv6", "destination": "2001:db8::/32"}]),
    "longest-soft-lifetime": rule(soft_lifetime=(1 << 32) - 1),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name):
    check_dynamic(ACCEPTED[name])


@given(strategies.dynamic_rules())
def test_what_is_accepted_has_commands(rule):
    check_dynamic(rule)
    commands = commands_of(_resolved(rule), "ipsec.windows-0123456789ab")
    assert len(commands.rules) == len(rule.filters)


def _resolved(rule):
    found = []
    for item in rule.filters:
        names = {end: getattr(item.filter, end) for end in ("source", "destination")}
        known = {end: name.address for end, name in names.items() if isinstance(name, model.DnsName)}
        found.append(dataclasses.replace(item, filter=dataclasses.replace(item.filter, **known)))
    # a name and its address are one filter
    assume(len({item.filter for item in found}) == len(found))
    return dataclasses.replace(rule, filters=tuple(found))
