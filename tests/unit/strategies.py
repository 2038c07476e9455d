# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hypothesis strategies for values of the model."""

from __future__ import annotations

import ipaddress

from ansible_collections.ipsec.windows.plugins.module_utils import model
from hypothesis import strategies as st

names = st.text("abcXYZ019-_'\"$`%()äßИ中", min_size=1, max_size=12)
ipv4 = st.integers(1, 0xFFFFFFFE).map(ipaddress.IPv4Address)
ipv6 = st.integers(1, (1 << 128) - 2).map(ipaddress.IPv6Address)


def _network(address, bits):
    size = address.max_prefixlen
    return model.network(address, ((1 << bits) - 1) << (size - bits))


def _range(first, size):
    last = min(int(first) + size, (1 << first.max_prefixlen) - 1)
    return model.span(first, type(first)(last))


specials = st.sampled_from(model.Special.KINDS)
dns_names = st.sampled_from(["server", "a.example", "DNS", "corp-srv1.corp.example."])


def addresses(version):
    ip = ipv4 if version == 4 else ipv6
    family = model.Family.IPV4 if version == 4 else model.Family.IPV6
    hosts = ip.map(model.Host)
    return st.one_of(
        specials.map(lambda kind: model.Special(kind, family)),
        hosts,
        st.builds(_network, ip, st.integers(0, 32 if version == 4 else 128)),
        st.builds(_range, ip, st.integers(1, 1 << 20)),
        st.builds(model.DnsName, dns_names, hosts),
    )


ports = st.none() | st.builds(lambda a, b: model.Ports(min(a, b), max(a, b)), *[st.integers(1, 65535)] * 2)


@st.composite
def filters(draw, mirrored=None):
    ends = addresses(draw(st.sampled_from([4, 4, 4, 6])))
    protocol = draw(st.sampled_from([0, 1, 6, 6, 17, 47, 255]))
    has_ports = protocol in (model.TCP, model.UDP)
    return model.Filter(
        draw(ends),
        draw(ends),
        protocol,
        draw(ports) if has_ports else None,
        draw(ports) if has_ports else None,
        draw(st.booleans()) if mirrored is None else mirrored,
        draw(st.just("") | names),
    )


algorithms = st.one_of(
    st.sampled_from(["md5", "sha"]).map(lambda h: (model.Ah(h),)),
    st.sampled_from([("3des", "sha"), ("des", "md5"), ("none", "sha"), ("3des", "none")]).map(
        lambda n: (model.Esp(*n),)
    ),
    st.just((model.Ah("sha"), model.Esp("3des", "none"))),
)
lifetimes = st.sampled_from([0, 300, 3600, 100000])
security_methods = st.builds(model.SecurityMethod, algorithms, lifetimes, lifetimes, st.booleans())
method_lists = st.lists(security_methods, min_size=1, max_size=3, unique=True).map(tuple)
actions = st.one_of(
    st.sampled_from(["permit", "block"]).map(model.NegotiationPolicy),
    st.builds(model.NegotiationPolicy, st.just("negotiate"), method_lists, st.booleans(), st.booleans()),
)
auth_methods = st.one_of(
    st.just(model.Kerberos()),
    st.text("abc XYZ019\n'\"$`%äß中😀", min_size=1, max_size=8).map(model.PresharedKey),
    names.map(lambda n: model.Certificate(f"CN={n}")),
)
authentication = st.lists(auth_methods, min_size=1, max_size=2).map(tuple)


@st.composite
def rules(draw, name=names):
    action = draw(actions)
    tunnel = None
    mirrored = None
    if action.action == "negotiate" and draw(st.integers(0, 5)) == 0:
        tunnel = draw(st.one_of(ipv4.map(model.Host), ipv6.map(model.Host)))
        mirrored = False
    return model.Rule(
        draw(name),
        tuple(draw(st.lists(filters(mirrored), min_size=1, max_size=4))),
        action,
        draw(authentication),
        tunnel,
        draw(st.sampled_from(model.CONNECTION_TYPES)),
        draw(st.booleans()),
        draw(st.just("") | names),
        draw(names),
        draw(names),
    )


main_modes = st.builds(
    model.MainMode,
    st.lists(
        st.builds(
            model.MainModeMethod,
            st.sampled_from(["des", "3des"]),
            st.sampled_from(["md5", "sha"]),
            st.sampled_from(model.GROUPS),
        ),
        min_size=1,
        max_size=4,
        unique=True,
    ).map(tuple),
    st.sampled_from([28800, 3600]),
    st.sampled_from([0, 10]),
    st.booleans(),
)


@st.composite
def policies(draw, name=names):
    found = draw(st.lists(rules(), max_size=4, unique_by=lambda r: r.name.casefold()))
    return model.Policy(
        draw(name),
        tuple(found),
        draw(st.just("") | names),
        draw(st.sampled_from([60, 90, 10800])),
        draw(main_modes),
        draw(st.none() | st.builds(model.DefaultResponse, st.booleans(), method_lists, authentication)),
    )
