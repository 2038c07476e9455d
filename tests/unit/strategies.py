# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hypothesis strategies for values of the model."""

from __future__ import annotations

import dataclasses
import ipaddress

from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.model.dynamic import DynamicFilter, DynamicRule
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


specials = st.sampled_from(list(model.SpecialKind))
dns_names = st.sampled_from(["server", "a.example", "DNS", "corp-srv1.corp.example."])


def addresses(version):
    ip = ipv4 if version == 4 else ipv6
    family = model.Family.IPV4 if version == 4 else model.Family.IPV6
    hosts = ip.map(model.HostAddress)
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
        source=draw(ends),
        destination=draw(ends),
        protocol=protocol,
        source_port=draw(ports) if has_ports else None,
        destination_port=draw(ports) if has_ports else None,
        mirrored=draw(st.booleans()) if mirrored is None else mirrored,
        # words that mean something elsewhere in the shape
        description=draw(st.sampled_from(["", "any", "None"]) | names),
    )


algorithms = st.one_of(
    st.sampled_from(["md5", "sha"]).map(lambda h: (model.Ah(h),)),
    st.sampled_from([("3des", "sha"), ("des", "md5"), ("none", "sha"), ("3des", "none")]).map(
        lambda n: (model.Esp(*n),)
    ),
    st.just((model.Ah("sha"), model.Esp("3des", "none"))),
)
lifetimes = st.sampled_from([0, 300, 3600, 100000])
security_methods = st.builds(
    model.SecurityMethod,
    algorithms=algorithms,
    lifetime_seconds=lifetimes,
    lifetime_kilobytes=lifetimes,
    pfs=st.booleans(),
)
method_lists = st.lists(security_methods, min_size=1, max_size=3, unique=True).map(tuple)
actions = st.one_of(
    st.sampled_from([model.Action.PERMIT, model.Action.BLOCK]).map(lambda a: model.NegotiationPolicy(action=a)),
    st.builds(
        model.NegotiationPolicy,
        action=st.just(model.Action.NEGOTIATE),
        methods=method_lists,
        inpass=st.booleans(),
        soft=st.booleans(),
    ),
)
auth_methods = st.one_of(
    st.just(model.Kerberos()),
    st.text("abc XYZ019\n'\"$`%äß中😀", min_size=1, max_size=8).map(model.PresharedKey),
    names.map(lambda n: model.Certificate(ca=f"CN={n}")),
)
authentication = st.lists(auth_methods, min_size=1, max_size=2).map(tuple)


@st.composite
def rules(draw, name=names):
    action = draw(actions)
    tunnel = None
    mirrored = None
    if action.action is model.Action.NEGOTIATE and draw(st.integers(0, 5)) == 0:
        tunnel = draw(st.one_of(ipv4.map(model.HostAddress), ipv6.map(model.HostAddress)))
        mirrored = False
    return model.Rule(
        name=draw(name),
        filters=tuple(draw(st.lists(filters(mirrored), min_size=1, max_size=4))),
        action=action,
        authentication=draw(authentication),
        tunnel=tunnel,
        connection_type=draw(st.sampled_from(list(model.ConnectionType))),
        enabled=draw(st.booleans()),
        description=draw(st.just("") | names),
        filter_list=draw(names),
        filter_action=draw(names),
    )


main_modes = st.builds(
    model.MainMode,
    methods=st.lists(
        st.builds(
            model.MainModeMethod,
            encryption=st.sampled_from(["des", "3des"]),
            integrity=st.sampled_from(["md5", "sha"]),
            group=st.sampled_from(list(model.Group)),
        ),
        min_size=1,
        max_size=4,
        unique=True,
    ).map(tuple),
    lifetime_seconds=st.sampled_from([28800, 3600]),
    quick_mode_limit=st.sampled_from([0, 10]),
    pfs=st.booleans(),
)


default_responses = st.builds(
    model.DefaultResponse, enabled=st.booleans(), methods=method_lists, authentication=authentication
)


@st.composite
def policies(draw, name=names):
    found = draw(st.lists(rules(), max_size=4, unique_by=lambda r: r.name.casefold()))
    return model.Policy(
        name=draw(name),
        rules=tuple(found),
        description=draw(st.just("") | names),
        poll_interval=draw(st.sampled_from([60, 90, 10800])),
        main_mode=draw(main_modes),
        default_response=draw(st.none() | default_responses),
    )


_main_mode_methods = st.builds(
    model.MainModeMethod,
    encryption=st.sampled_from(["des", "3des"]),
    integrity=st.sampled_from(["md5", "sha"]),
    group=st.sampled_from(list(model.Group)),
)


@st.composite
def dynamic_rules(draw, end=None, auth=None):
    """Dynamic rules that netsh can say. `end` are the addresses of their filters, `auth` texts for keys and names."""
    tunnel = draw(ipv4.map(model.HostAddress)) if draw(st.integers(0, 4)) == 0 else None
    texts = st.text("abc XYZ019-'$`%()&|<>^!;", min_size=1, max_size=8) if auth is None else auth
    given = {}
    methods = draw(method_lists)
    pfs = draw(st.booleans())
    given["methods"] = tuple(dataclasses.replace(method, pfs=pfs) for method in methods)
    given["pfs_group"] = draw(st.none() | st.sampled_from(list(model.Group))) if pfs else None
    chosen = [[model.Kerberos()], [model.PresharedKey(draw(texts))]]
    chosen = [method for methods in chosen if draw(st.booleans()) for method in methods]
    chosen += [model.Certificate(ca=f"CN={name}".rstrip()) for name in draw(st.lists(texts, max_size=2))]
    given["authentication"] = tuple(chosen) or model.DEFAULT_AUTHENTICATION
    main_mode_pfs = draw(st.booleans())
    given["main_mode"] = model.MainMode(
        methods=tuple(draw(st.lists(_main_mode_methods, min_size=1, max_size=3))),
        lifetime_seconds=60 * draw(st.sampled_from([1, 60, 480])),
        quick_mode_limit=draw(st.sampled_from([0, 1])) if main_mode_pfs else draw(st.sampled_from([0, 1, 10])),
        pfs=main_mode_pfs,
    )
    given["inpass"] = tunnel is None and draw(st.booleans())
    given["soft"] = draw(st.booleans())
    given["soft_lifetime"] = draw(st.sampled_from([1, 300, 900]))
    plain = st.sampled_from([0, 1, 6, 6, 17, 47, 255])
    found = {}
    for _index in range(draw(st.integers(1, 3))):
        protocol = draw(plain)
        port = st.none() | st.integers(1, 65535).map(lambda number: model.Ports(number, number))
        has_ports = protocol in (model.TCP, model.UDP)
        ends = addresses(4) if end is None else end
        filter_ = model.Filter(
            source=draw(ends),
            destination=draw(ends),
            protocol=protocol,
            source_port=draw(port) if has_ports else None,
            destination_port=draw(port) if has_ports else None,
            mirrored=tunnel is None and draw(st.booleans()),
        )
        found[filter_.unresolved()] = filter_
    actions = st.just(model.Action.NEGOTIATE) if tunnel else st.sampled_from(list(model.Action))
    filters = tuple(DynamicFilter(filter_, draw(actions)) for filter_ in found.values())
    return DynamicRule(
        filters=filters, tunnel=tunnel, connection_type=draw(st.sampled_from(list(model.ConnectionType))), **given
    )
