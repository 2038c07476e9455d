# Copyright: (c) 2026, the ipsec.windows authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tests of the conversion between blobs and the model."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest
from ansible_collections.ipsec.windows.plugins.module_utils._core import model
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects import blobs
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.filters import (
    StoredFilterList,
    write_filters,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.main_mode import (
    read_main_mode,
    write_main_mode,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.negotiation_policy import (
    ACTION_GUIDS,
    read_negotiation_policy,
    write_security_methods,
)
from ansible_collections.ipsec.windows.plugins.module_utils._core.objects.convert.nfa import (
    read_authentication,
    read_connection_type,
    read_tunnel,
    write_authentication,
    write_connection_type,
    write_tunnel,
)
from hypothesis import given
from hypothesis import strategies as st
from unit import strategies
from unit.stores import microsoft_defaults
from unit.values import traffic

ANY4 = ipaddress.IPv4Address


def _guid() -> bytes:
    return bytes(range(16))


def _plain(**fields) -> blobs.FilterRecord:
    return blobs.FilterRecord(source_mask=b"\xff" * 4, **fields)


def _version_2(**fields) -> blobs.FilterRecordV2:
    me = blobs.AddressRecord(type=blobs.AddressType.ME, version=1)
    port = blobs.PortRecord()
    record = blobs.FilterRecordV2(
        source_name="\0",
        destination_name="\0",
        description="\0",
        id=bytes(16),
        mirrored=0,
        source=me,
        destination=me,
        source_port=port,
        destination_port=port,
        protocol=6,
        flags=0,
    )
    return record._replace(**fields)


def _one(record: blobs.FilterRecord) -> model.Filter:
    (filter_,) = _filters(blobs.FilterBlob(filters=(record,)))
    return filter_


def _filters(blob: blobs.FilterBlob) -> list[model.Filter]:
    return StoredFilterList.read(blob).filters


@given(st.lists(strategies.filters(), max_size=4, unique=True))
def test_stored_filters_keep_their_meaning(filters):
    blob = blobs.FilterBlob.unpack(write_filters(filters, None, _guid).pack())
    assert frozenset(_filters(blob)) == frozenset(filters)


@given(strategies.actions)
def test_stored_actions_keep_their_meaning(action):
    blob = write_security_methods(action.methods, action.soft, None)
    stored = blobs.NegotiationPolicyBlob.unpack(blob.pack())
    assert read_negotiation_policy(stored, ACTION_GUIDS[action.action, action.inpass].upper()) == action


@given(strategies.rules())
def test_stored_rules_keep_their_meaning(rule):
    blob = write_authentication(write_tunnel(blobs.NfaBlob(methods=()), rule.tunnel), rule.authentication)
    blob = dataclasses.replace(blob, interface_type=write_connection_type(rule.connection_type))
    stored = blobs.NfaBlob.unpack(blob.pack())
    assert read_authentication(stored) == rule.authentication
    assert read_tunnel(stored) == rule.tunnel
    assert read_connection_type(stored) == rule.connection_type


@given(strategies.main_modes)
def test_stored_main_mode_keeps_its_meaning(main_mode):
    assert read_main_mode(blobs.IsakmpBlob.unpack(write_main_mode(main_mode, None).pack())) == main_mode


def test_odd_values_are_kept():
    assert _one(_plain(destination=b"\x0a\0\0\0", destination_mask=b"\xff\0\xff\0")).odd
    assert _one(_plain(destination_port=80)).odd
    assert _one(_plain(protocol=300)).odd
    assert _one(_plain(destination_name="two words\0")).odd


def test_odd_values_of_version_2_are_kept():
    def read(**fields):
        (filter_,) = _filters(blobs.FilterBlob(v2=blobs.FilterSectionV2((_version_2(**fields),))))
        assert filter_.odd
        return filter_

    assert read(source_port=blobs.PortRecord(2, 0, 1023)).source_port == model.Ports(0, 1023, odd=True)
    assert read(source_port=blobs.PortRecord(2, 9, 5)).source_port == model.Ports(9, 5, odd=True)
    turned = blobs.AddressRecord(type=2, version=1, address=b"\x09".ljust(16, b"\0"))
    assert read(source=turned).source == model.AddressRange(ANY4("9.0.0.0"), ANY4("0.0.0.0"), odd=True)
    assert read(source=blobs.AddressRecord(type=1, version=1)).source == model.HostAddress(ANY4(0), odd=True)


def test_special_addresses_are_servers_on_either_side():
    assert _one(_plain(special=0x01)).source == model.Special("dns")
    assert _one(_plain(special=0x84)).destination == model.Special("gateway")


def test_two_servers_need_version_2():
    both = traffic(model.Special("dns"), model.Special("wins"), mirrored=True)
    blob = write_filters([both], None, _guid)
    assert not blob.filters
    assert _filters(blob) == [both]


@pytest.mark.parametrize("name", ["", "server"], ids=["address", "name"])
@pytest.mark.parametrize("type_", [blobs.AddressType.SINGLE, blobs.AddressType.GATEWAY])
def test_addresses_with_another_meaning_in_version_1_need_version_2(type_, name):
    """In version 1, 0.0.0.0 is this host, and a server has no name."""
    address = blobs.AddressRecord(type=type_, version=1)
    record = _version_2(source_name=f"{name}\0", source=address)
    (filter_,) = StoredFilterList.read(blobs.FilterBlob(v2=blobs.FilterSectionV2((record,)))).filters
    assert StoredFilterList.read(write_filters([filter_], None, _guid)).filters == [filter_]


def test_a_range_and_its_subnets_are_one_filter():
    first, last = ANY4("192.0.2.0"), ANY4("192.0.2.5")
    ranged = traffic(model.ME, model.AddressRange(first, last), mirrored=True)
    (record,) = write_filters([ranged], None, _guid).v2.filters
    subnets = [model.network(first, 0xFFFFFFFC), model.network(ANY4("192.0.2.4"), 0xFFFFFFFE)]
    restated = [traffic(model.ME, subnet, mirrored=True) for subnet in subnets]
    other = traffic(model.ME, model.HostAddress(ANY4("192.0.2.77")), mirrored=True)
    plain = write_filters([*restated, other], None, _guid).filters
    blob = blobs.FilterBlob(filters=plain, v2=blobs.FilterSectionV2((record,)))
    assert {*_filters(blob)} == {ranged, other}
    assert write_filters([ranged, other], StoredFilterList.read(blob), _guid).pack() in (
        blob.pack(),
        _reordered(blob).pack(),
    )
    assert write_filters([other], StoredFilterList.read(blob), _guid) == blobs.FilterBlob(filters=plain[2:])


def test_filters_that_make_up_a_wanted_range_are_kept():
    """The flag of ranges would make Windows ignore them."""
    first, last = ANY4("192.0.2.1"), ANY4("192.0.2.2")
    ranged = traffic(model.ME, model.AddressRange(first, last))
    hosts = [traffic(model.ME, model.HostAddress(ip)) for ip in (first, last)]
    blob = write_filters([ranged], None, _guid)
    old = dataclasses.replace(blob, filters=write_filters(hosts, None, _guid).filters)
    assert _filters(old) == [ranged]
    for wanted in ([hosts[0], ranged], [ranged, *hosts]):
        found = write_filters(wanted, StoredFilterList.read(old), _guid)
        assert frozenset(_filters(found)) == frozenset(wanted)
        assert write_filters(wanted, StoredFilterList.read(found), _guid) == found
    for wanted in ([*hosts, ranged], [hosts[0], ranged], [ranged]):
        blob = write_filters(wanted, StoredFilterList.read(blob), _guid)
        assert frozenset(_filters(blob)) == frozenset(wanted)
        assert write_filters(wanted, StoredFilterList.read(blob), _guid) == blob


def test_an_ipv6_range_has_the_flag_of_ranges():
    ip = ipaddress.IPv6Address
    ranged = traffic(model.Special("me", model.Family.IPV6), model.AddressRange(ip("2001:db8::1"), ip("2001:db8::9")))
    (record,) = write_filters([ranged], None, _guid).v2.filters
    assert record.flags == blobs.USE_RANGES


def test_an_old_list_with_a_version_2_filter_gets_the_current_form():
    store = microsoft_defaults()
    path = next(path for path in store.paths() if path.startswith("ipsecFilter"))
    old = blobs.FilterBlob.unpack(store.get(path, "ipsecData").data)
    ranged = traffic(model.ME, model.AddressRange(ANY4("192.0.2.1"), ANY4("192.0.2.5")))
    wanted = [*_filters(old), ranged]
    found = blobs.FilterBlob.unpack(write_filters(wanted, StoredFilterList.read(old), _guid).pack())
    assert frozenset(_filters(found)) == frozenset(wanted)
    assert (old.length_excess, old.trailing) == (4, b"\0")
    assert (found.length_excess, found.trailing) == (0, b"\0")


def test_the_count_in_the_version_2_section_wins():
    blob = write_filters([traffic(model.ME, model.ANY)], None, _guid)
    blob = dataclasses.replace(blob, v2=blobs.FilterSectionV2(()), count=0)
    assert blobs.FilterBlob.unpack(blob.pack()) == blob


def test_a_version_2_section_keeps_its_form():
    ranged = traffic(model.ME, model.AddressRange(ANY4("192.0.2.1"), ANY4("192.0.2.5")))
    section = dataclasses.replace(write_filters([ranged], None, _guid).v2, legacy_count=0, length_excess=8)
    blob = blobs.FilterBlob(v2=section, trailing=b"\0")
    assert write_filters([ranged], StoredFilterList.read(blob), _guid) == blob
    longer = write_filters([ranged, traffic(model.ME, model.ANY)], StoredFilterList.read(blob), _guid)
    assert (longer.trailing, longer.v2.length_excess) == (b"\0", 8)


def _reordered(blob: blobs.FilterBlob) -> blobs.FilterBlob:
    return dataclasses.replace(blob, filters=(*blob.filters[2:], *blob.filters[:2]))


def test_a_record_with_the_same_meaning_keeps_its_junk():
    store = microsoft_defaults()
    for path in store.paths():
        data = store.get(path, "ipsecData")
        if path.lower().startswith("ipsecnegotiationpolicy"):
            blob = blobs.NegotiationPolicyBlob.unpack(data.data)
            action = read_negotiation_policy(blob, store.get(path, "ipsecNegotiationPolicyAction").data)
            again = write_security_methods(action.methods, action.soft, blob)
            if action.action == "negotiate":
                assert again.pack() == data.data
        if path.lower().startswith("ipsecisakmppolicy"):
            isakmp = blobs.IsakmpBlob.unpack(data.data)
            longer = dataclasses.replace(read_main_mode(isakmp), pfs=True)
            assert dataclasses.replace(write_main_mode(longer, isakmp), master_pfs=0).pack() == data.data


def test_the_alternate_section_is_removed_when_the_methods_change():
    kerberos = blobs.AuthRecord(5, bytes(2))
    blob = blobs.NfaBlob(
        methods=(kerberos,), alternate=blobs.AlternateAuthentication((blobs.AuthRecord(5, b""),), (0,))
    )
    assert write_authentication(blob, (model.Kerberos(),)) is blob
    assert write_authentication(blob, (model.PresharedKey("k"),)).alternate is None


def test_the_alternate_section_supersedes_the_methods():
    alternate = blobs.AlternateAuthentication((blobs.AuthRecord(3, "CN=x\0".encode("utf-16-le")),), (1,))
    blob = blobs.NfaBlob(methods=(blobs.AuthRecord(5, bytes(2)),), alternate=alternate)
    assert read_authentication(blob) == (model.Certificate(ca="CN=x", account_mapping=True, odd=True),)
    without_flags = dataclasses.replace(alternate, flags=None)
    blob = blobs.NfaBlob(methods=blob.methods, alternate=without_flags)
    assert blobs.NfaBlob.unpack(blob.pack()) == blob
    assert read_authentication(blob) == (model.Certificate(ca="CN=x"),)


def test_main_mode_changed_and_changed_back_is_the_same():
    store = microsoft_defaults()
    for path in store.paths():
        if path.lower().startswith("ipsecisakmppolicy"):
            old = blobs.IsakmpBlob.unpack(store.get(path, "ipsecData").data)
            main_mode = read_main_mode(old)
            for change in ({"lifetime_seconds": 600}, {"quick_mode_limit": 5}, {"pfs": not main_mode.pfs}):
                changed = write_main_mode(dataclasses.replace(main_mode, **change), old)
                assert read_main_mode(changed) == dataclasses.replace(main_mode, **change)
                assert write_main_mode(main_mode, changed) == old


def test_equal_main_mode_methods_keep_their_own_junk():
    record = blobs.MainModeRecord(encryption=3, hash=2, group=2, lifetime_seconds=28800)
    blob = blobs.IsakmpBlob(
        methods=(record, dataclasses.replace(record, last_word=1), dataclasses.replace(record, last_word=2))
    )
    assert write_main_mode(read_main_mode(blob), blob) == blob


@pytest.mark.parametrize("order", [(1, 0), (1,), (0, 1), (0,)])
def test_the_lifetime_stays_if_another_method_comes_first(order):
    first = blobs.MainModeRecord(encryption=3, hash=2, group=2, lifetime_seconds=3600)
    old = blobs.IsakmpBlob(methods=(first, dataclasses.replace(first, hash=1, lifetime_seconds=0)))
    main_mode = read_main_mode(old)
    wanted = dataclasses.replace(main_mode, methods=tuple(main_mode.methods[index] for index in order))
    assert read_main_mode(write_main_mode(wanted, old)) == wanted


def test_the_random_function_overrides_the_algorithms():
    record = blobs.MainModeRecord(encryption=1, hash=1, group=1, random_function=4, lifetime_seconds=28800)
    assert read_main_mode(blobs.IsakmpBlob(methods=(record,))).methods == (
        model.MainModeMethod(encryption="3des", integrity="sha", group=14),
    )


def test_methods_keep_their_own_lifetimes():
    records = (
        blobs.MainModeRecord(encryption=3, hash=2, group=2, lifetime_seconds=3600),
        blobs.MainModeRecord(encryption=3, hash=1, group=2, lifetime_seconds=600, lifetime_kilobytes=5),
    )
    found = read_main_mode(blobs.IsakmpBlob(methods=records))
    assert found.lifetime_seconds == 3600
    assert found.methods[1].lifetime_seconds == 600
    assert found.methods[1].lifetime_kilobytes == 5
